"""An environment of numbers as a Gymnasium environment: its spaces, its episodes, its wrappers."""

import re
import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from evo import MLP, ControlTask
from evo.rollout.environment import Environment, Episode
from evo.rollout.recording import offscreen
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


def start(draws):
    return 2.0 * draws[0] - 1.0, 0.0


def observe(state):
    return state


def step(state, action):
    return state, 1.0, False


def draw(state):
    return np.full((8, 16, 3), 255, np.uint8)


def rail(actions=((-1.0, 1.0),), picture=draw):
    return Environment("rail", start, observe, step, draws=1, actions=actions, max_steps=50, picture=picture)


@pytest.mark.parametrize(
    ("environment", "mode"),
    [(each, mode) for each in ENVIRONMENTS for mode in (None, "rgb_array") if each.picture or mode is None]
    + [(rail(), None), (rail(), "rgb_array"), (rail(picture=None), None)],
    ids=lambda each: getattr(each, "name", each),
)
def test_gymnasiums_own_checker_finds_nothing(environment, mode):
    with warnings.catch_warnings(), offscreen():
        warnings.filterwarnings("ignore", message=".*(infinity|not having a spec|normalized).*")
        check_env(environment.gym(mode))


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


@pytest.mark.parametrize("environment", [cartpole.environment, rail()], ids=["its id's pictures", "its function's"])
def test_gymnasiums_wrappers_collect_and_show_what_it_draws(environment):
    with offscreen():
        collected = gymnasium.wrappers.RenderCollection(environment.gym("rgb_array"))
        collected.reset(seed=0)
        for _ in range(3):
            collected.step(collected.action_space.sample())
        assert len(collected.render()) == 4
        assert "rgb_array_list" not in environment.gym("rgb_array").metadata["render_modes"]
        shown = gymnasium.wrappers.HumanRendering(environment.gym("rgb_array"))
        shown.reset(seed=0)
        shown.close()


@pytest.mark.parametrize(
    ("environment", "mode", "said"),
    [
        (rail(), "human", "expected 'rgb_array' or None; got 'human'"),
        (rail(), "rgb", "expected 'rgb_array' or None; got 'rgb' (did you mean 'rgb_array'?)"),
        (rail(), 3, "expected 'rgb_array' or None; got 3"),
        (rail(picture=None), "rgb_array", "expected None, as there is no `picture`; got 'rgb_array'"),
        (cartpole.environment, "humn", "expected 'human' or 'rgb_array' or None; got 'humn' (did you mean 'human'?)"),
    ],
)
def test_a_render_mode_that_it_lacks_is_refused(environment, mode, said):
    with pytest.raises(ValueError, match=re.escape(f"environment {environment.name}: render_mode: {said}")):
        environment.gym(mode)


@pytest.mark.parametrize(
    ("actions", "wrong"),
    [(3, each) for each in (7, 3, -1, 0.5, 1.0, None, "1", [1], [[1], [1, 2]], np.zeros(2, int))]
    + [(((-1.0, 1.0),), each) for each in (None, np.nan, 1.5, -2, 1e300, [0.0, 0.0], np.zeros((1, 1)), "0.5", [None])]
    + [(((-1.0, 1.0), (0.0, 2.0)), each) for each in (0.5, [0.5], [0.5, -0.5], [0.5, np.nan], [[0.5, 0.5]], [[1], [1, 2]])],
)
def test_an_action_outside_of_the_action_space_is_refused(actions, wrong):
    env = rail(actions).gym()
    env.reset(seed=0)
    said = f"environment rail: action: expected one of {env.action_space}; got {wrong!r}"
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        env.step(wrong)


@pytest.mark.parametrize(
    ("actions", "right"),
    [(3, each) for each in (0, 2, True, np.int64(2), np.array(1), np.uint8(0), torch.tensor(2))]
    + [(((-1.0, 1.0),), each) for each in (0, 0.5, [1], np.array([-1.0]), np.ones(1, np.float32), torch.zeros(1))]
    + [(((0.1, 0.7), (-0.7, -0.1)), each) for each in ([0.1, -0.7], np.array([0.7, -0.1], np.float32), (0.7, -0.1))],
)
def test_an_action_of_the_action_space_is_taken_as_any_kind_of_number(actions, right):
    env = rail(actions).gym()
    env.reset(seed=0)
    assert env.step(right)[1] == 1.0


@pytest.mark.parametrize("method", [lambda env: env.step(0), lambda env: env.render()], ids=["step", "render"])
def test_what_needs_an_episode_asks_for_a_reset(method):
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"^environment rail: call reset\(\) before step\(\) and render\(\)"):
        method(rail(2).gym("rgb_array"))


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
