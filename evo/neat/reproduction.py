"""A generation's offspring on all cores, to the same bytes on any number of them.

    mate    who are the parents of each offspring; the fitter stands first. An offspring has its nodes and connections,
            so that sizes are known before anything is written (`evo.neat.crossover`)
    breed   crossover and mutation of weights; structural mutations are only asked for
    number  in the order of the offspring, one after the other: innovation numbers (`evo.genomes.innovation`)
    finish  every gene to its place. New numbers are the largest there are, so the order holds

Stanley and Miikkulainen 2002, section 4.1, is cited at each clause of `evo.neat.settings`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.activations import CODES
from evo.genomes.genome import GENES, GRAIN, HIDDEN, Genomes, longest
from evo.genomes.innovation import Innovations
from evo.neat.crossover import cross
from evo.neat.mutation import connection_to_split, mutate_weights, nodes_to_join, symmetric
from evo.neat.selection import RANKING, Ranking


class Rates(NamedTuple):
    """The clauses of `evo.neat.settings` as kernels take them; *_below: a 32-bit word below it comes with the probability
    (disabled_below: a 31-bit word)."""

    crossover_below: int
    interspecies_below: int
    disabled_below: int
    averaged_below: int
    mate_only_below: int
    weights_below: int
    alone_below: int
    perturbed_below: int
    add_node_below: int
    add_link_below: int
    go_on_below: int
    oldest_below: int
    tries: int
    sticky: bool
    instead: bool
    from_bias: bool
    recurrent: bool
    perturbation: float
    replaced: float
    new: float

    @staticmethod
    def of(options: Any) -> Rates:
        """Those of filled `NEATSettings`."""
        word = lambda probability: round(probability * 2**32)
        growth = 1.0 if options.growth else 0.0
        return Rates(
            crossover_below=word(options.crossover),
            interspecies_below=word(options.interspecies),
            disabled_below=word(options.disabled) // 2,
            averaged_below=word(options.averaged),
            mate_only_below=word(options.mate_only),
            weights_below=word(options.weight_mutation),
            alone_below=word(options.weight_mutation_alone),
            perturbed_below=word(options.weight_perturbed),
            add_node_below=word(options.add_node * growth),
            add_link_below=word(options.add_link * growth),
            go_on_below=word(options.split_go_on),
            oldest_below=options.split_oldest_below,
            tries=options.link_tries,
            sticky=options.disable_rule == "sticky",
            instead=options.structural == "instead",
            from_bias=options.split_bias,
            recurrent=options.recurrent,
            perturbation=options.perturbation,
            replaced=options.replaced_weights,
            new=options.new_weights,
        )


_RATES = types.NamedTuple((types.int64,) * 13 + (types.boolean,) * 4 + (types.float64,) * 3, Rates)
_INT64, _FLOAT, _BOOL = types.int64[::1], types.float64[::1], types.boolean[::1]
_LONG = types.int64


def mate(
    fitness: np.ndarray, ranks: Ranking, counts: np.ndarray, champions: np.ndarray, rates: Rates, generation: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two parents (P, 2) for each offspring, places in the population, the second -1 where there is one alone; and which
    offspring are copies (P,).

    counts (S,): offspring of each species, which stand in this order; champions (S,): whose first offspring is its best
    member, copied.
    """
    size = int(counts.sum())
    pairs, copied = np.empty((size, 2), np.int64), np.zeros(size, np.bool_)
    _mate(pairs, copied, fitness, ranks, counts, champions, counts.nonzero()[0], rates, generation, rng.signed(seed))
    return pairs, copied


