"""Crossover and mutation of real vectors: how the next generation comes from chosen parents.

Crossover: uniform (Syswerda 1989), one-point (Holland 1975), BLX-alpha (Eshelman and Schaffer 1993), and simulated
binary, SBX (Deb and Agrawal: Simulated binary crossover for continuous search space. Complex Systems 9, 1995).
Mutation: Gaussian; polynomial (Deb and Goyal: A combined genetic adaptive search for engineering design. Computer Science
and Informatics 26, 1996); self-adaptive (Baeck and Schwefel: An overview of evolutionary algorithms for parameter
optimization. Evolutionary Computation 1, 1993): Gaussian, by a step size that each individual inherits and mutates.
Every random number is a function of (seed, generation, place, gene).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.vectors.points import VECTORS

CROSSOVERS = {"uniform": 0, "one-point": 1, "blx-alpha": 2, "sbx": 3}
MUTATIONS = {"gaussian": 0, "polynomial": 1, "self-adaptive": 2}


def children(
    parents: np.ndarray,
    pairs: np.ndarray,
    options: Any,
    *,
    elites: int,
    generation: int,
    seed: int,
    steps: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A child (n, D) for each of `pairs` (n, 2), places in `parents` (P, D); and their step sizes (n,).

    The first `elites` are copies of their first parent. options: an object with the settings of `evo.search.ga.GASettings` that
    concern crossover and mutation. steps (P,): the parents' step sizes, if they adapt. In `pairs` it is noted, in place,
    that a child without crossover has one parent.
    """
    count, genes = len(pairs), parents.shape[1]
    child, own = np.empty((count, genes), parents.dtype), np.empty(count)
    if steps is None:
        size = options.mutation_reach if options.mutation == "polynomial" else options.mutation_std
        steps = np.full(len(parents), size)
    numbers = (
        elites,
        CROSSOVERS[options.crossover],
        _threshold(options.crossover_rate),
        options.sbx_eta if options.crossover == "sbx" else options.blx_alpha,
        MUTATIONS.get(options.mutation, 0),
        _threshold(options.mutation_rate if options.mutation in MUTATIONS else 0.0),  # others add their noise themselves
        options.mutation_eta,
        generation,
        rng.signed(seed),
    )
    threads.each(lambda a, b: _breed(child, own, parents, steps, pairs, a, b, *numbers), count)
    return child, own


def noise(children: np.ndarray, options: Any, *, elites: int, generation: int, seed: int) -> np.ndarray:
    """What Gaussian mutation would add to children (n, D), float32: nothing to the elites."""
    out = np.zeros(children.shape, np.float32)
    numbers = elites, _threshold(options.mutation_rate), options.mutation_std, generation, rng.signed(seed)
    threads.each(lambda a, b: _noise(out, a, b, *numbers), len(out))
    return out


def _threshold(probability: float) -> int:
    """A 32-bit word below it comes with this probability."""
    return round(probability * 2**32)


