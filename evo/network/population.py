"""Phenotypes: genomes as networks that compute.

    program = compile(genomes)                           which nodes, in what order (`order`)
    outputs = forward(program, x)                        (P, B, O): on all cores (`cpu`), or in torch (`reference`)
    networks = Networks(genomes, recurrent=True)         a population that keeps its state between calls
    model = NetworkModel(genomes[3])                     one of them: picture, file, nn.Module

A node computes activation(bias + response * aggregation(weight * value)), as in neat-python; with bias 0, response 1 and sums
that is a node of Stanley and Miikkulainen (2002). Feed-forward networks compute every node once, after those it reads. In a
recurrent one a tick computes all nodes from their values of the tick before, which it keeps from call to call; a call is one
tick, or as many as the network is deep (ticks="depth"), which is how the code of 2002 relaxes a network.

With a time_step, in seconds, the networks are of continuous time (Beer: On the dynamics of small continuous-time recurrent
neural networks. Adaptive Behavior 3(4), 1995; with the nodes of neat-python's CTRNN): the value u of a node follows
time_constant du/dt = -u + activation(...), all from 0, and a tick is a step of Euler's method; a call takes ticks * time_step
seconds, during which the inputs stay. The method needs a time_step below twice every time constant. (In neat-python 2.0.0 a
node reads its own value of one step earlier still, so it moves half as fast; its authors have mended that since.)
All numbers inside are float64.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from evo import threads
from evo.core import Phenotypes, counted
from evo.genomes.genome import Genomes
from evo.network import cpu, reference
from evo.network import policy as episodes
from evo.network.program import Program, compile, count_parameters
from evo.rollout.lanes import Policy

WORK = 1 << 19  # links times rows that are worth a thread: some .2 ms, which is what waking one costs


def memory(program: Program, batch: int) -> np.ndarray:
    """The state of recurrent networks before their first tick: zeros (slots of all, B) float64."""
    return np.zeros((program.slots_at[-1], batch))


def forward(
    networks: Genomes | Program,
    x: Tensor | np.ndarray,
    state: np.ndarray | None = None,
    ticks: int | str = 1,
    backend: str = "cores",
) -> Tensor:
    """Outputs (P, B, O) of every network on x: the same rows (B, I) for all, or rows of its own (P, B, I).

    networks: a Program, or Genomes, which are compiled as feed-forward networks. x: float32 or float64; the outputs are
    alike. state: of recurrent networks, from `memory`; it is moved on in place, and is fresh if left out. ticks: of
    recurrent networks, how many a call; "depth": as many as each is deep. backend: "cores", or "torch", the reference.
    A NaN in a row, or an overflow, stays within its network and row. Raises ValueError for shapes that do not fit.
    """
    program = networks if isinstance(networks, Program) else compile(networks)
    size = len(program.depth)
    x = torch.as_tensor(x)
    x = x if x.dtype == torch.float64 else x.float()
    if x.ndim not in (2, 3) or x.shape[-1] != program.inputs or (x.ndim == 3 and len(x) != size):
        expected = f"(B, {program.inputs}) or ({size}, B, {program.inputs})"
        raise ValueError(f"expected inputs of shape {expected}; got {tuple(x.shape)}")
    batch, count = x.shape[-2], _count(ticks)
    if program.recurrent:
        state = memory(program, batch) if state is None else state
        if state.shape != (program.slots_at[-1], batch):
            raise ValueError(
                f"the state is of {state.shape[-1]} rows, the inputs of {batch}: reset the networks between batches"
            )
    if backend == "torch":
        return reference.forward(program, x, state, count).to(x.dtype)
    if backend != "cores":
        raise ValueError(f'backend: expected "cores" or "torch"; got {backend!r}')
    rows = (x if x.ndim == 3 else x[None]).detach().contiguous().numpy()
    out = torch.empty((size, batch, program.outputs), dtype=x.dtype)
    written = out.numpy()
    width = min(cpu.WIDTH, max(1, -(-batch // cpu.LANES)) * cpu.LANES)

    def part(begin: int, end: int) -> None:
        values = np.zeros((1 + program.recurrent, program.widest, width))
        if program.recurrent:
            cpu.ticks(program, rows, written, state, count, values[0], values[1], begin, end)
        else:
            cpu.forward(program, rows, written, values[0], begin, end)

    work = (len(program.link_weight) + cpu.LANES * len(program.node)) * (batch + cpu.LANES)
    threads.each(part, size, grain=max(1, WORK * size // max(1, work)))
    return out


def _count(ticks: int | str) -> int:
    """As many ticks, or 0 for the depth of each network."""
    if ticks == "depth":
        return 0
    if not isinstance(ticks, (int, np.integer)) or ticks < 1:
        raise ValueError(f'ticks: expected a whole number >= 1 or "depth"; got {ticks!r}')
    return int(ticks)


class Networks(Phenotypes):
    """A population of genomes ready to run: Phenotypes.

    recurrent: keep the values of all nodes from one forward to the next, until `reset`; ticks: how many a forward, or
    "depth"; time_step: seconds a tick takes of networks of continuous time, which are recurrent; 0: they are not.
    Genomes are networks of the cores: `to` leaves them there, and they take and give tensors on the host.
    Raises ValueError if a genome has a cycle and is not recurrent, for ticks that are no such number, or as `compile` does.
    """

    device = torch.device("cpu")

    def __init__(self, genomes: Genomes, recurrent: bool = False, ticks: int | str = 1, time_step: float = 0.0):
        self.genomes, self.ticks = genomes, _count(ticks) or ticks
        self.program = compile(genomes, recurrent, time_step)
        self._state: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.genomes)

    def __repr__(self) -> str:
        sizes = [counted(len(self), "network"), counted(self.genomes.inputs, "input"), counted(self.genomes.outputs, "output")]
        ticks = f", ticks={self.ticks}" if self.program.recurrent else ""
        return f"Networks({', '.join(sizes)}, {self.program.manner}{ticks})"

    @property
    def parameters(self) -> np.ndarray:
        """Of each network (P,): links, biases that are not 0 and responses that are not 1, of the nodes that take part; in
        continuous time also time constants that are not 1 s."""
        counts = np.empty(len(self), np.int64)
        count_parameters(self.program, counts)
        return counts

    def to(self, device: str | torch.device) -> Networks:
        return self

    def reset(self) -> None:
        """Forgets the state: the next forward is the first. No matter to feed-forward networks."""
        self._state = None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) float32 of every network on x: the same rows (B, I) for all, or rows of its own (P, B, I).

        Raises ValueError for a shape that does not fit; also if B changes between two calls of recurrent networks.
        """
        x = torch.as_tensor(x, dtype=torch.float32, device=self.device)
        if self.program.recurrent and self._state is None:
            self._state = memory(self.program, x.shape[-2])
        return forward(self.program, x, self._state, self.ticks)

    @property
    def output_range(self) -> np.ndarray:
        """The interval (P, O, 2) that each output lies in."""
        return episodes.output_range(self.genomes, self.program)

    def policy(self) -> Policy:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        return episodes.policy(self.genomes, self.program, self.ticks)
