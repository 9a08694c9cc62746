"""Networks on the cores: one network on one row, for kernels that hold a whole episode; and a population on many rows.

Both compute every node alike, to the last bit. The population kernels take up to WIDTH rows at a time and keep the values of
a network as (slots, rows), so that a link, and an activation, is one pass over numbers that lie side by side.

_nrt=False: numba counts no references to the arrays, which costs more than a small network does; such a function allocates
nothing. forceinline: nor are the arrays of a Program, a hundred numbers, handed over at every call.
"""

from __future__ import annotations

from numba import njit, types

from evo.activations import MEAN, SUM, activate, activate_rows, aggregate
from evo.network.program import PROGRAM

LANES, WIDTH = 8, 64  # the population kernels take a multiple of LANES rows at a time, at most WIDTH


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _node(program, s, values):
    """What stands at s computes from `values` (slots,)."""
    first, last = program.first[s], program.last[s]
    total = 0.0
    if program.aggregation[s] == SUM:
        for k in range(first, last):
            total += program.link_weight[k] * values[program.link_source[k]]
    else:
        column = values.reshape(values.size, 1)
        total = aggregate(program.aggregation[s], column, 0, program.link_source, program.link_weight, first, last)
    return activate(program.activation[s], program.bias[s] + program.response[s] * total)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def feedforward(program, g, x, values):
    """Genome g's network on one row x (I,); its outputs then stand in values[program.given[g] + o].

    values: float64, contiguous, at least as long as the network has slots; what it held before does not matter.
    """
    for i in range(program.inputs):
        values[i] = x[i]
    if program.given[g] > program.inputs:
        values[program.inputs] = 1.0
    first = program.slots_at[g]
    for step in range(first, first + program.steps[g]):
        node = program.node[step]
        values[node] = _node(program, first + node, values)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def tick(program, g, x, old, new):
    """One tick of genome g's recurrent network: every node is computed from the values `old`, into `new`; in continuous time
    it goes a part of the way there (a step of Euler's method).

    old, new: float64 (slots,), contiguous; zero before the first tick, exchanged between two. The outputs are then in `new`.
    """
    for i in range(program.inputs):
        old[i] = x[i]
    if program.given[g] > program.inputs:
        old[program.inputs] = 1.0
    first = program.slots_at[g]
    for step in range(first, first + program.steps[g]):
        node = program.node[step]
        value = _node(program, first + node, old)
        if program.time_step > 0:
            value = old[node] + program.time_step / program.time_constant[first + node] * (value - old[node])
        new[node] = value


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _node_rows(program, s, node, old, new):
    """The node that stands at s, for all rows: from `old` into `new`, both (slots, rows)."""
    first, last, rows, code = program.first[s], program.last[s], new.shape[1], program.aggregation[s]
    if code in (SUM, MEAN):
        for r in range(rows):
            new[node, r] = 0.0
        for k in range(first, last - 1, 2):  # two links a pass: the sum of a row is the same, link after link
            one, two = program.link_source[k], program.link_source[k + 1]
            weight_one, weight_two = program.link_weight[k], program.link_weight[k + 1]
            for r in range(rows):
                new[node, r] = (new[node, r] + weight_one * old[one, r]) + weight_two * old[two, r]
        if (last - first) % 2:
            one, weight_one = program.link_source[last - 1], program.link_weight[last - 1]
            for r in range(rows):
                new[node, r] += weight_one * old[one, r]
        if code == MEAN and last > first:
            for r in range(rows):
                new[node, r] /= last - first
    else:
        for r in range(rows):
            new[node, r] = aggregate(code, old, r, program.link_source, program.link_weight, first, last)
    activate_rows(program.activation[s], program.bias[s], program.response[s], new[node])


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _feed(program, x, row, rows, values):
    """Rows row .. row + rows of x (B, I) into the input slots of `values`."""
    for i in range(program.inputs):
        for r in range(rows):
            values[i, r] = x[row + r, i]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _read(program, g, values, out, row, rows):
    """The outputs of network g from `values` into rows row .. row + rows of out (B, O)."""
    for o in range(out.shape[1]):
        for r in range(rows):
            out[row + r, o] = values[program.given[g] + o, r]


_VALUES = types.float64[:, ::1]
_SHAPES = [(kind[:, :, ::1], kind[:, :, ::1]) for kind in (types.float32, types.float64)]


@njit([types.void(PROGRAM, *rows, _VALUES, types.int64, types.int64) for rows in _SHAPES], cache=True, nogil=True, _nrt=False)
def forward(program, x, out, values, begin, end):
    """Feed-forward networks begin .. end on rows x (P, B, I), or the same rows (1, B, I) for all, into out (P, B, O).

    values: room for the slots of any of them, for as many rows as are taken at a time.
    """
    shared, batch, width = len(x) == 1, x.shape[1], values.shape[1]
    for row in range(0, batch, width):
        rows = min(width, batch - row)
        for g in range(begin, end):
            if not shared or g == begin:  # no network writes into its input slots
                _feed(program, x[0 if shared else g], row, rows, values)
            if program.given[g] > program.inputs:
                values[program.inputs, :] = 1.0
            first = program.slots_at[g]
            for step in range(first, first + program.steps[g]):
                node = program.node[step]
                _node_rows(program, first + node, node, values, values)
            _read(program, g, values, out[g], row, rows)


@njit(
    [types.void(PROGRAM, *rows, _VALUES, types.int64, _VALUES, _VALUES, types.int64, types.int64) for rows in _SHAPES],
    cache=True,
    nogil=True,
    _nrt=False,
)
def ticks(program, x, out, state, count, old, new, begin, end):
    """Recurrent networks begin .. end, as in `forward`, for `count` ticks; 0: for as many as the depth of each.

    state (slots of all networks, B): their values, zero before the first tick; left as they are after the last.
    old, new: as `values` of `forward`.
    """
    shared, batch, width = len(x) == 1, x.shape[1], old.shape[1]
    for g in range(begin, end):
        first, slots = program.slots_at[g], program.slots_at[g + 1] - program.slots_at[g]
        for row in range(0, batch, width):
            rows = min(width, batch - row)
            for slot in range(program.inputs, slots):
                for r in range(rows):
                    old[slot, r] = state[first + slot, row + r]
            _feed(program, x[0 if shared else g], row, rows, old)
            if program.given[g] > program.inputs:
                old[program.inputs, :] = 1.0
            for _ in range(count if count else program.depth[g]):
                for step in range(first, first + program.steps[g]):
                    _node_rows(program, first + program.node[step], program.node[step], old, new)
                for step in range(first, first + program.steps[g]):
                    node = program.node[step]
                    if program.time_step > 0:
                        part = program.time_step / program.time_constant[first + node]
                        for r in range(rows):
                            old[node, r] += part * (new[node, r] - old[node, r])
                    else:
                        for r in range(rows):
                            old[node, r] = new[node, r]
            for slot in range(program.inputs, slots):
                for r in range(rows):
                    state[first + slot, row + r] = old[slot, r]
            _read(program, g, old, out[g], row, rows)
