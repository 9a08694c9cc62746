"""One generation of a genetic algorithm, ours against DEAP with numpy individuals:
python tests/bench/bench_deap.py [--toy] [--json FILE].

Both choose parents by tournaments of 3, cross half of the children uniformly, and mutate a tenth of all genes by a
Gaussian; both start from the same genes and the same fitness, and evaluate nothing. Two of DEAP's:

    named       tools.selTournament, tools.cxUniform, tools.mutGaussian, on numpy.ndarray individuals
    vectorised  tools.selTournament, and the same crossover and mutation written anew with numpy masks

The floor is against the named operators. Ours uses all cores, float32; DEAP one core, float64. Exit code 1 below it.
"""

import random
import sys
from collections.abc import Callable

import deap
import numpy as np
from deap import base, creator, tools
from turns import Results, in_turn, parser, timed

from evo import GA

FLOOR = 5.0
CROSSOVER_RATE, MUTATION_RATE, MUTATION_STD, TOURNAMENT = 0.5, 0.1, 0.1, 3

creator.create("Maximum", base.Fitness, weights=(1.0,))
creator.create("Individual", np.ndarray, fitness=creator.Maximum)


def ours(genes: np.ndarray, fitness: np.ndarray) -> Callable[[], object]:
    ga = GA(
        genes.shape[1],
        population_size=len(genes),
        elites=0,
        selection="tournament",
        tournament_size=TOURNAMENT,
        crossover="uniform",
        crossover_rate=CROSSOVER_RATE,
        mutation_rate=MUTATION_RATE,
        mutation_std=MUTATION_STD,
    )
    ga.ask()
    ga._population[:] = genes

    def generation() -> np.ndarray:
        ga.tell(fitness)
        return ga.ask()

    return generation


def cross_with_masks(first: np.ndarray, second: np.ndarray, indpb: float) -> None:
    mask = np.random.random(len(first)) < indpb  # noqa: NPY002
    first[mask], second[mask] = second[mask], first[mask]


def mutate_with_masks(one: np.ndarray, mu: float, sigma: float, indpb: float) -> None:
    mask = np.random.random(len(one)) < indpb  # noqa: NPY002
    one[mask] += np.random.normal(mu, sigma, mask.sum())  # noqa: NPY002


def deaps(genes: np.ndarray, fitness: np.ndarray, mate: Callable, mutate: Callable) -> Callable[[], object]:
    toolbox = base.Toolbox()
    toolbox.register("select", tools.selTournament, tournsize=TOURNAMENT)
    toolbox.register("mate", mate, indpb=0.5)
    toolbox.register("mutate", mutate, mu=0.0, sigma=MUTATION_STD, indpb=MUTATION_RATE)
    population = [creator.Individual(row) for row in genes.astype(float)]

    def generation() -> list:
        nonlocal population
        for one, value in zip(population, fitness):
            one.fitness.values = (value,)
        children = [toolbox.clone(one) for one in toolbox.select(population, len(population))]
        for first, second in zip(children[::2], children[1::2]):
            if random.random() < CROSSOVER_RATE:
                toolbox.mate(first, second)
        for one in children:
            toolbox.mutate(one)
            del one.fitness.values
        population = children
        return children

    return generation


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("deap")
    size, dimensions, repeats = (10, 50, 1) if toy else (1_000, 10_000, 7)
    generator = np.random.default_rng(0)
    genes, fitness = generator.normal(size=(size, dimensions)).astype(np.float32), generator.normal(size=size)
    sides = {
        "ours": ours(genes, fitness),
        "named": deaps(genes, fitness, tools.cxUniform, tools.mutGaussian),
        "vectorised": deaps(genes, fitness, cross_with_masks, mutate_with_masks),
    }
    seconds = in_turn({name: (timed(generation), 1) for name, generation in sides.items()}, repeats)
    title = f"one generation of {size:,} x {dimensions:,} genes"
    ratio = results.show(title, seconds, ["named"])
    other = results.add(f"{title}, vectorised", seconds, ["vectorised"])
    print(
        f"against DEAP {deap.__version__}: named operators {ratio:.1f} x (floor {FLOOR:g} x), user's vectorised {other:.1f} x"
    )
    results.write(options.json)
    return int(not toy and ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
