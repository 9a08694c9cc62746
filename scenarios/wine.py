"""Wine recognition (Aeberhard, Forina 1992; in scikit-learn): 60/20/20, stratified, standardised by the training split."""

from typing import Any

from sklearn.datasets import load_wine

from evo.core import Budget, Scenario
from evo.tasks.supervised import SupervisedTask
from scenarios.datasets import Classification


def task(settings: Classification, network: Any) -> SupervisedTask:
    data = load_wine()
    names = list(data.target_names)
    return SupervisedTask.from_arrays(
        data.data, data.target, network=network, kind="classification", classes=names, **vars(settings)
    )


scenario = Scenario(
    name="wine",
    title="178 wines in 13 chemical measures: three growers",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=10_000),
    methods=("ga", "backprop", "linear", "random-search"),
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("wine")
