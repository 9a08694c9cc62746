"""How the outputs of networks become actions: the largest output for choices, outputs scaled to bounds for numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from evo.rollout.environment import Environment
from evo.rollout.groups import scaled

if TYPE_CHECKING:
    import gymnasium

Action = int | np.ndarray
Act = Callable[[list[float], np.ndarray | None], Action]  # of O outputs, and their intervals (O, 2) or None


def space_actions(space: gymnasium.Space, name: str) -> tuple[int, Act]:
    """Outputs O that a space of actions needs, and what turns O outputs into an action.

    Raises ValueError for a space that is not supported.
    """
    from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

    if isinstance(space, Discrete):
        return int(space.n), _choosing(int(space.start))
    if isinstance(space, MultiDiscrete):
        return int(space.nvec.sum()), _choosing_several(space.nvec, space.start, space.dtype)
    if isinstance(space, MultiBinary):
        zero = np.zeros(space.shape, space.dtype)
        return zero.size, _scaling(zero, zero + 1)
    if not isinstance(space, Box):
        expected = "a Discrete, MultiDiscrete, MultiBinary or Box space of actions"
        raise ValueError(f"{name}: expected {expected}; got {space}: wrap the environment")
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise ValueError(f"{name}: actions are scaled to low .. high, which must be finite; got {space}: wrap the environment")
    return int(np.prod(space.shape)), _scaling(space.low, space.high)


def scalar_actions(environment: Environment) -> Act:
    return _choosing(0) if isinstance(environment.actions, int) else _scaling(*environment.bounds)


def acting(act: Act, ranges: np.ndarray | None) -> nn.Module:
    """What `act` does, as a module: outputs (B, O), which lie in `ranges` (O, 2) or are any numbers, -> actions (B, ...)."""
    kinds: Mapping[Callable[..., Action], type[nn.Module]] = {_chosen: Chosen, _several: Several, _scaled: Scaled}
    assert isinstance(act, partial)  # as `space_actions` and `scalar_actions` make it
    return kinds[act.func](*act.args, ranges)


def _largest(outputs: list[float]) -> int:
    return outputs.index(max(outputs))


def _choosing(first: int) -> Act:
    """One of O choices that are counted from `first`."""
    return partial(_chosen, first)


def _chosen(first: int, outputs: list[float], ranges: np.ndarray | None = None) -> int:
    return _largest(outputs) + first


def _choosing_several(choices: np.ndarray, first: np.ndarray, kind: np.dtype) -> Act:
    """One of each of several numbers of `choices`, an output a choice; each is counted from its `first`."""
    edges = np.cumsum([0, *choices.ravel()]).tolist()
    return partial(_several, list(itertools.pairwise(edges)), first, kind)


def _several(
    parts: list[tuple[int, int]], first: np.ndarray, kind: np.dtype, outputs: list[float], ranges: np.ndarray | None = None
) -> np.ndarray:
    chosen = np.array([_largest(outputs[a:b]) for a, b in parts])
    return (chosen.reshape(first.shape) + first).astype(kind)


def _scaling(low: np.ndarray, high: np.ndarray) -> Act:
    """Numbers within low .. high, of their shape and type: of whole numbers each has an equal part of an output's interval."""
    bottom, most = low.ravel().tolist(), high.ravel().tolist()
    whole = low.dtype.kind in "iu"
    return partial(_scaled, low, bottom, [number + whole for number in most], most if whole else None)


def _scaled(
    low: np.ndarray,
    bottom: list[float],
    top: list[float],
    most: list[int] | None,
    outputs: list[float],
    ranges: np.ndarray | None = None,
) -> np.ndarray:
    intervals = [(-math.inf, math.inf)] * len(bottom) if ranges is None else ranges.tolist()
    numbers = [scaled(y, a, b, *interval) for y, a, b, interval in zip(outputs, bottom, top, intervals, strict=True)]
    if most is not None:
        numbers = [min(math.floor(number), end) for number, end in zip(numbers, most, strict=True)]
    return np.array(numbers, low.dtype).reshape(low.shape)


class Chosen(nn.Module):
    """`_chosen` of each row, int64 (B,)."""

    def __init__(self, first: int, ranges: np.ndarray | None):
        super().__init__()
        self.first = first

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs.argmax(-1) + self.first


class Several(nn.Module):
    """`_several` of each row, of the space's shape and type."""

    def __init__(self, parts: list[tuple[int, int]], first: np.ndarray, kind: np.dtype, ranges: np.ndarray | None):
        super().__init__()
        self.parts, self.first = parts, torch.from_numpy(first.astype(kind))

    def forward(self, outputs: Tensor) -> Tensor:
        chosen = torch.stack([outputs[:, a:b].argmax(-1) for a, b in self.parts], 1)
        return chosen.reshape(-1, *self.first.shape).to(self.first.dtype) + self.first


class Scaled(nn.Module):
    """`_scaled` of each row, of the space's shape and type."""

    def __init__(
        self, low: np.ndarray, bottom: list[float], top: list[float], most: list[int] | None, ranges: np.ndarray | None
    ):
        super().__init__()
        self.low = torch.from_numpy(low.copy())
        self.bottom, self.top = torch.tensor(bottom, dtype=torch.float64), torch.tensor(top, dtype=torch.float64)
        self.most = None if most is None else torch.tensor(most, dtype=torch.float64)
        self.ranges = None if ranges is None else torch.tensor(ranges, dtype=torch.float64)

    def forward(self, outputs: Tensor) -> Tensor:
        unit = outputs.double().tanh()
        if self.ranges is not None:
            low, high = self.ranges.unbind(1)
            unit = torch.where(low.isinf(), unit, 2.0 * (outputs - low) / (high - low) - 1.0)
        numbers = 0.5 * (self.bottom + self.top) + 0.5 * (self.top - self.bottom) * unit
        numbers = torch.minimum(torch.maximum(numbers, self.bottom), self.top)
        if self.most is not None:
            numbers = torch.minimum(numbers.floor(), self.most)
        return numbers.reshape(-1, *self.low.shape).to(self.low.dtype)
