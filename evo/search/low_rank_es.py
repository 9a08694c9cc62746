"""Evolution strategy with perturbations of low rank (Sarkar et al.: Evolution strategies at the hyperscale, arXiv 2511.16652;
EGGROLL).

OpenAI-ES (`evo.search.openai_es`) whose noise in a weight matrix is A B^T / sqrt(r) instead of a number for each weight: a
network costs what the centre costs, and two thin products (`evo.search.low_rank`). The step of a matrix is sum F_i A_i B_i^T /
sqrt(r) / P."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from evo.core import Backends, Networked, Task
from evo.search.layers import stacked, unstackable
from evo.search.low_rank import LowRankNetworks, Stack
from evo.search.openai_es import OpenAIES
from evo.search.strategy import centre_setting, champion_setting, paired
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Parameters, Searched
from evo.vectors.models import network_of


@settings
class LowRankESSettings:
    population_size: int = setting(
        512, "networks a generation, two to a direction", low=2, source="Sarkar et al. 2025", search=Choice(100, 256, 512, 1024)
    )
    rank: int = setting(1, "r of the noise of a weight matrix", low=1, source="Sarkar et al. 2025: 1")
    noise_std: float = setting(0.05, "sigma of the noise", above=0.0, source="Sarkar et al. 2025", search=Log(0.003, 1.0))
    learning_rate: float = setting(0.01, "of Adam", above=0.0, search=Log(1e-4, 0.3))
    weight_decay: float = setting(0.0, "decay of the centre towards 0", low=0.0, search=Choice(0.0, 0.0005, 0.005))
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()

    def contradictions(self) -> list[str]:
        return paired(self.population_size)


class LowRankES(OpenAIES):
    """ask / tell. `encoding`: Parameters of a network of linear layers with functions between them, of which `ask` gives
    LowRankNetworks, (P, D) in name only. mean (D,): the centre. Raises ValueError for another network."""

    settings = LowRankESSettings
    arrays = ("mean", "moments", "centre")
    numbers = ("drawn",)

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        if not isinstance(self.encoding, Parameters):
            raise ValueError("low-rank-es needs the weight matrices of a network; got points of numbers: openai-es takes them")
        self.stack = Stack(self.encoding.template, self.options.rank)
        self.centre: np.ndarray | None = None  # around which the last population lies, float32
        self.drawn = 0  # its generation

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        if not isinstance(task, Networked):
            return "it perturbs the weight matrices of a network: the task has none (task.network)"
        module = network_of(task)
        return unstackable(module) if stacked(module) is None else None

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return Backends()

    @property  # type: ignore[misc]  # there is nothing to set
    def population(self) -> LowRankNetworks | None:  # type: ignore[override]  # rows that are made when they are asked for
        """The networks last asked for; None before."""
        return self.asked() if self.begun else None

    @property
    def begun(self) -> bool:
        return self.centre is not None

    def ask(self) -> LowRankNetworks:  # type: ignore[override]  # as of `population`
        """The next population; the same one until it is told."""
        if not self.pending:
            self.centre, self.drawn, self.pending = self.mean.astype(np.float32), self.generation, True
        return self.asked()

    def asked(self) -> LowRankNetworks:  # type: ignore[override]  # as of `population`
        assert self.centre is not None
        fixed = np.zeros(len(self.mean), bool) if self.fixed is None else ~np.isnan(self.fixed)
        at = dict(generation=self.drawn, seed=self.seed)
        centre = torch.from_numpy(self.centre.copy())
        return LowRankNetworks(self.stack, centre, self.size, std=self.options.noise_std, frozen=fixed, **at)

    def summed(self, population: LowRankNetworks, weights: np.ndarray) -> np.ndarray:  # type: ignore[override]
        return population.gradient(weights)

    def express(self, population: LowRankNetworks) -> LowRankNetworks:  # type: ignore[override]
        return population

    def population_tensors(self) -> dict[str, Tensor]:
        """None: the population is a function of the centre and the generation."""
        return {}
