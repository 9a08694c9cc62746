"""Networks of equal topology are found, and computed together to the bits that each has alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo.activations import AGGREGATIONS, CODES
from evo.genomes.genome import Genome, Genomes
from evo.network import policy
from evo.network.population import Networks
from evo.network.program import compile
from evo.network.topologies import _equal, topologies
from tests.evo.random_graphs import random_genome

SUM = list(AGGREGATIONS).index("sum")
FEW = tuple(CODES[name] for name in ("neat_sigmoid", "tanh", "relu", "identity", "neat_sin"))


def reweighted(genome, seed):
    """The same topology with other numbers."""
    r = np.random.default_rng(seed)
    nodes = [node._replace(bias=float(r.normal()), response=float(r.normal())) for node in genome.nodes]
    connections = [gene._replace(weight=float(r.normal(scale=2))) for gene in genome.connections]
    return Genome(genome.inputs, genome.outputs, nodes, connections)


def reordered(genome):
    """The same connections, the youngest first."""
    genes = [gene._replace(innovation=-gene.innovation) for gene in reversed(genome.connections)]
    return Genome(genome.inputs, genome.outputs, genome.nodes, genes)


def reactivated(genome):
    """The same connections between nodes of other activations."""
    nodes = [node._replace(activation=FEW[node.activation == FEW[0]]) for node in genome.nodes]
    return Genome(genome.inputs, genome.outputs, nodes, genome.connections)


def mixed(seed, recurrent, kinds, aggregations=(SUM,)):
    """`kinds` topologies of the same inputs and outputs, each some times; where there are several, variants of one as well."""
    drawn = [random_genome(1000 * seed + k, recurrent, FEW, aggregations) for k in range(40)]
    first = [g for g in drawn if (g.inputs, g.outputs) == (drawn[0].inputs, drawn[0].outputs)][:kinds]
    first += [reordered(first[0]), reactivated(first[0])] * (kinds > 1)
    r = np.random.default_rng(seed)
    return Genomes.of([reweighted(first[k], n) for n, k in enumerate(r.integers(0, len(first), 24))])


def plan(program, g):
    """What decides a topology, in plain Python."""
    first, steps = program.slots_at[g], []
    for node in program.node[first : first + program.steps[g]].tolist():
        s = first + node
        sources = program.connection_source[program.first[s] : program.last[s]].tolist()
        steps.append((node, int(program.activation[s]), int(program.aggregation[s]), tuple(sources)))
    return int(program.first_output[g]), tuple(steps)


@given(seed=st.integers(0, 999), recurrent=st.booleans(), kinds=st.integers(1, 6))
@settings(max_examples=60)
def test_topologies_are_those_of_equal_plans(seed, recurrent, kinds):
    program = compile(mixed(seed, recurrent, kinds, (SUM, SUM, SUM, SUM + 1)), recurrent)
    plans = [plan(program, g) for g in range(len(program.depth))]
    for g, found in enumerate(topologies(program)):
        alone = any(code != SUM for _, _, code, _ in plans[g][1])
        assert found == (-1 if alone else plans.index(plans[g]))
        if not alone:  # also where hashes would not have met
            assert _equal(program, 0, g) == (plans[0] == plans[g])


def test_in_continuous_time_networks_run_alone():
    assert (topologies(compile(mixed(0, True, 2), time_step=0.01)) == -1).all()


@pytest.mark.parametrize("ticks", [1, 3, "depth"])
@given(seed=st.integers(0, 99), recurrent=st.booleans())
@settings(max_examples=15)
def test_alike_networks_together_give_the_bits_of_each_alone(ticks, seed, recurrent):
    genomes = mixed(seed, recurrent, 1)
    networks = Networks(genomes, recurrent=recurrent, ticks=ticks)
    data, lanes = networks.policy().data, 8
    together, alone = policy.scratch(data, lanes), policy.scratch(data, lanes)
    assert (data[2] == 0).all()
    chosen = np.array([3, 7, -1, 11, 0, 23, -1, 5])
    for scratch in (together, alone):
        for lane, genome in enumerate(chosen):
            if genome >= 0:
                policy.begin(data, genome, scratch, lane)
    found, expected = np.zeros((2, genomes.outputs, lanes))
    for x in np.random.default_rng(seed).normal(size=(4, genomes.inputs, lanes)):
        policy.answer(data, chosen, together, 0, lanes, x, found)
        for lane in np.flatnonzero(chosen >= 0):
            policy.answer(data, chosen, alone, lane, lane + 1, x, expected)
        np.testing.assert_array_equal(found.view(np.int64), expected.view(np.int64))
