"""Draws by weight in constant time: Walker's alias method.

Vose: A linear algorithm for generating random numbers with a given distribution. IEEE Transactions on Software Engineering
17, 1991. Of K entries each is drawn alike; entry k then stands for itself where a second word is below words[k], else for
others[k].
"""

from __future__ import annotations

import numpy as np
from numba import njit


def alias_tables(indptr: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tables of several distributions, row v of which has the weights > 0 of entries indptr[v] .. indptr[v + 1] - 1: the sums
    of the rows (N,), words (nnz,) int64, 0 .. 2^32, and others (nnz,) int32, places in the row."""
    sums = np.zeros(len(indptr) - 1)
    words, others = np.empty(len(weights), np.int64), np.empty(len(weights), np.int32)
    _fill(indptr, weights, sums, words, others)
    return sums, words, others


@njit(cache=True, nogil=True)
def _fill(indptr, weights, sums, words, others):
    """Vose's two stacks, of which each entry leaves once: small ones are filled up by large ones."""
    for v in range(len(indptr) - 1):
        start, size = indptr[v], indptr[v + 1] - indptr[v]
        for k in range(size):
            sums[v] += weights[start + k]
        share, stack = np.empty(size), np.empty(size, np.int64)
        small, large = 0, size  # small ones grow from the stack's one end, large ones from the other
        for k in range(size):
            share[k] = weights[start + k] * size / sums[v]
            words[start + k], others[start + k] = 1 << 32, k
            if share[k] < 1:
                stack[small] = k
                small += 1
            else:
                large -= 1
                stack[large] = k
        while small > 0 and large < size:
            small -= 1
            little, big = stack[small], stack[large]
            words[start + little], others[start + little] = np.int64(share[little] * 4294967296.0), big
            share[big] -= 1 - share[little]
            if share[big] < 1:
                large += 1
                stack[small] = big
                small += 1
