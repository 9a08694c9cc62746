from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from evo import GA, Evolve, SupervisedTask, threads
from evo.search.variation import children, noise
from evo.vectors.modules import MLP

COPY = dict(crossover="uniform", crossover_rate=0.0, blx_alpha=0.5, sbx_eta=2.0)
COPY |= dict(mutation="gaussian", mutation_rate=0.0, mutation_std=0.1, mutation_eta=20.0, mutation_reach=1.0)
A, B = -1.0, 3.0


def bred(parents, pairs, elites=0, generation=1, seed=0, steps=None, **options):
    made = SimpleNamespace(**{**COPY, **options})
    return children(parents, pairs, made, elites=elites, generation=generation, seed=seed, steps=steps)


def crossed(eta, genes=1000, count=400):
    """Children of the constant parents A and B, in the first half in this order, in the second in the other."""
    parents = np.full((2, genes), [[A], [B]], np.float32)
    pairs = np.array([[0, 1]] * (count // 2) + [[1, 0]] * (count // 2))
    return bred(parents, pairs, crossover="sbx", crossover_rate=1.0, sbx_eta=eta)[0].astype(float)


@pytest.mark.parametrize("eta", [0.0, 2.0, 5.0, 20.0])
def test_sbx_crosses_every_other_gene_by_the_spread_factor_of_the_paper_to_either_side(eta):
    found = crossed(eta)
    first = np.where(np.arange(len(found)) < len(found) // 2, A, B)[:, None]
    changed = found != first
    assert stats.binomtest(int(changed.sum()), found.size).pvalue > 1e-3
    assert stats.chisquare(changed.sum(0)).pvalue > 1e-3
    away = (found[changed] - (A + B) / 2) / ((B - A) / 2)
    cdf = lambda beta: np.where(beta <= 1, 0.5 * beta ** (eta + 1), 1 - 0.5 / np.maximum(beta, 1) ** (eta + 1))
    assert stats.kstest(np.abs(away), cdf).pvalue > 1e-3
    assert stats.binomtest(int((away > 0).sum()), away.size).pvalue > 1e-3


def test_the_mean_of_sbx_children_is_that_of_their_parents():
    found = crossed(eta=5.0)
    assert abs(found.mean() - (A + B) / 2) < 4.5 * found.std() / np.sqrt(found.size)


def test_sbx_draws_each_gene_by_itself_and_leaves_equal_parents_alone():
    found = crossed(eta=20.0, genes=12)[:200]
    assert np.abs(np.corrcoef(found.T) - np.eye(12)).max() < 5 / np.sqrt(200)
    alike = np.random.default_rng(0).normal(size=(1, 50)).astype(np.float32)
    assert np.array_equal(bred(alike, np.zeros((3, 2), int), crossover="sbx", crossover_rate=1.0)[0], alike.repeat(3, 0))


@pytest.mark.parametrize("eta", [0.0, 5.0, 20.0])
@pytest.mark.parametrize("reach", [0.3, 2.0])
def test_a_polynomial_mutation_has_the_density_of_the_paper_and_its_rate(eta, reach):
    found, _ = bred(
        np.zeros((1, 1003), np.float32),
        np.zeros((300, 2), int),
        mutation="polynomial",
        mutation_rate=0.3,
        mutation_eta=eta,
        mutation_reach=reach,
    )
    hit = found != 0
    assert stats.binomtest(int(hit.sum()), hit.size, 0.3).pvalue > 1e-3
    delta = found[hit].astype(float) / reach
    assert np.abs(delta).max() <= 1 + 1e-6
    below = lambda d: 0.5 * (1 - np.abs(d)) ** (eta + 1)
    assert stats.kstest(np.clip(delta, -1, 1), lambda d: np.where(d < 0, below(d), 1 - below(d))).pvalue > 1e-3


@pytest.mark.parametrize("mutation", ["gaussian", "polynomial"])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.7, 1.0])
def test_genes_mutate_at_their_rate_wherever_they_stand_and_each_by_itself(mutation, rate):
    found, _ = bred(
        np.zeros((1, 403), np.float32), np.zeros((1000, 2), int), mutation=mutation, mutation_rate=rate, mutation_std=1.0
    )
    hit = found != 0
    if rate == 1.0:
        assert hit.all()
        return
    assert stats.binomtest(int(hit.sum()), hit.size, rate).pvalue > 1e-3
    assert stats.chisquare(hit.sum(0)).pvalue > 1e-3
    for apart in (1, 2, 3):
        both = int((hit[:, apart:] & hit[:, :-apart]).sum())
        assert stats.binomtest(both, hit[:, apart:].size, rate**2).pvalue > 1e-3
    assert 0.82 < hit.sum(1).var() / (403 * rate * (1 - rate)) < 1.18  # of a binomial number: 4 standard errors


@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_a_gaussian_mutation_is_normal_and_neighbours_are_independent(rate):
    found, _ = bred(np.zeros((1, 1003), np.float32), np.zeros((200, 2), int), mutation_rate=rate, mutation_std=0.3)
    noise = found[found != 0] / 0.3
    assert stats.kstest(noise, "norm").pvalue > 1e-3
    for apart in (1, 2):
        assert abs(np.corrcoef(noise[apart:], noise[:-apart])[0, 1]) < 4.5 / np.sqrt(len(noise))


def test_without_a_rate_nothing_mutates():
    parents = np.random.default_rng(0).normal(size=(1, 50)).astype(np.float32)
    for mutation in ("gaussian", "polynomial"):
        found, _ = bred(parents, np.zeros((3, 2), int), mutation=mutation, mutation_rate=0.0)
        assert np.array_equal(found, parents.repeat(3, 0))


def adapted(count=4000, genes=25, crossover_rate=0.5, **options):
    steps = np.array([0.1, 0.4, 2.0])
    pairs = np.random.default_rng(0).integers(0, 3, (count, 2))
    before = pairs.copy()
    options = dict(mutation="self-adaptive", mutation_rate=1.0, crossover_rate=crossover_rate, **options)
    found, own = bred(np.zeros((3, genes), np.float32), pairs, steps=steps, **options)
    return found, own, steps, pairs, before


@pytest.mark.parametrize("genes", [1, 25])
def test_a_step_size_is_the_geometric_mean_of_the_parents_times_a_log_normal_number(genes):
    _, own, steps, pairs, before = adapted(genes=genes)
    alone = (pairs[:, 1] == pairs[:, 0]) & (before[:, 0] != before[:, 1])
    assert 0.4 < alone.mean() / (before[:, 0] != before[:, 1]).mean() < 0.6  # a child without crossover has one parent
    grown = np.log(own / np.sqrt(steps[pairs[:, 0]] * steps[pairs[:, 1]])) * np.sqrt(genes)
    assert stats.kstest(grown, "norm").pvalue > 1e-3
    assert stats.kstest(grown[alone], "norm").pvalue > 1e-3


def test_genes_change_by_the_childs_own_step_size_which_tells_nothing_of_the_noise():
    found, own, *_ = adapted()
    noise = found / own[:, None]
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    grown = np.log(own)
    assert max(abs(np.corrcoef(grown, noise[:, gene])[0, 1]) for gene in range(25)) < 4.5 / np.sqrt(len(own))


def test_elites_keep_genes_and_step_size():
    parents, steps = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32), np.array([0.1, 0.4, 2.0])
    pairs = np.array([[2, 2], [0, 0], [1, 1], [1, 1]])
    found, own = bred(parents, pairs, elites=2, steps=steps, mutation="self-adaptive", mutation_rate=1.0)
    assert np.array_equal(found[:2], parents[[2, 0]])
    assert own[:2].tolist() == [2.0, 0.1]
    assert (found[2:] != parents[1]).all()
    assert not {*own[2:]} & {*steps}


