"""The weights of many data sets, trained at once, are those of each trained alone; theory says of their bias what is known."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from baselines.backprop import Backprop
from baselines.backstitch import BackstitchDescent
from baselines.sam import SAMDescent
from evo import rng
from evo.vectors.models import TorchModel
from scenarios import finite_sample_bias, finite_sample_bias_gaussian, finite_sample_bias_quadratic
from scenarios.functions.samples import EXAMPLES, GAUSSIAN, LOGISTIC, QUADRATIC, drawn, first_order_bias
from scenarios.simulated import BiasTask

METHODS = {"backprop": Backprop, "backstitch": BackstitchDescent, "sam": SAMDescent}
SCENARIOS = {
    "logistic": finite_sample_bias.scenario,
    "gaussian": finite_sample_bias_gaussian.scenario,
    "quadratic": finite_sample_bias_quadratic.scenario,
}
CASES = {"logistic": LOGISTIC, "gaussian": GAUSSIAN, "quadratic": QUADRATIC}
cases = pytest.mark.parametrize("case", CASES)


def learner(case, name, data_sets, seed=1000, **values):
    task = BiasTask(CASES[case], data_sets).for_seed(seed)
    return METHODS[name](task, METHODS[name].settings(**{**SCENARIOS[case].learners[name], **values}), seed, "cpu")


def slope(case, b, example):
    """The gradient of one example's loss, written down by hand."""
    if case == "logistic":
        x, y = example
        return (1 / (1 + math.exp(-(b[0] + b[1] * x))) - y) * np.array([1.0, x])
    if case == "gaussian":
        z = example[0] - b[0]
        return np.array([-b[1] * z, (z * z - 1 / b[1]) / 2])
    c11, c12, c22, *y = example
    return np.array([[c11, c12], [c12, c22]]) @ b + y


def alone(case, name, data, epochs, seed):
    """The weights of one data set (N, F) after every epoch of a plain loop."""
    b, found = np.array(CASES[case].start), []
    for epoch in range(epochs):
        rate = 0.001 / (1 + 0.0001 * epoch)
        alpha = (math.sqrt(1 + 4 * CASES[case].factor / (EXAMPLES * rate)) - 1) / 2
        for example in data[rng.permutation(seed, epoch, 0, rng.DATA_ORDER, EXAMPLES)].astype(float):
            g = slope(case, b, example)
            if name == "backprop":
                b = b - rate * g
            elif name == "backstitch":
                b = b + alpha * rate * g
                b = b - (1 + alpha) * rate * slope(case, b, example)
            else:
                b = b - rate * slope(case, b + 0.05 * g / np.linalg.norm(g), example)
        found.append(b)
    return np.stack(found)


@cases
@pytest.mark.parametrize("name", METHODS)
def test_every_data_set_is_trained_as_it_is_alone(case, name):
    ours = learner(case, name, 5)
    for _ in range(4):
        ours.step()
    data = ours.task.data
    for k, b in enumerate(ours.module.b.detach().numpy()):
        np.testing.assert_allclose(b, alone(case, name, data[:, k], 4, 1000)[-1], rtol=1e-9, atol=1e-12)


def test_a_data_set_stops_where_its_own_loss_does_and_the_run_where_all_have():
    ours, epochs = learner("quadratic", "backprop", 6), 0
    while not ours.best.key[0] and epochs < 300:
        ours.step()
        epochs += 1
    stops = []
    for k, b in enumerate(ours.champion().to_module().b.numpy(force=True)):
        rows = torch.from_numpy(ours.task.data[:, k].astype(float))
        path = alone("quadratic", "backprop", ours.task.data[:, k], epochs, 1000)
        losses = [QUADRATIC.loss(torch.from_numpy(each), rows).mean().item() for each in path]
        stop = next(e for e in range(1, epochs) if abs(losses[e] - losses[e - 1]) < 1e-6)
        np.testing.assert_allclose(b, path[stop], rtol=1e-9, atol=1e-12)
        stops.append(stop + 1)
    assert len(set(stops)) > 2
    assert max(stops) == epochs
    score = ours.task.score(ours.champion(), "validation")
    assert (score["fitness"], score["stopped"], ours.task.solved(score)) == (epochs, 1.0, True)


