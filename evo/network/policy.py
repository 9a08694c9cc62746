"""Networks of genomes inside a kernel: one network, one row, with the values it keeps from step to step of an episode.

A kind of policy, as `evo.rollout.lanes` needs one: TYPE, memory, begin and answer are what its kernels call. Outputs are
rounded to float32, as those of `Networks.forward` are, so that an episode goes the same way with either.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import njit, types

from evo.activations import CODES
from evo.genomes.genome import Genomes
from evo.network.cpu import feedforward, tick
from evo.network.program import PROGRAM, Program
from evo.rollout.lanes import Policy

# The networks; ticks of a recurrent one a step, 0: as many as it is deep.
TYPE = types.Tuple((PROGRAM, types.int64))

# The interval that an activation's values lie in, where it is one.
RANGES = {
    **dict.fromkeys(("steep_sigmoid", "neat_sigmoid", "sigmoid", "neat_gauss", "gaussian", "hat"), (0.0, 1.0)),
    **dict.fromkeys(("neat_tanh", "tanh", "bipolar_sigmoid", "bipolar_gaussian", "neat_sin", "sin", "clamped"), (-1.0, 1.0)),
}


@njit(cache=True, nogil=True)
def memory(policy):
    """Room for one network: its values twice, and which of the two are those of the last tick."""
    return np.zeros((2, policy[0].widest)), np.zeros(1, np.int64)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def begin(policy, genome, room):
    """Before an episode of a genome: it remembers nothing."""
    room[0][:] = 0.0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def answer(policy, genome, room, x, y):
    """The outputs y (O,) of the network for x (I,)."""
    program, ticks = policy
    values, last = room
    if program.recurrent:
        for _ in range(ticks if ticks > 0 else program.depth[genome]):
            tick(program, genome, x, values[last[0]], values[1 - last[0]])
            last[0] = 1 - last[0]
    else:
        feedforward(program, genome, x, values[last[0]])
    for o in range(y.size):
        y[o] = np.float32(values[last[0], program.given[genome] + o])


def policy(genomes: Genomes, program: Program, ticks: int | str) -> Policy:
    """The networks of these genomes; program: what `compile` made of them; ticks as of `Networks`."""
    data = (program, 0 if ticks == "depth" else ticks)
    ranges = output_range(genomes, program)
    return Policy(sys.modules[__name__], data, len(genomes), program.inputs, program.outputs, ranges)


def output_range(genomes: Genomes, program: Program) -> np.ndarray:
    """The interval (P, O, 2) that each output lies in, -inf .. inf where its activation has none. In continuous time it lies
    there while time_step is no longer than its time constant."""
    table = np.array([RANGES.get(name, (-np.inf, np.inf)) for name in CODES])
    return table[genomes.activation[(genomes.nodes_at[:-1] + program.given)[:, None] + np.arange(program.outputs)]]
