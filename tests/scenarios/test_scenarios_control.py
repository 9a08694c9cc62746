"""A user's own environment by its name: a Gymnasium id, a class in a file, an `Environment`."""

import pytest

from scenarios.lab.study import resolve
from scenarios.lab.study.config import study
from scenarios.lab.study.problems import Checks

REACH = """
import dataclasses

import gymnasium
import numpy as np
from evo.rollout.environment import Environment
from scenarios.environments.cartpole import environment as pole


class Reach(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-5, 5, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 1.0, True, False, {}


class Pole(Environment):
    def __init__(self):
        super().__init__(**{one.name: getattr(pole, one.name) for one in dataclasses.fields(Environment)})


class Broken(Environment):
    def __init__(self):
        raise KeyError("mine")


number = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "myenv.py").write_text(REACH)
    return str(tmp_path / "myenv.py")


@pytest.mark.parametrize(
    ("name", "folder", "inputs", "outputs"),
    [
        ("CartPole-v1", "CartPole-v1", 4, 2),
        ("{file}:Reach", "Reach", 1, 1),
        ("{file}:pole", "pole", 4, 2),
        ("{file}:Pole", "Pole", 4, 2),
    ],
)
def test_an_environment_is_a_scenario_by_its_name(file, name, folder, inputs, outputs):
    name = name.format(file=file)
    scenario = resolve.scenario(name)
    assert scenario.name == folder
    task = Checks().default_task(scenario)
    assert (task.inputs, task.outputs) == (inputs, outputs)
    (spec,) = study({"scenario": name, "learners": {"ga": {}}}, {"task.episodes": 2}).specs
    assert (spec.scenario, spec.name, spec.task["episodes"]) == (name, folder, 2)


def test_what_is_no_environment_is_told_with_the_closest_id(file):
    with pytest.raises(resolve.Unresolved, match=r"scenario 'CartPol-v1': .*Did you mean: `CartPole`"):
        resolve.scenario("CartPol-v1")
    with pytest.raises(resolve.Unresolved, match=r":Broken': KeyError: 'mine' .myenv.py, line"):
        resolve.scenario(f"{file}:Broken")
    with pytest.raises(resolve.Unresolved, match=r"expected a Scenario or an Environment .* got an object of type int"):
        resolve.scenario(f"{file}:number")
    with pytest.raises(resolve.Unresolved, match=r"myenv.py has no 'Reech' .did you mean 'Reach'"):
        resolve.scenario(f"{file}:Reech")
