"""Gradient descent on the task's own network, with any optimiser and any learning-rate schedule of torch.

Rumelhart, Hinton, Williams: Learning representations by back-propagating errors. Nature 323, 1986.
A step is an epoch: the training set in a fresh order, in minibatches, then one look at the validation set:

    loss of a minibatch (label smoothing, dropout) + l1 sum |w| + l2 sum w^2
    gradient (clipped by its global norm), optimiser, max-norm        for every minibatch
    schedule, champion, early stopping                                once

Initial weights, data order and dropout masks are functions of (seed, epoch), so a resumed run is the same run.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from baselines.descent import DescentSettings, Settling, named, unknown
from evo import rng, threads
from evo.core import Backends, Champion, Cost, Examples, Learner, Model, Networked, Row, State, Task
from evo.network import model as networks
from evo.settings import SettingsError, setting, settings
from evo.space import Choice, Log
from evo.vectors import models, unrolled
from evo.vectors.models import TorchModel, as_module, matching

if TYPE_CHECKING:

    class Trainable(Task, Examples, Networked):
        """What `unsupported_reason` lets through."""


OPTIMIZERS = named(torch.optim, torch.optim.Optimizer, without=("Optimizer",))


@settings
class BackpropSettings(DescentSettings):
    optimizer: str = setting(
        "RMSprop",
        "any optimiser of torch.optim",
        choices=OPTIMIZERS,
        source="Tieleman, Hinton 2012",
        search=Choice("Adam", "AdamW", "NAdam", "RMSprop"),
    )
    optimizer_options: dict = setting({}, "further arguments of the optimiser, such as {momentum = 0.9}")
    learning_rate: float = setting(0.009, "the optimiser's lr", above=0.0, search=Log(0.0003, 0.1))

    @property
    def named_optimizer(self) -> str:
        return self.optimizer

    def own_contradictions(self) -> list[str]:
        return unknown("optimizer_options", self.optimizer_options, OPTIMIZERS[self.optimizer], ("params", "lr"))

    def make_optimizer(self, module: nn.Module, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        return OPTIMIZERS[self.optimizer](module.parameters(), lr=self.learning_rate, **self.optimizer_options)


def _weighted_layers(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(weight := getattr(m, "weight", None), Tensor) and weight.ndim >= 2]


class Backprop(Learner):
    """A Learner whose step is an epoch. The champion is the network of the epoch that did best on validation.

    task: one with `split`, `loss` and `network` (`evo.tasks.supervised.SupervisedTask`). device: "cpu" or "cuda".
    finished: "early_stopping" after `patience` epochs without a better champion (never where task.stop is "budget"),
    "diverged" once a weight is no longer a finite number, since no later epoch could mend it.
    Begun from a network of genes (`warm_start`) it trains that network's connections, in place of the task's network.
    An optimiser that evaluates a minibatch several times a step (LBFGS) pays for each in `cost`.
    Raises SettingsError if the optimiser cannot take a first step on this network, or dropout has no layer to act on.
    """

    settings: ClassVar[type] = BackpropSettings
    task: Trainable

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        if not isinstance(task, Examples):
            return "it needs examples and a loss to differentiate; the task has none"
        return None if isinstance(task, Networked) else "it trains the task's own network; the task has none"

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return Backends("torch", "" if task.off_card else "torch", task.off_card)

    @classmethod
    def restore(cls, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return (networks.restore if header.get("kind") == "network" else models.restore)(task, tensors, header)

    def __init__(self, task: Trainable, settings: DescentSettings, seed: int, device: str = "cpu"):
        self.task, self.options, self.seed = task, settings, seed
        self.x, self.y = (part.to(device) for part in task.split("train"))
        self.donor: networks.NetworkModel | None = None  # whose topology is trained
        self._try_a_step()
        self._prepare()
        self.cost, self.best, self.epoch = Cost(), Champion(), 0
        self.best_model: Model | None = None

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of `Learner`: the model's weights are the initial network's; a frozen parameter is not trained. A network of genes
        keeps its topology; ValueError if it has other inputs or outputs, or is recurrent, or for dropout and max_norm."""
        if self.epoch:
            raise RuntimeError("warm_start() must come before the first step")
        if isinstance(model, networks.NetworkModel):
            self._adopt(model)
        try:
            self.module.load_state_dict(as_module(model).state_dict())
        except RuntimeError as error:
            raise ValueError(f"these weights do not fit the network of the task: {error}") from error
        self._freeze(frozen)

    def _adopt(self, donor: networks.NetworkModel) -> None:
        networks.check_sizes(donor.genome, self.task)
        if donor.recurrent or self.options.dropout or self.options.max_norm is not None:
            raise ValueError(
                f"a network of genes is trained without dropout and max_norm, and not if it is recurrent; got {donor!r}"
            )
        self.donor = donor
        self._prepare()

    def _freeze(self, frozen: Sequence[str]) -> None:
        names = dict(self.module.named_parameters())
        for name in matching(frozen, names):
            names[name].requires_grad_(False)
        self.frozen = tuple(frozen)

    def step(self) -> Row:
        """One epoch. Columns: loss (mean over the examples, without l1 and l2), learning_rate, nonfinite
        (minibatches whose loss was not finite), validation."""
        with self.cost.timed(), threads.limited(threads.count()):
            rate = float(self.optimizer.param_groups[0]["lr"])
            loss, bad = self._train()
            if isinstance(self.module, Settling):
                self.module.settle(self.x)
            score = self.task.score(self._as_model(self.module), "validation")
            assert score is not None  # a task of examples scores validation
            self._advance_schedule(score["fitness"])
            if self.best.offer(score, self.task.solved(score), self.epoch):
                self.best_model = self._model(self.module.state_dict())
            self.finished = self._why_finished()
            self.epoch += 1
        return {"loss": loss, "learning_rate": rate, "nonfinite": bad, "validation": score}

    def _train(self) -> tuple[float, int]:
        """One pass over the training set: the mean loss, and how many minibatches had none."""
        self.module.train()
        examples = len(self.x)
        order = torch.from_numpy(rng.permutation(self.seed, self.epoch, 0, rng.DATA_ORDER, examples)).to(self.x.device)
        total, bad, seen = 0.0, 0, 0
        with rng.torch_seed(self.seed, self.epoch, 0, rng.DROPOUT):
            for batch in self._minibatches(order):
                losses = self._update(self.x[batch], self.y[batch])
                total += losses[0] * len(batch)
                bad += not math.isfinite(losses[0])
                seen += len(losses) * len(batch)
        size = sum(p.numel() for p in self.module.parameters()) if self.donor is None else self.donor.parameters
        self.cost.add(evaluations=-(-seen // examples), samples=seen, compute=3 * seen * size * unrolled.passes(self.module))
        return total / examples, bad

    def _minibatches(self, order: Tensor) -> list[Tensor]:
        """`order` cut into minibatches. A last one of one example is joined to the one before: batch normalisation takes the
        deviation of a minibatch."""
        batches = list(order.split(self.options.batch_size or len(order)))
        if len(batches) > 1 and len(batches[-1]) == 1 < len(batches[0]):
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches

    def _update(self, x: Tensor, y: Tensor) -> list[float]:
        """One step of the optimiser: the loss at each point where it asked for the gradient (most ask once)."""
        losses = []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            loss = self.task.loss(self.module(x), y, label_smoothing=self.options.label_smoothing)
            losses.append(loss.item())
            total = loss + self.options.penalty(self.weights)
            total.backward()
            if self.options.gradient_clip is not None:
                nn.utils.clip_grad_norm_(self.module.parameters(), self.options.gradient_clip)
            return total

        self.optimizer.step(closure)  # type: ignore[arg-type]  # which says float, and takes a tensor
        if self.options.max_norm is not None:
            with torch.no_grad():
                for weight in self.weights:
                    weight.copy_(weight.renorm(2, 0, self.options.max_norm))
        return losses

    def _advance_schedule(self, fitness: float) -> None:
        if isinstance(self.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.scheduler.step(fitness if self.scheduler.mode == "max" else -fitness)
        elif self.scheduler is not None and self.scheduler.last_epoch + 1 < getattr(self.scheduler, "total_steps", math.inf):
            self.scheduler.step()  # OneCycleLR has an end; after it the last rate stays

    def _why_finished(self) -> str | None:
        if not all(bool(p.isfinite().all()) for p in self.module.parameters()):
            return "diverged"
        waited = self.epoch - self.best.step
        if self.options.patience is not None and self.task.stop != "budget" and waited >= self.options.patience:
            return "early_stopping"
        return None

    def _network(self) -> nn.Module:
        with rng.torch_seed(self.seed, 0, 0, rng.NETWORK):
            return self.task.network() if self.donor is None else self.donor.to_module()

    def _prepare(self) -> None:
        """Network, optimiser and schedule as they stand before the first epoch."""
        self.module, self.frozen = self._network().to(self.x.device), ()
        weighs = lambda name, p: p.ndim >= 2 if self.donor is None else name == "weight"  # that of a donor is one vector
        self.weights = [p for name, p in self.module.named_parameters() if weighs(name, p) and p.requires_grad]
        self.optimizer = self.options.make_optimizer(self.module, self.weights)
        self.scheduler = self.options.make_scheduler(self.optimizer)
        rate = self.options.dropout
        if rate > 0:
            for layer in _weighted_layers(self.module)[1:]:
                layer.register_forward_pre_hook(lambda m, args: (nn.functional.dropout(args[0], rate, m.training), *args[1:]))

    def _try_a_step(self) -> None:
        """Some optimisers want sparse gradients, or matrices alone, and say so only when used: better now than later."""
        problems = []
        if self.options.dropout > 0 and len(_weighted_layers(self._network())) < 2:
            problems.append(f"dropout: expected 0, as no weighted layer follows the first; got {self.options.dropout}")
        if self.options.label_smoothing > 0 and self.task.kind == "regression":
            problems.append(f"label_smoothing: expected 0 for regression; got {self.options.label_smoothing}")
        if problems:
            raise SettingsError(problems)
        last = self._minibatches(torch.arange(len(self.x), device=self.x.device))[-1]  # the smallest
        try:
            with rng.torch_seed(self.seed, 0, 0, rng.DROPOUT), threads.limited(threads.count()):
                self._prepare()
                self._update(self.x[last], self.y[last])
        except (RuntimeError, ValueError, TypeError) as error:
            raise SettingsError([f"optimizer {self.options.named_optimizer} cannot train this network: {error}"]) from error

    def _model(self, state: State) -> Model:
        """A network of its own with this state, on the host and without dropout."""
        module = self._network()
        module.load_state_dict(state)
        return self._as_model(module)

    def _as_model(self, module: nn.Module) -> Model:
        return TorchModel(module) if self.donor is None else self.donor.trained(module)

    def champion(self) -> Model:
        """The network that did best on validation so far. Raises RuntimeError before the first step."""
        if self.best_model is None:
            raise RuntimeError("there is no champion before the first step")
        return self.best_model

    def state_dict(self) -> State:
        return {
            "epoch": self.epoch,
            "frozen": list(self.frozen),
            "finished": self.finished,
            "cost": self.cost.state_dict(),
            "champion": self.best.state_dict(),
            "champion_module": None if self.best_model is None else copy.deepcopy(self.best_model.to_module().state_dict()),
            "donor": None if self.donor is None else list(self.donor.save()),
            "module": copy.deepcopy(self.module.state_dict()),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "scheduler": None if self.scheduler is None else copy.deepcopy(self.scheduler.state_dict()),
        }

    def load_state_dict(self, state: State) -> None:
        self.epoch, self.finished = state["epoch"], state["finished"]
        self.cost.load_state_dict(state["cost"])
        self.best.load_state_dict(state["champion"])
        if state.get("donor") is not None:
            self._adopt(networks.restore(self.task, *state["donor"]))
        self.best_model = None if state["champion_module"] is None else self._model(state["champion_module"])
        self.module.load_state_dict(state["module"])
        self._freeze(state.get("frozen", ()))
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if self.scheduler is not None:
            self.scheduler.load_state_dict(copy.deepcopy(state["scheduler"]))
