"""neat-modern beside neat-python 2.0 itself: python tests/efficacy/modern_study.py [--seeds N] [--first SEED].

Exclusive or as neat-python's own example poses it: fitness 4 - sum of squared errors, solved at 3.9, at most 300 generations
of 150 networks, both with the settings that are neat-modern's defaults, which are that example's. Seeds first ..
first + N - 1 in both, which says nothing about equal draws; ours on one thread, nothing kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import neat
import numpy as np
from study import interval, rate

from evo import ModernNEAT, threads
from evo.genomes.genome import HIDDEN
from scenarios.lab.report import stats
from scenarios.parity import truth_table

sys.path.append(str(Path(__file__).parents[1] / "evo"))
from neat_python_peer import neat_config

GENERATIONS, ENOUGH = 300, 3.9
X, Y = truth_table(2)


class Run(NamedTuple):
    """generations: evaluated, whole; hidden nodes and enabled connections of the best genome."""

    solved: bool
    generations: int
    hidden: int
    enabled: int


def ours(seed: int) -> Run:
    method = ModernNEAT(2, 1, seed=seed)
    for _ in range(GENERATIONS):
        outputs = method.express(method.ask()).forward(X).double()
        method.tell(4.0 - ((outputs - Y) ** 2).sum((1, 2)))
        if method.best_fitness >= ENOUGH:
            break
    best = method.best
    return Run(method.best_fitness >= ENOUGH, method.generation, int((best.node_kind == HIDDEN).sum()), int(best.enabled.sum()))


def theirs(seed: int) -> Run:
    rows = list(zip(X.tolist(), Y[:, 0].tolist()))

    def score(genomes: list, config: neat.Config) -> None:
        for _, genome in genomes:
            network = neat.nn.FeedForwardNetwork.create(genome, config)
            genome.fitness = 4.0 - sum((network.activate(row)[0] - target) ** 2 for row, target in rows)

    population = neat.Population(neat_config(ModernNEAT.settings().filled(), 2, 1, ENOUGH), seed=seed)
    best = population.run(score, GENERATIONS)
    solved = best.fitness >= ENOUGH
    nodes, enabled = best.size()
    return Run(solved, population.generation + solved, nodes - 1, enabled)


def study(label: str, run: Callable[[int], Run], seeds: range) -> np.ndarray:
    """Evaluations of each run, infinite for a failure."""
    start = time.perf_counter()
    runs = [run(seed) for seed in seeds]
    seconds, size = time.perf_counter() - start, ModernNEAT.settings().filled().population_size
    won = [one for one in runs if one.solved]
    print(f"{label}, seeds {seeds.start} .. {seeds.stop - 1}: failed {rate(len(runs) - len(won), len(runs))}")
    print(f"  evaluations, failures counted at the cap: {interval([one.generations * size for one in runs])}")
    if won:
        spent = np.array([one.generations * size for one in won])
        print(f"  of those that solve it: {interval(spent)}, sd {spent.std():.0f}, median {np.median(spent):.0f}")
        hidden, enabled = np.mean([one.hidden for one in won]), np.mean([one.enabled for one in won])
        print(f"  winners: hidden nodes {hidden:.2f}, enabled connections {enabled:.2f}")
    print(f"  {seconds:.1f} s", flush=True)
    return np.array([one.generations * size if one.solved else np.inf for one in runs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    with threads.limited(1):
        cost = [study(label, run, seeds) for label, run in (("neat-modern", ours), ("neat-python", theirs))]
    low, high = stats.superiority_interval(-cost[0], -cost[1])
    print(f"P(ours needs fewer) + P(as many) / 2 = {stats.superiority(-cost[0], -cost[1]):.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
