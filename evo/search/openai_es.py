"""OpenAI-ES (Salimans, Ho, Chen, Sidor, Sutskever: Evolution strategies as a scalable alternative to reinforcement learning,
arXiv 1703.03864).

A generation: N directions e of standard normal numbers; 2 N networks theta +- sigma e; fitness as centred ranks F;
g = sum F e / 2 N (Algorithm 1); theta moves by Adam up g - decay theta. As in the released code g is not divided by sigma:
Adam takes a factor out, but for the weight that decay has.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from evo.search import gaussian
from evo.search.ascent import adam
from evo.search.strategy import Strategy, centre_setting, centred_ranks, champion_setting, paired
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched


@settings
class OpenAIESSettings:
    population_size: int = setting(
        100,
        "networks a generation, two to a direction",
        low=2,
        source="Salimans et al. 2017: 1440",
        search=Choice(50, 100, 200, 400),
    )
    noise_std: float = setting(
        0.05, "sigma of the noise on every gene", above=0.0, source="Salimans et al. 2017: .02", search=Log(0.003, 1.0)
    )
    learning_rate: float = setting(0.03, "of Adam", above=0.0, source="Salimans et al. 2017: .01", search=Log(1e-3, 1.0))
    weight_decay: float = setting(
        0.0, "decay of the centre towards 0", low=0.0, source="Salimans et al. 2017: .005", search=Choice(0.0, 0.0005, 0.005)
    )
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()

    def contradictions(self) -> list[str]:
        return paired(self.population_size)


class OpenAIES(Strategy):
    """ask / tell.

        es = OpenAIES(20, seed=0)
        for _ in range(200):
            es.tell(-(es.ask() ** 2).sum(axis=1))     # fitness (P,), maximised
        es.mean

    mean (D,): theta. Raises as `GA`.
    """

    settings: ClassVar[type] = OpenAIESSettings
    arrays = ("population", "mean", "moments")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.moments = np.zeros((2, self.encoding.dimensions))  # of Adam

    def sampled(self) -> np.ndarray:
        return self.gaussian(self.options.noise_std, mirrored=True)

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        options, half = self.options, self.size // 2
        shaped = centred_ranks(fitness)
        pairs = shaped[:half] - shaped[half:]
        gradient = self.summed(population, pairs) / self.size
        gradient -= options.weight_decay * self.mean
        self.mean += adam(self.moments, gradient, options.learning_rate, self.generation + 1)

    def summed(self, population: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The sum (D,) of the noise of the directions, weighted (N,)."""
        return gaussian.weighted(population[: len(weights)], self.mean, self.options.noise_std, weights)[0]
