"""The physics: Gymnasium's own to the digit, and the poles against equations written another way."""

import math

import gymnasium
import numpy as np
import pytest

from evo import rng
from evo.rollout.codegen import compiled
from evo.rollout.environment import Episode
from evo.rollout.lanes import rollout
from evo.testing import check_environment
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP
from scenarios.environments import (
    acrobot,
    cartpole,
    double_pole,
    double_pole_no_velocity,
    food_gathering,
    mountain_car,
    mountain_car_continuous,
    pendulum,
    poles,
    single_pole,
    swing_up,
    t_maze,
)

CLASSIC = (cartpole, acrobot, mountain_car, mountain_car_continuous, pendulum)
ALL = (*CLASSIC, single_pole, double_pole, double_pole_no_velocity, swing_up, t_maze, food_gathering)
named = dict(ids=lambda module: module.__name__.rpartition(".")[2])
STEPS = 10_000

# Random states that reach beyond every bound: the span of each number of a state.
SPANS = {
    cartpole: (3.0, 4.0, 0.3, 4.0),
    acrobot: (math.pi, math.pi, 4 * math.pi, 9 * math.pi),
    mountain_car: ((-1.2, 0.6), 0.07),
    mountain_car_continuous: ((-1.2, 0.6), 0.07),
    pendulum: (12.0, 8.0),
}


def states(module, count=STEPS):
    r = np.random.default_rng(0)
    ends = [span if isinstance(span, tuple) else (-span, span) for span in SPANS[module]]
    made = np.column_stack([r.uniform(*end, count) for end in ends])
    if module in (mountain_car, mountain_car_continuous):  # against the wall, at rest, and at the goal
        made[:300, 0], made[300:600, 0], made[600:700] = -1.2, r.uniform(0.4, 0.5, 300), (0.5, 0.0)
    return made.astype(np.float32).astype(float) if module is mountain_car_continuous else made


def actions(environment, count=STEPS):
    r = np.random.default_rng(1)
    if isinstance(environment.actions, int):
        return r.integers(environment.actions, size=count).tolist()
    return r.uniform(*environment.bounds.ravel(), count).astype(np.float32).astype(float).tolist()


@pytest.mark.parametrize("module", CLASSIC, **named)
def test_a_step_is_gymnasiums(module):
    environment, peer = module.environment, gymnasium.make(module.environment.picture).unwrapped
    peer.reset(seed=0)
    step, observe = (compiled(function, __name__) for function in (environment.step, environment.observe))
    exact = np.float32 if module is mountain_car_continuous else np.float64
    own, theirs = [], []
    for state, action in zip(states(module), actions(environment)):
        peer.state = state.astype(exact)
        if module is cartpole:
            peer.steps_beyond_terminated = None
        chosen = action if isinstance(environment.actions, int) else np.array([action], np.float32)
        seen, reward, over, _, _ = peer.step(chosen)
        theirs.append((peer.state, seen, reward, over))
        after, reward, over = step(tuple(state.tolist()), action)
        own.append((after, observe(after), reward, over))
    (after, seen, reward, over), (after_own, seen_own, reward_own, over_own) = (
        map(np.array, zip(*steps)) for steps in (theirs, own)
    )
    np.testing.assert_allclose(after_own.astype(exact), after, rtol=1e-12, atol=1e-12)
    # The pendulum's reward holds a float32 number, torque ** 2, where numpy's power is off by an ulp now and then.
    assert reward_own == pytest.approx(reward, rel=1e-12, abs=1e-9 if module is pendulum else 1e-12)
    np.testing.assert_array_equal(over_own, over)
    np.testing.assert_allclose(seen_own.astype(np.float32), seen, rtol=1e-6, atol=1e-7)
    assert over.sum() > 100 or module is pendulum


@pytest.mark.parametrize("module", CLASSIC, **named)
def test_starts_and_lengths_of_episodes_are_gymnasiums(module):
    environment, peer = module.environment, gymnasium.make(module.environment.picture)
    assert peer.spec.max_episode_steps == environment.max_steps
    drawn = []
    for seed in range(300):
        peer.reset(seed=seed)
        drawn.append(np.array(peer.unwrapped.state, float))
    own = environment.starts(range(300))
    span = np.ptp(drawn, axis=0)
    np.testing.assert_allclose(own.min(axis=0), np.min(drawn, axis=0), atol=0.05 * span.max())
    np.testing.assert_allclose(own.max(axis=0), np.max(drawn, axis=0), atol=0.05 * span.max())
    np.testing.assert_allclose(own.mean(axis=0), np.mean(drawn, axis=0), atol=0.1 * span.max())


