"""Attributes of genes: initial values and mutation (neat-python 2.0, attributes.py).

A real attribute is perturbed by a normal amount, or replaced, and clamped. A categorical one is drawn anew from its options.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from evo import rng
from evo.activations import AGGREGATION_CODES, CODES
from evo.neat_modern.settings import ModernSettings


class Real(NamedTuple):
    """A bias, response or weight: the settings named after it."""

    mean: float
    stdev: float
    uniform: bool
    mutate: float
    power: float
    replace: float
    low: float
    high: float


class Choice(NamedTuple):
    """An activation or aggregation, as a code. default -1: drawn uniformly from the options (n,)."""

    default: int
    mutate: float
    options: np.ndarray


class Switch(NamedTuple):
    """A connection's enabled flag: the probability that a new one is enabled; the rates at which the flag is drawn anew."""

    default: float
    when_on: float
    when_off: float


class Attributes(NamedTuple):
    bias: Real
    response: Real
    weight: Real
    activation: Choice
    aggregation: Choice
    enabled: Switch

    @staticmethod
    def of(options: ModernSettings) -> Attributes:
        """The attributes configured by `ModernSettings`."""
        value = lambda name, key: getattr(options, f"{name}_{key}")

        def real(name: str) -> Real:
            mean, stdev, uniform = value(name, "init_mean"), value(name, "init_stdev"), value(name, "init_type") == "uniform"
            rates = (value(name, key) for key in ("mutate_rate", "mutate_power", "replace_rate", "min_value", "max_value"))
            return Real(mean, stdev, uniform, *rates)

        def choice(name: str, codes: dict[str, int]) -> Choice:
            chosen = np.array([codes[each] for each in value(name, "options")], np.int64)
            return Choice(codes.get(value(name, "default"), -1), value(name, "mutate_rate"), chosen)

        rate = options.enabled_mutate_rate
        return Attributes(
            real("bias"),
            real("response"),
            real("weight"),
            choice("activation", CODES),
            choice("aggregation", AGGREGATION_CODES),
            Switch(
                {"true": 1.0, "false": 0.0, "random": 0.5}[options.enabled_default],
                rate + options.enabled_rate_to_false_add,
                rate + options.enabled_rate_to_true_add,
            ),
        )


_FLOAT = types.float64
_REAL = types.NamedTuple((_FLOAT, _FLOAT, types.boolean, *(_FLOAT,) * 5), Real)
_CHOICE = types.NamedTuple((types.int64, _FLOAT, types.int64[::1]), Choice)
_SWITCH = types.NamedUniTuple(_FLOAT, 3, Switch)
# The type of Attributes in a kernel's signature.
ATTRIBUTES = types.NamedTuple((_REAL, _REAL, _REAL, _CHOICE, _CHOICE, _SWITCH), Attributes)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def new_real(rule, one, two):
    """An initial value, from two random words."""
    if rule.uniform:
        low, high = max(rule.low, rule.mean - 2.0 * rule.stdev), min(rule.high, rule.mean + 2.0 * rule.stdev)
        return low + (high - low) * rng.uniform(one)
    return max(min(rule.mean + rule.stdev * rng.normals(one, two)[0], rule.high), rule.low)


@njit(types.void(_FLOAT[::1], _REAL, types.int64[:, ::1]), cache=True, nogil=True, _nrt=False)
def new_reals(out, rule, words):
    """out (n,): n initial values, from words (n, 2)."""
    for k in range(out.size):
        out[k] = new_real(rule, words[k, 0], words[k, 1])


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def mutated_real(rule, value, chance, one, two):
    """The value perturbed, replaced or unchanged, from three random words."""
    drawn = rng.uniform(chance)
    if drawn < rule.mutate:
        return max(min(value + rule.power * rng.normals(one, two)[0], rule.high), rule.low)
    if drawn < rule.mutate + rule.replace:
        return new_real(rule, one, two)
    return value


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def new_choice(rule, word):
    return rule.default if rule.default >= 0 else rule.options[(word * rule.options.size) >> 32]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def mutated_choice(rule, code, chance, word):
    return rule.options[(word * rule.options.size) >> 32] if rng.uniform(chance) < rule.mutate else code


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def mutated_switch(rule, on, chance, coin):
    """With the rate for its current state, the flag is drawn anew, which may leave it unchanged."""
    if rng.uniform(chance) < (rule.when_on if on else rule.when_off):
        return coin < 2**31
    return on
