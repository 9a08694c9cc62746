"""Runtimes to targets, where the gap to the optimum is known: the evaluations after which it was at most a target.

Hansen, Auger, Ros, Mersmann, Tušar, Brockhoff: COCO: a platform for comparing continuous optimizers in a black-box setting.
Optimization Methods and Software 36, 2021; ERT: Price, Differential evolution vs. the functions of the 2nd ICEO, 1997.
Evaluations inside a generation count as the generation's end, since rows are of generations: a runtime is too long by less than
one. A run that failed reached nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.lab.report import stats
from scenarios.lab.report.bands import Rows, short
from scenarios.lab.report.comparison import Comparison
from scenarios.lab.report.gather import Seed, Series
from scenarios.lab.report.palettes import DASHES

TARGETS = 10.0 ** np.linspace(2, -8, 51)  # of the runtime distribution: COCO's, five a decade
SHOWN = (10.0, 1.0, 0.1, 0.01, 1e-3, 1e-5, 1e-8)  # of the table
POINTS = 200  # of a curve


@dataclass(frozen=True)
class Trace:
    """One run on one problem: the best gap so far (T,) after so many evaluations (T,), and how many there were in all.

    problem: function, dimension, instance, as of a suite; the first 0 where there is no suite.
    """

    problem: tuple[int, int, int]
    evaluations: np.ndarray
    gap: np.ndarray
    spent: float
    solved: bool = False  # ended by itself, since it was good enough

    def reached(self, targets: np.ndarray) -> np.ndarray:
        """The evaluations after which each target (n,) was reached; inf where it was not."""
        row = np.searchsorted(-self.gap, -targets)  # gaps fall
        return np.append(self.evaluations, math.inf)[row]


def traces(comparison: Comparison) -> dict[str, list[Trace]]:
    """Those of each label whose runs know the gap, and of archived runs on the same functions and dimensions."""
    found = {one.label: own for one in comparison.series if (own := _traces(one))}
    problems = {trace.problem[:2] for own in found.values() for trace in own}
    for label, archived in comparison.archived.items():
        if own := [trace for trace in archived if trace.problem[:2] in problems]:
            found[label] = own
    return found


def _traces(series: Series) -> list[Trace]:
    known = [seed for seed in series.counted if np.isfinite(seed.curve.gap).any()]
    if not known:
        return []
    function, dimension, _ = problem_of(known[0])
    nothing = Trace((function, dimension, 0), np.empty(0), np.empty(0), 0.0)
    return [_trace(seed) if seed in known else nothing for seed in series.counted]


def _trace(seed: Seed) -> Trace:
    curve = seed.curve
    at = np.isfinite(curve.gap)
    solved = seed.result is not None and seed.result["stopped_by"] == "solved"
    return Trace(problem_of(seed), curve.cost["evaluations"][at], curve.gap[at], float(curve.cost["evaluations"][-1]), solved)


def problem_of(seed: Seed) -> tuple[int, int, int]:
    """Function, dimension and instance; (0, D, 0) where the task is of no suite, D being 1 before the end."""
    result = seed.result or {}
    if isinstance(known := result.get("benchmark"), dict):
        return int(known["function"]), int(known["dimension"]), int(known["instance"])
    return 0, int((result.get("champion") or {}).get("parameters") or 1), 0


def meant(named: Mapping[str, Sequence[Trace]], targets: Sequence[float]) -> np.ndarray:
    """The targets down to the finest that every run went for: one that was good enough stopped there."""
    finest = max((trace.gap[-1] for own in named.values() for trace in own if trace.solved), default=0.0)
    return np.array([target for target in targets if target >= finest])


def running_times(own: Sequence[Trace], target: float) -> tuple[np.ndarray, np.ndarray]:
    """What each run spent until it reached a target, or in all, and whether it did (n,)."""
    times = np.array([trace.reached(np.array([target]))[0] for trace in own])
    reached = np.isfinite(times)
    return np.where(reached, times, [trace.spent for trace in own]), reached


def expected(own: Sequence[Trace], target: float) -> tuple[int, tuple[float, float, float]]:
    """How many of some runs reached a target, and its ERT with the interval of `stats.expected_running_time`."""
    costs, reached = running_times(own, target)
    return int(reached.sum()), stats.expected_running_time(costs, reached)


def table(named: Mapping[str, Sequence[Trace]]) -> tuple[list[str], list[list[Any]], str]:
    """ERT of each method on each of SHOWN, a row each; and the targets of `rows` in words."""
    cells, distribution = [], meant(named, list(TARGETS))
    for target in meant(named, SHOWN):
        for label, own in named.items():
            count, times = expected(own, target)
            cells.append([f"{target:g}", label, f"{count}/{len(own)}", *(None if math.isnan(each) else each for each in times)])
    words = f"{len(distribution)} from {distribution[0]:.2g} to {distribution[-1]:.2g}" if len(distribution) else "none"
    return ["target", "method", "reached", "ERT (evaluations)", "low", "high"], cells, words


def rows(named: Mapping[str, Sequence[Trace]]) -> Rows:
    """method, x (evaluations / D), y: the share of pairs of a run and one of TARGETS that are reached; a curve ends where the
    longest of its runs did."""
    targets = meant(named, list(TARGETS))
    found: Rows = []
    for label, own in named.items():
        times = np.sort(np.concatenate([trace.reached(targets) / trace.problem[1] for trace in own]))
        share = np.arange(1, len(times) + 1) / len(times)
        at = np.flatnonzero(np.isfinite(times))
        at = at[np.unique(np.linspace(0, len(at) - 1, POINTS).astype(int))] if len(at) else at
        found += [{"method": label, "x": short(times[k]), "y": short(share[k])} for k in at]
        last = max(trace.spent / trace.problem[1] for trace in own)
        if last > 0:
            found.append({"method": label, "x": short(last), "y": short(share[at[-1]]) if len(at) else 0.0})
    return found


def chart(named: Mapping[str, Sequence[Trace]], comparison: Comparison, legend: bool = True) -> Any:
    """The empirical distribution of runtimes (ECDF); the archived have their colours after those of the comparison. Since
    these stand nowhere else, it has a legend in any case."""
    import altair as alt

    labels = [row["label"] for row in comparison.rows]
    shown = [*labels, *(label for label in named if label not in labels)]
    dashes = [DASHES[k % len(DASHES)] for k in range(len(shown))]
    titles = {"method": "method", "x": "evaluations / dimension", "y": "share"}
    return (
        alt.Chart(alt.Data(values=rows(named)))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            alt.X("x:Q", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~s", tickCount=6), title=titles["x"]),
            alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"), title="share of runs and targets"),
            color=alt.Color("method:N", scale=alt.Scale(domain=shown, range="category"), legend=alt.Legend()),
            strokeDash=alt.StrokeDash("method:N", scale=alt.Scale(domain=shown, range=dashes), legend=alt.Legend()),
            tooltip=[alt.Tooltip(f"{name}:{'N' if name == 'method' else 'Q'}", title=title) for name, title in titles.items()],
        )
        .properties(width="container", height=300)
    )
