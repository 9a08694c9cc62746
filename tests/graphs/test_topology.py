"""Measures of a graph against networkx; what stays when a graph is rewired; connections of every kind of champion."""

import collections

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo import GA, NEAT, AdaptiveHyperNEAT, ESHyperNEAT, HyperNEAT, Substrate
from evo.genomes.genome import Connection, Genome, Genomes, Node
from graphs import Graph, Topology, modularity, motif_counts, rewired
from graphs.motifs import MOTIFS
from graphs.topology import clustering, laplacian_spectrum, path_length


def cliques(count, size, bridges):
    graph = networkx.DiGraph()
    for k in range(count):
        nodes = range(k * size, (k + 1) * size)
        graph.add_edges_from((a, b) for a in nodes for b in nodes if a < b)
    graph.add_edges_from((k * size, ((k + 1) % count) * size) for k in range(bridges))
    return graph


GRAPHS = {
    "two cliques": cliques(2, 5, 1),
    "four cliques in a ring": cliques(4, 4, 4),
    "karate club": networkx.DiGraph(list(networkx.karate_club_graph().edges)),
    "random": networkx.gnp_random_graph(25, 0.15, seed=3, directed=True),
    "dense, with loops": networkx.DiGraph([(a, b) for a in range(7) for b in range(7) if (3 * a + b) % 5]),
}
DIRECTED = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40, unique=True)


@pytest.mark.parametrize("name", GRAPHS)
def test_q_is_that_of_networkx_and_as_high_as_its_louvain_finds(name):
    graph = GRAPHS[name]
    ours = Graph.from_networkx(graph)
    q, groups = modularity(ours)
    sets = [{ours.ids[row] for row in group} for group in groups]
    assert q == pytest.approx(networkx.community.modularity(graph, sets))
    found = [networkx.community.louvain_communities(graph, seed=seed) for seed in range(5)]
    assert q >= max(networkx.community.modularity(graph, each) for each in found) - 0.03


def test_groups_are_the_cliques():
    _, groups = modularity(Graph.from_networkx(GRAPHS["four cliques in a ring"]))
    assert sorted(sorted(group.tolist()) for group in groups) == [list(range(4 * k, 4 * k + 4)) for k in range(4)]
    assert modularity(Graph([0, 0, 0, 0], [], directed=True))[0] == 0.0
    assert modularity(Graph([0, 1], [0], directed=True))[0] == pytest.approx(0.0)


@given(DIRECTED)
def test_motifs_are_counted_as_networkx_does(pairs):
    census = networkx.triadic_census(networkx.DiGraph(pairs))
    assert dict(zip(MOTIFS, motif_counts(Graph.from_edges(pairs, directed=True)).tolist())) == {
        name: census[name] for name in MOTIFS
    }


@given(DIRECTED, st.integers(0, 2**64 - 1))
def test_rewiring_keeps_degrees_and_loops(pairs, seed):
    graph = Graph.from_edges(pairs, directed=True)
    other = rewired(graph, 3, seed)
    assert other.ids == graph.ids
    assert (other.degrees == graph.degrees).all()
    assert (np.bincount(other.indices, minlength=len(graph)) == np.bincount(graph.indices, minlength=len(graph))).all()
    loops = lambda each: each.sources[each.sources == each.indices].tolist()
    assert loops(other) == loops(graph)


def test_every_graph_of_these_degrees_is_drawn_alike_often():
    """Five sources of one edge each to five targets: 120 graphs, of which each is as likely."""
    graph = Graph.from_edges([(k, k + 5) for k in range(5)], directed=True)
    found = collections.Counter(tuple(rewired(graph, sample).indices.tolist()) for sample in range(12_000))
    assert len(found) == 120
    chi2 = sum((count - 100) ** 2 / 100 for count in found.values())
    assert 80 < chi2 < 170  # 119 degrees of freedom: mean 119, deviation 15


