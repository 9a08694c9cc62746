"""Selection of parents and number of offspring per species (Stanley and Miikkulainen 2002, sections 3.3 and 4.1).

Equation 2, explicit fitness sharing: a genome's fitness is divided by the size of its species, and a species gets offspring
in proportion to its members' total shared fitness.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import rng

_INT64, _FLOAT, _BOOL = types.int64[::1], types.float64[::1], types.boolean[::1]


@njit(_FLOAT(_FLOAT), cache=True)
def shareable(fitness):
    """Fitness (P,) scaled to magnitude <= 1 and shifted to be >= 0, as fitness sharing needs. Negative fitness is shifted by
    the population's minimum, so the worst genome gets 0. Non-finite fitness gets 0."""
    scale = lowest = 0.0
    for value in fitness:
        if np.isfinite(value):
            scale = max(scale, abs(value))
    scale = scale if scale > 0.0 else 1.0
    for value in fitness:
        if np.isfinite(value):
            lowest = min(lowest, value / scale)
    shared = np.zeros(fitness.size)
    for i in range(fitness.size):
        if np.isfinite(fitness[i]):
            shared[i] = fitness[i] / scale - lowest
    return shared


@njit(_INT64(_FLOAT, _INT64, _BOOL, types.int64), cache=True)
def offspring(fitness, species, allowed, size):
    """The number of offspring of each species, (S,), `size` in total: in proportion to the mean fitness of its members, which
    equals the sum of their shared fitness. fitness (P,) >= 0; species (P,); allowed (S,): which species may reproduce (if
    none: all).

    Quotas are rounded down; the rest goes to the largest fractions, ties to the oldest species. If all shares are 0, they are
    treated as equal.
    """
    share, members = np.zeros(allowed.size), np.zeros(allowed.size)
    for i in range(species.size):
        share[species[i]] += fitness[i]
        members[species[i]] += 1
    anyone = not allowed.any()
    for s in range(allowed.size):
        share[s] = share[s] / members[s] if allowed[s] or anyone else 0.0
    if share.sum() <= 0.0:
        for s in range(allowed.size):
            share[s] = 1.0 if allowed[s] or anyone else 0.0
    quota = share / share.sum() * size
    counts = quota.astype(np.int64)
    for s in np.argsort(counts - quota, kind="mergesort")[: size - counts.sum()]:
        counts[s] += 1
    return counts


FEW = 32  # members of a species that are sorted quickest by insertion


@njit(cache=True, nogil=True)
def _sort(members, fitness):
    """Sorts `members`, which ascend, in place: the fittest first, equal ones as they were."""
    if members.size > FEW:
        members[:] = members[np.argsort(-fitness[members], kind="mergesort")]
        return
    for k in range(1, members.size):
        own, to = members[k], k
        while to > 0 and fitness[members[to - 1]] < fitness[own]:
            members[to] = members[to - 1]
            to -= 1
        members[to] = own


class Ranking(NamedTuple):
    """The members of each species, fittest first: order[at[s] : at[s + 1]]. The first parents[s] of them may be parents."""

    order: np.ndarray
    at: np.ndarray
    parents: np.ndarray


RANKING = types.NamedUniTuple(_INT64, 3, Ranking)


@njit(RANKING(_FLOAT, _INT64, types.int64, types.float64), cache=True)
def ranking(fitness, species, count, survival):
    """fitness (P,), species (P,), `count` species. Parents: the best floor(survival n) + 1 of a species of n genomes (ties: the
    first in the population), excluding non-finite fitness while any member has a finite one."""
    at, able = np.zeros(count + 1, np.int64), np.zeros(count, np.int64)
    for i in range(species.size):
        at[species[i] + 1] += 1
        able[species[i]] += np.isfinite(fitness[i])
    parents = np.empty(count, np.int64)
    for s in range(count):
        size = at[s + 1]
        parents[s] = min(int(survival * size + 1e-9) + 1, able[s] if able[s] > 0 else size)
        at[s + 1] += at[s]
    order, free = np.empty(species.size, np.int64), at[:-1].copy()
    for i in range(species.size):
        order[free[species[i]]] = i
        free[species[i]] += 1
    for s in range(count):
        _sort(order[at[s] : at[s + 1]], fitness)
    return Ranking(order, at, parents)


@njit(_INT64(RANKING, types.boolean, types.int64, types.int64), cache=True)
def representatives(ranks, random, generation, seed):
    """Section 3.3: a random member of each species; or its champion. Indices (S,)."""
    chosen = np.zeros(ranks.parents.size, np.int64)
    if random:
        rng.fill(chosen, 0, generation, rng.SPECIES, seed)
    for s in range(chosen.size):
        first, members = ranks.at[s], ranks.at[s + 1] - ranks.at[s]
        chosen[s] = ranks.order[first + ((chosen[s] * members) >> 32)]
    return chosen
