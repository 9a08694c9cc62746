"""Nodes as examples: what an input stands for, who reads features, and what is refused."""

import networkx
import numpy as np
import pytest
import scipy.sparse
import torch

from baselines.classical import linear
from evo import NEAT
from evo.vectors.modules import MLP
from evo.vectors.recurrent import RNN
from graphs import GCN, Graph
from graphs.task import GraphTask

GRAPH = Graph.from_networkx(networkx.ring_of_cliques(5, 6))
X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
Y = np.arange(30) // 6 % 2
PARTS = np.arange(0, 30, 3), np.arange(1, 30, 3), np.arange(2, 30, 3)


def task(features=X, y=Y, parts=PARTS, **rest):
    return GraphTask(GRAPH, y, parts, features, **({"kind": "classification"} | rest))


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array, scipy.sparse.coo_matrix])
def test_an_input_is_the_number_of_a_node_whose_features_it_stands_for(form):
    made = task(form(X))
    for name, part in zip(("train", "validation", "test"), PARTS):
        x, y = made.split(name)
        assert (x.shape, made.nodes(x).tolist(), y.tolist()) == ((10, 1), part.tolist(), Y[part].tolist())
        assert np.array_equal(made.features(x), X[part])


def test_a_network_of_features_reads_the_features_of_the_nodes():
    module, x = task(network=lambda inputs, outputs: MLP(inputs, outputs, hidden=[3])).network(), torch.tensor([[4.0], [0.0]])
    assert torch.equal(module(x), module.network(torch.from_numpy(X[[4, 0]])))


def test_lists_a_network_of_networkx_and_tensors_are_taken():
    other = GraphTask(GRAPH.to_networkx(), Y.tolist(), [part.tolist() for part in PARTS], X, kind="classification")
    for name in ("train", "validation", "test"):
        assert all(map(torch.equal, other.split(name), task().split(name)))
    assert torch.equal(other.features(other.split("test")[0]), task().features(task().split("test")[0]))


@pytest.mark.parametrize("number", [-1.0, 30.0, 2.5, np.nan])
def test_what_is_no_number_of_a_node_is_refused(number):
    module = task(network=GCN).network()
    with pytest.raises(ValueError, match=rf"expected numbers of nodes, 0 .. 29; got {number:g}"):
        module(torch.tensor([[3.0], [number]]))
    with pytest.raises(ValueError, match=r"an input is the number of a node, \(B, 1\); got shape \(30, 4\)"):
        module(torch.from_numpy(X))
    assert module(torch.zeros(0, 1)).shape == (0, 2)


def test_a_task_with_another_network_leaves_this_one_alone():
    made = task(network=MLP)
    other = made.with_network(GCN)
    assert [type(each.network().network) for each in (made, other)] == [MLP, GCN]
    assert torch.equal(other.split("test")[0], made.split("test")[0])


def test_a_number_of_a_node_has_neither_noise_nor_gaps():
    for features, known in ((X, False), (None, True)):
        made = task(features)
        learner = linear(made, linear.settings(), 0)
        learner.step()
        assert (made.diagnostics(learner.champion()) is not None) == known


def test_a_network_that_keeps_a_state_is_refused():
    with pytest.raises(ValueError, match="keeps a state from step to step"):
        task(network=lambda inputs, outputs: RNN(inputs, outputs)).network()


def test_an_estimator_is_fitted_to_features():
    made = task()
    learner = linear(made, linear.settings(), 0)
    learner.step()
    champion, x = learner.champion(), made.split("test")[0]
    expected = champion.fitted[0].predict_log_proba(X[PARTS[2]])
    assert champion.parameters == 5
    assert np.allclose(champion(x), expected, atol=1e-5)
    assert torch.equal(linear.restore(made, linear.settings(), 0, *champion.save())(x), champion(x))
    with pytest.raises(ValueError, match="expected a model that is a torch module"):
        champion.to_module()


def test_networks_of_genes_are_refused_where_inputs_are_numbers():
    assert "an input of the task is the number of a node" in NEAT.unsupported_reason(task())
    assert NEAT.unsupported_reason(task(None)) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"features": X[:7]}, r"features: expected a row for each of 30 nodes; got shape \(7, 4\)"),
        ({"features": np.where(X > 1, np.nan, X)}, "features: expected finite numbers"),
        ({"y": Y[:5]}, r"y: expected labels of 30 nodes; got shape \(5,\)"),
        ({"y": np.array(["a", "b"])[Y]}, r"y: expected numbers; got <U1: classes, y = np.unique\(y, return_inverse=True\)"),
        ({"y": 0 * Y + 1}, "y: expected at least two classes; that of every node in a part is 1"),
        ({"parts": [np.isin(np.arange(30), part) for part in PARTS]}, r"got bool \(30,\), .*np.flatnonzero\(mask\)"),
        ({"parts": [part / 1 for part in PARTS]}, r"parts: expected rows .* whole numbers; got float64 \(10,\)"),
        ({"parts": ()}, "parts: expected rows of train, validation and test, whole numbers; got nothing"),
        ({"parts": (*PARTS, PARTS[0])}, "parts: expected rows of train, validation and test"),
        ({"parts": (PARTS[0], np.array([30]))}, r"parts: expected rows 0 .. 29 of the graph; got 0 .. 30"),
        ({"parts": (PARTS[0], PARTS[0][2:4])}, "parts: node 6 stands 2 times; a node is of one part, once"),
    ],
)
def test_what_is_no_task_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        task(**values)
