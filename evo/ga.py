"""Genetic algorithm on real vectors (Holland 1975; for networks: Montana and Davis, IJCAI 1989).

A generation: rank the population by fitness; keep the elites; choose two parents for every other place (selection);
join them gene by gene (crossover); add Gaussian noise to some genes (mutation). Elites are scored again with everyone
else. Whoever has no finite fitness is neither elite nor parent, unless nobody has one. Every random number is a
function of (seed, generation, place, gene).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit

from evo import parameters, rng, threads
from evo.core import Evaluation, Model, Row, State, Task
from evo.parameters import Reals
from evo.settings import setting, settings

CROSSOVERS = {"uniform": 0, "one-point": 1, "blx-alpha": 2}
SELECTIONS = ("tournament", "truncation", "rank")


@settings
class GASettings:
    population_size: int = setting(200, "individuals a generation, elites included", low=2)
    elites: int = setting(2, "best individuals copied unchanged, and scored again", low=0)
    selection: str = setting("truncation", "how parents are chosen", choices=SELECTIONS)
    tournament_size: int = setting(3, "contestants of a tournament", low=1, source="Goldberg and Deb 1991")
    truncation: float = setting(0.08, "share of the population that may be parents", above=0.0, high=1.0)
    selection_pressure: float = setting(
        1.5, "children expected of the best under rank selection", low=1.0, high=2.0, source="Baker 1985"
    )
    crossover: str = setting("blx-alpha", "how two parents are joined", choices=CROSSOVERS)
    crossover_rate: float = setting(1.0, "share of children with two parents", low=0.0, high=1.0)
    blx_alpha: float = setting(
        0.5, "how far past its parents a gene may lie, in their distance", low=0.0, source="Eshelman and Schaffer 1993"
    )
    mutation_rate: float = setting(0.1, "probability that a gene mutates", low=0.0, high=1.0)
    mutation_std: float = setting(0.1, "standard deviation of a gene's mutation", low=0.0)
    initial_scale: float = setting(2.5, "spread of the first population, in that of the network's own initialiser", above=0.0)

    def contradictions(self) -> list[str]:
        if self.elites >= self.population_size:
            return [f"elites: expected fewer than population_size {self.population_size}; got {self.elites}"]
        return []


class GA:
    """ask / tell. `encoding` is a number of dimensions D, or Parameters: what the vectors (P, D) stand for.

        ga = GA(10, population_size=50, seed=1)
        for _ in range(100):
            population = ga.ask()                     # (P, D) float32
            ga.tell(-(population**2).sum(axis=1))     # fitness (P,), maximised
        ga.best, ga.best_fitness

    best (D,) and best_fitness: of the generation last told. Raises SettingsError for settings, ValueError or TypeError
    for a fitness that is not (P,) numbers.
    """

    settings = GASettings
    repeats = 1
    fits = staticmethod(parameters.fits)

    def __init__(self, encoding: Reals | int, *, seed: int = 0, **values: Any):
        self.encoding = Reals(encoding) if isinstance(encoding, int) else encoding
        self.options, self.seed = GASettings(**values), seed
        self.generation = 0
        self.population: np.ndarray | None = None
        self.fitness: np.ndarray | None = None
        self.parents = np.zeros((0, 2), np.int64)

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Any) -> GA:
        return cls(parameters.encoding(task), seed=seed, **values)

    def ask(self) -> np.ndarray:
        """The next population (P, D) float32; the same one until it is told."""
        if self.population is None:
            size, scale = self.options.population_size, self.options.initial_scale
            self.population = self.encoding.initial(self.seed, 0, size, scale)
            self.parents = np.full((size, 2), -1)
        elif self.fitness is not None:
            self.population, self.fitness = self._bred(), None
        return self.population

    def tell(self, evaluation: Any) -> None:
        """The fitness of the population last asked for. Raises RuntimeError if there is none."""
        if self.population is None or self.fitness is not None:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        self.fitness = Evaluation.of(evaluation, len(self.population)).fitness
        self.generation += 1

    @property
    def best(self) -> np.ndarray:
        return self.population[int(np.argmax(self._told()))].copy()

    @property
    def best_fitness(self) -> float:
        return float(self._told().max())

    def express(self, population: np.ndarray) -> Any:
        return self.encoding.express(population)

    def model(self, genome: np.ndarray) -> Model:
        return self.encoding.model(genome)

    def lineage(self, index: int) -> dict[str, Any]:
        """Ids are generation * P + place; a first individual has no parents."""
        size = self.options.population_size
        born = self.generation - 1
        parents = [int(p) + (born - 1) * size for p in np.unique(self.parents[index]) if p >= 0]
        return {"id": born * size + index, "parents": parents}

    def row(self) -> Row:
        return {}

    def state_dict(self) -> State:
        arrays = {"population": self.population, "fitness": self.fitness, "parents": self.parents}
        return {"generation": self.generation, **{k: None if v is None else torch.from_numpy(v) for k, v in arrays.items()}}

    def load_state_dict(self, state: State) -> None:
        self.generation = state["generation"]
        for name in ("population", "fitness", "parents"):
            setattr(self, name, None if state[name] is None else state[name].numpy().copy())

    def _told(self) -> np.ndarray:
        if self.fitness is None:
            raise RuntimeError("best is known after tell()")
        return self.fitness

    def _bred(self) -> np.ndarray:
        options, size = self.options, self.options.population_size
        able = int(np.isfinite(self.fitness).sum()) or size
        order = np.argsort(-self.fitness, kind="stable")[:able]
        elites = min(options.elites, able)
        self.parents = self._selected(order)
        self.parents[:elites] = order[:elites, None]
        child = np.empty_like(self.population)
        numbers = (
            CROSSOVERS[options.crossover],
            _threshold(options.crossover_rate),
            options.blx_alpha,
            _threshold(options.mutation_rate),
            options.mutation_std,
            self.generation,
            rng.signed(self.seed),
        )
        threads.each(lambda a, b: _breed(child, self.population, self.parents, a, b, elites, *numbers), size)
        return child

    def _selected(self, order: np.ndarray) -> np.ndarray:
        """Two parents (P, 2) for every place, from `order`: those that may be parents, the best first."""
        options, g, size, able = self.options, self.generation, self.options.population_size, len(order)
        if options.selection == "tournament":
            draws = rng.words(self.seed, g, 0, rng.SELECTION, 2 * size * options.tournament_size)
            contestants = order[(draws * able) >> 32].reshape(size, 2, -1)
            winners = self.fitness[contestants].argmax(-1)  # of equals the first drawn
            return np.take_along_axis(contestants, winners[..., None], -1)[..., 0]
        draws = rng.uniforms(self.seed, g, 0, rng.SELECTION, 2 * size)
        if options.selection == "truncation":
            best = min(able, max(1, round(options.truncation * size)))
            return order[(draws * best).astype(np.int64)].reshape(size, 2)
        # Linear ranking: rank r of P expects s - 2 (s - 1) r / (P - 1) children.
        expected = options.selection_pressure - 2 * (options.selection_pressure - 1) * np.arange(able) / max(1, able - 1)
        wheel = np.cumsum(expected) / able
        return order[np.minimum(np.searchsorted(wheel, draws), able - 1)].reshape(size, 2)


def _threshold(probability: float) -> int:
    """A 32-bit word below it comes with this probability."""
    return round(probability * 2**32)


@njit(cache=True, nogil=True)
def _uniform(out, a, b, i, generation, seed):
    """Each gene from either parent with equal probability (Syswerda 1989): one random bit a gene."""
    for block in range((out.size + 127) // 128):
        four = rng.philox(1 + block, i, generation, rng.CROSSOVER, seed)
        for k in range(4):
            word, base = four[k], 128 * block + 32 * k
            for bit in range(min(32, out.size - base)):
                out[base + bit] = a[base + bit] if (word >> bit) & 1 else b[base + bit]


@njit(cache=True, nogil=True)
def _blend(out, a, b, alpha, i, generation, seed):
    """BLX-alpha: uniform on the interval between the parents, widened by alpha times its length on both sides."""
    for block in range((out.size + 3) // 4):
        four = rng.philox(1 + block, i, generation, rng.CROSSOVER, seed)
        for k in range(min(4, out.size - 4 * block)):
            g = 4 * block + k
            low, high = min(a[g], b[g]), max(a[g], b[g])
            reach = alpha * (high - low)
            out[g] = low - reach + (high - low + 2 * reach) * rng.uniform(four[k])


@njit(cache=True, nogil=True)
def _mutate(out, below, std, i, generation, seed):
    """Each gene with probability below / 2^32 gets N(0, std^2) added."""
    if below == 0 or std == 0.0:
        return
    for block in range((out.size + 3) // 4):
        hit = rng.philox(block, i, generation, rng.MUTATION, seed)
        if min(min(hit[0], hit[1]), min(hit[2], hit[3])) >= below:
            continue
        noise = rng.four_normals(block, i, generation, rng.NOISE, seed)
        for k in range(min(4, out.size - 4 * block)):
            if hit[k] < below:
                out[4 * block + k] += std * noise[k]


# child, parent, pairs; start, stop, elites, crossover, crossover_below; alpha; mutation_below; std; generation, seed
_TYPES = "void(float32[:, ::1], float32[:, ::1], int64[:, ::1], " + 5 * "int64, " + "float64, int64, float64, int64, int64)"


@njit(_TYPES, cache=True, nogil=True)
def _breed(child, parent, pairs, start, stop, elites, crossover, crossover_below, alpha, mutation_below, std, generation, seed):
    """Writes places start .. stop of the next generation, and in `pairs` that a child without crossover has one parent."""
    for i in range(start, stop):
        a, b = parent[pairs[i, 0]], parent[pairs[i, 1]]
        out = child[i]
        if i < elites:
            out[:] = a
            continue
        coin, cut, _, _ = rng.philox(0, i, generation, rng.CROSSOVER, seed)
        if coin >= crossover_below:
            pairs[i, 1] = pairs[i, 0]
            out[:] = a
        elif crossover == 0:
            _uniform(out, a, b, i, generation, seed)
        elif crossover == 1:
            point = 1 + ((cut * max(1, out.size - 1)) >> 32)
            out[:point] = a[:point]
            out[point:] = b[point:]
        else:
            _blend(out, a, b, alpha, i, generation, seed)
        _mutate(out, mutation_below, std, i, generation, seed)