@pytest.mark.parametrize("name", GRAPHS)
def test_clusters_paths_and_spectra_are_those_of_networkx(name):
    graph = Graph.from_networkx(GRAPHS[name])
    plain = GRAPHS[name].to_undirected()
    plain.remove_edges_from(list(networkx.selfloop_edges(plain)))
    assert clustering(graph) == pytest.approx(networkx.transitivity(plain))
    assert np.allclose(laplacian_spectrum(graph), networkx.normalized_laplacian_spectrum(plain))
    if networkx.is_connected(plain):
        assert path_length(graph) == pytest.approx(networkx.average_shortest_path_length(plain))
    everything = Topology.of(graph, samples=5)
    assert everything.incoming.tolist() == [degree for _, degree in GRAPHS[name].in_degree]
    assert everything.outgoing.tolist() == [degree for _, degree in GRAPHS[name].out_degree]


def test_paths_are_of_nodes_that_are_connected():
    assert path_length(Graph.from_edges([(0, 1), (1, 2), (3, 4)], directed=True)) == pytest.approx((1 + 1 + 2 + 1) / 4)
    assert np.isnan(path_length(Graph([0, 1], [0], directed=True)))


def test_a_ring_with_shortcuts_is_a_small_world_and_a_random_graph_is_none():
    ring = networkx.DiGraph(list(networkx.connected_watts_strogatz_graph(100, 8, 0.1, seed=0).edges))
    random = networkx.gnp_random_graph(100, 0.04, seed=0, directed=True)
    assert Topology.of(Graph.from_networkx(ring)).small_worldness > 3
    assert Topology.of(Graph.from_networkx(random)).small_worldness == pytest.approx(1, abs=0.35)


def test_small_worldness_and_z_compare_with_graphs_of_the_same_degrees():
    graph = Graph.from_networkx(GRAPHS["random"])
    others = [rewired(graph, sample, seed=5) for sample in range(8)]
    gain = clustering(graph) / np.mean([clustering(each) for each in others])
    longer = path_length(graph) / np.mean([path_length(each) for each in others])
    assert abs(longer - 1) > 1e-3
    found = Topology.of(graph, samples=8, seed=5)
    assert found.small_worldness == pytest.approx(gain / longer)
    random = [modularity(each)[0] for each in others]
    assert found.modularity_z == pytest.approx((found.modularity - np.mean(random)) / np.std(random, ddof=1))


def test_what_is_more_than_degrees_give_stands_out():
    planted = Topology.of(Graph.from_networkx(cliques(6, 5, 6)))
    assert planted.modularity_z > 5
    assert planted.motif_profile[list(MOTIFS).index("030T")] > 0.3
    assert np.sqrt(np.nansum(planted.motif_profile**2)) == pytest.approx(1)
    again = Topology.of(Graph.from_networkx(cliques(6, 5, 6)))
    assert again.modularity_z == planted.modularity_z
    assert Topology.of(Graph.from_networkx(cliques(6, 5, 6)), seed=1).modularity_z != planted.modularity_z


def test_the_spectral_radius_is_of_the_weights_and_zero_without_a_cycle():
    order = np.random.default_rng(0).permutation(40)
    pairs = [(order[a], order[b]) for a in range(40) for b in range(a + 1, 40) if (a * b) % 3]
    acyclic = Graph.from_edges(pairs, np.linspace(-1e3, 1e3, len(pairs)), directed=True)
    assert Topology.of(acyclic, samples=2).spectral_radius == 0.0
    pair = Graph.from_edges([(0, 1), (1, 0), (1, 2)], [4.0, -9.0, 100.0], directed=True)
    assert Topology.of(pair, samples=2).spectral_radius == pytest.approx(6)
    loop = Graph.from_edges([(0, 0), (0, 1)], [-3.0, 1.0], directed=True)
    assert Topology.of(loop, samples=2).spectral_radius == pytest.approx(3)


