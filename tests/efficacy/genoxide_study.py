"""Methods over real vectors beside genoxide's, at equal operators and populations: does the search find as much?

    python tests/efficacy/genoxide_study.py [--seeds N]      the peer: pip install genoxide==0.13.1

Expected running time (ERT, evaluations) of cma-es (BIPOP, P 10, first step .3 of the range), openai-es (P 100, noise and Adam's
rate .002 of the range) and de (rand/1/bin, P 100, F .5, CR .9) to a gap of 1e-2 and 1e-8 on the sphere, Rosenbrock's and
Rastrigin's function in -5 .. 5, 10 dimensions, 10,000 D evaluations; the optimum of the first and the third lies at 1.5.
Hypervolume to (1.1, 1.1) of NSGA-II's population on ZDT1 in 30 dimensions after 250 generations of 100, SBX 15 at .9 and
polynomial mutation 20 of a gene in D.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from evo import CMAES, DE, NSGA2, Evaluation, OpenAIES, Real, Space

DIMENSIONS, BUDGET, BOUND, TARGETS = 10, 100_000, 5.0, (1e-2, 1e-8)
ADAM = {"noise_std": 0.002, "learning_rate": 0.002, "weight_decay": 0.0}
FRONT, FRONT_SIZE, GENERATIONS, REFERENCE = 30, 100, 250, 1.1
TRUE = REFERENCE**2 - 1 / 3  # the hypervolume of ZDT1's front, f2 = 1 - sqrt(f1)
RESAMPLES = 1999


def sphere(x: np.ndarray) -> np.ndarray:
    return ((x - 1.5) ** 2).sum(1)


def rosenbrock(x: np.ndarray) -> np.ndarray:
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


def rastrigin(x: np.ndarray) -> np.ndarray:
    return (10 + (x - 1.5) ** 2 - 10 * np.cos(2 * np.pi * (x - 1.5))).sum(1)


def zdt1(x: np.ndarray) -> np.ndarray:
    """The two costs (P, 2) of unit coordinates (P, D)."""
    g = 1 + 9 * x[:, 1:].mean(1)
    return np.stack([x[:, 0], g * (1 - np.sqrt(x[:, 0] / g))], 1)


class Counted:
    """A function to be maximised, of points (P, D), that notes after how many evaluations each target was reached."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]):
        self.function, self.spent, self.reached = function, 0, [0] * len(TARGETS)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        gaps = self.function(np.asarray(points))
        for k, target in enumerate(TARGETS):
            hits = np.flatnonzero(gaps <= target)
            if len(hits) and not self.reached[k]:
                self.reached[k] = self.spent + int(hits[0]) + 1
        self.spent += len(gaps)
        return -gaps

    def times(self) -> list[tuple[int, bool]]:
        """Of each target the evaluations spent, and whether it was reached."""
        return [(at or self.spent, at > 0) for at in self.reached]


def box(dimensions: int, low: float = -BOUND, high: float = BOUND) -> Space:
    return Space(**{f"x{k}": Real(low, high) for k in range(dimensions)})


def ours(name: str, function: Counted, seed: int) -> None:
    space = box(DIMENSIONS)
    algorithm = {
        "cma-es": lambda: CMAES(space=space, seed=seed, population_size=10, initial_std=0.3),
        "openai-es": lambda: OpenAIES(space=space, seed=seed, population_size=100, **ADAM),
        "de": lambda: DE(space=space, seed=seed, population_size=100, strategy="rand/1/bin", scale=0.5, crossover_rate=0.9),
    }[name]()
    while function.spent < BUDGET and not function.reached[-1]:
        algorithm.tell(function(2 * BOUND * algorithm.ask() - BOUND))


