"""The import graph is that of the sources, and can be drawn."""

import networkx
import pytest
from draw_imports import main
from import_graph import circles, graph, imports, levels, package_of

SOURCE = """
from typing import TYPE_CHECKING
import numpy as np
from evo import rng
from evo import GA

if TYPE_CHECKING:
    from evo.genome import Genomes
else:
    import pickle

def f():
    from evo import settings

    class Inner:
        import json
"""


def test_every_import_is_found_with_its_time(tmp_path):
    (tmp_path / "source.py").write_text(SOURCE)
    assert set(imports(tmp_path / "source.py")) == {
        ("typing", "TYPE_CHECKING", "top"),
        ("numpy", "", "top"),
        ("evo.rng", "", "top"),
        ("evo", "GA", "top"),
        ("evo.genome", "Genomes", "typing"),
        ("pickle", "", "top"),
        ("evo.settings", "", "lazy"),
        ("json", "", "lazy"),
    }


def test_a_relative_import_is_refused(tmp_path):
    (tmp_path / "source.py").write_text("from . import rng\n")
    with pytest.raises(AssertionError, match="absolute"):
        imports(tmp_path / "source.py")


@pytest.mark.parametrize(
    ("module", "expected"),
    [("scenarios.digits", "scenarios"), ("scenarios.lab", "scenarios.lab"), ("evo.rng", "evo.rng"), ("evo", "evo")],
)
def test_a_module_belongs_to_its_package_but_at_the_top_of_evo_to_itself(module, expected):
    assert package_of(module) == expected


def test_circles_are_found_and_share_a_level():
    arrows = networkx.DiGraph([("top", "a"), ("a", "b"), ("b", "a"), ("b", "ground"), ("top", "ground")])
    assert circles(arrows) == [["a", "b"]]
    assert levels(arrows) == {"ground": 0, "a": 1, "b": 1, "top": 2}


def test_an_edge_is_lazy_where_every_import_is():
    arrows = graph(package_of)
    assert arrows.edges["scenarios", "evo.core"]["lazy"] is False
    assert {lazy for _, _, lazy in arrows.edges(data="lazy")} == {True, False}
    assert not arrows.has_edge("evo.core", "scenarios")


def test_the_picture_is_drawn_and_the_circles_are_printed(tmp_path, capsys):
    assert main(["-o", str(tmp_path / "imports.svg")]) == 0
    assert "scenarios.lab" in (tmp_path / "imports.svg").read_text()
    assert "modules, " in capsys.readouterr().out
