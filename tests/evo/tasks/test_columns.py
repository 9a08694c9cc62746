"""Columns of numbers and words as what a network sees; frames of pandas and polars are taken as they are."""

from decimal import Decimal

import numpy as np
import pandas
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo.tasks.columns import Columns
from evo.tasks.supervised import SupervisedTask
from evo.tasks.table import Table, as_columns
from evo.tasks.targets import targets

ROWS = 60


def standardised(x, train):
    table = as_columns(x, "x")
    return Columns.fit(table, train).inputs(table)


@given(
    st.integers(0, 1000), st.integers(1, 5), st.sampled_from([1e-6, 0.01, 3, 1e6]), st.sampled_from([np.float32, np.float64])
)
def test_standardising_uses_the_training_rows_alone(seed, columns, spread, kind):
    generator = np.random.default_rng(seed)
    x = (spread * generator.normal(2, 1, size=(30, columns))).astype(kind)
    train, rest = np.arange(20), np.arange(20, 30)
    got = standardised(x, train)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[train].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(got[train].std(0), 1, rtol=1e-4)
    x[rest] = 1e9
    assert np.array_equal(standardised(x, train)[train], got[train])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e-30, 1e6 / 3])
def test_a_constant_column_becomes_0(value, kind):
    assert np.array_equal(standardised(np.full((10, 1), value, kind), np.arange(7)), np.zeros((10, 1)))


def frame(make):
    days = np.datetime64("2024-01-01") + np.arange(ROWS)
    return make(
        {
            "day": days.astype("datetime64[us]"),
            "sold": (np.arange(ROWS) % 2 == 0),
            "place": ["north", None, "south"] * (ROWS // 3),
            "size": [1.5, None, 2.5, 4.0] * (ROWS // 4),
            "price": np.arange(ROWS) * 0.5,
        }
    )


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, dict], ids=["pandas", "polars", "dict"])
def test_frames_are_taken_as_they_are(make):
    task = SupervisedTask.from_table(frame(make), target="price")
    assert [one.name for one in task.columns.numbers] == ["day", "size"]
    assert [(one.name, one.values) for one in task.columns.categories] == [
        ("sold", ("False", "True")),
        ("place", ("", "north", "south")),
    ]
    assert task.columns.numbers[0].deviation > 86400  # dates are seconds
    x = task.columns.encode(frame(make))
    assert x[1, 1] == 0  # a missing number is the mean
    assert x[:3, 2:].tolist() == [[0, 1, 0, 1, 0], [1, 0, 1, 0, 0], [0, 1, 0, 0, 1]]
    assert np.array_equal(x, SupervisedTask.from_table(frame(dict), target="price").columns.encode(frame(dict)))


def test_numbers_that_are_categories_in_the_frame_are_categories():
    table = pandas.DataFrame({"zip": pandas.Categorical(np.arange(ROWS) % 3), "n": np.arange(ROWS), "y": np.arange(ROWS) % 2})
    task = SupervisedTask.from_table(table, "y", drop=["n"])
    assert [(one.name, one.values) for one in task.columns.categories] == [("zip", ("0", "1", "2"))]
    assert (task.inputs, task.columns.numbers) == (3, ())


def test_the_columns_of_a_frame_and_of_pandas_own_types_are_known():
    table = pandas.DataFrame(
        {
            "whole": pandas.array([1, None, 3] * 20, dtype="Int64"),
            "zone": pandas.date_range("2024-01-01", periods=ROWS, tz="Europe/Berlin"),
            "span": pandas.to_timedelta(np.arange(ROWS), unit="s"),
            "price": [Decimal("1.5"), None, Decimal(2)] * 20,
        }
    )
    found = Table.of(table)
    assert found.numbers("whole")[:3].tolist() == pytest.approx([1, np.nan, 3], nan_ok=True)
    assert np.diff(found.numbers("zone")).tolist()[:2] == [86400, 86400]
    assert found.numbers("span")[:3].tolist() == [0, 1, 2]
    assert isinstance(found.columns["price"], np.ndarray)
    assert found.numbers("price")[:3].tolist() == pytest.approx([1.5, np.nan, 2], nan_ok=True)


def test_a_column_is_dropped_by_its_name_or_refused():
    table = pandas.DataFrame({0: np.arange(ROWS) % 2, 1: np.arange(ROWS), "y": np.arange(ROWS) % 2})
    assert [one.name for one in SupervisedTask.from_table(table, "y", drop=[0]).columns.numbers] == ["1"]
    with pytest.raises(ValueError, match=r"no column 'prise' \(did you mean 'price'\?\)"):
        SupervisedTask.from_table(frame(dict), "size", drop=["prise"])


def test_frames_of_inputs_and_a_series_of_targets_do_as_arrays():
    for make in (pandas.DataFrame, polars.DataFrame):
        whole = frame(make)
        task = SupervisedTask.from_arrays(whole[["day", "place", "size"]], whole["sold"])
        assert (task.inputs, task.classes) == (5, ["False", "True"])


