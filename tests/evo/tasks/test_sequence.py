"""Sequences as examples: one target each, or one a tick; forecasts of series; whatever keeps a state sees tick by tick."""

from functools import partial

import numpy as np
import onnxruntime
import pytest
import torch
from running import Running
from torch import nn

from baselines.backprop import Backprop, BackpropSettings
from baselines.classical import linear
from evo import rng
from evo.core import Evaluation, Networked, Sequential
from evo.evolve import Evolve, as_method
from evo.interop.export import export
from evo.neat.neat import NEAT
from evo.neat_modern.neat_modern import ModernNEAT
from evo.search.ga import GA
from evo.search.openai_es import OpenAIES
from evo.settings import SettingsError
from evo.tasks.sequence import SequenceTask, Ticked
from evo.testing import check_algorithm, check_learner, check_task, small_task
from evo.vectors.models import TorchModel
from evo.vectors.modules import CNN, MLP
from evo.vectors.recurrent import GRU, LSTM, RNN, RWA
from evo.vectors.unrolled import Unrolled

SIZES = (120, 40, 30)
LAST = {"last": False, "every tick": True}
each_kind = pytest.mark.parametrize("every", LAST.values(), ids=LAST)


def drawn(size, seed, every, kind, longest=6):
    """Sequences (T, 2), and the sum of their first numbers, or whether it is above 0 (0, 1); after each tick, or the last."""
    generator = np.random.default_rng(seed)
    sequences = [generator.normal(size=(int(generator.integers(min(2, longest), longest + 1)), 2)) for _ in range(size)]
    sums = [np.cumsum(one[:, 0]) for one in sequences]
    targets = [one if kind == "regression" else (one > 0).astype(int) for one in sums]
    return sequences, targets if every else np.array([one[-1] for one in targets])


def task_of(every=False, kind="classification", network=None, **values):
    parts = [drawn(size, seed, every, kind) for seed, size in enumerate(SIZES)]
    return SequenceTask(*parts, kind=kind, every_tick=every, network=network or partial(LSTM, hidden=[4]), **values)


@each_kind
@pytest.mark.parametrize("kind", ["classification", "probability", "regression"])
def test_a_task_of_sequences_has_no_findings(kind, every):
    task = task_of(every, kind)
    assert check_task(task) == []
    assert isinstance(task, Sequential)
    assert not isinstance(small_task(), Sequential)
    assert task.tick == (2, 2 if kind == "classification" else 1)
    assert (task.inputs, task.outputs) == (6 * 3, task.tick[1] * (6 if every else 1))
    assert task.network()(torch.zeros(2, task.inputs)).shape == (2, task.outputs)


@each_kind
@pytest.mark.parametrize("kind", ["classification", "probability", "regression"])
def test_metrics_and_loss_are_those_of_the_ticks_that_have_targets(kind, every):
    task = task_of(every, kind)
    (x, y), (sequences, targets) = task.split("test"), drawn(SIZES[2], 2, every, kind)
    with rng.torch_seed(0, 0, 0, rng.NETWORK):
        network = task.network()
    outputs = network(x).detach()
    told = torch.cat([row.view(-1, task.tick[1])[: len(one)] for row, one in zip(outputs, sequences)]) if every else outputs
    true = torch.from_numpy(np.concatenate(targets) if every else targets)
    model = GA.for_task(task, seed=0).encoding.model(torch.cat([p.detach().flatten() for p in network.parameters()]).numpy())
    score = task.score(model, "test")
    assert score["n"] == SIZES[2]
    if kind == "classification":
        assert score["accuracy"] == pytest.approx(float((told.argmax(1) == true).double().mean()))
        expected = torch.nn.functional.cross_entropy(told, true)
    elif kind == "regression":
        expected = (told[:, 0] - true).square().mean()
        assert score["squared_error"] == pytest.approx(float(expected), rel=1e-5)
        assert score["r2"] == pytest.approx(1 - float(expected) / float(true.var(correction=0)), rel=1e-4)
    else:
        assert score["accuracy"] == pytest.approx(float(((told[:, 0] > 0.5) == (true > 0.5)).double().mean()))
        expected = torch.nn.functional.binary_cross_entropy(told[:, 0], true.float())
    torch.testing.assert_close(task.loss(outputs, y), expected.float(), rtol=1e-5, atol=1e-6)
    assert score["fitness"] == pytest.approx(-float(expected), rel=1e-4)


