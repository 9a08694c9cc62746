"""Fused rollouts: one (genome, episode) is one lane, and lanes go side by side through one kernel, on all cores.

    episodes = rollout(environment, encoding.express(vectors), environment.starts(seeds))

The loop below is compiled with an environment (`evo.rollout.environment`: scalar functions) and a policy kind: how networks of
one kind compute, as a module with TYPE, `scratch(policy, lanes)`, `begin(policy, genome, scratch, lane)` and
`answer(policy, genome, scratch, lane, x, y)`, for column `lane` of x (I, WIDTH); for episodes in Python also `alone(policy)`,
genome -> Answer: its network, its state reset. Such are `evo.vectors.mlp_kernel` and `evo.network.policy`. The kernel of each
pair is generated once and cached (`evo.rollout.codegen`).

A group of WIDTH lanes takes a step together: the networks one after another, the environment in vector instructions, where its
step has no loops and no calls into a C library (`evo.rollout.trigonometry`). Lanes share nothing, so neither the number of
threads nor the company of a lane changes a bit.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numba import types

from evo import threads
from evo.core import counted
from evo.rollout import codegen
from evo.rollout.environment import Environment

WIDTH = 8  # lanes in a group: two vectors of four float64

Answer = Callable[[np.ndarray, np.ndarray], None]  # (x (I,), y (O,)), float32: writes the outputs for x


@dataclass(frozen=True)
class Policy:
    """P networks as a kernel reads them: what `policy()` of Phenotypes and of Models returns, if a kernel supports them.

    kind: the module that computes them; data: its arrays, of its TYPE. output_range (P, O, 2): the interval of each output,
    scaled to the bounds of an action; if it is infinite, tanh of the output is scaled instead; None: infinite for all.
    mean, std (I,) float32: standardise observations as (x - mean) / std; None: no standardisation.
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
        raise ValueError(f"no kernel runs {type(networks).__name__}: expected MLPs or NEAT's networks, on the cpu")
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
    kernel, stride = _kernel(environment, chosen.kind), spreading(episodes.returns.size)
    numbers = (environment.max_steps, environment.window)
    arrays = (starts, environment.bounds, ranges, mean, std, *seen, *episodes)
    threads.each(lambda a, b: kernel(a, b, stride, *numbers, *arrays, chosen.data), episodes.returns.size)
    return episodes


def spreading(count: int) -> int:
    """The k-th lane to run is k * stride % count: good genomes come first, so their long episodes are spread over threads."""
    stride = max(1, round(0.618 * count))
    while math.gcd(stride, count) > 1:
        stride += 1
    return stride


# The loop in plain Python. For compilation these names are bound to an environment's and a policy kind's functions.


def unbound(*_: object) -> Any:
    raise RuntimeError("bound to a function of the environment or policy when a kernel is compiled")


episode_return = scratch = begin = answer = unbound
enter = see = act = advance = unbound  # defined in TEMPLATE
X = ACTION = ALIVE = TAKEN = TOTAL = REWARD = OVER = 0  # rows of a group, after those of the states


