"""Fused rollouts: one (genome, episode) is one lane, run to its end inside one kernel, on all cores.

    returns, steps = rollout(environment, encoding.express(vectors), environment.starts(seeds))

The loop below is compiled together with an environment (`evo.rollout.environment`: scalar functions) and a policy: how
networks of one kind compute, as a module with `memory(policy)`, `begin(policy, genome, room)`, `answer(policy, genome, room,
x, y)` and TYPE, such as `evo.vectors.mlp_kernel` and `evo.network.policy`. The kernel of each pair is generated once and kept
(`evo.rollout.codegen`). No lane reads what another writes, so neither the threads nor how the lanes are cut change a bit.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numba import types

from evo import threads
from evo.core import counted
from evo.rollout import codegen
from evo.rollout.environment import Environment


@dataclass(frozen=True)
class Policy:
    """P networks as a kernel reads them: what `policy()` of Phenotypes and of Models gives, where there is a kernel for them.

    kind: the module that computes them; data: its arrays, of its TYPE. output_range (P, O, 2): the interval that each output
    lies in, which is scaled to the bounds of an action; where it is infinite, tanh of the output is; None: it is so for all.
    mean, std (I,) float32: networks see (x - mean) / std; None: x.
    """

    kind: ModuleType
    data: tuple
    size: int
    inputs: int
    outputs: int
    output_range: np.ndarray | None = None
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def __repr__(self) -> str:
        sizes = [counted(self.size, "network"), counted(self.inputs, "input"), counted(self.outputs, "output")]
        return f"Policy({self.kind.__name__}, {', '.join(sizes)})"


@runtime_checkable
class SupportsPolicy(Protocol):
    """Phenotypes or a Model that kernels may run: policy() is None where none does."""

    def policy(self) -> Policy | None: ...


def policy(networks: object) -> Policy | None:
    """Phenotypes or a Model as a Policy; None where no kernel runs them: other networks, or another device than the cpu."""
    return networks.policy() if isinstance(networks, SupportsPolicy) else None


def rollout(
    environment: Environment, networks: object, starts: np.ndarray, moments: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Every network in every episode: returns (P, B) float64 and steps taken (P, B) int64.

    networks: a Policy, or what has one. starts (B, S): the first states, such as `environment.starts(seeds)`; what a network
    remembers is cleared before each. moments: `evo.tasks.normalization.LaneMoments` of P * B lanes, to which all that is seen
    is added. A lane whose network answers NaN ends there, with return NaN. Raises ValueError if no kernel runs the networks or
    a size does not fit, numba's error if a function does not compile.
    """
    chosen = networks if isinstance(networks, Policy) else policy(networks)
    if chosen is None:
        raise ValueError(f"no kernel runs {type(networks).__name__}: expected MLPs or NEAT's networks, on the cpu")
    starts = np.ascontiguousarray(starts, np.float64)
    expected = (environment.size, environment.inputs, environment.outputs)
    got = (starts.shape[-1] if starts.ndim == 2 else starts.shape, chosen.inputs, chosen.outputs)
    if got != expected:
        raise ValueError(f"{environment.name}: expected numbers of a state, inputs and outputs {expected}; got {got}")
    returns, steps = np.empty((chosen.size, len(starts))), np.empty((chosen.size, len(starts)), np.int64)
    mean = np.zeros(chosen.inputs, np.float32) if chosen.mean is None else chosen.mean
    std = np.ones(chosen.inputs, np.float32) if chosen.std is None else chosen.std
    seen = (moments.count, moments.mean, moments.m2) if moments is not None else (np.empty((0, 1)),) * 3
    ranges = chosen.output_range
    if ranges is None:
        ranges = np.broadcast_to([-np.inf, np.inf], (chosen.size, chosen.outputs, 2)).copy()
    kernel, stride = _kernel(environment, chosen.kind), _stride(returns.size)
    numbers = (environment.steps, environment.window)
    arrays = (starts, environment.bounds, ranges, mean, std, *seen, returns, steps)
    threads.each(lambda a, b: kernel(a, b, stride, *numbers, *arrays, chosen.data), returns.size)
    return returns, steps


def _stride(count: int) -> int:
    """The k-th lane to run is k * stride % count: good parents stand first, and their long episodes are spread over threads."""
    stride = max(1, round(0.618 * count))
    while math.gcd(stride, count) > 1:
        stride += 1
    return stride


# The loop: plain Python, which is compiled with what stands under these names for an environment and a kind of policy.


def given(*_: object) -> Any:
    raise RuntimeError("a function of the environment or the policy, which a kernel brings")


observe = step = value = memory = begin = answer = given
first = floats = see = act = given  # these are in TEMPLATE


