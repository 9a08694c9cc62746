"""What the seeds of a study say about the methods, and how surely. Pure functions on arrays; larger is always better.

Agarwal, Schwarzer, Castro, Courville, Bellemare: Deep reinforcement learning at the edge of the statistical precipice.
NeurIPS 2021: interquartile mean, probability of improvement, stratified bootstrap. Each other source stands at its
function. Intervals are two-sided, 95 %; (nan, nan) means that there are too few runs for one. How often each interval
covers the truth is measured by `python tests/efficacy/intervals.py`.

n, m runs (seeds) of a method, T columns (points of a curve). Leave out runs without a value first: NaN raises
ValueError. Infinite values are allowed. The same values give the same answer: resampling has a fixed key.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import ArrayLike

Interval = tuple[float, float]
NONE: Interval = (math.nan, math.nan)
Z = NormalDist().inv_cdf(0.975)

# With 1,999 repetitions the 2.5 % point is the 50th smallest, with no interpolation: (1999 + 1) x 0.025 = 50 (Davison,
# Hinkley: Bootstrap methods and their application, 1997, section 5.2.1). A tail then errs by 0.35 % (one standard
# deviation), well below what few seeds cost: see COVERAGE.
REPETITIONS = 1999
TAIL = 50
KEY = 2021
EXACT = 20_000  # ways to deal the runs, up to which each is looked at: 8 against 8

# How often `iqm_interval` holds the truth, by n: the mean over five populations, 2,000 studies of each, as printed by
# python tests/efficacy/intervals.py
COVERAGE = {2: 0.476, 3: 0.722, 4: 0.852, 5: 0.879, 10: 0.936, 20: 0.947, 30: 0.940}
# The same of `expected_running_time`, over six populations.
TIME_COVERAGE = {2: 0.587, 3: 0.767, 4: 0.796, 5: 0.818, 10: 0.898, 20: 0.924, 30: 0.928}


def iqm(values: ArrayLike, axis: int = 0) -> Any:
    """Interquartile mean: the mean without the lowest and the highest quarter, int(n / 4) runs each (rliable's).

    values (n,) gives a float, (n, T) with axis 0 an array (T,); NaN for n = 0.
    """
    data = _known(values, "values")
    if data.shape[axis] == 0:
        empty = np.full(np.delete(data.shape, axis), math.nan)
        return empty if empty.ndim else math.nan
    cut = data.shape[axis] // 4
    middle = np.sort(np.moveaxis(data, axis, 0), axis=0)[cut : data.shape[axis] - cut].mean(axis=0)
    return middle if middle.ndim else float(middle)


def iqm_interval(values: ArrayLike) -> tuple[Any, Any]:
    """(low, high) of the interquartile mean: the percentile bootstrap over runs.

    values (n,) gives floats, (n, T) arrays (T,): every column is resampled alike, so that a curve's band comes of whole
    runs. NaN for n < 2. (20, 200) takes 30 ms.
    """
    data = _known(values, "values")
    n = len(data)
    if n < 2:
        empty = np.full(data.shape[1:], math.nan)
        return (empty, empty) if empty.ndim else NONE
    drawn, cut = _drawn(_generator(), n), n // 4
    ends = []
    for column in np.ascontiguousarray(data.reshape(n, -1).T):  # one at a time: all at once would leave the cache
        resampled = column[drawn]
        resampled.sort(axis=1)
        ends.append(_percentiles(resampled[:, cut : n - cut].mean(axis=1)))
    low, high = np.array(ends).T.reshape(2, *data.shape[1:])
    return (low, high) if low.ndim else (float(low), float(high))


def superiority(a: ArrayLike, b: ArrayLike) -> float:
    """P(a > b) + P(a = b) / 2: how probably a run of a beats one of b (a coin decides ties). NaN where one has no runs.

    The probability of improvement of Agarwal et al., and the A of Vargha, Delaney: A critique and improvement of the CL
    common language effect size statistics. J. Educational and Behavioral Statistics 25, 2000.
    """
    wins = _wins(a, b)
    return float(wins.mean()) if wins.size else math.nan


def superiority_interval(a: ArrayLike, b: ArrayLike) -> Interval:
    """(low, high) of `superiority`, also where one method won every time: it never shrinks to a point.

    Newcombe: Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2. Statistics in
    Medicine 25, 2006, method 5: all theta that lie within 1.96 of their own standard errors from what was seen.
    (nan, nan) where one has fewer than 2 runs.
    """
    wins = _wins(a, b)
    m, n = wins.shape
    if min(m, n) < 2:
        return NONE
    seen, half = float(wins.mean()), (m + n) / 2 - 1

    def inside(theta: float) -> bool:
        spread = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        return (theta - seen) ** 2 <= Z**2 * theta * (1 - theta) * spread / (m * n)

    def end(inner: float, outer: float) -> float:
        for _ in range(53):  # halvings: the bits of a float
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if inside(middle) else (inner, middle)
        return inner

    return end(seen, 0.0), end(seen, 1.0)


def superiority_over(pairs: Iterable[tuple[ArrayLike, ArrayLike]]) -> tuple[float, float, float]:
    """(value, low, high): `superiority` averaged over scenarios, `pairs` being (a, b) of each.

    Stratified bootstrap: the runs of each method on each scenario are resampled by themselves. It shrinks to a point
    where one method won every time everywhere. (nan, nan, nan) without pairs or where one has no runs, no interval
    where one has fewer than 2.
    """
    wins = [_wins(a, b) for a, b in pairs]
    if not wins or not all(won.size for won in wins):
        return math.nan, *NONE
    value = float(np.mean([won.mean() for won in wins]))
    if min(min(won.shape) for won in wins) < 2:
        return value, *NONE
    generator = _generator()
    means = [((_counts(generator, len(won)) @ won) * _counts(generator, won.shape[1])).sum(axis=1) / won.size for won in wins]
    return value, *_percentiles(np.mean(means, axis=0))


def wilson(successes: int, n: int) -> Interval:
    """(low, high) of a success rate. Wilson: Probable inference, the law of succession, and statistical inference.
    JASA 22, 1927. (nan, nan) for n = 0; ValueError unless 0 <= successes <= n."""
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be from 0 to n = {n}; got {successes}")
    if n == 0:
        return NONE
    share = successes / n
    middle = share + Z**2 / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)
    return (low if successes else 0.0), (high if successes < n else 1.0)  # exact ends, whatever the rounding


def expected_running_time(costs: ArrayLike, solved: ArrayLike) -> tuple[float, float, float]:
    """(value, low, high): what a success costs, if one starts again until there is one: all costs / successes.

    costs (n,): to the solution, or all that was spent without one; solved (n,) bool. Hansen, Auger, Ros, Mersmann, Tušar,
    Brockhoff: COCO. Optimization Methods and Software 36, 2021. The interval is a percentile bootstrap over runs; high
    is inf where a resample in 40 has no success. Without any success the value and high are inf, and low is the mean
    cost over the highest success rate that `wilson` allows. All NaN for n = 0, no interval for n = 1. With few runs the
    interval is too narrow: it holds the truth in 82 % of studies of 5 seeds, 90 % of 10, 93 % of 30.
    """
    spent, success = _outcomes(costs, solved)
    n = len(spent)
    if n == 0:
        return math.nan, *NONE
    value = float(spent.sum() / success.sum()) if success.any() else math.inf
    if n == 1:
        return value, *NONE
    if not success.any():
        return value, float(spent.mean()) / wilson(0, n)[1], math.inf
    counts = _counts(_generator(), n)
    successes = counts @ success.astype(float)
    times = np.divide(counts @ spent, successes, out=np.full(REPETITIONS, math.inf), where=successes > 0)
    return value, *_percentiles(times)


def ecdf(costs: ArrayLike, solved: ArrayLike, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(cost, share): steps from (0, 0) up, at each cost the share of all n runs that were solved by then.

    costs, solved as in `expected_running_time`; n: how many runs there were, if some left no cost behind.
    """
    spent, success = _outcomes(costs, solved)
    n = len(spent) if n is None else n
    if n < len(spent):
        raise ValueError(f"n is the number of all runs, at least {len(spent)}; got {n}")
    at, times = np.unique(spent[success], return_counts=True)
    return np.concatenate([[0.0], at]), np.concatenate([[0.0], np.cumsum(times) / n])


def mann_whitney(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p of the Mann-Whitney test: exact for few runs, also with ties (the permutations of what was seen), and for up
    to 8 without; else normal, corrected for ties and continuity, as scipy's. NaN where one has no runs.

    Mann, Whitney: On a test of whether one of two random variables is stochastically larger than the other. Annals of
    Mathematical Statistics 18, 1947.
    """
    first, second = _known(a, "a"), _known(b, "b")
    m, n = len(first), len(second)
    if not m or not n:
        return math.nan
    if math.comb(m + n, m) <= EXACT:
        every = np.concatenate([first, second])
        ordered = np.sort(every)
        ranks = (np.searchsorted(ordered, every) + np.searchsorted(ordered, every, side="right") + 1) / 2
        sums = ranks[np.array(list(combinations(range(m + n), m)))].sum(axis=1)
        distance = np.abs(sums - m * (m + n + 1) / 2)
        return float((distance >= distance[0] - 1e-9).mean())  # the first combination is what was seen
    u = float(_wins(first, second).sum())
    ties = np.unique(np.concatenate([first, second]), return_counts=True)[1].astype(float)
    if min(m, n) <= 8 and ties.max() == 1:
        return min(1.0, 2 * _u_tail(round(max(u, m * n - u)), m, n))
    spread = math.sqrt(m * n / 12 * (m + n + 1 - float((ties**3 - ties).sum()) / ((m + n) * (m + n - 1))))
    distance = max(u, m * n - u) - m * n / 2 - 0.5
    return min(1.0, math.erfc(distance / spread / math.sqrt(2))) if spread else 1.0


def _u_tail(u: int, m: int, n: int) -> float:
    """P(U >= u) without ties: U counts the pairs that the first method wins, and every order of the m + n runs is as likely.
    How many orders give each U are the coefficients of the Gaussian binomial (Mann, Whitney 1947)."""
    orders = [1] + [0] * (m * n)
    for k in range(1, m + 1):  # times (1 - x^(n + k)) / (1 - x^k)
        for at in range(m * n, n + k - 1, -1):
            orders[at] -= orders[at - n - k]
        for at in range(k, m * n + 1):
            orders[at] += orders[at - k]
    return sum(orders[u:]) / math.comb(m + n, m)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted so that the probability of any false claim among them stays below 5 %.

    Holm: A simple sequentially rejective multiple test procedure. Scandinavian J. Statistics 6, 1979. NaN (no test was
    possible) stays NaN and does not count.
    """
    raw = np.asarray(p_values, dtype=float)
    order = np.argsort(raw)[: np.isfinite(raw).sum()]  # NaN sorts last
    adjusted = raw.copy()
    adjusted[order] = np.minimum(np.maximum.accumulate(raw[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted.tolist()


def magnitude(a12: float) -> str:
    """A `superiority` in words, the same on both sides of 1/2: from .56 "small", from .64 "medium", from .71 "large"
    (Vargha, Delaney 2000, table 1). ValueError outside 0 to 1."""
    if not 0 <= a12 <= 1:
        raise ValueError(f"a probability from 0 to 1 was expected; got {a12}")
    larger = max(a12, 1 - a12)
    return "negligible" if larger < 0.56 else "small" if larger < 0.64 else "medium" if larger < 0.71 else "large"


def _known(values: ArrayLike, name: str) -> np.ndarray:
    data = np.asarray(values, dtype=float)
    if np.isnan(data).any():
        raise ValueError(f"{name} must be numbers; {np.isnan(data).sum()} of {data.size} are NaN: leave those runs out")
    return data


def _outcomes(costs: ArrayLike, solved: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    spent, success = _known(costs, "costs"), np.asarray(solved, dtype=bool)
    if spent.shape != success.shape:
        raise ValueError(f"costs and solved must have one entry a run each; got {spent.shape} and {success.shape}")
    return spent, success


def _wins(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """(m, n): 1 where a run of a beats one of b, 1/2 where they tie."""
    first, second = _known(a, "a")[:, None], _known(b, "b")
    return (first > second) + 0.5 * (first == second)


def _generator() -> Generator:
    return Generator(Philox(key=KEY))


def _drawn(generator: Generator, n: int) -> np.ndarray:
    """(REPETITIONS, n): which of n runs are in each resample."""
    return generator.integers(n, size=(REPETITIONS, n))


def _counts(generator: Generator, n: int) -> np.ndarray:
    """(REPETITIONS, n): how often each of n runs is in each resample."""
    cells = _drawn(generator, n) + n * np.arange(REPETITIONS)[:, None]
    return np.bincount(cells.ravel(), minlength=REPETITIONS * n).reshape(REPETITIONS, n).astype(float)


def _percentiles(resampled: np.ndarray) -> Interval:
    ordered = np.partition(resampled, [TAIL - 1, REPETITIONS - TAIL])
    return float(ordered[TAIL - 1]), float(ordered[REPETITIONS - TAIL])
