"""Nodes split into personas, and vectors of these: whose groups they are of, how near two nodes are, and what it all is for."""

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evo import threads
from evo.vectors.modules import MLP
from graphs import DeepWalk, Graph, LinkTask, Splitter, split_nodes
from graphs.learner import deepwalk, splitter
from graphs.pairs import _nearest
from graphs.skipgram import train
from graphs.walks import random_walks

SMALL = dict(dimension=8, walks_per_node=5, walk_length=10, epochs=2)
CLIQUES = networkx.compose(networkx.complete_graph(6), networkx.relabel_nodes(networkx.complete_graph(6), lambda v: v + 5))


@given(st.integers(0, 1000), st.floats(0.05, 0.5))
def test_a_node_has_a_persona_for_each_group_of_neighbours_that_know_one_another(seed, share):
    network = networkx.gnp_random_graph(14, share, seed=seed)
    split, owners = split_nodes(Graph.from_networkx(network))
    groups = {v: list(networkx.connected_components(network.subgraph(network[v]))) for v in network}
    assert np.bincount(owners).tolist() == [max(1, len(groups[v])) for v in network]
    assert split.edges == network.number_of_edges()
    rows = split.to_networkx()
    for persona, u in enumerate(owners.tolist()):
        others = {int(owners[other]) for other in rows[persona]}
        assert len(others) == len(rows[persona])
        assert others in groups[u] or not network[u]
    assert {frozenset(owners[list(edge)].tolist()) for edge in rows.edges} == set(map(frozenset, network.edges))


def test_weights_stay_directions_do_not_and_loops_are_left_out():
    graph = Graph.from_edges([(0, 1), (1, 2), (2, 2), (3, 4)], [2.0, 3.0, 4.0, 0.0], directed=True)
    split, owners = split_nodes(graph)
    assert owners.tolist() == [0, 1, 1, 2, 3, 4]
    assert [(*map(int, edge[:2]), edge[2]["weight"]) for edge in split.to_networkx().edges(data=True)] == [
        (0, 1, 2.0),
        (2, 3, 3.0),
    ]
    assert not split.directed


def test_one_who_is_in_two_cliques_has_a_vector_near_each_of_them():
    right = []
    for seed in range(4):
        made = Splitter(dimension=8, walks_per_node=20, walk_length=20, seed=seed).fit(CLIQUES)
        both = made.persona_embedding_[made.personas_ == 5]
        z = made.persona_embedding_ / np.linalg.norm(made.persona_embedding_, axis=1, keepdims=True)
        mean = [z[made.personas_ < 5].mean(0), z[made.personas_ > 5].mean(0)]
        assert len(both) == 2
        near = both @ np.array(mean).T
        right.append(near[0].argmax() != near[1].argmax())
    assert all(right)


def test_a_node_is_the_mean_of_its_personas_and_bytes_are_the_same_on_any_threads():
    with threads.limited(1):
        made = Splitter(**SMALL, seed=3).fit(networkx.karate_club_graph())
    again = Splitter(**SMALL, seed=3).fit_transform(networkx.karate_club_graph())
    assert made.embedding_.tobytes() == again.tobytes()
    edges = split_nodes(Graph.from_networkx(networkx.karate_club_graph()))[0].degrees
    for v in range(34):
        own = made.personas_ == v
        assert np.allclose(made.embedding_[v], np.average(made.persona_embedding_[own], axis=0, weights=edges[own]), atol=1e-6)
    vectors, owners = made.parts()
    assert (vectors.shape, len(owners)) == ((len(made.personas_), 8), len(made.personas_))
    plain = DeepWalk(**SMALL, seed=3).fit(networkx.karate_club_graph())
    assert np.array_equal(plain.parts()[0], plain.embedding_)
    assert np.array_equal(plain.parts()[1], np.arange(34))


