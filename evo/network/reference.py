"""Networks in torch: readable and differentiable. The oracle of the kernels, and the way to gradients.

A network is computed node by node, as one would on paper; each node is a few tensor operations on all rows at once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from evo.activations import AGGREGATIONS, EMPTY, NODE_ACTIVATIONS
from evo.network.program import Program


class GraphModule(nn.Module):
    """Network g of a program as an nn.Module: rows (B, I) -> (B, O).

    weight (links,) and bias (nodes) are its parameters, in the order of computation; bias is fixed where a bias node does
    its work, and so is response (nodes). A recurrent network keeps its state (slots, B) from call to call until `reset`,
    with its gradient; `ticks` of them are a call, 0 or "depth": as many as it is deep. rate (nodes), fixed, is None but in
    continuous time.
    """

    response: Tensor
    rate: Tensor | None

    def __init__(self, program: Program, g: int = 0, ticks: int | str = 1, dtype: torch.dtype = torch.float32):
        super().__init__()
        begin, given = int(program.slots_at[g]), int(program.given[g])
        nodes = program.node[begin : begin + program.steps[g]]
        places = begin + nodes  # where what belongs to each node stands
        self.inputs, self.biased, self.recurrent = program.inputs, given > program.inputs, bool(program.recurrent)
        self.slots = int(program.slots_at[g + 1]) - begin
        self.ticks = 1 if not self.recurrent else int(program.depth[g]) if ticks in (0, "depth") else int(ticks)
        self.outputs = list(range(given, given + program.outputs))
        activations, aggregations = list(NODE_ACTIVATIONS), list(AGGREGATIONS)
        self.steps = []  # of each node: its slot, its two functions, and its links: their sources and where they begin
        weights: list[float] = []
        for slot, s in zip(nodes.tolist(), places.tolist()):
            links = slice(int(program.first[s]), int(program.last[s]))
            names = activations[program.activation[s]], aggregations[program.aggregation[s]]
            self.steps.append((slot, *names, program.link_source[links].tolist(), len(weights)))
            weights += program.link_weight[links].tolist()
        numbers = lambda column: torch.tensor(column, dtype=dtype)
        self.weight = nn.Parameter(numbers(weights))
        self.bias = nn.Parameter(numbers(program.bias[places]), requires_grad=not self.biased)
        self.register_buffer("response", numbers(program.response[places]))
        rate = program.time_step / program.time_constant[places]
        self.register_buffer("rate", numbers(rate) if program.time_step > 0 else None)
        self.state: Tensor | None = None

    def reset(self) -> None:
        self.state = None

    def forward(self, x: Tensor) -> Tensor:
        """x (B, I) -> (B, O). Raises ValueError if a recurrent network is to be written as ONNX, which keeps no state."""
        if self.recurrent and torch.compiler.is_exporting():
            raise ValueError("a recurrent network keeps its state between calls, which ONNX cannot hold")
        kept = torch.zeros_like(x[:, :1]).expand(-1, self.slots).T if self.state is None else self.state
        values = [*x.unbind(1), *kept[self.inputs :].unbind(0)]
        if self.biased:
            values[self.inputs] = torch.ones_like(x[:, 0])
        for _ in range(self.ticks):
            values = self._computed(values)
        if self.recurrent:
            self.state = torch.stack(values)
        return torch.stack([values[slot] for slot in self.outputs], 1)

    def _computed(self, values: list[Tensor]) -> list[Tensor]:
        """The values (B,) of all slots after each node was computed: one after the other, or all from `values`."""
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
        nodes = f"{self.inputs} inputs, {len(self.steps)} nodes, {len(self.weight)} links, {len(self.outputs)} outputs"
        kind = "recurrent" if self.rate is None else "continuous-time"
        return nodes + (f", {kind}, ticks={self.ticks}" if self.recurrent else "")


@torch.no_grad()
def forward(program: Program, x: Tensor, state: np.ndarray | None, ticks: int) -> Tensor:
    """What `population.forward` computes, network by network: outputs (P, B, O) float64; `state` is moved on in place."""
    outputs, kept = [], state if program.recurrent else None
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
