"""Weights read from CPPNs, against a slow reference that asks one pair of nodes after the other."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import torch

from evo import Substrate, cuda
from evo.activations import NODE_ACTIVATIONS
from evo.evolve import Evolve
from evo.hyperneat.cppn import Reading, weights
from evo.hyperneat.hyperneat import HyperNEAT
from evo.hyperneat.model import DrawnNetworks, costs
from evo.network.model import NetworkModel
from evo.network.population import Networks
from evo.settings import SettingsError
from evo.tasks.normalization import ObservationStatistics
from evo.testing import small_task

NODE_NAMES = list(NODE_ACTIVATIONS)
LAYERS = Substrate.grid(inputs=(3, 4), hidden=[(2, 2)], outputs=(3,))
READINGS = {
    "plain": Reading(),
    "no threshold": Reading(threshold=0.0, weight_range=5.0),
    "delta and length": Reading(delta=True, length=True),
    "biases": Reading(biases=True),
    "leo": Reading(leo=True, biases=True, threshold=0.0),
}


def drawn(reading, count=12, generations=6, seed=0):
    """CPPNs of some generations, in which hidden nodes have come to be."""
    values = dict(zip(("threshold_of_weight", "weight_range", "delta", "length", "biases", "leo"), reading))
    hyper = HyperNEAT(LAYERS, seed=seed, population_size=count, add_node=0.5, add_link=0.5, **values)
    for _ in range(generations):
        genomes = hyper.ask()
        hyper.tell(np.diff(genomes.nodes_at).astype(float))
    return hyper.ask(), hyper


def slow(genome, substrate, reading):
    """(D,) one question after the other, through the Model of a single CPPN."""
    cppn, pairs, found = NetworkModel(genome), len(substrate.layers) - 1, []

    def answer(source, target):
        asked = [*source, *target]
        if reading.delta:
            asked += [a - b for a, b in zip(source, target)]
        if reading.length:
            asked.append(math.dist(source, target))
        return np.asarray(cppn(np.array([asked]))[0], np.float64)

    def link(value):
        size = min(abs(value), 1.0)
        if size <= reading.threshold:
            return 0.0
        return math.copysign((size - reading.threshold) / (1 - reading.threshold) * reading.weight_range, value)

    for k, (sources, targets) in enumerate(itertools.pairwise(substrate.layers)):
        for target in targets:
            for source in sources:
                outputs = answer(source, target)
                expressed = not reading.leo or outputs[pairs * (2 if reading.biases else 1) + k] > 0
                found.append(link(outputs[k]) if expressed else 0.0)
        for target in targets:
            middle = np.zeros(substrate.dimensions)
            found.append(link(answer(middle, target)[pairs + k]) if reading.biases else 0.0)
    return np.array(found)


@pytest.mark.parametrize("name", READINGS)
def test_weights_are_those_of_one_question_after_the_other(name):
    reading = READINGS[name]
    genomes, _ = drawn(reading)
    found = weights(genomes, LAYERS, reading)
    wanted = np.array([slow(genome, LAYERS, reading) for genome in genomes])
    np.testing.assert_allclose(found, wanted, atol=1e-5)  # the Model asks in float32
    assert (found == 0).any()
    assert (found != 0).any()


def test_hidden_nodes_draw_their_activations_with_equal_probability():
    genomes, hyper = drawn(Reading(), count=400, generations=4)
    names = np.array(list(NODE_ACTIVATIONS))[genomes.activation[genomes.node_kind == 3]]
    found, counts = np.unique(names, return_counts=True)
    assert sorted(found) == sorted(hyper.options.node_activations)
    assert counts.min() > 0.7 * counts.mean()


@pytest.mark.parametrize("most", [1 << 26, 20])
def test_compute_counts_every_question_to_a_cppn_beside_the_networks_answers(monkeypatch, most):
    monkeypatch.setattr("evo.hyperneat.model.MOST", most)
    for normalize in (False, True):
        task = small_task("classification")
        hyper = HyperNEAT.for_task(task, seed=0, population_size=6, biases=True)
        learner, first = Evolve(task, hyper), hyper.ask()
        if normalize:
            learner._statistics = ObservationStatistics(task.inputs)
        row = learner.step()
        questions = hyper.substrate.connections + sum(hyper.substrate.sizes[1:])
        asked = questions * Networks(first).parameters.sum()
        answered = learner.cost.samples * (hyper.substrate.connections + sum(hyper.substrate.sizes[1:]))
        assert learner.cost.compute == asked + answered
    late = most < 100
    assert (row["network_connections_mean"] is None, row["empty"] is None) == (late, late)


def test_rows_count_connections_apart_from_biases():
    hyper = HyperNEAT(LAYERS, seed=0, population_size=8, biases=True)
    genomes, inputs = hyper.ask(), hyper.inputs + 1
    genomes.genes.weight[: 5 * inputs * 4].reshape(5, inputs, 4)[:, :, :2] = 0.0  # five CPPNs that draw biases alone
    hyper.express(genomes)
    connections = []
    for vector in weights(genomes, LAYERS, hyper.reading):
        assert vector.any()
        connections.append(np.count_nonzero(vector[:48]) + np.count_nonzero(vector[52:64]))
    row = hyper.row()
    assert row["network_connections_mean"] == np.mean(connections)
    assert row["empty"] == connections.count(0) == 5


def test_blocks_of_questions_change_no_bit(monkeypatch):
    reading = READINGS["biases"]
    genomes, _ = drawn(reading)
    whole = weights(genomes, LAYERS, reading)
    monkeypatch.setattr("evo.hyperneat.cppn.BLOCK", 12 * 4 * 7)
    assert (weights(genomes, LAYERS, reading) == whole).all()


def test_a_large_substrate_takes_little_more_memory_than_its_weights():
    reading = Reading(delta=True, length=True)
    genomes, _ = drawn(reading, count=1)
    large = Substrate.grid(inputs=(40, 40), hidden=[(2, 2)], outputs=(40, 40)).layers
    substrate = Substrate([large[0], large[2], large[2][:1]])
    tracemalloc.start()
    size = weights(genomes, substrate, reading).nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 10e6
    assert peak < size + 25e6


def test_a_network_with_a_weight_that_is_not_finite_is_drawn_as_zeros():
    genomes, hyper = drawn(Reading())
    broken = genomes.select([0, 1])
    broken.genes.activation[:] = list(NODE_ACTIVATIONS).index("identity")
    broken.genes.weight[: broken.connections_at[1]] = 1e308
    broken.genes.weight[broken.connections_at[1] :] = 1.0
    found = weights(broken, LAYERS, Reading())
    assert found.any(1).tolist() == [False, True]
    hyper.express(broken)
    assert hyper.row()["empty"] == 1


def test_a_model_is_the_network_of_its_population_and_scales_to_a_finer_substrate():
    genomes, hyper = drawn(Reading(delta=True))
    x = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    together = hyper.express(genomes).forward(x)
    model = hyper.model(genomes[3])
    np.testing.assert_allclose(model(x), together[3], rtol=1e-5, atol=1e-6)
    finer = model.on(Substrate.grid(inputs=(9, 12), hidden=[(2, 2)], outputs=(3,)))
    first, more = (np.asarray(next(each.module.parameters()).detach()) for each in (model, finer))
    middles = more.reshape(4, 9, 12)[:, 1::3, 1::3].reshape(4, 12)  # the middle of a cell of 3x3 is the coarse cell's
    np.testing.assert_allclose(middles, first, atol=1e-6)
    with pytest.raises(ValueError, match="of 2 dimensions and 3 layers"):
        model.on(Substrate.grid(inputs=(9, 12), outputs=(3,)))
    assert model.connections == np.count_nonzero(hyper.drawing.weights(genomes[3]))


@pytest.mark.parametrize(("said", "slope"), [({}, 1.0), ({"hidden_activation": "steep_sigmoid"}, 4.9)])
def test_hidden_nodes_and_outputs_in_0_to_1_are_plain_sigmoids_unless_hidden_ones_are_said_to_be_steep(said, slope):
    hyper = HyperNEAT.for_task(small_task("probability"), seed=0, population_size=4, sheet=(3,), biases=True, **said)
    genomes, x = hyper.ask(), np.random.default_rng(0).normal(size=(5, 2))
    first, bias, second, last = np.split(hyper.drawing.weights(genomes[1])[0].astype(float), [6, 9, 12])
    hidden = 1 / (1 + np.exp(-slope * (x @ first.reshape(3, 2).T + bias)))
    wanted = 1 / (1 + np.exp(-(hidden @ second + last)))[:, None]
    assert np.ptp(wanted) > 1e-3
    np.testing.assert_allclose(hyper.express(genomes).forward(torch.tensor(x))[1], wanted, rtol=1e-5)
    model = hyper.model(genomes[1])
    again = HyperNEAT.restore(small_task("probability"), *model.save())
    for answers in (model(x.astype(np.float32)), again(x.astype(np.float32))):
        np.testing.assert_allclose(answers, wanted, rtol=1e-5)


@pytest.mark.parametrize("kind", ["probability", "regression"])
def test_a_drawn_network_survives_a_file(kind):
    task, x = small_task(kind), torch.randn(5, 2)
    values = dict(sheet=(3,), hidden_activation="tanh", biases=True, leo=True, length=True, weight_range=2.0)
    hyper = HyperNEAT.for_task(task, seed=0, population_size=4, **values)
    model = hyper.model(hyper.ask()[1])
    assert model.connections > 0
    assert torch.equal(HyperNEAT.restore(task, *model.save())(x), model(x))
    with pytest.raises(ValueError, match=r"sizes \[2, 3, 1\], the task 2 inputs and 2 outputs"):
        HyperNEAT.restore(small_task(), *model.save())


def test_the_cppn_of_a_drawn_network_is_the_seed_of_another_search_on_another_substrate():
    genomes, hyper = drawn(Reading(delta=True))
    model, values = hyper.model(genomes[3]), dict(delta=True, population_size=6, seed=1)
    other = HyperNEAT(Substrate.grid(inputs=(5, 5), hidden=[(3,)], outputs=(2,)), **values)
    other.warm_start(model)
    first = other.ask()
    assert (other.drawing.weights(first[0]) == other.drawing.weights(genomes[3])).all()
    assert len(np.unique(other.drawing.weights(first), axis=0)) > 3
    with pytest.raises(ValueError, match="expected a network of genes with 6 inputs and 1 outputs"):
        HyperNEAT(Substrate.grid(inputs=(5, 5), outputs=(2,)), **values).warm_start(model)


def test_a_cppn_of_other_outputs_and_a_substrate_without_a_connection():
    genomes, _ = drawn(Reading(biases=True))
    hyper = HyperNEAT(LAYERS, population_size=12)
    with pytest.raises(
        ValueError, match=r"expected CPPNs of 4 inputs and 2 outputs .* 2 dimensions; got 4 inputs and 4 outputs"
    ):
        hyper.express(genomes)
    genomes = hyper.ask()
    genomes.genes.enabled[:] = False  # every answer is 0
    assert not hyper.express(genomes).forward(torch.ones(1, 12)).any()
    assert (hyper.row()["empty"], hyper.row()["network_connections_mean"]) == (12, 0.0)
    assert hyper.model(genomes[0]).connections == 0


def test_what_no_function_of_place_can_be_is_refused():
    for values in ({"recurrent": True}, {"preset": "dpnv"}):
        with pytest.raises(SettingsError, match="recurrent: expected false, since a CPPN is a function of place"):
            HyperNEAT(LAYERS, **values)
    HyperNEAT(LAYERS, preset="dpnv", recurrent=False)
    task = small_task()
    with pytest.raises(ValueError, match="sheet: expected at most 1 numbers"):
        HyperNEAT.for_task(task, seed=0, sheet=(2, 2))


@pytest.mark.parametrize("kind", ["classification", "regression", "probability"])
def test_the_settings_that_a_run_stores_make_the_same_networks(kind):
    task = small_task(kind)
    stored = vars(HyperNEAT.settled(task, HyperNEAT.settings(population_size=5)))
    one, other = (HyperNEAT.for_task(task, seed=0, **values).ask() for values in ({"population_size": 5}, stored))
    assert {NODE_NAMES[code] for code in one.activation[one.node_kind == 2]} == {"bipolar_sigmoid"}
    assert (one.activation == other.activation).all()


def test_networks_that_are_drawn_later_answer_the_same_on_shared_and_on_own_rows(monkeypatch):
    for kind in ("probability", "regression"):
        hyper = HyperNEAT.for_task(small_task(kind), seed=0, population_size=9)
        population, rows = hyper.ask(), (torch.randn(4, 2), torch.randn(9, 4, 2))
        wanted = [hyper.express(population).forward(x) for x in rows]
        assert (kind == "probability") == bool((wanted[0] > 0).all())
        with monkeypatch.context() as small:
            small.setattr("evo.hyperneat.model.MOST", 12)
            later = hyper.express(population)
            assert isinstance(later, DrawnNetworks)
            for x, answers in zip(rows, wanted):
                torch.testing.assert_close(later.forward(x), answers)


def test_networks_are_drawn_on_the_device_of_the_run_or_it_says_what_is_missing():
    if cuda.unavailable() is None:
        pytest.skip("there is a card here")
    hyper = HyperNEAT.for_task(small_task(), seed=0, population_size=6)
    later = DrawnNetworks(hyper.ask(), hyper.drawing, hyper._encoding)
    Evolve(small_task(), hyper, device="cuda")
    for draw in (lambda: hyper.express(hyper.ask()), lambda: later.to("cuda")):
        with pytest.raises(RuntimeError, match=r"torch .*CUDA"):
            draw()


def test_large_populations_hold_the_weights_of_no_more_networks_than_they_may(monkeypatch):
    hyper = HyperNEAT(Substrate.grid((11, 11), (11, 11)), population_size=60, seed=0)
    networks = len(hyper.ask()) * hyper._encoding.dimensions
    monkeypatch.setattr("evo.hyperneat.model.MOST", networks // 3 + 1)
    monkeypatch.setattr("evo.hyperneat.cppn.BLOCK", 1 << 12)
    monkeypatch.setattr("evo.hyperneat.cppn.QUESTIONS", 1 << 10)
    later = hyper.express(hyper.ask())
    assert isinstance(later, DrawnNetworks)
    tracemalloc.start()
    later.forward(torch.zeros(1, 121))
    costs(later, np.ones(hyper._encoding.dimensions))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 4 * networks / 3 <= most < 1.3 * 4 * networks / 3