@njit(cache=True, nogil=True)
def _uniform(out, a, b, i, generation, seed):
    """Each gene from either parent with equal probability: one random bit a gene."""
    for block in range((out.size + 127) // 128):
        four = rng.philox(1 + block, i, generation, rng.CROSSOVER, seed)
        for k in range(4):
            word, base = four[k], 128 * block + 32 * k
            for bit in range(min(32, out.size - base)):
                one, other = a[base + bit], b[base + bit]
                out[base + bit] = one if (word >> bit) & 1 else other


@njit(cache=True, nogil=True)
def _blend(out, a, b, alpha, i, generation, seed):
    """BLX-alpha: uniform on the interval between the parents, widened by alpha times its length on both sides."""
    for block in range((out.size + 3) // 4):
        four = rng.philox(1 + block, i, generation, rng.CROSSOVER, seed)
        for k in range(min(4, out.size - 4 * block)):
            g = 4 * block + k
            low, high = min(a[g], b[g]), max(a[g], b[g])
            reach = alpha * (high - low)
            out[g] = low - reach + (high - low + 2 * reach) * rng.uniform(four[k])


@njit(cache=True, nogil=True)
def _simulated_binary(out, a, b, eta, i, generation, seed):
    """SBX, one of its two children. A gene is crossed with probability 1/2, else it is the first parent's.

    Crossed, the genes of the two children lie beta times as far from their parents' mean as the parents, on both
    sides: density (eta + 1) / 2 * beta^eta up to 1, (eta + 1) / 2 / beta^(eta + 2) beyond. Weights have no bounds, so
    the density is not cut. Of a word one bit says whether, one on which side, and 30 how far.
    """
    power = 1.0 / (eta + 1.0)
    for block in range((out.size + 3) // 4):
        four = rng.philox(1 + block, i, generation, rng.CROSSOVER, seed)
        for k in range(min(4, out.size - 4 * block)):
            g = 4 * block + k
            if four[k] & 1:
                u = ((four[k] >> 2) + 0.5) / 2**30
                beta = (2.0 * u) ** power if u < 0.5 else (0.5 / (1.0 - u)) ** power
                away = 0.5 * beta * (a[g] - b[g])
                out[g] = 0.5 * (a[g] + b[g]) + (away if four[k] & 2 else -away)
            else:
                out[g] = a[g]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _log_miss(below):
    """log(1 - p) of the probability p = below / 2^32."""
    return math.log1p(-below / 2.0**32) if below < 2**32 else -math.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _gaussian(out, below, std, i, generation, seed):
    """Each gene with probability below / 2^32 gets N(0, std^2) added; a draw is for two genes that mutate."""
    if below == 0 or std == 0.0:
        return
    log_miss, g, draw = _log_miss(below), -1, 0
    while True:
        one, two, word0, word1 = rng.philox(draw, i, generation, rng.MUTATION, seed)
        noise0, noise1 = rng.normals(word0, word1)
        g += 1 + rng.gap(one, log_miss)
        if g >= out.size:
            return
        out[g] += std * noise0
        g += 1 + rng.gap(two, log_miss)
        if g >= out.size:
            return
        out[g] += std * noise1
        draw += 1


@njit("void(float32[:, ::1], int64, int64, int64, int64, float64, int64, int64)", cache=True, nogil=True, error_model="numpy")
def _noise(out, start, stop, elites, below, std, generation, seed):
    for i in range(max(start, elites), stop):
        _gaussian(out[i], below, std, i, generation, seed)


@njit(cache=True, nogil=True, error_model="numpy")
def _polynomial(out, below, reach, eta, i, generation, seed):
    """Each gene with probability below / 2^32 gets reach * delta added: density (eta + 1) / 2 * (1 - |delta|)^eta.

    In the paper reach is the width of a gene's bounds; a weight has none, so it is a setting. Draws as of `_gaussian`.
    """
    if below == 0:
        return
    power, log_miss, g, draw = 1.0 / (eta + 1.0), _log_miss(below), -1, 0
    while True:
        words = rng.philox(draw, i, generation, rng.MUTATION, seed)
        for k in range(2):
            g += 1 + rng.gap(words[k], log_miss)
            if g >= out.size:
                return
            u = rng.uniform(words[2 + k])
            delta = (2.0 * u) ** power - 1.0 if u < 0.5 else 1.0 - (2.0 * (1.0 - u)) ** power
            out[g] += reach * delta
        draw += 1


# child, step; parent, parent_step; pairs; start, stop, elites, crossover, crossover_below; spread; mutation, mutation_below;
# eta; generation, seed
_INT, _FLOAT, _STEPS = types.int64, types.float64, types.float64[::1]
_BRED = types.int64[:, ::1], *5 * [_INT], _FLOAT, _INT, _INT, _FLOAT, _INT, _INT


@njit([types.void(kind, _STEPS, kind, _STEPS, *_BRED) for kind in VECTORS], cache=True, nogil=True)
def _breed(
    child,
    step,
    parent,
    parent_step,
    pairs,
    start,
    stop,
    elites,
    crossover,
    crossover_below,
    spread,
    mutation,
    mutation_below,
    eta,
    generation,
    seed,
):
    """Writes places start .. stop of `child` and `step`, and in `pairs` that a child without crossover has one parent.

    spread: alpha of BLX, eta of SBX; eta: that of polynomial mutation.
    """
    tau = 1.0 / math.sqrt(parent.shape[1])
    for i in range(start, stop):
        a, b = parent[pairs[i, 0]], parent[pairs[i, 1]]
        out = child[i]
        step[i] = parent_step[pairs[i, 0]]
        if i < elites:
            out[:] = a
            continue
        coin, cut, _, _ = rng.philox(0, i, generation, rng.CROSSOVER, seed)
        if coin >= crossover_below:
            pairs[i, 1] = pairs[i, 0]
            out[:] = a
        elif crossover == 0:
            _uniform(out, a, b, i, generation, seed)
        elif crossover == 1:
            point = 1 + ((cut * max(1, out.size - 1)) >> 32)
            out[:point] = a[:point]
            out[point:] = b[point:]
        elif crossover == 2:
            _blend(out, a, b, spread, i, generation, seed)
        else:
            _simulated_binary(out, a, b, spread, i, generation, seed)
        if mutation == 2:  # the geometric mean of the parents' step sizes, times a log-normal number
            grown = math.exp(tau * rng.four_normals(0, i, generation, rng.STEP_SIZE, seed)[0])
            step[i] = math.sqrt(step[i]) * math.sqrt(parent_step[pairs[i, 1]]) * grown
        if mutation == 1:
            _polynomial(out, mutation_below, step[i], eta, i, generation, seed)
        else:
            _gaussian(out, mutation_below, step[i], i, generation, seed)
