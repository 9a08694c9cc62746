"""Plastic networks against the slow reference of `plastic_reference`, each rule by hand; their Models and their settings."""

import json
import math
import re

import numpy as np
import pytest
import torch
from plastic_reference import Life

from evo import AdaptiveHyperNEAT, Environment, Substrate, threads
from evo.activations import CODES
from evo.hyperneat.plastic import RULES, PlasticNetworks
from evo.interop.export import ExportError, export
from evo.network.model import NetworkModel
from evo.rollout.environment import Episode
from evo.rollout.lanes import policy, rollout
from evo.settings import SettingsError
from evo.tasks.control import ControlTask
from evo.testing import small_task

LAYERS = Substrate.grid(inputs=(3,), hidden=[(2,)], outputs=(2,))
WAYS = {
    **{rule: {"rule": rule} for rule in RULES},
    "cycles": {"rule": "abcd", "cycles": True, "biases": True, "rate_range": 0.3},
    "leo": {"rule": "abc", "leo": True, "threshold_of_weight": 0.0, "delta": True},
    "iterated in cycles": {"rule": "iterated", "cycles": True, "delta": True, "weight_range": 2.0},
}


def grown(substrate=LAYERS, size=8, generations=4, **values):
    """An algorithm and CPPNs of some generations, in which hidden nodes have come to be."""
    hyper = AdaptiveHyperNEAT(substrate, seed=0, population_size=size, add_node=0.5, add_link=0.5, **values)
    for _ in range(generations):
        hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
    return hyper, hyper.ask()


def inputs(ticks, size=3, rows=1):
    return np.random.default_rng(1).normal(size=(ticks, rows, size)).astype(np.float32)


@pytest.mark.parametrize("way", WAYS)
def test_a_life_is_that_of_one_connection_after_the_other(way):
    hyper, genomes = grown(**WAYS[way])
    networks, plastic = hyper.express(genomes), 0
    lives = [Life(genomes[k], LAYERS, hyper.options) for k in range(len(genomes))]
    for x in inputs(7):
        found = networks.forward(torch.from_numpy(x))
        wanted = np.array([life.tick(x[0].astype(float).tolist()) for life in lives])
        assert np.array_equal(found[:, 0].numpy(), wanted.astype(np.float32))
    weights = networks._state[0][:, 0]
    for genome, life in enumerate(lives):
        at = 0
        for number, (before, after) in enumerate(life.pairs):
            for i in range(LAYERS.sizes[before]):
                for j in range(LAYERS.sizes[after]):
                    assert weights[genome, at] == life.weight.get((number, i, j), 0.0)
                    at += 1
        plastic += (weights[genome] != networks.drawn.planes[genome, 0]).any()
    assert bool(plastic) == (way != "fixed")


def two_nodes(rule, **numbers):
    """One input, one output, and a CPPN whose answers do not depend on anything but, where told so, on one input."""
    hyper = AdaptiveHyperNEAT(Substrate([[[-1.0]], [[1.0]]]), population_size=1, rule=rule, threshold_of_weight=0.0)
    genome = hyper.ask()[0].select([0])
    genes, told = genome.genes, ("weight", *RULES[rule])
    genes.activation[:] = CODES["identity"]
    for k in range(len(genes.weight)):
        output = int(genes.target[k]) - genome.inputs - 1
        source = int(genes.source[k])
        name = told[output] if source == genome.inputs else f"{told[output]} by {source - 2}"
        genes.weight[k] = numbers.get(name, 0.0)
    return hyper.model(genome)


