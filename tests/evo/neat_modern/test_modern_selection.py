import contextlib
import dataclasses
from types import SimpleNamespace

import neat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neat.reporting import ReporterSet
from neat_python_peer import neat_config

from evo.neat_modern.selection import parents, rank, shares, spawn, species_fitness, surviving
from evo.neat_modern.settings import FITNESS_OF_SPECIES, ModernSettings
from evo.neat_modern.speciation import Species


def species_of(of, improved=None, ids=None):
    """Species whose members are given by `of`, all founded in generation 0."""
    count = max(of) + 1
    species = Species(threshold=3.0)
    species.of, species.id = np.array(of), np.arange(1, count + 1) if ids is None else np.array(ids)
    species.representative = np.array([of.index(s) for s in range(count)])
    species.best = np.full(count, -np.inf)
    species.improved = np.zeros(count, np.int64) if improved is None else np.array(improved)
    return species


tables = st.integers(1, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0, 1), min_size=n, max_size=n),
        st.lists(st.integers(1, 60), min_size=n, max_size=n),
        st.integers(1, 4),
    )
)


@given(tables, st.sampled_from([40, 100, 150]))
def test_sizes_of_species_are_those_of_neat_python(table, population):
    """Where it gives up, ours still gives everyone its least and all of the population."""
    share, sizes, least = table
    counts = spawn(np.array(share), np.array(sizes), population, least)
    assert counts.sum() == population
    assert counts.min() >= least
    rough = neat.DefaultReproduction.compute_spawn(share, sizes, population, least)
    with contextlib.suppress(RuntimeError):
        assert counts.tolist() == neat.DefaultReproduction._adjust_spawn_exact(None, rough, population, least)


def test_too_many_are_taken_from_the_largest_in_turn_as_often_as_it_needs():
    """Scaled and rounded up to the least, these are nine too many: neat-python gives up after one round."""
    share, sizes, least = np.array([1.0] + [0.0] * 9), np.array([20] + [1] * 9), 2
    rough = neat.DefaultReproduction.compute_spawn(share.tolist(), sizes.tolist(), 24, least)
    assert sum(rough) - 24 > 1
    with pytest.raises(RuntimeError, match="Internal error"):
        neat.DefaultReproduction._adjust_spawn_exact(None, rough, 24, least)
    assert spawn(share, sizes, 24, least).tolist() == [6] + [2] * 9


class Child:
    """Stands for a genome in neat-python's reproduction, and takes note of its parents."""

    def __init__(self, key):
        self.key = key

    def configure_crossover(self, one, two, config):
        self.parents = (one, two)

    def mutate(self, config):
        pass


def histories(seed, generations=14, size=40):
    """Species of a population of `size`, and their fitness, generation after generation: some members go to another species,
    some species are new, ties are many."""
    draw = np.random.default_rng(seed)
    of, next_id, ids = draw.integers(0, 5, size), 6, list(range(1, 6))
    for _ in range(generations):
        fitness = draw.choice([draw.normal(0, 3, size), np.round(draw.normal(0, 1, size))])
        yield of, ids, fitness
        of = np.where(draw.random(size) < 0.1, draw.integers(0, len(ids), size), of)
        if draw.random() < 0.4:
            of[draw.integers(size)], next_id, ids = len(ids), next_id + 1, [*ids, next_id]


def theirs(options, species_set, stagnation, fitness, generation):
    """(survivors' ids, elite, children by id of the species): what neat-python's reproduction makes of it."""
    config = neat_config(options, 2, 1)
    config.genome_type = Child
    made = neat.DefaultReproduction(config.reproduction_config, ReporterSet(), stagnation)
    made.genome_indexer = iter(range(10**6, 10**7))
    population = made.reproduce(config, species_set, options.population_size, generation)
    children = [one for key, one in population.items() if key >= 10**6]
    return list(species_set.species), sorted(key for key in population if key < 10**6), [one.parents for one in children]


