"""The runs under a folder, and how each stands: running, finished, failed or stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from scenarios.lab.store import files, store
from scenarios.lab.store.files import StoreError


@dataclass(frozen=True)
class RunStatus:
    """One run as it lies on disk; `command` starts or continues it."""

    path: Path
    scenario: str
    label: str
    seed: int
    state: str  # "finished", "stopped", "failed" or "running"
    steps: int
    command: str


def _raised(error: Exception) -> None:
    raise error


def find_runs(runs: str | Path, scenario: str = "", left_out: Callable[[StoreError], None] = _raised) -> list[RunStatus]:
    """Every run under `runs`, or those of a scenario, by scenario, label and seed, but those set aside.

    left_out: gets the error of what below `runs` cannot be read; without it that is raised. Raises StoreError for `runs`."""

    def read(path: Path, what: Callable[[Path], Any]) -> Any:
        try:
            return what(path)
        except StoreError as error:
            left_out(error)
            return None

    inside = lambda path: read(path, _folders) or []
    scenarios = [one for one in _folders(Path(runs)) if scenario in ("", one.name)]
    seeds = [seed for one in scenarios for label in inside(one) for seed in inside(label)]
    found = [one for seed in seeds if re.fullmatch(r"seed-\d+", seed.name) and (one := read(seed, run_status))]
    return sorted(found, key=lambda status: (status.scenario, status.label, status.seed))


def run_status(path: Path) -> RunStatus | None:
    """How the run in the folder `path` stands; None where there is none. Raises StoreError if that cannot be read."""
    with files.reading(path):
        if not (path / store.CONFIG).exists():
            return None
        (scenario, label, name), command = path.parts[-3:], str(store.RunDirectory(path).meta().get("command", ""))
        return RunStatus(path, scenario, label, int(name[5:]), run_state(path), _steps(path), command)


def check(status: RunStatus) -> None:
    """Raises StoreError, naming the file, where the configuration, the result or the number of rows cannot be believed."""
    store.read_config(status.path)
    result = store.read_result(status.path) if status.state == "finished" else None
    store.check_count(status.path, result, status.steps)


def _folders(path: Path) -> list[Path]:
    with files.reading(path):
        return [each for each in path.iterdir() if each.is_dir()] if path.exists() else []


def run_state(path: Path) -> str:
    """How a run stands: "running", "finished", "failed" or "stopped"."""
    if _running(path):
        return "running"
    if (path / store.RESULT).is_file():
        return "finished"
    return "failed" if (path / store.ERROR).is_file() else "stopped"


def _running(path: Path) -> bool:
    if not store.lock_path(path).is_file():
        return False
    try:
        with FileLock(store.lock_path(path)).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a folder that is read-only here, so nothing runs in it


def _steps(path: Path) -> int:
    try:
        return (path / store.METRICS).read_bytes().count(b"\n")
    except OSError:
        return 0  # not there yet, or not for our eyes
