import json
import random
import warnings
from functools import partial
from inspect import signature

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score
from threadpoolctl import threadpool_info

from baselines import classical, estimator
from baselines.classical import forest, gradient_boosting, knn, linear, sklearn_method, svm
from baselines.estimator import estimators
from evo import rng
from evo.core import Metric, Task
from evo.evolve import as_method
from evo.settings import SettingsError, describe
from evo.tasks.supervised import SupervisedTask
from evo.vectors.modules import MLP

NAMED = {"linear": linear, "svm": svm, "knn": knn, "forest": forest, "gradient-boosting": gradient_boosting}
XOR = (np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([[0, 1], [1, 0], [1, 0], [0, 1]], np.float32))
# They want targets or inputs of another shape or sign, or another estimator, and say so.
PARTICULAR = {
    "CCA", "PLSCanonical", "CategoricalNB", "ComplementNB", "MultinomialNB", "IsotonicRegression", "MultiTaskElasticNet",
    "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV", "RadiusNeighborsClassifier", "SelfTrainingClassifier",
}  # fmt: skip
UNDEFINED = {"LabelPropagation", "LabelSpreading", "RadiusNeighborsRegressor"}  # NaN far from the examples


def network(inputs, outputs):
    return MLP(inputs, outputs, hidden=(4,))


def clouds(rows, seed, centres=3):
    y = np.arange(rows) % centres
    noise = rng.uniforms(seed, 0, 0, rng.SPLIT, rows * 4).reshape(rows, 4) - 0.5
    return (noise * 3 + np.eye(5, 4)[y]).astype(np.float32), y.astype(np.int64)


def classes(centres=3, **rest):
    parts = [clouds(rows, seed, centres) for rows, seed in ((90, 1), (45, 2), (45, 3))]
    return SupervisedTask(*parts, kind="classification", network=network, **rest)


def numbers(columns=1):
    parts = []
    for seed in (1, 2, 3):
        x, _ = clouds(60, seed)
        parts.append((x, 9 + np.stack([x[:, 0] * x[:, 1], x[:, 2] - x[:, 3]], axis=1)[:, :columns]))
    return SupervisedTask(*parts, kind="regression", network=network)


def xor():
    return SupervisedTask(XOR, kind="probability", network=network)


def fitted(method, task, seed=0, **values):
    learner = method(task, method.settings(**values), seed, "cpu")
    learner.step()
    return learner


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("centres", [2, 3])
def test_accuracy_and_cross_entropy_equal_what_scikit_learn_says(name, centres):
    task = SupervisedTask(*[clouds(90, s, centres) for s in (1, 2, 3)], kind="classification", network=network)
    model = fitted(NAMED[name], task).champion()
    inner = model.fitted[0]
    x, y = (part.numpy() for part in task.split("test"))
    score = task.score(model, "test")
    assert score["accuracy"] == inner.score(x, y)
    assert 0.4 < score["accuracy"] <= 1.0
    if hasattr(inner, "predict_proba"):
        assert score["cross_entropy"] == pytest.approx(log_loss(y, inner.predict_proba(x)), rel=1e-5)


def test_a_support_vector_machine_decides_by_its_scores():
    task = classes()
    model = fitted(svm, task, C=0.01, kernel="poly").champion()
    x, _ = task.split("test")
    assert model.fitted[0].break_ties
    np.testing.assert_array_equal(model(x), model.fitted[0].decision_function(x.numpy()).astype(np.float32))
    task = SupervisedTask(clouds(90, 1, 2), kind="classification", network=network)
    model = fitted(svm, task).champion()
    x, _ = task.split("train")
    torch.testing.assert_close(model(x)[:, 1] - model(x)[:, 0], torch.from_numpy(model.fitted[0].decision_function(x)).float())


@pytest.mark.parametrize("name", NAMED)
def test_regression_equals_what_scikit_learn_says_for_every_column(name):
    task = numbers(columns=2)
    model = fitted(NAMED[name], task).champion()
    x, y = (part.numpy() for part in task.split("test"))
    predicted = np.stack([each.predict(x) for each in model.fitted], axis=1)
    assert task.score(model, "test")["r2"] == pytest.approx(r2_score(y, predicted), rel=1e-4, abs=1e-5)


def test_linear_equals_logistic_and_ridge_regression_fitted_by_hand():
    task = classes()
    x, y = (part.numpy() for part in task.split("train"))
    by_hand = LogisticRegression(C=0.3, max_iter=1000).fit(x, y)
    model = fitted(linear, task, C=0.3).champion()
    np.testing.assert_array_equal(model.fitted[0].coef_, by_hand.coef_)
    assert model.parameters == 3 * 4 + 3
    task = numbers()
    x, y = (part.numpy() for part in task.split("train"))
    np.testing.assert_allclose(fitted(linear, task, C=4.0).champion().fitted[0].coef_, Ridge(alpha=0.25).fit(x, y[:, 0]).coef_)


