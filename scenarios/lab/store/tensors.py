"""Files of tensors: a run's checkpoints and champions.

A checkpoint carries the sha256 of its payload and is read with `weights_only=True`, a champion is safetensors: nothing in
a file is ever executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from evo.core import Saved, State
from scenarios.lab.store.files import StoreError, reading

CHECKPOINT = b"neuroevo-checkpoint-1"


def checkpoint_bytes(state: State) -> bytes:
    """A checkpoint: a line with the format and the sha256 of what follows, then tensors and plain values.

    Raises TypeError, naming the place, where `state` holds anything else.
    """
    _check_state(state, "state")
    payload = io.BytesIO()
    torch.save(state, payload)
    data = payload.getvalue()
    return CHECKPOINT + b" " + hashlib.sha256(data).hexdigest().encode() + b"\n" + data


def _check_state(value: Any, where: str) -> None:
    if isinstance(value, Tensor) or type(value) in (type(None), bool, int, float, str):
        return
    if isinstance(value, dict):
        for key, each in value.items():
            _check_state(each, f"{where}[{key!r}]")
    elif type(value) in (list, tuple):
        for k, each in enumerate(value):
            _check_state(each, f"{where}[{k}]")
    else:
        raise TypeError(
            f"{where}: a state holds tensors and plain values only; got {type(value).__module__}.{type(value).__name__} "
            "(torch.from_numpy makes a tensor of an array, .item() a plain value of a numpy number)"
        )


def read_checkpoint(path: Path) -> State:
    """The state in a checkpoint, on the host. Raises StoreError, saying why, if it cannot be believed."""
    header, _, payload = path.read_bytes().partition(b"\n")
    name, _, digest = header.partition(b" ")
    if name != CHECKPOINT:
        raise StoreError(f"it does not begin with {CHECKPOINT.decode()}")
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise StoreError("its sha256 is not the one in its first line, so it was cut short or changed")
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a forged payload makes the unpickler say
        raise StoreError("it holds more than tensors and plain values") from error
    if not isinstance(state, dict):
        raise StoreError(f"expected a dict; got {type(state).__name__}")
    return state


# safetensors' names of types, in the order in which it lays tensors out.
TYPES = {
    torch.uint64: "U64",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.complex64: "C64",
    torch.float32: "F32",
    torch.uint32: "U32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint16: "U16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def tensor_bytes(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> bytes:
    """safetensors (https://huggingface.co/docs/safetensors, "Format"): the length of the header, the header, the numbers.

    The header is in sorted order: the library's own order changes from process to process. "check" of it is the sha256 of
    everything else. Raises TypeError for a type of number that is not in `TYPES`.
    """
    order = list(TYPES)
    for name, tensor in tensors.items():
        if tensor.dtype not in TYPES:
            raise TypeError(f"{name}: expected {', '.join(str(each) for each in order)}; got {tensor.dtype}")
    content: dict[str, Any] = {}
    parts, end = [], 0
    for name in sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name)):
        tensor = tensors[name].detach().cpu().contiguous()
        parts.append(tensor.flatten().view(torch.uint8).numpy().tobytes())
        start, end = end, end + len(parts[-1])
        content[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    # A path may hold bytes that are no text; they are kept as \udcff and the like.
    words = {str(key): str(value).encode("utf-8", "backslashreplace").decode() for key, value in header.items()}
    numbers = b"".join(parts)
    content["__metadata__"] = words
    words["check"] = _check(content, numbers)
    text = _ordered(content)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + numbers


def _ordered(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")


def _check(header: Mapping[str, Any], numbers: bytes) -> str:
    words = {key: value for key, value in header.get("__metadata__", {}).items() if key != "check"}
    return hashlib.sha256(_ordered({**header, "__metadata__": words}) + numbers).hexdigest()


def read_champion(path: str | Path) -> Saved:
    """(tensors, header) of a champion.safetensors. Raises StoreError, naming the file, if it is damaged or cannot be read."""
    with reading(path):
        data = Path(path).read_bytes()
    try:
        tensors = safetensors.torch.load(data)
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
    except (SafetensorError, ValueError, KeyError) as error:
        raise StoreError(f"{path} is damaged: {_first_line(error)}") from error
    words = header.get("__metadata__", {})
    if "check" in words and words.pop("check") != _check(header, data[end:]):
        raise StoreError(f"{path} is damaged: its check sum is not that of its content")
    return tensors, words


def _first_line(error: Exception) -> str:
    words = re.sub(r"\s+", " ", str(error))
    return f"{type(error).__name__}: {words[:200]}"
