"""Networks on CPU cores: one network on one row, for kernels that run whole episodes; and a population on many rows.

Both compute every node with bit-identical results. The population kernels process up to MAX_ROWS rows at a time and store
values as (slots, rows), so that a connection or an activation is one pass over contiguous numbers.

_nrt=False disables reference counting of arrays, which would cost more than a small network; such functions allocate nothing.
forceinline avoids passing the many arrays of a Program at every call.
"""

from __future__ import annotations

from numba import njit, types

from evo.activations import MEAN, SUM, activate, activate_rows, aggregate
from evo.network.program import PROGRAM

ROW_STEP, MAX_ROWS = 8, 64  # the population kernels take a multiple of ROW_STEP rows at a time, at most MAX_ROWS


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _node(program, s, values, lane):
    """The value of the node with data at index s, from column `lane` of `values` (slots, lanes)."""
    first, last = program.first[s], program.last[s]
    total = 0.0
    if program.aggregation[s] == SUM:
        for k in range(first, last):
            total += program.connection_weight[k] * values[program.connection_source[k], lane]
    else:
        sources, weights = program.connection_source, program.connection_weight
        total = aggregate(program.aggregation[s], values, lane, sources, weights, first, last)
    return activate(program.activation[s], program.bias[s] + program.response[s] * total)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _enter(program, g, x, values, lane):
    """Column `lane` of x (I, lanes) into the input slots of that column of `values`, and 1 into that of the bias node."""
    for i in range(program.inputs):
        values[i, lane] = x[i, lane]
    if program.first_output[g] > program.inputs:
        values[program.inputs, lane] = 1.0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def feedforward(program, g, x, values, lane):
    """Genome g's network on column `lane` of x (I, lanes); the outputs are then values[program.first_output[g] + o, lane].

    values: float64 (slots, lanes), contiguous, for at least as many slots as the network has; need not be initialised.
    """
    _enter(program, g, x, values, lane)
    first = program.slots_at[g]
    for step in range(first, first + program.steps[g]):
        node = program.node[step]
        values[node, lane] = _node(program, first + node, values, lane)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def tick(program, g, x, values, new, lane):
    """One tick of genome g's recurrent network on column `lane` of x (I, lanes): every node is computed from `values` of the
    tick before, which are moved on; in continuous time by one Euler step.

    values: float64 (slots, lanes), contiguous; zero before the first tick. new: scratch of that shape.
    """
    _enter(program, g, x, values, lane)
    first = program.slots_at[g]
    for step in range(first, first + program.steps[g]):
        node = program.node[step]
        value = _node(program, first + node, values, lane)
        if program.time_step > 0:
            old = values[node, lane]
            value = old + program.time_step / program.time_constant[first + node] * (value - old)
        new[node, lane] = value
    for step in range(first, first + program.steps[g]):
        values[program.node[step], lane] = new[program.node[step], lane]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _sums(program, node, s, weights, at, values, new):
    """The sums of a node in every lane into new[node], of connections whose weights are weights[at], weights[at + 1], ..."""
    for w in range(new.shape[1]):
        new[node, w] = 0.0
    for k in range(program.last[s] - program.first[s]):
        source = program.connection_source[program.first[s] + k]
        for w in range(new.shape[1]):
            new[node, w] += weights[at + k, w] * values[source, w]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def together(program, g, x, numbers, values, new):
    """`feedforward`, or `tick`, of networks that all have the topology of genome g (`evo.network.topologies`), one for each
    column of x (I, lanes), with the same bits.

    numbers: their weights (connections, lanes), biases and responses (steps, lanes), in the order in which they are needed.
    """
    weights, bias, response = numbers
    lanes = values.shape[1]
    for i in range(program.inputs):
        for w in range(lanes):
            values[i, w] = x[i, w]
    if program.first_output[g] > program.inputs:
        for w in range(lanes):
            values[program.inputs, w] = 1.0
    first, at = program.slots_at[g], 0
    for k in range(program.steps[g]):
        node = program.node[first + k]
        s = first + node
        _sums(program, node, s, weights, at, values, new)
        at += program.last[s] - program.first[s]
        for w in range(lanes):
            new[node, w] = bias[k, w] + response[k, w] * new[node, w]
        activate_rows(program.activation[s], 0.0, 1.0, new[node])
    if program.recurrent:
        for k in range(program.steps[g]):
            node = program.node[first + k]
            for w in range(lanes):
                values[node, w] = new[node, w]


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _node_rows(program, s, node, old, new):
    """The node with data at index s, for all rows: from `old` into `new`, both (slots, rows)."""
    first, last, rows, code = program.first[s], program.last[s], new.shape[1], program.aggregation[s]
    if code in (SUM, MEAN):
        for r in range(rows):
            new[node, r] = 0.0
        for k in range(first, last - 1, 2):  # two connections per pass; the order of summation is unchanged
            one, two = program.connection_source[k], program.connection_source[k + 1]
            weight_one, weight_two = program.connection_weight[k], program.connection_weight[k + 1]
            for r in range(rows):
                new[node, r] = (new[node, r] + weight_one * old[one, r]) + weight_two * old[two, r]
        if (last - first) % 2:
            one, weight_one = program.connection_source[last - 1], program.connection_weight[last - 1]
            for r in range(rows):
                new[node, r] += weight_one * old[one, r]
        if code == MEAN and last > first:
            for r in range(rows):
                new[node, r] /= last - first
    else:
        for r in range(rows):
            new[node, r] = aggregate(code, old, r, program.connection_source, program.connection_weight, first, last)
    activate_rows(program.activation[s], program.bias[s], program.response[s], new[node])


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _feed(program, x, row, rows, values):
    """Copies rows row .. row + rows of x (B, I) into the input slots of `values`."""
    for i in range(program.inputs):
        for r in range(rows):
            values[i, r] = x[row + r, i]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def compute_rows(program, g, values):
    """The nodes of feed-forward network g, for all rows, in `values` (slots, rows), where its inputs stand."""
    if program.first_output[g] > program.inputs:
        values[program.inputs, :] = 1.0
    first = program.slots_at[g]
    for step in range(first, first + program.steps[g]):
        node = program.node[step]
        _node_rows(program, first + node, node, values, values)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _read(program, g, values, out, row, rows):
    """Copies the outputs of network g from `values` into rows row .. row + rows of out (O, B)."""
    for o in range(len(out)):
        for r in range(rows):
            out[o, row + r] = values[program.first_output[g] + o, r]


