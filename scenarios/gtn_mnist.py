"""MNIST for generative teaching: what a network learns in 32 steps, of made examples and of real ones (Such et al. 2020).

    evo run gtn_mnist -m gtn -m shuffled=gtn -m real=gtn --set shuffled.curriculum=all_shuffled --set real.curriculum=dataset

Pictures have 14x14 pixels, each the mean of four, and the network is small: an outer step takes a fraction of a second. For
those of the paper `task.size=28`. Outer gradients are of the training split, the choice of a teacher is made on validation, and
the test split judges, once, a network that is newly initialised as none before.
"""

from types import SimpleNamespace

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from scenarios.datasets import MNIST, Classification, batch_setting

PIXELS = 28


@settings
class GTNTaskSettings(Classification):
    batch_size: int | None = batch_setting(500)
    size: int = setting(
        14, "pixels of a side: 28 as they are, 14, 7, 4 and so on the means of squares of them", low=1, high=PIXELS
    )

    def contradictions(self) -> list[str]:
        return [] if PIXELS % self.size == 0 else [f"size: expected a divisor of {PIXELS}; got {self.size}"]


def task(settings, network):
    values = dict(vars(settings))
    coarser = PIXELS // values.pop("size")
    return MNIST.task(SimpleNamespace(**values), network, coarser=coarser)


scenario = Scenario(
    name="gtn_mnist",
    title="MNIST of 14x14 pixels, to be taught in 32 steps",
    task=task,
    settings=GTNTaskSettings,
    budget=Budget(evaluations=800),
    methods=("gtn", "linear", "random-search"),
    model={"network": "mlp", "hidden": (128,)},
    needs="12 MB, downloaded once (or EVO_DATA)",
    facts={**MNIST.facts, "inputs": "1x14x14"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("gtn_mnist")
