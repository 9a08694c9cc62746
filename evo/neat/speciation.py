"""Speciation by compatibility distance (Stanley and Miikkulainen 2002, section 3.3).

Equation 1: delta = c1 E / N + c2 D / N + c3 W, with E excess genes, D disjoint genes, W the mean weight difference of
matching genes, and N the number of genes of the larger genome.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.genomes.genes import GENES
from evo.genomes.genome import GRAIN, Genomes
from evo.genomes.species import SpeciesTable


class Compatibility(NamedTuple):
    """c1, c2, c3 of equation 1. N is 1 if both genomes have fewer genes than `small`. Genomes with delta below `threshold` are
    compatible."""

    excess: float
    disjoint: float
    weight: float
    small: int
    threshold: float


COMPATIBILITY = types.NamedTuple((types.float64, types.float64, types.float64, types.int64, types.float64), Compatibility)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def distance(a, i, b, j, rules, bound):
    """The compatibility distance delta between genome i of the genes `a` and genome j of `b`. Exact below `bound`; otherwise
    any number >= bound. Disabled genes count. W is 0 if no genes match."""
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
            if least * disjoint >= bound:
                return bound
            k += one < other
            m += other < one
    excess = (end - k) + (stop - m)
    mean = difference / matching if matching else 0.0
    return (rules.excess * excess + rules.disjoint * disjoint) / size + rules.weight * mean


_INT64, _FLOAT = types.int64[::1], types.float64[::1]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def signature(genes, i):
    """63 bits of genome i: bit k is set if the genome has an innovation number that equals k modulo 63. Each bit in which the
    signatures of two genomes differ implies at least one disjoint or excess gene."""
    bits = 0
    for k in range(genes.connections_at[i], genes.connections_at[i + 1]):
        bits |= 1 << (genes.innovation[k] % 63)
    return bits


@njit(cache=True, nogil=True, _nrt=False)
def min_mismatches(rules, size):
    """The number of disjoint and excess genes, in 1 .. 64, that makes two genomes incompatible if N is `size`."""
    least, count = min(rules.excess, rules.disjoint), 1
    while count < 64 and least * count / size < rules.threshold:
        count += 1
    return count


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def maybe_compatible(differing, larger, rules, min_mismatches_small):
    """False only if the signatures prove that two genomes are incompatible. differing: the bits in which they differ; larger:
    the number of genes of the larger genome; min_mismatches_small: `min_mismatches` for N = 1."""
    bound = min_mismatches_small if larger < rules.small else min_mismatches(rules, max(1, larger))
    for _ in range(bound - 1):
        differing &= differing - 1  # clears the lowest set bit
    return differing == 0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _length(genes, i):
    return genes.connections_at[i + 1] - genes.connections_at[i]


@njit(types.void(_INT64, _INT64, GENES, _INT64), cache=True, nogil=True, _nrt=False)
def _sketch(signatures, lengths, genes, indices):
    """The signatures and the numbers of genes of the genomes at `indices`."""
    for k in range(indices.size):
        signatures[k], lengths[k] = signature(genes, indices[k]), _length(genes, indices[k])


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _next_candidate(s, own, length, known, lengths, rules, min_mismatches_small):
    """The first species from s on that a genome with this signature and number of genes may be compatible with; else their
    number. known, lengths (S,): signatures and numbers of genes of the representatives."""
    while s < known.size and not maybe_compatible(own ^ known[s], max(length, lengths[s]), rules, min_mismatches_small):
        s += 1
    return s


MEMO_ROWS, MEMO_SPECIES = 251, 8


@njit(
    types.void(
        *(_INT64, _INT64, GENES, GENES, _INT64, _INT64, _INT64, COMPATIBILITY), *(types.int64[:, ::1],) + (types.int64,) * 2
    ),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _assign_to_existing(species, signatures, genes, previous, representatives, known, lengths, rules, memo, start, stop):
    """species[i] of genomes start .. stop: the first whose representative, an index of `previous`, is compatible; else -1.
    known, lengths: as of `_next_candidate`. signatures: output, those of the genomes.

    Siblings often have the same genes. So memo (MEMO_ROWS, 4 + MEMO_SPECIES) caches, per signature and number of genes (-1:
    empty), how many species were tested and which of them are candidates.
    """
    min_mismatches_small = min_mismatches(rules, 1)
    for i in range(start, stop):
        own, length = signature(genes, i), _length(genes, i)
        row = memo[own % MEMO_ROWS]
        if row[0] != own or row[1] != length:
            row[0], row[1], row[2], row[3] = own, length, 0, 0
        species[i], signatures[i] = -1, own
        for k in range(4, 4 + row[3]):
            if distance(genes, i, previous, representatives[row[k]], rules, rules.threshold) < rules.threshold:
                species[i] = row[k]
                break
        s = row[2]
        while species[i] < 0 and s < known.size:
            s = _next_candidate(s, own, length, known, lengths, rules, min_mismatches_small)
            candidate = s < known.size
            if row[3] < MEMO_SPECIES:
                row[4 + row[3]], row[2] = s, s + candidate
                row[3] += candidate
            if candidate and distance(genes, i, previous, representatives[s], rules, rules.threshold) < rules.threshold:
                species[i] = s
            s += 1


@njit(types.int64(_INT64, _INT64, _INT64, GENES, types.int64, COMPATIBILITY), cache=True, nogil=True, _nrt=False)
def _assign_to_new(species, founders, signatures, genes, known, rules):
    """Each genome without a species joins the first new species whose founder is compatible, or founds one. Returns the number
    of species. founders: scratch, one index per genome."""
    count, min_mismatches_small = 0, min_mismatches(rules, 1)
    for i in range(species.size):
        if species[i] >= 0:
            continue
        for s in range(count):
            other = founders[s]
            candidate = maybe_compatible(
                signatures[i] ^ signatures[other], max(_length(genes, i), _length(genes, other)), rules, min_mismatches_small
            )
            if candidate and distance(genes, i, genes, other, rules, rules.threshold) < rules.threshold:
                species[i] = known + s
                break
        if species[i] < 0:
            founders[count] = i
            species[i] = known + count
            count += 1
    return known + count


@njit(types.float64(_FLOAT, _INT64, _INT64, _FLOAT, types.int64), cache=True, nogil=True, _nrt=False)
def _update_best(best, improved, species, fitness, generation):
    highest = -np.inf
    for i in range(fitness.size):
        highest = max(highest, fitness[i])
        if fitness[i] > best[species[i]]:
            best[species[i]], improved[species[i]] = fitness[i], generation
    return highest


TABLE = types.Tuple((_INT64, _INT64, _FLOAT, _INT64, types.int64))


@njit(TABLE(_INT64, _INT64, GENES, COMPATIBILITY, *TABLE.types[1:], types.int64), cache=True, nogil=True)
def _close(of, signatures, genes, rules, names, best, improved, next_id, generation):
    """Those that `of` (P,) gives no species found new ones, and species without members are removed: of, id, best, improved,
    next_id of `SpeciesTable`. of is renumbered in place."""
    known = names.size
    count = _assign_to_new(of, np.empty_like(of), signatures, genes, known, rules)
    index, alive = np.full(count, -1), 0
    for s in of:
        index[s] = 0
    for s in range(count):
        if index[s] == 0:
            index[s] = alive
            alive += 1
    for i in range(of.size):
        of[i] = index[of[i]]
    kept_names, kept_best, kept_improved = np.empty(alive, np.int64), np.empty(alive), np.empty(alive, np.int64)
    for s in range(count):
        if index[s] >= 0:
            kept_names[index[s]] = names[s] if s < known else next_id + s - known
            kept_best[index[s]] = best[s] if s < known else -np.inf
            kept_improved[index[s]] = improved[s] if s < known else generation
    return of, kept_names, kept_best, kept_improved, next_id + count - known


@njit(TABLE(GENES, GENES, _INT64, COMPATIBILITY, *TABLE.types[1:], types.int64), cache=True, nogil=True)
def speciate_all(genes, previous, representatives, rules, names, best, improved, next_id, generation):
    """`Species.speciate` in one part."""
    size = genes.nodes_at.size - 1
    of, signatures = np.empty(size, np.int64), np.empty(size, np.int64)
    known, lengths = np.empty_like(representatives), np.empty_like(representatives)
    _sketch(known, lengths, previous, representatives)
    memo = np.full((MEMO_ROWS, 4 + MEMO_SPECIES), -1)
    _assign_to_existing(of, signatures, genes, previous, representatives, known, lengths, rules, memo, 0, size)
    return _close(of, signatures, genes, rules, names, best, improved, next_id, generation)


Table = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]  # of TABLE


class Species(SpeciesTable):
    """The species of NEAT."""

    @property
    def table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """id, best, improved and next_id."""
        return self.id, self.best, self.improved, self.next_id

    def update_best(self, fitness: np.ndarray, generation: int) -> float:
        """Updates each species' best fitness and the generation of its last improvement; returns the highest fitness of all.
        -inf improves nothing."""
        return _update_best(self.best, self.improved, self.of, fitness, generation)

    def speciate(
        self, genomes: Genomes, previous: Genomes, representatives: np.ndarray, rules: Compatibility, generation: int
    ) -> None:
        """Assigns each genome to the first species whose representative is compatible, else to a new species.

        representatives (S,): for each species, the index of a genome of `previous`. Species without members are removed.
        """
        genes, old, size = genomes.genes, previous.genes, len(genomes)
        of, signatures = np.empty(size, np.int64), np.empty(size, np.int64)
        known, lengths = np.empty_like(representatives), np.empty_like(representatives)
        _sketch(known, lengths, old, representatives)

        def assign_part(start: int, stop: int) -> None:
            memo = np.full((MEMO_ROWS, 4 + MEMO_SPECIES), -1)
            given = (genes, old, representatives, known, lengths, rules, memo)
            _assign_to_existing(of, signatures, *given, start, stop)

        threads.each(assign_part, size, GRAIN)
        self.take(_close(of, signatures, genes, rules, *self.table, generation))

    def take(self, found: Table) -> None:
        """What `speciate_all` found."""
        self.of, self.id, self.best, self.improved, self.next_id = found
