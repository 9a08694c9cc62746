"""What runs left on disk, gathered by scenario and label: all that tables, charts and the page know of a run.

Reads config.toml, meta.json, metrics.jsonl, result.json and pictures/, never a champion: nothing in a run folder is
executed, and none of it is believed. What is missing or damaged is said in words, and its run left out of the numbers.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from evo.settings import did_you_mean
from scenarios.lab.store import files, store
from scenarios.lab.store.runs import find_runs, run_status

# Of the metrics that results hold beside the reported one: whether more or less is better.
DIRECTIONS = dict.fromkeys(("fitness", "return", "accuracy", "macro_f1", "balanced_accuracy", "auc", "r2"), "max")
DIRECTIONS |= dict.fromkeys(("cross_entropy", "squared_error", "absolute_error", "rmse", "nmse", "gap"), "min")
SIZES = ("nodes_mean", "connections_mean")


class NoRuns(LookupError):
    """A name without a run: what was looked for, and how to make some."""


@dataclass(frozen=True)
class Curve:
    """How one run went: for each row (T) the cost so far on every axis, nan where unknown, and the steps; the metric and the
    fitness on validation of the champion so far, and those of SIZES that are known, of the population; then the seconds of
    each phase, over all rows, and how many examples or episodes validation has (nan). gap: to the optimum, where that is known,
    of the best that any genome scored so far in training (nan)."""

    cost: dict[str, np.ndarray]
    metric: np.ndarray
    fitness: np.ndarray
    sizes: dict[str, np.ndarray]
    phases: dict[str, float]
    examples: float
    gap: np.ndarray

    def at(self, axis: str, limit: float, what: str = "metric") -> float:
        """The metric, or the cost `what`, at the last row that has spent no more than `limit`; nan before the first."""
        row = int(np.searchsorted(self.cost[axis], limit, side="right")) - 1
        values = self.metric if what == "metric" else self.cost[what]
        return float(values[row]) if row >= 0 else math.nan


@dataclass
class Seed:
    """One run: state is "finished", "stopped", "failed", "running" or "not started"."""

    path: Path
    seed: int
    state: str
    steps: int = 0
    command: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    fault: str | None = None  # what of it is damaged

    @property
    def begun(self) -> bool:
        """Whether there is a configuration of it."""
        return bool(self.config)

    @property
    def ended_itself(self) -> bool:
        """Whether it would have gone no further with a larger budget."""
        return self.result is not None and self.result["stopped_by"] != "budget"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl, read anew each time; none if it is missing or damaged, which `fault` then says."""
        try:
            return store.rows_of_run(self.path, self.result)
        except store.StoreError as error:
            self.fault = str(error)
        except OSError as error:
            stepped = self.result is not None or bool(store.RunDirectory(self.path).checkpoints())
            if stepped or not isinstance(error, FileNotFoundError):  # else it ended before its first row
                self.fault = f"{self.path / store.METRICS}: {error.strerror}"
        return []

    @cached_property
    def _read(self) -> tuple[dict[str, Any], Curve]:
        """The last row of metrics.jsonl and the curve of all: a large study's rows would not fit in memory together."""
        rows = self.rows
        last = rows[-1] if rows else {}
        metric = self.result["metric"]["name"] if self.result is not None else _first_metric(last)
        scores = [score if isinstance(score := row.get("validation"), dict) else {} for row in rows]
        champion = [row.get("champion_step") for row in rows]
        places = [at if type(at) is int and 0 <= at <= k else k for k, at in enumerate(champion)]
        of_champion = lambda name: np.array([_number(scores[at].get(name)) for at in places])
        cost = {axis: np.array([_number(row.get(axis)) for row in rows]) for axis in store.AXES}
        cost["steps"] = np.arange(1.0, len(rows) + 1)
        sizes = {name: np.array([_number(row.get(name)) for row in rows]) for name in SIZES}
        known = {name: values for name, values in sizes.items() if np.isfinite(values).any()}
        examples = _number(scores[-1].get("n")) if scores else math.nan
        return last, Curve(cost, of_champion(metric), of_champion("fitness"), known, _phases(rows), examples, _gap(rows))

    @property
    def last(self) -> dict[str, Any]:
        """The last row; {} before the first."""
        return self._read[0]

    @property
    def curve(self) -> Curve:
        return self._read[1]

    @property
    def metric(self) -> str:
        """The name of the reported metric; before the end, the first one of the last validation score."""
        return self.result["metric"]["name"] if self.result is not None else _first_metric(self.last)

    @property
    def reported(self) -> float | None:
        """The metric on the part that is reported, at the end; None where it is unknown."""
        return self.scored(self.metric)

    def scored(self, metric: str) -> float | None:
        """Any metric on that part."""
        result = self.result or {}
        return next((result[split].get(metric) for split in store.SPLITS if result.get(split)), None)

    @property
    def own(self) -> dict[str, Any]:
        """The label's own table of the configuration."""
        tables = self.config.get("learners")
        own = tables.get(self.path.parent.name) if isinstance(tables, dict) else None
        return own if isinstance(own, dict) else {}

    @cached_property
    def meta(self) -> dict[str, Any]:
        return store.RunDirectory(self.path).meta()


