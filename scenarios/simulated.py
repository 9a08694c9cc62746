"""Data sets that are drawn from a known truth, and the bias of what is learned of them: the task of the scenarios
finite_sample_bias.

A run trains the weights of all data sets at once: an example is a row that holds one example of each, the network's outputs
(B, S) are the losses of S data sets, and their sum is what gradient methods minimise, so that no data set knows of another. The
rate is .001 / (1 + .0001 epoch). A data set stops when its loss moves by less than epsilon from one epoch to the next; the run
ends when all have. Fitness on validation is the number of epochs, so that the last network is the champion: neither the truth
nor the loss, which SGD alone minimises, chooses anything. Samples count a row as one.

Every seed draws data sets of its own, the same ones for all methods. bias: norm of the mean of weights minus truth; bias_NAME
and se_NAME: that mean for each weight, and its standard error over the data sets; expected_NAME: what theory says of the
minimum (`scenarios.functions.samples.first_order_bias`). separable: share of data sets of logistic regression without a finite
minimum.
"""

from __future__ import annotations

import math
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from evo.core import Budget, Metric, Model, Scenario, Score
from evo.settings import setting, settings
from evo.tasks.supervised import SupervisedTask
from scenarios.functions.samples import EXAMPLES, LOGISTIC, Case, drawn, first_order_bias

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Weights(nn.Module):
    """The weights (S, 2) of S data sets: rows (B, F * S) give their losses (B, S). Those that `settle` stopped stay."""

    def __init__(self, inputs: int, outputs: int, *, case: Case):
        super().__init__()
        self.case = case
        self.b = nn.Parameter(torch.tensor(case.start, dtype=torch.float64).repeat(outputs, 1))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.int64))
        self.register_buffer("moving", torch.ones(outputs, dtype=torch.bool))
        self.register_buffer("before", torch.full((outputs,), math.inf, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        examples = x.to(self.b.dtype).view(len(x), -1, len(self.b)).transpose(1, 2)  # (B, S, F)
        losses = self.case.loss(self.b, examples)
        return torch.where(self.moving, losses, losses.detach())

    @torch.no_grad()
    def settle(self, x: Tensor) -> None:
        """After an epoch: those whose loss on the training rows moved by less than epsilon are done; one of NaN never is."""
        losses = self(x).mean(0)
        self.epochs += 1
        self.moving &= ~((losses - self.before).abs() < self.case.epsilon)
        self.before.copy_(losses)


def higher_is_better(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the mean loss: outputs (P, B, S) -> (P,)."""
    return -outputs.double().mean((-1, -2))


class BiasTask(SupervisedTask):
    """S data sets of a case, drawn by a seed, whose weights are trained at once."""

    def __init__(self, case: Case, data_sets: int, stop: str = "solved", seed: int = 0):
        self.case, self.data = case, drawn(case, seed, data_sets)
        pair = self.data.swapaxes(1, 2).reshape(EXAMPLES, -1), np.zeros((EXAMPLES, data_sets), np.float32)
        network = partial(Weights, case=case)
        super().__init__(pair, kind="regression", network=network, fitness=higher_is_better, stop=stop)
        self.metric = Metric("bias", "min")

    def for_seed(self, seed: int) -> BiasTask:
        """Data sets of its own."""
        return BiasTask(self.case, self.outputs, self.stop, seed)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """The mean over (B,), summed over the data sets, so that each has the gradient that it has alone."""
        return outputs.mean(0).sum()

    def score(self, model: Model, split: str) -> Score | None:
        """Bias and what belongs to it (see above), the mean "loss", the shares "stopped" and "separable", and "n"
        data sets. Raises ValueError for another model."""
        pair = self.split(split)
        if pair is None:
            return None
        weights = model.to_module()
        if not isinstance(weights, Weights):
            raise ValueError(f"expected weights of data sets, as backprop, backstitch and sam train them; got {model!r}")
        error = (weights.b.detach().double().cpu() - torch.tensor(self.case.truth, dtype=torch.float64)).numpy()
        with np.errstate(over="ignore", invalid="ignore"):  # of weights that diverge
            mean, se = error.mean(0), error.std(0, ddof=1) / len(error) ** 0.5
        stopped = 1.0 - float(weights.moving.double().mean())
        loss = float(torch.as_tensor(model(pair[0])).mean())
        found = {"fitness": float(weights.epochs), "bias": float(np.hypot(*mean)), "loss": loss}
        for k, name in enumerate(self.case.names):
            found |= {f"bias_{name}": float(mean[k]), f"se_{name}": float(se[k]), f"expected_{name}": float(self.expected[k])}
        return {**found, "stopped": stopped, "separable": float(self.separable_sets.mean()), "n": len(error)}

    def solved(self, score: Score) -> bool:
        """Whether every data set has stopped."""
        return score["stopped"] == 1.0

    @cached_property
    def expected(self) -> np.ndarray:
        return first_order_bias(self.case)

    @cached_property
    def separable_sets(self) -> np.ndarray:
        """(S,): those of two classes that a point tells apart, or of one class; none where there are no classes."""
        if self.case is not LOGISTIC:
            return np.zeros(self.outputs, bool)
        x, ones = self.data[..., 0], self.data[..., 1] > 0
        low = lambda chosen: np.where(chosen, x, np.inf).min(0)
        high = lambda chosen: np.where(chosen, x, -np.inf).max(0)
        return (high(~ones) < low(ones)) | (high(ones) < low(~ones))

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The weights of every data set, their mean, and the truth."""
        from evo.plots import figures

        b, (first, second) = model.to_module().b.detach().cpu().numpy(), self.case.names
        figure = figures.blank(5.5, 4.8)
        axes = figure.subplots()
        axes.scatter(*b.T, s=6, alpha=0.4, color=figures.PALETTE[0], label="a data set")
        axes.plot(*b.mean(0), "o", color="black", label="their mean")
        axes.plot(*self.case.truth, "+", markersize=14, markeredgewidth=2, color=figures.PALETTE[1], label="truth")
        axes.set(xlabel=first, ylabel=second, title=f"weights of {len(b):,} data sets")
        axes.legend(fontsize=figures.SMALL)
        return figures.settled(figure)


@settings
class BiasSettings:
    data_sets: int = setting(1000, "data sets, trained at once", low=2)
    stop: str = setting("solved", '"solved": stop when all have stopped; "budget": spend it', choices=("solved", "budget"))


RATE = {"learning_rate": 0.001, "scheduler": "InverseTimeLR", "scheduler_options": {"decay": 0.0001}}
PLAIN = {**RATE, "batch_size": 1, "patience": None, "l2": 0.0}


def bias_scenario(name: str, case: Case, title: str, evaluations: int) -> Scenario:
    """One of a case; evaluations: its budget."""
    return Scenario(
        name=name,
        title=title,
        task=lambda settings, network: BiasTask(case, **vars(settings)),
        settings=BiasSettings,
        budget=Budget(evaluations=evaluations),
        methods=("backprop", "backstitch", "sam"),
        model={},
        learners={
            "backprop": {**PLAIN, "optimizer": "SGD"},
            "backstitch": {**PLAIN, "alpha": None, "correction": case.factor / EXAMPLES},
            "sam": {**PLAIN, "momentum": 0.0, "independent": True},
        },
    )
