"""HyperNEAT and ES-HyperNEAT with genomes of neat-modern: bred by it, read as those of NEAT are."""

import numpy as np
import pytest
import torch
from es_reference import Reference, found_connections

from evo import ModernESHyperNEAT, ModernHyperNEAT, ModernNEAT, Substrate
from evo.activations import CODES
from evo.genomes.genome import HIDDEN, OUTPUT
from evo.network.model import NetworkModel
from evo.settings import SettingsError
from evo.testing import check_learner, small_task

PLACES = Substrate([[[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]])
METHODS = pytest.mark.parametrize("method", [ModernHyperNEAT, ModernESHyperNEAT])
GROWING = {"node_add_prob": 0.5, "conn_add_prob": 0.5, "bias_mutate_power": 1.0, "population_size": 12}
SEARCH = {"band_threshold": 0.05, "variance_threshold": 0.001, "initial_depth": 2}


def grown(method, generations=6, **values):
    """An algorithm, and its CPPNs of some generations, in which hidden nodes have come to be."""
    hyper = method(PLACES, seed=0, **(GROWING | values))
    for _ in range(generations):
        hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
    return hyper, hyper.ask().check(feedforward=True)


@METHODS
def test_cppns_are_bred_by_neat_modern_itself(method):
    hyper, genomes = grown(method)
    own = {name: getattr(hyper.options, name) for name in ModernNEAT.settings.__dataclass_fields__}
    neat = ModernNEAT(hyper.inputs, hyper.outputs, seed=0, **own)
    for _ in range(6):
        neat.tell(np.diff(neat.ask().nodes_at).astype(float))
    assert neat.same(neat.ask(), genomes)


@METHODS
def test_hidden_nodes_have_the_functions_of_patterns_and_outputs_lie_in_minus_1_to_1(method):
    _, genomes = grown(method, 12)
    functions = {CODES[name] for name in ("bipolar_sigmoid", "gaussian", "sin", "identity")}
    assert set(genomes.activation[genomes.node_kind == HIDDEN].tolist()) == functions
    assert set(genomes.activation[genomes.node_kind == OUTPUT].tolist()) == {CODES["bipolar_sigmoid"]}
    assert np.ptp(genomes.bias[genomes.node_kind >= OUTPUT]) > 1.0


def test_weights_are_those_of_one_question_after_the_other():
    hyper, genomes = grown(ModernHyperNEAT, threshold_of_weight=0.0)
    (a, b), (c,) = PLACES.layers
    x = torch.randn(5, 2)
    answers = hyper.express(genomes).forward(x)
    drawn = 0
    for genome, found, answer in zip(genomes, hyper.drawing.weights(genomes), answers):
        wanted = 3.0 * NetworkModel(genome)(np.array([[*a, *c], [*b, *c]], np.float32))[:, 0].clip(-1, 1)
        np.testing.assert_allclose(found[:2], wanted, atol=1e-6)
        np.testing.assert_allclose(answer[:, 0], x @ wanted, atol=1e-5)
        drawn += (found[:2] != 0).sum()
    assert drawn > len(genomes)


def test_grown_networks_are_those_of_one_question_after_the_other():
    hyper = ModernESHyperNEAT(PLACES, seed=0, **(GROWING | SEARCH))
    for _ in range(8):
        hyper.tell(hyper.growth.networks(hyper.ask())[1].sizes[:, 1].clip(max=200).astype(float))  # the more connections
    genomes = hyper.ask()
    found = list(hyper.growth.networks(genomes)[1])
    for genome, network in zip(genomes, found):
        wanted = Reference(genome, *PLACES.layers, hyper.growth.rules).connections
        assert found_connections(network, 2, 1) == pytest.approx(wanted, abs=1e-6)
    assert sum(len(network.weight) for network in found) > 100


@METHODS
def test_a_champion_survives_a_file_and_its_cppn_is_the_seed_of_another_search(method):
    hyper = method.for_task(small_task("regression"), seed=0, population_size=9)
    hyper.ask()
    hyper.tell(np.arange(9.0))
    model, x = hyper.best_model, torch.randn(5, 2)
    assert torch.equal(method.restore(small_task("regression"), *model.save())(x), model(x))
    other = method.for_task(small_task("regression"), seed=1, population_size=9)
    other.warm_start(model)
    assert other.same(other.ask()[0], hyper.best)


@METHODS
@pytest.mark.parametrize("values", [{}, {"leo": True, "locality": True, "objectives": ("fitness", "connection_cost")}])
def test_a_learner_of_it_has_no_findings(method, values):
    assert check_learner(method, small_task("probability"), method.settings(population_size=10, **values)) == []


def test_selection_goes_by_ranks_and_stagnation_by_fitness():
    for aims in (("fitness",), ("fitness", "connection_cost")):
        hyper = ModernHyperNEAT(PLACES, seed=0, population_size=20, objectives=aims, cost_probability=1.0, elitism=1)
        genomes = hyper.ask()
        hyper.express(genomes)
        hyper._costs = {} if len(aims) == 1 else {"connection_cost": np.arange(20.0)}
        hyper.tell(np.where(np.arange(20) == 7, 3.0, 2.0))  # the fittest is dearer than seven that are nearly as fit
        hyper.ask()
        (elite,) = hyper.parents[hyper.parents[:, 1] < 0, 0]
        assert elite == 7 if len(aims) == 1 else elite in (0, 7)
        assert hyper.species.best.tolist() == [3.0]
        breeding = np.unique(hyper.parents[hyper.parents[:, 1] >= 0])
        assert (0 in breeding) == (len(aims) > 1)  # among the best fifth by ranks; by fitness ties go to the youngest


@METHODS
def test_genomes_drawn_anew_after_the_last_species_died_out_repeat_no_number_that_is_in_use(method):
    hyper = method(PLACES, seed=0, leo=True, locality=True, max_stagnation=1, species_elitism=0, **GROWING)
    begun = 0
    for _ in range(8):
        genomes = hyper.ask()
        begun += bool((hyper.parents == -1).all())
        assert genomes.innovation.max() < hyper.innovations.number
        assert genomes.node_id.max() < hyper.innovations.node
        hyper.tell(np.zeros(len(genomes)))
    assert begun > 1


X = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
DIFFERENCE, FIRST = X[:, :1] - X[:, 1:], (X[:, :1] + 1.0) / 2.0


@pytest.mark.parametrize(
    ("method", "values", "wanted"), [(ModernHyperNEAT, {}, DIFFERENCE), (ModernESHyperNEAT, {"cycles": False}, FIRST)]
)
def test_it_learns_what_first_genomes_do_not_know(method, values, wanted):
    """Of 3 seeds all."""
    for seed in range(1000, 1003):
        errors = []
        hyper = method(PLACES, seed=seed, population_size=50, **values)
        for _ in range(25):
            error = ((hyper.express(hyper.ask()).forward(X) - wanted) ** 2).mean((1, 2)).numpy()
            hyper.tell(-error)
            errors.append(error.min())
        assert -hyper.best_fitness < min(0.1, errors[0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"feed_forward": False}, "feed_forward: expected true, since a CPPN is a function of place; got false"),
        ({"locality": True}, "locality: it seeds the link expression output and needs leo"),
        ({"objectives": ("connection_cost",)}, "objectives: expected fitness, then others, each once"),
        ({"elitism": 200}, "elitism: expected fewer than the population_size of 100"),
        ({"recurrent": True}, "recurrent: unknown setting"),
    ],
)
@METHODS
def test_settings_that_cannot_be_are_refused_with_a_word(method, values, said):
    with pytest.raises(SettingsError, match=said):
        method(PLACES, **values)
