"""Handwritten digits of 8x8 pixels (Alpaydin, Kaynak 1998, UCI; the 1,797 that scikit-learn ships): 60/20/20, stratified.

Pixels of 0 to 16 are divided by 16.
"""

from typing import Any

from sklearn.datasets import load_digits

from evo.core import Budget, Scenario
from evo.tasks.supervised import SupervisedTask
from evo.tasks.targets import split
from scenarios.datasets import Classification


def task(settings: Classification, network: Any) -> SupervisedTask:
    x, y = load_digits(return_X_y=True)
    parts = [(x[rows] / 16, y[rows]) for rows in split(y)]
    return SupervisedTask(*parts, kind="classification", shape=(1, 8, 8), network=network, **vars(settings))


scenario = Scenario(
    name="digits",
    title="1,797 handwritten digits of 8x8 pixels, 10 classes",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=40_000),
    methods=("ga", "backprop", "linear", "random-search"),
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("digits")
