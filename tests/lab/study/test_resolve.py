"""A name stands for one thing, or is refused in one line with the closest match."""

import sys

import pytest

from scenarios.lab.study import resolve
from scenarios.lab.study.resolve import Unresolved

REGISTRY = {"one": "math:pi", "two": "math:tau", "call:": "builtins:str.upper"}


def test_registry_names_and_dotted_attributes_resolve():
    import math

    assert resolve.resolve("one", REGISTRY, "number") is math.pi
    assert resolve.resolve("math:tau", REGISTRY, "number") is math.tau
    assert resolve.resolve("collections:OrderedDict.fromkeys", REGISTRY, "number")("a") == {"a": None}


def test_a_method_is_found_by_its_old_name_too():
    from evo.search.nsga2 import NSGA2

    assert resolve.method("ga-nsga2").settings is resolve.method("nsga2").settings is NSGA2.settings
    assert (resolve.current("ga-nsga2"), resolve.current("ga"), resolve.current(NSGA2)) == ("nsga2", "ga", NSGA2)


def test_entry_that_ends_in_a_colon_is_called_with_what_follows():
    assert resolve.resolve("call:name", REGISTRY, "number") == "NAME"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onee", "unknown number 'onee' (did you mean 'one'?)"),
        ("math:pie", "math has no 'pie' (did you mean 'pi'?)"),
        ("nowhere.at_all:x", "could not be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("absent.py:x", "number: no file absent.py"),
        ("absent.py", "name the attribute: absent.py:attr"),
        ("table.csv", "--target COLUMN"),
        ("python:thing", "a Python object, which no file can hold"),
        ("one:", "unknown number 'one:'"),
        ("", "unknown number ''"),
    ],
)
def test_unresolved_name_says_what_to_do_in_one_line(name, message):
    with pytest.raises(Unresolved) as caught:
        resolve.resolve(name, REGISTRY, "number")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_is_imported_once_and_finds_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "neighbour_of_mine.py").write_text("VALUE = 3\n")
    (tmp_path / "random.py").write_text("import neighbour_of_mine\nVALUE = [neighbour_of_mine.VALUE]\n")
    found = resolve.resolve(f"{tmp_path}/random.py:VALUE", REGISTRY, "number")
    assert found == [3]
    assert resolve.resolve(f"{tmp_path}/random.py:VALUE", REGISTRY, "number") is found
    import random

    assert hasattr(random, "shuffle"), "the user's random.py must not stand in for Python's"


def test_missing_file_names_the_closest_one(tmp_path):
    (tmp_path / "scenario.py").write_text("")
    with pytest.raises(Unresolved, match=r"did you mean 'scenario.py'"):
        resolve.resolve(f"{tmp_path}/scenari.py:x", REGISTRY, "number")


def test_failing_file_names_the_line_and_may_be_mended(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("x = 1\ny = undefined\n")
    with pytest.raises(Unresolved, match=r"NameError: name 'undefined' is not defined \(broken.py, line 2\)"):
        resolve.resolve(f"{file}:x", REGISTRY, "number")
    file.write_text("x = 12345\n")
    assert resolve.resolve(f"{file}:x", REGISTRY, "number") == 12345


def test_current_folder_is_importable_but_comes_last(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "only_here.py").write_text("x = 7\n")
    (tmp_path / "math.py").write_text("pi = 3\n")
    assert resolve.resolve("only_here:x", REGISTRY, "number") == 7
    assert resolve.resolve("math:pi", REGISTRY, "number") != 3


def test_folder_that_hides_a_package_of_ours_is_one_clear_error(tmp_path, monkeypatch):
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "graphs"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Unresolved, match="hides neuroevo's package 'graphs': rename it"):
        resolve.resolve("graphs.mine:x", REGISTRY, "number")


def test_folder_that_is_hidden_by_a_package_of_ours_is_said(tmp_path, monkeypatch):
    (tmp_path / "graphs").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unresolved, match="is hidden by neuroevo's package of that name: rename it"):
        resolve.resolve("graphs.mine:x", REGISTRY, "number")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ga", ("ga", "ga")),
        ("big=ga", ("big", "ga")),
        ("sklearn:Ridge", ("Ridge", "sklearn:Ridge")),
        ("my.py:Net", ("Net", "my.py:Net")),
        ("C:\\folder\\my.py:Net", ("Net", "C:\\folder\\my.py:Net")),
        ("mine=my.py:Net", ("mine", "my.py:Net")),
    ],
)
def test_bare_method_is_its_own_label_after_the_colon(text, expected):
    assert resolve.labelled(text) == expected


@pytest.mark.parametrize("label", ["ga", "a.b-c_1", "-", "GA2"])
def test_label_of_allowed_characters_is_accepted(label):
    assert resolve.bad_label(label) is None


@pytest.mark.parametrize("label", ["", ".", "..", ".hidden", "a/b", "a b", "task", "model", "run", "ä", "a\n", "a="])
def test_label_that_is_no_folder_or_is_reserved_is_refused(label):
    assert resolve.bad_label(label)


def test_wrong_kinds_of_things_are_named():
    with pytest.raises(Unresolved, match=r"expected a Scenario or an Environment .*; got an object of type float"):
        resolve.scenario("math:pi")
    with pytest.raises(Unresolved, match="is not a method"):
        resolve.method("math:pi")
    with pytest.raises(Unresolved, match="is a float: expected a class"):
        resolve.network("math:pi")


def test_table_name_carries_column_and_kind(monkeypatch):
    import types

    seen = []
    module = types.ModuleType("scenarios.tables")
    module.table_scenario = lambda path, target, kind=None: seen.append((path, target, kind))
    monkeypatch.setitem(sys.modules, "scenarios.tables", module)
    for columns in ("y", "a::b", "classification", "classification::regression"):
        resolve.scenario(resolve.table("t.csv", columns))
        resolve.scenario(resolve.table("t.csv", columns, "regression"))
    assert seen == [
        ("t.csv", "y", None),
        ("t.csv", "y", "regression"),
        ("t.csv", "a::b", None),
        ("t.csv", "a::b", "regression"),
        ("t.csv", "classification", None),
        ("t.csv", "classification", "regression"),
        ("t.csv", "classification", "regression"),  # the one ambiguous name: a column that ends in ::regression
        ("t.csv", "classification::regression", "regression"),
    ]


def test_error_is_said_with_its_first_note():
    error = ValueError("too\ntired")
    assert resolve.said(error) == "too tired"
    error.add_note("goal.evaluate, generation 3")
    error.add_note("another")
    assert resolve.said(error) == "too tired; goal.evaluate, generation 3"