def test_a_class_weighs_by_its_ticks():
    task = task_of(every=True, class_weights=True)
    ticks = np.concatenate(drawn(SIZES[0], 0, True, "classification")[1])
    assert task._weights.tolist() == pytest.approx([len(ticks) / (2 * (ticks == k).sum()) for k in (0, 1)])


@pytest.mark.parametrize("network", [LSTM, GRU, RNN, RWA])
def test_gradients_learn_what_needs_a_memory_of_sequences_of_different_length(network):
    learner = Backprop(task_of(network=partial(network, hidden=[10])), BackpropSettings(learning_rate=0.02, batch_size=8), 0)
    for _ in range(15):
        row = learner.step()
    assert row["validation"]["accuracy"] >= 0.8
    parameters = learner.champion().parameters
    assert learner.cost.compute == 3 * 6 * 120 * 15 * parameters  # six ticks a row


@each_kind
@pytest.mark.parametrize("method", [NEAT, ModernNEAT])
def test_recurrent_genomes_run_tick_by_tick_as_alone_on_each_sequence(method, every):
    task = task_of(every)
    options = {"recurrent": True} if method is NEAT else {"feed_forward": False}
    algorithm = method.for_task(task, seed=0, population_size=8, **options)
    assert (algorithm.inputs, algorithm.outputs) == task.tick
    for _ in range(3):
        population = algorithm.ask()
        algorithm.tell(task.evaluate(algorithm.express(population), np.zeros(0)))
    networks = algorithm.express(population)
    running = task.running(networks)
    assert isinstance(running, Ticked)
    assert task.running(running) is running
    x, ticks = task.split("train")[0], torch.ones(3, 2)
    first = networks.forward(ticks)
    found = running.forward(x)  # whatever the networks have seen before; and it leaves nothing behind
    assert torch.equal(networks.forward(ticks), first)
    model = algorithm.model(population[5])
    before = model(ticks)
    task.score(model, "test")
    assert torch.equal(model(ticks), before)
    for k, one in enumerate(drawn(SIZES[0], 0, every, "classification")[0][:6]):
        model.reset()
        steps = torch.cat([model(tick[None]) for tick in one])
        mine = found[5, k].view(-1, 2)[: len(one)] if every else found[5, k]
        torch.testing.assert_close(mine, steps if every else steps[-1], rtol=1e-5, atol=1e-6)
    scored = task.score(model, "train")["fitness"]
    assert scored == pytest.approx(task.evaluate(networks, np.zeros(0)).fitness[5], rel=1e-5)


def test_a_generation_of_recurrent_genomes_costs_every_tick():
    task = task_of()
    learner = Evolve(task, NEAT.for_task(task, seed=0, recurrent=True, population_size=8))
    learner.step()
    connections = learner.algorithm.express(learner.algorithm.population).parameters
    assert learner.cost.samples == 8 * 120
    assert learner.cost.compute == 120 * 6 * connections.sum()
    assert 0 <= task.score(learner.ensemble(), "validation")["accuracy"] <= 1


def test_genomes_without_a_state_see_the_row_whole():
    task = task_of()
    algorithm = NEAT.for_task(task, seed=0, population_size=8)
    assert (algorithm.inputs, algorithm.outputs) == (task.inputs, task.outputs)
    networks = algorithm.express(algorithm.ask())
    assert task.running(networks) is networks
    with pytest.raises(SettingsError, match="recurrent: expected false"):
        NEAT.for_task(small_task(), seed=0, recurrent=True)


@pytest.mark.parametrize("network", [MLP, CNN])
def test_networks_without_a_state_see_the_row_whole_pictures_too(network):
    task = task_of(network=partial(network, **({"channels": [2]} if network is CNN else {})))
    assert task.shape == (1, 6, 3)
    made = task.network()
    assert type(made) is network
    assert made(task.split("train")[0]).shape == (120, 2)


@pytest.mark.parametrize(
    ("method", "options"), [(GA, {}), (OpenAIES, {}), (NEAT, {"recurrent": True}), (ModernNEAT, {"feed_forward": False})]
)
@each_kind
def test_every_way_of_learning_keeps_its_contract_on_sequences(method, options, every):
    task = task_of(every)
    if method is GA:
        assert check_algorithm(method, task) == []
    as_one = as_method(method, method.__name__)
    settings = as_one.settings(population_size=8, **options)
    assert as_one.unsupported_reason(task) is None
    assert check_learner(method, task, settings) == []


