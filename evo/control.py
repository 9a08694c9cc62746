"""Control: networks act in a Gymnasium environment, and fitness is the mean return over a few episodes.

One (genome, episode) is one lane with an environment object of its own, kept for the task's life. All genomes of a
generation meet the same start seeds. A tick is one forward pass of fixed shape (P, B, I): lanes that are done stay in
the batch and are ignored, so no number depends on who has finished. `done` latches: a lane that has terminated or was
truncated is not stepped again; the reward of its last step counts.

Terminology and step protocol: Towers et al.: Gymnasium: a standard interface for reinforcement learning environments (2024).
Gymnasium is imported when the first task is made.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo import rng
from evo.core import Evaluation, Metric, Model, Phenotypes
from evo.normalization import LaneMoments
from evo.settings import did_you_mean, setting, settings

LONGEST = 100_000  # steps after which an episode without end is an error instead of a hang


@settings
class ControlSettings:
    """What a scenario of this kind lets its user set: the keywords of `ControlTask`. A subclass changes a default."""

    episodes: int = setting(3, "episodes that score a genome; their start seeds are the generation's", low=1)
    validation_episodes: int = setting(20, "episodes that judge a generation's best, the same ones in every run", low=1)
    normalize_observations: bool = setting(False, "networks see observations minus mean, over std, of all seen so far")
    solved: float | None = setting(None, "mean validation return at which the task is solved; none: undefined")
    stop: str = setting("solved", '"budget" goes on when solved', choices=("solved", "budget"))


class ControlTask:
    """A Gymnasium environment as a task.

    make: an environment id, or a callable that makes a `gymnasium.Env`. Its state after reset(seed) must be a function
    of the seed alone. Observations other than vectors are flattened (one-hot for a discrete one). Actions: argmax of O
    outputs for Discrete(O); for a bounded Box, tanh of each output, scaled to low .. high.
    network(inputs, outputs): gives a fresh nn.Module, for the methods that need one.
    episodes: start seeds an evaluation; validation_episodes and test_episodes: fixed starts of their own, the same for
    every run. normalize_observations: `Evaluation.observations` holds what `evo.normalization` needs.
    solved: the mean validation return at which the task is solved; None: undefined.

    Raises TypeError if `make` gives no environment, ValueError for a space that is not supported.
    """

    kind = "control"
    metric = Metric("return")

    def __init__(
        self,
        make: str | Callable[[], Any],
        *,
        network: Callable[[int, int], torch.nn.Module],
        episodes: int = 1,
        normalize_observations: bool = False,
        solved: float | None = None,
        validation_episodes: int = 20,
        test_episodes: int = 100,
        stop: str = "solved",
    ):
        self.name = make if isinstance(make, str) else getattr(make, "__name__", type(make).__name__)
        self.episodes, self.stop, self.normalize_observations = episodes, stop, normalize_observations
        self._make, self._network, self._solved = make, network, solved
        self._starts = {
            "validation": rng.words(0, 0, 0, rng.VALIDATION, validation_episodes),
            "test": rng.words(0, 0, 0, rng.TEST, test_episodes),
        }
        self._environments = [self._environment()]
        self.close = weakref.finalize(self, _close, self._environments)
        self.inputs = self._environments[0].observation_space.shape[0]
        self.outputs, self._act = _actions(self._environments[0].action_space, self.name)

    def _environment(self) -> Any:
        import gymnasium
        from gymnasium.spaces import Box

        made = gymnasium.make(self._make, disable_env_checker=True) if isinstance(self._make, str) else self._make()
        if not isinstance(made, gymnasium.Env):
            raise TypeError(f"{self.name}: expected it to make a gymnasium.Env; got {type(made).__name__}")
        space = made.observation_space
        if not (isinstance(space, Box) and len(space.shape) == 1):
            made = gymnasium.wrappers.FlattenObservation(made)
        return made

    def network(self) -> torch.nn.Module:
        """A fresh network, (B, I) -> (B, O)."""
        return self._network(self.inputs, self.outputs)

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation:
        """Every genome on the start seeds (B,): fitness is the mean return, samples the steps really taken.

        Raises RuntimeError, naming task, genome and episode, if an environment fails or breaks its own declaration.
        """
        phenotypes.reset()
        size = len(phenotypes)
        moments = LaneMoments(size * len(seeds), self.inputs) if self.normalize_observations else None
        forward = lambda x: phenotypes.forward(x.to(phenotypes.device))
        returns, steps = self._rollout(forward, size, seeds, moments)
        return Evaluation(
            returns.mean(axis=1), samples=steps.sum(axis=1), observations=moments.merged() if moments is not None else None
        )

    def score(self, model: Model, split: str) -> dict[str, float] | None:
        """Return and length over the fixed "validation" or "test" episodes; None for "train", whose starts are never fixed."""
        if split == "train":
            return None
        if split not in self._starts:
            raise ValueError(f"unknown split {split!r}{did_you_mean(split, ['train', *self._starts])}")
        model.reset()
        returns, steps = self._rollout(lambda x: torch.as_tensor(model(x[0]))[None], 1, self._starts[split])
        mean = float(returns.mean())
        return {
            "return": mean,
            "return_std": float(returns.std()),
            "steps": float(steps.mean()),
            "fitness": mean,
            "n": returns.size,
        }

    def solved(self, score: Mapping[str, float]) -> bool | None:
        return None if self._solved is None else score["return"] >= self._solved

    def _rollout(
        self, forward: Callable[[Tensor], Tensor], genomes: int, seeds: np.ndarray, moments: LaneMoments | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns (P, B) float64 and steps (P, B) from the start seeds (B,); `forward`: (P, B, I) -> (P, B, O)."""
        shape = (genomes, len(seeds))
        while len(self._environments) < genomes * len(seeds):
            self._environments.append(self._environment())
        lanes = _Lanes(self.name, self._environments, genomes, np.asarray(seeds), self.inputs)
        x = torch.from_numpy(lanes.observations).view(*shape, self.inputs)
        while lanes.live:
            if moments is not None:
                moments.add(lanes.observations, lanes.alive)
            with torch.no_grad():
                outputs = forward(x).cpu()
            if outputs.shape != (*shape, self.outputs):
                raise ValueError(f"{self.name}: expected outputs of shape {(*shape, self.outputs)}; got {tuple(outputs.shape)}")
            outputs = outputs.reshape(-1, self.outputs)
            lanes.step(self._act(outputs), torch.isnan(outputs).any(dim=1).tolist())
        return np.array(lanes.returns).reshape(shape), lanes.steps.reshape(shape)

    def figure(self, model: Model) -> Any:
        """Returns of the validation episodes, and what the model observed in the first of them (matplotlib Figure)."""
        from matplotlib.figure import Figure

        seen: list[np.ndarray] = []

        def watched(x: Tensor) -> Tensor:
            seen.append(x[0, 0].numpy().copy())
            return torch.as_tensor(model(x[0]))[None]

        model.reset()
        self._rollout(watched, 1, self._starts["validation"][:1])
        model.reset()
        returns, _ = self._rollout(lambda x: torch.as_tensor(model(x[0]))[None], 1, self._starts["validation"])
        figure = Figure(figsize=(9, 3.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.hist(returns[0], bins=20)
        if self._solved is not None:
            left.axvline(self._solved, color="black", linestyle="--", label=f"solved at {self._solved:g}")
            left.legend()
        left.set(xlabel="return", ylabel="validation episodes", title=self.name)
        for k, values in enumerate(np.array(seen).T):
            right.plot(values, label=str(k))
        right.set(xlabel="step", ylabel="observation", title="first episode")
        right.legend(fontsize="small", ncols=2)
        return figure


class _Lanes:
    """L = P * B environments in flight: genome p in the episode with start seed b is lane p * B + b."""

    def __init__(self, name: str, environments: list[Any], genomes: int, seeds: np.ndarray, inputs: int):
        count = genomes * len(seeds)
        self._name, self._episodes, self._shape = name, len(seeds), (inputs,)
        self.observations = np.zeros((count, inputs), np.float32)
        self.returns, self.steps = [0.0] * count, np.zeros(count, np.int64)
        self.alive, self.live = np.ones(count, bool), list(range(count))
        self._rows = list(self.observations)
        self._step = [environment.step for environment in environments[:count]]
        for lane, start in enumerate(np.tile(seeds, genomes).tolist()):
            try:
                self._see(lane, environments[lane].reset(seed=start)[0])
            except Exception as error:
                raise self._failed(lane, error) from error

    def step(self, actions: Any, lost: list[bool]) -> None:
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
                    self.alive[lane] = False
                else:
                    self._see(lane, observation)
                    going.append(lane)
            except Exception as error:
                raise self._failed(lane, error) from error
        self.live = going
        if going and self.steps[going[0]] >= LONGEST:
            error = ValueError(f"no end after {LONGEST:,} steps; wrap the environment in gymnasium.wrappers.TimeLimit")
            raise self._failed(going[0], error)

    def _see(self, lane: int, observation: Any) -> None:
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


def _actions(space: Any, name: str) -> tuple[int, Callable[[Tensor], Any]]:
    """Outputs O that a space of actions needs, and what turns outputs (L, O) into one action a lane."""
    from gymnasium.spaces import Box, Discrete

    if isinstance(space, Discrete):
        start = int(space.start)
        return int(space.n), lambda outputs: (outputs.argmax(dim=1) + start).tolist()
    if not isinstance(space, Box):
        raise ValueError(f"{name}: expected a Discrete or Box space of actions; got {space}: wrap the environment")
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise ValueError(f"{name}: actions are scaled to low .. high, which must be finite; got {space}: wrap the environment")
    centre, half = (space.low.astype(np.float64) + space.high) / 2, (space.high.astype(np.float64) - space.low) / 2

    def scaled(outputs: Tensor) -> np.ndarray:
        unit = torch.tanh(outputs).numpy().reshape(-1, *space.shape)
        return np.clip(centre + half * unit, space.low, space.high).astype(space.dtype)

    return int(np.prod(space.shape)), scaled


def _close(environments: list[Any]) -> None:
    for environment in environments:
        environment.close()
