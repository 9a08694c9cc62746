import numpy as np
import pytest
import torch
from scipy import stats

from evo import DeepGA, Evolve, FunctionTask, rng, threads
from evo.core import Evaluation
from evo.settings import SettingsError
from evo.testing import small_task

PLAIN = dict(population_size=20, truncation_size=5, candidates=4, mutation_std=0.0, validation_episodes=3)


def made(dimensions=1, seed=0, noisy=False, **values):
    return DeepGA(dimensions, seed=seed, noisy=noisy, **{**PLAIN, **values})


def places(size, dimensions=1):
    """A population in which every genome's numbers tell its place."""
    return np.repeat(np.arange(size, dtype=np.float32)[:, None], dimensions, axis=1)


def children(fitness, scores=None, seed=0, dimensions=1, **values):
    """What follows the first population, its genomes numbered by place; with `scores` the candidates are told them."""
    algorithm = made(dimensions, seed, scores is not None, **values)
    algorithm.ask()
    algorithm._population[:] = places(len(fitness), dimensions)
    algorithm.tell(fitness)
    if scores is not None:
        assert algorithm.repeats == PLAIN["validation_episodes"]
        algorithm.tell(scores(algorithm.ask()[:, 0]))
    return algorithm.ask()


FITNESS = np.random.default_rng(0).permutation(20).astype(float)
ORDER = np.argsort(-FITNESS)


def test_the_next_generation_is_the_elite_and_a_child_for_every_place():
    algorithm = made()
    assert len(algorithm.ask()) == 20
    for _ in range(3):
        algorithm.tell(np.zeros(len(algorithm.ask())))
        assert len(algorithm.ask()) == 21


def test_parents_are_the_best_t_each_as_often_and_no_other():
    drawn = np.concatenate([children(FITNESS, seed=seed)[1:, 0] for seed in range(100)]).astype(int)
    counts = np.bincount(drawn, minlength=20)
    assert set(np.flatnonzero(counts)) == set(ORDER[:5])
    assert stats.chisquare(counts[ORDER[:5]]).pvalue > 1e-3


def test_every_gene_of_a_child_gets_normal_noise_of_its_deviation_and_the_elite_none():
    noise = []
    for seed in range(20):
        found = children(FITNESS, seed=seed, dimensions=31, mutation_std=0.01)
        assert np.array_equal(found[0], np.full(31, ORDER[0], np.float32))
        noise.append(found[1:] - np.round(found[1:]))
    noise = np.concatenate(noise)
    assert (noise != 0).mean() > 0.99
    assert stats.kstest(noise.ravel() / 0.01, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(noise.T) - np.eye(31)).max() < 5 / np.sqrt(len(noise))
    assert np.abs(np.corrcoef(noise) - np.eye(len(noise))).max() < 0.95  # no two children got the same