@each_kind
def test_backprop_and_linear_keep_their_contract_or_say_why_not(every):
    task = task_of(every, network=partial(RWA, hidden=[3]))
    assert check_learner(Backprop, task, BackpropSettings(batch_size=16)) == []
    assert ("one for every tick" in (linear.unsupported_reason(task) or "")) == every
    assert check_learner(linear, task) == []


def test_noise_and_gaps_leave_lengths_as_they_are():
    task, seen = task_of(), []

    class Seeing(nn.Module):
        def forward(self, rows):
            seen.append(rows)
            return rows[:, :2]

    found = task.diagnostics(TorchModel(Seeing()))
    inside = task.layout.inside(task.split("test")[0])
    assert len(seen) >= 9  # five levels of noise, four of gaps
    assert all(torch.equal(task.layout.inside(rows), inside) for rows in seen)
    assert not any(task.layout.sequences(rows)[~inside].any() for rows in seen)
    assert not torch.equal(seen[-1], seen[0])
    assert set(found) >= {"ece", "noise", "missing"}
    assert task_of(every=True).diagnostics(TorchModel(Seeing())) is None
    assert task_of(kind="regression").diagnostics(TorchModel(Seeing())) is None
    algorithm = NEAT.for_task(task, seed=0, recurrent=True, population_size=8)
    model = algorithm.model(algorithm.ask()[0])
    assert task.diagnostics(model)["noise"][0][1] == task.score(model, "test")["accuracy"]


@each_kind
def test_predictions_and_figures_are_of_sequences_or_their_ticks(every):
    for kind in ("classification", "regression"):
        task = task_of(every, kind)
        algorithm = NEAT.for_task(task, seed=0, recurrent=True, population_size=8)
        model = algorithm.model(algorithm.ask()[0])
        x, y = task.split("test")
        rows = task.predictions(model, x, y)
        sequences, targets = drawn(SIZES[2], 2, every, kind)
        assert len(rows) == (sum(map(len, sequences)) if every else len(sequences))
        truth = np.concatenate(targets) if every else targets
        said = [int(row["truth"]) if kind == "classification" else row["truth"][0] for row in rows]
        np.testing.assert_allclose(said, truth, rtol=1e-6)
        if every:
            assert (rows[-1]["sequence"], rows[-1]["tick"]) == (SIZES[2] - 1, len(sequences[-1]) - 1)
            assert "truth" not in task.predictions(model, x)[0]
        assert len(task.figure(model, "test").axes) > 0
        with pytest.raises(ValueError, match="unknown split 'tset'"):
            task.figure(model, "tset")
        with pytest.raises(ValueError, match="expected rows of 18 inputs"):
            task.predictions(model, x[:, :5])


@each_kind
def test_an_ensemble_answers_by_all_its_networks(every):
    task = task_of(every)
    outputs = torch.randn(3, 5, task.outputs, generator=torch.Generator().manual_seed(0))
    pooled = task.pool(outputs)
    assert pooled.shape == (5, task.outputs)
    probabilities = outputs.view(3, 5, -1, 2).softmax(-1).mean(0)
    torch.testing.assert_close(pooled.view(5, -1, 2).softmax(-1), probabilities)


def test_targets_for_other_ticks_than_there_are_are_refused():
    sequences, targets = drawn(10, 0, True, "classification")
    with pytest.raises(ValueError, match="train: expected as many targets as ticks in each of 10 sequences"):
        SequenceTask((sequences, [one[1:] for one in targets]), kind="classification", every_tick=True)
    with pytest.raises(ValueError, match=r"validation: sequence 0: expected an array \(T, 2\)"):
        SequenceTask((sequences, [0, 1] * 5), ([np.zeros((3, 1))], [0]), kind="classification")


def test_what_is_wrong_with_a_split_is_told_by_its_sequence_and_tick():
    sequences, targets = drawn(6, 0, True, "classification", longest=4)
    labels = [int(one[-1]) for one in targets]
    hole = [one.copy() for one in sequences]
    hole[3][1, 1] = np.nan
    for every, found in ((False, labels), (True, targets)):
        good = dict(kind="classification", every_tick=every)
        with pytest.raises(ValueError, match="test: sequence 3: expected finite numbers; got nan at tick 1, input 1"):
            SequenceTask((sequences, found), test=(hole, found), **good)
        with pytest.raises(ValueError, match="validation: expected at least one sequence; got none"):
            SequenceTask((sequences, found), ([], []), **good)
    with pytest.raises(ValueError, match="train: expected as many targets as ticks in each of 6 sequences"):
        SequenceTask((sequences, labels), kind="classification", every_tick=True)
    with pytest.raises(ValueError, match=r"train: expected one target a sequence; .* \(every_tick=True: one a tick\)"):
        SequenceTask((sequences, targets), kind="classification")
    with pytest.raises(ValueError, match=r"train: sequence 0: expected an array \(T, I\) with T >= 1; got shape \(\)"):
        SequenceTask(([1.0, 2.0], [0, 1]), kind="classification")


