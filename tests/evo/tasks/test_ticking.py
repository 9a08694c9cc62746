import copy

import gymnasium
import numpy as np
import pytest
from torch import nn

from evo import rng, threads
from evo.tasks import environments
from evo.tasks.control import ControlTask
from evo.tasks.stepping import Lanes, Start
from evo.vectors.encoding import Parameters

SEEDS = rng.words(0, 0, 0, rng.EPISODES, 3)
network = lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, outputs))


class Beside:
    """A helper in this process; it is lost after `left` answers."""

    def __init__(self, task, left=10_000):
        self.task, self.left = task, left

    def tell(self, request):
        if isinstance(request, Start):
            worlds = [environments.made(self.task._make, "") for _ in request.lanes]
            self.lanes = Lanes("", worlds, self.task.inputs, self.task._act, self.task._max_steps, request)
        else:
            self.lanes.step(request)

    def answer(self):
        self.left -= 1
        if self.left < 0:
            raise EOFError
        return copy.deepcopy(self.lanes.state)


def made(monkeypatch, *left):
    """A task with a helper for each of `left`, what it scores and how many helpers that leaves."""
    task = ControlTask("CartPole-v1", network=network, normalize_observations=True, max_steps=60)
    helpers = task._others("CartPole-v1")
    ready = [Beside(task, answers) for answers in left]
    monkeypatch.setattr(helpers, "ready", lambda count: ready[: count - 1])
    monkeypatch.setattr(helpers, "worth", lambda lanes, count: helpers.ready(count))
    monkeypatch.setattr(helpers, "drop", ready.remove)
    encoding = Parameters(task.network)
    vectors = encoding.initial(0, 0, 7, 3.0)
    with threads.limited(9):
        found = task.evaluate(encoding.express(vectors), SEEDS)
        score = task.score(encoding.model(vectors[0]), "validation")
    return [found.fitness.tolist(), found.samples.tolist(), found.observations.tolist(), score], len(ready), helpers


def test_any_number_of_helpers_gives_the_same_bytes_and_so_does_a_lost_one(monkeypatch):
    alone, _, _ = made(monkeypatch)
    assert len(set(alone[1])) > 2
    for left, stay in (((10_000,), 1), ((10_000,) * 3, 3), ((0,), 0), ((5, 10_000), 1), ((30, 30, 10_000), 1)):
        found, helpers, _ = made(monkeypatch, *left)
        assert (found, helpers) == (alone, stay)


def test_lanes_that_are_quick_to_step_stay_in_one_process(monkeypatch):
    _, _, helpers = made(monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr(helpers, "ready", lambda count: ["one"])
    helpers._told, helpers._lanes = 1.0, 100_000  # 10 us each
    assert [helpers.worth(lanes, 2) for lanes in (2, 20, 60)] == [[], [], ["one"]]
    assert helpers.worth(60, 1) == []


def test_a_fault_in_this_process_names_its_place_and_leaves_no_answer_on_its_way(monkeypatch):
    class Fragile(gymnasium.Wrapper):
        def __init__(self):
            super().__init__(gymnasium.make("CartPole-v1"))

        def step(self, action):
            raise OSError("no such track")

    task = ControlTask(Fragile, network=network)
    helpers = task._others(Fragile)
    monkeypatch.setattr(helpers, "worth", lambda lanes, count: [Beside(ControlTask("CartPole-v1", network=network))])
    closed = []
    monkeypatch.setattr(helpers, "close", lambda: closed.append(True))
    encoding = Parameters(task.network)
    with pytest.raises(RuntimeError, match="Fragile, genome 0, episode 0, step 1: OSError: no such track"):
        task.evaluate(encoding.express(encoding.initial(0, 0, 2)), np.array([1, 2]))
    assert closed == [True]
