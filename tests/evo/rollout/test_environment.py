import functools
import math
import random
import re

import numpy as np
import pytest
from numba import config

from evo import MLP, ControlTask, rng
from evo.rollout.environment import Environment, Episode
from evo.testing import check_environment


def start(draws):
    return draws[0] - 0.5, 0.0


def observe(state):
    return state[0], state[1], 1.0


def step(state, action):
    position, speed = state
    speed = speed + 0.1 * (action - 0.5)
    return (position + speed, speed), position, abs(position + speed) > 1.0


def rail(**other):
    values = dict(name="rail", start=start, observe=observe, step=step, draws=1, actions=2, max_steps=40)
    return Environment(**{**values, **other})


def test_sizes_are_those_of_what_the_functions_give():
    one, two = rail(), rail(actions=((-1.0, 2.0), (0.0, 1.0)))
    assert (one.size, one.inputs, one.outputs, one.bounds.shape) == (2, 3, 2, (2, 0))
    assert (two.outputs, two.bounds.tolist()) == (2, [[-1.0, 0.0], [2.0, 1.0]])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (dict(actions=1), "2 or more choices; got 1"),
        (dict(actions=()), r"expected a whole number, or a pair .*; got \(\)$"),
        (dict(actions=((1.0, 1.0),)), "pairs low < high"),
        (dict(actions=((0.0, math.inf),)), "finite"),
        (dict(actions=2.5), "expected a whole number, or a pair"),
        (dict(actions=(-1.0, 1.0)), "expected a whole number, or a pair"),
        (dict(actions=((1,),)), r"expected a whole number, or a pair .*; got \(\(1,\),\)$"),
        (dict(actions=((-1, 1, 2),)), r"expected a whole number, or a pair .*; got \(\(-1, 1, 2\),\)$"),
        (dict(actions=((-1, 1), (2,))), "expected a whole number, or a pair"),
        (dict(actions=(("a", "b"),)), r"expected a whole number, or a pair .*; got \(\('a', 'b'\),\)$"),
        (dict(actions="2"), "expected a whole number, or a pair .*; got '2'$"),
        (dict(actions=None), "expected a whole number, or a pair .*; got None$"),
        (dict(max_steps=2.5), "expected whole numbers; got 2.5, 1, 0"),
        (dict(max_steps=0), "max_steps >= 1"),
        (dict(draws=-1), "draws >= 0"),
        (dict(window=3), "`episode_return`, which is not given"),
        (dict(picture=3), "picture: expected a function, or the id of a Gymnasium environment; got 3"),
        (dict(fps=0.0), "fps: expected a positive number"),
        (dict(fps="a"), "fps: expected a positive number; got 'a'"),
        (dict(start=3), "start: expected a function; got 3"),
        (dict(step=3), "step: expected a function, which can be compiled; got int"),
        (dict(observe=None), "observe: expected a function, which can be compiled; got NoneType"),
        (dict(step=functools.partial(step)), "step: expected a function, which can be compiled; got partial"),
    ],
)
def test_numbers_that_make_no_environment_are_refused(wrong, said):
    with pytest.raises(ValueError, match=f"^environment rail: .*{said}"):
        rail(**wrong)


def test_everything_wrong_is_told_at_once():
    with pytest.raises(ValueError, match=r"start: .*; actions: .*; fps: .*; max_steps, draws, window: "):
        rail(start=3, actions="2", fps="a", max_steps="10")


def test_an_argument_that_is_none_gets_the_closest_that_is_not_given():
    functions = dict(start=lambda draws: (0.0,), observe=lambda s: s, step=lambda s, a: (s, 0.0, False))
    with pytest.raises(TypeError, match=r"Environment has no argument 'steps' \(did you mean 'max_steps'\?\)"):
        Environment("mine", **functions, draws=0, actions=2, steps=5)


def test_bounds_may_be_a_list():
    assert rail(actions=[[-1, 1]]).actions == ((-1.0, 1.0),)
    assert hash(rail(actions=[[-1, 1]])) == hash(rail(actions=((-1.0, 1.0),)))


def test_a_start_is_a_function_of_its_seed_alone():
    starts = rail().starts([7, 8, 7])
    assert starts.shape == (3, 2)
    assert starts[0].tolist() == starts[2].tolist() == [rng.uniforms(7, 0, 0, rng.STARTS, 1)[0] - 0.5, 0.0]
    assert starts[0, 0] != starts[1, 0]
    assert rail().starts([]).shape == (0, 2)


def test_an_episode_in_plain_python_is_gymnasiums_protocol():
    episode = Episode(rail(max_steps=3), start=(0.0, 0.0))
    seen, _ = episode.reset()
    assert seen.dtype == np.float32
    assert seen.tolist() == [0.0, 0.0, 1.0]
    moments = [episode.step(1) for _ in range(3)]
    assert [moment[1] for moment in moments] == pytest.approx([0.0, 0.05, 0.15])
    assert [moment[2:4] for moment in moments] == [(False, False), (False, False), (False, True)]
    episode = Episode(rail())
    assert episode.reset(seed=5)[0][0] == np.float32(rail().starts([5])[0, 0])


