"""Skip-gram step by step against gradients of its loss by torch; its tree and its draws against what they should be."""

import heapq

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from evo import rng, threads
from graphs.alias import alias_tables
from graphs.huffman import paths
from graphs.skipgram import LEAST, POWER, train

WALKS = np.array([[0, 1, 2, 1, 3], [3, 2, 4, -1, -1], [4, 0, 0, 2, 1], [5, -1, -1, -1, -1], [1, 4, 3, 2, 0]], np.int32)
KINDS = {"tree": (0, True), "negatives": (3, False), "both": (2, True)}
kinds = pytest.mark.parametrize(("negative", "hierarchical"), KINDS.values(), ids=KINDS)


def reference(walks, nodes, dimension, window, negative, hierarchical, epochs, rate, seed, anchors=None, strength=0.0):
    """The same in float64, a window at a time, by automatic differentiation of its loss."""
    length = walks.shape[1]
    start = rng.uniforms(seed, 0, 0, rng.INITIAL, nodes * dimension).reshape(nodes, dimension) - 0.5
    vectors = torch.tensor(start / dimension)
    words, inner = torch.zeros(nodes, dimension).double(), torch.zeros(nodes, dimension).double()
    counts = np.bincount(walks[walks >= 0], minlength=nodes)
    counts += 0 if anchors is None else np.bincount(anchors, minlength=nodes)
    tree = paths(counts)
    _, low, others = alias_tables(np.array([0, nodes]), np.maximum(counts, 1) ** POWER)
    for epoch in range(epochs):
        for row, walk in enumerate(walks):
            ways = [(place, int(centre), False) for place, centre in enumerate(walk) if centre >= 0]
            ways += [] if anchors is None else [(place, int(anchors[v]), True) for place, v, _ in ways]
            for place, centre, anchored in ways:
                done = (epoch * walks.size + row * length + place) / (epochs * walks.size)
                counter = place + length * (epoch + epochs * anchored)
                blocks = [list(map(int, rng.philox(k, counter, row, rng.SKIPGRAM, seed))) for k in range(1 + negative)]
                reach = 1 + (blocks[0][0] * window >> 32)
                near = [int(walk[k]) for k in range(max(0, place - reach), min(length, place + reach + 1)) if k != place]
                near = [int(walk[place])] if anchored else [v for v in near if v >= 0]
                if not near:
                    continue
                noise = []
                for number in range(negative):
                    one, two = blocks[1 + number // 2][2 * (number % 2) :][:2]
                    k = one * nodes >> 32
                    k = k if two < low[k] else int(others[k])
                    noise += [k] * int(k != centre)
                for matrix in (vectors, words, inner):
                    matrix.requires_grad_(True)
                    matrix.grad = None
                x, loss = vectors[near], 0.0
                if hierarchical:
                    part = slice(tree.indptr[centre], tree.indptr[centre + 1])
                    turns = torch.tensor(1.0 - tree.codes[part]).expand(len(near), -1)
                    scores = x @ inner[tree.nodes[part].astype(int)].T
                    loss = loss + functional.binary_cross_entropy_with_logits(scores, turns.double(), reduction="sum")
                if negative:
                    scores = x @ words[[int(centre), *noise]].T
                    truth = torch.zeros_like(scores)
                    truth[:, 0] = 1
                    loss = loss + functional.binary_cross_entropy_with_logits(scores, truth, reduction="sum")
                loss.backward()
                with torch.no_grad():
                    for matrix in (vectors, words, inner):
                        if matrix.grad is not None:
                            matrix -= rate * (strength if anchored else 1) * max(1 - done, LEAST) * matrix.grad
    return vectors.detach().numpy()


@kinds
@pytest.mark.parametrize("dimension", [3, 16, 37])
def test_every_update_is_the_gradient_of_the_loss_of_its_window(negative, hierarchical, dimension):
    values = dict(dimension=dimension, window=3, negative=negative, hierarchical=hierarchical, epochs=2, seed=7)
    found = train(WALKS, 6, learning_rate=0.5, **values)
    expected = reference(WALKS, 6, rate=0.5, **values)
    untrained = (rng.uniforms(7, 0, 0, rng.INITIAL, 6 * dimension).reshape(6, -1) - 0.5) / dimension
    assert np.abs(expected - untrained)[:5].max() > 0.01
    assert np.abs(found - expected).max() < 2e-6
    assert np.array_equal(found[5], untrained[5].astype(np.float32))  # alone, it is never near another


@kinds
def test_every_node_of_a_walk_predicts_its_anchor_after_it(negative, hierarchical):
    values = dict(dimension=5, window=2, negative=negative, hierarchical=hierarchical, epochs=2, seed=7)
    values |= dict(anchors=np.array([6, 6, 7, 8, 8, 8]), strength=0.4)
    found = train(WALKS, 9, learning_rate=0.5, **values)
    expected = reference(WALKS, 9, rate=0.5, **values)
    plain = train(WALKS, 9, learning_rate=0.5, **{**values, "anchors": None})
    assert np.abs(expected - plain)[:6].max() > 0.01
    assert np.abs(found - expected).max() < 2e-6


def test_vectors_begin_with_those_that_are_given():
    start = np.arange(18, dtype=np.float32).reshape(6, 3)
    found = train(WALKS, 6, dimension=3, window=2, learning_rate=1e-9, start=start)
    assert np.allclose(found, start, atol=1e-5)


@kinds
def test_the_same_bytes_again_and_on_any_number_of_threads(negative, hierarchical):
    walks = rng.words(0, 0, 0, 0, 3000).reshape(100, 30) % 50
    made = []
    for count in (1, 2, 2):
        with threads.limited(count):
            made.append(train(walks.astype(np.int32), 50, dimension=16, window=4, negative=negative, hierarchical=hierarchical))
    assert made[0].tobytes() == made[1].tobytes() == made[2].tobytes()
    other = train(walks.astype(np.int32), 50, dimension=16, window=4, negative=negative, hierarchical=hierarchical, seed=1)
    assert not np.array_equal(made[0], other)


def test_chunks_of_the_walks_change_nothing(monkeypatch):
    walks = (rng.words(0, 0, 0, 0, 3000).reshape(100, 30) % 50).astype(np.int32)
    whole = train(walks, 50, dimension=16, window=4, negative=2, epochs=2)
    monkeypatch.setattr("graphs.skipgram.TOKENS", 210)
    assert train(walks, 50, dimension=16, window=4, negative=2, epochs=2).tobytes() == whole.tobytes()


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=60))
def test_a_huffman_tree_has_the_least_mean_depth_and_no_code_begins_another(counts):
    tree = paths(np.array(counts))
    codes = [tuple(tree.codes[tree.indptr[v] : tree.indptr[v + 1]]) for v in range(len(counts))]
    heap, least = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        least += merged
        heapq.heappush(heap, merged)
    assert sum(count * len(code) for count, code in zip(counts, codes)) == least
    assert len(set(codes)) == len(codes)
    assert all(one == two or one != two[: len(one)] for one in codes for two in codes)
    root = {int(tree.nodes[tree.indptr[v]]) for v in range(len(counts))}
    assert root == {len(counts) - 2}
    turns = {}  # the way to an inner node is the same for all below it
    for v, code in enumerate(codes):
        for depth, node in enumerate(tree.nodes[tree.indptr[v] : tree.indptr[v + 1]].tolist()):
            assert turns.setdefault(node, code[:depth]) == code[:depth]
    assert set(turns) == set(range(len(counts) - 1))


@given(st.lists(st.lists(st.floats(1e-3, 1e3), max_size=9), min_size=1, max_size=5))
def test_alias_tables_hold_the_probabilities(rows):
    indptr = np.append(0, np.cumsum([len(row) for row in rows]))
    weights = np.array([weight for row in rows for weight in row])
    sums, words, others = alias_tables(indptr, weights)
    for v, row in enumerate(rows):
        part = slice(indptr[v], indptr[v + 1])
        held = np.zeros(len(row))
        for k, (word, other) in enumerate(zip(words[part], others[part])):
            held[k] += word / 2**32 / len(row)
            held[other] += (1 - word / 2**32) / len(row)
        assert np.allclose(held, np.array(row) / sum(row), atol=1e-8)
        assert np.isclose(sums[v], sum(row))


@pytest.mark.parametrize(
    ("nodes", "values", "message"),
    [
        (6, {"hierarchical": False}, "skip-gram needs a loss"),
        (1, {}, "skip-gram needs at least two nodes; got 1"),
    ],
)
def test_a_mistake_gets_one_clear_error(nodes, values, message):
    with pytest.raises(ValueError, match=message):
        train(WALKS, nodes, dimension=2, window=1, **values)
