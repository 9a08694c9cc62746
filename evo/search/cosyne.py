"""CoSyNE: cooperative synapse neuroevolution (Gomez, Schmidhuber, Miikkulainen: Accelerated neural evolution through
cooperatively coevolved synapses, JMLR 9, 2008, Algorithm 2).

Every gene has a subpopulation, a column of the population; a row is a network. A generation: rank the networks; the best
quarter are parents of offspring (crossover and mutation) that replace the worst; then, column by column, genes are marked with
probability 1 - ((f - f_min) / (f_max - f_min))^(1 / D), f the fitness of their network (equation 2), and the marked ones change
places among themselves. So the fittest network stays whole, and others lend their genes to one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.core import Evaluation, Model
from evo.search.base import VectorAlgorithm, read_only
from evo.settings import Value, setting, settings
from evo.space import Choice, Log, Real
from evo.vectors.encoding import Searched
from evo.vectors.points import VECTORS


@settings
class CoSyNESettings:
    population_size: int = setting(
        100, "networks a generation", low=4, source="Gomez et al. 2008: 20 to 200", search=Choice(20, 40, 100, 200)
    )
    parents: float = setting(
        0.25,
        "share of the population that are parents",
        above=0.0,
        high=1.0,
        source="Gomez et al. 2008",
        search=Choice(0.1, 0.25, 0.5),
    )
    offspring: float = setting(
        0.25, "share of the population that offspring replace", above=0.0, below=1.0, search=Choice(0.1, 0.25, 0.5, 0.75)
    )
    mutation_rate: float = setting(0.2, "probability that a gene mutates", low=0.0, high=1.0, search=Real(0.02, 0.6))
    mutation_scale: float = setting(
        0.3, "scale of a gene's mutation, a Cauchy number", above=0.0, source="Gomez et al. 2008: .3", search=Log(0.03, 1.0)
    )
    initial_scale: float = setting(
        1.0, "initial weight std, relative to the module's initialiser", above=0.0, search=Log(0.3, 10.0)
    )


class CoSyNE(VectorAlgorithm):
    """ask / tell. `encoding` as in GA. Raises as `GA`."""

    settings = CoSyNESettings
    arrays = ("population", "fitness")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.fitness: np.ndarray | None = None

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        parents = self.start_from(model, frozen)[None]
        population = np.repeat(parents, self.options.population_size, axis=0)
        self._breed(population, np.arange(1, len(population)), np.zeros(1, np.int64), generation=-1)
        self._population = self.screened(population)

    def ask(self) -> np.ndarray:
        """The next population (P, D); the same one until it is told."""
        size = self.options.population_size
        if self._population is None:
            self._population = self.screened(self.encoding.initial(self.seed, 0, size, self.options.initial_scale))
        elif self.fitness is not None:
            self._population, self.fitness = self.screened(self._next(self._population, self.fitness)), None
        return read_only(self._population)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of the population last asked for. Raises RuntimeError if there is none."""
        if self._population is None or self.fitness is not None:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        self.fitness = self.told(evaluation, self._population)
        self.generation += 1

    def _next(self, population: np.ndarray, fitness: np.ndarray) -> np.ndarray:
        size, options = len(population), self.options
        finite = np.isfinite(fitness)
        low, high = (fitness[finite].min(), fitness[finite].max()) if finite.any() else (0.0, 0.0)
        share = np.where(finite, (np.where(finite, fitness, low) - low) / (high - low or 1.0), 0.0)
        order = np.argsort(-fitness, kind="stable")
        parents = order[: min(max(1, round(options.parents * size)), int(finite.sum()) or size)]
        worst = order[size - min(size - 1, max(1, round(options.offspring * size))) :]
        next_ = population.copy()
        self._breed(next_, worst, parents, self.generation)
        share[worst] = 0.0  # of offspring nothing is known: their genes change places as those of the worst
        marked = 1 - share ** (1 / next_.shape[1])
        part = lambda a, b: _permute(next_, marked, a, b, self.generation, rng.signed(self.seed))
        threads.each(part, next_.shape[1], grain=8)
        return next_

    def _breed(self, population: np.ndarray, places: np.ndarray, parents: np.ndarray, generation: int) -> None:
        """Writes offspring of `parents` into `places`, which hold none of them but where a copy is known."""
        pool = population[parents]
        numbers = (self.options.mutation_rate, self.options.mutation_scale, generation, rng.signed(self.seed))
        part = lambda a, b: _offspring(population, places, pool, a, b, *numbers)
        threads.each(part, len(places))


_INT, _REAL = types.int64, types.float64


@njit(
    [types.void(kind, _INT[::1], kind, _INT, _INT, _REAL, _REAL, _INT, _INT) for kind in VECTORS],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _offspring(population, places, pool, start, stop, rate, scale, generation, seed):
    """Places start .. stop: each gene of either parent with equal chance, and mutated with probability `rate`."""
    for k in range(start, stop):
        i = places[k]
        out = population[i]
        mother, father, _, _ = rng.philox(0, i, generation, rng.SELECTION, seed)
        one, other = pool[(mother * len(pool)) >> 32], pool[(father * len(pool)) >> 32]
        for g in range(out.size):
            coin, chance, size, _ = rng.philox(1 + g, i, generation, rng.CROSSOVER, seed)
            gene = one[g] if coin & 1 else other[g]
            if rng.uniform(chance) < rate:
                gene += scale * math.tan(math.pi * (rng.uniform(size) - 0.5))
            out[g] = gene


@njit([types.void(kind, _REAL[::1], _INT, _INT, _INT, _INT) for kind in VECTORS], cache=True, nogil=True, error_model="numpy")
def _permute(population, marked, start, stop, generation, seed):
    """Genes start .. stop: those of networks i that are marked, with probability marked[i], are shuffled (Fisher and Yates)."""
    size = len(population)
    places = np.empty(size, np.int64)
    for g in range(start, stop):
        count = 0
        for i in range(size):
            if rng.uniform(rng.philox(i, g, generation, rng.MASKING, seed)[0]) < marked[i]:
                places[count] = i
                count += 1
        for k in range(count - 1, 0, -1):
            other = (rng.philox(k, g, generation, rng.MUTATION, seed)[0] * (k + 1)) >> 32
            one, two = places[k], places[other]
            population[one, g], population[two, g] = population[two, g], population[one, g]
