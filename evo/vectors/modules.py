"""The fixed-architecture networks of weight-based methods: the same network for ga, random-search and backprop.

A network is called with rows (B, I), images flattened, and returns (B, O). A user's own class can replace it:
`Net(inputs, outputs, **its settings)`, named as `model.network = "my_file.py:Net"`.
"""

from __future__ import annotations

import itertools
import math

from torch import Tensor, nn

from evo.activations import ACTIVATIONS
from evo.settings import Value, setting, settings
from evo.vectors import arithmetics


class Activation(nn.Module):
    """An entry of `evo.activations` as a module."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return ACTIVATIONS[self.name](x)

    def extra_repr(self) -> str:
        return self.name


@settings
class MLPSettings:
    hidden: tuple[int, ...] = setting((32,), "units of each hidden layer; [] is a linear network", low=1)
    activation: str = setting("tanh", "activation of the hidden layers", choices=ACTIVATIONS)
    arithmetic: str = setting("float32", "how layers compute: see evo/vectors/arithmetics.py", choices=arithmetics.ARITHMETICS)
    arithmetic_seed: int = setting(0, "faulty: which multipliers are off, and by how much", low=0)
    gradient: str = setting(
        "autograd",
        "what gradient methods are told of rounding and faults: autograd: what it makes of them, nothing where numbers become "
        "whole; straight_through: as if weights and inputs had stayed as they were, where they change",
        choices=arithmetics.GRADIENTS,
        source="Bengio et al. 2013",
    )


class MLP(nn.Module):
    """A multi-layer perceptron, (B, I) -> (B, O): linear layers with one activation between them, none after the last.

    inputs: I, or the shape (C, H, W) of an image, which is flattened. values: those of MLPSettings, such as `hidden`
    (units of each hidden layer) and `activation`. Raises SettingsError for values that these do not allow.
    """

    settings = MLPSettings

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = MLPSettings(**values)
        sizes = [inputs if isinstance(inputs, int) else math.prod(inputs), *chosen.hidden, outputs]
        layers: list[nn.Module] = []
        for place, (before, after) in enumerate(itertools.pairwise(sizes)):
            made = arithmetics.layer(chosen.arithmetic, before, after, chosen.gradient, chosen.arithmetic_seed, place)
            layers += [made, Activation(chosen.activation)]
        self.layers = nn.Sequential(*layers[:-1])

    @property
    def plain(self) -> bool:
        """Whether it computes in float32: what kernels can do too."""
        return all(type(layer) in (nn.Linear, Activation) for layer in self.layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


@settings
class CNNSettings:
    channels: tuple[int, ...] = setting(
        (16, 32), "output channels of each 3x3 convolution, each followed by 2x2 max pooling", low=1
    )
    hidden: tuple[int, ...] = setting((64,), "units of each hidden layer after the convolutions", low=1)
    activation: str = setting("relu", "activation of every layer but the last", choices=ACTIVATIONS)


class CNN(nn.Module):
    """A small convolutional network for images: [3x3 convolution, activation, 2x2 max pooling] per entry of channels, then an
    MLP.

    inputs: the shape (C, H, W); rows are flattened images, (B, C*H*W) -> (B, O). values: those of CNNSettings. Raises
    ValueError for flat inputs, and for more poolings than the image size allows, SettingsError for other values.
    """

    settings = CNNSettings

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = CNNSettings(**values)
        if isinstance(inputs, int) or len(inputs) != 3:
            raise ValueError(f"model.network cnn needs images (C, H, W); this task's inputs are {inputs}: use mlp")
        self.shape = tuple(inputs)
        channels, height, width = inputs
        layers: list[nn.Module] = []
        for after in chosen.channels:
            layers += [nn.Conv2d(channels, after, 3, padding=1), Activation(chosen.activation), nn.MaxPool2d(2)]
            channels, height, width = after, height // 2, width // 2
        if height * width == 0:
            raise ValueError(f"model.channels: {len(chosen.channels)} poolings are too many for images of {self.shape[1:]}")
        self.convolutions = nn.Sequential(*layers)
        self.head = MLP(channels * height * width, outputs, hidden=chosen.hidden, activation=chosen.activation)

    def forward(self, x: Tensor) -> Tensor:
        pictures = x.reshape(*x.shape[:-1], *self.shape)
        return self.head(self.convolutions(pictures).flatten(-3))
