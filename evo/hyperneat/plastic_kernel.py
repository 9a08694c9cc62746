"""Plastic networks as kernels run them: weights that change while the network lives, by rules of their own.

A policy kind for `evo.rollout.lanes`: its kernels call TYPE, scratch, begin and answer; episodes in Python call `alone`.

A tick computes layer after layer. A connection from a node before gives the value of this tick, one from its own layer that of
the tick before. Then each weight changes by what its two nodes say, o_i of the source and o_j of the target:

    rate * (A o_i o_j + B o_i + C o_j + D)         where the rules are numbers of each connection
    rate * CPPN(places, o_i, o_j, weight)          where the CPPN is asked again

and is clipped to the range of weights. All in float64, sum by sum in one order, so that no bit depends on company or threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo.activations import activate_rows
from evo.network.cpu import answers
from evo.network.program import PROGRAM, Program
from evo.rollout.lanes import Answer, Policy

PLANES = ("weight", "rate", "A", "B", "C", "D")  # numbers of a connection
WEIGHT, RATE, BOTH, SOURCE, TARGET, CONSTANT = range(6)
LAYER, FIRST, SOURCES, AT = range(4)  # columns of `pairs`
ROWS = 64  # questions to a CPPN computed at once, at most


class Plastic(NamedTuple):
    """P networks of one substrate, with N nodes and D possible connections.

    planes: of PLANES, (P, 6, D); the connections of a pair of layers stand source by source. biases: of all nodes but inputs.
    sizes: nodes of each layer. pairs: target layer, first source node, sources, first connection. activation: code of
    `evo.activations`. program, asked: where the CPPN is asked again, it and its inputs (D, I), of which the last three are the
    values of both nodes and the weight in -1 .. 1; else `asked` is empty. output (pairs,): which answer is the change.
    """

    planes: np.ndarray  # float32 (P, 6, D)
    biases: np.ndarray  # float32 (P, N - I)
    sizes: np.ndarray  # int64 (layers,)
    pairs: np.ndarray  # int64 (pairs, 4)
    activation: int
    weight_range: float
    program: Program
    asked: np.ndarray  # float64 (D or 0, I)
    output: np.ndarray  # int64 (pairs,)


class Scratch(NamedTuple):
    """State of each lane, weights (lanes, D) and values of all nodes (lanes, N); and what a tick needs."""

    weights: np.ndarray
    values: np.ndarray
    layer: np.ndarray
    asked: np.ndarray
    changes: np.ndarray
    slots: np.ndarray


_LONG, _FLOAT, _ROW, _TABLE = types.int64, types.float64, types.int64[::1], types.float64[:, ::1]
TYPE = types.NamedTuple(
    (types.float32[:, :, ::1], types.float32[:, ::1], _ROW, types.int64[:, ::1], _LONG, _FLOAT, PROGRAM, _TABLE, _ROW), Plastic
)
SCRATCH = types.NamedTuple((_TABLE, _TABLE, types.float64[::1], _TABLE, _TABLE, _TABLE), Scratch)


@njit(SCRATCH(TYPE, _LONG), cache=True, nogil=True)
def scratch(plastic, lanes):
    """Working arrays: the state of a network for each lane."""
    connections, nodes = plastic.planes.shape[2], plastic.sizes.sum()
    program, questions = plastic.program, plastic.asked.shape[0]
    return Scratch(
        np.empty((lanes, connections)),
        np.empty((lanes, nodes)),
        np.empty(plastic.sizes.max()),
        plastic.asked.copy(),
        np.empty((program.outputs, questions)),
        np.empty((program.widest, min(ROWS, max(1, questions)))),
    )


@njit(types.void(TYPE, _LONG, SCRATCH, _LONG), cache=True, nogil=True, _nrt=False)
def begin(plastic, genome, scratch, lane):
    """A life begins: the first weights, and nodes at 0."""
    for k in range(scratch.weights.shape[1]):
        scratch.weights[lane, k] = plastic.planes[genome, WEIGHT, k]
    for k in range(scratch.values.shape[1]):
        scratch.values[lane, k] = 0.0


@njit(cache=True, nogil=True, _nrt=False)
def _sum_up(plastic, genome, weights, values, layer, node, net):
    """net (targets,): bias and weighted values of a layer's nodes, of which `node` is the first."""
    for o in range(net.size):
        net[o] = plastic.biases[genome, node - plastic.sizes[0] + o]
    for number in range(len(plastic.pairs)):
        pair = plastic.pairs[number]
        if pair[LAYER] != layer:
            continue
        for i in range(pair[SOURCES]):
            value, at = values[pair[FIRST] + i], pair[AT] + i * net.size
            for o in range(net.size):
                net[o] += value * weights[at + o]