def test_what_a_graph_does_not_have_is_nan():
    path = Topology.of(Graph.from_edges([(0, 1)], directed=True))
    assert np.isnan([path.clustering, path.small_worldness, path.modularity_z]).all()
    assert np.isnan(path.motif_profile).all()
    assert not path.motifs.any()


def test_bad_graphs_are_named():
    undirected = Graph.from_edges([(0, 1)])
    for measure in (motif_counts, Topology.of, lambda graph: rewired(graph, 0)):
        with pytest.raises(ValueError, match="expected a directed graph"):
            measure(undirected)
    for sides, size in (((5_001, 1), "5,002 nodes and 5,001 edges"), ((250, 201), "451 nodes and 50,250 edges")):
        pairs = [(a, sides[0] + b) for a in range(sides[0]) for b in range(sides[1])]
        large = Graph.from_edges(pairs, directed=True)
        with pytest.raises(ValueError, match=f"at most 5,000 nodes and 50,000 edges; got {size}"):
            Topology.of(large)
    with pytest.raises(ValueError, match="samples: expected 2 or more; got 1"):
        Topology.of(Graph.from_edges([(0, 1)], directed=True), samples=1)


def test_a_genome_is_the_graph_of_its_enabled_connections():
    nodes = [Node(0, 0), Node(1, 0), Node(2, 1), Node(3, 2), Node(7, 3)]
    genes = [Connection(0, 0, 7, 1.5), Connection(1, 7, 3, -2.0), Connection(2, 1, 3, 9.0, False), Connection(3, 2, 3, 4.0)]
    genome = Genome(2, 1, nodes, genes)
    graph = Graph.from_genome(genome)
    assert graph.ids == (0, 3, 7)
    assert sorted(graph.to_networkx().edges(data="weight")) == [(0, 7, 1.5), (7, 3, -2.0)]
    assert Graph.from_genome(Genomes.of([genome])).ids == graph.ids
    with pytest.raises(ValueError, match="expected one genome; got 2"):
        Graph.from_genome(Genomes.of([genome, genome]))
    with pytest.raises(ValueError, match="an empty graph"):
        Graph.from_genome(Genome(2, 1, nodes, genes[2:]))


def test_connections_of_every_kind_of_champion():
    substrate = Substrate.grid(inputs=(3,), hidden=[(2,)], outputs=(1,))
    drawn = HyperNEAT(substrate, population_size=8, seed=0, threshold_of_weight=0.0, biases=True)
    model = drawn.model(drawn.ask()[0])
    weights = [each for each in model.module.parameters() if each.ndim == 2]
    first, second = (each.detach().numpy() for each in weights)
    by_hand = {(k, 3 + j): first[j, k] for k in range(3) for j in range(2)} | {(3 + k, 5): second[0, k] for k in range(2)}
    assert {(u, v): w for u, v, w in Graph.from_genome(model).to_networkx().edges(data="weight")} == pytest.approx(by_hand)
    neat = NEAT(2, 1, population_size=4, seed=0)
    assert sorted(Graph.from_genome(neat.model(neat.ask()[0])).to_networkx().edges) == [(0, 3), (1, 3)]
    places = Substrate([[[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]])
    grown = ESHyperNEAT(places, population_size=20, seed=0, band_threshold=0.05, variance_threshold=0.001)
    models = [grown.model(genome) for genome in grown.ask()]
    connected = [model for model in models if model.connections]
    assert connected
    assert all(Graph.from_genome(model).edges == model.connections for model in connected)
    plastic = AdaptiveHyperNEAT(substrate, population_size=8, seed=0, threshold_of_weight=0.0)
    assert Graph.from_genome(plastic.model(plastic.ask()[0])).edges > 0
    points = GA(3, population_size=4, seed=0)
    with pytest.raises(ValueError, match="a VectorModel is no evolved network"):
        Graph.from_genome(points.model(points.ask()[0]))
