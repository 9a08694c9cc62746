"""A generation of methods over real vectors, ours against genoxide, whose core is in Rust:
python tests/bench/bench_search_genoxide.py [--toy] [--json FILE]. The peer: pip install genoxide==0.13.1.

de: rand/1/bin, best/1/bin and current-to-pbest/1/bin (p = .05, no archive), F = .5, CR = .9, on the sphere, float64. Numpy
gives the fitness, of the whole population a call; its time is not counted, for either. genoxide builds trials on all cores
(`parallel_breeding`). nsga2: ZDT1, SBX with eta 15, polynomial mutation of one gene in D with eta 20, crossover rate .9.
cma-es: the full matrix, without restarts, on the sphere. openai-es: pairs, centred ranks, Adam, on the sphere.

The sides take turns. Without the peer ours is measured alone. Exit code 1 below FLOOR.
"""

import sys
from collections.abc import Callable
from functools import partial
from queue import Queue
from threading import Thread
from time import perf_counter

import numpy as np
from turns import Results, in_turn, installed, parser, timed

from evo import CMAES, DE, NSGA2, Evaluation, OpenAIES, Real, Space

FLOOR = 1.0
SIZES = ((1_000, 1_000), (2_000, 4_000))  # individuals, dimensions
MATRIX = ((1_000, 1_000),)  # cma-es takes 2,000 dimensions at most
BOUND, SCALE, RATE, SHARE = 5.0, 0.5, 0.9, 0.05
STRATEGIES = {"rand/1/bin": "rand1", "best/1/bin": "best1", "current-to-pbest/1/bin": {"p": SHARE, "archive": 0.0}}


def sphere(points: np.ndarray) -> np.ndarray:
    return -(points**2).sum(axis=1)


def ours_de(strategy: str, size: int, genes: int) -> Callable[[], float]:
    values = dict(strategy=strategy, population_size=size, scale=SCALE, crossover_rate=RATE, pbest=SHARE)
    return ours(DE(genes, seed=0, initial_scale=BOUND / 2, **values))


def zdt1(points: np.ndarray) -> np.ndarray:
    """The two costs (P, 2) of unit coordinates (P, D)."""
    g = 1 + 9 * points[:, 1:].mean(axis=1)
    return np.stack([points[:, 0], g * (1 - np.sqrt(points[:, 0] / g))], axis=1)


def ours_nsga2(size: int, genes: int) -> Callable[[], float]:
    def fitness(points: np.ndarray) -> Evaluation:
        costs = zdt1(points)
        return Evaluation(-costs.sum(axis=1), objectives=-costs)

    values = dict(crossover="sbx", sbx_eta=15.0, mutation="polynomial", mutation_rate=1 / genes, crossover_rate=RATE)
    space = Space(**{f"x{k}": Real(0, 1) for k in range(genes)})
    return ours(NSGA2(space=space, population_size=size, seed=0, **values), fitness)


def ours_cma_es(size: int, genes: int) -> Callable[[], float]:
    return ours(CMAES(genes, seed=0, population_size=size, initial_std=0.3 * 2 * BOUND, restarts="none"))


def ours_openai_es(size: int, genes: int) -> Callable[[], float]:
    return ours(OpenAIES(genes, seed=0, population_size=size))


def ours(algorithm, fitness: Callable = sphere) -> Callable[[], float]:
    """A generation's seconds, those of the fitness left out."""

    def generation() -> float:
        asked = timed(algorithm.ask)()
        found = fitness(algorithm.ask())
        return asked + timed(lambda: algorithm.tell(found))()

    return generation


def theirs_de(strategy: str, size: int, genes: int) -> Callable[[], float]:
    import genoxide

    control = {"f": SCALE, "cr": RATE}
    genome = genoxide.Real((-BOUND, BOUND), length=genes)
    values = dict(strategy=STRATEGIES[strategy], control=control, restarts="never", parallel_breeding=True, seed=0)
    return theirs(genoxide.De(genome, population_size=size, **values))


def theirs_nsga2(size: int, genes: int) -> Callable[[], float]:
    import genoxide

    crossover, mutation = genoxide.SimulatedBinaryCrossover(15.0), genoxide.PolynomialMutation(20.0, rate=1 / genes)
    values = dict(crossover=crossover, mutation=mutation, crossover_rate=RATE, objectives=["minimize"] * 2, seed=0)
    return theirs(genoxide.Nsga2(genoxide.Real((0.0, 1.0), length=genes), population_size=size, **values), zdt1)


def theirs_cma_es(size: int, genes: int) -> Callable[[], float]:
    import genoxide

    return theirs(genoxide.Cmaes(genoxide.Real((-BOUND, BOUND), length=genes), population_size=size, seed=0))


def theirs_openai_es(size: int, genes: int) -> Callable[[], float]:
    import genoxide

    genome = genoxide.Real((-BOUND, BOUND), length=genes)
    return theirs(genoxide.OpenEs(genome, population_size=size, parallel_breeding=True, seed=0))


def theirs(algorithm, function: Callable = sphere) -> Callable[[], float]:
    """A generation's seconds, those of the fitness left out. Its loop calls the fitness, so it runs in a thread of its own,
    which stands still between the generations that are asked for."""
    go: Queue = Queue()
    ended: Queue = Queue()

    def fitness(points: np.ndarray) -> np.ndarray:
        ended.put(perf_counter())
        go.get()
        found = function(points)
        began.append(perf_counter())
        return found

    began: list[float] = []
    Thread(target=lambda: algorithm.run(fitness, generations=10**9, batch=True), daemon=True).start()
    ended.get()

    def generation() -> float:
        go.put(None)
        return ended.get() - began[-1]

    return generation


# Name: ours, theirs, each of a size, and the sizes.
SIDES = {f"de, {strategy}": (partial(ours_de, strategy), partial(theirs_de, strategy), SIZES) for strategy in STRATEGIES}
SIDES["nsga2"] = ours_nsga2, theirs_nsga2, SIZES
SIDES["cma-es"] = ours_cma_es, theirs_cma_es, MATRIX
SIDES["openai-es"] = ours_openai_es, theirs_openai_es, SIZES


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    results, found, worst = Results("search_genoxide"), installed("genoxide==0.13.1"), np.inf
    rounds, calls = (1, 2) if options.toy else (10, 5)
    for name, (our, their, sizes) in SIDES.items():
        for size, genes in ((20, 30),) if options.toy else sizes:
            turns = {"ours": (our(size, genes), calls), **({"genoxide": (their(size, genes), calls)} if found else {})}
            ratio = results.show(f"{name}: a generation of {size:,} x {genes:,}", in_turn(turns, rounds))
            if ratio is not None:
                print(f"against genoxide: {ratio:.2f} x (floor {FLOOR:g} x)")
                worst = min(worst, ratio)
    results.write(options.json)
    return int(not options.toy and worst < FLOOR)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
