"""The first population (neat-python 2.0, genome.py: configure_new), also used after extinction.

Initial genomes share the ids of hidden nodes and the innovation numbers of connections. In neat-python no two initial genomes
share a hidden node, so all of them are far apart in compatibility distance.
"""

from __future__ import annotations

import itertools

import numpy as np

from evo import rng
from evo.activations import CODES
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.genomes.innovation import Innovations
from evo.neat_modern.attributes import Attributes, Choice, Real, new_reals
from evo.neat_modern.settings import ModernSettings


def possible_connections(
    inputs: list[int], outputs: list[int], hidden: list[int], options: ModernSettings
) -> list[tuple[int, int]]:
    """All connections that an initial genome may have, (source, target)."""
    if options.initial_connection == "unconnected":
        return []
    if options.initial_connection.startswith("fs_neat"):
        targets = outputs + (hidden if options.initial_connection == "fs_neat_hidden" else [])
        return [(source, target) for source in inputs for target in targets]
    found = [(source, target) for source in inputs for target in hidden]
    found += [(source, target) for source in hidden for target in outputs]
    if options.initial_connection.endswith("_direct") or not hidden:
        found += [(source, target) for source in inputs for target in outputs]
    return found + ([] if options.feed_forward else [(node, node) for node in outputs + hidden])


def first_population(
    inputs: int,
    outputs: int,
    options: ModernSettings,
    attributes: Attributes,
    innovations: Innovations,
    generation: int,
    seed: int,
) -> Genomes:
    """P genomes with the same nodes: inputs, outputs and num_hidden hidden nodes; connections by initial_connection. Hidden
    nodes and connections get new ids and innovation numbers. All values are drawn anew in each generation."""
    size, input_ids, output_ids = options.population_size, list(range(inputs)), list(range(inputs, inputs + outputs))
    hidden = list(range(innovations.node, innovations.node + options.num_hidden))
    connections = possible_connections(input_ids, output_ids, hidden, options)
    first = innovations.number
    innovations.node, innovations.number = innovations.node + len(hidden), innovations.number + len(connections)

    acting = [(name, OUTPUT) for name in output_ids] + [(name, HIDDEN) for name in hidden]
    draws = rng.words(seed, generation, 0, rng.INITIAL, size * len(acting) * 6).reshape(-1, 6)
    columns = [_reals(attributes.bias, draws[:, :2]), _reals(attributes.response, draws[:, 2:4])]
    columns += [_choices(attributes.activation, draws[:, 4]), _choices(attributes.aggregation, draws[:, 5])]
    if options.output_activation is not None:
        columns[2].reshape(size, -1)[:, :outputs] = CODES[options.output_activation]
    inside = [Node(name, SENSOR, activation=CODES["identity"]) for name in input_ids]
    nodes = [Node(*gene, *values) for gene, values in zip(acting * size, zip(*(each.tolist() for each in columns)))]

    draws = rng.words(seed, generation, 1, rng.INITIAL, size * len(connections) * 4).reshape(-1, 4)
    weight, enabled = _reals(attributes.weight, draws[:, :2]), (draws[:, 2] + 0.5) / 2**32 < attributes.enabled.default
    genes = [
        Connection(first + k, *connection, *values)
        for (k, connection), values in zip(list(enumerate(connections)) * size, zip(weight.tolist(), enabled.tolist()))
    ]
    present = _present(connections, inputs, draws[:, 3].reshape(size, -1), options)
    part = lambda items, index, count: items[index * count : (index + 1) * count]
    return Genomes.of(
        [
            Genome(
                inputs,
                outputs,
                inside + part(nodes, index, len(acting)),
                list(itertools.compress(part(genes, index, len(connections)), present[index].tolist())),
            )
            for index in range(size)
        ]
    )


def _present(connections: list[tuple[int, int]], inputs: int, draws: np.ndarray, options: ModernSettings) -> np.ndarray:
    """Which connections each genome has, (P, connections). draws: as many random words."""
    if not connections:
        return np.zeros((options.population_size, 0), np.bool_)
    if options.initial_connection.startswith("fs_neat"):
        return np.array([source for source, _ in connections]) == (draws[:, :1] * inputs) >> 32
    if options.initial_connection.startswith("partial"):
        ranks = np.argsort(np.argsort(draws, axis=1, kind="stable"), axis=1)
        return ranks < round(len(connections) * options.connection_fraction)
    return np.ones(draws.shape, np.bool_)


def _reals(rule: Real, words: np.ndarray) -> np.ndarray:
    out = np.empty(len(words))
    new_reals(out, rule, np.ascontiguousarray(words))
    return out


def _choices(rule: Choice, words: np.ndarray) -> np.ndarray:
    return np.full(len(words), rule.default) if rule.default >= 0 else rule.options[(words * len(rule.options)) >> 32]
