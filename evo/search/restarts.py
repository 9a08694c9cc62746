"""BIPOP restarts (Hansen: Benchmarking a bi-population CMA-ES on the BBOB-2009 function testbed, GECCO 2009 workshop)."""

from __future__ import annotations

import math
from typing import NamedTuple

from evo import rng


class Run(NamedTuple):
    """One run between restarts. size: P; factor: of the initial step size; most: generations, 0 for no limit; small: of the
    regime with small populations; doubled: how often the large one's was doubled."""

    size: int
    factor: float = 1.0
    most: int = 0
    small: bool = False
    doubled: int = 0


def longest(run: Run, dimensions: int) -> int:
    """Generations after which a run ends: MaxIter, 100 + 50 (D + 3)^2 / sqrt(P), and the limit of its own."""
    most = 100 + int(50 * (dimensions + 3) ** 2 / math.sqrt(run.size))
    return min(most, run.most) if run.most else most


def after(last: Run, restart: int, *, first_size: int, spent_small: int, spent_large: int, seed: int) -> Run:
    """The run that follows `last`: of the regime that has spent fewer evaluations, the first run among the small ones. The
    large one doubles its population each time; the small one draws size and step size, and has half of what the large one has
    spent."""
    if spent_small < spent_large:
        one, other = rng.uniforms(seed, restart, 0, rng.STARTS, 2)
        size = int(first_size * 2.0 ** (last.doubled * float(one) ** 2))
        most = max(1, spent_large // (2 * size))
        return Run(size, factor=0.01 ** float(other), most=most, small=True, doubled=last.doubled)
    doubled = last.doubled + 1
    return Run(first_size * 2**doubled, doubled=doubled)
