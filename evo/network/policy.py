"""Networks of genomes inside an episode kernel: one network, one row, with state between the steps of an episode.

A policy kind for `evo.rollout.lanes`: its kernels call TYPE, scratch, begin and answer; episodes in Python call `alone`.
Outputs are rounded to float32, as in `Networks.forward`, so both give identical episodes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numba import njit, types

from evo.activations import CODES
from evo.genomes.genome import Genomes
from evo.network import single
from evo.network.cpu import feedforward, tick
from evo.network.program import PROGRAM, Program
from evo.rollout.lanes import Answer, Policy

# The networks; ticks per step of a recurrent network, 0: its depth.
TYPE = types.Tuple((PROGRAM, types.int64))

# The range of each bounded activation.
RANGES = {
    **dict.fromkeys(("steep_sigmoid", "neat_sigmoid", "sigmoid", "neat_gauss", "gaussian", "hat"), (0.0, 1.0)),
    **dict.fromkeys(("neat_tanh", "tanh", "bipolar_sigmoid", "bipolar_gaussian", "neat_sin", "sin", "clamped"), (-1.0, 1.0)),
}


@njit(cache=True, nogil=True)
def scratch(policy, lanes):
    """Working arrays of a network for each lane: its values at two ticks, and the index of the latest."""
    return np.zeros((lanes, 2, policy[0].widest)), np.zeros(lanes, np.int64)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def begin(policy, genome, scratch, lane):
    """Resets the state before an episode."""
    scratch[0][lane] = 0.0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def answer(policy, genome, scratch, lane, x, y):
    """The outputs y (O,) of the network for x[:, lane] (I,)."""
    program, ticks = policy
    values, last = scratch[0][lane], scratch[1]
    if program.recurrent:
        for _ in range(ticks if ticks > 0 else program.depth[genome]):
            tick(program, genome, x[:, lane], values[last[lane]], values[1 - last[lane]])
            last[lane] = 1 - last[lane]
    else:
        feedforward(program, genome, x[:, lane], values[last[lane]])
    for o in range(y.size):
        y[o] = np.float32(values[last[lane], program.first_output[genome] + o])


def alone(policy: Policy) -> Callable[[int], Answer]:
    program, ticks = policy.data
    planned = single.plan(program, ticks)

    def begun(genome: int) -> Answer:
        state = np.zeros((program.widest, 1))
        return lambda x, y: single.run(*planned, genome, state, x, y)

    return begun


def policy(genomes: Genomes, program: Program, ticks: int | str) -> Policy:
    """These genomes' networks as a Policy. program: their compiled program; ticks: as of `Networks`."""
    data = (program, 0 if ticks == "depth" else ticks)
    ranges = output_range(genomes, program)
    return Policy(sys.modules[__name__], data, len(genomes), program.inputs, program.outputs, ranges)


def output_range(genomes: Genomes, program: Program) -> np.ndarray:
    """The interval (P, O, 2) of each output; -inf .. inf if its activation is unbounded. In continuous time it holds while
    time_step <= the node's time constant."""
    table = np.array([RANGES.get(name, (-np.inf, np.inf)) for name in CODES])
    return table[genomes.activation[(genomes.nodes_at[:-1] + program.first_output)[:, None] + np.arange(program.outputs)]]
