"""Links to be found: what is taken out and what is left, what tells pairs apart, and that no method sees its test."""

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from evo import GA, rng
from evo.evolve import Evolve
from evo.testing import small_task
from evo.vectors.modules import MLP
from evo.vectors.recurrent import RNN
from graphs import DeepWalk, Graph, LinkTask
from graphs.learner import deepwalk
from graphs.links import split_edges, unjoined
from graphs.models import GCN
from graphs.neighbours import common_neighbours
from graphs.pairs import INDICES, OPERATORS, indices
from graphs.propagation import label_propagation
from graphs.recipes import gcn
from graphs.scoring import area, average_precision

CLUB = networkx.karate_club_graph()
SMALL = dict(dimension=8, walks_per_node=20)


def task(of=CLUB, **values):
    return LinkTask(Graph.from_networkx(of), **({"network": lambda inputs, outputs: MLP(inputs, outputs, (4,))} | values))


def fitted(made, method=deepwalk, seed=0, **values):
    learner = method(made, method.settings(**values), seed)
    learner.step()
    return learner.champion()


def as_sets(pairs):
    return [frozenset(map(int, pair)) for pair in pairs]


graphs = st.builds(
    lambda seed, nodes, more: networkx.gnm_random_graph(nodes, nodes + more, seed=seed),
    st.integers(0, 10_000),
    st.integers(12, 30),
    st.integers(8, 20),
)


@given(graphs, st.integers(0, 100), st.floats(0.1, 0.2))
def test_parts_are_the_edges_once_and_no_component_falls_apart(network, seed, share):
    graph = Graph.from_networkx(network)
    left, parts = split_edges(graph, share, seed)
    everyone = [pair for part in parts for pair in as_sets(part)]
    assert len(everyone) == len(set(everyone)) == network.number_of_edges()
    assert set(everyone) == set(map(frozenset, network.edges))
    assert set(map(frozenset, left.to_networkx().edges)) == set(as_sets(parts[0]))
    assert len(parts[1]) + len(parts[2]) == round(share * network.number_of_edges())
    assert len(parts[1]) == max(1, (len(parts[1]) + len(parts[2])) // 5)
    components = lambda of: {frozenset(one) for one in networkx.connected_components(of)}
    assert components(left.to_networkx()) == components(network)


@given(graphs, st.integers(0, 100))
def test_edges_are_taken_out_one_after_another_unless_one_is_a_bridge(network, seed):
    graph = Graph.from_networkx(network)
    _, parts = split_edges(graph, 0.2, seed)
    edges = [pair for pair in zip(graph.sources.tolist(), graph.indices.tolist()) if pair[0] < pair[1]]
    whole, out = network.copy(), []
    for place in rng.permutation(seed, 0, 0, rng.SPLIT, len(edges)):
        u, v = edges[place]
        whole.remove_edge(u, v)
        if networkx.has_path(whole, u, v):
            out.append((u, v))
        else:
            whole.add_edge(u, v)
    assert np.concatenate(parts[1:]).tolist() == list(map(list, out[: round(0.2 * len(edges))]))


def test_what_is_left_keeps_ids_weights_and_loops():
    network = networkx.relabel_nodes(CLUB, {node: f"member {node}" for node in CLUB})
    network.add_edge("member 3", "member 3", weight=7.0)
    graph = Graph.from_networkx(network)
    left, parts = split_edges(graph, 0.3, 0)
    assert left.ids == graph.ids
    assert left.edges == len(parts[0]) + 1
    for u, v, weight in left.to_networkx().edges(data="weight"):
        assert weight == network[u][v]["weight"]


@given(graphs, st.integers(0, 1000))
def test_pairs_without_an_edge_are_different_and_may_be_all_there_are(network, seed):
    graph = Graph.from_networkx(network)
    others = set(map(frozenset, networkx.complement(network).edges))
    for count in (1, 7, len(others)):
        found = unjoined(graph, count, seed)
        assert found.shape == (count, 2)
        assert (found[:, 0] < found[:, 1]).all()
        assert len(set(as_sets(found)) & others) == count


def test_each_pair_without_an_edge_is_as_likely_as_another():
    graph = Graph.from_edges([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])
    drawn = [tuple(unjoined(graph, 1, seed)[0].tolist()) for seed in range(2000)]
    counts = np.array([drawn.count(pair) for pair in set(drawn)])
    assert len(counts) == 10
    assert ((counts - 200) ** 2 / 200).sum() < 27.9  # chi-squared of 9 degrees: one seed in a thousand has more


def test_no_method_sees_what_it_is_tested_on():
    made, graph = task(), Graph.from_networkx(CLUB)
    rows = [as_sets(made.pairs(made.split(name)[0])) for name in ("train", "validation", "test")]
    everyone = [pair for part in rows for pair in part]
    assert len(everyone) == len(set(everyone)) == 2 * graph.edges
    joined = [set(as_sets(made.pairs(x)[y == 1])) for x, y in map(made.split, ("train", "validation", "test"))]
    assert set.union(*joined) == set(map(frozenset, CLUB.edges))
    seen = set(as_sets(zip(made.graph.sources, made.graph.indices)))
    assert seen == joined[0]
    assert {len(nodes) for nodes in as_sets(zip(made.data.graph.sources, made.data.graph.indices))} == {2}
    assert made.data.graph is made.graph
    assert [int(made.split(name)[1].sum()) for name in ("train", "validation", "test")] == [39, 7, 32]
    assert [len(made.split(name)[1]) for name in ("train", "validation", "test")] == [78, 14, 64]


@pytest.mark.parametrize("method", [deepwalk, common_neighbours])
def test_answers_of_validation_and_test_have_no_part_in_it(method):
    made, other = task(), task()
    for name in ("validation", "test"):
        x, y = other._splits[name]
        other._splits[name] = type(other._splits[name])(x, 1 - y)
    x = made.split("test")[0]
    values = SMALL if method is deepwalk else {}
    assert torch.equal(fitted(made, method, **values)(x), fitted(other, method, **values)(x))


def test_another_split_takes_out_other_edges_and_the_same_one_the_same():
    tests = [task(split=split).split("test")[0] for split in (0, 0, 1)]
    assert torch.equal(tests[0], tests[1])
    assert not torch.equal(tests[0], tests[2])


@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=40))
def test_area_and_average_precision_are_those_of_scikit_learn_also_where_scores_are_equal(rows):
    chances, truth = np.array([chance for chance, _ in rows], float), np.array([each for _, each in rows])
    if truth.any():
        assert np.isclose(average_precision(chances, truth), average_precision_score(truth, chances))
        if not truth.all():
            assert np.isclose(area(chances, truth), roc_auc_score(truth, chances))
            return
    assert np.isnan(area(chances, truth))
    assert np.isnan(average_precision(chances, truth)) == (not truth.any())


