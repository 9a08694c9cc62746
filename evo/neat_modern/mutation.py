"""Structural mutation (neat-python 2.0, genome.py): chosen for each offspring before its genes are written.

An offspring starts with the genes of its fitter parent. Four mutations apply in this order, each to the result of the one
before: add node (splits a connection), delete a hidden node with its connections, add connection, delete connection.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import rng
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT
from evo.neat_modern.settings import ModernSettings

NEW = 2**62  # placeholder for a new node's id until it is numbered


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
        """The rates configured by `ModernSettings`."""
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
    """The structural mutations of P offspring, -1 for none: the split connection (its index within the parent), the id of the
    deleted node, source and target id of the new connection, the existing connection that an add-connection mutation
    re-enables, the deleted connection. Connections are indexed as in `endpoints`. nodes, connections: the resulting numbers."""

    split: np.ndarray
    deleted_node: np.ndarray
    source: np.ndarray
    target: np.ndarray
    reenabled: np.ndarray
    deleted_connection: np.ndarray
    nodes: np.ndarray
    connections: np.ndarray

    @staticmethod
    def none(size: int) -> Changes:
        return Changes(*np.full((8, size), -1))


CHANGES = types.NamedUniTuple(types.int64[::1], 8, Changes)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def endpoints(genes, parent, split, source, target, k):
    """Source and target of connection k of an offspring: first all of its parent's, then the two of a new node, then the new
    connection."""
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
def _nth_node(genes, parent, kind, split, deleted_node, drawn):
    """The node number `drawn` of kind >= `kind` that the offspring has; the new node is last."""
    for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
        if genes.node_kind[node] >= kind and genes.node_id[node] != deleted_node:
            if drawn == 0:
                return genes.node_id[node]
            drawn -= 1
    return np.int64(NEW)


@njit(cache=True, nogil=True, _nrt=False)
def _path_exists(genes, parent, split, deleted_node, count, reached, start, end):
    """Whether the first `count` connections, disabled ones included, contain a path from node `start` to node `end`; true if
    they are equal. reached: scratch, one flag per node plus one."""
    if start == end:
        return True
    ids = genes.node_id[genes.nodes_at[parent] : genes.nodes_at[parent + 1]]
    for node in range(ids.size + 1):
        reached[node] = False
    reached[np.searchsorted(ids, start)] = True  # the new node has the last index
    changed = True
    while changed:
        changed = False
        for k in range(count):
            a, b = endpoints(genes, parent, split, -1, -1, k)
            if a != deleted_node and b != deleted_node and reached[np.searchsorted(ids, a)]:
                if b == end:
                    return True
                index = np.searchsorted(ids, b)
                changed |= not reached[index]
                reached[index] = True
    return False


@njit(cache=True, nogil=True, _nrt=False)
def _add_connection(changes, i, genes, parent, chances, count, reached, one, two):
    """Draws two nodes and records them if they may be connected: no output as source, no input as target, not already
    connected and, feed-forward, no cycle."""
    split, deleted_node = changes.split[i], changes.deleted_node[i]
    inputs = outputs = 0
    for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
        inputs += genes.node_kind[node] <= BIAS
        outputs += genes.node_kind[node] == OUTPUT
    nodes = changes.nodes[i]
    target = _nth_node(genes, parent, OUTPUT, split, deleted_node, (one * (nodes - inputs)) >> 32)
    drawn = (two * (nodes - outputs)) >> 32
    drawn += outputs if drawn >= inputs else 0
    source = _nth_node(genes, parent, 0, split, deleted_node, drawn)
    for k in range(count):
        a, b = endpoints(genes, parent, split, -1, -1, k)
        if a == source and b == target:
            changes.reenabled[i] = k if chances.surer else -1
            return
    if not chances.feed_forward or not _path_exists(genes, parent, split, deleted_node, count, reached, target, source):
        changes.source[i], changes.target[i] = source, target


@njit(cache=True, nogil=True, _nrt=False)
def choose(changes, i, genes, parent, chances, reached, generation, seed):
    """Chooses the structural mutations of offspring i of `parent`. reached: scratch of `_path_exists`."""
    add, delete, connect, disconnect = rng.philox(0, i, generation, rng.STRUCTURE, seed)
    add_node, delete_node = rng.uniform(add) < chances.node_add, rng.uniform(delete) < chances.node_delete
    add_connection = rng.uniform(connect) < chances.conn_add
    delete_connection = rng.uniform(disconnect) < chances.conn_delete
    if chances.single:
        first = chances.node_add
        second, third = first + chances.node_delete, first + chances.node_delete + chances.conn_add
        drawn = rng.uniform(add) * max(1.0, third + chances.conn_delete)
        add_node, delete_node, add_connection = drawn < first, first <= drawn < second, second <= drawn < third
        delete_connection = third <= drawn < third + chances.conn_delete
    one, two, three, four = rng.philox(1, i, generation, rng.STRUCTURE, seed)

    count = genes.connections_at[parent + 1] - genes.connections_at[parent]
    nodes = genes.nodes_at[parent + 1] - genes.nodes_at[parent]
    if add_node and count > 0:
        changes.split[i] = (one * count) >> 32
        count, nodes = count + 2, nodes + 1
    elif add_node and chances.surer:
        add_connection = True
    if delete_node:
        fixed = 0
        for node in range(genes.nodes_at[parent], genes.nodes_at[parent + 1]):
            fixed += genes.node_kind[node] <= OUTPUT
        if nodes > fixed:
            changes.deleted_node[i] = _nth_node(genes, parent, HIDDEN, changes.split[i], -1, (two * (nodes - fixed)) >> 32)
            nodes -= 1
    changes.nodes[i] = nodes
    if add_connection:
        _add_connection(changes, i, genes, parent, chances, count, reached, three, four)
        count += changes.source[i] >= 0
    present = 0
    for k in range(count):
        a, b = endpoints(genes, parent, changes.split[i], changes.source[i], changes.target[i], k)
        present += a != changes.deleted_node[i] and b != changes.deleted_node[i]
    changes.connections[i] = present
    if delete_connection and present > 0:
        drawn = (rng.philox(2, i, generation, rng.STRUCTURE, seed)[0] * present) >> 32
        for k in range(count):
            a, b = endpoints(genes, parent, changes.split[i], changes.source[i], changes.target[i], k)
            if a != changes.deleted_node[i] and b != changes.deleted_node[i]:
                if drawn == 0:
                    changes.deleted_connection[i] = k
                    break
                drawn -= 1
        changes.connections[i] -= 1
