"""A scalar environment: an episode as plain Python functions of numbers, which compile to one loop without Python.

    def start(draws):  # `draws` uniform numbers in (0, 1) -> the first state, a tuple of S floats
        return (draws[0] - 0.5, 0.0)


    def observe(state):  # -> what networks see, a tuple of I floats
        return state


    def step(state, action):  # -> the next state, the reward, is the episode over
        position, speed = state
        speed = speed + (0.1 if action == 1 else -0.1)
        position = position + speed
        return (position, speed), 1.0, abs(position) > 1.0


    def draw(state):  # -> a picture (H, W, 3) uint8, always of one size; may be left out
        picture = np.full((40, 400, 3), 255, np.uint8)
        picture[10:30, 200 + int(150 * state[0]) :][:, :20] = 0
        return picture


    environment = Environment("rail", start, observe, step, draws=1, actions=2, steps=200, picture=draw)

`observe`, `step` and what they call are compiled by numba (`evo.rollout.lanes`): they take numbers and tuples of numbers, the
functions of `math`, constants of their module, and other such functions, which they name directly (one that is passed as an
argument is compiled again in every process, with a warning of numba's). The same functions run as plain Python in `Episode`,
which has the methods of a Gymnasium environment; `start` and `draw` never run otherwise. `evo.testing.check_environment` tells
what is wrong with one of yours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.dispatcher import Dispatcher

from evo import rng
from evo.core import counted
from evo.rollout.recording import FPS

State = tuple[float, ...]


@dataclass(frozen=True)
class Environment:
    """start, observe, step: see above; draws: how many random numbers a start takes.

    actions: an integer n: an action is one of 0 .. n-1. Or bounds (low, high) for each of A numbers: an action is a float
    for one pair, a tuple of A floats for several. steps: an episode ends after so many.
    value(total, recent, steps): what an episode is worth, of the sum of its rewards, the sum of its last `window` rewards
    and how many steps it took; None: the sum of rewards. picture: what draws a state: a function as above, or the id of a
    Gymnasium environment, which opens windows too; None: nothing. fps: steps a second of a film that a function draws.

    Raises ValueError for numbers that make no environment.
    """

    name: str
    start: Callable[[Sequence[float]], State]
    observe: Callable[[State], State]
    step: Callable[[State, Any], tuple[State, float, bool]]
    draws: int
    actions: int | tuple[tuple[float, float], ...]
    steps: int
    value: Callable[[float, float, int], float] | None = None
    window: int = 0
    picture: str | Callable[[State], np.ndarray] | None = None
    fps: float = FPS

    def __post_init__(self) -> None:
        wrong = []
        for name in ("observe", "step", "value"):
            function = getattr(self, name)
            if not isinstance(function, (FunctionType, Dispatcher)) and not (name == "value" and function is None):
                wrong.append(f"{name}: expected a function, which can be compiled; got {type(function).__name__}")
        if not isinstance(self.actions, int):
            try:
                object.__setattr__(self, "actions", tuple(tuple(map(float, pair)) for pair in self.actions))
            except TypeError:
                raise ValueError(
                    f"environment {self.name}: actions: expected a whole number, or a pair (low, high) for each number of an "
                    f"action; got {self.actions!r}"
                ) from None
        if isinstance(self.actions, int):
            if self.actions < 2:
                wrong.append(f"actions: expected 2 or more choices; got {self.actions}")
        elif not self.actions or not all(math.isfinite(low) and low < high < math.inf for low, high in self.actions):
            wrong.append(f"actions: expected pairs low < high of finite numbers; got {self.actions!r}")
        if not (self.picture is None or isinstance(self.picture, str) or callable(self.picture)):
            wrong.append(f"picture: expected a function, or the id of a Gymnasium environment; got {self.picture!r}")
        if not 0.0 < self.fps < math.inf:
            wrong.append(f"fps: expected a positive number; got {self.fps}")
        if not all(isinstance(each, int) for each in (self.steps, self.draws, self.window)):
            wrong.append(f"steps, draws, window: expected whole numbers; got {self.steps}, {self.draws}, {self.window}")
        elif self.steps < 1 or self.draws < 0 or self.window < 0:
            wrong.append(f"expected steps >= 1, draws >= 0, window >= 0; got {self.steps}, {self.draws}, {self.window}")
        if self.window and self.value is None:
            wrong.append("window: the last rewards are summed for `value`, which is not given")
        if wrong:
            raise ValueError(f"environment {self.name}: {'; '.join(wrong)}")

    def __repr__(self) -> str:
        choices = self.actions if isinstance(self.actions, int) else None
        actions = counted(self.outputs, "number") + " an action" if choices is None else counted(choices, "choice")
        return f"Environment({self.name!r}, {actions}, at most {counted(self.steps, 'step')})"

    @cached_property
    def size(self) -> int:
        """S, numbers of a state."""
        return len(self.start((0.5,) * self.draws))

    @cached_property
    def inputs(self) -> int:
        """I, numbers that a network sees."""
        return len(self.observe(self.start((0.5,) * self.draws)))

    @property
    def outputs(self) -> int:
        """O, numbers that a network answers: one a choice, or one a number of the action."""
        return self.actions if isinstance(self.actions, int) else len(self.actions)

    @property
    def bounds(self) -> np.ndarray:
        """(2, A) float64: lowest and highest of each number of an action; (2, 0) for choices."""
        pairs = () if isinstance(self.actions, int) else self.actions
        return np.array(pairs, np.float64).reshape(-1, 2).T.copy()

    def tried(self) -> Environment:
        """Itself, after one step of its functions in plain Python. Raises ValueError where one gives something else than it
        should; what a function raises passes through."""
        state = self.start((0.5,) * self.draws)
        middle = tuple(self.bounds.mean(axis=0).tolist())
        action = 0 if isinstance(self.actions, int) else middle[0] if len(middle) == 1 else middle
        seen, result = self.observe(state), self.step(state, action)
        if not isinstance(result, (tuple, list)) or len(result) != 3:
            expected = "the next state, the reward and whether the episode is over"
            raise ValueError(f"environment {self.name}: step: expected {expected}; got {result!r}")
        for what, numbers in (("start", state), ("observe", seen), ("step", result[0])):
            some = isinstance(numbers, (tuple, list, np.ndarray)) and len(numbers) > 0
            if not some or (what == "step" and len(numbers) != len(state)):
                expected = f"a state of {len(state)} numbers, as start gives" if what == "step" else "a tuple of numbers"
                raise ValueError(f"environment {self.name}: {what}: expected {expected}; got {numbers!r}")
        if not isinstance(result[1], (int, float, np.number)):
            raise ValueError(f"environment {self.name}: step: expected a number as reward; got {result[1]!r}")
        return self

    def starts(self, seeds: Iterable[int]) -> np.ndarray:
        """The first states (B, S) float64 of episodes with these start seeds (B,)."""
        drawn = [rng.uniforms(int(seed), 0, 0, rng.STARTS, self.draws).tolist() for seed in seeds]
        return np.array([self.start(draws) for draws in drawn], np.float64).reshape(len(drawn), self.size)


class Episode:
    """A scalar environment played in plain Python, step by step: reset, step, render, close as Gymnasium has them.

    start (S,): the first state; without it, reset's seed gives one. mode: "rgb_array" where there is a `picture`,
    "human" where it is Gymnasium's.
    Where the environment has a `value`, it is paid with the last step, so that the sum of rewards is what the episode is worth.
    """

    def __init__(self, environment: Environment, start: Sequence[float] | None = None, mode: str | None = None):
        self.environment, self._start = environment, start
        self.render_mode, self.metadata = None, {}
        self._stage = None
        if callable(environment.picture):
            self.metadata = {"render_fps": environment.fps}
            self.render_mode = mode if mode == "rgb_array" else None
        elif mode is not None and environment.picture:
            import gymnasium

            self._stage = gymnasium.make(environment.picture, render_mode=mode, disable_env_checker=True)
            self._stage.reset(seed=0)
            self.render_mode, self.metadata = mode, self._stage.metadata

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict]:
        state = self.environment.starts([seed or 0])[0] if self._start is None else self._start
        self.state: State = tuple(float(number) for number in state)
        self._rewards: list[float] = []
        self._shown()
        return self._seen(), {}

    def step(self, action: npt.ArrayLike) -> tuple[np.ndarray, float, bool, bool, dict]:
        environment = self.environment
        if not isinstance(environment.actions, int):
            numbers = tuple(np.asarray(action, np.float64).ravel().tolist())
            action = numbers[0] if len(numbers) == 1 else numbers
        state, reward, over = environment.step(self.state, action)
        self.state = tuple(float(number) for number in state)
        self._rewards.append(float(reward))
        taken = len(self._rewards)
        if environment.value is not None:
            reward = 0.0
            if over or taken >= environment.steps:
                recent = self._rewards[-environment.window :] if environment.window else []
                reward = environment.value(sum(self._rewards), sum(recent), taken)
        self._shown()
        return self._seen(), float(reward), bool(over), taken >= environment.steps, {}

    def render(self) -> object:
        if self._stage is not None:
            return self._stage.render()
        picture = self.environment.picture
        return picture(self.state) if callable(picture) and self.render_mode is not None else None

    def close(self) -> None:
        if self._stage is not None:
            self._stage.close()

    def _seen(self) -> np.ndarray:
        return np.array(self.environment.observe(self.state), np.float32)

    def _shown(self) -> None:
        """The state is what the picture shows; a stage for people to watch draws itself in each step."""
        if self._stage is None:
            return
        self._stage.unwrapped.state = np.array(self.state)  # type: ignore[attr-defined]  # as those that draw have it
        if self.render_mode == "human":
            self._stage.render()
