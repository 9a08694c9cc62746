"""Networks on a graph as modules whose inputs are numbers of nodes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from evo.vectors.modules import Recurrent
from graphs.neighbourhoods import NodeData


class NodeNetwork(nn.Module):
    """A network of features, (B, F) -> (B, O), as one of numbers of nodes, (B, 1) -> (B, O)."""

    def __init__(self, network: nn.Module, data: NodeData):
        super().__init__()
        self.network, self.data = network, data

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.data.rows(x))


def on_nodes(network: Callable[..., nn.Module], data: NodeData, inputs: int, outputs: int) -> nn.Module:
    """What `network` makes for features, as one of numbers of nodes; one that keeps a state, which rows are refused for, as it
    is."""
    made = network(data.x.shape[1], outputs)
    return made if isinstance(made, Recurrent) else NodeNetwork(made, data)
