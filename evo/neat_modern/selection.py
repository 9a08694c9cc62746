"""Who has how many offspring, and by whom (neat-python 2.0, stagnation.py and reproduction.py).

rank        the members of each species, the fittest first; what is not finite ranks last
surviving   species that have not improved for long die out, but for the fittest ones
shares      fitness of a species: the mean of its members, from 0, the least of all, to at most 1
spawn       from its size a species goes half of the way to its share of the population
parents     the elite of each species is copied; offspring have two parents of its best
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evo import rng
from evo.genomes.genome import offsets
from evo.neat_modern.settings import ModernSettings
from evo.neat_modern.speciation import Species

LARGEST = 1e300  # so that no sum of fitness overflows


class Ranking(NamedTuple):
    """The members of each of S species, the fittest first, of equals the youngest: order[at[s] : at[s + 1]]; able (S,): of
    how many anything comes, which is all, or those with a finite fitness if there are such. values (P,): their fitness as it
    is summed; what is not finite counts as the least that is."""

    order: np.ndarray
    at: np.ndarray
    able: np.ndarray
    values: np.ndarray


def rank(fitness: np.ndarray, species: Species) -> Ranking:
    finite, sizes = np.isfinite(fitness), species.sizes
    order = np.lexsort((-np.arange(len(fitness)), -fitness, species.of))
    able = np.bincount(species.of[finite], minlength=len(sizes))
    least = fitness[finite].min() if finite.any() else 0.0
    values = np.clip(np.where(finite, fitness, least), -LARGEST, LARGEST)
    return Ranking(order, offsets(sizes), np.where(able > 0, able, sizes), values)


def species_fitness(fitness: np.ndarray, ranks: Ranking, species: Species, how: str) -> np.ndarray:
    """Of each species (S,), its members' max, min, mean, median (of two middle ones the upper) or median2 (their mean). -inf
    where none is finite."""
    sizes = species.sizes
    member = lambda place: ranks.values[ranks.order[ranks.at[:-1] + place]]
    found = {
        "max": lambda: member(0),
        "min": lambda: member(sizes - 1),
        "mean": lambda: _means(ranks.values, species),
        "median": lambda: member((sizes - 1) // 2),
        "median2": lambda: (member((sizes - 1) // 2) + member(sizes // 2)) / 2,
    }[how]()
    return np.where(np.isfinite(fitness[ranks.order[ranks.at[:-1]]]), found, -np.inf)


def surviving(fitness: np.ndarray, species: Species, generation: int, options: ModernSettings) -> np.ndarray:
    """The species that go on, as places, the least fit first; fitness (S,) is theirs. None: the population is extinct.

    One that has not improved for max_stagnation generations dies out, unless it is one of the fittest species_elitism. One
    without a finite fitness dies out where another has one. And of more species than have room in the population,
    min_species_size or elitism to each, the fittest go on.
    """
    order, finite = np.argsort(fitness, kind="stable"), np.isfinite(fitness)
    alive = generation - species.improved[order] < options.max_stagnation
    alive[max(0, len(order) - options.species_elitism) :] = True
    kept = order[alive & (finite[order] | ~finite.any())]
    return kept[-(options.population_size // options.smallest) :]


def shares(values: np.ndarray, species: Species, kept: np.ndarray) -> np.ndarray:
    """Mean fitness of the species `kept`, less the least of all their members and, where that is more than 1, divided by the
    distance from that to the highest."""
    theirs = values[np.isin(species.of, kept)]
    least, highest = theirs.min(), theirs.max()
    return (_means(values, species)[kept] - least) / max(1.0, highest - least)


def spawn(share: np.ndarray, sizes: np.ndarray, population: int, least: int) -> np.ndarray:
    """How many members species of these shares and sizes get in the next generation: `population` in all, each `least` at
    least. Each goes half of the way from its size to its share; then all are scaled, and rounded; where that gives too few the
    smallest get one more in turn, where too many the largest one less."""
    total = share.sum()
    wanted = np.maximum(least, share / total * population) if total > 0 else np.full(len(share), float(least))
    half = (wanted - sizes) * 0.5
    steps = np.where(np.rint(half) == 0, np.sign(half), np.rint(half))
    counts = sizes + steps.astype(np.int64)
    counts = np.maximum(least, np.rint(counts * (population / counts.sum())).astype(np.int64))
    short = population - int(counts.sum())
    order = np.argsort(counts if short > 0 else -counts, kind="stable")
    while short:
        for s in order[: abs(short)] if short > 0 else order[counts[order] > least][: abs(short)]:
            counts[s] += np.sign(short)
            short -= np.sign(short)
    return counts


def parents(
    fitness: np.ndarray,
    ranks: Ranking,
    species: Species,
    kept: np.ndarray,
    counts: np.ndarray,
    options: ModernSettings,
    generation: int,
    seed: int,
) -> np.ndarray:
    """Two parents (P, 2) of each of the next generation, as places, the fitter first; the elite, with -1 as second, stands
    first, in the order of its places, so that the place tells of two genomes the older.

    counts: members that the species `kept` get. Of a species of n the best ceil(survival_threshold n), and at least two, are
    parents, each with equal chance; both may be one and the same.
    """
    elites = np.zeros(len(species.id), np.int64)
    elites[kept] = np.minimum(np.minimum(options.elitism, ranks.able[kept]), counts)
    order, at = ranks.order, ranks.at
    best = np.arange(len(order)) - at[species.of[order]] < elites[species.of[order]]
    elite = np.sort(order[best])
    able = np.minimum(ranks.able, np.maximum(2, np.ceil(options.survival_threshold * np.diff(at))).astype(np.int64))
    whose = np.repeat(kept, counts - elites[kept])
    words = rng.words(seed, generation, 0, rng.SELECTION, 2 * len(whose)).reshape(-1, 2)
    pairs = order[at[whose, None] + ((words * able[whose, None]) >> 32)]
    pairs = np.where(fitness[pairs[:, :1]] > fitness[pairs[:, 1:]], pairs, pairs[:, ::-1])
    return np.concatenate([np.column_stack([elite, np.full(len(elite), -1)]), pairs])


def _means(values: np.ndarray, species: Species) -> np.ndarray:
    return np.bincount(species.of, values, minlength=len(species.id)) / species.sizes
