"""Optimisers that take two gradients of one minibatch a step, at different weights: what backstitch and SAM share.

A step evaluates the closure, moves the weights, evaluates it again, and descends by what it gave there. Both evaluations see
the same minibatch, and draw the same random numbers, so dropout masks are alike; the caller's generators end where one
evaluation would have left them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from evo import rng
from evo.settings import Value

Closure: TypeAlias = Callable[[], Tensor]
Params: TypeAlias = Iterable[Tensor] | Iterable[dict]
Group: TypeAlias = dict


class TwoGradients(torch.optim.Optimizer, ABC):
    """buffers: tensors beside the weights that an evaluation changes, such as `model.buffers()` with the running statistics of
    batch normalisation; of the two evaluations of a step only that at `counts` ("first" or "second") changes them."""

    counts = "second"

    def __init__(self, params: Params, defaults: dict[str, Value], buffers: Iterable[Tensor] = ()):
        self.buffers = list(buffers)
        self._began: list[tuple[Tensor, Tensor]] = []  # within a step: weights, and where they were
        super().__init__(params, defaults)

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "buffers": self.buffers, "_began": []}

    @abstractmethod
    def moves(self) -> bool:
        """Whether this step takes the first of its two gradients."""

    @abstractmethod
    def move(self) -> None:
        """Moves the weights by the first gradient."""

    @abstractmethod
    def descend(self, moved: bool) -> None:
        """The update, by the gradient where the weights stand now."""

    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]  # torch's may have no closure
        """One step on one minibatch. closure: computes the loss of the minibatch, calls its backward(), returns it; it may be
        evaluated twice, and finds the gradients cleared. Returns the loss where the step began. Raises TypeError without one.
        """
        if not callable(closure):
            raise TypeError(
                f"{type(self).__name__}.step: expected a closure, which computes the loss of the minibatch, calls backward() "
                f"and returns it, as it is evaluated twice: optimizer.step(closure); got {closure!r}"
            )
        if not self.moves():
            loss = self._evaluated(closure)
            self.descend(moved=False)
            return loss
        before = [buffer.clone() for buffer in self.buffers]
        with rng.rewound(self._cards()):
            loss = self._evaluated(closure)
        after = before if self.counts == "second" else [buffer.clone() for buffer in self.buffers]
        self._put_back(before)  # the second evaluation begins where the first did
        self._began = [(p, p.clone()) for group in self.param_groups for p, _ in gradients(group)]
        self.move()
        try:
            self._evaluated(closure)
        except BaseException:  # out of memory, Ctrl-C: whoever goes on does so from where the step began
            self.go_back()
            self._put_back(before)
            raise
        if self.counts == "first":
            self._put_back(after)
        self.descend(moved=True)
        self._began = []
        return loss

    def go_back(self) -> None:
        """Puts the weights back where the step began."""
        for p, before in self._began:
            p.copy_(before)
        self._began = []

    def _evaluated(self, closure: Closure) -> Tensor:
        self.zero_grad()
        with torch.enable_grad():
            return closure()

    def _put_back(self, values: list[Tensor]) -> None:
        for buffer, value in zip(self.buffers, values):
            buffer.copy_(value)

    def _cards(self) -> list[int]:
        """The CUDA devices of the weights."""
        devices = {p.device for group in self.param_groups for p in group["params"]}
        return sorted(device.index for device in devices if device.type == "cuda")

    def heavy_ball(self, p: Tensor, direction: Tensor, momentum: float) -> Tensor:
        """v <- momentum v + direction, v of the parameter p; direction itself where momentum is 0."""
        if not momentum:
            return direction
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = direction.clone()
        else:
            state["momentum_buffer"].mul_(momentum).add_(direction)
        return state["momentum_buffer"]


def gradients(group: Group) -> list[tuple[Tensor, Tensor]]:
    """The parameters of a group that the closure's loss depends on, and their gradients."""
    return [(p, p.grad) for p in group["params"] if p.grad is not None]


def check(optimizer: str, values: Mapping[str, Value], ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raises ValueError that lists every value that is not a finite number in its range, low <= value < high."""
    problems = [
        f"{name}: expected a number >= {low:g}{'' if math.isinf(high) else f' and < {high:g}'}; got {values[name]!r}"
        for name, (low, high) in ranges.items()
        if not _inside(values[name], low, high)
    ]
    if problems:
        raise ValueError(f"{optimizer}: {'; '.join(problems)}")


def _inside(value: Value, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value < high
