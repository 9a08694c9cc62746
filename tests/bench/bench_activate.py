"""One example at a time, ours against neat-python's `net.activate`: python tests/bench/bench_activate.py [--toy].

Both run one and the same genome of neat-python: exclusive or with one hidden node, and a full layer of 50 hidden nodes between
4 inputs and 2 outputs. Ours takes and gives lists, as theirs does. The two take turns; medians of a call in a batch of calls.
Multi-layer perceptrons, a recurrent and a normalised network are timed beside them, compared with nothing. Exit code 1 below a
floor, or where a call takes longer than LIMIT.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version

import neat
import numpy as np
import torch
from peer import configured
from turns import Results, in_turn, parser, timed

from evo.activations import CODES
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.network.model import NetworkModel
from evo.tasks.normalization import NormalizedModel
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP

CASES = {"xor": (2, 1, 1, 1.2), "50 hidden": (4, 50, 2, 10.0)}  # inputs, hidden, outputs, floor
LIMIT = 15.0  # microseconds


def genome_of(inputs: int, hidden: int, outputs: int) -> tuple[neat.DefaultGenome, neat.Config]:
    changes = dict(num_inputs=inputs, num_hidden=hidden, num_outputs=outputs, initial_connection="full_direct")
    config = configured(2, **changes)
    return next(iter(neat.Population(config, seed=0).population.values())), config


def ours(genome: neat.DefaultGenome, inputs: int, outputs: int) -> NetworkModel:
    """Theirs has inputs -1, -2 .. and outputs 0, 1 ..."""
    place = lambda key: -1 - key if key < 0 else key + inputs
    nodes = [Node(k, SENSOR) for k in range(inputs)]
    for key, gene in sorted(genome.nodes.items()):
        kind = OUTPUT if key < outputs else HIDDEN
        nodes.append(Node(place(key), kind, gene.bias, gene.response, CODES["neat_sigmoid"]))
    links = enumerate(genome.connections.items())
    genes = [Connection(k, place(a), place(b), gene.weight, gene.enabled) for k, ((a, b), gene) in links]
    return NetworkModel(Genomes.of([Genome(inputs, outputs, nodes, genes)]).check(feedforward=True))


def calls(activate: Callable[[list[float]], list[float]], inputs: int, count: int) -> Callable[[], None]:
    row = [0.25] * inputs

    def run() -> None:
        for _ in range(count):
            activate(row)

    return run


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("activate")
    micro = lambda kept, name, side: 1e6 * kept.found[name]["seconds"][side]["median"] / count
    count, turns = (10, 1) if toy else (2_000, 15)
    below, models = False, {}
    for name, (inputs, hidden, outputs, floor) in CASES.items():
        genome, config = genome_of(inputs, hidden, outputs)
        network, models[name] = neat.nn.FeedForwardNetwork.create(genome, config), ours(genome, inputs, outputs)
        np.testing.assert_allclose(models[name].activate([0.25] * inputs), network.activate([0.25] * inputs), rtol=1e-6)
        sides = {
            "ours": (timed(calls(models[name].activate, inputs, count)), 1),
            "neat-python": (timed(calls(network.activate, inputs, count)), 1),
        }
        title = f"{name}, {count:,} calls"
        ratio = results.show(title, in_turn(sides, turns))
        took, theirs = micro(results, title, "ours"), micro(results, title, "neat-python")
        peer = f"neat-python {version('neat-python')} {theirs:.1f} us"
        print(f"  ours {took:.1f} us a call, {peer}: {ratio:.1f} x (floor {floor:g} x)", flush=True)
        below |= ratio < floor or took > LIMIT
    alone = {
        "recurrent, xor": (NetworkModel(models["xor"].genome, recurrent=True), 2),
        "normalised, xor": (NormalizedModel(models["xor"], torch.zeros(2), torch.ones(2)), 2),
        "mlp 2-4-1": (TorchModel(MLP(2, 1, hidden=[4])), 2),
        "mlp 64-32-10": (TorchModel(MLP(64, 10, hidden=[32])), 64),
    }
    sides = {name: (timed(calls(model.activate, inputs, count)), 1) for name, (model, inputs) in alone.items()}
    title = f"other models, {count:,} calls"
    others = Results("activate")  # which have no peer
    others.show(title, in_turn(sides, turns), peers=())
    for name in sides:
        print(f"  {name}: {micro(others, title, name):.1f} us a call", flush=True)
        below |= micro(others, title, name) > LIMIT
    results.write(options.json)
    return int(below and not toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
