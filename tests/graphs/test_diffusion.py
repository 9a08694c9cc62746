"""Circuits around trees that spread: each is one, and as likely as the paper's process makes it."""

import itertools
from collections import Counter

import networkx
import numpy as np
import pytest
from scipy import stats

from evo import threads
from graphs import Graph, diffusion_circuits

KARATE = Graph.of(networkx.karate_club_graph())
# With weights, a self-loop, an edge that is never taken, a component of two nodes, and a node alone.
EDGES = [(0, 1), (1, 2), (2, 0), (1, 1), (2, 3), (0, 3), (4, 5)]
WEIGHTS = [1.0, 3.0, 2.0, 5.0, 0.5, 0.0, 1.0]
ODD = Graph.from_edges(EDGES, WEIGHTS, nodes=range(7))


def likely(graph, first, size):
    """The probability of each circuit from a node, by every way in which a tree can grow."""
    weights = graph.to_scipy().toarray()
    found = Counter()

    def grow(reached, children, chance):
        if len(reached) == size:

            def around(node):
                return (node, *(each for child in children.get(node, ()) for each in (*around(child), node)))

            found[around(first)] += chance
            return
        ways = [(u, x, weights[u, x] / weights[u].sum()) for u in reached for x in range(len(graph)) if x not in reached]
        total = sum(share for _, _, share in ways)
        for u, x, share in ways:
            if share:
                grow([*reached, x], {**children, u: [*children.get(u, ()), x]}, chance * share / total)

    grow([first], {}, 1.0)
    return found


@pytest.mark.parametrize("graph", [KARATE, ODD], ids=["karate", "odd"])
@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_a_circuit_takes_each_edge_of_a_tree_both_ways(graph, size):
    network = graph.to_networkx()
    network.remove_edges_from([(u, v) for u, v, weight in network.edges(data="weight") if weight == 0])
    circuits = diffusion_circuits(graph, circuits_per_node=3, size=size, seed=1)
    assert circuits.shape == (3 * len(graph), 2 * size - 1)
    assert [sorted(each) for each in circuits[:, 0].reshape(3, -1)] == [list(range(len(graph)))] * 3
    for row in circuits:
        nodes = row[row >= 0]
        reachable = networkx.node_connected_component(network, graph.ids[nodes[0]])
        assert len(set(nodes)) == min(size, len(reachable))
        assert nodes[0] == nodes[-1]
        assert len(nodes) == 2 * len(set(nodes)) - 1
        assert (row[len(nodes) :] == -1).all()
        steps = list(itertools.pairwise(nodes))
        assert all(network.has_edge(graph.ids[u], graph.ids[v]) for u, v in steps)
        assert len(set(steps)) == len(steps)
        assert {(v, u) for u, v in steps} == set(steps)


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("size", [3, 4])
def test_a_circuit_is_as_likely_as_the_trees_that_grow_into_it(first, size):
    circuits = diffusion_circuits(ODD, circuits_per_node=6000, size=size, seed=2)
    counts = Counter(tuple(row[row >= 0].tolist()) for row in circuits if row[0] == first)
    expected = likely(ODD, first, size)
    assert set(counts) <= set(expected)
    observed = [counts[circuit] for circuit in expected]
    assert len(expected) == 1 or stats.chisquare(observed, [6000 * chance for chance in expected.values()]).pvalue > 0.01


def test_threads_change_no_byte_and_a_seed_does():
    circuits = []
    for count in (1, 2):
        with threads.limited(count):
            circuits.append(diffusion_circuits(KARATE, circuits_per_node=30, size=9, seed=5))
    assert circuits[0].tobytes() == circuits[1].tobytes()
    assert not np.array_equal(circuits[0], diffusion_circuits(KARATE, circuits_per_node=30, size=9, seed=6))


def test_directions_are_of_no_account():
    ring = Graph.from_edges([(k, (k + 1) % 5) for k in range(5)], directed=True)
    circuits = diffusion_circuits(ring, circuits_per_node=20, size=5)
    assert {len(set(row)) for row in circuits} == {5}
    assert {(u - v) % 5 for row in circuits for u, v in itertools.pairwise(row)} == {1, 4}


def test_an_edge_there_and_back_is_drawn_no_more_often_than_one():
    edges = [(0, 1), (1, 2), (2, 0)]
    one, both = (Graph.from_edges(pairs, directed=True) for pairs in (edges, [*edges, (1, 0)]))
    assert np.array_equal(*(diffusion_circuits(graph, circuits_per_node=50, size=3) for graph in (one, both)))


@pytest.mark.parametrize("name", ["circuits_per_node", "size"])
def test_none_of_a_thing_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}: expected a whole number >= 1; got 0"):
        diffusion_circuits(KARATE, **{"circuits_per_node": 1, "size": 3, name: 0})