def lanes(
    start,
    stop,
    stride,
    longest,
    window,
    starts,
    bounds,
    ranges,
    mean,
    std,
    count,
    centre,
    m2,
    returns,
    steps,
    terminated,
    policy,
):
    """Runs the lanes from position start to stop. Lane g * B + b is genome g in episode b.

    WIDTH lanes are a group, which goes step by step; where a lane ends, the next takes its place. starts (B, S); bounds (2, A);
    ranges (P, O, 2); mean, std (I,), or (0,): observations stay as they are; count (L, 1), centre and m2 (L, I): moments, L may
    be 0.
    """
    group, y = np.zeros((OVER + 1) * WIDTH), np.empty(ranges.shape[1])
    x = group[X * WIDTH : ACTION * WIDTH].reshape(ACTION - X, WIDTH)
    alive, taken = group[ALIVE * WIDTH :], group[TAKEN * WIDTH :]
    total, reward, over = group[TOTAL * WIDTH :], group[REWARD * WIDTH :], group[OVER * WIDTH :]
    recorded = np.zeros((WIDTH, max(1, window)))
    lane, genome, episode = np.full(WIDTH, -1), np.zeros(WIDTH, np.int64), np.zeros(WIDTH, np.int64)
    working = scratch(policy, WIDTH)
    first, last, ended = 0, WIDTH, 1
    while True:
        if ended > 0:
            for w in range(first, last):
                if lane[w] >= 0 and (alive[w] == 0.0 or over[w] > 0.0 or taken[w] >= longest):
                    recent, t = 0.0, int(taken[w])
                    for k in range(max(0, t - window), t):
                        recent += recorded[w, k % window]
                    value = math.nan if math.isnan(total[w]) else episode_return(total[w], recent, t)
                    returns[genome[w], episode[w]], steps[genome[w], episode[w]] = value, t
                    terminated[genome[w], episode[w]] = over[w] > 0.0
                    lane[w], alive[w] = -1, 0.0
            first, last, ended = WIDTH, 0, 0
            for w in range(WIDTH):
                if lane[w] < 0 and start < stop:
                    lane[w] = start * stride % returns.size
                    genome[w], episode[w] = lane[w] // starts.shape[0], lane[w] % starts.shape[0]
                    begin(policy, genome[w], working, w)
                    enter(group, w, starts, episode[w], bounds)
                    alive[w], taken[w], total[w], over[w] = 1.0, 0.0, 0.0, 0.0
                    start += 1
                if lane[w] >= 0:
                    first, last = min(first, w), w + 1
            if last == 0:
                return
        see(group, first, last)
        for w in range(first, last):
            if lane[w] < 0:
                continue
            if lane[w] < count.shape[0]:
                update_moments(x[:, w], lane[w], count, centre, m2)
            for i in range(mean.size):
                x[i, w] = (np.float32(x[i, w]) - mean[i]) / std[i]
            answer(policy, genome[w], working, w, x, y)
            if has_nan(y):
                alive[w], taken[w], total[w] = 0.0, taken[w] + 1.0, math.nan
                ended += 1
            else:
                act(group, w, y, bounds, ranges, genome[w])
        ended += advance(group, first, last, longest)
        if window > 0:
            for w in range(first, last):
                recorded[w, (int(taken[w]) - 1) % window] = reward[w]


def update_moments(x, lane, count, mean, m2):
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


def argmax(y):
    """The discrete action: the index of the largest output; ties to the first."""
    best = 0
    for o in range(1, y.size):
        best = o if y[o] > y[best] else best
    return best


def scaled(output, bottom, top, low, high):
    """An output scaled from low .. high to bottom .. top, clipped; if low is infinite, tanh of it from -1 .. 1."""
    unit = math.tanh(output) if math.isinf(low) else 2.0 * (output - low) / (high - low) - 1.0
    return min(max(0.5 * (bottom + top) + 0.5 * (top - bottom) * unit, bottom), top)


def total_reward(total, recent, steps):
    return total


