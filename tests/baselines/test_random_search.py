import numpy as np
import pytest
import torch

from baselines.random_search import RandomSearch
from evo.evolve import Evolve, Evolved
from evo.settings import SettingsError
from evo.tasks.supervised import SupervisedTask
from evo.vectors.encoding import encoding_for
from evo.vectors.modules import MLP

XOR = (np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32))


def task():
    return SupervisedTask(XOR, kind="probability", network=lambda inputs, outputs: MLP(inputs, outputs, hidden=(3,)))


def told(search):
    population = search.ask()
    search.tell(-(population**2).sum(axis=1))
    return population


def test_a_generation_is_drawn_from_the_initial_distribution_and_none_is_drawn_twice():
    encoding = encoding_for(task())
    search = RandomSearch(encoding, seed=4, population_size=6)
    generations = [told(search) for _ in range(3)]
    for number, population in enumerate(generations):
        np.testing.assert_array_equal(population, encoding.initial(4, number, 6, search.options.initial_scale))
    assert len(np.unique(np.concatenate(generations), axis=0)) == 18


def test_nothing_is_learned_from_fitness():
    flattered, scorned = RandomSearch(5, seed=1), RandomSearch(5, seed=1)
    for _ in range(3):
        np.testing.assert_array_equal(flattered.ask(), scorned.ask())
        flattered.tell(np.arange(100.0))
        scorned.tell(-np.arange(100.0))


def test_initial_scale_spreads_the_draws():
    narrow, wide = (RandomSearch(5, seed=1, initial_scale=scale).ask() for scale in (0.5, 2.0))
    np.testing.assert_allclose(wide, 4 * narrow, rtol=1e-6)


def test_resumed_search_equals_the_uninterrupted_one():
    whole, second = RandomSearch(5, seed=1), RandomSearch(5, seed=1)
    told(whole), told(whole)
    second.load_state_dict(whole.state_dict())
    np.testing.assert_array_equal(whole.ask(), second.ask())
    assert second.generation == 2


def test_wrong_fitness_and_settings_are_refused():
    search = RandomSearch(5)
    with pytest.raises(RuntimeError, match="needs a population"):
        search.tell(np.zeros(100))
    search.ask()
    with pytest.raises(ValueError, match=r"shape \(100,\)"):
        search.tell(np.zeros(99))
    with pytest.raises(SettingsError, match="population_size: expected a whole number >= 1"):
        RandomSearch(5, population_size=0)


def test_the_champion_is_the_best_of_every_draw_so_far():
    problem = task()
    method = Evolved(RandomSearch)
    learner = method(problem, method.settings(population_size=10), 7)
    assert isinstance(learner, Evolve)
    best = -np.inf
    for _ in range(5):
        best = max(best, learner.step()["fitness_best"])
        champion = problem.score(learner.champion(), "train")["fitness"]
        assert champion == pytest.approx(best, rel=1e-6)
    assert learner.cost.evaluations == 50
    assert learner.lineage()["parents"] == []
    again = method.restore(problem, method.settings(), 7, *learner.champion().save())
    assert torch.equal(again(XOR[0]), learner.champion()(XOR[0]))


def test_it_fits_what_has_a_vector_of_numbers():
    assert RandomSearch.unsupported_reason(task()) is None
    assert "real vectors" in RandomSearch.unsupported_reason(object())