def said(model, values):
    return [float(model(np.array([[value]], np.float32))[0, 0]) for value in values]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_by_hand_on_two_nodes(rule):
    numbers = {"weight": 0.5, "rate": 0.5, "A": 0.25, "B": -0.5, "C": 0.125, "D": -0.25, "change": 0.125, "change by 2": -0.5}
    numbers |= {"change by 0": 0.25, "change by 1": 0.0625}
    weight, wanted = 1.5, []
    for x in (1.0, -0.5, 0.25):
        y = math.tanh(weight * x)
        wanted.append(y)
        weight += {
            "fixed": 0.0,
            "hebbian": 0.5 * x * y,
            "abc": 0.5 * (0.25 * x * y - 0.5 * x + 0.125 * y),
            "abcd": 0.5 * (0.25 * x * y - 0.5 * x + 0.125 * y - 0.25),
            "iterated": 0.125 + 0.25 * x + 0.0625 * y - 0.5 * weight / 3.0,
        }[rule]
    assert said(two_nodes(rule, **numbers), (1.0, -0.5, 0.25)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("rule", "sign"), [("hebbian", 1), ("abcd", -1), ("iterated", 1)])
def test_weights_stay_within_their_range(rule, sign):
    model = two_nodes(rule, weight=0.9, rate=1.0, D=-1.0, change=1.0)
    said(model, [1.0] * 20)
    assert model._networks._state[0].item() == 3.0 * sign


def test_what_is_no_connection_does_not_become_one():
    for rule, named in (("abcd", {"rate": 1.0, "D": 1.0}), ("iterated", {"change": 1.0})):
        model = two_nodes(rule, weight=0.0, **named)
        assert said(model, [1.0] * 3) == [0.0] * 3
        assert model.connections == 0


def test_an_answer_that_is_not_a_number_is_no_change_and_an_infinite_one_is_clipped():
    model = two_nodes("iterated", weight=0.5, **{"change by 0": math.inf})
    assert said(model, [0.0, 1.0]) == pytest.approx([0.0, math.tanh(1.5)])  # inf * 0
    assert said(model, [1.0]) == pytest.approx([math.tanh(2.5)])


def start(draws):
    return draws[0], 0.0


def observe(state):
    return state[0], state[1], 1.0


def step(state, action):
    return (0.9 * state[0] + 0.3 * action[0], action[1]), state[0] - abs(action[1]), False


rail = Environment("rail", start, observe, step, draws=1, actions=((-1.0, 1.0), (-1.0, 1.0)), max_steps=8)


@pytest.mark.parametrize("way", ["cycles", "iterated in cycles"])
def test_an_episode_is_a_life_fused_or_step_by_step_in_any_company_and_on_any_threads(way):
    hyper, genomes = grown(size=4, **WAYS[way])
    networks, starts = hyper.express(genomes), rail.starts(range(3))
    together = [rollout(rail, networks, starts).returns]
    for count in (1, 2, 3):
        with threads.limited(count):
            together.append(rollout(rail, hyper.express(genomes), starts).returns)
    assert all(np.array_equal(together[0], each) for each in together)
    chosen = policy(networks)
    for genome, first in ((0, 1), (3, 0), (3, 2)):
        answer, life = chosen.kind.alone(chosen)(genome), Life(genomes[genome], LAYERS, hyper.options)
        model, total = hyper.model(genomes[genome]), 0.0
        episode = Episode(rail, starts[first])
        (x, _), y = episode.reset(), np.empty(2, np.float32)
        for _ in range(rail.max_steps):
            answer(x, y)
            assert np.array_equal(y, model(x[None])[0].numpy())
            assert np.array_equal(y, np.float32(life.tick(x.astype(float).tolist())))
            x, reward, *_ = episode.step(y.astype(np.float64))
            total += reward
        assert together[0][genome, first] == total


def test_forward_lives_row_by_row_until_reset():
    hyper, genomes = grown(**WAYS["cycles"])
    networks, x = hyper.express(genomes), torch.from_numpy(inputs(4, rows=3))
    lived = [networks.forward(each) for each in x]
    assert not torch.equal(networks.forward(x[0]), lived[0])
    networks.reset()
    assert all(torch.equal(networks.forward(each), before) for each, before in zip(x, lived))
    networks.reset()
    own = x[0].expand(len(genomes), 3, 3)
    assert torch.equal(networks.forward(own), lived[0])
    with pytest.raises(ValueError, match="live on 3 rows, the inputs have 2: reset them first"):
        networks.forward(x[0, :2])
    with pytest.raises(ValueError, match=r"expected inputs of shape \(B, 3\) or \(8, B, 3\); got \(1, 4\)"):
        networks.forward(torch.ones(1, 4))


