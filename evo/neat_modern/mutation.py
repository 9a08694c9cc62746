"""Structural mutation (neat-python 2.0, genome.py): what each offspring gains and loses, chosen before anything is written.

An offspring has the genes of its fitter parent. Four steps may change them, in this order: a connection is split by a node, a
hidden node is deleted with its connections, two nodes are joined, a connection is deleted. Each sees what those before it did.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import rng
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT
from evo.neat_modern.settings import ModernSettings

NEW = 2**62  # stands for the node that an offspring gets, until its id is known


class Chances(NamedTuple):
    node_add: float
    node_delete: float
    conn_add: float
    conn_delete: float
    single: bool
    surer: bool
    feed_forward: bool

    @staticmethod
    def of(options: ModernSettings) -> Chances:
        """Those of `ModernSettings`."""
        single, surer = options.single_structural_mutation, options.structural_mutation_surer
        return Chances(
            options.node_add_prob,
            options.node_delete_prob,
            options.conn_add_prob,
            options.conn_delete_prob,
            single,
            single if surer == "default" else surer == "true",
            options.feed_forward,
        )


CHANCES = types.NamedTuple((types.float64,) * 4 + (types.boolean,) * 3, Chances)


class Changes(NamedTuple):
    """What offspring i of P gains and loses, -1 where it does not: the connection that is split, counted within the parent;
    the id of the node that is deleted; ids of the two that are joined; the connection that such a join found and enables;
    the connection that is deleted. Connections are counted as `ends` does. nodes, connections: how many it has then."""

    split: np.ndarray
    dropped: np.ndarray
    source: np.ndarray
    target: np.ndarray
    woken: np.ndarray
    cut: np.ndarray
    nodes: np.ndarray
    connections: np.ndarray

    @staticmethod
    def none(size: int) -> Changes:
        return Changes(*np.full((8, size), -1))


CHANGES = types.NamedUniTuple(types.int64[::1], 8, Changes)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def ends(genes, parent, split, source, target, k):
    """Source and target of connection k of an offspring: first all of its parent's, then the two about a new node, then the
    one that joins two nodes."""
    start = genes.connections_at[parent]
    count = genes.connections_at[parent + 1] - start
    if k < count:
        return genes.source[start + k], genes.target[start + k]
    if split >= 0 and k == count:
        return genes.source[start + split], np.int64(NEW)
    if split >= 0 and k == count + 1:
        return np.int64(NEW), genes.target[start + split]
    return source, target


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _drawn_node(genes, parent, kind, split, dropped, drawn):
    """The node at place `drawn` among those from `kind` up that the offspring has, the new one last."""
    for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
        if genes.node_kind[node] >= kind and genes.node_id[node] != dropped:
            if drawn == 0:
                return genes.node_id[node]
            drawn -= 1
    return np.int64(NEW)


@njit(cache=True, nogil=True, _nrt=False)
def _leads_to(genes, parent, split, dropped, count, reached, start, end):
    """Is there a path from node `start` to node `end` among the first `count` connections, also through disabled ones, or
    are they one? reached: room for a flag of each node and the new one."""
    if start == end:
        return True
    ids = genes.node_id[genes.nodes_at[parent] : genes.nodes_at[parent + 1]]
    for node in range(ids.size + 1):
        reached[node] = False
    reached[np.searchsorted(ids, start)] = True  # the new node's place is after all others
    changed = True
    while changed:
        changed = False
        for k in range(count):
            a, b = ends(genes, parent, split, -1, -1, k)
            if a != dropped and b != dropped and reached[np.searchsorted(ids, a)]:
                if b == end:
                    return True
                place = np.searchsorted(ids, b)
                changed |= not reached[place]
                reached[place] = True
    return False


@njit(cache=True, nogil=True, _nrt=False)
def _join(changes, i, genes, parent, chances, count, reached, one, two):
    """Draws two nodes and takes note of them, if they may be joined: no two outputs, no input as target, no two that are
    joined already, and feed-forward no cycle."""
    split, dropped = changes.split[i], changes.dropped[i]
    inputs = outputs = 0
    for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
        inputs += genes.node_kind[node] <= BIAS
        outputs += genes.node_kind[node] == OUTPUT
    nodes = changes.nodes[i]
    target = _drawn_node(genes, parent, OUTPUT, split, dropped, (one * (nodes - inputs)) >> 32)
    drawn = (two * (nodes - outputs)) >> 32
    drawn += outputs if drawn >= inputs else 0
    source = _drawn_node(genes, parent, 0, split, dropped, drawn)
    for k in range(count):
        a, b = ends(genes, parent, split, -1, -1, k)
        if a == source and b == target:
            changes.woken[i] = k if chances.surer else -1
            return
    if not chances.feed_forward or not _leads_to(genes, parent, split, dropped, count, reached, target, source):
        changes.source[i], changes.target[i] = source, target


@njit(cache=True, nogil=True, _nrt=False)
def choose(changes, i, genes, parent, chances, reached, generation, seed):
    """Fills in what offspring i, which descends from `parent`, gains and loses. reached: as `_leads_to` wants it."""
    add, delete, join, cut = rng.philox(0, i, generation, rng.STRUCTURE, seed)
    add_node, delete_node = rng.uniform(add) < chances.node_add, rng.uniform(delete) < chances.node_delete
    joining, cutting = rng.uniform(join) < chances.conn_add, rng.uniform(cut) < chances.conn_delete
    if chances.single:
        first = chances.node_add
        second, third = first + chances.node_delete, first + chances.node_delete + chances.conn_add
        drawn = rng.uniform(add) * max(1.0, third + chances.conn_delete)
        add_node, delete_node, joining = drawn < first, first <= drawn < second, second <= drawn < third
        cutting = third <= drawn < third + chances.conn_delete
    one, two, three, four = rng.philox(1, i, generation, rng.STRUCTURE, seed)

    count = genes.connections_at[parent + 1] - genes.connections_at[parent]
    nodes = genes.nodes_at[parent + 1] - genes.nodes_at[parent]
    if add_node and count > 0:
        changes.split[i] = (one * count) >> 32
        count, nodes = count + 2, nodes + 1
    elif add_node and chances.surer:
        joining = True
    if delete_node:
        fixed = 0
        for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
            fixed += genes.node_kind[node] <= OUTPUT
        if nodes > fixed:
            changes.dropped[i] = _drawn_node(genes, parent, HIDDEN, changes.split[i], -1, (two * (nodes - fixed)) >> 32)
            nodes -= 1
    changes.nodes[i] = nodes
    if joining:
        _join(changes, i, genes, parent, chances, count, reached, three, four)
        count += changes.source[i] >= 0
    present = 0
    for k in range(count):
        a, b = ends(genes, parent, changes.split[i], changes.source[i], changes.target[i], k)
        present += a != changes.dropped[i] and b != changes.dropped[i]
    changes.connections[i] = present
    if cutting and present > 0:
        drawn = (rng.philox(2, i, generation, rng.STRUCTURE, seed)[0] * present) >> 32
        for k in range(count):
            a, b = ends(genes, parent, changes.split[i], changes.source[i], changes.target[i], k)
            if a != changes.dropped[i] and b != changes.dropped[i]:
                if drawn == 0:
                    changes.cut[i] = k
                    break
                drawn -= 1
        changes.connections[i] -= 1