def test_episodes_of_cartpole_are_gymnasiums():
    """A pole that falls doubles a difference every ten steps: at 1e-16, that of the sines, 200 steps stay alike."""
    environment, peer = cartpole.environment, gymnasium.make("CartPole-v1")
    encoding = Parameters(lambda: MLP(4, 2, hidden=(16,)))
    vectors = encoding.initial(0, 0, 2000, 2.0)
    starts = environment.starts([1, 2])
    lengths = rollout(environment, encoding.express(vectors), starts)[1].sum(axis=1)
    vectors = vectors[np.argsort(-lengths)[[0, 1, 2, 20, 40, 80, 160, 320, 640, 1280]]]
    returns, steps, _ = rollout(environment, encoding.express(vectors), starts)
    for genome, vector in enumerate(vectors):
        model = encoding.model(vector)
        for episode, start in enumerate(starts):
            own = Episode(environment, start)
            seen, _ = own.reset()
            peer.reset(seed=0)
            peer.unwrapped.state, theirs = start.copy(), start.astype(np.float32)
            taken, done = 0, False
            while not done:
                np.testing.assert_allclose(seen, theirs, rtol=1e-5, atol=1e-6)
                seen, _, *ended, _ = own.step(int(model(seen[None])[0].argmax()))
                taken, done = taken + 1, any(ended)
                if taken <= 200:
                    theirs, _, *their_ends, _ = peer.step(int(model(theirs[None])[0].argmax()))
                    assert their_ends == ended
                else:
                    theirs = seen
            assert steps[genome, episode] == returns[genome, episode] == taken
    assert 500 in steps
    assert steps.min() < 20


@pytest.mark.parametrize("module", ALL, **named)
def test_every_environment_has_no_findings(module):
    assert check_environment(module.environment) == []


# Poles, as in Wieland (1991), in vectors over any number of poles.
MASS, HALF = np.array([1.0, 0.1]), np.array([0.5, 0.05])


def derivative(state, force):
    speed, angle, turn = state[1], state[2::2], state[3::2]
    mass, half = MASS[: len(angle)], HALF[: len(angle)]
    hinge, weight = 0.000002 * turn / (mass * half), -9.8 * np.sin(angle)
    pole_force = mass * half * turn**2 * np.sin(angle) + 0.75 * mass * np.cos(angle) * (hinge + weight)
    pole_mass = mass * (1 - 0.75 * np.cos(angle) ** 2)
    cart = (force + pole_force.sum()) / (1.0 + pole_mass.sum())
    made = np.empty_like(state)
    made[0], made[1], made[2::2] = speed, cart, turn
    made[3::2] = -0.75 * (cart * np.cos(angle) + weight + hinge) / half
    return made


def runge_kutta(state, force, time=0.01):
    for _ in range(2):
        a = derivative(state, force)
        b = derivative(state + time / 2 * a, force)
        c = derivative(state + time / 2 * b, force)
        d = derivative(state + time * c, force)
        state = state + time / 6 * (a + 2 * b + 2 * c + d)
    return state


