"""What connections cost, by hand; ranks by several objectives, against DEAP's; what selection makes of them."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evo import ESHyperNEAT, Evolve, HyperNEAT, Substrate
from evo.hyperneat import model, objectives
from evo.hyperneat.objectives import drawn_costs, grown_costs, prices, ranks
from evo.search.fronts import standing
from evo.settings import SettingsError
from evo.testing import check_learner, small_task

BOTH = ("fitness", "connection_cost")
POINTS = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)


def test_the_cost_of_a_drawn_network_by_hand():
    """Three layers lie at depths -1, 0 and 1."""
    substrate = Substrate([[[-0.5], [0.5]], [[0.0]], [[-0.5], [1.0]]])
    assert prices(substrate, "connection_cost").tolist() == [1.25, 1.25, 0.0, 1.25, 2.0, 0.0, 0.0]
    assert prices(substrate, "connection_count").tolist() == [1, 1, 0, 1, 1, 0, 0]
    vectors = np.array([[0, 0, 5, 0, 0, 1, 1], [1, 0, 0, 0, -2, 0, 0], [1, 1, 1, 1, 1, 1, 1]], np.float32)
    assert drawn_costs(vectors, prices(substrate, "connection_cost")).tolist() == [0.0, 3.25, 5.75]
    assert drawn_costs(vectors, prices(substrate, "connection_count")).tolist() == [0.0, 2.0, 4.0]


def test_the_cost_of_a_grown_network_is_the_sum_over_its_connections():
    substrate = Substrate([[[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]])
    eager = {"band_threshold": 0.05, "variance_threshold": 0.001, "add_node": 0.5, "add_link": 0.5}
    hyper = ESHyperNEAT(substrate, seed=0, population_size=20, objectives=(*BOTH, "connection_count"), **eager)
    for _ in range(5):
        hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
    population = hyper.ask()
    networks, found = hyper.growth.networks(population)
    hyper.express(population)
    assert hyper._costs["connection_count"].tolist() == [np.count_nonzero(network.enabled) for network in networks.genomes]
    for index, each in enumerate(found):
        at = [(-0.5, -1.0), (0.5, -1.0), (0.0, 1.0), *map(tuple, each.places)]
        wanted = sum(math.dist(at[a], at[b]) ** 2 for a, b in zip(each.source, each.target))
        assert hyper._costs["connection_cost"][index] == pytest.approx(wanted)
    assert max(hyper._costs["connection_cost"]) > 0
    assert grown_costs(found, substrate, "connection_cost").tolist() == hyper._costs["connection_cost"].tolist()


@settings(max_examples=40)
@given(POINTS)
def test_costs_that_always_count_give_the_fronts_and_crowding_of_nsga2(points):
    fitness, *costs = np.array(sorted(set(points)), float).T
    always = np.ones((len(fitness),) * 2, bool)
    found, wanted = standing(fitness, *costs, counted=always), standing(fitness, *costs)
    assert found[0].tolist() == wanted[0].tolist()
    assert sorted(found[1]) == pytest.approx(sorted(wanted[1]))  # of points alike in one objective either may be the edge
    best_first = np.argsort(-ranks(fitness, costs, 1.0, 0, 0), kind="stable")
    assert (np.diff(wanted[0][best_first]) >= 0).all()


@settings(max_examples=40)
@given(POINTS)
def test_costs_that_never_count_leave_the_order_of_fitness(points):
    fitness, *costs = np.array(points, float).T
    order = ranks(fitness, costs, 0.0, 0, 0)
    for one in range(len(fitness)):
        for other in range(len(fitness)):
            assert fitness[one] <= fitness[other] or order[one] > order[other]


def test_costs_count_in_a_comparison_with_their_probability():
    """Of two genomes the fitter is ahead alone, unless costs count and the other is cheaper."""
    fitness, cost = np.array([2.0, 1.0]), np.array([9.0, 1.0])
    seen = [standing(fitness, cost, counted=np.full((2, 2), each))[0].tolist() for each in (True, False)]
    assert seen == [[0, 0], [0, 1]]
    assert all(ranks(fitness, [cost], 0.25, seed, 7).tolist() == [2.0, 1.0] for seed in range(40))  # of one front the fitter


def test_of_one_front_the_least_crowded_rank_highest_and_of_its_ends_the_fitter():
    order = ranks(np.array([1.0, 2.0, 3.0, 4.0]), [np.array([1.0, 1.1, 3.0, 4.0])], 1.0, 0, 0)
    assert order.tolist() == [3.0, 1.0, 2.0, 4.0]


def test_a_quarter_of_comparisons_counts_costs(monkeypatch):
    seen = []

    def spy(fitness, *costs, counted):
        seen.append(counted)
        return standing(fitness, *costs, counted=counted)

    monkeypatch.setattr(objectives, "standing", spy)
    for generation in range(3):
        ranks(np.arange(80.0), [np.arange(80.0)], 0.25, 1, generation)
    assert all((counted == counted.T).all() for counted in seen)
    assert len({counted.tobytes() for counted in seen}) == 3
    share = np.mean([counted[np.triu_indices(80, 1)].mean() for counted in seen])
    assert share == pytest.approx(0.25, abs=0.02)


def test_who_has_no_finite_fitness_ranks_last_and_is_never_free():
    order = ranks(np.array([1.0, -np.inf, 2.0]), [np.array([5.0, 0.0, 9.0])], 1.0, 0, 0)
    assert order[1] == -np.inf
    assert (order[[0, 2]] >= 1).all()
    assert (ranks(np.full(3, -np.inf), [np.zeros(3)], 1.0, 0, 0) == -np.inf).all()


@pytest.mark.parametrize("kind", [HyperNEAT, ESHyperNEAT])
def test_a_resumed_run_goes_on_alike(kind):
    task = small_task("probability")

    def learner():
        made = kind.for_task(task, seed=0, population_size=20, objectives=(*BOTH, "connection_count"))
        return Evolve(task, made, seed=0)

    one, resumed = learner(), learner()
    resumed.step()  # what it knows of its own networks is forgotten
    for _ in range(3):
        row = one.step()
    assert row["connection_cost_mean"] > row["connection_count_mean"] > 0
    resumed.load_state_dict(one.state_dict())
    assert resumed.algorithm.row() == one.algorithm.row()
    resumed.load_state_dict(one.state_dict())  # whose networks are not known again
    for _ in range(2):
        assert _exact(resumed.step()) == _exact(one.step())


@pytest.mark.parametrize("aims", [BOTH, ("fitness", "connection_count")])
def test_where_fitness_says_nothing_costs_make_networks_smaller(aims):
    """Fitness is the same for all; CPPNs have weights small enough to be near the threshold of a connection."""
    substrate = Substrate.grid(inputs=(4,), hidden=[(4,)], outputs=(2,))
    small = dict(initial_weights=0.5, perturbation=0.1, replaced_weights=0.5, new_weights=0.5)

    def counts(**values):
        hyper = HyperNEAT(substrate, seed=0, population_size=60, **small, **values)
        for _ in range(12):
            networks = hyper.express(hyper.ask())
            hyper.tell(np.ones(60))
        return drawn_costs(networks.vectors.numpy(), prices(substrate, "connection_count")).mean()

    plain, costly = counts(), counts(objectives=aims, cost_probability=1.0)
    assert plain > 10
    assert costly < 0.8 * plain


@pytest.mark.parametrize("kind", [HyperNEAT, ESHyperNEAT])
def test_a_learner_of_several_objectives_has_no_findings(kind):
    values = kind.settings(population_size=10, objectives=(*BOTH, "connection_count"))
    assert check_learner(kind, small_task("probability"), values) == []


def _exact(row):
    return {name: value for name, value in row.items() if "seconds" not in name}


def test_selection_goes_by_fitness_alone_or_by_ranks():
    task = small_task("probability")
    for aims in (("fitness",), BOTH):
        hyper = HyperNEAT.for_task(task, seed=0, population_size=20, objectives=aims)
        hyper.ask()
        hyper.tell(np.arange(20.0) - 5)
        found = hyper._standing()
        assert (found.tolist() == hyper.fitness.tolist()) == (aims == ("fitness",))
        assert found.argmax() == 19  # nobody dominates the fittest
        assert hyper._costs is None


def test_networks_that_are_drawn_later_cost_the_same(monkeypatch):
    task = small_task("probability")
    hyper = HyperNEAT.for_task(task, seed=0, population_size=7, objectives=BOTH, biases=True)
    population = hyper.ask()
    hyper.express(population)
    known = hyper._costs["connection_cost"]
    hyper.express(population[[0, 0]])  # others than those of the population
    assert hyper._costs["connection_cost"] is known
    monkeypatch.setattr(model, "MOST", 8)
    networks = hyper.express(population)
    assert isinstance(networks, model.DrawnNetworks)
    assert hyper._costs["connection_cost"].tolist() == known.tolist()
    x = torch.ones(3, 2)
    assert networks.forward(x).shape == (7, 3, 1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"objectives": ("connection_cost",)}, "objectives: expected fitness, then others, each once; got ['connection_cost']"),
        ({"objectives": ("fitness", "fitness")}, "objectives: expected fitness, then others, each once"),
        ({"objectives": ()}, "objectives: expected fitness, then others, each once; got []"),
        ({"objectives": ("fitness", "cost")}, "objectives: expected one of fitness, connection_cost, connection_count"),
        ({"cost_probability": 1.5}, "cost_probability: expected a number >= 0 and <= 1; got 1.5"),
    ],
)
def test_objectives_that_cannot_be_are_refused_with_a_word(values, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        HyperNEAT.settings(**values)


def test_the_front_is_of_those_that_no_other_beats_in_all_objectives():
    assert HyperNEAT(Substrate.grid((2,), (1,)), population_size=3).front() is None
    hyper = HyperNEAT(Substrate.grid((2,), (1,)), population_size=6, objectives=(*BOTH, "connection_count"))
    assert hyper.front() == []
    hyper.ask()
    costs = {"connection_cost": np.array([2.0, 1.0, 3.0, 1.0, 0.0, 1.0]), "connection_count": np.array([4.0, 2, 1, 2, 0, 2])}
    hyper._costs = costs
    hyper.tell(np.array([5.0, 4.0, 4.5, 4.0, np.nan, 3.0]))
    named = lambda *values: dict(zip(hyper.options.objectives, values))
    assert hyper.front() == [named(4.0, 1.0, 2.0), named(5.0, 2.0, 4.0), named(4.5, 3.0, 1.0)]
