"""One table of runs: every method's reported metric, and what it cost.

The metric is the interquartile mean over the finished seeds with its 95 % bootstrap interval; costs are means. Where the
task defines a solution, methods are ranked by the expected running time, else by the metric. A run that failed, or whose
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

from evo.settings import closest
from scenarios.lab.report import notes, stats
from scenarios.lab.report.format import AXIS_TITLES, IN_UNITS, aligned, number, wrapped
from scenarios.lab.report.gather import DIRECTIONS, Seed, Series, gather
from scenarios.lab.report.inference import Conclusion, conclude
from scenarios.lab.report.ranking import common_budget, ranked_values, solutions
from scenarios.lab.store import store
from scenarios.lab.store.markup import fragment


class BadPoint(ValueError):
    """`--at` names no axis or no budget that can be compared at."""


@dataclass
class Comparison:
    """Methods on one scenario; str() is the table, the best first, with what follows from it.

    rows: for each label a dict: label, method, seeds (asked for), done, failed, unfinished, metric, direction, split
    ("test", or what stands in for it), values (one a finished seed), iqm, low, high (None where unknown), rmse,
    absolute_error (interquartile means of a regression's, in the target's units; None where they are the metric), solved (how
    many; None: undefined), solved_low, solved_high (Wilson), expected (ERT in evaluations: value, low, high; None), parameters,
    connections, evaluations, samples, compute, seconds (means; None where unknown), nonfinite (a sum; of the whole runs).
    notes: what the numbers do not say. at: (axis, budget) where the comparison is at a budget, by validation. by_metric: a
    metric was asked for, by which methods are ranked whether or not a solution is defined. runs: from `run()`, its Runs.
    """

    scenario: str
    series: list[Series]
    rows: list[dict[str, Any]]
    notes: list[str]
    at: tuple[str, float] | None = None
    by_metric: bool = False
    runs: list[Any] = field(default_factory=list, compare=False)
    archived: dict[str, list[Any]] = field(default_factory=dict, compare=False)  # others' runs by label, of `coco.read`
    report: Path | None = field(default=None, compare=False)

    @cached_property
    def conclusion(self) -> Conclusion:
        """What follows from the table."""
        return conclude(self)

    @property
    def by_solution(self) -> bool:
        """Whether methods are ranked by the expected running time: the task defines one, and some run reached it."""
        judged = [row["solved"] for row in self.rows if row["done"]]
        return self.at is None and not self.by_metric and None not in judged and any(judged)

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
    def validation(self) -> str:
        """What the curves are of: "validation", or "training" where the task validates on its training split."""
        of = {seed.result.get("validated_on") for one in self.series for seed in one.seeds if seed.result is not None}
        return "training" if of == {"train"} else "validation"

    @property
    def title(self) -> str:
        """The reported metric: "test accuracy", "validation accuracy at 20,000 evaluations"."""
        metrics = {row["metric"] for row in self.rows if row["metric"]}
        words = [self.splits[0] if len(self.splits) == 1 else "", metrics.pop() if len(metrics) == 1 else "metric"]
        words += [f"at {number(self.at[1])} {self.at[0]}"] if self.at else []
        return " ".join(filter(None, words))

    @property
    def errors(self) -> dict[str, str]:
        """The columns of a regression's errors in the target's units, beside the reported metric: title -> key of a row."""
        return {title: key for key, title in IN_UNITS.items() if any(row[key] is not None for row in self.rows)}

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the table: title -> key of a row."""
        columns = {"method": "label", "seeds": "seeds", self.title: "iqm", **self.errors}
        if any(row["solved"] is not None for row in self.rows):
            columns |= {"solved": "solved", "ERT (evaluations)": "expected"}
        columns["parameters"] = "parameters"
        if any(row["connections"] not in (None, row["parameters"]) for row in self.rows):
            columns["connections"] = "connections"
        columns |= {title: axis for axis, title in AXIS_TITLES.items()}
        if any(row["nonfinite"] for row in self.rows):
            columns["non-finite"] = "nonfinite"
        return columns

    def cells(self) -> list[list[str]]:
        """The table as text, a list a row, in the order of `columns`."""
        return [[_cell(row, key, len(self.splits) > 1) for key in self.columns.values()] for row in self.rows]

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """The table and what follows from it, in lines of at most `width` characters; None: however long they are."""
        if not self.rows:
            return f"{self.scenario}: no runs"
        table = aligned([list(self.columns), *self.cells()], width)
        sentences = [wrapped(sentence, width, "  ") for sentence in [*self.notes, *self.conclusion.lines]]
        return "\n".join([self.scenario, *table, *sentences])

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


