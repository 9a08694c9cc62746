"""The kernel of episodes: groups of lanes go through one loop with the functions of an environment and of a policy kind.

The loop is plain Python here; `kernel_of` has it compiled, once for each pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numba import types

from evo.rollout import codegen
from evo.rollout.environment import Environment

WIDTH = 8  # lanes in a group: two vectors of four float64

# The loop in plain Python. For compilation these names are bound to an environment's and a policy kind's functions.


def unbound(*_: object) -> Any:
    raise RuntimeError("bound to a function of the environment or policy when a kernel is compiled")


episode_return = scratch = begin = answer = unbound
enter = see = act = advance = unbound  # defined in TEMPLATE
X = ACTION = ALIVE = TAKEN = TOTAL = REWARD = OVER = 0  # rows of a group, after those of the states


def lanes(
    start,
    stop,
    order,
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
    """Runs lanes order[start] .. order[stop - 1]. Lane g * B + b is genome g in episode b.

    WIDTH lanes are a group, which goes step by step; where a lane ends, the next takes its place. starts (B, S); bounds (2, A);
    ranges (P, O, 2); mean, std (I,), or (0,): observations stay as they are; count (L, 1), centre and m2 (L, I): moments, L may
    be 0.
    """
    group, y = np.zeros((OVER + 1) * WIDTH), np.zeros((ranges.shape[1], WIDTH))
    x = group[X * WIDTH : ACTION * WIDTH].reshape(ACTION - X, WIDTH)
    alive, taken = group[ALIVE * WIDTH :], group[TAKEN * WIDTH :]
    total, reward, over = group[TOTAL * WIDTH :], group[REWARD * WIDTH :], group[OVER * WIDTH :]
    recorded = np.zeros((WIDTH, max(1, window)))
    lane, genome, episode = np.full(WIDTH, -1), np.full(WIDTH, -1), np.zeros(WIDTH, np.int64)
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
                    lane[w], genome[w], alive[w] = -1, -1, 0.0
            first, last, ended = WIDTH, 0, 0
            for w in range(WIDTH):
                if lane[w] < 0 and start < stop:
                    lane[w] = order[start]
                    genome[w], episode[w] = lane[w] // starts.shape[0], lane[w] % starts.shape[0]
                    begin(policy, genome[w], working, w)
                    enter(group, w, starts, episode[w], bounds)
                    alive[w], taken[w], total[w], over[w] = 1.0, 0.0, 0.0, 0.0
                    start += 1
                if lane[w] >= 0:
                    first, last = min(first, w), w + 1
            if last == 0:
                return
            for w in range(first + 1, last):  # step() and observe() are asked of every lane between: of no state after an end
                if lane[w] < 0:
                    for k in range(ALIVE):
                        group[k * WIDTH + w] = group[k * WIDTH + first]
        see(group, first, last)
        for w in range(first, last):
            if lane[w] < 0:
                continue
            if lane[w] < count.shape[0]:
                update_moments(x[:, w], lane[w], count, centre, m2)
            for i in range(mean.size):
                x[i, w] = (np.float32(x[i, w]) - mean[i]) / std[i]
        answer(policy, genome, working, first, last, x, y)
        for w in range(first, last):
            if lane[w] < 0:
                continue
            if has_nan(y, w):
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


def has_nan(y, w):
    found = False
    for o in range(len(y)):
        found |= math.isnan(y[o, w])
    return found


def argmax(y, w):
    """The discrete action of a lane: the index of the largest output; ties to the first."""
    best = 0
    for o in range(1, len(y)):
        best = o if y[o, w] > y[best, w] else best
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
TEMPLATE = '''"""Generated by evo.rollout.groups. It may be deleted: it is generated and compiled again when needed."""

import numpy as np
from numba import njit

from evo.rollout.codegen import compiled_for
from evo.rollout.groups import lanes

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
    """A step of lanes first .. last; how many of them end with it. What has ended stays: a copy of a lane that lives."""
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


run = compiled_for(TYPES, lanes, globals())
'''


@lru_cache(maxsize=64)
def kernel_of(environment: Environment, kind: ModuleType) -> Callable[..., None]:
    """The compiled loop of an environment and a policy kind."""
    listed = lambda pattern, count, mark=", ": mark.join(pattern.format(k, WIDTH) for k in range(count))
    size, choices = environment.size, isinstance(environment.actions, int)
    names = ["X"] * environment.inputs + ["ACTION"] * (1 if choices else environment.outputs)
    first_rows = {name: size + k for k, name in reversed([*enumerate([*names, "ALIVE", "TAKEN", "TOTAL", "REWARD", "OVER"])])}
    parts = "scaled(y[{0}, w], bounds[0, {0}], bounds[1, {0}], ranges[genome, {0}, 0], ranges[genome, {0}, 1])"
    given = "group[(ACTION + {0}) * {1} + w]"
    text = TEMPLATE.format(
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
        store_action=given.format(0, WIDTH) + " = np.int64(argmax(y, w)).view(np.float64)"
        if choices
        else listed(given + " = " + parts, environment.outputs, "\n    "),
    )
    whole, flat, rows = types.int64, types.float32[::1], types.float64[:, ::1]
    signature = types.void(
        *(whole, whole, types.int64[::1], whole, whole),
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
