"""The constants of CMA-ES and its stopping criteria (Hansen: The CMA evolution strategy: a tutorial, arXiv 1604.00772;
equations are of that paper)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Constants:
    """Table 1 for D dimensions and P vectors a generation. weights (P,): of each rank from the best; the negative ones, of
    active CMA, sum to less than 0. scale: of the learning rates of the matrix, (D + 2) / 3 for a diagonal one (Ros and Hansen
    2008)."""

    weights: np.ndarray
    mass: float  # mu_eff
    path: float  # c_c
    step_path: float  # c_sigma
    damping: float  # d_sigma
    one: float  # c_1
    many: float  # c_mu
    length: float  # E |N(0, I)|

    @classmethod
    @lru_cache(maxsize=32)  # asked for every generation
    def of(cls, dimensions: int, size: int, scale: float = 1.0) -> Constants:
        n = dimensions
        raw = math.log((size + 1) / 2) - np.log(np.arange(1, size + 1))  # (49)
        good, bad = np.maximum(raw, 0.0), np.minimum(raw, 0.0)
        mass = float(good.sum() ** 2 / (good**2).sum())
        bad_mass = float(bad.sum() ** 2 / (bad**2).sum())
        path = (4 + mass / n) / (n + 4 + 2 * mass / n)  # (56)
        step_path = (mass + 2) / (n + mass + 5)  # (55)
        damping = 1 + 2 * max(0.0, math.sqrt((mass - 1) / (n + 1)) - 1) + step_path  # (55)
        one = scale * 2 / ((n + 1.3) ** 2 + mass)  # (57)
        one = min(one, 1.0)
        many = min(1 - one, scale * 2 * (1 / 4 + mass + 1 / mass - 2) / ((n + 2) ** 2 + mass))  # (58)
        most = 1 + one / many if many else 0.0  # (50)
        most = min(most, 1 + 2 * bad_mass / (mass + 2))  # (51)
        most = min(most, (1 - one - many) / (n * many) if many else 0.0)  # (52)
        weights = good / good.sum() + bad / -bad.sum() * most  # (53)
        weights.setflags(write=False)
        length = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
        return cls(weights, mass, path, step_path, damping, one, many, length)


def stopped(
    history: np.ndarray,
    fitness: np.ndarray,
    *,
    mean: np.ndarray,
    sigma: float,
    deviations: np.ndarray,
    path: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    first: float,
) -> str:
    """The first criterion of appendix B.3 that is met, or "".

    history (2, T): best and median fitness of the run's generations; fitness (P,): of the last, whose non-finite values do not
    count; deviations (D,): square roots of the diagonal of C; path: p_c; axes: lengths (D,) of the principal axes, and the
    axes, columns (D, D), or (D,) where they are the coordinates'; first: sigma at the beginning."""
    dimensions, size, steps = len(mean), len(fitness), history.shape[1]
    lengths, basis = axes
    recent = history[0, -(10 + math.ceil(30 * dimensions / size)) :]
    enough = len(recent) == 10 + math.ceil(30 * dimensions / size)
    finite = fitness[np.isfinite(fitness)]
    span = np.ptp(recent) if np.isfinite(recent).all() else np.inf
    if enough and span == 0:
        return "equal fitness"
    if enough and max(span, np.ptp(finite) if len(finite) else np.inf) < 1e-12:
        return "tolerance of fitness"
    if (sigma * deviations < 1e-12 * first).all() and (sigma * np.abs(path) < 1e-12 * first).all():
        return "tolerance of x"
    if sigma * lengths.max() > 1e4 * first:
        return "diverging step size"
    if lengths.max() > 1e7 * lengths.min():
        return "condition of the covariance"
    if (mean == mean + 0.2 * sigma * deviations).any():
        return "no effect on a coordinate"
    axis = steps % dimensions
    step = 0.1 * sigma * lengths[axis] * (basis[:, axis] if basis.ndim == 2 else np.eye(1, dimensions, axis)[0])
    if (mean == mean + step).all():
        return "no effect along an axis"
    return "stagnation" if _stagnant(history, dimensions, size) else ""


def _stagnant(history: np.ndarray, dimensions: int, size: int) -> bool:
    """Whether neither best nor median of the last 30 % of the window is better than in its first 30 %, by their medians."""
    window = min(20_000, max(history.shape[1] // 5, math.ceil(120 + 30 * dimensions / size)))
    if history.shape[1] < window:
        return False
    seen, part = history[:, -window:], max(1, int(0.3 * window))
    return bool((np.median(seen[:, -part:], axis=1) <= np.median(seen[:, :part], axis=1)).all())
