"""Diabetes progression (Efron, Hastie, Johnstone, Tibshirani: Least angle regression. Annals of Statistics 32(2), 2004; in
scikit-learn): 60/20/20, standardised by the training split."""

from typing import Any

from sklearn.datasets import load_diabetes

from evo.core import Budget, Scenario
from evo.tasks.supervised import SupervisedTask
from scenarios.datasets import Regression


def task(settings: Regression, network: Any) -> SupervisedTask:
    data = load_diabetes(scaled=False)
    return SupervisedTask.from_arrays(data.data, data.target, network=network, kind="regression", **vars(settings))


scenario = Scenario(
    name="diabetes",
    title="442 patients in 10 measures: progression of diabetes after a year",
    task=task,
    settings=Regression,
    budget=Budget(evaluations=10_000),
    methods=("ga", "backprop", "linear", "random-search"),
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("diabetes")
