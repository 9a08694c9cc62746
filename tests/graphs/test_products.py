"""Sums over neighbours: against torch's own operations, their gradients, and in populations of any size."""

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from graphs.products import Pattern, softmax, sums


def pattern(seed=0, rows=6, columns=9, share=0.3):
    matrix = scipy.sparse.random_array((rows, columns), density=share, rng=np.random.default_rng(seed), format="csr")
    matrix.sort_indices()
    return Pattern(matrix.indptr, matrix.indices, columns)


def numbers(seed, *shape, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


def summed(weights, z, each):
    """By torch's index operations."""
    return z.new_zeros(len(each), *z.shape[1:]).index_add(0, each.rows, weights[..., None] * z[each.cols])


def shared(scores, each):
    rows = [scores[each.indptr[r] : each.indptr[r + 1]].softmax(0) for r in range(len(each))]
    return torch.cat(rows)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000), heads=st.integers(1, 3), width=st.integers(1, 5), share=st.sampled_from([0.0, 0.1, 0.5, 1.0])
)
def test_values_and_gradients_are_those_of_torch(seed, heads, width, share):
    each = pattern(seed, share=share)
    weights, z = numbers(seed, len(each.rows), heads), numbers(seed + 1, 9, heads, width)
    for ours, theirs, inputs in ((sums, summed, (weights, z)), (softmax, shared, (weights,))):
        found = [[part.clone().requires_grad_(True) for part in inputs] for _ in range(2)]
        outputs = [made(*own, each) for made, own in zip((ours, theirs), found)]
        torch.testing.assert_close(*outputs)
        for output in outputs:
            (output * numbers(seed + 2, *output.shape)).sum().backward()
        for one, other in zip(*found):
            torch.testing.assert_close(one.grad, other.grad)


def test_scores_beyond_the_range_of_exp_are_shares():
    each = Pattern(np.array([0, 2, 2, 3]), np.array([0, 1, 2]), 3)
    assert torch.equal(softmax(torch.tensor([[1e4], [1e4], [-1e4]]), each), torch.tensor([[0.5], [0.5], [1.0]]))


@pytest.mark.parametrize(("own_weights", "own_values"), [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_many_networks_get_the_bits_that_each_gets_alone(own_weights, own_values, size):
    each = pattern(1, 20, 30)
    weights = numbers(2, *[size][: int(own_weights)], len(each.rows), 3, dtype=torch.float32)
    z = numbers(3, *[size][: int(own_values)], 30, 3, 7, dtype=torch.float32)
    dims = 0 if own_weights else None, 0 if own_values else None
    found = vmap(lambda w, values: sums(w, values, each), in_dims=dims)(weights, z)
    alone = [sums(weights[k] if own_weights else weights, z[k] if own_values else z, each) for k in range(size)]
    assert torch.equal(found, torch.stack(alone))
    if own_weights:
        together = vmap(lambda scores: softmax(scores, each))(weights)
        assert torch.equal(together, torch.stack([softmax(one, each) for one in weights]))


def test_a_transposed_pattern_says_where_each_entry_came_from():
    each = pattern(4, 5, 7, 0.4)
    values = np.arange(1.0, len(each.indices) + 1)
    other, order = each.transposed
    dense = scipy.sparse.csr_array((values, each.indices, each.indptr), shape=(5, 7)).toarray()
    back = scipy.sparse.csr_array((values[order.numpy()], other.indices, other.indptr), shape=(7, 5)).toarray()
    assert np.array_equal(back, dense.T)
