"""Species: who is like whom (neat-python 2.0, genome.py and species.py).

The distance of two genomes is that of their nodes plus that of their connections, each

    (disjoint coefficient * genes that one alone has + weight coefficient * sum of differences) / genes of the larger genome

where nodes that both have, by their ids, differ by |bias| + |response| + |time constant| + 1 for another activation + 1 for
another aggregation; connections that both have, by the nodes they join, by |weight| + 1 where one alone is enabled. Inputs
are no genes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.genomes.genome import BIAS, GENES, GRAIN, Genes, Genomes
from evo.genomes.species import SpeciesTable

DISTANCES = 4096  # that are worth a thread


class Compatibility(NamedTuple):
    disjoint: float
    weight: float


COMPATIBILITY = types.NamedUniTuple(types.float64, 2, Compatibility)


def by_ends(genomes: Genomes) -> Genes:
    """Genes with each genome's connections in the order of the nodes they join, as `distance` wants them."""
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
    """Between genome i of the genes `a` and genome j of `b`, both as `by_ends` orders them."""
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
    links = (rules.weight * difference + rules.disjoint * (alone + (end - k) + (stop - m))) / size
    return _between_nodes(a, i, b, j, rules) + links


_INT64, _LONG, _FLOAT = types.int64[::1], types.int64, types.float64


@njit(
    types.void(_INT64, GENES, GENES, COMPATIBILITY, types.boolean[::1], _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _closest(closest, representatives, genes, rules, taken, start, stop):
    """closest[s] of representatives start .. stop: the first genome of those nearest to it that are not taken."""
    for s in range(start, stop):
        least = np.inf
        for i in range(taken.size):
            if not taken[i]:
                far = distance(representatives, s, genes, i, rules)
                if far < least:
                    least, closest[s] = far, i
                    if far == 0.0:
                        break


@njit(
    types.void(_INT64, _FLOAT[::1], GENES, COMPATIBILITY, _INT64, _INT64, _LONG, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _join(of, nearest, genes, rules, representatives, since, known, start, stop):
    """of[i] of genomes start .. stop: known + the place of the first representative that is nearer than all others and than
    nearest[i]. Representative s is looked at by genomes from since[s] on."""
    for i in range(start, stop):
        for s in range(representatives.size):
            if since[s] <= i:
                far = distance(genes, representatives[s], genes, i, rules)
                if far < nearest[i]:
                    of[i], nearest[i] = known + s, far


@njit(_LONG(_INT64, _INT64, GENES, COMPATIBILITY, _FLOAT), cache=True, nogil=True, _nrt=False)
def _found(founders, of, genes, rules, threshold):
    """Whoever is in no species and like no founder before it founds one. Returns how many did."""
    count = 0
    for i in range(of.size):
        if of[i] < 0:
            founders[count] = i
            alike = False
            for s in range(count):
                alike = alike or distance(genes, founders[s], genes, i, rules) < threshold
            count += not alike
    return count


@dataclass(repr=False)
class Species(SpeciesTable):
    """representative (S,): of each species, a place in the population; threshold: the distance below which two are alike."""

    representative: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    threshold: float = field(kw_only=True)

    def judge(self, fitness: np.ndarray, generation: int) -> None:
        """Takes note of each species' fitness (S,). A fitness of -inf improves nothing."""
        better = fitness > self.best
        self.best[better] = fitness[better]
        self.improved[better] = generation

    def keep(self, kept: np.ndarray) -> None:
        """Lets all species but `kept` (places) die out; `assign` follows, which gives the members of all."""
        kept = np.sort(kept)
        for name in ("id", "representative", "best", "improved"):
            setattr(self, name, getattr(self, name)[kept])

    def assign(self, genomes: Genomes, previous: Genomes, rules: Compatibility, generation: int) -> None:
        """The species of a new generation. Each present species is from now on represented by the genome that is closest to
        its representative in `previous`; of those that two species would have, the older takes its own first. All other
        genomes, in order, join the species whose representative is nearest, if that is below the threshold, else found one.

        Raises ValueError if there are more species than genomes.
        """
        size, known = len(genomes), len(self.id)
        if known > size:
            raise ValueError(f"expected at most as many species as genomes, {size}; got {known}")
        genes, old = by_ends(genomes), by_ends(previous.select(self.representative))
        taken, wanted = np.zeros(size, np.bool_), np.zeros(known, np.int64)
        grain = max(1, DISTANCES // size)
        threads.each(lambda a, b: _closest(wanted, old, genes, rules, taken, a, b), known, grain)
        for s in range(known):
            if taken[wanted[s]]:
                _closest(wanted, old, genes, rules, taken, s, s + 1)
            taken[wanted[s]] = True
        of, nearest = np.full(size, -1), np.full(size, self.threshold)
        of[wanted], nearest[wanted] = np.arange(known), -1.0  # nothing is nearer to a representative than itself
        join = lambda chosen, since, base: threads.each(
            lambda a, b: _join(of, nearest, genes, rules, chosen, since, base, a, b), size, GRAIN
        )
        join(wanted, np.zeros(known, np.int64), 0)
        founders = np.empty(size, np.int64)
        founders = founders[: _found(founders, of, genes, rules, self.threshold)]
        new = len(founders)
        of[founders], nearest[founders] = known + np.arange(new), -1.0
        join(founders, founders, known)
        self.of, self.representative = of, np.concatenate([wanted, founders])
        self.id = np.concatenate([self.id, self.next_id + np.arange(new)])
        self.best = np.concatenate([self.best, np.full(new, -np.inf)])
        self.improved = np.concatenate([self.improved, np.full(new, generation)])
        self.next_id += new

    def aim(self, target: int, rate: float, low: float, high: float) -> None:
        """Moves the threshold by `rate`, within low .. high: up where there are more species than `target`, else down."""
        step = rate * np.sign(len(self.id) - target)
        self.threshold = float(min(max(self.threshold + step, low), high))
