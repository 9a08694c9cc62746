"""Q of known graphs, against networkx; connections of every kind of champion."""

import networkx
import numpy as np
import pytest
from modularity import adjacency, modularity

from evo import NEAT, ESHyperNEAT, HyperNEAT, Substrate


def cliques(count, size, bridges):
    graph = networkx.DiGraph()
    for k in range(count):
        nodes = range(k * size, (k + 1) * size)
        graph.add_edges_from((a, b) for a in nodes for b in nodes if a < b)
    graph.add_edges_from((k * size, ((k + 1) % count) * size) for k in range(bridges))
    return graph


GRAPHS = {
    "two cliques": cliques(2, 5, 1),
    "four cliques in a ring": cliques(4, 4, 4),
    "karate club": networkx.DiGraph(list(networkx.karate_club_graph().edges)),
    "random": networkx.gnp_random_graph(25, 0.15, seed=3, directed=True),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_q_is_that_of_networkx_and_as_high_as_its_louvain_finds(name):
    graph = GRAPHS[name]
    q, groups = modularity(networkx.to_numpy_array(graph, nodelist=sorted(graph)) > 0)
    assert q == pytest.approx(networkx.community.modularity(graph, [set(group.tolist()) for group in groups]))
    best = max(networkx.community.modularity(graph, each) for each in _louvain(graph))
    assert q >= best - 0.03


def _louvain(graph):
    return [networkx.community.louvain_communities(graph, seed=seed) for seed in range(5)]


def test_groups_are_the_cliques():
    graph = GRAPHS["four cliques in a ring"]
    _, groups = modularity(networkx.to_numpy_array(graph, nodelist=sorted(graph)) > 0)
    assert sorted(sorted(group.tolist()) for group in groups) == [list(range(4 * k, 4 * k + 4)) for k in range(4)]
    assert modularity(np.zeros((3, 3), bool))[0] == 0.0
    assert modularity(np.ones((1, 1), bool))[0] == pytest.approx(0.0)


def test_connections_of_every_kind_of_champion():
    substrate = Substrate.grid(inputs=(3,), hidden=[(2,)], outputs=(1,))
    drawn = HyperNEAT(substrate, population_size=8, seed=0, threshold_of_weight=0.0, biases=True)
    model = drawn.model(drawn.ask()[0])
    weights = [each for each in model.module.parameters() if each.ndim == 2]
    by_hand = np.zeros((6, 6), bool)
    by_hand[:3, 3:5] = weights[0].detach().numpy().T != 0
    by_hand[3:5, 5:] = weights[1].detach().numpy().T != 0
    assert by_hand.sum() == 8
    assert (adjacency(model) == by_hand).all()
    neat = NEAT(2, 1, population_size=4, seed=0)
    assert adjacency(neat.model(neat.ask()[0])).tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]
    places = Substrate([[[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]])
    grown = ESHyperNEAT(places, population_size=20, seed=0, band_threshold=0.05, variance_threshold=0.001)
    models = [grown.model(genome) for genome in grown.ask()]
    assert all(adjacency(model).sum() == model.connections for model in models)
    assert max(model.connections for model in models) > 0
    with pytest.raises(TypeError, match="a network of genes or of a substrate; got object"):
        adjacency(object())