def test_the_noise_of_a_gene_is_its_declared_function_of_seed_generation_place_and_gene():
    found = children(np.zeros(20), seed=2**40 + 5, dimensions=10, truncation_size=1, mutation_std=0.7)
    for place in (1, 2, 20):
        for gene in range(10):
            block, k = divmod(gene, 4)
            words = rng.philox.py_func(block, place, 1, rng.NOISE, 2**40 + 5)
            noise = rng.normals.py_func(*words[2 * (k // 2) : 2 * (k // 2) + 2])[k % 2]
            assert found[place, gene] == pytest.approx(0.7 * noise, rel=1e-6)


def test_each_generation_and_seed_draws_other_noise():
    noise = []
    for seed in (0, 1):
        algorithm = made(3, seed, mutation_std=1.0)
        for _ in range(3):
            algorithm.ask()
            algorithm._population[:] = 0
            algorithm.tell(np.zeros(len(algorithm.population)))
            noise += [tuple(row) for row in algorithm.ask()[1:]]
            algorithm.tell(np.zeros(21))
    assert len(set(noise)) == len(noise) == 120


def test_without_noise_in_the_scores_a_generation_is_one_ask_and_the_elite_the_best():
    algorithm = made()
    algorithm.ask()
    algorithm._population[:] = places(20)
    algorithm.tell(FITNESS)
    assert (algorithm.generation, algorithm.repeats, algorithm.candidates) == (1, 1, None)
    assert algorithm.best.tolist() == [ORDER[0]]
    assert algorithm.ask()[0, 0] == ORDER[0]


def test_the_best_found_is_never_lost_on_a_function_that_is_certain():
    task = FunctionTask(lambda points: -(points.astype(float) ** 2).sum(1), 5)
    learner = Evolve(task, DeepGA.for_task(task, seed=1, **{**PLAIN, "mutation_std": 0.3}))
    best = [learner.step()["fitness_best"] for _ in range(40)]
    assert best == sorted(best)
    assert best[-1] > -0.1 > best[0]
    assert learner.algorithm.repeats == 1


def test_in_the_first_generation_the_best_are_the_candidates():
    algorithm = made(noisy=True)
    algorithm.ask()
    algorithm._population[:] = places(20)
    algorithm.tell(FITNESS)
    assert algorithm.ask()[:, 0].tolist() == ORDER[:4].tolist()
    assert algorithm.generation == 0


def test_later_the_candidates_are_the_last_elite_and_the_best_others():
    for elite_fitness, expected in ((-100.0, [0, 20, 19, 18]), (100.0, [0, 20, 19, 18]), (18.5, [0, 20, 19, 18])):
        algorithm = made(noisy=True)
        algorithm.tell(np.zeros(len(algorithm.ask())))
        algorithm.tell(np.zeros(len(algorithm.ask())))
        algorithm.ask()
        algorithm._population[:] = places(21)
        algorithm.tell(np.array([elite_fitness, *range(1, 21)]))
        assert algorithm.repeats == 3
        assert algorithm.ask()[:, 0].tolist() == expected


def test_the_candidate_that_scores_best_again_is_the_elite_and_heads_the_parents():
    third = ORDER[2]
    for seed in range(10):
        found = children(FITNESS, lambda candidates: (candidates == third) * 1.0, seed=seed)
        assert found[0, 0] == third
        assert set(found[1:, 0]) <= set(ORDER[:5])
    found = [
        children(FITNESS, lambda candidates: (candidates == ORDER[3]) * 1.0, seed=seed, truncation_size=3) for seed in range(20)
    ]
    assert set(np.concatenate(found)[:, 0]) == {ORDER[3], ORDER[0], ORDER[1]}  # the elite takes one of the T places


def test_an_elite_far_down_the_list_becomes_a_parent():
    algorithm = made(noisy=True, truncation_size=2)
    algorithm.tell(np.zeros(len(algorithm.ask())))
    algorithm.tell(np.arange(4.0))
    algorithm.ask()
    algorithm._population[:] = places(21)
    algorithm.tell(np.array([-100.0, *range(1, 21)]))
    algorithm.tell(np.array([9.0, 0, 0, 0]))
    assert algorithm.best.tolist() == [0]
    following = algorithm.ask()[:, 0]
    assert following[0] == 0
    assert set(following[1:]) == {0, 20}


def test_the_kind_of_task_decides_whether_scores_are_noisy():
    task = small_task()
    assert not DeepGA.for_task(task, seed=0).noisy
    task.episodes = 1
    assert DeepGA.for_task(task, seed=0).noisy


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_fitness_that_is_not_finite_is_no_parent_while_another_is(noisy, bad):
    fitness = np.full(20, bad)
    fitness[[4, 11]] = 1.0, 2.0
    for seed in range(10):
        found = children(fitness, (lambda candidates: np.zeros(len(candidates))) if noisy else None, seed=seed)
        assert found[0, 0] == 11
        assert set(found[:, 0]) <= {4, 11}


def test_a_candidate_whose_score_again_is_not_finite_is_not_the_elite():
    found = children(FITNESS, lambda candidates: np.where(candidates == ORDER[0], np.nan, -candidates))
    assert found[0, 0] == min(ORDER[1:4])


@pytest.mark.parametrize("noisy", [False, True])
def test_a_population_without_any_finite_fitness_goes_on(noisy):
    algorithm = made(noisy=noisy)
    for _ in range(6):
        algorithm.tell(np.full(len(algorithm.ask()), np.nan))
    assert np.isfinite(algorithm.ask()).all()
    assert algorithm.generation == (3 if noisy else 6)


def history(count, noisy):
    with threads.limited(count):
        algorithm, seen = made(131, noisy=noisy, mutation_std=0.5), []
        for _ in range(8):
            population = algorithm.ask()
            seen.append(population.tobytes())
            algorithm.tell(-(population.astype(float) ** 2).sum(1))
    return seen


@pytest.mark.parametrize("noisy", [False, True])
def test_threads_change_no_byte(noisy):
    assert history(1, noisy) == history(2, noisy) == history(5, noisy)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("cut", range(7))
def test_a_run_resumed_after_any_ask_or_tell_goes_on_to_the_same_bytes(noisy, cut):
    def go(algorithm, first, last):
        for number in range(first, last):
            if number % 2:
                algorithm.tell(-(algorithm.population if algorithm.candidates is None else algorithm.ask())[:, 0].astype(float))
            else:
                algorithm.ask()
        return algorithm.ask().tobytes(), algorithm.generation, algorithm.repeats

    whole = made(3, noisy=noisy, mutation_std=0.5)
    go(whole, 0, cut)
    state = {name: value.clone() if torch.is_tensor(value) else value for name, value in whole.state_dict().items()}
    resumed = made(3, noisy=noisy, mutation_std=0.5)
    resumed.load_state_dict(state)
    assert go(resumed, cut, 12) == go(whole, cut, 12)


def test_tell_wants_one_answer_to_each_ask():
    algorithm = made(noisy=True)
    with pytest.raises(RuntimeError, match=r"tell\(\) needs a population"):
        algorithm.tell(np.zeros(20))
    with pytest.raises(RuntimeError, match="best is known after tell"):
        _ = algorithm.best
    assert np.array_equal(algorithm.ask(), algorithm.ask())
    with pytest.raises(ValueError, match=r"shape \(20,\)"):
        algorithm.tell(np.zeros(21))
    algorithm.tell(np.zeros(20))
    with pytest.raises(RuntimeError, match="best is known after tell"):
        _ = algorithm.best
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        algorithm.tell(np.zeros(20))
    algorithm.tell(Evaluation(np.zeros(4)))
    assert algorithm.generation == 1
    with pytest.raises(RuntimeError):
        algorithm.tell(np.zeros(20))


def test_contradictions_are_settings_errors():
    with pytest.raises(SettingsError, match=r"truncation_size: expected <= population_size, 5; got 20\ncandidates: .* got 10"):
        DeepGA(2, population_size=5)


def test_it_learns_two_clouds_from_at_least_nine_of_ten_seeds():
    task, right = small_task(), 0
    for seed in range(10):
        values = dict(population_size=40, truncation_size=10, mutation_std=0.2)
        learner = Evolve(task, DeepGA.for_task(task, seed=seed, **values), seed)
        for _ in range(40):
            learner.step()
        right += task.score(learner.champion(), "validation")["accuracy"] >= 0.9
    assert right >= 9


def test_lineage_names_the_place_and_the_parent_a_generation_before():
    ga = DeepGA(3, population_size=6, truncation_size=2, candidates=2, noisy=True, validation_episodes=2)
    for _ in range(2):
        before = None if ga.population is None else ga.population.copy()
        for _ in range(2):
            population = ga.ask()
            ga.tell(-(population**2).sum(axis=1))
    lineage = ga.lineage(0)
    place, parent = lineage["id"] - 7, lineage["parents"][0]
    assert np.array_equal(ga.population[place], population[0])
    if place == 0:  # the elite is its parent, unchanged
        assert np.array_equal(before[parent], population[0])
