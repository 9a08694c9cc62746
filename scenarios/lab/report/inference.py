"""What a reader may conclude from a comparison, and what not: every pair of methods, the first place, its firmness.

Agarwal et al. 2021 (Deep reinforcement learning at the edge of the statistical precipice): interval estimates and the
probability of improvement instead of bare means. Holm 1979 for the pairs of one comparison, taken together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator, Philox

from scenarios.lab.report import stats
from scenarios.lab.report.gather import Series
from scenarios.lab.report.ranking import SIGN, common_budget, ranked_values, solutions
from scenarios.lab.store import store

if TYPE_CHECKING:
    from scenarios.lab.report.comparison import Comparison

LEVEL = 0.05  # of Holm's adjusted p
FEW = 10  # seeds below which the page says what an interval really covers
SHARES = (1.0, 0.1)  # of the common budget at which the first place is asked for again
HALVES = 200  # random halves of the seeds


@dataclass(frozen=True)
class Standing:
    """The methods on one axis: label -> (value, low, high), by `sign` more (1) or less (-1) being better. budget: where
    the metric was read; None where the values are costs of a solution."""

    name: str
    budget: float | None
    values: dict[str, tuple[float, float, float]]
    sign: int

    def leader(self, among: Iterable[str]) -> str | None:
        """The best of some labels; None where fewer than two have a value."""
        known = [label for label in among if label in self.values]
        return max(known, key=lambda label: self.sign * self.values[label][0]) if len(known) > 1 else None


@dataclass(frozen=True)
class Conclusion:
    """figure: what the methods are ranked by; values: that of each seed, label -> (n,), more being better. pairs: for each
    two methods a dict: a (the one that ranks first), b, superiority (P(a > b), ties half), low, high, magnitude (Vargha and
    Delaney 2000), p (Mann-Whitney, two-sided), p_holm; none where nothing may be claimed, which the verdict then says.
    verdict, robustness: a sentence each, "" where there is nothing to say. warnings: what the number of seeds does not
    allow. standings: every method on each axis. lines: what of this is for a terminal."""

    figure: str
    values: dict[str, np.ndarray]
    pairs: list[dict[str, Any]]
    verdict: str
    robustness: str
    warnings: list[str]
    standings: list[Standing]

    @property
    def lines(self) -> list[str]:
        first = self.pairs[0]["a"] if self.pairs else ""
        of_first = [pair for pair in self.pairs if pair["a"] == first]
        better = [f"P({pair['a']} better than {pair['b']}, by {self.figure}) = {said(pair)}" for pair in of_first]
        return [*better, *filter(None, [self.verdict, self.robustness]), *self.warnings]


def said(pair: dict[str, Any]) -> str:
    p = "< .001" if pair["p_holm"] < 0.001 else f"= {pair['p_holm']:.3f}"
    return f"{pair['superiority']:.2f} [{pair['low']:.2f}, {pair['high']:.2f}], p {p}"


def conclude(comparison: Comparison) -> Conclusion:
    ranked = [row for row in comparison.rows if row["iqm"] is not None]
    ranked = [row for row in ranked if all(row[key] == ranked[0][key] for key in ("metric", "direction", "split"))]
    series = {row["label"]: next(one for one in comparison.series if one.label == row["label"]) for row in ranked}
    if comparison.by_solution:
        figure = "evaluations to a solution"
        values = {label: _speed(*solutions(one.counted, "evaluations")) for label, one in series.items()}
    else:
        figure, values = comparison.title, {row["label"]: ranked_values(row) for row in ranked}
    standing, warnings = standings(comparison), _warnings(values, series)
    if comparison.at is None and len(comparison.budgets) > 1:
        words = "The budgets differ, so nothing is said of which method is better; --at compares at one budget."
        return Conclusion(figure, values, [], words, "", warnings, standing)
    if waiting := [row["label"] for row in ranked if row["unfinished"]]:
        words = f"Not all seeds of {_listed(waiting)} are finished, so nothing is said yet of which method is better."
        return Conclusion(figure, values, [], words, "", warnings, standing)
    pairs = _pairs(values)
    verdict, robustness = _verdict(comparison, ranked, pairs), _robustness(comparison, standing, values, series)
    return Conclusion(figure, values, pairs, verdict, robustness, warnings, standing)


def _speed(costs: np.ndarray, solved: np.ndarray) -> np.ndarray:
    """Minus what each seed spent until it solved the task (n,); minus infinity where it never did."""
    return np.where(solved, -costs, -math.inf)


def _pairs(values: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = []
    for a, b in combinations([label for label, own in values.items() if len(own) > 1], 2):
        low, high = stats.superiority_interval(values[a], values[b])
        won = stats.superiority(values[a], values[b])
        p = stats.mann_whitney(values[a], values[b])
        pairs.append({"a": a, "b": b, "superiority": won, "low": low, "high": high, "magnitude": stats.magnitude(won), "p": p})
    for pair, adjusted in zip(pairs, stats.holm([pair["p"] for pair in pairs])):
        pair["p_holm"] = float(adjusted)
    return pairs


def _verdict(comparison: Comparison, ranked: Sequence[dict[str, Any]], pairs: Sequence[dict[str, Any]]) -> str:
    if len(ranked) < 2:
        return ""
    first = ranked[0]["label"]
    own = [pair for pair in pairs if pair["a"] == first]
    sure = [pair["b"] for pair in own if pair["p_holm"] < LEVEL and pair["superiority"] > 0.5]
    unsure = [row["label"] for row in ranked[1:] if row["label"] not in sure]
    best = "reaches a solution for the fewest evaluations" if comparison.by_solution else f"has the best {comparison.title}"
    words = f"{first} {best}."
    equal = [row["label"] for row in ranked[1:] if row["iqm"] == ranked[0]["iqm"]] if not comparison.by_solution else []
    if equal:
        words = f"{_listed([first, *equal])} have the same {comparison.title}, the best."
        unsure = [label for label in unsure if label not in equal]
    if sure:
        lead = f"The lead of {first}" if equal else "Its lead"
        words += f" {lead} over {_listed(sure)} is more than chance (Holm's p < {LEVEL:g})."
    contrary = [pair for pair in own if pair["p_holm"] < LEVEL and pair["superiority"] < 0.5]
    if unsure := [label for label in unsure if label not in [pair["b"] for pair in contrary]]:
        words += f" Over {_listed(unsure)} these seeds do not settle it."
    for pair in contrary:
        words += f" Yet a run of {pair['b']} is more often better than one of {first} (p = {pair['p_holm']:.2g})."
    return words


def standings(comparison: Comparison) -> list[Standing]:
    """Every method again on each axis. Where a solution is defined: what one is expected to cost. Else: the validation
    metric of the champion at the common budget of the axis, and at a tenth of it."""
    found = []
    for axis in store.AXES:
        if comparison.by_solution:
            costs = {one.label: solutions(one.counted, axis) for one in comparison.series}
            values = {label: stats.expected_running_time(*own) for label, own in costs.items() if len(own[0])}
            found.append(Standing(axis, None, values, -1))
            continue
        whole = common_budget(comparison.series, axis)
        for share in SHARES if not math.isnan(whole) else ():
            values = {}
            for one in comparison.series:
                own = np.array([seed.curve.at(axis, share * whole) for seed in one.finished])
                own = own[np.isfinite(own)]
                values |= {one.label: (float(stats.iqm(own)), *stats.iqm_interval(own))} if len(own) else {}
            sign = next((SIGN[row["direction"]] for row in comparison.rows if row["metric"]), 1)
            found.append(Standing(axis if share == 1 else f"{100 * share:.0f} % of the {axis}", share * whole, values, sign))
    return found


def _robustness(
    comparison: Comparison, standing: Sequence[Standing], values: Mapping[str, np.ndarray], series: Mapping[str, Series]
) -> str:
    """Whether the first place survives on the other axes and on halves of the seeds."""
    if len(values) < 2:
        return ""
    first = next(iter(values))
    leaders = {each.name: each.leader(values) for each in standing}
    others: dict[str, list[str]] = {}
    for name, leader in leaders.items():
        if leader not in (None, first):
            others.setdefault(str(leader), []).append(name)
    at = "" if comparison.by_solution else " at an equal budget, by validation,"
    listed = ", and ".join(f"{leader} on {_listed(axes)}" for leader, axes in others.items())
    if set(leaders.values()) <= {None}:
        words = f"{first} could not be asked for on another axis"
    elif not others:
        words = f"{first} stays first{at} on every axis" + ("" if comparison.by_solution else ", whole and a tenth of it")
    elif first in leaders.values():
        words = f"{first} is first{at} but for {listed}"
    else:
        words = f"{first} is nowhere first{at.removesuffix(',')}: there it is {listed}"
    if min(map(len, values.values())) >= 4:
        words += f"; and {first} is first in {100 * _halves(comparison, values, series):.0f} % of random halves of the seeds"
    return f"Does it survive? {words}."


def _halves(comparison: Comparison, values: Mapping[str, np.ndarray], series: Mapping[str, Series]) -> float:
    """The share of random halves of the seeds in which the first label is best again, alone or with others, by what the
    methods are ranked by: the expected cost of a solution, or the interquartile mean."""
    draw = Generator(Philox(key=0))
    halves = []
    for label, own in values.items():
        chosen = np.argsort(draw.random((HALVES, len(own))), axis=1)[:, : len(own) // 2]
        if comparison.by_solution:
            costs, solved = solutions(series[label].counted, "evaluations")
            spent, successes = costs[chosen].sum(axis=1), solved[chosen].sum(axis=1)
            halves.append(-np.divide(spent, successes, out=np.full(HALVES, math.inf), where=successes > 0))
        else:
            halves.append(stats.iqm(own[chosen], axis=1))
    return float(np.mean(halves[0] >= np.max(halves, axis=0)))


def _warnings(values: Mapping[str, np.ndarray], series: Mapping[str, Series]) -> list[str]:
    found = []
    if alone := [label for label, own in values.items() if len(own) == 1]:
        found.append(f"1 seed: no interval for {_listed(alone)}, and no comparison")
    counts = sorted(len(own) for own in values.values() if len(own) > 1)
    if len(counts) > 1:
        tests = math.comb(len(counts), 2)
        smallest = min(1.0, tests * 2 / math.comb(counts[-1] + counts[-2], counts[-1]))
        if smallest > LEVEL:
            seeds = " and ".join(map(str, sorted(set(counts))))
            least = f"{tests} comparison{'s' * (tests > 1)} could give is {smallest:.2g}"
            found.append(f"too few seeds for any claim: with {seeds} of them, the smallest p that {least}")
    if counts and counts[0] < FEW:
        near = max(n for n in stats.COVERAGE if n <= counts[0])
        share = f"about {100 * stats.COVERAGE[near]:.0f} % of studies"
        found.append(f"with {counts[0]} seeds a 95 % interval of the IQM covers the truth in {share}")
    if same := [label for label in values if _alike(series[label])]:
        words = "every seed gave the same scores, so its seeds are one measurement, and tests with it are too sure"
        found.append(f"{_listed(same)}: {words}")
    return found


def _alike(series: Series) -> bool:
    """Whether the seeds are one and the same run: their scores are equal on every split."""
    scores = [[seed.result.get(split) for split in store.SPLITS] for seed in series.finished if seed.result is not None]
    return len(scores) > 1 and all(each == scores[0] for each in scores)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
