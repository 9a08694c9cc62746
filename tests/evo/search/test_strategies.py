"""What holds for every evolution strategy, and each one's step beside the equations of its paper, in plain numpy."""

import copy
import math

import numpy as np
import pytest
import torch

from evo import ARS, CMAES, PGPE, SNES, XNES, BackstitchES, CoSyNE, Evolve, FunctionTask, OpenAIES, SepCMAES, threads
from evo.search import restarts
from evo.search.strategy import centred_ranks, utilities
from evo.settings import SettingsError
from evo.testing import small_task

STRATEGIES = (OpenAIES, SNES, XNES, PGPE, CMAES, SepCMAES, ARS, BackstitchES)
METHODS = (*STRATEGIES, CoSyNE)
sphere = lambda x: -(np.asarray(x, float) ** 2).sum(1)


def told(method, generations=3, dimensions=5, fitness=sphere, **values):
    algorithm = method(dimensions, seed=1, **values)
    for _ in range(generations):
        algorithm.tell(fitness(algorithm.ask()))
    return algorithm


def test_ranks_are_centred_and_equals_share_theirs():
    assert centred_ranks(np.array([3.0, 1, 2])).tolist() == [0.5, -0.5, 0]
    assert centred_ranks(np.array([1.0, 2, 2, 0])).tolist() == pytest.approx([-1 / 6, 1 / 3, 1 / 3, -0.5])
    assert centred_ranks(np.array([1.0, np.nan, np.inf, -np.inf])).tolist() == pytest.approx([0.5, -1 / 6, -1 / 6, -1 / 6])


def test_utilities_are_those_of_the_paper_and_equals_share_theirs():
    size = 7
    raw = [max(0.0, math.log(size / 2 + 1) - math.log(k)) for k in range(1, size + 1)]  # the best first
    expected = np.array(raw) / sum(raw) - 1 / size
    assert utilities(-np.arange(7.0)).tolist() == pytest.approx(expected.tolist())
    assert utilities(np.zeros(7)).tolist() == pytest.approx([0.0] * 7, abs=1e-16)
    assert utilities(np.array([1.0, 1, 0, 0, 0, 0, 0]))[0] == pytest.approx(expected[:2].mean())


def test_equals_and_pairs_of_every_kernel_at_toy_size():
    for method in (PGPE, CoSyNE, OpenAIES):
        algorithm = told(method, 2, dimensions=3, population_size=4)
        assert np.isfinite(algorithm.ask()).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_finite_moves_nothing_towards_it(method):
    ugly = lambda x: np.where(np.asarray(x)[:, 0] > np.median(np.asarray(x)[:, 0]), np.nan, -np.abs(np.asarray(x)[:, 0]))
    algorithm = told(method, 10, fitness=ugly)
    assert np.isfinite(algorithm.ask()).all()
    assert np.isfinite(algorithm.best_fitness)


@pytest.mark.parametrize("method", [OpenAIES, SNES, XNES, PGPE, ARS, BackstitchES])  # others recombine the first of equals
def test_equal_fitness_of_all_moves_no_centre(method):
    flat = told(method, 3, fitness=lambda x: np.zeros(len(x)))
    assert np.allclose(flat.mean, method(5, seed=1).mean, atol=1e-15)


@pytest.mark.parametrize("method", METHODS)
def test_a_resumed_search_goes_on_to_the_same_bytes_also_before_tell(method):
    algorithm = told(method, 4)
    algorithm.ask()
    state = copy.deepcopy(algorithm.state_dict())
    resumed = method(5, seed=1)
    resumed.load_state_dict(state)
    for _ in range(3):
        assert np.array_equal(resumed.ask(), algorithm.ask())
        for one in (resumed, algorithm):
            one.tell(sphere(one.ask()))
    assert np.array_equal(resumed.best, algorithm.best)


@pytest.mark.parametrize("method", METHODS)
def test_threads_change_no_bit(method):
    def run(count):
        with threads.limited(count):
            return told(method, 3, dimensions=90, population_size=150).ask().tobytes()

    assert run(1) == run(2)


@pytest.mark.parametrize("method", STRATEGIES)
def test_the_champion_of_a_network_is_the_centre_and_of_a_function_the_best_sampled(method):
    task = small_task()
    network = method.for_task(task, seed=0, population_size=10)
    network.tell(np.arange(10.0) if len(network.ask()) == 10 else None)
    judged = network.before if method is BackstitchES else network.mean  # between its two steps
    assert np.array_equal(network.candidate(), judged.astype(np.float32))
    assert told(method, 1).candidate() is None
    assert told(method, 1, champion="centre").candidate() is not None
    assert method.settled(task, method.settings()).champion == "centre"
    assert method.settled(FunctionTask(sphere, 3), method.settings()).champion == "sampled"


