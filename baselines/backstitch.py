"""Backstitch (Wang et al. 2017): a small step up the gradient, then a larger one down; two gradients a minibatch.

Training is that of `baselines.backprop`; the optimiser is `evo.Backstitch`, which cites the paper. As in Kaldi, l2 acts in the
second step alone, and gradient_clip cuts both gradients before they are scaled by alpha and 1 + alpha. Batch normalisation
keeps the statistics of the second step. An epoch costs 1 + 1 / interval evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from baselines.backprop import Backprop
from baselines.descent import DescentSettings, penalty
from evo.learning.backstitch import Backstitch
from evo.settings import setting, settings
from evo.space import Choice, Log


@settings
class BackstitchSettings(DescentSettings):
    alpha: float | None = setting(
        0.3, "the step up, relative to the rate", low=0.0, source="Kaldi's recipes: .2 to 1", search=Log(0.05, 1.0)
    )
    interval: int = setting(1, "every which minibatch takes both steps", low=1, unit="minibatches", search=Choice(1, 1, 4))
    correction: float | None = setting(
        None, "in place of alpha (none): alpha (1 + alpha) rate is held at this, B / N cancels finite-sample bias", low=0.0
    )
    momentum: float = setting(0.0, "an experiment, which Kaldi refuses: heavy ball on the second gradient", low=0.0, below=1.0)
    experimental: bool = setting(False, "allows momentum")

    @property
    def named_optimizer(self) -> str:
        return "Backstitch"

    def own_contradictions(self) -> list[str]:
        problems = []
        if (self.alpha is None) == (self.correction is None):
            problems.append(f"alpha, correction: expected one, and none for the other; got {self.alpha} and {self.correction}")
        if self.momentum and not self.experimental:
            problems.append(
                f"momentum: expected 0, as backstitch is defined without; got {self.momentum:g}. experimental=true tries it"
            )
        return problems

    def make_optimizer(self, module: nn.Module, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        decayed = {id(p) for p in weights}
        others = [p for p in module.parameters() if id(p) not in decayed]
        values = {name: getattr(self, name) for name in ("alpha", "interval", "correction", "momentum", "experimental")}
        groups: list[dict] = [{"params": list(weights), "weight_decay": 2 * self.l2}, {"params": others}]  # of l2 w^2
        return Backstitch(groups, lr=self.learning_rate, buffers=module.buffers(), **values)

    def penalty(self, weights: Sequence[Tensor]) -> Tensor | float:
        return penalty(weights, self.l1, 0.0)


class BackstitchDescent(Backprop):
    """`Backprop` by backstitch."""

    settings = BackstitchSettings
