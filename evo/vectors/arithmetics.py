"""Arithmetics of an MLP's linear layers, beside float32: numbers that are rounded, multipliers that are faulty, light.

float16, bfloat16: weights, biases, inputs and sums are rounded to the format; sums are float32, as in tensor cores.
int8: weights and inputs are whole numbers of -127 to 127, times one scale a layer, and one a row, so that the largest fits.
ternary: weights are -1, 0 or 1, times their mean absolute value (Ma et al. 2024, BitNet b1.58, equation 1).
faulty: each product is off by a relative error of its own multiplier, drawn once, of standard deviation 10 %; one multiplier of
    a hundred is stuck at 0. All are a function of a seed, the layer, and the multiplier's place in it; the weights' file lacks
    them, so that weights can move to other multipliers.
diffractive: phases alone are learned. Inputs are amplitudes of light; five times it goes through a mask of phases and is
    diffracted far (a Fourier transform); outputs are its intensities, of the first places, plus a bias (after Lin et al. 2018).

Gradients are those of autograd: that of a cast to float16 or bfloat16 is the gradient, cast; that of rounding to whole numbers
is 0 almost everywhere, so that int8 and ternary weights have none (scales count as constants); a faulty multiplier and light
are differentiated as they are. A straight-through gradient (Bengio et al. 2013) is that of the weight or input before it was
rounded or went wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from evo import rng

FLOAT32, DIFFRACTIVE = "float32", "diffractive"
GRADIENTS = ("autograd", "straight_through")
ERROR, STUCK = 0.1, 0.01  # of a faulty multiplier
MASKS = 5
SMALLEST = 1e-30  # of a scale: of numbers that are all 0

Change = Callable[[Tensor], Tensor]


class Operands(NamedTuple):
    """What becomes of the numbers of a layer: of its weights, its inputs, and its biases and sums."""

    weights: Change
    inputs: Change
    sums: Change


def _same(values: Tensor) -> Tensor:
    return values


def _cast(dtype: torch.dtype) -> Operands:
    rounded = lambda values: values.to(dtype).to(values.dtype)
    return Operands(rounded, rounded, rounded)


def _whole(values: Tensor, largest: Tensor) -> Tensor:
    scale = (largest.detach() / 127).clamp(min=SMALLEST)
    return scale * (values / scale).round()


def _ternary(weights: Tensor) -> Tensor:
    scale = weights.detach().abs().mean().clamp(min=SMALLEST)
    return scale * (weights / scale).round().clamp(-1, 1)


_int8 = Operands(
    lambda weights: _whole(weights, weights.abs().max()), lambda x: _whole(x, x.abs().amax(-1, keepdim=True)), _same
)
ROUNDED = {
    "float16": _cast(torch.float16),
    "bfloat16": _cast(torch.bfloat16),
    "int8": _int8,
    "ternary": Operands(_ternary, _same, _same),
}
ARITHMETICS = (FLOAT32, *ROUNDED, "faulty", DIFFRACTIVE)


class Inexact(nn.Linear):
    """A linear layer whose numbers are changed on the way, (B, I) -> (B, O). straight: its gradient is straight-through."""

    def __init__(self, before: int, after: int, arithmetic: str, straight: bool):
        super().__init__(before, after)
        self.arithmetic, self.straight = arithmetic, straight

    @property
    def operands(self) -> Operands:
        return ROUNDED[self.arithmetic]

    def forward(self, x: Tensor) -> Tensor:
        weights, inputs, sums = self.operands
        bias = self._as(sums, self.bias)
        return self._as(sums, functional.linear(self._as(inputs, x), self._as(weights, self.weight), bias))

    def _as(self, change: Change, values: Tensor) -> Tensor:
        if change is _same or not self.straight:
            return change(values)
        return change(values).detach() + (values - values.detach())  # adding 0 changes no bit

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, {self.arithmetic}{', straight_through' if self.straight else ''}"


class Faulty(Inexact):
    """A linear layer with a multiplier for each weight, `factors` (O, I): what each makes of a product."""

    factors: Tensor

    def __init__(self, before: int, after: int, seed: int, place: int, straight: bool):
        super().__init__(before, after, "faulty", straight)
        one, two, three = rng.uniforms(seed, 0, place, rng.FAULTS, 3 * before * after).reshape(-1, 3).T
        draws = [torch.from_numpy(part.copy()).reshape(after, before) for part in (one, two, three)]
        normal = (-2 * draws[0].log()).sqrt() * (2 * math.pi * draws[1]).cos()
        self.register_buffer("factors", ((1 + ERROR * normal) * (draws[2] >= STUCK)).float(), persistent=False)

    @property
    def operands(self) -> Operands:
        return Operands(lambda weights: weights * self.factors, _same, _same)


class Diffractive(nn.Module):
    """Light through masks of phases, (B, I) -> (B, O), on as many places as there are inputs or outputs. A phase is drawn
    evenly from a turn."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.before, self.after = before, after
        self.phases = nn.Parameter(torch.empty(MASKS, max(before, after)))
        nn.init.uniform_(self.phases, -math.pi, math.pi)
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Tensor) -> Tensor:
        light = functional.pad(x, (0, self.phases.shape[1] - self.before)).to(torch.complex64)
        for phases in self.phases:
            light = torch.fft.fft(light * torch.complex(phases.cos(), phases.sin()), norm="ortho")
        seen = light[..., : self.after]
        return seen.real.square() + seen.imag.square() + self.bias

    def extra_repr(self) -> str:
        return f"{self.before}, {self.after}"


def layer(arithmetic: str, before: int, after: int, gradient: str, seed: int, place: int) -> nn.Module:
    """A layer of one of ARITHMETICS from `before` units to `after`, the `place`-th of its network."""
    straight = gradient == "straight_through"
    if arithmetic == FLOAT32:
        return nn.Linear(before, after)
    if arithmetic == DIFFRACTIVE:
        return Diffractive(before, after)
    if arithmetic == "faulty":
        return Faulty(before, after, seed, place, straight)
    return Inexact(before, after, arithmetic, straight)