@pytest.mark.parametrize(("move", "numbers"), [(poles.move1, 4), (poles.move2, 6)])
def test_poles_move_by_the_equations_in_two_runge_kutta_steps(move, numbers):
    r = np.random.default_rng(0)
    quick = compiled(move, __name__)
    for state in r.uniform(-1, 1, (500, numbers)) * [2.4, 3, 0.63, 3, 0.63, 3][:numbers]:
        force = r.uniform(-10, 10)
        expected = runge_kutta(state, force)
        np.testing.assert_allclose(quick(tuple(state.tolist()), force), expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(move(tuple(state.tolist()), force), expected, rtol=1e-12, atol=1e-12)


def test_poles_keep_their_energy_when_nobody_pushes():
    def energy(state):
        speed, angle, turn = state[1], np.array(state[2::2]), np.array(state[3::2])
        moving = 0.5 * MASS * speed**2 + MASS * HALF * speed * turn * np.cos(angle) + 2 / 3 * MASS * HALF**2 * turn**2
        return 0.5 * speed**2 + (moving + MASS * 9.8 * HALF * np.cos(angle)).sum()

    state = (0.0, 0.5, 0.07, 0.3, -0.1, 0.2)
    before = energy(state)
    for _ in range(15):
        state = poles.move2(state, 0.0)
    assert abs(state[4]) > 0.5
    assert energy(state) == pytest.approx(before, rel=1e-5)


def test_a_step_of_balancing_counts_until_the_cart_or_a_pole_is_out():
    limit = 36 * math.pi / 180
    for state, alive in [
        ((2.35, 0, 0, 0, 0, 0), True),
        ((-2.39, -1.0, 0, 0, 0, 0), False),
        ((0, 0, limit - 0.01, 0, 0, 0), True),
        ((0, 0, limit - 0.01, 1.0, 0, 0), False),
        ((0, 0, 0, 0, -limit - 0.01, 0), False),
        ((math.nan, 0, 0, 0, 0, 0), False),
    ]:
        _, reward, over = double_pole.step(tuple(map(float, state)), 0.0)
        assert (reward, over) == (float(alive), not alive)
        if state[4] == 0:
            assert single_pole.step(tuple(map(float, state[:4])), 0.0)[1:] == (float(alive), not alive)
        assert double_pole_no_velocity.shaking_step(tuple(map(float, state)), 0.0)[2] == (not alive)
    assert double_pole.environment.starts([0]).tolist() == [[0, 0, 0.07, 0, 0, 0]]
    assert double_pole.balancing(math.pi / 180).starts([0])[0, 2] == math.pi / 180


def test_networks_see_scaled_numbers_and_without_velocities_only_places():
    state = (4.8, 2.0, 0.52, 4.0, 1.04, 6.0)
    assert double_pole.observe(state) == (1, 1, 1, 2, 2, 3)
    assert double_pole_no_velocity.observe(state) == (1, 1, 2)
    assert single_pole.observe(state[:4]) == (1, 1, 1, 2)


@pytest.mark.parametrize("steps", [40, 99, 100, 1000])
def test_fitness_without_velocities_is_equations_3_and_4(steps):
    # Poles that stand by themselves: gravity off would be another physics, so the states are made up.
    shaking = np.random.default_rng(steps).uniform(0.01, 1.0, steps)
    second = 0.75 / shaking[-100:].sum() if steps >= 100 else 0.0
    expected = 0.1 * steps / 1000 + 0.9 * second
    assert double_pole_no_velocity.fitness(shaking.sum(), shaking[-100:].sum(), steps) == pytest.approx(expected, rel=1e-12)
    assert double_pole_no_velocity.environment.window == 100
    after, reward, _ = double_pole_no_velocity.shaking_step((0.1, -0.2, 0.3, -0.4, 0.0, 0.0), 1.0)
    assert reward == pytest.approx(np.abs(after[:4]).sum())


def test_the_625_starts_are_five_places_in_the_range_of_each_number():
    starts = poles.generalization_starts()
    assert starts.shape == (625, 6)
    assert len(np.unique(starts, axis=0)) == 625
    places = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    scaled = (places * 4.32 - 2.16, places * 2.70 - 1.35, places * 0.12566304 - 0.06283152, places * 0.30019504 - 0.15009752)
    for number, expected in enumerate(scaled):
        np.testing.assert_allclose(np.unique(starts[:, number].round(12)), expected, atol=1e-12)
    assert not starts[:, 4:].any()
    test = poles.random_starts(100)
    assert (np.abs(test[:, :4]) <= poles.RANGES).all()
    assert (np.abs(test[:, :4]).max(axis=0) > 0.9 * np.array(poles.RANGES)).all()


def test_swing_up_hangs_normally_around_the_bottom_and_is_worth_most_upright_in_the_middle():
    starts = swing_up.environment.starts(rng.words(0, 0, 0, rng.EPISODES, 2000))
    np.testing.assert_allclose(starts.mean(axis=0), [0, 0, math.pi, 0], atol=0.02)
    np.testing.assert_allclose(starts.std(axis=0), 0.2, rtol=0.05)
    assert swing_up.step((0.0, 0.0, 0.0, 0.0), 0.0) == ((0.0, 0.0, 0.0, 0.0), 1.0, False)
    assert swing_up.step((0.0, 0.0, math.pi, 0.0), 0.0)[1] == pytest.approx(0.0, abs=1e-12)
    assert swing_up.step((2.4, 1.0, 0.0, 0.0), 0.0)[1:] == (pytest.approx(0.0, abs=0.01), True)


def test_swing_up_moves_by_the_equations_of_a_cart_with_a_hinged_rod():
    # Lagrange's equations of a rod of length l, mass m on a cart with friction, solved as a linear system.
    r = np.random.default_rng(0)
    m, rod, total, g, b, time = 0.5, 0.6, 1.0, 9.82, 0.1, 0.01
    for x, v, angle, turn in r.uniform(-1, 1, (200, 4)) * [2, 3, 4, 5]:
        action = r.uniform(-1, 1)
        s, c = math.sin(angle), math.cos(angle)
        # The tip of the rod is at x - l sin(angle).
        left = np.array([[total, -m * rod / 2 * c], [-m * rod / 2 * c, m * rod**2 / 3]])
        right = np.array([10 * action - b * v - m * rod / 2 * turn**2 * s, m * g * rod / 2 * s])
        faster, harder = np.linalg.solve(left, right)
        after, _, _ = swing_up.step((x, v, angle, turn), action)
        expected = (x + time * v, v + time * faster, angle + time * turn, turn + time * harder)
        np.testing.assert_allclose(after, expected, rtol=1e-9, atol=1e-12)
