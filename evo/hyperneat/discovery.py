"""Whole networks that CPPNs find in space: hidden nodes and connections of ES-HyperNEAT (Risi and Stanley, Artificial Life
18(4), 2012), for all CPPNs of a population at once.

    from every input        its outgoing connections; the points where they end become hidden nodes
    from hidden nodes       the same from nodes just found, as often as is set
    to every output         its incoming connections, of which those count that begin at a hidden node
    then                    nodes from which no output is reached are removed

A hidden node is found from an input or from a node that is, so it is reached from an input; only the way to an output is to
be looked for. In the released code nodes are explored again in every second of further rounds, and their connections counted
twice; here each is explored once. A hidden node in the place of an input or of an output is a node of its own. Each CPPN is
treated on one thread by itself, so neither threads nor company change a bit.

Networks are of any size. A kernel writes those of many CPPNs one behind the other into buffers and stops at the first that does
not fit; it is found again with larger ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.activations import CODES, SUM
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Genomes, offsets
from evo.hyperneat.quadtree import INNER, QUESTIONS, RULES, TREE, Rules, consult, express, planted, wide_enough
from evo.network.program import PROGRAM, compile

HIDDEN_NODES, CONNECTIONS = 0, 1
ROOM, LARGE = (1 << 10, 1 << 12), 1 << 18  # nodes and connections of the first buffers, and of any unless one network has more


class Found(NamedTuple):
    """The network of one CPPN: `places` (H, d) of its hidden nodes; biases (O + H,) of outputs and hidden nodes; source,
    target, weight (C,) of connections, whose ends are inputs, then outputs, then hidden nodes."""

    places: np.ndarray
    biases: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Discovered:
    """The networks of P CPPNs, their arrays as of Found one behind the other.

    sizes (P, 2): hidden nodes and connections of each; oversized (P,): it has more connections than it may have, and none here;
    questions (P,): how often its CPPN was asked. kept: whether their arrays are here; not those of more connections together
    than was asked for.
    """

    sizes: np.ndarray
    oversized: np.ndarray
    questions: np.ndarray
    networks: Found
    kept: bool

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Found]:
        hidden, connections = (offsets(self.sizes[:, kind]) for kind in (HIDDEN_NODES, CONNECTIONS))
        outputs = (len(self.networks.biases) - hidden[-1]) // max(1, len(self))
        for k in range(len(self)):
            own, links = slice(*hidden[k : k + 2]), slice(*connections[k : k + 2])
            biases = self.networks.biases[own.start + k * outputs : own.stop + (k + 1) * outputs]
            yield Found(self.networks.places[own], biases, *(each[links] for each in self.networks[2:]))


class Links(NamedTuple):
    """The network of one CPPN as it grows. sizes (2,): hidden nodes and connections. cells: where hidden nodes lie, in the
    order in which they were found; node (cells,): the number of the node in a cell, -1: none. source, target, weight (most,):
    connections. number (nodes,): scratch, of nodes as they are renumbered."""

    sizes: np.ndarray
    cells: np.ndarray
    node: np.ndarray
    source: np.ndarray
    target: np.ndarray
    number: np.ndarray
    weight: np.ndarray


def discover(genomes: Genomes, inputs: np.ndarray, outputs: np.ndarray, rules: Rules, most: int = 1 << 62) -> Discovered:
    """The networks of P CPPNs between `inputs` (I, d) and `outputs` (O, d). most: connections of all of them, above which their
    sizes alone are kept."""
    program, size = compile(genomes), len(genomes)
    inputs, outputs = np.array(inputs, order="C"), np.array(outputs, order="C")  # writable, as kernels take them
    sizes, oversized, questions = np.zeros((size, 2), np.int64), np.zeros(size, np.bool_), np.zeros(size, np.int64)
    pieces: dict[int, Found] = {}
    total, lock = np.zeros((), np.int64), threading.Lock()

    def part(begin: int, end: int) -> None:
        tree = planted(program, rules)
        known, ends = len(tree.answer), len(inputs) + len(outputs)
        lists = (np.zeros(2, np.int64), np.empty(known, np.int64), np.full(known, -1))
        links = Links(
            *(*lists, np.empty(rules.most, np.int64), np.empty(rules.most, np.int64), np.empty(ends + known, np.int64)),
            np.empty(rules.most),
        )
        room = ROOM
        while begin < end:
            nodes, connections = room
            into = _room(nodes, connections, rules.dimensions)
            stop = _fill(program, rules, tree, links, inputs, outputs, into, sizes, oversized, questions, begin, end)
            hidden, written = sizes[begin:stop].sum(0).tolist()
            with lock:
                total[...] += written
                if total <= most:
                    biases = hidden + (stop - begin) * len(outputs)
                    pieces[begin] = Found._make([into[0][:hidden], into[1][:biases], *(each[:written] for each in into[2:])])
                else:
                    pieces.clear()
            needed = (int(links.sizes[HIDDEN_NODES]) + len(outputs), int(links.sizes[CONNECTIONS]))
            room = (max(min(2 * nodes, LARGE), needed[0]), max(min(2 * connections, LARGE), needed[1]))
            begin = stop

    threads.each(part, size)
    kept = bool(total <= most)
    found = [pieces[begin] for begin in sorted(pieces)] or [_room(0, 0, rules.dimensions)]
    return Discovered(sizes, oversized, questions, Found._make(map(np.concatenate, zip(*found))), kept)


def _room(nodes: int, connections: int, dimensions: int) -> Found:
    """Arrays of these sizes, uninitialised."""
    first, second = (np.empty(connections, np.int64) for _ in range(2))
    return Found(np.empty((nodes, dimensions)), np.empty(nodes), first, second, np.empty(connections))


def genomes_of(found: Discovered, inputs: int, outputs: int, activations: tuple[str, str]) -> Genomes:
    """Networks found, as Genomes that `evo.network` runs. activations: of hidden and of output nodes. Innovation numbers count
    the connections of all of them."""
    nodes = inputs + outputs + found.sizes[:, HIDDEN_NODES]
    made = Genomes.empty(inputs, outputs, offsets(nodes), offsets(found.sizes[:, CONNECTIONS]))
    genes = made.genes
    genes.node_id[:] = np.arange(len(genes.node_id)) - np.repeat(genes.nodes_at[:-1], nodes)
    genes.node_kind[:] = np.array([SENSOR, OUTPUT, HIDDEN])[np.digitize(genes.node_id, (inputs, inputs + outputs))]
    hidden, output = (CODES[name] for name in activations)
    genes.activation[:] = np.array([CODES["identity"], 0, output, hidden])[genes.node_kind]
    genes.response[:], genes.time_constant[:], genes.aggregation[:] = 1.0, 1.0, SUM
    genes.bias[genes.node_kind == SENSOR] = 0.0
    genes.bias[genes.node_kind != SENSOR] = found.networks.biases
    genes.innovation[:], genes.enabled[:] = np.arange(len(genes.weight)), True
    for name in ("source", "target", "weight"):
        getattr(genes, name)[:] = getattr(found.networks, name)
    return made


_LONG, _INT64, _DOUBLE, _TABLE = types.int64, types.int64[::1], types.float64[::1], types.float64[:, ::1]
LINKS = types.NamedTuple((_INT64,) * 6 + (_DOUBLE,), Links)
FOUND = types.NamedTuple((_TABLE, _DOUBLE, _INT64, _INT64, _DOUBLE), Found)


@njit(types.boolean(PROGRAM, RULES, TREE, LINKS, _LONG, _LONG, _LONG, _DOUBLE, types.boolean), **INNER)
def _connect(program, rules, tree, links, genome, ends, node, point, outgoing):
    """Connects a node at `point` with the hidden nodes to which, or from which, its CPPN has connections; outgoing ones find
    new nodes. ends: inputs and outputs. Returns whether there was room for them."""
    found = express(program, rules, tree, genome, point, outgoing)
    tested, answer, middle, sizes, nodes = tree.tested, tree.answer, tree.grids.middle, links.sizes, links.node
    for k in range(found):
        cell = tested[k]
        if outgoing and node >= ends and not rules.cycles and middle[cell, -1] <= point[-1]:
            continue
        if nodes[cell] < 0:
            if not outgoing:
                continue
            links.cells[sizes[HIDDEN_NODES]] = cell
            nodes[cell] = ends + sizes[HIDDEN_NODES]
            sizes[HIDDEN_NODES] += 1
        at = sizes[CONNECTIONS]
        if at == rules.most:
            return False
        links.source[at], links.target[at] = (node, nodes[cell]) if outgoing else (nodes[cell], node)
        links.weight[at] = answer[cell] * rules.weight_range
        sizes[CONNECTIONS] += 1
    return True


@njit(types.void(LINKS, _LONG), **INNER)
def _clean(links, ends):
    """Removes hidden nodes from which no output is reached, and their connections; the others move up."""
    hidden, connections, number = links.sizes[HIDDEN_NODES], links.sizes[CONNECTIONS], links.number
    source, target, weight, cells = links.source, links.target, links.weight, links.cells
    for node in range(ends + hidden):
        number[node] = node < ends  # from here on 1: an output is reached from there, or the node stays anyway
    found = 1
    while found:
        found = 0
        for k in range(connections - 1, -1, -1):
            if number[target[k]] and not number[source[k]]:
                number[source[k]] = found = 1
    kept, total = 0, 0
    for node in range(hidden):
        if number[ends + node]:
            cells[kept] = cells[node]
            number[ends + node] = ends + kept
            kept += 1
    for node in range(ends):
        number[node] = node
    for k in range(connections):
        if target[k] < ends or number[target[k]]:
            source[total], target[total], weight[total] = number[source[k]], number[target[k]], weight[k]
            total += 1
    links.sizes[HIDDEN_NODES], links.sizes[CONNECTIONS] = kept, total


@njit(inline="always")
def _find(program, rules, tree, links, genome, inputs, outputs):
    """From inputs to hidden nodes, from these to others, to outputs. Leaves the network in `links`, one without any connection
    if there was no room for all; returns whether there was."""
    links.sizes[HIDDEN_NODES] = links.sizes[CONNECTIONS] = 0
    ends, explored, fits = len(inputs) + len(outputs), 0, True
    for node in range(len(inputs)):
        fits = fits and _connect(program, rules, tree, links, genome, ends, node, inputs[node], True)
    for _ in range(rules.iterations):
        last = links.sizes[HIDDEN_NODES]
        for node in range(explored, last):
            point = tree.grids.middle[links.cells[node]]
            fits = fits and _connect(program, rules, tree, links, genome, ends, ends + node, point, True)
        explored = last
    for node in range(len(outputs)):
        fits = fits and _connect(program, rules, tree, links, genome, ends, len(inputs) + node, outputs[node], False)
    for k in range(links.sizes[HIDDEN_NODES]):
        links.node[links.cells[k]] = -1
    if not fits:
        links.sizes[HIDDEN_NODES] = links.sizes[CONNECTIONS] = 0
    _clean(links, ends)
    return fits


@njit(types.void(PROGRAM, RULES, TREE, LINKS, _LONG, _TABLE, _TABLE, _DOUBLE), **INNER)
def _describe(program, rules, tree, links, genome, outputs, places, biases):
    """Writes the places of hidden nodes, and the biases of outputs and of them, which a CPPN says of a place alone: the source
    is the middle of space."""
    d, shown = rules.dimensions, len(outputs)
    for k in range(len(places)):
        for axis in range(d):
            places[k, axis] = tree.grids.middle[links.cells[k], axis]
    biases[:] = 0.0
    begin, end = 0, len(biases) if rules.bias >= 0 else 0
    while begin < end:
        values = tree.values[wide_enough(end - begin)]
        rows = min(end - begin, values.shape[1])
        for r in range(rows):
            node = begin + r
            for axis in range(d):
                values[axis, r] = 0.0
                values[d + axis, r] = outputs[node, axis] if node < shown else places[node - shown, axis]
        consult(program, rules, genome, values, rows)
        for r in range(rows):
            bias = values[program.first_output[genome] + rules.bias, r] * rules.weight_range
            biases[begin + r] = bias if np.isfinite(bias) else 0.0
        begin += rows
    tree.number[QUESTIONS] += end


@njit(
    _LONG(PROGRAM, RULES, TREE, LINKS, _TABLE, _TABLE, FOUND, types.int64[:, ::1], types.boolean[::1], _INT64, _LONG, _LONG),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _fill(program, rules, tree, links, inputs, outputs, into, sizes, oversized, questions, begin, end):
    """Writes the networks of CPPNs begin .. end into `into`, and their sizes. Returns the first that does not fit, whose size
    is then links.sizes; end: all do."""
    nodes, biases, connections = 0, 0, 0
    for genome in range(begin, end):
        tree.number[QUESTIONS] = 0
        fits = _find(program, rules, tree, links, genome, inputs, outputs)
        hidden, count = links.sizes
        told = len(outputs) + hidden
        if biases + told > len(into.biases) or connections + count > len(into.weight):
            return genome
        places = into.places[nodes : nodes + hidden]
        _describe(program, rules, tree, links, genome, outputs, places, into.biases[biases : biases + told])
        for k in range(count):
            into.source[connections + k], into.target[connections + k] = links.source[k], links.target[k]
            into.weight[connections + k] = links.weight[k]
        sizes[genome, HIDDEN_NODES], sizes[genome, CONNECTIONS] = hidden, count
        oversized[genome], questions[genome] = not fits, tree.number[QUESTIONS]
        nodes, biases, connections = nodes + hidden, biases + told, connections + count
    return end
