"""scikit-learn's estimators as Learners of a single step: the simple models that every comparison should hold.

Pedregosa et al.: Scikit-learn: machine learning in Python. JMLR 12, 2011.
An estimator sees what every learner sees: the task's training split, as float32. It is stored as its name, arguments, seed
and what it was fitted to, up to CARRIED bytes, and loading it fits it again: no pickle is written or read. The same version
of scikit-learn gives the same bits. It runs on one thread, with a seed of `evo.rng`.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn
import torch
from sklearn.base import ClassifierMixin
from torch import Tensor

from baselines.estimator import Estimator, alone, estimators, word
from evo.core import Backends, Champion, Cost, Examples, Learner, Method, Row, State, Task, counted
from evo.settings import did_you_mean, setting, settings
from evo.space import Choice, Log

if TYPE_CHECKING:
    from baselines.estimator import ExamplesTask

CARRIED = 2**24  # bytes of training rows that a champion carries at most
OURS = ("random_state", "n_jobs", "verbose", "warm_start")  # arguments that are not a user's to set


@dataclass(frozen=True)
class Classical(Method):
    """A Method: one estimator for classes, one for numbers (None: it has none), chosen by the task's kind.

    arguments(settings, estimator's name, number of training examples) gives what the estimator is made with.
    A "probability" or regression task gets an estimator for each output column.
    """

    name: str
    classifier: str | None
    regressor: str | None
    settings: type
    arguments: Callable[[Any, str, int], dict[str, object]]

    @property
    def title(self) -> str:
        """What `evo list` says of it."""
        return f"scikit-learn's {' or '.join(name for name in (self.classifier, self.regressor) if name)}"

    def estimator(self, task: Task) -> str | None:
        return self.regressor if task.kind == "regression" else self.classifier

    def unsupported_reason(self, task: Task) -> str | None:
        if not isinstance(task, Examples):
            return "it is fitted to examples; the task has none"
        if self.estimator(task) is None:
            has, needs = ("regressor", "classes") if self.classifier is None else ("classifier", "numbers")
            return f"it is a {has}; the task ({task.kind}) wants {needs} predicted"
        if task.class_weights and not self._weighs_classes(task):
            return "its estimator weighs no classes; leave out task.class_weights"
        y = task.split("train")[1]
        if y.ndim > (1 if task.kind == "classification" else 2):
            return "it predicts one target a row; the task has one for every tick of a sequence"
        if task.kind == "probability" and not bool(((y == 0) | (y == 1)).all()):
            return "it predicts the probability of 0 or 1; the task has targets between them"
        return None

    def backends(self, task: Task) -> Backends:
        return Backends("scikit-learn", "", "scikit-learn runs on cores")

    def __call__(self, task: Any, settings: object, seed: int, device: str = "cpu") -> Fit:
        return Fit(self, task, settings, seed)

    def restore(self, task: Any, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Estimator:
        """The model again, by fitting it again to what it carries, or to the task's training split. Raises ValueError if what
        was stored is not what would be fitted."""
        x, y = self._carried(task, tensors) if tensors else task.split("train")
        written = self._header(task, settings, seed, len(x))
        version = header.get("version")
        for key in ("kind", "estimator", "arguments", "seed"):
            if header.get(key) != written[key]:
                raise ValueError(
                    f"{self.name}: the stored model's {key} is {header.get(key)!r}; its configuration says {written[key]!r}"
                )
        if version != written["version"]:
            warnings.warn(f"fitted with scikit-learn {version}, again with {written['version']}: it may differ", stacklevel=2)
        return self.fit(task, settings, seed, x, y)

    def _carried(self, task: Task, tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The examples (x (B, I), y) of a stored model. Raises ValueError for others than `fit` takes."""
        x, y = (tensors.get(name, torch.empty(0)) for name in ("x", "y"))
        classes = task.kind == "classification"
        fits = x.shape == (len(y), task.inputs) and y.shape == ((len(x),) if classes else (len(x), task.outputs))
        if (
            not fits
            or not x.isfinite().all()
            or (classes and (y.is_floating_point() or y.min() < 0 or y.max() >= task.outputs))
        ):
            sizes = f"{counted(task.inputs, 'input')} and {counted(task.outputs, 'output')}"
            raise ValueError(f"{self.name}: the stored examples are not those of a task of {sizes}")
        return x.clone(), y.clone()  # in memory aligned as torch aligns it, whatever file they come from

    def fit(self, task: ExamplesTask, settings: object, seed: int, x: Tensor, y: Tensor) -> Estimator:
        """x (B, I), y: as of the task's training split."""
        name, arguments = self._made_of(task, settings, len(x))
        cls = estimators()[name]
        if "random_state" in signature(cls).parameters:
            arguments = {**arguments, "random_state": word(seed)}
        columns = [y.numpy()] if task.kind == "classification" else list(y.numpy().T)
        features = task.features(x).numpy()
        with alone(seed):
            fitted = [cls(**arguments).fit(features, column) for column in columns]
        header, size = self._header(task, settings, seed, len(x)), x.nbytes + y.nbytes
        if size <= CARRIED:
            return Estimator(fitted, task, header, {"x": x, "y": y})
        rows, most = f"its {counted(len(x), 'training row')} ({size / 2**20:.1f} MiB)", f"the {CARRIED / 2**20:.0f} MiB"
        return Estimator(fitted, task, {**header, "left_out": f"{rows} are more than {most} that a champion carries"}, {})

    def _made_of(self, task: Task, settings: object, examples: int) -> tuple[str, dict[str, object]]:
        name = self.estimator(task)
        assert name is not None  # `unsupported_reason` lets no other task through
        weights: dict[str, object] = {"class_weight": "balanced"} if task.class_weights else {}
        return name, weights | self.arguments(settings, name, examples)

    def _weighs_classes(self, task: Task) -> bool:
        return "class_weight" in signature(estimators()[str(self.estimator(task))]).parameters

    def _header(self, task: Task, settings: object, seed: int, examples: int) -> dict[str, str]:
        name, arguments = self._made_of(task, settings, examples)
        stored = json.dumps(arguments, sort_keys=True)
        return {"kind": "sklearn", "estimator": name, "arguments": stored, "seed": str(seed), "version": sklearn.__version__}


class Fit(Learner):
    """A Learner whose only step is the fit. Its cost: one evaluation; the training set once for every iteration the
    estimator reports; compute where it has coefficients, a fit's forward and backward counting 3."""

    task: ExamplesTask

    def __init__(self, method: Classical, task: ExamplesTask, settings: object, seed: int):
        self.method, self.task, self.options, self.seed = method, task, settings, seed
        self.cost, self.best = Cost(), Champion()
        estimators()  # the import of scikit-learn is not part of the fit's time
        self.model: Estimator | None = None

    def step(self) -> Row:
        """Fits. Column: validation."""
        with self.cost.timed():
            self.model = self._fitted()
            samples = len(self.task.split("train")[0]) * self.model.iterations
            size = self.model.parameters
            self.cost.add(evaluations=1, samples=samples, compute=3 * samples * size if size else None)
            score = self.task.score(self.model, "validation")
            assert score is not None  # a task of examples scores validation
            self.best.offer(score, self.task.solved(score), 0)
            self.finished = "completed"
        return {"validation": score}

    def champion(self) -> Estimator:
        if self.best.step < 0:
            raise RuntimeError("there is no champion before the first step")
        if self.model is None:  # after load_state_dict
            self.model = self._fitted()
        return self.model

    def _fitted(self) -> Estimator:
        return self.method.fit(self.task, self.options, self.seed, *self.task.split("train"))

    def state_dict(self) -> State:
        return {"finished": self.finished, "cost": self.cost.state_dict(), "champion": self.best.state_dict()}

    def load_state_dict(self, state: State) -> None:
        self.finished, self.model = state["finished"], None
        self.cost.load_state_dict(state["cost"])
        self.best.load_state_dict(state["champion"])


@settings
class LinearSettings:
    C: float = setting(
        1.6, "inverse of the strength of the squared penalty (Ridge: alpha = 1 / C)", above=0.0, search=Log(0.001, 1000.0)
    )
    max_iter: int = setting(1000, "iterations of the solver, for classes", low=1)


def _linear(options: LinearSettings, name: str, examples: int) -> dict[str, object]:
    return {"alpha": 1 / options.C} if name == "Ridge" else {"C": options.C, "max_iter": options.max_iter}


@settings
class SVMSettings:
    C: float = setting(980.0, "inverse of the strength of the squared penalty", above=0.0, search=Log(0.1, 1000.0))
    kernel: str = setting(
        "rbf", "kernel", choices=("rbf", "linear", "poly", "sigmoid"), search=Choice("rbf", "rbf", "poly", "linear")
    )
    gamma: float | None = setting(
        None, "width of the kernel; none: 1 / (inputs * their variance)", above=0.0, search=Choice(None, 0.01, 0.1, 1.0)
    )


def _svm(options: SVMSettings, name: str, examples: int) -> dict[str, object]:
    arguments = {"C": options.C, "kernel": options.kernel, "gamma": "scale" if options.gamma is None else options.gamma}
    return arguments if name == "SVR" else {**arguments, "break_ties": True}


@settings
class KNNSettings:
    n_neighbors: int = setting(
        5, "neighbours that vote; all examples where there are fewer", low=1, search=Choice(1, 2, 3, 5, 8, 12, 20)
    )
    weights: str = setting(
        "distance", "weight of a neighbour's vote", choices=("uniform", "distance"), search=Choice("uniform", "distance")
    )


def _knn(options: KNNSettings, name: str, examples: int) -> dict[str, object]:
    return {"n_neighbors": min(options.n_neighbors, examples), "weights": options.weights}


@settings
class ForestSettings:
    n_estimators: int = setting(300, "trees", low=1, source="Breiman 2001", search=Choice(100, 200, 300))
    max_depth: int | None = setting(None, "largest depth of a tree; none: no limit", low=1, search=Choice(None, None, 4, 8, 16))
    min_samples_leaf: int = setting(1, "fewest examples in a leaf", low=1, search=Choice(1, 1, 2, 4))


@settings
class GradientBoostingSettings:
    learning_rate: float = setting(0.23, "shrinkage of each tree", above=0.0, source="Friedman 2001", search=Log(0.03, 0.3))
    max_iter: int = setting(200, "trees, one after another (for each class)", low=1, search=Choice(50, 100, 200))
    max_leaf_nodes: int | None = setting(15, "most leaves of a tree; none: no limit", low=2, search=Choice(7, 15, 31, 63))
    min_samples_leaf: int = setting(5, "fewest examples in a leaf", low=1, search=Choice(2, 5, 10, 20))
    l2_regularization: float = setting(1.0, "squared penalty on the leaves", low=0.0, search=Choice(0.0, 0.0, 0.1, 1.0))


def _as_they_are(options: object, name: str, examples: int) -> dict[str, object]:
    return dict(vars(options))


linear = Classical("linear", "LogisticRegression", "Ridge", LinearSettings, _linear)
svm = Classical("svm", "SVC", "SVR", SVMSettings, _svm)
knn = Classical("knn", "KNeighborsClassifier", "KNeighborsRegressor", KNNSettings, _knn)
forest = Classical("forest", "RandomForestClassifier", "RandomForestRegressor", ForestSettings, _as_they_are)
gradient_boosting = Classical(
    "gradient-boosting",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    GradientBoostingSettings,
    _as_they_are,
)


def sklearn_method(name: str) -> Classical:
    """The Method of any classifier or regressor of scikit-learn; its settings are the arguments of its `__init__`.

    Their names are checked here, their values by scikit-learn when it fits. Raises ValueError for a name that is none
    (with the closest that is one), and for an estimator made of other estimators.
    """
    if name not in estimators():
        raise ValueError(f"{name} is no classifier or regressor of scikit-learn{did_you_mean(name, estimators())}")
    cls = estimators()[name]
    arguments = {key: each.default for key, each in signature(cls).parameters.items() if key not in OURS}
    needed = [key for key, default in arguments.items() if default is signature(cls).empty]
    if needed:
        raise ValueError(f"{name} needs {', '.join(needed)}, which a configuration cannot hold")
    # An infinite default is left to the estimator: no configuration holds one.
    arguments = {key: None if default in (np.inf, -np.inf) else default for key, default in arguments.items()}
    declared = {
        key: setting(default, _described(cls, key), source=f"scikit-learn, {name}") for key, default in arguments.items()
    }
    body = {**declared, "__annotations__": dict.fromkeys(arguments, object | None), "__module__": __name__}
    options: type = settings(type(f"{name}Settings", (), body))

    def changed(chosen: object, _: str, examples: int) -> dict[str, object]:
        return {key: value for key, value in vars(chosen).items() if value != arguments[key]}

    classes = issubclass(cls, ClassifierMixin)
    return Classical(f"sklearn:{name}", name if classes else None, None if classes else name, options, changed)


def _described(cls: type, argument: str) -> str:
    """What the estimator's docstring says an argument may be."""
    found = re.search(rf"^ +{argument} ?: (.+)$", cls.__doc__ or "", re.MULTILINE)
    return found[1] if found else f"argument of {cls.__name__}"
