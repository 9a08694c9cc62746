"""Networks on the cores: one network and one row, for kernels that hold a whole episode; and a population over many rows.

Both compute every node alike, to the last bit. The population kernel takes WIDTH rows at a time and keeps the values of a
network as (slots, rows), so that each link is one pass over numbers that lie side by side.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from evo.activations import MEAN, SUM, activate, aggregate
from evo.network.order import PROGRAM

WIDTH = 64  # rows at a time


@njit(cache=True, nogil=True, inline="always")
def _node(program, s, values):
    """What step s computes from `values` (slots,)."""
    first, last = program.links_at[s], program.links_at[s + 1]
    if program.aggregation[s] == SUM:
        total = 0.0
        for k in range(first, last):
            total += program.link_weight[k] * values[program.link_source[k]]
    else:
        total = aggregate(program.aggregation[s], values, 1, 0, program.link_source, program.link_weight, first, last)
    return activate(program.activation[s], program.bias[s] + program.response[s] * total)


@njit(cache=True, nogil=True)
def feedforward(program, g, x, values):
    """Genome g's network on one row x (I,); its outputs are then values[program.output_slot[g, o]].

    values: float64, at least as long as the network has slots; what it held before does not matter.
    """
    for i in range(program.inputs):
        values[i] = x[i]
    if program.biased[g]:
        values[program.inputs] = 1.0
    for s in range(program.at[g], program.at[g + 1]):
        values[program.node[s]] = _node(program, s, values)


@njit(cache=True, nogil=True)
def tick(program, g, x, old, new):
    """One tick of genome g's recurrent network: every node is computed from the values `old`, into `new`.

    old, new: float64 (slots,); zero before the first tick, exchanged between two. The outputs are then in `new`.
    """
    for i in range(program.inputs):
        old[i] = x[i]
    if program.biased[g]:
        old[program.inputs] = 1.0
    for s in range(program.at[g], program.at[g + 1]):
        new[program.node[s]] = _node(program, s, old)
