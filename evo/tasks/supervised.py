"""Learning from examples: named, fixed splits; fitness may be any metric, with or without a gradient.

Selection sees the training split, the choice of a champion the validation split, and the test split is scored once, by
the runner, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from evo import rng
from evo.core import Deployment, Evaluation, Metric, Model, Phenotypes, Row, Score, Task, counted
from evo.settings import Value, closest, did_you_mean
from evo.tasks import calibration, metrics
from evo.tasks.columns import Columns, Units
from evo.tasks.metrics import DEFAULT_FITNESS, METRICS, Measure, cross_entropy, measured
from evo.tasks.schema import Schema, networked
from evo.tasks.table import Table, as_columns, refuse_nan
from evo.tasks.targets import Pair, Rows, beside, noted, parts_of, prepared, targets, tensors, warn
from evo.vectors.modules import MLP
from evo.vectors.recurrent import Recurrent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("train", "validation", "test")


class SupervisedTask(Task):
    """Examples to learn from. A split is (x, y): x (B, I), pictures flattened; y as `kind` wants it (`evo.tasks.metrics`).

    kind: "classification", "probability" (outputs in [0, 1]) or "regression".
    validation None: the training split serves as validation too (a full truth table). test None: there is none.
    network(inputs, outputs) gives an nn.Module, (B, I) -> (B, O), by default an `evo.MLP`; for "probability" a sigmoid is put
    behind it. inputs is I, or `shape` (C, H, W) for pictures.
    fitness: the name of a metric (minus it, where less is better) or a function (outputs (P, B, O), targets) -> (P,), which is
    maximised. metric: the name of the reported one. solved: the value of the metric, on validation, at which the task is
    solved; None: undefined. select: "fitness" or "metric", which chooses the champion on validation, and is called "fitness"
    there. class_weights: cross-entropy, as fitness and as loss, weighs every class alike. batch_size: evolution scores a
    generation on that many examples, drawn afresh each generation; None: on all. columns: what the inputs are of a table's
    rows (`columns.encode(rows)`). units: in which numbers are learned; every metric that is reported, and every prediction, is
    in the target's own.
    Raises ValueError, naming what is wrong with the arguments.
    """

    _target: Sequence[str] = ()  # names of the columns that are predicted, where they are known

    def __init__(
        self,
        train: Pair,
        validation: Pair | None = None,
        test: Pair | None = None,
        *,
        kind: str,
        network: Callable[..., nn.Module] = MLP,
        fitness: str | Measure | None = None,
        metric: str | None = None,
        solved: float | None = None,
        select: str = "fitness",
        class_weights: bool = False,
        batch_size: int | None = None,
        stop: str = "solved",
        shape: tuple[int, int, int] | None = None,
        classes: list[str] | None = None,
        columns: Columns | None = None,
        units: Units | None = None,
    ):
        if kind not in METRICS:
            raise ValueError(f"kind: expected one of {', '.join(METRICS)}; got {kind!r}{closest(str(kind), METRICS)}")
        self.kind, self.shape, self.stop, self.target = kind, shape, stop, solved
        self.columns, self.units = columns, units
        pairs = {"train": train, "validation": validation, "test": test}
        self._splits = {name: self._tensors(pair, name) for name, pair in pairs.items() if pair is not None}
        x, y = self._splits["train"]
        self.inputs = x.shape[1]
        if kind == "classification":  # a class may have no example
            self.outputs = max(len(classes or ()), *(int(pair[1].max()) + 1 for pair in self._splits.values()))
        else:
            self.outputs = y.shape[-1]
        self.classes = classes or [str(k) for k in range(self.outputs)]
        self._check_splits()
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size: expected a whole number >= 1, or None; got {batch_size}")
        self._network = network
        names = METRICS[kind]
        name = metric or next(iter(names))
        self.metric = Metric(name, names[metrics.known(name, names, "metric")][1])
        if select not in ("fitness", "metric"):
            raise ValueError(f"select: expected fitness or metric; got {select!r}")
        self.class_weights = class_weights and kind == "classification"
        self._weights = metrics.balanced(y[y >= 0], self.outputs) if self.class_weights else None
        self._fitness = self._fitness_of(fitness or DEFAULT_FITNESS[kind])
        self._selects = self._fitness if select == "fitness" else self._fitness_of(name)
        self.full_table = validation is None
        self.batch_size = batch_size if batch_size is not None and batch_size < len(x) else None
        self.episodes = 0 if self.batch_size is None else 1
        self._placed: dict[tuple[str, str], Rows] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_placed": {}}

    def __repr__(self) -> str:
        sizes = f"{counted(self.inputs, 'input')}, {counted(self.outputs, 'output')}"
        examples = ", ".join(f"{name} {len(x):,}" for name, (x, _) in self._splits.items())
        batch = f", {self.batch_size:,} a generation" if self.batch_size else ""
        return f"SupervisedTask({self.kind}, {sizes}, {examples} examples{batch}, {self.metric.name})"

    @classmethod
    def from_arrays(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        network: Callable[..., nn.Module] = MLP,
        kind: str | None = None,
        **rest: Value,
    ) -> Self:
        """A task from your own arrays x (B, I) and y (B,) or (B, O), or frames of pandas or polars, by the rules of tables
        (`evo.tasks.columns`): 60 % train, 20 % validation, 20 % test, stratified by class, standardised by the training split,
        numbers to be learned too. From 20,000 training rows on, batch_size is 2,000 unless it is given.

        kind None: classification for words, truth values, at most ten different whole numbers, and one-hot y; "probability"
        for several columns of 0 and 1; else regression. rest: as of the class. Raises ValueError, naming row and column.
        """
        if np.ndim(x) != 2 or np.ndim(y) not in (1, 2) or np.shape(x)[0] != np.shape(y)[0]:
            raise ValueError(f"expected x of shape (B, I) and y with B rows; got {np.shape(x)} and {np.shape(y)}")
        inputs, answers = as_columns(x, "x"), as_columns(y, "y")
        if not hasattr(x, "columns"):
            refuse_nan(inputs)
        found = targets(answers, list(answers.columns), kind)
        pairs, values = prepared(inputs, found, parts_of(found, answers), ())
        warn(noted(inputs, values["columns"], ()))
        return cls(*pairs, network=network, **(values | rest))

    @classmethod
    def from_table(
        cls,
        frame: Any,
        target: str | Sequence[str],
        *,
        kind: str | None = None,
        drop: Sequence[str] = (),
        network: Callable[..., nn.Module] = MLP,
        **rest: Value,
    ) -> Self:
        """`from_arrays` of a frame of pandas or polars, or a dict of columns, whose column `target` is to be learned from all
        others but `drop`. Categories and text are one-hot, dates are seconds, a missing number is the mean. Warns of numbers
        written as text, which are taken as numbers, and of columns left out as no training row has a value there.

        target: several columns are learned together. A column of numbers that are only names is made a category in the frame.
        """
        names = [target] if isinstance(target, str) else list(target)
        table = Table.of(frame, labels=names)
        others = beside(table, names, {"drop": [*map(str, drop)]})
        found = targets(table, names, kind)
        pairs, values = prepared(table, found, parts_of(found, table), others)
        warn(noted(table, values["columns"], others))
        return cls(*pairs, network=network, **(values | rest))

    def network(self) -> nn.Module:
        """A fresh nn.Module (B, I) -> (B, O), initialised by torch's global generator. Raises ValueError if it is recurrent."""
        made = self._network(self.shape or self.inputs, self.outputs)
        if isinstance(made, Recurrent):
            raise ValueError(f"model.network: {type(made).__name__} keeps a state from step to step; rows are none: use mlp")
        return networked(self.kind, made)

    @overload
    def split(self, name: Literal["train"], device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]: ...
    @overload
    def split(self, name: str, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor] | None: ...
    def split(self, name: str, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor] | None:
        """(x, y) of "train", "validation" or "test" on a device; None where the task has no such split."""
        if name == "validation" and self.full_table:
            name = "train"
        if name not in self._splits:
            return None
        key = (name, str(device))
        if key not in self._placed:
            self._placed[key] = Rows(*(part.to(device) for part in self._splits[name]))
        return self._placed[key]

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """What gradient methods minimise: cross-entropy, or squared error for regression; mean over (B, O)."""
        if self.kind == "classification":
            weights = None if self._weights is None else self._weights.to(outputs)
            return functional.cross_entropy(outputs, targets, weights, label_smoothing=label_smoothing)
        if self.kind == "probability":
            smoothed = targets * (1 - label_smoothing) + label_smoothing / 2
            return functional.binary_cross_entropy(outputs, smoothed)
        return functional.mse_loss(outputs, targets)

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation:
        """Fitness of every network on the training split, or on the minibatches that the seeds draw, one each."""
        x, y = self._splits["train"] if phenotypes.device.type == "cpu" else self.split("train", phenotypes.device)
        if self.batch_size is not None:
            orders = [rng.permutation(int(seed), 0, 0, rng.DATA_ORDER, len(x)) for seed in seeds]
            chosen = torch.from_numpy(np.concatenate([order[: self.batch_size] for order in orders])).to(x.device)
            x, y = x[chosen], y[chosen]
        full = self.full_table and self.batch_size is None and self.target is not None
        measures = [self._fitness] + ([METRICS[self.kind][self.metric.name][0]] if full else [])
        fitness, *scores = self._over_population(measures, phenotypes, x, y)
        solved, samples = self._reached(scores[0]) if full else None, np.empty(len(fitness), np.int64)
        samples.fill(len(x))  # a quarter of the time of `np.full`
        return Evaluation(fitness, samples=samples, solved=solved)

    def score(self, model: Model, split: str) -> Score | None:
        """Every metric of the kind on a split, "fitness", and "n" examples."""
        pair = self.split(split)
        if pair is None:
            return None
        x, y = pair
        outputs = torch.as_tensor(model(x), dtype=torch.float32)
        if tuple(outputs.shape) != (len(x), self.outputs):
            raise ValueError(f"expected outputs of shape (B, O) = {(len(x), self.outputs)}; got {tuple(outputs.shape)}")
        return self._scored(outputs, y)

    def _scored(self, outputs: Tensor, y: Tensor) -> Score:
        """`score` of outputs (B, O) float32 and targets y."""
        examples, (outputs, y) = len(y), self._aligned(outputs[None], y)
        names = METRICS[self.kind]
        values = measured([measure for measure, _ in names.values()], self.in_units(outputs), self.in_units(y))
        fitness = measured([self._selects], outputs, y)
        return dict(zip([*names, "fitness"], np.concatenate([values, fitness])[:, 0].tolist())) | {"n": examples}

    def solved(self, score: Mapping[str, float]) -> bool | None:
        return None if self.target is None else bool(self._reached(np.array(score[self.metric.name])))

    def diagnostics(self, model: Model) -> dict[str, object] | None:
        """Calibration and robustness on the test split (`evo.tasks.calibration`); None without one, and for what is no
        classifier: regression, several probabilities at once, targets between 0 and 1."""
        test = self.split("test")
        if test is None or self.kind == "regression":
            return None
        x, y = test
        if self.kind == "probability":
            if self.outputs != 1 or not ((y == 0) | (y == 1)).all():
                return None
            y = y.flatten().long()
        return calibration.trust(model, self.kind, self._splits["train"][0], x, y)

    def pool(self, outputs: Tensor) -> Tensor:
        """What an ensemble answers, (P, B, O) -> (B, O): the log of the mean softmax for classes, else the mean.

        Members with an output that is not finite are left out; NaN if none is left.
        """
        members = outputs[outputs.isfinite().all(-1).all(-1)].double()
        if not len(members):
            return torch.full_like(outputs[0], float("nan"))
        if self.kind != "classification":
            return members.mean(0).to(outputs.dtype)
        return (members.log_softmax(-1).logsumexp(0) - math.log(len(members))).to(outputs.dtype)

    @cached_property
    def schema(self) -> Schema:
        """What its inputs and outputs stand for."""
        shown = (self.columns, self.units, tuple(self._target))
        return Schema(self.kind, self.inputs, self.outputs, tuple(self.classes), *shown)

    def in_units(self, values: Tensor) -> Tensor:
        """As of `Schema`."""
        return self.schema.in_units(values)

    def predictions(self, model: Model, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> list[Row]:
        """As of `Schema`."""
        return self.schema.predictions(model, x, y)

    def decode(self, values: npt.ArrayLike) -> list:
        """As of `Schema`."""
        return self.schema.decode(values)

    def deployment(self, model: Model) -> Deployment:
        return self.schema.deployment(model)

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """What a person would look at (matplotlib Figure): for classes the decision boundary (2 inputs), or the confusion
        matrix and the examples with the highest loss; for numbers output against target.

        split: "train", "validation" or "test"; where the task has no such split, its validation. Raises ValueError.
        """
        from evo.plots import figures

        if split not in PARTS:
            raise ValueError(f"unknown split {split!r}{did_you_mean(split, PARTS)}")
        name = split if self.split(split) is not None else "validation"
        x, y = self.split(name)  # type: ignore[misc]
        what = f"{'training' if name == 'validation' and self.full_table else name} split, {len(x):,} examples"
        if self.inputs == 2 and self.kind != "regression" and self.outputs <= figures.COLOURS and y.numel() == len(y):
            return figures.decision_boundary(model, x, y, self.classes, what)
        outputs = torch.as_tensor(model(x)).cpu()
        if self.kind == "classification":
            return figures.mistakes(outputs, x, y, self.classes, self.shape, what)
        return figures.scatter(self.in_units(outputs), self.in_units(y), what)

    def _over_population(self, measures: list[Measure], phenotypes: Phenotypes, x: Tensor, y: Tensor) -> np.ndarray:
        """(M, P)"""
        if not isinstance(phenotypes, Phenotypes):
            raise TypeError(f"expected networks that inherit evo.Phenotypes; got {type(phenotypes).__name__}")
        size = len(phenotypes)
        values = np.empty((len(measures), size))

        def use(start: int, stop: int, outputs: Tensor) -> None:
            if tuple(outputs.shape) != (stop - start, len(x), self.outputs):
                expected, found = (size, len(x), self.outputs), (size, *outputs.shape[1:])
                raise ValueError(f"expected outputs of shape (P, B, O) = {expected}; got {found}")
            values[:, start:stop] = measured(measures, *self._aligned(outputs, y))

        phenotypes.each_part(x, use)
        return values

    def _tensors(self, pair: Pair, name: str) -> Rows:
        return tensors(pair, self.kind, name)

    def _aligned(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return outputs, y  # one answer a target, as metrics take them

    def _reached(self, values: np.ndarray) -> np.ndarray:
        return values >= self.target if self.metric.direction == "max" else values <= self.target

    def _fitness_of(self, fitness: str | Measure) -> Measure:
        if isinstance(fitness, metrics.Compiled):
            return fitness
        if callable(fitness):
            return partial(metrics.of_contiguous, fitness)
        names = METRICS[self.kind]
        measure, direction = names[metrics.known(fitness, names, "fitness")]
        if measure is cross_entropy and self._weights is not None:
            measure = partial(metrics.weighted_cross_entropy, self._weights)
        return measure if direction == "max" else metrics.negated(measure)

    def _check_splits(self) -> None:
        for name, (x, y) in self._splits.items():
            if x.shape[1] != self.inputs:
                raise ValueError(f"{name}: expected {self.inputs} inputs, as in train; got {x.shape[1]}")
            if self.kind != "classification" and y.shape[-1] != self.outputs:
                raise ValueError(f"{name}: expected {self.outputs} outputs, as in train; got {y.shape[-1]}")
        if self.shape is not None and math.prod(self.shape) != self.inputs:
            raise ValueError(f"shape: {self.shape} has {math.prod(self.shape)} numbers; x has {self.inputs} columns")
        if self.kind == "classification" and len(self.classes) != self.outputs:
            raise ValueError(f"classes: expected {self.outputs} names; got {len(self.classes)}")
        if self.kind == "classification" and self.outputs < 2:
            raise ValueError("classification needs at least two classes; every target is 0")
