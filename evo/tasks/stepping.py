"""Episodes in environments of Python.

`Stepper` takes one episode after another in one environment, each to its end: for networks that answer one observation at a
time, compiled. `Lanes` holds an environment a lane and steps all that are not done: for networks that answer only in batches;
`ticking` has other processes step a part of them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, types

from evo.rollout import groups as kernels
from evo.rollout.environment import Episode
from evo.rollout.lanes import Answer, Policy
from evo.tasks.actions import Act

if TYPE_CHECKING:
    import gymnasium

LONGEST = 100_000  # steps after which an episode without end is an error, where no limit is set
LONG = 10_000  # steps after which one is spoken of

_ROWS = types.float64[:, ::1]
_see = njit(types.void(types.float32[::1], types.int64, _ROWS, _ROWS, _ROWS), cache=True)(kernels.update_moments)


class Outcome(NamedTuple):
    """What K lanes gave: returns (K,), NaN where a network answered NaN, steps (K,), terminated (K,), and the moments of what
    they saw, (K, 1), (K, I), (K, I) as of LaneMoments; K is 0 there where none were asked for."""

    returns: np.ndarray
    steps: np.ndarray
    terminated: np.ndarray
    moments: tuple[np.ndarray, np.ndarray, np.ndarray]


class Stepper:
    """One environment, in which the networks of a policy take episodes, one after another.

    name: of the task; act: as of `evo.tasks.actions`; max_steps: an episode is truncated after so many; None: it is an error if
    it has no end.
    """

    def __init__(self, name: str, environment: gymnasium.Env, inputs: int, act: Act, max_steps: int | None):
        self.name, self._environment, self._act = name, environment, act
        self._shape, self.limit = (inputs,), Limit(name, max_steps)

    def run(self, policy: Policy, starts: np.ndarray, lanes: Sequence[int], observe: bool) -> Outcome:
        """The episodes of some lanes: lane g * B + b is genome g from start seed b, of starts (B,).

        Raises RuntimeError, naming genome, episode and step, for what an environment does wrong.
        """
        seen, inputs = len(lanes) * observe, self._shape[0]
        moments = np.zeros((seen, 1)), np.zeros((seen, inputs)), np.zeros((seen, inputs))
        found = Outcome(np.empty(len(lanes)), np.empty(len(lanes), np.int64), np.empty(len(lanes), bool), moments)
        alone = policy.kind.alone(policy)
        for k, lane in enumerate(lanes):
            genome, episode = divmod(lane, len(starts))
            ranges = None if policy.output_range is None else policy.output_range[genome]
            self._taken = 0
            try:
                ended = self._episode(alone(genome), policy, ranges, int(starts[episode]), k, moments)
            except Exception as error:
                raise failed(self.name, genome, episode, self._taken, error) from error
            found.returns[k], found.terminated[k] = ended
            found.steps[k] = self._taken
        return found

    def _episode(
        self,
        network: Answer,
        policy: Policy,
        ranges: np.ndarray | None,
        start: int,
        row: int,
        moments: tuple[np.ndarray, ...],
    ) -> tuple[float, bool]:
        """The return of one episode, and whether the environment ended it."""
        act, step, mean, std = self._act, self._environment.step, policy.mean, policy.std
        x, y = np.empty(self._shape, np.float32), np.empty(policy.outputs, np.float32)
        total, observing = 0.0, row < len(moments[0])
        observation = self._environment.reset(seed=start)[0]
        while True:
            x[:] = vector(observation, self._shape)
            if observing:
                _see(x, row, *moments)
            if mean is not None and std is not None:
                np.divide(np.subtract(x, mean, out=x), std, out=x)
            network(x, y)
            self._taken += 1
            outputs = y.tolist()
            if any(map(math.isnan, outputs)):
                return math.nan, False
            observation, reward, terminated, truncated, _ = step(act(outputs, ranges))
            total += float(reward)
            if terminated or truncated:
                return total, bool(terminated)
            if self._taken >= self.limit.next and self.limit.reached(self._taken):
                return total, False


class Start(NamedTuple):
    """Lanes that begin: lane p * B + b is genome p in the episode with start seed b, of starts (B,). ranges (P, O, 2): the
    intervals of its networks' outputs."""

    lanes: Sequence[int]
    starts: np.ndarray
    ranges: np.ndarray | None


