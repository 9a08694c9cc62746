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
import inspect
import math
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from evo import rng, threads
from evo.core import Champion, Cost, Examples, Learner, Model, Networked, Row, State, Task
from evo.network import model as networks
from evo.settings import SettingsError, did_you_mean, setting, settings
from evo.space import Choice, Log
from evo.vectors import models
from evo.vectors.models import TorchModel, as_module, matching

if TYPE_CHECKING:

    class Trainable(Task, Examples, Networked):
        """What `unsupported_reason` lets through."""


def _named(module: ModuleType, base: type, without: tuple[str, ...]) -> dict[str, type]:
    found = {name: cls for name, cls in vars(module).items() if isinstance(cls, type) and issubclass(cls, base)}
    return {name: found[name] for name in sorted(found) if name not in without and not name.startswith("_")}


OPTIMIZERS = _named(torch.optim, torch.optim.Optimizer, without=("Optimizer",))
# Left out: what takes functions or other schedulers, which a configuration cannot hold.
_COMPOSED = ("LRScheduler", "LambdaLR", "MultiplicativeLR", "ChainedScheduler", "SequentialLR")
SCHEDULERS = _named(torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler, without=_COMPOSED)


@settings
class BackpropSettings:
    optimizer: str = setting(
        "RMSprop",
        "any optimiser of torch.optim",
        choices=OPTIMIZERS,
        source="Tieleman, Hinton 2012",
        search=Choice("Adam", "AdamW", "NAdam", "RMSprop"),
    )
    learning_rate: float = setting(0.009, "the optimiser's lr", above=0.0, search=Log(0.0003, 0.1))
    optimizer_options: dict = setting({}, "further arguments of the optimiser, such as {momentum = 0.9}")
    scheduler: str | None = setting(None, "any schedule of torch.optim.lr_scheduler, stepped once an epoch", choices=SCHEDULERS)
    scheduler_options: dict = setting({}, "arguments of the schedule, such as {T_max = 100}")
    batch_size: int | None = setting(
        16, "training examples a minibatch; none: all of them", low=1, unit="examples", search=Choice(8, 16, 32, 64, 128)
    )
    patience: int | None = setting(
        100,
        "early stopping after so many epochs without a better validation fitness; none: off",
        low=1,
        unit="epochs",
        search=Choice(50, 100),
    )
    gradient_clip: float | None = setting(
        None, "largest global norm of the gradient", above=0.0, source="Pascanu et al. 2013", search=Choice(None, None, 1.0)
    )
    label_smoothing: float = setting(
        0.0,
        "part of a class label's weight that is spread over all classes",
        low=0.0,
        below=1.0,
        source="Szegedy et al. 2016",
        search=Choice(0.0, 0.0, 0.05, 0.1),
    )
    dropout: float = setting(
        0.0,
        "part of the inputs of every weighted layer but the first that is dropped",
        low=0.0,
        below=1.0,
        source="Srivastava et al. 2014",
        search=Choice(0.0, 0.0, 0.1, 0.3),
    )
    l1: float = setting(0.0, "adds l1 * sum |w| to the loss, over weights, not biases", low=0.0)
    l2: float = setting(
        0.0001, "adds l2 * sum w^2 to the loss, over weights, not biases", low=0.0, search=Choice(0.0, 0.0, 1e-5, 1e-4, 1e-3)
    )
    max_norm: float | None = setting(
        None, "largest norm of a unit's incoming weights after each update", above=0.0, source="Srivastava et al. 2014"
    )

    def contradictions(self) -> list[str]:
        problems = _unknown("optimizer_options", self.optimizer_options, OPTIMIZERS[self.optimizer], ("params", "lr"))
        if self.scheduler is not None:
            problems += _unknown(
                "scheduler_options", self.scheduler_options, SCHEDULERS[self.scheduler], ("optimizer", "last_epoch")
            )
        elif self.scheduler_options:
            problems.append("scheduler_options: given without a scheduler")
        if not problems:
            trial = nn.Parameter(torch.zeros(2, 2))
            try:
                self.make_scheduler(self.make_optimizer([trial]))
            except (TypeError, ValueError, RuntimeError) as error:
                problems.append(
                    f"optimizer {self.optimizer}, scheduler {self.scheduler or 'none'}: torch refuses the options: {error}"
                )
        return problems

    def make_optimizer(self, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
        return OPTIMIZERS[self.optimizer](weights, lr=self.learning_rate, **self.optimizer_options)

    def make_scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler | None:
        return None if self.scheduler is None else SCHEDULERS[self.scheduler](optimizer, **self.scheduler_options)


def _unknown(table: str, given: dict, cls: type, taken: tuple[str, ...]) -> list[str]:
    known = [name for name in inspect.signature(cls).parameters if name not in taken]
    return [f"{table}.{key}: not an argument of {cls.__name__}{did_you_mean(key, known)}" for key in given if key not in known]


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

    settings = BackpropSettings
    task: Trainable

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        if not isinstance(task, Examples):
            return "it needs examples and a loss to differentiate; the task has none"
        return None if isinstance(task, Networked) else "it trains the task's own network; the task has none"

    @classmethod
    def restore(cls, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return (networks.restore if header.get("kind") == "network" else models.restore)(task, tensors, header)

    def __init__(self, task: Trainable, settings: BackpropSettings, seed: int, device: str = "cpu"):
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
        self.cost.add(evaluations=-(-seen // examples), samples=seen, compute=3 * seen * size)
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
            total = loss + self._penalty()
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

    def _penalty(self) -> Tensor | float:
        penalty: Tensor | float = 0.0
        if self.options.l1:
            penalty = penalty + self.options.l1 * sum(weight.abs().sum() for weight in self.weights)
        if self.options.l2:
            penalty = penalty + self.options.l2 * sum(weight.square().sum() for weight in self.weights)
        return penalty

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
        self.optimizer = self.options.make_optimizer(list(self.module.parameters()))
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
            raise SettingsError([f"optimizer {self.options.optimizer} cannot train this network: {error}"]) from error

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
