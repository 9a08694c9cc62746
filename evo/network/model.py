"""One genome as a network: the Model of NEAT's champion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.core import Edges, Model, Saved, Sequential, Task, counted, example
from evo.genomes.genome import HIDDEN, KINDS, Genomes
from evo.network import reference, single
from evo.network.population import Networks, initial_state
from evo.network.program import Program
from evo.rollout.lanes import Policy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.plots.topology import Topology


class NetworkModel(Model):
    """One genome as a Model: called with rows (B, I), tensor or array, it returns a tensor (B, O) float32 on the host.

    genome: a Genomes of length 1; recurrent, ticks, time_step, fresh and unconnected as of Networks. Raises ValueError for
    another length.
    """

    def __init__(
        self,
        genome: Genomes,
        recurrent: bool = False,
        ticks: int | str = 1,
        time_step: float = 0.0,
        fresh: bool = False,
        unconnected: bool = False,
    ):
        if len(genome) != 1:
            raise ValueError(f"expected one genome; got {len(genome)}")
        self.genome, self._networks = genome, Networks(genome, recurrent, ticks, time_step, fresh, unconnected)

    def __repr__(self) -> str:
        sizes = [counted(self.genome.inputs, "input"), counted(self.genome.outputs, "output")]
        sizes += [counted(self.hidden, "hidden node"), counted(self.connections, "enabled connection")]
        return f"NetworkModel({', '.join(sizes)}, {self.program.manner})"

    @property
    def program(self) -> Program:
        return self._networks.program

    @property
    def recurrent(self) -> bool:
        return self.program.recurrent

    @property
    def keeps_state(self) -> bool:
        return self._networks.keeps_state

    @property
    def ticks(self) -> int | str:
        return self._networks.ticks

    @property
    def time_step(self) -> float:
        return self.program.time_step

    @property
    def parameters(self) -> int:
        return int(self._networks.parameters[0])

    @property
    def nodes(self) -> int:
        return len(self.genome.node_id)

    @property
    def hidden(self) -> int:
        return int((self.genome.node_kind == HIDDEN).sum())

    @property
    def connections(self) -> int:
        """The number of enabled connections."""
        return int(self.genome.enabled.sum())

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        return self._networks.forward(torch.as_tensor(inputs))[0]

    def activate(self, inputs: Sequence[float]) -> list[float]:
        """The outputs for one example: I numbers in, O floats out, the same as those of a call with that one row.

        A recurrent network goes on from its state, which it shares with calls of one row, until `reset`. Raises ValueError
        for another number of inputs, or if the state is of another number of rows than one: `reset` first.
        """
        networks = self._networks
        if networks.fresh:
            networks.reset()
        x, y = example(inputs, self.genome.inputs), np.empty(self.genome.outputs, np.float32)
        if networks._state is None:
            networks._state = initial_state(self.program, 1)
        elif networks._state.shape[1] != 1:
            raise ValueError(f"the state is of {networks._state.shape[1]} rows, activate() takes one example: reset() first")
        single.run(*self._plan, 0, networks._state, x, y)
        return y.tolist()

    @cached_property
    def _plan(self) -> single.Plan:
        return single.plan(self.program, 0 if self.ticks == "depth" else int(self.ticks))

    def reset(self) -> None:
        self._networks.reset()

    @property
    def output_range(self) -> np.ndarray:
        """The interval (1, O, 2) of each output."""
        return self._networks.output_range

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        return self._networks.policy()

    def to_module(self) -> nn.Module:
        """The network in torch, float32: `reference.GraphModule`."""
        return reference.GraphModule(self.program, 0, self._networks.ticks, fresh=self._networks.fresh)

    def trained(self, module: nn.Module) -> NetworkModel:
        """This network with the weights and biases of a module that `to_module` gave, in its genes."""
        begin, program, genome = 0, self.program, self.genome.select([0])
        genes, values = genome.genes, {name: value.detach().cpu().double().numpy() for name, value in module.named_parameters()}
        for step, slot in enumerate(program.node[: program.steps[0]]):
            own = np.flatnonzero(genes.enabled & (genes.target == genes.node_id[slot]))  # by innovation, as the module has them
            genes.weight[own] = values["weight"][begin : begin + len(own)]
            genes.bias[slot] = values["bias"][step]
            begin += len(own)
        run = (self.recurrent, self.ticks, self.time_step, self._networks.fresh, self._networks.unconnected)
        return NetworkModel(genome, *run)

    def save(self) -> Saved:
        """The genome's arrays and how the network runs, for `restore`."""
        state = self.genome.state_dict()
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        numbers = {name: str(value) for name, value in state.items() if name not in tensors}
        run = {name: str(getattr(self, name)) for name in ("recurrent", "ticks", "time_step")}
        return tensors, {"kind": "network", **numbers, **run}

    @property
    def topology(self) -> Topology:
        """What `evo.plots.topology` draws of it."""
        return _topology(self.genome, self.program)

    def edges(self) -> Edges:
        return self.genome.edges()

    def figure(self) -> Figure:
        """The topology in layers, inputs at the left (matplotlib Figure)."""
        from evo.plots.topology import draw

        return draw(self.topology)