class Ended(NamedTuple):
    """What K lanes gave, each (K,): NaN is the return of one whose network answered NaN."""

    returns: np.ndarray
    steps: np.ndarray
    terminated: np.ndarray


State = tuple[np.ndarray, np.ndarray, Ended | None]


class Lanes:
    """Lanes in flight, K, each in an environment of its own. observations (K, I): the last that each saw; alive (K,): which are
    not done; ended: what each gave so far."""

    def __init__(
        self,
        name: str,
        environments: Sequence[gymnasium.Env | Episode],
        inputs: int,
        act: Act,
        max_steps: int | None,
        start: Start,
    ):
        count, episodes = len(start.lanes), len(start.starts)
        self._name, self._shape, self._act = name, (inputs,), act
        self._limit = Limit(name, max_steps)
        self.observations = np.zeros((count, inputs), np.float32)
        self.ended = Ended(np.zeros(count), np.zeros(count, np.int64), np.zeros(count, bool))
        self.alive, self._live = np.ones(count, bool), list(range(count))
        self._places = [divmod(lane, episodes) for lane in start.lanes]
        self._ranges = None if start.ranges is None else [start.ranges[genome] for genome, _ in self._places]
        self._rows = list(self.observations)
        self._step = [environment.step for environment in environments[:count]]
        for k, (_, episode) in enumerate(self._places):
            try:
                self._rows[k][:] = vector(environments[k].reset(seed=int(start.starts[episode]))[0], self._shape)
            except Exception as error:
                raise self._failed(k, error) from error

    def step(self, outputs: np.ndarray) -> None:
        """One step of every lane that is not done. outputs (K, O). A lane whose network answered NaN ends, with return NaN."""
        returns, steps, terminated = self.ended
        steps += self.alive
        going = []
        rows = outputs.tolist()
        for k in self._live:
            if any(map(math.isnan, rows[k])):
                returns[k], self.alive[k] = math.nan, False
                continue
            try:
                action = self._act(rows[k], None if self._ranges is None else self._ranges[k])
                observation, reward, done, truncated, _ = self._step[k](action)
                returns[k] += float(reward)
                if done or truncated:
                    self.alive[k], terminated[k] = False, done
                else:
                    self._rows[k][:] = vector(observation, self._shape)
                    going.append(k)
            except Exception as error:
                raise self._failed(k, error) from error
        self._live = going
        if going and (taken := int(steps[going[0]])) >= self._limit.next:
            try:
                if self._limit.reached(taken):
                    self.alive[going], self._live = False, []
            except ValueError as endless:
                raise self._failed(going[0], endless) from endless

    @property
    def state(self) -> State:
        """What another process is told of a part."""
        return self.alive, self.observations, None if self.alive.any() else self.ended

    def _failed(self, k: int, error: Exception) -> RuntimeError:
        return failed(self._name, *self._places[k], int(self.ended.steps[k]), error)


class Limit:
    """How long an episode may last. next: the number of steps at which to ask `reached` again."""

    def __init__(self, name: str, max_steps: int | None):
        self._name, self._most = name, max_steps
        self.next = LONG if max_steps is None else max_steps

    def reached(self, taken: int) -> bool:
        """Whether the episode is truncated here. Raises ValueError for one without end where nothing limits it."""
        if self._most is not None:
            return True
        if taken >= LONGEST:
            raise ValueError(
                f"no end after {LONGEST:,} steps: set max_steps (task.max_steps), after which an episode is truncated"
            )
        self.next = LONGEST
        warnings.warn(
            f"{self._name}: an episode has taken {taken:,} steps and has not ended; max_steps (task.max_steps) truncates it",
            stacklevel=2,
        )
        return False


def vector(observation: npt.ArrayLike, shape: tuple[int]) -> np.ndarray:
    """An observation as an array of that shape. Raises ValueError for another."""
    seen = np.asarray(observation)
    if seen.shape != shape:
        raise ValueError(f"expected an observation of shape {shape}; got {seen.shape}")
    return seen


def failed(name: str, genome: int, episode: int, step: int, error: Exception) -> RuntimeError:
    return RuntimeError(
        f"{name}, genome {genome}, episode {episode}, step {step}: {type(error).__name__}: {error} "
        "(reset(seed) gives observation, info; step(action) gives observation, reward, terminated, truncated, info)"
    )
