"""One generation's offspring, on all cores, with the same result for any number of threads (neat-python 2.0, genome.py and
innovation.py).

choose   the structural mutations of each offspring (`evo.neat_modern.mutation`), so all sizes are known before writing
number   new node ids, unique per offspring; innovation numbers, shared by equal add-connection mutations of a generation
write    copies every gene to its index (`evo.neat_modern.crossover`). New numbers are the largest, so genes stay sorted
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.genomes.genes import GENES
from evo.genomes.genome import GRAIN, Genomes, offsets
from evo.genomes.innovation import Innovations
from evo.neat_modern.attributes import ATTRIBUTES, Attributes
from evo.neat_modern.crossover import copy_genome, write_connections, write_nodes
from evo.neat_modern.mutation import CHANCES, CHANGES, NEW, Chances, Changes, choose


class Numbers(NamedTuple):
    """Per offspring (P,), -1 for none: the id of its new node, the innovation number of the connection into it (the one out of
    it is one higher), and that of the new connection."""

    node: np.ndarray
    split: np.ndarray
    connection: np.ndarray


def breed(
    parents: Genomes,
    pairs: np.ndarray,
    innovations: Innovations,
    chances: Chances,
    attributes: Attributes,
    generation: int,
    seed: int,
) -> Genomes:
    """The offspring of `pairs` (P, 2), the fitter parent first; if the second is -1, an unchanged copy of the first."""
    genes, size = parents.genes, len(pairs)
    drawn = (generation, rng.signed(seed))
    changes, widest = Changes.none(size), int(np.diff(parents.nodes_at).max()) + 1
    threads.each(lambda a, b: _choose(changes, genes, pairs, chances, np.empty(widest, np.bool_), *drawn, a, b), size, GRAIN)
    numbers = _number(changes, innovations)
    child = Genomes.empty(parents.inputs, parents.outputs, offsets(changes.nodes), offsets(changes.connections))
    child_genes = child.genes
    threads.each(lambda a, b: _write(child_genes, genes, pairs, changes, numbers, attributes, *drawn, a, b), size, GRAIN)
    return child


def _number(changes: Changes, innovations: Innovations) -> Numbers:
    grown = (changes.split >= 0) & (changes.deleted_node != NEW)
    order = np.cumsum(grown) - 1
    node = np.where(grown, innovations.node + order, -1)
    split = np.where(grown, innovations.number + 2 * order, -1)
    innovations.node += int(grown.sum())
    innovations.number += 2 * int(grown.sum())
    connected = np.flatnonzero(changes.source >= 0)
    connections = np.stack([np.where(each == NEW, node, each)[connected] for each in (changes.source, changes.target)])
    distinct, which = np.unique(connections, axis=1, return_inverse=True)
    connection = np.full(len(node), -1)
    connection[connected] = innovations.number + which.reshape(-1)
    innovations.number += distinct.shape[1]
    return Numbers(node, split, connection)


_INT64, _PAIRS = types.int64, types.int64[:, ::1]
_NUMBERS = types.NamedUniTuple(types.int64[::1], 3, Numbers)


@njit(
    types.void(CHANGES, GENES, _PAIRS, CHANCES, types.boolean[::1], _INT64, _INT64, _INT64, _INT64),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _choose(changes, parents, pairs, chances, reached, generation, seed, start, stop):
    for i in range(start, stop):
        first, second = pairs[i]
        if second >= 0:
            choose(changes, i, parents, first, chances, reached, generation, seed)
        else:
            changes.nodes[i] = parents.nodes_at[first + 1] - parents.nodes_at[first]
            changes.connections[i] = parents.connections_at[first + 1] - parents.connections_at[first]


@njit(
    types.void(GENES, GENES, _PAIRS, CHANGES, _NUMBERS, ATTRIBUTES, _INT64, _INT64, _INT64, _INT64),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _write(child, parents, pairs, changes, numbers, attributes, generation, seed, start, stop):
    for i in range(start, stop):
        first, second = pairs[i]
        if second < 0:
            copy_genome(child, i, parents, first)
        else:
            write_nodes(
                child, i, parents, first, second, changes.deleted_node[i], numbers.node[i], attributes, generation, seed
            )
            write_connections(child, i, parents, first, second, changes, numbers, attributes, generation, seed)
