"""Compilation of genomes to programs: which nodes of each network are computed, and in what order.

A node is computed if an output depends on it through enabled connections (neat-python's required_for_output). A depth-first
search backwards from the outputs finishes a node after all its sources, so the finishing order is a topological order. A
connection from a node that is still open closes a cycle: an error in a feed-forward network, allowed in a recurrent one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.core import counted
from evo.genomes.genes import BLOCK, GENES, genes_of, longest
from evo.genomes.genome import BIAS, GRAIN, OUTPUT, Genomes

WORK = 1 << 14  # nodes and connections per thread
SLOTS = 256  # last bits of node ids by which slots are found
UNSEEN, OPEN, FINISHED = range(3)
MISSING_NODE, CYCLE, UNKNOWN = range(1, 4)
ACTIVATIONS, SUMS = len(NODE_ACTIVATIONS), len(AGGREGATIONS)


class Program(NamedTuple):
    """Compiled networks of a population. Genome g has value slots 0 .. slots_at[g + 1] - slots_at[g]; slot k is its k-th node:
    inputs, then the bias node if there is one, then outputs from first_output[g] on, then hidden nodes. P genomes, N slots
    in total, C connections in total.

    Genome g computes steps[g] slots in topological order: node[slots_at[g]], node[slots_at[g] + 1], ... The data of a slot is
    at index slots_at[g] + slot. It computes activation(bias + response * aggregation(connection_weight * value)) over the
    connections first .. last, sorted by innovation number; connection_source holds slots. The data of slots that are not
    computed, and connections outside first .. last, are undefined. depth: ticks until every output depends on an input, by
    the longest path; widest: the largest number of slots of a genome.

    In a feed-forward network a node without connections computes its bias; in a recurrent one it stays 0 and is not computed,
    as in neat-python, unless `compile` was told otherwise. With time_step > 0 (seconds) a recurrent network runs in continuous
    time: in a tick each node moves by the fraction time_step / time_constant from its value towards the computed one.
    """

    inputs: int
    outputs: int
    widest: int
    recurrent: bool
    time_step: float
    slots_at: np.ndarray  # int64 (P + 1,)
    steps: np.ndarray  # int64 (P,)
    first_output: np.ndarray  # int64 (P,)
    depth: np.ndarray  # int64 (P,)
    node: np.ndarray  # int64 (N,)
    activation: np.ndarray  # int8 (N,)
    aggregation: np.ndarray  # int8 (N,)
    bias: np.ndarray  # float64 (N,)
    response: np.ndarray  # float64 (N,)
    time_constant: np.ndarray  # float64 (N,)
    first: np.ndarray  # int64 (N,)
    last: np.ndarray  # int64 (N,)
    connection_source: np.ndarray  # int64 (C,)
    connection_weight: np.ndarray  # float64 (C,)

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


def compile(genomes: Genomes, recurrent: bool = False, time_step: float = 0.0, unconnected: bool = False) -> Program:
    """The program of every genome; it shares the genomes' arrays. recurrent: nodes read the values of the previous tick, so
    cycles are allowed. time_step: seconds per tick of a continuous-time network, which is recurrent; 0: discrete time.
    unconnected: nodes without connections are computed in recurrent networks too.

    Raises ValueError for a time_step that is negative or not finite; and, naming the first genome: a cycle in a feed-forward
    network, a connection from or to a missing node, an unknown code of `evo.activations`, a time constant <= 0.
    """
    if not 0.0 <= time_step < np.inf:
        raise ValueError(f"time_step: expected a number of seconds >= 0; got {time_step!r}")
    size = len(genomes)
    recurrent = bool(recurrent or time_step > 0)
    run, unconnected = (genomes.inputs, genomes.outputs, recurrent, float(time_step)), unconnected or not recurrent
    if size <= GRAIN and sum((block := genomes.block)[1:3].tolist()) <= WORK:
        program, fault, faulty = _compile_all(block, *run, unconnected)
    else:
        genes = genomes.genes
        grain = max(1, WORK * size // max(1, genes.node_id.size + genes.innovation.size))
        program, fault = _empty_program(genes, *run), np.zeros(size, np.int64)
        part = lambda a, b: _compile_genomes(program, genes, fault, _scratch(program, genes), unconnected, a, b)
        threads.each(part, size, grain)
        faulty = fault.any()
    if faulty:
        _raise_fault(genomes, fault)
    return program


FAULTS = {
    MISSING_NODE: "a connection from or to a missing node; Genomes.check() names it",
    CYCLE: "its enabled connections contain a cycle: run it as a recurrent network, or evolve feed-forward genomes",
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
    raise ValueError(f"genome {g}: node {node} has time_constant {value}; expected above 0")


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _slot_of(identity, node_id, begin, end, slots):
    """The slot of a node id, given the ids node_id[begin:end] of its genome in ascending order; -1 if it is missing. slots: by
    the last bits of an id, the slot of a node of this genome that has them, or any number."""
    slot = slots[identity & (SLOTS - 1)]
    if 0 <= slot < end - begin and node_id[begin + slot] == identity:
        return slot
    low, size = begin, end - begin  # another node has the same last bits
    while size > 1:
        half = size // 2
        low += half if node_id[low + half - 1] < identity else 0
        size -= half
    return low - begin if size and node_id[low] == identity else -1


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _valid_codes(genes, node):
    """Whether activation, aggregation and time constant of a node are valid."""
    known = 0 <= genes.activation[node] < ACTIVATIONS and 0 <= genes.aggregation[node] < SUMS
    return known and genes.time_constant[node] > 0.0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _sort_connections(program, genes, g, into, slots):
    """Counting sort of the connections of genome g by target slot; per target the enabled ones, which stay sorted by innovation
    number, before what is left. Returns whether all sources and targets of enabled ones are nodes. It does not branch on what
    is enabled, which would be mispredicted every few genes."""
    begin, end = genes.nodes_at[g], genes.nodes_at[g + 1]
    start, stop = genes.connections_at[g], genes.connections_at[g + 1]
    for node in range(begin, end):
        slots[genes.node_id[node] & (SLOTS - 1)] = node - begin
        program.last[node] = 0
    for c in range(start, stop):
        into[c - start] = slot = _slot_of(genes.target[c], genes.node_id, begin, end, slots)
        if slot >= 0:
            program.last[begin + slot] += 1
        elif genes.enabled[c]:
            return False
    at = start
    for node in range(begin, end):
        at, program.first[node], program.last[node] = at + program.last[node], at, at
    for c in range(start, stop):
        source = _slot_of(genes.source[c], genes.node_id, begin, end, slots)
        if source < 0 and genes.enabled[c]:
            return False
        if into[c - start] >= 0:
            node = begin + into[c - start]
            index = program.last[node]
            program.connection_source[index], program.connection_weight[index] = source, genes.weight[c]
            program.last[node] += genes.enabled[c]
    return True


@njit(types.void(PROGRAM, GENES, _INT64, types.int64[:, ::1], types.boolean, _LONG, _LONG), cache=True, nogil=True, _nrt=False)
def _compile_genomes(program, genes, fault, scratch, unconnected, begin, end):
    """Writes the program of genomes begin .. end; fault (P,): a key of FAULTS, or UNKNOWN, if a genome is invalid.
    scratch: from `_scratch`; unconnected: whether nodes without connections are computed."""
    state, following, height, stack, slots = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for g in range(begin, end):
        first, nodes = genes.nodes_at[g], genes.nodes_at[g + 1] - genes.nodes_at[g]
        if not _sort_connections(program, genes, g, stack, slots):
            fault[g] = MISSING_NODE
            continue
        first_output = 0
        for k in range(nodes):
            if not _valid_codes(genes, first + k):
                fault[g] = UNKNOWN
            inner = genes.node_kind[first + k] > BIAS
            first_output += not inner
            state[k], height[k], following[k] = UNSEEN if inner else FINISHED, 0, program.first[first + k]
        # Depth-first search, backwards from the outputs.
        steps, depth = 0, 1
        for output in range(nodes):
            if genes.node_kind[first + output] != OUTPUT or state[output] == FINISHED:
                continue
            top, stack[0], state[output] = 0, output, OPEN
            while top >= 0:
                k = stack[top]
                if following[k] < program.last[first + k]:
                    read = program.connection_source[following[k]]
                    if state[read] == UNSEEN:  # revisited once the source is finished
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
                if program.last[first + k] > program.first[first + k] or unconnected:
                    program.node[first + steps] = k
                    steps += 1
                    height[k] = max(height[k], 1)
            depth = max(depth, height[output])
        program.steps[g], program.first_output[g], program.depth[g] = steps, first_output, depth


@njit(PROGRAM(GENES, _LONG, _LONG, types.boolean, types.float64), cache=True, nogil=True)
def _empty_program(genes, inputs, outputs, recurrent, time_step):
    """Room for the programs of `genes`, whose arrays it shares."""
    size, nodes, connections = genes.nodes_at.size - 1, genes.node_id.size, genes.innovation.size
    return Program(
        *(inputs, outputs, longest(genes.nodes_at), recurrent, time_step, genes.nodes_at),
        *(np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(nodes, np.int64)),
        *(genes.activation, genes.aggregation, genes.bias, genes.response, genes.time_constant),
        *(np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(connections, np.int64), np.empty(connections)),
    )


@njit(types.int64[:, ::1](PROGRAM, GENES), cache=True, nogil=True)
def _scratch(program, genes):
    """Five rows, for the slots by ids and for as many nodes or connections as a genome has."""
    return np.empty((5, max(SLOTS, program.widest, longest(genes.connections_at))), np.int64)


@njit(
    types.Tuple((PROGRAM, _INT64, types.boolean))(BLOCK, _LONG, _LONG, types.boolean, types.float64, types.boolean),
    cache=True,
    nogil=True,
)
def _compile_all(block, inputs, outputs, recurrent, time_step, unconnected):
    """The program of all genomes of a block, in one part; their faults, and whether there is one."""
    genes = genes_of(block)
    program = _empty_program(genes, inputs, outputs, recurrent, time_step)
    fault = np.zeros(program.steps.size, np.int64)
    _compile_genomes(program, genes, fault, _scratch(program, genes), unconnected, 0, fault.size)
    return program, fault, fault.any()


@njit(types.void(PROGRAM, _INT64), cache=True, nogil=True, _nrt=False)
def count_parameters(program, counts):
    """Parameters of each network (P,): connections, non-zero biases and responses other than 1 of the computed nodes; in
    continuous time also time constants other than 1 s."""
    for g in range(counts.size):
        counts[g] = 0
        for step in range(program.slots_at[g], program.slots_at[g] + program.steps[g]):
            s = program.slots_at[g] + program.node[step]
            counts[g] += program.last[s] - program.first[s] + (program.bias[s] != 0.0) + (program.response[s] != 1.0)
            counts[g] += program.time_step > 0.0 and program.time_constant[s] != 1.0
