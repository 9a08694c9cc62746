"""One generation of a genetic algorithm, ours against genoxide, whose core is in Rust:
python tests/bench/bench_genoxide.py [--toy] [--json FILE]. The peer: pip install genoxide==0.13.1.

Both choose parents by tournaments of 3, cross half of the pairs uniformly, and mutate a tenth of all genes by a Gaussian; no
elites; the fitness of a generation is given, so that breeding alone is measured. Ours float32, genoxide float64, whose genes
are bounded. On one thread, and on two: genoxide's by `parallel_breeding`. Without the peer ours is measured alone. Exit code 1
below FLOOR on either.
"""

import os
import subprocess
import sys
from time import perf_counter

import numpy as np
from turns import Results, in_turn, installed, parser, timed

from evo import GA, threads

FLOOR = 1.5
CROSSOVER_RATE, MUTATION_RATE, MUTATION_STD, TOURNAMENT, BOUND = 0.5, 0.1, 0.1, 3, 5.0


def ours(fitness: np.ndarray, genes: int, count: int):
    values = dict(tournament_size=TOURNAMENT, crossover="uniform", crossover_rate=CROSSOVER_RATE, mutation_std=MUTATION_STD)
    ga = GA(genes, population_size=len(fitness), elites=0, selection="tournament", mutation_rate=MUTATION_RATE, **values)
    ga.ask()

    def generation() -> None:
        with threads.limited(count):
            ga.tell(fitness)
            ga.ask()

    return timed(generation)


def theirs(size: int, genes: int, generations: int, count: int) -> list[float]:
    """Seconds of each generation after the first, in a process of its own that has `count` cores."""
    arguments = [sys.executable, __file__, "--peer", *map(str, (size, genes, generations, count))]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return [float(value) for value in done.stdout.split()]


def peer(size: int, genes: int, generations: int, count: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    import genoxide

    fitness, ends = np.random.default_rng(0).normal(size=size), []
    algorithm = genoxide.Ga(
        genoxide.Real((-BOUND, BOUND), length=genes),
        population_size=size,
        select=genoxide.Tournament(TOURNAMENT),
        crossover=genoxide.UniformCrossover(),
        mutation=genoxide.GaussianMutation(MUTATION_STD / (2 * BOUND), rate=MUTATION_RATE),
        crossover_rate=CROSSOVER_RATE,
        scheme=genoxide.Generational(0),
        parallel_breeding=count > 1,
        seed=0,
    )
    given = lambda population: fitness[: len(population)]
    algorithm.run(given, generations=generations + 1, batch=True, on_generation=lambda _: ends.append(perf_counter()))
    print(*np.diff(ends)[1:])


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results, found = options.toy, Results("genoxide"), installed("genoxide==0.13.1")
    size, genes, rounds, calls = (10, 50, 1, 2) if toy else (1_000, 10_000, 5, 4)
    fitness, worst = np.random.default_rng(0).normal(size=size), np.inf
    for count in (1, 2):
        title = f"one generation of {size:,} x {genes:,} genes, {count} of {os.cpu_count()} threads"
        seconds: dict[str, list[float]] = {"ours": [], "genoxide": []} if found else {"ours": []}
        generation = ours(fitness, genes, count)
        for _ in range(rounds):
            seconds["ours"] += in_turn({"ours": (generation, calls)}, 1)["ours"]
            if found:
                seconds["genoxide"] += theirs(size, genes, calls, min(count, os.cpu_count() or 1))
        ratio = results.show(title, seconds)
        if ratio is not None:
            worst = min(worst, ratio)
            print(f"against genoxide on {count}: {ratio:.2f} x (floor {FLOOR:g} x)")
    results.write(options.json)
    return int(not toy and worst < FLOOR)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(*map(int, sys.argv[2:]))
    else:
        sys.exit(main(sys.argv[1:]))
