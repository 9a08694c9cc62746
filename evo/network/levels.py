"""A network in torch, in few operations: for programs that translate each of them, as ONNX's exporter does.

`reference.GraphModule` computes node by node, some ten operations each, in every tick; an exporter takes milliseconds for
each. Nodes that wait for none of each other, with the same functions, are computed together here, sums by a matrix.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from evo.activations import AGGREGATIONS, EMPTY, NODE_ACTIVATIONS
from evo.network.reference import GraphModule


class LevelModule(nn.Module):
    """The network of a GraphModule, with its weights as they are now, to be computed and not trained: rows (B, I) -> (B, O).

    The same but for rounding, and but for infinity: times the 0 of a connection that is none it is NaN. Recurrent networks
    begin every call from zeros.
    """

    outputs: Tensor

    def __init__(self, graph: GraphModule):
        super().__init__()
        self.biased, self.ticks = graph.biased, graph.ticks
        self.rest = graph.slots - graph.inputs - graph.biased  # values that begin with zeros
        self.levels = nn.ModuleList(_Level(graph, members) for members in _levels(graph))
        self.register_buffer("outputs", torch.tensor(graph.outputs))

    def forward(self, x: Tensor) -> Tensor:
        bias, rest = torch.ones_like(x[:, :1]), torch.zeros_like(x[:, :1]).expand(-1, self.rest)
        values = torch.cat([x, *[bias] * self.biased, rest], 1)
        for _ in range(self.ticks):
            for level in self.levels:
                values = level(values)
        return values.index_select(1, self.outputs)


def _levels(graph: GraphModule) -> Iterator[list[int]]:
    """Places of nodes in the order in which they are computed; in a recurrent network all read the tick before."""
    depth = [0] * graph.slots
    for slot, _, _, sources, _ in graph.steps:
        depth[slot] = 1 if graph.recurrent else 1 + max((depth[source] for source in sources), default=0)
    for level in range(1, max(depth) + 1):
        yield [k for k, (slot, *_) in enumerate(graph.steps) if depth[slot] == level]


class _Level(nn.Module):
    """The values (B, slots) after some nodes are computed from those before."""

    order: Tensor

    def __init__(self, graph: GraphModule, members: list[int]):
        super().__init__()
        groups: dict[tuple[str, str, int], list[int]] = {}
        for k in members:
            _, activation, aggregation, sources, _ = graph.steps[k]
            groups.setdefault((activation, aggregation, -1 if aggregation == "sum" else len(sources)), []).append(k)
        self.groups = nn.ModuleList(
            (_Sums if aggregation == "sum" else _Nodes)(graph, own, activation, aggregation)
            for (activation, aggregation, _), own in groups.items()
        )
        order = list(range(graph.slots))  # of the values before, and behind them those computed
        for place, k in enumerate(k for own in groups.values() for k in own):
            order[graph.steps[k][0]] = graph.slots + place
        self.register_buffer("order", torch.tensor(order))

    def forward(self, values: Tensor) -> Tensor:
        return torch.cat([values, *(group(values) for group in self.groups)], 1).index_select(1, self.order)


class _Group(nn.Module):
    """The values (B, n) of nodes with the same functions."""

    bias: Tensor
    response: Tensor
    rate: Tensor | None
    own: Tensor
    sources: Tensor

    def __init__(self, graph: GraphModule, members: list[int], activation: str, aggregation: str):
        super().__init__()
        self.activation, self.aggregation = activation, aggregation
        for name in ("bias", "response"):
            self.register_buffer(name, getattr(graph, name).detach()[members])
        self.register_buffer("rate", None if graph.rate is None else graph.rate[members])
        self.register_buffer("own", torch.tensor([graph.steps[k][0] for k in members]))

    def forward(self, values: Tensor) -> Tensor:
        new = NODE_ACTIVATIONS[self.activation](self.bias + self.response * self.total(values))
        if self.rate is not None:
            old = values.index_select(1, self.own)
            new = old + self.rate * (new - old)
        return new

    def total(self, values: Tensor) -> Tensor:
        """What nodes receive (B, n)."""
        raise NotImplementedError


class _Sums(_Group):
    """Nodes that sum what they receive, from any numbers of sources."""

    matrix: Tensor

    def __init__(self, graph: GraphModule, members: list[int], activation: str, aggregation: str):
        super().__init__(graph, members, activation, aggregation)
        sources, weights = sorted({source for k in members for source in graph.steps[k][3]}), graph.weight.tolist()
        matrix, place = np.zeros((len(sources), len(members))), {slot: at for at, slot in enumerate(sources)}
        for column, k in enumerate(members):
            for connection, source in enumerate(graph.steps[k][3], graph.steps[k][4]):
                matrix[place[source], column] += weights[connection]
        self.register_buffer("sources", torch.tensor(sources, dtype=torch.int64))
        self.register_buffer("matrix", torch.from_numpy(matrix).to(graph.weight.dtype))

    def total(self, values: Tensor) -> Tensor:
        return values.index_select(1, self.sources) @ self.matrix


class _Nodes(_Group):
    """Nodes of another aggregation, of equally many sources."""

    weight: Tensor

    def __init__(self, graph: GraphModule, members: list[int], activation: str, aggregation: str):
        super().__init__(graph, members, activation, aggregation)
        found, weights = [graph.steps[k][3:] for k in members], graph.weight.detach()
        self.register_buffer("sources", torch.tensor([source for sources, _ in found for source in sources]))
        self.register_buffer("weight", torch.stack([weights[at : at + len(sources)] for sources, at in found]))

    def total(self, values: Tensor) -> Tensor:
        if not self.weight.numel():
            return torch.full_like(values.index_select(1, self.own), EMPTY.get(self.aggregation, 0.0))
        terms = values.index_select(1, self.sources).unflatten(1, self.weight.shape) * self.weight
        return AGGREGATIONS[self.aggregation](terms)
