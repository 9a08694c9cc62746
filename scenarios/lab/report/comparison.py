"""One table of runs: every method's reported metric, and what it cost.

The metric is the interquartile mean over the finished seeds with its 95 % bootstrap interval; costs are means. Where the
task defines a solution, methods are ranked by what a solution costs, else by the metric. A run that failed, or whose
metric is no number, ranks behind every other; one that is not finished is said in words under the table.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from evo.settings import did_you_mean
from scenarios.lab.report import stats
from scenarios.lab.report.gather import Seed, Series, gather
from scenarios.lab.report.notebook import fragment
from scenarios.lab.store import store

NAMED = 6  # seeds that a note names; further ones are counted
SIGN = {"max": 1, "min": -1}


class BadPoint(ValueError):
    """`--at` names no axis or no budget that can be compared at."""


@dataclass
class Comparison:
    """Methods on one scenario; str() is the table, the best first, with what follows from it.

    rows: for each label a dict: label, method, seeds (asked for), done, failed, unfinished, metric, direction, split
    ("test", or what stands in for it), values (one a finished seed), iqm, low, high (None where unknown), solved (how
    many; None where undefined), solved_low, solved_high (Wilson), expected (evaluations to a solution: value, low, high;
    None), parameters, connections, evaluations, samples, compute, seconds (means; None where unknown), nonfinite (a sum;
    of the whole runs).
    notes: what the numbers do not say. at: (axis, budget) where the comparison is at a budget, by validation.
    """

    scenario: str
    series: list[Series]
    rows: list[dict[str, Any]]
    notes: list[str]
    at: tuple[str, float] | None = None
    report: Path | None = field(default=None, compare=False)

    @cached_property
    def conclusion(self) -> Any:
        """What follows from the table (`scenarios.lab.report.inference.Conclusion`)."""
        from scenarios.lab.report.inference import conclude

        return conclude(self)

    @property
    def by_solution(self) -> bool:
        """Whether methods are ranked by the cost of a solution: the task defines one, and some run reached it."""
        judged = [row["solved"] for row in self.rows if row["done"]]
        return self.at is None and None not in judged and any(judged)

    @property
    def budgets(self) -> dict[str, str]:
        """The different budgets that runs were given, in words, each with a label that had it."""
        found: dict[str, str] = {}
        for one in self.series:
            for seed in one.seeds:
                if isinstance(limits := seed.config.get("budget"), dict):
                    found.setdefault(", ".join(f"{axis}={number(limit)}" for axis, limit in limits.items()), one.label)
        return found

    @property
    def splits(self) -> list[str]:
        """The splits that metrics are of, in alphabetical order: usually ["test"]."""
        return sorted({row["split"] for row in self.rows if row["split"]})

    @property
    def title(self) -> str:
        """The reported figure: "test accuracy", "validation accuracy at 20,000 evaluations"."""
        metrics = {row["metric"] for row in self.rows if row["metric"]}
        words = [self.splits[0] if len(self.splits) == 1 else "", metrics.pop() if len(metrics) == 1 else "metric"]
        words += [f"at {number(self.at[1])} {self.at[0]}"] if self.at else []
        return " ".join(filter(None, words))

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the table: title -> key of a row."""
        columns = {"method": "label", "seeds": "seeds", self.title: "iqm"}
        if any(row["solved"] is not None for row in self.rows):
            columns |= {"solved": "solved", "evaluations to solution": "expected"}
        columns["parameters"] = "parameters"
        if any(row["connections"] not in (None, row["parameters"]) for row in self.rows):
            columns["connections"] = "connections"
        columns |= {name: name for name in store.AXES}
        if any(row["nonfinite"] for row in self.rows):
            columns["non-finite"] = "nonfinite"
        return columns

    def cells(self) -> list[list[str]]:
        """The table as text, a list a row, in the order of `columns`."""
        return [[_cell(row, key, len(self.splits) > 1) for key in self.columns.values()] for row in self.rows]

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.scenario}: no runs"
        table = aligned([list(self.columns), *self.cells()])
        return "\n".join([self.scenario, *table, *self.notes, *self.conclusion.lines])

    def __repr__(self) -> str:
        done, seeds = (sum(row[key] for row in self.rows) for key in ("done", "seeds"))
        best = f", first {self.rows[0]['label']}" if done else ""
        methods = f"{len(self.rows):,} method{'s' * (len(self.rows) != 1)}"
        return f"Comparison({self.scenario}: {methods}, {done:,} of {seeds:,} runs finished{best})"

    def _repr_html_(self) -> str:
        """The same as str() for a notebook: the table, then the notes and what follows from it."""
        if not self.rows:
            return fragment(str(self), [], [], [])
        return fragment(self.scenario, list(self.columns), self.cells(), [*self.notes, *self.conclusion.lines])


