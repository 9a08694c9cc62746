import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evo.settings import SettingsError, describe, did_you_mean, parse, setting, settings, suggestion


@settings
class Example:
    size: int = setting(10, "how many", low=2, high=99, unit="networks", source="Nobody 1999")
    rate: float = setting(0.5, "how often", above=0.0, below=1.0)
    kind: str = setting("plain", "which", choices=("plain", "fancy"))
    fast: bool = setting(False, "whether")
    hidden: tuple[int, ...] = setting((3, 4), "layers", low=1)
    names: tuple[str, ...] = setting((), "words", choices=("a", "b"))
    limit: float | None = setting(None, "an end", low=0.0)
    options: dict = setting({"a": 1}, "more")
    anything: object = setting(0, "whatever")

    def contradictions(self) -> list[str]:
        return ["size: expected an even number when fast"] if self.fast and self.size % 2 else []


def problems(**values):
    made, found = parse(Example, values)
    assert (made is None) == bool(found)
    return found


def test_defaults_are_valid_and_values_are_kept():
    made = Example(size=7, rate=0.25, kind="fancy", hidden=[5], limit=2, options={"b": 2}, anything="x")
    assert (made.size, made.rate, made.kind, made.hidden, made.limit) == (7, 0.25, "fancy", (5,), 2.0)
    assert (made.options, made.anything, made.fast, made.names) == ({"b": 2}, "x", False, ())


def test_every_mistake_is_in_one_error_each_with_what_came():
    with pytest.raises(SettingsError) as caught:
        Example(size=1, rate=1.0, kind="fency", fast=1, hidden=[3, 0], names=["a", "c"], limit=-1, options=3)
    found = dict(problem.split(": ", 1) for problem in caught.value.problems)
    assert list(found) == ["size", "rate", "kind", "fast", "hidden", "names", "limit", "options"]
    assert found["size"] == "expected a whole number >= 2 and <= 99 networks; got 1"
    assert found["rate"] == "expected a number > 0 and < 1; got 1.0"
    assert found["kind"] == "expected one of plain, fancy; got 'fency' (did you mean 'fancy'?)"
    assert found["fast"] == "expected true or false; got 1"
    assert found["hidden"] == "expected a list of whole numbers >= 1; got 0"
    assert found["names"] == "expected one of a, b; got 'c'"
    assert found["limit"] == "expected a number >= 0 or none; got -1.0"
    assert found["options"] == "expected a table; got 3"
    assert str(caught.value).splitlines() == caught.value.problems


def test_one_value_where_a_list_is_expected_is_told_apart_from_a_wrong_name():
    found = dict(problem.split(": ", 1) for problem in problems(names="a", hidden=3))
    assert found["names"] == "expected a list, each one of a, b; got 'a'"
    assert found["hidden"] == "expected a list of whole numbers >= 1; got 3"


def test_unknown_keys_are_named_with_the_closest_one_beside_the_other_mistakes():
    found = problems(sise=3, size=0, zzzzzz=1)
    assert found[0] == "sise: unknown key (did you mean 'size'?)"
    assert found[1].startswith("zzzzzz: unknown key (choose from anything, ")
    assert found[2].startswith("size: expected a whole number")
    assert len(found) == 3


def test_a_prefix_leads_every_problem():
    made, found = parse(Example, {"sise": 3, "size": 0}, prefix="ga.")
    assert made is None
    assert [problem.split(":")[0] for problem in found] == ["ga.sise", "ga.size"]
    assert parse(Example, {"fast": True, "size": 3}, prefix="ga.")[1] == ["ga.size: expected an even number when fast"]


def test_contradictions_are_asked_only_of_values_that_are_valid_one_by_one():
    assert problems(fast=True, size=3) == ["size: expected an even number when fast"]
    assert [problem.split(";")[1] for problem in problems(fast=True, size="3")] == [" got '3'"]
    assert problems(fast=True, size=4) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", True), ("size", 2.5), ("size", "3"), ("size", [3]), ("size", math.nan), ("size", math.inf), ("size", None),
        ("rate", True), ("rate", "0.5"), ("rate", math.nan), ("rate", None),
        ("limit", math.inf), ("limit", math.nan), ("limit", "nothing"), ("limit", False),
        ("kind", 3), ("kind", None), ("kind", "Plain"),
        ("fast", 0), ("fast", "true"), ("fast", None),
        ("hidden", 3), ("hidden", "3"), ("hidden", [True]), ("hidden", [3.5]), ("hidden", None), ("hidden", {}),
        ("names", "a"), ("options", []), ("options", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_a_mistake_and_a_truth_value_is_no_number(key, value):
    (found,) = problems(**{key: value})
    assert found.startswith(f"{key}: expected ")


@pytest.mark.parametrize("huge", [2**63, -(2**63), 10**400, 1e300])
def test_a_whole_number_beyond_64_bits_is_a_mistake_not_a_crash(huge):
    @settings
    class Free:
        count: int = setting(0, "any")

    assert len(parse(Free, {"count": huge})[1]) == 1
    assert len(problems(limit=10**400)) == 1


def test_a_whole_float_is_a_whole_number_and_a_whole_number_is_a_number():
    made = Example(size=3.0, limit=2)
    assert type(made.size) is int
    assert type(made.limit) is float


@pytest.mark.parametrize("nothing", [None, "none"])
def test_none_is_a_value_of_an_optional_setting(nothing):
    assert Example(limit=nothing).limit is None


@given(st.integers(-200, 200))
def test_bounds_are_inclusive(value):
    assert (problems(size=value) == []) == (2 <= value <= 99)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_open_bounds_are_exclusive_and_numbers_are_finite(value):
    assert (problems(rate=value) == []) == (0 < value < 1)
    assert (problems(limit=value) == []) == (0 <= value < math.inf)


@given(
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))
    )
)
def test_any_table_gives_settings_or_problems_and_nothing_else(table):
    made, found = parse(Example, table)
    assert (made is None) == bool(found)
    assert all(any(problem.startswith(f"{key}: ") for key in [*table, "size"]) for problem in found)


