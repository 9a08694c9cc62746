import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evo.neat.selection import offspring, ranking, shareable


def counts(fitness, species, size, allowed=None):
    allowed = np.ones(max(species) + 1, np.bool_) if allowed is None else np.array(allowed)
    return offspring(np.array(fitness, float), np.array(species), allowed, size).tolist()


def test_offspring_follow_the_sum_of_shared_fitness_by_hand():
    # species 0: (4 + 2) / 2 = 3; species 1: (1 + 1 + 1) / 3 = 1; species 2: 2
    assert counts([4, 2, 1, 1, 1, 2], [0, 0, 1, 1, 1, 2], 12) == [6, 2, 4]
    assert counts([4, 2, 1, 1, 1, 2], [0, 0, 1, 1, 1, 2], 6) == [3, 1, 2]
    assert counts([4, 2, 1, 1, 1, 2], [0, 0, 1, 1, 1, 2], 8, [True, False, True]) == [5, 0, 3]  # 4.8 and 3.2
    assert counts([1, 1, 1], [0, 1, 2], 5) == [2, 2, 1]  # of equal fractions the oldest
    assert counts([0, 0, 0], [0, 0, 1], 4) == [2, 2]
    assert counts([0, 0, 3], [0, 0, 1], 4, [True, False]) == [4, 0]
    assert counts([1, 2, 3], [0, 0, 1], 4, [False, False]) == [1, 3]  # nobody may: all may. 1.5 and 3: 1.33 and 2.67


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 5)), min_size=1, max_size=40), st.integers(1, 300), st.data())
def test_all_offspring_are_given_out_each_species_within_one_of_its_share(members, size, data):
    fitness, named = np.array([m[0] for m in members]), np.array([m[1] for m in members])
    species = np.unique(named, return_inverse=True)[1]
    total = int(species.max()) + 1
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=total, max_size=total)))
    given_out = offspring(fitness, species, allowed, size)
    assert given_out.sum() == size
    share = np.array([fitness[species == s].mean() for s in range(total)]) * (allowed if allowed.any() else 1.0)
    if share.sum() > 1e-9:
        assert (np.abs(given_out - size * share / share.sum()) < 1 + 1e-6).all()
    assert (given_out[~allowed] == 0).all() or not allowed.any()


@given(st.lists(st.tuples(st.sampled_from([-np.inf, -1.5, 0.0, 2.0, 3.25]), st.integers(0, 3)), min_size=1, max_size=200))
def test_members_are_ranked_by_fitness_and_equal_ones_by_their_place(members):
    """Species of few members, which are sorted by insertion, and of many."""
    fitness, named = np.array([m[0] for m in members]), np.array([m[1] for m in members])
    species = np.unique(named, return_inverse=True)[1]
    ranks = ranking(fitness, species, species.max() + 1, 0.2)
    for s in range(species.max() + 1):
        own = np.flatnonzero(species == s)
        expected = own[np.argsort(-fitness[own], kind="stable")]
        assert ranks.order[ranks.at[s] : ranks.at[s + 1]].tolist() == expected.tolist()


def test_negative_fitness_is_shifted_by_the_minimum_and_what_is_not_finite_counts_nothing():
    assert shareable(np.array([1.0, 2.0, 4.0])).tolist() == [0.25, 0.5, 1.0]
    assert shareable(np.array([-4.0, -3.0, 4.0])).tolist() == [0.0, 0.25, 2.0]
    assert shareable(np.array([-2.0, -np.inf, -1.0])).tolist() == [0.0, 0.0, 0.5]
    assert shareable(np.array([3.0, -np.inf])).tolist() == [1.0, 0.0]
    for nothing in ([0.0, 0.0], [-np.inf, -np.inf], [-5.0, -5.0]):
        assert shareable(np.array(nothing)).tolist() == [0.0, 0.0]
    assert shareable(np.array([-1.7e308, 1.7e308, 0.0])).tolist() == [0.0, 2.0, 1.0]


def ranked(fitness, species, survival=0.2):
    ranks = ranking(np.array(fitness, float), np.array(species), max(species) + 1, survival)
    return [ranks.order[a:b].tolist() for a, b in zip(ranks.at, ranks.at[1:])], ranks.parents.tolist()


def test_the_best_fifth_of_a_species_and_one_more_may_be_parents():
    members, parents = ranked([1, 5, 2, 5, 3, 0], [0, 0, 0, 1, 0, 1])
    assert members == [[1, 4, 2, 0], [3, 5]]
    assert parents == [1, 1]
    for size, expected in ((1, 1), (4, 1), (5, 2), (9, 2), (10, 3), (15, 4), (150, 31)):
        assert ranked(np.arange(size), [0] * size)[1] == [expected]
    assert ranked(np.arange(5), [0] * 5, survival=1.0)[1] == [5]
    assert ranked(np.arange(5), [0] * 5, survival=0.0)[1] == [1]


def test_of_equal_fitness_the_first_is_the_better_and_the_unfit_are_no_parents_while_another_is_fit():
    assert ranked([1, 2, 2, 1], [0] * 4)[0] == [[1, 2, 0, 3]]
    members, parents = ranked([-np.inf] * 9 + [1.0] + [-np.inf] * 10, [0] * 10 + [1] * 10)
    assert members[0][0] == 9
    assert parents == [1, 3]
