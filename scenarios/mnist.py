"""MNIST: 70,000 handwritten digits of 28x28 pixels (LeCun, Bottou, Bengio, Haffner 1998); downloaded once."""

from evo.core import Budget, Scenario
from scenarios.datasets import MNIST, PicturesSettings

scenario = Scenario(
    name="mnist",
    title="MNIST: 70,000 handwritten digits of 28x28 pixels, 10 classes",
    task=MNIST.task,
    settings=PicturesSettings,
    budget=Budget(compute=1.2e11),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "cnn"},
    learners={"backprop": {"optimizer": "Adam", "learning_rate": 0.001, "batch_size": 64}},  # torch's own; not tuned
    needs="12 MB, downloaded once (or EVO_DATA)",
    facts=MNIST.facts,
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("mnist")
