"""Random walks over a graph: uniform, by weights, or of second order (node2vec).

Perozzi, Al-Rfou, Skiena: DeepWalk: online learning of social representations. KDD 2014, Algorithm 1, lines 3 to 6: passes over
the nodes in a random order, a walk from each.
Grover, Leskovec: node2vec: scalable feature learning for networks. KDD 2016, section 3.2: coming from t, the edge (v, x) is
taken with probability proportional to a(t, x) w(v, x), where a is 1 / p if x = t, 1 if there is an edge (t, x), and 1 / q
otherwise.

Weights are drawn by the alias method, a step of second order by rejection: no table of pairs of edges is made,
which would not fit into memory. Where 1 / p is above all else, the edge back has a share of its own, so that few draws are
rejected (Yang et al.: KnightKing. SOSP 2019, section 4.2); where many are, because p is high or q is low and no other edge
leaves, the whole row is looked at. A walk's draws are a function of (seed, pass, node, step): threads change no byte.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from evo import rng, threads
from evo.genomes.genome import offsets
from evo.rng import philox, uniform
from graphs.alias import alias_tables
from graphs.data import Graph

GRAIN = 256  # walks of a thread's smallest part
TRIES = 64  # rejected draws of a step of second order, or as many as the row is long, before the whole row is looked at


class Transitions(NamedTuple):
    """A graph's edges of positive weight, as kernels read them: rows (indptr, indices); weights of the entries, and their sums
    (N,); of the alias method, the words below which entry k is drawn as it is, and the place in the row of the other one."""

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    sums: np.ndarray
    words: np.ndarray
    others: np.ndarray
    symmetric: bool
    weighted: bool


def random_walks(
    graph: Graph, *, walks_per_node: int, length: int, p: float = 1.0, q: float = 1.0, seed: int = 0
) -> np.ndarray:
    """Walks (W, length) int32 of rows of nodes, W = walks_per_node * N: in each pass over the nodes, one from each, in a random
    order.

    Where no edge leaves a node, a walk ends, and the rest is -1. p, q > 0: return and in-out parameter; with 1 and 1 the next
    node depends on the present one alone. Weights say how often an edge is taken; one of weight 0 never is. Raises ValueError
    for negative weights, and for arguments out of their range.
    """
    for name, number in (("walks_per_node", walks_per_node), ("length", length)):
        if number < 1:
            raise ValueError(f"{name}: expected a whole number >= 1; got {number}")
    for name, value in (("p", p), ("q", q)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name}: expected a number above 0; got {value}")
    table, nodes, key = transitions(graph), len(graph), rng.signed(seed)
    walks = np.empty((walks_per_node * nodes, length), np.int32)
    for number in range(walks_per_node):
        walks[number * nodes : (number + 1) * nodes, 0] = rng.permutation(seed, number, 0, rng.WALKS, nodes)

    def part(start: int, stop: int) -> None:
        if p == q == 1:
            _first_order(walks, start, stop, table, nodes, key)
        else:
            _second_order(walks, start, stop, table, nodes, 1.0 / p, 1.0 / q, key)

    threads.each(part, len(walks), GRAIN)
    return walks


def transitions(graph: Graph) -> Transitions:
    """What the kernels need of a graph. Raises ValueError for a negative weight."""
    indptr, indices, weights = graph.indptr, graph.indices, graph.weights
    if weights is None:
        none = np.empty(0)
        sums = graph.degrees.astype(np.float64)
        table = none.astype(np.int64), none.astype(np.int32)
        return Transitions(indptr, indices, none, sums, *table, not graph.directed, False)
    graph.refuse_negative_weights("a walk")
    kept = weights > 0
    indptr, indices, weights = offsets(kept)[indptr], indices[kept], weights[kept]
    return Transitions(indptr, indices, weights, *alias_tables(indptr, weights), not graph.directed, True)


@njit(cache=True, nogil=True, inline="always")
def drawn(table, v, degree, word0, word1):
    """The place in the row of v of an edge, drawn by its weight from two words."""
    k = (word0 * degree) >> 32
    if table.weighted and word1 >= table.words[table.indptr[v] + k]:
        k = np.int64(table.others[table.indptr[v] + k])
    return k


@njit(cache=True, nogil=True)
def _place(table, v, x):
    """Where in `indices` the edge (v, x) stands; -1: there is none."""
    low, high = table.indptr[v], table.indptr[v + 1]
    while low < high:
        middle = (low + high) >> 1
        if table.indices[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low if low < table.indptr[v + 1] and table.indices[low] == x else -1


@njit(cache=True, nogil=True, inline="always")
def _joined(table, t, x):
    """Is there an edge (t, x)? The shorter row is searched where both hold it."""
    if table.symmetric and table.indptr[x + 1] - table.indptr[x] < table.indptr[t + 1] - table.indptr[t]:
        return _place(table, x, t) >= 0
    return _place(table, t, x) >= 0


@njit(cache=True, nogil=True, inline="always")
def _biased(table, t, place, back, out):
    """a(t, x) times the weight of the edge to x at a place."""
    x = np.int64(table.indices[place])
    factor = back if x == t else 1.0 if _joined(table, t, x) else out
    return factor * (table.weights[place] if table.weighted else 1.0)


@njit(cache=True, nogil=True)
def _scanned(table, t, v, back, out, share):
    """The node after t and v up to which the edges of v have this share of all probability."""
    total, below = 0.0, 0.0
    for place in range(table.indptr[v], table.indptr[v + 1]):
        total += _biased(table, t, place, back, out)
    for place in range(table.indptr[v], table.indptr[v + 1] - 1):
        below += _biased(table, t, place, back, out)
        if below > share * total:
            return np.int64(table.indices[place])
    return np.int64(table.indices[table.indptr[v + 1] - 1])


@njit(cache=True, nogil=True)
def _first_order(walks, start, stop, table, nodes, seed):
    length = walks.shape[1]
    for row in range(start, stop):
        first = np.int64(walks[row, 0])
        v, step, block = first, 1, 0
        while step < length:
            word0, word1, word2, word3 = philox(block, first + 1, row // nodes, rng.WALKS, seed)
            block += 1
            for half in range(2):
                if step == length:
                    break
                degree = table.indptr[v + 1] - table.indptr[v]
                if degree == 0:
                    walks[row, step:] = -1
                    step = length
                    break
                k = drawn(table, v, degree, word2 if half else word0, word3 if half else word1)
                v = np.int64(table.indices[table.indptr[v] + k])
                walks[row, step] = v
                step += 1


@njit(cache=True, nogil=True)
def _second_order(walks, start, stop, table, nodes, back, out, seed):
    """back: 1 / p, out: 1 / q. Under the bound `most` on a(t, x) of every x but t, an edge back has, besides its weight times
    `most`, the weight of what is missing to `back`."""
    length, most, least = walks.shape[1], max(1.0, out), min(1.0, out)
    for row in range(start, stop):
        first = np.int64(walks[row, 0])
        t, v, step, draw = np.int64(-1), first, 1, 0
        while step < length:
            degree = table.indptr[v + 1] - table.indptr[v]
            if degree == 0:
                walks[row, step:] = -1
                break
            extra = 0.0
            if t >= 0 and back > most:
                place = _place(table, v, t)
                if place >= 0:
                    extra = (back - most) * (table.weights[place] if table.weighted else 1.0)
            x, tries = np.int64(-1), 0
            while x < 0:
                word0, word1, word2, word3 = philox(draw, first + 1, row // nodes, rng.WALKS, seed)
                draw += 1
                if tries == max(TRIES, degree):
                    x = _scanned(table, t, v, back, out, uniform(word0))
                    break
                tries += 1
                if extra > 0 and uniform(word2) * (table.sums[v] * most + extra) < extra:
                    x = t
                    break
                x = np.int64(table.indices[table.indptr[v] + drawn(table, v, degree, word0, word1)])
                height = uniform(word3) * most
                if t < 0:
                    break
                if x == t:
                    accepted = height < back
                else:
                    accepted = height < least or height < (1.0 if _joined(table, t, x) else out)
                if not accepted:
                    x = np.int64(-1)
            t, v = v, x
            walks[row, step] = v
            step += 1
