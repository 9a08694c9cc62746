"""Genetic algorithm on real vectors (Holland 1975; for networks: Montana and Davis, IJCAI 1989).

A generation: rank the population by fitness; keep the elites; choose two parents for every other place (selection);
join them gene by gene (crossover); change some genes (mutation). Elites are scored again with everyone else. Whoever
has no finite fitness is neither elite nor parent, unless nobody has one. `evo.search.variation` holds crossover and mutation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from evo import rng
from evo.core import Evaluation, Lineage, Model, Phenotypes, Task
from evo.search import variation
from evo.search.base import VectorAlgorithm, read_only
from evo.search.safe_mutations import SAFE, experienced, inputs_setting, safe_mutation, with_construction
from evo.settings import Value, setting, settings
from evo.space import Choice, Log, Real
from evo.vectors.encoding import Searched, encoding_for

SELECTIONS = ("tournament", "truncation", "rank")


@settings
class GASettings:
    population_size: int = setting(200, "individuals a generation, elites included", low=2, search=Choice(50, 100, 200, 400))
    elites: int = setting(
        2, "best individuals copied unchanged, and scored again", low=0, below="population_size", search=Choice(1, 2, 5, 10)
    )
    selection: str = setting("truncation", "how parents are chosen", choices=SELECTIONS, search=Choice(*SELECTIONS))
    tournament_size: int = setting(
        3, "contestants of a tournament", low=1, source="Goldberg and Deb 1991", search=Choice(2, 3, 5, 8)
    )
    truncation: float = setting(0.08, "share of the population that may be parents", above=0.0, high=1.0, search=Log(0.05, 0.5))
    selection_pressure: float = setting(
        1.5, "children expected of the best under rank selection", low=1.0, high=2.0, source="Baker 1985"
    )
    crossover: str = setting(
        "blx-alpha",
        "how two parents are joined",
        choices=variation.CROSSOVERS,
        search=Choice("uniform", "one-point", "blx-alpha"),
    )
    crossover_rate: float = setting(1.0, "share of children with two parents", low=0.0, high=1.0, search=Real(0.0, 1.0))
    blx_alpha: float = setting(
        0.5, "how far past its parents a gene may lie, in their distance", low=0.0, source="Eshelman and Schaffer 1993"
    )
    sbx_eta: float = setting(2.0, "how close to their parents SBX puts genes", low=0.0, source="Deb and Agrawal 1995: 2 to 5")
    mutation: str = setting(
        "gaussian",
        "how a gene changes; sm-g-sum and sm-r, on tasks of examples, spare what the outputs depend on (Lehman et al. 2018)",
        choices=(*variation.MUTATIONS, *SAFE),
    )
    mutation_inputs: int = inputs_setting()
    mutation_rate: float = setting(0.1, "probability that a gene mutates", low=0.0, high=1.0, search=Log(0.01, 1.0))
    mutation_std: float = setting(
        0.1,
        "standard deviation of a gene's mutation; the first step size of a self-adaptive one; the change of outputs of sm-r",
        low=0.0,
        search=Log(0.01, 1.0),
    )
    mutation_eta: float = setting(20.0, "how small polynomial mutations are", low=0.0, source="Deb and Goyal 1996")
    mutation_reach: float = setting(1.0, "largest polynomial mutation, as a weight has no bounds to measure it by", low=0.0)
    initial_scale: float = setting(
        2.5, "initial weight std, relative to the module's initialiser", above=0.0, search=Log(0.3, 3.0)
    )


class GA(VectorAlgorithm):
    """ask / tell. `encoding` is a number of dimensions D, or Parameters: what the vectors (P, D) stand for.

        ga = GA(10, population_size=50, seed=1)
        for _ in range(100):
            population = ga.ask()                     # (P, D) float64
            ga.tell(-(population**2).sum(axis=1))     # fitness (P,), maximised
        ga.best, ga.best_fitness

    inputs (N, I): of which safe mutations draw some. best (D,) and best_fitness: of the fittest told so far. Raises
    SettingsError for settings, ValueError or TypeError for a fitness that is not (P,) numbers, TypeError for a seed that is no
    whole number, ValueError for a safe mutation without inputs or a network.
    """

    settings = GASettings
    arrays: tuple[str, ...] = ("population", "fitness", "parents")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, inputs: Tensor | None = None, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.safe = safe_mutation(self.options, self.encoding, inputs, self.seed)
        self.fitness: np.ndarray | None = None
        self.parents = np.zeros((0, 2), np.int64)
        self.steps: np.ndarray | None = None  # step sizes (P,); they are state where they adapt
        if self.options.mutation == "self-adaptive":
            self.arrays = (*self.arrays, "steps")

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> GA:
        return cls(encoding_for(task), seed=seed, inputs=experienced(task), **values)

    def express(self, population: np.ndarray) -> Phenotypes | np.ndarray:
        return with_construction(super().express(population), self.safe)

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        size = self.options.population_size
        self._population = self._children(self.start_from(model, frozen)[None], np.zeros((size, 2), np.int64), elites=1)
        self.parents = np.full((size, 2), -1)

    def ask(self) -> np.ndarray:
        """The next population (P, D); the same one until it is told."""
        if self._population is None:
            size, scale = self.options.population_size, self.options.initial_scale
            self._population = self.screened(self.encoding.initial(self.seed, 0, size, scale))
            self.parents = np.full((size, 2), -1)
        elif self.fitness is not None:
            self._population, self.fitness = self._bred(self._population, self.fitness), None
        return read_only(self._population)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of the population last asked for. Raises RuntimeError if there is none."""
        if self._population is None or self.fitness is not None:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        self.fitness = self.told(evaluation, self._population)
        self.generation += 1

    def _ancestry(self, index: int) -> Lineage:
        """Ids are generation * P + place; a first individual has no parents."""
        size = self.options.population_size
        born = self.generation - 1
        parents = [int(p) + (born - 1) * size for p in np.unique(self.parents[index]) if p >= 0]
        return {"id": born * size + index, "parents": parents}

    def _bred(self, population: np.ndarray, fitness: np.ndarray) -> np.ndarray:
        options, size = self.options, self.options.population_size
        able = int(np.isfinite(fitness).sum()) or size
        order = np.argsort(-fitness, kind="stable")[:able]
        elites = min(options.elites, able)
        self.parents = self._selected(order, fitness)
        self.parents[:elites] = order[:elites, None]
        return self._children(population, self.parents, elites)

    def _children(self, parents: np.ndarray, pairs: np.ndarray, elites: int) -> np.ndarray:
        drawn = dict(generation=self.generation, seed=self.seed)
        child, self.steps = variation.children(parents, pairs, self.options, elites=elites, steps=self.steps, **drawn)
        if self.safe is not None:
            noise = variation.noise(child, self.options, elites=elites, **drawn)
            child = self.safe.mutated(child, np.arange(len(child)), noise, self.generation)
        return self.screened(child)

    def _selected(self, order: np.ndarray, fitness: np.ndarray) -> np.ndarray:
        """Two parents (P, 2) for every place, from `order`: those that may be parents, the best first."""
        options, g, size, able = self.options, self.generation, self.options.population_size, len(order)
        if options.selection == "tournament":
            draws = rng.words(self.seed, g, 0, rng.SELECTION, 2 * size * options.tournament_size)
            contestants = order[(draws * able) >> 32].reshape(size, 2, -1)
            winners = fitness[contestants].argmax(-1)  # of equals the first drawn
            return np.take_along_axis(contestants, winners[..., None], -1)[..., 0]
        draws = rng.uniforms(self.seed, g, 0, rng.SELECTION, 2 * size)
        if options.selection == "truncation":
            best = min(able, max(1, round(options.truncation * size)))
            return order[(draws * best).astype(np.int64)].reshape(size, 2)
        # Linear ranking: rank r of P expects s - 2 (s - 1) r / (P - 1) children.
        expected = options.selection_pressure - 2 * (options.selection_pressure - 1) * np.arange(able) / max(1, able - 1)
        wheel = np.cumsum(expected) / able
        return order[np.minimum(np.searchsorted(wheel, draws), able - 1)].reshape(size, 2)
