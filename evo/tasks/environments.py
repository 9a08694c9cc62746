"""Gymnasium environments as a task takes them: made from an id or a callable, their observations as vectors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gymnasium

Make = str | Callable[..., "gymnasium.Env"]


def checked(make: object) -> None:
    """Raises TypeError, saying what to give, for what is no id and no callable that makes an environment."""
    import gymnasium

    expected = "make: expected an Environment, the id of a Gymnasium environment, or a callable that makes a gymnasium.Env"
    if isinstance(make, gymnasium.Env):
        again = f"{make.spec.id!r}, or " if make.spec is not None else ""
        raise TypeError(
            f"{expected}; got {make!r}, one that is made: a task makes as many as it needs, so give {again}what made it, such "
            "as lambda: gymnasium.make(...), or its class"
        )
    if not isinstance(make, str) and not callable(make):
        raise TypeError(f"{expected}; got {make!r}")


def made(make: Make, name: str, mode: str | None = None) -> gymnasium.Env:
    """A fresh environment with vectors (I,) as observations. mode: its render mode, if it can draw: a callable gets
    `render_mode` if it takes one, and is asked without otherwise.

    Raises TypeError if `make` gives no environment, ValueError for observations that are no vectors and cannot be flattened.
    """
    import gymnasium

    if isinstance(make, str):
        drawing: dict[str, Any] = {} if mode is None else {"render_mode": mode}
        with warnings.catch_warnings():
            if drawing:
                warnings.simplefilter("ignore")  # that it cannot draw is told by the film
            environment = gymnasium.make(make, disable_env_checker=True, **drawing)
    elif mode is not None and _takes(make, "render_mode"):
        environment = make(render_mode=mode)
    else:
        environment = make()
    if not isinstance(environment, gymnasium.Env):
        raise TypeError(f"{name}: expected it to make a gymnasium.Env; got {type(environment).__name__}")
    space = environment.observation_space
    if _vectors(space):
        return environment
    try:
        flat = gymnasium.wrappers.FlattenObservation(environment)
    except NotImplementedError:  # of a space within a space
        flat = None
    if flat is None or not _vectors(flat.observation_space):
        raise ValueError(
            f"{name}: expected observations that flatten to a vector of fixed length (Box, Discrete, MultiDiscrete, "
            f"MultiBinary, and Tuple or Dict of these); got {space}: wrap the environment in "
            "gymnasium.wrappers.TransformObservation(environment, function, Box(...)), or FilterObservation for keys of a Dict"
        )
    return flat


def _vectors(space: gymnasium.Space) -> bool:
    from gymnasium.spaces import Box

    return isinstance(space, Box) and len(space.shape) == 1


def _takes(make: Callable[..., object], name: str) -> bool:
    try:
        return name in signature(make).parameters
    except ValueError:  # a callable without a signature
        return False
