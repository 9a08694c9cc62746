import dataclasses
import io
import re

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import any_graph

from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node

MINIMAL = Genome(
    2,
    1,
    [Node(0, SENSOR), Node(1, SENSOR), Node(2, BIAS), Node(3, OUTPUT)],
    [Connection(0, 0, 3, 0.5), Connection(1, 1, 3, -0.5), Connection(2, 2, 3, 1.0)],
)
GROWN = Genome(
    2,
    1,
    [*MINIMAL.nodes, Node(4, HIDDEN), Node(7, HIDDEN, 0.25, 2.0, 3, 1, 0.5)],
    [
        Connection(0, 0, 3, 0.5, False),
        *MINIMAL.connections[1:],
        Connection(5, 0, 4, 1.0),
        Connection(6, 4, 3, 0.5),
        Connection(9, 4, 7, 2.0),
    ],
)


genomes = st.lists(st.integers(0, 10**6).map(any_graph), min_size=1, max_size=6)


@given(genomes)
def test_a_population_of_genomes_holds_each_as_it_was(made):
    population = Genomes.of(made).check()
    assert len(population) == len(made)
    assert [population.one(index) for index in range(len(made))] == made
    assert [one.one(0) for one in population] == made


@given(genomes, st.data())
def test_select_and_concatenate_do_what_lists_do(made, data):
    population = Genomes.of(made)
    indices = data.draw(st.lists(st.integers(0, len(made) - 1), max_size=8))
    chosen = population.select(indices)
    assert [chosen.one(index) for index in range(len(chosen))] == [made[index] for index in indices]
    joined = Genomes.concatenate([population, chosen, population[1:]])
    expected = [*made, *(made[index] for index in indices), *made[1:]]
    assert [joined.one(index) for index in range(len(joined))] == expected
    joined.check()


def test_a_population_is_indexed_like_an_array():
    population = Genomes.of([MINIMAL, GROWN, MINIMAL])
    assert population[1].one(0) == population[-2].one(0) == GROWN
    assert [one.one(0) for one in population[np.array([False, True, True])]] == [GROWN, MINIMAL]
    assert len(population[:0]) == 0
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"genome {index} of a population of 3"):
            population[index]


def test_a_state_goes_through_a_file_and_shares_no_memory():
    population = Genomes.of([MINIMAL, GROWN])
    buffer = io.BytesIO()
    torch.save(population.state_dict(), buffer)
    buffer.seek(0)
    again = Genomes.from_state(torch.load(buffer, weights_only=True))
    assert [again.one(0), again.one(1)] == [MINIMAL, GROWN]
    state = population.state_dict()
    population.genes.weight[:] = 7.0
    assert state["weight"][0] == 0.5


def test_empty_lists_and_unlike_sizes_are_refused():
    other = dataclasses.replace(MINIMAL, inputs=3)
    for wrong in ([], [MINIMAL, other]):
        with pytest.raises(ValueError, match="same inputs and outputs"):
            Genomes.of(wrong)
    with pytest.raises(ValueError, match="same inputs and outputs"):
        Genomes.concatenate([])


def broken(change):
    """GROWN with some of its lists changed."""
    nodes, connections = list(GROWN.nodes), list(GROWN.connections)
    change(nodes, connections)
    return Genome(2, 1, nodes, connections)


