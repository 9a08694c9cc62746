"""Weight normalisation: direction and length of a unit's weights are parameters (Salimans, Kingma: Weight normalization. NIPS
2016).

    w = length direction / |direction|        for each unit

torch's own has a second derivative that takes the norm for a constant (torch 2.13, on cores), and teaching needs it right.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

Network = TypeVar("Network", bound=nn.Module)
NORMALISED = (nn.Linear, nn.Conv1d, nn.Conv2d)  # layers whose units have their weights in a row of `weight`


class WeightNorm(nn.Module):
    """length (U, 1, ...) and direction (U, ...) -> the weights of U units."""

    def forward(self, length: Tensor, direction: Tensor) -> Tensor:
        return direction * (length / _norm(direction))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return _norm(weight), weight


class NormalisedLinear(nn.Module):
    """(B, I) -> (B, U): a linear layer without biases, of normalised weights, by Kaiming. Unlike a layer that `normalised`
    changed, it can be pickled."""

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.weight_norm = WeightNorm()
        length, direction = self.weight_norm.right_inverse(nn.init.kaiming_normal_(torch.empty(units, inputs)))
        self.length, self.direction = nn.Parameter(length), nn.Parameter(direction)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight_norm(self.length, self.direction))


def _norm(weight: Tensor) -> Tensor:
    return weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))


def normalised(network: Network) -> Network:
    """The network with weight normalisation on every linear and convolutional layer. It computes what it did."""
    for layer in [layer for layer in network.modules() if isinstance(layer, NORMALISED)]:
        parametrize.register_parametrization(layer, "weight", WeightNorm())
    return network


def plain(network: Network) -> Network:
    """The network without weight normalisation, with the weights that it makes. It computes what it did."""
    for layer in [layer for layer in network.modules() if parametrize.is_parametrized(layer)]:
        parametrize.remove_parametrizations(layer, "weight")
    return network
