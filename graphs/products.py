"""Sums over the neighbours of nodes, weighted and differentiable, for one network or many at once.

A pattern says who is summed: row r of m holds the columns `indices[indptr[r]:indptr[r + 1]]`, of n. Sums run in that order,
each number by itself, so that a network of a population gets the bits that it gets alone. Networks of a population (vmap) are
summed in one product.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse
import torch
from numba import njit
from torch import Tensor


class Pattern:
    """indptr (m + 1,) int64, indices (nnz,) int32: columns of each of m rows, of n columns. It never changes, so that copies of
    a network share it."""

    def __init__(self, indptr: np.ndarray, indices: np.ndarray, columns: int):
        self.indptr, self.indices = np.ascontiguousarray(indptr, np.int64), np.ascontiguousarray(indices, np.int32)
        self.columns = columns

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @cached_property
    def transposed(self) -> tuple[Pattern, Tensor]:
        """Rows and columns exchanged, and which of our entries each entry there is (nnz,) int64."""
        numbers = np.arange(1, len(self.indices) + 1)
        other = scipy.sparse.csr_array((numbers, self.indices, self.indptr), shape=(len(self), self.columns)).tocsc()
        return Pattern(other.indptr, other.indices, len(self)), torch.from_numpy(other.data.astype(np.int64) - 1)

    @cached_property
    def rows(self) -> Tensor:
        """The row of each entry (nnz,) int64."""
        return torch.from_numpy(np.repeat(np.arange(len(self)), np.diff(self.indptr)))

    @cached_property
    def cols(self) -> Tensor:
        """The column of each entry (nnz,) int64."""
        return torch.from_numpy(self.indices.astype(np.int64))


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(indptr, indices, weights, z, out):
    """out (m, H, K): of each row, the sum over its entries e of weights[e, h] z[column of e, h]."""
    heads, width = z.shape[1], z.shape[2]
    for r in range(len(indptr) - 1):
        for h in range(heads):
            for k in range(width):
                out[r, h, k] = 0.0
        for e in range(indptr[r], indptr[r + 1]):
            c = indices[e]
            for h in range(heads):
                weight = weights[e, h]
                for k in range(width):
                    out[r, h, k] += weight * z[c, h, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _dots(indptr, indices, grad, z, out):
    """out (nnz, H): of each entry e, grad[row of e, h] . z[column of e, h]."""
    heads, width = z.shape[1], z.shape[2]
    for r in range(len(indptr) - 1):
        for e in range(indptr[r], indptr[r + 1]):
            c = indices[e]
            for h in range(heads):
                total = grad[r, h, 0] * z[c, h, 0]
                for k in range(1, width):
                    total += grad[r, h, k] * z[c, h, k]
                out[e, h] = total


@njit(cache=True, nogil=True, error_model="numpy")
def _softmax(indptr, scores, out):
    """out (nnz, H): exp(scores) over its sum in the row."""
    heads = scores.shape[1]
    for r in range(len(indptr) - 1):
        first, last = indptr[r], indptr[r + 1]
        for h in range(heads):
            most, total = scores[first, h] if last > first else 0.0, 0.0
            for e in range(first, last):
                most = max(most, scores[e, h])
            for e in range(first, last):
                out[e, h] = np.exp(scores[e, h] - most)
                total += out[e, h]
            for e in range(first, last):
                out[e, h] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _softmax_back(indptr, shares, grad, out):
    """out (nnz, H): shares (grad - the row's sum of shares grad)."""
    heads = shares.shape[1]
    for r in range(len(indptr) - 1):
        for h in range(heads):
            total = 0.0
            for e in range(indptr[r], indptr[r + 1]):
                total += shares[e, h] * grad[e, h]
            for e in range(indptr[r], indptr[r + 1]):
                out[e, h] = shares[e, h] * (grad[e, h] - total)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().contiguous().numpy()


class _Sums(torch.autograd.Function):
    @staticmethod
    def forward(weights: Tensor, z: Tensor, pattern: Pattern) -> Tensor:
        out = z.new_empty(len(pattern), *z.shape[1:])
        _sums(pattern.indptr, pattern.indices, _array(weights), _array(z), out.numpy())
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Pattern], output: Tensor) -> None:
        weights, z, ctx.pattern = inputs
        ctx.save_for_backward(weights, z)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (grad,), (weights, z), pattern = grads, ctx.saved_tensors, ctx.pattern
        for_weights = for_z = None
        if ctx.needs_input_grad[0]:
            for_weights = torch.empty_like(weights)
            _dots(pattern.indptr, pattern.indices, _array(grad), _array(z), for_weights.numpy())
        if ctx.needs_input_grad[1]:
            other, order = pattern.transposed
            for_z = torch.empty_like(z)
            _sums(other.indptr, other.indices, _array(weights[order]), _array(grad), for_z.numpy())
        return for_weights, for_z, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple, weights: Tensor, z: Tensor, pattern: Pattern) -> tuple[Tensor, int]:
        """Networks together: as further numbers of a head where all share the weights, else as further heads."""
        size = info.batch_size
        z = z.expand(size, *z.shape) if in_dims[1] is None else z.movedim(in_dims[1], 0)
        if in_dims[0] is None:
            out = _Sums.apply(weights, z.movedim(0, 2).flatten(2), pattern)
            return out.unflatten(2, (size, -1)).movedim(2, 0), 0
        out = _Sums.apply(weights.movedim(in_dims[0], 1).flatten(1), z.movedim(0, 1).flatten(1, 2), pattern)
        return out.unflatten(1, (size, -1)).movedim(1, 0), 0


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(scores: Tensor, pattern: Pattern) -> Tensor:
        out = torch.empty_like(scores, memory_format=torch.contiguous_format)
        _softmax(pattern.indptr, _array(scores), out.numpy())
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Pattern], output: Tensor) -> None:
        ctx.pattern = inputs[1]
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (shares,) = ctx.saved_tensors
        out = torch.empty_like(shares)
        _softmax_back(ctx.pattern.indptr, _array(shares), _array(grads[0]), out.numpy())
        return out, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple, scores: Tensor, pattern: Pattern) -> tuple[Tensor, int]:
        out = _Softmax.apply(scores.movedim(in_dims[0], 1).flatten(1), pattern)
        return out.unflatten(1, (info.batch_size, -1)).movedim(1, 0), 0


def sums(weights: Tensor, z: Tensor, pattern: Pattern) -> Tensor:
    """For each row of a pattern the weighted sum of its columns' z: weights (nnz, H), z (n, H, K) -> (m, H, K)."""
    return _Sums.apply(weights, z, pattern)


def softmax(scores: Tensor, pattern: Pattern) -> Tensor:
    """Shares (nnz, H) of the entries of each row, by their scores (nnz, H)."""
    return _Softmax.apply(scores, pattern)