@pytest.mark.parametrize("name", NAMED)
def test_probability_tasks_get_the_probability_of_a_one_for_each_column(name):
    x, _ = clouds(80, 1)
    y = np.stack([x[:, 0] > 0.3, x[:, 1] + x[:, 2] > 0], axis=1).astype(np.float32)
    task = SupervisedTask((x, y), kind="probability", network=network)
    model = fitted(NAMED[name], task).champion()
    outputs = model(x)
    assert outputs.shape == (80, 2)
    assert ((outputs >= 0) & (outputs <= 1)).all()
    for column, each in enumerate(model.fitted):
        decided = outputs[:, column] != 0.5
        assert torch.equal((outputs[:, column] > 0.5)[decided], torch.from_numpy(each.predict(x) > 0.5)[decided])


def test_a_support_vector_machine_solves_exclusive_or_and_a_line_does_not():
    task = SupervisedTask(XOR, kind="probability", network=network, solved=1.0)
    accuracy = {name: task.score(fitted(method, task).champion(), "train")["accuracy"] for name, method in NAMED.items()}
    assert accuracy["svm"] == 1.0
    assert accuracy["linear"] < 1.0


def test_every_estimator_fits_and_its_largest_output_is_what_it_predicts_or_says_why_not():
    worked = 0
    for name in estimators():
        if any(each.default is each.empty for each in signature(estimators()[name]).parameters.values()):
            with pytest.raises(ValueError, match=f"{name} needs estimators?, which a configuration cannot hold"):
                sklearn_method(name)
            continue
        method = sklearn_method(name)
        task = classes() if method.classifier else numbers()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence and deprecation
            try:
                model = fitted(method, task).champion()
            except ValueError:
                assert name in PARTICULAR
                continue
            x, _ = task.split("validation")
            outputs, predicted = model(x), model.fitted[0].predict(x.numpy())
        if name in UNDEFINED:
            continue
        worked += 1
        if method.classifier:
            np.testing.assert_array_equal(outputs.argmax(1), predicted, err_msg=name)
        else:
            np.testing.assert_array_equal(outputs[:, 0], predicted.reshape(-1).astype(np.float32), err_msg=name)
    assert worked > 60


def test_largest_output_is_what_a_classifier_predicts_where_its_probabilities_tie_or_disagree():
    class Contrary:
        classes_ = np.array([0, 1, 2])

        def predict(self, x):
            return np.full(len(x), 2)

        def predict_proba(self, x):
            return np.tile([0.5, 0.5, 0.0], (len(x), 1))

    table = torch.from_numpy(estimator._scores(Contrary(), np.zeros((4, 2), np.float32), 3))
    assert (table.argmax(1) == 2).all()
    torch.testing.assert_close(table[:, 2], table[:, 0])


