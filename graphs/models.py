"""Networks on a graph: for the nodes that they are asked for, (B, F) features and neighbours -> (B, O).

Called with rows alone, as networks of other tasks are, each row is a node without neighbours. A network of a user's own is one
on a graph if it has a `depth`, the steps that it looks away from a node, and forward(x, around), as `GraphNetwork`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from evo.settings import Value, setting, settings
from evo.vectors.recurrent import Recurrent
from graphs.layers import Affine, GATLayer, GCNLayer, GINLayer, SAGELayer, dropped, gathered
from graphs.neighbourhoods import Neighbourhood, NodeData, Values, alone


@runtime_checkable
class GraphNetwork(Protocol):
    """forward(x, around): x (n, F), sparse or not, of the nodes within `depth` steps, and the Neighbourhood -> (B, O)."""

    depth: int

    def forward(self, x: Values, around: Neighbourhood | None = None) -> Tensor: ...


class NodeNetwork(nn.Module):
    """A network on a graph, or one of features alone, (B, F) -> (B, O), as a module of a GraphTask's inputs (B, I)."""

    def __init__(self, network: nn.Module, data: NodeData):
        super().__init__()
        self.network, self.data = network, data

    def forward(self, x: Tensor) -> Tensor:
        """Raises ValueError if it is exported to ONNX, which would need the graph and all features."""
        if torch.compiler.is_exporting():
            raise ValueError("it reads the graph, which an ONNX file does not hold: export .pt or .safetensors")
        if not isinstance(self.network, GraphNetwork):
            return self.network(self.data.rows(x))
        nodes, place = np.unique(self.data.nodes(x), return_inverse=True)
        around = self.data.around(nodes, self.network.depth)
        return self.network(around.x, around)[torch.from_numpy(place)]


def on_nodes(network: Callable[..., nn.Module], data: NodeData, inputs: int, outputs: int) -> nn.Module:
    """What `network` makes for features, as a module of a GraphTask's inputs; one that reads these as they are, and one that
    keeps a state, which rows are refused for, as it is."""
    made = network(data.x.shape[1], outputs)
    as_it_is = isinstance(made, Recurrent) or not (data.numbered or isinstance(made, GraphNetwork))
    return made if as_it_is else NodeNetwork(made, data)


def _sizes(inputs: int | tuple[int, ...], hidden: tuple[int, ...], outputs: int) -> list[tuple[int, int]]:
    """(I, O) of each layer."""
    return list(itertools.pairwise([inputs if isinstance(inputs, int) else math.prod(inputs), *hidden, outputs]))


@settings
class WidthSettings:
    parameters: int | None = setting(
        None,
        "at most so many, by the width of the hidden layers, in the proportions of `hidden`; none: `hidden` as it is",
        low=1,
    )


def _widths(network: type[nn.Module], inputs: int | tuple[int, ...], outputs: int, chosen: Any) -> tuple[int, ...]:
    """The units of each hidden layer of a network whose settings, `chosen`, have `hidden` and `parameters`."""
    return chosen.hidden if chosen.parameters is None else _widest(network, inputs, outputs, chosen)  # type: ignore[arg-type]  # a class is hashable


