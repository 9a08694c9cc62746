"""The settings that methods of gradient descent share; each adds its optimiser, and `baselines.backprop` trains by them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from baselines.schedules import InverseTimeLR
from evo.settings import Value, did_you_mean, setting, settings
from evo.space import Choice, Log


def named(module: ModuleType, base: type, without: tuple[str, ...]) -> dict[str, type]:
    """The public subclasses of `base` in a module, by name."""
    found = {name: cls for name, cls in vars(module).items() if isinstance(cls, type) and issubclass(cls, base)}
    return {name: found[name] for name in sorted(found) if name not in without and not name.startswith("_")}


# Left out: what takes functions or other schedulers, which a configuration cannot hold.
_COMPOSED = ("LRScheduler", "LambdaLR", "MultiplicativeLR", "ChainedScheduler", "SequentialLR")
SCHEDULERS = {**named(torch.optim.lr_scheduler, LRScheduler, without=_COMPOSED), "InverseTimeLR": InverseTimeLR}


@runtime_checkable
class Settling(Protocol):
    """A network that looks at itself after each epoch, such as many in one of which some are done: settle(x) gets the training
    rows (B, I)."""

    def settle(self, x: Tensor) -> None: ...


@settings
class DescentSettings:
    """A subclass brings `named_optimizer` and `make_optimizer`."""

    learning_rate: float = setting(0.1, "the optimiser's lr", above=0.0, search=Log(0.003, 1.0))
    scheduler: str | None = setting(
        None, "any schedule of torch.optim.lr_scheduler, or InverseTimeLR, stepped once an epoch", choices=SCHEDULERS
    )
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

    @property
    def named_optimizer(self) -> str:
        """What messages call it."""
        raise NotImplementedError

    def make_optimizer(self, module: nn.Module, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser of a network; weights: its parameters that l1, l2 and max_norm are of."""
        raise NotImplementedError

    def own_contradictions(self) -> list[str]:
        """Rules that join the settings of a subclass: none."""
        return []

    def contradictions(self) -> list[str]:
        problems = self.own_contradictions()
        if self.scheduler is not None:
            problems += unknown(
                "scheduler_options", self.scheduler_options, SCHEDULERS[self.scheduler], ("optimizer", "last_epoch")
            )
        elif self.scheduler_options:
            problems.append("scheduler_options: given without a scheduler")
        if not problems:
            trial = nn.ParameterList([nn.Parameter(torch.zeros(2, 2))])
            try:
                self.make_scheduler(self.make_optimizer(trial, list(trial)))
            except (TypeError, ValueError, RuntimeError) as error:
                made = f"optimizer {self.named_optimizer}, scheduler {self.scheduler or 'none'}"
                problems.append(f"{made}: torch refuses the options: {error}")
        return problems

    def make_scheduler(self, optimizer: torch.optim.Optimizer) -> LRScheduler | None:
        return None if self.scheduler is None else SCHEDULERS[self.scheduler](optimizer, **self.scheduler_options)

    def penalty(self, weights: Sequence[Tensor]) -> Tensor | float:
        """What is added to the loss of every minibatch."""
        return penalty(weights, self.l1, self.l2)


def penalty(weights: Sequence[Tensor], l1: float, l2: float) -> Tensor | float:
    """l1 sum |w| + l2 sum w^2."""
    found: Tensor | float = 0.0
    if l1:
        found = found + l1 * sum(weight.abs().sum() for weight in weights)
    if l2:
        found = found + l2 * sum(weight.square().sum() for weight in weights)
    return found


def unknown(table: str, given: Mapping[str, Value], cls: type, taken: tuple[str, ...]) -> list[str]:
    """What is wrong with the keys of a table of arguments of `cls`, of which `taken` are given otherwise."""
    known = [name for name in inspect.signature(cls).parameters if name not in taken]
    return [f"{table}.{key}: not an argument of {cls.__name__}{did_you_mean(key, known)}" for key in given if key not in known]
