"""NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002): how well a network does against how many weights it needs.

A fast and elitist multiobjective genetic algorithm: NSGA-II. IEEE Transactions on Evolutionary Computation 6, 2002.
A genome is D weights and a mask of D bits; the network runs with weights * mask. Two objectives: the task's fitness,
maximised, and the number of parameters that are not zero, minimised. A generation, as in section III:

    fronts and crowding of parents and children together; the best half survives
    parents by binary tournament: the lower front, then the less crowded
    children by crossover and mutation: of the weights as in `evo.search.variation`, of the masks bit by bit

Two changes, without which the first small networks, which beat any untrained large one, take over for good. Of
networks alike in all objectives one survives. And connections decide on a share of survivors and parents only, fitness
alone on the others: Clune, Mouret and Lipson (The evolutionary origins of modularity, 2013) let them count in a quarter
of all comparisons. `evo.search.fronts` sorts.

In a Space there are no masks and no weights to count: a population is (P, D), and the objectives are the task's
(`Evaluation.objectives`, all maximised), by front and crowding alone, as published.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.core import Evaluation, Lineage, Model, Phenotypes, Row, Task
from evo.search import variation
from evo.search.base import VectorAlgorithm, read_only
from evo.search.fronts import standing, survivors
from evo.settings import Value, setting, settings
from evo.space import Choice, Log, Real
from evo.vectors.encoding import Searched, encoding_for
from evo.vectors.points import VECTORS, Box


@settings
class NSGA2Settings:
    population_size: int = setting(
        100, "parents, and children, a generation", low=2, source="Deb et al. 2002", search=Choice(50, 100, 200, 400)
    )
    crossover: str = setting(
        "blx-alpha",
        "how the weights of two parents are joined",
        choices=variation.CROSSOVERS,
        search=Choice("uniform", "one-point", "blx-alpha"),
    )
    crossover_rate: float = setting(
        0.9, "share of children with two parents", low=0.0, high=1.0, source="Deb et al. 2002", search=Real(0.0, 1.0)
    )
    blx_alpha: float = setting(
        0.5, "how far past its parents a weight may lie, in their distance", low=0.0, source="Eshelman and Schaffer 1993"
    )
    sbx_eta: float = setting(2.0, "how close to their parents SBX puts weights", low=0.0, source="Deb and Agrawal 1995: 2 to 5")
    mutation: str = setting("gaussian", "how a weight changes", choices=("gaussian", "polynomial"))
    mutation_rate: float = setting(0.1, "probability that a weight mutates", low=0.0, high=1.0, search=Log(0.01, 1.0))
    mutation_std: float = setting(0.1, "standard deviation of a weight's mutation", low=0.0, search=Log(0.01, 1.0))
    mutation_eta: float = setting(20.0, "how small polynomial mutations are", low=0.0, source="Deb and Goyal 1996")
    mutation_reach: float = setting(1.0, "largest polynomial mutation, as a weight has no bounds to measure it by", low=0.0)
    connections_share: float = setting(
        0.25,
        "share of survivors and parents chosen by front and crowding, the others by fitness alone; 1: all, as published",
        low=0.0,
        high=1.0,
        source="Clune et al. 2013",
        search=Real(0.0, 1.0),
    )
    mask_mutation_rate: float | None = setting(
        None, "probability that a bit of the mask flips; none: one bit a child on average", low=0.0, high=1.0
    )
    initial_density: float = setting(
        1.0, "the first networks have a share of all weights drawn evenly from 0 to this", above=0.0, high=1.0
    )
    initial_scale: float = setting(
        2.5, "initial weight std, relative to the module's initialiser", above=0.0, search=Log(0.3, 3.0)
    )


class NSGA2(VectorAlgorithm):
    """ask / tell. A population is (P, 2 D): weights, then the mask as 0 and 1; or (P, D) in a Space. `encoding` as in GA.

    ask gives the children alone: their parents keep the fitness they had. On a task with episodes (noisy) that would
    favour old luck, so there parents come first and are scored again with their children, which costs as much again.
    population: after tell, the survivors, at most P: who has no finite fitness survives only if nobody has one. best: the
    fittest so far, whatever its connections. objectives (P, M): the task's, of the population; None where it has none.
    """

    settings = NSGA2Settings
    arrays = ("population", "fitness", "objectives", "family", "asked", "asked_family")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, noisy: bool = False, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.noisy, self.masked = noisy, not isinstance(self.encoding, Box)
        self.fitness: np.ndarray | None = None  # of the population
        self.objectives: np.ndarray | None = None
        self.family: np.ndarray | None = None  # of the population: an id and those of the parents, -1 for none
        self.asked: np.ndarray | None = None  # what ask gave and was not told yet
        self.asked_family = np.zeros((0, 3), np.int64)  # of what ask gave last

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> NSGA2:
        return cls(encoding_for(task), seed=seed, noisy=task.noisy, **values)

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of `Algorithm`; weights that are zero are masked, and a frozen weight keeps its mask."""
        vector = self.start_from(model, frozen)
        genome = (np.concatenate([vector, vector != 0]) if self.masked else vector)[None]
        self.asked = self._begin(self._children(genome, np.zeros((self.options.population_size, 2), np.int64), elites=1))

    @property
    def begun(self) -> bool:
        return self.asked is not None or self._population is not None

    def ask(self) -> np.ndarray:
        """The next children, in the first generation the first population; on a noisy task behind their parents."""
        if self.asked is None:
            self.asked = self._begin(self._first()) if self._population is None else self._bred()
        return read_only(self.asked)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of what ask gave last; parents and children become the next parents. Raises RuntimeError if it
        was told already."""
        if self.asked is None:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        fitness = self.told(evaluation, self.asked)
        objectives = evaluation.objectives if isinstance(evaluation, Evaluation) else None
        everyone, family = self.asked, self.asked_family
        if self._population is not None and not self.noisy:
            population, fitness_before, family_before = self._survivors()
            everyone = np.concatenate([population, everyone])
            family = np.concatenate([family_before, family])
            fitness = np.concatenate([fitness_before, fitness])
            if objectives is not None and self.objectives is not None:
                objectives = np.concatenate([self.objectives, objectives])
        best, *costs = self._compared(everyone, fitness, objectives)
        share = self.options.connections_share if self.masked else 1.0
        chosen = survivors(best, *costs, size=self.options.population_size, share=share)
        self._population, self.family, self.fitness = everyone[chosen], family[chosen], fitness[chosen]
        self.objectives = None if objectives is None else objectives[chosen]
        self.asked = None
        self.generation += 1

    def pareto(self) -> tuple[np.ndarray, np.ndarray]:
        """The points (n, D) of the population that no other beats in all objectives, and their objectives (n, M), by the first.
        Raises RuntimeError before tell, or where the task gave none."""
        if self._population is None or self.objectives is None:
            raise RuntimeError("pareto() is known after tell() of an Evaluation that has objectives")
        objectives = self.objectives
        rank, _ = standing(objectives[:, 0], *-objectives[:, 1:].T)
        places = np.flatnonzero(rank == 0)
        places = places[np.argsort(objectives[places, 0], kind="stable")]
        return self._population[places], objectives[places]

    def front(self) -> list[dict[str, float]] | None:
        """The points of the population that no other beats in both: fitness and connections, the fewest first; None in a Space,
        which has no connections."""
        if not self.masked:
            return None
        if self._population is None:
            return []
        population, fitness, _ = self._survivors()
        connections = self._connections(population)
        points: list[dict[str, float]] = []
        for place in np.lexsort((-fitness, connections)):
            if not points or fitness[place] > points[-1]["fitness"]:
                points.append({"fitness": float(fitness[place]), "connections": int(connections[place])})
        return points

    def express(self, population: np.ndarray) -> Phenotypes | np.ndarray:
        return self.encoding.express(self._weights(population))

    def model(self, genome: np.ndarray) -> Model:
        return self.encoding.model(self._weights(genome[None])[0])

    def _ancestry(self, index: int) -> Lineage:
        """Of row `index` of what ask gave last. Ids count the births: generation * P + place."""
        own, *parents = (int(each) for each in self.asked_family[index])
        return {"id": own, "parents": sorted({each for each in parents if each >= 0})}

    def row(self) -> Row:
        """front: how many of the population are in the first front. connections_mean: of the population."""
        if self._population is None:
            return {}
        if not self.masked:
            return {} if self.objectives is None else {"front": len(self.pareto()[0])}
        return {"front": len(self.front() or ()), "connections_mean": float(self._connections(self._population).mean())}

    def _survivors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The population, its fitness and its family, as they are known together after `tell`."""
        if self._population is None or self.fitness is None or self.family is None:
            raise RuntimeError("survivors are known after tell()")
        return self._population, self.fitness, self.family

    def _compared(self, population: np.ndarray, fitness: np.ndarray, objectives: np.ndarray | None) -> list[np.ndarray]:
        """What is maximised, and what is minimised beside it, each (P,)."""
        if objectives is not None:
            able = np.isfinite(fitness)
            first, *others = np.where(able[:, None], objectives, -np.inf).T
            return [first, *(-other for other in others)]
        return [fitness, self._connections(population) if self.masked else np.zeros(len(fitness))]

    def _connections(self, population: np.ndarray) -> np.ndarray:
        return np.count_nonzero(self._weights(population), axis=1)

    def _weights(self, population: np.ndarray) -> np.ndarray:
        """What the networks run with (P, D): a masked weight is 0."""
        if not self.masked:
            return population
        weights, masks = np.split(population, 2, axis=1)
        return np.where(masks > 0, weights, 0)

    def _first(self) -> np.ndarray:
        options, size, genes = self.options, self.options.population_size, self.encoding.dimensions
        weights = self.encoding.initial(self.seed, 0, size, options.initial_scale)
        if not self.masked:
            return weights
        density = options.initial_density * rng.uniforms(self.seed, 0, size, rng.MASKING, size)
        bits = [rng.uniforms(self.seed, 0, place, rng.MASKING, genes) < density[place] for place in range(size)]
        return np.concatenate([weights, np.array(bits, weights.dtype)], axis=1)

    def _begin(self, population: np.ndarray) -> np.ndarray:
        """The first population as it is asked for; its family is noted."""
        ids = np.arange(len(population))
        self.asked_family = np.stack([ids, np.full_like(ids, -1), np.full_like(ids, -1)], axis=1)
        return self.screened(population)

    def _bred(self) -> np.ndarray:
        """The next children as they are asked for; their family is noted."""
        size = self.options.population_size
        population, fitness, family = self._survivors()
        pairs = self._pairs(population, fitness)
        children = self._children(population, pairs, elites=0)
        ids = self.generation * size + np.arange(size)
        self.asked_family = np.concatenate([ids[:, None], family[pairs, 0]], axis=1)
        if not self.noisy:
            return children
        self.asked_family = np.concatenate([family, self.asked_family])
        return np.concatenate([population, children])

    def _pairs(self, population: np.ndarray, fitness: np.ndarray) -> np.ndarray:
        """Two parents (P, 2) for every child, each the winner of two: by front, then crowding; or by fitness alone."""
        size, g = self.options.population_size, self.generation
        draws = rng.words(self.seed, g, 0, rng.SELECTION, 4 * size).reshape(2, size, 2)
        first, second = (draws * len(population)) >> 32
        rank, crowding = standing(*self._compared(population, fitness, self.objectives))
        better = (rank[second] < rank[first]) | ((rank[second] == rank[first]) & (crowding[second] > crowding[first]))
        fitter = fitness[second] > fitness[first]
        both = rng.uniforms(self.seed, g, 1, rng.SELECTION, 2 * size).reshape(size, 2) < self.options.connections_share
        return np.where(np.where(both | (not self.masked), better, fitter), second, first)

    def _children(self, parents: np.ndarray, pairs: np.ndarray, elites: int) -> np.ndarray:
        """Children (n, 2 D), or (n, D), of `pairs` (n, 2), places in `parents`; the first `elites` are copies."""
        genes, rate = self.encoding.dimensions, self.options.mask_mutation_rate
        numbered = dict(elites=elites, generation=self.generation, seed=self.seed)
        if not self.masked:
            return self.screened(variation.children(parents, pairs, self.options, steps=None, **numbered)[0])
        weights, masks = map(np.ascontiguousarray, np.split(parents, 2, axis=1))
        child, _ = variation.children(weights, pairs, self.options, steps=None, **numbered)
        mask = np.empty_like(child)
        numbers = (round((1 / genes if rate is None else rate) * 2**32), self.generation, rng.signed(self.seed))
        threads.each(lambda a, b: _breed_masks(mask, masks, pairs, a, b, elites, *numbers), len(pairs))
        return self.screened(np.concatenate([child, mask], axis=1))

    def _hold(self, vectors: np.ndarray, fixed: np.ndarray) -> None:
        """The masks of frozen weights too."""
        super()._hold(vectors, fixed)
        frozen = ~np.isnan(fixed)
        vectors[:, len(frozen) :][:, frozen] = fixed[frozen] != 0


@njit([types.void(kind, kind, types.int64[:, ::1], *6 * [types.int64]) for kind in VECTORS], cache=True, nogil=True)
def _breed_masks(child, parent, pairs, start, stop, elites, below, generation, seed):
    """Places start .. stop: each bit from either parent with equal chance, and flipped with probability below / 2^32."""
    for i in range(start, stop):
        a, b, out = parent[pairs[i, 0]], parent[pairs[i, 1]], child[i]
        if i < elites:
            out[:] = a
            continue
        for block in range((out.size + 1) // 2):
            four = rng.philox(block, i, generation, rng.MASKING, seed)
            for k in range(min(2, out.size - 2 * block)):
                g = 2 * block + k
                bit = a[g] if four[2 * k] & 1 else b[g]
                out[g] = 1.0 - bit if four[2 * k + 1] < below else bit
