"""SAM: sharpness-aware minimisation.

Foret, Kleiner, Mobahi, Neyshabur: Sharpness-aware minimization for efficiently improving generalization. ICLR 2021, algorithm
1:

    w_adv = w + rho g(w) / |g(w)|        |g|: over all parameters
    w <- w - lr g(w_adv)                 the gradient of the same minibatch

Where backstitch goes up by alpha lr g, SAM goes up by a distance rho, whatever the gradient's norm, and descends from where it
was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from evo.learning.two_gradients import Group, Params, TwoGradients, check, gradients

RANGES = {**dict.fromkeys(("lr", "rho", "weight_decay"), (0.0, math.inf)), "momentum": (0.0, 1.0)}


class SAM(TwoGradients):
    """A torch optimiser, for any loop: `optimizer.step(closure)` as of `evo.Backstitch`; the update is that of SGD.

    params: parameters, or groups of them; a group may have values of its own. lr: the rate. rho: the distance of the move, 0:
    none (SGD, of one gradient). momentum, weight_decay: of the update, as `torch.optim.SGD` has them.
    independent: the first axis of every parameter numbers networks that are trained at once and know nothing of one another, so
    that |g| is that of each.
    buffers: `model.buffers()`, where a model has batch normalisation: its running statistics are then those at w alone.
    Raises ValueError that lists all values out of their ranges.
    """

    counts = "first"

    def __init__(
        self,
        params: Params,
        lr: float = 0.1,
        rho: float = 0.05,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        independent: bool = False,
        buffers: Iterable[Tensor] = (),
    ):
        self.independent = independent
        super().__init__(params, dict(lr=lr, rho=rho, momentum=momentum, weight_decay=weight_decay), buffers)

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "independent": self.independent}

    def add_param_group(self, param_group: Group) -> None:
        """As of torch: more parameters, with values of their own. Raises ValueError as the class does."""
        check("SAM", {**self.defaults, **param_group}, RANGES)
        super().add_param_group(param_group)

    def moves(self) -> bool:
        return any(group["rho"] for group in self.param_groups)

    def move(self) -> None:
        moved = [(p, g, group["rho"]) for group in self.param_groups for p, g in gradients(group)]
        if not moved:
            return
        rows = lambda g: g.reshape(len(g) if self.independent else 1, -1)  # one for each network
        norm = torch.stack([rows(g).norm(dim=1) for _, g, _ in moved]).norm(dim=0)
        norm = torch.where(norm > 0, norm, 1.0)  # where the gradient is 0, so is the move
        for p, g, rho in moved:
            p.add_((rows(g) / norm[:, None]).view_as(p), alpha=rho)

    def descend(self, moved: bool) -> None:
        self.go_back()
        for group in self.param_groups:
            for p, g in gradients(group):
                g = g.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else g
                p.add_(self.heavy_ball(p, g, group["momentum"]), alpha=-group["lr"])
