import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from evo.tasks.metrics import DEFAULT_FITNESS, METRICS, cross_entropy, measured

SEEDS = st.integers(0, 2**32 - 1)


def logits(generator, population, batch, classes):
    """Logits with many ties: a few whole numbers."""
    return torch.from_numpy(generator.integers(-2, 3, (population, batch, classes)).astype(np.float32))


def expected_of(name, y, scores):
    """What scikit-learn says of one network's logits `scores` (B, O)."""
    probabilities, labels = torch.from_numpy(scores).softmax(-1).numpy().astype(np.float64), np.arange(scores.shape[1])
    predicted = scores.argmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are missing
        if name == "accuracy":
            return oracle.accuracy_score(y, predicted)
        if name == "cross_entropy":
            return oracle.log_loss(y, probabilities / probabilities.sum(1, keepdims=True), labels=labels)
        if name == "macro_f1":
            return oracle.f1_score(y, predicted, labels=labels, average="macro", zero_division=0)
        if name == "balanced_accuracy":
            return oracle.balanced_accuracy_score(y, predicted)
        ranked = torch.from_numpy(scores).log_softmax(-1).numpy()
        present = [k for k in labels if 0 < (y == k).sum() < len(y)]
        return np.mean([oracle.roc_auc_score(y == k, ranked[:, k]) for k in present]) if present else np.nan


@pytest.mark.parametrize("name", METRICS["classification"])
@given(SEEDS, st.integers(1, 4), st.integers(1, 30), st.integers(2, 5))
def test_a_classification_metric_is_scikit_learns(name, seed, population, batch, classes):
    generator = np.random.default_rng(seed)
    outputs, y = logits(generator, population, batch, classes), generator.integers(0, classes, batch)
    (ours,) = measured([METRICS["classification"][name][0]], outputs, torch.from_numpy(y))
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, [expected_of(name, y, one) for one in outputs.numpy()], rtol=1e-5, atol=1e-6)


@given(SEEDS, st.integers(1, 4), st.integers(1, 20), st.integers(1, 3))
def test_a_probability_metric_is_scikit_learns(seed, population, batch, outputs):
    generator = np.random.default_rng(seed)
    o = generator.uniform(0.001, 0.999, (population, batch, outputs)).astype(np.float32)
    y = generator.integers(0, 2, (batch, outputs)).astype(np.float32)
    for name, (measure, _) in METRICS["probability"].items():
        (ours,) = measured([measure], torch.from_numpy(o), torch.from_numpy(y))
        for value, one in zip(ours.tolist(), o.astype(np.float64)):
            expected = {
                "accuracy": oracle.accuracy_score(y > 0.5, one > 0.5),
                "cross_entropy": oracle.log_loss(y.ravel(), one.ravel(), labels=[0, 1]),
                "squared_error": oracle.mean_squared_error(y, one),
                "absolute_error": oracle.mean_absolute_error(y, one),
            }[name]
            assert value == pytest.approx(expected, rel=1e-5, abs=1e-7)


@given(SEEDS, st.integers(1, 4), st.integers(2, 20), st.integers(1, 3))
def test_a_regression_metric_is_scikit_learns(seed, population, batch, outputs):
    generator = np.random.default_rng(seed)
    o = generator.normal(size=(population, batch, outputs)).astype(np.float32)
    y = generator.normal(3, 2, size=(batch, outputs)).astype(np.float32)
    scores = {
        "r2": oracle.r2_score,
        "rmse": oracle.root_mean_squared_error,
        "nmse": lambda y, o: 1 - oracle.r2_score(y, o),
        "squared_error": oracle.mean_squared_error,
        "absolute_error": oracle.mean_absolute_error,
    }
    for name, (measure, _) in METRICS["regression"].items():
        (ours,) = measured([measure], torch.from_numpy(o), torch.from_numpy(y))
        np.testing.assert_allclose(ours, [scores[name](y.astype(float), one.astype(float)) for one in o], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 20 / 255, 3.0])
def test_r2_of_a_target_that_is_constant_is_scikit_learns(constant):
    y = np.full((7, 2), constant, np.float32)
    y[:, 1] = np.arange(7)
    outputs = np.stack([y, y + 1e-3])
    (ours,) = measured([METRICS["regression"]["r2"][0]], torch.from_numpy(outputs), torch.from_numpy(y))
    np.testing.assert_allclose(ours, [oracle.r2_score(y.astype(float), one.astype(float)) for one in outputs], rtol=1e-5)
    assert ours.min() > 0.49


def test_an_output_that_says_exactly_one_half_is_on_the_side_of_zero():
    accuracy = METRICS["probability"]["accuracy"][0]
    assert accuracy(torch.tensor([[[0.5]]]), torch.tensor([[0.0]])).item() == 1
    assert accuracy(torch.tensor([[[0.5]]]), torch.tensor([[1.0]])).item() == 0


