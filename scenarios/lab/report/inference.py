"""What a reader may conclude from a comparison, and what not: pairwise comparisons, the verdict, its robustness.

Agarwal et al. 2021 (Deep reinforcement learning at the edge of the statistical precipice): interval estimates and the
probability of improvement instead of bare means. Holm 1979 for the pairs of one comparison, taken together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator, Philox

from scenarios.lab.report import stats
from scenarios.lab.report.format import AXIS_NAMES
from scenarios.lab.report.gather import Series
from scenarios.lab.report.ranking import SIGN, common_budget, ranked_values, solutions
from scenarios.lab.store import store

if TYPE_CHECKING:
    from scenarios.lab.report.comparison import Comparison

LEVEL = 0.05  # of significance, for Holm-adjusted p
FEW = 10  # seeds below which the real coverage of an interval is stated
SHARES = (1.0, 0.1)  # of the common budget, at which the methods are ranked again
HALVES = 200  # random half-samples of the seeds


@dataclass(frozen=True)
class Standing:
    """The methods on one cost axis: label -> (value, low, high), by `sign` more (1) or less (-1) being better. share: of
    the common budget, at which (`budget`) the metric was read; budget is None where the values are running times."""

    axis: str
    share: float
    budget: float | None
    values: dict[str, tuple[float, float, float]]
    sign: int

    @property
    def name(self) -> str:
        return AXIS_NAMES[self.axis] if self.share == 1 else f"{100 * self.share:.0f} % of {AXIS_NAMES[self.axis]}"

    def leader(self, among: Iterable[str]) -> str | None:
        """The best of some labels; None where fewer than two have a value."""
        known = [label for label in among if label in self.values]
        return max(known, key=lambda label: self.sign * self.values[label][0]) if len(known) > 1 else None


@dataclass(frozen=True)
class Conclusion:
    """metric: what the methods are ranked by; values: that of each seed, label -> (n,), more being better. pairs: for each
    two methods a dict: a (the one that ranks first), b, superiority (P(a > b), ties half), low, high, magnitude (Vargha and
    Delaney 2000), p (Mann-Whitney, two-sided), p_holm; none where nothing may be tested, which the verdict then says.
    verdict, robustness: sentences, "" where there is nothing to say. warnings: limits of the seeds. standings: every
    method on each axis. lines: what of this is for a terminal."""

    metric: str
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
        better = [f"P({pair['a']} better than {pair['b']}, {self.metric}) = {estimate(pair)}" for pair in of_first]
        warnings = [f"Warning: {warning}." for warning in self.warnings]
        return [*better, *filter(None, [self.verdict, self.robustness]), *warnings]


def estimate(pair: dict[str, Any]) -> str:
    """ "0.89 [0.45, 0.99], p_Holm = 0.600" """
    return f"{pair['superiority']:.2f} [{pair['low']:.2f}, {pair['high']:.2f}], {p_holm(pair)}"


def p_holm(pair: dict[str, Any]) -> str:
    return "p_Holm < 0.001" if pair["p_holm"] < 0.001 else f"p_Holm = {pair['p_holm']:.3f}"


def conclude(comparison: Comparison) -> Conclusion:
    ranked = [row for row in comparison.rows if row["iqm"] is not None]
    ranked = [row for row in ranked if all(row[key] == ranked[0][key] for key in ("metric", "direction", "split"))]
    series = {row["label"]: next(one for one in comparison.series if one.label == row["label"]) for row in ranked}
    if comparison.by_solution:
        metric = "running time in evaluations"
        values = {label: _speed(*solutions(one.counted, "evaluations")) for label, one in series.items()}
    else:
        metric, values = comparison.title, {row["label"]: ranked_values(row) for row in ranked}
    standing, warnings = standings(comparison), _warnings(values, series)
    if comparison.at is None and len(comparison.budgets) > 1:
        words = "No significance test: the budgets differ. --at compares at one budget."
        return Conclusion(metric, values, [], words, "", warnings, standing)
    if waiting := [row["label"] for row in ranked if row["unfinished"]]:
        words = f"No significance test yet: seeds of {_listed(waiting)} are unfinished."
        return Conclusion(metric, values, [], words, "", warnings, standing)
    pairs = _pairs(values)
    verdict, robustness = _verdict(comparison, ranked, pairs), _robustness(comparison, standing, values, series)
    return Conclusion(metric, values, pairs, verdict, robustness, warnings, standing)


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
    significant = [pair for pair in own if pair["p_holm"] < LEVEL]
    better = [pair["b"] for pair in significant if pair["superiority"] > 0.5]
    figure = lambda row: row["iqm"] if not comparison.by_solution else row["expected"] and row["expected"][0]
    equal = [row["label"] for row in ranked[1:] if figure(row) == figure(ranked[0])]
    what = "lowest expected running time (ERT, evaluations)" if comparison.by_solution else f"best {comparison.title} (IQM)"
    words = f"{_listed([first, *equal])} tie for the {what}." if equal else f"{first} has the {what}."
    if better:
        subject = f"{first} is significantly" if equal else "Significantly"
        words += f" {subject} better than {_listed(better)} (Holm-adjusted p < {LEVEL:g})."
    for pair in significant:
        if pair["superiority"] < 0.5:
            words += f" Pairwise, however, {pair['b']} is significantly better than {first} ({p_holm(pair)})."
    if open_ := [pair["b"] for pair in own if pair not in significant and pair["b"] not in equal]:
        one = len(open_) == 1
        words += f" The difference{'s' * (not one)} to {_listed(open_)} {'is' if one else 'are'} not significant."
    tested = [pair["b"] for pair in own]
    if untested := [row["label"] for row in ranked[1:] if row["label"] not in tested]:
        words += f" Not tested against {_listed(untested)}: a test needs 2 seeds of both methods."
    return words


def standings(comparison: Comparison) -> list[Standing]:
    """Every method again on each cost axis. Where a solution is defined: the expected running time. Else: the validation
    metric of the champion at the common budget of the axis, and at a tenth of it."""
    found = []
    for axis in store.AXES:
        if comparison.by_solution:
            costs = {one.label: solutions(one.counted, axis) for one in comparison.series}
            values = {label: stats.expected_running_time(*own) for label, own in costs.items() if len(own[0])}
            found.append(Standing(axis, 1.0, None, values, -1))
            continue
        whole = common_budget(comparison.series, axis)
        for share in SHARES:
            values = {}
            for one in comparison.series if not math.isnan(whole) else ():
                own = np.array([seed.curve.at(axis, share * whole) for seed in one.finished])
                own = own[np.isfinite(own)]
                values |= {one.label: (float(stats.iqm(own)), *stats.iqm_interval(own))} if len(own) else {}
            sign = next((SIGN[row["direction"]] for row in comparison.rows if row["metric"]), 1)
            found.append(Standing(axis, share, share * whole, values, sign))
    return found


def _robustness(
    comparison: Comparison, standing: Sequence[Standing], values: Mapping[str, np.ndarray], series: Mapping[str, Series]
) -> str:
    """Whether the first method also ranks first on the other cost axes and on half-samples of the seeds."""
    if len(values) < 2:
        return ""
    first = next(iter(values))
    leaders: dict[str | None, list[Standing]] = {}
    for each in standing:
        leaders.setdefault(each.leader(values) if first in each.values else None, []).append(each)
    unknown, own = leaders.pop(None, []), leaders.pop(first, [])
    at = "" if comparison.by_solution else " at equal budget"
    by = " by ERT" if comparison.by_solution else " (validation)"
    lead = "; ".join(f"{leader} leads on {_places(found)}" for leader, found in leaders.items())
    if not own and not leaders:
        words = "not assessed, no cost axis has values of two methods"
    elif not leaders:
        words = f"{first} also ranks first{at} on {_places(own)}{by}"
    elif own:
        words = f"{first} also ranks first{at}{by}, with exceptions: {lead}"
    else:
        words = f"{first} ranks first on no cost axis{at}{by}: {lead}"
    if unknown and (own or leaders):
        words += f"; not comparable on {_places(unknown)}"
    words = re.sub(r"\d+ %( and \d+ %)?", r"\g<0> of the budget", words, count=1)
    if min(map(len, values.values())) >= 4:
        share = 100 * _halves(comparison, values, series)
        words += f". {first} ranks first in {share:.0f} % of random half-samples of the seeds"
    return f"Robustness: {words}."


def _places(found: Sequence[Standing]) -> str:
    """Standings in words, axes with the same shares of the budget together: "every cost axis, at 100 % and 10 %"."""
    shares: dict[str, list[str]] = {}
    for each in found:
        shares.setdefault(AXIS_NAMES[each.axis], []).extend([] if each.budget is None else [f"{100 * each.share:.0f} %"])
    axes: dict[str, list[str]] = {}
    for axis, own in shares.items():
        axes.setdefault(", at " * bool(own) + _listed(own), []).append(axis)
    every = lambda some: "every cost axis" if len(some) == len(AXIS_NAMES) else _listed(some)
    return ", and on ".join(every(some) + at for at, some in axes.items())


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
        found.append(f"1 seed: no interval and no significance test for {_listed(alone)}")
    counts = sorted(len(own) for own in values.values() if len(own) > 1)
    if len(counts) > 1:
        tests = math.comb(len(counts), 2)
        smallest = min(1.0, tests * 2 / math.comb(counts[-1] + counts[-2], counts[-1]))
        if smallest >= LEVEL:
            seeds = " and ".join(map(str, sorted(set(counts))))
            over = f"{tests} comparison{'s' * (tests > 1)}"
            found.append(
                f"underpowered: with {seeds} seeds the smallest attainable Holm-adjusted p over {over} is {smallest:.2g}"
            )
    if counts and counts[0] < FEW:
        near = max(n for n in stats.COVERAGE if n <= counts[0])
        share = f"about {100 * stats.COVERAGE[near]:.0f} %"
        found.append(f"with {counts[0]} seeds the nominal 95 % interval of the IQM has a coverage of {share} (simulated)")
    if same := [label for label in values if _deterministic(series[label])]:
        words = "identical scores on all seeds (deterministic method): effective n = 1; tests against it are anticonservative"
        found.append(f"{_listed(same)}: {words}")
    return found


def _deterministic(series: Series) -> bool:
    """Whether the seeds are one and the same run: equal scores on every split, at equal costs. Scores alone may be equal
    because every seed reached the best one."""
    results = [seed.result for seed in series.finished if seed.result is not None]
    outcomes = [[*map(result.get, store.SPLITS), result["cost"] | {"seconds": None}] for result in results]
    return len(outcomes) > 1 and all(outcome == outcomes[0] for outcome in outcomes)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
