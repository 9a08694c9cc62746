"""LINE step by step against gradients of its loss by torch, its draws against what they should be, and what it finds."""

import networkx
import numpy as np
import pytest
import torch
from torch.nn import functional

from evo import rng, threads
from evo.settings import SettingsError
from graphs import LINE, Graph
from graphs.alias import alias_tables
from graphs.line import LEAST, learned
from graphs.skipgram import POWER

GRAPH = Graph.from_edges(
    [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 4)], [1.0, 2.0, 0.5, 1.0, 3.0, 1.0], nodes=range(6), duplicates="refuse"
)


def reference(graph, order, dimension, steps, negative, rate, seed):
    """The same in float64, a step at a time, by automatic differentiation of its loss."""
    start = rng.uniforms(seed, order, 0, rng.INITIAL, len(graph) * dimension).reshape(len(graph), -1) - 0.5
    vectors, contexts = torch.tensor(start / dimension), torch.zeros(len(graph), dimension).double()
    sources, targets, weights = graph.sources, graph.indices, graph.weights
    degrees = np.array([weights[(sources == v)].sum() + weights[(targets == v)].sum() for v in range(len(graph))])
    nodes = np.flatnonzero(degrees)
    edge, noise = (alias_tables(np.array([0, len(of)]), of)[1:] for of in (weights, degrees[nodes] ** POWER))
    drawn = lambda one, two, table: one * len(table[0]) >> 32 if two < table[0][one * len(table[0]) >> 32] else None
    for step in range(steps):
        first = list(map(int, rng.philox(order, step, 0, rng.EDGES, seed)))
        k = drawn(*first[:2], edge)
        k = int(edge[1][first[0] * len(weights) >> 32]) if k is None else k
        u, v = int(sources[k]), int(targets[k])
        others = []
        for number in range(negative):
            one, two = list(map(int, rng.philox(order + 4 * (1 + number // 2), step, 0, rng.EDGES, seed)))[2 * (number % 2) :][
                :2
            ]
            k = drawn(one, two, noise)
            other = int(nodes[noise[1][one * len(nodes) >> 32] if k is None else k])
            others += [other] * (other not in (u, v))
        for matrix in (vectors, contexts):
            matrix.requires_grad_(True)
            matrix.grad = None
        scores = (vectors if order == 1 else contexts)[[v, *others]] @ vectors[u]
        truth = torch.zeros_like(scores)
        truth[0] = 1
        functional.binary_cross_entropy_with_logits(scores, truth, reduction="sum").backward()
        with torch.no_grad():
            for matrix in (vectors, contexts):
                if matrix.grad is not None:
                    matrix -= rate * max(1 - step / steps, LEAST) * matrix.grad
    return vectors.detach().numpy()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("dimension", "negative"), [(3, 1), (19, 4)])
def test_every_step_is_down_the_gradient_of_the_loss_of_its_edge(order, dimension, negative):
    found = learned(GRAPH, order, dimension, 200, negative, 0.5, 7)
    expected = reference(GRAPH, order, dimension, 200, negative, 0.5, 7)
    start = (rng.uniforms(7, order, 0, rng.INITIAL, 6 * dimension).reshape(6, -1) - 0.5) / dimension
    assert np.abs(expected - start)[:5].max() > 0.01
    assert np.abs(found - expected).max() < 5e-6
    assert np.array_equal(found[5], start[5].astype(np.float32))  # it has no edge, and is no negative


def test_both_orders_have_length_one_and_stand_one_behind_the_other():
    both = LINE(dimension=6, draws=20, seed=3).fit(GRAPH)
    assert both.embedding_.dtype == np.float32
    parts = [LINE(dimension=3, draws=20, seed=3, order=order).fit_transform(GRAPH) for order in ("first", "second")]
    assert np.array_equal(both.embedding_, np.concatenate(parts, axis=1))
    raw = learned(GRAPH, 2, 3, 20 * len(GRAPH.indices), 5, 0.025, 3)
    assert np.allclose(parts[1][:5], raw[:5] / np.linalg.norm(raw[:5], axis=1, keepdims=True))
    assert np.array_equal(parts[1][5], raw[5])


def test_parts_of_the_steps_and_threads_change_nothing_and_the_seed_does(monkeypatch):
    whole = LINE(dimension=8, draws=30).fit_transform(GRAPH)
    monkeypatch.setattr("graphs.line.STEPS", 7)
    with threads.limited(1):
        assert LINE(dimension=8, draws=30).fit_transform(GRAPH).tobytes() == whole.tobytes()
    assert not np.array_equal(LINE(dimension=8, draws=30, seed=1).fit_transform(GRAPH), whole)


def test_the_first_order_finds_neighbours_and_the_second_those_with_the_same_ones():
    """Cliques in a ring: neighbours are alike. Two sides, all of each joined to all of the other: those of a side have the same
    neighbours, and are none."""
    cliques, sides = networkx.ring_of_cliques(4, 6), networkx.complete_bipartite_graph(12, 12)
    for seed in range(3):
        for order, network in (("first", cliques), ("second", sides)):
            z = LINE(dimension=8, draws=300, order=order, learning_rate=0.1, seed=seed).fit_transform(network)
            joined = networkx.to_numpy_array(network) > 0
            others = ~joined & ~np.eye(len(z), dtype=bool)
            ahead = (z @ z.T)[joined].mean() - (z @ z.T)[others].mean()
            assert ahead > 0.4 if order == "first" else ahead < -0.4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LINE(dimension=7), "dimension: expected an even number for both orders; got 7"),
        (lambda: LINE(order="third"), "order: expected one of"),
        (lambda: LINE(negative=0), "negative: expected a whole number >= 1; got 0"),
        (lambda: LINE().fit(Graph.from_edges([(0, 1)], [-1.0])), r"LINE takes weights >= 0; the edge \(0, 1\) weighs -1"),
        (lambda: LINE(learning_rate=1e30).fit(GRAPH), r"the vectors diverge: expected a lower learning_rate; got 1e\+30"),
    ],
)
def test_a_mistake_gets_one_clear_error(make, message):
    with pytest.raises((SettingsError, ValueError), match=message):
        make()


def test_a_graph_without_edges_and_a_directed_one_are_taken():
    assert np.isfinite(LINE(dimension=4).fit_transform(networkx.empty_graph(3))).all()
    z = LINE(dimension=4, draws=20).fit_transform(Graph.from_edges([("a", "b"), ("b", "c")], nodes=["alone"], directed=True))
    assert np.isfinite(z).all()
    assert np.allclose(np.linalg.norm(z.reshape(4, 2, 2), axis=2)[1:], 1)
