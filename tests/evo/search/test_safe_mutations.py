import numpy as np
import pytest
import torch

from evo import GA, MLP, DeepGA, Evolve, Parameters, threads
from evo.search.safe_mutations import LEAST, MOST, SafeMutation
from evo.testing import check_algorithm, check_learner, small_task

METHODS = {"ga": GA, "deep-ga": DeepGA}
KINDS = ("sm-g-sum", "sm-r")
X = torch.randn((12, 5), generator=torch.Generator().manual_seed(0))
both = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
kinds = pytest.mark.parametrize("kind", KINDS)


def encoding():
    return Parameters(lambda: MLP(5, 3, hidden=(6,)))


def safe(kind, amount=0.1, encoded=None, count=100):
    return SafeMutation(kind, encoded or encoding(), X, count, amount, 0)


def oracle(module, x):
    """s (D,) by one backward an output, as the released code has it."""
    found = []
    for k in range(module(x).shape[1]):
        gradients = torch.autograd.grad(module(x)[:, k].sum(), list(module.parameters()))
        found.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return torch.stack(found).square().sum(0).sqrt().numpy()


def test_sensitivities_are_those_of_autograd_in_any_company_and_on_any_threads():
    encoded = encoding()
    vectors = encoded.initial(1, 0, 70)
    mutation = safe("sm-g-sum", encoded=encoded)
    with threads.limited(2):
        found = mutation.sensitivities(vectors, X)
    with threads.limited(1):
        assert np.array_equal(found[:3], mutation.sensitivities(vectors[:3], X))
    for vector, one in zip(vectors, found):
        module = encoded.model(vector).to_module().requires_grad_(True)
        assert np.allclose(one, oracle(module, X), rtol=1e-4, atol=1e-5)
    assert mutation.compute == 3 * 12 * encoded.dimensions * (1 + 2 * 3)


def test_noise_is_divided_by_the_sensitivity_of_its_parent_and_kept_within_bounds():
    encoded = encoding()
    parents = encoded.initial(1, 0, 4)
    parents[0, :30] = 0.0  # inputs without weight, and units that are 0
    parents[1, -21:] = 0.0  # no output depends on a hidden unit
    mutation, places = safe("sm-g-sum", encoded=encoded), np.array([3, 1, 1, 0])
    noise = np.random.default_rng(0).normal(0, 0.1, (4, encoded.dimensions)).astype(np.float32)
    noise[2, -1] = 1e6
    s = mutation.sensitivities(parents, X)
    assert (s[1] == 0).any()
    child = mutation.mutated(parents, places, noise, 0)
    for row, place, added in zip(child, places, noise):
        scale = np.where(s[place] == 0, 1.0, np.maximum(s[place], LEAST))
        assert np.allclose(row - parents[place], np.clip(added / scale, -MOST, MOST), atol=1e-5)


def test_rescaled_noise_changes_outputs_by_the_amount_in_its_own_direction():
    encoded = encoding()
    parents = encoded.initial(1, 0, 30)
    noise = np.random.default_rng(0).normal(0, 1, (30, encoded.dimensions)).astype(np.float32)
    noise[:15] *= 1e-3
    noise[0] = 0.0
    mutation = safe("sm-r", amount=0.3, encoded=encoded)
    child = mutation.mutated(parents, np.arange(30), noise, 0)
    for before, after in zip(parents[1:], child[1:]):
        change = (encoded.model(after)(X) - encoded.model(before)(X)).norm(dim=-1).mean()
        assert float(change) == pytest.approx(0.3, rel=0.01)
    moved = child - parents
    cosine = (moved[1:] * noise[1:]).sum(1) / np.linalg.norm(moved[1:], axis=1) / np.linalg.norm(noise[1:], axis=1)
    assert np.allclose(cosine, 1.0, atol=1e-4)
    assert np.array_equal(child[0], parents[0])
    assert mutation.compute == 30 * 12 * encoded.dimensions * 16


def test_a_sensitivity_that_is_not_finite_scales_nothing():
    encoded = encoding()
    parents = np.full((1, encoded.dimensions), np.inf, np.float32)
    noise = np.ones_like(parents)
    mutation = safe("sm-g-sum", encoded=encoded)
    found = mutation.sensitivities(parents, X)
    assert (found[0, :-3] == 0).all()
    assert (found[0, -3:] == 12).all()  # the biases of the outputs, on 12 inputs
    assert np.isnan(mutation.mutated(parents, np.zeros(1, int), noise, 0)).sum() == 0


@kinds
@both
def test_a_search_keeps_its_contract_and_costs_what_its_mutations_cost(method, kind):
    class Safe(method):
        @classmethod
        def for_task(cls, task, *, seed, **values):
            return super().for_task(task, seed=seed, **{**values, "mutation": kind, "mutation_inputs": 7})

    assert check_algorithm(Safe) == []
    assert check_learner(Safe, small_task()) == []
    task = small_task()
    learner = Evolve(task, Safe.for_task(task, seed=0, population_size=20))
    learner.step()
    first, size = learner.cost.compute, learner.algorithm.encoding.dimensions
    assert first == 20 * 40 * size  # nothing is mutated yet
    learner.step()
    members = len(learner.algorithm.population)
    parents = learner.algorithm.parents if method is DeepGA else np.arange(members)
    each = len(np.unique(parents)) * (1 + 2 * 2) if kind == "sm-g-sum" else members * 16
    assert learner.cost.compute - first == (members * 40 + each * 7) * size


@both
def test_elites_stay_and_the_examples_change_from_generation_to_generation(method):
    task = small_task()
    smaller = {"truncation_size": 4, "candidates": 1} if method is DeepGA else {}
    search = method.for_task(task, seed=0, population_size=8, mutation="sm-r", **smaller)
    for _ in range(3):
        population = np.array(search.ask())
        fitness = task.evaluate(search.express(population), np.zeros(0)).fitness
        search.tell(fitness)
        assert np.array_equal(search.ask()[0], population[np.argmax(fitness)])
    mutation = safe("sm-g-sum", count=3)
    parents = encoding().initial(1, 0, 1)
    noise, place = np.ones_like(parents), np.zeros(1, int)
    children = [mutation.mutated(parents, place, noise, generation) for generation in (0, 1, 0)]
    assert not np.array_equal(children[0], children[1])
    assert np.array_equal(children[0], children[2])


@kinds
@both
def test_it_learns(method, kind):
    task = small_task()
    values = dict(population_size=40, mutation=kind, mutation_std=0.3)
    search = method.for_task(task, seed=0, **values)
    for _ in range(30):
        search.tell(task.evaluate(search.express(search.ask()), np.zeros(0)))
    assert task.score(search.best_model, "test")["accuracy"] >= 0.85
    assert search.best_fitness > -0.2


def test_without_examples_it_is_refused_in_a_line():
    with pytest.raises(ValueError, match=r"mutation=sm-r needs a network and examples.*use mutation=gaussian"):
        GA(4, mutation="sm-r")
    with pytest.raises(ValueError, match="needs a network and examples"):
        DeepGA(encoding(), mutation="sm-g-sum")


def test_a_module_of_the_users_has_sensitivities_too():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Linear(5, 4), torch.nn.Parameter(torch.ones(4))

        def forward(self, x):
            return torch.softmax(self.a(x) * self.b, -1)

    encoded = Parameters(Net)
    vectors = encoded.initial(0, 0, 2)
    found = safe("sm-g-sum", encoded=encoded).sensitivities(vectors, X)
    module = encoded.model(vectors[1]).to_module().requires_grad_(True)
    assert np.allclose(found[1], oracle(module, X), rtol=1e-4, atol=1e-6)
