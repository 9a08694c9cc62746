"""Backstitch with the gradient that a population estimates: a small step away from fitness, then a larger one towards it.

Wang, Peddinti, Xu, Zhang, Povey, Khudanpur: Backstitch: counteracting finite-sample bias via negative steps. Interspeech 2017,
with the gradient of Salimans et al. 2017 (arXiv 1703.03864, Algorithm 1). Two generations are a step, with the same N
directions e, as backpropagation takes the same minibatch twice:

    1.  theta <- theta - alpha rate g(theta)
    2.  theta <- theta + (1 + alpha) rate g(theta)        estimated where step 1 led

g = sum (F+ - F-) e / (2 N s) of the fitness F+- of theta +- sigma e; s: the std of step 1's fitness, in both steps, as Kaldi
holds its preconditioner. So the rate is that of augmented random search (Mania et al. 2018). Without momentum, as the method is
defined. alpha = 0 is plain ascent, a step a generation.
"""

from __future__ import annotations

import numpy as np

from evo.search import gaussian
from evo.search.strategy import Strategy, centre_setting, champion_setting, paired
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched


@settings
class BackstitchESSettings:
    population_size: int = setting(
        100, "networks a generation, two to a direction", low=2, source="as openai-es", search=Choice(50, 100, 200, 400)
    )
    noise_std: float = setting(
        0.05, "sigma of the noise on every gene", above=0.0, source="as openai-es", search=Log(0.003, 1.0)
    )
    learning_rate: float = setting(0.05, "as alpha of ars", above=0.0, source="Mania et al. 2018", search=Log(1e-3, 1.0))
    alpha: float = setting(
        0.3, "the step away, relative to the rate; 0: none", low=0.0, source="Wang et al. 2017", search=Choice(0.1, 0.3, 1.0)
    )
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()

    def contradictions(self) -> list[str]:
        return paired(self.population_size)


class BackstitchES(Strategy):
    """ask / tell. mean (D,): where networks are drawn. A direction of which a fitness is not finite does not count. Raises as
    `GA`."""

    settings = BackstitchESSettings
    arrays = ("population", "mean", "before")
    numbers = ("spread",)

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.before, self.spread = self.mean, 0.0  # of the last step 1: the centre, the std of fitness

    @property
    def judged(self) -> np.ndarray:
        """Where step 2 last led (D,)."""
        return self.before if self.options.alpha > 0 and self.generation % 2 else self.mean

    def sampled(self) -> np.ndarray:
        step = self.generation // 2 if self.options.alpha > 0 else self.generation
        return self.gaussian(self.options.noise_std, mirrored=True, generation=step)

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        options, half = self.options, self.size // 2
        away = options.alpha > 0 and self.generation % 2 == 0
        if away or options.alpha == 0:
            finite = fitness[np.isfinite(fitness)]
            self.before, self.spread = self.mean.copy(), float(finite.std()) if len(finite) else 0.0
        if self.spread == 0:  # all alike: no direction is better
            return
        pairs = fitness[:half] - fitness[half:]
        weights = np.where(np.isfinite(pairs), pairs, 0.0) / (self.size * self.spread)
        gradient = gaussian.weighted(population[:half], self.mean, options.noise_std, weights)[0]
        self.mean = self.mean + (-options.alpha if away else 1 + options.alpha) * options.learning_rate * gradient
