"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 pixels (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747); downloaded once."""

from evo.core import Budget, Scenario
from scenarios.datasets import FASHION_MNIST, PicturesSettings

scenario = Scenario(
    name="fashion_mnist",
    title="Fashion-MNIST: 70,000 pictures of clothes of 28x28 pixels, 10 classes",
    task=FASHION_MNIST.task,
    settings=PicturesSettings,
    budget=Budget(compute=1.2e11),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "cnn"},
    learners={"backprop": {"optimizer": "Adam", "learning_rate": 0.001, "batch_size": 64}},  # torch's own; not tuned
    needs="31 MB, downloaded once (or EVO_DATA)",
    facts=FASHION_MNIST.facts,
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("fashion_mnist")
