"""What generative teaching is worth on gtn_mnist: python tests/efficacy/study.py gtn [--seeds N] [--runs DIR].

Every curriculum in as many outer steps. Then, of every seed's teacher: 16 networks that no run has seen learn 32 steps of it,
and 32 steps of real data with the same rates and momenta; of both the mean accuracy on the test split. How many steps of real
data the accuracy of 32 made ones takes, counted on validation, at most 1,024: with the rates that were learned for real data
and the last of them thereafter, and with the best constant rate and momentum of a grid, chosen on networks of seed 1000.
Divergences. One picture of both learning curves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from study import interval

from evo import rng, threads
from evo.core import Examples, Networked, Task
from evo.learning.gtn.curriculum import CURRICULA, Draw, Teacher
from evo.learning.gtn.gtn import CHAMPION
from evo.learning.gtn.inner import Inner
from evo.learning.gtn.taught import Taught, begun
from evo.learning.gtn.weight_norm import normalised
from evo.plots import figures
from scenarios.lab import load, run

SCENARIO, NETWORKS, MOST, EVERY = "gtn_mnist", 16, 1024, 8
RATES, MOMENTA, TUNING = (0.03, 0.1, 0.3, 1.0), (0.0, 0.5, 0.9), 1000


class Data(Task, Examples, Networked):
    """The task of the scenario, as far as this file uses it."""


def real(like: Teacher, rates: np.ndarray, momenta: np.ndarray, steps: int) -> Teacher:
    """Real minibatches of the size of another teacher's, at these rates and momenta, the last of them from where they end."""
    found = Teacher("dataset", like.shape._replace(steps=steps), like.real, rate=float(rates.max()), cap=2 * float(rates.max()))
    longer = lambda values: torch.from_numpy(np.append(values, np.full(max(0, steps - len(values)), values[-1]))[:steps])
    with torch.no_grad():
        found.rate.copy_((longer(rates) / found.cap).logit())
        found.momentum.copy_(longer(momenta).clamp(1e-6, 1 - 1e-6).logit())
    return found


def curve(task: Data, teacher: Teacher, seed: int, split: str, after: list[int], networks: int = NETWORKS) -> np.ndarray:
    """Mean accuracy of new networks after each of these steps of a teacher."""
    pair = task.split(split)
    assert pair is not None
    found = np.zeros((networks, len(after)))
    for number in range(networks):
        draw = Draw(seed, 0, CHAMPION + 1 + number)
        network = normalised(begun(task.network, draw, teacher.unit.device))
        inner = Inner(network, teacher.lessons(draw), max(after), task.loss)
        for step, state in enumerate(inner.states(), 1):
            if step in after:
                with torch.no_grad():
                    right = inner.outputs(state, pair[0]).argmax(1) == pair[1]
                found[number, after.index(step)] = right.double().mean()
    return found.mean(0)


def needed(accuracies: np.ndarray, after: list[int], goal: float) -> float:
    """The first of the steps at which a curve reaches the goal, interpolated; inf if it does not."""
    at = int(np.argmax(accuracies >= goal))
    if accuracies[at] < goal:
        return math.inf
    if at == 0:
        return float(after[0])
    share = (goal - accuracies[at - 1]) / (accuracies[at] - accuracies[at - 1])
    return after[at - 1] + share * (after[at] - after[at - 1])


def ratio(steps: list[float], inner: int) -> str:
    """Real steps over made ones: the geometric mean with its 95 % interval, where all reach the goal."""
    reached = [each for each in steps if math.isfinite(each)]
    if len(reached) < len(steps):
        failed, median = len(steps) - len(reached), np.median(steps) / inner
        return f"{failed} of {len(steps)} seeds do not reach it in {MOST} steps; median {median:.1f}"
    if len(reached) < 2:
        return f"{reached[0] / inner:.2f} (1 seed: no interval)"
    logs = np.log(np.array(reached) / inner)
    half = float(stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs))
    return f"{math.exp(logs.mean()):.2f} [{math.exp(logs.mean() - half):.2f}, {math.exp(logs.mean() + half):.2f}]"


def tuned(task: Data, like: Teacher, goal: float, after: list[int]) -> tuple[float, float]:
    """The constant rate and momentum with which real data take the fewest steps to the goal, or come closest at the end."""
    best, chosen = (math.inf, math.inf), (RATES[0], MOMENTA[0])
    for rate in RATES:
        for momentum in MOMENTA:
            teacher = real(like, np.array([rate]), np.array([momentum]), MOST)
            found = np.nan_to_num(curve(task, teacher, TUNING, "validation", after, 2))
            if (key := (needed(found, after, goal), -float(found[-1]))) < best:
                best, chosen = key, (rate, momentum)
    return chosen


