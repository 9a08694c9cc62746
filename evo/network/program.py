"""From genomes to programs: which nodes of each network are computed, in what order, from which values.

A node takes part if an output depends on it through enabled connections (the rule of neat-python's required_for_output).
Walking backwards from the outputs, depth first, a node is finished after all nodes that it reads: the order in which nodes
finish is the order to compute them in. A connection met on the way that leads to a node not yet finished closes a cycle:
a fault of a feed-forward network, memory of a recurrent one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.core import counted
from evo.genomes.genome import BIAS, GENES, OUTPUT, Genomes, longest

WORK = 1 << 14  # nodes and connections that are worth a thread
UNSEEN, OPEN, FINISHED = range(3)
NOWHERE, CYCLE, UNKNOWN = range(1, 4)
ACTIVATIONS, SUMS = len(NODE_ACTIVATIONS), len(AGGREGATIONS)


class Program(NamedTuple):
    """Networks of a population, ready to run. Genome g has value slots 0 .. slots_at[g + 1] - slots_at[g]: slot k is its
    k-th node, so that inputs come first, then a node clamped to 1 if there is one, then outputs from given[g] on. P genomes,
    N slots of all, C connections of all.

    Genome g computes steps[g] slots, one after the other: node[slots_at[g]], node[slots_at[g] + 1], ... What belongs to a
    slot stands at slots_at[g] + slot: it is activation(bias + response * aggregation(link_weight * value)), over links
    first .. last in the order of their innovation numbers, link_source being slots. What belongs to no slot that is computed,
    and links between first and last of none, are not defined. depth: ticks until an input has passed to every output, longest
    way; widest: the most slots of a genome.

    In a feed-forward network a node without a link computes its bias; in a recurrent one it stays 0 and is not computed, as
    in neat-python. A recurrent network is one of continuous time if time_step, seconds, is above 0: in a tick a node then
    goes the part time_step / time_constant of the way from its value to what it computes.
    """

    inputs: int
    outputs: int
    widest: int
    recurrent: bool
    time_step: float
    slots_at: np.ndarray  # int64 (P + 1,)
    steps: np.ndarray  # int64 (P,)
    given: np.ndarray  # int64 (P,)
    depth: np.ndarray  # int64 (P,)
    node: np.ndarray  # int64 (N,)
    activation: np.ndarray  # int8 (N,)
    aggregation: np.ndarray  # int8 (N,)
    bias: np.ndarray  # float64 (N,)
    response: np.ndarray  # float64 (N,)
    time_constant: np.ndarray  # float64 (N,)
    first: np.ndarray  # int64 (N,)
    last: np.ndarray  # int64 (N,)
    link_source: np.ndarray  # int64 (C,)
    link_weight: np.ndarray  # float64 (C,)

    def __repr__(self) -> str:
        sizes = [counted(len(self.steps), "network"), counted(self.inputs, "input"), counted(self.outputs, "output")]
        return f"Program({', '.join(sizes)}, {self.manner})"

    @property
    def manner(self) -> str:
        """How the networks run: "feed-forward", "recurrent" or "continuous time"."""
        return "continuous time" if self.time_step > 0 else "recurrent" if self.recurrent else "feed-forward"


_INT8, _INT64, _FLOAT, _LONG = types.int8[::1], types.int64[::1], types.float64[::1], types.int64
# The type of a Program in a kernel's signature.
PROGRAM = types.NamedTuple(
    (_LONG, _LONG, _LONG, types.boolean, types.float64, _INT64, _INT64, _INT64, _INT64, _INT64)
    + (_INT8, _INT8, _FLOAT, _FLOAT, _FLOAT, _INT64, _INT64, _INT64, _FLOAT),
    Program,
)


def compile(genomes: Genomes, recurrent: bool = False, time_step: float = 0.0) -> Program:
    """The program of every genome, whose arrays it shares. recurrent: nodes read the values of the tick before, so cycles are
    allowed. time_step: seconds that a tick of a continuous-time network takes, which is recurrent; 0: the networks are not of
    continuous time.

    Raises ValueError for a time_step that is not finite and >= 0; and, naming the first genome: a cycle in a feed-forward
    network, a connection from or to a node that is not there, a code of `evo.activations` that is unknown, a time constant
    that is not above 0.
    """
    if not 0.0 <= time_step < np.inf:
        raise ValueError(f"time_step: expected a number of seconds >= 0; got {time_step!r}")
    size, nodes, connections = len(genomes), len(genomes.node_id), len(genomes.innovation)
    fault, order = np.zeros(size, np.int64), np.empty((3, size), np.int64)
    slots, links = np.empty((3, nodes), np.int64), np.empty(connections, np.int64)
    genes = genomes.genes
    program = Program(
        genomes.inputs,
        genomes.outputs,
        longest(genes.nodes_at),
        bool(recurrent or time_step > 0),
        float(time_step),
        genes.nodes_at,
        order[0],
        order[1],
        order[2],
        slots[0],
        genes.activation,
        genes.aggregation,
        genes.bias,
        genes.response,
        genes.time_constant,
        slots[1],
        slots[2],
        links,
        np.empty(connections),
    )
    room = max(program.widest, longest(genes.connections_at))
    walk = lambda a, b: _walk(program, genes, fault, np.empty((4, room), np.int64), a, b)
    threads.each(walk, size, grain=max(1, WORK * size // max(1, nodes + connections)))
    if fault.any():
        _raise_fault(genomes, fault)
    return program


FAULTS = {
    NOWHERE: "a connection from or to a node that it does not have; Genomes.check() tells more",
    CYCLE: "its enabled connections close a cycle: run it as a recurrent network, or breed it feed-forward",
}


def _raise_fault(genomes: Genomes, fault: np.ndarray) -> None:
    g = int(np.argmax(fault > 0))
    if fault[g] in FAULTS:
        raise ValueError(f"genome {g}: {FAULTS[fault[g]]}")
    own = slice(genomes.nodes_at[g], genomes.nodes_at[g + 1])
    for name, table in (("activation", NODE_ACTIVATIONS), ("aggregation", AGGREGATIONS)):
        for node, code in zip(genomes.node_id[own], getattr(genomes, name)[own]):
            if not 0 <= code < len(table):
                raise ValueError(f"genome {g}: node {node} has {name} {code}; expected 0 to {len(table) - 1}")
    slow = own.start + int(np.argmax(~(genomes.time_constant[own] > 0)))
    node, value = genomes.node_id[slow], genomes.time_constant[slow]
    raise ValueError(f"genome {g}: node {node} has time_constant {value}; expected it above 0")


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _slot(identity, node_id, begin, end):
    """Where a node's id stands among those of its genome, node_id[begin:end], which ascend; or -1."""
    if 0 <= identity < end - begin and node_id[begin + identity] == identity:  # no gap before it
        return identity
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if node_id[middle] < identity:
            low = middle + 1
        else:
            high = middle
    return low - begin if low < end and node_id[low] == identity else -1


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _known(genes, node):
    """Does a node have functions that there are, and a time constant?"""
    known = 0 <= genes.activation[node] < ACTIVATIONS and 0 <= genes.aggregation[node] < SUMS
    return known and genes.time_constant[node] > 0.0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _sort_links(program, genes, g, into):
    """Enabled connections of genome g, sorted by target and for one target by innovation number: a counting sort. Returns
    whether both ends of each are nodes."""
    begin, end, start = genes.nodes_at[g], genes.nodes_at[g + 1], genes.connections_at[g]
    for node in range(begin, end):
        program.last[node] = 0
    for c in range(start, genes.connections_at[g + 1]):
        if genes.enabled[c]:
            into[c - start] = _slot(genes.target[c], genes.node_id, begin, end)
            if into[c - start] < 0:
                return False
            program.last[begin + into[c - start]] += 1
    at = start
    for node in range(begin, end):
        at, program.first[node], program.last[node] = at + program.last[node], at, at
    for c in range(start, genes.connections_at[g + 1]):
        if genes.enabled[c]:
            place = program.last[begin + into[c - start]]
            program.last[begin + into[c - start]] += 1
            program.link_source[place] = _slot(genes.source[c], genes.node_id, begin, end)
            program.link_weight[place] = genes.weight[c]
            if program.link_source[place] < 0:
                return False
    return True


