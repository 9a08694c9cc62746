"""Fused rollouts: one (genome, episode) is one lane, and lanes go in groups through one kernel, on all cores.

    episodes = rollout(environment, encoding.express(vectors), environment.starts(seeds))

The loop below is compiled with an environment (`evo.rollout.environment`: scalar functions) and a policy kind: how networks of
one kind compute, as a module with TYPE, `scratch(policy, lanes)`, `begin(policy, genome, scratch, lane)` and
`answer(policy, genomes, scratch, first, last, x, y)`, for columns first .. last of x (I, WIDTH) and y (O, WIDTH); for episodes
in Python also `alone(policy)`, genome -> Answer: its network, its state reset. Such are `evo.vectors.mlp_kernel` and
`evo.network.policy`. The kernel of each pair is generated once and cached (`evo.rollout.codegen`).

A group of WIDTH lanes takes a step together, in vector instructions: networks that are alike, others one after another; and
the environment, where its step has no loops and no calls into a C library (`evo.rollout.trigonometry`). Lanes share nothing,
so neither the number of threads nor the company of a lane changes a bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from evo import threads
from evo.core import counted
from evo.rollout.environment import Environment
from evo.rollout.groups import WIDTH, kernel_of

GROUPS = 4  # of a part: it ends with groups that are not full
Answer = Callable[[np.ndarray, np.ndarray], None]  # (x (I,), y (O,)), float32: writes the outputs for x


@dataclass(frozen=True)
class Policy:
    """P networks as a kernel reads them: what `policy()` of Phenotypes and of Models returns, if a kernel supports them.

    kind: the module that computes them; data: its arrays, of its TYPE. output_range (P, O, 2): the interval of each output,
    scaled to the bounds of an action; if it is infinite, tanh of the output is scaled instead; None: infinite for all.
    mean, std (I,) float32: standardise observations as (x - mean) / std; None: no standardisation. alike (P,): networks with
    equal numbers run quicker side by side; None: it makes no difference. on_card: kind and data are of `evo.rollout.cuda`.
    """

    kind: ModuleType
    data: tuple
    size: int
    inputs: int
    outputs: int
    output_range: np.ndarray | None = None
    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    alike: np.ndarray | None = None
    on_card: bool = False

    def __repr__(self) -> str:
        sizes = [counted(self.size, "network"), counted(self.inputs, "input"), counted(self.outputs, "output")]
        return f"Policy({self.kind.__name__}, {', '.join(sizes)})"


class Episodes(NamedTuple):
    """What P networks did in B episodes each: returns (P, B) float64, NaN where a network answered NaN; steps (P, B) int64;
    terminated (P, B) bool: the environment ended the episode. One that was not terminated and gave a return was truncated,
    after the environment's most steps."""

    returns: np.ndarray
    steps: np.ndarray
    terminated: np.ndarray

    @staticmethod
    def empty(networks: int, episodes: int) -> Episodes:
        shape = (networks, episodes)
        return Episodes(np.empty(shape), np.empty(shape, np.int64), np.empty(shape, np.bool_))


@runtime_checkable
class SupportsPolicy(Protocol):
    """Phenotypes or a Model that kernels may run: policy() is None where none does."""

    def policy(self) -> Policy | None: ...


def policy(networks: object) -> Policy | None:
    """Phenotypes or a Model as a Policy; None if no kernel supports the network or device."""
    return networks.policy() if isinstance(networks, SupportsPolicy) else None


def rollout(environment: Environment, networks: object, starts: np.ndarray, moments: Any = None) -> Episodes:
    """Every network in every episode: returns (P, B) float64 and number of steps (P, B) int64.

    networks: a Policy, or an object that has one. starts (B, S): initial states, such as `environment.starts(seeds)`; network
    state is reset before each episode. moments: `evo.tasks.normalization.LaneMoments` of P * B lanes, updated with all
    observations. A lane whose network outputs NaN ends there, with return NaN. Raises ValueError if no kernel supports the
    networks or a size does not fit, numba's error if a function does not compile.
    """
    chosen = networks if isinstance(networks, Policy) else policy(networks)
    if chosen is None:
        raise ValueError(
            f"no kernel runs {type(networks).__name__}: expected MLPs, recurrent ones (model.network=rnn) or NEAT's networks"
        )
    starts = np.ascontiguousarray(starts, np.float64)
    expected = (environment.size, environment.inputs, environment.outputs)
    got = (starts.shape[-1] if starts.ndim == 2 else starts.shape, chosen.inputs, chosen.outputs)
    if got != expected:
        raise ValueError(f"{environment.name}: expected numbers of a state, inputs and outputs {expected}; got {got}")
    episodes = Episodes.empty(chosen.size, len(starts))
    as_they_are = np.empty(0, np.float32)
    mean = as_they_are if chosen.mean is None else chosen.mean
    std = as_they_are if chosen.std is None else chosen.std
    seen = (moments.count, moments.mean, moments.m2) if moments is not None else (np.empty((0, 1)),) * 3
    ranges = chosen.output_range
    if ranges is None:
        ranges = np.broadcast_to([-np.inf, np.inf], (chosen.size, chosen.outputs, 2)).copy()
    if chosen.on_card:
        from evo.rollout import cuda

        cuda.rollout(environment, chosen, starts, ranges, (mean, std), seen, episodes)
        return episodes
    kernel, order = kernel_of(environment, chosen.kind), _order(chosen, len(starts))
    numbers = (environment.max_steps, environment.window)
    arrays = (starts, environment.bounds, ranges, mean, std, *seen, *episodes)
    run = lambda start, stop: kernel(start, stop, order, *numbers, *arrays, chosen.data)
    threads.each(run, len(order), grain=GROUPS * WIDTH)
    return episodes


def _order(policy: Policy, episodes: int) -> np.ndarray:
    """In which order lanes run (P * B,)."""
    if policy.alike is None:
        count = policy.size * episodes
        return np.arange(count) * spreading(count) % max(1, count)
    genomes = np.argsort(policy.alike, kind="stable")
    return (genomes[:, None] * episodes + np.arange(episodes)).ravel()


def spreading(count: int) -> int:
    """The k-th lane to run is k * stride % count: good genomes come first, so their long episodes are spread over threads."""
    stride = max(1, round(0.618 * count))
    while math.gcd(stride, count) > 1:
        stride += 1
    return stride
