"""Dimensions turn a uniform number into a value of their range; the searched ranges of every method are allowed ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo import Choice, Integer, Log, Real, Space
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


UNITS = st.floats(0.0, LAST)
NUMBER = st.floats(-1e6, 1e6)
DIMENSIONS = st.one_of(
    st.tuples(NUMBER, NUMBER).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: Real(*ends)),
    st.tuples(st.floats(1e-9, 1.0), st.floats(1.5, 1e9)).map(lambda ends: Log(*ends)),
    st.tuples(st.integers(-(2**53), 2**53 - 1), st.integers(1, 2**52)).map(lambda it: Integer(it[0], min(2**53, sum(it)))),
    st.lists(st.sampled_from(["relu", None, 3, 0.5]), min_size=1, max_size=5).map(lambda values: Choice(*values)),
)


@given(DIMENSIONS, st.lists(UNITS, min_size=1, max_size=9))
def test_many_are_decoded_as_one_and_never_outside_the_range(dimension, units):
    decoded = dimension.decode(np.array(units))
    assert decoded.tolist() == [dimension.at(u) for u in units]
    ends = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
    inside = [value in ends if isinstance(dimension, Choice) else ends[0] <= value <= ends[1] for value in decoded.tolist()]
    assert all(inside)
    if dimension.cell:
        assert dimension.at(0.0) == ends[0]
        assert dimension.at(LAST) == ends[-1]


@given(st.integers(-5, 5), st.integers(1, 20), st.data())
def test_a_cell_is_the_width_of_what_decodes_to_one_integer(low, count, data):
    dimension = Integer(low, low + count)
    k = data.draw(st.integers(0, count))
    middle = np.array([k + 0.001, k + 0.5, k + 0.999]) * dimension.cell
    assert dimension.decode(middle).tolist() == [low + k] * 3


SPACE = Space(rate=Log(1e-4, 1), layers=Integer(1, 5), kind=Choice("relu", "tanh"), bias=Real(-1, 1))


def test_a_space_decodes_a_population_by_name_and_one_point_to_bare_values():
    values = SPACE.decode([[0.5, 0.99, 0.0, 0.25], [0.0, 0.0, 0.5, 0.75]])
    assert values["rate"] == pytest.approx([0.01, 1e-4])
    assert values["layers"].tolist() == [5, 1]
    assert values["kind"].tolist() == ["relu", "tanh"]
    assert values["bias"].tolist() == [-0.5, 0.5]
    assert SPACE.decode([0.0, 0.99, 0.5, 0.25]) == {"rate": 1e-4, "layers": 5, "kind": "tanh", "bias": -0.5}
    assert (SPACE.dimensions, SPACE.cells.tolist()) == (4, [0.0, 0.2, 0.5, 0.0])
    assert repr(SPACE) == "Space(rate: 0.0001 to 1, logarithmic, layers: 1 to 5, kind: relu, tanh, bias: -1 to 1)"


def test_constraints_are_columns_and_one_that_is_not_a_number_is_violated():
    both = lambda v: np.stack([v["a"] - 1, np.where(v["a"] > 2, np.nan, -1.0)], axis=1)
    space = Space(a=Real(0, 4), constraints=[lambda v: 2 - v["a"], both])
    assert space.constraint_values({"a": np.array([1.0, 3.0])}).tolist() == [[1.0, 0.0, -1.0], [-1.0, 2.0, np.inf]]
    assert Space(a=Real(0, 1)).constraint_values({"a": np.zeros(3)}).shape == (3, 0)
    assert repr(space) == "Space(a: 0 to 4, 2 constraints)"
    with pytest.raises(ValueError, match=r"constraint sum: expected one number a point, \(3,\), or \(3, K\); got \(\)"):
        Space(a=Real(0, 1), constraints=[sum_of]).constraint_values({"a": np.zeros(3)})


def sum_of(values):
    return values["a"].sum()


sum_of.__name__ = "sum"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Space(), ValueError, "at least one dimension, such as rate="),
        (lambda: Space(rate=(0, 1)), TypeError, r"rate: expected Real, Log, Integer or Choice; got \(0, 1\)"),
        (lambda: Space(a=Real(0, 1), constraints=[3]), TypeError, "constraints: expected functions"),
        (lambda: SPACE.decode(np.zeros((3, 2))), ValueError, r"shape \(P, 4\) or \(4,\); got \(3, 2\)"),
        (lambda: SPACE.decode(np.ones(4)), ValueError, r"in \[0, 1\)"),
        (lambda: Integer(1, 2.5), ValueError, "Integer: expected whole numbers"),
    ],
)
def test_a_space_says_what_it_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()
