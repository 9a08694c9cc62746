"""A generation of methods over real vectors, ours against genoxide, whose core is in Rust:
python tests/bench/bench_search_genoxide.py [--toy] [--json FILE]. The peer: pip install genoxide==0.13.1.

de: rand/1/bin, best/1/bin and current-to-pbest/1/bin (p = .05, no archive), F = .5, CR = .9, on the sphere, float64. Numpy
gives the fitness, of the whole population a call; its time is not counted, for either. genoxide builds trials on all cores
(`parallel_breeding`). The sides take turns. Without the peer ours is measured alone. Exit code 1 below FLOOR.
"""

import sys
from collections.abc import Callable, Iterator
from queue import Queue
from threading import Thread
from time import perf_counter

import numpy as np
from turns import Results, in_turn, installed, parser, timed

from evo import DE

FLOOR = 1.0
SIZES = ((1_000, 1_000), (2_000, 4_000))  # individuals, dimensions
BOUND, SCALE, RATE, SHARE = 5.0, 0.5, 0.9, 0.05
STRATEGIES = {"rand/1/bin": "rand1", "best/1/bin": "best1", "current-to-pbest/1/bin": {"p": SHARE, "archive": 0.0}}


def sphere(points: np.ndarray) -> np.ndarray:
    return -(points**2).sum(axis=1)


def ours_de(strategy: str, size: int, genes: int) -> Callable[[], float]:
    values = dict(strategy=strategy, population_size=size, scale=SCALE, crossover_rate=RATE, pbest=SHARE)
    return ours(DE(genes, seed=0, initial_scale=BOUND / 2, **values))


def ours(algorithm) -> Callable[[], float]:
    """A generation's seconds, those of the fitness left out."""

    def generation() -> float:
        asked = timed(algorithm.ask)()
        fitness = sphere(algorithm.ask())
        return asked + timed(lambda: algorithm.tell(fitness))()

    return generation


def theirs_de(strategy: str, size: int, genes: int) -> Callable[[], float]:
    import genoxide

    control = {"f": SCALE, "cr": RATE}
    genome = genoxide.Real((-BOUND, BOUND), length=genes)
    values = dict(strategy=STRATEGIES[strategy], control=control, restarts="never", parallel_breeding=True, seed=0)
    return theirs(genoxide.De(genome, population_size=size, **values))


def theirs(algorithm) -> Callable[[], float]:
    """A generation's seconds, those of the fitness left out. Its loop calls the fitness, so it runs in a thread of its own,
    which stands still between the generations that are asked for."""
    go: Queue = Queue()
    ended: Queue = Queue()

    def fitness(points: np.ndarray) -> np.ndarray:
        ended.put(perf_counter())
        go.get()
        found = sphere(points)
        began.append(perf_counter())
        return found

    began: list[float] = []
    Thread(target=lambda: algorithm.run(fitness, generations=10**9, batch=True), daemon=True).start()
    ended.get()

    def generation() -> float:
        go.put(None)
        return ended.get() - began[-1]

    return generation


def sides(size: int, genes: int, found: bool) -> Iterator[tuple[str, dict[str, Callable[[], float]]]]:
    for strategy in STRATEGIES:
        yield (
            f"de, {strategy}",
            {
                "ours": ours_de(strategy, size, genes),
                **({"genoxide": theirs_de(strategy, size, genes)} if found else {}),
            },
        )


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    results, found, worst = Results("search_genoxide"), installed("genoxide==0.13.1"), np.inf
    rounds, calls = (1, 2) if options.toy else (10, 5)
    for size, genes in ((20, 30),) if options.toy else SIZES:
        for name, made in sides(size, genes, found):
            turns = {side: (generation, calls) for side, generation in made.items()}
            ratio = results.show(f"{name}: a generation of {size:,} x {genes:,}", in_turn(turns, rounds))
            if ratio is not None:
                print(f"against genoxide: {ratio:.2f} x (floor {FLOOR:g} x)")
                worst = min(worst, ratio)
    results.write(options.json)
    return int(not options.toy and worst < FLOOR)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