FAULTS = {
    "node ids do not ascend after 7": lambda n, c: n.append(Node(5, HIDDEN)),
    "node ids do not ascend after 4": lambda n, c: n.insert(5, Node(4, HIDDEN)),
    "innovation numbers do not ascend after 9": lambda n, c: c.append(Connection(8, 7, 3, 1.0)),
    "innovation numbers do not ascend after 6": lambda n, c: c.insert(5, Connection(6, 4, 3, 1.0)),
    "node 9 has an unknown kind": lambda n, c: n.append(Node(9, 4)),
    "node 4 has an unknown kind": lambda n, c: n.__setitem__(4, Node(4, -1)),
    "expected 2 input nodes; got 3": lambda n, c: n.insert(0, Node(-1, SENSOR)),
    "expected 1 output nodes; got 0": lambda n, c: n.__setitem__(3, Node(3, HIDDEN)),
    "expected at most one bias node; got 2": lambda n, c: n.append(Node(9, BIAS)),
    "expected node order inputs, bias, outputs, hidden; node 9 is out of order": lambda n, c: n.append(Node(9, BIAS)),
    "bias of node 4 is nan": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, bias=float("nan"))),
    "activation of node 4 is 99; expected 0 to": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, activation=99)),
    "aggregation of node 4 is -1; expected 0 to 6": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, aggregation=-1)),
    "response of node 4 is inf": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, response=float("inf"))),
    "time_constant of node 4 is 0.0; expected above 0": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, time_constant=0.0)),
    "time_constant of node 4 is -0.5; expected above 0": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, time_constant=-0.5)),
    "time_constant of node 4 is nan": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, time_constant=float("nan"))),
    "time_constant of node 4 is inf": lambda n, c: n.__setitem__(4, Node(4, HIDDEN, time_constant=float("inf"))),
    "weight of connection 9 is -inf": lambda n, c: c.__setitem__(-1, Connection(9, 4, 7, float("-inf"))),
    "source of connection 11 is 5, which is no node of this genome": lambda n, c: c.append(Connection(11, 5, 3, 1.0)),
    "target of connection 11 is 8, which is no node of this genome": lambda n, c: c.append(Connection(11, 4, 8, 1.0)),
    "target of connection 11 is -3, which is no node of this genome": lambda n, c: c.append(Connection(11, 4, -3, 1.0)),
    "connection 11 targets bias node 2": lambda n, c: c.append(Connection(11, 4, 2, 1.0)),
    "connection 11 targets input node 1": lambda n, c: c.append(Connection(11, 4, 1, 1.0)),
    "duplicate connections from node 4 to node 3": lambda n, c: c.append(Connection(11, 4, 3, 1.0)),
    "innovation 2 connects 1 to 4 here, but 2 to 3 in another genome": lambda n, c: c.__setitem__(2, Connection(2, 1, 4, 1.0)),
    "its connections contain a cycle": lambda n, c: c.append(Connection(11, 7, 4, 1.0, False)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named_with_its_genome(fault):
    population = Genomes.of([MINIMAL, GROWN, broken(FAULTS[fault])])
    with pytest.raises(ValueError) as caught:
        population.check(feedforward=True)
    assert re.search(f"genome 2: [^;]*{re.escape(fault)}", str(caught.value))


def test_faults_are_named_all_at_once_and_a_sound_population_is_given_back():
    population = Genomes.of([GROWN, MINIMAL])
    assert population.check(feedforward=True) is population
    both = broken(lambda n, c: (n.append(Node(5, HIDDEN)), c.append(Connection(11, 9, 3, float("nan")))))
    with pytest.raises(ValueError, match=r"node ids.*weight of.*source of connection 11 is 9"):
        Genomes.of([both]).check()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(weight=np.zeros(3)), "expected arrays of one length"),
        (dict(weight=np.zeros(10, np.float32)), "weight: expected float64; got float32"),
        (dict(enabled=np.ones(9, np.int8)), "enabled: expected bool; got int8"),
        (dict(weight=np.zeros(18)[::2]), "weight: expected float64; got float64, not contiguous"),
        (dict(weight=[0.0] * 9), "weight: expected float64; got a list"),
        (dict(nodes_at=np.array([0, 4, 10], np.int32)), "nodes_at: expected int64; got int32"),
        (dict(weight=np.zeros((9, 1))), "expected arrays of one length"),
        (dict(connections_at=np.array([1, 3, 9])), "connections_at: expected offsets that ascend from 0 to 9"),
        (dict(connections_at=np.zeros(0, np.int64)), "connections_at: expected offsets that ascend"),
        (dict(nodes_at=np.array([[0, 10]])), "nodes_at: expected offsets that ascend"),
        (dict(nodes_at=np.array([0, 4, 11])), "nodes_at: expected offsets that ascend from 0 to 10"),
        (dict(nodes_at=np.array([0, 12, 10])), "nodes_at: expected offsets that ascend"),
        (dict(nodes_at=np.array([0, 10])), "nodes_at has 1 genomes, connections_at has 2"),
    ],
)
def test_arrays_that_do_not_fit_are_named_before_they_are_read(change, message):
    population = dataclasses.replace(Genomes.of([MINIMAL, GROWN]), **change)
    if len(population.weight) == 10:
        population = dataclasses.replace(population, weight=population.weight[:9])
    with pytest.raises(ValueError, match=message):
        population.check()


@given(genomes)
def test_cycles_are_found_as_networkx_finds_them_and_only_where_none_may_be(made):
    population = Genomes.of(made).check()
    graphs = [networkx.DiGraph([(gene.source, gene.target) for gene in genome.connections]) for genome in made]
    if all(map(networkx.is_directed_acyclic_graph, graphs)):
        population.check(feedforward=True)
    else:
        with pytest.raises(ValueError, match="contain a cycle"):
            population.check(feedforward=True)


def test_a_population_made_of_anothers_arrays_is_one_for_kernels_too():
    first = Genomes.of([MINIMAL, GROWN])
    twice = dataclasses.replace(first, weight=first.weight * 2)
    assert np.array_equal(twice[1].weight, first[1].weight * 2)
    assert len(twice.block) == len(first.block)
    twice.genes.bias[:] = 7.0
    assert not (first.bias == 7.0).any()
