"""Networks on a graph as methods: the recipe is the paper's, and every method of weights trains such a network."""

import networkx
import numpy as np
import pytest
import torch

from baselines.backprop import Backprop
from evo import GA, Evolve, OpenAIES
from evo.settings import SettingsError
from evo.testing import check_learner, check_task, small_task
from evo.vectors.encoding import Parameters
from graphs import Graph
from graphs.models import GAT, GCN, NodeNetwork
from graphs.recipes import appnp, gat, gcn, gin, sage, sgc
from graphs.task import GraphTask
from scenarios.lab.study import resolve

METHODS = {"gcn": gcn, "sage": sage, "gat": gat, "gin": gin, "sgc": sgc, "appnp": appnp}
CLIQUES, SIZE = 4, 8


def task(network=GCN, kind="classification", **rest):
    """Cliques in a ring, whose nodes know of their class little by themselves: one word in ten."""
    graph = Graph.from_networkx(networkx.ring_of_cliques(CLIQUES, SIZE))
    y = np.arange(CLIQUES * SIZE) // SIZE
    drawn = np.random.default_rng(0).uniform(size=(len(y), 20)) < 0.15 + 0.3 * (np.arange(20) // 5 == y[:, None])
    place = np.arange(len(y)) % SIZE
    parts = tuple(np.flatnonzero(np.isin(place, some)) for some in ([0, 3], [1, 4], [2, 5, 6, 7]))
    answers = y if kind == "classification" else np.eye(CLIQUES, dtype=np.float32)[y]
    return GraphTask(graph, answers, parts, drawn.astype(np.float32), kind=kind, network=network, **rest)


def trained(method, steps, seed=0, given=None, **values):
    made = given or task()
    learner = method(made, method.settings(**values), seed)
    for _ in range(steps):
        if learner.finished is None:
            learner.step()
    return made, learner


def test_gcn_is_trained_as_its_paper_does():
    """Against a loop of torch: Adam at .01 with 5e-4 / 2 |W|^2 of the first layer, all training nodes in each step."""
    made, learner = trained(gcn, 0, dropout=0.0)
    module = learner._network()
    x, y = made.split("train")
    first = module.network.layers[0].weight
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), y) + 5e-4 / 2 * first.square().sum()
        loss.backward()
        optimizer.step()
        learner.step()
    for one, other in zip(module.parameters(), learner.module.parameters()):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


