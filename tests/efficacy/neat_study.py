"""How well NEAT evolves: python tests/efficacy/neat_study.py xor|clauses|double-pole|ablations|no-velocity
[--seeds N] [--first SEED].

xor: exclusive or as Stanley and Miikkulainen (2002, section 4.2) pose it: fitness (4 - sum |t - o|)^2, solved when all four
outputs are on the right side of .5, at most 300 generations. clauses: the same under other readings of the clauses that
decide it. double-pole: with velocities (section 4.3.1), at most 300 generations; ablations: the same for the variants of
Table 3, and without node mutation. no-velocity: without velocities (section 4.3.2), preset dpnv, at most 150 generations;
champions balance 100,000 steps and 200 of 625 starts. Seeds first .. first + N - 1, on one thread, nothing kept.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from study import interval, rate

from evo import NEAT, rng, threads
from evo.core import Evaluation, Scenario
from evo.evolve import Evolve
from evo.genomes.genome import HIDDEN
from scenarios.double_pole import scenario as poles
from scenarios.double_pole_no_velocity import scenario as no_velocity
from scenarios.lab.report import stats
from scenarios.xor import XorSettings, scenario

GENERATIONS, NO_VELOCITY_GENERATIONS = 300, 150
PAPER = "the paper: 4,755 (sd 2,553), worst 13,459, 0/100 failed; hidden 2.35 (sd 1.11), enabled 7.48, one hidden 22/100"
CLAUSES: dict[str, Mapping[str, Any]] = {
    "neat2002": {},
    "neat2002-r": dict(preset="neat2002-r"),
    "cpp": dict(preset="cpp"),
    "any link is split, with equal chance": dict(split_oldest_below=0, split_bias=True),
    "any but the bias's is split": dict(split_oldest_below=0),
    "old links are split at any size": dict(split_oldest_below=10**6),
    "a disabled copy stays": dict(disable_rule="sticky"),
    "a lone parent's offspring mutate at .8": dict(weight_mutation_alone=0.8),
    "top two species for as long as it lasts": dict(population_rule="lasting"),
    "no rule for a stagnant population": dict(population_rule="none"),
    "N never 1": dict(small_genome=0),
    "survival .1": dict(survival=0.1),
    "survival .4": dict(survival=0.4),
    "survival .6": dict(survival=0.6),
    "first weights +-1": dict(initial_weights=1.0),
    "perturbation +-.5": dict(perturbation=0.5),
    "perturbation +-1": dict(perturbation=1.0),
    "perturbation +-2.5": dict(perturbation=2.5),
    "representative: the champion": dict(representative="champion"),
    "no mating": dict(crossover=0.0),
    "add-link .3": dict(add_link=0.3),
}


ABLATIONS: dict[str, Mapping[str, Any]] = {
    "full": {},
    "no growth, 10 fixed hidden nodes": dict(growth=False),
    "no speciation": dict(speciation=False, initial="random"),
    "random initial topologies": dict(initial="random"),
    "no mating": dict(crossover=0.0),
    "no node mutation": dict(add_node=0.0),
}
TABLE_3 = (
    "the paper: full 3,600; no growth 30,239 (80 % failed); no speciation 25,600 (25 %); random 23,033 (5 %); no mating 5,557"
)
TABLE_2 = "the paper: 33,184 (sd 21,790), 0/20 failed; 286 of 625 starts"


class Run(NamedTuple):
    """evaluations: of whole generations, copies included; winner: up to and including the first that solves; starts: of
    625, from which the champion balances."""

    solved: bool
    evaluations: int
    winner: int
    hidden: int
    enabled: int
    starts: int = 0


def xor(seed: int, settings: Mapping[str, Any]) -> Run:
    task = scenario.task(XorSettings(), None)
    neat, seeds = NEAT.for_task(task, seed=seed, **settings), rng.words(seed, 0, 0, rng.EPISODES, task.episodes)
    size = neat.options.population_size
    for generation in range(GENERATIONS):
        genomes = neat.ask()
        evaluation: Evaluation = task.evaluate(neat.express(genomes), seeds)
        if evaluation.solved.any():
            first = int(np.argmax(evaluation.solved))
            best = genomes[first]
            hidden = int((best.node_kind == HIDDEN).sum())
            return Run(True, (generation + 1) * size, generation * size + first + 1, hidden, int(best.enabled.sum()))
        neat.tell(evaluation)
    return Run(False, GENERATIONS * size, GENERATIONS * size, 0, 0)


def double_pole(seed: int, settings: Mapping[str, Any]) -> Run:
    return balance(poles, GENERATIONS, seed, settings)


def double_pole_no_velocity(seed: int, settings: Mapping[str, Any]) -> Run:
    return balance(no_velocity, NO_VELOCITY_GENERATIONS, seed, {"preset": "dpnv", **settings})


def balance(scenario: Scenario, generations: int, seed: int, settings: Mapping[str, Any]) -> Run:
    """winner is that of whole generations too: the paper counts no winner within one. The one champion that is tested a
    generation is not counted."""
    task = scenario.task(scenario.settings(), None)
    learner = Evolve(task, NEAT.for_task(task, seed=seed, **settings), seed)
    for _ in range(generations):
        score = learner.step()["validation"]
        if task.solved(score):
            best, spent = learner.champion(), learner.cost.evaluations
            return Run(True, spent, spent, best.hidden, best.connections, score.get("starts", 0))
    return Run(False, learner.cost.evaluations, learner.cost.evaluations, 0, 0)


def study(
    label: str, settings: Mapping[str, Any], seeds: range, run: Callable[[int, Mapping[str, Any]], Run] = xor
) -> list[Run]:
    run(seeds.start, settings)  # compiled before the clock runs
    start = time.perf_counter()
    runs = [run(seed, settings) for seed in seeds]
    seconds = time.perf_counter() - start
    won = [run for run in runs if run.solved]
    spent = sum(run.evaluations for run in runs)
    print(f"{label}, seeds {seeds.start} .. {seeds.stop - 1}: failed {rate(len(runs) - len(won), len(runs))}")
    if won:
        evaluations, winner, hidden, enabled, starts = (np.array(column) for column in list(zip(*won))[1:])
        print(
            f"  evaluations, whole generations: {interval(evaluations)}, sd {evaluations.std():.0f}, worst {evaluations.max()}"
        )
        print(f"  failures counted at the cap: {interval([run.evaluations for run in runs])}")
        print(f"  up to the winner: {interval(winner)}, sd {winner.std():.0f}")
        print(
            f"  hidden {hidden.mean():.2f} (sd {hidden.std():.2f}), enabled connections {enabled.mean():.2f}, "
            f"one hidden {rate(int((hidden == 1).sum()), len(won))}"
        )
        if starts.any():
            print(f"  starts of 625 that champions balance: {interval(starts)}, {starts.min()} to {starts.max()}")
    print(f"  {seconds:.1f} s, {spent / seconds:,.0f} evaluations/s", flush=True)
    return runs


def ablations(seeds: range) -> None:
    """Each variant against the full method, censored evaluations, Mann-Whitney with Holm's correction."""
    found = {label: study(f"double pole, {label}", settings, seeds, double_pole) for label, settings in ABLATIONS.items()}
    cost = {label: np.array([run.evaluations if run.solved else np.inf for run in runs]) for label, runs in found.items()}
    others = [label for label in cost if label != "full"]
    p = stats.holm([stats.mann_whitney(cost["full"], cost[label]) for label in others])
    for label, adjusted in zip(others, p):
        print(
            f"P(full is cheaper than {label}) = {stats.superiority(-cost['full'], -cost[label]):.2f}, Holm's p {adjusted:.2g}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("xor", "clauses", "double-pole", "ablations", "no-velocity"))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="what the paper leaves open is chosen on seeds from 1000")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    with threads.limited(1):
        if given.what == "ablations":
            ablations(seeds)
        elif given.what == "double-pole":
            study("double pole, neat2002", {}, seeds, double_pole)
        elif given.what == "no-velocity":
            study("double pole without velocities, dpnv", {}, seeds, double_pole_no_velocity)
        else:
            for label, settings in CLAUSES.items() if given.what == "clauses" else [("xor, neat2002", {})]:
                study(label, settings, seeds)
    print({"ablations": TABLE_3, "double-pole": TABLE_3, "no-velocity": TABLE_2}.get(given.what, PAPER))


if __name__ == "__main__":
    main()
