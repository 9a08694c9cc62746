"""How modular a directed graph is: Q of Leicht and Newman (Community structure in directed networks. Physical Review Letters
100, 2008), as Clune, Mouret and Lipson (The evolutionary origins of modularity, 2013) measure it.

Q is the share of edges that lie within groups of nodes, minus what it would be if every node kept its numbers of incoming and
outgoing edges, but these led anywhere. Groups are found by splitting in two along the leading eigenvector, again and again
while Q grows, and each split is improved by moving single nodes. Weights do not count.
"""

from __future__ import annotations

import numpy as np

from graphs.data import Graph


def modularity(graph: Graph) -> tuple[float, list[np.ndarray]]:
    """Q, from -1/2 to 1, and the groups that it is of, as rows of nodes. Memory grows as N^2, time as N^3."""
    links = graph.joined().astype(np.float64)
    total = links.sum()
    if not total:
        return 0.0, [np.arange(len(links))]
    expected = np.outer(links.sum(1), links.sum(0)) / total
    surplus = links - expected + (links - expected).T
    groups = _split(surplus, np.arange(len(links)))
    return float(sum(surplus[np.ix_(group, group)].sum() for group in groups) / (2 * total)), groups


def _split(surplus: np.ndarray, group: np.ndarray) -> list[np.ndarray]:
    own = surplus[np.ix_(group, group)]
    own = own - np.diag(own.sum(1))
    side = np.where(np.linalg.eigh(own)[1][:, -1] > 0, 1.0, -1.0)
    while (gains := 4 * (np.diag(own) - side * (own @ side))).max() > 1e-9:
        side[gains.argmax()] *= -1
    if side @ own @ side < 1e-9:
        return [group]
    return _split(surplus, group[side > 0]) + _split(surplus, group[side < 0])
