"""Augmented random search (Mania, Guy, Recht: Simple random search of static linear policies is competitive for reinforcement
learning, NeurIPS 2018, Algorithm 1).

A generation: N directions d of standard normal numbers; 2 N networks theta +- nu d; the b directions whose better return is the
greatest; theta moves by rate / (b sigma_R) sum (r+ - r-) d, where sigma_R is the std of their 2 b returns. V1 is the method on
a task as it is, V2 on one that standardises observations (`task.normalize_observations`); -t of the paper is b < N."""

from __future__ import annotations

import numpy as np

from evo.search import gaussian
from evo.search.strategy import Strategy, champion_setting, paired
from evo.settings import setting, settings
from evo.space import Choice, Log


@settings
class ARSSettings:
    population_size: int = setting(
        100,
        "networks a generation, two to a direction",
        low=2,
        source="Mania et al. 2018: 16 to 640",
        search=Choice(50, 100, 200, 400),
    )
    top_directions: float = setting(
        0.5,
        "b, as a share of the directions",
        above=0.0,
        high=1.0,
        source="Mania et al. 2018: .1 to 1",
        search=Choice(0.1, 0.25, 0.5, 1.0),
    )
    noise_std: float = setting(
        0.05, "nu, of the noise on every gene", above=0.0, source="Mania et al. 2018", search=Log(0.003, 1.0)
    )
    learning_rate: float = setting(0.05, "alpha", above=0.0, source="Mania et al. 2018: .01 to .05", search=Log(1e-3, 1.0))
    initial_scale: float = setting(
        0.0,
        "initial std of the centre, relative to the module's initialiser",
        low=0.0,
        source="Mania et al. 2018",
        search=Choice(0.0, 0.3, 1.0),
    )
    champion: str | None = champion_setting()

    def contradictions(self) -> list[str]:
        return paired(self.population_size)


class ARS(Strategy):
    """ask / tell. mean (D,): theta. A direction of which a return is not finite is none of the b. Raises as `GA`."""

    settings = ARSSettings

    def sampled(self) -> np.ndarray:
        return self.gaussian(self.options.noise_std, mirrored=True)

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        options, half = self.options, self.size // 2
        plus, minus = fitness[:half], fitness[half:]
        able = np.flatnonzero(np.isfinite(plus) & np.isfinite(minus))
        better = np.maximum(plus, minus)[able]
        best = able[np.argsort(-better, kind="stable")[: max(1, round(options.top_directions * half))]]
        spread = np.concatenate([plus[best], minus[best]]).std() if len(best) else 0.0
        if spread == 0:  # all alike: no direction is better
            return
        weights = np.zeros(half)
        weights[best] = (plus[best] - minus[best]) * options.learning_rate / (len(best) * spread)
        self.mean += gaussian.weighted(population[:half], self.mean, options.noise_std, weights)[0]
