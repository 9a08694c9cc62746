"""What a teacher teaches, in which order, and how fast: the curricula that Such et al. (2020, section 4) compare.

A curriculum of T minibatches of B has T B examples. Example i of a minibatch has label i mod classes; each comes from
generator(z, label) with a z of its own:

    full             z learned, in a fixed order: the method
    batch_shuffled   the same, minibatches in an order drawn for every learner
    all_shuffled     the same, examples in an order drawn for every learner
    none             z drawn for every learner
    random_fixed     z drawn once, not learned
    distilled        no generator: the numbers of every example are learned (Wang et al. 2018)
    dataset          training examples in a drawn order: the control, in which rates and momenta alone are learned

Rates and momenta of all T steps are learned too, within (0, cap) and (0, 1): cap sigmoid(u). Far below its cap a rate is
learned by its logarithm, as in the authors' program; the cap is ours.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from evo import rng
from evo.learning.gtn.generator import REACH, Generator
from evo.learning.gtn.inner import Lesson, Lessons

CURRICULA = ("full", "batch_shuffled", "all_shuffled", "none", "random_fixed", "distilled", "dataset")
GENERATED = CURRICULA[:5]


class Draw(NamedTuple):
    """What a learner's random numbers are functions of: its initial weights, and what is drawn of its lessons."""

    seed: int
    step: int
    learner: int


FIRST = Draw(0, 0, 0)


class Shape(NamedTuple):
    """T minibatches of B examples of I numbers; classes: labels that there are; picture (C, H, W): what an example is, if it is
    one."""

    steps: int
    batch: int
    inputs: int
    classes: int
    picture: tuple[int, int, int] | None = None


class Teacher(nn.Module):
    """A curriculum and the rates at which it is learned, as a module whose parameters the outer loop learns.

    curriculum: one of CURRICULA. noise: Z numbers of the generator's input; hidden: as of `Generator`. rate, momentum: initial
    ones of all steps; cap: which no rate exceeds. real: the training examples x (B, I), y (B,). seed: of its initial
    parameters.
    """

    unit: Tensor
    fixed: Tensor

    def __init__(
        self,
        curriculum: str,
        shape: Shape,
        real: tuple[Tensor, Tensor],
        *,
        noise: int = 64,
        hidden: tuple[int, ...] = (256,),
        rate: float = 0.02,
        momentum: float = 0.5,
        cap: float = 1.0,
        seed: int = 0,
    ):
        super().__init__()
        self.curriculum, self.shape, self.real, self.cap, self.noise = curriculum, shape, real, cap, noise
        x = real[0].double()
        self.register_buffer("unit", torch.stack([x.mean(), x.std(correction=0)]).float())
        if curriculum in GENERATED:
            with rng.torch_seed(seed, 0, 0, rng.INITIAL):
                self.generator = Generator(noise, shape.classes, hidden, shape.inputs)
        if curriculum in GENERATED and curriculum != "none":
            drawn = self._normal(Draw(seed, 0, 1), rng.INITIAL, noise)
            if curriculum == "random_fixed":
                self.register_buffer("fixed", drawn)
            else:
                self.z = nn.Parameter(drawn)
        if curriculum == "distilled":
            self.examples = nn.Parameter(self._normal(Draw(seed, 0, 1), rng.INITIAL, shape.inputs))
        logit = lambda part: math.log(part / (1 - part))
        self.rate = nn.Parameter(torch.full((shape.steps,), logit(rate / cap)))
        self.momentum = nn.Parameter(torch.full((shape.steps,), logit(momentum)))

    @torch.no_grad()
    def pace(self) -> tuple[Tensor, Tensor]:
        """Rates (T,), between 0 and the cap, and momenta (T,), between 0 and 1."""
        return self.cap * self.rate.sigmoid(), self.momentum.sigmoid()

    def lessons(self, draw: Draw = FIRST) -> Lessons:
        """What a learner is taught in its steps t = 0 .. T - 1."""
        order = self._order(draw)
        z = self._normal(draw, rng.NOISE, self.noise) if self.curriculum == "none" else None

        def examples(rows: Tensor) -> tuple[Tensor, Tensor]:
            if self.curriculum == "dataset":
                return self.real[0][rows], self.real[1][rows]
            labels = rows % self.shape.batch % self.shape.classes
            if self.curriculum == "distilled":
                made = REACH * self.examples[rows].tanh()
            else:
                known = self.fixed if self.curriculum == "random_fixed" else self.z if z is None else z
                made = self.generator(known[rows], labels)
            return self.unit[0] + self.unit[1] * made, labels

        return lambda t: Lesson(*examples(order[t]), self.cap * self.rate[t].sigmoid(), self.momentum[t].sigmoid())

    def _order(self, draw: Draw) -> Tensor:
        """Which example is where, (T, B)."""
        steps, batch = self.shape.steps, self.shape.batch
        if self.curriculum == "dataset":
            chosen = sampled(draw, rng.DATA_ORDER, steps * batch, len(self.real[0]))
        else:
            chosen = torch.arange(steps * batch)
        order = chosen.view(steps, batch)
        if self.curriculum == "batch_shuffled":
            order = order[torch.from_numpy(rng.permutation(*draw, rng.DATA_ORDER, steps))]
        if self.curriculum == "all_shuffled":
            order = order.flatten()[torch.from_numpy(rng.permutation(*draw, rng.DATA_ORDER, steps * batch))].view(steps, batch)
        return order.to(self.unit.device)

    def _normal(self, draw: Draw, stream: int, width: int) -> Tensor:
        """Standard normal numbers (T B, width), by Box and Muller."""
        radius, angle = rng.uniforms(*draw, stream, 2 * self.shape.steps * self.shape.batch * width).reshape(2, -1, width)
        return torch.from_numpy(np.sqrt(-2 * np.log(radius)) * np.cos(2 * np.pi * angle)).to(self.unit)


def sampled(draw: Draw, stream: int, count: int, size: int) -> Tensor:
    """`count` rows of `size`, drawn with replacement, (count,) int64."""
    return torch.from_numpy((rng.uniforms(*draw, stream, count) * size).astype("int64"))
