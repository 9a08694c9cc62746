"""Speciation by compatibility distance (neat-python 2.0, genome.py and species.py).

The distance of two genomes is that of their nodes plus that of their connections, each

    (disjoint coefficient * disjoint genes + weight coefficient * sum of differences) / genes of the larger genome

Matching nodes, by id, differ by |bias| + |response| + |time constant| + 1 if the activations differ + 1 if the aggregations
differ. Matching connections, by source and target, differ by |weight| + 1 if only one is enabled. Inputs are no genes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.genomes.genes import GENES, Genes
from evo.genomes.genome import BIAS, GRAIN, Genomes
from evo.genomes.species import SpeciesTable

DISTANCES = 4096  # distances per thread


class Compatibility(NamedTuple):
    disjoint: float
    weight: float


COMPATIBILITY = types.NamedUniTuple(types.float64, 2, Compatibility)


def sorted_by_endpoints(genomes: Genomes) -> Genes:
    """Genes with each genome's connections sorted by (source, target), as `distance` needs them."""
    order = np.lexsort((genomes.target, genomes.source, genomes.owners()[1]))
    names = ("innovation", "source", "target", "weight", "enabled")
    return genomes.genes._replace(**{name: getattr(genomes, name)[order] for name in names})


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _between_nodes(a, i, b, j, rules):
    k, end = a.nodes_at[i], a.nodes_at[i + 1]
    m, stop = b.nodes_at[j], b.nodes_at[j + 1]
    while a.node_kind[k] <= BIAS:
        k += 1
    while b.node_kind[m] <= BIAS:
        m += 1
    size, alone, difference = max(end - k, stop - m), 0, 0.0
    while k < end and m < stop:
        one, other = a.node_id[k], b.node_id[m]
        if one == other:
            difference += abs(a.bias[k] - b.bias[m]) + abs(a.response[k] - b.response[m])
            difference += abs(a.time_constant[k] - b.time_constant[m])
            difference += a.activation[k] != b.activation[m]
            difference += a.aggregation[k] != b.aggregation[m]
        else:
            alone += 1
        k += one <= other
        m += other <= one
    return (rules.weight * difference + rules.disjoint * (alone + (end - k) + (stop - m))) / size


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def distance(a, i, b, j, rules):
    """Between genome i of the genes `a` and genome j of `b`, both sorted by `sorted_by_endpoints`."""
    k, end = a.connections_at[i], a.connections_at[i + 1]
    m, stop = b.connections_at[j], b.connections_at[j + 1]
    size, alone, difference = max(1, end - k, stop - m), 0, 0.0
    while k < end and m < stop:
        before = a.source[k] < b.source[m] or (a.source[k] == b.source[m] and a.target[k] < b.target[m])
        same = a.source[k] == b.source[m] and a.target[k] == b.target[m]
        if same:
            difference += abs(a.weight[k] - b.weight[m]) + (a.enabled[k] != b.enabled[m])
        else:
            alone += 1
        k += before or same
        m += not before
    connections = (rules.weight * difference + rules.disjoint * (alone + (end - k) + (stop - m))) / size
    return _between_nodes(a, i, b, j, rules) + connections


_INT64, _LONG, _FLOAT = types.int64[::1], types.int64, types.float64


