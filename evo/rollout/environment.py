"""A scalar environment: an episode as plain Python functions of numbers, which compile to one loop without Python.

    def start(draws):  # `draws` uniform numbers in (0, 1) -> the initial state, a tuple of S floats
        return (draws[0] - 0.5, 0.0)


    def observe(state):  # -> the observation, a tuple of I floats
        return state


    def step(state, action):  # -> the next state, the reward, whether the episode is over
        position, speed = state
        speed = speed + (0.1 if action == 1 else -0.1)
        position = position + speed
        return (position, speed), 1.0, abs(position) > 1.0


    def draw(state):  # -> an image (H, W, 3) uint8 of constant size; optional
        picture = np.full((40, 400, 3), 255, np.uint8)
        picture[10:30, 200 + int(150 * state[0]) :][:, :20] = 0
        return picture


    environment = Environment("rail", start, observe, step, draws=1, actions=2, max_steps=200, picture=draw)

`observe`, `step` and what they call are compiled by numba (`evo.rollout.lanes`). They take numbers and tuples of numbers, the
functions of `math`, constants of their module, and other such functions called by name (a function passed as an argument is
recompiled in every process, with a numba warning). With `sin` and `cos` of `evo` in place of those of `math` a step becomes
vector instructions over several episodes. `Episode` runs the same functions as plain Python, with the methods of a
Gymnasium environment; `start` and `draw` are never compiled. `evo.testing.check_environment` reports errors in an environment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba.core.dispatcher import Dispatcher

from evo import rng
from evo.core import NUMBERS, counted
from evo.rollout.recording import FPS
from evo.settings import did_you_mean

if TYPE_CHECKING:
    import gymnasium

State = tuple[float, ...]


@dataclass(frozen=True)
class Environment:
    """start, observe, step: see above; draws: the number of random numbers that a start takes.

    actions: an integer n: discrete actions 0 .. n-1. Or bounds (low, high) for each of A numbers: an action is a float for one
    pair, a tuple of A floats for several. max_steps: an episode is truncated after this many steps.
    episode_return(total, recent, steps): the return of an episode, from the sum of its rewards, the sum of its last `window`
    rewards, and its number of steps; None: the sum of rewards. picture: draws a state: a function as above, or the id of a
    Gymnasium environment, which can also open windows; None: no images. fps: steps per second of a film drawn by a function.

    Raises ValueError for invalid values, TypeError for an argument that it has not.
    """

    name: str
    start: Callable[[Sequence[float]], State]
    observe: Callable[[State], State]
    step: Callable[[State, Any], tuple[State, float, bool]]
    draws: int
    actions: int | tuple[tuple[float, float], ...]
    max_steps: int
    episode_return: Callable[[float, float, int], float] | None = None
    window: int = 0
    picture: str | Callable[[State], np.ndarray] | None = None
    fps: float = FPS

    def __new__(cls, *_: object, **values: object) -> Environment:
        known = cls.__dataclass_fields__.keys()
        if unknown := [f"{name!r}{did_you_mean(name, known - values.keys())}" for name in values if name not in known]:
            raise TypeError(f"Environment has no argument {', '.join(unknown)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        wrong = [] if callable(self.start) else [f"start: expected a function; got {self.start!r}"]
        for name in ("observe", "step", "episode_return"):
            function = getattr(self, name)
            if not isinstance(function, (FunctionType, Dispatcher)) and not (name == "episode_return" and function is None):
                wrong.append(f"{name}: expected a function, which can be compiled; got {type(function).__name__}")
        if isinstance(self.actions, int):
            if self.actions < 2:
                wrong.append(f"actions: expected 2 or more choices; got {self.actions}")
        elif (pairs := _numbers(self.actions)) is None or pairs.shape[1:] != (2,):
            wrong.append(
                "actions: expected a whole number, or a pair (low, high) of numbers for each number of an action; "
                f"got {self.actions!r}"
            )
        else:
            object.__setattr__(self, "actions", tuple((float(low), float(high)) for low, high in pairs))
            if not len(pairs) or not all(math.isfinite(low) and low < high < math.inf for low, high in self.actions):
                wrong.append(f"actions: expected pairs low < high of finite numbers; got {self.actions!r}")
        if not (self.picture is None or isinstance(self.picture, str) or callable(self.picture)):
            wrong.append(f"picture: expected a function, or the id of a Gymnasium environment; got {self.picture!r}")
        if not isinstance(self.fps, Real) or not 0.0 < self.fps < math.inf:
            wrong.append(f"fps: expected a positive number; got {self.fps!r}")
        if not all(isinstance(each, int) for each in (self.max_steps, self.draws, self.window)):
            wrong.append(f"max_steps, draws, window: expected whole numbers; got {self.max_steps}, {self.draws}, {self.window}")
        elif self.max_steps < 1 or self.draws < 0 or self.window < 0:
            wrong.append(f"expected max_steps >= 1, draws >= 0, window >= 0; got {self.max_steps}, {self.draws}, {self.window}")
        if self.window and self.episode_return is None:
            wrong.append("window: the last rewards are summed for `episode_return`, which is not given")
        if wrong:
            raise ValueError(f"environment {self.name}: {'; '.join(wrong)}")

    def __repr__(self) -> str:
        choices = self.actions if isinstance(self.actions, int) else None
        actions = counted(self.outputs, "number") + " an action" if choices is None else counted(choices, "choice")
        return f"Environment({self.name!r}, {actions}, at most {counted(self.max_steps, 'step')})"

    @cached_property
    def size(self) -> int:
        """S, the number of state variables."""
        return len(self.start((0.5,) * self.draws))

    @cached_property
    def inputs(self) -> int:
        """I, the number of observed variables."""
        return len(self.observe(self.start((0.5,) * self.draws)))

    @property
    def outputs(self) -> int:
        """O, the number of network outputs: one per discrete action, or one per number of an action."""
        return self.actions if isinstance(self.actions, int) else len(self.actions)

    @property
    def bounds(self) -> np.ndarray:
        """(2, A) float64: minimum and maximum of each number of an action; (2, 0) for discrete actions."""
        pairs = () if isinstance(self.actions, int) else self.actions
        return np.array(pairs, np.float64).reshape(-1, 2).T.copy()

    @property
    def render_modes(self) -> list[str]:
        """In which ways `gym` can draw: "rgb_array" if there is a `picture`, "human" (a window) if it is Gymnasium's."""
        return [] if not self.picture else ["rgb_array"] if callable(self.picture) else ["human", "rgb_array"]

    def validate(self) -> Environment:
        """The environment itself, after one step of its functions in plain Python. Raises ValueError if one returns a wrong
        type or shape; exceptions of the functions pass through."""
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
        """The initial states (B, S) float64 of episodes with these start seeds (B,)."""
        drawn = [rng.uniforms(int(seed), 0, 0, rng.STARTS, self.draws).tolist() for seed in seeds]
        return np.array([self.start(draws) for draws in drawn], np.float64).reshape(len(drawn), self.size)

    def gym(self, render_mode: str | None = None) -> gymnasium.Env:
        """A Gymnasium environment with the same physics, for its wrappers and for libraries of reinforcement learning.

        Observations: Box (I,) float32, unbounded. Actions: Discrete of the choices, or Box (A,) float32 of the bounds.
        reset(seed) begins where `starts([seed])` does; without a seed, where the environment's own generator says. Numbers
        outside of the bounds are refused, not clipped: gymnasium.wrappers.ClipAction does that.

        Raises ValueError for a render_mode that is not of `render_modes`. step raises it for an action that is not of the
        space, and gymnasium.error.ResetNeeded before the first reset.
        """
        import gymnasium
        from gymnasium import spaces

        environment, choices, modes = self, self.actions, self.render_modes
        if render_mode is not None and render_mode not in modes:
            expected = " or ".join(map(repr, modes)) + " or None" if modes else "None, as there is no `picture`"
            raise ValueError(
                f"environment {self.name}: render_mode: expected {expected}; got {render_mode!r}"
                f"{did_you_mean(str(render_mode), modes)}"
            )

        class ScalarEnv(gymnasium.Env):
            observation_space = spaces.Box(-np.inf, np.inf, (environment.inputs,), np.float32)

            def __init__(self) -> None:
                self._episode = Episode(environment, mode=render_mode)
                self.render_mode, self.metadata = self._episode.render_mode, self._episode.metadata
                bounds = environment.bounds
                low, high = single = bounds.astype(np.float32)
                self.action_space = spaces.Discrete(choices) if isinstance(choices, int) else spaces.Box(low, high)
                # A bound itself is allowed as the space has it, rounded, and as the environment has it.
                self._lows, self._highs = np.minimum(bounds, single)[0].tolist(), np.maximum(bounds, single)[1].tolist()

            def __reduce__(self) -> tuple[object, ...]:
                return environment.gym, (render_mode,), vars(self)

            def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
                super().reset(seed=seed)
                return self._episode.reset(seed=int(self.np_random.integers(2**31)) if seed is None else seed)

            def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
                episode = self._begun()
                if not self._allows(action):
                    raise ValueError(
                        f"environment {environment.name}: action: expected one of {self.action_space}; got {action!r}"
                    )
                return episode.step(action)

            def render(self) -> Any:
                return self._begun().render()

            def close(self) -> None:
                self._episode.close()

            def _begun(self) -> Episode:
                if not hasattr(self._episode, "state"):
                    raise gymnasium.error.ResetNeeded(
                        f"environment {environment.name}: call reset() before step() and render()"
                    )
                return self._episode

            def _allows(self, action: Any) -> bool:
                """As `action_space.contains`, but faster, and for any kind of number; a single one needs no array."""
                numbers = _numbers(action)
                if numbers is None:
                    return False
                if isinstance(choices, int):
                    return numbers.ndim == 0 and numbers.dtype.kind != "f" and 0 <= int(numbers) < choices
                if numbers.ndim > 1 or numbers.size != len(self._lows):
                    return False
                limited = zip(self._lows, numbers.ravel().tolist(), self._highs, strict=True)
                return all(low <= number <= high for low, number, high in limited)

            def __str__(self) -> str:
                return f"<ScalarEnv {environment.name}>"

        return ScalarEnv()


