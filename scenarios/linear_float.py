"""A deep linear network on MNIST that is not linear, as float32 flushes numbers near zero (Foerster, OpenAI 2017).

`evo.vectors.linear_float` is the network, 784-512-512-10. The paper: backprop 94 % train, 92 % test; evolution strategies,
whose hyper-parameters, population and time it does not give, above 99 % and 96.7 %. Backprop is blind to the flush by default,
as autograd is; told of it, it can use it too:

    evo run linear_float -m backprop -m flush=backprop --set flush.model.gradient=through_flush

Strategies are blind to nothing. They need noise that is cheap at 670,000 weights, of low rank or on activations:

    evo run linear_float -m low-rank-es -m node-perturbation --budget seconds=600
"""

import torch

from evo.core import Budget, Scenario
from evo.settings import settings
from evo.tasks.supervised import SupervisedTask
from evo.vectors.linear_float import LinearFloat
from evo.vectors.models import TorchModel
from scenarios.datasets import MNIST, Classification, batch_setting

EPOCHS = 18  # of gradient descent: 7,038 steps of 128 pictures
PARAMETERS = 669_706


@settings
class LinearFloatTaskSettings(Classification):
    batch_size: int | None = batch_setting(16)


class LinearFloatTask(SupervisedTask):
    """Its figure: which digit the network sees in a plane through a 0, a 1 and a 2, as it computes and with exact numbers."""

    def figure(self, model, split="validation"):
        pair = self.split(split)
        module = model.to_module() if isinstance(model, TorchModel) else None
        if pair is None or not isinstance(module, LinearFloat):
            return super().figure(model, split)
        from evo.plots import regions

        x, y = pair
        examples = torch.stack([x[int((y == digit).nonzero()[0])] for digit in range(3)])
        twins = {"as it computes": model, "the same weights, exact numbers": TorchModel(module.exact())}
        said = {
            f"{title}: accuracy {float((twin(x).argmax(-1) == y).double().mean()):.4f}": twin for title, twin in twins.items()
        }
        return regions.draw(said, examples, self.classes, f"the plane through a 0, a 1 and a 2 of the {split} split")


def task(settings, network):
    return MNIST.task(settings, network, of=LinearFloatTask)


scenario = Scenario(
    name="linear_float",
    title="MNIST by layers without activations, which float32 makes nonlinear: 784-512-512-10",
    task=task,
    settings=LinearFloatTaskSettings,
    budget=Budget(compute=3 * EPOCHS * 50_000 * PARAMETERS),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "linear-float"},
    learners={
        "backprop": {
            "optimizer": "Adam",
            "learning_rate": 0.001,
            "batch_size": 128,
            "l2": 0.0,
            "scheduler": "LinearLR",
            "scheduler_options": {"start_factor": 1.0, "end_factor": 0.0, "total_iters": EPOCHS},
        },
        "ga": {"population_size": 50},  # of 2.7 MB each
        "low-rank-es": {"population_size": 2048, "learning_rate": 0.003},
        "node-perturbation": {
            "noise_std": 0.5,
            "parameter_noise": 0.0,  # biases stay 0, where all but the first layer flush them
            "learning_rate": 0.0004,
            "half_life": 30.0,
            "batch_size": 512,
        },
    },
    needs="12 MB, downloaded once (or EVO_DATA)",
    facts=MNIST.facts,
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("linear_float")
