"""Label propagation: what it converges to, and where no label reaches."""

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphs import Graph
from graphs.propagation import label_propagation, propagated
from graphs.task import GraphTask


def fixed(graph, rows, members):
    """The harmonic solution (Zhu, Ghahramani, section 2.2): Y_U = (I - T_UU)^-1 T_UL Y_L."""
    dense = graph.to_scipy().toarray()
    step = dense / np.maximum(dense.sum(1, keepdims=True), 1e-300)
    free = np.setdiff1d(np.arange(len(graph)), rows)
    y = np.zeros((len(graph), members.shape[1]))
    y[rows] = members
    y[free] = np.linalg.solve(np.eye(len(free)) - step[np.ix_(free, free)], step[np.ix_(free, rows)] @ members)
    return y


@given(seed=st.integers(0, 10_000), weighted=st.booleans(), count=st.integers(3, 6))
def test_it_converges_to_the_harmonic_solution(seed, weighted, count):
    network = networkx.connected_watts_strogatz_graph(20, 4, 0.3, seed=seed)
    for k, (u, v) in enumerate(network.edges):
        network[u][v].update({"weight": 0.5 + k % 3} if weighted else {})
    graph = Graph.from_networkx(network)
    rows = np.random.default_rng(seed).permutation(20)[:count]
    members = np.eye(2)[np.arange(count) % 2] > 0.5
    assert np.allclose(propagated(graph, rows, members, 10_000, 1e-13), fixed(graph, rows, members), atol=1e-9)


def test_a_round_is_a_step_to_the_neighbours_and_labels_stay():
    graph = Graph.from_edges([(0, 1), (1, 2)], nodes=range(4))
    y = propagated(graph, np.array([0, 2]), np.array([[True, False], [True, True]]), 1, 0.0)
    assert np.allclose(y, [[1, 0], [1, 0.5], [1, 1], [1, 0.5]])


def test_directions_are_of_no_account_and_negative_weights_are_refused():
    edges, rows, members = [(0, 1), (2, 1), (2, 3)], np.array([0, 3]), np.eye(2) > 0.5
    one, other = (propagated(Graph.from_edges(edges, directed=way), rows, members, 500, 0.0) for way in (False, True))
    assert np.allclose(one, other)
    both = propagated(Graph.from_edges([*edges, (1, 0)], directed=True), rows, members, 500, 0.0)
    assert np.allclose(one, both)  # an edge there and back weighs no more than one
    with pytest.raises(ValueError, match=r"label propagation takes weights >= 0; the edge \(1, 2\) weighs -2"):
        propagated(Graph.from_edges(edges, [1, -2, 1]), rows, members, 5, 0.0)


def test_a_community_gets_the_label_of_its_training_node():
    graph = Graph.from_networkx(networkx.ring_of_cliques(4, 6))
    y = np.arange(24) // 6
    parts = np.array([2, 8, 14, 20]), np.array([1, 3, 9, 11]), np.setdiff1d(np.arange(24), [2, 8, 14, 20, 1, 3, 9, 11])
    task = GraphTask(graph, y, parts, kind="classification")
    learner = label_propagation(task, label_propagation.settings(), 0)
    learner.step()
    assert task.score(learner.champion(), "test")["accuracy"] == 1.0


def test_several_labels_a_node_and_a_champion_restored_or_refused():
    graph = Graph.from_networkx(networkx.karate_club_graph())
    y = (np.arange(68).reshape(34, 2) % 3 == 0).astype(np.float32)
    task = GraphTask(graph, y, (np.arange(20), np.arange(20, 34)), kind="probability")
    learner = label_propagation(task, label_propagation.settings(), 0)
    learner.step()
    champion, x = learner.champion(), task.split("validation")[0]
    assert ((champion(x) >= 0) & (champion(x) <= 1)).all()
    tensors, header = champion.save()
    assert torch.equal(label_propagation.restore(task, None, 0, tensors, header)(x), champion(x))
    with pytest.raises(ValueError, match="not those of 34 nodes and 2 labels"):
        label_propagation.restore(task, None, 0, {"chances": tensors["chances"][:4]}, header)
    assert champion.figure().axes[0].get_title() == "34 nodes"
