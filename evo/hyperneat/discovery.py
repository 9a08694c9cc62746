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
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import threads
from evo.activations import CODES, SUM
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Genomes, offsets
from evo.hyperneat.quadtree import QUESTIONS, RULES, TREE, Rules, differ, express, place, planted
from evo.network.cpu import answers
from evo.network.program import PROGRAM, compile

HIDDEN_NODES, CONNECTIONS = 0, 1


class Found(NamedTuple):
    """The network of one CPPN: `places` (H, d) of its hidden nodes; biases (O + H,) of outputs and hidden nodes; source,
    target, weight (C,) of connections, whose ends are inputs, then outputs, then hidden nodes. oversized: it has more
    connections than it may have, and none here. questions: how often its CPPN was asked."""

    places: np.ndarray
    biases: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    oversized: bool
    questions: int


class Links(NamedTuple):
    """The network of one CPPN as it grows. sizes (2,): hidden nodes and connections. cells: where hidden nodes lie, in the
    order in which they were found; node (cells,): the number of the node in a cell, -1: none. source, target, weight (most,):
    connections. number (nodes,): scratch, of nodes as they are renumbered; point (2, d): scratch."""

    sizes: np.ndarray
    cells: np.ndarray
    node: np.ndarray
    source: np.ndarray
    target: np.ndarray
    number: np.ndarray
    weight: np.ndarray
    point: np.ndarray


def discover(genomes: Genomes, inputs: np.ndarray, outputs: np.ndarray, rules: Rules) -> list[Found]:
    """The networks of P CPPNs between `inputs` (I, d) and `outputs` (O, d)."""
    program = compile(genomes)
    inputs, outputs = np.array(inputs, order="C"), np.array(outputs, order="C")  # writable, as kernels take them
    networks: list[Found] = [None] * len(genomes)  # type: ignore[list-item]  # every one is set below

    def part(begin: int, end: int) -> None:
        tree = planted(program, rules)
        cells, ends = len(tree.answer), len(inputs) + len(outputs)
        lists = (np.zeros(2, np.int64), np.empty(cells, np.int64), np.full(cells, -1))
        links = Links(
            *(*lists, np.empty(rules.most, np.int64), np.empty(rules.most, np.int64), np.empty(ends + cells, np.int64)),
            *(np.empty(rules.most), np.empty((2, rules.dimensions))),
        )
        for genome in range(begin, end):
            tree.number[QUESTIONS] = 0
            fits = _find(program, rules, tree, links, genome, inputs, outputs)
            hidden, connections = links.sizes.tolist()
            places, biases = np.empty((hidden, rules.dimensions)), np.zeros(len(outputs) + hidden)
            _describe(program, rules, tree, links, genome, outputs, places, biases)
            source, target, weight = (each[:connections].copy() for each in (links.source, links.target, links.weight))
            networks[genome] = Found(places, biases, source, target, weight, not fits, int(tree.number[QUESTIONS]))

    threads.each(part, len(genomes))
    return networks


def genomes_of(networks: list[Found], inputs: int, outputs: int, activations: tuple[str, str]) -> Genomes:
    """Networks found, as Genomes that `evo.network` runs. activations: of hidden and of output nodes. Innovation numbers count
    the connections of all of them."""
    nodes = np.array([inputs + len(each.biases) for each in networks], np.int64)
    made = Genomes.empty(inputs, outputs, offsets(nodes), offsets(np.array([len(each.weight) for each in networks], np.int64)))
    genes = made.genes
    genes.node_id[:] = np.arange(len(genes.node_id)) - np.repeat(genes.nodes_at[:-1], nodes)
    genes.node_kind[:] = np.array([SENSOR, OUTPUT, HIDDEN])[np.digitize(genes.node_id, (inputs, inputs + outputs))]
    hidden, output = (CODES[name] for name in activations)
    genes.activation[:] = np.array([CODES["identity"], 0, output, hidden])[genes.node_kind]
    genes.response[:], genes.time_constant[:], genes.aggregation[:] = 1.0, 1.0, SUM
    genes.bias[genes.node_kind == SENSOR] = 0.0
    genes.bias[genes.node_kind != SENSOR] = np.concatenate([each.biases for each in networks])
    genes.innovation[:], genes.enabled[:] = np.arange(len(genes.weight)), True
    for name in ("source", "target", "weight"):
        getattr(genes, name)[:] = np.concatenate([getattr(each, name) for each in networks])
    return made


_LONG, _INT64, _TABLE = types.int64, types.int64[::1], types.float64[:, ::1]
LINKS = types.NamedTuple((_INT64,) * 6 + (types.float64[::1], _TABLE), Links)


