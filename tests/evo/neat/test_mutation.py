import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import any_graph
from scipy import stats

from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.neat.mutation import connection_to_split, mutate_weights, nodes_to_connect, path_exists

NODES = [Node(0, SENSOR), Node(1, SENSOR), Node(2, BIAS), Node(3, OUTPUT), Node(4, HIDDEN), Node(5, HIDDEN)]
WORD = 2**32


def genes_of(genome):
    return Genomes.of([genome]).genes


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_weights_are_perturbed_or_replaced_at_their_rates_within_their_ranges(share):
    weights = np.full((400, 51), 100.0)
    for place, row in enumerate(weights):
        mutate_weights(row, round(share * WORD), 1.5, 4.0, place, 0, 7)
    perturbed = weights > 50
    assert 0 < share < 1 or perturbed.mean() == share
    if 0 < share < 1:
        assert stats.binomtest(int(perturbed.sum()), perturbed.size, share).pvalue > 1e-3
        assert stats.chisquare(perturbed.sum(0)).pvalue > 1e-3
    for values, centre, reach in ((weights[perturbed], 100.0, 1.5), (weights[~perturbed], 0.0, 4.0)):
        if values.size:
            assert stats.kstest((values - centre + reach) / (2 * reach), "uniform").pvalue > 1e-3
    centred = np.where(perturbed, weights - 100, weights)
    assert np.abs(np.corrcoef(centred.T) - np.eye(51)).max() < 5 / np.sqrt(400)


def splits(genome, from_bias=False, below=15, go_on=0.3, count=4000):
    """How often each gene is chosen, by its place; the last entry counts none."""
    genes, enabled = genes_of(genome), np.array([gene.enabled for gene in genome.connections], np.bool_)
    drawn = [connection_to_split(genes, 0, enabled, from_bias, below, round(go_on * WORD), i, 0, 3) for i in range(count)]
    return np.bincount(np.where(np.array(drawn) < 0, len(enabled), drawn), minlength=len(enabled) + 1)


def with_genes(*genes):
    """Genes given as (source, enabled)."""
    return Genome(2, 1, NODES, [Connection(k, source, 3, 1.0, on) for k, (source, on) in enumerate(genes)])


def fit(counts, probabilities):
    expected = np.array(probabilities) * counts.sum()
    assert (counts[expected == 0] == 0).all()
    return (expected > 0).sum() == 1 or stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 1e-3


def test_a_small_genome_splits_old_connections_first():
    """By hand: .7 the first that can be split, .3 x .7 the next, .09 x .7 the last, and past it the first again."""
    small = with_genes((2, True), (0, False), (1, True), (2, True), (4, True), (4, False), (5, True))
    assert fit(splits(small), [0, 0, 0.7 + 0.027, 0, 0.21, 0, 0.063, 0])
    assert fit(splits(small, go_on=0.0), [0, 0, 1, 0, 0, 0, 0, 0])
    assert fit(splits(small, from_bias=True, go_on=0.5), [0.5 + 1 / 32, 0, 0.25, 0.125, 1 / 16, 0, 1 / 32, 0])


@pytest.mark.parametrize(("size", "uniform"), [(14, False), (15, True)])
def test_from_15_genes_on_every_connection_that_can_be_split_is_as_likely(size, uniform):
    sources = [2, 0, 1, 4, 5] * 3
    genome = with_genes(*[(sources[k], k % 4 != 1) for k in range(size)])
    able = np.array([k % 4 != 1 and sources[k] != 2 for k in range(size)] + [False])
    even = able / able.sum()
    assert fit(splits(genome), even) == uniform
    assert fit(splits(genome, below=0), even)
    everyone = np.array([k % 4 != 1 for k in range(size)] + [False])
    assert fit(splits(genome, from_bias=True, below=0), everyone / everyone.sum())


def test_where_nothing_can_be_split_nothing_is():
    for genome in (with_genes(), with_genes((0, False), (1, False)), with_genes((2, True))):
        for below in (0, 15):
            assert splits(genome, below=below, count=20)[-1] == 20


def pairs(genome, recurrent, tries=20, count=300):
    genes = genes_of(genome)
    return [nodes_to_connect(genes, 0, np.empty(99, np.bool_), recurrent, tries, place, 0, 5) for place in range(count)]


def acyclic(genome):
    """The genome less the connections that would close a cycle."""
    graph, kept = networkx.DiGraph(), []
    for gene in genome.connections:
        graph.add_edge(gene.source, gene.target)
        if networkx.is_directed_acyclic_graph(graph):
            kept.append(gene)
        else:
            graph.remove_edge(gene.source, gene.target)
    return Genome(genome.inputs, genome.outputs, genome.nodes, kept)


def free_pairs(genome, recurrent):
    """Every pair that may be joined, from the definition."""
    kinds, connections = (
        {node.id: node.kind for node in genome.nodes},
        {(gene.source, gene.target) for gene in genome.connections},
    )
    free = set()
    for a in kinds:
        for b in kinds:
            allowed = kinds[b] >= OUTPUT and (recurrent or kinds[a] != OUTPUT)
            open_to = lambda connection: (
                recurrent or networkx.is_directed_acyclic_graph(networkx.DiGraph([*connections, connection]))
            )
            if allowed and (a, b) not in connections and open_to((a, b)):
                free.add((a, b))
    return free


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_nodes_to_connect_are_any_that_may_be_and_no_others(recurrent, seed):
    genome = any_graph(seed)
    genome = genome if recurrent else acyclic(genome)
    free, seen = free_pairs(genome, recurrent), pairs(genome, recurrent, tries=300)
    assert set(seen) <= free | ({(-1, -1)} if len(free) < 5 else set())
    counts = np.array([seen.count(pair) for pair in sorted(free)])
    assert len(free) < 2 or stats.chisquare(counts).pvalue > 1e-4


def test_a_full_network_has_no_nodes_to_connect():
    minimal = Genome(2, 1, NODES[:4], [Connection(k, k, 3, 1.0, k > 0) for k in range(3)])
    assert set(pairs(minimal, False)) == {(-1, -1)}
    assert set(pairs(minimal, True, tries=100)) == {(3, 3)}


@given(st.integers(0, 10**6))
def test_a_path_is_found_as_networkx_finds_it(seed):
    genome = any_graph(seed)
    genes = genes_of(genome)
    graph = networkx.DiGraph([(gene.source, gene.target) for gene in genome.connections])
    graph.add_nodes_from(node.id for node in genome.nodes)
    for a in graph:
        for b in graph:
            assert path_exists(genes, 0, np.empty(99, np.bool_), a, b) == networkx.has_path(graph, a, b)
