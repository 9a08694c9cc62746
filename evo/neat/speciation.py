"""Species: who is like whom (Stanley and Miikkulainen 2002, section 3.3). Equation 1: delta = c1 E / N + c2 D / N + c3 W."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.genomes.genome import GENES, GRAIN, Genomes
from evo.genomes.species import SpeciesTable


class Compatibility(NamedTuple):
    """c1, c2, c3 of equation 1; N is 1 where both genomes have fewer genes than `small`; delta below `threshold` is alike."""

    excess: float
    disjoint: float
    weight: float
    small: int
    threshold: float


COMPATIBILITY = types.NamedTuple((types.float64, types.float64, types.float64, types.int64, types.float64), Compatibility)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def distance(a, i, b, j, rules, enough):
    """delta between genome i of the genes `a` and genome j of `b`; or any number from `enough` up, once it is known to be so
    far. Disabled genes count like others; where nothing matches, the mean weight difference W is 0."""
    k, end = a.connections_at[i], a.connections_at[i + 1]
    m, stop = b.connections_at[j], b.connections_at[j + 1]
    genes = max(end - k, stop - m)
    size = 1 if genes < rules.small else max(1, genes)
    least = min(rules.excess, rules.disjoint) / size
    matching, disjoint, difference = 0, 0, 0.0
    while k < end and m < stop:
        one, other = a.innovation[k], b.innovation[m]
        if one == other:
            difference += abs(a.weight[k] - b.weight[m])
            matching += 1
            k += 1
            m += 1
        else:
            disjoint += 1
            if least * disjoint >= enough:
                return enough
            k += one < other
            m += other < one
    excess = (end - k) + (stop - m)
    mean = difference / matching if matching else 0.0
    return (rules.excess * excess + rules.disjoint * disjoint) / size + rules.weight * mean


_INT64, _FLOAT = types.int64[::1], types.float64[::1]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def mark(genes, i):
    """63 bits of genome i: bit k is set if it has an innovation number that is k modulo 63. For every bit in which the marks
    of two genomes differ, a gene is in one of them alone."""
    bits = 0
    for k in range(genes.connections_at[i], genes.connections_at[i + 1]):
        bits |= 1 << (genes.innovation[k] % 63)
    return bits


@njit(cache=True, nogil=True, _nrt=False)
def gulf(rules, size):
    """How many genes that are in one genome alone, at least 1 and at most 64, make two unlike where N is `size`."""
    least, count = min(rules.excess, rules.disjoint), 1
    while count < 64 and least * count / size < rules.threshold:
        count += 1
    return count


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def may_be_alike(differing, larger, rules, far):
    """May two genomes be alike? differing: the bits in which their marks differ; larger: the genes of the larger; far: how
    many of these bits are enough to tell where N is 1."""
    enough = far if larger < rules.small else gulf(rules, max(1, larger))
    for _ in range(enough - 1):
        differing &= differing - 1  # without its last bit
    return differing == 0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _length(genes, i):
    return genes.connections_at[i + 1] - genes.connections_at[i]


@njit(types.void(_INT64, GENES, _INT64), cache=True, nogil=True, _nrt=False)
def _mark(marks, genes, places):
    for k in range(places.size):
        marks[k] = mark(genes, places[k])


SLOTS, KEPT = 61, 8


@njit(
    types.void(*(_INT64, _INT64, GENES, GENES, _INT64, _INT64, COMPATIBILITY, types.int64[:, ::1], types.int64, types.int64)),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _join(species, marks, genes, previous, representatives, known, rules, memo, start, stop):
    """species[i] of genomes start .. stop: the first whose representative, a place of `previous`, is alike; else -1.
    known: the representatives' marks; marks: room for those of the genomes.

    Siblings mostly have the same genes. So memo (SLOTS, 4 + KEPT) remembers, for a mark and a number of genes (-1: none yet),
    how many species were looked at and which of these are near.
    """
    far = gulf(rules, 1)
    for i in range(start, stop):
        own, length = mark(genes, i), _length(genes, i)
        row = memo[own % SLOTS]
        if row[0] != own or row[1] != length:
            row[0], row[1], row[2], row[3] = own, length, 0, 0
        species[i], marks[i] = -1, own
        for k in range(4, 4 + row[3]):
            if distance(genes, i, previous, representatives[row[k]], rules, rules.threshold) < rules.threshold:
                species[i] = row[k]
                break
        s = row[2]
        while species[i] < 0 and s < representatives.size:
            near = may_be_alike(own ^ known[s], max(length, _length(previous, representatives[s])), rules, far)
            if row[3] < KEPT:
                row[4 + row[3]] = s
                row[3] += near
                row[2] += 1
            if near and distance(genes, i, previous, representatives[s], rules, rules.threshold) < rules.threshold:
                species[i] = s
            s += 1


@njit(types.int64(_INT64, _INT64, _INT64, GENES, types.int64, COMPATIBILITY), cache=True, nogil=True, _nrt=False)
def _found(species, founders, marks, genes, known, rules):
    """Whoever is in no species yet joins the first founder it is like, or founds one; returns how many there are then.
    founders: room for a place of each genome."""
    count, far = 0, gulf(rules, 1)
    for i in range(species.size):
        if species[i] >= 0:
            continue
        for s in range(count):
            other = founders[s]
            near = may_be_alike(marks[i] ^ marks[other], max(_length(genes, i), _length(genes, other)), rules, far)
            if near and distance(genes, i, genes, other, rules, rules.threshold) < rules.threshold:
                species[i] = known + s
                break
        if species[i] < 0:
            founders[count] = i
            species[i] = known + count
            count += 1
    return known + count


@njit(types.void(_FLOAT, _INT64, _INT64, _FLOAT, types.int64), cache=True, nogil=True, _nrt=False)
def _judge(best, improved, species, fitness, generation):
    for i in range(fitness.size):
        if fitness[i] > best[species[i]]:
            best[species[i]], improved[species[i]] = fitness[i], generation


@njit(types.Tuple((_INT64, _FLOAT, _INT64))(_INT64, _INT64, _FLOAT, _INT64, types.int64, types.int64, types.int64), cache=True)
def _alive(of, names, best, improved, count, next_id, generation):
    """id, best and improved of those of `count` species that have members, the new ones named from next_id on. of (P,): whose
    genome is whose is told by the places in these."""
    place, alive = np.full(count, -1), 0
    for s in of:
        place[s] = 0
    for s in range(count):
        if place[s] == 0:
            place[s] = alive
            alive += 1
    for i in range(of.size):
        of[i] = place[of[i]]
    kept, known = (np.empty(alive, np.int64), np.empty(alive), np.empty(alive, np.int64)), names.size
    for s in range(count):
        if place[s] >= 0:
            kept[0][place[s]] = names[s] if s < known else next_id + s - known
            kept[1][place[s]] = best[s] if s < known else -np.inf
            kept[2][place[s]] = improved[s] if s < known else generation
    return kept


class Species(SpeciesTable):
    """The species of NEAT."""

    def judge(self, fitness: np.ndarray, generation: int) -> None:
        """Takes note of each species' highest fitness. A fitness of -inf improves nothing."""
        _judge(self.best, self.improved, self.of, fitness, generation)

    def assign(
        self, genomes: Genomes, previous: Genomes, representatives: np.ndarray, rules: Compatibility, generation: int
    ) -> None:
        """The species of a new generation: each genome's is the first whose representative it is like, else a new one.

        representatives (S,): a genome of `previous` for each present species. Species that got no member are dropped.
        """
        genes, old, size = genomes.genes, previous.genes, len(genomes)
        self.of, marks, known = np.empty(size, np.int64), np.empty(size, np.int64), np.empty_like(representatives)
        _mark(known, old, representatives)

        def join(start: int, stop: int) -> None:
            memo = np.full((SLOTS, 4 + KEPT), -1)
            _join(self.of, marks, genes, old, representatives, known, rules, memo, start, stop)

        threads.each(join, size, GRAIN)
        count = _found(self.of, np.empty_like(marks), marks, genes, len(self.id), rules)
        new, next_id = count - len(self.id), self.next_id
        self.id, self.best, self.improved = _alive(self.of, self.id, self.best, self.improved, count, next_id, generation)
        self.next_id += new
