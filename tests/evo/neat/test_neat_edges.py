"""NEAT at its edges: what is defined for the smallest and the largest population, all species or none, every fitness alike."""

import numpy as np
import pytest
import torch
from test_neat import after

from evo.neat.neat import NEAT

EQUAL = {"nan": np.nan, "-inf": -np.inf, "inf": np.inf, "zero": 0.0, "negative": -7.0, "positive": 3.0}
NOT_FINITE = ("nan", "-inf", "inf")


def test_one_genome_alone_is_both_its_parents_and_its_own_champion():
    neat = NEAT(2, 1, population_size=1, add_node=1.0)
    for generation in range(40):
        nodes = len(neat.ask().check(feedforward=True).node_id)
        assert nodes == 4 + generation
        assert generation == 0 or ((neat.parents[0] <= 0).all() and neat.parents[0, 0] == 0)
        neat.tell([1.0 + generation])
        assert neat.best.one(0) == neat.population.one(0)
    champion = NEAT(2, 1, population_size=1, add_node=1.0, champion_above=0, threshold=100.0)
    first = champion.ask().one(0)
    for _ in range(5):
        champion.tell([1.0])
        assert champion.ask().one(0) == first


def test_a_hundred_thousand_genomes_breed_in_two_generations_as_a_few_do():
    neat = NEAT(2, 1, population_size=100_000, add_node=0.1, add_link=0.1)
    x, y = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])
    best = []
    for _ in range(3):
        genomes = neat.ask().check(feedforward=True)
        assert len(genomes) == neat.species.sizes.sum() == 100_000
        outputs = neat.express(genomes).forward(x).numpy()[..., 0]
        neat.tell((4 - np.abs(outputs - y).sum(1)) ** 2)
        best.append(neat.best_fitness)
    assert best == sorted(best)  # champions are copied
    assert set(np.diff(genomes.nodes_at).tolist()) == {4, 5, 6}


def test_where_each_genome_is_a_species_it_breeds_by_its_own_fitness_with_itself():
    neat = NEAT(2, 1, population_size=8, threshold=0.0, interspecies=0.0)
    known = set()
    for _ in range(20):
        neat.ask()
        assert neat.species.of.tolist() == list(range(8))
        assert not known & set(neat.species.id.tolist())  # nobody is like last generation's either
        known |= set(neat.species.id.tolist())
        neat.tell([0, 0, 3, 0, 1, 0, 0, 0])
        neat.ask()
        mothers, fathers = neat.parents.T
        assert np.bincount(mothers, minlength=8).tolist() == [0, 0, 6, 0, 2, 0, 0, 0]
        assert ((fathers == mothers) | (fathers == -1)).all()


def test_a_species_without_offspring_dies_and_its_name_with_it():
    neat = after(30, size=60, threshold=2.0, interspecies=0.0, champion_above=1000, told=False)
    gone = set()
    for _ in range(15):
        before, next_id, of = set(neat.species.id.tolist()), neat.species.next_id, neat.species.of.copy()
        unfit = int(of[0])
        neat.tell(np.where(of == unfit, 0.0, 5.0))
        neat.ask()
        assert len(before) == 1 or unfit not in of[neat.parents[neat.parents >= 0]]
        now = set(neat.species.id.tolist())
        gone |= before - now
        assert not gone & now
        assert all(name in before or name >= next_id for name in now)
        assert (neat.species.sizes > 0).all()
    assert len(gone) > 3


def test_no_population_dies_out_when_every_species_has_had_its_time():
    """Nobody improves after the first generation: the clocks run out again and again, for the species and for all."""
    for rule in ("once", "lasting", "none"):
        neat = NEAT(2, 1, population_size=20, threshold=1.0, stagnation=2, population_stagnation=3, population_rule=rule)
        for _ in range(30):
            assert len(neat.ask().check(feedforward=True)) == 20
            neat.tell(np.full(20, 1.0))


@pytest.mark.parametrize("fitness", EQUAL)
def test_if_all_are_equally_fit_every_species_has_as_many_offspring(fitness):
    neat = after(25, size=60, threshold=2.0, interspecies=0.0, stagnation=1000, population_stagnation=1000)
    of, count = neat.species.of.copy(), len(neat.species.id)
    assert count > 3
    neat.fitness = None
    before = neat.best_fitness
    neat.tell(np.full(60, EQUAL[fitness]))
    assert neat.best_fitness == max(before, -np.inf if fitness in NOT_FINITE else EQUAL[fitness])
    neat.ask()
    offspring = np.bincount(of[neat.parents[:, 0]], minlength=count)
    assert offspring.max() - offspring.min() <= 1
    assert offspring.sum() == 60


def test_of_negative_fitness_the_worst_counts_nothing_and_differences_decide():
    neat = NEAT(2, 1, population_size=4, threshold=0.0, interspecies=0.0)
    neat.ask()
    neat.tell([-10.0, -9.0, -7.0, -10.0])  # 0, 1, 3, 0 above the worst
    neat.ask()
    assert np.bincount(neat.parents[:, 0], minlength=4).tolist() == [0, 1, 3, 0]


def test_what_is_not_finite_counts_nothing_beside_what_is():
    neat = NEAT(2, 1, population_size=4, threshold=0.0, interspecies=0.0)
    neat.ask()
    neat.tell([np.nan, 1.0, np.inf, 3.0])
    assert (neat.best_fitness, neat.best.one(0)) == (3.0, neat.population.one(3))
    neat.ask()
    assert np.bincount(neat.parents[:, 0], minlength=4).tolist() == [0, 1, 0, 3]
