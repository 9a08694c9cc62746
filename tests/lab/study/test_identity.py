"""What a stored run is made of, its data and the user's code, is compared before it is continued or shown."""

import textwrap

import numpy as np
import pytest
import torch

from evo.rollout.environment import Environment
from evo.search.ga import GA
from evo.tasks.control import ControlTask
from evo.tasks.function import FunctionTask
from evo.tasks.supervised import SupervisedTask
from scenarios.lab import ConfigError, load, run
from scenarios.lab.cli.commands import main
from scenarios.lab.study import identity, trial

X = np.random.default_rng(0).normal(size=(40, 2))
linear = lambda inputs, outputs: torch.nn.Linear(inputs, outputs)


def again(scenario, runs, steps=1, **options):
    methods = {"mine": options.pop("method", GA)}
    return run(scenario, methods, budget={"steps": steps}, settings={"mine.population_size": 4}, runs=runs, **options)


def supervised(y):
    return SupervisedTask.from_arrays(X, y, network=linear)


def test_other_data_of_one_name_are_refused_and_named(tmp_path):
    again(supervised(X.sum(1)), tmp_path, name="mine")
    with pytest.raises(ConfigError, match=r"task\.splits\.train\.y changed.*--restart"):
        again(supervised(X.prod(1)), tmp_path, name="mine")
    again(supervised(X.sum(1)), tmp_path, steps=2, name="mine")


def test_a_task_that_was_used_is_the_same_task(tmp_path):
    class Counting(FunctionTask):
        calls = 0

        def evaluate(self, phenotypes, seeds):
            self.calls += 1
            return super().evaluate(phenotypes, seeds)

    task = Counting(lambda points: -(points**2).sum(1), 3)
    again(task, tmp_path, name="mine")
    again(task, tmp_path, steps=2, name="mine")


def square(points):
    return SCALE * -(points**2).sum(1)


SCALE = 1.0


def pole(push):
    def step(state, action):
        return (state[0] + push * (2 * action - 1),), 1.0, abs(state[0]) > 1.0

    return Environment("pole", lambda draws: (draws[0],), lambda state: state, step, draws=1, actions=2, max_steps=20)


