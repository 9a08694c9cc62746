import fnmatch
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from evo import ModernNEAT
from evo.evolve import Evolve
from evo.neat_modern.settings import ModernSettings
from evo.settings import SettingsError, describe
from evo.tasks.supervised import SupervisedTask

ROOT = Path(__file__).parents[3]
TABLE = (
    (ROOT / "evo" / "neat_modern" / "README.md")
    .read_text(encoding="utf-8")
    .partition("## Rules and settings")[2]
    .partition("\n## ")[0]
)
ROWS = [line.split("|")[1:5] for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| rule")]

XOR = dict(  # of neat-python's examples/xor/config-feedforward; what stands there besides is written otherwise here
    population_size=150, activation_mutate_rate=0.0, aggregation_mutate_rate=0.0, bias_init_mean=0.0, bias_init_stdev=1.0,
    bias_max_value=30.0, bias_min_value=-30.0, bias_mutate_power=0.5, bias_mutate_rate=0.7, bias_replace_rate=0.1,
    compatibility_disjoint_coefficient=1.0, compatibility_weight_coefficient=0.5, conn_add_prob=0.5, conn_delete_prob=0.5,
    enabled_default="true", enabled_mutate_rate=0.01, feed_forward=True, initial_connection="full_direct", node_add_prob=0.2,
    node_delete_prob=0.2, num_hidden=0, response_init_mean=1.0, response_init_stdev=0.0, response_max_value=30.0,
    response_min_value=-30.0, response_mutate_power=0.0, response_mutate_rate=0.0, response_replace_rate=0.0,
    weight_init_mean=0.0, weight_init_stdev=1.0, weight_max_value=30.0, weight_min_value=-30.0, weight_mutate_power=0.5,
    weight_mutate_rate=0.8, weight_replace_rate=0.1, compatibility_threshold=3.0, species_fitness_func="max", max_stagnation=20,
    species_elitism=2, elitism=2, survival_threshold=0.2, activation_options=("neat_sigmoid",), aggregation_options=("sum",),
    activation_default="neat_sigmoid", aggregation_default="sum",
)  # fmt: skip


def test_the_defaults_are_those_of_neat_pythons_example():
    options = ModernSettings().filled()
    assert {name: getattr(options, name) for name in XOR} == XOR


def test_the_preset_for_tables_learns_a_sine_of_one_input():
    draws = np.random.default_rng(0)
    x = draws.uniform(-1.5 * np.pi, 1.5 * np.pi, (500, 1))
    task = SupervisedTask.from_arrays(x, np.sin(x[:, 0]) + draws.normal(0.0, 0.1, 500))
    learner = Evolve(task, ModernNEAT.for_task(task, seed=1009), 1009)
    while learner.cost.evaluations < 20_000:
        learner.step()
    assert task.score(learner.champion(), "validation")["r2"] > 0.8


def test_settings_that_cannot_work_are_refused_by_name():
    wrong = {
        "elitism: expected fewer than the population_size of 2": dict(population_size=2),
        "min_species_size: expected at most the population_size of 3": dict(population_size=3, min_species_size=4),
        "weight_min_value: expected at most weight_max_value, -40; got -30": dict(weight_max_value=-40.0),
        "threshold_min: expected at most threshold_max": dict(threshold_min=3.0, threshold_max=2.0),
        "activation_default: expected random or one of activation_options, relu": dict(activation_options=("relu",)),
        "aggregation_options: expected at least one": dict(aggregation_options=()),
        "activation_options: .*did you mean 'neat_sigmoid'": dict(activation_options=("neat_sigmoit",)),
        "initial_connection: expected one of": dict(initial_connection="full"),
    }
    for message, values in wrong.items():
        with pytest.raises(SettingsError, match=message):
            ModernNEAT(2, 1, **values)


def test_every_setting_says_where_it_comes_from():
    for one in describe(ModernSettings):
        assert one.doc
        assert one.source, one.name


def test_the_table_of_rules_names_every_setting_and_only_what_there_is():
    cells = [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in ROWS]
    known = {one.name for one in describe(ModernSettings)}
    patterns = {name for row in cells for name in row[1]}
    assert len(cells) == 17
    assert all(fnmatch.filter(known, pattern) for pattern in patterns)
    named = {name for name in known if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}
    assert known - named == {"preset", "population_size", "ticks"}
    for name in {name for row in cells for name in row[2]}:
        module, _, attribute = name.partition(".")
        home = importlib.import_module(f"evo.neat_modern.{module}")
        for part in attribute.split("."):
            home = getattr(home, part)
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_modern*.py"))
    for name in re.findall(r"`(test_\w+)`", TABLE):
        assert f"def {name}(" in sources, name
