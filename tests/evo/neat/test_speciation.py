import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evo.genomes.genome import OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.neat.speciation import Compatibility, Species, distance, maybe_compatible, min_mismatches, signature

PAPER = Compatibility(1.0, 1.0, 0.4, 20, 3.0)
NONE = np.zeros(0, np.int64)


def genome(weights):
    """A genome of these genes: {innovation: weight}, or {innovation: (weight, enabled)}."""
    pairs = {number: value if isinstance(value, tuple) else (value, True) for number, value in weights.items()}
    return Genome(1, 1, [Node(0, SENSOR), Node(1, OUTPUT)], [Connection(k, 0, 1, *pairs[k]) for k in sorted(pairs)])


def delta(one, two, rules=PAPER):
    genes = Genomes.of([genome(one), genome(two)]).genes
    there, back = distance(genes, 0, genes, 1, rules, np.inf), distance(genes, 1, genes, 0, rules, np.inf)
    assert there == back
    for enough in (0.0, 0.5, 3.0, there, there + 0.1):  # what is far enough may be said to be so before all is counted
        assert min(distance(genes, 0, genes, 1, rules, enough), enough) == min(there, enough)
    return there


def test_delta_by_hand():
    one, two = {0: 1.0, 1: 2.0, 4: -1.0}, {0: 3.0, 2: 1.0, 4: (-1.5, False), 5: 9.0, 8: 9.0}
    # matching 0, 4: mean difference (2 + .5) / 2; disjoint 1, 2; excess 5, 8
    assert delta(one, two) == 2 + 2 + 0.4 * 1.25
    assert delta(one, two, Compatibility(2.0, 10.0, 100.0, 20, 3.0)) == 2 * 2 + 10 * 2 + 125
    assert delta(one, two, Compatibility(2.0, 10.0, 100.0, 0, 3.0)) == (2 * 2 + 10 * 2) / 5 + 125
    assert delta(one, one) == 0.0
    assert delta({0: 1.0}, {3: 1.0}) == 2.0  # nothing matches: one disjoint, one excess
    assert delta({}, {3: 1.0}) == 1.0
    assert delta({}, {}) == 0.0


@pytest.mark.parametrize(("genes", "size"), [(19, 1), (20, 20), (25, 25)])
def test_n_is_1_where_both_genomes_have_fewer_than_20_genes(genes, size):
    small, large = dict.fromkeys(range(3), 0.0), dict.fromkeys(range(genes), 0.0)
    assert delta(small, large) == (genes - 3) / size


weights = st.dictionaries(st.integers(0, 30), st.floats(-9, 9), max_size=25)


@given(weights, weights)
def test_delta_is_what_sets_of_numbers_say(one, two):
    both, edge = one.keys() & two.keys(), min(max(one, default=-1), max(two, default=-1))
    unlike = one.keys() ^ two.keys()
    excess = sum(k > edge for k in unlike)
    larger = max(len(one), len(two))
    size = 1 if larger < 20 else larger
    mean = sum(abs(one[k] - two[k]) for k in both) / len(both) if both else 0.0
    rules = Compatibility(1.5, 0.7, 0.4, 20, 3.0)
    assert delta(one, two, rules) == pytest.approx((1.5 * excess + 0.7 * (len(unlike) - excess)) / size + 0.4 * mean)


OTHER = Compatibility(0.3, 0.7, 0.0, 0, 0.2)
RULES = st.sampled_from([PAPER, OTHER, PAPER._replace(threshold=np.inf), PAPER._replace(threshold=0.0)])
numbers = st.integers(0, 200)


@example(set(range(10)), set(range(20, 25)), OTHER)  # all excess, which counts less
@given(st.sets(numbers, max_size=30), st.sets(numbers, max_size=8), RULES)
def test_marks_never_part_two_genomes_that_are_alike(one, changed, rules):
    two = one ^ changed
    genes = Genomes.of([genome(dict.fromkeys(one, 0.5)), genome(dict.fromkeys(two, 1.0))]).genes
    differing, larger = signature(genes, 0) ^ signature(genes, 1), max(len(one), len(two))
    assert differing.bit_count() <= len(one ^ two)
    possible = maybe_compatible(differing, larger, rules, min_mismatches(rules, 1))
    alike = distance(genes, 0, genes, 1, rules, rules.threshold) < rules.threshold
    assert possible or not alike
    if rules == PAPER and max(one | two, default=0) < 63 and larger < rules.small:  # nothing is lost
        assert possible == (len(one ^ two) * rules.excess < rules.threshold)


crowded = st.sampled_from([*range(9), *range(63, 72)])  # pairs of them have one mark
a_structure = st.tuples(st.sets(crowded, max_size=14), st.floats(-9, 9))


