"""Random genomes for tests, and the same ones as neat-python's networks."""

from types import SimpleNamespace

import neat.activations
import neat.aggregations
import numpy as np
from neat.ctrnn import CTRNN
from neat.nn import FeedForwardNetwork, RecurrentNetwork

from evo.activations import AGGREGATIONS, CODES
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Node

NEAT_ACTIVATIONS, NEAT_AGGREGATIONS = neat.activations.ActivationFunctionSet(), neat.aggregations.AggregationFunctionSet()
OWN_NAME = {name: f"neat_{name}" if f"neat_{name}" in CODES else name for name in NEAT_ACTIVATIONS.functions}
NEAT_NAME = {CODES[own]: name for name, own in OWN_NAME.items()}


def random_genome(seed, recurrent=False, activations=tuple(NEAT_NAME), aggregations=range(7), hidden=8, biased=None):
    """A genome of 1-3 inputs, 1-3 outputs and up to `hidden` hidden nodes; if not recurrent, without a cycle.

    Node ids have gaps, a fifth of the connections is disabled, some nodes lead nowhere, some have no connection. Time constants
    are from .03 to 3 s.
    """
    r = np.random.default_rng(seed)
    inputs, outputs, hidden = r.integers(1, 4), r.integers(1, 4), r.integers(0, hidden + 1)
    biased = r.random() < 0.5 if biased is None else biased
    gene = lambda identity, kind: Node(
        int(identity), kind, *r.normal(size=2).tolist(), int(r.choice(activations)), int(r.choice(aggregations))
    )
    given = [Node(i, SENSOR) for i in range(inputs)] + [Node(int(inputs), BIAS)] * biased
    first = len(given)
    computed = [gene(first + o, OUTPUT) for o in range(outputs)]
    computed += [gene(k, HIDDEN) for k in first + outputs + np.sort(r.choice(3 * hidden + 1, hidden, replace=False))]
    when = {node.id: r.random() + (node.kind == OUTPUT) * (r.random() < 0.8) for node in computed}
    connections = []
    for source in given + computed:
        for target in computed:
            before = when.get(source.id, -1.0) < when[target.id]
            if r.random() < (0.4 if before else 0.15 * recurrent):
                connections.append((source.id, target.id, float(r.normal(scale=2)), bool(r.random() < 0.8)))
    order = r.permutation(len(connections))
    genes = [Connection(3 * at, *connections[k]) for at, k in enumerate(order)]
    computed = [node._replace(time_constant=float(3 * 10 ** -r.uniform(0, 2))) for node in computed]
    return Genome(int(inputs), int(outputs), given + computed, genes)


def alike(genomes):
    """Those that have as many inputs and outputs as the first."""
    return [g for g in genomes if (g.inputs, g.outputs) == (genomes[0].inputs, genomes[0].outputs)]


class Peer:
    """A genome as neat-python's network, made by neat-python; a bias node is one more input. time_step: of a CTRNN."""

    def __init__(self, genome, recurrent=False, time_step=0.0):
        kinds = {node.id: node.kind for node in genome.nodes}
        given = [node.id for node in genome.nodes if node.kind in (SENSOR, BIAS)]
        outputs = [node.id for node in genome.nodes if node.kind == OUTPUT]
        settings = SimpleNamespace(
            input_keys=given,
            output_keys=outputs,
            activation_defs=SimpleNamespace(get=lambda name: self._watched(NEAT_ACTIVATIONS.get(name))),
            aggregation_function_defs=SimpleNamespace(get=lambda name: self._watched(NEAT_AGGREGATIONS.get(name))),
        )
        nodes = {
            node.id: SimpleNamespace(
                bias=node.bias,
                response=node.response,
                activation=NEAT_NAME[node.activation],
                aggregation=list(AGGREGATIONS)[node.aggregation],
                time_constant=node.time_constant,
            )
            for node in genome.nodes
            if node.kind in (OUTPUT, HIDDEN)
        }
        connections = {
            (gene.source, gene.target): SimpleNamespace(
                key=(gene.source, gene.target), weight=gene.weight, enabled=gene.enabled
            )
            for gene in genome.connections
        }
        kind = CTRNN if time_step else RecurrentNetwork if recurrent else FeedForwardNetwork
        copy = SimpleNamespace(nodes=nodes, connections=connections)
        self.network, self.biased = kind.create(copy, SimpleNamespace(genome_config=settings)), BIAS in kinds.values()
        self.time_step = time_step

    def _watched(self, function):
        """The function, which tells of a NaN given to it: neat-python's may make a number of one."""

        def watching(given):
            self.lost |= bool(np.isnan(given).any())
            return function(given)

        return watching

    def __call__(self, row, ticks=1):
        """The outputs (O,) for a row (I,), or None where a NaN comes up or Python's float powers overflow."""
        self.lost, given = False, [*row.tolist(), *[1.0] * self.biased]
        try:
            outputs = self._advanced(given, ticks) if self.time_step else self.network.activate(given)
        except OverflowError:
            return None
        return None if self.lost or np.isnan(outputs).any() else np.array(outputs)

    def _advanced(self, given, ticks):
        """Step by step, and with equal buffers before each. Of its two, 2.0.0 gives out the one that is a step late, and moves
        nodes on from there, so that they go half as fast as their time constants say; its authors mended both later."""
        network = self.network
        for _ in range(ticks):
            network.time_seconds = 0.0
            network.advance(given, self.time_step, self.time_step)
            network.values[1 - network.active] = dict(network.values[network.active])
        return [network.values[network.active][key] for key in network.output_nodes]


def any_graph(seed):
    """Any graph over 2 inputs, perhaps a bias, 2 outputs and some hidden nodes; the same connection has the same number."""
    draw = np.random.default_rng(seed)
    inputs, biased, hidden = 2, int(draw.integers(2)), int(draw.integers(6))
    kinds = [SENSOR] * inputs + [BIAS] * biased + [OUTPUT] * 2 + [HIDDEN] * hidden
    ids = [*range(inputs + biased + 2), *sorted(draw.choice(np.arange(10, 30), hidden, replace=False).tolist())]
    connections = [(s, t) for s in ids for t in ids[inputs + biased :]]
    chosen = sorted(
        draw.choice(len(connections), int(draw.integers(len(connections) + 1)), replace=False).tolist(),
        key=connections.__getitem__,
    )
    genes = [
        Connection(100 * s + t, s, t, float(draw.normal()), bool(draw.integers(2)))
        for s, t in map(connections.__getitem__, chosen)
    ]
    return Genome(inputs, 2, [Node(*node) for node in zip(ids, kinds)], genes)
