"""Networks that CPPNs find, against the slow reference of `es_reference`; their Models and their settings."""

import json
import re

import numpy as np
import pytest
import torch
from es_reference import Reference, compare, found_connections, random_cppns

from evo import ESHyperNEAT, Substrate, threads
from evo.evolve import Evolve
from evo.hyperneat import discovery, quadtree
from evo.hyperneat.es_hyperneat import ESHyperNEATLEO
from evo.hyperneat.growth import GrownNetworks
from evo.network.model import NetworkModel
from evo.network.population import Networks
from evo.settings import SettingsError
from evo.tasks.control import ControlTask
from evo.testing import small_task
from scenarios.environments.t_maze import environment

PLACES = Substrate([[[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]])
PRODUCTIVE = {"band_threshold": 0.05, "variance_threshold": 0.001, "add_node": 0.5, "add_link": 0.5}
PRODUCTIVE |= {"preset": "neat2002"}  # large weights, whose patterns are steep


def grown(size=12, generations=5, kind=ESHyperNEAT, **values):
    """An algorithm and CPPNs of some generations, of which many have a network."""
    hyper = kind(PLACES, seed=0, population_size=size, **(PRODUCTIVE | {"max_depth": 3, "initial_depth": 2} | values))
    for _ in range(generations):
        hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
    return hyper, hyper.ask()


@pytest.mark.parametrize("seed", range(12))
def test_networks_are_those_of_one_question_after_the_other(seed):
    """Under random settings in one to three dimensions; seeds 0 .. 99 by `python tests/evo/hyperneat/es_reference.py`."""
    assert len(compare(seed, 6)) == 6


def test_every_kernel_finds_what_the_reference_finds_at_toy_size(monkeypatch):
    monkeypatch.setattr(discovery, "ROOM", (1, 1))  # too small for most
    substrate = Substrate([[[-0.5, -1.0]], [[0.5, 1.0]]])
    values = {"delta": True, "length": True, "biases": True, "leo": True, "cycles": False, "initial_depth": 1, "max_depth": 2}
    everything = {"division_threshold": 0.0, "variance_threshold": 0.0, "band_threshold": 1e-9}
    hyper = ESHyperNEAT(substrate, population_size=6, **everything, **values)
    rules = hyper.growth.rules
    genomes = random_cppns(10, hyper.inputs, hyper.outputs)
    for kept in (rules, rules._replace(initial=2)):
        many, few = (discovery.discover(genomes, *substrate.layers, each) for each in (kept, kept._replace(most=1)))
        for genome, found in zip(genomes, many):
            wanted = Reference(genome, *substrate.layers, kept).connections
            assert found_connections(found, 1, 1) == pytest.approx(wanted, abs=1e-6)
        sizes, cut = ([len(each.weight) for each in found] for found in (many, few))
        assert max(sizes) > 1
        assert max(cut) <= 1


def test_neither_threads_nor_company_nor_trees_before_change_a_bit():
    hyper, genomes = grown(30)
    networks = []
    for count in (1, 2, 3):
        with threads.limited(count):
            networks.append(hyper.growth.networks(genomes)[0].genomes.state_dict())
    for other in networks[1:]:
        assert all(torch.equal(torch.as_tensor(networks[0][name]), torch.as_tensor(other[name])) for name in networks[0])
    together = list(hyper.growth.networks(genomes)[1])
    for index in (0, 7, 29):
        (alone,) = hyper.growth.networks(genomes[index])[1]
        assert all(np.array_equal(one, other) for one, other in zip(alone, together[index]))


def test_a_model_is_the_network_of_its_population_and_survives_a_file():
    for values in ({"cycles": True}, {"cycles": False, "biases": True}):
        hyper, genomes = grown(**values)
        x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
        together = hyper.express(genomes).forward(x)
        sizes = [hyper.model(genome).connections for genome in genomes]
        index = int(np.argmax(sizes))
        model = hyper.model(genomes[index])
        assert torch.equal(model(x), together[index])
        assert torch.equal(model(x), together[index])  # a second call begins from zeros again
        np.testing.assert_allclose([model.activate(row) for row in x], together[index], rtol=1e-6)
        np.testing.assert_allclose(model.to_module()(torch.from_numpy(x)).detach(), together[index], rtol=1e-4, atol=1e-5)
        assert model.places.shape == (model.hidden, 2)
        task = small_task("regression")
        again = ESHyperNEAT.restore(task, *model.save())
        assert torch.equal(again(x), model(x))
        assert torch.equal(again(x), model(x))  # from zeros again
        assert "1 connection" not in repr(model)
        assert model.figure()


def test_a_task_says_what_its_networks_answer_and_whether_they_remember():
    for kind, least in (("probability", 0.5), ("regression", 0.0)):  # networks without a connection answer 0, and half
        for cycles in (True, False):
            hyper = ESHyperNEAT.for_task(small_task(kind), seed=0, population_size=5, band_threshold=10.0, cycles=cycles)
            assert hyper.express(hyper.ask()).forward(torch.ones(1, 2)).unique().tolist() == [least]
        assert [layer[:, -1].tolist() for layer in hyper.substrate.layers] == [[-1.0, -1.0], [1.0]]
        assert hyper.growth.fresh
    assert not ESHyperNEAT.for_task(ControlTask(environment), seed=0).growth.fresh


@pytest.mark.parametrize("cycles", [True, False])
@pytest.mark.parametrize("squashed", [True, False])
def test_an_output_without_a_connection_answers_the_activation_of_its_bias(cycles, squashed):
    hyper = ESHyperNEAT(PLACES, squashed=squashed, cycles=cycles, biases=True, band_threshold=10.0, population_size=6)
    genomes, x = hyper.ask(), np.zeros((3, 2), np.float32)
    biases = np.array([found.biases for found in hyper.growth.networks(genomes)[1]])
    assert (biases != 0.0).all()
    wanted = np.broadcast_to((1.0 / (1.0 + np.exp(-4.9 * biases)) if squashed else biases)[:, None], (6, 3, 1))
    np.testing.assert_allclose(hyper.express(genomes).forward(x), wanted, rtol=1e-6)
    model = hyper.model(genomes[4])
    again = ESHyperNEAT.restore(small_task("regression"), *model.save())
    module = model.to_module()
    for answers in (model(x), again(x), module(torch.from_numpy(x)).detach(), model.trained(module)(x)):
        np.testing.assert_allclose(answers, wanted[4], rtol=1e-6)
    np.testing.assert_allclose([model.activate(row) for row in x], wanted[4], rtol=1e-6)


def test_a_network_in_an_episode_keeps_its_values():
    hyper, genomes = grown(40, keeps_state=True, iteration_level=3)
    networks, x = hyper.express(genomes), torch.ones(1, 2)
    first = networks.forward(x)
    assert not torch.equal(networks.forward(x), first)
    networks.reset()
    assert torch.equal(networks.forward(x), first)


def test_a_network_that_gets_too_large_has_no_connections_and_is_counted():
    hyper, genomes = grown()
    found = hyper.growth.networks(genomes)[1]
    most = max(len(each.weight) for each in found) // 2
    assert most > 1
    small = ESHyperNEAT(PLACES, **(PRODUCTIVE | {"max_depth": 3, "initial_depth": 2, "max_connections": most}))
    small.express(genomes)
    fewer = small.growth.networks(genomes)[1]
    small.ask()
    row = small.row()
    assert row["empty"] == sum(not len(each.weight) for each in fewer)
    assert row["oversized"] == fewer.oversized.sum()
    assert row["network_connections_mean"] == np.mean([len(each.weight) for each in fewer]) > 0
    assert row["network_hidden_mean"] == np.mean([len(each.places) for each in fewer]) > 0
    assert 0 < row["oversized"] <= row["empty"]
    assert max(len(each.weight) for each in fewer) <= most


def test_compute_counts_every_question_to_a_cppn_beside_the_networks_answers():
    task = small_task("regression")
    hyper = ESHyperNEAT.for_task(task, seed=0, population_size=6, biases=True, **PRODUCTIVE)
    learner, first = Evolve(task, hyper), hyper.ask()
    learner.step()
    networks, found = hyper.growth.express(first)
    asked = sum(each * Networks(genome).parameters[0] for each, genome in zip(found.questions, first))
    answers = 3 * learner.cost.samples // 6 * networks.parameters.sum()  # of iteration_level + 2 ticks
    assert asked > learner.cost.samples // 6 * networks.parameters.sum()
    assert learner.cost.compute == asked + answers


def test_an_answer_that_is_not_finite_is_no_connection():
    hyper, genomes = grown(activation="identity", weight_range=1e6)
    broken = genomes.select(range(len(genomes)))
    broken.genes.weight[:] *= 1e305
    found = hyper.growth.networks(broken)[1]
    assert all(np.isfinite(each.weight).all() for each in found)
    assert np.isfinite(hyper.express(broken).forward(torch.ones(1, 2)).numpy()).all()


def test_the_locality_seed_connects_near_nodes_alone_and_is_a_feed_forward_genome():
    hyper = ESHyperNEATLEO(PLACES, population_size=5, seed=1)
    first = hyper.ask().check(feedforward=True)
    leo = lambda x: float(NetworkModel(first[0])(np.array([[x, -1.0, 0.3, 1.0]], np.float32))[0, 1])
    assert [leo(x) > 0 for x in (-0.3, -0.05, 0.0, 0.3, 0.6, 0.65)] == [False, False, True, True, True, False]
    weights = [NetworkModel(genome)(np.array([[0.1, -1.0, 0.0, 1.0]], np.float32))[0, 0] for genome in first]
    assert len(set(map(float, weights))) == 5
    hyper.tell(np.arange(5.0))
    hyper.ask().check(feedforward=True)


def test_cells_at_the_edge_are_compared_with_what_lies_beyond_it():
    grids = quadtree.grids(2, 2)
    first = int(grids.first[1])
    assert grids.middle[first].tolist() == [-1.5, -1.5]
    assert (grids.below[4] + grids.step[0] - first).tolist() == [5, 6, 9, 10]
    for cell in (5, 6, 9, 10):
        below = grids.middle[grids.below[first + cell] + grids.step[1]]
        np.testing.assert_array_equal(below.mean(0), grids.middle[first + cell])
        assert np.unique(np.abs(below - grids.middle[first + cell])).tolist() == [0.25]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"initial_depth": 4}, "initial_depth: expected at most max_depth, 3; got 4"),
        ({"max_depth": 12}, "max_depth: expected at most 9 in 2 dimensions; got 12"),
        ({"locality": True}, "locality: it seeds the link expression output and needs leo and bias_node"),
        ({"recurrent": True}, "recurrent: expected false, since a CPPN is a function of place"),
        ({"band_treshold": 0.1}, "band_treshold: unknown setting (did you mean 'band_threshold'?)"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_a_word(values, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        ESHyperNEAT(PLACES, **values)


def test_what_is_no_space_and_no_cppn_for_it_is_refused():
    with pytest.raises(ValueError, match=r"expected a substrate of inputs and outputs, .*; got layers \[2, 3, 1\]"):
        ESHyperNEAT(Substrate.grid(inputs=(2,), hidden=[(3,)], outputs=(1,)))
    hyper, genomes = grown()
    with pytest.raises(
        ValueError, match=r"expected CPPNs of 4 inputs and 2 outputs .* 2 dimensions; got 4 inputs and 1 outputs"
    ):
        ESHyperNEATLEO(PLACES).express(genomes)
    with pytest.raises(ValueError, match="expected a CPPN of ES-HyperNEAT; got network"):
        ESHyperNEAT.restore(small_task(), *NetworkModel(genomes[0]).save())
    tensors, header = hyper.model(genomes[0]).save()
    with pytest.raises(ValueError, match=r"sizes \[2, 1\], the task \[2, 2\]"):
        ESHyperNEAT.restore(small_task(), tensors, header)
    with pytest.raises(ValueError, match="incomplete network of ES-HyperNEAT: 'search'"):
        ESHyperNEAT.restore(
            small_task("regression"), tensors, {name: text for name, text in header.items() if name != "search"}
        )


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("search", {"initial_depth": 12}, "initial_depth: expected at most max_depth, 3; got 12"),
        ("search", {"max_depth": 0, "initial_depth": 0}, "max_depth: expected a whole number >= 1 and <= 20; got 0"),
        ("search", {"max_connections": -5}, "max_connections: expected a whole number >= 1"),
        ("reading", {"biases": 2, "leo": -1}, "biases: expected true or false; got 2"),
    ],
)
def test_a_file_cannot_lead_the_search_outside_its_memory(part, values, said):
    hyper, genomes = grown(generations=0, initial_depth=3)
    tensors, header = hyper.model(genomes[0]).save()
    damaged = header | {part: json.dumps(json.loads(header[part]) | values)}
    with pytest.raises(ValueError, match=re.escape(said)):
        ESHyperNEAT.restore(small_task("regression"), tensors, damaged)


