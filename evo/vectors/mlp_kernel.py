"""A multi-layer perceptron (`modules.MLP`) inside an episode kernel: one network of a population of vectors (P, D), one row.

A policy kind for `evo.rollout.lanes`: its kernels call TYPE, scratch, begin and answer; episodes in Python call `alone`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numba import njit, types
from torch import nn

from evo.activations import IDENTITY, activate_rows
from evo.core import example
from evo.rollout.lanes import Answer, Policy
from evo.vectors.mlp_rows import layers

# vectors (P, D) float32, the parameters of the layers in their order; sizes (layers + 1,): I, hidden .., O; activation's code.
TYPE = types.Tuple((types.float32[:, ::1], types.int64[::1], types.int64))


@njit(cache=True, nogil=True)
def scratch(policy, lanes):
    """Working arrays of a network for each lane: its weights, each layer transposed; and the values of two layers."""
    vectors, sizes, _ = policy
    return np.empty((lanes, vectors.shape[1]), np.float32), np.empty((2, sizes.max()), np.float32)


@njit(cache=True, nogil=True)
def begin(policy, genome, scratch, lane):
    """Copies a genome's weights before an episode, so that the weights of one input are contiguous."""
    vectors, sizes, _ = policy
    vector, weights, at = vectors[genome], scratch[0][lane], 0
    for layer in range(sizes.size - 1):
        before, after = sizes[layer], sizes[layer + 1]
        for o in range(after):
            for i in range(before):
                weights[at + i * after + o] = vector[at + o * before + i]
        at += before * after
        weights[at : at + after] = vector[at : at + after]
        at += after


@njit(cache=True, nogil=True, _nrt=False)
def _answer(policy, scratch, lane, x, y):
    """The outputs y[:, lane] (O,) of the network for x[:, lane] (I,)."""
    _, sizes, activation = policy
    weights, here, there = scratch[0][lane], scratch[1][0], scratch[1][1]
    at, last = 0, sizes.size - 2
    for i in range(sizes[0]):
        here[i] = x[i, lane]
    for layer in range(last + 1):
        before, after = sizes[layer], sizes[layer + 1]
        bias = weights[at + before * after : at + before * after + after]
        for o in range(after):
            there[o] = bias[o]
        for i in range(before):
            value, row = here[i], weights[at + i * after : at + i * after + after]
            for o in range(after):
                there[o] += value * row[o]
        if layer < last:
            activate_rows(activation, 0.0, 1.0, there[:after])
        here, there = there, here
        at += before * after + after
    for o in range(sizes[last + 1]):
        y[o, lane] = here[o]


@njit(cache=True, nogil=True, _nrt=False)
def answer(policy, genomes, scratch, first, last, x, y):
    """The outputs y (O, lanes) for x (I, lanes) of lanes first .. last, whose networks are `genomes`, -1: none."""
    for w in range(first, last):
        if genomes[w] >= 0:
            _answer(policy, scratch, w, x, y)


@njit(
    types.void(
        types.int64[::1], types.int64, types.float32[::1], types.float32[:, ::1], types.float32[::1], types.float32[::1]
    ),
    cache=True,
)
def _run(sizes, activation, weights, values, x, y):
    row = weights.reshape(1, weights.size)
    _answer((row, sizes, activation), (row, values), 0, x.reshape(x.size, 1), y.reshape(y.size, 1))


class Single:
    """One network of a policy of this kind, on one example (I,) at a time: as in an episode, to the last bit."""

    def __init__(self, policy: Policy, genome: int = 0):
        _, self._sizes, self._activation = policy.data
        rows, self._values = working = scratch(policy.data, 1)
        begin(policy.data, genome, working, 0)
        self._weights = rows[0]
        self.inputs, self.outputs = policy.inputs, policy.outputs

    def __call__(self, inputs: Sequence[float]) -> list[float]:
        """The outputs, O floats. Raises ValueError for another number of inputs."""
        x, y = example(inputs, self.inputs), np.empty(self.outputs, np.float32)
        self.answer(x, y)
        return y.tolist()

    def answer(self, x: np.ndarray, y: np.ndarray) -> None:
        """As an `Answer`."""
        _run(self._sizes, self._activation, self._weights, self._values, x, y)


def alone(policy: Policy) -> Callable[[int], Answer]:
    return lambda genome: Single(policy, genome).answer


def policy(module: nn.Module, vectors: torch.Tensor) -> Policy | None:
    """The networks of `module` with parameters (P, D) as a Policy; None if it is no MLP, or not on the cpu."""
    found = layers(module)
    if found is None or found.output != IDENTITY or vectors.device.type != "cpu":
        return None
    sizes, hidden, _ = found
    data = (np.ascontiguousarray(vectors.detach().numpy(), np.float32), sizes, hidden)
    return Policy(sys.modules[__name__], data, len(vectors), int(sizes[0]), int(sizes[-1]))