@pytest.mark.parametrize(("case", "rate"), [(GAUSSIAN, 100.0), (QUADRATIC, 1000.0)])
def test_what_diverges_has_not_stopped_and_solves_nothing(case, rate):
    task = BiasTask(case, 5)
    options = Backprop.settings(optimizer="SGD", learning_rate=rate, batch_size=1, patience=None, l2=0.0)
    learner = Backprop(task, options, seed=0)
    while learner.finished is None:
        score = learner.step()["validation"]
        assert not task.solved(score)
    assert learner.finished == "diverged"


def test_score_says_how_far_the_mean_is_from_the_truth():
    task = BiasTask(GAUSSIAN, 4)
    weights = task.network()
    with torch.no_grad():
        weights.b.copy_(torch.tensor([[0.1, 0.8], [0.3, 1.0], [-0.1, 1.2], [0.1, 1.4]]))
    score = task.score(TorchModel(weights), "validation")
    assert (score["bias_mean"], score["bias_precision"]) == pytest.approx((0.1, 0.3))
    assert score["bias"] == pytest.approx(math.hypot(0.1, 0.3))
    assert score["se_precision"] == pytest.approx(math.sqrt(0.2 / 3 / 4))
    assert (score["stopped"], score["n"], task.solved(score)) == (0.0, 4, False)
    with pytest.raises(ValueError, match="expected weights of data sets"):
        task.score(TorchModel(torch.nn.Linear(100, 4)), "validation")


def test_theory_says_of_minima_what_is_known():
    assert first_order_bias(GAUSSIAN) == pytest.approx([0.0, 3 * 0.8 / EXAMPLES], abs=1e-12)  # N / (N - 3) precision
    assert first_order_bias(QUADRATIC) == pytest.approx([-0.675 / EXAMPLES] * 2)  # 1.5^2 (.8444 b + 1 / 3), b = -.75


def test_theory_says_of_logistic_regression_what_large_samples_show():
    """20,000 fits to 2,000 examples each: there the bias is a 20th, and none is separable."""
    count, draws = 2000, np.random.default_rng(1000)
    x, errors = 1 + draws.random((20_000, count), np.float32), []
    for rows in np.array_split(x, 40):
        y = draws.random(rows.shape, np.float32) < 1 / (1 + np.exp(-3 * rows))
        b = np.tile(LOGISTIC.truth, (len(rows), 1))
        for _ in range(5):  # Newton's method
            p = 1 / (1 + np.exp(-(b[:, :1] + b[:, 1:] * rows)))
            g = np.stack([(p - y).sum(1), ((p - y) * rows).sum(1)], 1)
            w = p * (1 - p)
            h = np.stack([w.sum(1), (w * rows).sum(1), (w * rows).sum(1), (w * rows**2).sum(1)], 1).reshape(-1, 2, 2)
            b = b - np.linalg.solve(h, g[..., None])[..., 0]
        errors.append(b - LOGISTIC.truth)
    errors = np.concatenate(errors)
    assert np.isfinite(errors).all()
    expected, se = first_order_bias(LOGISTIC) * EXAMPLES / count, errors.std(0) / len(errors) ** 0.5
    assert (np.abs(errors.mean(0) - expected) < 4 * se + 0.15 * np.abs(expected)).all()
    assert (np.abs(expected) > 4 * se).all()


def test_the_champion_is_the_last_network_though_its_bias_and_loss_may_not_be_the_least():
    ours = learner("quadratic", "backstitch", 3)
    with torch.no_grad():
        ours.module.b.copy_(torch.tensor(QUADRATIC.truth))
    for _ in range(3):
        ours.step()
        assert torch.equal(ours.champion().to_module().b, ours.module.b)


def test_the_prediction_cancels_the_bias_of_the_quadratic_case():
    """alpha (1 + alpha) rate = factor / N moves the rest by -factor / N H^-1 E[H_i g_i], and H is 1 / 1.5 of the identity."""
    rows, weights = QUADRATIC.population()
    at, (c11, c12, c22, *_) = np.array(QUADRATIC.truth), rows.T
    hessians = np.array([[c11, c12], [c12, c22]]).transpose(2, 0, 1)
    pulled = np.einsum("q,qij,qj->i", weights, hessians, np.stack([slope("quadratic", at, row) for row in rows]))
    shift = -QUADRATIC.factor / EXAMPLES * np.linalg.solve(np.einsum("q,qij->ij", weights, hessians), pulled)
    assert shift == pytest.approx(-first_order_bias(QUADRATIC))
    assert [case.factor for case in (LOGISTIC, GAUSSIAN, QUADRATIC)] == [1.0, 0.8, 1.5]


