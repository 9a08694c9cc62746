"""The run directory: all that a run leaves on disk, none of it half written.

    runs/<scenario>/<label>/seed-N/
        config.toml              the configuration that runs this seed again
        meta.json                command, versions, commit, device, threads, platform, times
        metrics.jsonl            one row a step; flushed each step, on the disk before a checkpoint is
        checkpoint.pt            all that continues the run; checkpoint.previous.pt is the one before
        champion.safetensors     the champion of the checkpoint
        history/                 step-00000012.safetensors: the champion that step 12 found
        pictures/                the champion, and what it does, drawn at the end
        result.json              absent: unfinished
        error.txt                what made the run fail; gone when it continues
    runs/<scenario>/<label>/.seed-N.lock

Only the process that holds the lock writes. The lock is the operating system's (flock), so `kill -9` leaves none
behind, and lies beside the folder, so that a folder renamed aside takes no lock along.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from scenarios.lab.store import files, toml
from scenarios.lab.store.files import StoreError, read_json, read_rows

if TYPE_CHECKING:
    from evo.core import Saved, State

__all__ = ["RunDirectory", "StoreError", "read_config", "read_result", "read_rows"]

CONFIG, META, METRICS, RESULT, ERROR = "config.toml", "meta.json", "metrics.jsonl", "result.json", "error.txt"
CHECKPOINT, PREVIOUS, CHAMPION = "checkpoint.pt", "checkpoint.previous.pt", "champion.safetensors"
HISTORY, PICTURES = "history", "pictures"
PATIENCE = 0.5  # seconds: `scenarios.lab.store.runs` holds a lock for an instant to see whether it is free


class RunDirectory:
    """One run's folder, written under its lock: `with RunDirectory(path) as run`.

    Entering raises StoreError, with nothing touched, if another process holds the lock; every method that writes
    raises it when the disk is full or read-only, with the last checkpoint kept.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock = FileLock(lock_path(self.path))
        self._metrics: IO[bytes] | None = None
        self._unsynced: list[Path] = []

    def __enter__(self) -> RunDirectory:
        take(self._lock, self.path)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close_metrics()
        self._lock.release()

    def config_text(self) -> str | None:
        """The stored config.toml, or None in a new folder. Raises StoreError if it cannot be read."""
        path = self.path / CONFIG
        with files.reading(path):
            return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    def result(self) -> dict[str, Any] | None:
        return read_result(self.path)

    def meta(self) -> dict[str, Any]:
        """The stored meta.json; {} if there is none to read, since it only informs."""
        try:
            return read_json(self.path / META)
        except (StoreError, OSError):
            return {}

    def open(self, config: str, meta: dict[str, Any]) -> None:
        """Makes the folder one of an unfinished run. The result goes first: with it gone, a kill anywhere in here
        leaves a run that the same command continues."""
        with files.writing(self.path):
            (self.path / HISTORY).mkdir(parents=True, exist_ok=True)
            if (self.path / RESULT).exists():
                (self.path / RESULT).unlink()
                files.synced(self.path)
            (self.path / ERROR).unlink(missing_ok=True)
            for unfinished in self.path.rglob("*.new"):
                unfinished.unlink()
        self.write_config(config)
        self.write_meta(meta)

    def write_config(self, text: str) -> None:
        if text != self.config_text():
            files.write(self.path / CONFIG, text.encode("utf-8", "backslashreplace"))

    def write_meta(self, meta: dict[str, Any]) -> None:
        """It only informs: it reaches the disk with the next checkpoint, or the result."""
        files.write(self.path / META, files.checked_json(meta, indent=2), sync=False)
        self._unsynced.append(self.path / META)

    def write_result(self, result: dict[str, Any]) -> None:
        """Writes it after the pictures that it names."""
        self._sync()
        files.write(self.path / RESULT, files.checked_json(result, indent=2))

    def write_error(self, text: str) -> None:
        files.write(self.path / ERROR, text.encode("utf-8", "backslashreplace"))

    def append(self, row: dict[str, Any]) -> None:
        """Adds a row to metrics.jsonl, whole: it is there for every reader when this returns."""
        data = files.checked_json(row)
        with files.writing(self.path / METRICS):
            if self._metrics is None:
                self._metrics = (self.path / METRICS).open("ab", buffering=0)
            while data:
                data = data[self._metrics.write(data) :]

    def keep(self, name: str, saved: Saved) -> None:
        """Adds a file to history/; it reaches the disk with the next checkpoint."""
        from scenarios.lab.store import tensors

        path = self.path / HISTORY / name
        files.write(path, tensors.tensor_bytes(*saved), sync=False)
        self._unsynced.append(path)

    def picture(self, name: str, data: bytes) -> None:
        """Adds a file to pictures/; it reaches the disk before the result does."""
        path = self.path / PICTURES / name
        with files.writing(path.parent):
            path.parent.mkdir(exist_ok=True)
        files.write(path, data, sync=False)
        self._unsynced.append(path)

    def save(self, state: State, champion: Saved, *, twice: bool = False) -> None:
        """Writes a checkpoint, after everything it stands for is on the disk; the one before becomes `previous`. twice: this
        one does."""
        from scenarios.lab.store import tensors

        with files.writing(self.path / METRICS):
            if self._metrics is not None:
                os.fsync(self._metrics.fileno())
        self._sync()
        files.write(self.path / CHAMPION, tensors.tensor_bytes(*champion))
        data = tensors.checkpoint_bytes(state)
        with files.writing(self.path / CHECKPOINT):
            for _ in range(1 + twice):
                new = files.beside(self.path / CHECKPOINT, data)
                if (self.path / CHECKPOINT).exists():
                    os.replace(self.path / CHECKPOINT, self.path / PREVIOUS)
                os.replace(new, self.path / CHECKPOINT)
            files.synced(self.path)

    def _sync(self) -> None:
        """Waits until what was added without waiting has reached the disk."""
        with files.writing(self.path):
            for path in self._unsynced:
                files.synced(path)
            for folder in dict.fromkeys(path.parent for path in self._unsynced):
                files.synced(folder)
        self._unsynced.clear()

    def checkpoints(self) -> list[Path]:
        """The checkpoints there are, newest first. After a kill between two renames `previous` stands alone."""
        return [path for path in (self.path / CHECKPOINT, self.path / PREVIOUS) if path.is_file()]

    def cut_back(self, steps: int) -> None:
        """Takes rows and history of step `steps` and later away. Raises StoreError if there are fewer rows, or one before
        that is damaged."""
        self._close_metrics()
        path = self.path / METRICS
        lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        whole = sum(line.endswith(b"\n") for line in lines)
        if whole < steps:
            raise StoreError(f"it is of step {steps}, but metrics.jsonl has only {whole} rows")
        for line, row in enumerate(files.rows_of(lines[:steps], path), 1):
            if row.get("step") != line - 1:
                raise StoreError(f"{path} is damaged at line {line}: expected step {line - 1}; got {row.get('step')!r}")
        with files.writing(path):
            if path.is_file():
                os.truncate(path, sum(map(len, lines[:steps])))
            for old in (self.path / HISTORY).iterdir():
                if (of := _step(old)) is not None and of >= steps:
                    old.unlink()

    def set_aside(self, path: Path | None = None) -> Path:
        """`files.set_aside` of a file of the folder, or of the folder."""
        self._close_metrics()
        return files.set_aside(path or self.path)

    def _close_metrics(self) -> None:
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None