# Section 5.2 of GCN's paper, 3.3 of GAT's, 5 of APPNP's, and the repository of SGC's; weight decay is 2 l2.
CONVOLUTION = dict(
    hidden=(16,), dropout=0.5, learning_rate=0.01, weight_decay=5e-4, penalised="first", epochs=200, patience=None
)
ENDLESS = dict(epochs=10_000, patience=100)
RECIPES = {
    "gcn": CONVOLUTION,
    "sage": CONVOLUTION,
    "gin": CONVOLUTION,
    "gat": dict(
        hidden=(8,), heads=8, output_heads=1, dropout=0.6, learning_rate=0.005, weight_decay=5e-4, penalised="all", **ENDLESS
    ),
    "sgc": dict(hops=2, learning_rate=0.2, weight_decay=1.3e-5, epochs=100, patience=None),
    "appnp": dict(
        hidden=(64,), dropout=0.5, hops=10, teleport=0.1, learning_rate=0.01, weight_decay=5e-3, penalised="first", **ENDLESS
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_those_of_the_papers(name):
    chosen = METHODS[name].settings()
    found = {"weight_decay": 2 * chosen.l2, **vars(chosen)}
    assert {key: found[key] for key in RECIPES[name]} == RECIPES[name]


def test_labels_of_the_test_have_no_part_in_training_or_its_end():
    values = dict(patience=4, learning_rate=0.5)
    learners = []
    for made in (task(), task()):
        learners.append(trained(gat, 500, given=made, **values)[1])
        made.split("test")[1].zero_()
        learners.append(trained(gat, 500, given=made, **values)[1])
    first, *others = (each.best_model.to_module().state_dict() for each in learners)
    assert len({(each.epoch, each.waited, *each.reached) for each in learners}) == 1
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("method", "count"), [(gcn, 1), (sage, 2), (gin, 2), (gat, 6), (sgc, 1), (appnp, 1)])
def test_the_penalty_is_of_the_papers_layers(method, count):
    assert len(trained(method, 0)[1].weights) == count


def test_a_recipe_ends_after_its_epochs_unless_the_budget_is_to_be_spent():
    learner = trained(gcn, 9, epochs=4)[1]
    assert (learner.epoch, learner.finished) == (4, "completed")
    assert trained(gcn, 9, epochs=4, given=task(stop="budget"))[1].epoch == 9
    assert trained(gat, 300, patience=3, learning_rate=0.5)[1].finished == "early_stopping"


def test_patience_begins_again_where_loss_or_accuracy_is_as_good_as_ever():
    """Epoch by epoch: (fitness, accuracy) on validation, and how long it has waited since."""
    told = [(-1, 0.5, 0), (-2, 0.5, 0), (-2, 0.4, 1), (float("nan"), 0.4, 2), (-0.5, 0.1, 0), (-0.6, 0.6, 0), (-0.6, 0.5, 1)]
    told += [(-0.6, 0.5, 2), (-0.6, 0.5, 3)]
    learner = trained(gat, 0, patience=3)[1]
    scores = iter({"fitness": fitness, "accuracy": accuracy} for fitness, accuracy, _ in told)
    learner.task.score = lambda model, split: next(scores)
    for _, _, waited in told:
        assert learner.finished is None
        learner.step()
        assert learner.waited == waited
    assert learner.finished == "early_stopping"


def test_patience_of_a_resumed_run_is_that_of_one_left_in_peace():
    values = dict(patience=4, learning_rate=0.5)
    whole = trained(gat, 500, **values)[1]
    assert (whole.finished, whole.waited) == ("early_stopping", 4)
    cut = trained(gat, whole.epoch - 2, **values)[1]
    resumed = trained(gat, 0, **values)[1]
    resumed.load_state_dict(cut.state_dict())
    while resumed.finished is None:
        resumed.step()
    assert (resumed.epoch, resumed.best.state_dict()) == (whole.epoch, whole.best.state_dict())


@pytest.mark.parametrize("name", METHODS)
def test_neighbours_tell_what_features_do_not(name):
    """Features alone leave half of the test nodes in doubt; cliques settle them."""
    made, learner = trained(METHODS[name], 150)
    assert made.score(learner.champion(), "test")["accuracy"] >= 0.9
    alone = Backprop(made.with_network(resolve.network("mlp")), Backprop.settings(), 0)
    for _ in range(60):
        alone.step()
    assert made.score(alone.champion(), "test")["accuracy"] <= 0.8


@pytest.mark.parametrize("kind", ["classification", "probability"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_contract(name, kind):
    assert check_learner(METHODS[name], task(kind=kind)) == []


@pytest.mark.parametrize("network", [GCN, GAT])
def test_a_task_with_a_network_on_its_graph_has_no_findings(network):
    assert check_task(task(network)) == []
    assert check_task(task(network, kind="probability")) == []


@pytest.mark.parametrize("name", ["ga", "openai-es", "backprop", "backstitch", "sam", "random-search", "sep-cma-es"])
def test_every_method_of_weights_trains_a_network_on_the_graph(name):
    assert check_learner(resolve.method(name), task()) == []


def test_a_strategy_learns_to_use_the_neighbours():
    made = task()
    learner = Evolve(made, OpenAIES.for_task(made, seed=0, population_size=40))
    for _ in range(60):
        learner.step()
    assert made.score(learner.champion(), "test")["accuracy"] >= 0.9


def test_a_population_is_evaluated_as_one_network_after_the_other():
    made = task(GAT)
    ga = GA.for_task(made, seed=0, population_size=6)
    population = ga.ask()
    fitness = made.evaluate(ga.express(population), np.array([])).fitness
    assert np.allclose(fitness, [made.score(ga.model(one), "train")["fitness"] for one in population])


def test_what_is_warm_started_begins_where_the_other_ended():
    made, learner = trained(gcn, 30)
    found = Parameters(made.network).of(learner.champion())
    evolved = GA.for_task(made, seed=0, population_size=4)
    evolved.warm_start(learner.champion())
    assert np.array_equal(evolved.ask()[0], found)
    assert isinstance(learner.champion().module, NodeNetwork)


def test_titles_say_whose_recipe_it_is():
    assert {name for name, method in METHODS.items() if "as GCN's paper does" in method.title} == {"sage", "gin"}
    assert gcn.title == "GCN of neighbours' features, trained by gradient as its paper does"


@pytest.mark.parametrize("name", ["gcn", "sage", "gat", "gin", "appnp"])
def test_methods_are_compared_at_equal_parameters(name):
    champion = trained(METHODS[name], 1, parameters=2000)[1].champion()
    assert 1600 <= champion.parameters <= 2000


def test_tasks_without_nodes_and_wrong_values_are_refused():
    assert gcn.unsupported_reason(small_task()) == "it learns from the nodes of a graph; the task has none"
    with pytest.raises(SettingsError, match="dropout: expected a number >= 0 and < 1; got 1"):
        gcn.settings(dropout=1.0)
    made, learner = trained(gcn, 1)
    tensors, header = learner.champion().save()
    with pytest.raises(ValueError, match="do not fit the network of the task"):
        gcn.restore(made, gcn.settings(hidden=(3,)), 0, tensors, header)