@cases
def test_the_truth_minimises_the_loss_of_the_population_that_is_drawn_from(case):
    rows, weights = CASES[case].population()
    assert weights.sum() == pytest.approx(1.0)
    at = np.array(CASES[case].truth)
    assert sum(w * slope(case, at, row) for w, row in zip(weights, rows)) == pytest.approx([0.0, 0.0], abs=1e-9)
    examples = drawn(CASES[case], 3, 2000).reshape(-1, rows.shape[1]).astype(float)
    mean, spread = weights @ rows, (weights @ rows**2 - (weights @ rows) ** 2) ** 0.5
    assert (np.abs(examples.mean(0) - mean) < 5 * spread / len(examples) ** 0.5).all()
    np.testing.assert_allclose((examples**2).mean(0), weights @ rows**2, rtol=0.05)


def test_a_fifth_of_the_logistic_data_sets_is_separable():
    task = BiasTask(LOGISTIC, 1000)
    x, y = task.data[..., 0], task.data[..., 1]
    told_apart = [len(set(ones := y[np.argsort(x[:, k]), k])) == 1 or (np.diff(ones) != 0).sum() == 1 for k in range(1000)]
    assert task.separable_sets.tolist() == told_apart
    one_class = (y.min(0) == y.max(0)).mean()
    assert 0.17 < one_class < 0.26  # (1 - .0154)^100 = .21
    assert one_class < task.separable_sets.mean() < one_class + 0.1
    assert not BiasTask(QUADRATIC, 5).separable_sets.any()


def test_data_sets_are_of_the_seed_and_alike_for_all_methods():
    task = BiasTask(LOGISTIC, 3)
    assert np.array_equal(task.data, task.for_seed(0).data)
    assert not np.array_equal(task.data, task.for_seed(1).data)
    assert np.array_equal(task.for_seed(5).data, BiasTask(LOGISTIC, 3, seed=5).data)
    assert not np.array_equal(drawn(GAUSSIAN, 0, 3)[..., 0], drawn(LOGISTIC, 0, 3)[..., 0])


def where_it_rests(case, rows):
    """What minimises the mean loss of rows (N, F) + factor / N / 2 times the mean squared gradient of an example."""
    rows, weight = rows.astype(float), CASES[case].factor / EXAMPLES / 2
    loss = lambda b: CASES[case].loss(torch.from_numpy(b), torch.from_numpy(rows)).mean().item()
    objective = lambda b: loss(b) + weight * np.mean([(slope(case, b, row) ** 2).sum() for row in rows])
    return minimize(objective, CASES[case].truth, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14}).x


@pytest.mark.parametrize("case", ["gaussian", "quadratic"])  # in the logistic case it rests where SGD does, but for 1e-5
def test_backstitch_rests_where_the_theory_of_its_bias_says(case):
    """There an epoch moves it by little in the mean, and SGD, whose place it is not, by more."""
    runs = [learner(case, name, 30) for name in ("backstitch", "backprop")]
    rests = torch.from_numpy(np.stack([where_it_rests(case, rows) for rows in runs[0].task.data.swapaxes(0, 1)]))
    for one in runs:
        with torch.no_grad():
            one.module.b.copy_(rests)
        one.step()
    moved = [(one.module.b - rests).mean(0).norm().item() for one in runs]
    assert moved[0] < 0.25 * moved[1]


def test_what_has_stopped_is_kept_by_the_state():
    ours = learner("gaussian", "backstitch", 4)
    for _ in range(3):
        ours.step()
    with torch.no_grad():
        ours.module.moving[1] = False
    resumed = learner("gaussian", "backstitch", 4)
    resumed.load_state_dict(copy.deepcopy(ours.state_dict()))
    before = resumed.module.b[1].clone()
    for one in (ours, resumed):
        one.step()
    assert torch.equal(ours.module.b, resumed.module.b)
    assert torch.equal(resumed.module.b[1], before)
    assert not torch.equal(resumed.module.b[0], before)


def test_a_picture_shows_the_data_sets_and_the_truth():
    task = BiasTask(LOGISTIC, 7)
    (axes,) = task.figure(TorchModel(task.network())).axes
    assert len(axes.collections[0].get_offsets()) == 7
    assert [axes.get_xlabel(), axes.get_ylabel()] == ["intercept", "slope"]