@njit(types.void(PROGRAM, GENES, _INT64, types.int64[:, ::1], _LONG, _LONG), cache=True, nogil=True, _nrt=False)
def _walk(program, genes, fault, room, begin, end):
    """Fills in the program of genomes begin .. end; fault (P,): what is wrong with a genome, of FAULTS, or UNKNOWN.
    room: 4 rows, as long as the largest genome has nodes or connections."""
    state, following, height, stack = room[0], room[1], room[2], room[3]
    for g in range(begin, end):
        first, nodes = genes.nodes_at[g], genes.nodes_at[g + 1] - genes.nodes_at[g]
        if not _sort_links(program, genes, g, stack):
            fault[g] = NOWHERE
            continue
        given = 0
        for k in range(nodes):
            if not _known(genes, first + k):
                fault[g] = UNKNOWN
            inner = genes.node_kind[first + k] > BIAS
            given += not inner
            state[k], height[k], following[k] = UNSEEN if inner else FINISHED, 0, program.first[first + k]
        # Depth first, backwards from the outputs.
        steps, depth = 0, 1
        for output in range(nodes):
            if genes.node_kind[first + output] != OUTPUT or state[output] == FINISHED:
                continue
            top, stack[0], state[output] = 0, output, OPEN
            while top >= 0:
                k = stack[top]
                if following[k] < program.last[first + k]:
                    read = program.link_source[following[k]]
                    if state[read] == UNSEEN:  # this link is looked at again when it is finished
                        top += 1
                        stack[top], state[read] = read, OPEN
                        continue
                    following[k] += 1
                    if state[read] == FINISHED:
                        height[k] = max(height[k], height[read] + 1)
                    elif not program.recurrent:
                        fault[g] = CYCLE
                    continue
                top -= 1
                state[k] = FINISHED
                if program.last[first + k] > program.first[first + k] or not program.recurrent:
                    program.node[first + steps] = k
                    steps += 1
                    height[k] = max(height[k], 1)
            depth = max(depth, height[output])
        program.steps[g], program.given[g], program.depth[g] = steps, given, depth


@njit(types.void(PROGRAM, _INT64), cache=True, nogil=True, _nrt=False)
def count_parameters(program, counts):
    """Of each network (P,): links, biases that are not 0 and responses that are not 1, of the nodes that take part; in
    continuous time also time constants that are not 1 s."""
    for g in range(counts.size):
        counts[g] = 0
        for step in range(program.slots_at[g], program.slots_at[g] + program.steps[g]):
            s = program.slots_at[g] + program.node[step]
            counts[g] += program.last[s] - program.first[s] + (program.bias[s] != 0.0) + (program.response[s] != 1.0)
            counts[g] += program.time_step > 0.0 and program.time_constant[s] != 1.0
