import itertools

import numpy as np
import pytest
from neat_python_peer import neat_config, to_neat
from neat_python_peer import species_set as peer_species

from evo import ModernNEAT
from evo.genomes.genome import OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.neat_modern.settings import ModernSettings
from evo.neat_modern.speciation import Compatibility, Species, distance, sorted_by_endpoints

RICH = dict(
    population_size=24,
    activation_options=("neat_sigmoid", "neat_tanh", "relu"),
    activation_mutate_rate=0.3,
    aggregation_options=("sum", "max"),
    aggregation_mutate_rate=0.2,
    response_init_stdev=0.4,
    response_mutate_rate=0.4,
    response_mutate_power=0.3,
    enabled_mutate_rate=0.3,
    conn_delete_prob=0.3,
    compatibility_threshold=2.6,
)


def populations(generations=12, seed=0, **values):
    """Those of a run whose fitness is drawn, and each one's species."""
    method = ModernNEAT(2, 2, seed=seed, **(RICH | values))
    for generation in range(generations):
        yield method.ask(), method
        method.tell(np.random.default_rng(generation).random(len(method.population)))


@pytest.mark.parametrize("feed_forward", [True, False])
def test_the_distance_is_neat_pythons(feed_forward):
    options = ModernSettings(**RICH, compatibility_disjoint_coefficient=1.3, compatibility_weight_coefficient=0.7).filled()
    config = neat_config(options, 2, 2).genome_config
    seen = set()
    for population, _ in populations(feed_forward=feed_forward):
        genes, rules = sorted_by_endpoints(population), Compatibility(1.3, 0.7)
        peers = [to_neat(population.one(index), index) for index in range(24)]
        for i, j in itertools.product(range(0, 24, 3), range(24)):
            assert distance(genes, i, genes, j, rules) == pytest.approx(peers[i].distance(peers[j], config), abs=1e-12)
            seen.add(round(distance(genes, i, genes, j, rules), 3))
    assert len(seen) > 500


def test_connections_are_alike_by_the_nodes_they_join_and_not_by_their_numbers():
    nodes = [Node(0, SENSOR), Node(1, SENSOR), Node(2, OUTPUT)]
    one = [Connection(0, 0, 2, 1.0), Connection(1, 1, 2, -1.0)]
    other = [Connection(5, 1, 2, -1.5, False), Connection(7, 0, 2, 1.0)]
    genes = sorted_by_endpoints(Genomes.of([Genome(2, 1, nodes, one), Genome(2, 1, nodes, other), Genome(2, 1, nodes, [])]))
    rules = Compatibility(3.0, 0.5)
    assert distance(genes, 0, genes, 1, rules) == 0.5 * (0.5 + 1.0) / 2
    assert distance(genes, 0, genes, 2, rules) == distance(genes, 2, genes, 0, rules) == 3.0 * 2 / 2
    assert distance(genes, 2, genes, 2, rules) == 0.0


@pytest.mark.parametrize("threshold", [0.0, 1.2, 2.0, 2.6, 50.0])
def test_species_are_neat_pythons_generation_after_generation(threshold):
    """Theirs are given our genomes, and the species that ours let die out are taken from them too."""
    options = ModernSettings(**(RICH | dict(compatibility_threshold=threshold))).filled()
    config = neat_config(options, 2, 2)
    theirs = peer_species(config)
    counts = []
    for generation, (population, method) in enumerate(populations(20, compatibility_threshold=threshold)):
        present = set(method.species.id.tolist())
        theirs.species = {name: one for name, one in theirs.species.items() if name in present}
        peers = {1000 * generation + index: to_neat(population.one(index), 1000 * generation + index) for index in range(24)}
        theirs.speciate(config, peers, generation)
        assert sorted(theirs.species) == method.species.id.tolist()
        assert [theirs.genome_to_species[key] for key in peers] == method.species.id[method.species.of].tolist()
        chosen = [one.representative.key - 1000 * generation for _, one in sorted(theirs.species.items())]
        assert chosen == method.species.representative.tolist()
        counts.append(len(present))
    assert {0.0: min(counts) >= 12, 50.0: set(counts) == {1}}.get(threshold, len(set(counts)) > 3)


def line(*weights):
    """Genomes on a line: the distance is the difference of their weights."""
    nodes = [Node(0, SENSOR), Node(1, OUTPUT)]
    return Genomes.of([Genome(1, 1, nodes, [Connection(0, 0, 1, weight)]) for weight in weights])


def assigned(weights, before=(), representatives=(), threshold=3.0):
    species = Species(threshold=threshold)
    if before:
        species.speciate(line(*before), line(*before), Compatibility(1.0, 1.0), 0)
        species.representative = np.array(representatives)
    species.speciate(line(*weights), line(*before) if before else line(*weights), Compatibility(1.0, 1.0), 1)
    return species


def test_a_genome_joins_the_nearest_species_and_not_the_first_that_is_like_it():
    species = assigned([0.0, 5.0, 2.9, 2.0, 8.0, 7.9, 3.0])
    assert species.id.tolist() == [1, 2, 3]
    assert species.of.tolist() == [0, 1, 1, 0, 2, 2, 1]  # 2.9 is like the first, and nearer to the second
    assert species.representative.tolist() == [0, 1, 4]


def test_of_two_species_with_one_nearest_genome_the_older_takes_it():
    species = assigned([1.0, 9.0], before=[0.0, 4.0], representatives=[0, 1])
    assert species.of.tolist() == [0, 1]  # 1.0 is nearer than 9.0 to both
    assert species.representative.tolist() == [0, 1]
    assert assigned([9.0, 1.0], before=[0.0, 4.0], representatives=[0, 1]).of.tolist() == [1, 0]


def test_of_two_genomes_as_near_the_first_represents_and_of_two_species_as_near_the_first_is_joined():
    species = assigned([1.0, -1.0, 5.0, 3.0], before=[0.0], representatives=[0])
    assert species.representative.tolist() == [0, 2]
    assert species.of.tolist() == [0, 0, 1, 0]  # 3.0 is as near to 5.0


def test_a_species_is_kept_even_where_nothing_is_like_it_any_more():
    species = assigned([100.0, 101.0], before=[0.0], representatives=[0])
    assert species.id.tolist() == [1]
    assert species.of.tolist() == [0, 0]


def test_there_are_no_more_species_than_genomes():
    with pytest.raises(ValueError, match="at most as many species as genomes, 1; got 2"):
        assigned([0.0], before=[0.0, 9.0], representatives=[0, 1])


def test_the_threshold_goes_towards_the_number_of_species_that_is_wanted():
    species = assigned([0.0, 5.0, 10.0], threshold=3.0)
    for target, limits, expected in (
        (2, (0, 9), 3.5),
        (3, (0, 9), 3.5),
        (9, (0, 9), 3.0),
        (9, (2.8, 9), 2.8),
        (1, (0, 3), 3.0),
    ):
        species.adjust_threshold(target, 0.5, *limits)
        assert species.threshold == pytest.approx(expected)


def test_a_run_settles_near_the_number_of_species_that_is_wanted():
    counts = {}
    for target in (None, 8):
        runs = populations(60, target_num_species=target, compatibility_threshold=6.0, population_size=60, max_stagnation=500)
        counts[target] = [len(method.species.id) for _, method in runs][30:]
    assert np.mean(counts[None]) < 3
    assert 6 <= np.mean(counts[8]) <= 10
