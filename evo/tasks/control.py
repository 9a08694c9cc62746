"""Control: networks act in an environment, and fitness is the mean return over a few episodes.

One (genome, episode) is one lane. All genomes of a generation meet the same start seeds. MLPs and NEAT's networks on the cpu
answer one observation at a time, compiled: in a scalar environment (`evo.rollout.environment`) their lanes run fused
(`evo.rollout.lanes`), in Gymnasium's one after another, on all cores (`stepping`, `processes`). Every other network goes
tick by tick: each lane has an environment object of its own; Gymnasium's are kept for the task's life, and stepped on all
cores (`ticking`). A tick is one forward pass of fixed shape (P, B, I): lanes that are done stay in the batch and are ignored,
so no number depends on who has finished, or on how many processes there are. The reward of a lane's last step counts.

Terminology and step protocol: Towers et al.: Gymnasium: a standard interface for reinforcement learning environments (2024).
Gymnasium is imported when the first task is made.
"""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from evo import rng, threads
from evo.core import Deployment, Evaluation, Metric, Model, Phenotypes, Score, Task, counted
from evo.rollout.environment import Environment, Episode
from evo.rollout.lanes import Episodes, Policy, policy, rollout
from evo.rollout.recording import Film, offscreen, record
from evo.settings import did_you_mean, setting, settings
from evo.tasks import environments
from evo.tasks.actions import Action, acting, scalar_actions, space_actions
from evo.tasks.normalization import LaneMoments
from evo.tasks.processes import Helpers
from evo.tasks.stepping import LONGEST, Lanes, Start, Stepper
from evo.tasks.ticking import Lost, SharedLanes, ticked
from evo.vectors.modules import MLP

if TYPE_CHECKING:
    import gymnasium
    from matplotlib.figure import Figure

FILMED = 2000  # steps of a scalar environment that a film shows


