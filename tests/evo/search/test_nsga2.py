import random

import numpy as np
import pytest
import torch
from deap import base, tools
from hypothesis import given
from hypothesis import strategies as st

from evo import NSGA2, Evolve, FunctionTask, SupervisedTask, threads
from evo.evolve import Evolved
from evo.search.fronts import standing, survivors
from evo.settings import SettingsError
from evo.testing import small_task
from evo.vectors.modules import MLP

POINTS = st.lists(st.tuples(st.integers(-6, 6), st.integers(0, 12)), min_size=1, max_size=30)


def arrays(points):
    return np.array([float(f) for f, _ in points]), np.array([c for _, c in points])


def fronts(fitness, connections):
    """The number of each point's front, by comparing everyone with everyone (Deb et al. 2002, section III A)."""
    n = len(fitness)
    beats = [
        [
            fitness[i] >= fitness[j]
            and connections[i] <= connections[j]
            and (fitness[i] > fitness[j] or connections[i] < connections[j])
            for j in range(n)
        ]
        for i in range(n)
    ]
    rank, number, left = np.full(n, -1), 0, set(range(n))
    while left:
        here = {j for j in left if not any(beats[i][j] for i in left)}
        rank[list(here)] = number
        left, number = left - here, number + 1
    return rank


def distances(fitness, connections):
    """The crowding distance of each point of one front without equal points (section III B), as DEAP halves it."""
    order = np.argsort(connections)
    crowding = np.full(len(order), np.inf)
    for before, here, after in zip(order, order[1:], order[2:]):
        sides = [abs(values[after] - values[before]) / abs(np.ptp(values)) for values in (fitness, connections)]
        crowding[here] = sum(sides) / 2
    return crowding


@given(POINTS)
def test_fronts_are_those_of_comparing_everyone_with_everyone(points):
    fitness, connections = arrays(points)
    assert standing(fitness, connections)[0].tolist() == fronts(fitness, connections).tolist()


@given(POINTS)
def test_crowding_is_half_the_sides_of_the_box_between_neighbours(points):
    fitness, connections = arrays(sorted(set(points)))
    rank, crowding = standing(fitness, connections)
    for number in range(rank.max() + 1):
        here = rank == number
        np.testing.assert_allclose(crowding[here], distances(fitness[here], connections[here]))


@given(POINTS, st.integers(1, 20))
def test_whoever_survives_comes_from_a_better_front_or_is_less_crowded_in_it(points, size):
    fitness, connections = arrays(sorted(set(points)))
    chosen = survivors(fitness, connections, size=size)
    rank, crowding = standing(fitness, connections)
    assert len(set(chosen)) == len(chosen) == min(size, len(fitness))
    gone = np.setdiff1d(np.arange(len(fitness)), chosen)
    if len(gone):
        worst = max((rank[place], -crowding[place]) for place in chosen)
        assert worst <= min((rank[place], -crowding[place]) for place in gone)


def test_survivors_are_those_of_deap():
    draws = np.random.default_rng(0)
    fitness, connections = draws.normal(size=200), draws.permutation(200)

    class Objectives(base.Fitness):
        weights = (1.0, -1.0)

    class Point:
        def __init__(self, place):
            self.place, self.fitness = place, Objectives((fitness[place], connections[place]))

    theirs = {point.place for point in tools.selNSGA2([Point(place) for place in range(200)], 100)}
    assert set(survivors(fitness, connections, size=100)) == theirs


def test_a_share_of_the_survivors_is_the_fittest():
    draws = np.random.default_rng(1)
    fitness, connections = draws.normal(size=100), draws.permutation(100)
    for share, kept in ((0.0, 40), (0.25, 30), (1.0, 0)):
        chosen = survivors(fitness, connections, size=40, share=share)
        assert len(set(chosen)) == 40
        assert set(np.argsort(-fitness)[:kept]) <= set(chosen)
    assert set(survivors(fitness, connections, size=40, share=0.0)) != set(survivors(fitness, connections, size=40, share=1.0))