@pytest.mark.parametrize("way", ["cycles", "leo", "iterated in cycles"])
def test_a_model_is_the_network_of_its_population_and_survives_a_file(way, tmp_path):
    hyper, genomes = grown(**WAYS[way])
    networks, model = hyper.express(genomes), hyper.model(genomes[3])
    again = AdaptiveHyperNEAT.restore(ControlTask(rail), *model.save())
    for x in torch.from_numpy(inputs(3)):
        wanted = networks.forward(x)[3]
        assert torch.equal(model(x), wanted)
        assert torch.equal(again(x), wanted)
    model.reset()
    networks.reset()
    assert model.activate([0.1, 0.2, 0.3]) == networks.forward(torch.tensor([[0.1, 0.2, 0.3]]))[3, 0].tolist()
    assert model.connections == np.count_nonzero(networks.drawn.planes[3, 0])
    assert (model.parameters, model.output_range.tolist()) == (networks.parameters[3], [[[-1.0, 1.0]] * 2])
    with pytest.raises(
        ExportError, match=r"PlasticModel changes its weights from call to call.* is a network of fixed weights"
    ):
        export(model, tmp_path / "plastic.onnx", 3)
    assert f"rule {hyper.options.rule}" in repr(model)


def test_parameters_are_numbers_of_connections_and_biases():
    counts = {way: hyper.express(genomes).parameters for way in WAYS for hyper, genomes in [grown(generations=0, **WAYS[way])]}
    connections = 3 * 2 + 2 * 2
    assert [counts[rule][0] for rule in ("fixed", "hebbian", "abc", "abcd")] == [connections * n for n in (1, 2, 5, 6)]
    assert counts["cycles"][0] == (connections + 4 + 4) * 6 + 4
    hyper, genomes = grown(generations=0, **WAYS["cycles"])
    questions, answers = connections + 4 + 4 + 4, 24 + 2  # of two inputs and a bias node
    assert hyper.express(genomes).construction == 8 * questions * answers * 3
    assert counts["iterated"][0] == connections * (1 + 4 * (5 + 1))  # two outputs a pair, of five inputs and a bias node


def test_connections_may_cost_by_squared_length_or_number():
    objectives = ("fitness", "connection_cost", "connection_count")
    hyper, genomes = grown(rule="abc", cycles=True, objectives=objectives)
    networks, wanted = hyper.express(genomes), []
    for genome in genomes:
        life = Life(genome, LAYERS, hyper.options)
        ends = [(*life.pairs[number], i, j) for number, i, j in life.weight]
        places = [(LAYERS.layers[a][i], LAYERS.layers[b][j], float(b - a)) for a, b, i, j in ends]
        wanted.append([sum((here - there).item() ** 2 + apart**2 for here, there, apart in places), len(places)])
    assert np.column_stack([networks.costs(each) for each in objectives[1:]]) == pytest.approx(np.array(wanted))
    assert hyper.row()["connection_cost_mean"] == pytest.approx(np.mean(wanted, axis=0)[0])


def test_a_network_with_a_number_that_is_not_finite_is_drawn_as_zeros_and_counted():
    for plane in ("weight", "B"):
        hyper = AdaptiveHyperNEAT(Substrate.grid((2,), (1,)), population_size=2, activation="identity")
        genomes = hyper.ask().select([0, 1])
        outputs = genomes.target - genomes.inputs - 1
        broken = (outputs == ("weight", *RULES["abc"]).index(plane)) & (np.arange(len(outputs)) < genomes.connections_at[1])
        genomes.genes.weight[broken] = [math.inf if k % 2 else -math.inf for k in range(broken.sum())]
        genomes.genes.weight[~broken] = 1.0
        networks = hyper.express(genomes)
        assert np.any(networks.drawn.planes, axis=(1, 2)).tolist() == [False, True]
        assert (hyper.row()["empty"], networks.connections.tolist()) == (1, [0, 2])
        assert not networks.forward(torch.ones(1, 2))[0].any()


