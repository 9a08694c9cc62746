"""Settings chosen fairly: for every method the same number of random-search trials, at the same budgets.

    python tests/efficacy/tune.py                                # every method, 24 trials
    python tests/efficacy/tune.py ga backprop --trials 40 --jobs 2 --out tuning.jsonl

Bergstra, Bengio: Random search for hyper-parameter optimization. JMLR 13, 2012.
Trial 0 is a method's present defaults, every other one a draw from SEARCH. Each trial runs on every scenario of BUDGETS
with seeds from 1000 (reported seeds are counted from 0), and is judged on validation alone: nothing here sees a test
part. On each scenario and seed trials are ranked: solved before unsolved, the cheaper first; then by validation
fitness. The best trial is the one of least mean rank. Results go to a file, a line a run; the same command continues it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from evo import rng, threads
from evo.core import Budget
from scenarios.lab.study import config

FIRST_SEED = 1000
# Passes of the scenario's own network over its training part: the same compute for every method.
BUDGETS = {"xor": 10_000, "two_spirals": 10_000, "digits": 5_000, "breast_cancer": 5_000}

Draw = Callable[[float], Any]


def log(low: float, high: float) -> Draw:
    """Evenly spread in the logarithm, to three digits."""
    return lambda u: float(f"{low * (high / low) ** u:.3g}")


def even(low: float, high: float) -> Draw:
    return lambda u: round(low + (high - low) * u, 2)


def among(*choices: Any) -> Draw:
    return lambda u: choices[int(u * len(choices))]


SEARCH: dict[str, dict[str, Draw]] = {
    "ga": {
        "population_size": among(50, 100, 200, 400),
        "elites": among(1, 2, 5, 10),
        "selection": among("tournament", "truncation", "rank"),
        "tournament_size": among(2, 3, 5, 8),
        "truncation": log(0.05, 0.5),
        "crossover": among("uniform", "one-point", "blx-alpha"),
        "crossover_rate": even(0.0, 1.0),
        "mutation_rate": log(0.01, 1.0),
        "mutation_std": log(0.01, 1.0),
        "initial_scale": log(0.3, 3.0),
    },
    "deep-ga": {
        "population_size": among(50, 100, 200, 400),
        "truncation_size": among(3, 5, 10, 20, 40),
        "mutation_std": log(0.003, 1.0),
        "initial_scale": log(0.3, 3.0),
    },
    "random-search": {"initial_scale": log(0.3, 10.0)},
    "backprop": {
        "optimizer": among("Adam", "AdamW", "NAdam", "RMSprop"),
        "learning_rate": log(0.0003, 0.1),
        "batch_size": among(8, 16, 32, 64, 128),
        "label_smoothing": among(0.0, 0.0, 0.05, 0.1),
        "dropout": among(0.0, 0.0, 0.1, 0.3),
        "l2": among(0.0, 0.0, 1e-5, 1e-4, 1e-3),
        "gradient_clip": among(None, None, 1.0),
        "patience": among(50, 100),
    },
    "linear": {"C": log(0.001, 1000.0)},
    "svm": {"C": log(0.1, 1000.0), "kernel": among("rbf", "rbf", "poly", "linear"), "gamma": among(None, 0.01, 0.1, 1.0)},
    "knn": {"n_neighbors": among(1, 2, 3, 5, 8, 12, 20), "weights": among("uniform", "distance")},
    "forest": {
        "n_estimators": among(100, 200, 300),
        "max_depth": among(None, None, 4, 8, 16),
        "min_samples_leaf": among(1, 1, 2, 4),
    },
    "gradient-boosting": {
        "learning_rate": log(0.03, 0.3),
        "max_iter": among(50, 100, 200),
        "max_leaf_nodes": among(7, 15, 31, 63),
        "min_samples_leaf": among(2, 5, 10, 20),
        "l2_regularization": among(0.0, 0.0, 0.1, 1.0),
    },
}


def drawn(method: str, trial: int) -> dict[str, Any]:
    """The settings of a trial: {} (the defaults) for trial 0, else a function of method and trial alone."""
    if trial == 0:
        return {}
    space = SEARCH[method]
    uniforms = rng.uniforms(FIRST_SEED, trial, sorted(SEARCH).index(method), rng.SELECTION, len(space))
    return {key: draw(float(u)) for (key, draw), u in zip(space.items(), uniforms)}


def run(method: str, trial: int, scenario: str, seed: int, share: float) -> dict[str, Any]:
    """One trial on one scenario with one seed: what it is to be ranked and remembered by."""
    document = {"scenario": scenario, "seeds": [seed], "learners": {method: drawn(method, trial)}}
    with threads.limited(1):
        built = config.study(document).specs[0].build()
        task = built.task
        with rng.torch_seed(seed, 0, 0, rng.NETWORK):
            size = sum(p.numel() for p in task.network().parameters())
        budget = Budget(compute=share * BUDGETS[scenario] * len(task.split("train")[0]) * size)
        learner = built.method(task, built.settings, seed, "cpu")
        best: dict[str, float] = {}
        solved, steps = False, 0
        while not solved and learner.finished is None and not budget.spent(learner.cost, steps):
            score = learner.step()["validation"]
            steps += 1
            solved = bool(task.solved(score))
            if not best or score["fitness"] > best["fitness"] or solved:
                best = score
    key = {"method": method, "trial": trial, "scenario": scenario, "seed": seed, "share": share}
    found = {"solved": solved, "fitness": best["fitness"], "metric": best[task.metric.name]}
    return {**key, **found, "compute": learner.cost.compute, "steps": steps, "seconds": round(learner.cost.seconds, 3)}


def ranks(rows: list[dict[str, Any]]) -> dict[int, float]:
    """The mean rank of each trial of one method over scenarios and seeds; 0 is best, ties share."""
    cells: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["scenario"], row["seed"]), []).append(row)
    places: dict[int, list[float]] = {}
    for cell in cells.values():
        merits = [_merit(row) for row in cell]
        for row, merit in zip(cell, merits):
            place = sum(other > merit for other in merits) + (merits.count(merit) - 1) / 2
            places.setdefault(row["trial"], []).append(place)
    return {trial: float(np.mean(found)) for trial, found in sorted(places.items())}


def _merit(row: dict[str, Any]) -> tuple[bool, float]:
    if row["solved"]:
        return True, -(row["compute"] or 0.0)
    return False, row["fitness"] if np.isfinite(row["fitness"]) else -np.inf


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lines: for each method its present settings (trial 0), the best trials over all scenarios, and the best on each."""
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        scenarios = list(dict.fromkeys(row["scenario"] for row in mine))
        order = ranks(mine)
        yield f"\n{method}: {len(order)} trials"
        yield f"  {'':26}{'rank':>6}" + "".join(f"{name:>28}" for name in scenarios)
        shown = [0, *[trial for trial in sorted(order, key=order.__getitem__) if trial != 0][:3]]
        lines = [(f"trial {trial}" if trial else "present settings", trial) for trial in shown]
        for name in scenarios:
            here = ranks([row for row in mine if row["scenario"] == name])
            lines.append((f"best on {name}", min(here, key=here.__getitem__)))
        for what, trial in lines:
            cells = [_cell([row for row in mine if row["trial"] == trial and row["scenario"] == name]) for name in scenarios]
            yield f"  {what:26}{order[trial]:6.1f}" + "".join(f"{cell:>28}" for cell in cells) + f"  {drawn(method, trial)}"