@given(POINTS)
def test_of_points_alike_in_both_objectives_the_first_survives(points):
    fitness, connections = arrays(points)
    assert sorted(survivors(fitness, connections, size=99)) == sorted(points.index(point) for point in set(points))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_who_has_no_finite_fitness_survives_only_if_nobody_has(share):
    fitness = np.array([-np.inf, 1.0, -np.inf, -2.0])
    assert set(survivors(fitness, np.array([0, 5, 1, 3]), size=3, share=share)) <= {1, 3}
    assert len(survivors(np.full(4, -np.inf), np.arange(4), size=3, share=share)) == 3


def network(inputs, outputs):
    return MLP(inputs, outputs, hidden=[4])


def made(seed=0, noisy=False, dimensions=12, **values):
    return NSGA2(dimensions, seed=seed, noisy=noisy, **{"population_size": 10, **values})


def sphere(algorithm, population):
    return -(algorithm.express(population).astype(float) ** 2).sum(1)


def generation(algorithm, fitness=sphere):
    population = algorithm.ask()
    algorithm.tell(fitness(algorithm, population))
    return population


def test_a_network_runs_with_its_weights_where_its_mask_is_one():
    task = small_task()
    algorithm = NSGA2.for_task(task, seed=1, population_size=6)
    population, dimensions = algorithm.ask().copy(), algorithm.encoding.dimensions
    assert population.shape == (6, 2 * dimensions)
    weights, masks = population[:, :dimensions], population[:, dimensions:]
    assert set(np.unique(masks)) == {0, 1}
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    expected = algorithm.encoding.express(weights * masks).forward(x)
    assert torch.equal(algorithm.express(population).forward(x), expected)
    model = algorithm.model(population[2])
    torch.testing.assert_close(model(x), expected[2])
    assert model.connections == int(masks[2].sum())
    population[2, 0], population[2, dimensions] = np.inf, 0
    assert torch.isfinite(algorithm.model(population[2])(x)).all()


def test_the_first_masks_have_every_density_up_to_the_initial_one():
    algorithm = made(dimensions=400, population_size=200, initial_density=0.5)
    density = algorithm.ask()[:, 400:].mean(1)
    assert density.max() < 0.6
    assert np.histogram(density, 5, (0, 0.5))[0].min() > 15


