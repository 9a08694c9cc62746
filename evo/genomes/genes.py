"""The arrays of a population as kernels take them, and the block of memory that they lie in.

Handing an array to a compiled function takes some 60 ns and taking it back 400, which at fourteen arrays is a tenth of what a
small generation takes. So a small population is made in one block of 64-bit words, which begins with the numbers of its
genomes, nodes and connections; kernels find the arrays in it. A large one is made in arrays: a block of megabytes comes anew
from the system in every generation, page by page.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import from_dtype, njit, types

NODE_FIELDS = {
    "node_id": np.int64,
    "node_kind": np.int8,
    "bias": np.float64,
    "response": np.float64,
    "activation": np.int8,
    "aggregation": np.int8,
    "time_constant": np.float64,
}
CONNECTION_FIELDS = {
    "innovation": np.int64,
    "source": np.int64,
    "target": np.int64,
    "weight": np.float64,
    "enabled": np.bool_,
}


# A population's arrays and their types, in the order in which kernels take them.
ARRAYS = {"nodes_at": np.int64, **NODE_FIELDS, "connections_at": np.int64, **CONNECTION_FIELDS}


class Genes(NamedTuple):
    """The arrays of `evo.genomes.genome.Genomes`, in the same order."""

    nodes_at: np.ndarray
    node_id: np.ndarray
    node_kind: np.ndarray
    bias: np.ndarray
    response: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    time_constant: np.ndarray
    connections_at: np.ndarray
    innovation: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    enabled: np.ndarray


# The types of Genes and of a block in a kernel's signature.
GENES = types.NamedTuple([from_dtype(np.dtype(kind))[::1] for kind in ARRAYS.values()], Genes)
BLOCK = types.int64[::1]


@njit(cache=True, nogil=True, forceinline=True)
def _words(count):
    """Words of so many bytes."""
    return (count + 7) // 8


@njit(GENES(BLOCK), cache=True, nogil=True)
def genes_of(block):
    """The arrays in a block: offsets, then those of 64 bits, then the bytes."""
    size, nodes, connections = block[0], block[1], block[2]
    at = 5 + 2 * size  # behind three numbers and two arrays of offsets
    source = at + 4 * nodes
    kind = source + 4 * connections
    activation, aggregation, enabled = kind + _words(nodes), kind + 2 * _words(nodes), kind + 3 * _words(nodes)
    return Genes(
        block[3 : 4 + size],
        block[at : at + nodes],
        block[kind:activation].view(np.int8)[:nodes],
        block[at + nodes : at + 2 * nodes].view(np.float64),
        block[at + 2 * nodes : at + 3 * nodes].view(np.float64),
        block[activation:aggregation].view(np.int8)[:nodes],
        block[aggregation:enabled].view(np.int8)[:nodes],
        block[at + 3 * nodes : source].view(np.float64),
        block[4 + size : at],
        block[source : source + connections],
        block[source + connections : source + 2 * connections],
        block[source + 2 * connections : source + 3 * connections],
        block[source + 3 * connections : kind].view(np.float64),
        block[enabled:].view(np.bool_)[:connections],
    )


@njit(BLOCK(BLOCK, BLOCK), cache=True, nogil=True)
def empty_block(nodes_at, connections_at):
    """A block of genes with these offsets (P + 1,), uninitialised but for them."""
    size, nodes, connections = nodes_at.size - 1, nodes_at[-1], connections_at[-1]
    words = 5 + 2 * size + 4 * (nodes + connections) + 3 * _words(nodes) + _words(connections)
    block = np.empty(words, np.int64)
    block[0], block[1], block[2] = size, nodes, connections
    block[3 : 4 + size], block[4 + size : 5 + 2 * size] = nodes_at, connections_at
    return block


@njit(GENES(BLOCK, BLOCK), cache=True, nogil=True)
def empty_genes(nodes_at, connections_at):
    """Genes with these offsets (P + 1,), uninitialised, each array by itself."""
    nodes, connections = nodes_at[-1], connections_at[-1]
    return Genes(
        *(nodes_at, np.empty(nodes, np.int64), np.empty(nodes, np.int8), np.empty(nodes), np.empty(nodes)),
        *(np.empty(nodes, np.int8), np.empty(nodes, np.int8), np.empty(nodes)),
        *(connections_at, np.empty(connections, np.int64), np.empty(connections, np.int64), np.empty(connections, np.int64)),
        *(np.empty(connections), np.empty(connections, np.bool_)),
    )


@njit(cache=True, nogil=True, forceinline=True)
def _copy(copy, genes, nodes, connections):
    """Copies genes, from these nodes and connections on, as many as `copy` has room for."""
    some = slice(nodes, nodes + copy.node_id.size)
    copy.node_id[:], copy.node_kind[:], copy.bias[:] = genes.node_id[some], genes.node_kind[some], genes.bias[some]
    copy.response[:], copy.activation[:] = genes.response[some], genes.activation[some]
    copy.aggregation[:], copy.time_constant[:] = genes.aggregation[some], genes.time_constant[some]
    some = slice(connections, connections + copy.weight.size)
    copy.innovation[:], copy.source[:], copy.target[:] = genes.innovation[some], genes.source[some], genes.target[some]
    copy.weight[:], copy.enabled[:] = genes.weight[some], genes.enabled[some]


@njit(BLOCK(GENES), cache=True, nogil=True)
def block_of(genes):
    """A copy of genes as a block."""
    block = empty_block(genes.nodes_at, genes.connections_at)
    _copy(genes_of(block), genes, 0, 0)
    return block


@njit(BLOCK(BLOCK, types.int64), cache=True, nogil=True)
def alone(block, index):
    """A copy of one genome as a block."""
    genes = genes_of(block)
    nodes, connections = genes.nodes_at[index : index + 2], genes.connections_at[index : index + 2]
    copy = empty_block(nodes - nodes[0], connections - connections[0])
    _copy(genes_of(copy), genes, nodes[0], connections[0])
    return copy


@njit(types.int64(types.int64[::1]), cache=True, nogil=True, _nrt=False)
def longest(at):
    """The length of the longest segment, for segments with offsets `at`."""
    most = 0
    for k in range(at.size - 1):
        most = max(most, at[k + 1] - at[k])
    return most