def study(seeds: int, runs: Path, settings: dict[str, object] | None = None, said: Callable[[str], None] = print) -> None:
    """All of it. settings: further ones, for a smaller study."""
    options = {f"{name}.curriculum": name for name in CURRICULA} | (settings or {})
    said(str(run(SCENARIO, methods=[f"{name}=gtn" for name in CURRICULA], seeds=seeds, settings=options, runs=runs)))
    with threads.limited(1), rng.rewound():
        _report(seeds, runs, said)


def _report(seeds: int, runs: Path, said: Callable[[str], None]) -> None:
    stored = {name: [load(runs / SCENARIO / name / f"seed-{seed}") for seed in range(seeds)] for name in CURRICULA}
    for name, found in stored.items():
        ends = [one.result for one in found]
        diverged = sum(end["stopped_by"] == "diverged" for end in ends)
        bad = sum(end["nonfinite"] for end in ends)
        values = interval(np.array([end["test"]["accuracy"] for end in ends]))
        seconds = np.mean([end["cost"]["seconds"] / end["cost"]["evaluations"] for end in ends])
        steps = ends[0]["cost"]["evaluations"]
        told = f"{steps} outer steps of {seconds:.2f} s; {diverged} diverged, {bad} without gradient"
        said(f"{name}: test accuracy {values}; {told}")
    task = stored["full"][0].task
    teachers = {name: [one.champion.teacher for one in found] for name, found in stored.items()}
    assert isinstance(stored["full"][0].champion, Taught)
    steps = teachers["full"][0].shape.steps
    paces = lambda name: [[each.numpy() for each in teacher.pace()] for teacher in teachers[name]]
    score = lambda teacher, seed, split="test": curve(task, teacher, seed, split, [steps])[0]
    fresh = {name: np.array([score(each, seed) for seed, each in enumerate(found)]) for name, found in teachers.items()}
    borrowed = [real(each, *pace, steps) for each, pace in zip(teachers["full"], paces("full"))]
    fresh["real data, rates of full"] = np.array([score(each, seed) for seed, each in enumerate(borrowed)])
    for name, values in fresh.items():
        lead = "" if name == "full" else f"; full is ahead by {interval(fresh['full'] - values)}"
        said(f"{name}: test accuracy of {NETWORKS} new networks a seed {interval(values)}{lead}")
    goals = [score(each, seed, "validation") for seed, each in enumerate(teachers["full"])]
    after = [*range(EVERY, MOST + 1, EVERY)]
    rate, momentum = tuned(task, teachers["full"][0], goals[0], after)
    ways = {
        "rates learned for real data": [real(each, *pace, MOST) for each, pace in zip(teachers["dataset"], paces("dataset"))],
        f"rate {rate:g}, momentum {momentum:g}": [
            real(each, np.array([rate]), np.array([momentum]), MOST) for each in teachers["full"]
        ],
    }
    curves = {
        "made examples": np.array(
            [curve(task, t, s, "validation", [*range(1, steps + 1)]) for s, t in enumerate(teachers["full"])]
        )
    }
    for name, found in ways.items():
        curves[name] = np.array([curve(task, teacher, seed, "validation", after) for seed, teacher in enumerate(found)])
        ratios = [needed(one, after, goal) for one, goal in zip(curves[name], goals)]
        said(f"real data, {name}: steps over those of made examples, to their accuracy: {ratio(ratios, steps)}")
    said(str(_picture(curves, steps, after, runs / "curves.png")))


def _picture(curves: dict[str, np.ndarray], steps: int, after: list[int], path: Path) -> Path:
    """Mean validation accuracy by step; the shade is from the lowest to the highest seed."""
    figure = figures.blank()
    axes = figure.subplots()
    for number, (name, values) in enumerate(curves.items()):
        at = np.arange(1, steps + 1) if number == 0 else np.array(after)
        said = name if number == 0 else f"real data, {name}"
        axes.plot(at, values.mean(0), color=figures.PALETTE[number], label=said, linestyle=("-", "--", ":")[number])
        axes.fill_between(at, values.min(0), values.max(0), color=figures.PALETTE[number], alpha=0.15)
    axes.set(xlabel="steps of the learner", ylabel="validation accuracy", xscale="log", ylim=(0, 1))
    axes.legend()
    figures.settled(figure).savefig(path)
    return path
