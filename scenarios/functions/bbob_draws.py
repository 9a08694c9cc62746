"""The draws that make BBOB's instances: every implementation must have these to the last digit, so they stay those of 2009.

Hansen, Finck, Ros and Auger: Real-parameter black-box optimization benchmarking 2009: noiseless functions definitions. INRIA
RR-6829. The report leaves the generators to its code; they are described here from COCO's (`bbob2009_unif`, `bbob2009_gauss`).
"""

from __future__ import annotations

import numpy as np

MODULUS = 2**31 - 1  # of the generator of Park and Miller: s <- 16807 s mod (2^31 - 1)
TABLE = 32  # numbers that wait to be dealt out in another order (Bays and Durham)
DISCARDED = 8  # draws before the table is filled


def uniforms(seed: int, count: int) -> np.ndarray:
    """`count` numbers in (0, 1), (count,) float64: 16807 s mod (2^31 - 1), shuffled by a table. seed: >= 1."""
    state = seed

    def following() -> int:
        # Schrage's way, as there: the first one, where the seed is beyond the modulus, is not s * 16807 mod it.
        nonlocal state
        high = state // 127773
        state = 16807 * (state - high * 127773) - 2836 * high
        state += MODULUS * (state < 0)
        return state

    table = [following() for _ in range(DISCARDED + TABLE)][: DISCARDED - 1 : -1]
    drawn, out = table[0], np.empty(count)
    for k in range(count):
        fresh, place = following(), drawn // 67108865
        drawn, table[place] = table[place], fresh
        out[k] = drawn / MODULUS
    return np.where(out == 0, 1e-99, out)


def gaussians(seed: int, count: int) -> np.ndarray:
    """`count` numbers of N(0, 1), (count,), by Box and Muller from twice as many uniforms."""
    radius, angle = uniforms(seed, 2 * count).reshape(2, count)
    out = np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)
    return np.where(out == 0, 1e-99, out)


def rotation(seed: int, dimension: int) -> np.ndarray:
    """An orthogonal matrix (D, D): Gaussian columns, made orthonormal one after another (Gram and Schmidt)."""
    rows = gaussians(seed, dimension**2).reshape(dimension, dimension)  # the columns, transposed
    product = lambda one, other: np.cumsum(one * other)[-1]  # term after term, as there
    for i, own in enumerate(rows):
        for other in rows[:i]:
            own -= product(own, other) * other
        own /= np.sqrt(product(own, own))
    return np.ascontiguousarray(rows.T)


def optimum(seed: int, dimension: int) -> np.ndarray:
    """Where the optimum lies (D,): uniform in [-4, 4] in steps of .0008, never 0."""
    out = 8 * np.floor(1e4 * uniforms(seed, dimension)) / 1e4 - 4
    return np.where(out == 0, -1e-5, out)


def optimal_value(seed: int) -> float:
    """f_opt: a ratio of two Gaussians times 100, in steps of .01, within -1000 .. 1000."""
    ratio = gaussians(seed, 1)[0] / gaussians(seed + 1, 1)[0]
    return float(np.clip(np.floor(1e4 * ratio + 0.5) / 100, -1000, 1000))
