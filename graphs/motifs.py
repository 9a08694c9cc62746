"""Network motifs: how often each way of connecting three nodes occurs in a directed graph.

Milo, Shen-Orr, Itzkovitz, Kashtan, Chklovskii, Alon: Network motifs: simple building blocks of complex networks. Science 298,
2002. Of the 16 ways those 13 count in which no node is apart; their names are of Holland and Leinhardt (1970): the numbers of
mutual, one-way and missing pairs, and a letter (down, up, cycle, transitive). 030T is the feed-forward loop, 030C the cycle.
"""

from __future__ import annotations

import itertools

import numpy as np
from numba import njit

from evo.genomes.genome import offsets
from graphs.data import Graph

# Of each motif the edges, between nodes 0, 1 and 2.
MOTIFS: dict[str, tuple[tuple[int, int], ...]] = {
    "021D": ((1, 0), (1, 2)),
    "021U": ((0, 1), (2, 1)),
    "021C": ((0, 1), (1, 2)),
    "111D": ((0, 1), (1, 0), (2, 1)),
    "111U": ((0, 1), (1, 0), (1, 2)),
    "030T": ((0, 1), (1, 2), (0, 2)),
    "030C": ((0, 1), (1, 2), (2, 0)),
    "201": ((0, 1), (1, 0), (1, 2), (2, 1)),
    "120D": ((1, 0), (1, 2), (0, 2), (2, 0)),
    "120U": ((0, 1), (2, 1), (0, 2), (2, 0)),
    "120C": ((0, 1), (1, 2), (0, 2), (2, 0)),
    "210": ((0, 1), (1, 0), (1, 2), (2, 1), (0, 2)),
    "300": ((0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)),
}
PAIRS = ((0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1))  # the bits of a code


def motif_counts(graph: Graph) -> np.ndarray:
    """How many three nodes are connected in each of the ways of MOTIFS (13,) int64; self-loops do not count. Memory grows as
    N^2 bytes, time as the sum of squared degrees. Raises ValueError unless the graph is directed."""
    if not graph.directed:
        raise ValueError("expected a directed graph: motifs are about directions")
    joined = graph.joined()
    np.fill_diagonal(joined, False)
    nodes, near = np.nonzero(joined | joined.T)
    counts = np.zeros(len(MOTIFS), np.int64)
    _count(joined, offsets(np.bincount(nodes, minlength=len(graph))), near, _KINDS, counts)
    return counts


def _kinds() -> np.ndarray:
    """The motif of each code (64,), a sum of bits of PAIRS: the same in any order of the nodes."""
    kinds = np.zeros(64, np.int8)
    for kind, edges in enumerate(MOTIFS.values()):
        for order in itertools.permutations(range(3)):
            kinds[sum(1 << PAIRS.index((order[a], order[b])) for a, b in edges)] = kind
    return kinds


_KINDS = _kinds()


@njit(cache=True, nogil=True)
def _count(joined, first, near, kinds, counts):
    """Each pair of neighbours of each node: three that are all connected are met three times, and count once."""
    for v in range(len(joined)):
        for j in range(first[v], first[v + 1]):
            a = near[j]
            for k in range(j + 1, first[v + 1]):
                b = near[k]
                if (joined[a, b] or joined[b, a]) and not v < a:
                    continue
                code = joined[v, a] | joined[a, v] << 1 | joined[v, b] << 2 | joined[b, v] << 3
                counts[kinds[code | joined[a, b] << 4 | joined[b, a] << 5]] += 1
