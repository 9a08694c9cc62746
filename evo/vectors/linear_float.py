"""A deep linear network that computes what no linear function can: numbers near zero are flushed to zero.

Foerster: Nonlinear computation in deep linear networks. OpenAI, 2017. Of layers x W + b alone, with s = 2^125:

    h1 = (x W1 + b1) / s        h2 = h1 W2 + b2 / s        o = (h2 W3 + b3 / s) s

The smallest normal float32 is tiny = 2^-126. On the paper's card, what is computed element by element (sums with biases,
scaling) is 0 below tiny, while matrix products keep such numbers. Seen s times as large, each layer is 0 where it lies within
(-0.5, 0.5), and so is each bias from the second layer on: Hardshrink(0.5).

So `layers` are nn.Linear without biases, which are products, and between them `Elementwise`, whose parameter is the bias. The
flush is emulated by comparing. torch's own switch (set_flush_denormal) is of no use: it reaches the products too, and only on
the thread that sets it.
"""

from __future__ import annotations

import copy
import itertools
import math

import torch
from torch import Tensor, nn

from evo.settings import Value, setting, settings

SCALE, TINY = 2.0**125, torch.finfo(torch.float32).tiny
MODES = {"hardshrink": (1.0, 0.5), "float32_ftz": (SCALE, TINY), "exact": (1.0, 0.0)}  # scale, and below what all is 0
GRADIENTS = ("identity", "through_flush")


@settings
class LinearFloatSettings:
    hidden: tuple[int, ...] = setting((512, 512), "units of each hidden layer", low=1, source="Foerster 2017")
    mode: str = setting(
        "hardshrink",
        "hardshrink: everything within 0.5 of 0 is 0; float32_ftz: the same bit by bit, in numbers 2^125 times smaller, which "
        "cores multiply a hundred times slower; exact: a linear network",
        choices=MODES,
    )
    gradient: str = setting(
        "identity",
        "what gradient methods are told of the flush: identity: nothing, as in the paper; through_flush: its derivative",
        choices=GRADIENTS,
    )


class Elementwise(nn.Module):
    """What follows the products (B, O) of a layer: adds the bias, scales if the layer is the first or the last, and flushes."""

    def __init__(self, units: int, mode: str, gradient: str, first: bool, last: bool):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(units))
        self.mode, self.gradient, self.first, self.last = mode, gradient, first, last

    @property
    def unit(self) -> float:
        """How large 1 is in the products that it gets."""
        return 1.0 if self.first else 1 / MODES[self.mode][0]

    def forward(self, products: Tensor) -> Tensor:
        scale, limit = MODES[self.mode]
        bias = self.bias if self.first else self._flushed(self.bias / scale, limit)
        sums = self._flushed(products + bias, limit)
        if self.first:
            sums = self._flushed(sums / scale, limit)
        return self._flushed(sums * scale, limit) if self.last else sums

    def _flushed(self, values: Tensor, limit: float) -> Tensor:
        if limit == 0:
            return values
        if self.gradient == "through_flush" and torch.is_grad_enabled():
            return torch.where(values.abs() < limit, 0.0, values)
        flushed = values * (values.abs() >= limit)  # a quarter of the time of torch.where, whose gradient stays finite
        if not torch.is_grad_enabled():
            return flushed
        return flushed.detach() + (values - values.detach())  # its gradient that of `values`; adding 0 changes no bit

    def extra_repr(self) -> str:
        return f"{self.mode}, gradient={self.gradient}"


class LinearFloat(nn.Module):
    """The network of the module's docstring, (B, I) -> (B, O), with any number of hidden layers. Weights begin as
    N(0, 2 / fan in), biases as 0.

    inputs: I, or the shape (C, H, W) of an image, which is flattened. values: those of LinearFloatSettings. Raises
    SettingsError for values that these do not allow.
    """

    settings = LinearFloatSettings

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = LinearFloatSettings(**values)
        sizes = [inputs if isinstance(inputs, int) else math.prod(inputs), *chosen.hidden, outputs]
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(itertools.pairwise(sizes)):
            products = nn.Linear(before, after, bias=False)
            nn.init.normal_(products.weight, std=(2 / before) ** 0.5)
            ends = {"first": k == 0, "last": k == len(sizes) - 2}
            layers += [products, Elementwise(after, chosen.mode, chosen.gradient, **ends)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def exact(self) -> LinearFloat:
        """A copy with the same weights that flushes nothing: a linear function."""
        twin = copy.deepcopy(self)
        for layer in twin.layers:
            if isinstance(layer, Elementwise):
                layer.mode = "exact"
        return twin
