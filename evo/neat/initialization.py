"""The first population (Stanley and Miikkulainen 2002, section 3.4), and those of the ablations of Table 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo import rng
from evo.activations import CODES, SUM
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Genomes, offsets


def first_population(inputs: int, outputs: int, options: Any, seed: int) -> Genomes:
    """Section 3.4: every sensor and the bias to every output, without hidden nodes. The ablations of Table 3: without growth,
    one layer of hidden nodes, fully connected; random, 1 .. `hidden` hidden nodes, and each possible link with probability
    1/2. Genomes share the numbers of shared links; weights are uniform within initial_weights.

    Links of a random feed-forward network lead from inputs to any other node, and from a hidden one to later ones and to
    outputs; of a recurrent one, from any node to any but the inputs.
    """
    first = inputs + options.bias_node  # ids: inputs, outputs, hidden nodes
    ends, layer = list(range(first, first + outputs)), list(range(first + outputs, first + outputs + options.hidden))
    kinds = [SENSOR] * inputs + [BIAS] * options.bias_node + [OUTPUT] * outputs + [HIDDEN] * options.hidden
    random = options.initial == "random"
    links = [(source, target) for source in range(first) for target in ends]
    if random:
        sources, targets = [*range(first), *layer, *(ends if options.recurrent else [])], [*layer, *ends]
        forward = lambda source, target: source < first or target in ends or source < target
        links = [(s, t) for s in sources for t in targets if options.recurrent or (s != t and forward(s, t))]
    elif not options.growth:
        links = [(s, t) for s in range(first) for t in layer] + [(s, t) for s in layer for t in ends]
    most = len(kinds) if random or not options.growth else first + outputs
    size = options.population_size
    words = np.array([rng.words(seed, 0, place, rng.INITIAL, 2 * len(links) + 1) for place in range(size)])
    count = first + outputs + 1 + ((words[:, 0] * options.hidden) >> 32) if random else np.full(size, most)
    ids = np.array(links, np.int64).reshape(-1, 2)
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