def draw(state):
    picture = np.zeros((4, 9, 3), np.uint8)
    picture[:, int(4 + 4 * state[0])] = 255
    return picture


def test_an_episode_renders_what_its_environments_function_draws_of_the_state():
    episode = Episode(rail(picture=draw, fps=7.0), start=(0.0, 0.0), mode="rgb_array")
    assert (episode.render_mode, episode.metadata) == (
        "rgb_array",
        {"render_modes": ["rgb_array"], "render_fps": 7.0},
    )
    episode.reset()
    for _ in range(6):
        np.testing.assert_array_equal(episode.render(), draw(episode.state))
        episode.step(1)
    assert episode.render()[0, 4, 0] == 0  # it has moved


@pytest.mark.parametrize(("other", "mode"), [(dict(picture=draw), "human"), (dict(picture=draw), None), ({}, "rgb_array")])
def test_an_episode_without_a_picture_says_so_by_its_mode(other, mode):
    episode = Episode(rail(**other), mode=mode)
    episode.reset()
    assert episode.render_mode is None
    assert episode.render() is None


def test_value_is_paid_with_the_last_step_whole():
    one = rail(episode_return=lambda total, recent, steps: 100 * total + 10 * recent + steps, window=2, max_steps=4)
    episode = Episode(one, start=(0.1, 0.0))
    episode.reset()
    rewards = [episode.step(0)[1] for _ in range(4)]
    positions = np.cumsum([0.1, -0.05, -0.1, -0.15])
    assert rewards == pytest.approx([0, 0, 0, 100 * positions.sum() + 10 * positions[-2:].sum() + 4])


def test_a_sound_environment_has_no_findings():
    assert check_environment(rail(actions=((-1.0, 1.0), (0.0, 2.0)), step=lambda state, action: step(state, action[0]))) == []
    assert check_environment(rail(picture=draw)) == []


def wandering(state, action):
    return step(state, random.random())


def clock(state, action):
    clock.count += 1
    return (state[0], state[1] + clock.count), 0.0, False


clock.count = 0
TABLE = {0: 0.1, 1: 0.2}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (dict(step=lambda state, action: (state, 0.0)), "start, observe or step raised ValueError"),
        (dict(step=lambda state, action: ((1.0,), 0.0, True)), r"state \(1.0,\): expected 2 finite numbers"),
        (dict(step=lambda state, action: ((math.nan, 0.0), 0.0, True)), "expected 2 finite"),
        (dict(step=lambda state, action: (state, math.inf, True)), "reward .*expected 1 finite number,"),
        (dict(observe=lambda state: state if state[1] == 0.0 else (1.0,)), "observations .* expected 2"),
        (dict(start=lambda draws: (0.0, 0.0)), "1 draws, yet every episode starts in one state"),
        (dict(step=wandering), "global random state of random"),
        (dict(picture=lambda state: draw(state)[..., 0]), r"picture: ValueError: render\(\) must give \(H, W, 3\) uint8"),
        (dict(picture=lambda state: draw(state)[: 2 + (state[1] < 0)]), "picture: ValueError: .* frames of one shape"),
        (dict(step=clock), "goes another way when it is played again"),
        pytest.param(
            dict(step=lambda state, action: (state, TABLE[action], False)),
            "numba, on observe and step",
            marks=pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled"),
        ),
        (
            dict(episode_return=lambda total, recent, steps: math.nan),
            r"episode_return\(total, recent, steps\) must be a finite",
        ),
    ],
)
def test_each_fault_of_an_environment_is_found(broken, said):
    findings = check_environment(rail(**broken))
    assert any(re.search(said, finding) for finding in findings), findings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (dict(step=lambda state, action: (state, 1.0)), "step: expected the next state, the reward and whether"),
        (dict(step=lambda state, action: None), "step: expected the next state, the reward and whether"),
        (dict(step=lambda state, action: ((0.0,) * 9, 1.0, False)), "step: expected a state of 2 numbers, as start gives"),
        (dict(step=lambda state, action: (state, "much", False)), "step: expected a number as reward; got 'much'"),
        (dict(observe=lambda state: ()), r"observe: expected a tuple of numbers; got \(\)"),
        (dict(observe=lambda state: 1.0), "observe: expected a tuple of numbers; got 1.0"),
    ],
)
def test_what_functions_should_not_give_is_named_before_anything_is_compiled(wrong, said):
    with pytest.raises(ValueError, match=said):
        ControlTask(rail(**wrong), network=MLP)
    task = ControlTask(
        rail(actions=((-1.0, 2.0), (0.0, 1.0)), step=lambda state, action: (state, sum(action), False)), network=MLP
    )
    assert task.outputs == 2