def test_a_network_of_your_own_that_keeps_a_state_is_made_for_a_tick():
    made = task_of(network=Running).network()
    assert isinstance(made, Unrolled)
    assert made.network.layer.in_features == 2


@pytest.mark.parametrize("network", [LSTM, RWA])
def test_onnx_answers_any_number_of_sequences(network, tmp_path):
    task = task_of(network=partial(network, hidden=[3]))
    model, x = TorchModel(task.network()), task.split("test")[0]
    session = onnxruntime.InferenceSession(export(model, tmp_path / "x.onnx", task))
    for rows in (x, x[:1]):
        found = session.run(["probabilities"], {"inputs": rows.numpy()})[0]
        np.testing.assert_allclose(found, model(rows).softmax(-1).detach(), rtol=1e-5, atol=1e-6)


def test_an_array_of_numbers_is_sequences_of_one_feature():
    task = SequenceTask((np.arange(12.0).reshape(4, 3), [0, 1, 0, 1]), kind="classification")
    assert task.layout == (3, 1, False)
    assert task.inputs == 3
    assert repr(task) == ("SequenceTask(classification, 1 input and 2 outputs a tick, 3 ticks, train 4 sequences, accuracy)")
    assert isinstance(task, Networked)
    assert isinstance(task.network(), MLP)


def test_a_forecast_never_sees_what_comes_later():
    series = np.arange(100.0)
    task = SequenceTask.from_series(series, window=3, ahead=4, spacing=2, network=partial(RNN, hidden=[2]))
    assert isinstance(task.network(), Unrolled)
    ends = {"train": (0, 60), "validation": (60, 80), "test": (80, 100)}
    for name, (begin, end) in ends.items():
        x, y = task.split(name)
        points, targets = task.in_units(x).numpy(), task.in_units(y).numpy()
        assert len(x) == end - begin - 8
        np.testing.assert_allclose(points[:, 1:] - points[:, :-1], 2.0, rtol=1e-4)
        np.testing.assert_allclose(targets[:, 0] - points[:, -1], 4.0, rtol=1e-4)
        np.testing.assert_allclose([points.min(), targets.max()], [begin, end - 1], atol=1e-3)
    x = task.split("train")[0].double()
    whole = torch.from_numpy((series[:60] - series[:60].mean()) / series[:60].std())
    torch.testing.assert_close(x[0], whole[:6:2], rtol=1e-6, atol=1e-6)  # standardised by the training points alone


def test_a_series_of_several_numbers_is_forecast_whole():
    task = SequenceTask.from_series(np.random.default_rng(0).normal(size=(120, 2)), window=4)
    assert (task.tick, task.layout.ticks) == ((2, 2), 4)
    assert check_task(task) == []


def test_wrong_series_are_refused():
    for series, values, message in [
        (np.zeros(10), {"window": 9}, "series: train has 6 points; a window and its target take 10"),
        ([1.0, np.nan], {"window": 1}, "series: expected finite numbers; got nan at point 1"),
        (np.zeros((2, 2, 2)), {"window": 1}, r"got shape \(2, 2, 2\)"),
        (np.zeros(10), {"window": 2, "ahead": 0}, "ahead: expected a whole number >= 1; got 0"),
        (np.zeros(10), {"window": 2.5}, "window: expected a whole number >= 1; got 2.5"),
        (np.zeros(10), {"window": 2, "shares": (0.6, 0.2, 0.3)}, "shares: expected three numbers >= 0 that sum to 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            SequenceTask.from_series(series, **values)


def test_what_is_told_of_one_network_is_no_matter_of_the_others():
    task = task_of()
    algorithm = NEAT.for_task(task, seed=0, recurrent=True, population_size=12)
    population = algorithm.ask()
    whole = task.evaluate(algorithm.express(population), np.zeros(0))
    assert isinstance(whole, Evaluation)
    few = task.evaluate(algorithm.express(population.select([3, 4])), np.zeros(0))
    assert np.array_equal(whole.fitness[3:5], few.fitness)
