"""How the outputs of networks become actions: the largest output for choices, outputs scaled to bounds for numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from evo.rollout.environment import Environment

if TYPE_CHECKING:
    import gymnasium

Action = int | np.ndarray


def space_actions(space: gymnasium.Space, name: str) -> tuple[int, Callable[..., Sequence[Action] | np.ndarray]]:
    """Outputs O that a space of actions needs, and what turns outputs (L, O) into one action a lane."""
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


def scalar_actions(environment: Environment) -> Callable[..., Sequence[Action] | np.ndarray]:
    return _choosing(0) if isinstance(environment.actions, int) else _scaling(*environment.bounds)


def _choosing(first: int) -> Callable[..., Sequence[Action] | np.ndarray]:
    """One of O choices that are counted from `first`."""
    return partial(_chosen, first)


def _chosen(first: int, outputs: Tensor, ranges: np.ndarray | None = None) -> Sequence[Action]:
    return (outputs.argmax(dim=1) + first).tolist()


def _choosing_several(choices: np.ndarray, first: np.ndarray, kind: np.dtype) -> Callable[..., Sequence[Action] | np.ndarray]:
    """One of each of several numbers of `choices`, an output a choice; each is counted from its `first`."""
    return partial(_several, choices.shape, np.cumsum(choices.ravel())[:-1].tolist(), first, kind)


def _several(
    shape: tuple[int, ...],
    edges: list[int],
    first: np.ndarray,
    kind: np.dtype,
    outputs: Tensor,
    ranges: np.ndarray | None = None,
) -> np.ndarray:
    largest = [part.argmax(dim=1).numpy() for part in outputs.tensor_split(edges, dim=1)]
    return (np.stack(largest, axis=1).reshape(-1, *shape) + first).astype(kind)


def _scaling(low: np.ndarray, high: np.ndarray) -> Callable[..., Sequence[Action] | np.ndarray]:
    """Numbers within low .. high, of their shape and type: of whole numbers each has an equal part of an output's interval.
    ranges (L, A, 2): the interval of each output, or infinite."""
    bottom, top = low.astype(np.float64), high.astype(np.float64) + (low.dtype.kind in "iu")
    return partial(_scaled, low, high, (bottom + top) / 2, (top - bottom) / 2)


def _scaled(
    low: np.ndarray,
    high: np.ndarray,
    centre: np.ndarray,
    half: np.ndarray,
    outputs: Tensor,
    ranges: np.ndarray | None = None,
) -> np.ndarray:
    unit = torch.tanh(outputs.double()).numpy()
    with np.errstate(invalid="ignore"):  # of an infinite interval; and of NaN, with which an episode ends
        if ranges is not None:
            least, most = ranges[..., 0], ranges[..., 1]
            unit = np.where(np.isinf(least), unit, 2 * (outputs.double().numpy() - least) / (most - least) - 1)
        numbers = centre + half * unit.reshape(-1, *low.shape)
        return np.clip(np.floor(numbers) if low.dtype.kind in "iu" else numbers, low, high).astype(low.dtype)