def compare(paths: Iterable[Path], failed: Iterable[Path] = (), at: tuple[str, float | None] | None = None) -> list[Comparison]:
    """A Comparison for each scenario among the run folders `paths`; `failed` as `gather` has it.

    at: compare at a budget on an axis instead of at the end, by the validation metric of the champion of that moment;
    with None, at the common budget. Raises BadPoint if no run has a cost on that axis.
    """
    return [_comparison(scenario, series, at) for scenario, series in gather(paths, failed).items()]


def parse_at(text: str) -> tuple[str, float | None]:
    """AXIS[=VALUE] as it stands on the command line. Raises BadPoint."""
    axis, given, value = text.partition("=")
    if axis not in store.AXES:
        raise BadPoint(f"--at: expected one of {', '.join(store.AXES)}; got {axis!r}{did_you_mean(axis, store.AXES)}")
    try:
        limit = float(value.replace(",", "").replace("_", "")) if given else None
    except ValueError:
        limit = math.nan
    if limit is not None and not 0 < limit < math.inf:
        raise BadPoint(f"--at {axis}: expected a positive number; got {value!r}")
    return axis, limit


def common_budget(series: Sequence[Series], axis: str) -> float:
    """What every run has spent on `axis` that was not stopped before its own end: the least that a budget stopped;
    where none was, the most that any run spent. nan if nothing is known."""
    ends = [(seed, seed.result["cost"][axis]) for one in series for seed in one.seeds if seed.result is not None]
    known = [(seed, cost) for seed, cost in ends if cost is not None]
    stopped = [cost for seed, cost in known if not seed.ended_itself]
    return float(min(stopped) if stopped else max((cost for _, cost in known), default=math.nan))


def _comparison(scenario: str, series: list[Series], at: tuple[str, float | None] | None) -> Comparison:
    point = None
    if at is not None:
        point = (at[0], common_budget(series, at[0]) if at[1] is None else at[1])
        if math.isnan(point[1]):
            raise BadPoint(f"{scenario}: no finished run has spent a known number of {at[0]}")
    rows = [_row(one, point) for one in series]
    if point is not None and all(value is None for row in rows for value in row["values"]):
        raise BadPoint(f"{scenario}: no run had finished a step within {number(point[1])} {point[0]}")
    found = Comparison(scenario, series, rows, [], point)
    found.notes += [note for one, row in zip(series, rows) for note in _notes(one, row, point)] + _differences(found)
    if instead := sorted({row["split"] for row in rows} - {None, "test"}) if point is None else []:
        found.notes.insert(0, f"no test set: the metric is that of the {' or '.join(instead)} set")
    by_solution = found.by_solution  # asked now: a list that is being sorted is empty
    cost = lambda row: row["expected"][0] if by_solution and row["expected"] else 0.0
    middle = lambda row: -float(stats.iqm(ranked_values(row))) if row["done"] else 0.0
    rows.sort(key=lambda row: (not row["done"], cost(row), middle(row), row["label"]))
    order = {row["label"]: k for k, row in enumerate(rows)}
    series.sort(key=lambda one: order[one.label])
    return found


