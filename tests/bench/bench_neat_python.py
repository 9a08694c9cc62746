"""A whole generation of NEAT on exclusive or, ours against neat-python's: python tests/bench/bench_neat_python.py [--toy].

neat-python runs with the settings of its own XOR example; ours with the preset neat2002. Each breeds, speciates and scores
a population of 150, 1,000 and 10,000 for the same number of generations from the first on, neither stopping when solved.
The two take turns, of some generations each; medians of a generation's wall clock. Exit code 1 below a floor.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import neat
import numpy as np
from turns import in_turn, medians, timed

from evo import NEAT
from scenarios.xor import XorSettings, scenario

SIZES = {150: (4, 10, 25.0), 1_000: (3, 6, 80.0), 10_000: (2, 3, 80.0)}  # turns, generations of a turn, floor
CONFIG = """
[NEAT]
fitness_criterion = max
fitness_threshold = 1e9
pop_size = {size}
reset_on_extinction = False
no_fitness_termination = True
[DefaultGenome]
activation_default = sigmoid
activation_mutate_rate = 0.0
activation_options = sigmoid
aggregation_default = sum
aggregation_mutate_rate = 0.0
aggregation_options = sum
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_init_type = gaussian
bias_max_value = 30.0
bias_min_value = -30.0
bias_mutate_power = 0.5
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.5
conn_delete_prob = 0.5
enabled_default = True
enabled_mutate_rate = 0.01
enabled_rate_to_true_add = 0.0
enabled_rate_to_false_add = 0.0
feed_forward = True
initial_connection = full_direct
node_add_prob = 0.2
node_delete_prob = 0.2
num_hidden = 0
num_inputs = 2
num_outputs = 1
response_init_mean = 1.0
response_init_stdev = 0.0
response_init_type = gaussian
response_max_value = 30.0
response_min_value = -30.0
response_mutate_power = 0.0
response_mutate_rate = 0.0
response_replace_rate = 0.0
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_init_type = gaussian
weight_max_value = 30
weight_min_value = -30
weight_mutate_power = 0.5
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
single_structural_mutation = False
structural_mutation_surer = default
[DefaultSpeciesSet]
compatibility_threshold = 3.0
[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 2
[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
min_species_size = 2
"""
ROWS = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]


def ours(size: int) -> Callable[[], object]:
    task = scenario.task(XorSettings(), None)
    algorithm, seeds = NEAT.for_task(task, seed=0, population_size=size), np.zeros(task.episodes, np.int64)

    def generation() -> None:
        genomes = algorithm.ask()
        algorithm.tell(task.evaluate(algorithm.express(genomes), seeds))

    return generation


def theirs(size: int) -> Callable[[], object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "xor.ini"
        path.write_text(CONFIG.format(size=size))
        config = neat.Config(neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation, path)
    population = neat.Population(config, seed=0)

    def score(genomes: list, config: neat.Config) -> None:
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            genome.fitness = 4.0 - sum((network.activate(row)[0] - target) ** 2 for row, target in ROWS)

    return lambda: population.run(score, 1)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="a small size, once, without a floor: does it still run?")
    toy = parser.parse_args(arguments).toy
    below = False
    for size, (turns, generations, floor) in ({20: (1, 2, 0.0)} if toy else SIZES).items():
        sides = {"ours": (timed(ours(size)), generations), "neat-python": (timed(theirs(size)), generations)}
        median = medians(f"population {size:,}", in_turn(sides, turns))
        ratio = median["neat-python"] / median["ours"]
        print(f"  neat-python {version('neat-python')} takes {ratio:.1f} x as long (floor {floor:g} x)", flush=True)
        below |= ratio < floor
    return int(below)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
