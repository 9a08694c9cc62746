"""Node perturbation: an evolution strategy whose noise lies on activations, drawn for each example by itself.

Flower and Jabri: Summed weight neuron perturbation. NIPS 1992; Werfel, Xie, Seung: Learning curves for stochastic gradient
descent in linear feedforward networks. Neural Computation 17, 2005; the estimate is that of REINFORCE (Williams 1992) for
Gaussian units. An evolution strategy scores a network by all examples of a minibatch, which share its noise; here each example
b meets a pair of noises of its own, and its own score tells of them:

    a_l+ = W_l h+ + b_l + sigma e_l        a_l- = W_l h- + b_l - sigma e_l        h: the inputs of layer l, with that noise
    g(W_l) = mean over b of (F+ - F-) / (2 sigma) e_l ((h+ + h-) / 2)^T           g(b_l): the same without h

F is minus the example's loss. As sigma goes to 0, the mean of g is the gradient that backprop computes; no layer is
differentiated. The centre then moves by Adam up g. A parameter of a function between the layers has noise of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from evo import rng, threads
from evo.core import Champion, Cost, Examples, Learner, Model, Networked, Row, State, Task
from evo.search import gaussian
from evo.search.ascent import adam
from evo.search.layers import Layer, Scaled, placed, stacked, unstackable
from evo.search.strategy import centre_setting
from evo.settings import setting, settings
from evo.space import Choice, Log
from evo.vectors import models
from evo.vectors.encoding import Parameters

if TYPE_CHECKING:

    class Scored(Task, Examples, Networked):
        """What `unsupported_reason` lets through."""


@settings
class NodePerturbationSettings:
    noise_std: float = setting(0.1, "sigma of the noise on what enters an activation", above=0.0, search=Log(0.01, 1.0))
    parameter_noise: float = setting(
        1.0,
        "noise of the parameters that functions between layers have, in noise_std; 0: they stay as they are",
        low=0.0,
        search=Choice(0.0, 1.0),
    )
    learning_rate: float = setting(0.003, "of Adam", above=0.0, search=Log(1e-4, 0.03))
    half_life: float | None = setting(
        None, "after how many epochs the learning rate is halved; none: never", above=0.0, search=Choice(None, 10.0, 30.0)
    )
    batch_size: int = setting(
        32, "training examples of a step, each with a pair of noises", low=1, unit="examples", search=Choice(16, 32, 64, 128)
    )
    initial_scale: float = centre_setting()


def estimated(
    layers: Sequence[Layer],
    centre: Tensor,
    x: Tensor,
    noise: Tensor,
    std: float,
    score: Callable[[Tensor], Tensor],
    parameter_noise: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """The estimate (D,) of the gradient of the mean score, and the scores (2, B).

    layers: of `evo.search.layers.placed`; centre (D,): the parameters; x (B, I); noise (B, G): the direction of each example;
    score: outputs (2, B, O) -> (2, B), of which the second half has the opposite noise; parameter_noise: that of the
    parameters of functions, in std. An example with a score that is not finite counts nothing.
    """
    batch, h = len(x), x
    passed: list[tuple[slice, Tensor, Tensor | None]] = []  # a tensor of parameters, its noise, and the inputs it met
    for layer, after in zip(layers, [*(each.module for each in layers[1:]), None]):
        module = layer.module
        if isinstance(module, nn.Linear):
            unit = after.unit if isinstance(after, Scaled) else 1.0
            own = noise[:, layer.noise : layer.noise + module.out_features]
            passed.append((layer.weight, own, (h if len(h) == batch else (h[:batch] + h[batch:]) / 2) / unit))
            passed += [(place, own / unit, None) for place in layer.others.values()]
            products = h @ centre[layer.weight].view(own.shape[1], -1).T
            for place in layer.others.values():
                products += centre[place]
            h = _opposite(products, std * unit * own)
        elif layer.others and parameter_noise == 0:
            h = functional_call(module, {name: centre[place] for name, place in layer.others.items()}, (h,))
        elif layer.others:
            parameters, at = {}, layer.noise
            for name, place in layer.others.items():
                own, at = noise[:, at : at + place.stop - place.start], at + place.stop - place.start
                passed.append((place, own / parameter_noise, None))
                parameters[name] = _opposite(centre[place].expand_as(own), std * parameter_noise * own)
            h = torch.cat([h, h]) if len(h) == batch else h
            h = vmap(lambda values, row, module=module: functional_call(module, values, (row[None],))[0])(parameters, h)
        else:
            h = module(h)
    scores = score(h.view(2, batch, -1))
    difference = (scores[0] - scores[1]) / (2 * std * batch)
    gradient, finite = torch.zeros_like(centre), difference.isfinite()
    if not finite.all():
        difference = difference[finite]
        passed = [(place, own[finite], inputs if inputs is None else inputs[finite]) for place, own, inputs in passed]
    for place, own, inputs in passed:
        weighted = difference[:, None] * own
        gradient[place] += weighted.sum(0) if inputs is None else (weighted.T @ inputs).flatten()
    return gradient, scores


def _opposite(values: Tensor, noise: Tensor) -> Tensor:
    """values (B, N) or (2 B, N) plus noise (B, N) in the first half, minus it in the second; (2 B, N)."""
    half = len(noise)
    return torch.cat([values[:half] + noise, values[-half:] - noise])


class NodePerturbation(Learner):
    """A Learner whose step is an epoch: the training set in a fresh order, in minibatches, then one look at the validation set.
    The champion is the centre of the epoch that did best there.

    mean (D,) float64: the centre. A pass with either noise and the product of a gradient cost a forward each: compute is 3 for
    an example, as backprop's; an epoch is 2 evaluations. finished: "diverged" once a parameter is no longer finite.
    """

    settings = NodePerturbationSettings
    task: Scored

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        if not isinstance(task, Examples) or not isinstance(task, Networked):
            return "it needs a score of each example: the task has no examples, or no network"
        if task.class_weights:
            return "it scores examples one by one, which weights of classes do not reach: set task.class_weights=false"
        module = models.network_of(task)
        return unstackable(module) if stacked(module) is None else None

    @classmethod
    def restore(cls, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return models.restore(task, tensors, header)

    def __init__(self, task: Scored, settings: NodePerturbationSettings, seed: int, device: str = "cpu"):
        self.task, self.options, self.seed = task, settings, rng.checked(seed)
        self.encoding = Parameters(task.network)
        self.x, self.y = task.split("train", device)
        self.layers, self.genes = placed(copy.deepcopy(self.encoding.template).to(device), lambda layer: layer.out_features)
        self.mean = self.encoding.initial(self.seed, 0, 1, settings.initial_scale)[0].astype(np.float64)
        self.moments = np.zeros((2, len(self.mean)))  # of Adam
        self.frozen = np.zeros(len(self.mean), bool)
        self.cost, self.best, self.epoch = Cost(), Champion(), 0
        self.best_vector: np.ndarray | None = None  # (D,) float32

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        if self.epoch:
            raise RuntimeError("warm_start() must come before the first step")
        self.mean = self.encoding.of(model).astype(np.float64)
        if frozen:
            self.frozen = self.encoding.named(frozen)

    def step(self) -> Row:
        """One epoch. Columns: loss (mean over the examples, with noise), nonfinite (examples whose loss was not finite),
        validation."""
        with self.cost.timed(), threads.limited(threads.count()), torch.no_grad():
            loss, nonfinite = self._train()
            vector = self.mean.astype(np.float32)
            score = self.task.score(self.encoding.model(vector), "validation")
            assert score is not None  # a task of examples scores validation
            if self.best.offer(score, self.task.solved(score), self.epoch):
                self.best_vector = vector
            self.finished = None if np.isfinite(self.mean).all() else "diverged"
            self.epoch += 1
        return {"loss": loss, "nonfinite": nonfinite, "validation": score}

    def _train(self) -> tuple[float, int]:
        """One pass over the training set: the mean loss, and how many examples had none."""
        options, examples, total, bad = self.options, len(self.x), 0.0, 0
        rate = options.learning_rate
        if options.half_life is not None:
            rate *= 0.5 ** (self.epoch / options.half_life)
        order = torch.from_numpy(rng.permutation(self.seed, self.epoch, 0, rng.DATA_ORDER, examples)).to(self.x.device)
        minibatches = order.split(options.batch_size)
        for number, rows in enumerate(minibatches, self.epoch * len(minibatches)):
            x, y = self.x[rows], self.y[rows]
            noise = gaussian.directions(0, len(rows), self.genes, generation=number, seed=self.seed)
            centre = torch.from_numpy(self.mean.astype(np.float32)).to(x.device)
            own = torch.from_numpy(noise).to(x.device)
            score = partial(self._scores, y)
            stds = {"std": options.noise_std, "parameter_noise": options.parameter_noise}
            found, scores = estimated(self.layers, centre, x, own, score=score, **stds)
            gradient = found.cpu().double().numpy()
            gradient[self.frozen] = 0.0
            self.mean += adam(self.moments, gradient, rate, number + 1)
            total += float(-scores.double().mean()) * len(rows)
            bad += int((~scores.isfinite().all(0)).sum())
        self.cost.add(evaluations=2, samples=2 * examples, compute=3.0 * examples * len(self.mean))
        return total / examples, bad

    def _scores(self, y: Tensor, outputs: Tensor) -> Tensor:
        """Minus the loss (2, B) of each example by itself, of outputs (2, B, O)."""
        loss = vmap(lambda out, target: self.task.loss(out[None], target[None]))
        return -torch.stack([loss(half, y) for half in outputs])

    def champion(self) -> Model:
        """The network that did best on validation so far. Raises RuntimeError before the first step."""
        if self.best_vector is None:
            raise RuntimeError("there is no champion before the first step")
        return self.encoding.model(self.best_vector)

    def state_dict(self) -> State:
        arrays = {"mean": self.mean, "moments": self.moments, "frozen": self.frozen, "best_vector": self.best_vector}
        saved = {name: None if value is None else torch.from_numpy(value.copy()) for name, value in arrays.items()}
        plain = {"epoch": self.epoch, "finished": self.finished}
        return {**saved, **plain, "cost": self.cost.state_dict(), "champion": self.best.state_dict()}

    def load_state_dict(self, state: State) -> None:
        for name in ("mean", "moments", "frozen", "best_vector"):
            setattr(self, name, None if state[name] is None else state[name].numpy().copy())
        self.epoch, self.finished = state["epoch"], state["finished"]
        self.cost.load_state_dict(state["cost"])
        self.best.load_state_dict(state["champion"])