@njit(
    types.void(types.int64[:, ::1], _BOOL, _FLOAT, RANKING, _INT64, _BOOL, _INT64, _RATES, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _mate(pairs, copied, fitness, ranks, counts, champions, active, rates, generation, seed):
    """active: the species that have offspring."""
    i = -1
    for turn in range(active.size):
        own = active[turn]
        best = ranks.at[own]
        for born in range(counts[own]):
            i += 1
            if born == 0 and champions[own]:
                pairs[i, 0], pairs[i, 1], copied[i] = ranks.order[best], -1, True
                continue
            two, elsewhere, one, other = rng.philox(0, i, generation, rng.SELECTION, seed)
            mother = ranks.order[best + ((one * ranks.parents[own]) >> 32)]
            pairs[i, 0], pairs[i, 1] = mother, -1
            if two >= rates.crossover_below:
                continue
            which, tie, _, _ = rng.philox(1, i, generation, rng.SELECTION, seed)
            s = own
            if elsewhere < rates.interspecies_below and active.size > 1:
                chosen = (which * (active.size - 1)) >> 32
                s = active[chosen if chosen < turn else chosen + 1]
            father = ranks.order[ranks.at[s] + ((other * ranks.parents[s]) >> 32)]
            if fitness[father] > fitness[mother] or (fitness[father] == fitness[mother] and tie & 1):
                mother, father = father, mother
            pairs[i, 0], pairs[i, 1] = mother, father


class Brood(NamedTuple):
    """What `breed` writes: weight and enabled of every gene that is inherited, offspring i's from place at[i] on; and what
    each asks for, -1 for nothing: the gene to split (counted within it) and its innovation number, the source and target
    ids to join, (P,)."""

    at: np.ndarray
    weight: np.ndarray
    enabled: np.ndarray
    gene: np.ndarray
    split: np.ndarray
    source: np.ndarray
    target: np.ndarray


_BROOD = types.NamedTuple((_INT64, _FLOAT, _BOOL, _INT64, _INT64, _INT64, _INT64), Brood)


def breed(
    parents: Genomes,
    pairs: np.ndarray,
    copied: np.ndarray,
    innovations: Innovations,
    activation: str,
    rates: Rates,
    generation: int,
    seed: int,
) -> Genomes:
    """The offspring of `pairs` (P, 2) of genomes; those `copied` (P,) are their first parent, unchanged.

    activation: that of new nodes, a name of `evo.activations`.
    """
    genes, size, numbers = parents.genes, len(pairs), (rates, generation, rng.signed(seed))
    at, nodes_at, connections_at = np.zeros((3, size + 1), np.int64)
    inherited = _lengths(at, genes, pairs)
    brood = Brood(at, np.empty(inherited), np.empty(inherited, np.bool_), *np.empty((4, size), np.int64))
    room = longest(genes.nodes_at)
    threads.each(lambda a, b: _breed(brood, genes, pairs, copied, np.empty(room, np.bool_), *numbers, a, b), size, GRAIN)
    node, number, link = innovations.numbered(brood.split, brood.source, brood.target)
    _sizes(nodes_at, connections_at, brood, genes, pairs)
    child = Genomes.empty(parents.inputs, parents.outputs, nodes_at, connections_at)
    born, code = child.genes, CODES[activation]
    threads.each(lambda a, b: _finish(born, brood, genes, pairs, node, number, link, code, *numbers, a, b), size, GRAIN)
    return child


@njit(types.int64(_INT64, GENES, types.int64[:, ::1]), cache=True, nogil=True, _nrt=False)
def _lengths(at, parents, pairs):
    """Where the genes begin that each offspring inherits; returns how many there are of all."""
    for i in range(pairs.shape[0]):
        first = pairs[i, 0]
        at[i + 1] = at[i] + parents.connections_at[first + 1] - parents.connections_at[first]
    return at[-1]


@njit(types.void(_INT64, _INT64, _BROOD, GENES, types.int64[:, ::1]), cache=True, nogil=True, _nrt=False)
def _sizes(nodes_at, connections_at, brood, parents, pairs):
    """Where the nodes and connections of each offspring begin."""
    for i in range(pairs.shape[0]):
        first, grown = pairs[i, 0], brood.split[i] >= 0
        nodes_at[i + 1] = nodes_at[i] + parents.nodes_at[first + 1] - parents.nodes_at[first] + grown
        kept = brood.at[i + 1] - brood.at[i]
        connections_at[i + 1] = connections_at[i] + kept + 2 * grown + (brood.source[i] >= 0)


@njit(
    types.void(_BROOD, GENES, types.int64[:, ::1], _BOOL, _BOOL, _RATES, _LONG, _LONG, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _breed(brood, parents, pairs, copied, reached, rates, generation, seed, start, stop):
    for i in range(start, stop):
        first, second = pairs[i]
        weight, enabled = brood.weight[brood.at[i] : brood.at[i + 1]], brood.enabled[brood.at[i] : brood.at[i + 1]]
        brood.gene[i] = brood.split[i] = brood.source[i] = brood.target[i] = -1
        add_node, add_link, weights, _ = rng.philox(0, i, generation, rng.STRUCTURE, seed)
        averaged, unchanged, _, _ = rng.philox(0, i, generation, rng.MUTATION, seed)
        if second < 0:
            old = parents.connections_at[first]
            for k in range(weight.size):
                weight[k], enabled[k] = parents.weight[old + k], parents.enabled[old + k]
        else:
            mean = averaged < rates.averaged_below
            cross(weight, enabled, parents, first, second, rates.disabled_below, rates.sticky, mean, i, generation, seed)
        if copied[i] or (second >= 0 and unchanged < rates.mate_only_below):
            continue
        if add_node < rates.add_node_below:
            gene = connection_to_split(
                parents, first, enabled, rates.from_bias, rates.oldest_below, rates.go_on_below, i, generation, seed
            )
            if gene >= 0:
                brood.gene[i], brood.split[i] = gene, parents.innovation[parents.connections_at[first] + gene]
            if rates.instead:
                continue
        if add_link < rates.add_link_below:
            brood.source[i], brood.target[i] = nodes_to_join(
                parents, first, reached, rates.recurrent, rates.tries, i, generation, seed
            )
            if rates.instead:
                continue
        if weights < (rates.weights_below if second >= 0 else rates.alone_below):
            mutate_weights(weight, rates.perturbed_below, rates.perturbation, rates.replaced, i, generation, seed)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _copy(into, to, source, old, size):
    """`size` items of `source` from place `old` on to place `to` of `into`: one array at a time, which vectorises."""
    new, given = into[to : to + size], source[old : old + size]
    for k in range(size):
        new[k] = given[k]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _write(child, place, innovation, source, target, weight):
    child.innovation[place], child.source[place], child.target[place] = innovation, source, target
    child.weight[place], child.enabled[place] = weight, True


@njit(
    types.void(GENES, _BROOD, GENES, types.int64[:, ::1], _INT64, _INT64, _INT64, _LONG, _RATES, _LONG, _LONG, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _finish(child, brood, parents, pairs, node, number, link, activation, rates, generation, seed, start, stop):
    """Section 3.1: a split gene is disabled, the link into the new node gets weight 1, that out of it the old weight."""
    for i in range(start, stop):
        first = pairs[i, 0]
        to, old = child.nodes_at[i], parents.nodes_at[first]
        for k in range(parents.nodes_at[first + 1] - old):
            child.node_id[to + k], child.node_kind[to + k] = parents.node_id[old + k], parents.node_kind[old + k]
            child.bias[to + k], child.response[to + k] = parents.bias[old + k], parents.response[old + k]
            child.activation[to + k] = parents.activation[old + k]
            child.aggregation[to + k] = parents.aggregation[old + k]
            child.time_constant[to + k] = parents.time_constant[old + k]
        if node[i] >= 0:
            new = child.nodes_at[i + 1] - 1
            child.node_id[new], child.node_kind[new] = node[i], HIDDEN
            child.bias[new], child.response[new] = 0.0, 1.0
            child.activation[new], child.aggregation[new], child.time_constant[new] = activation, 0, 1.0
        to, old = child.connections_at[i], parents.connections_at[first]
        size = brood.at[i + 1] - brood.at[i]
        _copy(child.innovation, to, parents.innovation, old, size)
        _copy(child.source, to, parents.source, old, size)
        _copy(child.target, to, parents.target, old, size)
        _copy(child.weight, to, brood.weight, brood.at[i], size)
        _copy(child.enabled, to, brood.enabled, brood.at[i], size)
        end, gene = to + brood.at[i + 1] - brood.at[i], to + brood.gene[i]
        late = 2 if 0 <= number[i] < link[i] else 0  # another's link may have come before this split
        if link[i] >= 0:
            weight = symmetric(rng.philox(1, i, generation, rng.MUTATION, seed)[0], rates.new)
            _write(child, end + late, link[i], brood.source[i], brood.target[i], weight)
        if number[i] >= 0:
            split = end + 1 if link[i] >= 0 and late == 0 else end
            child.enabled[gene] = False
            _write(child, split, number[i], child.source[gene], node[i], 1.0)
            _write(child, split + 1, number[i] + 1, node[i], child.target[gene], child.weight[gene])
