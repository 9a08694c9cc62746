import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import alike, random_genome

from evo import threads
from evo.genomes.genome import OUTPUT, Connection, Genome, Genomes, Node
from evo.network.population import Networks, forward
from evo.network.program import compile
from evo.tasks.normalization import Normalized

seeds = st.integers(0, 10**6)


def graph_of(genome):
    graph = nx.DiGraph()
    graph.add_nodes_from(node.id for node in genome.nodes)
    graph.add_edges_from((gene.source, gene.target) for gene in genome.connections if gene.enabled)
    return graph


def steps_of(genome, recurrent=False, unconnected=False, g=0, program=None):
    """[(node id, [(source id, weight)])] in the order of computation."""
    program = compile(Genomes.of([genome]), recurrent, unconnected=unconnected) if program is None else program
    ids, steps = [node.id for node in genome.nodes], []
    at = program.slots_at[g]
    for slot in program.node[at : at + program.steps[g]]:
        connections = range(program.first[at + slot], program.last[at + slot])
        steps.append((ids[slot], [(ids[program.connection_source[k]], program.connection_weight[k]) for k in connections]))
    return steps


def outputs_of(genome):
    return [node.id for node in genome.nodes if node.kind == OUTPUT]


def linked(genome, target):
    """Enabled connections into `target` in the order of innovation numbers."""
    return [(gene.source, gene.weight) for gene in genome.connections if gene.enabled and gene.target == target]


@given(seeds, st.booleans(), st.booleans())
def test_the_nodes_computed_are_those_that_an_output_depends_on(seed, recurrent, unconnected):
    genome = random_genome(seed, recurrent)
    graph = graph_of(genome)
    given_ids = {node.id for node in genome.nodes if node.kind < OUTPUT}
    needed = set(outputs_of(genome)).union(*(nx.ancestors(graph, output) for output in outputs_of(genome))) - given_ids
    steps = steps_of(genome, recurrent, unconnected)
    assert len(steps) == len(dict(steps))
    assert dict(steps).keys() == {node for node in needed if unconnected or not recurrent or linked(genome, node)}
    assert all(connections == linked(genome, node) for node, connections in steps)


@given(seeds)
def test_a_feed_forward_node_is_computed_after_those_it_reads(seed):
    genome = random_genome(seed)
    ready = {node.id for node in genome.nodes if node.kind < OUTPUT}
    for node, connections in steps_of(genome):
        assert {source for source, _ in connections} <= ready
        ready.add(node)


@given(seeds)
def test_depth_is_the_longest_way_to_an_output(seed):
    genome = random_genome(seed)
    graph = graph_of(genome)
    needed = set(outputs_of(genome)).union(*(nx.ancestors(graph, output) for output in outputs_of(genome)))
    given_ids = {node.id for node in genome.nodes if node.kind < OUTPUT}
    graph = graph.subgraph(needed).copy()
    graph.add_edges_from(("start", node) for node in needed - given_ids if not graph.in_degree(node))  # computes its bias
    depth = compile(Genomes.of([genome])).depth[0]
    assert depth == max(1, nx.dag_longest_path_length(graph))


@given(seeds)
def test_as_many_ticks_as_it_is_deep_settle_a_network_without_cycles(seed):
    genome = random_genome(seed, activations=[0], aggregations=[0])
    genomes, x = Genomes.of([genome]), torch.linspace(-1, 1, 3 * genome.inputs, dtype=torch.float64).view(3, -1)
    relaxed = forward(compile(genomes, recurrent=True, unconnected=True), x, ticks="depth")
    assert torch.equal(relaxed, forward(genomes, x))


def small(*connections, hidden=2):
    """One input 0, output 1, hidden nodes from 2 on; connections (source, target) or (source, target, enabled)."""
    nodes = [Node(0, 0), Node(1, 2), *[Node(2 + k, 3) for k in range(hidden)]]
    genes = [Connection(k, source, target, 1.0, *on) for k, (source, target, *on) in enumerate(connections)]
    return Genome(1, 1, nodes, genes)


@pytest.mark.parametrize("cycle", [[(1, 1)], [(1, 2), (2, 1)], [(2, 3), (3, 2), (2, 1)], [(0, 2), (2, 3), (3, 1), (1, 2)]])
def test_a_cycle_is_named_where_networks_are_feed_forward(cycle):
    genomes = Genomes.of([small((0, 1)), small(*cycle), small((0, 1))])
    with pytest.raises(ValueError, match="genome 1: its enabled connections contain a cycle"):
        compile(genomes)
    assert len(compile(genomes, recurrent=True).depth) == 3


def test_a_cycle_that_is_disabled_or_without_effect_does_no_harm():
    assert dict(steps_of(small((0, 1), (1, 2, False), (2, 1)))) == {1: [(0, 1.0), (2, 1.0)], 2: []}
    assert dict(steps_of(small((0, 1), (2, 3), (3, 2)))) == {1: [(0, 1.0)]}


@pytest.mark.parametrize(("connections", "depth"), [([(0, 1), (1, 1)], 1), ([(0, 2), (2, 1), (1, 2)], 2), ([(1, 1)], 1)])
def test_depth_of_a_recurrent_network_does_not_go_round(connections, depth):
    assert compile(Genomes.of([small(*connections)]), recurrent=True).depth[0] == depth


@pytest.mark.parametrize("ends", [(7, 1), (0, 7)])
def test_a_connection_to_a_missing_node_is_named(ends):
    with pytest.raises(ValueError, match="genome 1: a connection from or to a missing node"):
        compile(Genomes.of([small((0, 1)), small(ends)]))


@pytest.mark.parametrize("table", ["activation", "aggregation"])
@pytest.mark.parametrize("code", [-1, 100])
def test_an_unknown_code_is_named(table, code):
    genomes = Genomes.of([small((0, 1)), small((0, 1))])
    getattr(genomes.genes, table)[-2] = code
    with pytest.raises(ValueError, match=f"genome 1: node 2 has {table} {code}; expected 0 to"):
        compile(genomes)


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_genome_compiles_alike_in_any_company_and_on_any_threads(recurrent, monkeypatch):
    monkeypatch.setattr("evo.network.program.WORK", 1)
    genomes = alike([random_genome(seed, recurrent) for seed in range(400)])
    programs = []
    for count in (1, 2, 3):
        with threads.limited(count):
            programs.append(compile(Genomes.of(genomes), recurrent))
    for g, genome in enumerate(genomes):
        for program in programs:
            assert steps_of(genome, g=g, program=program) == steps_of(genome, recurrent)
            alone = compile(Genomes.of([genome]), recurrent)
            for name in ("steps", "first_output", "depth"):
                assert getattr(program, name)[g] == getattr(alone, name)[0]


def test_a_call_of_a_recurrent_network_is_as_many_passes_as_ticks():
    genomes = Genomes.of([small((0, 1)), small((0, 2), (2, 1)), small((0, 2), (2, 3), (3, 1))])
    assert Networks(genomes, recurrent=True, ticks=3).passes == 3
    assert Networks(genomes, recurrent=True, ticks="depth").passes.tolist() == [1, 2, 3]
    assert Networks(genomes, ticks=3).passes == 1
    assert Normalized(Networks(genomes, recurrent=True, ticks=3), torch.zeros(1), torch.ones(1)).passes == 3