@functools.lru_cache(maxsize=64)
def _widest(network: type[nn.Module], inputs: int | tuple[int, ...], outputs: int, chosen: Any) -> tuple[int, ...]:
    """The widest hidden layers with at most `parameters`. Raises ValueError if there is none."""

    def scaled(first: int) -> tuple[int, ...]:
        return tuple(max(1, first * units // chosen.hidden[0]) for units in chosen.hidden)

    def count(first: int) -> int:
        with torch.device("meta"):  # shapes alone
            made = network(inputs, outputs, **(vars(chosen) | {"hidden": scaled(first), "parameters": None}))
        return sum(p.numel() for p in made.parameters())

    if not chosen.hidden:
        raise ValueError("parameters: expected a network with hidden layers, whose width it sets; got hidden = []")
    if count(1) > chosen.parameters:
        raise ValueError(f"parameters: expected at least {count(1):,}, hidden = {list(scaled(1))}; got {chosen.parameters:,}")
    fits, beyond = 1, 2
    while count(beyond) <= chosen.parameters:
        fits, beyond = beyond, 2 * beyond
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        fits, beyond = (middle, beyond) if count(middle) <= chosen.parameters else (fits, middle)
    return scaled(fits)


@settings
class ConvolutionSettings(WidthSettings):
    hidden: tuple[int, ...] = setting((16,), "units of each hidden layer; layers look a step further each", low=1)
    dropout: float = setting(0.5, "part of the inputs of every layer that is dropped in training", low=0.0, below=1.0)


class Convolutions(nn.Module):
    """Layers of one kind, (B, I) -> (B, O), with dropout before and ReLU between them. values: those of ConvolutionSettings.
    Raises SettingsError for values that these do not allow, ValueError for fewer `parameters` than one unit a layer has."""

    settings = ConvolutionSettings
    layer: ClassVar[type[nn.Module]]

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = ConvolutionSettings(**values)
        self.dropout = chosen.dropout
        widths = _widths(type(self), inputs, outputs, chosen)
        self.layers = nn.ModuleList(self.layer(*size) for size in _sizes(inputs, widths, outputs))

    @property
    def depth(self) -> int:
        return len(self.layers)

    def forward(self, x: Values, around: Neighbourhood | None = None) -> Tensor:
        first, *rest = zip(self.layers, (around or alone(x, self.depth)).blocks)
        z = first[0](dropped(x, self.dropout, self.training), first[1])
        for number, (layer, block) in enumerate(rest):
            z = layer(dropped(self.activated(z, number), self.dropout, self.training), block)
        return z

    def activated(self, z: Tensor, number: int) -> Tensor:
        """The values of a hidden layer, the first has number 0, of what its sums give."""
        return torch.relu(z)


class GCN(Convolutions):
    """A graph convolutional network (Kipf, Welling 2017)."""

    layer = GCNLayer


class SAGE(Convolutions):
    """GraphSAGE with the mean of all neighbours (Hamilton, Ying, Leskovec 2017)."""

    layer = SAGELayer


class GIN(Convolutions):
    """A graph isomorphism network for nodes (Xu et al. 2019), with batch normalisation of every hidden layer (section 7): in
    training by the nodes that are read, else by the running mean and variance of training, which are 0 and 1 where weights are
    evolved."""

    layer = GINLayer

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__(inputs, outputs, **values)
        layers = cast(list[GINLayer], list(self.layers)[:-1])
        self.norms = nn.ModuleList(nn.BatchNorm1d(layer.norm.num_features) for layer in layers)

    def activated(self, z: Tensor, number: int) -> Tensor:
        return torch.relu(self.norms[number](z))


@settings
class GATSettings(WidthSettings):
    hidden: tuple[int, ...] = setting((8,), "units of a head of each hidden layer", low=1)
    heads: int = setting(8, "heads of attention of each hidden layer, whose units are concatenated", low=1)
    output_heads: int = setting(1, "heads of the last layer, whose outputs are averaged", low=1)
    dropout: float = setting(
        0.6, "part of every layer's inputs, of its z and of the shares of attention that is dropped", low=0.0, below=1.0
    )


class GAT(nn.Module):
    """A graph attention network, (B, I) -> (B, O) (Velickovic et al. 2018): layers of heads, ELU between them. values: those of
    GATSettings. Raises as Convolutions."""

    settings = GATSettings

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = GATSettings(**values)
        sizes, heads = _sizes(inputs, _widths(type(self), inputs, outputs, chosen), outputs), chosen.heads
        self.dropout = chosen.dropout
        self.layers = nn.ModuleList()
        for k, (before, after) in enumerate(sizes):
            own = chosen.output_heads if k == len(chosen.hidden) else heads
            self.layers.append(GATLayer(before * heads if k else before, after, own, chosen.dropout))

    @property
    def depth(self) -> int:
        return len(self.layers)

    def forward(self, x: Values, around: Neighbourhood | None = None) -> Tensor:
        first, *rest = zip(self.layers, (around or alone(x, self.depth)).blocks)
        z = first[0](dropped(x, self.dropout, self.training), first[1])
        for layer, block in rest:
            z = layer(dropped(functional.elu(z.flatten(1)), self.dropout, self.training), block)
        return z.mean(1)


@settings
class SGCSettings:
    hops: int = setting(2, "steps that features are averaged over", low=1)


class SGC(nn.Module):
    """A simple graph convolution, (B, I) -> (B, O) (Wu et al.: Simplifying graph convolutional networks. ICML 2019, (8)):
    (D^-1/2 (A + I) D^-1/2)^hops x W + b. values: those of SGCSettings. Raises SettingsError for values that these do not allow.
    """

    settings = SGCSettings

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        self.depth = SGCSettings(**values).hops
        self.layers = nn.ModuleList([Affine(*_sizes(inputs, (), outputs)[0])])

    def forward(self, x: Values, around: Neighbourhood | None = None) -> Tensor:
        layer = cast(Affine, self.layers[0])
        z = x @ layer.weight
        for block in (around or alone(x, self.depth)).blocks:
            z = gathered(block.sym, z, block)
        return z + layer.bias


@settings
class APPNPSettings(WidthSettings):
    hidden: tuple[int, ...] = setting((64,), "units of each hidden layer", low=1)
    dropout: float = setting(
        0.5, "part of every layer's inputs, and of the edges' weights, that is dropped", low=0.0, below=1.0
    )
    hops: int = setting(10, "steps of personalised PageRank", low=1)
    teleport: float = setting(0.1, "share of a node's own prediction in each step", low=0.0, high=1.0)


class APPNP(nn.Module):
    """Approximate personalised propagation of neural predictions, (B, I) -> (B, O) (Klicpera, Bojchevski, Guennemann: Predict
    then propagate. ICLR 2019, (4)): Z = H, an MLP of each node, then hops times

        Z <- (1 - teleport) D^-1/2 (A + I) D^-1/2 Z + teleport H

    values: those of APPNPSettings. Raises as Convolutions."""

    settings = APPNPSettings

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, **values: Value):
        super().__init__()
        chosen = APPNPSettings(**values)
        self.dropout, self.depth, self.teleport = chosen.dropout, chosen.hops, chosen.teleport
        widths = _widths(type(self), inputs, outputs, chosen)
        self.layers = nn.ModuleList(Affine(*size) for size in _sizes(inputs, widths, outputs))

    def forward(self, x: Values, around: Neighbourhood | None = None) -> Tensor:
        own = self.layers[0](dropped(x, self.dropout, self.training))
        for layer in self.layers[1:]:
            own = layer(dropped(torch.relu(own), self.dropout, self.training))
        z = own
        for block in (around or alone(x, self.depth)).blocks:
            own = own[block.own]
            weights = functional.dropout(block.sym, self.dropout, self.training)
            z = (1 - self.teleport) * gathered(weights, z, block) + self.teleport * own
        return z
