"""A population of multi-layer perceptrons (`modules.MLP`) on many rows, all in float32.

A tile of at most ROWS rows lies in the first-level cache as (units, ROWS), so that arithmetic runs over rows. A sum starts at
the bias and adds input after input (`dense`), so that an output depends on its own row and weights alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types
from torch import nn

from evo.activations import CODES, IDENTITY, RELU, SIGMOID, TANH, activate
from evo.float32 import hyperbolic_tangent, logistic
from evo.vectors.dense import COLUMNS, OUTPUTS, ROWS, block
from evo.vectors.modules import MLP, Activation


class Layers(NamedTuple):
    """sizes (layers + 1,): I, hidden .., O; codes of `evo.activations`: of the hidden units, and of the outputs."""

    sizes: np.ndarray
    hidden: int
    output: int


def layers(module: nn.Module) -> Layers | None:
    """Of an MLP, a sigmoid behind it or not; None for another module."""
    output = IDENTITY
    if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.Sigmoid):
        module, output = module[0], SIGMOID
    if type(module) is not MLP or not module.plain:
        return None
    linear = [layer for layer in module.layers if isinstance(layer, nn.Linear)]
    names = [layer.name for layer in module.layers if isinstance(layer, Activation)]
    sizes = np.array([linear[0].in_features, *(layer.out_features for layer in linear)], np.int64)
    return Layers(sizes, CODES[names[0] if names else "identity"], output)


def scratch(sizes: np.ndarray) -> np.ndarray:
    """Working memory of `forward`: the inputs of a tile, and the values of two layers."""
    return np.empty((3, ROWS * (int(sizes.max()) + OUTPUTS)), np.float32)


@njit(cache=True, nogil=True, _nrt=False)
def _layer(weights, before, after, x, y, rows):
    """y (after, ROWS) = weights x + bias, for x (before, ROWS); weights: those of one layer, (after, before) and then (after,).

    y has room for the outputs that the last block repeats.
    """
    for first in range(0, after, OUTPUTS):
        for row in range(0, rows, COLUMNS):
            block(weights, before, after, first, x[row:], y[row:])


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy", _nrt=False)
def _activate(code, units, y, rows):
    """y (units, ROWS), in place."""
    for o in range(units):
        one = y[o * ROWS : (o + 1) * ROWS]
        if code == TANH:
            for r in range(rows):
                one[r] = hyperbolic_tangent(one[r])
        elif code == SIGMOID:
            for r in range(rows):
                one[r] = logistic(one[r])
        elif code == RELU:
            for r in range(rows):
                one[r] = max(one[r], np.float32(0.0))
        elif code != IDENTITY:
            for r in range(rows):
                one[r] = activate(code, np.float64(one[r]))


@njit(
    types.void(
        types.float32[:, ::1],
        types.int64[::1],
        types.int64,
        types.int64,
        types.float32[:, :, ::1],
        types.float32[:, :, ::1],
        types.float32[:, ::1],
    ),
    cache=True,
    nogil=True,
    _nrt=False,
)
def forward(vectors, sizes, hidden, output, x, out, scratch):
    """Networks `vectors` (n, D) of `Layers` on inputs x (n, I, B), or shared ones (1, I, B), into out (n, O, B)."""
    shared, batch, last = len(x) == 1, x.shape[2], sizes.size - 2
    inputs = scratch[0]
    for first in range(0, batch, ROWS):
        rows = min(ROWS, batch - first)
        whole = (rows + COLUMNS - 1) // COLUMNS * COLUMNS
        for k in range(len(vectors)):
            if k == 0 or not shared:
                for i in range(sizes[0]):
                    one, source = inputs[i * ROWS : (i + 1) * ROWS], x[k % len(x), i, first:]
                    for r in range(rows):
                        one[r] = source[r]
                    for r in range(rows, whole):
                        one[r] = 0.0
            here, there, spare, at = inputs, scratch[1], scratch[2], 0
            for layer in range(last + 1):
                before, after = sizes[layer], sizes[layer + 1]
                end = at + (before + 1) * after
                _layer(vectors[k, at:end], before, after, here, there, whole)
                _activate(hidden if layer < last else output, after, there, whole)
                here, there, spare, at = there, spare, there, end
            for o in range(sizes[last + 1]):
                one, target = here[o * ROWS : (o + 1) * ROWS], out[k, o, first:]
                for r in range(rows):
                    target[r] = one[r]