def test_a_network_that_overflows_ends_its_own_episode_alone():
    hyper, genomes = grown(substrate_activation="cube", weight_range=1e6, rule="abcd", cycles=True)
    returns = rollout(rail, hyper.express(genomes), rail.starts([0])).returns
    assert np.isnan(returns).any()
    quiet, genomes = grown()
    assert np.isfinite(rollout(rail, quiet.express(genomes), rail.starts([0])).returns).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rule": "abq"}, "rule: expected one of fixed, hebbian, abc, abcd, iterated; got 'abq' (did you mean 'abc'?)"),
        (
            {"locality": True, "leo": True, "cycles": True},
            "locality: it seeds connections between layers, expected cycles false",
        ),
        ({"recurrent": True}, "recurrent: expected false, since a CPPN is a function of place"),
        ({"rate_range": 0.0}, "rate_range: expected a number > 0"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_a_word(values, expected):
    with pytest.raises(SettingsError, match=re.escape(expected)):
        AdaptiveHyperNEAT(LAYERS, **values)


def test_what_is_too_large_or_no_cppn_for_it_is_refused():
    hyper, genomes = grown()
    with pytest.raises(ValueError, match=r"expected CPPNs of 2 inputs and 10 outputs .*; got 2 inputs and 2 outputs"):
        PlasticNetworks(AdaptiveHyperNEAT(LAYERS, rule="fixed").ask(), hyper.plasticity)
    large = AdaptiveHyperNEAT(Substrate.grid((40, 40), (40, 40)), population_size=8)
    with pytest.raises(ValueError, match="expected at most 67,108,864 numbers of plastic connections; 8 networks of 2,560,000"):
        large.express(large.ask())
    assert "the task has none" in AdaptiveHyperNEAT.unsupported_reason(small_task())
    tensors, header = hyper.model(genomes[0]).save()
    with pytest.raises(ValueError, match="expected a CPPN of plastic networks; got network"):
        AdaptiveHyperNEAT.restore(small_task(), *NetworkModel(genomes[0]).save())
    with pytest.raises(ValueError, match=r"sizes \[3, 2, 2\], the task 2 inputs and 2 outputs"):
        AdaptiveHyperNEAT.restore(small_task(), tensors, header)
    with pytest.raises(ValueError, match=r"incomplete plastic network: 'layer\.1'"):
        AdaptiveHyperNEAT.restore(ControlTask(rail), {k: v for k, v in tensors.items() if k != "layer.1"}, header)
    damaged = header | {"drawn": json.dumps(json.loads(header["drawn"]) | {"rule": "none"})}
    with pytest.raises(SettingsError, match="rule: expected one of"):
        AdaptiveHyperNEAT.restore(ControlTask(rail), tensors, damaged)


def test_a_figure_shows_weights_rules_and_the_biases_that_are_read():
    hyper, genomes = grown(**WAYS["cycles"])
    titles = [axes.get_title() for axes in hyper.model(genomes[3]).figure().axes]
    shown = lambda *words: sum(all(word in title for word in words) for title in titles)
    assert shown("weight, layer") == shown("rate, layer") == 4  # two pairs of layers, and two layers to themselves
    assert shown("bias of layer 1") == shown("bias of layer 2") == 1
    assert shown("connections") == 2  # the CPPN and the substrate
    hyper, genomes = grown(**WAYS["leo"])
    assert not any("bias" in axes.get_title() for axes in hyper.model(genomes[3]).figure().axes)
