"""The runs of a method as one curve: the interquartile mean of its seeds with its 95 % interval, at a few places."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scenarios.lab.report import stats

Rows = list[dict[str, Any]]
Run = tuple[np.ndarray, np.ndarray, bool]  # x (T,), rising; y (T,); whether it keeps its last value

POINTS = 80  # of a curve


def band_rows(runs: Mapping[str, Sequence[Run]], spaced: Callable[..., np.ndarray]) -> Rows:
    """method, x, y (interquartile mean), low, high, seeds: how many have got so far; POINTS of a method, `spaced`.

    Those of `runs` that keep their last value have it up to the end of the longest of all, others count as far as they went. A
    curve goes as far as half of its runs did.
    """
    rows: Rows = []
    longest = max((x[-1] for own in runs.values() for x, _, _ in own), default=math.nan)
    for label, own in runs.items():
        if not own:
            continue
        ends = sorted((longest if keeps else x[-1] for x, _, keeps in own), reverse=True)
        first, last = max(x[0] for x, _, _ in own), ends[(len(ends) - 1) // 2]
        at = spaced(min(first, last), last, POINTS) if last > first else np.array([last], float)
        at[-1] = last
        values = np.array([_sampled(run, at) for run in own])
        middle, low, high = _summary(values)
        known = np.isfinite(values).sum(0)
        for k in np.flatnonzero(known):
            row = {"method": label, "x": short(at[k]), "y": short(middle[k]), "seeds": int(known[k])}
            rows.append(row | {"low": short(low[k], row["y"]), "high": short(high[k], row["y"])})
    return rows


def short(value: float, otherwise: Any = None) -> Any:
    """Five digits are enough to draw with; `otherwise` for nan."""
    return otherwise if math.isnan(value) else float(f"{value:.5g}")


def _sampled(run: Run, at: np.ndarray) -> np.ndarray:
    """The run's values at the places `at` (T,): nan before its first row, and where it has not got yet."""
    x, y, keeps = run
    row = np.searchsorted(x, at, side="right") - 1
    values = np.where(row >= 0, y[row], np.nan)
    return values if keeps else np.where(at <= x[-1], values, np.nan)


def _summary(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interquartile mean, low and high (T,) over the seeds that have a value at each point; values (n, T)."""
    middle, low, high = np.full((3, values.shape[1]), np.nan)
    known = np.isfinite(values)
    for pattern in np.unique(known, axis=1).T:
        if pattern.any():
            columns = (known == pattern[:, None]).all(0)
            own = values[np.ix_(pattern, columns)]
            middle[columns] = stats.iqm(own)
            low[columns], high[columns] = stats.iqm_interval(own)
    return middle, low, high
