"""Two intertwined spirals (Lang, Witbrock: Learning to tell two spirals apart, Connectionist Models Summer School 1988).

97 points on each of two spirals of three turns are for training. Between each and the next lie, on the same spirals,
a validation point at one third of the way and a test point at two thirds.
"""

from typing import Any

import numpy as np

from evo.core import Budget, Scenario
from evo.tasks.supervised import SupervisedTask
from scenarios.datasets import Classification

POINTS = 97


def spirals(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points at `steps` (n,) along both spirals, (2n, 2), and their class: angle pi k / 16, radius 6.5 (104 - k) / 104."""
    angle, radius = np.pi * steps / 16, 6.5 * (104 - steps) / 104
    first = np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
    return np.concatenate([first, -first]), np.repeat([1, 0], len(steps))


def task(settings: Classification, network: Any) -> SupervisedTask:
    k = np.arange(POINTS)
    parts = (spirals(k), spirals(k[:-1] + 1 / 3), spirals(k[:-1] + 2 / 3))
    return SupervisedTask(*parts, kind="classification", network=network, **vars(settings))


scenario = Scenario(
    name="two_spirals",
    title="two intertwined spirals: 194 training points, test points between them",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=50_000),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "mlp", "hidden": (32, 32)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("two_spirals")