def test_bits_of_the_mask_come_from_either_parent_and_flip_at_their_rate():
    parents = np.zeros((2, 2 * 600), np.float32)
    parents[1, 600:] = 1
    algorithm = made(dimensions=600, mask_mutation_rate=0.0, crossover_rate=1.0)
    mixed = algorithm._children(parents, np.array([[0, 1]] * 60), elites=0)[:, 600:]
    assert abs(mixed.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(mixed.size)
    assert np.abs(mixed.mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(60)
    for rate, expected in ((0.1, 0.1), (None, 1 / 600), (1.0, 1.0)):
        algorithm = made(dimensions=600, mask_mutation_rate=rate)
        same = algorithm._children(parents, np.array([[0, 0]] * 60 + [[1, 1]] * 60), elites=0)[:, 600:]
        flipped = np.abs(same - np.repeat([0, 1], 60)[:, None]).mean()
        assert abs(flipped - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / same.size)


def test_a_tournament_takes_the_lower_front_then_the_less_crowded_or_the_fitter():
    fitness, connections = np.array([0.0, 1.0, 2.0, 3.0, 0.5]), np.array([0, 1, 5, 6, 12])
    for share in (1.0, 0.0):
        seen = []
        for seed in range(400):
            algorithm = made(seed, dimensions=12, population_size=5, connections_share=share)
            algorithm.ask()
            population = np.zeros((5, 24), np.float32)
            for place, count in enumerate(connections):
                population[place, :count] = population[place, 12 : 12 + count] = 1
            algorithm.generation = 1
            seen.append(algorithm._pairs(population, fitness))
        wins = np.bincount(np.concatenate(seen).ravel(), minlength=5) / 4000
        rank, crowding = standing(fitness, connections)
        merit = list(zip(-rank, crowding)) if share else list(fitness)
        expected = [sum((merit[i] > merit[j]) + 0.5 * (merit[i] == merit[j]) for j in range(5)) / 12.5 for i in range(5)]
        np.testing.assert_allclose(wins, expected, atol=0.035)


def test_on_a_certain_task_parents_keep_their_fitness_and_children_alone_are_scored():
    task = FunctionTask(lambda points: -(points.astype(float) ** 2).sum(1) + 0.1 * (points != 0).sum(1), 12)
    learner = Evolve(task, NSGA2.for_task(task, seed=0, population_size=10), 0)
    best = []
    for number in range(1, 9):
        learner.step()
        assert learner.cost.evaluations == 10 * number
        algorithm = learner.algorithm
        np.testing.assert_allclose(task.function(algorithm.express(algorithm.population)), algorithm.fitness)
        best.append(algorithm.fitness.max())
    assert best == sorted(best)


def test_on_a_task_with_episodes_parents_are_scored_again_before_their_children():
    task = small_task()
    task.episodes = 1
    learner = Evolve(task, NSGA2.for_task(task, seed=0, population_size=10), 0)
    learner.step()
    parents = learner.algorithm.population.copy()
    learner.step()
    assert learner.cost.evaluations == 10 + len(parents) + 10
    algorithm = made(noisy=True)
    generation(algorithm)
    parents = algorithm.population.copy()
    asked = algorithm.ask()
    assert np.array_equal(asked[: len(parents)], parents)
    again = -99.0 - np.arange(len(parents))
    algorithm.tell(np.r_[again, np.full(10, np.nan)])
    assert set(algorithm.fitness) <= {*again}  # what they scored before is forgotten


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("cut", range(6))
def test_a_run_resumed_after_any_ask_or_tell_goes_on_to_the_same_bytes(noisy, cut):
    def go(algorithm, first, last):
        for number in range(first, last):
            population = algorithm.ask()
            if number % 2:
                algorithm.tell(sphere(algorithm, population))
        return algorithm.ask().tobytes(), algorithm.asked_family.tolist(), algorithm.front(), algorithm.generation

    whole, resumed = made(3, noisy), made(3, noisy)
    go(whole, 0, cut)
    resumed.load_state_dict({k: v.clone() if torch.is_tensor(v) else v for k, v in whole.state_dict().items()})
    assert go(resumed, cut, 9) == go(whole, cut, 9)


def test_threads_change_no_byte_and_no_global_generator_is_touched():
    seen, state = [], random.getstate()
    for count in (1, 2, 5):
        with threads.limited(count):
            algorithm = made(4, dimensions=131, population_size=37, crossover="sbx")
            seen.append([generation(algorithm).tobytes() for _ in range(5)])
    assert seen[0] == seen[1] == seen[2]
    assert random.getstate() == state


def test_the_front_is_what_nobody_beats_sorted_and_without_duplicates():
    algorithm = made(population_size=30)
    assert algorithm.front() == []
    for _ in range(5):
        generation(algorithm, lambda a, p: np.round(sphere(a, p) + (a.express(p) != 0).sum(1)))
    connections = np.count_nonzero(algorithm.express(algorithm.population), axis=1)
    first = standing(algorithm.fitness, connections)[0] == 0
    expected = sorted({(int(c), float(f)) for f, c in zip(algorithm.fitness[first], connections[first])})
    assert algorithm.front() == [{"fitness": f, "connections": c} for c, f in expected]
    assert algorithm.row() == {"front": len(expected), "connections_mean": connections.mean()}
    assert len(expected) > 2


@pytest.mark.parametrize("noisy", [False, True])
def test_lineage_names_the_birth_and_the_parents(noisy):
    algorithm = made(noisy=noisy, population_size=6, mutation_rate=0.0, mask_mutation_rate=0.0, crossover_rate=0.0)
    born = {}
    for number in range(4):
        population = generation(algorithm)
        for index, genome in enumerate(population):
            line = algorithm.lineage(index)
            if line["id"] in born:  # a parent that is scored again
                assert np.array_equal(born[line["id"]], genome)
            else:
                assert line["id"] // 6 == number
                assert len(line["parents"]) == (number > 0)
                assert all(np.array_equal(born[parent], genome) for parent in line["parents"])  # nothing mutates
                born[line["id"]] = genome.copy()
    assert len(born) == 24


def test_tell_wants_one_answer_to_each_ask_and_nan_never_stops_a_run():
    algorithm = made()
    with pytest.raises(RuntimeError, match=r"tell\(\) needs a population"):
        algorithm.tell(np.zeros(10))
    assert np.array_equal(algorithm.ask(), algorithm.ask())
    with pytest.raises(ValueError, match=r"shape \(10,\)"):
        algorithm.tell(np.zeros(11))
    for _ in range(3):
        generation(algorithm, lambda a, p: np.full(len(p), np.nan))
    generation(algorithm, lambda a, p: np.where(np.arange(len(p)) == 4, 1.0, np.nan))
    assert algorithm.fitness.tolist() == [1.0]
    assert len(generation(algorithm)) == 10
    with pytest.raises(SettingsError, match="mutation: expected one of gaussian, polynomial"):
        made(mutation="self-adaptive")


def test_it_begins_from_a_model_with_what_is_zero_masked():
    task = small_task()
    algorithm = NSGA2.for_task(task, seed=1, population_size=6)
    model = algorithm.model(algorithm.ask()[3])
    warm = NSGA2.for_task(task, seed=2, population_size=6)
    warm.warm_start(model)
    population, dimensions = warm.ask(), warm.encoding.dimensions
    assert np.array_equal(population[0, dimensions:], warm.encoding.of(model) != 0)
    assert warm.model(population[0]).connections == model.connections
    assert len(np.unique(population, axis=0)) == 6


def test_the_champion_reports_its_connections_also_after_it_was_saved():
    method, task = Evolved(NSGA2), small_task()
    learner = method(task, method.settings(population_size=10), 0)
    for _ in range(3):
        learner.step()
    champion = learner.champion()
    assert 0 <= champion.connections < champion.parameters
    assert method.restore(task, None, 0, *champion.save()).connections == champion.connections
    assert learner.front() == learner.algorithm.front()


def test_it_learns_two_clouds_with_two_thirds_of_the_weights_from_at_least_nine_of_ten_seeds():
    task, right, connections = small_task(), 0, []
    for seed in range(10):
        learner = Evolve(task, NSGA2.for_task(task, seed=seed, population_size=40), seed)
        for _ in range(40):
            learner.step()
        champion = learner.champion()
        right += task.score(champion, "validation")["accuracy"] >= 0.9
        connections.append(champion.connections / champion.parameters)
    assert right >= 9
    assert np.mean(connections) < 0.67


def test_as_published_it_finds_the_subset_of_a_sum_for_every_size():
    """The best k numbers of a sum are its k largest: the front is known."""
    worth = np.arange(1.0, 13.0)
    task = FunctionTask(lambda points: ((points != 0) * worth).sum(1), 12)
    learner = Evolve(task, NSGA2.for_task(task, seed=0, connections_share=1.0), 0)
    for _ in range(60):
        learner.step()
    expected = np.r_[0, np.cumsum(worth[::-1])]
    assert learner.front() == [{"fitness": value, "connections": count} for count, value in enumerate(expected)]


def test_it_learns_xor():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    task = SupervisedTask((x, x.sum(1) % 2), kind="probability", network=network)
    learner = Evolve(task, NSGA2.for_task(task, seed=0, population_size=60), 0)
    for _ in range(60):
        learner.step()
    assert task.score(learner.champion(), "train")["accuracy"] == 1
