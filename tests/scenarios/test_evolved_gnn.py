"""Designs of graph networks: built as they say, judged on validation alone, tested on initialisations of their own."""

import numpy as np
import pytest

from evo import DE, Evolve, SettingsError
from evo.testing import check_task
from graphs import Graph, recipes
from graphs.task import GraphTask
from scenarios import evolved_gnn
from scenarios.evolved_gnn import FINAL, INITS, KINDS, DesignTask, EvolvedGNNSettings, built

DESIGN = dict(kind="gcn", layers=2, width=16, dropout=0.5, learning_rate=0.01, l2=1e-4)


def nodes(wrong_test=False):
    """Two groups of 30 nodes, who mostly know their own; features say little."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 30)
    pairs = [(a, b) for a in range(60) for b in range(a) if rng.random() < (0.25 if y[a] == y[b] else 0.02)]
    x = rng.normal(size=(60, 5)) + 0.4 * y[:, None]
    parts = np.arange(0, 60, 4), np.arange(1, 60, 4), np.concatenate([np.arange(2, 60, 4), np.arange(3, 60, 4)])
    if wrong_test:
        y = y.copy()
        y[parts[2]] = 1 - y[parts[2]]
    return GraphTask(Graph.from_edges(pairs, nodes=range(60)), y, parts, x, kind="classification", stop="budget")


def task(wrong_test=False, **values):
    return DesignTask(nodes(wrong_test), EvolvedGNNSettings(**{"epochs": 8, "finals": 3, **values}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 3])
def test_a_design_is_a_network_of_its_kind_depth_and_width(kind, layers):
    design = DESIGN | {"kind": kind, "layers": layers}
    learner = getattr(recipes, kind)(nodes(), built(design), 0)
    network = learner.module.network
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    if kind == "sgc":
        assert (network.depth, len(network.layers)) == (layers, 1)
    else:
        assert len(network.layers) == layers
        assert (layers == 1) == (not any(16 in shape for shape in shapes.values()))
        assert network.dropout == 0.5
    assert network.depth == (10 if kind == "appnp" else layers)
    assert (learner.recipe.learning_rate, learner.recipe.l2, learner.recipe.epochs) == (0.01, 1e-4, None)


def test_a_design_is_worth_what_its_training_reaches_on_validation():
    made = task(inits=2).for_seed(7)
    values = {name: np.array([each]) for name, each in DESIGN.items()}
    by_hand = []
    for init in (7 * INITS, 7 * INITS + 1):
        learner = recipes.gcn(made.nodes, built(DESIGN), init)
        for _ in range(8):
            learner.step()
        by_hand.append(made.nodes.score(learner.champion(), "validation")["accuracy"])
    assert made.function(values).tolist() == [np.mean(by_hand)]


def test_the_test_is_of_other_initialisations_and_chooses_nothing():
    right, wrong = task(), task(wrong_test=True)
    population = np.random.default_rng(0).random((6, right.dimensions))
    assert right.evaluate(population, None).fitness.tolist() == wrong.evaluate(population, None).fitness.tolist()
    assert right.evaluate(population, None).samples.tolist() == [8] * 6
    made = Evolve(right, DE.for_task(right, seed=0, population_size=6), 0)
    made.step()
    model = made.champion()
    score, poisoned = right.score(model, "test"), wrong.score(model, "test")
    assert score["accuracy"] == pytest.approx(1 - poisoned["accuracy"])
    assert score["n"] == 3
    assert score["low"] <= score["accuracy"] <= score["high"]
    design = right.space.decode(np.asarray(model([])))
    found = [right.nodes.score(right.trained(design, FINAL + k)[0], "test")["accuracy"] for k in range(3)]
    assert score["accuracy"] == pytest.approx(np.mean(found))


def test_seeds_have_initialisations_of_their_own():
    values = {name: np.array([each] * 1) for name, each in (DESIGN | {"learning_rate": 0.003}).items()}
    assert len({task(inits=3).for_seed(seed).function(values)[0] for seed in range(4)}) > 1
    assert task().for_seed(2).function(values) == task().for_seed(2).function(values)


def test_it_is_a_task():
    assert check_task(task(epochs=2, finals=1)) == []


def test_kinds_may_be_chosen_and_are_checked():
    made = task(kinds=("gcn", "sgc"))
    drawn = made.space.decode(np.random.default_rng(0).random((50, made.dimensions)))
    assert set(drawn["kind"]) == {"gcn", "sgc"}
    with pytest.raises(SettingsError, match=r"kinds: expected one of gcn, .*; got 'gnc'"):
        EvolvedGNNSettings(kinds=("gnc",))
    with pytest.raises(SettingsError, match="did you mean 'cora'"):
        EvolvedGNNSettings(graph="corra")


def test_search_finds_better_designs_than_the_average(monkeypatch):
    """In all of three seeds, after 40 trainings of 8 epochs."""
    for seed in range(3):
        made = task().for_seed(seed)
        average = made.evaluate(np.random.default_rng(seed).random((20, made.dimensions)), None).fitness.mean()
        learner = Evolve(made, DE.for_task(made, seed=seed, population_size=10), seed)
        for _ in range(4):
            learner.step()
        assert made.score(learner.champion(), "validation")["accuracy"] > average + 0.05
    assert evolved_gnn.scenario.settings().kinds == KINDS