def theirs(name: str, function: Counted, seed: int) -> None:
    import genoxide

    genome, control = genoxide.Real((-BOUND, BOUND), length=DIMENSIONS), {"f": 0.5, "cr": 0.9}
    algorithm = {
        "cma-es": lambda: genoxide.Cmaes(genome, population_size=10, restarts="bipop", initial_step=0.3, seed=seed),
        "openai-es": lambda: genoxide.OpenEs(
            genome, population_size=100, sigma=0.002, optimizer=genoxide.Adam(0.002), seed=seed
        ),
        "de": lambda: genoxide.De(genome, population_size=100, strategy="rand1", control=control, restarts="never", seed=seed),
    }[name]()
    algorithm.run(function, evaluations=BUDGET, target=-TARGETS[-1], batch=True)


def our_front(seed: int) -> np.ndarray:
    values = dict(crossover="sbx", sbx_eta=15.0, mutation="polynomial", mutation_rate=1 / FRONT, crossover_rate=0.9)
    algorithm = NSGA2(space=box(FRONT, 0.0, 1.0), population_size=FRONT_SIZE, seed=seed, **values)
    for _ in range(GENERATIONS):
        costs = zdt1(algorithm.ask())
        algorithm.tell(Evaluation(-costs.sum(1), objectives=-costs))
    return zdt1(algorithm.population)


def their_front(seed: int) -> np.ndarray:
    import genoxide

    crossover, mutation = genoxide.SimulatedBinaryCrossover(15.0), genoxide.PolynomialMutation(20.0, rate=1 / FRONT)
    values = dict(crossover=crossover, mutation=mutation, crossover_rate=0.9, objectives=["minimize"] * 2, seed=seed)
    algorithm = genoxide.Nsga2(genoxide.Real((0.0, 1.0), length=FRONT), population_size=FRONT_SIZE, **values)
    return algorithm.run(zdt1, generations=GENERATIONS, batch=True).front_objectives


def hypervolume(costs: np.ndarray) -> float:
    """Area between the points (n, 2), both minimised, and the reference."""
    area, ceiling = 0.0, REFERENCE
    for one, other in sorted(costs.tolist()):
        if one < REFERENCE and other < ceiling:
            area += (REFERENCE - one) * (ceiling - other)
            ceiling = other
    return area


def running_time(times: np.ndarray) -> float:
    """Expected running time of (seeds, 2), evaluations and whether the target was reached; inf if it never was."""
    spent, reached = times[..., 0].sum(-1), times[..., 1].sum(-1)
    return np.divide(spent, reached, out=np.full_like(spent, np.inf), where=reached > 0)


def ratio(one: np.ndarray, other: np.ndarray) -> str:
    """Of two expected running times, with a percentile bootstrap over the seeds of both; "-" where neither side got there."""
    if not one[:, 1].any() and not other[:, 1].any():
        return "-"
    draw = np.random.Generator(np.random.Philox(key=16))
    again = lambda times: running_time(times[draw.integers(len(times), size=(RESAMPLES, len(times)))])
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(again(one) / again(other), [0.025, 0.975], method="nearest")
        return f"{running_time(one) / running_time(other):.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    for name in ("cma-es", "openai-es", "de"):
        for function in (sphere, rosenbrock, rastrigin):
            found = {}
            for side in (ours, theirs):
                counted = [Counted(function) for _ in seeds]
                for seed, own in zip(seeds, counted):
                    side(name, own, seed)
                found[side] = np.array([own.times() for own in counted], float)
            for k, target in enumerate(TARGETS):
                one, other = found[ours][:, k], found[theirs][:, k]
                reached = f"{one[:, 1].sum():.0f} : {other[:, 1].sum():.0f} of {len(seeds)}"
                times = f"ERT {running_time(one):,.0f} : {running_time(other):,.0f}"
                print(
                    f"{name}, {function.__name__}, {target:g}: reached {reached}; {times}; ratio {ratio(one, other)}",
                    flush=True,
                )
    fronts = {side.__name__: [hypervolume(side(seed)) for seed in seeds] for side in (our_front, their_front)}
    for side, areas in fronts.items():
        print(f"zdt1, {side}: hypervolume {np.mean(areas):.4f} ({min(areas):.4f} to {max(areas):.4f}); true front {TRUE:.4f}")


if __name__ == "__main__":
    main()