def test_a_setting_that_is_not_there_is_named_with_the_closest():
    with pytest.raises(SettingsError, match=r"sise: unknown setting \(did you mean 'size'\?\)"):
        Example(sise=3)


def test_settings_are_frozen_keyword_only_and_share_no_default_table():
    first, second = Example(), Example()
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.size = 3
    with pytest.raises(TypeError):
        Example(3)
    first.options["b"] = 2
    assert second.options == {"a": 1}


def test_what_is_declared_can_be_read():
    described = {one.name: one for one in describe(Example)}
    assert list(described) == [field.name for field in dataclasses.fields(Example)]
    size = described["size"]
    assert (size.default, size.low, size.high, size.unit, size.source, size.doc) == (
        10,
        2,
        99,
        "networks",
        "Nobody 1999",
        "how many",
    )
    assert (size.kind, size.optional, described["limit"].kind, described["limit"].optional) == (int, False, float, True)
    assert described["options"].default == {"a": 1}
    assert [described[name].expected for name in ("fast", "hidden", "limit", "anything")] == [
        "true or false",
        "a list of whole numbers >= 1",
        "a number >= 0 or none",
        "a value",
    ]


def test_a_default_out_of_range_is_found_when_it_is_used():
    @settings
    class Wrong:
        size: int = setting(0, "how many", low=1)

    assert parse(Wrong, {})[1] == ["size: expected a whole number >= 1; got 0"]


@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("taank", ["tanh", "relu"], " (did you mean 'tanh'?)"),
        ("xyz", ["tanh", "relu"], " (choose from relu, tanh)"),
        ("xyz", [], ""),
        ("xyz", [f"name{k}" for k in range(13)], ""),
    ],
)
def test_the_closest_name_is_offered_or_all_if_they_are_few(word, options, expected):
    assert did_you_mean(word, options) == expected


@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("pop_size", ["population_size", "top_size"], " (did you mean 'population_size'?)"),  # before the closest spelling
        ("pop_size", ["top_size"], " (did you mean 'top_size'?)"),  # population_size is no option
        ("sigmoid", ["neat_sigmoid", "tanh"], " (did you mean 'neat_sigmoid'?)"),
        ("elitism", ["elites", "champion_above"], " (did you mean 'elites'?)"),
        ("fitness_threshold", ["fitness"], " (did you mean 'fitness'?)"),  # a column or a file is set nowhere else
    ],
)
def test_a_name_of_another_library_suggests_ours_where_it_is_an_option(word, options, expected):
    assert did_you_mean(word, options) == expected


@pytest.mark.parametrize(
    ("key", "known", "expected"),
    [
        ("fitness_threshold", ["threshold"], " (task.solved, where the task has it, sets the value at which it is solved)"),
        ("epochs", ["patience"], " (budget.steps limits generations and epochs)"),
        ("epochs", ["steps"], " (did you mean 'steps'?)"),
        ("sise", ["size"], " (did you mean 'size'?)"),
    ],
)
def test_an_unknown_setting_says_where_else_it_is_set(key, known, expected):
    assert suggestion(key, known) == expected


def test_numbers_of_numpy_and_torch_are_numbers():
    @settings
    class Sizes:
        count: int = setting(1, "a count", low=1)
        rate: float = setting(0.5, "a rate")
        on: bool = setting(False, "on or off")
        layers: tuple[int, ...] = setting((1,), "layers", low=1)

    made = Sizes(count=np.int64(3), rate=np.float32(0.25), on=np.bool_(True), layers=np.array([4, 5]))
    assert (made.count, made.rate, made.on, made.layers) == (3, 0.25, True, (4, 5))
    assert [type(value) for value in (made.count, made.rate, made.on, made.layers[0])] == [int, float, bool, int]
    assert Sizes(count=torch.tensor(7)).count == 7
    for wrong in (np.float32(0.5), np.bool_(True), np.array([[1]]), np.int64(0)):
        with pytest.raises(SettingsError, match="count: expected a whole number >= 1"):
            Sizes(count=wrong)


@pytest.mark.parametrize(("word", "close"), [("GA", "ga"), ("Backprop", "backprop")])
def test_the_closest_match_is_found_in_any_case(word, close):
    assert did_you_mean(word, ["ga", "backprop", "linear"]) == f" (did you mean {close!r}?)"


def test_choices_that_are_no_words_are_quoted_and_metrics_have_synonyms():
    @settings
    class Marks:
        decimal: str = setting(".", "mark", choices=(".", ",", "comma-dot"))
        metric: str = setting("r2", "metric", choices=("r2", "rmse", "squared_error", "auc"))

    with pytest.raises(SettingsError) as caught:
        Marks(decimal=";", metric="mse")
    assert caught.value.problems[0] == "decimal: expected one of '.', ',', comma-dot; got ';'"
    assert caught.value.problems[1].endswith("got 'mse' (did you mean 'squared_error'?)")
