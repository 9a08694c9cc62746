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
from evo.network.cpu import feedforward, tick, together
from evo.network.program import PROGRAM, Program
from evo.network.topologies import topologies
from evo.rollout.lanes import Answer, Policy

# The networks; ticks per step of a recurrent network, 0: its depth; their topologies; the most connections that one has.
TYPE = types.Tuple((PROGRAM, types.int64, types.int64[::1], types.int64))

FEW = 3  # networks of one topology that are quicker together than one after another

# The range of each bounded activation.
RANGES = {
    **dict.fromkeys(("steep_sigmoid", "neat_sigmoid", "sigmoid", "neat_gauss", "gaussian", "hat"), (0.0, 1.0)),
    **dict.fromkeys(("neat_tanh", "tanh", "bipolar_sigmoid", "bipolar_gaussian", "neat_sin", "sin", "clamped"), (-1.0, 1.0)),
}


_ROWS = types.float64[:, ::1]
# The values of networks, a column for each lane, and of the tick that is computed; the numbers of `cpu.together`.
_SCRATCH = types.Tuple((_ROWS, _ROWS, types.UniTuple(_ROWS, 3)))


@njit(_SCRATCH(TYPE, types.int64), cache=True, nogil=True)
def scratch(policy, lanes):
    """Working arrays of a network for each lane."""
    slots, connections = policy[0].widest, policy[3]
    values, new = np.zeros((slots, lanes)), np.zeros((slots, lanes))
    return values, new, (np.zeros((connections, lanes)), np.zeros((slots, lanes)), np.zeros((slots, lanes)))


@njit(types.void(TYPE, types.int64, _SCRATCH, types.int64), cache=True, nogil=True, _nrt=False)
def begin(policy, genome, scratch, lane):
    """Resets the state before an episode, and copies the numbers of a network that others may run with."""
    program, values, (weights, bias, response) = policy[0], scratch[0], scratch[2]
    for slot in range(len(values)):
        values[slot, lane] = 0.0
    if policy[2][genome] < 0:
        return
    first, at = program.slots_at[genome], 0
    for k in range(program.steps[genome]):
        s = first + program.node[first + k]
        bias[k, lane], response[k, lane] = program.bias[s], program.response[s]
        for connection in range(program.first[s], program.last[s]):
            weights[at, lane] = program.connection_weight[connection]
            at += 1


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def answer(policy, genomes, scratch, first, last, x, y):
    """The outputs y (O, lanes) for x (I, lanes) of lanes first .. last, whose networks are `genomes`, -1: none."""
    program, ticks, topologies, _ = policy
    values, new, numbers = scratch
    alive = handled = 0
    for w in range(first, last):
        alive += genomes[w] >= 0
    for w in range(first, last):
        genome, alike, count = genomes[w], 0, 0
        if genome < 0 or handled >> w & 1:
            continue
        for v in range(w, last):
            if genomes[v] >= 0 and topologies[genomes[v]] == topologies[genome] >= 0:
                alike, count = alike | 1 << v, count + 1
        rounds = 1 if not program.recurrent else ticks if ticks > 0 else program.depth[genome]
        if count >= FEW and (count == alive or not program.recurrent):  # it moves the values of all lanes
            for _ in range(rounds):
                together(program, genome, x, numbers, values, new if program.recurrent else values)
        else:
            alike = 1 << w
            for _ in range(rounds):
                if program.recurrent:
                    tick(program, genome, x, values, new, w)
                else:
                    feedforward(program, genome, x, values, w)
        for o in range(len(y)):
            row = program.first_output[genome] + o
            for v in range(w, last):
                y[o, v] = np.float32(values[row, v]) if alike >> v & 1 else y[o, v]
        handled |= alike


def alone(policy: Policy) -> Callable[[int], Answer]:
    program, ticks, _, _ = policy.data
    planned = single.plan(program, ticks)

    def begun(genome: int) -> Answer:
        state = np.zeros((program.widest, 1))
        return lambda x, y: single.run(*planned, genome, state, x, y)

    return begun


def policy(genomes: Genomes, program: Program, ticks: int | str, card: Program | None = None) -> Policy:
    """These genomes' networks as a Policy. program: their compiled program; ticks: as of `Networks`; card: the program on a
    card, where they are to run."""
    count, sizes = 0 if ticks == "depth" else ticks, (len(genomes), program.inputs, program.outputs)
    if card is not None:
        from evo.network import cuda

        return Policy(cuda, (card, count), *sizes, output_range(genomes, program), on_card=True)
    alike, most = topologies(program), int(np.diff(genomes.connections_at).max(initial=0))
    data = (program, count, alike, most)
    return Policy(sys.modules[__name__], data, *sizes, output_range(genomes, program), alike=alike)


def output_range(genomes: Genomes, program: Program) -> np.ndarray:
    """The interval (P, O, 2) of each output; -inf .. inf if its activation is unbounded. In continuous time it holds while
    time_step <= the node's time constant."""
    table = np.array([RANGES.get(name, (-np.inf, np.inf)) for name in CODES])
    return table[genomes.activation[(genomes.nodes_at[:-1] + program.first_output)[:, None] + np.arange(program.outputs)]]
