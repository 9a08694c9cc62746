"""SAM (Foret et al. 2021): the gradient at a distance rho up the gradient; two gradients a minibatch.

Training is that of `baselines.backprop`; the optimiser is `evo.SAM`, which cites the paper. As in the authors' program l1 and
l2 are part of both gradients, and batch normalisation keeps the statistics of the first. An epoch costs 2 evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from baselines.backprop import Backprop
from baselines.descent import DescentSettings
from evo.learning.sam import SAM
from evo.settings import setting, settings
from evo.space import Choice, Log


@settings
class SAMSettings(DescentSettings):
    learning_rate: float = setting(0.01, "the optimiser's lr", above=0.0, search=Log(0.001, 0.3))
    rho: float = setting(0.05, "how far up the gradient", low=0.0, source="Foret et al. 2021", search=Log(0.01, 0.5))
    momentum: float = setting(
        0.9, "heavy ball, on the second gradient", low=0.0, below=1.0, source="Foret et al. 2021", search=Choice(0.0, 0.9)
    )
    independent: bool = setting(False, "the first axis of every parameter numbers networks of their own, each with its norm")

    @property
    def named_optimizer(self) -> str:
        return "SAM"

    def make_optimizer(self, module: nn.Module, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        values = {name: getattr(self, name) for name in ("rho", "momentum", "independent")}
        return SAM(module.parameters(), lr=self.learning_rate, buffers=module.buffers(), **values)


class SAMDescent(Backprop):
    """`Backprop` by SAM."""

    settings = SAMSettings
