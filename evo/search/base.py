"""What the algorithms that search real vectors have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from evo.core import Model, Phenotypes, Row, State, Task, counted
from evo.vectors.encoding import Reals, encoding_for, fits


class VectorAlgorithm:
    """What the algorithms that search vectors (P, D) share; each brings `ask`, `tell` and what it needs besides.

    `encoding` is a number of dimensions D, or Parameters: what the vectors stand for. A class names its `settings` and
    the `arrays` of its state, attributes that are None or numpy arrays.
    """

    settings: type
    arrays: tuple[str, ...] = ("population",)
    repeats = 1
    fits = staticmethod(fits)

    def __init__(self, encoding: Reals | int, *, seed: int = 0, **values: Any):
        self.encoding = Reals(encoding) if isinstance(encoding, int) else encoding
        self.options, self.seed = self.settings(**values), seed
        self.generation = 0
        self.population: np.ndarray | None = None

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Any) -> Any:
        return cls(encoding_for(task), seed=seed, **values)

    def __repr__(self) -> str:
        sizes = f"{counted(self.encoding.dimensions, 'dimension')}, population_size={self.options.population_size:,}"
        fitness = getattr(self, "fitness", None)
        best = f", best fitness {fitness.max():.6g}" if fitness is not None else ""
        return f"{type(self).__name__}({sizes}, generation {self.generation:,}{best})"

    def express(self, population: np.ndarray) -> Phenotypes:
        return self.encoding.express(population)

    def model(self, genome: np.ndarray) -> Model:
        return self.encoding.model(genome)

    def row(self) -> Row:
        return {}

    def state_dict(self) -> State:
        values = {name: getattr(self, name) for name in self.arrays}
        return {"generation": self.generation, **{k: None if v is None else torch.from_numpy(v) for k, v in values.items()}}

    def load_state_dict(self, state: State) -> None:
        self.generation = state["generation"]
        for name in self.arrays:
            setattr(self, name, None if state[name] is None else state[name].numpy().copy())
