"""Skip-gram: vectors of nodes from which the nodes near them on walks can be predicted.

Mikolov, Sutskever, Chen, Corrado, Dean: Distributed representations of words and phrases and their compositionality. NIPS 2013:
hierarchical softmax (section 2.1) and negative sampling (2.2, equation 4: noise by the power 3/4 of how often nodes occur).
Ji, Satish, Li, Dubey: Parallelizing word2vec in shared and distributed memory. 2016, section 3: the negatives of a window are
drawn once, for all its pairs, which makes small matrix products of what were single scalar products.

A window is a node of a walk and those at most b steps before and behind it, b drawn from 1 .. window. Its pairs see the vectors
as they were before it, and their updates are added up. Windows follow one another on one thread: their order decides every
byte, and a window changes what the next one reads. So the number of threads changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from evo import rng
from evo.float32 import logistic
from evo.rng import philox
from graphs.alias import alias_tables
from graphs.huffman import paths
from graphs.prefetch import prefetch_row

POWER = 0.75  # of how often a node occurs, as noise: Mikolov et al., section 2.2
LEAST = 0.004  # of the learning rate is left in the end, as in word2vec: 0.0001 of 0.025
LANES = 16  # float32 numbers that vectors are padded to a multiple of
TOKENS = 2**20  # of walks that one call of the kernel reads: it ends in a second, so that a run can be interrupted


def train(
    walks: np.ndarray,
    nodes: int,
    *,
    dimension: int,
    window: int,
    negative: int = 0,
    hierarchical: bool = True,
    epochs: int = 1,
    learning_rate: float = 0.025,
    seed: int = 0,
    start: np.ndarray | None = None,
    anchors: np.ndarray | None = None,
    strength: float = 0.0,
) -> np.ndarray:
    """Vectors (nodes, dimension) float32, trained on walks (W, L) int32, where -1 fills up a shorter walk.

    negative: negatives a window, 0: none. hierarchical: softmax over a Huffman tree; with negatives, both losses are added. The
    learning rate falls linearly to a 250th over all epochs. start (S, dimension): what the first S nodes begin with. anchors
    (S,): nodes beyond those of the walks; each of the first S predicts its own after a walk, as often as it stands on it, at
    `strength` times the learning rate. Raises ValueError for neither loss, and for fewer than two nodes.
    """
    if not negative and not hierarchical:
        raise ValueError("skip-gram needs a loss: negative > 0, or hierarchical=True")
    if nodes < 2:
        raise ValueError(f"skip-gram needs at least two nodes; got {nodes}")
    width, length = -(-dimension // LANES) * LANES, walks.shape[1]
    vectors = np.zeros((nodes, width), np.float32)
    vectors[:, :dimension] = (rng.uniforms(seed, 0, 0, rng.INITIAL, nodes * dimension).reshape(nodes, -1) - 0.5) / dimension
    if start is not None:
        vectors[: len(start), :dimension] = start
    counts = np.bincount(walks.ravel() + 1, minlength=nodes + 1)[1:]
    if anchors is not None:
        counts += np.bincount(anchors, minlength=nodes)
    tree = paths(counts) if hierarchical else paths(counts[:0])
    noise = alias_tables(np.array([0, nodes]), np.maximum(counts, 1) ** POWER)[1:] if negative else alias_tables(*EMPTY)[1:]
    most, near = int(np.diff(tree.indptr).max(initial=0)) + 1 + negative, 2 * window
    outputs = np.zeros((2 * nodes, width), np.float32)  # of nodes, and then of inner nodes of the tree
    contexts, changes, targets = (np.empty((size, width), np.float32) for size in (near, near, most))
    rows, words = (np.empty(near, np.int64), np.empty(most, np.int64)), np.empty(4, np.int64)
    labels, scores = np.empty(most, np.float32), np.empty(most * near, np.float32)
    scratch = Scratch(contexts, changes, targets, *rows, labels, scores, words)
    total, step = epochs * walks.size, max(1, TOKENS // length)
    for epoch in range(epochs):
        for first in range(0, len(walks), step):
            windows = (walks, first, min(first + step, len(walks)), epoch, total, window, negative)
            state = (vectors, outputs, tree, noise, scratch, np.float32(learning_rate), rng.signed(seed))
            if anchors is None:
                _windows(*windows, *state)
            else:
                _anchored(*windows, *state, anchors, np.float32(strength))
    return np.ascontiguousarray(vectors[:, :dimension])


EMPTY = np.zeros(1, np.int64), np.empty(0)


class Scratch(NamedTuple):
    """What a window is worked on in: the vectors of its M contexts and what is to be added to them (M, D), those of its J
    targets (J, D); the rows of contexts (M,) and of targets (J,), and the targets' labels (J,); the score of target j and
    context c, at j M + c; four words."""

    contexts: np.ndarray
    changes: np.ndarray
    targets: np.ndarray
    near: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    words: np.ndarray


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", _nrt=False)
def _windows(walks, start, stop, epoch, total, window, negative, vectors, outputs, tree, noise, scratch, learning_rate, seed):
    """Trains on the windows of walks start .. stop - 1."""
    length, width = walks.shape[1], vectors.shape[1]
    for row in range(start, stop):
        for place in range(length):
            if walks[row, place] < 0:
                break
            done = (np.float64(epoch) * walks.size + row * length + place) / total
            rate = learning_rate * np.float32(max(1 - done, LEAST))
            m = _find_contexts(walks, row, place, epoch, window, vectors, scratch, seed)
            if m == 0:
                continue
            n = _find_targets(walks[row, place], row, place + length * epoch, negative, outputs, tree, noise, scratch, seed)
            if place + 1 < length and walks[row, place + 1] >= 0:
                ahead = np.int64(walks[row, place + 1])
                if negative:
                    prefetch_row(outputs, ahead)
                if len(tree.nodes):
                    for k in range(tree.indptr[ahead], tree.indptr[ahead + 1]):
                        prefetch_row(outputs, len(vectors) + tree.nodes[k])
            if place + 1 + window < length and walks[row, place + 1 + window] >= 0:
                prefetch_row(vectors, walks[row, place + 1 + window])
            _products(scratch.targets, n, scratch.contexts, m, scratch.scores)
            for k in range(n * m):
                scratch.scores[k] = logistic(scratch.scores[k])
            for j in range(n):
                for c in range(m):
                    scratch.scores[j * m + c] = rate * (scratch.labels[j] - scratch.scores[j * m + c])
            _change_contexts(scratch.scores, scratch.targets, n, m, scratch.changes)
            _change_targets(scratch.scores, scratch.contexts, n, m, scratch.rows, outputs)
            for c in range(m):
                for d in range(width):
                    vectors[scratch.near[c], d] += scratch.changes[c, d]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy", _nrt=False)
def _anchored(
    walks,
    start,
    stop,
    epoch,
    total,
    window,
    negative,
    vectors,
    outputs,
    tree,
    noise,
    scratch,
    learning_rate,
    seed,
    anchors,
    strength,
):
    """As `_windows`, and after each walk every node of it predicts its anchor, with draws of its own."""
    length, width = walks.shape[1], vectors.shape[1]
    epochs = total // walks.size
    own, change = scratch.contexts[0], scratch.changes[0]
    for row in range(start, stop):
        _windows(
            walks, row, row + 1, epoch, total, window, negative, vectors, outputs, tree, noise, scratch, learning_rate, seed
        )
        for place in range(length):
            v = np.int64(walks[row, place])
            if v < 0:
                break
            done = (np.float64(epoch) * walks.size + row * length + place) / total
            rate = strength * learning_rate * np.float32(max(1 - done, LEAST))
            counter = place + length * (epochs + epoch)
            n = _find_targets(anchors[v], row, counter, negative, outputs, tree, noise, scratch, seed)
            for d in range(width):
                own[d] = vectors[v, d]
                change[d] = 0
            for j in range(n):
                score = np.float32(0)
                for d in range(width):
                    score += own[d] * scratch.targets[j, d]
                factor = rate * (scratch.labels[j] - logistic(score))
                for d in range(width):
                    change[d] += factor * scratch.targets[j, d]
                    outputs[scratch.rows[j], d] += factor * own[d]
            for d in range(width):
                vectors[v, d] += change[d]


@njit(cache=True, nogil=True, fastmath=True, _nrt=False)
def _find_contexts(walks, row, place, epoch, window, vectors, scratch, seed):
    """Copies the vectors of the nodes near a place of a walk; how many."""
    length, width = walks.shape[1], vectors.shape[1]
    word = philox(0, place + length * epoch, row, rng.SKIPGRAM, seed)[0]
    reach, m = 1 + ((word * window) >> 32), 0
    for other in range(max(0, place - reach), min(length, place + reach + 1)):
        v = np.int64(walks[row, other])
        if other != place and v >= 0:
            scratch.near[m] = v
            for d in range(width):
                scratch.contexts[m, d] = vectors[v, d]
            m += 1
    return m


@njit(cache=True, nogil=True, fastmath=True, _nrt=False)
def _find_targets(centre, row, place, negative, outputs, tree, noise, scratch, seed):
    """Copies the vectors that predict a centre: of the inner nodes of its path, of itself and of negatives; how many."""
    rows, labels, words, nodes, n = scratch.rows, scratch.labels, scratch.words, len(outputs) // 2, 0
    if len(tree.nodes):
        for k in range(tree.indptr[centre], tree.indptr[centre + 1]):
            rows[n], labels[n] = nodes + tree.nodes[k], 1 - tree.codes[k]
            n += 1
    if negative:
        rows[n], labels[n] = centre, 1
        n += 1
        for number in range(negative):
            if number % 2 == 0:
                words[0], words[1], words[2], words[3] = philox(1 + number // 2, place, row, rng.SKIPGRAM, seed)
            k = (words[2 * (number % 2)] * nodes) >> 32
            if words[2 * (number % 2) + 1] >= noise[0][k]:
                k = noise[1][k]
            if k != centre:
                rows[n], labels[n] = k, 0
                n += 1
    for j in range(n):
        for d in range(outputs.shape[1]):
            scratch.targets[j, d] = outputs[rows[j], d]
    return n


@njit(cache=True, nogil=True, fastmath=True, _nrt=False)
def _products(targets, n, contexts, m, scores):
    """scores[j m + c]: the scalar product of target j and context c, in tiles of two by four."""
    for j in range(0, n, 2):
        k = min(j + 1, n - 1)
        for c in range(0, m, 4):
            e, f, g = min(c + 1, m - 1), min(c + 2, m - 1), min(c + 3, m - 1)
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = np.float32(0)
            for d in range(contexts.shape[1]):
                a0 += targets[j, d] * contexts[c, d]
                a1 += targets[j, d] * contexts[e, d]
                a2 += targets[j, d] * contexts[f, d]
                a3 += targets[j, d] * contexts[g, d]
                b0 += targets[k, d] * contexts[c, d]
                b1 += targets[k, d] * contexts[e, d]
                b2 += targets[k, d] * contexts[f, d]
                b3 += targets[k, d] * contexts[g, d]
            scores[j * m + c], scores[j * m + e], scores[j * m + f], scores[j * m + g] = a0, a1, a2, a3
            scores[k * m + c], scores[k * m + e], scores[k * m + f], scores[k * m + g] = b0, b1, b2, b3


@njit(cache=True, nogil=True, fastmath=True, _nrt=False)
def _change_contexts(factors, targets, n, m, changes):
    """changes[c]: the sum over j of factors[j m + c] targets[j], four targets and two contexts at once."""
    for c in range(0, m, 2):
        e = min(c + 1, m - 1)
        for d in range(targets.shape[1]):
            changes[c, d] = 0
            changes[e, d] = 0
        for j in range(0, n - n % 4, 4):
            p0, p1, p2, p3 = factors[j * m + c], factors[(j + 1) * m + c], factors[(j + 2) * m + c], factors[(j + 3) * m + c]
            q0, q1, q2, q3 = factors[j * m + e], factors[(j + 1) * m + e], factors[(j + 2) * m + e], factors[(j + 3) * m + e]
            for d in range(targets.shape[1]):
                y0, y1, y2, y3 = targets[j, d], targets[j + 1, d], targets[j + 2, d], targets[j + 3, d]
                one = changes[c, d] + p0 * y0 + p1 * y1 + p2 * y2 + p3 * y3
                two = changes[e, d] + q0 * y0 + q1 * y1 + q2 * y2 + q3 * y3
                changes[c, d] = one
                changes[e, d] = two
        for j in range(n - n % 4, n):
            p0, q0 = factors[j * m + c], factors[j * m + e]
            for d in range(targets.shape[1]):
                one, two = changes[c, d] + p0 * targets[j, d], changes[e, d] + q0 * targets[j, d]
                changes[c, d] = one
                changes[e, d] = two


@njit(cache=True, nogil=True, fastmath=True, _nrt=False)
def _change_targets(factors, contexts, n, m, rows, outputs):
    """Adds to the vector of target j the sum over c of factors[j m + c] contexts[c], four contexts at once."""
    for j in range(n):
        output = outputs[rows[j]]
        for c in range(0, m - m % 4, 4):
            f0, f1, f2, f3 = factors[j * m + c], factors[j * m + c + 1], factors[j * m + c + 2], factors[j * m + c + 3]
            for d in range(contexts.shape[1]):
                output[d] += f0 * contexts[c, d] + f1 * contexts[c + 1, d] + f2 * contexts[c + 2, d] + f3 * contexts[c + 3, d]
        for c in range(m - m % 4, m):
            f0 = factors[j * m + c]
            for d in range(contexts.shape[1]):
                output[d] += f0 * contexts[c, d]
