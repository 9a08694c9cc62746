"""Which networks of a population compute the same nodes from the same connections, and so differ in their numbers alone.

Inside episodes such networks run together, a lane each (`policy`): early in an evolution most of a population, later siblings,
and always the episodes of one network.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from evo.activations import SUM
from evo.network.program import PROGRAM, Program

_FACTOR = 1099511628211  # of the hash FNV-1a, in 64 bits that wrap
_INT64, _LONG = types.int64[::1], types.int64


@njit(types.boolean(PROGRAM, _LONG), cache=True, nogil=True, _nrt=False)
def _sums(program, g):
    first, sums = program.slots_at[g], 0
    for step in range(first, first + program.steps[g]):
        sums += program.aggregation[first + program.node[step]] == SUM
    return sums == program.steps[g]


@njit(types.int64(PROGRAM, _LONG), cache=True, nogil=True, _nrt=False)
def _hash(program, g):
    first, result = program.slots_at[g], program.first_output[g]
    for step in range(first, first + program.steps[g]):
        s = first + program.node[step]
        result = (result ^ program.node[step]) * _FACTOR
        result = (result ^ program.activation[s]) * _FACTOR
        for k in range(program.first[s], program.last[s]):
            result = (result ^ program.connection_source[k]) * _FACTOR
    return result ^ (result >> 32)


@njit(types.boolean(PROGRAM, _LONG, _LONG), cache=True, nogil=True, _nrt=False)
def _equal(program, a, b):
    if program.steps[a] != program.steps[b] or program.first_output[a] != program.first_output[b]:
        return False
    for step in range(program.steps[a]):
        node = program.node[program.slots_at[a] + step]
        one, other = program.slots_at[a] + node, program.slots_at[b] + node
        count = program.last[one] - program.first[one]
        if program.node[program.slots_at[b] + step] != node or program.last[other] - program.first[other] != count:
            return False
        if program.activation[one] != program.activation[other]:
            return False
        for k in range(count):
            source = program.connection_source[program.first[other] + k]
            if program.connection_source[program.first[one] + k] != source:
                return False
    return True


@njit(types.void(PROGRAM, _INT64, _INT64), cache=True, nogil=True, _nrt=False)
def _find(program, found, table):
    """table: indices of networks by their hash, -1: none; a power of two, more than there are networks."""
    for g in range(found.size):
        found[g] = -1
        if program.time_step > 0 or not _sums(program, g):
            continue
        at = _hash(program, g) & (table.size - 1)
        while table[at] >= 0 and not _equal(program, table[at], g):
            at = (at + 1) & (table.size - 1)
        table[at] = g if table[at] < 0 else table[at]
        found[g] = table[at]


def topologies(program: Program) -> np.ndarray:
    """The index of the first network with the same topology (P,) int64; below 0 for those that run alone: with an aggregation
    other than a sum, or in continuous time."""
    size = len(program.depth)
    found, table = np.empty(size, np.int64), np.full(2 << max(1, size).bit_length(), -1)
    _find(program, found, table)
    return found
