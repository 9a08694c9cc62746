"""A graph at random among those with the same degrees: what a measure of a graph is compared with.

Maslov, Sneppen: Specificity and stability in topology of protein networks. Science 296, 2002. Two edges (a, b) and (c, d)
become (a, d) and (c, b), unless one of these stands already or is a loop, again and again. Each node keeps its numbers of
incoming and outgoing edges, so inputs stay inputs; a graph without a cycle may gain some. A self-loop stays where it is. A step
that changes nothing counts too, so that every graph that can be reached is found alike often.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from evo import rng
from evo.genomes.genome import offsets
from evo.rng import philox
from graphs.data import Graph

STEPS = 10  # an edge; tries, not changes


def rewired(graph: Graph, sample: int, seed: int = 0) -> Graph:
    """One of them, by number, without weights; STEPS tries an edge. Raises ValueError unless the graph is directed. Memory
    grows as N^2 bytes."""
    if not graph.directed:
        raise ValueError("expected a directed graph; an undirected one would not stay so")
    joined, movable = graph.joined(), graph.sources != graph.indices
    source, target = graph.sources[movable], graph.indices[movable].copy()
    _swap(source, target, joined, STEPS * len(source), sample, rng.signed(seed))
    starts, stops = np.nonzero(joined)
    return Graph(offsets(np.bincount(starts, minlength=len(graph))), stops, ids=graph.ids, directed=True)


@njit(cache=True, nogil=True)
def _swap(source, target, joined, steps, sample, seed):
    edges = len(source)
    for step in range(steps):
        word0, word1, _, _ = philox(step, 0, sample, rng.REWIRING, seed)
        j, k = (word0 * edges) >> 32, (word1 * edges) >> 32
        a, b, c, d = source[j], target[j], source[k], target[k]
        if a == d or c == b or joined[a, d] or joined[c, b]:
            continue
        joined[a, b], joined[c, d] = False, False
        joined[a, d], joined[c, b] = True, True
        target[j], target[k] = d, b
