"""Who imports whom, read from the sources: modules, packages, and circles among either."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import networkx

ROOT = Path(__file__).parents[1]
ROOMS = ("evo", "graphs", "baselines", "scenarios")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def module_of(path: Path) -> str:
    """evo/rng.py -> "evo.rng", evo/network/__init__.py -> "evo.network"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


class Import(NamedTuple):
    """`from evo import rng` is the module evo.rng without a name; `from evo import GA` the name GA of the module evo."""

    module: str
    name: str
    when: str  # "top": with the file; "lazy": inside a function; "typing": for type checkers alone


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Each import of a file. Raises AssertionError for a relative one."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    when = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            when.update(dict.fromkeys(ast.walk(node), "lazy"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            when.update((inner, "typing") for part in node.body for inner in ast.walk(part))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, "", when.get(node, "top")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                named = (inner, "") if inner in MODULES else (node.module, alias.name)
                found.append(Import(*named, when.get(node, "top")))
    return tuple(found)


def package_of(module: str) -> str:
    """The package that a module lies in: evo.network.cpu -> evo.network. A module at the top of evo stands for itself, since
    the ground floor, which imports nothing, and the loop, which imports much, both lie there."""
    inside, _, _ = module.rpartition(".")
    is_package = any(other.startswith(f"{module}.") for other in MODULES)
    return module if is_package or inside in ("", "evo") else inside


def graph(of: Callable[[str], str] = lambda module: module) -> networkx.DiGraph:
    """An edge from importer to imported, `lazy` where every such import is. of: the node that a module belongs to. Imports
    for type checkers alone do not count; neither do names in a registry, such as "evo.ga:GA"."""
    arrows = networkx.DiGraph()
    arrows.add_nodes_from(of(module) for module in MODULES)
    for path in FILES:
        importer = of(module_of(path))
        for module, _, when in imports(path):
            if module in MODULES and when != "typing" and of(module) != importer:
                before = arrows.get_edge_data(importer, of(module), {"lazy": True})
                arrows.add_edge(importer, of(module), lazy=before["lazy"] and when == "lazy")
    return arrows


def circles(arrows: networkx.DiGraph) -> list[list[str]]:
    """Groups of nodes that reach one another, each sorted by name."""
    return sorted(sorted(group) for group in networkx.strongly_connected_components(arrows) if len(group) > 1)


def levels(arrows: networkx.DiGraph) -> dict[str, int]:
    """Level 0 imports nothing; else one above the highest that is imported. Nodes of a circle share theirs."""
    groups = networkx.condensation(arrows)
    height: dict[int, int] = {}
    for group in reversed(list(networkx.topological_sort(groups))):
        height[group] = 1 + max((height[below] for below in groups.successors(group)), default=-1)
    return {node: height[group] for node, group in groups.graph["mapping"].items()}
