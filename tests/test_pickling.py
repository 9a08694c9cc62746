"""What a user may hand to another process (multiprocessing, joblib, Ray) is pickled and copied, and goes on as the original."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
import torch

from evo.core import Phenotypes
from evo.evolve import Evolve
from evo.rollout.environment import Environment
from evo.search.ga import GA
from evo.settings import parse
from evo.tasks.control import ControlTask
from evo.tasks.function import FunctionTask
from evo.tasks.sequence import SequenceTask
from evo.tasks.supervised import SupervisedTask
from evo.testing import small_task
from evo.vectors.modules import MLP
from evo.vectors.recurrent import LSTM
from scenarios import METHODS, SCENARIOS
from scenarios.lab.study import resolve
from scenarios.lab.study.problems import Checks

WAYS = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "copy": copy.deepcopy}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
LEARNERS = ("node-perturbation", "gtn")  # of the package of algorithms, yet without ask and tell
EVOLVED = [name for name, place in METHODS.items() if place.startswith(("evo.", "baselines.random")) and name not in LEARNERS]
LEARNED = [name for name, place in METHODS.items() if name in LEARNERS or (place.startswith("baselines.") and name[-1] != ":")]
LEARNED = [name for name in LEARNED if name not in EVOLVED]
SMALL = {"population_size": 6, "truncation_size": 3, "candidates": 1}


def network(inputs, outputs):
    return MLP(inputs, outputs, hidden=[3])


def recurrent(inputs, outputs):
    return LSTM(inputs, outputs, hidden=[3])


def start(draws):
    return (draws[0] - 0.5,)


def observe(state):
    return state


def step(state, action):
    return (state[0] + 0.1 * (2 * action - 1),), 1.0, abs(state[0]) > 1.0


def height(points):
    return -(points**2).sum(1)


RAIL = Environment("rail", start, observe, step, draws=1, actions=2, max_steps=20)
TASKS = {
    "examples": lambda: SupervisedTask.from_arrays(np.eye(20)[:, :2], np.arange(20) % 2, network=network),
    "numbers": lambda: small_task("regression"),
    "sequences": lambda: SequenceTask((np.eye(8), np.arange(8) % 2), kind="classification", network=recurrent),
    "episodes": lambda: ControlTask(RAIL, network=network, normalize_observations=True),
    "gymnasium": lambda: ControlTask("CartPole-v1", network=network, validation_episodes=2),
    "gymnasium with numbers": lambda: ControlTask("Pendulum-v1", network=network, validation_episodes=2),
    "points": lambda: FunctionTask(height, 3),
}


def learner(name, task):
    method = resolve.method(name)
    options = {key: value for key, value in SMALL.items() if key in {one.name for one in dataclasses.fields(method.settings)}}
    return method(task, parse(method.settings, options, "")[0], 0)


def row(learned):
    return {key: value for key, value in learned.step().items() if not key.endswith("seconds")}


@ways
@pytest.mark.parametrize("name", [*EVOLVED, *LEARNED])
def test_a_learner_goes_on_as_the_original(name, way):
    one = learner(name, small_task("classification"))
    fresh = way(one)
    assert row(fresh) == row(one)
    later = way(one)
    if one.finished is None:
        assert row(later) == row(one)
    x = np.ones((3, later.task.inputs), np.float32)
    models = way(later.champion()), one.champion()
    for model in models:
        model.reset()
    assert torch.equal(*(torch.as_tensor(model(x)) for model in models))


@ways
@pytest.mark.parametrize("name", [name for name, place in METHODS.items() if place.startswith("graphs.")])
def test_a_learner_of_nodes_is_the_original(name, way):
    scenario = resolve.scenario("link_prediction" if name == "common-neighbours" else "karate")
    task = scenario.task(scenario.settings(), network)
    one = way(learner(name, task))
    assert row(one) == row(learner(name, task))
    x = task.split("test")[0]
    assert torch.equal(way(one).champion()(x), one.champion()(x))


@ways
@pytest.mark.parametrize("name", EVOLVED)
def test_an_algorithm_and_its_networks_before_and_after_ask(name, way):
    algorithm = learner(name, small_task("classification")).algorithm
    before = way(algorithm)
    population = algorithm.ask()
    after = way(algorithm)
    x = torch.ones(3, small_task().inputs)
    outputs = algorithm.express(population).forward(x)
    networks = algorithm.express(way(population))
    assert isinstance(networks, Phenotypes)
    assert torch.equal(way(networks).forward(x), outputs)
    networks.reset()
    assert torch.equal(way(networks).forward(x), outputs)
    for other in (before, after):
        assert torch.equal(other.express(other.ask()).forward(x), outputs)
        other.tell(np.arange(6.0))
    single = other.model(other.ask()[0])
    single.activate([1.0] * small_task().inputs)
    assert way(single).activate([1.0] * small_task().inputs) == single.activate([1.0] * small_task().inputs)


@ways
@pytest.mark.parametrize("kind", TASKS)
def test_a_task_scores_as_the_original_also_after_use(kind, way):
    task = TASKS[kind]()
    unused = way(task)
    learned = Evolve(task, GA.for_task(task, seed=0, population_size=4))
    learned.step()
    champion = way(learned.champion())
    for other in (unused, way(task)):
        assert other.score(champion, "validation") == task.score(champion, "validation")
        assert row(Evolve(other, GA.for_task(other, seed=1, population_size=4))) == row(
            Evolve(task, GA.for_task(task, seed=1, population_size=4))
        )


@ways
@pytest.mark.parametrize("name", [name for name in SCENARIOS if not resolve.scenario(name).needs])
def test_the_task_of_a_scenario(name, way):
    check = Checks()
    task = way(check.default_task(resolve.scenario(name)))
    assert check.problems == []
    assert task.inputs > 0


@ways
def test_an_environment(way):
    assert way(RAIL) == RAIL
    assert way(RAIL.gym()).reset(seed=3)[0] == RAIL.gym().reset(seed=3)[0]
