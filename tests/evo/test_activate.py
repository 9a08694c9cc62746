"""`model.activate(inputs)`: one example in, a list of floats out, whatever the model is."""

import copy
import math

import numpy as np
import pytest
import torch
from random_graphs import random_genome

from baselines.classical import linear
from evo.genomes.genome import Genomes
from evo.network.model import NetworkModel
from evo.rollout.environment import Environment
from evo.rollout.lanes import rollout
from evo.tasks.normalization import NormalizedModel
from evo.testing import small_task
from evo.vectors.models import TorchModel, VectorModel
from evo.vectors.modules import CNN, MLP

WAYS = [(False, 1, 0.0), (True, 1, 0.0), (True, 3, 0.0), (True, "depth", 0.0), (True, 2, 0.02)]
in_every_way = pytest.mark.parametrize("way", WAYS)


def network(seed, way, **values):
    return NetworkModel(Genomes.of([random_genome(seed, way[0], **values)]), *way)


def rows_of(count, inputs, seed=0):
    return np.random.default_rng(seed).normal(size=(count, inputs))


def mlp(inputs, outputs, **values):
    torch.manual_seed(0)
    return TorchModel(MLP(inputs, outputs, **values))


def same(one, other):
    return np.array_equal(np.array(one), np.array(other), equal_nan=True)


@in_every_way
def test_a_network_gives_the_bits_of_a_call_with_one_row_and_remembers_alike(way):
    for seed in range(60):
        model = network(seed, way)
        called = copy.deepcopy(model)
        for _ in range(2):
            for row in rows_of(4, model.genome.inputs, seed):
                outputs = model.activate(row.tolist())
                assert [type(value) for value in outputs] == [float] * model.genome.outputs
                assert same(outputs, called(row[None])[0].tolist())
            model.reset()
            called.reset()


@pytest.mark.parametrize("way", WAYS[1:])
def test_a_recurrent_network_has_one_state_for_activate_and_calls_of_one_row(way):
    model = network(4, way, hidden=20)
    called, rows = copy.deepcopy(model), rows_of(6, model.genome.inputs)
    mixed = [model.activate(row) if k % 2 else model(row[None])[0].tolist() for k, row in enumerate(rows)]
    assert same(mixed, [called(row[None])[0].tolist() for row in rows])
    assert not same(mixed, [NetworkModel(model.genome, *way).activate(row) for row in rows])  # it does remember


def test_a_state_of_several_rows_and_one_of_one_example_are_not_mixed_up():
    model = network(4, WAYS[1])
    rows = rows_of(5, model.genome.inputs)
    model(rows)
    with pytest.raises(ValueError, match=r"the state is of 5 rows, activate\(\) takes one example: reset\(\) first"):
        model.activate(rows[0])
    model.reset()
    model.activate(rows[0])
    with pytest.raises(ValueError, match="the state has 1 rows, the inputs have 5"):
        model(rows)


def test_a_feed_forward_network_takes_rows_of_any_number_between():
    model = network(3, WAYS[0])
    rows = rows_of(5, model.genome.inputs)
    outputs = model(rows)
    assert same([model.activate(row) for row in rows], outputs.tolist())
    assert torch.equal(model(rows), outputs)


@pytest.mark.parametrize("hidden", [[4], [32, 16], []])
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_an_mlp_gives_what_a_call_gives_but_for_rounding(hidden, activation):
    model, rows = mlp(6, 3, hidden=hidden, activation=activation), rows_of(20, 6)
    np.testing.assert_allclose([model.activate(row) for row in rows], model(rows), rtol=1e-5, atol=1e-6)


def start(draws):
    return (draws[0], 0.0)


def observe(state):
    return state


def step(state, action):
    return (action, state[0]), action, False


def test_an_mlp_acts_as_in_its_episodes_to_the_last_bit():
    model = mlp(2, 1, hidden=[8])
    world = Environment("echo_activate", start, observe, step, draws=1, actions=[(-1.0, 1.0)], max_steps=5)
    starts = np.array([[0.25, 0.0], [0.75, 0.0]])
    returns, *_ = rollout(world, model, starts)
    for episode, state in enumerate(starts.tolist()):
        total = 0.0
        for _ in range(5):
            action = math.tanh(model.activate(state)[0])
            state, total = (action, state[0]), total + action
        assert returns[0, episode] == total