@pytest.mark.parametrize("mutation", ["gaussian", "polynomial"])
def test_a_step_size_that_does_not_adapt_stays(mutation):
    _, own = bred(np.zeros((2, 3), np.float32), np.array([[0, 1]] * 5), mutation=mutation, mutation_rate=1.0)
    assert own.tolist() == [1.0 if mutation == "polynomial" else 0.1] * 5


KINDS = [("sbx", "gaussian"), ("blx-alpha", "polynomial"), ("uniform", "self-adaptive"), ("sbx", "self-adaptive")]


def history(ga, generations=5):
    for _ in range(generations):
        population = ga.ask()
        ga.tell(-(population.astype(float) ** 2).sum(1))
    return ga.ask().tobytes(), ga.parents.tobytes(), None if ga.steps is None else ga.steps.tobytes()


@pytest.mark.parametrize(("crossover", "mutation"), KINDS)
def test_threads_change_no_byte_and_a_resumed_run_goes_on_to_the_same(crossover, mutation):
    make = lambda: GA(131, seed=3, population_size=37, crossover=crossover, mutation=mutation, mutation_rate=0.3)
    seen = []
    for count in (1, 2, 5):
        with threads.limited(count):
            seen.append(history(make()))
    assert seen[0] == seen[1] == seen[2]
    first, resumed = make(), make()
    history(first, 2)
    resumed.load_state_dict(first.state_dict())
    assert history(resumed, 3) == seen[0]


