"""Vectors of nodes from edges alone: LINE.

Tang, Qu, Wang, Zhang, Yan, Mei: LINE: large-scale information network embedding. WWW 2015:

    1. an edge (u, v) is drawn by its weight, with the alias method (section 4.2), and negatives by degree^(3/4) (equation 7)
    2. first order (section 4.1.1): the vectors x_u and x_v are to agree, those of u and of negatives not
       second order (4.1.2): x_u is to agree with the context y_v of v, not with those of negatives
    3. a step down the gradient of -log s(x_u y_v) - sum_k log s(-x_u y_k), with s(z) = 1 / (1 + exp(-z))

Each order is learned by itself, its vectors are made of length 1, and both stand one behind the other (section 5.1). Negatives
that are one of the two ends are left out. The paper adds neighbours of neighbours to nodes of few edges on one data set; not
here. All vectors of a step are those before it; steps follow one another on one thread, so that threads change no byte.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from evo import rng
from evo.float32 import logistic
from evo.rng import philox
from evo.settings import setting, settings
from evo.space import Choice, Log
from graphs.alias import alias_tables
from graphs.data import Graph
from graphs.embeddings import Embedding
from graphs.skipgram import LANES, POWER
from graphs.walks import transitions

LEAST = 0.0001  # of the learning rate is left in the end, as in the authors' code
STEPS = 2**18  # of one call of the kernel, so that a run can be interrupted
ORDERS = ("both", "first", "second")


@settings
class LINESettings:
    dimension: int = setting(128, "numbers of a node's vector; of both orders a half each", low=2, source="Tang et al. 2015")
    order: str = setting("both", "of the proximity: neighbours are alike, or nodes with the same neighbours", choices=ORDERS)
    draws: int = setting(100, "times that an edge is drawn each way, in the mean", low=1, search=Choice(30, 100, 300))
    negative: int = setting(5, "negatives of an edge", low=1, source="Tang et al. 2015, section 5.1")
    learning_rate: float = setting(0.025, "first learning rate; it falls linearly", above=0.0, search=Log(0.005, 0.1))

    def contradictions(self) -> list[str]:
        odd = self.order == "both" and self.dimension % 2
        return [f"dimension: expected an even number for both orders; got {self.dimension}"] * bool(odd)


class Edges(NamedTuple):
    """Both ends of each entry of a graph's rows (nnz,), and the alias table by which one is drawn; nodes with edges (n,), and
    the table by which a negative is."""

    sources: np.ndarray
    targets: np.ndarray
    words: np.ndarray
    others: np.ndarray
    nodes: np.ndarray
    noise_words: np.ndarray
    noise_others: np.ndarray


class LINE(Embedding):
    """Edges drawn by weight, negatives, proximity of first and second order. A node without edges keeps a small random
    vector."""

    settings = LINESettings

    def _vectors(self, graph: Graph, options: LINESettings) -> np.ndarray:
        orders = (1, 2) if options.order == "both" else (1 + ORDERS.index(options.order) // 2,)
        width = options.dimension // len(orders)
        steps = options.draws * len(graph.indices)
        parts = [learned(graph, order, width, steps, options.negative, options.learning_rate, self.seed) for order in orders]
        alone = np.bincount(graph.indices, minlength=len(graph)) + graph.degrees == 0
        lengths = [np.where(alone, 1.0, np.linalg.norm(part, axis=1)) for part in parts]
        return np.concatenate([part / length[:, None] for part, length in zip(parts, lengths)], axis=1).astype(np.float32)


def learned(graph: Graph, order: int, dimension: int, steps: int, negative: int, rate: float, seed: int) -> np.ndarray:
    """Vectors (N, dimension) float32 of one order, 1 or 2, after so many steps at a rate that falls linearly. Raises ValueError
    for a negative weight, and for vectors that diverge."""
    edges, width = _edges(graph), -(-dimension // LANES) * LANES
    vectors = np.zeros((len(graph), width), np.float32)
    start = rng.uniforms(seed, order, 0, rng.INITIAL, len(graph) * dimension).reshape(len(graph), -1) - 0.5
    vectors[:, :dimension] = start / dimension
    contexts = vectors if order == 1 else np.zeros_like(vectors)
    rows, factors, words = np.empty(negative + 1, np.int64), np.empty(negative + 1, np.float32), np.empty(4, np.int64)
    scratch = rows, factors, np.empty((2, width), np.float32), words
    steps = steps if len(edges.sources) else 0
    for first in range(0, steps, STEPS):
        last = min(first + STEPS, steps)
        _descend(edges, first, last, steps, order, negative, np.float32(rate), vectors, contexts, *scratch, rng.signed(seed))
    if not np.isfinite(vectors).all():
        raise ValueError(f"the vectors diverge: expected a lower learning_rate; got {rate:g}")
    return np.ascontiguousarray(vectors[:, :dimension])


def _edges(graph: Graph) -> Edges:
    graph.refuse_negative_weights("LINE")
    table = transitions(graph)
    weights = table.weights if table.weighted else np.ones(len(table.indices))
    sources = np.repeat(np.arange(len(graph), dtype=np.int32), np.diff(table.indptr))
    words, others = alias_tables(np.array([0, len(weights)]), weights)[1:] if len(weights) else (sources, sources)
    degrees = np.bincount(sources, weights, len(graph)) + np.bincount(table.indices, weights, len(graph))
    nodes = np.flatnonzero(degrees > 0)
    noise = alias_tables(np.array([0, len(nodes)]), degrees[nodes] ** POWER)[1:] if len(nodes) else (sources, sources)
    return Edges(sources, table.indices, words, others, nodes, *noise)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", _nrt=False)
def _descend(edges, first, last, total, order, negative, rate, vectors, contexts, rows, factors, kept, words, seed):
    """kept (2, D): x_u before the step, and what is to be added to it. contexts: `vectors` for the first order."""
    width = vectors.shape[1]
    for step in range(first, last):
        low, high = step & 0xFFFFFFFF, step >> 32
        words[0], words[1], words[2], words[3] = philox(order, low, high, rng.EDGES, seed)
        k = (words[0] * len(edges.sources)) >> 32
        if words[1] >= edges.words[k]:
            k = np.int64(edges.others[k])
        u, v = np.int64(edges.sources[k]), np.int64(edges.targets[k])
        rows[0], count = v, 1
        for number in range(negative):
            if number % 2 == 0:
                words[0], words[1], words[2], words[3] = philox(order + 4 * (1 + number // 2), low, high, rng.EDGES, seed)
            k = (words[2 * (number % 2)] * len(edges.nodes)) >> 32
            if words[2 * (number % 2) + 1] >= edges.noise_words[k]:
                k = np.int64(edges.noise_others[k])
            if edges.nodes[k] != u and edges.nodes[k] != v:
                rows[count] = edges.nodes[k]
                count += 1
        now = rate * max(np.float32(1 - step / total), np.float32(LEAST))
        for d in range(width):
            kept[0, d] = vectors[u, d]
            kept[1, d] = 0
        for j in range(count):
            score = np.float32(0)
            for d in range(width):
                score += kept[0, d] * contexts[rows[j], d]
            factors[j] = now * ((j == 0) - logistic(score))
            for d in range(width):
                kept[1, d] += factors[j] * contexts[rows[j], d]
        for j in range(count):
            for d in range(width):
                contexts[rows[j], d] += factors[j] * kept[0, d]
        for d in range(width):
            vectors[u, d] += kept[1, d]
