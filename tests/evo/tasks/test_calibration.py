import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from evo.tasks import calibration
from evo.tasks.supervised import SupervisedTask
from evo.testing import small_task
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP

network = lambda inputs, outputs: MLP(inputs, outputs, hidden=[4])


def drawn(rows, classes, seed=0):
    generator = np.random.default_rng(seed)
    known = torch.from_numpy(generator.dirichlet(np.ones(classes), rows))
    return known, torch.from_numpy(generator.integers(0, classes, rows))


class Answers:
    """A model that says what a function of its inputs says, and remembers what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, x):
        self.asked.append(torch.as_tensor(x).clone())
        return self.answer(x)


def of_the_table(columns=2, rows=400, classes=2, seed=0, **values):
    generator = np.random.default_rng(seed)
    x = generator.normal(3, np.arange(1, columns + 1), size=(rows, columns)).astype(np.float32)
    y = (x[:, 0] > 3).astype(int) if classes == 2 else generator.integers(0, classes, rows)
    half = rows // 2
    kind = values.pop("kind", "classification")
    return SupervisedTask((x[:half], y[:half]), (x[:9], y[:9]), (x[half:], y[half:]), kind=kind, network=network, **values)


def test_calibration_error_of_cases_worked_by_hand():
    known = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]], dtype=torch.float64)
    table = calibration.reliability(known, torch.tensor([0, 1, 1, 1]))
    assert table == [[pytest.approx(0.7), 1.0, 2], [pytest.approx(0.9), 0.5, 2]]
    assert calibration.expected_calibration_error(table) == pytest.approx((2 * 0.3 + 2 * 0.4) / 4)
    sure = torch.eye(3, dtype=torch.float64)[[0, 1, 2]]
    assert calibration.expected_calibration_error(calibration.reliability(sure, torch.tensor([0, 1, 2]))) == 0
    assert calibration.expected_calibration_error(calibration.reliability(sure, torch.tensor([1, 2, 0]))) == 1


@pytest.mark.parametrize(("confidence", "bin_of"), [(9 / 15, 9), (9 / 15 + 1e-9, 10), (1.0, 15), (8 / 15 + 1e-9, 9)])
def test_a_bin_holds_its_upper_edge_and_not_its_lower(confidence, bin_of):
    known = torch.tensor([[confidence, 1 - confidence]], dtype=torch.float64)
    middle = torch.tensor([[(bin_of - 0.5) / 15, 1 - (bin_of - 0.5) / 15]], dtype=torch.float64)
    assert len(calibration.reliability(torch.cat([known, middle]), torch.tensor([0, 0]))) == 1


@given(st.integers(1, 300), st.integers(2, 6), st.integers(0, 99))
def test_the_reliability_is_that_of_scikit_learn_where_confidences_are_its_probabilities(rows, classes, seed):
    known, y = drawn(rows, classes, seed)
    table = calibration.reliability(known, y)
    confidence, right = known.max(-1).values.numpy(), (known.argmax(-1) == y).numpy()
    accuracy, mean = calibration_curve(right, confidence, n_bins=15, pos_label=True)
    np.testing.assert_allclose([row[:2] for row in table], np.stack([mean, accuracy], 1))
    assert sum(row[2] for row in table) == rows


@given(st.integers(1, 100), st.integers(2, 6), st.integers(0, 99))
def test_brier_is_that_of_scikit_learn(rows, classes, seed):
    known, y = drawn(rows, classes, seed)
    expected = brier_score_loss(y.numpy(), known.numpy(), labels=range(classes), scale_by_half=False)
    assert calibration.brier(known, y) == pytest.approx(expected)


def test_a_calibrated_classifier_has_an_error_near_zero_and_an_overconfident_one_its_excess():
    generator = np.random.default_rng(0)
    p = torch.from_numpy(generator.uniform(0.05, 0.95, 40_000))
    y = (torch.from_numpy(generator.random(40_000)) < p).long()
    error = lambda known: calibration.expected_calibration_error(calibration.reliability(torch.stack([1 - known, known], 1), y))
    assert error(p) < 0.01
    assert error((p > 0.5).double()) == pytest.approx(float(torch.minimum(p, 1 - p).mean()), abs=0.01)


def test_trust_is_of_the_test_part_and_begins_with_the_reported_accuracy():
    task = small_task()
    model = TorchModel(task.network())
    trust = task.diagnostics(model)
    score = task.score(model, "test")
    assert trust["noise"][0] == [0.0, score["accuracy"]] == trust["missing"][0]
    assert [level for level, _ in trust["noise"]] == [0, 0.1, 0.2, 0.5, 1]
    assert [share for share, _ in trust["missing"]] == [0, 0.1, 0.3, 0.5]
    assert sum(n for _, _, n in trust["reliability"]) == score["n"]
    flat = [trust["ece"], trust["brier"], *(v for key in ("noise", "missing") for row in trust[key] for v in row)]
    assert {type(value) for value in flat} == {float}


def test_noise_is_scaled_by_the_training_deviation_and_the_same_for_every_method_and_level():
    task = of_the_table(columns=3)
    task._splits["test"] = (3 * task._splits["test"][0], task._splits["test"][1])
    models = [Answers(lambda x: torch.zeros(len(x), 2)) for _ in range(2)]
    assert task.diagnostics(models[0]) == task.diagnostics(models[1])
    assert all(torch.equal(a, b) for a, b in zip(models[0].asked, models[1].asked))
    x, deviation = task.split("test")[0], task.split("train")[0].std(0, correction=0)
    clean, zero, tenth, fifth, half, whole = models[0].asked[:6]
    assert torch.equal(clean, x)
    assert torch.equal(zero, x)
    unit = (whole - x) / deviation
    for level, asked in ((0.1, tenth), (0.2, fifth), (0.5, half)):
        torch.testing.assert_close((asked - x) / deviation / level, unit, rtol=1e-3, atol=1e-4)
    assert abs(float(unit.mean())) < 0.12  # 600 numbers: three standard errors
    assert abs(float(unit.std()) - 1) < 0.1
    assert abs(float((unit[:, 0] * unit[:, 1]).mean())) < 0.25


def test_missing_inputs_are_drawn_per_example_nested_and_replaced_by_the_training_mean():
    task = of_the_table(columns=3)
    model = Answers(lambda x: torch.zeros(len(x), 2))
    task.diagnostics(model)
    x, mean = task.split("test")[0], task.split("train")[0].mean(0)
    gaps = [asked != x for asked in model.asked[6:]]
    assert [abs(float(gap.float().mean()) - share) < 0.06 for share, gap in zip((0, 0.1, 0.3, 0.5), gaps)] == [True] * 4
    assert not gaps[0].any()
    for smaller, larger, asked in zip(gaps, gaps[1:], model.asked[7:]):
        assert (larger | ~smaller).all()
        assert torch.equal(asked[larger], mean.expand_as(x)[larger])
    assert len({tuple(row) for row in gaps[3].tolist()}) == 8  # of three inputs, every combination


def test_accuracy_falls_to_what_a_linear_rule_keeps_under_noise():
    task = of_the_table(rows=20_000)
    model = Answers(lambda x: torch.stack([3 - x[:, 0], x[:, 0] - 3], 1))  # the truth itself
    noise = dict(task.diagnostics(model)["noise"])
    assert noise[0.0] == 1
    # Input and noise are normal with deviations 1 and s: they agree in sign with probability 1 - arctan(s) / pi.
    assert noise[0.5] == pytest.approx(1 - np.arctan(0.5) / np.pi, abs=0.01)
    assert noise[1.0] == pytest.approx(0.75, abs=0.01)


def test_one_probability_is_two_classes():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(90, 2))
    y = (x[:, :1] > 0) * 1.0
    task = SupervisedTask((x, y), (x, y), (x, y), kind="probability", network=network)
    model = TorchModel(task.network())
    trust, p = task.diagnostics(model), model(x).flatten()
    assert trust["brier"] == pytest.approx(2 * float((p - torch.from_numpy(y).flatten()).square().mean()))
    assert trust["noise"][0][1] == task.score(model, "test")["accuracy"]


def test_what_is_no_classifier_or_has_no_test_has_no_trust():
    x, halves = np.zeros((4, 2)), np.full((4, 1), 0.5)
    pair = (x, halves)
    for task in (
        SupervisedTask(pair, pair, pair, kind="regression", network=network),
        SupervisedTask(pair, pair, pair, kind="probability", network=network),
        SupervisedTask(*[(x, np.zeros((4, 2)))] * 3, kind="probability", network=network),
        SupervisedTask((x, np.arange(4) % 2), kind="classification", network=network),
    ):
        assert task.diagnostics(TorchModel(task.network())) is None


def test_an_answer_that_is_no_number_is_trusted_in_nothing():
    task = small_task()
    trust = task.diagnostics(Answers(lambda x: torch.full((len(x), 2), float("nan"))))
    assert trust["reliability"] == []
    assert np.isnan([trust["ece"], trust["brier"], *(accuracy for _, accuracy in trust["noise"] + trust["missing"])]).all()


def test_an_ensemble_answers_the_log_of_the_mean_probability():
    task = small_task()
    outputs = torch.from_numpy(np.random.default_rng(0).normal(0, 3, size=(5, 7, 2))).float()
    torch.testing.assert_close(task.pool(outputs).exp(), outputs.softmax(-1).mean(0))
    torch.testing.assert_close(task.pool(outputs[:1]).softmax(-1), outputs[0].softmax(-1))
    sure = torch.tensor([[[1000.0, -1000.0]], [[1000.0, -1000.0]]])
    assert task.pool(sure).isfinite().all()
    assert float(task.pool(sure)[0, 0]) == 0
    assert task.pool(outputs).dtype == torch.float32


@pytest.mark.parametrize("kind", ["probability", "regression"])
def test_an_ensemble_of_numbers_answers_their_mean(kind):
    x, y = np.zeros((4, 2)), np.ones((4, 1))
    task = SupervisedTask((x, y), kind=kind, network=network)
    torch.testing.assert_close(task.pool(torch.tensor([[[0.25]], [[0.5]], [[0.9]]])), torch.tensor([[0.55]]))


def test_members_that_answer_no_number_are_left_out_of_an_ensemble():
    task = small_task()
    outputs = torch.randn(4, 7, 2, generator=torch.Generator().manual_seed(0))
    outputs[1, 3, 0], outputs[2, 0, 1] = float("nan"), float("inf")
    assert torch.equal(task.pool(outputs), task.pool(outputs[[0, 3]]))
    assert task.pool(outputs[1:3]).isnan().all()
    assert task.pool(outputs[1:3]).shape == (7, 2)