def ranked_values(row: Mapping[str, Any]) -> np.ndarray:
    """The seeds' values (n,), turned so that more is better; minus infinity for those that failed or gave no number."""
    known = [SIGN[row["direction"]] * value if value is not None else -math.inf for value in row["values"]]
    return np.array(known + [-math.inf] * row["failed"], float)


def _row(series: Series, at: tuple[str, float] | None) -> dict[str, Any]:
    finished, seeds = series.finished, series.seeds
    results: list[dict[str, Any]] = [seed.result for seed in finished if seed.result is not None]
    row: dict[str, Any] = dict(
        label=series.label, method=series.method, seeds=len(seeds), done=len(results), metric=None, direction="max", split=None
    )
    row["failed"] = sum(seed.state == "failed" for seed in seeds)
    row["unfinished"] = len(seeds) - len(series.counted)
    if results:
        row |= {"metric": results[0]["metric"]["name"], "direction": results[0]["metric"]["direction"]}
        row["split"] = next((name for name in store.SPLITS if results[0].get(name)), None) if at is None else "validation"
    if at is None:
        row["values"] = [(result.get(row["split"]) or {}).get(row["metric"]) for result in results]
    else:
        row["values"] = [_known(seed.curve.at(*at)) for seed in finished]
    values = np.array([value for value in row["values"] if value is not None], float)
    low, high = stats.iqm_interval(values)
    row |= {"iqm": _known(stats.iqm(values)), "low": _known(low), "high": _known(high)}
    row |= _solved(series.counted)
    for count in ("parameters", "connections"):
        row[count] = _mean([result["champion"].get(count) for result in results])
    spent = lambda seed, axis: seed.result["cost"][axis] if at is None else _known(seed.curve.at(*at, axis))
    row |= {axis: _mean([spent(seed, axis) for seed in finished]) for axis in store.AXES}
    row["nonfinite"] = sum(result.get("nonfinite") or 0 for result in results)
    return row


def _solved(counted: Sequence[Seed]) -> dict[str, Any]:
    if not any(seed.result is not None and seed.result.get("solved") is not None for seed in counted):
        return dict.fromkeys(("solved", "solved_low", "solved_high", "expected"))
    costs, solved = solutions(counted, "evaluations")
    count = int(solved.sum())
    low, high = stats.wilson(count, len(solved))
    return {"solved": count, "solved_low": low, "solved_high": high, "expected": stats.expected_running_time(costs, solved)}


def solutions(counted: Sequence[Seed], axis: str) -> tuple[np.ndarray, np.ndarray]:
    """What each run spent on `axis` until it solved the task, or in all if it did not (n,), and whether it did (n,).

    A run that failed did not. One without a known cost on the axis is left out.
    """
    costs, solved = [], []
    for seed in counted:
        success: bool | None
        if seed.result is None:
            cost, success = seed.last.get(axis, 0), False
        else:
            success = bool(seed.result["solved"]) if seed.result.get("solved") is not None else None
            at = seed.result.get("solved_at") if success else None
            cost = at.get(axis) if isinstance(at, dict) and store.is_number(at.get(axis)) else seed.result["cost"][axis]
        if store.is_number(cost) and success is not None:
            costs.append(float(cost))
            solved.append(success)
    return np.array(costs), np.array(solved, bool)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _notes(series: Series, row: Mapping[str, Any], at: tuple[str, float] | None) -> list[str]:
    """What the numbers of a label do not say: runs that are not finished or damaged, metrics that are no numbers."""
    for seed in series.finished:
        _ = seed.curve  # which says where a run has a result, but rows that are damaged
    unfinished = [seed for seed in series.seeds if seed.result is None and seed.fault is None]
    notes = _unfinished(series.label, unfinished)
    values = row["values"]
    if lost := sum(value is None for value in values):
        why = "is not a finite number" if at is None else "is not known at that budget"
        notes.append(
            f"{series.label}: the metric {why} in {lost} of {len(values)} seeds, which rank last and are not in the mean"
        )
    if begun := {str(own["start"]): None for seed in series.seeds if "start" in (own := seed.own)}:
        notes.append(f"{series.label} began from {', '.join(begun)}: what that had cost is not counted")
    return [f"{series.label}: {seed.fault}" for seed in series.seeds if seed.fault] + notes


