"""Species: who is like whom, and how many offspring each may have (Stanley and Miikkulainen 2002, sections 3.3 and 4.1).

Equation 1: delta = c1 E / N + c2 D / N + c3 W. Equation 2, fitness sharing: a genome's fitness is divided by the number of
networks in its species, and a species gets offspring in proportion to the sum over its members.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit, types

from evo import threads
from evo.genome import GENES, Genes, Genomes, offsets

GRAIN = 256  # genomes that are worth a thread


class Compatibility(NamedTuple):
    """c1, c2, c3 of equation 1; N is 1 where both genomes have fewer genes than `small`; delta below `threshold` is alike."""

    excess: float
    disjoint: float
    weight: float
    small: int
    threshold: float


COMPATIBILITY = types.NamedTuple((types.float64, types.float64, types.float64, types.int64, types.float64), Compatibility)


@njit(cache=True, nogil=True, _nrt=False)
def mark(genes, i):
    """64 bits of genome i: that of each of its innovation numbers, modulo 64, is set."""
    bits = np.uint64(0)
    for k in range(genes.connections_at[i], genes.connections_at[i + 1]):
        bits |= np.uint64(1) << np.uint64(genes.innovation[k] & 63)
    return bits


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def apart(one, other):
    """In how many bits two marks differ: at least so many genes do not match."""
    x = one ^ other
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    x = (x & np.uint64(0xFFFFFFFF)) + (x >> np.uint64(32))
    return np.int64(((x * np.uint64(0x01010101)) >> np.uint64(24)) & np.uint64(0xFF))


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def alike(a, i, b, j, differing, rules):
    """Is delta between genome i of the genes `a` and genome j of `b` below the threshold? differing: at least so many of their
    genes do not match, which says most often that it is not."""
    genes = max(a.connections_at[i + 1] - a.connections_at[i], b.connections_at[j + 1] - b.connections_at[j])
    size = 1 if genes < rules.small else max(1, genes)
    if min(rules.excess, rules.disjoint) * differing / size >= rules.threshold:
        return False
    return distance(a, i, b, j, rules, rules.threshold) < rules.threshold


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


_INT64 = types.int64[::1]


_MARKS = types.uint64[::1]


@njit(types.void(_MARKS, GENES, _INT64), cache=True, nogil=True, _nrt=False)
def _mark(marks, genes, places):
    for k in range(places.size):
        marks[k] = mark(genes, places[k])


@njit(
    types.void(_INT64, GENES, GENES, _INT64, _MARKS, COMPATIBILITY, types.int64, types.int64),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _join(species, genes, previous, representatives, marks, rules, start, stop):
    """species[i] of genomes start .. stop: the first whose representative, a place of `previous`, is alike; else -1."""
    for i in range(start, stop):
        species[i], own = -1, mark(genes, i)
        for s in range(representatives.size):
            if alike(genes, i, previous, representatives[s], apart(own, marks[s]), rules):
                species[i] = s
                break


@njit(types.int64(_INT64, _INT64, _MARKS, GENES, types.int64, COMPATIBILITY), cache=True, nogil=True, _nrt=False)
def _found(species, founders, marks, genes, known, rules):
    """Whoever is in no species yet joins the first founder it is like, or founds one; returns how many there are then.
    founders, marks: room for a place and a mark of each genome."""
    count = 0
    for i in range(species.size):
        if species[i] >= 0:
            continue
        own = mark(genes, i)
        for s in range(count):
            if alike(genes, i, genes, founders[s], apart(own, marks[s]), rules):
                species[i] = known + s
                break
        if species[i] < 0:
            founders[count], marks[count] = i, own
            species[i] = known + count
            count += 1
    return known + count


@dataclass
class Species:
    """The species of a population, in the order in which they were founded. S species, P genomes.

    of (P,): whose genome is whose, places in the other arrays; id (S,), never used again; best (S,): the highest fitness so
    far; improved (S,): the generation that reached it (or founded the species).
    """

    of: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    id: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    best: np.ndarray = field(default_factory=lambda: np.zeros(0))
    improved: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    next_id: int = 1

    @property
    def sizes(self) -> np.ndarray:
        """Members of each (S,)."""
        return np.bincount(self.of, minlength=len(self.id))

    def judge(self, fitness: np.ndarray, generation: int) -> None:
        """Takes note of each species' highest fitness. A fitness of -inf improves nothing."""
        highest = np.full(len(self.id), -np.inf)
        np.maximum.at(highest, self.of, fitness)
        better = highest > self.best
        self.best[better] = highest[better]
        self.improved[better] = generation

    def assign(
        self, genomes: Genomes, previous: Genomes, representatives: np.ndarray, rules: Compatibility, generation: int
    ) -> None:
        """The species of a new generation: each genome's is the first whose representative it is like, else a new one.

        representatives (S,): a genome of `previous` for each present species. Species that got no member are dropped.
        """
        genes, old = Genes.of(genomes), Genes.of(previous)
        self.of, marks = np.empty(len(genomes), np.int64), np.empty(len(representatives), np.uint64)
        _mark(marks, old, representatives)
        threads.each(lambda a, b: _join(self.of, genes, old, representatives, marks, rules, a, b), len(genomes), GRAIN)
        founders, marks = np.empty_like(self.of), np.empty(len(genomes), np.uint64)
        count = _found(self.of, founders, marks, genes, len(self.id), rules)
        new = count - len(self.id)
        if new:
            self.id = np.concatenate([self.id, self.next_id + np.arange(new)])
            self.best = np.concatenate([self.best, np.full(new, -np.inf)])
            self.improved = np.concatenate([self.improved, np.full(new, generation)])
            self.next_id += new
        alive = self.sizes > 0
        if not alive.all():
            self.of = (np.cumsum(alive) - 1)[self.of]
            self.id, self.best, self.improved = self.id[alive], self.best[alive], self.improved[alive]

    def state_dict(self) -> dict[str, Any]:
        return {name: torch.from_numpy(value.copy()) if name != "next_id" else value for name, value in vars(self).items()}

    @staticmethod
    def from_state(state: dict[str, Any]) -> Species:
        return Species(**{name: value if name == "next_id" else value.numpy().copy() for name, value in state.items()})