def _topology(genome: Genomes, program: Program) -> Topology:
    """The topology of a program's first network; nodes are numbered by slot."""
    from evo.plots.topology import Topology

    computed = program.node[: program.steps[0]].tolist()
    ends = [(slot, range(program.first[slot], program.last[slot])) for slot in computed]
    connections = [
        (int(program.connection_source[k]), slot, float(program.connection_weight[k])) for slot, own in ends for k in own
    ]
    first = int(program.first_output[0])
    slots = sorted({*range(first + program.outputs), *computed, *(source for source, *_ in connections)})
    kinds = {slot: KINDS[genome.node_kind[slot]] for slot in slots}
    names = _names(genome, computed, kinds, first)
    return Topology(
        kinds, names, computed, connections, int((genome.node_kind == HIDDEN).sum()), len(genome.node_id) - len(slots)
    )


def _names(genome: Genomes, computed: list[int], kinds: dict[int, str], first: int) -> dict[int, str]:
    """Node labels: inputs and outputs by number, outputs from slot `first` on; the functions of computed nodes if they are not
    all the same."""
    activations, aggregations = list(NODE_ACTIVATIONS), list(AGGREGATIONS)
    functions = {slot: activations[genome.activation[slot]] for slot in computed}
    same = len(set(functions.values())) <= 1
    names = {}
    for slot, kind in kinds.items():
        parts = {"sensor": [f"in {slot}"], "bias": ["bias"], "output": [f"out {slot - first}"]}.get(kind, [])
        if slot in functions:
            aggregation = aggregations[genome.aggregation[slot]]
            parts += [functions[slot]] * (not same) + [aggregation] * (aggregation != "sum")
        names[slot] = "\n".join(parts)
    return names


def restore(task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> NetworkModel:
    """The model saved by `NetworkModel.save`. Raises ValueError for another kind, an invalid genome, or other sizes."""
    if header.get("kind") != "network":
        raise ValueError(f"expected the genome of a network; got {header.get('kind', 'nothing')}")
    try:
        numbers = {name: int(header[name]) for name in ("inputs", "outputs")}
        genome = Genomes.from_state({**tensors, **numbers}).check()
        recurrent, ticks, time_step = header["recurrent"] == "True", header["ticks"], float(header["time_step"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"incomplete network genome: {error}") from error
    check_sizes(genome, task, recurrent)
    return NetworkModel(genome, recurrent, ticks if ticks == "depth" else int(ticks), time_step)


def sizes(task: Task, recurrent: bool) -> tuple[int, int]:
    """Inputs and outputs of a network of genes on a task: of a tick, where it is recurrent and rows are sequences."""
    return task.tick if recurrent and isinstance(task, Sequential) else (task.inputs, task.outputs)


def check_sizes(genome: Genomes, task: Task, recurrent: bool = False) -> None:
    """Raises ValueError for a network of other inputs or outputs than `sizes`."""
    inputs, outputs = sizes(task, recurrent)
    if (genome.inputs, genome.outputs) != (inputs, outputs):
        raise ValueError(
            f"this network has {genome.inputs} inputs and {genome.outputs} outputs, the task {inputs} and {outputs}"
        )