def _numbers(values: object) -> np.ndarray | None:
    """An array of real numbers; None if these are none, or of no shape."""
    try:
        numbers = np.asarray(values)
    except ValueError:  # rows of different lengths
        return None
    return numbers if numbers.dtype.kind in NUMBERS else None


class Episode:
    """A scalar environment in plain Python, step by step, with Gymnasium's reset, step, render and close.

    start (S,): the initial state; None: from reset's seed. mode: "rgb_array" if there is a `picture`, "human" if it is
    Gymnasium's. With an `episode_return`, the last step pays it and all others pay 0, so that rewards sum to the return.
    """

    def __init__(self, environment: Environment, start: Sequence[float] | None = None, mode: str | None = None):
        self.environment, self._start = environment, start
        self.render_mode, self.metadata = None, dict[str, Any](render_modes=environment.render_modes)
        self._stage = None
        if callable(environment.picture):
            self.metadata["render_fps"] = environment.fps
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
        if isinstance(environment.actions, int):
            action = int(np.asarray(action))
        else:
            numbers = tuple(np.asarray(action, np.float64).ravel().tolist())
            action = numbers[0] if len(numbers) == 1 else numbers
        state, reward, over = environment.step(self.state, action)
        self.state = tuple(float(number) for number in state)
        self._rewards.append(float(reward))
        taken = len(self._rewards)
        if environment.episode_return is not None:
            reward = 0.0
            if over or taken >= environment.max_steps:
                recent = self._rewards[-environment.window :] if environment.window else []
                reward = environment.episode_return(sum(self._rewards), sum(recent), taken)
        self._shown()
        return self._seen(), float(reward), bool(over), not over and taken >= environment.max_steps, {}

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
        """Updates what is rendered; a window redraws in each step."""
        if self._stage is None:
            return
        self._stage.unwrapped.state = np.array(self.state)  # type: ignore[attr-defined]  # as those that draw have it
        if self.render_mode == "human":
            self._stage.render()
