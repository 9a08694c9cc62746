"""The file of a tuning: a line a finished run, on the disk before the next is begun; and how its trials rank.

    runs/tune/<scenarios>/
        trials.jsonl        {"label": "ga", "trial": 3, "scenario": "xor", "seed": 1000, ..., "sha256": of the rest}
        unfinished/         the folders of runs that are not done
    runs/tune/.<scenarios>.lock

Only the process that holds the lock writes.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock

from scenarios.lab.store import files
from scenarios.lab.store.store import lock_path, take

TRIALS, UNFINISHED = "trials.jsonl", "unfinished"
Key = tuple[str, int, str, int]  # label, trial, scenario, seed
Rows = dict[Key, dict[str, Any]]


class Trials:
    """The trials in a folder: `with Trials(path) as trials`. Entering raises StoreError if another process holds them, or a
    line is damaged; a line that was cut short is dropped."""

    def __init__(self, path: Path):
        self.path, self.file = path, path / TRIALS
        self.rows: Rows = {}
        self._lock = FileLock(lock_path(path))

    def __enter__(self) -> Trials:
        take(self._lock, self.path)
        try:
            with files.writing(self.path):
                self.path.mkdir(exist_ok=True)
                if self.file.exists():
                    for number, line in enumerate(files.read_rows(self.file), 1):
                        row = self._believed(line, number)
                        self.rows[key(row)] = row
                    data = self.file.read_bytes()
                    os.truncate(self.file, data.rfind(b"\n") + 1)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()

    def add(self, row: dict[str, Any]) -> None:
        """Adds a line; it is on the disk when this returns."""
        plain = files.plain(row)
        with files.writing(self.file), self.file.open("ab") as file:
            file.write(files.to_json({**plain, "sha256": _digest(plain)}))
            file.flush()
            os.fsync(file.fileno())
        self.rows[key(plain)] = plain

    def _believed(self, line: dict[str, Any], number: int) -> dict[str, Any]:
        """The row in a line, whose digest must be right."""
        row = {name: value for name, value in line.items() if name != "sha256"}
        if line.get("sha256") != _digest(row):
            again = "delete the line, and the same command runs it again"
            raise files.StoreError(f"{self.file} is damaged at line {number}: its sha256 is of another content; {again}")
        return row

    def clear(self) -> None:
        """Removes what is left of runs that are done."""
        with files.writing(self.path):
            if (self.path / UNFINISHED).exists():
                shutil.rmtree(self.path / UNFINISHED)

    def restart(self) -> Path:
        """Renames the folder, which is returned, and begins an empty one."""
        old = files.set_aside(self.path)
        self.rows = {}
        with files.writing(self.path):
            self.path.mkdir()
        return old


def key(row: Mapping[str, Any]) -> Key:
    """Which run a row is of."""
    return row["label"], row["trial"], row["scenario"], row["seed"]


def _digest(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(files.to_json(row)).hexdigest()


def ranks(rows: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    """The mean rank of each trial of one label over scenarios and seeds; 0 is best, ties share.

    On each scenario and seed solved comes before unsolved, the cheaper first; then validation fitness counts. A trial without a
    finite fitness, or whose run is missing, since it failed, is last.
    """
    cells: dict[tuple[str, int], dict[int, tuple[bool, float]]] = {}
    for row in rows:
        cells.setdefault((row["scenario"], row["seed"]), {})[row["trial"]] = _merit(row)
    trials = sorted({trial for cell in cells.values() for trial in cell})
    means = {}
    for trial in trials:
        places = []
        for cell in cells.values():
            merits = [cell.get(other, WORST) for other in trials]
            own = cell.get(trial, WORST)
            places.append(sum(merit > own for merit in merits) + (merits.count(own) - 1) / 2)
        means[trial] = sum(places) / len(places)
    return means


def best(ranked: Mapping[int, float]) -> int:
    """The trial of least mean rank; of several the first, so that present settings stay where nothing is better."""
    return min(ranked, key=lambda trial: (ranked[trial], trial))


WORST = (False, -math.inf)


def _merit(row: Mapping[str, Any]) -> tuple[bool, float]:
    if row["solved"]:
        return True, -row["spent"]
    return False, -math.inf if row["fitness"] is None else row["fitness"]