@pytest.mark.parametrize("method", STRATEGIES)
def test_frozen_parameters_stay_in_population_and_centre(method):
    task = small_task()
    start = Evolve(task, method.for_task(task, seed=0, population_size=10))
    start.step()
    model = start.champion()
    algorithm = method.for_task(task, seed=1, population_size=10)
    algorithm.warm_start(model, frozen=["layers.0.*"])
    frozen = algorithm.encoding.named(["layers.0.*"])
    for generation in range(3):
        population = algorithm.ask()
        assert (population[:, frozen] == algorithm.fixed[frozen]).all()
        assert np.ptp(population[:, ~frozen]) > 0
        algorithm.tell(np.random.default_rng(generation).random(len(population)))
    assert np.array_equal(algorithm.mean[frozen].astype(np.float32), algorithm.fixed[frozen])


@pytest.mark.parametrize("method", [OpenAIES, PGPE, ARS, BackstitchES])
def test_an_odd_population_has_no_pairs(method):
    with pytest.raises(SettingsError, match="population_size: expected an even number, two to a direction; got 11"):
        method(5, population_size=11)


@pytest.mark.parametrize("method", METHODS)
def test_tell_without_a_population_is_refused(method):
    algorithm = method(3)
    with pytest.raises(RuntimeError, match="needs a population from ask"):
        algorithm.tell(np.zeros(10))
    algorithm.tell(sphere(algorithm.ask()))
    with pytest.raises(RuntimeError, match="needs a population from ask"):
        algorithm.tell(np.zeros(10))


# Each step beside the paper's equations.


def stepped(method, **values):
    """An algorithm after two generations, as it was; the population and fitness told then; and the algorithm after."""
    before = told(method, 2, **values)
    population = np.array(before.ask(), float)
    after = copy.deepcopy(before)
    fitness = -np.exp(2 * population).sum(1)
    after.tell(fitness)
    return before, population, fitness, after


def test_openai_es_climbs_by_adam_the_gradient_of_centred_ranks():
    before, population, fitness, after = stepped(OpenAIES, population_size=10, weight_decay=0.01)
    shaped = centred_ranks(fitness)
    noise = (population - before.mean) / before.options.noise_std
    gradient = shaped @ noise / 10 - 0.01 * before.mean
    theta = torch.nn.Parameter(torch.zeros(5, dtype=torch.float64))
    adam = torch.optim.Adam([theta], lr=before.options.learning_rate, maximize=True)
    theta.grad = torch.ones(5, dtype=torch.float64)
    adam.step()  # makes its state
    state, at = adam.state[theta], theta.detach().clone()
    state["exp_avg"], state["exp_avg_sq"] = torch.from_numpy(-before.moments[0]), torch.from_numpy(before.moments[1].copy())
    state["step"] = torch.tensor(2.0)
    theta.grad = torch.from_numpy(gradient)
    adam.step()
    assert np.allclose(after.mean - before.mean, (theta.detach() - at).numpy(), atol=1e-6)


def test_snes_steps_by_its_natural_gradient():
    before, population, fitness, after = stepped(SNES, population_size=9)
    u, s = utilities(fitness), (population - before.mean) / before.std
    assert np.allclose(after.mean, before.mean + before.std * (u @ s), atol=1e-6)
    rate = (3 + math.log(5)) / (5 * math.sqrt(5))
    assert np.allclose(after.std, before.std * np.exp(rate / 2 * (u @ (s**2 - 1))), atol=1e-6)


def test_xnes_steps_by_its_natural_gradient():
    before, population, fitness, after = stepped(XNES, population_size=9)
    u, z = utilities(fitness), (population - before.mean) / before.sigma @ np.linalg.inv(before.shape)
    matrix = sum(w * (np.outer(one, one) - np.eye(5)) for w, one in zip(u, z))
    sigma = np.trace(matrix) / 5
    rate = (9 + 3 * math.log(5)) / (5 * 5 * math.sqrt(5))
    shape = torch.linalg.matrix_exp(torch.from_numpy(rate / 2 * (matrix - sigma * np.eye(5)))).numpy()
    assert np.allclose(after.mean, before.mean + before.sigma * (u @ z) @ before.shape, atol=1e-6)
    assert after.sigma == pytest.approx(before.sigma * math.exp(rate / 2 * sigma), rel=1e-6)
    assert np.allclose(after.shape, shape @ before.shape, atol=1e-6)
    assert np.linalg.det(after.shape) == pytest.approx(1.0)


