"""Recording of one episode: a model's observations, actions and rewards, and the frames that the environment renders.

Step and render protocol: Towers et al.: Gymnasium: a standard interface for reinforcement learning environments (2024).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import gymnasium

    from evo.rollout.environment import Episode

FPS = 30.0  # default


@dataclass(frozen=True)
class Film:
    """An episode of T steps.

    frames (F, H, W, 3) uint8, evenly spaced from start to end; None if there are none, and `trouble` says why. steps (F,): the
    number of steps before each frame. rewards (T,), observations (T, I): before each step; actions (T, A) float64. fps:
    frames per second in the environment's own time; speed: how many times as fast they are to be shown, to be as smooth as
    those of a short episode.
    """

    frames: np.ndarray | None
    steps: np.ndarray
    rewards: np.ndarray
    observations: np.ndarray
    actions: np.ndarray
    fps: float
    trouble: str = ""
    speed: int = 1


def record(
    environment: gymnasium.Env | Episode,
    choose: Callable[[np.ndarray], npt.ArrayLike | None],
    start: int,
    most: int,
    longest: int,
    rate: float = math.inf,
) -> Film:
    """One episode from the start seed; `choose` maps an observation to an action, or None if it has no answer.

    Keeps about `rate` frames a second of the environment's own time, but at most `most` and the last: whenever there are more,
    every other one is removed, and the film is to be shown twice as fast. If rendering fails, the film has no frames. An
    episode without an answer ends with reward NaN; otherwise it ends after at most `longest` steps.
    Raises what the environment's reset and step raise.
    """
    draws, trouble = _draws(environment)
    frames = np.empty((0, 0, 0, 3), np.uint8)  # room for `most` and two more, of which the first are drawn
    steps: list[int] = []
    rewards: list[float] = []
    observations: list[np.ndarray] = []
    actions: list[np.ndarray] = []
    pace, done = float(environment.metadata.get("render_fps") or FPS), False
    first = stride = max(1, round(pace / rate))

    def draw(step: int) -> None:
        nonlocal draws, trouble, stride, frames
        if not draws or (step % stride and not done):
            return
        try:
            frame = _frame(environment.render(), frames.shape[1:] if len(frames) else None)
        except Exception as error:  # a rendering error must not end the episode
            draws, trouble = False, f"{type(error).__name__}: {' '.join(str(error).split())}"
            return
        if not len(frames):
            frames = np.empty((most + 2, *frame.shape), np.uint8)
        frames[len(steps)] = frame
        steps.append(step)
        if len(steps) > most and not done:
            kept = frames[: len(steps) : 2]
            frames[: len(kept)] = kept
            del steps[1::2]
            stride *= 2

    observation = environment.reset(seed=start)[0]
    draw(0)
    while not done and len(rewards) < longest:
        observations.append(np.asarray(observation, np.float64).ravel().copy())
        action = choose(observation)
        if action is None:
            rewards.append(float("nan"))
            break
        observation, reward, terminated, truncated, _ = environment.step(action)
        actions.append(np.asarray(action, np.float64).ravel())
        rewards.append(float(reward))
        done = terminated or truncated
        draw(len(rewards))
    shown = draws and bool(steps)
    return Film(
        frames=frames[: len(steps)] if shown else None,
        steps=np.array(steps if shown else [], np.int64),
        rewards=np.array(rewards),
        observations=np.stack(observations),
        actions=np.stack(actions) if actions else np.zeros((0, 1)),
        fps=pace / stride,
        trouble="" if shown else trouble,
        speed=stride // first,
    )


def _draws(environment: gymnasium.Env | Episode) -> tuple[bool, str]:
    """Whether render() returns frames; if not, and no window shows them, why."""
    mode = environment.render_mode
    return mode == "rgb_array", "" if mode in ("rgb_array", "human") else f"its render_mode is {mode!r}"


def _frame(drawn: object, shape: tuple[int, ...] | None) -> np.ndarray:
    """The result of render() as (H, W, 3) uint8, of the first frame's shape where there is one. Raises ValueError."""
    frame = np.asarray(drawn)
    if frame.ndim != 3 or frame.shape[-1] != 3 or frame.dtype != np.uint8 or not frame.size:
        raise ValueError(f"render() must give (H, W, 3) uint8; got {frame.dtype} {frame.shape}")
    if shape is not None and frame.shape != shape:
        raise ValueError(f"render() must give frames of one shape; got {shape}, then {frame.shape}")
    return frame


@contextmanager
def offscreen() -> Iterator[None]:
    """Inside the block pygame needs no display and opens no window; afterwards the previous state is restored."""
    before = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = before