def test_indices_are_those_of_networkx_without_an_edge_between_the_two():
    network = CLUB.copy()
    network.add_edge(3, 3)
    network.add_node(34)
    pairs = [(u, v) for u in range(35) for v in range(u + 1, 35)]
    found = indices(Graph.from_networkx(network), np.array(pairs))
    others = dict(zip(INDICES[1:], ("jaccard_coefficient", "adamic_adar_index", "resource_allocation_index")))
    others["preferential_attachment"] = "preferential_attachment"
    plain = network.copy()
    plain.remove_edge(3, 3)
    for row, pair in zip(found, pairs):
        without = plain.copy()
        without.remove_edges_from([pair])
        values = [value for other in others.values() for *_, value in getattr(networkx, other)(without, [pair])]
        assert np.allclose(row, [len(list(networkx.common_neighbors(without, *pair))), *values])


@pytest.mark.parametrize("index", INDICES)
def test_pairs_are_ordered_by_the_index_and_scored_so(index):
    made = task()
    champion = fitted(made, common_neighbours, index=index)
    x, y = made.split("test")
    values = indices(made.graph, made.pairs(x))[:, INDICES.index(index)] * np.sign(champion.weights[0])
    score = made.score(champion, "test")
    assert score["auc"] == pytest.approx(roc_auc_score(y, values))
    assert score["average_precision"] == pytest.approx(average_precision_score(y, values))


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_champion_is_the_regression_of_scikit_learn_on_features_of_pairs(operator):
    made = task(operator=operator)
    vectors = DeepWalk(**SMALL, seed=0).fit_transform(made.graph).astype(np.float64)
    formulas = {
        "hadamard": lambda u, v: u * v,
        "average": lambda u, v: (u + v) / 2,
        "l1": lambda u, v: abs(u - v),
        "l2": lambda u, v: abs(u - v) ** 2,
        "dot": lambda u, v: np.array([u @ v]),
        "cosine": lambda u, v: np.array([u @ v / np.linalg.norm(u) / np.linalg.norm(v)]),
    }
    features = lambda x: np.array([formulas[operator](*vectors[pair]) for pair in made.pairs(x)])
    x, y = made.split("train")
    other = LogisticRegression(tol=1e-10).fit(features(x), y)
    champion, test = fitted(made, **SMALL), made.split("test")[0]
    assert np.allclose(champion(test).softmax(1)[:, 1], other.predict_proba(features(test))[:, 1], atol=1e-4)
    again = deepwalk.restore(made, deepwalk.settings(**SMALL), 0, *champion.save())
    assert torch.equal(again(test), champion(test))


