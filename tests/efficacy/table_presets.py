"""Which weight steps suit the preset `tables`? python tests/efficacy/table_presets.py [METHOD ...]

`evo tune` ranks trials by table and seed, and a rank does not say how far below the others a table is. Here a few candidates
are judged by the mean of the validation metric (r2 or accuracy, 1 at best) over the six tables of table_trial.py and ten
seeds; the largest mean is chosen. As many candidates for each method: the trial that `evo tune` found, steps of a weight of
about twice its size, and these with less change of structure: additions half as often, deletions of connections less than
half. Prints a line a candidate: the mean of each table (the lowest seed), and the mean over tables.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from table_trial import BUDGET, TABLES

from evo.core import Scenario
from evo.vectors.modules import MLP
from scenarios.lab.study import resolve

SEEDS = range(1012, 1022)  # neither those of the tuning nor those on which the candidates were thought of
CANDIDATES: dict[str, list[dict[str, float]]] = {
    "neat": [
        dict(perturbation=0.189, add_node=0.259, add_link=0.479),
        dict(perturbation=0.4, add_node=0.259, add_link=0.479),
        dict(perturbation=0.4, add_node=0.13, add_link=0.24),
    ],
    "neat-modern": [
        dict(weight_mutate_power=0.0576, conn_delete_prob=0.0786),
        dict(weight_mutate_power=0.12, conn_delete_prob=0.0786),
        dict(weight_mutate_power=0.12, conn_delete_prob=0.03),
    ],
}


def validated(task: Any, method: str, settings: dict[str, float], seed: int) -> float:
    """The validation metric of one run's champion."""
    chosen = resolve.method(method)
    learner = chosen(task, chosen.settings(**settings), seed)
    while learner.cost.evaluations < BUDGET:
        learner.step()
    return task.score(learner.champion(), "validation")[task.metric.name]


def main(methods: list[str]) -> None:
    scenarios: list[Scenario] = [resolve.scenario(table) if isinstance(table, str) else table for table in TABLES]
    tasks = [each.task(each.settings(), MLP) for each in scenarios]
    print(", ".join(each.name for each in scenarios))
    for method in methods or CANDIDATES:
        for settings in CANDIDATES[method]:
            found = np.array([[validated(task, method, settings, seed) for seed in SEEDS] for task in tasks])
            cells = "  ".join(f"{row.mean():.3f} ({row.min():.3f})" for row in found)
            print(f"{method} {settings}: {cells}  mean {found.mean():.4f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