def _unfinished(label: str, seeds: Sequence[Seed]) -> list[str]:
    """A line for each state that runs of a label are left in, with what to do about it."""
    notes = []
    for state in dict.fromkeys(seed.state for seed in seeds):
        some = [seed for seed in seeds if seed.state == state]
        words = f"{label}: seed{'s' * (len(some) > 1)} {', '.join(str(seed.seed) for seed in some[:NAMED])}"
        words += f" and {len(some) - NAMED} more" if len(some) > NAMED else ""
        words += f" {state}"
        one = some[0]
        if len(some) == 1 and one.begun:
            words += f" after {one.steps} step{'s' * (one.steps != 1)}{_standing(one)}"
        if state == "failed" and (one.path / store.ERROR).is_file():
            words += f"; see {one.path / store.ERROR}"
        elif state == "stopped" and one.command:
            words += f"; continue with: {one.command}"
        notes.append(words)
    return notes


def _standing(seed: Seed) -> str:
    """The reported metric in the last row of an unfinished run, in words; "" before the first."""
    score = seed.last.get("validation")
    if seed.fault:
        return f", {seed.fault}"
    value = score.get(seed.metric) if isinstance(score, dict) else None
    return f", validation {seed.metric} {number(value)}" if store.is_number(value) else ""


def _differences(comparison: Comparison) -> list[str]:
    """Where runs were not asked the same thing: metrics, budgets, seeds, settings."""
    notes, series = [], comparison.series
    metrics = {f"{row['metric']} ({row['direction']})": row["label"] for row in reversed(comparison.rows) if row["metric"]}
    if len(metrics) > 1:
        notes.append("metrics differ, and are not ranked against each other: " + _who(metrics))
    if len(comparison.budgets) > 1:
        notes.append("budgets differ: " + _who(comparison.budgets))
    seeds = {seed_list([seed.seed for seed in one.seeds]): one.label for one in reversed(series)}
    if len(seeds) > 1:
        notes.append("seeds differ: " + _who(seeds))
    for one in series:
        keys = [key for key in differing([seed.config for seed in one.seeds if seed.config]) if "start_sha256" not in key]
        if keys:  # each seed may begin from a champion of its own
            notes.append(f"{one.label}: its seeds ran with different settings: {', '.join(keys)}")
    return notes


def _who(found: Mapping[str, str]) -> str:
    return "; ".join(f"{label} {what}" for what, label in found.items())


def seed_list(seeds: Sequence[int]) -> str:
    """ "0-4, 7" """
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def differing(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings, by dotted key, in which configurations differ, seeds apart, with the value each has (None: none)."""
    flat = [{key: one for key, one in _flat(config) if key != "seeds"} for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    found = {key: [one.get(key) for one in flat] for key in keys}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        yield from _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]


def _cell(row: Mapping[str, Any], key: str, say_split: bool) -> str:
    value = row[key]
    if key == "label":
        return value
    if key == "seeds":
        return f"{row['done']}/{value}" + (f", {row['failed']} failed" if row["failed"] else "")
    if value is None:
        return "-"
    if key == "solved":
        return f"{value}/{row['done'] + row['failed']}"
    if key == "expected":
        return number(value[0])
    if key == "iqm":
        spread = "(1 seed: no interval)" if row["low"] is None else f"[{number(row['low'])}, {number(row['high'])}]"
        return " ".join([number(value), spread] + ([f"({row['split']})"] if say_split else []))
    return number(value)


def number(value: Any) -> str:
    """Four digits, or all of a count below ten million; what is no number as it is."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in table]
