"""What the algorithms that search real vectors have in common: `ask` and `tell` are all that each must bring.

class Climber(VectorAlgorithm):
    settings = ClimberSettings              # `self.options` holds them
    arrays = ("population", "position")     # what the state holds besides: attributes that are None or numpy arrays

    def ask(self): ...                      # `read_only(population)`, or a copy: a user may write to it
    def tell(self, evaluation): ...         # `self.told(evaluation, population)` gives the fitness
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from evo import rng
from evo.core import Algorithm, Backends, Evaluation, Model, Phenotypes, State, Task, counted
from evo.settings import Value
from evo.space import Space
from evo.vectors import models
from evo.vectors.encoding import Searched, as_encoding, backends, encoding_for, unsupported_reason


def read_only(vectors: np.ndarray) -> np.ndarray:
    """A view that cannot be written to: a copy of a large population would take a tenth of a generation."""
    view = vectors.view()
    view.setflags(write=False)
    return view


class VectorAlgorithm(Algorithm[np.ndarray]):
    """ask / tell on vectors (P, D): float64 where they are points, float32 where they are the parameters of networks.

    `encoding`, what the vectors stand for, is a number of dimensions D, a Space, of which they are unit coordinates in [0, 1),
    or Parameters; `dimensions=20` and `space=Space(...)` say the same by name. A class names its `settings` and the `arrays` of
    its state, attributes that are None or numpy arrays.
    """

    arrays: tuple[str, ...] = ("population",)
    fixed: np.ndarray | None = None  # (D,): the value of each parameter that is frozen, NaN for the others

    def __init__(
        self,
        encoding: Searched = None,
        *,
        dimensions: int | None = None,
        space: Space | None = None,
        seed: int = 0,
        **values: Value,
    ):
        self.encoding = as_encoding(encoding, dimensions, space)
        self.options, self.seed = self.settings(**values), rng.checked(seed)
        self.size: int = self.options.population_size  # P; of what lets the dimensions decide, not a number here
        self.generation = 0
        self._population: np.ndarray | None = None

    @property
    def population(self) -> np.ndarray | None:
        """The vectors (P, D) last asked for, or that survived, `_population` read-only; None before."""
        return None if self._population is None else read_only(self._population)

    @population.setter
    def population(self, vectors: np.ndarray | None) -> None:
        self._population = vectors

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> VectorAlgorithm:
        return cls(encoding_for(task), seed=seed, **values)

    def __repr__(self) -> str:
        sizes = f"{counted(self.encoding.dimensions, 'dimension')}, population_size={self.size:,}"
        best = "" if self._best is None else f", best fitness {self._best_fitness:.6g}"
        return f"{type(self).__name__}({sizes}, generation {self.generation:,}{best})"

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        return unsupported_reason(task)

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return backends(task)

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return models.restore(task, tensors, header)

    def express(self, population: np.ndarray) -> Phenotypes | np.ndarray:
        return self.encoding.express(population)

    def model(self, genome: np.ndarray) -> Model:
        return self.encoding.model(genome)

    def population_tensors(self) -> dict[str, Tensor]:
        return {} if self._population is None else {"population": torch.from_numpy(self._population.copy())}

    def state_dict(self) -> State:
        arrays = {name: getattr(self, name) for name in (*self.arrays, "fixed")} | {"best": self._best}
        saved = {name: None if value is None else torch.from_numpy(value.copy()) for name, value in arrays.items()}
        return {"generation": self.generation, "best_fitness": self._best_fitness, **saved}

    def load_state_dict(self, state: State) -> None:
        """A state that was written before `best` was kept has none: it is known again after the next `tell`."""
        saved = {name: state.get(name) for name in (*self.arrays, "fixed", "best")}
        arrays = {name: None if value is None else value.numpy().copy() for name, value in saved.items()}
        self.generation, self._best = state["generation"], arrays.pop("best")
        self._best_fitness = state.get("best_fitness", -np.inf)
        for name, value in arrays.items():
            setattr(self, name, value)

    @property
    def begun(self) -> bool:
        """Whether there is a population: it was asked for, or a warm start made it."""
        return self._population is not None

    def start_from(self, model: Model, frozen: Sequence[str]) -> np.ndarray:
        """The vector (D,) of a model to begin with; its frozen parameters are noted. Raises as `warm_start` does."""
        if self.begun:
            raise RuntimeError("warm_start() must come before the first ask()")
        vector = self.encoding.of(model)
        if frozen:
            self.fixed = np.where(self.encoding.named(frozen), vector, np.nan)
        return vector

    def screened(self, offspring: np.ndarray) -> np.ndarray:
        """Offspring, screened, inside their bounds and with their frozen parameters as they were, before and after it. Raises
        ValueError if `screen` gives others than as many genomes."""
        self.encoding.confine(offspring)
        if self.fixed is not None:
            self._hold(offspring, self.fixed)
        screened = np.ascontiguousarray(self.screen(offspring), self.encoding.dtype)
        if screened.shape != offspring.shape:
            raise ValueError(f"screen() must give as many offspring as it got, {offspring.shape}; got {screened.shape}")
        if screened is not offspring:
            screened = screened.copy()  # what an override gave may be its own
            self.encoding.confine(screened)
            if self.fixed is not None:
                self._hold(screened, self.fixed)
        return screened

    def _hold(self, vectors: np.ndarray, fixed: np.ndarray) -> None:
        """Gives the parameters that are not NaN in `fixed` (D,) that value, in place."""
        frozen = ~np.isnan(fixed)
        vectors[:, : len(frozen)][:, frozen] = fixed[frozen]

    def told(self, evaluation: Evaluation | np.ndarray, population: np.ndarray | None) -> np.ndarray:
        """The fitness (P,) of the population that `ask` gave, whose fittest genome becomes `best` if it is fitter. Raises
        RuntimeError without a population, ValueError or TypeError for what is no (P,) numbers."""
        if population is None:
            raise RuntimeError("tell() needs a population from ask()")
        fitness = np.array(Evaluation.of(evaluation, len(population)).fitness)
        self._remember(population, fitness)
        return fitness
