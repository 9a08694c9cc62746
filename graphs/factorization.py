"""Vectors of nodes from matrices in place of walks: ProNE, NetMF, GraRep.

Zhang, Dong, Wang, Tang, Ding: ProNE: fast and scalable network representation learning. IJCAI 2019: a sparse matrix of the
logarithm of transition probabilities over noise (equation 5) is factorised; the vectors are then filtered by a Chebyshev
expansion of a Gaussian of the graph's Laplacian (section 3.2), and made orthogonal.
Qiu, Dong, Ma, Li, Wang, Tang: Network embedding as matrix factorization: unifying DeepWalk, LINE, PTE, and node2vec. WSDM 2018:
the matrix that DeepWalk with negatives factorises, in closed form.
Cao, Lu, Xu: GraRep: learning graph representations with global structural information. CIKM 2015: one matrix a number of steps.

The matrices of NetMF and GraRep have a float32 for every pair of nodes.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
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
MOST = 50_000  # nodes of a matrix of all pairs: 10 GB


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
        matrix = _weighted(self, graph.undirected())
        with threadpool_limits(1):
            left, values = factorised(_log_ratios(matrix), min(options.dimension, len(graph) - 1), self.seed)
            vectors = _rows_of_length_one(left * np.sqrt(values))
            return _rows_of_length_one(_propagated(matrix, vectors, options)).astype(np.float32)


@settings
class NetMFSettings:
    dimension: int = setting(128, "numbers of a node's vector; of a graph of N nodes at most N - 1", low=1)
    window: int = setting(
        10, "T: steps of which the matrix is the mean", low=1, source="Qiu et al. 2018, table 3", search=Choice(1, 5, 10)
    )
    negative: float = setting(1.0, "b: negatives of a pair", above=0.0, source="Qiu et al. 2018, section 4.1")
    rank: int | None = setting(
        256,
        "eigenvectors of which the mean of the steps is made; none: it is computed",
        low=1,
        source="Qiu et al. 2018, section 4.1",
    )


class NetMF(Embedding):
    """Factorisation of the logarithm of the matrix of a window (algorithms 3 and 4). A directed graph is taken as undirected;
    an edge of weight 0 is none. Raises ValueError above 50,000 nodes."""

    settings = NetMFSettings

    def _vectors(self, graph: Graph, options: NetMFSettings) -> np.ndarray:
        matrix = _weighted(self, graph.undirected(), MOST)
        with threadpool_limits(1):
            every = _window(matrix, options, self.seed)
            np.log(np.maximum(every, 1.0, out=every), out=every)
            return _roots(every, options.dimension, self.seed)


@settings
class GraRepSettings:
    dimension: int = setting(32, "numbers of each number of steps; a node's vector has steps times as many", low=1)
    steps: int = setting(
        4, "K: matrices of 1, 2, ... steps", low=1, source="Cao et al. 2015, section 4.3", search=Choice(2, 4, 6)
    )


class GraRep(Embedding):
    """For each number of steps k a factorisation of the logarithm of the probability of k steps, over that of the node's being
    met at all (algorithm 1, with beta = 1 / N): one behind the other. An edge of weight 0 is none. Raises ValueError above
    50,000 nodes."""

    settings = GraRepSettings

    def _vectors(self, graph: Graph, options: GraRepSettings) -> np.ndarray:
        matrix = _weighted(self, graph, MOST)
        step = scipy.sparse.csr_array(_inverse(matrix.sum(1))[:, None] * matrix).astype(np.float32)
        vectors, chances = [], step.toarray()
        with threadpool_limits(1):
            for k in range(options.steps):
                chances = step @ chances if k else chances
                ratios = chances * (len(graph) * _inverse(chances.sum(0, dtype=np.float64))).astype(np.float32)
                np.log(np.maximum(ratios, 1.0, out=ratios), out=ratios)
                vectors.append(_roots(ratios, options.dimension, self.seed))
        return np.concatenate(vectors, axis=1)


def _weighted(method: Embedding, graph: Graph, most: int | None = None) -> scipy.sparse.csr_array:
    """The adjacency matrix (N, N), without edges of weight 0. Raises ValueError for negative weights, above `most` nodes."""
    name = type(method).__name__
    graph.refuse_negative_weights(name)
    if most is not None and len(graph) > most:
        size = 4 * len(graph) ** 2 / 1e9
        raise ValueError(
            f"{name} makes a matrix of all pairs of nodes: at most {most:,} nodes; got {len(graph):,} ({size:,.0f} GB)"
        )
    matrix = graph.to_scipy()
    matrix.eliminate_zeros()
    return matrix


def _inverse(sums: np.ndarray) -> np.ndarray:
    return np.divide(1.0, sums, out=np.zeros(len(sums)), where=sums > 0)


def _roots(matrix: np.ndarray, rank: int, seed: int) -> np.ndarray:
    """Left singular vectors times the roots of their values, (N, rank) float32; 0 where a row is."""
    left, values = factorised(matrix, min(rank, len(matrix) - 1), seed)
    return (left * np.sqrt(values) * matrix.any(1, keepdims=True)).astype(np.float32)


def _window(matrix: scipy.sparse.csr_array, options: NetMFSettings, seed: int) -> np.ndarray:
    """vol(G) / (b T) sum over r of (D^-1 A)^r D^-1, equation 1 of Qiu et al., (N, N) float32; from the leading eigenvectors of
    D^-1/2 A D^-1/2, or step by step."""
    sums, size = np.asarray(matrix.sum(1), np.float64), len(matrix.indptr) - 1
    root = np.sqrt(_inverse(sums))
    even = scipy.sparse.csr_array(root[:, None] * matrix * root)
    scale = sums.sum() / options.negative
    if options.rank is None or options.rank >= size:
        powers = total = even.toarray()
        for _ in range(options.window - 1):
            powers = even @ powers
            total = total + powers
        return (scale / options.window * root[:, None] * total * root).astype(np.float32)
    start = rng.uniforms(seed, 2, 0, rng.INITIAL, size) - 0.5
    values, vectors = scipy.sparse.linalg.eigsh(even, options.rank, which="LA", v0=start)
    kept = np.maximum((values[:, None] ** np.arange(1, options.window + 1)).mean(1), 0.0)
    half = (np.sqrt(scale * kept) * root[:, None] * vectors).astype(np.float32)
    return half @ half.T


def factorised(matrix: scipy.sparse.csr_array | np.ndarray, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (N, rank) and values (rank,), by a random projection (Halko, Martinsson, Tropp 2011, algorithm
    4.4); signs are those of each vector's largest entry, so that they depend on nothing else."""
    size, count = matrix.shape[1], min(rank + OVERSAMPLED, min(matrix.shape))
    start = scipy.special.ndtri(rng.uniforms(seed, 1, 0, rng.INITIAL, size * count)).reshape(size, count)
    start = start.astype(matrix.dtype)
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