def test_a_class_that_the_training_part_lacks_is_never_predicted():
    x, y = clouds(60, 1)
    task = SupervisedTask((x[y != 1], y[y != 1]), clouds(30, 2), kind="classification", network=network)
    x, _ = task.split("validation")
    for method in NAMED.values():
        model = fitted(method, task).champion()
        outputs = model(x)
        assert outputs.shape == (30, 3)
        assert (outputs.argmax(1) != 1).all()
        assert torch.equal(outputs[:, 1], outputs.min(1).values)
        if hasattr(model.fitted[0], "predict_proba"):
            shares = np.clip(model.fitted[0].predict_proba(x.numpy()), np.finfo(np.float64).eps, None)
            np.testing.assert_allclose(outputs[:, [0, 2]], np.log(shares), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("make", [classes, numbers])
def test_restored_model_is_the_same_and_no_code_is_stored(name, make):
    task, method = make(), NAMED[name]
    learner = fitted(method, task, seed=5)
    tensors, header = learner.champion().save()
    assert all(isinstance(text, str) for text in header.values())
    x, _ = task.split("test")
    assert torch.equal(method.restore(task, method.settings(), 5, tensors, header)(x), learner.champion()(x))
    for key, wrong in (("seed", "6"), ("estimator", "Pipeline"), ("arguments", json.dumps({"C": 7})), ("kind", "torch")):
        with pytest.raises(ValueError, match=f"the stored model's {key} is"):
            method.restore(task, method.settings(), 5, tensors, {**header, key: wrong})
    with pytest.warns(UserWarning, match=r"scikit-learn 0\.1"):
        method.restore(task, method.settings(), 5, tensors, {**header, "version": "0.1"})


class Gone(Task):
    """A task as one knows it whose examples are gone."""

    metric = Metric("accuracy")
    normalize_observations = evaluate = score = None

    def __init__(self, task):
        self.kind, self.inputs, self.outputs, self.class_weights = task.kind, task.inputs, task.outputs, task.class_weights

    def split(self, name):
        raise LookupError("the examples are gone")


@pytest.mark.parametrize("name", [*NAMED, "sklearn:ExtraTreesClassifier"])
@pytest.mark.parametrize("make", [classes, numbers, partial(classes, class_weights=True)])
def test_a_model_is_fitted_again_to_the_same_bits_where_the_examples_are_gone(name, make):
    task, method = make(), NAMED.get(name) or sklearn_method("ExtraTreesClassifier")
    if method.unsupported_reason(task):
        return
    model = fitted(method, task, seed=3).champion()
    tensors, header = model.save()
    read = safetensors.torch.load(safetensors.torch.save(tensors))
    x, _ = task.split("test")
    assert torch.equal(method.restore(Gone(task), method.settings(), 3, read, header)(x), model(x))


def test_a_champion_carries_no_more_than_it_says_and_is_then_fitted_to_the_tasks_own_examples(monkeypatch):
    task = classes()
    size = sum(part.nbytes for part in task.split("train"))
    monkeypatch.setattr(classical, "CARRIED", size)
    assert fitted(knn, task).champion().save()[0].keys() == {"x", "y"}
    monkeypatch.setattr(classical, "CARRIED", size - 1)
    model = fitted(knn, task).champion()
    tensors, header = model.save()
    assert tensors == {}
    assert header["left_out"] == "its 90 training rows (0.0 MiB) are more than the 0 MiB that a champion carries"
    x, _ = task.split("test")
    assert torch.equal(knn.restore(task, knn.settings(), 0, tensors, header)(x), model(x))
    with pytest.raises(LookupError, match="the examples are gone"):
        knn.restore(Gone(task), knn.settings(), 0, tensors, header)


@pytest.mark.parametrize(
    "change",
    [
        {"x": torch.zeros(90, 5)},
        {"x": torch.zeros(89, 4)},
        {"x": torch.full((90, 4), float("nan"))},
        {"y": torch.full((90,), 3)},
        {"y": torch.full((90,), -1)},
        {"y": torch.zeros(90, 3)},
        {"x": None},
    ],
)
def test_examples_that_do_not_fit_the_task_are_refused(change):
    task = classes()
    tensors, header = fitted(linear, task).champion().save()
    tensors = {name: part for name, part in (tensors | change).items() if part is not None}
    with pytest.raises(ValueError, match="linear: the stored examples are not those of a task of 4 inputs and 3 outputs"):
        linear.restore(task, linear.settings(), 0, tensors, header)


@pytest.mark.parametrize("make", [classes, partial(classes, centres=2), numbers, partial(numbers, 2), xor])
def test_a_linear_model_is_a_module_that_says_the_same(make):
    task = make()
    model = fitted(linear, task).champion()
    x, _ = task.split("validation")
    torch.testing.assert_close(model.to_module()(x), model(x), atol=1e-5, rtol=1e-5)


def test_what_is_no_linear_layer_is_no_module():
    x, y = clouds(60, 1)
    lacking = SupervisedTask((x[y != 1], y[y != 1]), clouds(30, 2), kind="classification", network=network)
    for method, task in ((forest, classes()), (svm, numbers()), (linear, lacking)):
        with pytest.raises(ValueError, match="expected a model that is a torch module; got"):
            fitted(method, task).champion().to_module()


def test_resumed_learner_equals_the_one_that_went_on():
    task = classes()
    first = fitted(forest, task, seed=2, n_estimators=10)
    second = forest(task, forest.settings(n_estimators=10), 2, "cpu")
    with pytest.raises(RuntimeError, match="before the first step"):
        second.champion()
    second.load_state_dict(first.state_dict())
    x, _ = task.split("test")
    assert second.finished == "completed"
    assert second.state_dict() == first.state_dict()
    assert torch.equal(second.champion()(x), first.champion()(x))


def test_a_seed_gives_the_same_forest_and_another_seed_another():
    task = classes()
    x, _ = task.split("test")
    a, b, c = (fitted(forest, task, seed=seed, n_estimators=10).champion()(x) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_scrambled_test_labels_change_nothing_in_the_fit():
    x, y = clouds(45, 3)
    poisoned = SupervisedTask(clouds(90, 1), clouds(45, 2), (x, (y + 1) % 3), kind="classification", network=network)
    for method in NAMED.values():
        a, b = fitted(method, classes()).champion(), fitted(method, poisoned).champion()
        assert torch.equal(a(x), b(x))


def test_cost_is_one_evaluation_and_the_examples_of_every_iteration():
    task = classes()
    learner = fitted(linear, task)
    iterations = int(learner.champion().fitted[0].n_iter_.max())
    assert iterations > 1
    assert (learner.cost.evaluations, learner.cost.samples) == (1, 90 * iterations)
    assert learner.cost.compute == 3 * 90 * iterations * 15
    neighbours = fitted(knn, task)
    assert (neighbours.cost.samples, neighbours.cost.compute, neighbours.champion().parameters) == (90, None, 0)


def test_a_fit_uses_one_thread_and_leaves_global_random_state_alone(monkeypatch):
    seen = []
    cls = estimators()["LogisticRegression"]
    fit = cls.fit
    monkeypatch.setattr(
        cls, "fit", lambda *args: seen.append([each["num_threads"] for each in threadpool_info()]) or fit(*args)
    )
    np.random.seed(123)  # noqa: NPY002
    before = (torch.random.get_rng_state(), str(np.random.get_state()), random.getstate())  # noqa: NPY002
    fitted(linear, classes())
    assert seen
    assert all(count == 1 for counts in seen for count in counts)
    fitted(svm, numbers())  # SVR takes no seed, and draws from numpy's global generator
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1:] == (str(np.random.get_state()), random.getstate())  # noqa: NPY002


def test_more_neighbours_than_examples_are_all_of_them():
    task = SupervisedTask(XOR, kind="probability", network=network)
    assert fitted(knn, task, n_neighbors=9).champion().fitted[0].n_neighbors == 4


def test_any_estimator_by_name_takes_its_own_arguments():
    method = sklearn_method("ExtraTreesClassifier")
    assert as_method(method, "sklearn:ExtraTreesClassifier") is method
    chosen = {one.name: one.default for one in describe(method.settings)}
    assert chosen["n_estimators"] == 100
    assert not {"random_state", "n_jobs", "verbose", "warm_start"} & set(chosen)
    model = fitted(method, classes(), n_estimators=7, max_features=None).champion()
    assert model.fitted[0].n_estimators == 7
    assert model.fitted[0].max_features is None
    assert json.loads(model.save()[1]["arguments"]) == {"n_estimators": 7, "max_features": None}


def test_wrong_names_and_values_are_told_with_the_closest_match():
    with pytest.raises(ValueError, match=r"did you mean 'ExtraTreesClassifier'"):
        sklearn_method("ExtraTreesClasifier")
    with pytest.raises(ValueError, match="VotingClassifier needs estimators"):
        sklearn_method("VotingClassifier")
    with pytest.raises(ValueError, match="'n_estimators' parameter of ExtraTreesClassifier must be an int"):
        fitted(sklearn_method("ExtraTreesClassifier"), classes(), n_estimators=-3)
    with pytest.raises(SettingsError, match="C: expected a number > 0; got -1"):
        svm.settings(C=-1.0)


def test_a_method_says_which_tasks_it_does_not_fit():
    assert all(method.unsupported_reason(task) is None for method in NAMED.values() for task in (classes(), numbers()))
    assert "is a classifier; the task (regression)" in sklearn_method("SVC").unsupported_reason(numbers())
    assert "is a regressor; the task (classification)" in sklearn_method("Lasso").unsupported_reason(classes())
    between = SupervisedTask((XOR[0], XOR[1] * 0.7), kind="probability", network=network)
    assert "targets between them" in linear.unsupported_reason(between)

    class Pole:
        inputs = 4

    assert "has none" in linear.unsupported_reason(Pole())


@pytest.mark.parametrize("name", ["linear", "knn"])
@pytest.mark.parametrize("make", [classes, numbers])
def test_figure_shows_a_number_for_every_input(name, make):
    figure = fitted(NAMED[name], make()).champion().figure()
    image = figure.axes[0].images[0].get_array()
    assert image.shape[1] == 4
    assert np.isfinite(image).all()
    assert np.abs(image).max() > 0


@pytest.mark.parametrize("method", [linear, svm, forest, gradient_boosting])
def test_classes_weigh_alike_where_the_task_says_so(method):
    draws = np.random.default_rng(0)
    y = np.repeat([0, 1], [190, 10])
    x = draws.normal(size=(200, 2)) + 1.5 * y[:, None]
    recall = {}
    for alike in (False, True):
        task = SupervisedTask((x, y), kind="classification", network=network, class_weights=alike)
        recall[alike] = task.score(fitted(method, task).champion(), "validation")["balanced_accuracy"]
    assert recall[True] > recall[False] or recall[False] == 1


def test_an_estimator_that_weighs_no_classes_says_so():
    task = SupervisedTask((np.eye(4), [0, 0, 1, 1]), kind="classification", network=network, class_weights=True)
    assert "weighs no classes" in knn.unsupported_reason(task)
    assert linear.unsupported_reason(task) is None
