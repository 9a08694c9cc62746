"""Export of a champion for other programs; the suffix of the file name gives the format.

    .pt             the state_dict: module.load_state_dict(torch.load(file, weights_only=True))
    .safetensors    the same tensors: safetensors.torch.load_file(file)
    .onnx           from what is measured to what is meant, dynamic B, with its metadata (`evo.core.Task.deployment`)

Tensors are those of the model's `to_module()`: a "probability" task adds a sigmoid as last module, observation normalisation
adds a first module whose tensors include mean and std. Keys are those of `evo.vectors.modules`: the linear layers of an MLP are
"layers.0.weight", "layers.0.bias", "layers.2.weight", ...; with a final sigmoid "0.layers.0.weight", ...; with normalisation
"0.mean", "0.std", "1.layers.0.weight", ...

In .onnx a table's columns are "inputs" (B, N) float64, its numbers as they are, NaN where missing, and "categories" (B, W), its
words, "" where missing, both in the order in which metadata "columns" lists them; a word that the table lacks is refused as an
index out of bounds, but where rare words share an input. Else "inputs" (B, C) are observations as the environment gives
them, or what the network sees. It answers "probabilities" (B, O) and "label" (B,), the class's name; numbers in the target's
units; "actions" as the environment takes them; else "outputs" (B, O).

ONNX: Open Neural Network Exchange, onnx.ai; written by torch.onnx. Its packages are the extra `export`.
"""

from __future__ import annotations

import copy
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from evo.core import Coding, Deployment, Model, Task
from evo.network.levels import LevelModule
from evo.network.reference import GraphModule
from evo.settings import closest

if TYPE_CHECKING:
    from onnx import ModelProto


class ExportError(ValueError):
    """An export that failed: one line that says what to do."""


def export(model: Model, path: str | Path, task: Task | int, about: Mapping[str, str] | None = None) -> Path:
    """Writes the model to `path` atomically, replacing an existing file, and returns the path.

    task: what the model was made for; or I alone, the size of its input, and .onnx is the bare network. about: what an .onnx
    file is to say of itself beside what the task says.
    Raises ExportError, a ValueError: unknown suffix, missing or unwritable folder, a model that is no torch module, missing
    packages, a module that ONNX cannot represent.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        endings = ", ".join(FORMATS)
        raise ExportError(f"{path}: expected a name that ends in one of {endings}{closest(path.suffix, FORMATS)}")
    if not path.parent.is_dir():
        raise ExportError(f"{path}: there is no folder {path.parent}; make it first")
    try:
        if path.suffix != ".onnx" or isinstance(task, int):
            made = Deployment(model.to_module(), torch.zeros(2, task if isinstance(task, int) else task.inputs))
        else:
            made = task.deployment(model)
    except ValueError as error:
        raise ExportError(
            f"{error}: what can be exported is a network of fixed weights, as of ga, neat, backprop, linear"
        ) from error
    module = copy.deepcopy(made.module).cpu().eval()
    _write(path, FORMATS[path.suffix](made._replace(module=module, about={**made.about, **(about or {})})))
    return path


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: values.detach().contiguous().clone() for name, values in module.state_dict().items()}


def _pt(made: Deployment) -> bytes:
    buffer = io.BytesIO()
    torch.save(_tensors(made.module), buffer)
    return buffer.getvalue()


def _safetensors(made: Deployment) -> bytes:
    from safetensors.torch import save

    return save(_tensors(made.module))


def _onnx(made: Deployment) -> bytes:
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ExportError(f'.onnx needs {" and ".join(missing)}: pip install "neuroevo[export]"')
    from onnx import TensorProto, helper, numpy_helper

    batch = torch.export.Dim("batch")
    codes = (torch.zeros(2, len(made.words), dtype=torch.int64),) if made.words else ()
    given = {name: rows for name, rows in zip(("inputs", "codes"), (made.example, *codes)) if rows is not None}
    with _silent():
        try:
            program: Any = torch.onnx.export(
                _in_levels(made.module).requires_grad_(False),
                (made.example, *codes),
                dynamo=True,
                dynamic_shapes=tuple(None if rows is None else {0: batch} for rows in (made.example, *codes)),
                input_names=list(given),
                output_names=[made.outputs],
                verbose=False,
            )
        except Exception as error:  # a user's module may not be traceable
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            first = str(cause).strip().partition("\n")[0]
            raise ExportError(
                f"torch.onnx cannot export this {type(made.module).__name__}: {type(cause).__name__}: {first}"
            ) from error
    proto = program.model_proto
    if made.words:
        _take_words(proto, made.words)
    if made.labels:  # a second output: the name of the class that is most probable
        proto.graph.initializer.append(numpy_helper.from_array(np.array(made.labels, object), "label_names"))
        proto.graph.node.append(helper.make_node("ArgMax", [made.outputs], ["label_index"], axis=1, keepdims=0))
        proto.graph.node.append(helper.make_node("Gather", ["label_names", "label_index"], ["label"]))
        proto.graph.output.append(helper.make_tensor_value_info("label", TensorProto.STRING, ["batch"]))
    for key, value in made.about.items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString()


def _in_levels(module: nn.Module) -> nn.Module:
    """With networks of genes as `LevelModule`: the exporter takes minutes for some thousand connections of a GraphModule. One
    that keeps state stays, and refuses."""
    if isinstance(module, GraphModule):
        return module if module.recurrent and not module.fresh else LevelModule(module)
    for name, part in module.named_children():
        setattr(module, name, _in_levels(part))
    return module


def _take_words(proto: ModelProto, words: Sequence[Coding]) -> None:
    """Makes "categories" (B, W), strings, an input in the place of "codes", which it leads to."""
    from onnx import TensorProto, helper

    graph, nodes = proto.graph, []
    for k, (codes, other) in enumerate(words):
        place, word, code = f"category_{k}_place", f"category_{k}", f"category_{k}_code"
        graph.initializer.append(helper.make_tensor(place, TensorProto.INT64, [1], [k]))
        nodes.append(helper.make_node("Gather", ["categories", place], [word], axis=1))
        known, numbers = list(codes), list(codes.values())
        encoder = partial(helper.make_node, "LabelEncoder", [word], [code], domain="ai.onnx.ml")
        nodes.append(encoder(keys_strings=known, values_int64s=numbers, default_int64=other))
    nodes.append(helper.make_node("Concat", [node.output[0] for node in nodes[1::2]], ["codes"], axis=1))
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    (taken,) = (one for one in graph.input if one.name == "codes")
    taken.CopyFrom(helper.make_tensor_value_info("categories", TensorProto.STRING, ["batch", len(words)]))
    proto.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))


FORMATS: dict[str, Callable[[Deployment], bytes]] = {".pt": _pt, ".safetensors": _safetensors, ".onnx": _onnx}


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