def test_pgpe_steps_by_clipup_and_bounds_what_the_std_changes():
    before, population, fitness, after = stepped(PGPE, population_size=10, std_rate=100.0)
    r, noise = centred_ranks(fitness), population[:5] - before.mean
    of_mean = ((r[:5] - r[5:]) / 2) @ noise / 5
    of_std = ((r[:5] + r[5:]) / 2) @ ((noise**2 - before.std**2) / before.std) / 5
    velocity = 0.9 * before.velocity + 0.15 * of_mean / np.linalg.norm(of_mean)
    velocity *= min(1.0, 0.3 / np.linalg.norm(velocity))
    assert np.allclose(after.mean, before.mean + velocity, atol=1e-6)
    bound = 0.2 * before.std
    assert np.allclose(after.std, before.std + np.clip(100.0 * of_std, -bound, bound), atol=1e-5)
    assert (np.abs(100.0 * of_std) > bound).any()


def test_ars_steps_along_its_best_directions_by_their_spread():
    before, population, fitness, after = stepped(ARS, population_size=10, top_directions=0.4, initial_scale=1.0)
    plus, minus, noise = fitness[:5], fitness[5:], (population[:5] - before.mean) / before.options.noise_std
    best = np.argsort(-np.maximum(plus, minus))[:2]
    spread = np.concatenate([plus[best], minus[best]]).std()
    step = 0.05 / (2 * spread) * ((plus[best] - minus[best]) @ noise[best])
    assert np.allclose(after.mean, before.mean + step, atol=1e-6)


def constants(n, size):
    """Table 1 of the tutorial, by other means than the product's."""
    raw = np.log((size + 1) / 2) - np.log(np.arange(1, size + 1))
    mu = size // 2
    mass = raw[:mu].sum() ** 2 / (raw[:mu] ** 2).sum()
    bad = raw[mu:].sum() ** 2 / (raw[mu:] ** 2).sum()
    c1 = 2 / ((n + 1.3) ** 2 + mass)
    cmu = min(1 - c1, 2 * (0.25 + mass + 1 / mass - 2) / ((n + 2) ** 2 + mass))
    least = min(1 + c1 / cmu, 1 + 2 * bad / (mass + 2), (1 - c1 - cmu) / (n * cmu))
    weights = np.where(raw > 0, raw / raw[raw > 0].sum(), least * raw / np.abs(raw[raw < 0]).sum())
    return weights, mass, c1, cmu


def test_cma_es_adapts_as_the_tutorial_says():
    n, size = 5, 8
    before, population, fitness, after = stepped(CMAES, population_size=size)
    weights, mass, c1, cmu = constants(n, size)
    y = (population[np.argsort(-fitness)] - before.mean) / before.sigma
    root = before.basis @ np.diag(1 / before.lengths) @ before.basis.T
    step = weights[:4] @ y[:4]
    cs, cc = (mass + 2) / (n + mass + 5), (4 + mass / n) / (n + 4 + 2 * mass / n)
    ds = 1 + 2 * max(0, math.sqrt((mass - 1) / (n + 1)) - 1) + cs
    expected_length = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    ps = (1 - cs) * before.step_path + math.sqrt(cs * (2 - cs) * mass) * root @ step
    h = np.linalg.norm(ps) / math.sqrt(1 - (1 - cs) ** 6) < (1.4 + 2 / (n + 1)) * expected_length
    pc = (1 - cc) * before.path + h * math.sqrt(cc * (2 - cc) * mass) * step
    w = [one if one >= 0 else one * n / np.linalg.norm(root @ each) ** 2 for one, each in zip(weights, y)]
    c = (1 + c1 * (1 - h) * cc * (2 - cc) - c1 - cmu * weights.sum()) * before.covariance
    c = c + c1 * np.outer(pc, pc) + cmu * sum(one * np.outer(each, each) for one, each in zip(w, y))
    assert np.allclose(after.mean, before.mean + before.sigma * step, atol=1e-6)
    assert after.sigma == pytest.approx(before.sigma * math.exp(cs / ds * (np.linalg.norm(ps) / expected_length - 1)), rel=1e-5)
    assert np.allclose(after.step_path, ps, atol=1e-5)
    assert np.allclose(after.path, pc, atol=1e-5)
    assert np.allclose(after.covariance, c, atol=1e-5)
    assert np.allclose(after.basis @ np.diag(after.lengths**2) @ after.basis.T, after.covariance, atol=1e-9)