@njit(
    types.void(_INT64, GENES, GENES, COMPATIBILITY, types.boolean[::1], _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _find_closest(closest, representatives, genes, rules, taken, start, stop):
    """closest[s] of representatives start .. stop: the closest genome that is not taken; ties to the first."""
    for s in range(start, stop):
        least = np.inf
        for i in range(taken.size):
            if not taken[i]:
                delta = distance(representatives, s, genes, i, rules)
                if delta < least:
                    least, closest[s] = delta, i
                    if delta == 0.0:
                        break


@njit(
    types.void(_INT64, _FLOAT[::1], GENES, COMPATIBILITY, _INT64, _INT64, _LONG, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _assign_to_nearest(of, nearest, genes, rules, representatives, since, known, start, stop):
    """of[i] of genomes start .. stop: known + the index of the closest representative, if it is closer than nearest[i].
    Representative s is compared with genomes from since[s] on."""
    for i in range(start, stop):
        for s in range(representatives.size):
            if since[s] <= i:
                delta = distance(genes, representatives[s], genes, i, rules)
                if delta < nearest[i]:
                    of[i], nearest[i] = known + s, delta


@njit(_LONG(_INT64, _INT64, GENES, COMPATIBILITY, _FLOAT), cache=True, nogil=True, _nrt=False)
def _find_founders(founders, of, genes, rules, threshold):
    """Genomes without a species and incompatible with all earlier founders found one. Returns the number of founders."""
    count = 0
    for i in range(of.size):
        if of[i] < 0:
            founders[count] = i
            compatible = False
            for s in range(count):
                compatible = compatible or distance(genes, founders[s], genes, i, rules) < threshold
            count += not compatible
    return count


@dataclass(repr=False)
class Species(SpeciesTable):
    """representative (S,): an index of the population per species; threshold: compatible genomes have a smaller distance."""

    representative: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    threshold: float = field(kw_only=True)

    def update_best(self, fitness: np.ndarray, generation: int) -> None:
        """Updates best fitness and last improvement from each species' fitness (S,). -inf improves nothing."""
        better = fitness > self.best
        self.best[better] = fitness[better]
        self.improved[better] = generation

    def retain(self, kept: np.ndarray) -> None:
        """Removes all species except those at the indices `kept`; `speciate` must follow."""
        kept = np.sort(kept)
        for name in ("id", "representative", "best", "improved"):
            setattr(self, name, getattr(self, name)[kept])

    def speciate(self, genomes: Genomes, previous: Genomes, rules: Compatibility, generation: int) -> None:
        """Assigns a new generation to species. First each species gets as new representative the closest genome to its
        representative in `previous`; if two species would take the same genome, the older one chooses first. Then each other
        genome, in order, joins the species with the closest representative within the threshold, or founds one.

        Raises ValueError if there are more species than genomes.
        """
        size, known = len(genomes), len(self.id)
        if known > size:
            raise ValueError(f"expected at most as many species as genomes, {size}; got {known}")
        genes, old = sorted_by_endpoints(genomes), sorted_by_endpoints(previous.select(self.representative))
        taken, wanted = np.zeros(size, np.bool_), np.zeros(known, np.int64)
        grain = max(1, DISTANCES // size)
        threads.each(lambda a, b: _find_closest(wanted, old, genes, rules, taken, a, b), known, grain)
        for s in range(known):
            if taken[wanted[s]]:
                _find_closest(wanted, old, genes, rules, taken, s, s + 1)
            taken[wanted[s]] = True
        of, nearest = np.full(size, -1), np.full(size, self.threshold)
        of[wanted], nearest[wanted] = np.arange(known), -1.0  # below every distance, so that representatives stay
        assign = lambda chosen, since, base: threads.each(
            lambda a, b: _assign_to_nearest(of, nearest, genes, rules, chosen, since, base, a, b), size, GRAIN
        )
        assign(wanted, np.zeros(known, np.int64), 0)
        founders = np.empty(size, np.int64)
        founders = founders[: _find_founders(founders, of, genes, rules, self.threshold)]
        new = len(founders)
        of[founders], nearest[founders] = known + np.arange(new), -1.0
        assign(founders, founders, known)
        self.of, self.representative = of, np.concatenate([wanted, founders])
        self.id = np.concatenate([self.id, self.next_id + np.arange(new)])
        self.best = np.concatenate([self.best, np.full(new, -np.inf)])
        self.improved = np.concatenate([self.improved, np.full(new, generation)])
        self.next_id += new

    def adjust_threshold(self, target: int, rate: float, low: float, high: float) -> None:
        """Moves the threshold by `rate`, within low .. high: up if there are more species than `target`, else down."""
        step = rate * np.sign(len(self.id) - target)
        self.threshold = float(min(max(self.threshold + step, low), high))