def lanes(start, stop, stride, longest, window, starts, bounds, ranges, mean, std, count, centre, m2, returns, steps, policy):
    """Runs the lanes that come start-th to stop-th. Lane g * B + b is genome g in episode b.

    starts (B, S); bounds (2, A); ranges (P, O, 2); mean, std (I,); count (L, 1), centre and m2 (L, I): moments, L may be 0.
    """
    x, y = np.empty(mean.size, np.float32), np.empty(ranges.shape[1])
    recorded = np.zeros(max(1, window))
    room = memory(policy)
    for k in range(start, stop):
        lane = k * stride % returns.size
        genome, episode = lane // starts.shape[0], lane % starts.shape[0]
        begin(policy, genome, room)
        state = first(starts[episode])
        total, taken, over = 0.0, 0, False
        while not over and taken < longest:
            see(x, observe(state))
            if lane < count.shape[0]:
                gather(x, lane, count, centre, m2)
            for i in range(x.size):
                x[i] = (x[i] - mean[i]) / std[i]
            answer(policy, genome, room, x, y)
            taken += 1
            if has_nan(y):
                total = math.nan
                break
            following, reward, ended = step(state, act(y, bounds, ranges[genome]))
            state, over = floats(following), bool(ended)
            total += reward
            recorded[(taken - 1) % recorded.size] = reward
        recent = 0.0
        for t in range(max(0, taken - window), taken):
            recent += recorded[t % recorded.size]
        returns[genome, episode] = math.nan if math.isnan(total) else value(total, recent, taken)
        steps[genome, episode] = taken


def gather(x, lane, count, mean, m2):
    """Adds x (I,) to the moments of a lane (Welford, 1962)."""
    count[lane, 0] += 1.0
    for i in range(x.size):
        delta = x[i] - mean[lane, i]
        mean[lane, i] += delta / count[lane, 0]
        m2[lane, i] += delta * (x[i] - mean[lane, i])


def has_nan(y):
    found = False
    for o in range(y.size):
        found |= math.isnan(y[o])
    return found


def largest(y):
    """The choice: the place of the largest output, of equals the first."""
    best = 0
    for o in range(1, y.size):
        if y[o] > y[best]:
            best = o
    return best


def scaled(output, bottom, top, low, high):
    """An output as a number of an action: low .. high becomes bottom .. top; where low is infinite, tanh of it does."""
    unit = math.tanh(output) if math.isinf(low) else 2.0 * (output - low) / (high - low) - 1.0
    return min(max(0.5 * (bottom + top) + 0.5 * (top - bottom) * unit, bottom), top)


def total_reward(total, recent, steps):
    return total


# What depends on how many numbers a state, an observation and an action have is spelt out in the generated file.
TEMPLATE = '''"""Generated by evo.rollout.lanes. It may be deleted: it is made again, and compiled again, when it is needed."""

from numba import njit

from evo.rollout.codegen import compiled
from evo.rollout.lanes import lanes


@njit(nogil=True)
def first(row):
    return ({row},)


@njit(nogil=True)
def floats(state):
    ({numbers},) = state
    return ({as_floats},)


@njit(nogil=True)
def see(x, seen):
    ({seen},) = seen


@njit(nogil=True)
def act(y, bounds, ranges):
    return {action}


lanes = compiled(lanes, __name__, globals())


@njit(TYPES, cache=True, nogil=True, error_model="numpy")
def run({arguments}):
    lanes({arguments})
'''


@lru_cache(maxsize=64)
def _kernel(environment: Environment, kind: ModuleType) -> Callable[..., None]:
    """The compiled loop of an environment and a kind of policy."""
    listed = lambda pattern, count: ", ".join(pattern.format(k) for k in range(count))
    size, choices = environment.size, isinstance(environment.actions, int)
    parts = listed("scaled(y[{0}], bounds[0, {0}], bounds[1, {0}], ranges[{0}, 0], ranges[{0}, 1])", environment.outputs)
    text = TEMPLATE.format(
        arguments=", ".join(inspect.signature(lanes).parameters),
        row=listed("row[{}]", size),
        numbers=listed("s{}", size),
        as_floats=listed("float(s{})", size),
        seen=listed("x[{}]", environment.inputs),
        action="largest(y)" if choices else parts if environment.outputs == 1 else f"({parts})",
    )
    whole, flat, rows = types.int64, types.float32[::1], types.float64[:, ::1]
    signature = types.void(
        *(whole,) * 5, *(rows,) * 2, types.float64[:, :, ::1], flat, flat, *(rows,) * 4, types.int64[:, ::1], kind.TYPE
    )
    functions = {
        "observe": environment.observe,
        "step": environment.step,
        "value": environment.value or total_reward,
        **{name: getattr(kind, name) for name in ("memory", "begin", "answer")},
        "largest": largest,
        "scaled": scaled,
        "TYPES": signature,
    }
    return codegen.module(f"rollout_{environment.name}", text, functions, lanes).run