def take(lock: FileLock, path: Path) -> None:
    """Acquires the lock of what lies at `path`. Raises StoreError if another process holds it."""
    with files.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=PATIENCE, poll_interval=0.05)
        except Timeout:
            raise StoreError(f"another process is running {path}: wait for it, or stop it") from None


def history_name(step: int, what: str = "") -> str:
    """The file of history/ for a step: of its champion, or of `what`."""
    return f"step-{step:08d}{'.' + what if what else ''}.safetensors"


def kept_champions(path: str | Path) -> list[tuple[int, Path]]:
    """The champions in history/ of a run folder, each with its step, ascending."""
    found = re.compile(r"step-(\d+)\.safetensors").fullmatch
    kept = ((found(each.name), each) for each in (Path(path) / HISTORY).glob("step-*"))
    return sorted((int(match[1]), each) for match, each in kept if match)


def _step(path: Path) -> int | None:
    found = re.match(r"step-(\d+)\.", path.name)
    return int(found[1]) if found else None


def lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def run_path(runs: str | Path, scenario: str, label: str, seed: int) -> Path:
    return Path(runs) / scenario / label / f"seed-{seed}"


def read_result(path: str | Path) -> dict[str, Any] | None:
    """The result.json of a run directory, or None: the run is unfinished. What the other modules read of it is there, in its
    type: raises StoreError, naming the key, where it is damaged, or cannot be read."""
    file = Path(path) / RESULT
    with files.reading(file):
        if not file.is_file():
            return None
        result = read_json(file)
    for key, (good, expected) in RESULT_KEYS.items():
        value: Any = result
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not good(value):
            raise StoreError(f"{file} is damaged: {key}: expected {expected}; got {json.dumps(value)[:80]}")
    return result