class Walker:
    """A callable with attributes."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, points):
        return self.factor * points.sum(1)


def other(function, **scope):
    """A copy of a function that reads other globals."""
    return type(function)(function.__code__, {**function.__globals__, **scope}, function.__name__)


def closure(factor):
    return lambda points: factor * points.sum(1)


TASKS = {
    "x": (lambda k: SupervisedTask.from_arrays(X * (1 + k * X), X.sum(1), network=linear), "task.splits.train.x"),
    "constant": (lambda k: FunctionTask(other(square, SCALE=float(k)), 3), "task.function"),
    "code": (lambda k: FunctionTask((square, lambda points: points.sum(1))[k], 3), "task.function"),
    "closure": (lambda k: FunctionTask(closure(k), 3), "task.function"),
    "array in a closure": (lambda k: FunctionTask(closure(np.full(3, k)[0:1] * 1.0), 3), "task.function.factor"),
    "attribute": (lambda k: FunctionTask(Walker(k), 3), "task"),
    "setting": (lambda k: FunctionTask(square, 3, solved=float(k)), "task"),
    "environment": (lambda k: ControlTask(pole(0.1 + k), network=linear), "task.make.step"),
    "fitness": (lambda k: SupervisedTask((X, X), kind="regression", network=linear, fitness=(np.min, None)[k]), "task"),
}


def made_of(task, method="ga"):
    return identity.of_run(object(), method, "mlp", task)


@pytest.mark.parametrize("kind", TASKS)
def test_whatever_of_an_object_changes_is_seen_and_named(kind):
    make, name = TASKS[kind]
    (same, first, second) = (made_of(make(k)) for k in (0, 0, 1))
    assert same == first
    assert first[1] == []
    assert name in identity.changed(first[0], second[0])


def test_a_method_that_is_an_object_is_known_by_its_code():
    def method(share):
        class Mine(GA):
            def ask(self):
                return super().ask() * share

        return Mine

    one, same, two = (made_of(None, method(share))[0] for share in (1.0, 1.0, 2.0))
    assert one == same
    assert identity.changed(one, two)
    assert made_of(None, GA)[0].keys() == {"method"}  # ours, known by name


def test_what_cannot_be_known_is_said(tmp_path, capsys):
    task = FunctionTask(square, 3)
    task.lock = __import__("threading").Lock()
    again(task, tmp_path, name="mine")
    assert "_thread.lock: objects that cannot be compared; use --restart after a change in them" in capsys.readouterr().err


FILES = {
    "own_scenario.py": """
        from pathlib import Path
        import numpy as np
        from evo import Budget, Scenario
        from evo.tasks.supervised import SupervisedTask
        from scenarios.datasets import Regression
        import own_helper
        from own_package.inner import other

        def task(settings, network):
            rows = np.loadtxt(Path(__file__).parent / "rows.csv", delimiter=",")
            return SupervisedTask((rows[:, :2], rows[:, 2:]), kind="regression", network=network, **vars(settings))

        scenario = Scenario("own", "own", task, Regression, Budget(steps=1), ("ga",))
    """,
    "own_helper.py": "def late():\n    import own_late\n",
    "own_late.py": "VALUE = 1\n",
    "own_package/__init__.py": "",
    "own_package/inner.py": "from . import sibling\nother = 1\n",
    "own_package/sibling.py": "",
    "nets/net.py": "from torch import nn\nclass Net(nn.Linear):\n    pass\n",
    "other/net.py": "from torch import nn\nclass Net(nn.Linear):\n    pass\n",
    "rows.csv": "1,2,3\n4,5,6\n7,8,8\n",
}
NAMES = {
    "own_package/__init__.py": "__init__.py",
    "own_package/inner.py": "inner.py",
    "own_package/sibling.py": "sibling.py",
    "rows.csv": "task.splits.train.y",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("own")
    for name, text in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(textwrap.dedent(text))
    return made


def asked(folder):
    small = {"method": "ga", "population_size": 4}
    document = {
        "scenario": f"{folder}/own_scenario.py:scenario",
        "model": {"network": f"{folder}/nets/net.py:Net"},
        "learners": {"ga": small, "other": {**small, "model": {"network": f"{folder}/other/net.py:Net"}}},
    }
    return trial.study(document).specs


def test_what_a_name_reaches_is_watched_file_by_file(folder):
    first, second = asked(folder)
    files = {NAMES.get(name, name.rpartition("/")[2]) for name in FILES}
    assert first.code.keys() == files | {"task", "task.splits.train.x"}
    assert first.code["net.py"] == second.code["net.py"]  # equal, as yet: their names are their places'


@pytest.mark.parametrize("name", FILES)
def test_an_edit_of_anything_a_run_reads_is_seen_and_named(folder, name):
    before = asked(folder)
    (folder / name).write_text((folder / name).read_text().replace("8,8", "8,9") + "\n# edited"[: 99 * name.endswith(".py")])
    said = [spec.differences(old.toml()) for spec, old in zip(asked(folder), before)]
    expected = [f"{NAMES.get(name, name.rpartition('/')[2])} changed"]
    assert said == [expected * (not name.startswith("other")), expected * (not name.startswith("nets"))]


def test_two_files_of_one_name_are_told_by_their_folders(folder):
    found, _ = identity.of_run(f"{folder}/nets/net.py:Net", f"{folder}/other/net.py:Net", None, None)
    assert found.keys() == {"nets/net.py", "other/net.py"}
    alone, _ = identity.of_run(f"{folder}/nets/net.py:Net", None, None, None)
    assert identity.changed(alone, found) == identity.changed(found, alone) == []
    assert identity.changed({"net.py": "edited since"}, found) == ["net.py"]
    assert identity.changed(found | {"nets/net.py": "edited since"}, alone) == ["nets/net.py"]


def test_an_environment_behind_an_id_is_known_by_its_class():
    import gymnasium
    from gymnasium.spaces import Box, Discrete

    class Own(gymnasium.Env):
        observation_space, action_space = Box(-1, 1, (1,)), Discrete(2)

    globals()["Own"], Own.__qualname__ = Own, "Own"
    gymnasium.register("own/Own-v0", Own)
    before, Own.size = made_of(ControlTask("own/Own-v0", network=linear))[0], 2
    assert identity.changed(before, made_of(ControlTask("own/Own-v0", network=linear))[0]) == ["task.class"]


def test_a_run_without_digests_continues_and_keeps_them_from_now_on(tmp_path):
    again(supervised(X.sum(1)), tmp_path, name="mine")
    file = tmp_path / "mine/mine/seed-0/config.toml"
    whole = file.read_text()
    file.write_text(whole[: whole.index("[code]")] + whole[whole.index("[learners") :])
    again(supervised(X.sum(1)), tmp_path, name="mine")
    assert file.read_text() == whole


def test_a_champion_is_not_shown_on_another_task_in_silence(tmp_path):
    again(FunctionTask(square, 3), tmp_path, name="mine")
    path = tmp_path / "mine/mine/seed-0"
    assert load(path, scenario=FunctionTask(square, 3), method=GA).champion.parameters == 3
    with pytest.warns(UserWarning, match=r"task\.function\.SCALE|task\.function changed since this run"):
        load(path, scenario=FunctionTask(other(square, SCALE=2.0), 3), method=GA).champion  # noqa: B018


def test_the_command_line_says_so_too(folder, tmp_path, capsys):
    scenario, net = f"{folder}/own_scenario.py:scenario", f"{folder}/nets/net.py:Net"
    run(scenario, ["ga"], settings={"model.network": net}, runs=tmp_path)
    path = str(tmp_path / "own/ga/seed-0")
    assert main(["play", path]) == 0
    assert "changed" not in capsys.readouterr().err
    (folder / "own_late.py").write_text("VALUE = 3\n")
    for command in (["play", path], ["export", path, str(tmp_path / "net.pt")]):
        assert main(command) == 0
        assert "own_late.py changed since this run: what is shown is not what was scored" in capsys.readouterr().err


def test_a_changed_table_is_told_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "a,y\n" + "".join(f"{k},{k % 2}\n" for k in range(40))
    (tmp_path / "table.csv").write_text(rows)
    run("table.csv::y", ["linear"], runs=tmp_path)
    (tmp_path / "table.csv").write_text(rows.replace("3,1", "5,1"))
    path = tmp_path / "table-y/linear/seed-0"
    assert main(["play", str(path)]) == 0
    assert "the task's file changed since this run: what is shown is not what was scored" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="other settings: the task's file changed"):
        run("table.csv::y", ["linear"], runs=tmp_path)
