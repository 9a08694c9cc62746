import dataclasses
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from evo.neat.neat import NEAT
from evo.neat.settings import NEAT2002, PRESETS, NEATSettings
from evo.neat_modern.neat_modern import ModernNEAT
from evo.settings import describe
from evo.tasks.supervised import SupervisedTask
from evo.vectors.modules import MLP

ROOT = Path(__file__).parents[3]
TABLE = (
    (ROOT / "evo" / "neat" / "README.md")
    .read_text(encoding="utf-8")
    .partition("## Rules and settings")[2]
    .partition("\n## ")[0]
)
ROWS = [line.split("|")[1:5] for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| rule")]

OTHERS = ["node_activations", "output_activation"]  # where none means what other settings say


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_every_setting_that_is_left_out_and_no_other(preset):
    assert PRESETS[preset].keys() == NEAT2002.keys()
    left_out = {one.name for one in describe(NEATSettings) if one.default is None}
    assert left_out - {"preset", *OTHERS} == NEAT2002.keys()
    filled = NEATSettings(preset=preset).filled()
    assert [name for name, value in dataclasses.asdict(filled).items() if value is None] == OTHERS
    assert {name: getattr(filled, name) for name in NEAT2002} == PRESETS[preset]
    assert filled.filled() == filled


def test_every_setting_says_where_it_comes_from():
    for one in describe(NEATSettings):
        assert one.doc
        assert one.source, one.name


def test_the_table_of_rules_names_every_setting_and_only_what_there_is():
    cells = [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in ROWS]
    settings = {name for row in cells for name in row[1]}
    known = {one.name for one in describe(NEATSettings)}
    assert settings <= known
    assert known - settings == {"preset", "population_size", "ticks"}
    room = importlib.import_module("evo.neat.neat")
    for name in {name for row in cells for name in row[2]}:
        module, _, attribute = name.rpartition(".")
        place = "evo.genomes" if module in ("genome", "innovation") else "evo.neat"
        home = vars(room).get(module) or importlib.import_module(f"{place}.{module or 'speciation'}")
        assert hasattr(home, attribute), name
    files = {path.name: path.read_text() for path in (ROOT / "tests" / "evo").rglob("test_*.py")}
    for name in {name for row in cells for name in row[3]}:
        assert name in files if name.endswith(".py") else f"def {name}(" in "".join(files.values()), name


@pytest.mark.parametrize(("method", "usual"), [(NEAT, "neat2002"), (ModernNEAT, "neat-python")])
def test_a_task_of_classes_or_numbers_takes_the_preset_for_tables(method, usual):
    x = np.random.default_rng(0).normal(size=(40, 3))
    table = SupervisedTask.from_arrays(x, x[:, 0])
    truth = SupervisedTask((x, x[:, :1] > 0), kind="probability", network=MLP)
    assert method.for_task(table, seed=0).options.preset == "tables"
    assert (
        method.for_task(table, seed=0, preset=usual).options == method(3, 1, preset=usual, output_activation="identity").options
    )
    assert method.for_task(truth, seed=0).options == method(3, 1).options
    assert method.for_task(table, seed=0, population_size=7).options.population_size == 7
