"""A fitted estimator of scikit-learn as a Model.

Pedregosa et al.: Scikit-learn: machine learning in Python. JMLR 12, 2011.
It runs on one thread, with the global random generators put back, and says the same as the estimator's own `predict`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from evo import rng
from evo.core import Examples, Model, Saved, Task, counted, example

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    class ExamplesTask(Task, Examples):
        """A task of examples: what an estimator can be fitted to."""


LINEAR = ("LogisticRegression", "Ridge")  # whose outputs are a linear layer's


@contextmanager
def alone(seed: int) -> Iterator[None]:
    """One thread, and the global generators set and then put back: some estimators draw from them (SVR, which takes no
    seed), and so does the import of scikit-learn."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    np.random.seed(word(seed))  # noqa: NPY002
    try:
        with threadpool_limits(1):
            yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def word(seed: int) -> int:
    """A run's seed as the 32 bits that scikit-learn takes."""
    return int(rng.words(seed, 0, 0, rng.NETWORK, 1)[0])


@lru_cache(maxsize=1)
def estimators() -> dict[str, type]:
    """Every classifier and regressor of scikit-learn by name."""
    from sklearn.utils import all_estimators

    with alone(0):
        return dict(all_estimators(type_filter=["classifier", "regressor"]))


class Estimator(Model):
    """A fitted estimator, or one a column, as a Model: rows (B, I) give a tensor (B, O) float32.

    For classes: log-probabilities, or the decision function, or 1 for the predicted class, whichever the estimator
    has first; the largest is always the class that its `predict` names. For "probability": that of a 1.
    fitted: one estimator for classes, else one for each of the O columns; task: what it was fitted on; header, examples: what
    `save` writes, with which it is fitted again.
    """

    def __init__(self, fitted: list[Any], task: ExamplesTask, header: dict[str, str], examples: dict[str, Tensor]):
        self.fitted, self.task, self.header, self.examples = fitted, task, header, examples

    def __repr__(self) -> str:
        sizes = f"{counted(self.task.inputs, 'input')}, {counted(self.task.outputs, 'output')}"
        return f"Estimator({self.header['estimator']}, {sizes})"

    @property
    def parameters(self) -> int:
        """Coefficients and intercepts; 0 where the estimator has none."""
        return sum(np.size(each.coef_) + np.size(each.intercept_) for each in self.fitted if hasattr(each, "coef_"))

    @property
    def iterations(self) -> int:
        """Passes over the training set, as far as the estimator tells: at least 1."""
        told = [getattr(each, "n_iter_", None) for each in self.fitted]
        return max([1, *(int(np.max(number)) for number in told if number is not None)])

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        x = self.task.features(torch.as_tensor(inputs, dtype=torch.float32).cpu()).numpy()
        with alone(0):
            if self.task.kind == "classification":
                outputs = _scores(self.fitted[0], x, self.task.outputs)
            else:
                column = _probability if self.task.kind == "probability" else _numbers
                outputs = np.stack([column(each, x) for each in self.fitted], axis=1)
        return torch.from_numpy(outputs.astype(np.float32))

    def activate(self, inputs: Sequence[float]) -> list[float]:
        """The outputs for one example, as a call with that one row gives them: I numbers in, O floats out. Raises ValueError
        for another number of inputs."""
        return self(example(inputs, self.task.inputs)[None])[0].tolist()

    def save(self) -> Saved:
        return dict(self.examples), dict(self.header)

    def to_module(self) -> nn.Module:
        """Of logistic regression and ridge a linear layer, and what makes log-probabilities or probabilities behind it. Raises
        ValueError for other estimators, where the training split lacked a class, and where inputs are numbers of nodes."""
        classes = self.task.kind == "classification"
        lacking = classes and len(self.fitted[0].classes_) != self.task.outputs
        if self.header["estimator"] not in LINEAR or lacking or self.task.numbered:
            raise ValueError(f"expected a model that is a torch module; got {self!r}")
        weight = np.concatenate([np.atleast_2d(each.coef_) for each in self.fitted])
        bias = np.concatenate([np.atleast_1d(each.intercept_) for each in self.fitted])
        if classes and len(weight) == 1:  # of two classes the score of the second; that of the first is 0
            weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
        layer = nn.Linear(self.task.inputs, self.task.outputs)
        layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        if self.task.kind == "regression":
            return layer
        return nn.Sequential(layer, nn.LogSoftmax(-1) if classes else nn.Sigmoid())

    def figure(self) -> Figure:
        """The coefficients, or how much the score on validation falls when an input's values are shuffled."""
        from matplotlib.figure import Figure

        linear = all(hasattr(each, "coef_") for each in self.fitted)
        rows = np.concatenate([np.atleast_2d(each.coef_) for each in self.fitted]) if linear else self._importances()
        reach = np.abs(rows).max() or 1.0
        name = "coefficients" if linear else "permutation importance"
        figure = Figure(figsize=(8, 1.5 + 0.3 * len(rows)), layout="constrained")
        axes = figure.subplots()
        picture = axes.imshow(rows, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
        axes.set(title=f"{self.header['estimator']}: {name}", xlabel="input", ylabel="output", yticks=range(len(rows)))
        figure.colorbar(picture, ax=axes)
        return figure

    def _importances(self) -> np.ndarray:
        from sklearn.inspection import permutation_importance

        inputs, targets = self.task.split("validation") or self.task.split("train")
        x, y = self.task.features(inputs).numpy(), targets.numpy()
        some = slice(0, max(20, 20_000 // x.shape[1]))  # every input is shuffled five times: seconds, not hours
        columns = [y] if self.task.kind == "classification" else list(y.T)
        with alone(0):
            found = [permutation_importance(f, x[some], c[some], random_state=0) for f, c in zip(self.fitted, columns)]
        return np.stack([one.importances_mean for one in found])


def _scores(estimator: Any, x: np.ndarray, outputs: int) -> np.ndarray:
    """(B, O) float32 for a classifier; classes that the training split lacks get the least score of the row."""
    predicted = estimator.predict(x)
    columns = estimator.classes_.astype(np.int64)
    chosen = (predicted[:, None] == estimator.classes_).astype(np.float64)
    if hasattr(estimator, "predict_proba"):
        scores = _log(estimator.predict_proba(x))
    else:
        scores = estimator.decision_function(x) if hasattr(estimator, "decision_function") else chosen
        if scores.ndim == 1:
            scores = np.stack([-scores / 2, scores / 2], axis=1)
        if scores.shape != chosen.shape:
            scores = chosen
    table = np.repeat(scores.min(axis=1, keepdims=True), outputs, axis=1).astype(np.float32)
    table[:, columns] = scores
    # Ties, and probabilities that are fitted apart from the decision, may point elsewhere by a little.
    rows = np.flatnonzero(table.argmax(axis=1) != predicted)
    table[rows, predicted[rows].astype(np.int64)] = np.nextafter(table[rows].max(axis=1), np.float32(np.inf))
    return table


def _log(probability: np.ndarray) -> np.ndarray:
    """As `sklearn.metrics.log_loss` does it: a probability of 0 counts as the type's smallest step."""
    return np.log(np.clip(probability, np.finfo(probability.dtype).eps, None))


def _probability(estimator: Any, x: np.ndarray) -> np.ndarray:
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(x)[:, list(estimator.classes_).index(1)] if 1 in estimator.classes_ else np.zeros(len(x))
    if hasattr(estimator, "decision_function"):
        return 1 / (1 + np.exp(-estimator.decision_function(x)))
    return estimator.predict(x).astype(np.float64)


def _numbers(estimator: Any, x: np.ndarray) -> np.ndarray:
    return estimator.predict(x).reshape(len(x))
