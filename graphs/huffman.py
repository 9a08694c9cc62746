"""The Huffman tree of a hierarchical softmax: frequent nodes have short paths.

Huffman: A method for the construction of minimum-redundancy codes. 1952. Mikolov et al. 2013, section 2.1: the probability of a
node is the product over the inner nodes of its path of that of the turn taken there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from evo.genomes.genome import offsets


class Paths(NamedTuple):
    """From the root to leaf v: inner nodes nodes[indptr[v]:indptr[v + 1]] (int32, of 0 .. N-2), and the turns taken there,
    codes (int8, 0 or 1)."""

    indptr: np.ndarray
    nodes: np.ndarray
    codes: np.ndarray


def paths(counts: np.ndarray) -> Paths:
    """Of leaves with such counts (N,); N = 0: no paths. Equal counts are merged in the order of the leaves."""
    if len(counts) < 2:
        return Paths(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int8))
    order = np.argsort(counts, kind="stable")
    parent, turn = _merged(counts[order].astype(np.int64))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    depths = np.zeros(len(parent), np.int64)
    for node in range(len(parent) - 2, -1, -1):  # a parent has a higher number
        depths[node] = depths[parent[node]] + 1
    indptr = offsets(depths[place])
    nodes, codes = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.int8)
    _followed(place, parent, turn, indptr, nodes, codes)
    return Paths(indptr, nodes, codes)


@njit(cache=True, nogil=True)
def _merged(counts):
    """Parents and turns of leaves 0 .. N-1, of ascending counts, and inner nodes N .. 2 N - 2, made in ascending order too: the
    next smallest is the first that is left of either."""
    n = len(counts)
    total, parent, turn = np.empty(2 * n - 1, np.int64), np.zeros(2 * n - 1, np.int64), np.zeros(2 * n - 1, np.int8)
    total[:n] = counts
    leaf, inner = 0, n
    for made in range(n, 2 * n - 1):
        total[made] = 0
        for side in range(2):
            if leaf < n and (inner == made or total[leaf] <= total[inner]):
                least = leaf
                leaf += 1
            else:
                least = inner
                inner += 1
            total[made] += total[least]
            parent[least], turn[least] = made, side
    return parent, turn


@njit(cache=True, nogil=True)
def _followed(place, parent, turn, indptr, nodes, codes):
    n = len(place)
    for v in range(n):
        node = place[v]
        for k in range(indptr[v + 1] - 1, indptr[v] - 1, -1):
            codes[k], nodes[k] = turn[node], parent[node] - n
            node = parent[node]
