"""An error that arises in a user's code names their file and line, however deep below our own code it does."""

import pytest

from scenarios.lab.cli import flags
from scenarios.lab.execution.execute import execute
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.trial import study

REACH = """
import gymnasium
import numpy as np


class Reach(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-5, 5, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        {reset}
        return np.zeros(1, np.float32), {{}}

    def step(self, action):
        {step}
        return np.zeros(1, np.float32), 0.0, True, False, {{}}
"""
NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = nn.Linear(inputs + {wrong}, outputs)

    def forward(self, x):
        {forward}
        return self.layer(x)
"""
QUICK = {"budget": ["steps=1"], "sets": ["random-search.population_size=4"]}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("place", "line"), [("reset", 12), ("step", 16)])
@pytest.mark.parametrize("fault", ["1 / 0", "raise ValueError('too far')", "np.linalg.inv(np.zeros(3))"])
def test_a_fault_of_an_environment_names_the_users_line(folder, fault, place, line):
    name, events = "reach.py", []
    (folder / name).write_text(REACH.format(**{"reset": "pass", "step": "pass", place: fault}))
    (spec,) = study(**flags.chosen(f"{name}:Reach", ["random-search"], **QUICK)).specs
    assert execute(spec, "runs", emit=events.append) == "failed"
    (message,) = [event["message"] for event in events if event["event"] == "failed"]
    assert f" ({name}, line {line})" in message


def test_a_fault_of_a_network_names_the_users_line(folder):
    for name, text, line in (
        ("wide.py", NET.format(wrong=1, forward="pass"), 12),
        ("short.py", NET.format(wrong=0, forward="raise ValueError('no')"), 11),
        ("none.py", NET.format(wrong="x", forward="pass"), 8),
    ):
        (folder / name).write_text(text)
        with pytest.raises(ConfigError, match=rf"\({name}, line {line}\)"):
            study(**flags.chosen("xor", ["random-search"], sets=[f"model.network={name}:Net"]))


def test_a_fault_of_a_scenario_names_the_users_line_and_what_ours_refuses_none(folder):
    head = "from evo import Budget, Scenario, SupervisedTask, settings\n\n@settings\nclass Nothing:\n    pass\n\n"
    made = "scenario = Scenario('mine', '', task, Nothing, Budget(steps=1), ('ga',))\n"
    for name, body, said in (
        ("own.py", "raise ValueError('no data')", r"no data \(own.py, line 8\)$"),
        ("ours.py", "return SupervisedTask(([[0.0]], [0]), kind='classificatio')", r"did you mean 'classification'\?\)$"),
    ):
        (folder / name).write_text(f"{head}def task(options, network):\n    {body}\n\n{made}")
        with pytest.raises(ConfigError, match=said):
            study(**flags.chosen(f"{name}:scenario", ["ga"]))
