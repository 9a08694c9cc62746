"""Mutation of a genome (Stanley and Miikkulainen 2002, sections 3.1 and 4.1): of its weights, and of its structure.

Structure: a connection is split by a new node, or two unconnected nodes are joined. Here it is only chosen which; the new
genes are numbered by `evo.genomes.innovation`. Every random number is a function of (seed, generation, place of the offspring).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from evo import rng
from evo.genomes.genome import BIAS, OUTPUT


@njit(cache=True, nogil=True, inline="always", _nrt=False)
def symmetric(word, reach):
    """A number in (-reach, reach)."""
    return reach * (2.0 * rng.uniform(word) - 1.0)


@njit(cache=True, nogil=True, _nrt=False)
def mutate_weights(weight, perturbed_below, perturbation, replaced, place, generation, seed):
    """Each weight, with probability perturbed_below / 2^32, is moved by up to `perturbation`; else it is drawn anew, from
    within `replaced`. One word says both: on which side of perturbed_below it lies, and where there."""
    whole = weight.size // 4
    for block in range(whole):  # without a branch: this loop works on several blocks at a time
        word0, word1, word2, word3 = rng.philox(block, place, generation, rng.NOISE, seed)
        weight[4 * block] = _mutated(weight[4 * block], word0, perturbed_below, perturbation, replaced)
        weight[4 * block + 1] = _mutated(weight[4 * block + 1], word1, perturbed_below, perturbation, replaced)
        weight[4 * block + 2] = _mutated(weight[4 * block + 2], word2, perturbed_below, perturbation, replaced)
        weight[4 * block + 3] = _mutated(weight[4 * block + 3], word3, perturbed_below, perturbation, replaced)
    if weight.size > 4 * whole:
        four = rng.philox(whole, place, generation, rng.NOISE, seed)
        for k in range(weight.size - 4 * whole):
            weight[4 * whole + k] = _mutated(weight[4 * whole + k], four[k], perturbed_below, perturbation, replaced)


@njit(cache=True, nogil=True, inline="always", _nrt=False)
def _mutated(weight, word, perturbed_below, perturbation, replaced):
    moved, drawn = 2.0 * perturbation / max(1, perturbed_below), 2.0 * replaced / max(1, 2**32 - perturbed_below)
    perturbed = weight + (moved * (word + 0.5) - perturbation)
    anew = drawn * (word - perturbed_below + 0.5) - replaced
    return perturbed if word < perturbed_below else anew


@njit(cache=True, nogil=True, _nrt=False)
def connection_to_split(genes, parent, enabled, from_bias, oldest_below, go_on_below, place, generation, seed):
    """Which connection of `parent`, as `enabled` says, gets a node in its middle; -1: none.

    One that can be split is enabled and, unless from_bias, not from the bias node. A genome of `oldest_below` genes or more:
    any of these with equal chance. A smaller one: the oldest, or as long as a coin of probability go_on_below / 2^32 says so
    the next; past the last, the oldest.
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
        chosen = (rng.philox(1, place, generation, rng.STRUCTURE, seed)[0] * candidates) >> 32
        for k in range(oldest, stop - start):
            if enabled[k] and genes.source[start + k] != bias:
                if chosen == 0:
                    return k
                chosen -= 1
    step = 0
    for k in range(oldest, stop - start):
        if enabled[k] and genes.source[start + k] != bias:
            if rng.philox(2 + step, place, generation, rng.STRUCTURE, seed)[0] >= go_on_below:
                return k
            step += 1
    return oldest


@njit(cache=True, nogil=True, _nrt=False)
def nodes_to_join(genes, parent, reached, recurrent, tries, place, generation, seed):
    """Two nodes of `parent` that no connection joins, as ids (source, target); (-1, -1) if `tries` draws find none.

    The target is an output or a hidden node. Feed-forward, the source is no output and no path leads back to it from the
    target, also not through disabled connections; recurrent, any two nodes will do. reached: as `leads_to` wants it.
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
        one, two, _, _ = rng.philox(attempt, place, generation, rng.LINK, seed)
        if recurrent:
            source = first + ((one * count) >> 32)
        else:
            source = first + ((one * (count - outputs)) >> 32)
            if source >= first + inputs:
                source += outputs
        target = first + inputs + ((two * (count - inputs)) >> 32)
        a, b = genes.node_id[source], genes.node_id[target]
        joined = False
        for k in range(sources.size):
            joined |= sources[k] == a and targets[k] == b
        if not joined and (recurrent or not leads_to(genes, parent, reached, b, a)):
            return a, b
    return np.int64(-1), np.int64(-1)


@njit(cache=True, nogil=True, _nrt=False)
def leads_to(genes, parent, reached, start, end):
    """Is there a path from node `start` to node `end`, or are they one, in the genome `parent`? reached: room for a flag
    of each of its nodes."""
    if start == end:
        return True
    ids = genes.node_id[genes.nodes_at[parent] : genes.nodes_at[parent + 1]]
    sources = genes.source[genes.connections_at[parent] : genes.connections_at[parent + 1]]
    targets = genes.target[genes.connections_at[parent] : genes.connections_at[parent + 1]]
    for node in range(ids.size):
        reached[node] = False
    reached[np.searchsorted(ids, start)] = True
    again = True
    while again:  # from a node that stands behind the one it is reached from, the same round goes on; else the next
        again = False
        for node in range(ids.size):
            if not reached[node]:
                continue
            some = False
            for k in range(sources.size):  # without a branch: most nodes that are reached are outputs, which lead nowhere
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
