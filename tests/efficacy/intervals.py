"""How often the intervals of `scenarios/lab/stats.py` hold the truth, and how often Holm's method claims what is false.

    python tests/efficacy/intervals.py                    # 2,000 studies of every population and number of seeds
    python tests/efficacy/intervals.py --studies 500

Each study draws its seeds from a population whose truth is known (in closed form, or summed over its quantiles), asks
`stats` for the interval and looks whether the truth lies inside. The last line of a block averages its populations. The
command fails (exit 1) if, at 30 seeds, such an average is outside .91 to .97, or Holm's family error is above .065.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable

import numpy as np
from numpy.random import Generator, Philox
from scipy import stats as reference

from scenarios.lab.report import stats

SEEDS = (2, 3, 4, 5, 10, 20, 30)
LOW, HIGH, FAMILY = 0.91, 0.97, 0.065
METHODS = 6

Draw = Callable[[Generator, tuple[int, ...]], np.ndarray]
Block = dict[str, dict[int, float]]

# Each population is its quantile function, so that a draw is a function of uniforms and truth an integral over them.
POPULATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": reference.norm.ppf,
    "log-normal": reference.lognorm(1.0).ppf,
    "beta(8, 1)": reference.beta(8, 1).ppf,
    "accuracy k/360": lambda u: reference.binom(360, 0.95).ppf(u) / 360,
    "3 of 10 stuck low": lambda u: np.where(u < 0.3, u * 2 / 3, 0.9 + (u - 0.3) / 7),  # uniform to .2; .9 to 1
}
# Shifts in standard deviations of a normal: superiority from 0.5 to 0.98.
EFFECTS = (0.0, 0.5, 1.0, 2.0, 3.0)
# The budgets: those that solve these shares of the runs.
SOLVED = (0.4, 0.7, 0.95)


def generator(*key: int) -> Generator:
    """A stream of its own for each block, population and number of seeds, whatever else is run."""
    return Generator(Philox(np.random.SeedSequence(key)))


def iqm_block(studies: int, key: int = 0, seeds: tuple[int, ...] = SEEDS) -> Block:
    """Coverage of `iqm_interval` of the population's mean between its quartiles; a study is a column."""
    middle = 0.25 + 0.5 * (np.arange(100_000) + 0.5) / 100_000
    found: Block = {}
    for place, (name, quantile) in enumerate(POPULATIONS.items()):
        truth = quantile(middle).mean()
        found[name] = {}
        for n in seeds:
            low, high = stats.iqm_interval(quantile(generator(key, 0, place, n).random((n, studies))))
            found[name][n] = float(np.mean((low <= truth) & (truth <= high)))
    return found


def superiority_block(studies: int, key: int = 0) -> Block:
    """Coverage of `superiority_interval`: a shifted normal; an exponential against its multiple; accuracies k/360."""
    cases: dict[str, tuple[Draw, Draw, float]] = {}
    for shift in EFFECTS:
        truth = reference.norm.cdf(shift / np.sqrt(2))
        cases[f"normal + {shift:g} ({truth:.3f})"] = (_shifted(shift), _shifted(0.0), truth)
    for ratio in (2.0, 10.0, 40.0):
        truth = ratio / (1 + ratio)
        cases[f"exponential x {ratio:g} ({truth:.3f})"] = (_exponential(ratio), _exponential(1.0), truth)
    for rate in (0.95, 0.96, 0.98):
        one, two = (reference.binom(360, p).pmf(np.arange(361)) for p in (rate, 0.95))
        truth = float(one @ (np.cumsum(two) - two / 2))
        cases[f"k/360, {rate:g} and 0.95 ({truth:.3f})"] = (_accuracy(rate), _accuracy(0.95), truth)
    found: Block = {}
    for place, (name, (a, b, truth)) in enumerate(cases.items()):
        found[name] = {}
        for n in SEEDS:
            source = generator(key, 1, place, n)
            ends = [stats.superiority_interval(*pair) for pair in zip(a(source, (studies, n)), b(source, (studies, n)))]
            found[name][n] = _share(ends, truth)
    return found


def superiority_over_block(studies: int, key: int = 0) -> Block:
    """Coverage of `superiority_over` four scenarios, whose effects are the same or differ."""
    found: Block = {}
    for place, shifts in enumerate([(0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0), (0.0, 0.5, 1.0, 2.0)]):
        truth = float(np.mean(reference.norm.cdf(np.array(shifts) / np.sqrt(2))))
        name = f"normal + {', '.join(f'{shift:g}' for shift in shifts)} ({truth:.3f})"
        found[name] = {}
        for n in SEEDS:
            source = generator(key, 2, place, n)
            a = source.standard_normal((studies, 4, n)) + np.array(shifts)[:, None]
            b = source.standard_normal((studies, 4, n))
            found[name][n] = _share([stats.superiority_over(zip(*study))[1:] for study in zip(a, b)], truth)
    return found


