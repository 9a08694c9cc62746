"""Embeddings in scikit-learn's manner: what they find, what they keep, and what they refuse."""

import networkx
import numpy as np
import pytest

from evo import threads
from evo.settings import SettingsError
from graphs import LINE, DeepWalk, Diff2Vec, Graph, Node2Vec, Splitter, Walklets
from graphs.embeddings import _skipped

SMALL = dict(dimension=8, walks_per_node=4, walk_length=10)
METHODS = {
    "deepwalk": (DeepWalk, SMALL, 8),
    "deepwalk with negatives": (DeepWalk, SMALL | {"negative": 3}, 8),
    "node2vec": (Node2Vec, SMALL | {"p": 0.25, "q": 4.0}, 8),
    "diff2vec": (Diff2Vec, dict(dimension=8, circuits_per_node=4, size=6), 8),
    "walklets": (Walklets, SMALL | {"scales": 3}, 24),
    "line": (LINE, dict(dimension=8, draws=4), 8),
    "splitter": (Splitter, SMALL | {"epochs": 2}, 8),
}
LONG = {"walk_length": {"walks_per_node": 40, "walk_length": 20}, "size": {"circuits_per_node": 40, "size": 10}}
LONG |= {"draws": {"draws": 300}}
methods = pytest.mark.parametrize("name", METHODS)


def blocks(seed):
    """Two groups of 30 nodes, joined 8 times as often within as between them, in a random order; and their groups."""
    network = networkx.stochastic_block_model([30, 30], [[0.4, 0.05], [0.05, 0.4]], seed=seed)
    order = np.random.default_rng(seed).permutation(60)
    edges = [(f"n{order[u]}", f"n{order[v]}") for u, v in network.edges]
    graph = Graph.from_edges(edges, nodes=[f"n{k}" for k in range(60)])
    groups = np.empty(60, int)
    groups[order] = np.arange(60) // 30
    return graph, groups


@methods
def test_it_fits_and_gives_a_row_for_each_id_with_the_same_bytes_on_any_threads(name):
    kind, values, width = METHODS[name]
    graph = blocks(0)[0]
    with threads.limited(1):
        one = kind(seed=3, **values).fit(graph)
    with threads.limited(2):
        again = kind(seed=3, **values).fit_transform(graph.to_networkx())
    assert one.embedding_.shape == (60, width)
    assert one.embedding_.dtype == np.float32
    assert one.ids_ == graph.ids
    assert one.embedding_.tobytes() == again.tobytes()
    assert not np.array_equal(kind(seed=4, **values).fit_transform(graph), again)


@methods
def test_nodes_of_a_group_lie_nearer_to_each_other_than_to_the_others(name):
    kind, values, _ = METHODS[name]
    right = []
    for seed in range(5):
        graph, groups = blocks(seed)
        more = next(LONG[name] for name in values if name in LONG)
        z = kind(seed=seed, **(values | more | {"learning_rate": 0.1})).fit_transform(graph)
        z = z - z.mean(0)
        near = z @ z.T
        np.fill_diagonal(near, -np.inf)
        right.append(np.mean(groups[np.argsort(-near)[:, :5]] == groups[:, None]))
    assert np.mean(right) > 0.9


@methods
def test_isolated_nodes_loops_directions_and_weights_are_taken(name):
    kind, values, width = METHODS[name]
    graph = Graph.from_edges(
        [("a", "b"), ("b", "b"), ((1, 2), "b"), ("x", "y")], [1.0, 2.0, 3.0, 0.0], nodes=["alone"], directed=True
    )
    z = kind(**values).fit(graph)
    assert z.ids_ == ("alone", "a", "b", (1, 2), "x", "y")
    assert z.embedding_.shape == (6, width)
    assert np.isfinite(z.embedding_).all()


def test_every_kth_node_of_a_walk_is_kept_from_each_of_the_first_k_on():
    walks = np.arange(14, dtype=np.int32).reshape(2, 7)
    rows = [[0, 3, 6], [1, 4, -1], [2, 5, -1], [7, 10, 13], [8, 11, -1], [9, 12, -1]]
    assert _skipped(walks, 3).tolist() == rows
    assert np.array_equal(_skipped(walks, 1), walks)


def test_node2vec_with_p_and_q_of_one_walks_as_deepwalk_does():
    graph = blocks(1)[0]
    shared = SMALL | {"window": 5, "hierarchical": True, "negative": 2}
    assert np.array_equal(Node2Vec(**shared).fit_transform(graph), DeepWalk(**shared).fit_transform(graph))
    assert not np.array_equal(Node2Vec(q=0.5, **shared).fit_transform(graph), DeepWalk(**shared).fit_transform(graph))


def test_more_epochs_and_another_rate_are_another_result():
    graph = blocks(1)[0]
    made = [DeepWalk(**SMALL, **more).fit_transform(graph) for more in ({}, {"epochs": 2}, {"learning_rate": 0.05})]
    assert len({each.tobytes() for each in made}) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DeepWalk(dimensions=3), "dimension"),
        (lambda: DeepWalk(walk_length=1), "walk_length: expected a whole number >= 2; got 1"),
        (lambda: DeepWalk(hierarchical=False), "leave no loss"),
        (lambda: Node2Vec(p=0), "p: expected"),
    ],
)
def test_a_mistake_in_settings_gets_one_clear_error(make, message):
    with pytest.raises(SettingsError, match=message):
        make()


def test_a_graph_of_one_node_and_a_seed_that_is_none_are_refused():
    with pytest.raises(ValueError, match="at least two nodes; got 1 node"):
        DeepWalk(**SMALL).fit(networkx.empty_graph(1))
    with pytest.raises(TypeError, match="seed: expected a whole number"):
        DeepWalk(seed="0")
    with pytest.raises(ValueError, match="an empty graph"):
        DeepWalk(**SMALL).fit(networkx.Graph())
    with pytest.raises(ValueError, match="a walk takes weights >= 0"):
        DeepWalk(**SMALL).fit(Graph.from_edges([(0, 1)], [-1.0]))


@pytest.mark.parametrize("method", [DeepWalk, Node2Vec, Walklets])
def test_vectors_that_diverge_are_refused(method):
    with pytest.raises(ValueError, match="the vectors diverge: expected a lower learning_rate or window; got 100 and 9"):
        method(walks_per_node=5, walk_length=40, window=9, learning_rate=100.0).fit(networkx.star_graph(30))


@pytest.mark.parametrize("make", [DeepWalk, Node2Vec])
def test_no_rate_that_is_searched_diverges_on_a_star(make):
    """Its centre is every other node of a walk, so that all updates of a window are of one vector."""
    highest = DeepWalk.settings.__dataclass_fields__["learning_rate"].metadata["search"].high
    assert np.isfinite(make(learning_rate=highest).fit_transform(networkx.star_graph(100))).all()
