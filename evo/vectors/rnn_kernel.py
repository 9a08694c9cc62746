"""A network of `recurrent.RNN` inside an episode kernel: one network of a population of vectors (P, D), one row a step.

A policy kind for `evo.rollout.lanes`, as `mlp_kernel`: a lane has a network's weights, and its state, 0 as an episode begins.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from numba import njit, types
from torch import nn

from evo.activations import CODES, activate_rows
from evo.rollout.lanes import Answer, Policy
from evo.vectors.recurrent import RNN

# vectors (P, D) float32, the parameters in their order; sizes (layers + 1,): I, hidden .., O.
TYPE = types.Tuple((types.float32[:, ::1], types.int64[::1]))
TANH = CODES["tanh"]


@njit(cache=True, nogil=True)
def scratch(policy, lanes):
    """Working arrays of a network for each lane: its weights, each matrix transposed, and its state; two layers' values."""
    vectors, sizes = policy
    values = np.empty((2, sizes.max()), np.float32)
    return np.empty((lanes, vectors.shape[1]), np.float32), np.empty((lanes, sizes[1:-1].sum()), np.float32), values


@njit(cache=True, nogil=True)
def _transposed(vector, weights, at, before, after):
    """Copies a matrix (after, before) that begins at `at`, so that the weights of one input are contiguous."""
    for o in range(after):
        for i in range(before):
            weights[at + i * after + o] = vector[at + o * before + i]


@njit(cache=True, nogil=True)
def begin(policy, genome, scratch, lane):
    """Copies a genome's weights before an episode, and clears the lane's state."""
    vectors, sizes = policy
    vector, weights, at, last = vectors[genome], scratch[0][lane], 0, sizes.size - 2
    for layer in range(last + 1):
        before, after = sizes[layer], sizes[layer + 1]
        _transposed(vector, weights, at, before, after)
        at += before * after
        weights[at : at + after] = vector[at : at + after]
        at += after
        if layer < last:
            _transposed(vector, weights, at, after, after)
            at += after * after
    scratch[1][lane] = 0.0


@njit(cache=True, nogil=True, _nrt=False)
def _added(weights, values, count, y):
    """Adds the products of `count` values with their weights (count, y.size), value after value."""
    for i in range(count):
        value, row = values[i], weights[i * y.size : (i + 1) * y.size]
        for o in range(y.size):
            y[o] += value * row[o]


@njit(cache=True, nogil=True, _nrt=False)
def answer(policy, genomes, scratch, first, last, x, y):
    """The outputs y (O, lanes) for x (I, lanes) of lanes first .. last, whose networks are `genomes`, -1: none; and their
    next states."""
    _, sizes = policy
    here, there = scratch[2][0], scratch[2][1]
    for w in range(first, last):
        if genomes[w] < 0:
            continue
        weights, state, at = scratch[0][w], scratch[1][w], 0
        for i in range(sizes[0]):
            here[i] = x[i, w]
        for layer in range(sizes.size - 1):
            before, after = sizes[layer], sizes[layer + 1]
            sums, end = there[:after], at + before * after
            for o in range(after):
                sums[o] = weights[end + o]
            _added(weights[at:end], here, before, sums)
            at = end + after
            if layer < sizes.size - 2:
                own, state = state[:after], state[after:]
                _added(weights[at:], own, after, sums)
                activate_rows(TANH, 0.0, 1.0, sums)
                for o in range(after):
                    own[o] = sums[o]
                at += after * after
            here, there = there, here
        for o in range(len(y)):
            y[o, w] = here[o]


@njit(
    types.void(types.float32[:, ::1], types.int64[::1], *[types.float32[:, ::1]] * 3, types.float32[::1], types.float32[::1]),
    cache=True,
)
def _run(vectors, sizes, weights, states, values, x, y):
    lane = np.zeros(1, np.int64)
    answer((vectors, sizes), lane, (weights, states, values), 0, 1, x.reshape(x.size, 1), y.reshape(y.size, 1))


def alone(policy: Policy) -> Callable[[int], Answer]:
    def of(genome: int) -> Answer:
        working = scratch(policy.data, 1)
        begin(policy.data, genome, working, 0)
        return lambda x, y: _run(*policy.data, *working, x, y)

    return of


def sizes_of(module: nn.Module) -> np.ndarray | None:
    """I, hidden .., O of an RNN; None for another module."""
    if type(module) is not RNN:
        return None
    return np.array([module.inputs, *module.hidden, module.output.out_features], np.int64)


def policy(module: nn.Module, vectors: torch.Tensor) -> Policy | None:
    """The networks of `module` with parameters (P, D) as a Policy; None if it is no RNN, or not on the cpu."""
    found = sizes_of(module)
    if found is None or vectors.device.type != "cpu":
        return None
    data = (np.ascontiguousarray(vectors.detach().numpy(), np.float32), found)
    return Policy(sys.modules[__name__], data, len(vectors), int(found[0]), int(found[-1]))
