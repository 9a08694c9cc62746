"""DeepWalk's protocol equals the same by scikit-learn, classifier by classifier; the honest one knows no true counts."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier

from evo import rng
from graphs import score_labels
from graphs.scoring import f1, likely, logistic_regressions, probabilities, top


def labelled(seed, nodes=150, dimension=6, labels=5, scale=1.0):
    """Vectors, and labels that depend on them."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(nodes, dimension)) * scale
    y = x @ draw.normal(size=(dimension, labels)) / scale + draw.normal(size=(nodes, labels)) > 1.5
    y[np.arange(nodes), draw.integers(labels, size=nodes)] = True
    return x, y


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_regressions_of_all_labels_are_those_of_scikit_learn_label_by_label(scale):
    x, y = labelled(0, scale=scale)
    weights = logistic_regressions(x, y, C=0.7)
    for label in range(y.shape[1]):
        one = LogisticRegression(C=0.7, tol=1e-10, max_iter=10_000).fit(x, y[:, label])
        assert np.allclose(weights[:-1, label], one.coef_[0], atol=2e-4)
        assert np.allclose(weights[-1, label], one.intercept_[0], atol=2e-4)
        assert np.allclose(probabilities(x, y, x, C=0.7)[:, label], one.predict_proba(x)[:, 1], atol=1e-4)


def test_separable_labels_and_many_columns_end_where_the_gradient_does():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(30, 60)) * 20, draw.random((30, 3)) < 0.4
    weights = logistic_regressions(x, y)
    z = x @ weights[:-1] + weights[-1]
    gradient = x.T @ (1 / (1 + np.exp(-z)) - y) + weights[:-1]
    assert np.abs(gradient).max() < 1e-3


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_protocol_is_the_authors_by_scikit_learn(share):
    x, y = labelled(2)
    found = score_labels(x, y, shares=[share], shuffles=3, seed=5)
    for shuffle in range(3):
        order = rng.permutation(5, shuffle, 0, rng.SPLIT, len(x))
        train, test = np.split(order, [int(share * len(x))])
        model = OneVsRestClassifier(LogisticRegression(tol=1e-8, max_iter=5000)).fit(x[train], y[train].astype(int))
        chances = model.predict_proba(x[test])
        guess = np.zeros_like(y[test])
        for row, count in enumerate(y[test].sum(1)):
            guess[row, chances[row].argsort()[-count:]] = True
        expected = [f1_score(y[test], guess, average=mean) for mean in ("micro", "macro")]
        assert np.allclose([found.micro[0, shuffle], found.macro[0, shuffle]], expected)
        honest = (chances >= 0.5) | (chances == chances.max(1, keepdims=True))
        expected = [f1_score(y[test], honest, average=mean) for mean in ("micro", "macro")]
        assert np.allclose([found.micro_honest[0, shuffle], found.macro_honest[0, shuffle]], expected)


def test_a_label_that_no_training_row_has_is_never_likely_and_one_that_all_have_always():
    x, y = labelled(3)
    y[:, 1], y[:, 2] = False, True
    chances = probabilities(x, y, x)
    assert (chances[:, 1] == 0).all()
    assert (chances[:, 2] == 1).all()


def test_honest_guesses_do_not_depend_on_the_truth_and_top_ones_have_its_counts():
    chances = np.array([[0.6, 0.7, 0.1], [0.2, 0.1, 0.2]])
    assert likely(chances).tolist() == [[True, True, False], [True, False, False]]
    assert top(chances, np.array([1, 2])).tolist() == [[False, True, False], [True, False, True]]


def test_f1_is_that_of_scikit_learn_with_labels_that_are_not_there():
    truth, guess = (np.random.default_rng(k).random((20, 4)) < 0.3 for k in (0, 1))
    truth[:, 3] = guess[:, 3] = False
    expected = [f1_score(truth, guess, average=mean, zero_division=0) for mean in ("micro", "macro")]
    assert np.allclose(f1(truth, guess), expected)


def test_nodes_without_a_label_change_nothing():
    x, y = labelled(4)
    more = np.concatenate([y, np.zeros((20, 5), bool)])
    both = [score_labels(a, b, shares=[0.5], shuffles=2) for a, b in ((x, y), (np.concatenate([x, x[:20] + 9]), more))]
    assert np.array_equal(both[0].micro, both[1].micro)


@pytest.mark.parametrize(
    ("x", "y", "shares", "message"),
    [
        (np.zeros((3, 2)), np.ones((4, 2)), [0.5], r"got \(3, 2\) and \(4, 2\)"),
        (np.full((4, 2), np.nan), np.ones((4, 2)), [0.5], "vectors of finite numbers"),
        (np.zeros((4, 2)), np.eye(4)[:, :1], [0.5], "at least two labels; got 1"),
        (np.zeros((4, 2)), np.eye(4), [0.1], "a share of 0.1 of 4 nodes leaves none on one side"),
    ],
)
def test_a_mistake_gets_one_clear_error(x, y, shares, message):
    with pytest.raises(ValueError, match=message):
        score_labels(x, y, shares=shares)
