"""One generation's offspring, on all cores, with the same result for any number of threads.

    mate    selects the representatives of the species, and the parents of each offspring, the fitter first. An offspring has
            the nodes and connections of its first parent, so all sizes are known before anything is written
            (`evo.neat.crossover`)
    breed   crossover and weight mutation; structural mutations are only requested
    number  innovation numbers, in the order of the offspring (`evo.genomes.innovation`)
    write   copies every gene to its index. New innovation numbers are the largest, so genes stay sorted

A population of one thread's size takes these steps in one compiled call, since a call costs as much as some ten genomes.

`evo.neat.settings` gives the section of Stanley and Miikkulainen 2002 for each rule.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.genomes.genes import BLOCK, GENES, empty_block, empty_genes, genes_of, longest
from evo.genomes.genome import GRAIN, HIDDEN, Genomes
from evo.genomes.innovation import Innovations, number
from evo.neat.crossover import cross
from evo.neat.mutation import connection_to_split, mutate_weights, nodes_to_connect, uniform_within
from evo.neat.selection import RANKING, offspring, ranking, representatives, shareable


class Rates(NamedTuple):
    """The settings of `evo.neat.settings` as kernels take them. *_below: an event occurs if a 32-bit random word is below it
    (disabled_below: a 31-bit word). exclusive: a structural mutation replaces weight mutation."""

    crossover_below: int
    interspecies_below: int
    disabled_below: int
    averaged_below: int
    mate_only_below: int
    weights_below: int
    weights_alone_below: int
    perturbed_below: int
    add_node_below: int
    add_connection_below: int
    advance_below: int
    oldest_below: int
    connection_tries: int
    population_size: int
    champion_above: int
    sticky: bool
    exclusive: bool
    from_bias: bool
    recurrent: bool
    random_representative: bool
    survival: float
    perturbation: float
    replaced: float
    new: float

    @staticmethod
    def of(options: Any) -> Rates:
        """The rates of filled `NEATSettings`."""
        word = lambda probability: round(probability * 2**32)
        growth = 1.0 if options.growth else 0.0
        return Rates(
            crossover_below=word(options.crossover),
            interspecies_below=word(options.interspecies),
            disabled_below=word(options.disabled) // 2,
            averaged_below=word(options.averaged),
            mate_only_below=word(options.mate_only),
            weights_below=word(options.weight_mutation),
            weights_alone_below=word(options.weight_mutation_alone),
            perturbed_below=word(options.weight_perturbed),
            add_node_below=word(options.add_node * growth),
            add_connection_below=word(options.add_link * growth),
            advance_below=word(options.split_go_on),
            oldest_below=options.split_oldest_below,
            connection_tries=options.link_tries,
            population_size=options.population_size,
            champion_above=options.champion_above,
            sticky=options.disable_rule == "sticky",
            exclusive=options.structural == "instead",
            from_bias=options.split_bias,
            recurrent=options.recurrent,
            random_representative=options.representative == "random",
            survival=options.survival,
            perturbation=options.perturbation,
            replaced=options.replaced_weights,
            new=options.new_weights,
        )


RATES = types.NamedTuple((types.int64,) * 15 + (types.boolean,) * 5 + (types.float64,) * 4, Rates)
_INT64, _FLOAT, _BOOL = types.int64[::1], types.float64[::1], types.boolean[::1]
_LONG, _PAIRS, _CODES = types.int64, types.int64[:, ::1], types.int8[::1]


@njit(
    types.void(_PAIRS, _BOOL, _FLOAT, RANKING, _INT64, _INT64, RATES, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _mate(pairs, copied, fitness, ranks, counts, active, rates, generation, seed):
    """counts (S,): offspring per species. active: the species that have some."""
    i = -1
    for k in range(active.size):
        own = active[k]
        best, size = ranks.at[own], ranks.at[own + 1] - ranks.at[own]
        for n in range(counts[own]):
            i += 1
            if n == 0 and size > rates.champion_above:
                pairs[i, 0], pairs[i, 1], copied[i] = ranks.order[best], -1, True
                continue
            two, elsewhere, one, other = rng.philox(0, i, generation, rng.SELECTION, seed)
            fitter = ranks.order[best + ((one * ranks.parents[own]) >> 32)]
            pairs[i, 0], pairs[i, 1] = fitter, -1
            if two >= rates.crossover_below:
                continue
            which, tie, _, _ = rng.philox(1, i, generation, rng.SELECTION, seed)
            s = own
            if elsewhere < rates.interspecies_below and active.size > 1:
                chosen = (which * (active.size - 1)) >> 32
                s = active[chosen if chosen < k else chosen + 1]
            other_parent = ranks.order[ranks.at[s] + ((other * ranks.parents[s]) >> 32)]
            if fitness[other_parent] > fitness[fitter] or (fitness[other_parent] == fitness[fitter] and tie & 1):
                fitter, other_parent = other_parent, fitter
            pairs[i, 0], pairs[i, 1] = fitter, other_parent


class Mated(NamedTuple):
    """pairs (P, 2): the parents of each offspring, the second -1 if there is only one; copied (P,): whether it is an unchanged
    copy; representatives (S,) of the species. All are indices of the population."""

    pairs: np.ndarray
    copied: np.ndarray
    representatives: np.ndarray


@njit(types.NamedTuple((_PAIRS, _BOOL, _INT64), Mated)(_FLOAT, _INT64, _BOOL, RATES, _LONG, _LONG), cache=True, nogil=True)
def mate(fitness, species, allowed, rates, generation, seed):
    """Sections 3.3 and 4.1. fitness (P,); species (P,): the species of each genome; allowed (S,): which may reproduce.
    Offspring are stored in the order of their species."""
    ranks = ranking(fitness, species, allowed.size, rates.survival)
    counts = offspring(shareable(fitness), species, allowed, rates.population_size)
    pairs, copied = np.empty((rates.population_size, 2), np.int64), np.zeros(rates.population_size, np.bool_)
    _mate(pairs, copied, fitness, ranks, counts, counts.nonzero()[0], rates, generation, seed)
    return Mated(pairs, copied, representatives(ranks, rates.random_representative, generation, seed))


class Offspring(NamedTuple):
    """What `breed` computes: weight and enabled flag of every inherited gene, those of offspring i from index at[i] on; and the
    requested structural mutations (P,), -1 for none: the gene to split (its index within the offspring) and its innovation
    number, and the source and target ids of a new connection."""

    at: np.ndarray
    weight: np.ndarray
    enabled: np.ndarray
    gene: np.ndarray
    split: np.ndarray
    source: np.ndarray
    target: np.ndarray


_OFFSPRING = types.NamedTuple((_INT64, _FLOAT, _BOOL, _INT64, _INT64, _INT64, _INT64), Offspring)


def breed(
    parents: Genomes,
    pairs: np.ndarray,
    copied: np.ndarray,
    innovations: Innovations,
    activations: np.ndarray,
    rates: Rates,
    generation: int,
    seed: int,
) -> Genomes:
    """The offspring of `pairs` (P, 2); those with `copied` (P,) set are unchanged copies of their first parent.

    activations: codes (K,) int8 of `evo.activations`, one of which a new node is given, each with equal probability.
    """
    genes, size, drawn = parents.genes, len(pairs), (rates, generation, rng.signed(seed))
    made, widest = _empty_offspring(genes, pairs), longest(genes.nodes_at)
    threads.each(lambda a, b: _breed(made, genes, pairs, copied, np.empty(widest, np.bool_), *drawn, a, b), size, GRAIN)
    numbers = innovations.assign_numbers(made.split, made.source, made.target)
    child = empty_genes(*_offsets(made, genes, pairs))
    threads.each(lambda a, b: _write_offspring(child, made, genes, pairs, *numbers, activations, *drawn, a, b), size, GRAIN)
    return Genomes(parents.inputs, parents.outputs, *child)


@njit(_OFFSPRING(GENES, _PAIRS), cache=True, nogil=True)
def _empty_offspring(parents, pairs):
    """Room for what each offspring inherits and requests."""
    size = len(pairs)
    at = np.zeros(size + 1, np.int64)
    for i in range(size):
        first = pairs[i, 0]
        at[i + 1] = at[i] + parents.connections_at[first + 1] - parents.connections_at[first]
    weight, enabled = np.empty(at[-1]), np.empty(at[-1], np.bool_)
    gene, split = np.empty(size, np.int64), np.empty(size, np.int64)
    return Offspring(at, weight, enabled, gene, split, np.empty(size, np.int64), np.empty(size, np.int64))


@njit(types.UniTuple(_INT64, 2)(_OFFSPRING, GENES, _PAIRS), cache=True, nogil=True)
def _offsets(made, parents, pairs):
    """Where the nodes and the connections of the offspring that `made` describes begin and end."""
    nodes_at, connections_at = np.zeros(len(pairs) + 1, np.int64), np.zeros(len(pairs) + 1, np.int64)
    for i in range(len(pairs)):
        first, grown = pairs[i, 0], made.split[i] >= 0
        nodes_at[i + 1] = nodes_at[i] + parents.nodes_at[first + 1] - parents.nodes_at[first] + grown
        kept = made.at[i + 1] - made.at[i]
        connections_at[i + 1] = connections_at[i] + kept + 2 * grown + (made.source[i] >= 0)
    return nodes_at, connections_at


@njit(
    types.void(_OFFSPRING, GENES, _PAIRS, _BOOL, _BOOL, RATES, _LONG, _LONG, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _breed(offspring, parents, pairs, copied, reached, rates, generation, seed, start, stop):
    for i in range(start, stop):
        first, second = pairs[i]
        begin, end = offspring.at[i], offspring.at[i + 1]
        weight, enabled = offspring.weight[begin:end], offspring.enabled[begin:end]
        offspring.gene[i] = offspring.split[i] = offspring.source[i] = offspring.target[i] = -1
        add_node, add_connection, weights, _ = rng.philox(0, i, generation, rng.STRUCTURE, seed)
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
                parents, first, enabled, rates.from_bias, rates.oldest_below, rates.advance_below, i, generation, seed
            )
            if gene >= 0:
                offspring.gene[i], offspring.split[i] = gene, parents.innovation[parents.connections_at[first] + gene]
            if rates.exclusive:
                continue
        if add_connection < rates.add_connection_below:
            offspring.source[i], offspring.target[i] = nodes_to_connect(
                parents, first, reached, rates.recurrent, rates.connection_tries, i, generation, seed
            )
            if rates.exclusive:
                continue
        if weights < (rates.weights_below if second >= 0 else rates.weights_alone_below):
            mutate_weights(weight, rates.perturbed_below, rates.perturbation, rates.replaced, i, generation, seed)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _copy(into, to, source, old, size):
    """Copies `size` items of `source` from index `old` to index `to` of `into`; one array per loop, so that it vectorises."""
    new, taken = into[to : to + size], source[old : old + size]
    for k in range(size):
        new[k] = taken[k]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _write_connection(child, index, innovation, source, target, weight):
    child.innovation[index], child.source[index], child.target[index] = innovation, source, target
    child.weight[index], child.enabled[index] = weight, True


@njit(
    types.void(GENES, _OFFSPRING, GENES, _PAIRS, _INT64, _INT64, _INT64, _CODES, RATES, _LONG, _LONG, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _write_offspring(
    child, offspring, parents, pairs, node, number, connection, activations, rates, generation, seed, start, stop
):
    """Section 3.1: the split gene is disabled, the connection into the new node gets weight 1, the one out of it the old
    weight."""
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
            drawn = rng.philox(1, i, generation, rng.MUTATION, seed)[1]
            child.activation[new] = activations[(drawn * activations.size) >> 32]
            child.aggregation[new], child.time_constant[new] = 0, 1.0
        to, old = child.connections_at[i], parents.connections_at[first]
        size = offspring.at[i + 1] - offspring.at[i]
        _copy(child.innovation, to, parents.innovation, old, size)
        _copy(child.source, to, parents.source, old, size)
        _copy(child.target, to, parents.target, old, size)
        _copy(child.weight, to, offspring.weight, offspring.at[i], size)
        _copy(child.enabled, to, offspring.enabled, offspring.at[i], size)
        end, gene = to + offspring.at[i + 1] - offspring.at[i], to + offspring.gene[i]
        late = 2 if 0 <= number[i] < connection[i] else 0  # an earlier offspring may have made this connection
        if connection[i] >= 0:
            weight = uniform_within(rng.philox(1, i, generation, rng.MUTATION, seed)[0], rates.new)
            _write_connection(child, end + late, connection[i], offspring.source[i], offspring.target[i], weight)
        if number[i] >= 0:
            split = end + 1 if connection[i] >= 0 and late == 0 else end
            child.enabled[gene] = False
            _write_connection(child, split, number[i], child.source[gene], node[i], 1.0)
            _write_connection(child, split + 1, number[i] + 1, node[i], child.target[gene], child.weight[gene])


@njit(
    types.Tuple((BLOCK, _LONG, _LONG))(GENES, _PAIRS, _BOOL, _LONG, _LONG, _CODES, RATES, _LONG, _LONG), cache=True, nogil=True
)
def breed_all(parents, pairs, copied, next_node, next_number, activations, rates, generation, seed):
    """`breed` in one part: the block of all offspring, and the counters of innovations after them."""
    made, size = _empty_offspring(parents, pairs), len(pairs)
    _breed(made, parents, pairs, copied, np.empty(longest(parents.nodes_at), np.bool_), rates, generation, seed, 0, size)
    numbers, next_node, next_number = number(made.split, made.source, made.target, next_node, next_number)
    nodes_at, connections_at = _offsets(made, parents, pairs)
    block = empty_block(nodes_at, connections_at)
    drawn = (activations, rates, generation, seed)
    _write_offspring(genes_of(block), made, parents, pairs, *numbers, *drawn, 0, size)
    return block, next_node, next_number