def compare(
    paths: Iterable[Path], failed: Iterable[Path] = (), at: tuple[str, float | None] | None = None, metric: str = ""
) -> list[Comparison]:
    """A Comparison for each scenario among the run folders `paths`; `failed` as `gather` has it.

    at: compare at a budget on an axis instead of at the end, by the validation metric of the champion of that moment;
    with None, at the common budget. metric: compare by another metric of the results than the reported one. Raises BadPoint if
    no run has a cost on that axis, or a result no such metric.
    """
    if metric and metric not in DIRECTIONS:
        raise BadPoint(f"--metric: expected one of {', '.join(DIRECTIONS)}; got {metric!r}{closest(metric, DIRECTIONS)}")
    return [_comparison(scenario, series, at, metric) for scenario, series in gather(paths, failed, metric).items()]


def parse_at(text: str) -> tuple[str, float | None]:
    """AXIS[=VALUE] as it stands on the command line. Raises BadPoint."""
    axis, given, value = text.partition("=")
    if axis not in store.AXES:
        raise BadPoint(f"--at: expected one of {', '.join(store.AXES)}; got {axis!r}{closest(axis, store.AXES)}")
    try:
        limit = float(value.replace(",", "").replace("_", "")) if given else None
    except ValueError:
        limit = math.nan
    if limit is not None and not 0 < limit < math.inf:
        raise BadPoint(f"--at {axis}: expected a positive number; got {value!r}")
    return axis, limit


def _comparison(scenario: str, series: list[Series], at: tuple[str, float | None] | None, metric: str) -> Comparison:
    results = [seed.result for one in series for seed in one.finished if seed.result is not None]
    known = {name for result in results for split in store.SPLITS for name in result.get(split) or ()} & DIRECTIONS.keys()
    if metric and results and metric not in known:
        raise BadPoint(f"--metric: {scenario} has {', '.join(sorted(known))}; got {metric!r}{closest(metric, known)}")
    point = None
    if at is not None:
        point = (at[0], common_budget(series, at[0]) if at[1] is None else at[1])
        if math.isnan(point[1]):
            raise BadPoint(f"{scenario}: no finished run has a known cost in {at[0]}")
    rows = [_row(one, point) for one in series]
    if point is not None and all(value is None for row in rows for value in row["values"]):
        raise BadPoint(f"{scenario}: no run finished a step within {number(point[1])} {point[0]}")
    found = Comparison(scenario, series, rows, [], point, by_metric=bool(metric))
    found.notes += [note for one, row in zip(series, rows) for note in notes.of_label(one, row, point)] + notes.of_differences(
        found
    )
    if instead := sorted({row["split"] for row in rows} - {None, "test"}) if point is None else []:
        found.notes.insert(0, f"no test split: the metric is that of the {' or '.join(instead)} split")
    by_solution = found.by_solution  # asked now: a list that is being sorted is empty
    cost = lambda row: row["expected"][0] if by_solution and row["expected"] else 0.0
    middle = lambda row: -float(stats.iqm(ranked_values(row))) if row["done"] else 0.0
    rows.sort(key=lambda row: (not row["done"], cost(row), middle(row), row["label"]))
    order = {row["label"]: k for k, row in enumerate(rows)}
    series.sort(key=lambda one: order[one.label])
    return found


def _row(series: Series, at: tuple[str, float] | None) -> dict[str, Any]:
    finished, seeds = series.finished, series.seeds
    results: list[dict[str, Any]] = [seed.result for seed in finished if seed.result is not None]
    row: dict[str, Any] = dict(
        label=series.label, method=series.method, seeds=len(seeds), done=len(results), metric=None, direction="max", split=None
    )
    key = ""
    row["failed"] = sum(seed.state == "failed" for seed in seeds)
    row["unfinished"] = len(seeds) - len(series.counted)
    if results:
        row |= {"metric": results[0]["metric"]["name"], "direction": results[0]["metric"]["direction"]}
        key = next((name for name in store.SPLITS if results[0].get(name)), "") if at is None else "validation"
        shown = results[0].get("validated_on", key) if key == "validation" else key
        row["split"] = "training" if shown == "train" else key or None
    if at is None:
        row["values"] = [(result.get(key) or {}).get(row["metric"]) for result in results]
    else:
        row["values"] = [_known(seed.curve.at(*at)) for seed in finished]
    values = np.array([value for value in row["values"] if value is not None], float)
    low, high = stats.iqm_interval(values)
    row |= {"iqm": _known(stats.iqm(values)), "low": _known(low), "high": _known(high)}
    scored = [] if at is not None else [scores for result in results if "rmse" in (scores := result.get(key) or {})]
    for name in IN_UNITS:
        errors = [scores.get(name) for scores in scored if name != row["metric"]]
        row[name] = _known(stats.iqm(np.array([error for error in errors if store.is_number(error)], float)))
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


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


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
