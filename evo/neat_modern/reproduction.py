"""A generation's offspring on all cores, to the same bytes on any number of them (neat-python 2.0, genome.py, innovation.py).

choose   what each offspring gains and loses (`evo.neat_modern.mutation`); so sizes are known before anything is written
number   ids of new nodes, which no two offspring share, and innovation numbers, which offspring share that join the same
         two nodes in one generation
write    every gene to its place (`evo.neat_modern.crossover`). New numbers are the largest there are, so the order holds
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.genomes.genome import GENES, GRAIN, Genomes, offsets
from evo.genomes.innovation import Innovations
from evo.neat_modern.attributes import ATTRIBUTES, Attributes
from evo.neat_modern.crossover import copy, write_connections, write_nodes
from evo.neat_modern.mutation import CHANCES, CHANGES, NEW, Chances, Changes, choose


class Numbers(NamedTuple):
    """Of each offspring (P,): the id of its new node, the number of the connection into that (that out of it is one more),
    and the number of the connection that joins two nodes; -1 where it has none."""

    node: np.ndarray
    split: np.ndarray
    link: np.ndarray


def breed(
    parents: Genomes,
    pairs: np.ndarray,
    innovations: Innovations,
    chances: Chances,
    attributes: Attributes,
    generation: int,
    seed: int,
) -> Genomes:
    """The offspring of `pairs` (P, 2) of genomes, the fitter first; one alone, whose second is -1, is a copy of the first."""
    genes, size = parents.genes, len(pairs)
    drawn = (generation, rng.signed(seed))
    changes, room = Changes.none(size), int(np.diff(parents.nodes_at).max()) + 1
    threads.each(lambda a, b: _choose(changes, genes, pairs, chances, np.empty(room, np.bool_), *drawn, a, b), size, GRAIN)
    numbers = _number(changes, innovations)
    child = Genomes.empty(parents.inputs, parents.outputs, offsets(changes.nodes), offsets(changes.connections))
    born = child.genes
    threads.each(lambda a, b: _write(born, genes, pairs, changes, numbers, attributes, *drawn, a, b), size, GRAIN)
    return child


def _number(changes: Changes, innovations: Innovations) -> Numbers:
    grown = (changes.split >= 0) & (changes.dropped != NEW)
    order = np.cumsum(grown) - 1
    node = np.where(grown, innovations.node + order, -1)
    split = np.where(grown, innovations.number + 2 * order, -1)
    innovations.node += int(grown.sum())
    innovations.number += 2 * int(grown.sum())
    joined = np.flatnonzero(changes.source >= 0)
    links = np.stack([np.where(each == NEW, node, each)[joined] for each in (changes.source, changes.target)])
    distinct, which = np.unique(links, axis=1, return_inverse=True)
    link = np.full(len(node), -1)
    link[joined] = innovations.number + which.reshape(-1)
    innovations.number += distinct.shape[1]
    return Numbers(node, split, link)


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
            copy(child, i, parents, first)
        else:
            write_nodes(child, i, parents, first, second, changes.dropped[i], numbers.node[i], attributes, generation, seed)
            write_connections(child, i, parents, first, second, changes, numbers, attributes, generation, seed)