def test_each_persona_predicts_its_own_node_beside_those_on_its_walks():
    graph = Graph.from_networkx(CLIQUES)
    split, owners = split_nodes(graph)
    shared = dict(dimension=4, window=2, epochs=2, learning_rate=0.1, seed=3)
    walks = [random_walks(of, walks_per_node=5, length=10, seed=3) for of in (graph, split)]
    base = train(walks[0], 11, **shared)
    own = dict(start=base[owners], anchors=len(owners) + owners, strength=0.5)
    expected = train(walks[1], len(owners) + 11, **shared, **own)[: len(owners)]
    values = dict(dimension=4, window=2, epochs=2, learning_rate=0.1, walks_per_node=5, walk_length=10, strength=0.5)
    assert np.array_equal(Splitter(**values, seed=3).fit(graph).persona_embedding_, expected)


def test_personas_begin_with_the_vectors_of_their_nodes_and_a_strong_pull_holds_them_together():
    club = networkx.karate_club_graph()
    base = DeepWalk(**SMALL, window=5, seed=0, learning_rate=1e-9).fit_transform(club)
    made = Splitter(**SMALL, seed=0, learning_rate=1e-9).fit(club)
    assert np.allclose(made.persona_embedding_, base[made.personas_], atol=1e-5)
    spread = {}
    for strength in (0.0, 10.0):
        values = dict(dimension=8, walks_per_node=20, walk_length=10, learning_rate=0.05)
        made = Splitter(**values, strength=strength).fit(club)
        lengths = np.linalg.norm(made.persona_embedding_ - made.embedding_[made.personas_], axis=1)
        spread[strength] = lengths.mean() / np.linalg.norm(made.embedding_, axis=1).mean()
    assert spread[10.0] < 0.8 * spread[0.0]


def test_two_nodes_are_as_near_as_the_nearest_of_their_personas():
    vectors = np.random.default_rng(0).normal(size=(7, 3))
    first = np.array([0, 2, 3, 7])
    pairs = np.array([[0, 1], [0, 2], [1, 2], [2, 0]])
    rows = np.empty((4, 2), np.int64)
    _nearest(vectors, first, pairs, rows)
    for (u, v), found in zip(pairs, rows):
        products = {(i, j): vectors[i] @ vectors[j] for i in range(*first[u : u + 2]) for j in range(*first[v : v + 2])}
        assert tuple(found.tolist()) == max(products, key=products.get)


@pytest.mark.parametrize("operator", ["cosine", "hadamard"])
def test_links_are_told_by_the_nearest_personas_and_a_champion_is_restored(operator):
    task = LinkTask(Graph.from_networkx(networkx.karate_club_graph()), operator=operator, network=lambda i, o: MLP(i, o, (2,)))
    learner = splitter(task, splitter.settings(**SMALL), 0)
    learner.step()
    champion, x = learner.champion(), task.split("test")[0]
    made = Splitter(**SMALL, seed=0).fit(task.graph)
    features = []
    for u, v in task.pairs(x):
        both = [made.persona_embedding_[made.personas_ == node].astype(np.float64) for node in (u, v)]
        one, two = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in both)
        i, j = np.unravel_index((one @ two.T).argmax(), (len(one), len(two)))
        features.append([(one @ two.T).max()] if operator == "cosine" else both[0][i] * both[1][j])
    assert np.allclose(champion.features(task.pairs(x)), features)
    tensors, header = champion.save()
    again = splitter.restore(task, splitter.settings(**SMALL), 0, tensors, header)
    assert torch.equal(again(x), champion(x))
    for wrong in ({"owners": tensors["owners"][:-1]}, {"owners": tensors["owners"] * 0}, {"weights": tensors["weights"][:1]}):
        with pytest.raises(ValueError, match="the stored vectors are not those of 34 nodes"):
            splitter.restore(task, splitter.settings(**SMALL), 0, tensors | wrong, header)
    assert deepwalk.unsupported_reason(task) is None