def shareable(fitness: np.ndarray) -> np.ndarray:
    """Fitness (P,) as it may be shared: from 0 up, at most of magnitude 2. Negative fitness is shifted by the population's
    minimum, so that the worst gets 0; what is not finite counts 0."""
    finite = np.isfinite(fitness)
    values = np.where(finite, fitness, 0.0)
    scale = np.abs(values).max()
    values = values / scale if scale > 0 else values
    return np.where(finite, values - min(0.0, values.min(where=finite, initial=0.0)), 0.0)


def offspring(fitness: np.ndarray, species: np.ndarray, allowed: np.ndarray, size: int) -> np.ndarray:
    """How many of the next `size` genomes each species gets, (S,): in proportion to the mean of its members' fitness, which
    is the sum of their shared fitness. fitness (P,) >= 0, species (P,), allowed (S,): who may reproduce (nobody: all may).

    Shares are rounded down; what is left goes to the largest fractions, of equals to the oldest. If all shares are 0, they
    count as equal.
    """
    members = np.bincount(species, minlength=len(allowed))
    share = np.bincount(species, fitness, minlength=len(allowed)) / members
    if allowed.any():
        share = np.where(allowed, share, 0.0)
    total = share.sum()
    if total <= 0.0:
        share = allowed.astype(float) if allowed.any() else np.ones(len(allowed))
        total = share.sum()
    quota = share / total * size
    counts = np.floor(quota).astype(np.int64)
    left = size - int(counts.sum())
    if left:
        counts[np.argsort(counts - quota, kind="stable")[:left]] += 1
    return counts


class Ranking(NamedTuple):
    """The members of each species, the fittest first: order[at[s] : at[s + 1]]; the first parents[s] of them may be parents."""

    order: np.ndarray
    at: np.ndarray
    parents: np.ndarray


RANKING = types.NamedUniTuple(_INT64, 3, Ranking)


def ranking(fitness: np.ndarray, species: Species, survival: float) -> Ranking:
    """Of a species of n networks the best floor(survival n) + 1 may be parents (of equals the first in the population), and
    nobody without a finite fitness while another of it has one."""
    order, sizes = np.lexsort((-fitness, species.of)), species.sizes
    able = np.bincount(species.of[np.isfinite(fitness)], minlength=len(sizes))
    able = np.where(able > 0, able, sizes)
    chosen = np.floor(survival * sizes + 1e-9).astype(np.int64) + 1
    return Ranking(order, offsets(sizes), np.minimum(chosen, able))
