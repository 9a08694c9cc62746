"""How NEAT scales, on exclusive or with the preset neat2002: python tests/bench/bench_neat_scale.py [--toy] [--json FILE].

threads  a generation on one thread and on two, at a population of 150 (two may cost 1.1 times as much) and of 10,000 (two
         must be 1.3 times as fast)
size     what a genome costs to score (network built and run) and to breed, in CPU time of one thread, at 1,000, 10,000 and
         100,000: at most 1.3 times what it costs in any smaller population. Speciation beside them: it grows with the
         species, which are told
memory   the most that a process with 100,000 genomes holds: 2 GB

Every size counts the same generations. Exit code 1 past a limit.
"""

from __future__ import annotations

import itertools
import multiprocessing
import re
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import process_time

import bench_neat_python
import numpy as np
from turns import Results, in_turn, parser, timed

from evo import NEAT, threads
from evo.neat import neat
from scenarios.xor import XorSettings, scenario

SLOWER, FASTER, FLAT, MEMORY = 1.1, 1.3, 1.3, 2e9
GENERATIONS = 8  # the first two are not counted
PHASES = ("score", "breed", "speciate")


def on_threads(results: Results, size: int, calls: int, rounds: int) -> float:
    """Seconds of a generation on one thread, over those on two."""
    one, two = bench_neat_python.ours(size), bench_neat_python.ours(size)

    def limited(count: int, generation) -> None:
        with threads.limited(count):
            generation()

    sides = {"two threads": (timed(lambda: limited(2, two)), calls), "one thread": (timed(lambda: limited(1, one)), calls)}
    return results.show(f"{size:,} networks", in_turn(sides, rounds))


def phases(size: int) -> tuple[dict[str, list[float]], int, float]:
    """CPU seconds a genome of each phase in each counted generation; how many species there were, in the median; and the most
    bytes that this process held (Linux)."""
    task = scenario.task(XorSettings(), None)
    neat.GRAIN = 0  # the steps one by one, however few genomes
    algorithm, seeds = NEAT.for_task(task, seed=0, population_size=size), np.zeros(task.episodes, np.int64)
    seconds: dict[str, list[float]] = {name: [] for name in PHASES}
    species = []
    algorithm.ask()
    speciate, took = algorithm.species.speciate, 0.0

    def timed_speciate(*arguments) -> None:
        nonlocal took
        start = process_time()
        speciate(*arguments)
        took = process_time() - start

    algorithm.species.speciate = timed_speciate
    for _ in range(GENERATIONS):
        with threads.limited(1):
            begin = process_time()
            scored = task.evaluate(algorithm.express(algorithm.ask()), seeds)
            middle = process_time()
            algorithm.tell(scored)
            algorithm.ask()
            end = process_time()
        for name, value in zip(PHASES, (middle - begin, end - middle - took, took)):
            seconds[name].append(value / size)
        species.append(len(algorithm.species.id))
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    return {name: values[2:] for name, values in seconds.items()}, int(statistics.median(species[2:])), peak


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("neat_scale")
    two_small, two_large = (
        on_threads(results, *how) for how in ([(20, 1, 1), (40, 1, 1)] if toy else [(150, 5, 20), (10_000, 2, 6)])
    )
    print(f"  a second thread: {1 / two_small:.2f} x the time of a small population (limit {SLOWER} x),", end=" ")
    print(f"{two_large:.2f} x as fast on a large one (floor {FASTER} x)", flush=True)
    took, cost = {}, {}
    for size in (20, 40) if toy else (1_000, 10_000, 100_000):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            took[size], species, peak = pool.submit(phases, size).result()
        cost[size] = {name: min(values) for name, values in took[size].items()}
        each = ", ".join(f"{name} {1e9 * value:.0f} ns" for name, value in cost[size].items())
        print(f"  {size:7,} genomes, each: {each}; {species} species, {peak / 1e6:.0f} MB", flush=True)
    pairs = list(itertools.combinations(cost.values(), 2))
    rise = {name: max(large[name] / small[name] for small, large in pairs) for name in PHASES}
    print(f"  a genome of more against one of fewer: score {rise['score']:.2f} x, breed {rise['breed']:.2f} x (limit {FLAT} x)")
    for name in PHASES:  # ours: the largest population; its peers: the smaller ones
        results.add(f"{name}, a genome", {f"of {size:,}": took[size][name] for size in sorted(took, reverse=True)})
    results.write(options.json)
    past = 1 / two_small > SLOWER or two_large < FASTER or rise["score"] > FLAT or rise["breed"] > FLAT or peak > MEMORY
    return int(past and not toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
