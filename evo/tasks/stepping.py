"""Episodes step by step, in environments of Python: every lane that is not done takes a step, then all take the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evo.rollout.environment import Episode
from evo.tasks.actions import Action

if TYPE_CHECKING:
    import gymnasium

LONGEST = 100_000  # steps after which an episode without end is an error instead of a hang


class Lanes:
    """L = P * B environments in flight: genome p in the episode with start seed b is lane p * B + b."""

    def __init__(
        self, name: str, environments: Sequence[gymnasium.Env | Episode], genomes: int, seeds: np.ndarray, inputs: int
    ):
        count = genomes * len(seeds)
        self._name, self._episodes, self._shape = name, len(seeds), (inputs,)
        self.observations = np.zeros((count, inputs), np.float32)
        self.returns, self.steps = [0.0] * count, np.zeros(count, np.int64)
        self.alive, self.live, self.terminated = np.ones(count, bool), list(range(count)), np.zeros(count, bool)
        self._rows = list(self.observations)
        self._step = [environment.step for environment in environments[:count]]
        for lane, start in enumerate(np.tile(seeds, genomes).tolist()):
            try:
                self._see(lane, environments[lane].reset(seed=start)[0])
            except Exception as error:
                raise self._failed(lane, error) from error

    def step(self, actions: Sequence[Action] | np.ndarray, lost: list[bool]) -> None:
        """One step of every lane that is not done. A lane whose network answered NaN is `lost`: it ends, with return NaN."""
        self.steps += self.alive
        going = []
        for lane in self.live:
            if lost[lane]:
                self.returns[lane], self.alive[lane] = np.nan, False
                continue
            try:
                observation, reward, terminated, truncated, _ = self._step[lane](actions[lane])
                self.returns[lane] += float(reward)
                if terminated or truncated:
                    self.alive[lane], self.terminated[lane] = False, terminated
                else:
                    self._see(lane, observation)
                    going.append(lane)
            except Exception as error:
                raise self._failed(lane, error) from error
        self.live = going
        if going and self.steps[going[0]] >= LONGEST:
            endless = ValueError(f"no end after {LONGEST:,} steps; wrap the environment in gymnasium.wrappers.TimeLimit")
            raise self._failed(going[0], endless)

    def _see(self, lane: int, observation: npt.ArrayLike) -> None:
        observation = np.asarray(observation)
        if observation.shape != self._shape:
            raise ValueError(f"expected an observation of shape {self._shape}; got {observation.shape}")
        self._rows[lane][:] = observation

    def _failed(self, lane: int, error: Exception) -> RuntimeError:
        genome, episode = divmod(lane, self._episodes)
        return RuntimeError(
            f"{self._name}, genome {genome}, episode {episode}, step {self.steps[lane]}: {type(error).__name__}: {error} "
            "(reset(seed) gives observation, info; step(action) gives observation, reward, terminated, truncated, info)"
        )
