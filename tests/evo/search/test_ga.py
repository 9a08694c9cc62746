import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from deap import tools
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evo import GA, Evolve, rng, threads
from evo.settings import SettingsError
from evo.testing import small_task

# Every child is a copy of a parent. Nothing here rests on defaults, which are tuned.
PLAIN = dict(elites=0, mutation_rate=0.0, crossover_rate=0.0, selection="tournament", tournament_size=3, blx_alpha=0.5)


def child_of(parents, fitness, seed=0, **values):
    """The generation that follows the population `parents` (P, D) with `fitness` (P,); and the GA, for its records."""
    ga = GA(parents.shape[1], seed=seed, population_size=len(parents), **{**PLAIN, **values})
    ga.ask()
    ga._population[:] = parents
    ga.tell(fitness)
    return ga.ask(), ga


def parents_drawn(fitness, seeds=150, **values):
    """Which place each child was copied from, over many seeds: (seeds * P,)."""
    places = np.arange(len(fitness), dtype=np.float32)[:, None]
    drawn = [child_of(places, fitness, seed, **values)[0][:, 0] for seed in range(seeds)]
    return np.concatenate(drawn).astype(int)


def agrees(drawn, probabilities):
    counts, expected = np.bincount(drawn, minlength=len(probabilities)), np.array(probabilities) * len(drawn)
    assert counts[expected == 0].sum() == 0
    return (expected > 0).sum() == 1 or stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 1e-3


SHUFFLED = np.random.default_rng(0).permutation(20).astype(float)
RANKS = (19 - SHUFFLED).astype(int)  # of each place, 0 the best


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_tournament_is_won_by_the_best_of_its_size(size):
    rank = np.arange(20)
    wins = ((20 - rank) ** size - (19 - rank) ** size) / 20**size
    assert agrees(parents_drawn(SHUFFLED, tournament_size=size), wins[RANKS])


@dataclass
class Individual:
    place: int
    fitness: float


def test_a_tournament_among_equals_chooses_as_deaps_does():
    fitness = np.array([0.0, 1, 0, 1, 2, 2, 2, 0, 1, 0])
    state = random.getstate()
    random.seed(1)
    chosen = tools.selTournament([Individual(*one) for one in enumerate(fitness)], 3000, tournsize=3)
    random.setstate(state)
    theirs, ours = np.bincount([one.place for one in chosen], minlength=10), np.bincount(parents_drawn(fitness, seeds=300))
    assert stats.chi2_contingency([theirs, ours]).pvalue > 1e-3
    assert agrees(parents_drawn(np.zeros(10)), np.full(10, 0.1))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_truncation_takes_every_one_of_the_best_as_often_and_no_other(share):
    best = max(1, round(share * 20))
    expected = (best > RANKS) / best
    assert agrees(parents_drawn(SHUFFLED, selection="truncation", truncation=share), expected)


@pytest.mark.parametrize("pressure", [1.0, 1.5, 2.0])
def test_linear_ranking_gives_each_rank_its_expected_number_of_children(pressure):
    expected = (pressure - 2 * (pressure - 1) * RANKS / 19) / 20
    assert agrees(parents_drawn(SHUFFLED, selection="rank", selection_pressure=pressure), expected)


@pytest.mark.parametrize("selection", ["tournament", "truncation", "rank"])
def test_the_two_parents_are_drawn_independently(selection):
    """A child of one-point crossover between constant parents shows both; their ranks are uncorrelated."""
    places = np.repeat(np.arange(20, dtype=np.float32)[:, None], 2, axis=1)
    pairs = [
        child_of(places, SHUFFLED, seed, selection=selection, crossover="one-point", crossover_rate=1.0)[0]
        for seed in range(200)
    ]
    ranks = RANKS[np.concatenate(pairs).astype(int)]
    assert abs(np.corrcoef(ranks.T)[0, 1]) < 4 / np.sqrt(len(ranks))
    assert stats.ks_2samp(ranks[:, 0], ranks[:, 1]).pvalue > 1e-3
    assert (ranks[:, 0] != ranks[:, 1]).any()


