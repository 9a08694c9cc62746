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
from evo.genome import BIAS, OUTPUT, Genomes, offsets

GENES = 1 << 14  # of nodes and connections, that are worth a thread
UNSEEN, OPEN, FINISHED = range(3)


class Program(NamedTuple):
    """Networks of a population, ready to run. Genome g has value slots 0 .. slots_at[g + 1] - slots_at[g]: slot k is its
    k-th node, so that inputs come first. P genomes, S steps of all, L links of all.

    Step s computes slot node[s] = activation[s](bias[s] + response[s] * aggregation[s](link_weight * value)), over links
    links_at[s] .. links_at[s + 1] in the order of their innovation numbers. Of genome g: steps at[g] .. at[g + 1]; biased:
    slot I is a node clamped to 1; depth: ticks until an input has passed to every output, longest way.

    In a feed-forward network a node without a link computes its bias; in a recurrent one it stays 0 and has no step, as in
    neat-python. A recurrent network is one of continuous time if time_step, seconds, is above 0: in a tick a node then goes
    the part rate[s] of the way from its value to what it computes, time_step / its time constant.
    """

    inputs: int
    recurrent: bool
    time_step: float
    at: np.ndarray  # int64 (P + 1,)
    slots_at: np.ndarray  # int64 (P + 1,)
    node: np.ndarray  # int32 (S,)
    activation: np.ndarray  # int8 (S,)
    aggregation: np.ndarray  # int8 (S,)
    bias: np.ndarray  # float64 (S,)
    response: np.ndarray  # float64 (S,)
    rate: np.ndarray  # float64 (S,)
    links_at: np.ndarray  # int64 (S + 1,)
    link_source: np.ndarray  # int32 (L,), slots
    link_weight: np.ndarray  # float64 (L,)
    output_slot: np.ndarray  # int32 (P, O)
    biased: np.ndarray  # bool (P,)
    depth: np.ndarray  # int32 (P,)


_INT8, _INT32, _INT64 = types.int8[::1], types.int32[::1], types.int64[::1]
_FLOAT, _BOOL = types.float64[::1], types.boolean[::1]
# The type of a Program in a kernel's signature.
PROGRAM = types.NamedTuple(
    (types.int64, types.boolean, types.float64, _INT64, _INT64, _INT32, _INT8, _INT8, _FLOAT, _FLOAT, _FLOAT)
    + (_INT64, _INT32, _FLOAT, types.int32[:, ::1], _BOOL, _INT32),
    Program,
)


