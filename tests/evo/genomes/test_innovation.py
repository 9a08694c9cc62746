import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evo.genomes.innovation import Innovations

NONE = -1


def numbered(innovations, requests):
    """requests: (connection split or -1, source or -1, target or -1) of each offspring, in order."""
    columns = np.array(requests, np.int64).reshape(-1, 3).T.copy()
    return [column.tolist() for column in innovations.assign_numbers(*columns)]


def test_the_same_mutation_of_one_generation_gets_the_same_numbers_in_the_order_of_the_offspring():
    innovations = Innovations(node=4, number=3)
    requests = [(0, NONE, NONE), (NONE, 1, 4), (0, NONE, NONE), (2, NONE, NONE), (NONE, NONE, NONE), (NONE, 1, 4), (0, 4, 1)]
    node, first, connection = numbered(innovations, requests)
    assert node == [4, NONE, 4, 5, NONE, NONE, 4]
    assert first == [3, NONE, 3, 6, NONE, NONE, 3]  # and 4, 7 for the connections out of the new nodes
    assert connection == [NONE, 5, NONE, NONE, NONE, 5, 8]  # 4 -> 1 is not 1 -> 4
    assert (innovations.node, innovations.number) == (6, 9)


def test_the_next_generation_gets_new_numbers_for_the_same_mutations():
    innovations = Innovations(node=4, number=3)
    assert numbered(innovations, [(0, 1, 5)]) == [[4], [3], [5]]
    assert numbered(innovations, [(0, 1, 5)]) == [[5], [6], [8]]


def test_connections_that_are_alike_in_their_ends_alone_are_split_into_different_nodes():
    """Two innovations may join the same nodes, found in different generations: a split is keyed by the innovation."""
    innovations = Innovations(node=4, number=10)
    assert numbered(innovations, [(7, NONE, NONE), (9, NONE, NONE)])[0] == [4, 5]


request = st.tuples(st.integers(-1, 6), st.integers(-1, 5), st.integers(0, 5))


@given(st.lists(st.lists(request, max_size=12), max_size=6))
def test_a_number_means_one_thing_for_ever(generations):
    innovations, meaning, nodes = Innovations(node=10, number=7), {}, {}
    for time, requests in enumerate(generations):
        requests = [(split, source, target if source >= 0 else NONE) for split, source, target in requests]
        before = innovations.number
        for asked, node, first, connection in zip(requests, *numbered(innovations, requests)):
            split, source, target = asked
            assert (node >= 0, first >= 0, connection >= 0) == (split >= 0, split >= 0, source >= 0)
            if split >= 0:
                assert nodes.setdefault(node, (time, split)) == (time, split)
                for number, what in ((first, "in"), (first + 1, "out")):
                    assert meaning.setdefault(number, (time, split, what)) == (time, split, what)
            if source >= 0:
                assert meaning.setdefault(connection, (time, source, target)) == (time, source, target)
        new = sorted(number for number in meaning if number >= before)
        assert new == list(range(before, innovations.number))
    assert len(set(meaning.values())) == len(meaning)
    assert len(set(nodes.values())) == len(nodes)
