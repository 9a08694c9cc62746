import importlib
import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import pytest

import scenarios
from evo import ESHyperNEAT, HyperNEAT, rng
from evo.core import Scenario, Task
from evo.hyperneat.substrate import layout
from evo.settings import describe
from evo.tasks.control import ControlTask

ROOM = Path(scenarios.__file__).parent
DATA = ["xor", "parity", "two_spirals", "digits", "breast_cancer", "wine", "diabetes", "visual_discrimination", "retina"]
DATA += ["bit_mirroring", "cppn_image", "mackey_glass"]
CONTROL = ["cartpole", "acrobot", "mountain_car", "mountain_car_continuous", "pendulum", "swing_up"]
CONTROL += ["single_pole", "double_pole", "double_pole_no_velocity", "t_maze", "food_gathering"]
POINTS = ["bbob", "pressure_vessel"]  # tasks without a network
SIMULATED = ["finite_sample_bias", "finite_sample_bias_gaussian", "finite_sample_bias_quadratic"]  # of gradient methods alone
NODES = ["karate", "link_prediction"]
EMBEDDED = ["blogcatalog", "lastfm", "ppi"]  # for methods that know graphs alone
CITED = ["cora", "citeseer"]
DESIGNS = ["evolved_gnn"]  # points too, of networks on these
DOWNLOADED = ["mnist", "fashion_mnist", "linear_float", "gtn_mnist", "spoken_digits", *EMBEDDED, *CITED, *DESIGNS]


def find(target):
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(name, **values):
    scenario = find(scenarios.SCENARIOS[name])
    options = dict(scenario.model)
    network = find(scenarios.NETWORKS[options.pop("network", "mlp")])
    return scenario.task(scenario.settings(**values), lambda inputs, outputs: network(inputs, outputs, **options))


def test_the_registry_and_the_files_of_the_room_name_the_same_scenarios():
    files = {path.stem for path in ROOM.glob("*.py")} - {"__init__", "__main__", "control", "datasets", "reading", "tables"}
    files -= {"simulated", "planetoid", "published", "pickles", "downloads", "sounds", "series"}
    assert set(scenarios.SCENARIOS) == files == {*DATA, *CONTROL, *POINTS, *SIMULATED, *NODES, *DOWNLOADED}


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_a_scenario_is_declared_in_full(name):
    scenario = find(scenarios.SCENARIOS[name])
    assert isinstance(scenario, Scenario)
    assert scenario.name == name
    assert scenario.budget.limits()
    assert set(scenario.methods) <= set(scenarios.METHODS)
    assert set(scenario.learners) <= set(scenarios.METHODS)
    assert ("random-search" in scenario.methods) == (name not in (*SIMULATED, *EMBEDDED))
    assert ("linear" in scenario.methods) == (
        name not in (*CONTROL, *POINTS, *DESIGNS, *SIMULATED, *EMBEDDED, "cppn_image")
    )  # whose outputs are no targets
    assert bool(scenario.needs) == (name in DOWNLOADED)
    assert "stop" in {one.name for one in describe(scenario.settings)}
    assert all(one.doc for one in describe(scenario.settings))


@pytest.mark.parametrize("name", [*scenarios.METHODS, *scenarios.NETWORKS])
def test_names_of_methods_and_networks_lead_somewhere(name):
    assert callable(find({**scenarios.METHODS, **scenarios.NETWORKS}[name]))


@pytest.mark.parametrize("name", DATA + CONTROL + POINTS + SIMULATED + NODES)
def test_every_default_method_fits_the_task(name):
    from evo.evolve import as_method

    task = build(name)
    assert isinstance(task, Task)
    assert [
        as_method(find(scenarios.METHODS[m]), m).unsupported_reason(task) for m in find(scenarios.SCENARIOS[name]).methods
    ].count(None) == len(find(scenarios.SCENARIOS[name]).methods)
    if name not in POINTS:
        with rng.torch_seed(0, 0, 0, rng.NETWORK):
            assert sum(p.numel() for p in task.network().parameters()) > 0


@pytest.mark.parametrize("name", DATA + CONTROL + POINTS + SIMULATED + NODES)
def test_settings_of_a_learner_in_a_scenario_are_settings_of_the_method(name):
    from evo.evolve import as_method

    for method, values in find(scenarios.SCENARIOS[name]).learners.items():
        as_method(find(scenarios.METHODS[method]), method).settings(**values)


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_the_same_name_stands_in_the_script_part(name):
    assert re.search(
        rf'if __name__ == "__main__":\n.*import main\n\n    main\("{name}"\)\n$', (ROOM / f"{name}.py").read_text()
    )


@pytest.mark.parametrize(
    ("name", "environment", "solved"),
    [
        ("cartpole", "CartPole-v1", 475.0),
        ("acrobot", "Acrobot-v1", -100.0),
        ("mountain_car", "MountainCar-v0", -110.0),
        ("mountain_car_continuous", "MountainCarContinuous-v0", 90.0),
        ("pendulum", "Pendulum-v1", None),
    ],
)
def test_control_is_solved_at_the_threshold_that_gymnasium_registers(name, environment, solved):
    task = build(name)
    assert isinstance(task, ControlTask)
    assert gymnasium.spec(environment).reward_threshold == solved
    assert task.name == environment
    if solved is None:
        assert task.solved({"return": 0.0}) is None
    else:
        assert [task.solved({"return": solved + more}) for more in (0.0, -0.01)] == [True, False]
    assert len(task._starts["test"]) == 100


def test_the_registry_imports_nothing_heavy():
    code = "import sys, scenarios; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'gymnasium')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOM.parent).returncode == 0


@pytest.mark.parametrize("name", DATA + CONTROL)
def test_a_scenario_whose_inputs_have_a_geometry_has_a_substrate_and_others_say_why_not(name):
    task = build(name)
    task.name = name
    reasons = {method.unsupported_reason(task) for method in (HyperNEAT, ESHyperNEAT)}
    if name in ("xor", "parity", "two_spirals", "breast_cancer", "wine", "diabetes", "cppn_image"):
        with pytest.raises(ValueError, match=f"no substrate for {name}: its inputs have no geometry"):
            layout(task)
        assert len(reasons) == 1
        assert "its inputs have no geometry" in reasons.pop()
    else:
        sizes = layout(task).sizes
        assert (sizes[0], sizes[-1]) == (task.inputs, task.outputs)
        assert reasons == {None}