def test_step_sizes_are_state_only_where_they_adapt():
    assert "steps" not in GA(3, population_size=4).state_dict()
    ga = GA(3, population_size=4, mutation="self-adaptive")
    history(ga, 2)
    assert ga.state_dict()["steps"].shape == (4,)


@pytest.mark.parametrize(("crossover", "mutation"), KINDS)
def test_each_way_of_breeding_solves_the_sphere(crossover, mutation):
    for seed in range(10):
        rates = dict(mutation_rate=0.2, truncation=0.2, initial_scale=1.0, mutation_std=0.2)
        ga = GA(10, seed=seed, population_size=60, crossover=crossover, mutation=mutation, **rates)
        for _ in range(120):
            ga.tell(-(ga.ask().astype(float) ** 2).sum(1))
        assert ga.best_fitness > -0.1, seed


def test_a_step_size_shrinks_as_the_sphere_is_closed_in_on_and_gets_nearer_than_a_fixed_one():
    best, steps = {}, []
    for mutation in ("gaussian", "self-adaptive"):
        best[mutation] = []
        for seed in range(5):
            ga = GA(10, seed=seed, population_size=60, elites=1, crossover_rate=0.0, mutation=mutation, mutation_rate=1.0)
            for _ in range(100):
                ga.tell(-(ga.ask().astype(float) ** 2).sum(1))
            best[mutation].append(ga.best_fitness)
            steps.append(np.median(ga.steps))
    assert min(best["self-adaptive"]) > max(best["gaussian"]) / 10
    assert max(steps[5:]) < 0.01


@pytest.mark.parametrize(("crossover", "mutation"), KINDS)
def test_each_way_of_breeding_learns_xor_from_at_least_nine_of_ten_seeds(crossover, mutation):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    network = lambda inputs, outputs: MLP(inputs, outputs, hidden=[4], activation="tanh")
    task, right = SupervisedTask((x, x.sum(1) % 2), kind="probability", network=network), 0
    for seed in range(10):
        values = dict(population_size=60, crossover=crossover, mutation=mutation, mutation_rate=0.3, mutation_std=0.3)
        learner = Evolve(task, GA.for_task(task, seed=seed, **values), seed)
        for _ in range(40):
            learner.step()
        right += task.score(learner.champion(), "train")["accuracy"] == 1
    assert right >= 9


def test_noise_is_what_gaussian_mutation_adds():
    parents = np.zeros((6, 40), np.float32)
    pairs = np.stack([np.arange(6)] * 2, 1)
    options = dict(mutation_rate=0.3, mutation_std=0.5)
    mutated, _ = bred(parents, pairs, elites=2, **options)
    made = SimpleNamespace(**{**COPY, **options})
    assert np.array_equal(noise(parents, made, elites=2, generation=1, seed=0), mutated)
    assert (mutated[2:] != 0).any(1).all()
