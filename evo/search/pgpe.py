"""Policy gradients with parameter-based exploration (Sehnke, Osendorf, Rueckstiess, Graves, Peters, Schmidhuber: Neural
Networks 23, 2010), with ClipUp (Toklu, Liskowski, Srivastava: ClipUp: a simple and powerful optimizer for distribution-based
policy evolution, PPSN 2020).

A generation: N directions e of N(0, std^2); 2 N networks mean +- e, fitness as centred ranks r+, r-; gradients, of the mean the
mean of (r+ - r-) / 2 e, of the std the mean of ((r+ + r-) / 2 - b) (e^2 - std^2) / std, where b is the mean rank (Sehnke et
al., equations 11 and 13, symmetric sampling). The std changes by at most a share of itself."""

from __future__ import annotations

import numpy as np

from evo.search import gaussian
from evo.search.ascent import clip_up
from evo.search.strategy import Strategy, centre_setting, centred_ranks, champion_setting, paired
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched


@settings
class PGPESettings:
    population_size: int = setting(
        100,
        "networks a generation, two to a direction",
        low=2,
        source="Toklu et al. 2020: 200",
        search=Choice(50, 100, 200, 400),
    )
    initial_std: float = setting(0.1, "initial std of every gene", above=0.0, search=Log(0.01, 1.0))
    mean_rate: float = setting(0.15, "length of a step of the mean, of ClipUp", above=0.0, search=Log(0.01, 1.0))
    max_speed: float = setting(
        2.0, "longest velocity of ClipUp, in lengths of a step", above=0.0, source="Toklu et al. 2020: about 2"
    )
    momentum: float = setting(0.9, "share of the velocity that is kept", low=0.0, below=1.0, source="Toklu et al. 2020")
    std_rate: float = setting(
        0.1, "learning rate of the std", low=0.0, source="Toklu et al. 2020", search=Choice(0.0, 0.05, 0.1, 0.2)
    )
    max_std_change: float = setting(
        0.2,
        "largest change of a gene's std in a generation, as a share of it",
        above=0.0,
        below=1.0,
        source="Toklu et al. 2020",
    )
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()

    def contradictions(self) -> list[str]:
        return paired(self.population_size)


class PGPE(Strategy):
    """ask / tell. mean, std (D,): of the distribution. Raises as `GA`."""

    settings = PGPESettings
    arrays = ("population", "mean", "std", "velocity")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.std = np.full(self.encoding.dimensions, self.options.initial_std)
        self.velocity = np.zeros(self.encoding.dimensions)

    def sampled(self) -> np.ndarray:
        return self.gaussian(self.std, mirrored=True)

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        options, half = self.options, self.size // 2
        r = centred_ranks(fitness)
        better, level = (r[:half] - r[half:]) / 2, (r[:half] + r[half:]) / 2 - r.mean()
        of_mean = self.std * gaussian.weighted(population[:half], self.mean, self.std, better)[0] / half
        of_std = self.std * gaussian.weighted(population[:half], self.mean, self.std, level, moments=2)[1] / half
        speed = options.max_speed * options.mean_rate
        self.mean += clip_up(self.velocity, of_mean, options.mean_rate, options.momentum, speed)
        change = options.max_std_change * self.std
        self.std += np.clip(options.std_rate * of_std, -change, change)
