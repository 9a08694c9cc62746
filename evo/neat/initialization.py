"""The first population (Stanley and Miikkulainen 2002, section 3.4), and the initial populations of Table 3's ablations."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo import rng
from evo.activations import CODES, SUM
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Genomes, offsets


def first_population(inputs: int, outputs: int, options: Any, seed: int) -> Genomes:
    """Section 3.4: every input and the bias connected to every output, no hidden nodes. Ablations of Table 3: without growth,
    one fully connected layer of hidden nodes; random, 1 .. `hidden` hidden nodes, each possible connection with probability
    1/2. Equal connections share innovation numbers; weights are uniform within +-initial_weights.

    A random feed-forward network connects inputs to all other nodes, and hidden nodes to later hidden nodes and to outputs; a
    random recurrent one connects any node to any node except inputs.
    """
    first = inputs + options.bias_node  # ids: inputs, outputs, hidden nodes
    output_ids, hidden_ids = list(range(first, first + outputs)), list(range(first + outputs, first + outputs + options.hidden))
    kinds = [SENSOR] * inputs + [BIAS] * options.bias_node + [OUTPUT] * outputs + [HIDDEN] * options.hidden
    random = options.initial == "random"
    connections = [(source, target) for source in range(first) for target in output_ids]
    if random:
        sources, targets = [*range(first), *hidden_ids, *(output_ids if options.recurrent else [])], [*hidden_ids, *output_ids]
        forward = lambda source, target: source < first or target in output_ids or source < target
        connections = [(s, t) for s in sources for t in targets if options.recurrent or (s != t and forward(s, t))]
    elif not options.growth:
        connections = [(s, t) for s in range(first) for t in hidden_ids] + [(s, t) for s in hidden_ids for t in output_ids]
    most = len(kinds) if random or not options.growth else first + outputs
    size = options.population_size
    words = np.array([rng.words(seed, 0, index, rng.INITIAL, 2 * len(connections) + 1) for index in range(size)])
    count = first + outputs + 1 + ((words[:, 0] * options.hidden) >> 32) if random else np.full(size, most)
    ids = np.array(connections, np.int64).reshape(-1, 2)
    present = ids.max(1, initial=-1) < count[:, None]
    if random:
        present &= words[:, 2::2] < 2**31
    made = Genomes.empty(inputs, outputs, offsets(count), offsets(present.sum(1)))
    genes = made.genes
    genes.node_id[:] = np.arange(len(made.node_id)) - np.repeat(made.nodes_at[:-1], count)
    genes.node_kind[:] = np.array(kinds)[made.node_id]
    genes.bias[:], genes.response[:], genes.time_constant[:], genes.aggregation[:] = 0.0, 1.0, 1.0, SUM
    codes = [
        CODES[name] for name in ("identity", "identity", options.output_activation or options.activation, options.activation)
    ]
    genes.activation[:] = np.array(codes)[made.node_kind]
    genes.innovation[:] = np.nonzero(present)[1]
    genes.source[:], genes.target[:] = ids[made.innovation].T
    genes.weight[:] = options.initial_weights * (2 * (words[:, 1::2][present] + 0.5) / 2**32 - 1)
    genes.enabled[:] = True
    return made