def test_certain_and_wrong_costs_much_but_not_infinitely_much():
    cost = METRICS["probability"]["cross_entropy"][0]
    assert 20 < cost(torch.tensor([[[0.0]]]), torch.tensor([[1.0]])).item() < 40
    assert cost(torch.tensor([[[1.0]]]), torch.tensor([[1.0]])).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METRICS for name in METRICS[kind]])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_output_that_is_not_finite_makes_that_networks_metric_nan_and_no_others(kind, name, bad):
    outputs = torch.linspace(0.1, 0.9, 30).reshape(3, 5, 2)
    y = torch.tensor([0, 1, 1, 0, 1]) if kind == "classification" else torch.tensor([[0.0, 1], [1, 0], [1, 1], [0, 0], [1, 0]])
    measure = METRICS[kind][name][0]
    (clean,) = measured([measure], outputs, y)
    outputs[1, 4, 0] = bad
    assert np.isnan(measured([measure], outputs, y)[0]).tolist() == [False, True, False]
    assert measured([measure], outputs, y)[0][[0, 2]].tolist() == clean[[0, 2]].tolist()
    assert np.isfinite(clean).all()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METRICS for name in METRICS[kind]])
def test_a_networks_metric_has_the_same_bits_whatever_the_population(kind, name):
    generator = np.random.default_rng(0)
    outputs = torch.from_numpy(generator.uniform(0, 1, (57, 64, 8)).astype(np.float32))
    y = torch.from_numpy(generator.integers(0, 8, 64) if kind == "classification" else generator.integers(0, 2, (64, 8)) * 1.0)
    measure = METRICS[kind][name][0]
    (together,) = measured([measure], outputs, y)
    for size in (1, 2, 3, 8, 32):
        parts = [measured([measure], outputs[at : at + size], y)[0] for at in range(0, 57, size)]
        assert np.concatenate(parts).tolist() == together.tolist()


def test_the_better_direction_is_the_one_a_better_network_moves_in():
    for kind, names in METRICS.items():
        y = torch.tensor([0, 1, 1, 0]) if kind == "classification" else torch.tensor([[0.0], [1.0], [1.0], [0.0]])
        right = torch.tensor([[2.0, -2], [-2, 2], [-2, 2], [2, -2]]) if kind == "classification" else y * 0.8 + 0.1
        outputs = torch.stack([right, right.flip(0).roll(1, 0)])
        for measure, direction in names.values():
            good, bad = measured([measure], outputs, y)[0].tolist()
            assert (good > bad) if direction == "max" else (good < bad)
        assert DEFAULT_FITNESS[kind] in names


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METRICS for name in METRICS[kind]])
@pytest.mark.parametrize("batch", [1, 128, 300])
def test_a_metric_of_float32_outputs_is_that_of_float64_wherever_they_lie_in_memory(kind, name, batch):
    generator = np.random.default_rng(0)
    outputs = torch.from_numpy(generator.normal(0, 4, (5, batch, 6)).astype(np.float32))
    outputs = outputs.sigmoid() if kind == "probability" else outputs
    y = torch.from_numpy(generator.integers(0, 6, batch) if kind == "classification" else generator.random((batch, 6)))
    y = y if kind == "classification" else y.float()
    measure = METRICS[kind][name][0]
    (found,) = measured([measure], outputs, y)
    np.testing.assert_allclose(found, measured([measure], outputs.double(), y)[0], rtol=2e-6)
    columns = outputs.transpose(1, 2).contiguous().transpose(1, 2)
    for part in (slice(5), slice(1), slice(3, 5)):
        np.testing.assert_array_equal(measured([measure], columns[part], y)[0], found[part])


@pytest.mark.parametrize("shape", [(1025, 2), (17_000, 300)])
def test_cross_entropy_of_many_examples_and_classes_neither_overflows_nor_loses_digits(shape):
    outputs, targets = torch.zeros(1, *shape), torch.zeros(shape[0], dtype=torch.int64)
    assert cross_entropy(outputs, targets).item() == pytest.approx(np.log(shape[1]), rel=1e-12)
    outputs[..., 0] = 200.0
    assert cross_entropy(outputs, targets).item() == 0


@pytest.mark.parametrize("name", ["accuracy", "cross_entropy"])
@pytest.mark.parametrize("targets", [[0, 3], [0, -1], [0], [0, 1, 2]])
def test_targets_that_are_no_classes_of_these_examples_are_refused(name, targets):
    with pytest.raises(ValueError, match="expected 2 targets from 0 to 2, one an example"):
        METRICS["classification"][name][0](torch.zeros(2, 2, 3), torch.tensor(targets))


def test_targets_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected targets \(B, O\) = \(2, 3\); got \(2, 2\)"):
        METRICS["regression"]["squared_error"][0](torch.zeros(4, 2, 3), torch.zeros(2, 2))


@pytest.mark.parametrize("name", METRICS["regression"])
def test_of_no_examples_no_metric_is_known(name):
    found = METRICS["regression"][name][0](torch.zeros(3, 0, 2), torch.zeros(0, 2))
    assert found.isnan().tolist() == [True] * 3
