"""Number of offspring per species and selection of parents (neat-python 2.0, stagnation.py and reproduction.py).

rank        the members of each species, fittest first; non-finite fitness ranks last
surviving   stagnant species are removed, except the fittest ones
shares      adjusted fitness of a species: the mean of its members, relative to the range of fitness
spawn       a species' size moves half of the way to its share of the population
parents     elites are copied; other offspring have two parents among the best of their species
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evo import rng
from evo.genomes.genome import offsets
from evo.neat_modern.settings import ModernSettings
from evo.neat_modern.speciation import Species

LARGEST = 1e300  # clips fitness, so that sums do not overflow


class Ranking(NamedTuple):
    """The members of each of S species, fittest first, ties to the youngest: order[at[s] : at[s + 1]]. able (S,): how many may
    be parents: those with finite fitness, or all if none has. values (P,): fitness for sums; non-finite fitness is replaced
    by the lowest finite one."""

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
    """Fitness of each species (S,): max, min, mean, median (the upper of two middle values) or median2 (their mean) of its
    members. -inf if no member has a finite fitness."""
    sizes = species.sizes
    member = lambda index: ranks.values[ranks.order[ranks.at[:-1] + index]]
    found = {
        "max": lambda: member(0),
        "min": lambda: member(sizes - 1),
        "mean": lambda: _means(ranks.values, species),
        "median": lambda: member((sizes - 1) // 2),
        "median2": lambda: (member((sizes - 1) // 2) + member(sizes // 2)) / 2,
    }[how]()
    return np.where(np.isfinite(fitness[ranks.order[ranks.at[:-1]]]), found, -np.inf)


def surviving(fitness: np.ndarray, species: Species, generation: int, options: ModernSettings) -> np.ndarray:
    """Indices of the surviving species, least fit first; fitness (S,) is theirs. Empty: the population is extinct.

    A species without improvement for max_stagnation generations is removed, except the fittest species_elitism. A species
    without finite fitness is removed if another has one. If there are more species than the population can hold, at
    min_species_size or elitism each, the fittest survive.
    """
    order, finite = np.argsort(fitness, kind="stable"), np.isfinite(fitness)
    alive = generation - species.improved[order] < options.max_stagnation
    alive[max(0, len(order) - options.species_elitism) :] = True
    kept = order[alive & (finite[order] | ~finite.any())]
    return kept[-(options.population_size // options.smallest) :]


def shares(values: np.ndarray, species: Species, kept: np.ndarray) -> np.ndarray:
    """Adjusted fitness: the mean fitness of the species `kept`, minus the lowest fitness of all their members, divided by the
    range of fitness if that is above 1."""
    theirs = values[np.isin(species.of, kept)]
    least, highest = theirs.min(), theirs.max()
    return (_means(values, species)[kept] - least) / max(1.0, highest - least)


def spawn(share: np.ndarray, sizes: np.ndarray, population: int, least: int) -> np.ndarray:
    """Sizes of the species in the next generation, `population` in total, at least `least` each. Each size moves half of the
    way to its share; then all are scaled and rounded. A deficit is given one by one to the smallest species, an excess
    taken one by one from the largest."""
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
    """Two parents (P, 2) of each genome of the next generation, as indices, the fitter first. Elites, with -1 as second, come
    first, in the order of their indices, so that of two genomes the lower index is the older.

    counts: sizes of the species `kept`. Of a species of n, the best ceil(survival_threshold n), at least two, are parents,
    each with equal probability; both parents may be the same genome.
    """
    elites = np.zeros(len(species.id), np.int64)
    elites[kept] = np.minimum(np.minimum(options.elitism, ranks.able[kept]), counts)
    order, at = ranks.order, ranks.at
    best = np.arange(len(order)) - at[species.of[order]] < elites[species.of[order]]
    elite = np.sort(order[best])
    able = np.minimum(ranks.able, np.maximum(2, np.ceil(options.survival_threshold * np.diff(at))).astype(np.int64))
    species_of = np.repeat(kept, counts - elites[kept])
    words = rng.words(seed, generation, 0, rng.SELECTION, 2 * len(species_of)).reshape(-1, 2)
    pairs = order[at[species_of, None] + ((words * able[species_of, None]) >> 32)]
    pairs = np.where(fitness[pairs[:, :1]] > fitness[pairs[:, 1:]], pairs, pairs[:, ::-1])
    return np.concatenate([np.column_stack([elite, np.full(len(elite), -1)]), pairs])


def _means(values: np.ndarray, species: Species) -> np.ndarray:
    return np.bincount(species.of, values, minlength=len(species.id)) / species.sizes
