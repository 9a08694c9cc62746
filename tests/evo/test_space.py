"""Dimensions turn a uniform number into a value of their range; the searched ranges of every method are allowed ones."""

import numpy as np
import pytest

from evo import Choice, Integer, Log, Real
from evo.settings import describe
from scenarios import METHODS
from scenarios.lab.study.resolve import method

LAST = float(np.nextafter(1.0, 0.0))
NAMED = [name for name in METHODS if not name.endswith(":")]


def test_real_is_even_and_log_is_even_in_the_logarithm():
    assert [Real(-1.0, 3.0).at(u) for u in (0.0, 0.5)] == [-1.0, 1.0]
    assert [Log(1e-4, 1.0).at(u) for u in (0.0, 0.5)] == pytest.approx([1e-4, 1e-2])
    assert all(0.3 <= Log(0.3, 3.0).at(u) <= 3.0 for u in (0.0, LAST))


def test_an_integer_reaches_both_ends_as_often_as_any_other():
    drawn = [Integer(-1, 3).at(u) for u in np.arange(5000) / 5000 + 1e-9]
    assert set(np.bincount(np.add(drawn, 1))) == {1000}
    assert {type(value) for value in drawn} == {int}


def test_a_value_that_is_named_twice_is_twice_as_likely():
    values = [Choice(None, None, 0.5, 2.0).at(u) for u in np.linspace(0, LAST, 400)]
    assert [values.count(value) for value in (None, 0.5, 2.0)] == [200, 100, 100]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Log(0.0, 1.0), r"Log: expected finite 0 < low < high; got 0.0 and 1.0"),
        (lambda: Real(1.0, 1.0), r"Real: expected finite low < high; got 1.0 and 1.0"),
        (lambda: Integer(5, 1), r"Integer: expected finite low < high; got 5 and 1"),
        (lambda: Real(0.0, float("inf")), "finite"),
        (lambda: Choice(), "at least one"),
    ],
)
def test_an_empty_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_range_says_what_it_is():
    said = [str(each) for each in (Real(0, 1), Log(1e-4, 0.1), Integer(1, 5), Choice(None, None, True, "tanh"))]
    assert said == ["0 to 1", "0.0001 to 0.1, logarithmic", "1 to 5", "none, true, tanh"]


@pytest.mark.parametrize("name", NAMED)
def test_whatever_is_searched_is_allowed(name):
    searched = [one for one in describe(method(name).settings) if one.search is not None]
    assert searched
    for one in searched:
        for u in (0.0, 0.5, LAST, *np.linspace(0, LAST, 20)):
            assert one.check(one.search.at(u))[1] is None, one.name
