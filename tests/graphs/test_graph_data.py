"""Graphs as arrays: what networkx, scipy and edge lists mean by a graph, there and back; and one error for each mistake."""

import networkx
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphs import Graph

IDS = st.one_of(st.integers(0, 20), st.tuples(st.integers(0, 3), st.text("ab", max_size=2)))


@st.composite
def networks(draw):
    """Graphs of networkx with ids of several kinds, isolated nodes, self-loops, components, weights or none."""
    graph = draw(st.sampled_from([networkx.Graph, networkx.DiGraph]))()
    nodes = draw(st.lists(IDS, min_size=1, max_size=12, unique=True))
    graph.add_nodes_from(nodes)
    pairs = draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), max_size=25))
    weights = draw(st.one_of(st.none(), st.lists(st.floats(0.5, 9.0), min_size=len(pairs), max_size=len(pairs))))
    for k, pair in enumerate(pairs):
        graph.add_edge(*pair, **({} if weights is None else {"weight": weights[k]}))
    return graph


def same(one, other):
    arrays = [(one.indptr, other.indptr), (one.indices, other.indices), (one.weights, other.weights)]
    return (
        all((a is None and b is None) or np.array_equal(a, b) for a, b in arrays)
        and tuple(one.ids) == tuple(other.ids)
        and one.directed == other.directed
    )


@given(networks())
def test_networkx_there_and_back_is_the_same_graph(network):
    graph = Graph.from_networkx(network)
    assert graph.ids == tuple(network.nodes)
    assert (len(graph), graph.edges) == (network.number_of_nodes(), network.number_of_edges())
    back = graph.to_networkx()
    weighted = lambda one: {(u, v): one[u][v].get("weight", 1.0) for u, v in one.edges}
    assert (back.is_directed(), list(back.nodes)) == (network.is_directed(), list(network.nodes))
    both = [
        weighted(one) if one.is_directed() else {frozenset(k): v for k, v in weighted(one).items()} for one in (back, network)
    ]
    assert both[0] == both[1]
    assert same(Graph.from_networkx(back), graph)


@given(networks())
def test_every_form_is_the_adjacency_matrix_of_networkx(network):
    expected = networkx.to_numpy_array(network)
    graph = Graph.of(network)
    assert np.array_equal(graph.to_scipy().toarray(), expected)
    assert np.array_equal(graph.degrees, (expected != 0).sum(1))
    assert np.array_equal(Graph.from_scipy(graph.to_scipy(), ids=graph.ids).to_scipy().toarray(), expected)
    edge_index, weights = graph.to_edge_index()
    dense = torch.zeros(len(graph), len(graph))
    dense[edge_index[0], edge_index[1]] = torch.ones(edge_index.shape[1]) if weights is None else weights
    assert np.allclose(dense.numpy(), expected)
    again = Graph.from_edge_index(edge_index, graph.weights, nodes=len(graph), ids=graph.ids)
    assert np.array_equal(again.to_scipy().toarray(), expected)


