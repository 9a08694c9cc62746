"""How the outputs of networks become actions: the largest output for choices, outputs scaled to bounds for numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    from gymnasium.spaces import Box, Discrete

    if isinstance(space, Discrete):
        return int(space.n), _choosing(int(space.start))
    if not isinstance(space, Box):
        raise ValueError(f"{name}: expected a Discrete or Box space of actions; got {space}: wrap the environment")
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise ValueError(f"{name}: actions are scaled to low .. high, which must be finite; got {space}: wrap the environment")
    return int(np.prod(space.shape)), _scaling(space.low, space.high)


def scalar_actions(environment: Environment) -> Callable[..., Sequence[Action] | np.ndarray]:
    return _choosing(0) if isinstance(environment.actions, int) else _scaling(*environment.bounds)


def _choosing(first: int) -> Callable[..., Sequence[Action] | np.ndarray]:
    """One of O choices that are counted from `first`."""
    return lambda outputs, ranges=None: (outputs.argmax(dim=1) + first).tolist()


def _scaling(low: np.ndarray, high: np.ndarray) -> Callable[..., Sequence[Action] | np.ndarray]:
    """Numbers within low .. high, of their shape and type. ranges (L, A, 2): the interval of each output, or infinite."""
    centre, half = (low.astype(np.float64) + high) / 2, (high.astype(np.float64) - low) / 2

    def scaled(outputs: Tensor, ranges: np.ndarray | None = None) -> np.ndarray:
        unit = torch.tanh(outputs.double()).numpy()
        if ranges is not None:
            bottom, top = ranges[..., 0], ranges[..., 1]
            with np.errstate(invalid="ignore"):
                unit = np.where(np.isinf(bottom), unit, 2 * (outputs.double().numpy() - bottom) / (top - bottom) - 1)
        return np.clip(centre + half * unit.reshape(-1, *low.shape), low, high).astype(low.dtype)

    return scaled
