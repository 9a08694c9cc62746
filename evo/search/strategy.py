"""What evolution strategies have in common: a distribution whose mean moves, and fitness that counts by rank alone.

A class brings `sampled`, the next population, and `update`, which moves the distribution by its fitness. What is evaluated is
what `update` reads: a gene that bounds or a warm start hold is held in the mean too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evo.core import Evaluation, Model, Networked, Points, State, Task
from evo.search.base import VectorAlgorithm, read_only
from evo.search.gaussian import drawn
from evo.settings import Value, setting
from evo.space import Log
from evo.vectors.encoding import Parameters, Searched
from evo.vectors.models import network_of

CHAMPIONS = ("centre", "sampled")


def champion_setting() -> Value:
    """The setting `champion`, of every strategy."""
    doc = "what is judged on validation: the centre of the distribution, or the fittest sampled; none: sampled for functions"
    return setting(None, doc, choices=CHAMPIONS)


def centre_setting() -> Value:
    """The setting `initial_scale`, of strategies that begin around a network as its module initialises it."""
    doc = "initial std of the centre, relative to the module's initialiser"
    return setting(1.0, doc, low=0.0, search=Log(0.1, 3.0))


def paired(population_size: int) -> list[str]:
    """What is wrong with a population of pairs, if it is odd."""
    odd = population_size % 2
    return [f"population_size: expected an even number, two to a direction; got {population_size}"] if odd else []


def _levels(fitness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the different values, the worst first, each fitness (P,) is, and how many there are of each. What is not finite
    is worst."""
    finite = np.where(np.isfinite(fitness), fitness, -np.inf)
    _, level, counts = np.unique(finite, return_inverse=True, return_counts=True)
    return level, counts


def centred_ranks(fitness: np.ndarray) -> np.ndarray:
    """Ranks (P,) as numbers between -1/2, the worst, and 1/2 (Salimans et al. 2017); equals share their mean rank."""
    level, counts = _levels(fitness)
    return (np.cumsum(counts) - (counts + 1) / 2)[level] / max(1, len(fitness) - 1) - 0.5


def utilities(fitness: np.ndarray) -> np.ndarray:
    """Utilities (P,) of natural evolution strategies: max(0, log(P/2 + 1) - log(rank from the best)), normalised, less 1/P;
    they sum to 0 (Wierstra et al. 2014, section 3.1). Equals share the mean of their utilities."""
    size = len(fitness)
    by_rank = np.maximum(0.0, math.log(size / 2 + 1) - np.log(np.arange(size, 0, -1)))
    total = np.concatenate([[0.0], np.cumsum(by_rank / by_rank.sum() - 1 / size)])
    level, counts = _levels(fitness)
    ends = np.cumsum(counts)
    return ((total[ends] - total[ends - counts]) / counts)[level]


def default_size(dimensions: int) -> int:
    """4 + floor(3 ln D), the population of CMA-ES and of natural evolution strategies (Hansen 2016, Table 1)."""
    return 4 + int(3 * math.log(dimensions))


class Strategy(VectorAlgorithm):
    """ask / tell. `encoding` as in GA. mean (D,) float64: the centre of the distribution, in the units of the vectors.

    `numbers` names plain values of the state, as `arrays` names arrays. most: dimensions that it takes; instead: the method
    that takes more. Raises ValueError above them."""

    arrays: tuple[str, ...] = ("population", "mean")
    numbers: tuple[str, ...] = ()
    most: float = math.inf
    instead: str = ""

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        if self.encoding.dimensions > self.most:
            raise ValueError(self._too_many(self.encoding.dimensions))
        self.options = _settled(self.options, isinstance(self.encoding, Parameters))
        self.size = self.options.population_size or default_size(self.encoding.dimensions)
        self.mean = self._start(0)
        self.pending = False

    @classmethod
    def settled(cls, task: Task, settings: object) -> object:
        return _settled(settings, not isinstance(task, Points))

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        reason = super().unsupported_reason(task)
        if reason is None and cls.most < math.inf and (genes := _size_of(task)) > cls.most:
            return cls._too_many(genes)
        return reason

    @classmethod
    def _too_many(cls, genes: int) -> str:
        return f"expected at most {cls.most:,} dimensions; got {genes:,}: {cls.instead} takes them"

    def _start(self, restart: int) -> np.ndarray:
        """A centre (D,) to begin with: a new vector of the encoding."""
        return self.encoding.initial(self.seed, restart, 1, self.options.initial_scale)[0].astype(np.float64)

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        self.mean = self.start_from(model, frozen).astype(np.float64)

    def ask(self) -> np.ndarray:
        """The next population (P, D); the same one until it is told."""
        if not self.pending:
            self._population, self.pending = self.screened(self.sampled()), True
        return read_only(self.asked())

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of the population last asked for. Raises RuntimeError if there is none."""
        if not self.pending:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        population = self.asked()
        self.update(population, self.told(evaluation, population))
        if self.fixed is not None:
            self._hold(self.mean[None], self.fixed)
        self.generation, self.pending = self.generation + 1, False

    def asked(self) -> np.ndarray:
        """The population last asked for."""
        assert self._population is not None
        return self._population

    @property
    def judged(self) -> np.ndarray:
        """The centre (D,) that is judged on validation: the mean."""
        return self.mean

    def candidate(self) -> np.ndarray | None:
        return self.judged.astype(self.encoding.dtype) if self.options.champion == "centre" else None

    def sampled(self) -> np.ndarray:
        """A population (P, D) of the distribution."""
        raise NotImplementedError

    def normal(self) -> np.ndarray:
        """Standard normal numbers (P, D) float64, of this generation."""
        zero = np.zeros(self.encoding.dimensions)
        return drawn(self.size, zero, np.ones(1), generation=self.generation, seed=self.seed, dtype=np.float64)

    def gaussian(self, std: np.ndarray | float, mirrored: bool = False, generation: int | None = None) -> np.ndarray:
        """A population (P, D) of N(mean, std^2), std (D,) or one number; mirrored: in pairs, as of `evo.search.gaussian`;
        generation: whose noise it has, by default this one's."""
        return drawn(
            self.size,
            self.mean,
            np.asarray(std, np.float64),
            generation=self.generation if generation is None else generation,
            seed=self.seed,
            mirrored=mirrored,
            dtype=self.encoding.dtype,
        )

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        """Moves the distribution, by the fitness (P,) of the population (P, D) that was evaluated."""
        raise NotImplementedError

    def state_dict(self) -> State:
        numbers = {name: getattr(self, name) for name in self.numbers}
        return {**super().state_dict(), "pending": self.pending, "numbers": numbers}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.pending = state["pending"]
        for name, value in state["numbers"].items():
            setattr(self, name, value)


def _settled(options: Value, networks: bool) -> Value:
    return options if options.champion else replace(options, champion="centre" if networks else "sampled")


def _size_of(task: Task) -> int:
    """D of the vectors that a task's networks, or its points, are."""
    if isinstance(task, Networked):
        return sum(parameter.numel() for parameter in network_of(task).parameters())
    return task.dimensions if isinstance(task, Points) else 0
