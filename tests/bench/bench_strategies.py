"""A generation of evolution strategies, ask and tell, ours against evosax and EvoTorch, from the same fitness; nothing is
evaluated: python tests/bench/bench_strategies.py [--toy] [--json FILE].

1,000 vectors of 10,000 genes, float32 on all sides, all cores. evosax runs jitted, EvoTorch as its searchers step, with an
objective that costs one sum. The floor is against the faster of the two, of each strategy. Exit code 1 below it.
"""

import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from turns import Results, in_turn, installed, parser, timed

from evo import PGPE, SNES, OpenAIES, Parameters, SepCMAES

FLOOR = 1.0
PEERS = ("evosax==0.3.2", "evotorch==0.6.1")


def ours(method: type, size: int, genes: int) -> Callable[[], object]:
    weights = Parameters(lambda: nn.Linear(genes // 100, 100, bias=False))  # float32, as networks are
    es, fitness = method(weights, population_size=size), np.random.default_rng(0).random(size)

    def generation() -> None:
        es.ask()
        es.tell(fitness)

    return generation


def evosaxs(name: str, size: int, genes: int) -> Callable[[], object]:
    import jax
    from evosax import algorithms

    es = getattr(algorithms, name)(population_size=size, solution=jax.numpy.zeros(genes))
    params, key = es.default_params, jax.random.key(0)
    fitness = jax.numpy.asarray(np.random.default_rng(0).random(size), jax.numpy.float32)
    ask, tell, split = jax.jit(es.ask), jax.jit(es.tell), jax.jit(jax.random.split)
    state = [
        es.init(key, jax.numpy.zeros((size, genes)), jax.numpy.zeros(size), params)
        if hasattr(es, "elite")
        else es.init(key, jax.numpy.zeros(genes), params)
    ]
    keys = [key]

    def generation() -> None:
        one, other = split(keys[0])
        population, state[0] = ask(one, state[0], params)
        state[0], _ = tell(other, population, fitness, state[0], params)
        keys[0] = other
        jax.block_until_ready(state[0].mean)

    return generation


def evotorchs(name: str, size: int, genes: int) -> Callable[[], object]:
    import evotorch.algorithms
    from evotorch import Problem
    from evotorch.decorators import vectorized

    objective = vectorized(lambda x: x[:, 0])
    problem = Problem("max", objective, solution_length=genes, initial_bounds=(-1, 1), dtype=torch.float32)
    options = {
        "SNES": dict(stdev_init=0.3),
        "PGPE": dict(stdev_init=0.1, center_learning_rate=0.15, stdev_learning_rate=0.1),
        "CMAES": dict(stdev_init=0.3, separable=True),
    }[name]
    searcher = getattr(evotorch.algorithms, name)(problem, popsize=size, **options)
    return searcher.step


STRATEGIES = {
    "openai-es": (OpenAIES, "Open_ES", None),
    "snes": (SNES, "SNES", "SNES"),
    "pgpe": (PGPE, "PGPE", "PGPE"),
    "sep-cma-es": (SepCMAES, "Sep_CMA_ES", "CMAES"),
}


def main() -> int:
    options = parser(__doc__).parse_args()
    size, genes, rounds = (20, 100, 1) if options.toy else (1000, 10_000, 7)
    there = [installed(peer) for peer in PEERS]
    results, below = Results("strategies"), []
    for name, (method, jitted, searcher) in STRATEGIES.items():
        sides = {"ours": (timed(ours(method, size, genes)), 2)}
        if there[0]:
            sides["evosax"] = (timed(evosaxs(jitted, size, genes)), 2)
        if there[1] and searcher:
            sides["EvoTorch"] = (timed(evotorchs(searcher, size, genes)), 2)
        ratio = results.show(f"{name}, {size:,} x {genes:,}", in_turn(sides, rounds))
        if ratio is not None:
            print(f"  {ratio:.2f} x (floor {FLOOR:g} x)")
            below += [name] if ratio < FLOOR else []
    results.write(options.json)
    return int(bool(below) and not options.toy)


if __name__ == "__main__":
    sys.exit(main())
