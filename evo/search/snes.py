"""Separable natural evolution strategy (Schaul, Glasmachers, Schmidhuber: High dimensions and heavy tails for natural evolution
strategies, GECCO 2011; Wierstra et al.: Natural evolution strategies, JMLR 15, 2014, Algorithm 6).

A generation: P vectors mean + std s, s of standard normal numbers; utilities u by rank; the natural gradients sum u s of the
mean and sum u (s^2 - 1) of the logarithm of the std.
"""

from __future__ import annotations

import math

import numpy as np

from evo.search import gaussian
from evo.search.strategy import Strategy, centre_setting, champion_setting, utilities
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched


@settings
class SNESSettings:
    population_size: int | None = setting(
        None, "vectors a generation; none: 4 + 3 ln D", low=4, source="Wierstra et al. 2014", search=Choice(50, 100, 200, 400)
    )
    initial_std: float = setting(0.3, "initial std of every gene", above=0.0, search=Log(0.01, 1.0))
    mean_rate: float = setting(1.0, "eta of the mean", above=0.0, source="Wierstra et al. 2014")
    std_rate: float | None = setting(
        None, "eta of the std; none: (3 + ln D) / (5 sqrt D)", above=0.0, source="Schaul et al. 2011", search=Log(1e-3, 1.0)
    )
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()


class SNES(Strategy):
    """ask / tell. mean, std (D,): of the distribution. Raises as `GA`."""

    settings = SNESSettings
    arrays = ("population", "mean", "std")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        genes = self.encoding.dimensions
        self.std = np.full(genes, self.options.initial_std)
        self.std_rate = self.options.std_rate or (3 + math.log(genes)) / (5 * math.sqrt(genes))

    def sampled(self) -> np.ndarray:
        return self.gaussian(self.std)

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        of_mean, of_std = gaussian.weighted(population, self.mean, self.std, utilities(fitness), moments=2)
        self.mean += self.options.mean_rate * self.std * of_mean
        self.std *= np.exp(self.std_rate / 2 * of_std)