def rows_of_run(path: str | Path, result: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The rows of a run with this result. Raises as `read_rows`, and StoreError for fewer rows than the result has steps."""
    rows = read_rows(Path(path) / METRICS)
    check_count(path, result, len(rows))
    return rows


def check_count(path: str | Path, result: dict[str, Any] | None, rows: int) -> None:
    """Raises StoreError for fewer rows than the result has steps."""
    if result is not None and rows < result["steps"]:
        raise StoreError(f"{Path(path) / METRICS} is damaged: expected {result['steps']} rows, one a step; got {rows}")


def is_number(value: Any) -> bool:
    """Whether `value`, read from JSON, is a number to reckon with: finite, and so are sums of many such."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e300


def _is_score(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(each is None or is_number(each) for each in value.values()))


_NUMBER = (is_number, "a number")
_PERHAPS = (lambda value: value is None or is_number(value), "a number or null")
_SCORE = (_is_score, "numbers by name, or null")
AXES = ("evaluations", "samples", "compute", "seconds")
SPLITS = ("test", "validation", "train")  # the first that a run has a score of is reported

RESULT_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "stopped_by": (lambda value: isinstance(value, str), "a string"),
    "steps": _NUMBER,
    "solved": (lambda value: value is None or isinstance(value, bool), "true, false or null"),
    "metric.name": (lambda value: isinstance(value, str), "a string"),
    "metric.direction": (lambda value: value in ("max", "min"), "max or min"),
    "cost": (lambda value: isinstance(value, dict) and set(value) == set(AXES), f"a table of {', '.join(AXES)}"),
    **{f"cost.{axis}": _PERHAPS if axis == "compute" else _NUMBER for axis in AXES},
    "champion": (lambda value: isinstance(value, dict), "a table"),
    "champion.parameters": _PERHAPS,
    "nonfinite": _PERHAPS,
    "train": _SCORE,
    "validation": _SCORE,
    "test": _SCORE,
}


def read_config(path: str | Path) -> dict[str, Any]:
    """The config.toml of a run directory. Raises StoreError, naming the file, if there is none to read."""
    file = Path(path) / CONFIG
    try:
        config = tomllib.loads(file.read_text(encoding="utf-8"))
        toml.check_plain(config)
        if not config:
            raise ValueError("it is empty")
        return config
    except OSError as error:
        raise StoreError(f"{path} is no run directory: {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{file} is damaged: {error}") from error