@pytest.mark.parametrize("selection", ["tournament", "truncation", "rank"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_fitness_that_is_not_finite_is_neither_parent_nor_elite_while_another_is(selection, bad):
    for finite in ([3], [3, 8], [0, 1, 2, 3, 4, 5]):
        fitness = np.full(10, bad)
        fitness[finite] = [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0][: len(finite)]
        drawn = parents_drawn(fitness, seeds=60, selection=selection, elites=4, truncation=0.8, tournament_size=2)
        assert set(drawn) == set(finite)


def test_a_population_without_any_finite_fitness_goes_on():
    drawn = parents_drawn(np.full(10, np.nan), seeds=100)
    assert set(drawn) == set(range(10))
    ga = GA(3, population_size=4)
    for _ in range(3):
        ga.ask()
        ga.tell(np.full(4, np.nan))
    assert ga.best_fitness == -np.inf
    assert np.isfinite(ga.ask()).all()


@pytest.mark.parametrize("elites", [0, 1, 3, 9])
def test_elites_come_first_best_first_and_unchanged_and_all_others_are_bred(elites):
    parents = np.random.default_rng(1).normal(size=(10, 6)).astype(np.float32)
    fitness = np.random.default_rng(2).permutation(10).astype(float)
    order = np.argsort(-fitness)
    children, ga = child_of(parents, fitness, elites=elites, mutation_rate=1.0, crossover_rate=1.0)
    assert np.array_equal(children[:elites], parents[order[:elites]])
    assert not any((child == parent).any() for child in children[elites:] for parent in parents)
    assert ga.parents[:elites].tolist() == [[place, place] for place in order[:elites]]


def test_of_equal_fitness_the_earlier_is_the_elite():
    parents = np.arange(6, dtype=np.float32)[:, None]
    children, _ = child_of(parents, np.array([0.0, 1, 1, 0, 1, 0]), elites=2, mutation_rate=1.0)
    assert children[:2, 0].tolist() == [1, 2]


def two_parents(genes, seed, crossover, **values):
    """Children of the constant parents 0 and 1, those of two different parents only (n, genes); and all of them."""
    parents = np.repeat(np.array([0.0, 1.0], np.float32).repeat(50)[:, None], genes, axis=1)
    children, ga = child_of(parents, np.zeros(100), seed, crossover=crossover, selection="truncation", truncation=1.0, **values)
    mixed = (ga.parents[:, 0] < 50) != (ga.parents[:, 1] < 50)
    return children[mixed], children


def test_uniform_crossover_takes_each_gene_from_either_parent_with_equal_chance_and_independently():
    mixed = np.concatenate([two_parents(301, seed, "uniform", crossover_rate=1.0)[0] for seed in range(20)])
    assert set(np.unique(mixed)) == {0, 1}
    n = len(mixed)
    assert stats.chisquare([(mixed == 0).sum(), (mixed == 1).sum()]).pvalue > 1e-3
    assert np.abs(mixed.mean(0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(n)  # every gene, so every bit of every word
    centred = 2 * mixed - 1
    for lag in (1, 2, 4, 32, 64, 128):
        assert abs((centred[:, lag:] * centred[:, :-lag]).mean()) < 4.5 / np.sqrt(n * (301 - lag))
    assert len(np.unique(mixed, axis=0)) == n


@pytest.mark.parametrize("genes", [2, 3, 7])
def test_one_point_crossover_switches_once_at_every_place_as_often(genes):
    mixed = np.concatenate([two_parents(genes, seed, "one-point", crossover_rate=1.0)[0] for seed in range(40)])
    switches = mixed[:, 1:] != mixed[:, :-1]
    assert (switches.sum(1) == 1).all()
    if genes > 2:
        assert stats.chisquare(switches.sum(0)).pvalue > 1e-3
    assert stats.binomtest(int(mixed[:, 0].sum()), len(mixed)).pvalue > 1e-3


def test_genes_keep_their_place():
    parents = np.arange(100 * 37, dtype=np.float32).reshape(100, 37)
    for crossover in ("uniform", "one-point"):
        children, ga = child_of(parents, np.zeros(100), crossover=crossover, crossover_rate=1.0)
        first, second = parents[ga.parents[:, 0]], parents[ga.parents[:, 1]]
        assert ((children == first) | (children == second)).all()
        assert (children != first).any()
        assert (children != second).any()
        if crossover == "one-point":
            assert (children[:, 0] == first[:, 0]).all()
            assert (children[:, -1] == second[:, -1]).all()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.2])
def test_blx_draws_uniformly_from_the_widened_interval_gene_by_gene(alpha):
    parents = np.random.default_rng(3).normal(size=(100, 10)).astype(np.float32)
    children, ga = child_of(parents, np.zeros(100), crossover="blx-alpha", crossover_rate=1.0, blx_alpha=alpha)
    first, second = parents[ga.parents[:, 0]].astype(float), parents[ga.parents[:, 1]].astype(float)
    low, span = np.minimum(first, second), np.abs(first - second)
    same = span == 0
    assert np.array_equal(children[same], first[same].astype(np.float32))
    share = ((children - (low - alpha * span)) / ((1 + 2 * alpha) * np.where(same, 1, span)))[~same]
    assert -1e-4 < share.min() < 0.01
    assert 0.99 < share.max() < 1 + 1e-4
    assert stats.kstest(share, "uniform").pvalue > 1e-3
    rows = ((children - (low - alpha * span)) / ((1 + 2 * alpha) * np.where(same, 1, span)))[(~same).all(1)]
    assert np.abs(np.corrcoef(rows.T) - np.eye(10)).max() < 4.5 / np.sqrt(len(rows))


@pytest.mark.parametrize("crossover", ["uniform", "one-point", "blx-alpha"])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_the_crossover_rate_is_the_share_of_children_with_two_parents_and_the_record_says_which(crossover, rate):
    parents = np.arange(200 * 8, dtype=np.float32).reshape(200, 8)
    two, records = 0, []
    for seed in range(5):
        children, ga = child_of(parents, np.zeros(200), seed, crossover=crossover, crossover_rate=rate, tournament_size=1)
        copies = (children[:, None] == parents[None]).all(2).any(1)
        two += int((~copies).sum())
        records.append((ga.parents[:, 0] != ga.parents[:, 1]) | copies)
        single = ga.parents[:, 0] == ga.parents[:, 1]
        assert np.array_equal(children[single], parents[ga.parents[single, 0]])
    assert np.concatenate(records).all()
    chance = rate * (1 - 1 / 200) * (1 - (2 * 0.5**8 if crossover == "uniform" else 0))
    assert stats.binomtest(two, 1000, chance).pvalue > 1e-3 if 0 < rate < 1 else two == pytest.approx(1000 * chance, abs=25)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("std", [0.5, 2.0])
def test_a_gene_mutates_at_its_rate_by_a_normal_number_of_its_deviation(rate, std):
    children, _ = child_of(np.zeros((200, 103), np.float32), np.zeros(200), mutation_rate=rate, mutation_std=std)
    hit = children != 0
    if rate in (0.0, 1.0):
        assert hit.mean() == rate
    else:
        assert stats.binomtest(int(hit.sum()), hit.size, rate).pvalue > 1e-3
        assert stats.chisquare(hit.sum(0)).pvalue > 1e-3  # in every place
    if rate:
        assert stats.kstest(children[hit] / std, "norm").pvalue > 1e-3
    if rate == 1.0:
        assert np.abs(np.corrcoef(children.T) - np.eye(103)).max() < 5 / np.sqrt(200)


def test_without_deviation_nothing_mutates():
    parents = np.ones((4, 5), np.float32)
    assert np.array_equal(child_of(parents, np.zeros(4), mutation_rate=1.0, mutation_std=0.0)[0], parents)


def test_mutation_knows_nothing_of_crossover_and_selection():
    """Four genes, so that every draw of a child comes from the first block of its stream: streams must differ."""
    parents = np.repeat(np.arange(50, dtype=np.float32)[:, None], 4, axis=1) * 1000
    hits, noise, crossed, chosen = [], [], [], []
    for seed in range(60):
        children, ga = child_of(
            parents, np.zeros(50), seed, mutation_rate=0.4, mutation_std=1.0, crossover="one-point", crossover_rate=0.5
        )
        change = children - 1000 * np.round(children / 1000)
        hits.append(change != 0)
        noise.append(change)
        crossed.append(ga.parents[:, 0] != ga.parents[:, 1])
        chosen.append(ga.parents[:, 0])
    hits, noise, crossed, chosen = map(np.concatenate, (hits, noise, crossed, chosen))
    limit = 4.5 / np.sqrt(len(hits))
    for gene in range(4):
        assert abs(np.corrcoef(hits[:, gene], crossed)[0, 1]) < limit
        assert abs(np.corrcoef(hits[:, gene], chosen)[0, 1]) < limit
        assert stats.kstest(noise[hits[:, gene], gene], "norm").pvalue > 1e-3
        assert abs(np.corrcoef(noise[hits[:, gene], gene], crossed[hits[:, gene]])[0, 1]) < 1.7 * limit
        for other in range(gene):
            assert abs(np.corrcoef(hits[:, gene], hits[:, other])[0, 1]) < limit
    assert abs(crossed.mean() - 0.49) < 0.04


def test_each_generation_and_each_seed_draws_anew():
    parents = np.zeros((10, 5), np.float32)
    ga = GA(5, population_size=10, elites=0, mutation_rate=1.0)
    seen = []
    for _ in range(3):
        ga.ask()
        ga._population[:] = parents
        ga.tell(np.zeros(10))
        seen += [tuple(row) for row in ga.ask()]
        ga.tell(np.zeros(10))
    seen += [tuple(row) for row in child_of(parents, np.zeros(10), seed=1, mutation_rate=1.0)[0]]
    assert len(set(seen)) == len(seen) == 40


def test_a_mutated_gene_is_its_declared_function_of_seed_generation_place_and_gene():
    std, seed = 0.7, 2**40 + 5
    children, ga = child_of(np.zeros((3, 10), np.float32), np.zeros(3), seed, mutation_rate=0.5, mutation_std=std)
    for place in range(3):
        expected, gene = np.zeros(10), -1
        for draw in range(6):  # each for two genes that mutate: two words for how far the next one is, two for the noise
            words = rng.philox.py_func(draw, place, ga.generation, rng.MUTATION, seed)
            for word, noise in zip(words[:2], rng.normals.py_func(*words[2:])):
                gene += 1 + int(np.log((word + 0.5) / 2**32) / np.log(0.5))
                if gene < 10:
                    expected[gene] = std * noise
        np.testing.assert_allclose(children[place], expected, rtol=1e-6)


def history(count, generations=5, **values):
    with threads.limited(count):
        ga, seen = GA(131, seed=3, population_size=37, **values), []
        for _ in range(generations):
            population = ga.ask()
            seen.append((population.tobytes(), ga.parents.tobytes()))
            ga.tell(-(population.astype(float) ** 2).sum(1))
    return seen


@pytest.mark.parametrize("crossover", ["uniform", "one-point", "blx-alpha"])
@pytest.mark.parametrize("selection", ["tournament", "truncation", "rank"])
def test_threads_change_no_byte(crossover, selection):
    one = history(1, crossover=crossover, selection=selection, mutation_rate=0.2)
    assert history(2, crossover=crossover, selection=selection, mutation_rate=0.2) == one
    assert history(5, crossover=crossover, selection=selection, mutation_rate=0.2) == one


@pytest.mark.parametrize("when", ["new", "asked", "told"])
def test_a_resumed_run_goes_on_to_the_same_bytes(when):
    def go_on(ga, generations):
        for _ in range(generations):
            population = ga.ask()
            ga.tell(-(population.astype(float) ** 2).sum(1))
        return ga.ask().tobytes(), ga.generation, ga.lineage(3)

    ga = GA(5, seed=2, population_size=6)
    if when != "new":
        go_on(ga, 2)
    if when == "told":
        ga.tell(np.arange(6.0))
    state = {name: value.clone() if torch.is_tensor(value) else value for name, value in ga.state_dict().items()}
    parents, expected = ga.parents, go_on(ga, 3)
    resumed = GA(5, seed=2, population_size=6)
    resumed.load_state_dict(state)
    assert np.array_equal(resumed.parents, parents)
    assert go_on(resumed, 3) == expected
    again = GA(5, seed=2, population_size=6)
    again.load_state_dict(state)
    assert go_on(again, 3) == expected


def test_the_best_is_the_fittest_told_so_far_and_never_one_without_fitness():
    ga = GA(2, population_size=4)
    with pytest.raises(RuntimeError, match="best is known after tell"):
        _ = ga.best
    population = ga.ask().copy()
    ga.tell([1.0, np.inf, 3.0, np.nan])
    assert np.array_equal(ga.best, population[2])
    assert ga.best_fitness == 3
    ga.best[:] = 99
    assert np.array_equal(ga.population, population)
    ga.ask()
    ga.tell([2.0, 1.0, np.nan, 0.0])  # nobody is fitter
    assert np.array_equal(ga.best, population[2])
    assert ga.best_fitness == 3
    assert np.array_equal(ga.best_model.vector, population[2])


def test_ask_gives_the_same_until_told_and_tell_wants_one_answer_each():
    ga = GA(3, population_size=5)
    with pytest.raises(RuntimeError, match=r"tell\(\) needs a population from ask\(\)"):
        ga.tell(np.zeros(5))
    assert np.array_equal(ga.ask(), ga.ask())
    for wrong in (np.zeros(4), np.zeros((5, 1))):
        with pytest.raises(ValueError, match=r"fitness must have shape \(5,\)"):
            ga.tell(wrong)
    assert ga.generation == 0
    ga.tell(np.zeros(5))
    assert ga.generation == 1
    with pytest.raises(RuntimeError):
        ga.tell(np.zeros(5))


def test_lineage_numbers_genomes_through_the_generations():
    ga = GA(1, seed=0, population_size=10, elites=1)
    ga.ask()
    assert ga.parents.tolist() == [[-1, -1]] * 10
    ga.tell(np.arange(10.0))
    assert ga.lineage(9) == {"id": 9, "parents": []}
    ga.ask()
    ga.tell(np.arange(10.0))
    assert ga.lineage(0) == {"id": 10, "parents": [9]}
    for index in range(10):
        parents = ga.lineage(index)["parents"]
        assert parents == sorted({int(place) for place in ga.parents[index]})
    ga.ask()
    ga.tell(np.arange(10.0))
    assert ga.lineage(0) == {"id": 20, "parents": [19]}


def test_contradictions_are_settings_errors():
    with pytest.raises(SettingsError, match="elites: expected < population_size, 5; got 5"):
        GA(2, population_size=5, elites=5)
    with pytest.raises(SettingsError, match=r"population_size: .*\nmutation_rate: "):
        GA(2, population_size=1, mutation_rate=1.5)


def test_initial_scale_stretches_the_first_population():
    one, three = (GA(5, seed=4, population_size=9, initial_scale=scale).ask() for scale in (1.0, 3.0))
    np.testing.assert_allclose(three, 3 * one, rtol=1e-6)


@given(
    st.integers(2, 9),
    st.integers(1, 9),
    st.sampled_from(["uniform", "one-point", "blx-alpha", "sbx"]),
    st.sampled_from(["tournament", "truncation", "rank"]),
    st.integers(0, 2**64),
)
def test_any_shape_breeds_finite_genes(size, genes, crossover, selection, seed):
    ga = GA(genes, seed=seed, population_size=size, elites=size - 1, crossover=crossover, selection=selection)
    for _ in range(3):
        population = ga.ask()
        assert population.shape == (size, genes)
        assert population.dtype == np.float64
        assert np.isfinite(population).all()
        ga.tell(population[:, 0])


@pytest.mark.parametrize("crossover", ["uniform", "one-point", "blx-alpha"])
@pytest.mark.parametrize("selection", ["tournament", "truncation", "rank"])
def test_it_solves_the_sphere_from_every_one_of_ten_seeds(crossover, selection):
    pressure = dict(selection_pressure=2.0) if selection == "rank" else {}
    for seed in range(10):
        rates = dict(crossover_rate=0.5, mutation_rate=0.1, mutation_std=0.1, truncation=0.2, initial_scale=1.0)
        ga = GA(10, seed=seed, population_size=60, crossover=crossover, selection=selection, **rates, **pressure)
        first = None
        for _ in range(120):
            ga.tell(-(ga.ask().astype(float) ** 2).sum(1))
            first = ga.best_fitness if first is None else first
        assert first < -1
        assert ga.best_fitness > -0.1, seed


def test_it_learns_two_clouds_from_at_least_nine_of_ten_seeds():
    task, right = small_task(), 0
    for seed in range(10):
        learner = Evolve(task, GA.for_task(task, seed=seed, population_size=40, mutation_rate=0.2, mutation_std=0.3), seed)
        for _ in range(40):
            learner.step()
        right += task.score(learner.champion(), "validation")["accuracy"] >= 0.9
    assert right >= 9


def test_parents_survive_a_state_that_is_saved_before_they_are_told():
    ga = GA(3, population_size=6)
    ga.ask()
    ga.tell(np.arange(6.0))
    ga.ask()
    resumed = GA(3, population_size=6)
    resumed.load_state_dict(ga.state_dict())
    for each in (ga, resumed):
        each.tell(np.arange(6.0))
    assert [ga.lineage(k) for k in range(6)] == [resumed.lineage(k) for k in range(6)]