def test_sep_cma_es_is_cma_es_of_the_diagonal_with_a_faster_rate():
    n, size = 5, 8
    before, population, fitness, after = stepped(SepCMAES, population_size=size)
    weights, mass, c1, cmu = constants(n, size)
    c1, cmu = c1 * (n + 2) / 3, min(1 - c1 * (n + 2) / 3, cmu * (n + 2) / 3)
    y = (population[np.argsort(-fitness)] - before.mean) / before.sigma
    step = weights[:4] @ y[:4]
    cc = (4 + mass / n) / (n + 4 + 2 * mass / n)
    grown = (after.path - (1 - cc) * before.path) / math.sqrt(cc * (2 - cc) * mass)
    h = float(np.abs(grown).max() > 1e-9)
    assert np.allclose(grown, h * step, atol=1e-5)
    c = (1 + c1 * (1 - h) * cc * (2 - cc) - c1 - cmu) * before.covariance + c1 * after.path**2 + cmu * weights[:4] @ y[:4] ** 2
    assert np.allclose(after.covariance, c, atol=1e-5)


def test_cma_es_restarts_by_two_regimes_and_goes_on_exactly():
    many = lambda x: -(10 * x.shape[1] + (np.asarray(x, float) ** 2 - 10 * np.cos(2 * np.pi * np.asarray(x, float))).sum(1))
    algorithm, sizes = CMAES(2, seed=3), []
    while algorithm.restart < 6:
        algorithm.tell(many(algorithm.ask()))
        sizes.append((algorithm.restart, algorithm.size))
    by_run = [dict(sizes)[run] for run in range(6)]
    assert by_run[0] == 6
    assert by_run[1] == 12
    assert max(by_run) >= 24
    assert algorithm.best_fitness > -1e-9
    assert algorithm.row()["restarts"] == 6


def test_a_run_between_restarts_is_no_longer_than_the_papers(monkeypatch):
    assert restarts.longest(restarts.Run(8), 5) == 100 + int(50 * 8**2 / math.sqrt(8))
    assert restarts.longest(restarts.Run(8, most=7), 5) == 7
    monkeypatch.setattr(restarts, "longest", lambda run, dimensions: 5)
    assert told(CMAES, 4).restart == 0
    assert told(CMAES, 5).restart == 1


def test_without_restarts_a_run_goes_on():
    algorithm = told(CMAES, 400, dimensions=2, restarts="none")
    assert algorithm.row()["restarts"] == 0
    assert algorithm.best_fitness > -1e-20


@pytest.mark.parametrize(("method", "other"), [(CMAES, "sep-cma-es"), (XNES, "snes")])
def test_too_many_dimensions_are_refused(method, other):
    with pytest.raises(ValueError, match=rf"expected at most [\d,]+ dimensions; got 3,000: {other} takes them"):
        method(3000)


# Does it search?


@pytest.mark.parametrize(
    ("method", "values", "evaluations", "close"),
    [
        (OpenAIES, {}, 20_000, 1e-3),
        (SNES, {}, 4_000, 1e-8),
        (XNES, {}, 8_000, 1e-8),
        (PGPE, {}, 40_000, 0.2),
        (CMAES, {"restarts": "none"}, 4_000, 1e-8),
        (SepCMAES, {"restarts": "none"}, 4_000, 1e-8),
        (ARS, {"initial_scale": 1.0}, 20_000, 1e-3),
        (BackstitchES, {}, 60_000, 1e-3),
        (BackstitchES, {"alpha": 0.0}, 60_000, 1e-3),
    ],
)
def test_the_centre_finds_the_middle_of_a_sphere_with_every_seed(method, values, evaluations, close):
    for seed in range(10):
        algorithm, spent = method(10, seed=seed, champion="centre", **values), 0
        while spent < evaluations:
            spent += len(algorithm.ask())
            algorithm.tell(sphere(algorithm.ask() - 1))
        assert -sphere(algorithm.mean[None] - 1)[0] < close, seed


def test_cosyne_finds_the_middle_of_a_sphere_with_every_seed():
    for seed in range(10):
        algorithm = CoSyNE(10, seed=seed)
        for _ in range(400):
            algorithm.tell(sphere(algorithm.ask() - 1))
        assert algorithm.best_fitness > -1e-3, seed


@pytest.mark.parametrize("method", [CMAES, XNES])
def test_a_matrix_learns_what_depends_on_another(method):
    """A cigar turned by 45 degrees, a million times longer than wide."""
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))
    cigar = lambda x: -(((np.asarray(x, float) @ turn) ** 2) * np.array([1.0, 1e6, 1e6, 1e6, 1e6])).sum(1)
    algorithm, spent = method(5, seed=0), 0
    while algorithm.best_fitness < -1e-8 if algorithm.generation else True:
        spent += len(algorithm.ask())
        algorithm.tell(cigar(algorithm.ask()))
        assert spent < 6_000
