"""How modular a network is: Q of Leicht and Newman (Community structure in directed networks. Physical Review Letters 100,
2008), as Clune, Mouret and Lipson (2013) measure it.

Q is the share of connections that lie within groups of nodes, minus what it would be if every node kept its numbers of incoming
and outgoing connections, but these led anywhere. Groups are found by splitting in two along the leading eigenvector, again and
again while Q grows, and each split is improved by moving single nodes. Neither weights nor biases count.
"""

from __future__ import annotations

import itertools

import numpy as np

from evo.core import Model
from evo.genomes.genome import BIAS
from evo.hyperneat.model import SubstrateModel
from evo.network.model import NetworkModel


def modularity(adjacency: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """Q and the groups of nodes that it is of. adjacency (N, N): whether a row's node is connected to a column's."""
    links = adjacency.astype(float)
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


def adjacency(model: Model) -> np.ndarray:
    """Which nodes of a champion are connected (N, N), those without any left out: of a network of genes, found or evolved, or
    of one that is drawn on a substrate."""
    if isinstance(model, NetworkModel):
        genome = model.genome
        neurons = genome.node_id[genome.node_kind != BIAS]
        used = genome.enabled & np.isin(genome.source, neurons)
        ends = np.stack([genome.source[used], genome.target[used]])
    elif isinstance(model, SubstrateModel):
        layers = [parameter.detach().numpy() for parameter in model.module.parameters() if parameter.ndim == 2]
        first = np.cumsum([0, *(layer.shape[1] for layer in layers)])  # number of each layer's first node
        ends = np.concatenate([np.argwhere(layer.T) + at for layer, at in zip(layers, itertools.pairwise(first))]).T
    else:
        raise TypeError(f"expected a network of genes or of a substrate; got {type(model).__name__}")
    nodes, places = np.unique(ends, return_inverse=True)
    found = np.zeros((len(nodes), len(nodes)), bool)
    found[tuple(places.reshape(2, -1))] = True
    return found
