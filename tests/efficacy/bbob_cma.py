"""cma-es of ours beside the cma package on BBOB, with the same restarts, start and step size:
python tests/efficacy/bbob_cma.py [--dimension 5] [--instances 15] [--budget 2000] [--functions 1,2,...] --runs DIR.

Each function on instances 1 .. 15, at most `budget` evaluations a dimension a run. ERT to the targets 1e-2 and 1e-8 (Price
1997: evaluations of all runs until they reach it, over the runs that did), and ours over theirs with a 95 % percentile interval
over 10,000 resamples of the instances. A run that was finished is read again, so that the same command goes on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from evo import CMAES
from scenarios.functions.bbob import BBOB, NAMES

TARGETS = (1e-2, 1e-8)
START, STEP = 4.0, 2.0  # the first centre lies within +-START, uniformly for theirs, with the same std for ours


class Spent(Exception):
    """The budget is spent, or the last target reached."""


class Watched:
    """A function of points (P, D) that notes after how many evaluations it reached each target."""

    def __init__(self, problem: BBOB, budget: int):
        self.problem, self.left = problem, budget
        self.evaluations, self.best = 0, np.inf
        self.hits: list[int | None] = [None] * len(TARGETS)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        gaps = self.problem.precision(np.asarray(points, float))
        for gap in gaps:
            self.evaluations += 1
            self.best = min(self.best, float(gap))
            for k, target in enumerate(TARGETS):
                if self.hits[k] is None and gap <= target:
                    self.hits[k] = self.evaluations
        if self.hits[-1] is not None or self.evaluations >= self.left:
            raise Spent
        return gaps


def ours(watched: Watched, dimension: int, seed: int) -> None:
    es = CMAES(dimension, seed=seed, initial_std=STEP, initial_scale=START / np.sqrt(3))
    while True:
        es.tell(-watched(es.ask()))


def theirs(watched: Watched, dimension: int, seed: int) -> None:
    import cma

    draws = np.random.default_rng(seed)
    options = {"verbose": -9, "seed": seed + 1, "maxfevals": np.inf}
    start = lambda: draws.uniform(-START, START, dimension)
    while True:  # until the budget ends it: nine restarts may be over before
        cma.fmin2(lambda x: float(watched(x[None])[0]), start, STEP, options, restarts=9, bipop=True)


def run(side: Callable[[Watched, int, int], None], function: int, dimension: int, instance: int, budget: int, at: Path) -> dict:
    if at.exists():
        return json.loads(at.read_text())
    watched = Watched(BBOB(function, dimension, instance), budget * dimension)
    try:
        side(watched, dimension, instance - 1)
    except Spent:
        found = {"evaluations": watched.evaluations, "best": watched.best, "hits": watched.hits}
    at.parent.mkdir(parents=True, exist_ok=True)
    at.with_suffix(".part").write_text(json.dumps(found))
    at.with_suffix(".part").rename(at)
    return found


def ert(spent: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Of (..., runs): evaluations until the target or the end, and whether it was reached; inf where none did."""
    with np.errstate(divide="ignore"):
        return spent.sum(-1) / reached.sum(-1)


def ratio(one: list[dict], other: list[dict], target: int) -> str:
    """ERT of each side, and their ratio with its interval."""
    sides = []
    for runs in (one, other):
        reached = np.array([each["hits"][target] is not None for each in runs])
        sides.append((np.array([each["hits"][target] or each["evaluations"] for each in runs], float), reached))
    places = np.random.default_rng(0).integers(0, len(one), (10_000, len(one)))
    first, second = (ert(spent, reached) for spent, reached in sides)
    counts = f"{sides[0][1].sum():2}/{len(one)} {sides[1][1].sum():2}/{len(other)}"
    if not (np.isfinite(first) and np.isfinite(second)):
        best = [np.median([each["best"] for each in runs]) for runs in (one, other)]
        return f"{counts}  median best {best[0]:.2e} {best[1]:.2e}"
    again = [ert(spent[places], reached[places]) for spent, reached in sides]
    with np.errstate(invalid="ignore"):
        low, high = np.nanpercentile(again[0] / again[1], [2.5, 97.5], method="inverted_cdf")
    return f"{counts}  ERT {first:9,.0f} {second:9,.0f}  ratio {first / second:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimension", type=int, default=5)
    parser.add_argument("--instances", type=int, default=15)
    parser.add_argument("--budget", type=int, default=2000, help="evaluations a dimension")
    parser.add_argument("--functions", default="", help="comma-separated numbers; default: all")
    parser.add_argument("--runs", type=Path, default=Path("runs/bbob_cma"))
    options = parser.parse_args()
    numbers = [int(each) for each in options.functions.split(",")] if options.functions else range(1, len(NAMES) + 1)
    for function in numbers:
        sides = []
        for name, side in {"ours": ours, "cma": theirs}.items():
            at = lambda instance, name=name, function=function: (
                options.runs / f"d{options.dimension}" / name / f"f{function}-i{instance}.json"
            )
            instances = range(1, options.instances + 1)
            sides.append([run(side, function, options.dimension, i, options.budget, at(i)) for i in instances])
        for k, target in enumerate(TARGETS):
            print(f"f{function:<2} {NAMES[function - 1][:24]:<24} {target:.0e}  {ratio(*sides, k)}", flush=True)


if __name__ == "__main__":
    main()
