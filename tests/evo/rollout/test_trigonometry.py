import math

import numpy as np
import pytest
from numba import njit

from evo import cos, sin

OWN = {"sin": sin, "cos": cos}


@njit
def in_a_loop(x, sines, cosines):
    for k in range(x.size):
        sines[k], cosines[k] = sin(x[k]), cos(x[k])


@pytest.mark.parametrize("reach", [0.785, 0.79, 4.0, 100.0, 1e5, 1e8])
@pytest.mark.parametrize("name", OWN)
def test_it_is_off_by_at_most_two_units_in_the_last_place_or_by_1e_16(name, reach):
    x = np.random.default_rng(0).uniform(-reach, reach, 2000).tolist()
    for each in [*x, 0.0, reach, -reach]:
        expected, got = getattr(math, name)(each), OWN[name](each)
        assert abs(got - expected) <= max(2 * math.ulp(expected), 1e-16)


def test_vectors_give_the_bits_of_one_number():
    x = np.random.default_rng(1).uniform(-5, 5, 1003)
    found = np.empty((2, x.size))
    in_a_loop(x, *found)
    assert found.tolist() == [[sin(each) for each in x.tolist()], [cos(each) for each in x.tolist()]]


def test_zero_and_what_is_out_of_range():
    assert (sin(0.0), cos(0.0)) == (0.0, 1.0)
    for x in (math.nan, math.inf, -math.inf, 1.1e8, -1e300):
        assert math.isnan(sin(x))
        assert math.isnan(cos(x))
