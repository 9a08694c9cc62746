"""Every entry of every registry keeps its contract: a new scenario, method or network is covered by its one line."""

import importlib
import os
from pathlib import Path

import pytest
import torch

from evo.testing import check_algorithm, check_learner, check_task, small_task
from scenarios import METHODS, NETWORKS, SCENARIOS

DATA = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
# Of data that lie under another name than the scenario's.
FOLDERS = {"spoken_digits": "fsdd", "lastfm": "musae-lastfm", "gtn_mnist": "mnist", "evolved_gnn": "cora"}
QUICK = {"validation_episodes": 2, "episodes": 2, "epochs": 2, "finals": 2}  # where a scenario has them


GRAPH_METHODS = [name for name, place in METHODS.items() if place.startswith("graphs.")]
OF_PAIRS = ("common-neighbours",)  # of nodes: of links alone


def find(target):
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def method(name):
    """What a name stands for; a prefix stands for one of its kind."""
    found = find(METHODS[name])
    return found("GaussianNB") if name.endswith(":") else found


def build(name):
    """A scenario's task; on large pictures with a small network."""
    scenario = find(SCENARIOS[name])
    values = {key: value for key, value in QUICK.items() if key in scenario.settings.__dataclass_fields__}
    options = {"network": "mlp", "hidden": (4,)} if scenario.needs else dict(scenario.model)
    network = find(NETWORKS[options.pop("network", "mlp")])
    return scenario.task(scenario.settings(**values), lambda inputs, outputs: network(inputs, outputs, **options))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_task_of_every_scenario_has_no_findings(name, monkeypatch):
    if find(SCENARIOS[name]).needs:
        data = FOLDERS.get(name, name.replace("_", "-"))
        if not any((DATA / folder / data).is_dir() for folder in ("", "graphs")):
            pytest.skip(f"needs the data of {name}: set EVO_DATA")
        monkeypatch.setenv("EVO_DATA", str(DATA))
    assert check_task(build(name)) == []


@pytest.mark.parametrize("kind", ["classification", "probability", "regression"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_no_findings_as_a_learner(name, kind):
    assert check_learner(method(name), small_task(kind)) == []


@pytest.mark.parametrize("name", GRAPH_METHODS)
def test_every_method_of_nodes_has_no_findings_where_there_are_nodes(name):
    task = build("link_prediction" if name in OF_PAIRS else "karate")
    assert method(name).unsupported_reason(task) is None
    assert check_learner(method(name), task) == []


@pytest.mark.parametrize("name", ["deepwalk", "gcn"])
def test_methods_of_nodes_have_no_findings_on_links(name):
    assert check_learner(method(name), build("link_prediction")) == []


def test_every_algorithm_has_no_findings_as_ask_and_tell():
    algorithms = {name: method(name) for name in METHODS if hasattr(method(name), "ask")}
    assert {"ga", "deep-ga", "random-search"} <= set(algorithms)
    fitting = lambda one: small_task() if one.unsupported_reason(small_task()) is None else build("t_maze")
    assert {name: check_algorithm(one, fitting(one)) for name, one in algorithms.items()} == {name: [] for name in algorithms}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_no_findings_on_control_or_says_why_it_does_not_fit(name):
    assert check_learner(method(name), build("cartpole")) == []


@pytest.mark.parametrize("rule", ["fixed", "iterated"])
def test_plastic_networks_of_every_kind_have_no_findings(rule):
    adaptive = method("adaptive-hyperneat")
    settings = adaptive.settings(population_size=8, rule=rule, sheet=(2,), cycles=True)
    assert check_learner(adaptive, build("t_maze"), settings) == []


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_rows_of_outputs_for_rows_of_inputs(name):
    network = find(NETWORKS[name])((1, 8, 8), 3)
    assert network(torch.zeros(5, 64)).shape == (5, 3)
    assert hasattr(network, "settings")
