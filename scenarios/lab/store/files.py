"""One file on disk: written whole or not at all, and believed only after it was checked.

Whatever is read here may have been cut short, damaged or made by somebody else, and is JSON: nothing in a file is ever
executed. Files of tensors: `scenarios.lab.store.tensors`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evo.machine import cache_folder


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


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Makes an OSError inside the block a StoreError that names the file or folder."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot read {error.filename or path}: {error.strerror or error}") from error


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


def set_aside(path: Path) -> Path:
    """Renames a file or folder to the first free NAME.old-K, which is returned."""
    taken = {each.name for each in path.parent.iterdir()}
    new = path.with_name(next(name for k in range(1, len(taken) + 2) if (name := f"{path.name}.old-{k}") not in taken))
    with writing(path):
        path.rename(new)
        synced(path.parent)
    return new


def kept(name: str, made_of: str, make: Callable[[], bytes]) -> bytes:
    """What `make` gives, kept in the file `name` of the user's cache folder for as long as `made_of` stays the same."""
    path = cache_folder() / name
    signed = lambda data: hashlib.sha256(made_of.encode("utf-8", "backslashreplace") + b"\0" + data).hexdigest().encode()
    try:
        signature, _, data = path.read_bytes().partition(b"\n")
        if signature == signed(data):
            return data
    except OSError:
        pass  # the first time
    data = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, signed(data) + b"\n" + data, sync=False)
    except (StoreError, OSError):
        pass  # a folder that cannot be written to costs only the time to make it again
    return data


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


def checked_json(value: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    """`to_json` of an object with a check sum as its last key, "check": the CRC-32 of all before it."""
    end = b"\n}\n" if indent else b"}\n"
    data = to_json(value, indent=indent).removesuffix(end)
    return data + (b",\n  " if indent else b", ") + b'"check": "%08x"' % zlib.crc32(data) + end


def _from_json(data: bytes) -> Any:
    """The value in a JSON text, without its "check". Raises ValueError, or RecursionError, where it is damaged; a text without
    a check sum is believed."""
    value = json.loads(data)
    if isinstance(value, dict) and (check := value.pop("check", None)) is not None:
        content = re.sub(rb',\s+"check": "[^"]*"\s*\}\s*$', b"", data)
        if f"{zlib.crc32(content):08x}" != check:
            raise ValueError("its check sum is not that of its content")
    return value


def plain(value: Any, where: str = "value") -> Any:
    """`value` with the types of JSON: numpy's and torch's numbers and arrays become Python's, a non-finite one None.

    Raises TypeError, naming the place, where it holds anything else.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy's and torch's; neither is imported for it
        return plain(value.tolist(), where)
    if isinstance(value, Mapping):
        return {str(key): plain(each, f"{where}[{key!r}]") for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, where) for each in value]
    raise TypeError(f"{where}: expected numbers, strings, lists and tables; got {type(value).__name__}")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises StoreError, naming the file, if there is none; FileNotFoundError."""
    try:
        value = _from_json(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} is damaged: expected an object; got {type(value).__name__}")
    return value


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl. An unfinished last line (the run is writing it, or was killed) is left out.

    Raises StoreError, naming file and line, where a line is no row.
    """
    lines = Path(path).read_bytes().splitlines(keepends=True)
    return rows_of([line for line in lines if line.endswith(b"\n")], path)


def rows_of(lines: Sequence[bytes], path: str | Path) -> list[dict[str, Any]]:
    """The rows in the first whole lines of a metrics.jsonl. Raises StoreError as `read_rows`. A run that began before rows had
    check sums has them from some line on."""
    rows, checked = [], False
    for number, line in enumerate(lines, 1):
        try:
            row = _from_json(line)
            if checked and b'"check": "' not in line:
                raise ValueError("it has no check sum")
            checked = b'"check": "' in line
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path} is damaged at line {number}: {error}") from error
        if not isinstance(row, dict):
            raise StoreError(f"{path} is damaged at line {number}: expected an object; got {type(row).__name__}")
        rows.append(row)
    return rows