@njit(cache=True, nogil=True, _nrt=False)
def _clipped(number, high):
    """In -high .. high; NaN stays."""
    return high if number > high else -high if number < -high else number


@njit(cache=True, nogil=True, _nrt=False)
def _learn(plastic, genome, weights, values, pair, net):
    """The connections of a pair of layers change by the numbers of their rules."""
    planes = plastic.planes[genome]
    for i in range(pair[SOURCES]):
        source = values[pair[FIRST] + i]
        for o in range(net.size):
            k, target = pair[AT] + i * net.size + o, net[o]
            rule = planes[BOTH, k] * (source * target) + planes[SOURCE, k] * source + planes[TARGET, k] * target
            change = planes[RATE, k] * (rule + planes[CONSTANT, k])
            weights[k] = _clipped(weights[k] + change, plastic.weight_range)


@njit(cache=True, nogil=True, _nrt=False)
def _ask_again(plastic, genome, weights, values, scratch, number, net):
    """The same by the answers of the CPPN; one that is not a number is no change."""
    pair, high = plastic.pairs[number], plastic.weight_range
    start, end = pair[AT], pair[AT] + pair[SOURCES] * net.size
    last = scratch.asked.shape[1] - 1
    for i in range(pair[SOURCES]):
        for o in range(net.size):
            k = start + i * net.size + o
            scratch.asked[k, last - 2], scratch.asked[k, last - 1] = values[pair[FIRST] + i], net[o]
            scratch.asked[k, last] = weights[k] / high
    answers(plastic.program, genome, scratch.asked[start:end], scratch.changes, scratch.slots)
    for k in range(start, end):
        change = plastic.planes[genome, RATE, k] * _clipped(scratch.changes[plastic.output[number], k - start], 1.0)
        if change == change:
            weights[k] = _clipped(weights[k] + change, high)


@njit(types.void(TYPE, _LONG, SCRATCH, _LONG), cache=True, nogil=True, _nrt=False)
def tick(plastic, genome, scratch, lane):
    """One tick of a network with its state in row `lane` of scratch, from its inputs, which are there, to its outputs."""
    weights, values, sizes = scratch.weights[lane], scratch.values[lane], plastic.sizes
    node = sizes[0]
    for layer in range(1, sizes.size):
        net = scratch.layer[: sizes[layer]]
        _sum_up(plastic, genome, weights, values, layer, node, net)
        activate_rows(plastic.activation, 0.0, 1.0, net)
        for number in range(len(plastic.pairs)):
            if plastic.pairs[number, LAYER] != layer:
                continue
            if len(plastic.asked) > 0:
                _ask_again(plastic, genome, weights, values, scratch, number, net)
            else:
                _learn(plastic, genome, weights, values, plastic.pairs[number], net)
        for o in range(net.size):
            values[node + o] = net[o]
        node += sizes[layer]


@njit(cache=True, nogil=True, _nrt=False)
def _live(plastic, genome, scratch, lane, x, y, column):
    """A tick for a column of x (I, columns), whose outputs go into that of y (O, columns)."""
    values = scratch.values[lane]
    for i in range(len(x)):
        values[i] = x[i, column]
    tick(plastic, genome, scratch, lane)
    for o in range(len(y)):
        y[o, column] = np.float32(values[values.size - len(y) + o])


@njit(cache=True, nogil=True, _nrt=False)
def answer(plastic, genomes, scratch, first, last, x, y):
    """The outputs y (O, lanes) for x (I, lanes) of lanes first .. last, whose networks are `genomes`, -1: none."""
    for w in range(first, last):
        if genomes[w] >= 0:
            _live(plastic, genomes[w], scratch, w, x, y, w)


_ROWS = types.float32[:, :, ::1]


@njit(types.void(TYPE, _ROWS, _ROWS, *(types.float64[:, :, ::1],) * 2, SCRATCH, _LONG, _LONG), cache=True, nogil=True)
def run(plastic, x, out, weights, values, scratch, begin, end):
    """A tick of networks begin .. end, n of them, for rows x (n, I, B), or shared ones (1, I, B), into out (n, O, B); the state
    of each row, weights (n, B, D) and values (n, B, N), moves on."""
    for k in range(end - begin):
        own = Scratch(weights[k], values[k], scratch.layer, scratch.asked, scratch.changes, scratch.slots)
        for row in range(x.shape[2]):
            _live(plastic, begin + k, own, row, x[k % len(x)], out[k], row)


def alone(policy: Policy) -> Callable[[int], Answer]:
    def begun(genome: int) -> Answer:
        own = scratch(policy.data, 1)
        begin(policy.data, genome, own, 0)
        state = own.weights[None], own.values[None]
        single = lambda numbers: numbers.reshape(1, -1, 1)
        return lambda x, y: run(policy.data, single(x), single(y), *state, own, genome, genome + 1)

    return begun
