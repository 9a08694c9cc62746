"""Metrics of a part of a population whose outputs lie in the cache, (n, O, B) float32, so that every loop runs over rows.

Sums are float64, one for each of ROWS neighbouring rows, which are added in their order at the end: they depend on a network's
outputs alone.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from evo.float32 import exponential

ROWS, SUMS = 128, 8  # of 10^38 classes the product would overflow
_OUTPUTS, _SINGLE, _DOUBLE = types.float32[:, :, ::1], types.float32[:, ::1], types.float64[:, ::1]


@njit(cache=True, nogil=True, _nrt=False)
def _take_logarithms(product, loss):
    for r in range(ROWS):
        loss[r] += math.log(product[r])
        product[r] = 1.0


@njit(cache=True, nogil=True, _nrt=False)
def _added(sums):
    total = 0.0
    for r in range(ROWS):
        total += sums[r]
    return total


@njit(types.void(_OUTPUTS, types.int64[::1], _SINGLE, types.float64[::1]), cache=True, nogil=True, _nrt=False)
def accuracy(outputs, targets, scratch, out):
    """The share of rows whose first largest output is that of their class, targets (B,)."""
    batch, best, place = outputs.shape[2], scratch[0], scratch[1]
    for k in range(len(outputs)):
        hits = 0
        for first in range(0, batch, ROWS):
            rows = min(ROWS, batch - first)
            for r in range(rows):
                best[r], place[r] = outputs[k, 0, first + r], 0.0
            for o in range(1, outputs.shape[1]):
                one, number = outputs[k, o, first:], np.float32(o)
                for r in range(rows):
                    place[r] = number if one[r] > best[r] else place[r]
                    best[r] = max(best[r], one[r])
            for r in range(rows):
                hits += place[r] == targets[first + r]
        out[k] = hits / batch


@njit(
    types.void(_OUTPUTS, types.int64[::1], _SINGLE, _DOUBLE, types.float64[::1]),
    cache=True,
    nogil=True,
    fastmath={"contract"},
    _nrt=False,
)
def cross_entropy(outputs, targets, scratch, sums, out):
    """The mean of log(sum_o exp(z_o - max z)) + max z - z_target, for targets (B,).

    The sum lies between 1 and O, so SUMS of them are multiplied before a logarithm is taken.
    """
    batch, best, total, product, loss = outputs.shape[2], scratch[0], scratch[1], sums[0], sums[1]
    for k in range(len(outputs)):
        product[:] = 1.0
        loss[:] = 0.0
        for first in range(0, batch, ROWS):
            rows = min(ROWS, batch - first)
            for r in range(rows):
                best[r], total[r] = outputs[k, 0, first + r], 0.0
            for o in range(1, outputs.shape[1]):
                one = outputs[k, o, first:]
                for r in range(rows):
                    best[r] = max(best[r], one[r])
            for o in range(outputs.shape[1]):
                one = outputs[k, o, first:]
                for r in range(rows):
                    total[r] += exponential(one[r] - best[r])
            for r in range(rows):
                product[r] *= total[r]
                loss[r] += best[r] - outputs[k, targets[first + r], first + r]
            if first // ROWS % SUMS == SUMS - 1:
                _take_logarithms(product, loss)
        _take_logarithms(product, loss)
        out[k] = _added(loss) / batch


@njit(types.void(_OUTPUTS, _SINGLE, types.boolean, types.float64[::1], _DOUBLE), cache=True, nogil=True, _nrt=False)
def mean_errors(outputs, targets, squared, sums, out):
    """The mean of |output - target| over rows, or of its square, for targets (O, B), into out (n, O)."""
    batch = outputs.shape[2]
    for k in range(len(outputs)):
        for o in range(outputs.shape[1]):
            sums[:] = 0.0
            for first in range(0, batch, ROWS):
                one, wanted = outputs[k, o, first:], targets[o, first:]
                rows = min(ROWS, batch - first)
                if squared:
                    for r in range(rows):
                        error = np.float64(one[r]) - np.float64(wanted[r])
                        sums[r] += error * error
                else:
                    for r in range(rows):
                        sums[r] += abs(np.float64(one[r]) - np.float64(wanted[r]))
            out[k, o] = _added(sums) / batch