@pytest.mark.parametrize("how", FITNESS_OF_SPECIES)
@pytest.mark.parametrize("seed", range(6))
def test_survivors_elite_and_numbers_of_offspring_are_those_of_neat_python(how, seed):
    options = ModernSettings(
        population_size=40, species_fitness_func=how, max_stagnation=3, species_elitism=seed % 3, elitism=seed % 4,
        survival_threshold=(0.2, 0.5, 0.01)[seed % 3], min_species_size=1 + seed % 2,
    ).filled()  # fmt: skip
    stagnation = neat.DefaultStagnation(neat_config(options, 2, 1).stagnation_config, ReporterSet())
    peers, known, extinct = {}, {}, 0
    for generation, (of, ids, fitness) in enumerate(histories(seed)):
        members = {name: np.flatnonzero(of == s).tolist() for s, name in enumerate(ids)}
        alive = [name for name in ids if members[name]]
        species = species_of(np.searchsorted(alive, np.array(ids)[of]).tolist(), ids=alive)
        for s, name in enumerate(alive):
            species.best[s], species.improved[s] = known.get(name, (-np.inf, generation))
        for name in alive:
            peers.setdefault(name, neat.species.Species(name, generation)).members = {
                place: SimpleNamespace(key=place, fitness=fitness[place]) for place in members[name]
            }
        species_set = SimpleNamespace(species={name: peers[name] for name in alive})

        ranks = rank(fitness, species)
        reached = species_fitness(fitness, ranks, species, how)
        species.update_best(reached, generation)
        known |= dict(zip(alive, zip(species.best, species.improved)))
        kept = surviving(reached, species, generation, options)
        survivors, elite, broods = theirs(options, species_set, stagnation, fitness, generation)
        assert species.id[kept].tolist() == survivors
        if not survivors:
            extinct += 1
            continue
        counts = spawn(shares(ranks.values, species, kept), species.sizes[kept], 40, options.smallest)
        pairs = parents(fitness, ranks, species, kept, counts, options, generation, seed=seed)
        assert len(pairs) == 40
        assert pairs[: len(elite), 0].tolist() == elite
        assert (pairs[:, 1] == -1).tolist() == [True] * len(elite) + [False] * (40 - len(elite))
        mates = pairs[len(elite) :]
        assert species.of[mates[:, 0]].tolist() == [species.of[one.key] for one, _ in broods]
        assert species.of[mates[:, 1]].tolist() == [species.of[one.key] for one, _ in broods]
        assert (fitness[mates[:, 0]] >= fitness[mates[:, 1]]).all()
    assert extinct < 7


def test_parents_are_the_best_of_their_species_each_with_equal_chance():
    options = ModernSettings(population_size=4000, elitism=1, survival_threshold=0.3).filled()
    fitness, species = np.array([5.0, 1.0, 4.0, 2.0, 5.0, 0.0, 3.0, 9.0]), species_of([0] * 7 + [1])
    ranks = rank(fitness, species)
    pairs = parents(fitness, ranks, species, np.array([0]), np.array([4000]), options, 3, 7)
    assert pairs[0].tolist() == [4, -1]  # of two equally fit ones the younger
    counts = np.bincount(pairs[1:].reshape(-1), minlength=8)
    assert set(np.flatnonzero(counts).tolist()) == {0, 2, 4}  # ceil(.3 * 7) = 3
    assert counts[[0, 2, 4]] / counts.sum() == pytest.approx(1 / 3, abs=0.02)
    few = dataclasses.replace(options, survival_threshold=0.01)
    pairs = parents(fitness, ranks, species, np.array([0, 1]), np.array([3999, 1]), few, 3, 7)
    assert set(pairs[2:].reshape(-1).tolist()) == {0, 4}  # two at least, where there are two
    assert pairs[:2].tolist() == [[4, -1], [7, -1]]
    tied = pairs[1:][np.isin(pairs[1:], [0, 4]).all(axis=1) & (pairs[1:, 0] != pairs[1:, 1])]
    assert (tied[:, 0] == 0).mean() == pytest.approx(0.5, abs=0.05)


def test_fitness_of_a_species_without_a_finite_one_is_none_and_it_dies_out_where_another_has_one():
    options, bad = ModernSettings(population_size=6, max_stagnation=5).filled(), -np.inf
    species = species_of([0, 0, 1, 1, 2, 2])
    fitness = np.array([bad, bad, bad, -4.0, -7.0, -9.0])
    ranks = rank(fitness, species)
    assert ranks.values.tolist() == [-9.0, -9.0, -9.0, -4.0, -7.0, -9.0]
    assert ranks.able.tolist() == [2, 1, 2]
    reached = species_fitness(fitness, ranks, species, "mean")
    assert reached.tolist() == [bad, -6.5, -8.0]
    assert surviving(reached, species, 1, options).tolist() == [2, 1]
    pairs = parents(fitness, ranks, species, np.array([2, 1]), np.array([3, 3]), options, 0, 0)
    assert set(pairs[pairs >= 0].tolist()) == {3, 4, 5}
    nobody = np.full(6, bad)
    ranks = rank(nobody, species)
    assert surviving(species_fitness(nobody, ranks, species, "max"), species, 1, options).tolist() == [0, 1, 2]
    assert shares(ranks.values, species, np.arange(3)).tolist() == [0.0, 0.0, 0.0]


def test_of_more_species_than_have_room_the_fittest_go_on():
    """neat-python raises a RuntimeError, "Configuration conflict"."""
    species = species_of(list(range(9)))
    fitness = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.0, 6.0, 5.0, 3.5])
    for elitism, least, expected in ((0, 1, 9), (2, 1, 4), (0, 4, 2), (0, 9, 1)):
        options = ModernSettings(population_size=9, elitism=elitism, min_species_size=least).filled()
        kept = surviving(fitness, species, 0, options)
        assert kept.tolist() == np.argsort(fitness)[-expected:].tolist()
        assert spawn(np.zeros(expected), np.ones(expected, int), 9, options.smallest).sum() == 9


def test_huge_fitness_is_summed_without_overflow():
    species, fitness = species_of([0, 0, 1, 1]), np.array([1.7e308, 1.7e308, -1.7e308, -1.7e308])
    ranks = rank(fitness, species)
    assert np.isfinite(species_fitness(fitness, ranks, species, "mean")).all()
    assert shares(ranks.values, species, np.arange(2)).tolist() == [1.0, 0.0]