@given(st.lists(a_structure, min_size=1, max_size=40), st.lists(a_structure, max_size=15), RULES)
@example([({0, 1, 2, 3}, 1.0), ({0, 1, 2, 3, 63, 64}, 1.0)], [({0, 1, 63, 64}, 1.0)], PAPER._replace(small=0, threshold=0.4))
def test_the_species_are_those_of_looking_at_all_pairs(population, founders, rules):
    made = [dict.fromkeys(numbers, weight) for numbers, weight in population]
    before = [dict.fromkeys(numbers, weight) for numbers, weight in founders]
    genes = Genomes.of([genome(one) for one in [*before, *made]]).genes
    like = lambda i, j: distance(genes, i, genes, j, rules, np.inf) < rules.threshold
    standing, of = list(range(len(before))), []
    for i in range(len(before), len(before) + len(made)):
        of.append(next((s for s in range(len(before)) if like(i, s)), None))
    for i in range(len(made)):
        if of[i] is None:
            found = (s for s in range(len(before), len(standing)) if like(len(before) + i, standing[s]))
            of[i] = next(found, len(standing))
            standing += [len(before) + i] * (of[i] == len(standing))
    species = Species(id=np.arange(len(before)), best=np.zeros(len(before)), improved=np.zeros(len(before), np.int64))
    representatives = np.arange(len(before))
    previous = Genomes.of([genome(one) for one in before or [{}]])
    species.speciate(Genomes.of([genome(one) for one in made]), previous, representatives, rules, 1)
    members = np.unique(of)
    assert species.of.tolist() == np.searchsorted(members, of).tolist()
    assert species.id[: (members < len(before)).sum()].tolist() == members[members < len(before)].tolist()


def assigned(population, previous=None, representatives=NONE, species=None, threshold=3.0, generation=0):
    species = species or Species()
    made = Genomes.of([genome(one) for one in population])
    before = made if previous is None else Genomes.of([genome(one) for one in previous])
    species.speciate(made, before, representatives, PAPER._replace(threshold=threshold), generation)
    return species


def test_a_genome_joins_the_first_species_that_it_is_like_or_founds_one():
    """Along a line of weights, where delta is .4 x the difference and 3 / .4 = 7.5."""
    species = assigned([{0: 0.0}, {0: 7.4}, {0: 7.5}, {0: 14.0}, {0: 100.0}, {0: 1.0}])
    assert species.of.tolist() == [0, 0, 1, 1, 2, 0]
    assert species.id.tolist() == [1, 2, 3]
    assert species.sizes.tolist() == [3, 2, 1]


def test_the_next_generation_is_compared_with_representatives_of_the_last_one_in_order():
    species = assigned([{0: 0.0}, {0: 5.0}, {0: 10.0}])
    species.best, species.improved = np.array([3.0, 4.0]), np.array([2, 5])
    previous, representatives = [{0: 0.0}, {0: 5.0}, {0: 10.0}], np.array([1, 2])  # 5 stands for species 1, 10 for 2
    assigned([{0: 11.0}, {0: 13.0}, {0: 40.0}, {0: 41.0}], previous, representatives, species, generation=7)
    assert species.of.tolist() == [0, 1, 2, 2]
    assert species.id.tolist() == [1, 2, 3]
    assert species.best.tolist() == [3.0, 4.0, -np.inf]
    assert species.improved.tolist() == [2, 5, 7]


def test_a_species_without_members_is_dropped_and_its_id_never_used_again():
    species = assigned([{0: 0.0}, {0: 50.0}, {0: 100.0}])
    previous = [{0: 0.0}, {0: 50.0}, {0: 100.0}]
    species.best, species.improved = np.array([1.0, 2.0, 3.0]), np.array([4, 5, 6])
    assigned([{0: 100.0}, {0: 0.0}, {0: 100.0}], previous, np.arange(3), species)
    assert (species.id.tolist(), species.of.tolist()) == ([1, 3], [1, 0, 1])
    assert (species.best.tolist(), species.improved.tolist()) == ([1.0, 3.0], [4, 6])
    assigned([{0: 200.0}], [{0: 100.0}, {0: 0.0}], np.array([1, 0]), species)
    assert (species.id.tolist(), species.of.tolist()) == ([4], [0])


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 5), (np.inf, 1)])
def test_a_threshold_of_zero_makes_each_genome_a_species_and_none_makes_all_one(threshold, count):
    population = [{0: 1.0}, {0: 1.0}, {0: 2.0}, {5: 1.0}, {}]
    species = assigned(population, threshold=threshold)
    assert len(species.id) == count
    representatives = np.array([int(np.argmax(species.of == s)) for s in range(count)])
    assigned(population, population, representatives, species, threshold)
    assert len(species.id) == count
    assert species.id[0] == (1 if count == 1 else 6)


def test_a_species_improves_when_its_highest_fitness_ever_is_exceeded():
    species = assigned([{0: 0.0}, {0: 50.0}, {0: 50.0}])
    species.update_best(np.array([1.0, 5.0, 4.0]), 3)
    assert (species.best.tolist(), species.improved.tolist()) == ([1.0, 5.0], [3, 3])
    species.update_best(np.array([1.0, 4.0, 5.5]), 4)
    assert (species.best.tolist(), species.improved.tolist()) == ([1.0, 5.5], [3, 4])
    species.update_best(np.array([-np.inf, 0.0, -np.inf]), 5)
    assert (species.best.tolist(), species.improved.tolist()) == ([1.0, 5.5], [3, 4])
