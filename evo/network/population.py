"""Phenotypes: genomes as networks that compute.

    program = compile(genomes)                           which nodes, in topological order (`program`)
    outputs = forward(program, x)                        (P, B, O): on all cores (`cpu`), or in torch (`reference`)
    networks = Networks(genomes, recurrent=True)         a population with state between calls
    networks = networks.to("cuda")                       on a CUDA card (`cuda`)
    model = NetworkModel(genomes[3])                     one of them: figure, file, nn.Module

A node computes activation(bias + response * aggregation(weight * value)), as in neat-python; with bias 0, response 1 and sum
it is a node of Stanley and Miikkulainen (2002). A feed-forward network computes every node once, in topological order. In a
recurrent network a tick computes all nodes from their values of the previous tick, kept between calls; a call is one tick, or
as many as the network is deep (ticks="depth", as in the code of 2002).

With a time_step, in seconds, networks run in continuous time (Beer: On the dynamics of small continuous-time recurrent neural
networks. Adaptive Behavior 3(4), 1995; with the nodes of neat-python's CTRNN): the value u of a node follows
time_constant du/dt = -u + activation(...), from 0, and a tick is one step of Euler's method. A call takes ticks * time_step
seconds with constant inputs. Stability requires time_step < 2 * every time constant. (In neat-python 2.0.0 a node reads its
own value of the step before the previous one, so it moves half as fast; later versions fixed this.) All internal numbers are
float64.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from evo import threads
from evo.core import Phenotypes, counted, part_size
from evo.genomes.genome import Genomes
from evo.network import cpu, reference
from evo.network import policy as episodes
from evo.network.program import Program, compile, count_parameters
from evo.rollout.lanes import Policy

if TYPE_CHECKING:
    from evo.network import cuda

CPU = torch.device("cpu")
WORK = 1 << 20  # connections x rows of a part: about 0.4 ms, many times what Python does once a part


def initial_state(program: Program, batch: int) -> np.ndarray:
    """The state of recurrent networks before the first tick: zeros (slots of all, B) float64."""
    return np.zeros((program.slots_at[-1], batch))


def forward(
    networks: Genomes | Program,
    x: Tensor | np.ndarray,
    state: np.ndarray | None = None,
    ticks: int | str = 1,
    backend: str = "cores",
) -> Tensor:
    """Outputs (P, B, O) of every network on x: shared rows (B, I), or separate rows per network (P, B, I).

    networks: a Program, or Genomes, which are compiled as feed-forward networks. x: float32 or float64; outputs have the same
    dtype. state: of recurrent networks, from `initial_state`; updated in place; None: a fresh one. ticks: of recurrent networks
    per call; "depth": the depth of each. backend: "cores", or "torch", the reference. A NaN or an overflow stays within its
    network and row. Raises ValueError for shapes that do not fit.
    """
    program = networks if isinstance(networks, Program) else compile(networks)
    x = torch.as_tensor(x)
    x = x if x.dtype == torch.float64 else x.float()
    if backend == "torch":
        state = _fitting(program, x, state)
        return reference.forward(program, x, state, _count(ticks)).to(x.dtype)
    if backend != "cores":
        raise ValueError(f'backend: expected "cores" or "torch"; got {backend!r}')
    out = torch.empty((len(program.depth), x.shape[-2], program.outputs), dtype=x.dtype)

    def keep(start: int, stop: int, outputs: Tensor) -> None:
        out[start:stop] = outputs

    each_part(program, x, state, ticks, keep)
    return out


def each_part(
    program: Program, x: Tensor, state: np.ndarray | None, ticks: int | str, use: Callable[[int, int, Tensor], None]
) -> None:
    """As of `Phenotypes`; the rest as of `forward`. The size of a part depends on the population alone."""
    count, state = _count(ticks), _fitting(program, x, state)
    rows = np.ascontiguousarray(x.numpy(force=True))
    rows = rows if rows.ndim == 3 else rows[None]
    size, batch = len(program.depth), rows.shape[1]
    width = min(cpu.MAX_ROWS, max(1, -(-batch // cpu.ROW_STEP)) * cpu.ROW_STEP)

    def part(begin: int, end: int) -> None:
        values = np.zeros((1 + program.recurrent, program.widest, width))
        out = np.empty((end - begin, program.outputs, batch), rows.dtype)
        if program.recurrent:
            cpu.ticks(program, rows, out, state, count, values[0], values[1], begin, end)
        else:
            cpu.forward(program, rows, out, values[0], begin, end)
        use(begin, end, torch.from_numpy(out.transpose(0, 2, 1)))

    work = (len(program.connection_weight) + cpu.ROW_STEP * len(program.node)) * (batch + cpu.ROW_STEP)
    parts = max(1, work // WORK, size // part_size(batch * program.outputs))
    threads.each_block(part, size, max(1, -(-size // parts)))


def _fitting(program: Program, x: Tensor, state: np.ndarray | None) -> np.ndarray | None:
    """The state of recurrent networks, a fresh one for None. Raises ValueError for shapes that do not fit."""
    _check(program, x, state)
    return initial_state(program, x.shape[-2]) if program.recurrent and state is None else state


def _check(program: Program, x: Tensor, state: np.ndarray | Tensor | None) -> None:
    """Raises ValueError for shapes that do not fit."""
    size, shape = len(program.depth), tuple(x.shape)
    if len(shape) not in (2, 3) or shape[-1] != program.inputs or (len(shape) == 3 and shape[0] != size):
        raise ValueError(f"expected inputs of shape (B, {program.inputs}) or ({size}, B, {program.inputs}); got {shape}")
    if program.recurrent and state is not None and state.shape[-2:] != (program.slots_at[-1], shape[-2]):
        raise ValueError(
            f"the state has {state.shape[-1]} rows, the inputs have {shape[-2]}: reset the networks between batches"
        )


def _count(ticks: int | str) -> int:
    """The number of ticks; 0 for the depth of each network."""
    if ticks == "depth":
        return 0
    if not isinstance(ticks, (int, np.integer)) or ticks < 1:
        raise ValueError(f'ticks: expected a whole number >= 1 or "depth"; got {ticks!r}')
    return int(ticks)


class Networks(Phenotypes):
    """A population of genomes as Phenotypes.

    recurrent: keep the values of all nodes between forwards, until `reset`; ticks: per forward, or "depth"; time_step: seconds
    per tick of continuous-time networks, which are recurrent; 0: discrete time. fresh: recurrent networks begin every forward
    from zeros, for rows that are in no order. unconnected: as of `compile`. They run on cores, or after `to("cuda")` on a
    card, where x and outputs are tensors on it. Raises ValueError for a cycle in a feed-forward genome, for invalid ticks, or
    as `compile` does.
    """

    construction: float = 0.0

    def __init__(
        self,
        genomes: Genomes,
        recurrent: bool = False,
        ticks: int | str = 1,
        time_step: float = 0.0,
        fresh: bool = False,
        unconnected: bool = False,
    ):
        self.genomes, self.ticks, self.fresh, self.unconnected = genomes, _count(ticks) or ticks, fresh, unconnected
        self.program = compile(genomes, recurrent, time_step, unconnected)
        self._state: np.ndarray | None = None
        self._card: cuda.Card | None = None  # that these networks run on

    def __len__(self) -> int:
        return len(self.genomes)

    def __repr__(self) -> str:
        sizes = [counted(len(self), "network"), counted(self.genomes.inputs, "input"), counted(self.genomes.outputs, "output")]
        ticks = f", ticks={self.ticks}" if self.program.recurrent else ""
        return f"Networks({', '.join(sizes)}, {self.program.manner}{ticks})"

    @property
    def parameters(self) -> np.ndarray:
        """Per network (P,): connections, non-zero biases and responses other than 1 of the computed nodes; in continuous time
        also time constants other than 1 s."""
        counts = np.empty(len(self), np.int64)
        count_parameters(self.program, counts)
        return counts

    @property
    def passes(self) -> int | np.ndarray:
        """As of `Phenotypes`: ticks."""
        return (_count(self.ticks) or self.program.depth) if self.program.recurrent else 1

    @property
    def keeps_state(self) -> bool:
        return self.program.recurrent and not self.fresh

    @property
    def device(self) -> torch.device:
        return CPU if self._card is None else self._card.device

    def to(self, device: str | torch.device) -> Networks:
        """These networks on "cpu" or "cuda", in their initial state if they move. Raises ValueError for another device,
        RuntimeError, saying what is missing, if there is no card or no kernel for it."""
        kind = torch.device(device).type
        if kind not in ("cpu", "cuda"):
            raise ValueError(f'device: expected "cpu" or "cuda"; got {str(device)!r}')
        if (kind == "cuda") == (self._card is not None):
            return self
        moved = copy.copy(self)
        moved._state, moved._card = None, None
        if kind == "cuda":
            from evo.network.cuda import Card

            moved._card = Card(self.program)
        return moved

    def reset(self) -> None:
        """Clears the state of recurrent networks; no effect on feed-forward ones."""
        self._state = None
        if self._card is not None:
            self._card.state = None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) float32 of every network on x: shared rows (B, I), or separate rows per network (P, B, I).

        Raises ValueError for a shape that does not fit, or if B changes between two calls of recurrent networks.
        """
        x, state = self._begun(x)
        if self._card is not None:
            _check(self.program, x, self._card.state)
            return self._card.forward(x, _count(self.ticks))
        return forward(self.program, x, state, self.ticks)

    def each_part(self, x: Tensor, use: Callable[[int, int, Tensor], None]) -> None:
        """As of `Phenotypes`; on cores outputs never leave the cache."""
        if self._card is not None:
            return super().each_part(x, use)
        x, state = self._begun(x)
        each_part(self.program, x, state, self.ticks, use)

    def _begun(self, x: Tensor) -> tuple[Tensor, np.ndarray | None]:
        """x as networks take it, and the state that those on cores have kept."""
        x = torch.as_tensor(x, dtype=torch.float32, device=self.device)
        if self.fresh:
            self.reset()
        if self.program.recurrent and self._card is None and self._state is None:
            self._state = initial_state(self.program, x.shape[-2])
        return x, self._state

    @property
    def output_range(self) -> np.ndarray:
        """The interval (P, O, 2) of each output."""
        return episodes.output_range(self.genomes, self.program)

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout.lanes`), which keep state from step to step: none for `fresh`
        networks that have any."""
        if self.fresh and self.program.recurrent:
            return None
        card = None if self._card is None else self._card.program
        return episodes.policy(self.genomes, self.program, self.ticks, card)
