"""How the outputs of networks become actions: the largest output for choices, outputs scaled to bounds for numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evo.rollout.environment import Environment
from evo.rollout.lanes import scaled

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
