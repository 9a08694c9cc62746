"""Networks in torch: readable and differentiable. The reference for the kernels, and the source of gradients.

A network is computed node by node; each node is a few tensor operations on all rows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from evo.activations import AGGREGATIONS, EMPTY, NODE_ACTIVATIONS
from evo.network.program import Program


class GraphModule(nn.Module):
    """Network g of a program as an nn.Module: rows (B, I) -> (B, O).

    Its parameters are weight (connections) and bias (nodes), in topological order; bias is fixed if the genome has a bias
    node. response (nodes) is fixed. A recurrent network keeps its state (slots, B) between calls until `reset`, gradient
    included; if it is `fresh` every call begins from zeros. `ticks` per call, 0 or "depth": the depth of the network. rate
    (nodes), fixed, is None except in continuous time.
    """

    response: Tensor
    rate: Tensor | None

    def __init__(
        self,
        program: Program,
        g: int = 0,
        ticks: int | str = 1,
        dtype: torch.dtype = torch.float32,
        fresh: bool = False,
    ):
        super().__init__()
        self.fresh = fresh
        begin, first_output = int(program.slots_at[g]), int(program.first_output[g])
        nodes = program.node[begin : begin + program.steps[g]]
        indices = begin + nodes  # of each node's data
        self.inputs, self.biased, self.recurrent = program.inputs, first_output > program.inputs, bool(program.recurrent)
        self.slots = int(program.slots_at[g + 1]) - begin
        self.ticks = 1 if not self.recurrent else int(program.depth[g]) if ticks in (0, "depth") else int(ticks)
        self.outputs = list(range(first_output, first_output + program.outputs))
        activations, aggregations = list(NODE_ACTIVATIONS), list(AGGREGATIONS)
        self.steps = []  # per node: slot, activation, aggregation, source slots, offset of its weights
        weights: list[float] = []
        for slot, s in zip(nodes.tolist(), indices.tolist()):
            connections = slice(int(program.first[s]), int(program.last[s]))
            names = activations[program.activation[s]], aggregations[program.aggregation[s]]
            self.steps.append((slot, *names, program.connection_source[connections].tolist(), len(weights)))
            weights += program.connection_weight[connections].tolist()
        numbers = lambda column: torch.tensor(column, dtype=dtype)
        self.weight = nn.Parameter(numbers(weights))
        self.bias = nn.Parameter(numbers(program.bias[indices]), requires_grad=not self.biased)
        self.register_buffer("response", numbers(program.response[indices]))
        rate = program.time_step / program.time_constant[indices]
        self.register_buffer("rate", numbers(rate) if program.time_step > 0 else None)
        self.state: Tensor | None = None

    def reset(self) -> None:
        self.state = None

    def forward(self, x: Tensor) -> Tensor:
        """x (B, I) -> (B, O). Raises ValueError if a recurrent network is exported to ONNX, which keeps no state."""
        if self.recurrent and not self.fresh and torch.compiler.is_exporting():
            raise ValueError(
                "a recurrent network keeps state between calls, which ONNX cannot; .pt and .safetensors hold its weights"
            )
        kept = torch.zeros_like(x[:, :1]).expand(-1, self.slots).T if self.state is None else self.state
        values = [*x.unbind(1), *kept[self.inputs :].unbind(0)]
        if self.biased:
            values[self.inputs] = torch.ones_like(x[:, 0])
        for _ in range(self.ticks):
            values = self._computed(values)
        if self.recurrent and not self.fresh:
            self.state = torch.stack(values)
        return torch.stack([values[slot] for slot in self.outputs], 1)

    def _computed(self, values: list[Tensor]) -> list[Tensor]:
        """The values (B,) of all slots after one pass; recurrent nodes read `values`, feed-forward ones the new values."""
        new = list(values)
        read = values if self.recurrent else new
        for s, (slot, activation, aggregation, sources, first) in enumerate(self.steps):
            if sources:
                terms = torch.stack([read[source] for source in sources], -1) * self.weight[first : first + len(sources)]
                total = AGGREGATIONS[aggregation](terms)
            else:
                total = torch.full_like(values[0], EMPTY.get(aggregation, 0.0))
            value = NODE_ACTIVATIONS[activation](self.bias[s] + self.response[s] * total)
            new[slot] = value if self.rate is None else read[slot] + self.rate[s] * (value - read[slot])
        return new

    def extra_repr(self) -> str:
        nodes = f"{self.inputs} inputs, {len(self.steps)} nodes, {len(self.weight)} connections, {len(self.outputs)} outputs"
        kind = "recurrent" if self.rate is None else "continuous-time"
        return nodes + (f", {kind}, ticks={self.ticks}" if self.recurrent else "")


@torch.no_grad()
def forward(program: Program, x: Tensor, kept: np.ndarray | None, ticks: int) -> Tensor:
    """`population.forward`, network by network: outputs (P, B, O) float64; `kept`, the state, is updated in place."""
    outputs = []
    for g in range(len(program.depth)):
        module = GraphModule(program, g, ticks, torch.float64)
        own = slice(int(program.slots_at[g]), int(program.slots_at[g + 1]))
        if kept is not None:
            module.state = torch.from_numpy(kept[own].copy())
        outputs.append(module((x if x.ndim == 2 else x[g]).double()))
        if kept is not None and module.state is not None:
            kept[own] = module.state.numpy()
    shape = (0, x.shape[-2], program.outputs)
    return torch.stack(outputs) if outputs else torch.empty(shape, dtype=torch.float64)
