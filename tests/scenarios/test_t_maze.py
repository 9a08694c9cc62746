"""The T-maze by hand, the best that can be had in it, and how often adaptive networks learn to follow the switch."""

import numpy as np
import pytest

from evo import AdaptiveHyperNEAT, rng
from evo.hyperneat.substrate import layout
from evo.rollout.lanes import rollout
from scenarios.environments.t_maze import LEFT, RIGHT, draw, environment, first_state, observe, starts, step
from scenarios.t_maze import scenario

STRAIGHT_ON = 0.0


def lifetime(choose, state):
    """The sum of rewards, and the trials in which the reward was large; choose: observation -> action."""
    total, large, over = 0.0, [], False
    while not over:
        state, reward, over = step(state, choose(*observe(state)))
        total += reward
        large += [reward == 1.0] if reward > 0 else []
    return total, large


def by_what_was_seen(first, stays=1.0):
    """Turns to the same side after a large reward, to the other after a small one."""
    side = [first]

    def choose(junction, end, reward):
        if end:
            side[0] *= stays if reward == 1.0 else -1.0
        return side[0] if junction else STRAIGHT_ON

    return choose


def test_a_trial_is_a_corridor_a_junction_and_an_arm():
    state = first_state(LEFT, 35)
    assert observe(state) == (0, 0, 0)
    state, reward, over = step(state, 0.3)
    assert (observe(state), reward, over) == ((1, 0, 0), 0, False)
    for turn, height in ((-0.5, 1.0), (0.5, 0.1)):
        arm, reward, over = step(state, turn)
        assert (observe(arm), reward, over) == ((0, 1, height), height, False)
        for anything in (-1.0, 0.0, 1.0):
            after, reward, over = step(arm, anything)
            assert (observe(after), after[2], reward, over) == ((0, 0, 0), 1, 0, False)


def test_who_crashes_pays_and_begins_the_next_trial():
    state = first_state(RIGHT, 35)
    for action in (-0.4, 0.4):
        after, reward, over = step(state, action)
        assert (after, reward, over) == ((0, 1, 1, 35, 0), -0.4, False)
    junction, _, _ = step(state, 0.0)
    assert step(junction, -1 / 3) == ((0, 1, 1, 35, 0), -0.4, False)
    assert lifetime(lambda *seen: 1.0, state)[0] == pytest.approx(-40.0)


def test_the_sides_change_once_before_the_trial_of_the_switch():
    for side in (LEFT, RIGHT):
        total, large = lifetime(lambda junction, *_, side=side: side * junction, first_state(side, 35))
        assert large == [True] * 35 + [False] * 65
        assert total == pytest.approx(35 + 6.5)


def test_the_scripted_policy_has_the_most_that_can_be_had():
    """Nobody can know the side at first, nor when it changes: one small reward each, half of the first ones."""
    found = [lifetime(by_what_was_seen(LEFT), tuple(state))[0] for state in np.concatenate([starts(1), starts(3)])]
    assert sorted({round(value, 6) for value in found}) == [98.2, 99.1]
    assert np.mean(found) == pytest.approx(98.65)


def test_training_validation_and_test_switch_before_other_trials():
    drawn = environment.starts(rng.words(0, 0, 0, rng.EPISODES, 1000))
    validation, test = starts(1), starts(3)
    assert set(drawn[:, 3]) == set(range(36, 65, 2))
    assert abs(drawn[:, 1].mean()) < 0.1
    assert (set(validation[:, 3]), set(test[:, 3])) == (set(range(37, 66, 4)), set(range(35, 64, 4)))
    assert len(validation) == len(test) == len({tuple(each) for each in np.concatenate([validation, test])}) / 2 == 16
    assert validation[:, 1].sum() == test[:, 1].sum() == 0


def test_a_picture_shows_the_agent_and_both_rewards():
    pictures = [
        draw((place, RIGHT, trial, 35.0, reward))
        for place, trial, reward in ((0, 0, 0), (2, 0, 1.0), (2, 0, 0.1), (2, 40, 1.0))
    ]
    assert {each.shape for each in pictures} == {(160, 200, 3)}
    assert len({each.tobytes() for each in pictures}) == 4


def lived(seed, rule, generations):
    """The best network's returns on validation (B,), once it changes sides after the switch from both, or at last."""
    task = scenario.task(scenario.settings(), None)
    hyper = AdaptiveHyperNEAT(layout(task, (4,)), population_size=100, rule=rule, seed=seed)
    for generation in range(generations):
        episodes = environment.starts(rng.words(seed, generation, 0, rng.EPISODES, 4))
        hyper.tell(rollout(environment, hyper.express(hyper.ask()), episodes).returns.mean(1))
        returns = rollout(environment, hyper.best_model, starts(1)).returns[0]
        if returns.min() > 80.0:
            break
    return returns


@pytest.mark.parametrize("seed", [1006, 1007])
def test_a_plastic_network_learns_to_follow_the_switch_where_a_fixed_one_cannot(seed):
    """Within 40 generations all of seeds 1000 .. 1007 do, these two within 20."""
    assert lived(seed, "hebbian", 20).min() > 80.0
    assert lived(seed, "fixed", 2).mean() <= 55.0 + 1e-9
