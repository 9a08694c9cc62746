import numpy as np
import pytest
from numba import njit

from evo.float32 import exponential, hyperbolic_tangent, logistic


@njit
def exponentials(z, out):
    for i in range(z.size):
        out[i] = exponential(z[i])


@njit
def logistics(z, out):
    for i in range(z.size):
        out[i] = logistic(z[i])


@njit
def tangents(z, out):
    for i in range(z.size):
        out[i] = hyperbolic_tangent(z[i])


FUNCTIONS = {
    "exponential": (exponentials, np.exp, 1.1),
    "logistic": (logistics, lambda z: 1 / (1 + np.exp(-z)), 2.5),
    "hyperbolic_tangent": (tangents, np.tanh, 4.8),
}


def of(function, values):
    out = np.empty(len(values), np.float32)
    function(np.asarray(values, np.float32), out)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_within_the_units_in_the_last_place_that_are_stated(name):
    function, exact, units = FUNCTIONS[name]
    bits = np.arange(0, np.float32(87).view(np.uint32), 4099, dtype=np.uint32)
    z = np.concatenate([bits.view(np.float32), -bits.view(np.float32)])
    expected = exact(z.astype(float))
    last_place = np.spacing(np.maximum(np.abs(expected), np.finfo(np.float32).tiny).astype(np.float32))
    assert (np.abs(of(function, z) - expected) / last_place).max() <= units


def test_where_a_number_stands_in_a_loop_changes_no_bit():
    z = np.random.default_rng(0).normal(0, 3, 77).astype(np.float32)
    for function, *_ in FUNCTIONS.values():
        alone = np.concatenate([of(function, z[i : i + 1]) for i in range(len(z))])
        assert np.array_equal(of(function, z), alone)


def test_the_ends_are_limits_and_nan_stays():
    ends = [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0]
    np.testing.assert_array_equal(of(tangents, ends), [np.nan, 1, -1, 1, -1, 0])
    np.testing.assert_allclose(of(logistics, ends), [np.nan, 1, 0, 1, 0, 0.5], atol=2e-38)
    powers = of(exponentials, ends)
    assert np.isnan(powers[0])
    assert powers[1] == powers[3] > 6e37
    assert 0 < powers[2] == powers[4] < 2e-38
    assert np.abs(of(tangents, np.linspace(8, 10, 10_001))).max() == 1