_VALUES = types.float64[:, ::1]
_SHAPES = [(kind[:, :, ::1], kind[:, :, ::1]) for kind in (types.float32, types.float64)]


@njit([types.void(PROGRAM, *rows, _VALUES, types.int64, types.int64) for rows in _SHAPES], cache=True, nogil=True, _nrt=False)
def forward(program, x, out, values, begin, end):
    """Feed-forward networks begin .. end on rows x (P, B, I), or shared rows (1, B, I), into out (end - begin, O, B).

    values: scratch (slots, rows) for the widest network and the number of rows per block.
    """
    shared, batch, width = len(x) == 1, x.shape[1], values.shape[1]
    for row in range(0, batch, width):
        rows = min(width, batch - row)
        for g in range(begin, end):
            if not shared or g == begin:  # input slots are never overwritten
                _feed(program, x[0 if shared else g], row, rows, values)
            compute_rows(program, g, values)
            _read(program, g, values, out[g - begin], row, rows)


@njit(types.void(PROGRAM, types.int64, _VALUES, _VALUES, _VALUES), cache=True, nogil=True, _nrt=False)
def answers(program, g, x, out, values):
    """Feed-forward network g alone on rows x (B, I) into out (O, B or more), for kernels that ask one network after the other;
    values: scratch, as of `forward`."""
    for row in range(0, len(x), values.shape[1]):
        rows = min(values.shape[1], len(x) - row)
        _feed(program, x, row, rows, values)
        compute_rows(program, g, values)
        _read(program, g, values, out, row, rows)


@njit(
    [types.void(PROGRAM, *rows, _VALUES, types.int64, _VALUES, _VALUES, types.int64, types.int64) for rows in _SHAPES],
    cache=True,
    nogil=True,
    _nrt=False,
)
def ticks(program, x, out, state, count, old, new, begin, end):
    """Recurrent networks begin .. end, as in `forward`, for `count` ticks; 0: as many as the depth of each.

    state (slots of all networks, B): their values, zero before the first tick; updated in place. old, new: scratch, as
    `values` of `forward`.
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
            if program.first_output[g] > program.inputs:
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
            _read(program, g, old, out[g - begin], row, rows)
