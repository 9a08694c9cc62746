"""Vectors of nodes from matrices in place of walks: ProNE.

Zhang, Dong, Wang, Tang, Ding: ProNE: fast and scalable network representation learning. IJCAI 2019: a sparse matrix of the
logarithm of transition probabilities over noise (equation 5) is factorised; the vectors are then filtered by a Chebyshev
expansion of a Gaussian of the graph's Laplacian (section 3.2), and made orthogonal.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.special
from scipy.linalg import qr, svd
from threadpoolctl import threadpool_limits

from evo import rng
from evo.settings import setting, settings
from evo.space import Choice
from graphs.data import Graph
from graphs.embeddings import Embedding

POWER = 0.75  # of the noise: section 3.1
OVERSAMPLED, PASSES = 10, 5  # columns more than wanted, and powers, of the randomised factorisation


@settings
class ProNESettings:
    dimension: int = setting(128, "numbers of a node's vector; of a graph of N nodes at most N - 1", low=1)
    order: int = setting(10, "terms of the Chebyshev expansion", low=2, source="Zhang et al. 2019, section 4.1")
    mu: float = setting(0.2, "the filter's centre", source="Zhang et al. 2019, section 4.1")
    theta: float = setting(
        0.5, "the filter's width", above=0.0, source="Zhang et al. 2019, section 4.1", search=Choice(0.25, 0.5, 1.0, 2.0)
    )


class ProNE(Embedding):
    """Factorisation of a sparse matrix, and spectral propagation. A directed graph is taken as undirected; an edge of weight 0
    is none."""

    settings = ProNESettings

    def _vectors(self, graph: Graph, options: ProNESettings) -> np.ndarray:
        if graph.weights is not None and (graph.weights < 0).any():
            raise ValueError(f"ProNE needs weights >= 0; the least is {graph.weights.min():g}")
        matrix = graph.to_scipy()
        matrix.eliminate_zeros()  # an edge of weight 0 is none
        if graph.directed:
            matrix = matrix.maximum(matrix.T)
        with threadpool_limits(1):
            left, values = factorised(_log_ratios(matrix), min(options.dimension, len(graph) - 1), self.seed)
            vectors = _rows_of_length_one(left * np.sqrt(values))
            return _rows_of_length_one(_propagated(matrix, vectors, options)).astype(np.float32)


def factorised(matrix: scipy.sparse.csr_array, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (N, rank) and values (rank,), by a random projection (Halko, Martinsson, Tropp 2011, algorithm
    4.4); signs are those of each vector's largest entry, so that they depend on nothing else."""
    size, count = matrix.shape[1], min(rank + OVERSAMPLED, min(matrix.shape))
    start = scipy.special.ndtri(rng.uniforms(seed, 1, 0, rng.INITIAL, size * count)).reshape(size, count)
    basis = qr(matrix @ start, mode="economic")[0]
    for _ in range(PASSES):
        basis = qr(matrix @ qr(matrix.T @ basis, mode="economic")[0], mode="economic")[0]
    left, values, _ = svd((matrix.T @ basis).T, full_matrices=False)
    vectors = basis @ left[:, :rank]
    signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(rank)])
    return vectors * signs, values[:rank]


def _log_ratios(matrix: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Equation 5: log of the probability of a step along each edge, over that of the noise."""
    sums = np.maximum(matrix.sum(1), 1e-300)
    steps = scipy.sparse.csr_array(matrix / sums[:, None])
    noise = np.asarray(steps.sum(0)) ** POWER
    noise /= max(noise.sum(), 1e-300)
    steps.data = np.log(np.maximum(steps.data, 1e-300)) - np.log(np.maximum(noise[steps.indices], 1e-300))
    return steps


def _propagated(matrix: scipy.sparse.csr_array, vectors: np.ndarray, options: ProNESettings) -> np.ndarray:
    """Section 3.2: the filter of the Laplacian's spectrum, of which Bessel functions are the Chebyshev coefficients; then the
    neighbours' mean, and an orthogonal basis of it."""
    loops = matrix + scipy.sparse.eye_array(len(vectors))
    steps = scipy.sparse.csr_array(loops / loops.sum(1)[:, None])
    shifted = scipy.sparse.eye_array(len(vectors)) - steps - options.mu * scipy.sparse.eye_array(len(vectors))
    shifted = scipy.sparse.csr_array(shifted)
    before, now = vectors, 0.5 * (shifted @ (shifted @ vectors)) - vectors
    total = scipy.special.iv(0, options.theta) * before - 2 * scipy.special.iv(1, options.theta) * now
    for term in range(2, options.order):
        after = shifted @ (shifted @ now) - 2 * now - before
        total += (-1) ** term * 2 * scipy.special.iv(term, options.theta) * after
        before, now = now, after
    mixed = loops @ (vectors - total)
    left, values, _ = svd(mixed, full_matrices=False)
    signs = np.sign(left[np.abs(left).argmax(0), np.arange(left.shape[1])])
    return left * signs * np.sqrt(values)


def _rows_of_length_one(vectors: np.ndarray) -> np.ndarray:
    length = np.sqrt((vectors**2).sum(1, keepdims=True))
    return np.where(length > 0, vectors / np.maximum(length, 1e-300), 0.0)