def test_long_whole_numbers_are_classes_of_their_own():
    ids = 10**17 + np.arange(ROWS) % 3
    task = SupervisedTask.from_table({"x": np.arange(ROWS), "id": ids}, "id")
    assert task.classes == [str(10**17 + k) for k in range(3)]
    assert SupervisedTask.from_arrays(np.zeros((ROWS, 1)), ids).classes == task.classes


def test_several_columns_are_learned_together():
    numbers = {"x": np.arange(ROWS), "a": np.arange(ROWS) * 2.0, "b": 1e6 + np.arange(ROWS)}
    task = SupervisedTask.from_table(numbers, ["a", "b"])
    assert (task.kind, task.outputs, task.inputs) == ("regression", 2, 1)
    np.testing.assert_allclose(task.decode(task.split("test")[1])[0][1] - 1e6, task.decode(task.split("test")[1])[0][0] / 2)
    labels = {"x": np.arange(ROWS), "a": np.arange(ROWS) % 2, "b": np.arange(ROWS) // 30}
    assert SupervisedTask.from_table(labels, ["a", "b"]).kind == "probability"
    with pytest.raises(ValueError, match="one 1 among 0s"):
        targets(Table.of(labels), ["a", "b"], "classification")


def test_what_is_wrong_with_a_frame_is_named():
    with pytest.raises(ValueError, match="expected a frame of pandas or polars, or a dict of columns"):
        SupervisedTask.from_table(3, "y")
    with pytest.raises(ValueError, match="expected a frame of pandas or polars, or a dict of columns"):
        SupervisedTask.from_table(np.zeros((ROWS, 2)), "y")
    with pytest.raises(ValueError, match=r"x: expected an array without a mask; fill it in: x.filled\(np.nan\)"):
        SupervisedTask.from_arrays(np.ma.masked_array(np.ones((ROWS, 1)), True), np.arange(ROWS))
    with pytest.raises(ValueError, match="column 'x 0': expected real numbers; got complex128"):
        SupervisedTask.from_arrays(np.ones((ROWS, 1)) * 1j, np.arange(ROWS))
    with pytest.raises(ValueError, match="columns of equal length; got lengths 2, 3"):
        SupervisedTask.from_table({"a": [1, 2], "y": [1, 2, 3]}, "y")
    with pytest.raises(ValueError, match=r"no column 'prise' \(did you mean 'price'\?\)"):
        SupervisedTask.from_table(frame(dict), "prise")
    with pytest.raises(ValueError, match="row 3, column 'y': the target is missing"):
        SupervisedTask.from_table({"x": np.arange(ROWS), "y": [1.5, 2.5, 3.5, None] * 15}, "y")
    with pytest.raises(ValueError, match="row 1, column 'x': expected a number within 1e\\+30; got 'inf'"):
        SupervisedTask.from_table({"x": [0, np.inf, 2] * 20, "y": np.arange(ROWS)}, "y")


def test_numbers_written_as_text_are_numbers_and_said():
    text = {"price": ["1.50", None, " ", "NA", "4"] * 12, "code": ["007", "012"] * 30, "y": ["1.5", "2.5"] * 30}
    table = pandas.DataFrame({**text, "kind": pandas.Categorical(["1", "2"] * 30)})
    with pytest.warns(UserWarning, match="^price: numbers written as text, taken as numbers") as said:
        task = SupervisedTask.from_table(table, "y")
    assert said[0].filename == __file__
    assert [one.name for one in task.columns.numbers] == ["price"]
    assert [one.name for one in task.columns.categories] == ["code", "kind"]
    assert task.classes == ["1.5", "2.5"]  # a class keeps its spelling
    np.testing.assert_array_equal(task.columns.encode(table)[:, 0], task.columns.encode(table.replace("1.50", "1.5"))[:, 0])
    one = pandas.DataFrame({"price": ["1.5"], "code": ["007"], "kind": ["2"]})
    assert task.columns.encode(one)[0, 1:].tolist() == [1, 0, 0, 1]
    kinds = polars.DataFrame({"kind": ["1", "2"] * 30, "y": ["a", "b"] * 30}, schema_overrides={"kind": polars.Categorical})
    assert len(SupervisedTask.from_table(kinds, "y").columns.categories) == 1
    with pytest.warns(UserWarning, match="^0: numbers written as text"):
        assert SupervisedTask.from_arrays(np.array([["1.5"], ["2"]] * 30), np.arange(ROWS)).inputs == 1


def test_text_with_decimal_commas_is_numbers_and_further_rows_are_read_alike():
    text = {"price": [f"{k},5" for k in range(ROWS)], "mass": [f"1,{k:03}" for k in range(ROWS)], "y": np.arange(ROWS)}
    whole = [f"{k},{k:03}" for k in range(1, ROWS)] + ["-"]
    with pytest.warns(UserWarning, match=r"^price, mass: numbers written as text \(decimal comma\), taken as numbers") as said:
        task = SupervisedTask.from_table(pandas.DataFrame(text), "y")
    assert len(said) == 1
    plain = SupervisedTask.from_table({"price": np.arange(ROWS) + 0.5, "mass": 1 + np.arange(ROWS) / 1000, "y": text["y"]}, "y")
    assert plain.columns.numbers == task.columns.numbers
    once = type(task.columns).from_json(task.columns.to_json())
    expected = plain.columns.encode({"price": [2], "mass": [1.234]})
    np.testing.assert_array_equal(once.encode({"price": ["2"], "mass": ["1,234"]}), expected)
    with pytest.raises(ValueError, match=r"column 'mass': is '1,001' 1001 or 1.001\? make the column numbers"):
        SupervisedTask.from_table({"mass": whole, "y": text["y"]}, "y")
    whole[0], said = "1,234.5", r"^mass: numbers written as text \(commas between thousands, '-' is missing \(1 row\)\)"
    with pytest.warns(UserWarning, match=said):
        task = SupervisedTask.from_table({"mass": whole, "y": text["y"]}, "y")
    assert (task.columns.decimal, task.columns.numbers[0].mean > 1000) == (".", True)


def test_a_target_of_text_is_numbers_where_these_are_learned():
    text = {"x": np.arange(ROWS), "y": [f"{k},5" for k in range(ROWS)]}
    task = SupervisedTask.from_table(text, "y", kind="regression")
    assert task.units is not None
    assert task.units.mean == SupervisedTask.from_table({**text, "y": np.arange(ROWS) + 0.5}, "y").units.mean
    with pytest.raises(ValueError, match="row 59, column 'y': the target is missing"):
        SupervisedTask.from_table({**text, "y": [*text["y"][:-1], "-"]}, "y", kind="regression")


def test_words_for_missing_are_no_category():
    table = {"c": ["a", "nan", " NA ", "None"] * 15, "k": pandas.Categorical(["NA", "b"] * 30), "y": np.arange(ROWS)}
    task = SupervisedTask.from_table(pandas.DataFrame(table), "y")
    assert [one.values for one in task.columns.categories] == [("", "None", "a"), ("NA", "b")]
    with pytest.raises(ValueError, match="row 2, column 'c': the target is missing"):
        SupervisedTask.from_table({"c": ["a", "b", "nan"] * 20, "x": np.arange(ROWS)}, "c")


def test_a_column_without_a_value_in_the_training_rows_is_left_out_and_said():
    table = {"x": np.arange(ROWS), "gone": [None] * ROWS, "nan": [np.nan] * ROWS, "y": np.arange(ROWS) * 0.5}
    with pytest.warns(UserWarning, match="^left out, without a value in the training rows: gone, nan$"):
        task = SupervisedTask.from_table(table, "y")
    assert (task.inputs, task.columns.ignored) == (1, ("y", "gone", "nan"))
    np.testing.assert_array_equal(task.columns.encode(table), task.columns.encode({"x": table["x"]}))
    with pytest.raises(ValueError, match="the table: no column has a value in the training rows; got nan"):
        SupervisedTask.from_table({"nan": table["nan"], "y": table["y"]}, "y")


def test_a_target_named_twice_or_dropped_is_refused():
    with pytest.raises(ValueError, match="the table: the target 'price' is named twice"):
        SupervisedTask.from_table(frame(dict), ["price", "size", "price"])
    with pytest.raises(ValueError, match="the table: drop names 'price', which is the target"):
        SupervisedTask.from_table(frame(dict), "price", drop=["day", "price"])


def test_an_array_is_encoded_by_the_order_of_its_columns():
    x = np.random.default_rng(0).normal(3, 2, (ROWS, 2))
    task = SupervisedTask.from_arrays(x, np.arange(ROWS) * 0.5)
    np.testing.assert_array_equal(task.columns.encode(x), task.columns.inputs(as_columns(x, "x")))
    with pytest.raises(ValueError, match="rows: no column '1'"):
        task.columns.encode(x[:, :1])
    with pytest.raises(ValueError, match="rows: no column 'day'"):
        SupervisedTask.from_table(frame(dict), "price").columns.encode(x)
    with pytest.raises(ValueError, match=r"rows: expected an array of shape \(B, columns\); got \(\)"):
        task.columns.encode(3)


@pytest.mark.parametrize("names", [["p"], ["q", "p"]])
def test_what_is_no_probability_is_named_by_row_and_column(names):
    table = {"x": np.arange(ROWS), "p": np.where(np.arange(ROWS) == 7, 1.5, 0.5), "q": np.full(ROWS, 0.25)}
    with pytest.raises(ValueError, match=r"^the table, row 7, column 'p': expected a probability, from 0 to 1; got 1.5$"):
        SupervisedTask.from_table(table, names, kind="probability")