def running_time_block(studies: int, key: int = 0) -> Block:
    """Coverage of `expected_running_time`: log-normal or exponential costs, cut at a budget that solves SOLVED."""
    costs = {"log-normal": reference.lognorm(0.7).ppf, "exponential": reference.expon.ppf}
    grid = (np.arange(100_000) + 0.5) / 100_000
    found: Block = {}
    for place, ((name, quantile), share) in enumerate(itertools.product(costs.items(), SOLVED)):
        budget = quantile(share)
        truth = np.minimum(quantile(grid), budget).mean() / share
        row = found[f"{name}, {share:g} solved"] = {}
        for n in SEEDS:
            times = quantile(generator(key, 3, place, n).random((studies, n)))
            ends = [stats.expected_running_time(np.minimum(one, budget), one <= budget)[1:] for one in times]
            row[n] = _share(ends, truth)
    return found


def wilson_block() -> Block:
    """Coverage of `wilson`, without chance: summed over the outcomes at each rate, averaged over rates from 0 to 1."""
    rates = (np.arange(2000) + 0.5) / 2000
    found = {}
    for n in SEEDS:
        ends = np.array([stats.wilson(k, n) for k in range(n + 1)])
        held = (ends[:, 0] <= rates[:, None]) & (rates[:, None] <= ends[:, 1])
        found[n] = float((reference.binom.pmf(np.arange(n + 1), n, rates[:, None]) * held).sum(axis=1).mean())
    return {"all rates, evenly": found}


def holm_block(studies: int, key: int = 0) -> Block:
    """How often any of the 15 differences between 6 methods of equal truth is claimed."""
    found: Block = {}
    for place, name in enumerate(("normal", "accuracy k/360")):
        found[name] = {}
        for n in SEEDS:
            values = POPULATIONS[name](generator(key, 4, place, n).random((studies, METHODS, n)))
            claims = [
                min(stats.holm([stats.mann_whitney(a, b) for a, b in itertools.combinations(study, 2)])) <= 0.05
                for study in values
            ]
            found[name][n] = float(np.mean(claims))
    return found


def _shifted(shift: float) -> Draw:
    return lambda source, shape: source.standard_normal(shape) + shift


def _exponential(scale: float) -> Draw:
    return lambda source, shape: source.exponential(scale, shape)


def _accuracy(rate: float) -> Draw:
    return lambda source, shape: source.binomial(360, rate, shape) / 360


def _share(ends: list[tuple[float, float]], truth: float) -> float:
    low, high = np.array(ends).T
    return float(np.mean((low <= truth) & (truth <= high)))


def average(block: Block) -> dict[int, float]:
    """Over the populations of a block, by number of seeds."""
    return {n: float(np.mean([row[n] for row in block.values()])) for n in next(iter(block.values()))}


def table(title: str, block: Block) -> str:
    lines = [f"\n{title:44}" + "".join(f"{n:>8}" for n in SEEDS)]
    lines += [f"  {name:42}" + "".join(f"{row[n]:8.3f}" for n in SEEDS) for name, row in block.items()]
    return "\n".join([*lines, f"  {'average':42}" + "".join(f"{value:8.3f}" for value in average(block).values())])


def failures(blocks: dict[str, Block], family: Block) -> list[str]:
    """In words, what is outside its limits at 30 seeds."""
    held = {title: average(block)[30] for title, block in blocks.items()}
    error = average(family)[30]
    found = [f"{title}: coverage {value:.3f}" for title, value in held.items() if not LOW <= value <= HIGH]
    return found + ([f"Holm: family error {error:.3f}"] if error > FAMILY else [])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2000, help="of each population and number of seeds")
    studies = parser.parse_args(arguments).studies
    blocks = {
        "interquartile mean": iqm_block(studies),
        "superiority": superiority_block(studies),
        "superiority over 4 scenarios": superiority_over_block(studies),
        "expected running time": running_time_block(studies),
        "success rate (Wilson)": wilson_block(),
    }
    family = holm_block(studies)
    print(f"{studies:,} studies each; columns: seeds of a method")
    for title, block in blocks.items():
        print(table(f"coverage: {title}", block))
    print(table("family error: Holm, 6 equal methods", family))
    wrong = failures(blocks, family)
    print("\n" + ("\n".join(["at 30 seeds outside its limits:", *wrong]) if wrong else "at 30 seeds all within their limits"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
