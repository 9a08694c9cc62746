"""One table of runs: every method's reported metric, and what it cost, as means over the seeds.

Reads only config.toml, metrics.jsonl and result.json. A run that is not finished counts as asked for, gives no number
to a mean, and is said in words under the table.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evo.settings import did_you_mean
from scenarios.lab import store

NAMED = 6  # seeds that a note names; further ones are counted


class NoRuns(LookupError):
    """A name without a run: what was looked for, and how to make some."""


@dataclass(frozen=True)
class Comparison:
    """Methods on one scenario; str() is the table, the best mean first.

    rows: for each label a dict: label, seeds (asked for), done, failed, metric, direction, split ("test", or what
    stands in for it), values (one a finished seed), mean, sd (None for fewer than two), solved (how many; None where
    undefined), parameters, evaluations, samples, compute, seconds (means; None where unknown), nonfinite (a sum).
    notes: what the numbers do not say.
    """

    scenario: str
    rows: list[dict[str, Any]]
    notes: list[str]

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.scenario}: no runs"
        splits = {row["split"] for row in self.rows if row["split"]}
        split = splits.pop() if len(splits) == 1 else ""
        metric = next((row["metric"] for row in self.rows if row["metric"]), "metric")
        columns = {"method": "label", "seeds": "seeds", f"{split} {metric}".strip(): "mean"}
        if any(row["solved"] is not None for row in self.rows):
            columns["solved"] = "solved"
        columns |= {name: name for name in ("parameters", *store.AXES)}
        if any(row["nonfinite"] for row in self.rows):
            columns["non-finite"] = "nonfinite"
        cells = [[_cell(row, key, bool(splits)) for key in columns.values()] for row in self.rows]
        return "\n".join([self.scenario, *_aligned([list(columns), *cells]), *self.notes])

    __repr__ = __str__


def compare(paths: Iterable[Path], failed: Iterable[Path] = ()) -> list[Comparison]:
    """A Comparison for each scenario among the run folders `paths` (runs/<scenario>/<label>/seed-N, started or not).

    failed: those that are known to have failed, whatever the disk, which may have been full, says of them.
    """
    paths = [path.resolve() for path in paths]
    roots = dict.fromkeys(path.parents[2] for path in paths)
    statuses = {status.path: status for root in roots for status in store.find_runs(root)}
    states = dict.fromkeys(paths, "not started") | {path: status.state for path, status in statuses.items()}
    states |= {path: "failed" for path in map(Path.resolve, failed) if states[path] != "running"}
    found: dict[Path, dict[str, list[Path]]] = {}
    for path in paths:
        found.setdefault(path.parents[1], {}).setdefault(path.parent.name, []).append(path)
    return [_comparison(folder.name, labels, statuses, states) for folder, labels in found.items()]


def find(names: Sequence[str], runs: Path) -> list[Path]:
    """The run folders that `names` mean: scenarios under `runs`, or folders of runs; without names, all under `runs`.

    Raises NoRuns for a name without a run.
    """
    known = sorted({status.scenario for status in store.find_runs(runs)})
    if not names and not known:
        raise NoRuns(f"no runs in {runs}; make some: evo run xor")
    found: list[Path] = []
    for name in names or known:
        inside = next((one for one in (runs / name, Path(name)) if one.is_dir()), None)
        new = [] if inside is None else [one.parent for one in inside.resolve().rglob(store.CONFIG)]
        new = [one for one in new if one.name.removeprefix("seed-").isdigit()]
        if not new:
            raise NoRuns(f"no runs of {name!r} in {runs}{did_you_mean(name, known)}; make some: evo run {Path(name).name}")
        found += sorted(new, key=lambda one: (one.parent, int(one.name.removeprefix("seed-"))))
    return list(dict.fromkeys(found))


def _comparison(
    scenario: str, labels: Mapping[str, list[Path]], statuses: Mapping[Path, store.RunStatus], states: Mapping[Path, str]
) -> Comparison:
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    budgets: dict[str, str] = {}
    for label, paths in labels.items():
        results, unfinished = [], []
        for path in paths:
            if path not in statuses:
                unfinished.append(path)
                continue
            try:
                limits = store.read_config(path).get("budget", {})
                budgets.setdefault(", ".join(f"{axis}={limit:,}" for axis, limit in limits.items()), label)
                result = store.read_result(path) if states[path] == "finished" else None
                if result is None:
                    unfinished.append(path)
                else:
                    results.append(result)
            except store.StoreError as error:
                notes.append(f"{label}: {error}")
        rows.append(_row(label, len(paths), sum(states[path] == "failed" for path in unfinished), results))
        notes += _unfinished(label, [(path, states[path]) for path in unfinished], statuses)
        if lost := sum(value is None for value in rows[-1]["values"]):
            notes.append(
                f"{label}: {rows[-1]['metric']} is not a finite number in {lost} of {len(results)} seeds, left out of the mean"
            )
    sign = {"max": -1, "min": 1}
    rows.sort(key=lambda row: (math.inf if row["mean"] is None else sign[row["direction"]] * row["mean"], row["label"]))
    if instead := sorted({row["split"] for row in rows} - {None, "test"}):
        notes.insert(0, f"no test set: the metric is that of the {' or '.join(instead)} set")
    if len(budgets) > 1:
        notes.append("budgets differ: " + "; ".join(f"{label} {budget}" for budget, label in budgets.items()))
    return Comparison(scenario, rows, notes)


def _row(label: str, seeds: int, failed: int, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = dict(
        label=label, seeds=seeds, done=len(results), failed=failed, metric=None, direction="max", split=None
    )
    if results:
        metric = results[0]["metric"]
        split = next((name for name in ("test", "validation", "train") if results[0].get(name)), None)
        row |= {"metric": metric["name"], "direction": metric["direction"], "split": split}
    row["values"] = [(result.get(row["split"]) or {}).get(row["metric"]) for result in results]
    values = [value for value in row["values"] if value is not None]
    row["mean"] = statistics.fmean(values) if values else None
    row["sd"] = statistics.stdev(values) if len(values) > 1 else None
    solved = [result["solved"] for result in results if result.get("solved") is not None]
    row["solved"] = sum(solved) if solved else None
    row["parameters"] = _mean([result["champion"].get("parameters") for result in results])
    row |= {axis: _mean([result["cost"].get(axis) for result in results]) for axis in store.AXES}
    row["nonfinite"] = sum(result.get("nonfinite") or 0 for result in results)
    return row


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _unfinished(label: str, runs: list[tuple[Path, str]], statuses: Mapping[Path, store.RunStatus]) -> list[str]:
    """A line for each state that runs of a label are left in, with what to do about it."""
    notes = []
    for state in dict.fromkeys(state for _, state in runs):
        paths = [path for path, each in runs if each == state]
        known = [statuses[path] for path in paths if path in statuses]
        seeds = ", ".join(path.name.removeprefix("seed-") for path in paths[:NAMED])
        more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
        words = f"{label}: seed{'s' * (len(paths) > 1)} {seeds}{more} {state}"
        if len(paths) == len(known) == 1:
            words += f" after {known[0].steps} step{'s' * (known[0].steps != 1)}{_standing(paths[0])}"
        if state == "failed" and (paths[0] / store.ERROR).is_file():
            words += f"; see {paths[0] / store.ERROR}"
        elif state == "stopped" and known[0].command:
            words += f"; continue with: {known[0].command}"
        notes.append(words)
    return notes


def _standing(path: Path) -> str:
    """The reported metric in the last row of an unfinished run, in words; "" before the first."""
    try:
        rows = store.read_rows(path / store.METRICS) if (path / store.METRICS).is_file() else []
    except store.StoreError as error:
        return f", {error}"
    score = rows[-1].get("validation") if rows else None
    first = [(name, value) for name, value in score.items() if name != "n"][:1] if isinstance(score, dict) else []
    return "".join(f", validation {name} {_number(value)}" for name, value in first if store.is_number(value))


def _cell(row: Mapping[str, Any], key: str, say_split: bool) -> str:
    value = row[key]
    if key == "label":
        return value
    if key == "seeds":
        return f"{row['done']}/{value}" + (f", {row['failed']} failed" if row["failed"] else "")
    if value is None:
        return "-"
    if key == "solved":
        return f"{value}/{row['done']}"
    if key == "mean":
        spread = "(1 seed: no interval)" if row["sd"] is None else f"± {_number(row['sd'])}"
        return " ".join([_number(value), spread] + ([f"({row['split']})"] if say_split else []))
    return _number(value)


def _number(value: float) -> str:
    """Four digits, or all of a count below ten million."""
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in table]
