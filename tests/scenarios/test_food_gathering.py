"""A robot among food: what it sees and how it moves, against closed forms, and how often HyperNEAT finds its way."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from evo import HyperNEAT, rng
from evo.core import Model
from evo.hyperneat.substrate import layout
from evo.testing import check_task
from scenarios.environments import food_gathering as field
from scenarios.food_gathering import FoodGathering, FoodGatheringSettings

sizes = st.sampled_from(field.SENSORS)
angles = st.floats(0.0, 2.0 * math.pi)


def one(sensor, sensors):
    return tuple(float(k == sensor) for k in range(sensors))


def lived(state, act, sensors):
    """The sum of rewards and the places of the robot, (steps + 1, 2); act: observation -> action."""
    world, total, places = field.robot(sensors), 0.0, [state[:2]]
    for _ in range(world.max_steps):
        state, reward, over = world.step(state, act(world.observe(state)))
        total, places = total + reward, [*places, state[:2]]
        if over:
            break
    return total, np.array(places)


@pytest.mark.parametrize("sensors", field.SENSORS)
def test_who_drives_straight_at_the_food_needs_distance_over_speed_steps(sensors):
    for sensor in (0, 3, sensors - 1):
        angle = 2.0 * math.pi * sensor / sensors
        total, places = lived(field.first_state(angle), lambda seen, sensor=sensor: one(sensor, sensors), sensors)
        steps = math.ceil((field.DISTANCE - field.REACH) / field.SPEED)
        assert len(places) - 1 == steps == 19
        assert total == pytest.approx(10.0 - 0.001 * steps)
        expected = field.SPEED * np.outer(np.arange(steps + 1), [math.cos(angle), math.sin(angle)])
        np.testing.assert_allclose(places, expected, atol=1e-9)


@given(sizes, angles)
def test_who_follows_the_sensor_that_reads_comes_nearer_at_each_step_and_needs_19_to_21(sensors, angle):
    food = field.first_state(angle)[2:]
    total, places = lived(field.first_state(angle), lambda seen: seen, sensors)
    far = np.hypot(*(places - food).T)
    assert (np.diff(far) < 0).all()
    assert far[-1] <= field.REACH < far[-2]
    assert 19 <= len(places) - 1 <= 21
    assert total == pytest.approx(10.0 - 0.001 * (len(places) - 1))


def test_who_never_arrives_pays_for_every_step():
    total, places = lived(field.first_state(0.0), lambda seen: one(4, 8), 8)
    assert total == pytest.approx(-1.0)
    np.testing.assert_allclose(places[-1], [-5000.0, 0.0], atol=1e-6)


@given(sizes, angles, st.floats(0.0, 300.0))
def test_the_sensor_that_reads_points_most_nearly_at_the_food(sensors, angle, away):
    """Against the angle itself."""
    between = angle / (2.0 * math.pi) * sensors
    assume(abs(between % 1.0 - 0.5) > 1e-6)
    food = 7.0 + (away + 1.0) * math.cos(angle), -3.0 + (away + 1.0) * math.sin(angle)
    assert field.robot(sensors).observe((7.0, -3.0, *food)) == one(round(between) % sensors, sensors)


@given(st.integers(0, 2**31), sizes)
def test_the_robot_moves_by_its_strongest_effector_at_its_share_of_all(seed, sensors):
    action = np.random.default_rng(seed).random(sensors)
    before = (1.0, 2.0, 1000.0, 1000.0)
    after, reward, over = field.step(before, tuple(action.tolist()))
    angle = 2.0 * math.pi * action.argmax() / sensors
    moved = field.SPEED * action.max() / action.sum() * np.array([math.cos(angle), math.sin(angle)])
    np.testing.assert_allclose(after, before + np.array([*moved, 0.0, 0.0]), rtol=1e-9)
    assert (reward, over) == (-0.001, False)


@given(sizes, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_activations_that_are_the_same_from_all_sides_cancel(sensors, strong, weak):
    for every in (1, 2, 4):
        action = tuple(max(strong, weak) if k % every == 0 else min(strong, weak) for k in range(sensors))
        after, reward, over = field.step((1.0, 2.0, 90.0, 0.0), action)
        np.testing.assert_allclose(after, (1.0, 2.0, 90.0, 0.0), atol=1e-12)
        assert (reward, over) == (-0.001, False)


def test_two_equally_strong_effectors_push_between_them():
    after, _, _ = field.step((0.0, 0.0, 90.0, 0.0), (0.5, 0.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0))
    assert after[:2] == pytest.approx((5.0 * 0.5 / 1.25,) * 2)


@given(st.integers(0, 2**31), sizes, st.integers(1, 127))
def test_a_world_turned_by_sensors_reads_and_moves_turned(seed, sensors, turns):
    r = np.random.default_rng(seed)
    world, turn = field.robot(sensors), 2.0 * math.pi * turns / sensors
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    turned = lambda state: (*(matrix @ state[:2]), *(matrix @ state[2:]))
    state, action = tuple(r.uniform(-100, 100, 4).tolist()), r.random(sensors)
    assert world.observe(turned(state)) == tuple(np.roll(world.observe(state), turns).tolist())
    expected = world.step(state, tuple(action.tolist()))
    found = world.step(turned(state), tuple(np.roll(action, turns).tolist()))
    np.testing.assert_allclose(found[0], turned(expected[0]), atol=1e-9)
    assert found[1:] == expected[1:]


@pytest.mark.parametrize("sensors", field.SENSORS)
def test_training_validation_and_test_have_other_angles(sensors):
    task = FoodGathering(sensors)
    shown = [task.trials[split] for split in ("train", "validation", "test")]
    turns = [np.sort(np.arctan2(trials[:, 3], trials[:, 2]) / (2.0 * math.pi) % 1.0) for trials in shown]
    np.testing.assert_allclose(np.sort((turns[0] + 1e-9) % 1.0), np.arange(2 * sensors) / (2 * sensors), atol=1e-8)
    gaps = np.diff(np.sort(np.concatenate(turns)))
    np.testing.assert_allclose(gaps[1:-1], 1.0 / (6 * sensors), rtol=1e-6)  # 2n each, and all equally far from one another
    for trials in shown:
        assert not trials[:, :2].any()
        np.testing.assert_allclose(np.hypot(trials[:, 2], trials[:, 3]), field.DISTANCE)


class Following(Model):
    """Excites the effector of the sensor that reads, or that many ahead of it."""

    parameters, output_range = 0, None

    def __init__(self, ahead=0):
        self.ahead = ahead

    def __call__(self, x):
        return 40.0 * torch.roll(x, self.ahead, 1) - 20.0

    def save(self): ...


class Silent(Following):
    """Has no answer where sensor 2 reads."""

    def __call__(self, x):
        return torch.where(x[:, 2:3] > 0, math.nan, super().__call__(x))


def test_scores_are_means_of_the_trials_of_a_split():
    task = FoodGathering(solved=9.9)
    assert set(task.score(Following(), "test")) == {"return", "return_std", "steps", "fitness", "n"}
    for split in ("validation", "test"):
        alone = [lived(tuple(state), lambda seen: seen, 8) for state in task.trials[split].tolist()]
        score = task.score(Following(), split)
        assert score["return"] == pytest.approx(np.mean([total for total, _ in alone]))
        assert score["steps"] == np.mean([len(places) - 1 for _, places in alone])
        assert score["n"] == 16
        assert task.solved(score)
    assert not task.solved(task.score(Following(4), "validation"))


def test_a_task_has_no_findings_and_fitness_is_of_all_trials_of_training_whatever_the_seeds():
    task = FoodGathering()
    assert check_task(task) == []
    hyper = HyperNEAT(layout(task), population_size=20, seed=0)
    networks = hyper.express(hyper.ask())
    made = [task.evaluate(networks, np.full(16, seed)) for seed in (0, 1)]
    np.testing.assert_array_equal(made[0].fitness, made[1].fitness)
    hyper.tell(made[0].fitness)
    paths = task.paths(hyper.best_model, "train")
    returns = [10.0 * (len(path) <= 1000) - 0.001 * (len(path) - 1) for path in paths]
    assert hyper.best_fitness == pytest.approx(np.mean(returns))
    assert made[0].samples[made[0].fitness.argmax()] == sum(len(path) - 1 for path in paths)


def test_paths_are_those_of_the_trials_and_end_at_a_nan():
    task = FoodGathering()
    for state, path in zip(task.trials["test"].tolist(), task.paths(Following(), "test")):
        np.testing.assert_allclose(path, lived(tuple(state), lambda seen: seen, 8)[1], atol=1e-6)
    of_sensor_2 = [k in (3, 4) for k in range(16)]  # food at 82.5 and 105 degrees
    assert [len(path) == 1 for path in task.paths(Silent(), "test")] == of_sensor_2


def test_the_picture_of_a_split_tells_what_was_reached():
    task = FoodGathering()
    for ahead, found in ((0, 16), (4, 0)):
        axes = task.figure(Following(ahead), "test").axes[0]
        assert axes.get_title() == f"test split: {found} of 16 pieces of food reached"
        assert [line.get_marker() for line in axes.lines].count("o") == found


def test_a_film_shows_the_robot_and_the_food():
    task = FoodGathering()
    film = task.film(Following(), "test", frames=50)
    assert film.trouble == ""
    assert film.frames.shape == (len(task.paths(Following(), "test")[0]), field.SIZE, field.SIZE, 3)
    first, last = ((film.frames[k] == field.ROBOT).all(-1) for k in (0, -1))
    assert np.argwhere(first).mean(0) == pytest.approx([140, 140], abs=1)
    assert np.argwhere(last).mean(0)[1] > 240
    assert (film.frames[0] == field.FOOD).all(-1).any()


@pytest.mark.parametrize("kind", ["concentric", "parallel"])
def test_a_sensor_lies_where_its_effector_does(kind):
    for task in (FoodGathering(layout=kind), FoodGathering(layout=kind).at(32)):
        sensors, effectors = layout(task).layers
        assert len(sensors) == len(effectors) == task.inputs == task.outputs == task.resolution
        if kind == "parallel":
            np.testing.assert_array_equal(sensors, effectors)
            assert np.ptp(sensors[:, 0]) == 0 < np.diff(sensors[:, 1]).min()
        else:
            np.testing.assert_allclose(2.0 * sensors, effectors)
            turn = np.arange(task.inputs) * 2.0 * math.pi / task.inputs
            np.testing.assert_allclose(effectors, np.column_stack([np.cos(turn), np.sin(turn)]), atol=1e-12)


def test_numbers_of_sensors_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match=r"sensors: expected one of .*128\); got 12"):
        FoodGatheringSettings(sensors=12)
    with pytest.raises(ValueError, match="resolution: expected a number of sensors"):
        FoodGathering().at(12)


def evolved(seed):
    """HyperNEAT's best network, once it has all food of training within 100 steps in the mean, or at last."""
    task = FoodGathering()
    hyper = HyperNEAT(layout(task), population_size=100, seed=seed)
    for generation in range(30):
        seeds = rng.words(seed, generation, 0, rng.EPISODES, task.episodes)
        hyper.tell(task.evaluate(hyper.express(hyper.ask()), seeds).fitness)
        if hyper.best_fitness >= 9.9:
            break
    return task, hyper.best_model


@pytest.mark.parametrize("seed", [1001, 1002])
def test_hyperneat_gathers_at_angles_it_never_saw_and_its_pattern_serves_twice_as_many_sensors(seed):
    """Within 24 generations all of seeds 1000 .. 1002 do, with a test return of at least 9.89, and 9.76 with 16 sensors."""
    task, model = evolved(seed)
    finer = task.at(16)
    for world, network in ((task, model), (finer, model.at(finer))):
        paths = world.paths(network, "test")
        assert max(map(len, paths)) <= 1000
        assert np.mean([len(path) for path in paths]) < 350
