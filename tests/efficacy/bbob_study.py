"""Strategies on BBOB beside the package cma: expected running times (ERT) and their ratios, function by function.

    python tests/efficacy/bbob_study.py ours runs/study -m cma-es -m snes     our runs, --seeds instances of each function
    python tests/efficacy/bbob_study.py cma archive                           cma's; needs cma, coco-experiment and numpy
    python tests/efficacy/bbob_study.py ratio runs/study archive              the table, of cma-es unless -m says another

Both sides: BIPOP restarts, 10,000 D evaluations, an end at a gap of 1e-8, first means N(0, START^2), first step size START.
COCO logs each evaluation of cma; ours count at the end of their generation, which adds up to one to each of our times.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scenarios.lab.report.targets import Trace

START, TARGETS, RESAMPLES = 2.0, (1e-2, 1e-8), 1999
ENOUGH, SURE = 1.2, 1.5  # the ratio, and the upper end of its interval, up to which ours counts as no slower


class Ratio(NamedTuple):
    """ERT of ours over theirs, with its 95 % interval: a percentile bootstrap over the runs of both. NaN where neither ever
    reached the target."""

    value: float
    low: float
    high: float


def ratio(ours: Sequence[Trace], theirs: Sequence[Trace], target: float) -> Ratio:
    from scenarios.lab.report.targets import running_times  # `cma` needs none of it

    draw = np.random.Generator(np.random.Philox(key=16))
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = [running_times(own, target) for own in (ours, theirs)]
        value = np.divide(*(spent.sum() / reached.sum() for spent, reached in sides))
        drawn = [draw.integers(len(spent), size=(RESAMPLES, len(spent))) for spent, _ in sides]
        times = [spent[at].sum(1) / reached[at].sum(1) for at, (spent, reached) in zip(drawn, sides)]
        resampled = np.divide(*times)
    known = np.sort(resampled[~np.isnan(resampled)])
    if math.isnan(value) or not len(known):
        return Ratio(math.nan, math.nan, math.nan)
    cut = round(0.025 * len(known))
    return Ratio(float(value), float(known[cut]), float(known[len(known) - 1 - cut]))


def run_ours(folder: Path, methods: Sequence[str], functions: Sequence[int], dimensions: Sequence[int], seeds: int) -> None:
    """Goes on with what was stopped."""
    from scenarios.lab import run

    for dimension in dimensions:
        for function in functions:
            settings = {"task.function": function, "task.dimension": dimension}
            place, budget = folder / f"f{function}-d{dimension}", {"evaluations": 10_000 * dimension}
            print(run("bbob", list(methods), seeds=seeds, budget=budget, settings=settings, runs=place))


def run_cma(folder: Path, functions: Sequence[int], dimensions: Sequence[int], seeds: int) -> None:
    import cma
    import cocoex

    words = f"dimensions: {','.join(map(str, dimensions))} function_indices: {','.join(map(str, functions))}"
    suite = cocoex.Suite("bbob", f"instances: 1-{seeds}", words)
    observer = cocoex.Observer("bbob", f"outer_folder: {folder} result_folder: cma algorithm_name: cma")
    for problem in suite:
        known = cocoex.BareProblem("bbob", problem.id_function, problem.dimension, problem.id_instance)
        problem.observe_with(observer)
        draw = np.random.Generator(np.random.Philox(key=problem.id_instance))
        options = {"maxfevals": 10_000 * problem.dimension, "ftarget": known.best_value() + 1e-8}
        options |= {"seed": problem.id_instance, "verbose": -9}
        first = lambda draw=draw, size=problem.dimension: draw.normal(0, START, size)
        cma.fmin2(problem, first, START, options, restarts=99, bipop=True)
        problem.free()


def table(folder: Path, archive: Path, label: str) -> list[str]:
    """A line for each function, dimension and target; then how many functions are no slower."""
    from scenarios.lab.report import coco, gather, stats, targets
    from scenarios.lab.report.comparison import compare

    theirs: dict[tuple[int, int], list[Trace]] = {}
    for trace in [each for own in coco.read(archive).values() for each in own]:
        theirs.setdefault(trace.problem[:2], []).append(trace)
    ours: dict[tuple[int, int], list[Trace]] = {}
    for path in sorted(folder.glob("*/bbob")):
        for comparison in compare(gather.find([str(path)], folder, [label])):
            for trace in targets.traces(comparison)[label]:
                ours.setdefault(trace.problem[:2], []).append(trace)
    common = sorted(set(ours) & set(theirs), key=lambda problem: (problem[1], problem[0]))
    lines, slower = [], dict.fromkeys(((d, target) for _, d in common for target in TARGETS), 0)
    for function, dimension in common:
        own, other = ours[function, dimension], theirs[function, dimension]
        for target in TARGETS:
            (won, time), (lost, against) = targets.expected(own, target), targets.expected(other, target)
            found = ratio(own, other, target)
            slower[dimension, target] += not (found.value <= ENOUGH and found.high <= SURE)
            words = f"ERT {time[0]:9.4g} : {against[0]:9.4g}  ratio {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
            if math.isnan(found.value):
                best = [stats.iqm([trace.gap[-1] for trace in each if len(trace.gap)]) for each in (own, other)]
                words = f"never reached; IQM of the best gaps {best[0]:.3g} : {best[1]:.3g}"
            reached = f"{won}/{len(own)} : {lost}/{len(other)}"
            lines.append(f"f{function:<2} D {dimension:<2}  {target:g}  reached {reached}  {words}")
    judged = {d: sum(dimension == d for _, dimension in common) for d, _ in slower}
    return lines + [
        f"D {d}, {target:g}: {judged[d] - count} of {judged[d]} functions with a ratio <= {ENOUGH}, upper end <= {SURE}"
        for (d, target), count in slower.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ours", "cma", "ratio"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path, nargs="?", default=Path("archive"))
    parser.add_argument("-m", dest="methods", action="append")
    parser.add_argument("--functions", type=int, nargs="+", default=range(1, 25))
    parser.add_argument("--dimensions", type=int, nargs="+", default=(5, 20))
    parser.add_argument("--seeds", type=int, default=15)
    asked = parser.parse_args(arguments)
    methods = asked.methods or ["cma-es"]
    if asked.what == "ratio":
        print("\n".join(table(asked.folder, asked.archive, methods[0])))
    elif asked.what == "cma":
        run_cma(asked.folder, asked.functions, asked.dimensions, asked.seeds)
    else:
        run_ours(asked.folder, methods, asked.functions, asked.dimensions, asked.seeds)


if __name__ == "__main__":
    main()
