"""Differential evolution: each strategy against a plain loop with the same draws, against scipy, and what must be exact."""

import numpy as np
import pytest
from scipy.optimize import differential_evolution

from evo import DE, FunctionTask, Real, Space, rng, threads
from evo.search.de import STRATEGIES
from evo.testing import check_algorithm, check_learner, small_task

each = pytest.mark.parametrize("strategy", STRATEGIES)
FUNCTIONS = {
    "sphere": lambda x: -(x**2).sum(1),
    "rosenbrock": lambda x: -(100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1),
    "rastrigin": lambda x: -(10 + x**2 - 10 * np.cos(2 * np.pi * x)).sum(1),
}


def trials(population, fitness, strategy, generation, seed, scale, rate, share):
    """The paper's loop; the draws are those of `evo.rng`."""
    found = population.copy()
    ranked = [int(i) for i in np.argsort(-fitness, kind="stable")]
    for i, x in enumerate(population):
        first, second = np.split(rng.words(seed, generation, i, rng.SELECTION, 8), 2)
        others, chosen = [j for j in range(len(population)) if j != i], []
        for word in first[:3]:
            chosen.append(others.pop(int(word) * len(others) >> 32))
        a, b, c = (population[j] for j in chosen)
        best = ranked[: max(1, round(share * len(ranked)))] if strategy.startswith("current") else ranked[:1]
        p = population[best[int(second[0]) * len(best) >> 32]]
        mutant = {
            "rand/1/bin": a + scale * (b - c),
            "best/1/bin": p + scale * (a - b),
            "current-to-pbest/1/bin": x + scale * (p - x) + scale * (a - b),
        }[strategy]
        taken = rng.words(seed, generation, i, rng.DIFFERENCES, len(x)) < rate * 2**32
        taken[int(first[3]) * len(x) >> 32] = True
        found[i] = np.where(taken, mutant, x)
    return found


@each
@pytest.mark.parametrize(("size", "genes", "rate"), [(4, 1, 0.9), (5, 6, 0.3), (30, 9, 0.9), (12, 3, 0.0)])
def test_a_generation_is_the_papers_bit_by_bit(strategy, size, genes, rate):
    options = dict(population_size=size, strategy=strategy, scale=0.7, crossover_rate=rate, pbest=0.3)
    de = DE(genes, seed=3, **options)
    population = de.ask().copy()
    fitness = FUNCTIONS["rastrigin"](population)
    de.tell(fitness)
    for generation in range(1, 5):
        asked = de.ask()
        assert np.array_equal(asked, trials(population, fitness, strategy, generation, 3, 0.7, rate, 0.3))
        told = FUNCTIONS["rastrigin"](asked)
        better = told >= fitness
        population, fitness = np.where(better[:, None], asked, population), np.maximum(told, fitness)
        de.tell(told)
        assert np.array_equal(de.population, population)
        assert de.best_fitness == fitness.max()


def test_dither_draws_the_scale_of_a_generation_evenly():
    de, scales = DE(1, seed=1, population_size=4, crossover_rate=1.0, dither=0.5), []
    de.ask()
    de.tell(np.zeros(4))
    for generation in range(1, 200):
        x, asked = de.population[:, 0], de.ask()
        unit = trials(x[:, None], np.zeros(4), "rand/1/bin", generation, 1, 1.0, 1.0, 0.05)[:, 0]
        base = trials(x[:, None], np.zeros(4), "rand/1/bin", generation, 1, 0.0, 1.0, 0.05)[:, 0]
        found = (asked[:, 0] - base) / (unit - base)
        assert found == pytest.approx([found[0]] * 4)  # one for all of a generation
        scales.append(found[0])
        de.tell(np.full(4, -1.0))
    assert 0.5 <= min(scales) < 0.52
    assert 0.98 < max(scales) <= 1.0
    assert np.mean(scales) == pytest.approx(0.75, abs=0.04)


def test_it_closes_in_on_the_sphere_as_scipys_does():
    ours, theirs = [], []
    for seed in range(4):
        de = DE(space=Space(**{f"x{k}": Real(-5, 5) for k in range(8)}), seed=seed, population_size=40, scale=0.5)
        for _ in range(100):
            de.tell(FUNCTIONS["sphere"](10 * de.ask() - 5))
        ours.append(np.log10(-de.best_fitness))
        options = dict(strategy="rand1bin", maxiter=99, popsize=5, mutation=0.5, recombination=0.9, tol=0, polish=False)
        found = differential_evolution(
            lambda x: (x**2).sum(0), [(-5, 5)] * 8, rng=seed, init="random", updating="deferred", vectorized=True, **options
        )
        theirs.append(np.log10(found.fun))
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=1.0)


@pytest.mark.parametrize(
    ("name", "generations", "worst"), [("sphere", 250, 1e-8), ("rosenbrock", 600, 1e-6), ("rastrigin", 300, 1e-6)]
)
def test_it_finds_the_optimum(name, generations, worst):
    rate = 0.2 if name == "rastrigin" else 0.9
    for seed in range(3):
        de = DE(dimensions=6, seed=seed, population_size=50, scale=0.7, crossover_rate=rate, initial_scale=2.0)
        for _ in range(generations):
            de.tell(FUNCTIONS[name](de.ask()))
        assert de.best_fitness > -worst, seed


@each
def test_threads_change_no_byte_and_a_resumed_search_goes_on_to_the_same(strategy):
    def run(de, generations):
        for _ in range(generations):
            de.tell(FUNCTIONS["rosenbrock"](de.ask()))
        return de.ask().tobytes() + de.population.tobytes()

    make, seen = lambda: DE(67, seed=2, population_size=31, strategy=strategy), []
    for count in (1, 2, 5):
        with threads.limited(count):
            seen.append(run(make(), 5))
    first, resumed = make(), make()
    run(first, 2)
    resumed.load_state_dict(first.state_dict())
    assert seen == [run(resumed, 3)] * 3


@pytest.mark.parametrize("noisy", [False, True])
def test_it_keeps_the_contract_on_networks_points_and_a_space(noisy):
    class Either(DE):
        @classmethod
        def for_task(cls, task, *, seed, **values):
            made = super().for_task(task, seed=seed, **values)
            made.noisy = noisy
            return made

    space = Space(x=Real(-1, 1), y=Real(0, 3))
    for task in (
        small_task(),
        FunctionTask(FUNCTIONS["sphere"], 3),
        FunctionTask(lambda v: -(v["x"] ** 2) - v["y"], space=space),
    ):
        assert check_algorithm(Either, task) == []
    assert check_learner(Either) == []


def test_on_a_noisy_task_parents_are_scored_again_and_a_trial_must_beat_that():
    de = DE(3, seed=0, noisy=True, population_size=5)
    first = de.ask().copy()
    de.tell(np.full(5, 100.0))
    asked = de.ask().copy()
    assert np.array_equal(asked[:5], first)
    assert [de.lineage(k)["parents"] for k in (0, 5)] == [[], [0]]
    de.tell(np.array([0, 0, 9, 9, 9] + [1, 1, 1, 1, 1.0]))
    assert np.array_equal(de.population, np.concatenate([asked[5:7], first[2:]]))
    assert de.fitness.tolist() == [1, 1, 9, 9, 9]


def test_a_trial_that_is_not_finite_replaces_nobody():
    de = DE(2, seed=0, population_size=4)
    first = de.ask().copy()
    de.tell(np.zeros(4))
    de.ask()
    de.tell(np.array([np.nan, np.inf, -np.inf, -1.0]))
    assert np.array_equal(de.population, first)
