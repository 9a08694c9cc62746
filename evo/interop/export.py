"""Export of a champion for other programs; the suffix of the file name gives the format.

    .pt             the state_dict: module.load_state_dict(torch.load(file, weights_only=True))
    .safetensors    the same tensors: safetensors.torch.load_file(file)
    .onnx           the network with its weights: inputs (B, I) float32 -> outputs (B, O) float32, dynamic B

The network is the model's `to_module()`: a "probability" task adds a sigmoid as last module, observation normalisation adds a
first module whose tensors include mean and std. Keys are those of `evo.vectors.modules`: the linear layers of an MLP are
"layers.0.weight", "layers.0.bias", "layers.2.weight", ...; with a final sigmoid "0.layers.0.weight", ...; with normalisation
"0.mean", "0.std", "1.layers.0.weight", ...

ONNX: Open Neural Network Exchange, onnx.ai; written by torch.onnx. Its packages are the extra `export`.
"""

from __future__ import annotations

import copy
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evo.core import Model
from evo.settings import closest


class ExportError(ValueError):
    """An export that failed: one line that says what to do."""


def export(model: Model, path: str | Path, inputs: int) -> Path:
    """Writes the model to `path` atomically, replacing an existing file, and returns the path.

    inputs: I, the size of the network's input (`task.inputs`).
    Raises ExportError, a ValueError: unknown suffix, missing or unwritable folder, a model that is no torch module, missing
    packages, a module that ONNX cannot represent.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        endings = ", ".join(FORMATS)
        raise ExportError(f"{path}: expected a name that ends in one of {endings}{closest(path.suffix, FORMATS)}")
    if not path.parent.is_dir():
        raise ExportError(f"{path}: there is no folder {path.parent}; make it first")
    _write(path, FORMATS[path.suffix](_module(model), inputs))
    return path


def _module(model: Model) -> nn.Module:
    """A copy of the model's network on the host, in evaluation mode."""
    try:
        return copy.deepcopy(model.to_module()).cpu().eval()
    except ValueError as error:
        raise ExportError(f"{error}: what can be exported is a network, as of ga, deep-ga, backprop, random-search") from error


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: values.detach().contiguous().clone() for name, values in module.state_dict().items()}


def _pt(module: nn.Module, inputs: int) -> bytes:
    buffer = io.BytesIO()
    torch.save(_tensors(module), buffer)
    return buffer.getvalue()


def _safetensors(module: nn.Module, inputs: int) -> bytes:
    from safetensors.torch import save

    return save(_tensors(module))


def _onnx(module: nn.Module, inputs: int) -> bytes:
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ExportError(f'.onnx needs {" and ".join(missing)}: pip install "neuroevo[export]"')
    with _silent():
        try:
            program: Any = torch.onnx.export(
                module.requires_grad_(False),
                (torch.zeros(2, inputs),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["inputs"],
                output_names=["outputs"],
                verbose=False,
            )
        except Exception as error:  # a user's module may not be traceable
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            first = str(cause).strip().partition("\n")[0]
            raise ExportError(
                f"torch.onnx cannot export this {type(module).__name__}: {type(cause).__name__}: {first}"
            ) from error
    return program.model_proto.SerializeToString()


FORMATS: dict[str, Callable[[nn.Module, int], bytes]] = {".pt": _pt, ".safetensors": _safetensors, ".onnx": _onnx}


@contextmanager
def _silent() -> Iterator[None]:
    """Suppresses the exporter's warnings about optional packages and its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _write(path: Path, data: bytes) -> None:
    """Writes a temporary file and renames it, so that readers never see a partial file."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ExportError(f"{path}: cannot be written: {error.strerror}") from error
