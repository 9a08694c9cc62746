"""One file on disk: written whole or not at all, and believed only after it was checked.

Whatever is read here may have been cut short, damaged or made by somebody else. A checkpoint carries the sha256 of its
payload and is read with `weights_only=True`, a champion is safetensors, everything else is JSON or TOML: nothing in a
file is ever executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from evo.core import Saved, State

CHECKPOINT = b"neuroevo-checkpoint-1"


class StoreError(Exception):
    """A file that cannot be written or believed, or a run that is taken: one line that says what to do."""


class CannotWrite(StoreError):
    """A full disk, a folder that is read-only."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Makes an OSError inside the block a CannotWrite that names the file."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Puts `data` at `path` by way of a file beside it, so that a reader sees the old file or the new one.

    sync: the bytes are on the disk before they take the name, and the name before this returns. Without it both come
    with a later `synced`.
    """
    with writing(path):
        new = beside(path, data, sync=sync)
        try:
            os.replace(new, path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        if sync:
            synced(path.parent)


def beside(path: Path, data: bytes, *, sync: bool = True) -> Path:
    """`data` in a file next to `path`, ready to be renamed to it. Leaves nothing behind if that fails."""
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
    except OSError:
        new.unlink(missing_ok=True)
        raise
    return new


def synced(path: Path) -> None:
    """Waits until a file, or the names in a folder, have reached the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folder, and writes its names through
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """`value` as a line of JSON in ASCII, whatever its strings hold; a non-finite number is null."""
    return (json.dumps(plain(value), indent=indent, allow_nan=False) + "\n").encode("ascii")


def plain(value: Any, where: str = "value") -> Any:
    """`value` with the types of JSON: numpy's and torch's numbers and arrays become Python's, a non-finite one None.

    Raises TypeError, naming the place, where it holds anything else.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (np.generic, np.ndarray, Tensor)):
        return plain(value.tolist(), where)
    if isinstance(value, Mapping):
        return {str(key): plain(each, f"{where}[{key!r}]") for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, where) for each in value]
    raise TypeError(f"{where}: expected numbers, strings, lists and tables; got {type(value).__name__}")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises StoreError, naming the file, if there is none; FileNotFoundError."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} is damaged: expected an object; got {type(value).__name__}")
    return value


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


def tensor_bytes(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> bytes:
    """safetensors, with the header in sorted order: the library's own order changes from process to process."""
    alone = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    # A path may hold bytes that are no text; they are kept as \udcff and the like.
    words = {str(key): str(value).encode("utf-8", "backslashreplace").decode() for key, value in header.items()}
    data = safetensors.torch.save(alone, words)
    end = 8 + int.from_bytes(data[:8], "little")
    text = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def read_champion(path: str | Path) -> Saved:
    """(tensors, header) of a champion.safetensors. Raises StoreError, naming the file, if it is damaged."""
    data = Path(path).read_bytes()
    try:
        tensors = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        raise StoreError(f"{path} is damaged: {_first_line(error)}") from error
    return tensors, header


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl. An unfinished last line (the run is writing it, or was killed) is left out.

    Raises StoreError, naming file and line, where a line is no row.
    """
    rows = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path} is damaged at line {number}: {error}") from error
        if not isinstance(row, dict):
            raise StoreError(f"{path} is damaged at line {number}: expected an object; got {type(row).__name__}")
        rows.append(row)
    return rows


def _first_line(error: Exception) -> str:
    words = re.sub(r"\s+", " ", str(error))
    return f"{type(error).__name__}: {words[:200]}"
