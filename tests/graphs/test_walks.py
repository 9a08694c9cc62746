"""Walks: every step is an edge, drawn with its probability; the same bytes on any number of threads."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evo import threads
from graphs import Graph
from graphs.walks import random_walks

KARATE = Graph.of(networkx.karate_club_graph())
PLAIN = Graph(KARATE.indptr, KARATE.indices)
# A directed graph with weights, a self-loop, an edge back and none, and an edge that is never taken.
DIRECTED = Graph.from_edges(
    [(0, 1), (1, 0), (1, 2), (2, 3), (3, 0), (1, 3), (1, 1), (2, 0), (0, 2)],
    [1.0, 3.0, 2.0, 0.5, 1.0, 0.7, 1.5, 2.5, 0.0],
    nodes=range(4),
    directed=True,
)


def second_order(graph, p, q):
    """(t, v, x): the probability of x after t and v, as the paper's section 3.2 has it."""
    weights = graph.to_scipy().toarray()
    edge = weights > 0
    a = np.where(edge, 1.0, 1.0 / q) + 0.0 * weights
    np.fill_diagonal(a, 1.0 / p)
    chances = a[:, None, :] * weights[None]
    return chances / np.maximum(chances.sum(-1, keepdims=True), 1e-300)


def taken(walks, nodes):
    """How often x followed t and v, (N, N, N)."""
    counts = np.zeros((nodes,) * 3, np.int64)
    three = np.stack([walks[:, :-2], walks[:, 1:-1], walks[:, 2:]]).reshape(3, -1)
    np.add.at(counts, tuple(three[:, (three >= 0).all(0)]), 1)
    return counts


def p_value(counts, chances):
    """Of the counts of several draws (..., N) under chances (..., N), by Pearson's test; 0 where what cannot be has been."""
    counts, chances = counts.reshape(-1, counts.shape[-1]), chances.reshape(-1, chances.shape[-1])
    if counts[chances == 0].any():
        return 0.0
    drawn = counts.sum(1) > 0
    expected = counts.sum(1, keepdims=True) * chances
    used = (chances > 0) & drawn[:, None]
    statistic = ((counts - expected)[used] ** 2 / expected[used]).sum()
    return float(stats.chi2.sf(statistic, used.sum() - drawn.sum()))


@pytest.mark.parametrize("graph", [KARATE, PLAIN, DIRECTED], ids=["weighted", "uniform", "directed"])
def test_a_step_of_first_order_takes_an_edge_by_its_weight(graph):
    walks = random_walks(graph, walks_per_node=3000, length=12, seed=3)
    pairs = np.stack([walks[:, :-1], walks[:, 1:]]).reshape(2, -1)
    counts = np.zeros((len(graph),) * 2, np.int64)
    np.add.at(counts, tuple(pairs), 1)
    weights = graph.to_scipy().toarray()
    assert p_value(counts, weights / weights.sum(1, keepdims=True)) > 0.01


@pytest.mark.parametrize(("p", "q"), [(0.25, 0.25), (0.1, 4.0), (4.0, 0.5), (3.0, 2.0), (1.0, 0.3), (0.5, 1.0), (2.0, 1.0)])
@pytest.mark.parametrize("graph", [KARATE, PLAIN, DIRECTED], ids=["weighted", "uniform", "directed"])
def test_a_step_of_second_order_has_the_papers_probability(graph, p, q):
    walks = random_walks(graph, walks_per_node=4000, length=12, p=p, q=q, seed=1)
    assert p_value(taken(walks, len(graph)), second_order(graph, p, q)) > 0.01


@pytest.mark.parametrize(("p", "q"), [(1e12, 1.0), (1.0, 1e-12), (1e12, 1e-12), (300.0, 1 / 300)])
@pytest.mark.parametrize("graph", [KARATE, PLAIN, DIRECTED], ids=["weighted", "uniform", "directed"])
def test_a_walk_ends_and_has_the_papers_probability_where_no_likely_edge_leaves(graph, p, q):
    """Without a look at the whole row such a step takes p, or 1 / q, draws."""
    walks = random_walks(graph, walks_per_node=400, length=12, p=p, q=q, seed=1)
    assert p_value(taken(walks, len(graph)), second_order(graph, p, q)) > 0.01


def test_the_check_of_probabilities_finds_another_p():
    walks = random_walks(KARATE, walks_per_node=4000, length=12, p=0.25, q=0.25, seed=1)
    assert p_value(taken(walks, 34), second_order(KARATE, 0.27, 0.25)) < 1e-6


def test_visits_of_a_long_walk_are_those_of_the_stationary_distribution():
    visits = np.bincount(random_walks(KARATE, walks_per_node=200, length=400, seed=0)[:, 50:].ravel(), minlength=34)
    strength = KARATE.to_scipy().sum(1)
    assert np.abs(visits / visits.sum() - strength / strength.sum()).max() < 0.001


@pytest.mark.parametrize("rest", [{}, {"p": 0.25, "q": 4.0}], ids=["first order", "second order"])
def test_the_same_bytes_on_any_number_of_threads(rest):
    made = []
    for count in (1, 2, 3):
        with threads.limited(count):
            made.append(random_walks(KARATE, walks_per_node=40, length=30, seed=5, **rest))
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])
    assert not np.array_equal(made[0], random_walks(KARATE, walks_per_node=40, length=30, seed=6, **rest))


@given(st.integers(0, 2**64 - 1), st.sampled_from([1.0, 0.2, 5.0]), st.sampled_from([1.0, 0.2, 5.0]))
def test_every_pass_starts_once_from_each_node_and_shorter_walks_are_the_first_steps_of_longer_ones(seed, p, q):
    walks = random_walks(DIRECTED, walks_per_node=3, length=9, p=p, q=q, seed=seed)
    assert np.array_equal(np.sort(walks[:, 0].reshape(3, -1)), np.tile(range(4), (3, 1)))
    assert np.array_equal(random_walks(DIRECTED, walks_per_node=2, length=4, p=p, q=q, seed=seed), walks[:8, :4])


@pytest.mark.parametrize("q", [1.0, 2.0])
def test_a_walk_ends_where_no_edge_leaves(q):
    graph = Graph.from_edges([("a", "b"), ("b", "c")], [1, 0], nodes=["alone", "a"], directed=True)
    walks = random_walks(graph, walks_per_node=1, length=4, q=q)
    assert {tuple(walk) for walk in walks.tolist()} == {(0, -1, -1, -1), (1, 2, -1, -1), (2, -1, -1, -1), (3, -1, -1, -1)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"length": 0}, "length: expected a whole number >= 1; got 0"),
        ({"walks_per_node": 0}, "walks_per_node: expected"),
        ({"p": 0.0}, "p: expected a number above 0; got 0.0"),
        ({"q": np.nan}, "q: expected a number above 0"),
    ],
)
def test_a_mistake_gets_one_clear_error(values, message):
    with pytest.raises(ValueError, match=message):
        random_walks(KARATE, **{"walks_per_node": 1, "length": 3} | values)


def test_a_negative_weight_is_named():
    with pytest.raises(ValueError, match=r"a walk takes weights >= 0; the edge \('a', 'b'\) weighs -2"):
        random_walks(Graph.from_edges([("b", "c"), ("a", "b")], [1, -2], nodes="abc"), walks_per_node=1, length=2)
