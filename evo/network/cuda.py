"""Networks on a CUDA card, by the scalar functions of `cpu`, to the bits of cores (`evo.cuda`): a population on many rows, and
a policy kind of `evo.rollout.cuda`.

A lane is a (genome, row); neighbouring lanes are rows of one genome, so that they take the same way through it and read
neighbouring numbers. Genomes stay as ragged as they are: nothing is padded to the largest. How much memory a population takes
is known beforehand (`memory`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import cuda
from torch import Tensor

from evo.cuda import Kernel, device, nbytes, put, room, view
from evo.network.cpu import feedforward, tick
from evo.network.program import Program

SCRATCH = 1 << 30  # bytes for the values of feed-forward networks; more rows than fit go one tile after the other
FEWER = "run fewer networks or rows at once (population_size, task.batch_size)"
ROW_STEP = 32  # rows of a tile are a multiple of it: lanes that run in step


class Memory(NamedTuple):
    """Bytes on the card: the networks, the values of their nodes (in recurrent ones their state), x and the outputs."""

    program: int
    values: int
    inputs: int
    outputs: int


def memory(program: Program, batch: int, own_rows: bool = False, itemsize: int = 4) -> Memory:
    """What `forward` takes on the card for `batch` rows; own_rows: of each network its own; itemsize: bytes of one of x."""
    size, slots = len(program.steps), len(program.node)
    rows = 2 * batch if program.recurrent else _tile(slots, batch)
    arrays = sum(nbytes(each.shape, each.itemsize) for each in arrays_of(program).values())
    inputs = (size if own_rows else 1) * batch * program.inputs * itemsize
    return Memory(arrays, 8 * slots * rows, inputs, size * batch * program.outputs * itemsize)


def arrays_of(program: Program) -> dict[str, np.ndarray]:
    """The arrays of a program by name."""
    return {name: each for name, each in program._asdict().items() if isinstance(each, np.ndarray)}


def _tile(slots: int, batch: int) -> int:
    """Rows of a feed-forward population that go at once; a function of shapes alone."""
    return min(batch, max(1, SCRATCH // (8 * max(1, slots) * ROW_STEP)) * ROW_STEP)


class Card:
    """A program on the card, and the state of its networks if they are recurrent: (2, slots of all, B) float64, the second for
    scratch; None before the first forward."""

    def __init__(self, program: Program):
        self.device, self._whole = device(), program
        with room(memory(program, 0).program, repr(program), FEWER):
            placed = {name: put(each) for name, each in arrays_of(program).items()}
        self.program = program._replace(**placed)  # type: ignore[arg-type]  # its arrays alone
        self.state: Tensor | None = None

    def forward(self, x: Tensor, count: int) -> Tensor:
        """Outputs (P, B, O) on x: shared rows (B, I), or separate rows per network (P, B, I), on the card. count: ticks of
        recurrent networks; 0: the depth of each. Raises RuntimeError, with the bytes, where the card has no room."""
        said = memory(self._whole, x.shape[-2], x.ndim == 3, x.itemsize)
        kept = said.values if self.state is not None else 0
        with room(sum(said) - said.program - kept, f"{self._whole!r} on {x.shape[-2]:,} rows", FEWER):
            return self._forward(x, count)

    def _forward(self, x: Tensor, count: int) -> Tensor:
        x, program = (x if x.ndim == 3 else x[None]).transpose(1, 2).contiguous(), self.program
        size, slots, batch = len(program.steps), len(program.node), x.shape[2]
        out = torch.empty((size, batch, program.outputs), dtype=x.dtype, device=self.device)
        if not size * batch:
            return out
        arrays = program, view(x), view(out)
        if program.recurrent:
            if self.state is None:
                self.state = torch.zeros((2, slots, batch), dtype=torch.float64, device=self.device)
            _ticks.launch(size * batch, *arrays, view(self.state), count)
            return out
        rows = _tile(slots, batch)
        values = view(torch.empty((slots, rows), dtype=torch.float64, device=self.device))
        for row in range(0, batch, rows):
            part = min(rows, batch - row)
            _forward.launch(size * part, *arrays, values, row, part)
        return out


@Kernel
def _forward(program, x, out, values, row, rows):
    """Feed-forward networks on rows row .. row + rows of x (1 or P, I, B), into out (P, B, O); values: scratch (slots of all,
    rows)."""
    lane = cuda.grid(1)
    if lane < program.steps.shape[0] * rows:
        g, r = lane // rows, lane % rows
        own = values[program.slots_at[g] : program.slots_at[g + 1]]
        feedforward(program, g, x[0 if x.shape[0] == 1 else g, :, row : row + rows], own, r)
        for o in range(out.shape[2]):
            out[g, row + r, o] = own[program.first_output[g] + o, r]


@Kernel
def _ticks(program, x, out, state, count):
    """Recurrent networks for `count` ticks, 0: as many as each is deep; else as of `_forward`. state (2, slots of all, B):
    values, moved on in place, and scratch."""
    lane, rows = cuda.grid(1), x.shape[2]
    if lane < program.steps.shape[0] * rows:
        g, r = lane // rows, lane % rows
        begin, end = program.slots_at[g], program.slots_at[g + 1]
        own, new = state[0, begin:end], state[1, begin:end]
        for _ in range(count if count > 0 else program.depth[g]):
            tick(program, g, x[0 if x.shape[0] == 1 else g], own, new, r)
        for o in range(out.shape[2]):
            out[g, r, o] = own[program.first_output[g] + o, r]


# A policy kind of `evo.rollout.cuda`; its data are the program on the card, and ticks as of `policy.TYPE`.


def scratch(data: tuple[Program, int], episodes: int) -> object:
    """The values of all networks, (2, slots of all, B): of the last tick, and scratch."""
    return view(torch.zeros(_shape(data, episodes), dtype=torch.float64, device=device()))


def scratch_bytes(data: tuple[Program, int], episodes: int) -> int:
    return nbytes(_shape(data, episodes), 8)


def _shape(data: tuple[Program, int], episodes: int) -> tuple[int, int, int]:
    return 2, len(data[0].node), max(1, episodes)


def answer(policy, genome, episode, scratch, x, y):
    """The outputs y (O, 1) of the network for x (I, 1), as of `policy.answer`."""
    program, ticks = policy
    begin, end = program.slots_at[genome], program.slots_at[genome + 1]
    values, new = scratch[0, begin:end, episode : episode + 1], scratch[1, begin:end, episode : episode + 1]
    if program.recurrent:
        for _ in range(ticks if ticks > 0 else program.depth[genome]):
            tick(program, genome, x, values, new, 0)
    else:
        feedforward(program, genome, x, values, 0)
    for o in range(len(y)):
        y[o, 0] = np.float32(values[program.first_output[genome] + o, 0])
