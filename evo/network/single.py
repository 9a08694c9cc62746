"""One network on one example, called from Python: what `NetworkModel.activate` runs.

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


def plan(program: Program, ticks: int) -> Plan:
    """The first arguments of `run` for a program of one network: its int64, float64 and int8 numbers in the order of Program,
    and a scratch array for the values of a tick. ticks: of a recurrent network, 0: as many as it is deep."""
    columns = [np.ravel(each) for each in program]
    kinds = (np.int64, np.float64, np.int8)
    whole, real, codes = (np.concatenate([each for each in columns if each.dtype == kind]) for kind in kinds)
    return np.concatenate([[ticks, program.recurrent], whole]), real, codes, np.zeros(program.widest)


@njit(types.void(_INT64, _DOUBLE, _INT8, _DOUBLE, types.float64[:, ::1], _SINGLE, _SINGLE), cache=True, _nrt=False)
def run(whole, real, codes, new, state, x, y):
    """The outputs y (O,) for x (I,). state (slots, 1): as of `cpu.ticks`, moved on in place; of a feed-forward network it is
    scratch."""
    n = codes.size // 2
    first, last, source = 10 + n, 10 + 2 * n, 10 + 3 * n
    program = Program(
        *(whole[2], whole[3], whole[4], whole[1] != 0, real[0]),
        *(whole[5:7], whole[7:8], whole[8:9], whole[9:10], whole[10:first]),
        *(codes[:n], codes[n:], real[1 : 1 + n], real[1 + n : 1 + 2 * n], real[1 + 2 * n : 1 + 3 * n]),
        *(whole[first:last], whole[last:source], whole[source:], real[1 + 3 * n :]),
    )
    values = state.reshape(state.size)
    if program.recurrent:
        for _ in range(whole[0] if whole[0] > 0 else program.depth[0]):
            tick(program, 0, x, values, new)
            for step in range(program.steps[0]):
                values[program.node[step]] = new[program.node[step]]
    else:
        feedforward(program, 0, x, values)
    for o in range(y.size):
        y[o] = values[program.first_output[0] + o]