def compile(genomes: Genomes, recurrent: bool = False, time_step: float = 0.0) -> Program:
    """The program of every genome. recurrent: nodes read the values of the tick before, so cycles are allowed. time_step:
    seconds that a tick of a continuous-time network takes, which is recurrent; 0: the networks are not of continuous time.

    Raises ValueError for a time_step that is not finite and >= 0; and, naming the first genome: a cycle in a feed-forward
    network, a connection from or to a node that is not there, a code of `evo.activations` that is unknown, a time constant
    that is not above 0.
    """
    if not 0.0 <= time_step < np.inf:
        raise ValueError(f"time_step: expected a number of seconds >= 0; got {time_step!r}")
    recurrent = bool(recurrent or time_step > 0)
    _check_genes(genomes)
    size, genes = len(genomes), len(genomes.node_id) + len(genomes.innovation)
    grain = max(1, GENES * size // max(1, genes))
    counts, depth = np.zeros((3, size), np.int64), np.empty(size, np.int32)  # counts: steps, links, faults
    order, ending = np.empty(len(genomes.node_id), np.int32), np.empty(len(genomes.node_id), np.int64)
    source, weight = np.empty(len(genomes.innovation), np.int32), np.empty(len(genomes.innovation))
    graph = (genomes.nodes_at, genomes.node_id, genomes.node_kind, genomes.connections_at)
    graph += (genomes.source, genomes.target, genomes.weight, genomes.enabled)
    longest = max(np.diff(at).max(initial=0) for at in (genomes.nodes_at, genomes.connections_at))

    def walk(begin: int, end: int) -> None:
        room = np.empty((5, longest), np.int64)
        _walk(*graph, recurrent, order, ending, source, weight, counts, depth, room, begin, end)

    threads.each(walk, size, grain)
    if counts[2].any():
        first = int(np.argmax(counts[2] > 0))
        raise ValueError(f"genome {first}: {FAULTS[counts[2, first]]}")
    at, links = offsets(counts[0]), offsets(counts[1])
    program = Program(
        genomes.inputs,
        recurrent,
        float(time_step),
        at,
        genomes.nodes_at,
        *(np.empty(at[-1], kind) for kind in (np.int32, np.int8, np.int8, np.float64, np.float64, np.float64)),
        np.full(at[-1] + 1, links[-1]),
        np.empty(links[-1], np.int32),
        np.empty(links[-1]),
        np.empty((size, genomes.outputs), np.int32),
        np.empty(size, np.bool_),
        depth,
    )
    genes = (genomes.node_kind, genomes.activation, genomes.aggregation, genomes.bias, genomes.response)
    genes += (genomes.time_constant,)
    write = lambda a, b: _write(program, *genes, genomes.connections_at, order, ending, source, weight, links, a, b)
    threads.each(write, size, grain)
    return program


FAULTS = {
    1: "a connection from or to a node that it does not have; Genomes.check() tells more",
    2: "its enabled connections close a cycle: run it as a recurrent network, or breed it feed-forward",
}


def _check_genes(genomes: Genomes) -> None:
    for name, table in (("activation", NODE_ACTIVATIONS), ("aggregation", AGGREGATIONS)):
        codes = getattr(genomes, name)
        if codes.size and (codes.min() < 0 or codes.max() >= len(table)):
            place = int(np.argmax((codes < 0) | (codes >= len(table))))
            owner = genomes.owners()[0][place]
            raise ValueError(
                f"genome {owner}: node {genomes.node_id[place]} has {name} {codes[place]}; expected 0 to {len(table) - 1}"
            )
    slow = ~(genomes.time_constant > 0)
    if slow.any():
        place = int(np.argmax(slow))
        node, value = genomes.node_id[place], genomes.time_constant[place]
        raise ValueError(f"genome {genomes.owners()[0][place]}: node {node} has time_constant {value}; expected it above 0")


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


@njit(
    "void(int64[::1], int64[::1], int8[::1], int64[::1], int64[::1], int64[::1], float64[::1], boolean[::1], boolean, "
    "int32[::1], int64[::1], int32[::1], float64[::1], int64[:, ::1], int32[::1], int64[:, ::1], int64, int64)",
    cache=True,
    nogil=True,
    _nrt=False,
)
def _walk(
    nodes_at,
    node_id,
    node_kind,
    connections_at,
    origin,
    target,
    gene_weight,
    enabled,
    recurrent,
    order,
    ending,
    source,
    weight,
    counts,
    depth,
    room,
    begin,
    end,
):
    """The order of genomes begin .. end, and their enabled connections sorted by target.

    From nodes_at[g]: order, its computed nodes (slots); ending, where the links of each node end. From connections_at[g]:
    source (slots) and weight of its links. counts[:, g]: steps, links, fault.
    room: 5 rows, as long as the largest genome has nodes or connections.
    """
    into, state, following, height, stack = room[0], room[1], room[2], room[3], room[4]
    for g in range(begin, end):
        node, nodes, first = nodes_at[g], nodes_at[g + 1] - nodes_at[g], connections_at[g]
        closing = ending[node : node + nodes]
        # Links sorted by target, and by innovation number for one target: a counting sort.
        closing[:] = 0
        for c in range(first, connections_at[g + 1]):
            if enabled[c]:
                into[c - first] = _slot(target[c], node_id, node, node + nodes)
                if into[c - first] < 0:
                    counts[2, g] = 1
                    break
                closing[into[c - first]] += 1
        before = 0
        for k in range(nodes):
            closing[k], before = before, before + closing[k]
        for c in range(first, connections_at[g + 1]):
            if enabled[c] and counts[2, g] == 0:
                place = closing[into[c - first]]
                source[first + place], weight[first + place] = _slot(origin[c], node_id, node, node + nodes), gene_weight[c]
                closing[into[c - first]] += 1
                if source[first + place] < 0:
                    counts[2, g] = 1
        if counts[2, g]:
            continue
        # Depth first, backwards from the outputs.
        for k in range(nodes):
            state[k], height[k] = FINISHED if node_kind[node + k] <= BIAS else UNSEEN, 0
            following[k] = closing[k - 1] if k else 0
        steps, links, longest = 0, 0, 1
        for output in range(nodes):
            if node_kind[node + output] != OUTPUT or state[output] == FINISHED:
                continue
            top, stack[0], state[output] = 0, output, OPEN
            while top >= 0:
                k = stack[top]
                if following[k] < closing[k]:
                    read = source[first + following[k]]
                    following[k] += 1
                    if state[read] == UNSEEN:
                        top += 1
                        stack[top], state[read] = read, OPEN
                        following[k] -= 1  # looked at again when it is finished
                    elif state[read] == FINISHED:
                        height[k] = max(height[k], height[read] + 1)
                    elif not recurrent:
                        counts[2, g] = 2
                    continue
                top -= 1
                state[k] = FINISHED
                fed = closing[k] - (closing[k - 1] if k else 0)
                if fed or not recurrent:
                    order[node + steps] = k
                    steps += 1
                    links += fed
                    height[k] = max(height[k], 1)
            longest = max(longest, height[output])
        counts[0, g], counts[1, g], depth[g] = steps, links, longest


@njit(
    types.void(
        PROGRAM,
        *(_INT8, _INT8, _INT8, _FLOAT, _FLOAT, _FLOAT),
        *(_INT64, _INT32, _INT64, _INT32, _FLOAT, _INT64, types.int64, types.int64),
    ),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _write(
    program,
    kind,
    activation,
    aggregation,
    bias,
    response,
    time_constant,
    connections_at,
    order,
    ending,
    source,
    weight,
    links,
    begin,
    end,
):
    """Fills in the program of genomes begin .. end, from what `_walk` found; genome g's links begin at links[g]."""
    for g in range(begin, end):
        node, first, link = program.slots_at[g], connections_at[g], links[g]
        for s in range(program.at[g], program.at[g + 1]):
            k = order[node + s - program.at[g]]
            gene = node + k
            program.node[s], program.activation[s], program.aggregation[s] = k, activation[gene], aggregation[gene]
            program.bias[s], program.response[s], program.links_at[s] = bias[gene], response[gene], link
            program.rate[s] = program.time_step / time_constant[gene]
            for place in range(ending[gene - 1] if k else 0, ending[gene]):
                program.link_source[link], program.link_weight[link] = source[first + place], weight[first + place]
                link += 1
        program.biased[g] = program.inputs < program.slots_at[g + 1] - node and kind[node + program.inputs] == BIAS
        for o in range(program.output_slot.shape[1]):
            program.output_slot[g, o] = program.inputs + program.biased[g] + o