def test_an_edge_index_of_torch_stands_for_its_graph():
    graph = Graph.of(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
    assert (len(graph), graph.edges, graph.directed) == (3, 2, False)
    assert Graph.of(torch.tensor([[0, 1], [1, 2]])).directed


def test_nodes_come_first_in_their_order_and_others_as_they_appear():
    graph = Graph.from_edges([("c", "a"), ("d", "c")], nodes=["z", "c"])
    assert graph.ids == ("z", "c", "a", "d")
    assert graph.rows(["d", "z"]).tolist() == [3, 0]
    assert graph.degrees.tolist() == [0, 2, 1, 1]


def test_numbers_of_numpy_are_numbers():
    graph = Graph.from_edges(np.array([[7, 3], [3, 9]]))
    assert graph.ids == (7, 3, 9)
    assert graph.rows(np.array([9])).tolist() == [2]
    assert Graph.from_edges([(np.int64(7), 3)]).ids == (7, 3)


@given(networks())
def test_without_directions_an_edge_is_that_of_networkx_with_the_larger_weight(network):
    graph = Graph.from_networkx(network)
    found = graph.undirected()
    assert (found.ids, found.directed) == (graph.ids, False)
    assert (found.weights is None) == (graph.weights is None)
    expected = network.to_undirected()
    for u, v, edge in expected.edges(data=True):
        ways = [network[s][t].get("weight", 1.0) for s, t in ((u, v), (v, u)) if network.has_edge(s, t)]
        edge["weight"] = max(ways)
    assert np.array_equal(found.to_scipy().toarray(), networkx.to_numpy_array(expected))
    assert graph.directed or found is graph


def test_without_directions_no_edge_is_lost_to_a_weight_below_or_of_zero():
    graph = Graph.from_edges([(0, 1), (1, 2), (2, 1), (2, 2)], [-1.0, 0.0, -5.0, 3.0], directed=True).undirected()
    assert graph.degrees.tolist() == [1, 2, 2]
    assert graph.to_scipy().toarray().tolist() == [[0, -1, 0], [-1, 0, 0], [0, 0, 3]]


@pytest.mark.parametrize(("duplicates", "weight"), [("sum", 5.0), ("first", 2.0)])
def test_edges_that_stand_twice_are_summed_or_the_first_is_kept(duplicates, weight):
    graph = Graph.from_edges([(1, 2), (2, 3), (2, 1)], [2.0, 7.0, 3.0], duplicates=duplicates)
    assert graph.to_scipy().toarray().tolist() == [[0, weight, 0], [weight, 0, 7], [0, 7, 0]]


def test_the_arrays_of_a_graph_are_its_own():
    rows = np.array([1, 0], np.int32)
    graph = Graph([0, 1, 2], rows)
    rows[0] = 0
    assert graph.indices.tolist() == [1, 0]
    with pytest.raises(ValueError, match="read-only"):
        graph.indices[0] = 0


MISTAKES = {
    "empty": (lambda: Graph([0], []), "an empty graph: expected at least one node"),
    "empty of networkx": (lambda: Graph.of(networkx.Graph()), "an empty graph"),
    "twice": (lambda: Graph.from_edges([(1, 2), (5, 6), (2, 1)]), r"edge 3 \(2, 1\) stands twice; the first time it is edge 1"),
    "unknown": (lambda: Graph.from_edges([("anna", "ben")]).rows(["ana"]), "no node 'ana' among the graph's 2.*anna"),
    "other type": (lambda: Graph.from_edges([(1, 2)]).rows(["1"]), "no node '1' among the graph's 2; it has 1, of type int"),
    "two types": (lambda: Graph.from_edges([("1", 1)]), "ids that differ by type alone: '1' and 1"),
    "not finite": (lambda: Graph.from_edges([(1, 2)], [np.nan]), "weights: expected 2 finite numbers"),
    "weights": (lambda: Graph.from_edges([(1, 2)], [1, 2]), r"a weight for each of 1 edge; got shape \(2,\)"),
    "no pair": (lambda: Graph.from_edges([(1, 2), (1, 2, 3)]), r"edge 2: expected a pair of ids \(u, v\); got \(1, 2, 3\)"),
    "multigraph": (lambda: Graph.of(networkx.MultiGraph([(0, 1), (0, 1)])), "a multigraph may have several edges"),
    "not square": (lambda: Graph.of(scipy.sparse.csr_array(np.eye(2, 3))), r"of shape \(N, N\); got \(2, 3\)"),
    "edge_index": (lambda: Graph.from_edge_index(np.zeros((3, 2), int)), r"edge_index of shape \(2, E\)"),
    "beyond": (lambda: Graph.from_edge_index([[0], [4]], nodes=3), r"expected nodes 0 .. 2; got 0 .. 4"),
    "ids": (lambda: Graph([0, 1, 2], [1, 0], ids=["a", "a"]), "2 different ids, one a node; got 2, 1 different"),
    "order": (lambda: Graph([0, 2, 3, 4], [2, 1, 0, 0]), "each row ascending"),
    "one way": (lambda: Graph([0, 1, 1], [1]), "an undirected graph has each edge in both directions"),
    "choice": (
        lambda: Graph.from_edges([(1, 2)], duplicates="drop"),
        "duplicates: expected one of refuse, sum, first; got 'drop'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_clear_error(mistake):
    make, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        make()


def test_a_negative_weight_is_refused_by_who_reads_it_and_the_least_edge_is_named():
    graph = Graph.from_edges([("a", "b"), ("b", "c"), ("c", "d")], [1.0, -0.5, -2.0])
    with pytest.raises(ValueError, match=r"NetMF takes weights >= 0; the edge \('c', 'd'\) weighs -2"):
        graph.refuse_negative_weights("NetMF")
    Graph.from_edges([("a", "b")], [0.0]).refuse_negative_weights("NetMF")
    Graph.from_edges([("a", "b")]).refuse_negative_weights("NetMF")


def test_what_is_no_graph_is_refused():
    with pytest.raises(TypeError, match=r"expected a Graph .*; got dict"):
        Graph.of({1: [2]})
