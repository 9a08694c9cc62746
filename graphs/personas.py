"""Nodes split into personas, one for each group of neighbours that know one another.

Epasto, Lattanzi, Paes Leme: Ego-splitting framework: from non-overlapping to overlapping clusters. KDD 2017, algorithm 1:

    1. the ego-net of a node: its neighbours and the edges between them, without itself
    2. a persona for each connected component of the ego-net
    3. an edge (u, v) joins the persona of u in whose component v is, and the persona of v in whose component u is
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numba import njit

from graphs.data import Graph


def split_nodes(graph: Graph) -> tuple[Graph, np.ndarray]:
    """The graph of M personas, as many edges as the graph has, and the node (M,) int64 of each, ascending.

    A node without edges has one persona. Weights stay; a directed graph is taken as undirected; an edge of weight 0, or from a
    node to itself, is none.
    """
    matrix, size = scipy.sparse.coo_array(graph.undirected().to_scipy()), len(graph)
    kept = (matrix.row != matrix.col) & (matrix.data != 0)
    edges = scipy.sparse.csr_array((matrix.data[kept], (matrix.row[kept], matrix.col[kept])), shape=(size, size))
    edges.sort_indices()
    sources = np.repeat(np.arange(size), np.diff(edges.indptr))
    parents = np.arange(len(edges.indices))
    _join(edges.indptr.astype(np.int64), edges.indices, parents)
    persona, first = np.empty(len(parents), np.int64), np.zeros(size + 1, np.int64)
    _number(edges.indptr.astype(np.int64), parents, persona, first)
    back = np.lexsort((sources, edges.indices))  # of entry (u, v), where (v, u) stands
    ends = persona, persona[back]
    count = int(first[-1])
    split = scipy.sparse.csr_array((edges.data, ends), shape=(count, count))
    return Graph.from_scipy(split), np.repeat(np.arange(size), np.diff(first))


@njit(cache=True, nogil=True)
def _root(parents, k):
    while parents[k] != k:
        parents[k] = parents[parents[k]]
        k = parents[k]
    return k


@njit(cache=True, nogil=True)
def _join(indptr, indices, parents):
    """Entries (u, v) and (u, w) come under one root where v and w are neighbours."""
    for u in range(len(indptr) - 1):
        for k in range(indptr[u], indptr[u + 1]):
            v = indices[k]
            own, other = k + 1, indptr[v]
            while own < indptr[u + 1] and other < indptr[v + 1]:
                if indices[own] == indices[other]:
                    one, two = _root(parents, k), _root(parents, own)
                    parents[max(one, two)] = min(one, two)
                if indices[own] <= indices[other]:
                    own += 1
                else:
                    other += 1


@njit(cache=True, nogil=True)
def _number(indptr, parents, persona, first):
    """persona (nnz,) of each entry, and where those of each node begin, first (N + 1,)."""
    count = 0
    for u in range(len(indptr) - 1):
        first[u] = count
        for k in range(indptr[u], indptr[u + 1]):
            root = _root(parents, k)
            if root == k:
                persona[k] = count
                count += 1
            else:
                persona[k] = persona[root]
        if indptr[u] == indptr[u + 1]:
            count += 1
    first[len(indptr) - 1] = count
