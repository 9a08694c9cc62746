"""Breast cancer Wisconsin, diagnostic (Street, Wolberg, Mangasarian 1993; in scikit-learn): 60/20/20, stratified,
standardised by the training split."""

from typing import Any

from sklearn.datasets import load_breast_cancer

from evo.core import Budget, Scenario
from evo.tasks.supervised import SupervisedTask
from scenarios.datasets import Classification


def task(settings: Classification, network: Any) -> SupervisedTask:
    data = load_breast_cancer()
    names = list(data.target_names)
    return SupervisedTask.from_arrays(
        data.data, data.target, network=network, kind="classification", classes=names, **vars(settings)
    )


scenario = Scenario(
    name="breast_cancer",
    title="569 cell nuclei in 30 measures: malignant or benign",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=10_000),
    methods=("ga", "backprop", "linear", "random-search"),
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("breast_cancer")
