"""An environment of numbers as a Gymnasium environment: its spaces, its episodes, its wrappers."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from evo import MLP, ControlTask
from evo.rollout.environment import Episode
from scenarios.environments import acrobot, cartpole, double_pole, mountain_car_continuous, pendulum, swing_up

ENVIRONMENTS = [each.environment for each in (acrobot, cartpole, double_pole, mountain_car_continuous, pendulum, swing_up)]
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)


def played(env, seed, steps=40):
    seen = [env.reset(seed=seed)[0]]
    env.action_space.seed(seed)
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        seen += [observation, [reward, terminated, truncated]]
        if terminated or truncated:
            break
    return np.concatenate(seen)


@each_environment
def test_gymnasiums_own_checker_finds_nothing(environment):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(infinity|spec|normalized|render).*")
        check_env(environment.gym(), skip_render_check=True)


@each_environment
def test_an_episode_is_the_environments_own_and_a_function_of_the_seed(environment):
    env = environment.gym()
    assert env.observation_space.shape == (environment.inputs,)
    assert np.array_equal(played(env, 5), played(environment.gym(), 5))
    assert not np.array_equal(played(env, 5), played(env, 6))
    assert np.array_equal(env.reset(seed=7)[0], Episode(environment).reset(seed=7)[0])


def test_without_a_seed_each_episode_begins_elsewhere_by_the_generator():
    one, two = cartpole.environment.gym(), cartpole.environment.gym()
    starts = []
    for env in (one, two):
        env.reset(seed=3)
        starts.append([env.reset()[0].tolist() for _ in range(3)])
    assert starts[0] == starts[1]
    assert len({tuple(start) for start in starts[0]}) == 3


def test_an_episode_is_truncated_after_its_most_steps_and_terminated_by_the_environment_alone():
    env = pendulum.environment.gym()
    env.reset(seed=0)
    ends = [env.step(np.zeros(1))[2:4] for _ in range(pendulum.environment.max_steps)]
    assert ends == [(False, False)] * (len(ends) - 1) + [(False, True)]
    env = cartpole.environment.gym()
    env.reset(seed=0)
    ends = [(False, False)]
    while ends[-1] == (False, False):
        ends.append(env.step(1)[2:4])
    assert ends[-1] == (True, False)


def test_wrappers_and_control_tasks_take_it():
    wrapped = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.wrappers.TimeLimit(cartpole.environment.gym(), 10))
    wrapped.reset(seed=0)
    info = {}
    while "episode" not in info:
        *_, info = wrapped.step(0)
    assert info["episode"]["l"] <= 10
    network = lambda inputs, outputs: MLP(inputs, outputs, hidden=(3,))
    assert ControlTask(cartpole.environment.gym, network=network).inputs == 4


@pytest.mark.parametrize("environment", [cartpole.environment, pendulum.environment], ids=["terminates", "truncates"])
def test_rollouts_tell_terminated_from_truncated_as_episodes_step_by_step_do(environment):
    from evo.rollout.lanes import rollout
    from evo.vectors.encoding import Parameters

    encoding = Parameters(lambda: MLP(environment.inputs, environment.outputs, hidden=(3,)))
    networks, starts = encoding.express(encoding.initial(0, 0, 4)), environment.starts(range(3))
    episodes = rollout(environment, networks, starts)
    assert episodes.terminated.shape == (4, 3)
    assert (episodes.terminated | (episodes.steps == environment.max_steps)).all()
    assert episodes.terminated.all() == (environment is cartpole.environment)
    task = ControlTask(environment, network=lambda inputs, outputs: MLP(inputs, outputs, hidden=(3,)))
    model = encoding.model(encoding.initial(0, 0, 4)[1])
    assert np.array_equal(task.returns(model, starts).terminated[0], episodes.terminated[1])
