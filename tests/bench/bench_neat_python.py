"""A whole generation of NEAT on exclusive or, ours against neat-python's:
python tests/bench/bench_neat_python.py [--toy] [--json FILE].

neat-python runs with the settings of its own XOR example; ours with the preset neat2002. Each breeds, speciates and scores
a population of 150, 1,000 and 10,000 for the same number of generations from the first on, neither stopping when solved.
The two take turns, of some generations each; medians of a generation's wall clock. Exit code 1 below a floor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version

import neat
import numpy as np
from peer import configured
from turns import Results, in_turn, parser, timed

from evo import NEAT
from scenarios.xor import XorSettings, scenario

SIZES = {150: (4, 10, 25.0), 1_000: (3, 6, 80.0), 10_000: (2, 3, 80.0)}  # turns, generations of a turn, floor
ROWS = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]


def ours(size: int) -> Callable[[], object]:
    task = scenario.task(XorSettings(), None)
    algorithm, seeds = NEAT.for_task(task, seed=0, population_size=size), np.zeros(task.episodes, np.int64)

    def generation() -> None:
        genomes = algorithm.ask()
        algorithm.tell(task.evaluate(algorithm.express(genomes), seeds))

    return generation


def theirs(size: int) -> Callable[[], object]:
    population = neat.Population(configured(size), seed=0)

    def score(genomes: list, config: neat.Config) -> None:
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            genome.fitness = 4.0 - sum((network.activate(row)[0] - target) ** 2 for row, target in ROWS)

    return lambda: population.run(score, 1)


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("neat_python")
    below = False
    for size, (turns, generations, floor) in ({20: (1, 2, 0.0)} if toy else SIZES).items():
        sides = {"ours": (timed(ours(size)), generations), "neat-python": (timed(theirs(size)), generations)}
        ratio = results.show(f"population {size:,}", in_turn(sides, turns))
        print(f"  neat-python {version('neat-python')} takes {ratio:.1f} x as long (floor {floor:g} x)", flush=True)
        below |= ratio < floor
    results.write(options.json)
    return int(below)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