@settings
class ControlSettings:
    """What a scenario of this kind lets its user set: the keywords of `ControlTask`. A subclass changes a default."""

    episodes: int = setting(3, "training episodes per genome; all genomes of a generation share their start seeds", low=1)
    validation_episodes: int = setting(20, "validation episodes of a generation's best, the same in every run", low=1)
    max_steps: int | None = setting(None, "steps after which an episode is truncated; none: as the environment says", low=1)
    normalize_observations: bool = setting(False, "standardise observations with running mean and std")
    solved: float | None = setting(None, "mean validation return at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


class ControlTask(Task):
    """An environment as a task.

    make: an `evo.rollout.environment.Environment`; or a Gymnasium id, or a callable that makes a `gymnasium.Env`, whose state
    after reset(seed) must be a function of the seed alone. Observations other than vectors are flattened (one-hot for discrete
    ones). Actions: argmax of O outputs for O choices; for bounded numbers, tanh of each output, scaled to low .. high, or the
    output itself, scaled, where networks say in which interval they answer (`output_range`). network(inputs, outputs): gives a
    fresh nn.Module, for the methods that need one; an `evo.MLP` by default. episodes: start seeds an evaluation;
    validation_episodes and test_episodes: fixed starts of their own, the same for every run. max_steps: an episode is truncated
    after so many steps, if it has not ended before; None: as the environment says. normalize_observations:
    `Evaluation.observations` holds what `evo.tasks.normalization` needs. solved: the mean validation return at which the task
    is solved; None: undefined. trials: where "validation" or "test" is another scalar environment than the one that gives
    fitness, it and the first states (B, S) of its episodes.

    Raises TypeError if `make` gives no environment, ValueError for a space that is not supported.
    """

    kind = "control"
    metric = Metric("return")

    def __init__(
        self,
        make: str | Environment | Callable[..., gymnasium.Env],
        *,
        network: Callable[[int, int], torch.nn.Module] = MLP,
        episodes: int = 1,
        max_steps: int | None = None,
        normalize_observations: bool = False,
        solved: float | None = None,
        validation_episodes: int = 20,
        test_episodes: int = 100,
        stop: str = "solved",
        trials: Mapping[str, tuple[Environment, np.ndarray]] | None = None,
    ):
        counts = {"episodes": episodes, "validation_episodes": validation_episodes, "test_episodes": test_episodes}
        for what, count in counts.items() if max_steps is None else (*counts.items(), ("max_steps", max_steps)):
            if not isinstance(count, Integral) or count < 1:
                raise ValueError(f"{what}: expected a whole number >= 1; got {count!r}")
        self.name = make if isinstance(make, str) else getattr(make, "name", getattr(make, "__name__", type(make).__name__))
        self.episodes, self.stop, self.normalize_observations = episodes, stop, normalize_observations
        self._make, self._network, self._solved = make, network, solved
        self._starts = {
            "validation": rng.words(0, 0, 0, rng.VALIDATION, validation_episodes),
            "test": rng.words(0, 0, 0, rng.TEST, test_episodes),
        }
        self._worlds = {split: world for split, (world, _) in (trials or {}).items()}
        self._starts |= {split: starts for split, (_, starts) in (trials or {}).items()}
        self._max_steps = max_steps
        self._environments: list[gymnasium.Env] = []
        self._helpers: list[Helpers] = []
        self.close = weakref.finalize(self, _close, self._environments, self._helpers)
        if isinstance(make, Environment):
            make.validate()
            self.inputs, self.outputs, self._act = make.inputs, make.outputs, scalar_actions(make)
            if max_steps is not None:
                self._make = dataclasses.replace(make, max_steps=min(make.max_steps, max_steps))
            return
        self.off_card = "Gymnasium's environments run on cores"
        environments.checked(make)
        self._environments.append(environments.made(make, self.name))
        made = type(self._environments[0].unwrapped)
        self._class = None if "<locals>" in made.__qualname__ else made  # what an id stands for
        self.inputs = self._environments[0].observation_space.shape[0]  # type: ignore[index]  # that of a Box
        self.outputs, self._act = space_actions(self._environments[0].action_space, self.name)

    def __getstate__(self) -> dict[str, object]:
        """Without the environments, which are made again where they are needed."""
        return {name: value for name, value in vars(self).items() if name not in ("_environments", "_helpers", "close")}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _environments=[], _helpers=[])
        self.close = weakref.finalize(self, _close, self._environments, self._helpers)

    def __repr__(self) -> str:
        sizes = f"{counted(self.inputs, 'input')}, {counted(self.outputs, 'output')}"
        return f"ControlTask({self.name}, {sizes}, {counted(self.episodes, 'episode')} an evaluation)"

    def network(self) -> torch.nn.Module:
        """A fresh network, (B, I) -> (B, O)."""
        return self._network(self.inputs, self.outputs)

    def deployment(self, model: Model) -> Deployment:
        """The model's network from observations (B, I) to actions (B, ...) as the environment takes them."""
        ranges = None if model.output_range is None else model.output_range[0]
        module = torch.nn.Sequential(model.to_module(), acting(self._act, ranges))
        return Deployment(module, torch.zeros(2, self.inputs), "actions", about={"kind": self.kind})

    def prepare(self, phenotypes: Phenotypes) -> None:
        """Compiles, or takes from disk, what such networks need here, so that no run's clock pays for it."""
        chosen = policy(phenotypes)
        for world in (self._make, *self._worlds.values()):
            if chosen is not None and isinstance(world, Environment):
                rollout(world, chosen, np.empty((0, world.size)))

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation:
        """Every genome on the start seeds (B,): fitness is the mean return, samples the steps really taken.

        Raises RuntimeError, naming task, genome and episode, if an environment fails or breaks its own declaration.
        """
        size = len(phenotypes)
        moments = LaneMoments(size * len(seeds), self.inputs) if self.normalize_observations else None
        forward = lambda x: phenotypes.forward(x.to(phenotypes.device))
        returns, steps, _ = self._rollout(phenotypes, forward, size, seeds, moments)
        return Evaluation(
            returns.mean(axis=1), samples=steps.sum(axis=1), observations=moments.merged() if moments is not None else None
        )

    def score(self, model: Model, split: str) -> Score | None:
        """Return and length over the fixed "validation" or "test" episodes; None for "train", whose starts are never fixed."""
        if split == "train":
            return None
        if split not in self._starts:
            raise ValueError(f"unknown split {split!r}{did_you_mean(split, ['train', *self._starts])}")
        returns, steps, _ = self.returns(model, self._starts[split], self._worlds.get(split))
        return _score(float(returns.mean()), float(returns.std()), float(steps.mean()), returns.size)

    def validated(self, evaluation: Evaluation, index: int, episodes: int) -> Score | None:
        """As of `Task`: where the only start of validation is the only one that there is, in the environment of fitness."""
        world, starts = self._worlds.get("validation"), self._starts["validation"]
        if type(self).score is not ControlTask.score:  # a subclass that scores in its own way
            return None
        if world is None or world != self._make or world.draws or episodes != 1 or evaluation.samples is None:
            return None
        fitness = float(evaluation.fitness[index])
        if not math.isfinite(fitness) or not np.array_equal(starts, world.starts([0])):
            return None
        return _score(fitness, 0.0, float(evaluation.samples[index]), 1)

    def solved(self, score: Mapping[str, float]) -> bool | None:
        return None if self._solved is None else score["return"] >= self._solved

    def returns(self, model: Model, starts: np.ndarray, environment: Environment | None = None) -> Episodes:
        """What a model does in episodes from `starts`, (1, B): start seeds (B,), or first states (B, S) of a scalar
        environment; `environment`: another one than the task's."""
        return self._rollout(model, lambda x: torch.as_tensor(model(x[0]))[None], 1, starts, environment=environment)

    def _rollout(
        self,
        networks: Phenotypes | Model,
        forward: Callable[[Tensor], Tensor],
        genomes: int,
        starts: np.ndarray,
        moments: LaneMoments | None = None,
        environment: Environment | None = None,
    ) -> Episodes:
        """What networks do in episodes, (P, B); `forward`: (P, B, I) -> (P, B, O)."""
        shape, world = (genomes, len(starts)), environment or self._make
        rest = (forward, shape, self.outputs, moments)
        networks.reset()
        chosen = policy(networks)
        if isinstance(world, Environment):
            starts = world.starts(starts) if np.ndim(starts) == 1 else starts
            if chosen is not None:
                return rollout(world, chosen, starts, moments)
            worlds = [Episode(world, first) for _ in range(genomes) for first in starts]
            start = Start(range(len(worlds)), np.zeros(len(starts), np.int64), networks.output_range)
            return ticked(self.name, Lanes(self.name, worlds, self.inputs, self._act, world.max_steps, start), *rest)
        if chosen is not None and not chosen.on_card:
            return self._stepped(chosen, world, np.asarray(starts), moments)
        start = Start(range(genomes * len(starts)), np.asarray(starts), networks.output_range)
        own = lambda part: Lanes(self.name, self._own(world, len(part.lanes)), self.inputs, self._act, self._max_steps, part)
        while True:
            try:
                return ticked(self.name, SharedLanes(self._others(world), own, start, self.inputs, threads.count()), *rest)
            except Lost:
                networks.reset()

    def _own(self, make: environments.Make, count: int) -> Sequence[gymnasium.Env]:
        """The environments of this process, at least so many."""
        while len(self._environments) < count:
            self._environments.append(environments.made(make, self.name))
        return self._environments

    def _others(self, make: environments.Make) -> Helpers:
        if not self._helpers:
            self._helpers.append(Helpers(self.name, make, self._max_steps))
        return self._helpers[0]

    def _stepped(self, networks: Policy, make: environments.Make, starts: np.ndarray, moments: LaneMoments | None) -> Episodes:
        """What networks do in a Gymnasium environment, lane by lane, here and in helpers."""
        if (networks.inputs, networks.outputs) != (self.inputs, self.outputs):
            expected = f"networks of {self.inputs} inputs and {self.outputs} outputs"
            raise ValueError(f"{self.name}: expected {expected}; got {networks.inputs} and {networks.outputs}")
        stepper = Stepper(self.name, self._own(make, 1)[0], self.inputs, self._act, self._max_steps)
        episodes = Episodes.empty(networks.size, len(starts))
        observe = moments is not None
        for lanes, found in self._others(make).run(stepper, networks, starts, observe, threads.count()):
            for whole, part in zip(episodes, found, strict=False):
                whole.flat[lanes] = part
            if moments is not None:
                moments.count[lanes], moments.mean[lanes], moments.m2[lanes] = found.moments
        return episodes

    def film(
        self,
        model: Model,
        split: str = "validation",
        episode: int = 0,
        frames: int = 500,
        mode: str = "rgb_array",
        rate: float = math.inf,
    ) -> Film:
        """One episode of a split, "validation" or "test", in an environment of its own, with at most `frames` frames, and about
        `rate` a second.

        mode "human": the environment shows itself in a window, and nothing is kept. The film's frames are None, and its
        `trouble` says why, where the environment cannot draw. Raises RuntimeError, naming task, episode and step, if the
        environment fails otherwise; ValueError for a split or an episode that is not there.
        """
        starts = self._fixed(split)
        if not 0 <= episode < len(starts):
            raise ValueError(f"episode: expected 0 to {len(starts) - 1}, of the {split} episodes; got {episode}")
        taken = 0
        ranges = None if model.output_range is None else model.output_range[0]

        def choose(observation: np.ndarray) -> Action | None:
            nonlocal taken
            rows = torch.as_tensor(np.asarray(observation, np.float32)[None])
            outputs = torch.as_tensor(model(rows))[0]
            taken += 1
            return None if torch.isnan(outputs).any() else self._act(outputs.tolist(), ranges)

        trouble = ""
        with offscreen() if mode == "rgb_array" else nullcontext():
            try:
                environment = self._shown(split, episode, mode)
            except Exception as error:  # it may well act without being able to draw
                trouble = f"{type(error).__name__}: {' '.join(str(error).split())}"
                environment = self._shown(split, episode, None)
            model.reset()
            try:
                start = 0 if starts.ndim == 2 else int(starts[episode])
                made = record(environment, choose, start, frames, self._max_steps or LONGEST, rate)
            except Exception as error:
                raise RuntimeError(
                    f"{self.name}, {split} episode {episode}, step {taken}: {type(error).__name__}: {error}"
                ) from error
            finally:
                environment.close()
        return dataclasses.replace(made, trouble=trouble or made.trouble)

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The first episode of a split, as a strip of frames or, where the environment cannot draw, as observations and
        actions over time; and the returns of all its episodes (matplotlib Figure). split: "validation" or "test"."""
        from evo.plots import figures

        starts = self._fixed(split)
        returns = self.returns(model, starts, self._worlds.get(split)).returns
        solved = None if split in self._worlds else self._solved
        return figures.episode(self.film(model, split, frames=4 * figures.SHOWN), returns[0], solved, self.name, split)

    def _shown(self, split: str, episode: int, mode: str | None) -> gymnasium.Env | Episode:
        """What a film of an episode is made in."""
        world, start = self._worlds.get(split, self._make), self._starts[split][episode]
        if not isinstance(world, Environment):
            return environments.made(world, self.name, mode)
        short = dataclasses.replace(world, max_steps=min(world.max_steps, FILMED))
        return Episode(short, start if np.ndim(start) else short.starts([start])[0], mode)

    def _fixed(self, split: str) -> np.ndarray:
        """The start seeds (B,) of "validation" or "test", or the first states (B, S)."""
        if split not in self._starts:
            raise ValueError(f"unknown split {split!r}{did_you_mean(split, self._starts)}; there are fixed starts for these")
        return self._starts[split]


def _score(mean: float, deviation: float, steps: float, count: int) -> Score:
    return {"return": mean, "return_std": deviation, "steps": steps, "fitness": mean, "n": count}


def _close(environments: list[gymnasium.Env], helpers: list[Helpers]) -> None:
    for helper in helpers:
        helper.close()
    for environment in environments:
        environment.close()