@dataclass
class Series:
    """The runs of one label on one scenario, by seed."""

    label: str
    seeds: list[Seed]

    @property
    def finished(self) -> list[Seed]:
        return [seed for seed in self.seeds if seed.result is not None]

    @property
    def median(self) -> Seed | None:
        """The finished seed in the middle by the reported metric, the lower of two: a run that stands for the others."""
        known = [seed for seed in self.finished if seed.reported is not None] or self.finished
        ranked = sorted(known, key=lambda seed: (seed.reported or 0.0, seed.seed))
        return ranked[(len(ranked) - 1) // 2] if ranked else None

    @property
    def counted(self) -> list[Seed]:
        """What a ranking counts: the finished runs, and the failed ones, which are worse than any."""
        return [seed for seed in self.seeds if seed.result is not None or seed.state == "failed"]

    @property
    def method(self) -> str:
        """What the label stands for, as the first readable config.toml says."""
        return next((str(seed.own["method"]) for seed in self.seeds if "method" in seed.own), self.label)


def find(names: Sequence[str], runs: Path, labels: Sequence[str] = ()) -> list[Path]:
    """The run folders that `names` mean: scenarios under `runs`, or folders of runs; without names, all under `runs`. labels:
    those of these labels alone.

    Raises NoRuns for a name or a label without a run, StoreError for a folder that cannot be read.
    """
    names = names or _known(runs)
    if not names:
        raise NoRuns(f"no runs in {runs}; make some: evo run xor")
    found: list[Path] = []
    for name in names:
        with files.reading(runs / name):
            inside = next((one for one in (runs / name, Path(name)) if one.is_dir()), None)
            new = [] if inside is None else [one.resolve() for one in _run_folders(inside)]
        if not new:
            near = did_you_mean(name, _known(runs, lambda error: None))  # only a hint
            raise NoRuns(f"no runs of {name!r} in {runs}{near}; make some: evo run {Path(name).name}")
        found += sorted(new, key=lambda one: (one.parent, int(one.name.removeprefix("seed-"))))
    there = sorted({path.parent.name for path in found})
    for label in labels:
        if label not in there:
            raise NoRuns(f"no runs of the label {label!r}{did_you_mean(label, there)}")
    return [path for path in dict.fromkeys(found) if not labels or path.parent.name in labels]


def _known(runs: Path, *left_out: Callable[[store.StoreError], None]) -> list[str]:
    return sorted({status.scenario for status in find_runs(runs, "", *left_out)})


def _run_folders(path: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(path, onerror=_raised):
        if store.CONFIG in folders or store.CONFIG in names:
            folders.clear()  # a run's own
            found += [Path(place)] if re.fullmatch(r"seed-[0-9]+", Path(place).name) else []
    return found


def _raised(error: OSError) -> None:
    raise error


def gather(paths: Iterable[Path], failed: Iterable[Path] = (), metric: str = "") -> dict[str, list[Series]]:
    """The Series of each scenario among the run folders `paths` (ROOT/<scenario>/<label>/seed-N, started or not).

    Where a scenario's runs lie under several roots, a label is told by the part of its root that differs: "old/ga".
    failed: those that are known to have failed, whatever the disk, which may have been full, says of them. metric: one of
    DIRECTIONS to take in the place of the reported one.
    """
    paths = list(dict.fromkeys(path.resolve() for path in paths))
    lost = set(map(Path.resolve, failed))
    found: dict[str, dict[tuple[Path, str], list[Seed]]] = {}
    for path in paths:
        seed = _seed(path, path in lost)
        if metric and seed.result is not None:
            seed.result["metric"] = {"name": metric, "direction": DIRECTIONS[metric]}
        found.setdefault(path.parents[1].name, {}).setdefault((path.parents[2], path.parent.name), []).append(seed)
    return {scenario: _series(labels) for scenario, labels in found.items()}


def _series(labels: Mapping[tuple[Path, str], list[Seed]]) -> list[Series]:
    roots = list(dict.fromkeys(root for root, _ in labels))
    if len(roots) == 1:
        return [Series(label, seeds) for (_, label), seeds in labels.items()]
    depth = next((d for d in range(1, 99) if len({root.parts[-d:] for root in roots}) == len(roots)), 99)
    return [Series(Path(*root.parts[-depth:], label).as_posix(), seeds) for (root, label), seeds in labels.items()]


def _seed(path: Path, lost: bool) -> Seed:
    number = int(path.name.removeprefix("seed-"))
    try:
        status = run_status(path)
    except store.StoreError as error:
        return Seed(path, number, "failed" if lost else "not started", fault=str(error))
    if status is None:
        return Seed(path, number, "failed" if lost else "not started")
    seed = Seed(path, number, "failed" if lost and status.state != "running" else status.state, status.steps, status.command)
    try:
        seed.config = store.read_config(path)
        seed.result = store.read_result(path) if seed.state == "finished" else None
    except store.StoreError as error:
        seed.fault = str(error)
    return seed


def differing(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings, by dotted key, in which configurations differ, seeds apart, with the value each has (None: none)."""
    flat = [{key.removeprefix("learners."): one for key, one in _flat(config) if key != "seeds"} for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    found = {key: [one.get(key) for one in flat] for key in keys}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        yield from _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]


def _first_metric(row: Mapping[str, Any]) -> str:
    score = row.get("validation")
    return next((name for name in score if name != "n"), "") if isinstance(score, dict) else ""


def _gap(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Of the best so far (T,): the optimum is what gap and fitness of a validation score add up to."""
    scores = [score if isinstance(score := row.get("validation"), dict) else {} for row in rows]
    optimum = np.array([_number(score.get("gap")) + _number(score.get("fitness")) for score in scores])
    return optimum - np.fmax.accumulate(np.array([_number(row.get("fitness_best")) for row in rows]))


def _phases(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for row in rows:
        spent = row.get("phase_seconds")
        for name, value in spent.items() if isinstance(spent, dict) else ():
            if store.is_number(value):
                seconds[name] = seconds.get(name, 0.0) + value
    return seconds


def _number(value: Any) -> float:
    return float(value) if store.is_number(value) else math.nan
