"""The networks that CPPNs find, and what they answer, ours against pureples': python tests/bench/bench_es_hyperneat.py
[--toy] [--json FILE].

150 CPPNs, the same for both, find networks for exclusive or with the sizes S, M and L of pureples' own example (2 inputs and a
bias, depths 1, 1 to 2, 2 to 3) and answer its four rows. Thresholds are equal in equal units: pureples cuts and scales a CPPN's
answers before it compares them, so there each answer is handed over as what becomes the answer itself. pureples connects hidden
nodes upwards or sideways, never back; ours upwards alone. It is installed by `pip install pureples`, or lies on PYTHONPATH with
graphviz. Compiling is left out. The two take turns. Exit code 1 below a floor.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from turns import Results, in_turn, installed, parser, timed

from evo import ESHyperNEAT, Substrate
from evo.genomes.genome import Genomes
from scenarios.parity import truth_table

sys.path.append(str(Path(__file__).parents[1] / "evo" / "hyperneat"))
from es_reference import random_cppns

INPUTS, OUTPUTS = [(-1.0, -1.0), (0.0, -1.0), (1.0, -1.0)], [(0.0, 1.0)]  # the last input is the bias
SIZES = {"S": (1, 1, 10.0), "M": (1, 2, 50.0), "L": (2, 3, 200.0)}  # initial and maximal depth, floor
DIVISION, VARIANCE, BAND = 0.03, 0.03, 0.3
ROWS = np.column_stack([truth_table(2)[0].numpy(), np.ones(4, np.float32)])


def ours(genomes: Genomes, initial: int, depth: int) -> Callable[[], object]:
    thresholds = {"division_threshold": DIVISION, "variance_threshold": VARIANCE, "band_threshold": BAND}
    hyper = ESHyperNEAT(
        Substrate([INPUTS, OUTPUTS]), squashed=True, initial_depth=initial, max_depth=depth, cycles=False, **thresholds
    )
    return lambda: hyper.express(genomes).forward(ROWS)


def theirs(genomes: Genomes, initial: int, depth: int) -> Callable[[], object]:
    from pureples.es_hyperneat.es_hyperneat import ESNetwork
    from pureples.shared.substrate import Substrate as TheirSubstrate

    settings = {
        **{"initial_depth": initial if depth > 1 else 0, "max_depth": depth, "division_threshold": DIVISION},
        **{"variance_threshold": VARIANCE, "band_threshold": BAND, "iteration_level": 1, "max_weight": 1.0},
        "activation": "sigmoid",
    }
    substrate, cppns = TheirSubstrate(INPUTS, OUTPUTS), [cppn(genome) for genome in genomes]

    def generation() -> None:
        for each in cppns:
            network = ESNetwork(substrate, each, settings)
            running = network.create_phenotype_network()
            for row in ROWS.tolist():
                running.reset()
                for _ in range(network.activations):
                    running.activate(row)

    return generation


def cppn(genome: Genomes) -> object:
    """One of our CPPNs as neat-python's network, whose answers are what pureples makes the answers of ours."""
    from es_reference import FUNCTIONS, NAMES
    from neat.nn import FeedForwardNetwork

    genes, incoming = genome.one(0), {}
    for gene in genes.connections:
        incoming.setdefault(gene.target, []).append((gene.source, gene.weight))
    inner = [node for node in genes.nodes if node.kind > 1]
    order = [*inner[genes.outputs :], *inner[: genes.outputs]]  # hidden nodes stand in topological order
    steps = [(node.id, FUNCTIONS[NAMES[node.activation]], sum, 0.0, 1.0, incoming.get(node.id, [])) for node in order]
    outputs = [node.id for node in inner[: genes.outputs]]

    class Uncut(FeedForwardNetwork):
        def activate(self, inputs: list[float]) -> list[float]:
            (answer,) = super().activate(inputs)
            return [math.copysign(0.2 + 0.8 * abs(answer), answer)]

    return Uncut(list(range(genes.inputs + 1)), outputs, steps)


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    size, rounds = (5, 1) if options.toy else (150, 3)
    genomes, peer = random_cppns(size, 4, 1), installed("pureples")
    below, results = False, Results("es_hyperneat")
    for name, (initial, depth, floor) in SIZES.items():
        sides = {"ours": (timed(ours(genomes, initial, depth)), 5)}
        if peer:
            sides["pureples"] = (timed(theirs(genomes, initial, depth)), 1)
        ratio = results.show(f"{name}: {size} CPPNs, depths {initial} to {depth}", in_turn(sides, rounds))
        if ratio is not None:
            print(f"  pureples takes {ratio:.0f} x as long (floor {0 if options.toy else floor:.0f} x)")
            below |= not options.toy and ratio < floor
    results.write(options.json)
    return int(below)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
