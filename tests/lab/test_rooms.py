"""The lab's packages import downwards alone, lazily or not, and of evo no more than they are allowed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "scenarios" / "lab").rglob("*.py"))
ORDER = ("registries", "store", "study", "execution", "report", "api", "cli")
NEVER = {("report", "study"), ("report", "execution")}  # a report is made of what lies on disk alone
EVO = ("evo.core", "evo.settings", "evo.rng", "evo.threads", "evo.evolve.as_method", "evo.interop.export", "evo.plots")
LONGEST = 350  # lines


def imported(path):
    """The dotted names that a file imports anywhere, "package.module.attribute"; not those for type checkers alone."""
    tree = ast.parse(path.read_text())
    checking = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {id(inner) for node in checking for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(name):
    """The package of the lab that a dotted name stands in; "registries" for the tables of names."""
    parts = name.split(".")
    if parts[:2] == ["scenarios", "lab"]:
        return parts[2]
    return "registries" if len(parts) == 2 and parts[1].isupper() else "scenarios"


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def target(name):
    """The file that an import of a dotted name reads: of `package.module.attribute`, package/module.py."""
    whole = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    return module(whole if whole.is_file() else ROOT.joinpath(*name.split(".")[:-1]).with_suffix(".py"))


GRAPH = {module(path): {name for name in imported(path) if name.startswith("scenarios")} for path in FILES}


@pytest.mark.parametrize("name", [name for name in GRAPH if not name.endswith("__init__")])
def test_a_package_imports_those_below_it_alone(name):
    own = ORDER.index(place(name))
    found = {place(each) for each in GRAPH[name]}
    assert {each for each in found if ORDER.index(each) > own} == set()
    assert {each for each in found if (place(name), each) in NEVER} == set()


def test_no_module_imports_itself_by_way_of_others():
    waiting = {name: {target(each) for each in names} & GRAPH.keys() for name, names in GRAPH.items()}
    while free := [name for name, needed in waiting.items() if not needed & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert waiting == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_of_evo_a_file_imports_what_is_allowed(path):
    names = [name for name in imported(path) if name.startswith("evo")]
    assert [name for name in names if not any(name == one or name.startswith(f"{one}.") for one in EVO)] == []


def test_a_file_is_short_enough_to_be_read_in_one_sitting():
    assert {module(path): lines for path in FILES if (lines := len(path.read_text().splitlines())) > LONGEST} == {}