def test_log_odds_that_float32_probabilities_would_make_equal_are_told_apart():
    made = task()
    y = made.split("validation")[1]
    odds = 40 + torch.arange(len(y)).float()
    score = made._scored(torch.stack([torch.zeros_like(odds), odds], 1), y)
    assert score["auc"] == pytest.approx(roc_auc_score(y, odds))
    broken = made._scored(torch.stack([torch.zeros_like(odds), odds * torch.nan], 1), y)
    assert np.isnan(broken["auc"])
    assert np.isnan(broken["average_precision"])


def test_a_network_gives_each_node_a_vector_and_their_product_is_the_log_odds():
    made = task(width=3, network=lambda inputs, outputs: GCN(inputs, outputs, hidden=(5,), dropout=0.0))
    with rng.torch_seed(0, 0, 0, rng.NETWORK):
        module = made.network()
    everyone = module.encoder(torch.arange(34.0)[:, None]).detach()
    x = torch.tensor([[3.0, 9.0], [0.0, 33.0], [3.0, 4.0]])
    with torch.no_grad():
        module.bias[0] = 0.25
    expected = [float(everyone[u] @ everyone[v]) + 0.25 for u, v in ((3, 9), (0, 33), (3, 4))]
    assert everyone.shape == (34, 3)
    assert torch.allclose(module(x), torch.tensor([[0.0, each] for each in expected]))


def test_populations_of_graph_networks_are_scored_as_one_is():
    made = task(network=lambda inputs, outputs: GCN(inputs, outputs, hidden=(4,), dropout=0.0))
    evolved = Evolve(made, GA.for_task(made, seed=0, population_size=6))
    row = evolved.step()
    assert row["fitness_best"] == pytest.approx(made.score(evolved.champion(), "train")["fitness"], abs=1e-6)


def test_a_graph_network_finds_links_of_groups():
    """Of four groups of 15, joined ten times as often within: half of the pairs within are joined, so that nobody is sure."""
    found = []
    for seed in range(3):
        network = networkx.planted_partition_graph(4, 15, 0.5, 0.05, seed=seed)
        found.append([])
        for method, values in ((gcn, {"epochs": 60}), (deepwalk, SMALL), (common_neighbours, {})):
            made = task(network, held_out=0.3)
            learner = method(made, method.settings(**values), seed)
            while learner.finished is None:
                learner.step()
            found[-1].append(made.score(learner.champion(), "test")["auc"])
    assert (np.mean(found, 0) > 0.7).all()


def test_what_knows_nothing_of_graphs_reads_indices_and_what_reads_labels_of_nodes_is_refused():
    made = task()
    x = made.split("train")[0]
    assert np.allclose(made.features(x), indices(made.graph, made.pairs(x)))
    assert "it learns from the nodes of a graph; the task has none" in label_propagation.unsupported_reason(made)
    assert (
        common_neighbours.unsupported_reason(small_task()) == "it learns from pairs of the nodes of a graph; the task has none"
    )
    assert made.diagnostics(fitted(made, common_neighbours)) is None


def test_a_champion_is_drawn_and_that_of_another_graph_is_refused():
    made = task()
    for method, values in ((deepwalk, SMALL), (common_neighbours, {})):
        champion = fitted(made, method, **values)
        tensors, header = champion.save()
        assert "78 pairs" in champion.figure().axes[0].get_title()
        titles = [axes.get_title() for axes in made.figure(champion, "test").axes]
        score = made.score(champion, "test")
        assert titles == [f"area {score['auc']:.3f}, test split, 64 pairs", f"average {score['average_precision']:.3f}"]
        again = method.restore(made, method.settings(**values), 0, tensors, header)
        assert torch.equal(again(made.split("test")[0]), champion(made.split("test")[0]))
        with pytest.raises(ValueError, match="stored"):
            method.restore(made, method.settings(**values), 0, {**tensors, "weights": tensors["weights"][:1]}, header)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: task(CLUB.to_directed()), "links are predicted in an undirected graph; this one is directed"),
        (lambda: task(operator="sum"), "operator: expected one of hadamard, average, l1, l2, dot, cosine; got 'sum'"),
        (lambda: task(held_out=1.0), "held_out: expected a share between 0 and 1; got 1.0"),
        (lambda: task(held_out=0.7), "held_out: 0.7 of 78 edges is 55; expected 2 .. 45"),
        (lambda: task(networkx.path_graph(9)), "held_out: 0.5 of 8 edges is 4; expected 2 .. 0"),
        (lambda: task(networkx.complete_graph(6)), "expected 15 pairs of nodes without an edge, .* the graph has 0"),
        (lambda: task().figure(None, "tset"), r"unknown split 'tset' \(did you mean 'test'\?\)"),
        (lambda: task(network=lambda inputs, outputs: RNN(inputs, outputs)).network(), "keeps a state from step to step"),
    ],
)
def test_what_is_no_task_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