@njit(
    types.boolean(PROGRAM, RULES, TREE, LINKS, _LONG, _LONG, _LONG, types.float64[::1], types.boolean),
    cache=True,
    nogil=True,
    _nrt=False,
)
def _connect(program, rules, tree, links, genome, ends, node, point, outgoing):
    """Connects a node at `point` with the hidden nodes to which, or from which, its CPPN has connections; outgoing ones find
    new nodes. ends: inputs and outputs. Returns whether there was room for them."""
    for k in range(express(program, rules, tree, genome, point, outgoing)):
        cell = tree.tested[k]
        if outgoing and node >= ends and not rules.cycles:
            place(tree, rules, cell, links.point[1])
            if links.point[1, -1] <= point[-1]:
                continue
        if links.node[cell] < 0:
            if not outgoing:
                continue
            links.cells[links.sizes[HIDDEN_NODES]] = cell
            links.node[cell] = ends + links.sizes[HIDDEN_NODES]
            links.sizes[HIDDEN_NODES] += 1
        at = links.sizes[CONNECTIONS]
        if at == rules.most:
            return False
        links.source[at], links.target[at] = (node, links.node[cell]) if outgoing else (links.node[cell], node)
        links.weight[at] = tree.answer[cell] * rules.weight_range
        links.sizes[CONNECTIONS] += 1
    return True


@njit(types.void(LINKS, _LONG), cache=True, nogil=True, _nrt=False)
def _clean(links, ends):
    """Removes hidden nodes from which no output is reached, and their connections; the others move up."""
    hidden, connections, number = links.sizes[HIDDEN_NODES], links.sizes[CONNECTIONS], links.number
    for node in range(ends + hidden):
        number[node] = node < ends  # from here on 1: an output is reached from there, or the node stays anyway
    found = 1
    while found:
        found = 0
        for k in range(connections - 1, -1, -1):
            if number[links.target[k]] and not number[links.source[k]]:
                number[links.source[k]] = found = 1
    kept, total = 0, 0
    for node in range(hidden):
        if number[ends + node]:
            links.cells[kept] = links.cells[node]
            number[ends + node] = ends + kept
            kept += 1
    for node in range(ends):
        number[node] = node
    for k in range(connections):
        if links.target[k] < ends or number[links.target[k]]:
            links.source[total], links.target[total] = number[links.source[k]], number[links.target[k]]
            links.weight[total] = links.weight[k]
            total += 1
    links.sizes[HIDDEN_NODES], links.sizes[CONNECTIONS] = kept, total


@njit(types.boolean(PROGRAM, RULES, TREE, LINKS, _LONG, _TABLE, _TABLE), cache=True, nogil=True, _nrt=False)
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
            place(tree, rules, links.cells[node], links.point[0])
            fits = fits and _connect(program, rules, tree, links, genome, ends, ends + node, links.point[0], True)
        explored = last
    for node in range(len(outputs)):
        fits = fits and _connect(program, rules, tree, links, genome, ends, len(inputs) + node, outputs[node], False)
    for k in range(links.sizes[HIDDEN_NODES]):
        links.node[links.cells[k]] = -1
    if not fits:
        links.sizes[HIDDEN_NODES] = links.sizes[CONNECTIONS] = 0
    _clean(links, ends)
    return fits


@njit(types.void(PROGRAM, RULES, TREE, LINKS, _LONG, _TABLE, _TABLE, types.float64[::1]), cache=True, nogil=True, _nrt=False)
def _describe(program, rules, tree, links, genome, outputs, places, biases):
    """Writes the places of hidden nodes, and the biases of outputs and of them, which a CPPN says of a place alone: the source
    is the middle of space."""
    d, shown = rules.dimensions, len(outputs)
    for k in range(len(places)):
        place(tree, rules, links.cells[k], places[k])
    for begin in range(0, len(biases) if rules.bias >= 0 else 0, len(tree.x)):
        rows = min(len(tree.x), len(biases) - begin)
        for r in range(rows):
            node = begin + r
            for axis in range(d):
                tree.x[r, axis] = 0.0
                tree.x[r, d + axis] = outputs[node, axis] if node < shown else places[node - shown, axis]
            differ(rules, tree.x[r])
        answers(program, genome, tree.x[:rows], tree.out, tree.values)
        tree.number[QUESTIONS] += rows
        for r in range(rows):
            bias = tree.out[rules.bias, r] * rules.weight_range
            biases[begin + r] = bias if np.isfinite(bias) else 0.0
