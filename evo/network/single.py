"""One network on one example, called from Python: what `NetworkModel.activate` and episodes in Gymnasium environments run.

Handing arguments to a compiled function costs more than computing a small network, so the arrays of a Program go in as three,
one for each kind of number, and become a Program again inside.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from evo.network.cpu import feedforward, tick
from evo.network.program import Program

Plan = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

_INT8, _INT64, _SINGLE, _DOUBLE = types.int8[::1], types.int64[::1], types.float32[::1], types.float64[::1]
_COLUMN = types.float64[:, ::1]


def plan(program: Program, ticks: int) -> Plan:
    """The first arguments of `run` for a program: its int64, float64 and int8 numbers in the order of Program, and a scratch
    array for the values of a tick. ticks: of a recurrent network, 0: as many as it is deep."""
    columns = [np.ravel(each) for each in program]
    kinds = (np.int64, np.float64, np.int8)
    whole, real, codes = (np.concatenate([each for each in columns if each.dtype == kind]) for kind in kinds)
    return np.concatenate([[ticks, program.recurrent, len(program.steps)], whole]), real, codes, np.zeros((program.widest, 1))


@njit(types.void(_INT64, _DOUBLE, _INT8, _COLUMN, types.int64, _COLUMN, _SINGLE, _SINGLE), cache=True, _nrt=False)
def run(whole, real, codes, new, genome, state, x, y):
    """The outputs y (O,) of a genome's network for x (I,). state (slots, 1): as of `cpu.ticks` for this genome alone, moved on
    in place; of a feed-forward network it is scratch."""
    size, n = whole[2], codes.size // 2
    steps = 7 + size
    node = steps + 3 * size
    first, last, source = node + n, node + 2 * n, node + 3 * n
    program = Program(
        *(whole[3], whole[4], whole[5], whole[1] != 0, real[0]),
        *(whole[6:steps], whole[steps : steps + size], whole[steps + size : steps + 2 * size], whole[steps + 2 * size : node]),
        *(whole[node:first], codes[:n], codes[n:]),
        *(real[1 : 1 + n], real[1 + n : 1 + 2 * n], real[1 + 2 * n : 1 + 3 * n]),
        *(whole[first:last], whole[last:source], whole[source:], real[1 + 3 * n :]),
    )
    column = x.reshape(x.size, 1)
    if program.recurrent:
        for _ in range(whole[0] if whole[0] > 0 else program.depth[genome]):
            tick(program, genome, column, state, new, 0)
    else:
        feedforward(program, genome, column, state, 0)
    for o in range(y.size):
        y[o] = state[program.first_output[genome] + o, 0]
