"""Circuits around trees along which something spreads from a node.

Rozemberczki, Sarkar: Fast sequence-based embedding with diffusion graphs. CompleNet 2018, section 3.1: of the nodes reached
so far one is drawn, and one of its neighbours; if that is new, it is reached, by this edge. The edges are a tree. Each taken
both ways, they are the steps of a circuit (Euler), which visits a node as often as it has edges in the tree, and the first once
more.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from evo import rng, threads
from evo.rng import philox
from graphs.data import Graph
from graphs.walks import GRAIN, Transitions, drawn, transitions


def diffusion_circuits(graph: Graph, *, circuits_per_node: int, size: int, seed: int = 0) -> np.ndarray:
    """Circuits (W, 2 size - 1) int32 of rows of nodes, W = circuits_per_node * N: in each pass over the nodes one from each,
    in a random order, around a tree of `size` nodes, or of all that there are in its component.

    A shorter circuit is filled up with -1. Children are visited in the order in which they were reached. Neighbours are drawn
    by weight; a directed graph is taken as undirected. Raises ValueError for negative weights, and for arguments below 1.
    """
    for name, number in (("circuits_per_node", circuits_per_node), ("size", size)):
        if number < 1:
            raise ValueError(f"{name}: expected a whole number >= 1; got {number}")
    table = transitions(graph.undirected())
    nodes, key = len(graph), rng.signed(seed)
    sizes = np.minimum(_component_sizes(table), size)
    circuits = np.empty((circuits_per_node * nodes, 2 * size - 1), np.int32)
    for number in range(circuits_per_node):
        circuits[number * nodes : (number + 1) * nodes, 0] = rng.permutation(seed, number, 0, rng.DIFFUSION, nodes)

    def part(start: int, stop: int) -> None:
        reached, scratch = np.full(nodes, -1), np.empty((4, size), np.int64)
        _spread(circuits, start, stop, table, sizes, reached, scratch, key)

    threads.each(part, len(circuits), GRAIN)
    return circuits


def _component_sizes(table: Transitions) -> np.ndarray:
    """How many nodes (N,) there are in the component of each."""
    entries = np.ones(len(table.indices)), table.indices, table.indptr
    names = connected_components(csr_array(entries, shape=(len(table.sums),) * 2), directed=False)[1]
    return np.bincount(names)[names]


@njit(cache=True, nogil=True)
def _spread(circuits, start, stop, table, sizes, reached, scratch, seed):
    """reached (N,): the last circuit that met a node; scratch (4, size): of the tree's nodes their rows, their parents, the
    child to be visited next, and the sibling after it."""
    member, parent, child, sibling = scratch[0], scratch[1], scratch[2], scratch[3]
    nodes = len(sizes)
    for row in range(start, stop):
        member[0], child[0], found, draw = circuits[row, 0], -1, 1, 0
        reached[member[0]] = row
        while found < sizes[member[0]]:
            word0, word1, word2, _ = philox(draw, member[0] + 1, row // nodes, rng.DIFFUSION, seed)
            draw += 1
            k = (word0 * found) >> 32
            begin = table.indptr[member[k]]
            x = np.int64(table.indices[begin + drawn(table, member[k], table.indptr[member[k] + 1] - begin, word1, word2)])
            if reached[x] != row:
                reached[x] = row
                member[found], parent[found], child[found] = x, k, -1
                found += 1
        for k in range(found - 1, 0, -1):
            sibling[k], child[parent[k]] = child[parent[k]], k
        at, place = 0, 0
        while place < 2 * found - 2:
            if child[at] >= 0:
                below = child[at]
                child[at], at = sibling[below], below
            else:
                at = parent[at]
            place += 1
            circuits[row, place] = member[at]
        circuits[row, place + 1 :] = -1