def _cell(rows: list[dict[str, Any]]) -> str:
    """Mean metric and fitness on validation, and how many seeds were solved."""
    metric, fitness = (np.mean([row[key] for row in rows]) for key in ("metric", "fitness"))
    solved = f" {sum(row['solved'] for row in rows)}/{len(rows)}" if any(row["solved"] for row in rows) else ""
    return f"{metric:.4f} ({fitness:.4g}){solved}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=f"of {', '.join(SEARCH)}; without any, all")
    parser.add_argument("--trials", type=int, default=24, help="settings tried of each method, the present ones included")
    parser.add_argument("--seeds", type=int, default=3, help=f"runs of each trial, from seed {FIRST_SEED}")
    parser.add_argument("--scenarios", nargs="*", default=list(BUDGETS), choices=list(BUDGETS))
    parser.add_argument("--share", type=float, default=1.0, help="of the budgets")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("tuning.jsonl"))
    given = parser.parse_args(arguments)
    methods = given.methods or list(SEARCH)
    if unknown := sorted(set(methods) - set(SEARCH)):
        parser.error(f"no search space for {', '.join(unknown)}: choose from {', '.join(SEARCH)}")
    cells = [
        (method, trial, scenario, FIRST_SEED + seed, given.share)
        for method in methods
        for trial in range(given.trials)
        for scenario in given.scenarios
        for seed in range(given.seeds)
    ]
    key = lambda row: tuple(row[name] for name in ("method", "trial", "scenario", "seed", "share"))
    lines = given.out.read_text().splitlines() if given.out.exists() else []
    done = {key(row): row for row in map(json.loads, lines)}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=context) as pool, given.out.open("a") as file:
        for future in [pool.submit(run, *cell) for cell in cells if cell not in done]:
            row = future.result()
            done[key(row)] = row
            file.write(json.dumps(row) + "\n")
            file.flush()
    print("\n".join(table([done[cell] for cell in cells])))


if __name__ == "__main__":
    main()
