"""Embeddings as methods: what a champion answers, and what it is restored from."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from evo.testing import small_task
from graphs import DeepWalk
from graphs.learner import NodeModel, deepwalk, node2vec
from graphs.task import GraphTask
from scenarios import karate

TASK = karate.task(karate.scenario.settings(), lambda inputs, outputs: torch.nn.Linear(inputs, outputs))


def fitted(task=TASK, seed=0):
    learner = deepwalk(task, deepwalk.settings(dimension=8, walks_per_node=20), seed)
    learner.step()
    return learner


def test_an_input_says_which_node_it_is_and_whom_it_knows():
    parts = [TASK.split(name)[0] for name in ("train", "validation", "test")]
    assert TASK.inputs == 68
    assert sorted(row for x in parts for row in TASK.nodes(x)) == list(range(34))
    expected = TASK.graph.to_scipy().toarray() != 0
    for x in parts:
        assert np.array_equal(x[:, 34:].numpy() > 0, expected[TASK.nodes(x)])


def test_the_champion_is_the_regression_of_scikit_learn_on_the_vectors():
    vectors = DeepWalk(dimension=8, walks_per_node=20, seed=0).fit_transform(TASK.graph).astype(np.float64)
    x, y = TASK.split("train")
    other = LogisticRegression(tol=1e-10).fit(vectors[TASK.nodes(x)], y)
    test = TASK.split("test")[0]
    chances = other.predict_proba(vectors[TASK.nodes(test)])
    assert np.allclose(fitted().champion()(test).exp().numpy(), chances, atol=1e-4)


def test_labels_of_validation_and_test_have_no_part_in_it():
    y = np.concatenate([TASK.split(name)[1].numpy() for name in ("train", "validation", "test")])
    rows = [TASK.nodes(TASK.split(name)[0]) for name in ("train", "validation", "test")]
    wrong = np.empty(34, int)
    wrong[np.concatenate(rows)] = y
    wrong[np.concatenate(rows[1:])] = 1 - wrong[np.concatenate(rows[1:])]
    other = GraphTask(TASK.graph, wrong, tuple(rows), kind="classification")
    x = TASK.split("test")[0]
    assert torch.equal(fitted(other).champion()(x), fitted().champion()(x))


def test_it_finds_the_clubs_of_most_members():
    right = [TASK.score(fitted(seed=seed).champion(), "test")["accuracy"] for seed in range(8)]
    assert np.mean(right) >= 0.8


def test_a_class_that_no_training_node_has_is_never_answered_and_no_score_is_nan():
    y = np.arange(34) % 3
    rows = np.flatnonzero(y < 2), np.flatnonzero(y == 2)
    task = GraphTask(TASK.graph, y, rows, kind="classification", classes=["a", "b", "c"])
    outputs = fitted(task).champion()(task.split("validation")[0])
    assert outputs.isfinite().all()
    assert (outputs.argmax(1) < 2).all()


def test_odds_that_are_large_or_infinite_are_probabilities():
    """Warnings are errors here: no number overflows."""
    vectors, weights = np.repeat(np.array([[1e4], [-1e4]]), 17, axis=0), np.array([[1.0, 0.0], [0.0, -np.inf]])
    chances = NodeModel(TASK, vectors.astype(np.float32), weights)(TASK.split("train")[0]).exp()
    assert np.allclose(chances.sum(1), 1.0)


def test_several_labels_a_node_are_probabilities():
    y = (np.arange(68).reshape(34, 2) % 3 == 0).astype(np.float32)
    task = GraphTask(TASK.graph, y, (np.arange(20), np.arange(20, 34)), kind="probability")
    outputs = fitted(task).champion()(task.split("validation")[0])
    assert outputs.shape == (14, 2)
    assert ((outputs > 0) & (outputs < 1)).all()


def test_what_has_no_nodes_or_wants_numbers_is_refused():
    assert node2vec.unsupported_reason(small_task()) == "it learns from the nodes of a graph; the task has none"
    task = GraphTask(TASK.graph, np.arange(34.0)[:, None], (np.arange(20), np.arange(20, 34)), kind="regression")
    assert "wants numbers predicted" in node2vec.unsupported_reason(task)


def test_a_champion_is_drawn_and_that_of_another_graph_is_refused():
    champion = fitted().champion()
    assert "34 nodes" in champion.figure().axes[0].get_title()
    tensors, header = champion.save()
    again = deepwalk.restore(TASK, None, 0, tensors, header)
    assert torch.equal(again(TASK.split("test")[0]), champion(TASK.split("test")[0]))
    with pytest.raises(ValueError, match="not those of 34 nodes and 2 outputs"):
        deepwalk.restore(TASK, None, 0, {**tensors, "vectors": tensors["vectors"][:5]}, header)
    with pytest.raises(RuntimeError, match="no champion before the first step"):
        deepwalk(TASK, deepwalk.settings(), 0).champion()