# The generated file unrolls what depends on the sizes of state, observation and action. A group is one flat array, of rows of
# WIDTH numbers: LLVM then sees that no row overlaps another, and turns the loops over lanes into vector instructions. Unsigned
# bounds say that no index is counted from the end.
TEMPLATE = '''"""Generated by evo.rollout.lanes. It may be deleted: it is generated and compiled again when needed."""

import numpy as np
from numba import njit

from evo.rollout.codegen import compiled
from evo.rollout.lanes import lanes

{rows}


@njit(nogil=True)
def enter(group, w, starts, episode, bounds):
    """The first state of an episode, and an action that is allowed."""
    for k in range(starts.shape[1]):
        group[k * {width} + w] = starts[episode, k]
    for k in range(bounds.shape[1]):
        group[(ACTION + k) * {width} + w] = bounds[0, k]


@njit(nogil=True, error_model="numpy")
def see(group, first, last):
    """The observations of lanes first .. last."""
    lowest, lanes = np.uint32(first), np.uint32(last - first)
    for k in range(lanes):
        w = lowest + k
        ({seen},) = observe(({state},))
        {store_seen}


@njit(nogil=True)
def act(group, w, y, bounds, ranges, genome):
    {store_action}


@njit(nogil=True, error_model="numpy")
def advance(group, first, last, longest):
    """A step of lanes first .. last; how many of them end with it. What has ended stays as it is."""
    ended = 0
    lowest, lanes = np.uint32(first), np.uint32(last - first)
    for k in range(lanes):
        w = lowest + k
        ({following},), reward, over = step(({state},), {action})
        if group[ALIVE * {width} + w] > 0.0:
            {store_state}
            group[REWARD * {width} + w] = float(reward)
            group[TOTAL * {width} + w] += float(reward)
            group[TAKEN * {width} + w] += 1.0
            group[OVER * {width} + w] = 1.0 if over else 0.0
            if over or group[TAKEN * {width} + w] >= longest:
                ended += 1
    return ended


lanes = compiled(lanes, __name__, globals())


@njit(TYPES, cache=True, nogil=True, error_model="numpy")
def run({arguments}):
    lanes({arguments})
'''


@lru_cache(maxsize=64)
def _kernel(environment: Environment, kind: ModuleType) -> Callable[..., None]:
    """The compiled loop of an environment and a policy kind."""
    listed = lambda pattern, count, mark=", ": mark.join(pattern.format(k, WIDTH) for k in range(count))
    size, choices = environment.size, isinstance(environment.actions, int)
    names = ["X"] * environment.inputs + ["ACTION"] * (1 if choices else environment.outputs)
    first_rows = {name: size + k for k, name in reversed([*enumerate([*names, "ALIVE", "TAKEN", "TOTAL", "REWARD", "OVER"])])}
    parts = "scaled(y[{0}], bounds[0, {0}], bounds[1, {0}], ranges[genome, {0}, 0], ranges[genome, {0}, 1])"
    given = "group[(ACTION + {0}) * {1} + w]"
    text = TEMPLATE.format(
        arguments=", ".join(inspect.signature(lanes).parameters),
        width=WIDTH,
        rows="\n".join(f"{name} = {row}" for name, row in first_rows.items()),
        state=listed("group[{0} * {1} + w]", size),
        seen=listed("x{0}", environment.inputs),
        store_seen=listed("group[(X + {0}) * {1} + w] = np.float32(x{0})", environment.inputs, "\n        "),
        following=listed("s{0}", size),
        store_state=listed("group[{0} * {1} + w] = float(s{0})", size, "\n            "),
        action=f"np.float64({given.format(0, WIDTH)}).view(np.int64)"
        if choices
        else listed(given, 1)
        if environment.outputs == 1
        else f"({listed(given, environment.outputs)})",
        store_action=given.format(0, WIDTH) + " = np.int64(argmax(y)).view(np.float64)"
        if choices
        else listed(given + " = " + parts, environment.outputs, "\n    "),
    )
    whole, flat, rows = types.int64, types.float32[::1], types.float64[:, ::1]
    signature = types.void(
        *(whole,) * 5,
        *(rows,) * 2,
        types.float64[:, :, ::1],
        flat,
        flat,
        *(rows,) * 4,
        types.int64[:, ::1],
        types.boolean[:, ::1],
        kind.TYPE,
    )
    functions = {
        "observe": environment.observe,
        "step": environment.step,
        "episode_return": environment.episode_return or total_reward,
        **{name: getattr(kind, name) for name in ("scratch", "begin", "answer")},
        "argmax": argmax,
        "scaled": scaled,
        "TYPES": signature,
    }
    return codegen.module(f"rollout_{environment.name}", text, functions, lanes).run
