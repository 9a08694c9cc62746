"""Random search: every generation is drawn afresh from the initial distribution. The floor that every method must beat.

Brooks: A discussion of random methods for seeking maxima. Operations Research 6, 1958.
"""

from __future__ import annotations

import numpy as np

from evo.core import Evaluation, Lineage
from evo.search.base import VectorAlgorithm, read_only
from evo.settings import setting, settings
from evo.space import Log


@settings
class RandomSearchSettings:
    population_size: int = setting(100, "draws a generation", low=1)
    initial_scale: float = setting(
        2.0, "initial weight std, relative to the module's initialiser", above=0.0, search=Log(0.3, 10.0)
    )


class RandomSearch(VectorAlgorithm):
    """ask / tell. `encoding` is a number of dimensions D, or Parameters: what the vectors (P, D) stand for.

    Nothing is learned from what is told; `evo.evolve.Evolve` keeps the best. Raises SettingsError for settings,
    ValueError or TypeError for a fitness that is not (P,) numbers.
    """

    settings = RandomSearchSettings

    def ask(self) -> np.ndarray:
        """The draws of this generation (P, D): a function of seed and generation."""
        size, scale = self.options.population_size, self.options.initial_scale
        self._population = self.screened(self.encoding.initial(self.seed, self.generation, size, scale))
        return read_only(self._population)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """Counts the generation and remembers the best. Raises RuntimeError if nothing was asked for."""
        self.told(evaluation, self.population)
        self.generation += 1

    def lineage(self, index: int | None) -> Lineage:
        """An id as a GA's, generation * P + place; no parents."""
        if index is None:
            return {}
        return {"id": (self.generation - 1) * self.options.population_size + index, "parents": []}
