"""Mutation of weights and of structure (Stanley and Miikkulainen 2002, sections 3.1 and 4.1).

Structural mutation splits a connection by a new node, or connects two unconnected nodes. These functions only choose the
connection or nodes; `evo.genomes.innovation` numbers the new genes. Every random number is a function of (seed, generation,
index of the offspring).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from evo import rng
from evo.genomes.genome import BIAS, OUTPUT


@njit(cache=True, nogil=True, inline="always", _nrt=False)
def uniform_within(word, half_width):
    """A uniform number in (-half_width, half_width)."""
    return half_width * (2.0 * rng.uniform(word) - 1.0)


@njit(cache=True, nogil=True, _nrt=False)
def mutate_weights(weight, perturbed_below, perturbation, replaced, index, generation, seed):
    """Each weight is perturbed by up to +-perturbation with probability perturbed_below / 2^32, and otherwise replaced by a
    uniform weight within +-replaced. One random word decides which, and gives the value."""
    whole = weight.size // 4
    for block in range(whole):  # branch-free, so that the loop vectorises over blocks
        word0, word1, word2, word3 = rng.philox(block, index, generation, rng.NOISE, seed)
        weight[4 * block] = _mutated(weight[4 * block], word0, perturbed_below, perturbation, replaced)
        weight[4 * block + 1] = _mutated(weight[4 * block + 1], word1, perturbed_below, perturbation, replaced)
        weight[4 * block + 2] = _mutated(weight[4 * block + 2], word2, perturbed_below, perturbation, replaced)
        weight[4 * block + 3] = _mutated(weight[4 * block + 3], word3, perturbed_below, perturbation, replaced)
    if weight.size > 4 * whole:
        four = rng.philox(whole, index, generation, rng.NOISE, seed)
        for k in range(weight.size - 4 * whole):
            weight[4 * whole + k] = _mutated(weight[4 * whole + k], four[k], perturbed_below, perturbation, replaced)


@njit(cache=True, nogil=True, inline="always", _nrt=False)
def _mutated(weight, word, perturbed_below, perturbation, replaced):
    moved, drawn = 2.0 * perturbation / max(1, perturbed_below), 2.0 * replaced / max(1, 2**32 - perturbed_below)
    perturbed = weight + (moved * (word + 0.5) - perturbation)
    anew = drawn * (word - perturbed_below + 0.5) - replaced
    return perturbed if word < perturbed_below else anew


@njit(cache=True, nogil=True, _nrt=False)
def connection_to_split(genes, parent, enabled, from_bias, oldest_below, advance_below, index, generation, seed):
    """The connection of `parent` that a new node splits, given the flags `enabled`; -1 if there is none.

    Candidates are enabled and, unless from_bias, do not start at the bias node. In a genome of `oldest_below` genes or more,
    each has equal probability. In a smaller one the oldest is taken, or with probability advance_below / 2^32 the next, and so
    on; after the last, the oldest.
    """
    start, stop = genes.connections_at[parent], genes.connections_at[parent + 1]
    bias = -1
    for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
        if genes.node_kind[node] == BIAS and not from_bias:
            bias = genes.node_id[node]
    candidates, oldest = 0, -1
    for k in range(stop - start):
        if enabled[k] and genes.source[start + k] != bias:
            candidates += 1
            oldest = k if oldest < 0 else oldest
    if candidates == 0:
        return -1
    if stop - start >= oldest_below:
        chosen = (rng.philox(1, index, generation, rng.STRUCTURE, seed)[0] * candidates) >> 32
        for k in range(oldest, stop - start):
            if enabled[k] and genes.source[start + k] != bias:
                if chosen == 0:
                    return k
                chosen -= 1
    step = 0
    for k in range(oldest, stop - start):
        if enabled[k] and genes.source[start + k] != bias:
            if rng.philox(2 + step, index, generation, rng.STRUCTURE, seed)[0] >= advance_below:
                return k
            step += 1
    return oldest


@njit(cache=True, nogil=True, _nrt=False)
def nodes_to_connect(genes, parent, reached, recurrent, tries, index, generation, seed):
    """Two unconnected nodes of `parent`, as ids (source, target); (-1, -1) if `tries` draws find none.

    The target is an output or hidden node. Feed-forward: the source is no output, and no path leads from target to source,
    disabled connections included. Recurrent: any source. reached: scratch for `path_exists`.
    """
    first, last = genes.nodes_at[parent], genes.nodes_at[parent + 1]
    sources = genes.source[genes.connections_at[parent] : genes.connections_at[parent + 1]]
    targets = genes.target[genes.connections_at[parent] : genes.connections_at[parent + 1]]
    inputs = outputs = 0
    for node in range(first, last):
        inputs += genes.node_kind[node] <= BIAS
        outputs += genes.node_kind[node] == OUTPUT
    count = last - first
    for attempt in range(tries):
        one, two, _, _ = rng.philox(attempt, index, generation, rng.CONNECTION, seed)
        if recurrent:
            source = first + ((one * count) >> 32)
        else:
            source = first + ((one * (count - outputs)) >> 32)
            if source >= first + inputs:
                source += outputs
        target = first + inputs + ((two * (count - inputs)) >> 32)
        a, b = genes.node_id[source], genes.node_id[target]
        connected = False
        for k in range(sources.size):
            connected |= sources[k] == a and targets[k] == b
        if not connected and (recurrent or not path_exists(genes, parent, reached, b, a)):
            return a, b
    return np.int64(-1), np.int64(-1)


@njit(cache=True, nogil=True, _nrt=False)
def path_exists(genes, parent, reached, start, end):
    """Whether a path leads from node `start` to node `end` in genome `parent`; true if they are equal. reached: scratch, one
    flag per node."""
    if start == end:
        return True
    ids = genes.node_id[genes.nodes_at[parent] : genes.nodes_at[parent + 1]]
    sources = genes.source[genes.connections_at[parent] : genes.connections_at[parent + 1]]
    targets = genes.target[genes.connections_at[parent] : genes.connections_at[parent + 1]]
    for node in range(ids.size):
        reached[node] = False
    reached[np.searchsorted(ids, start)] = True
    again = True
    while again:  # one pass propagates to later nodes; earlier ones need another pass
        again = False
        for node in range(ids.size):
            if not reached[node]:
                continue
            some = False
            for k in range(sources.size):  # branch-free: most reached nodes are outputs without outgoing connections
                some |= sources[k] == ids[node]
            if not some:
                continue
            for k in range(sources.size):
                if sources[k] == ids[node]:
                    if targets[k] == end:
                        return True
                    target = np.searchsorted(ids, targets[k])
                    again |= target < node and not reached[target]
                    reached[target] = True
    return False
