"""Backstitch: a small step up the gradient, then a larger one down the gradient found there.

Wang, Peddinti, Xu, Zhang, Povey, Khudanpur: Backstitch: counteracting finite-sample bias via negative steps. Interspeech 2017,
1631-1635; details as in Kaldi's nnet3 training. On every interval-th minibatch, with rate lr:

    1.  theta <- theta + alpha lr g(theta)
    2.  theta <- theta - (1 + alpha) lr g(theta)        the gradient of the same minibatch, where step 1 led

and on the others theta <- theta - lr g(theta). alpha and 1 + alpha stand as they are whatever the interval (Kaldi's reading;
others multiply alpha by it). Where the curvature is h, with z = lr h, both steps multiply the error by

    (1 + alpha z) (1 - (1 + alpha) z) = 1 - z - alpha (1 + alpha) z^2

so that to first order backstitch is gradient descent on the loss + alpha (1 + alpha) lr / 2 |g|^2, and is stable up to
z = 1.320 (alpha = .3) or .781 (alpha = 1), where SGD is up to 2. With the first gradient used again in step 2 it would be SGD.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from evo.learning.two_gradients import Group, Params, TwoGradients, check, gradients

RANGES = {
    **dict.fromkeys(("lr", "weight_decay", "phase"), (0.0, math.inf)),
    "interval": (1.0, math.inf),
    "momentum": (0.0, 1.0),
}
OPTIONAL = dict.fromkeys(("alpha", "correction"), (0.0, math.inf)) | {"max_change": (math.ulp(0.0), math.inf)}


def predicted_alpha(lr: float, correction: float) -> float:
    """The alpha at which alpha (1 + alpha) lr = correction; 0 for a rate of 0. With correction = B / N, minibatches of B out of
    N examples, it is the one that the theory behind the method predicts to cancel the finite-sample bias."""
    return (math.sqrt(1 + 4 * correction / lr) - 1) / 2 if lr > 0 else 0.0


class Backstitch(TwoGradients):
    """A torch optimiser, for any loop: `optimizer.step(closure)`, where closure computes the loss of the minibatch, calls
    backward() and returns it. It evaluates the closure twice, which takes twice the time of SGD, and with the same dropout
    masks.

        optimizer = evo.Backstitch(model.parameters(), lr=0.1, alpha=0.3)

        def closure():
            loss = loss_function(model(x), y)
            loss.backward()
            return loss

        optimizer.step(closure)

    params: parameters, or groups of them; a group may have values of its own. lr: the rate; a schedule of torch may change it.
    alpha: the step up, relative to lr (Kaldi's recipes: .2 to 1). interval: every which minibatch takes it (Kaldi's quick
    setting: alpha = 1, interval = 4). phase: which of them, 0 .. interval - 1. correction: in place of alpha (None), the value
    at which alpha (1 + alpha) lr is held as lr changes (`predicted_alpha`).
    weight_decay: adds weight_decay * theta to the gradient, in step 2 alone, over 1 + alpha, so that it acts once, as in SGD.
    max_change: largest norm of lr g over a group; what is longer is scaled down, before alpha and 1 + alpha. A closure that
    clips the gradient (`torch.nn.utils.clip_grad_norm_`) clips that of both steps.
    buffers: `model.buffers()`, where a model has batch normalisation: its running statistics are then of step 2 alone.
    momentum: refused, as the method is defined without, unless experimental: then v <- momentum v + g in step 2 alone, which
    moves by (1 + alpha) lr v, and v is plain SGD's on the other minibatches.
    Raises ValueError that lists all values out of their ranges.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 0.1,
        alpha: float | None = 0.3,
        interval: int = 1,
        *,
        phase: int = 0,
        correction: float | None = None,
        weight_decay: float = 0.0,
        max_change: float | None = None,
        buffers: Iterable[Tensor] = (),
        momentum: float = 0.0,
        experimental: bool = False,
    ):
        self.experimental = experimental
        given = dict(lr=lr, alpha=alpha, interval=interval, phase=phase, correction=correction, weight_decay=weight_decay)
        super().__init__(params, {**given, "max_change": max_change, "momentum": momentum, "minibatches": 0}, buffers)

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "experimental": self.experimental}

    def add_param_group(self, param_group: Group) -> None:
        """As of torch: more parameters, with values of their own. Raises ValueError as the class does."""
        group = {**self.defaults, **param_group}
        check("Backstitch", group, RANGES | {name: each for name, each in OPTIONAL.items() if group[name] is not None})
        for name in ("interval", "phase"):
            if int(group[name]) != group[name]:
                raise ValueError(f"Backstitch: {name}: expected a whole number; got {group[name]!r}")
        if group["phase"] >= group["interval"]:
            raise ValueError(f"Backstitch: phase: expected less than interval, {group['interval']}; got {group['phase']!r}")
        if (group["alpha"] is None) == (group["correction"] is None):
            got = f"alpha={group['alpha']!r}, correction={group['correction']!r}"
            raise ValueError(f"Backstitch: expected one of alpha and correction, and None for the other; got {got}")
        self._refuse_momentum(group)
        super().add_param_group(param_group)

    def _refuse_momentum(self, group: Group) -> None:
        if group["momentum"] and not self.experimental:
            raise ValueError(
                f"Backstitch: momentum: expected 0, as the method is defined without; got {group['momentum']!r}. A "
                "schedule that cycles it has cycle_momentum=False; to try it all the same, add experimental=True: heavy ball, "
                "once a step, on the second gradient"
            )

    def moves(self) -> bool:
        for group in self.param_groups:  # a schedule may have changed it
            self._refuse_momentum(group)
        return any(_scale(group) for group in self.param_groups)

    def move(self) -> None:
        for group in self.param_groups:
            if alpha := _scale(group):
                for p, g in _clipped(group, gradients(group)):
                    p.add_(g, alpha=alpha * group["lr"])

    def descend(self, moved: bool) -> None:
        for group in self.param_groups:
            scale = 1 + _scale(group)
            decay = group["weight_decay"] / scale
            decayed = [(p, g.add(p, alpha=decay) if decay else g) for p, g in gradients(group)]
            for p, g in _clipped(group, decayed):
                p.add_(self.heavy_ball(p, g, group["momentum"]), alpha=-scale * group["lr"])
            group["minibatches"] += 1


def _scale(group: Group) -> float:
    """alpha on this minibatch, 0 where it is one of plain SGD."""
    if group["minibatches"] % group["interval"] != group["phase"]:
        return 0.0
    return group["alpha"] if group["correction"] is None else predicted_alpha(group["lr"], group["correction"])


def _clipped(group: Group, pairs: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """The parameters of a group and their gradients, scaled so that the norm of lr g is at most max_change."""
    if group["max_change"] is None or not pairs:
        return pairs
    change = group["lr"] * torch.stack([g.norm() for _, g in pairs]).norm()
    factor = (group["max_change"] / change).clamp(max=1.0)
    return [(p, g * factor) for p, g in pairs]
