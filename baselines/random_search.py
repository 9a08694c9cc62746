"""Random search: every generation is drawn afresh from the initial distribution. The floor that every method must beat.

Brooks: A discussion of random methods for seeking maxima. Operations Research 6, 1958.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from evo import parameters
from evo.core import Evaluation, Model, Row, State, Task
from evo.parameters import Reals
from evo.settings import setting, settings


@settings
class RandomSearchSettings:
    population_size: int = setting(100, "draws a generation", low=1)
    initial_scale: float = setting(2.0, "spread of the draws, in that of the network's own initialiser", above=0.0)


class RandomSearch:
    """ask / tell. `encoding` is a number of dimensions D, or Parameters: what the vectors (P, D) stand for.

    Nothing is learned from what is told; `evo.evolve.Evolve` keeps the best. Raises SettingsError for settings,
    ValueError or TypeError for a fitness that is not (P,) numbers.
    """

    settings = RandomSearchSettings
    repeats = 1
    fits = staticmethod(parameters.fits)

    def __init__(self, encoding: Reals | int, *, seed: int = 0, **values: Any):
        self.encoding = Reals(encoding) if isinstance(encoding, int) else encoding
        self.options, self.seed = RandomSearchSettings(**values), seed
        self.generation = 0
        self.population: np.ndarray | None = None

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Any) -> RandomSearch:
        return cls(parameters.encoding(task), seed=seed, **values)

    def ask(self) -> np.ndarray:
        """The draws of this generation (P, D) float32: a function of seed and generation."""
        size, scale = self.options.population_size, self.options.initial_scale
        self.population = self.encoding.initial(self.seed, self.generation, size, scale)
        return self.population

    def tell(self, evaluation: Any) -> None:
        """Only counts the generation. Raises RuntimeError if nothing was asked for."""
        if self.population is None:
            raise RuntimeError("tell() needs a population from ask()")
        Evaluation.of(evaluation, self.options.population_size)
        self.generation += 1

    def express(self, population: np.ndarray) -> Any:
        return self.encoding.express(population)

    def model(self, genome: np.ndarray) -> Model:
        return self.encoding.model(genome)

    def lineage(self, index: int) -> dict[str, Any]:
        """An id as a GA's, generation * P + place; no parents."""
        return {"id": (self.generation - 1) * self.options.population_size + index, "parents": []}

    def row(self) -> Row:
        return {}

    def state_dict(self) -> State:
        # The draws follow from seed and generation; they are here for those who look at a run's history.
        drawn = None if self.population is None else torch.from_numpy(self.population)
        return {"generation": self.generation, "population": drawn}

    def load_state_dict(self, state: State) -> None:
        self.generation = state["generation"]
        self.population = None if state["population"] is None else state["population"].numpy()
