"""A whole generation of single pole on one core, ours against neat-python's:
python tests/bench/bench_single_pole.py [--toy] [--json FILE].

Each breeds, speciates, builds and runs 150 networks, one episode each of 500 steps of the same physics, the scenario's own:
ours compiled, neat-python's as the plain Python that a user of it writes, with the sin and cos of `math`. No episode ends
early, so both sides take as many steps in every generation. neat-python runs with the settings of its own exclusive or; ours
with the preset neat2002. The two take turns; medians of a generation's wall clock, on one thread. Exit code 1 below the floor.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from unittest import mock

import neat
import numpy as np
from peer import configured
from turns import Results, in_turn, parser, timed

from evo import NEAT, threads
from evo.tasks.control import ControlTask
from scenarios.environments import poles
from scenarios.environments.poles import FORCE
from scenarios.environments.single_pole import environment, start
from scenarios.environments.single_pole import step as pole_step

FLOOR = 40.0
START = start(())


def step(state, action):
    """As the scenario's, without an end."""
    state, reward, fallen = pole_step(state, action)
    return START if fallen else state, reward, False


def ours(size: int, steps: int) -> Callable[[], object]:
    task = ControlTask(replace(environment, step=step, max_steps=steps), network=lambda inputs, outputs: None)
    algorithm, seeds = NEAT.for_task(task, seed=0, population_size=size), np.zeros(1, np.int64)

    def generation() -> None:
        algorithm.tell(task.evaluate(algorithm.express(algorithm.ask()), seeds))

    return generation


def theirs(size: int, steps: int) -> Callable[[], object]:
    population = neat.Population(configured(size, num_inputs=environment.inputs), seed=0)

    def score(genomes: list, config: neat.Config) -> None:
        for _, genome in genomes:
            network, state, genome.fitness = neat.nn.FeedForwardNetwork.create(genome, config), START, 0.0
            for _ in range(steps):
                (output,) = network.activate(environment.observe(state))
                state, reward, _ = step(state, FORCE * (2.0 * output - 1.0))
                genome.fitness += reward

    def generation() -> None:
        with mock.patch.multiple(poles, sin=math.sin, cos=math.cos):
            population.run(score, 1)

    return generation


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("single_pole")
    size, steps, rounds = (20, 10, 1) if toy else (150, 500, 9)
    with threads.limited(1):
        sides = {"ours": (timed(ours(size, steps)), 5), "neat-python": (timed(theirs(size, steps)), 1)}
        ratio = results.show(f"single pole, {size} networks, {steps} steps", in_turn(sides, rounds))
    print(f"  neat-python {version('neat-python')} takes {ratio:.1f} x as long on one core (floor {FLOOR:g} x)")
    results.write(options.json)
    return int(ratio < FLOOR and not toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