def test_training_a_module_further_shows_at_once():
    model, rows = mlp(2, 1, hidden=[4]), rows_of(3, 2)
    before = [model.activate(row) for row in rows]
    optimizer = torch.optim.SGD(model.to_module().parameters(), lr=1.0)
    model.module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    after = [model.activate(row) for row in rows]
    assert before != after
    np.testing.assert_allclose(after, model(rows), rtol=1e-5, atol=1e-6)
    model.module.layers[0].weight.data = torch.zeros(4, 2)
    np.testing.assert_allclose([model.activate(row) for row in rows], model(rows), rtol=1e-5, atol=1e-6)


def test_an_mlp_with_a_sigmoid_behind_it_gives_probabilities_at_its_speed_and_says_a_wrong_size():
    inner = mlp(2, 1, hidden=[4])
    model = TorchModel(torch.nn.Sequential(inner.module, torch.nn.Sigmoid()))
    for row in [*rows_of(20, 2).tolist(), [1e6, -1e6], [-1e30, 1e30]]:
        assert model.activate(row) == pytest.approx(model([row])[0].tolist(), rel=1e-5, abs=1e-6)
    assert model._single[1] is not None
    with pytest.raises(ValueError, match=r"^expected 2 numbers, one example; got 1$"):
        model.activate([0.0])
    other = TorchModel(torch.nn.Linear(2, 1))
    with pytest.raises(ValueError, match=r"^Linear fails on one row of 1 numbers: mat1 and mat2"):
        other.activate([0.0])


def test_any_other_module_is_called():
    torch.manual_seed(0)
    model = TorchModel(CNN((1, 8, 8), 3, channels=[2], hidden=[4]))
    row = rows_of(1, 64)
    assert model.activate(row[0].tolist()) == model(row)[0].tolist()


@pytest.mark.parametrize("inner", [network(0, WAYS[0]), network(4, WAYS[2])], ids=["feed-forward", "recurrent"])
def test_a_normalised_model_normalises(inner):
    inputs = inner.genome.inputs
    mean, std = torch.arange(inputs) + 0.5, torch.arange(inputs) + 1.5
    model, called = NormalizedModel(inner, mean, std), NormalizedModel(copy.deepcopy(inner), mean, std)
    for row in rows_of(5, inputs).astype(np.float32):
        assert same(model.activate(row.tolist()), called(row[None])[0].tolist())
    with pytest.raises(ValueError, match=f"expected {inputs} numbers, one example; got {inputs + 1}"):
        model.activate([0.0] * (inputs + 1))


def test_an_estimator_and_a_point_answer_too():
    task = small_task()
    model = linear.fit(task, linear.settings(), 0, *task.split("train"))
    rows = rows_of(5, task.inputs)
    assert [model.activate(row.tolist()) for row in rows] == model(rows).tolist()
    assert VectorModel([1.0, 2.5]).activate() == [1.0, 2.5]


MODELS = {
    "network": lambda: NetworkModel(Genomes.of([random_genome(3)])),
    "mlp": lambda: mlp(2, 1),
    "estimator": lambda: linear.fit(small_task(), linear.settings(), 0, *small_task().split("train")),
}


@pytest.mark.parametrize("name", MODELS)
def test_another_number_of_inputs_is_named(name):
    model = MODELS[name]()
    inputs = model.genome.inputs if name == "network" else 2
    for wrong in ([], [0.0] * (inputs + 1)):
        with pytest.raises(ValueError, match=f"^expected {inputs} numbers, one example; got {len(wrong)}$"):
            model.activate(wrong)
    with pytest.raises(ValueError, match=rf"got an array of shape \(1, {inputs}\)"):
        model.activate([[0.0] * inputs])
    with pytest.raises(ValueError, match=r"got an array of shape \(\)"):
        model.activate(0.0)


def test_every_kind_of_sequence_is_an_example():
    model = MODELS["mlp"]()
    expected = model.activate([0.25, -1.0])
    strided, fixed = np.zeros(4, np.float32), np.array([0.25, -1], np.float32)
    strided[::2] = fixed
    fixed.flags.writeable = False
    for inputs in ((0.25, -1), np.array([0.25, -1]), torch.tensor([0.25, -1]), strided[::2], fixed):
        assert model.activate(inputs) == expected