@pytest.mark.parametrize("dimensions", [10, 13])
def test_a_space_of_too_many_dimensions_is_refused_with_a_word(dimensions):
    substrate = Substrate([np.zeros((1, dimensions)), np.ones((1, dimensions))])
    with pytest.raises(ValueError, match=f"expected a substrate of at most 9 dimensions, .*; got {dimensions}"):
        ESHyperNEAT(substrate)


def test_networks_of_many_connections_are_grown_when_they_are_asked_a_few_at_a_time(monkeypatch):
    for values in ({}, {"keeps_state": True}, {"cycles": False}):
        hyper, genomes = grown(20, biases=True, **values)
        x, own = torch.randn(4, 2), torch.randn(20, 4, 2)
        at_once, found = hyper.growth.express(genomes)
        assert found.sizes[:, 1].sum() > 100
        with monkeypatch.context() as small:
            small.setattr("evo.hyperneat.growth.MOST", 40)
            later = hyper.express(genomes)
            assert isinstance(later, GrownNetworks)
            assert len(later) == 20
            assert hyper._counts["network_connections_mean"] == found.sizes[:, 1].mean()
            assert (later.parameters == at_once.parameters).all()
            for rows in (x, own[:, :4]):
                assert torch.equal(later.forward(rows), at_once.forward(rows))
            assert later.construction == 3 * at_once.construction
            later.reset(), at_once.reset()
            assert torch.equal(later.forward(x), at_once.forward(x))
            assert later.policy() is None


def test_sizes_are_known_of_networks_that_are_too_many_to_keep(monkeypatch):
    hyper, genomes = grown(20)
    all_of_them = hyper.growth.networks(genomes)[1]
    monkeypatch.setattr(discovery, "ROOM", (2, 3))  # too small for most: found again with more
    again = hyper.growth.networks(genomes)[1]
    networks, few = hyper.growth.networks(genomes, most=5)
    assert networks is None
    assert not few.kept
    assert len(few.networks.weight) == 0
    for other in (again, few):
        assert (other.sizes == all_of_them.sizes).all()
        assert (other.questions == all_of_them.questions).all()
    assert all(np.array_equal(one, other) for one, other in zip(again.networks, all_of_them.networks))
