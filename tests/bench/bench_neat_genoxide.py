"""NEAT on one core, ours against genoxide's, a core in Rust: python tests/bench/bench_neat_genoxide.py [--toy] [--json FILE].

genoxide is compared where it is installed (`pip install genoxide==0.13.1`); without it ours is timed alone.

xor          a whole generation of 150, 1,000 and 10,000 networks, from the first generation on, ours with its evaluation;
             theirs with a fitness as a user of it writes it in Python, and its engine alone, with a constant fitness
double_pole  from the start until a network balances for 100,000 steps: mean seconds and evaluations. genoxide has its defaults
             and the paper's sharing, ours the preset neat2002; each steps its own compiled physics of the same task

Medians of a generation's wall clock; the sides take turns. Exit code 1 below a floor.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from time import perf_counter

import bench_neat_python
import numpy as np
from scipy import stats
from turns import Results, in_turn, installed, parser

from evo import NEAT, Evolve, threads
from scenarios import double_pole
from scenarios.single_pole import PoleSettings

GENERATIONS = {150: (40, 15, 1.5), 1_000: (20, 9, 3.0), 10_000: (10, 3, 3.0)}  # of a run, rounds, floor of the engine alone
STEPS, CAP, SEEDS, FASTER = 100_000, 45_000, 50, 1.0  # of an episode; evaluations; seeds; floor of mean seconds


def ours(size: int, generations: int) -> Callable[[], float]:
    """A run that says the seconds of a generation."""

    def run() -> float:
        generation = bench_neat_python.ours(size)
        start = perf_counter()
        for _ in range(generations):
            generation()
        return (perf_counter() - start) / generations

    return run


def theirs(size: int, generations: int, fitness: Callable[..., float]) -> Callable[[], float]:
    import genoxide

    def run() -> float:
        neat = genoxide.Neat(2, 1, population_size=size, sharing="raw", seed=0)
        start = perf_counter()
        neat.run(fitness, generations=generations - 1)  # it scores one population more than it counts
        return (perf_counter() - start) / generations

    return run


def closeness(network) -> float:
    evaluator = network.feed_forward()
    return (4.0 - sum(abs(evaluator.activate(row)[0] - target) for row, target in bench_neat_python.ROWS)) ** 2


def our_solution(seed: int) -> tuple[float, int]:
    """Seconds and evaluations until the double pole is balanced."""
    task, evaluations = double_pole.task(PoleSettings(), None), 0
    algorithm, seeds, start = NEAT.for_task(task, seed=seed), np.zeros(task.episodes, np.int64), perf_counter()
    while evaluations < CAP:
        evaluation = task.evaluate(algorithm.express(algorithm.ask()), seeds)
        evaluations += len(evaluation.fitness)
        if evaluation.fitness.max() >= STEPS:
            break
        algorithm.tell(evaluation)
    return perf_counter() - start, evaluations


def our_run(seed: int) -> tuple[float, int]:
    """The same with what a run does besides: the fittest of each generation judged on validation, rows, the champion."""
    start = perf_counter()
    task = double_pole.task(PoleSettings(), None)
    learner, solved = Evolve(task, NEAT.for_task(task, seed=seed), seed=seed), False
    while not solved and learner.cost.evaluations < CAP:
        solved = learner.step()["validation"]["return"] >= STEPS
    return perf_counter() - start, learner.cost.evaluations


def their_solution(seed: int) -> tuple[float, int]:
    import genoxide
    from genoxide.problems.control import DoublePole

    task, start = DoublePole(), perf_counter()
    fitness = lambda network: task.run(network.feed_forward().policy(scale=2.0, offset=-1.0), STEPS)
    neat = genoxide.Neat(6, 1, population_size=150, sharing="raw", seed=seed)
    found = neat.run(fitness, target=STEPS, evaluations=CAP)
    return perf_counter() - start, found.evaluations


def shown(values: list[float]) -> str:
    half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return f"{statistics.mean(values):.4g} [{statistics.mean(values) - half:.4g}, {statistics.mean(values) + half:.4g}]"


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results, below = options.toy, Results("neat_genoxide"), False
    peer = installed("genoxide==0.13.1")
    for size, (generations, rounds, floor) in ({20: (3, 1, 0.0)} if toy else GENERATIONS).items():
        sides = {"ours": (ours(size, generations), 1)}
        if peer:
            sides |= {
                "its engine alone": (theirs(size, generations, lambda network: 1.0), 1),
                "its fitness in Python": (theirs(size, generations, closeness), 1),
            }
        with threads.limited(1):
            found = in_turn(sides, rounds)
        results.show(f"xor, {size:,} networks, one core", found, ["its fitness in Python"] if peer else None)
        if peer:
            alone = statistics.median(found["its engine alone"]) / statistics.median(found["ours"])
            print(
                f"  its engine alone takes {alone:.2f} x as long as a whole generation of ours (floor {floor:g} x)", flush=True
            )
            below |= alone < floor
    sides = {"ours": our_solution, "ours, a whole run": our_run} | ({"genoxide": their_solution} if peer else {})
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in sides}
    with threads.limited(1):
        our_run(SEEDS)  # compiles
        for seed in range(2 if toy else SEEDS):
            for name, solution in sides.items():
                runs[name].append(solution(seed))
    seconds = {name: [took for took, _ in each] for name, each in runs.items()}
    results.add("double_pole", seconds)
    for name, each in runs.items():
        failed = sum(evaluations >= CAP for _, evaluations in each)
        print(f"double_pole, {len(each)} seeds, one core, {name}: mean {shown(seconds[name])} s,", end=" ")
        print(f"{shown([evaluations for _, evaluations in each])} evaluations, {failed} failed", flush=True)
    if peer:
        faster = statistics.mean(seconds["genoxide"]) / statistics.mean(seconds["ours"])
        print(f"  genoxide takes {faster:.2f} x as long (floor {FASTER:g} x)")
        below |= faster < FASTER
    results.write(options.json)
    return int(below and not toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
