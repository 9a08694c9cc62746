"""What stands before and behind a network that learned from examples: all that predicting needs beside it, and no row of data.

A champion's file carries it, so that a model goes where its table is not, and an exported network has it built in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from evo.core import Coding, Deployment, Evaluation, Metric, Model, Phenotypes, Row, Score, State, Task
from evo.tasks.columns import Columns, Units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.tasks.supervised import SupervisedTask


@dataclass(frozen=True)
class Schema:
    """What inputs (I) and outputs (O) stand for: of a task's `kind`, the names of its classes, the columns that its inputs are
    made of, and the units of the numbers it answers; target: names of the columns that are predicted."""

    kind: str
    inputs: int
    outputs: int
    classes: tuple[str, ...]
    columns: Columns | None = None
    units: Units | None = None
    target: tuple[str, ...] = ()

    def to_json(self) -> State:
        """As plain values, for `from_json`."""
        columns = None if self.columns is None else self.columns.to_json()
        return {**vars(self), "columns": columns, "units": None if self.units is None else asdict(self.units)}

    @classmethod
    def from_json(cls, values: State) -> Self:
        """Raises KeyError or TypeError for what no schema gave."""
        columns, units = values["columns"], values["units"]
        return cls(
            kind=values["kind"],
            inputs=values["inputs"],
            outputs=values["outputs"],
            classes=tuple(values["classes"]),
            columns=None if columns is None else Columns.from_json(columns),
            units=None if units is None else Units(tuple(units["mean"]), tuple(units["deviation"])),
            target=tuple(values["target"]),
        )

    def in_units(self, values: Tensor) -> Tensor:
        """Outputs or targets of regression (..., O) in the target's own units, float64; as they are where they have none."""
        return values if self.units is None else InUnits(self.units).to(values.device)(values)

    def decode(self, values: npt.ArrayLike) -> list:
        """What outputs (B, O) stand for: names of classes, None where one is not finite; else the numbers, row by row."""
        values = self.in_units(torch.as_tensor(values).detach().cpu())
        if self.kind != "classification":
            return values.tolist()
        chosen, finite = values.argmax(-1).tolist(), values.isfinite().all(-1).tolist()
        return [self.classes[k] if known else None for k, known in zip(chosen, finite)]

    def predictions(self, model: Model, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> list[Row]:
        """What the model says of each row of x (B, I), as the network sees it, and what is true where `y` tells.

        A row is {"predicted": class, "confidence": probability, "truth": class} for classes, {"outputs": numbers,
        "truth": numbers} otherwise, by `decode`. Confidence is NaN, and the class None, where an output is not finite.
        Raises ValueError for x of another shape.
        """
        x = torch.as_tensor(x, dtype=torch.float32)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"expected rows of {self.inputs} inputs; got shape {tuple(x.shape)}")
        outputs = torch.as_tensor(model(x)).cpu()
        said = self.decode(outputs)
        if self.kind != "classification":
            rows = [{"outputs": row} for row in said]
            truth = None if y is None else self.decode(y)
        else:
            confidence = outputs.softmax(-1).amax(-1).tolist()
            rows = [{"predicted": name, "confidence": math.nan if name is None else c} for name, c in zip(said, confidence)]
            truth = None if y is None else [self.classes[int(k)] for k in np.asarray(y)]
        return rows if truth is None else [{**row, "truth": value} for row, value in zip(rows, truth)]

    def deployment(self, model: Model) -> Deployment:
        """The model's network from a table's values to classes' probabilities, or to numbers in their units.

        Of a table a row is numbers as they are, (N,) float64, NaN where missing, and words as they are, "" where missing; the
        columns of each in the order of the schema. A word that the table lacks is an index error, but where the rare ones share
        an input.
        """
        layers: list[nn.Module] = [model.to_module()]
        example: Tensor | None = torch.zeros(2, self.inputs)
        words: Sequence[Coding] = ()
        outputs = "outputs"
        about: State = {"kind": self.kind} | ({"target": self.target} if self.target else {})
        if self.kind == "classification":
            layers, outputs, about["classes"] = [*layers, nn.Softmax(-1)], "probabilities", self.classes
        if self.units is not None:
            layers, about["units"] = [*layers, InUnits(self.units)], asdict(self.units)
        module = layers[0] if len(layers) == 1 else nn.Sequential(*layers)
        if self.columns is not None:
            module, words = Encoded(self.columns, module), self.columns.codings
            about["columns"], count = self.columns.to_json()["inputs"], len(self.columns.numbers)
            example = torch.zeros(2, count, dtype=torch.float64) if count else None
        about = {
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in about.items()
        }
        labels = self.classes if self.kind == "classification" else ()
        return Deployment(module, example, outputs, labels, about, words)


class Predictor(Task):
    """A task of examples as its schema alone knows it: it predicts. whole() gives the task, where its rows are needed."""

    def __init__(self, schema: Schema, network: Callable[[int, int], nn.Module], whole: Callable[[], SupervisedTask]):
        self.schema, self._network, self._whole = schema, network, whole
        self.kind, self.inputs, self.outputs = schema.kind, schema.inputs, schema.outputs

    @property
    def metric(self) -> Metric:  # type: ignore[override]  # of the whole task
        return self._whole().metric

    def network(self) -> nn.Module:
        """A fresh nn.Module (B, I) -> (B, O)."""
        return networked(self.kind, self._network(self.inputs, self.outputs))

    def predictions(self, model: Model, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> list[Row]:
        return self.schema.predictions(model, x, y)

    def deployment(self, model: Model) -> Deployment:
        return self.schema.deployment(model)

    def split(self, name: str, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor] | None:
        return self._whole().split(name, device)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
        return self._whole().loss(outputs, targets, label_smoothing)

    def pool(self, outputs: Tensor) -> Tensor:
        return self._whole().pool(outputs)

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation:
        return self._whole().evaluate(phenotypes, seeds)

    def score(self, model: Model, split: str) -> Score | None:
        return self._whole().score(model, split)

    def figure(self, model: Model, split: str = "validation") -> Figure:
        return self._whole().figure(model, split)


def networked(kind: str, made: nn.Module) -> nn.Module:
    """What learns, of what makes outputs: for probabilities a sigmoid stands behind it."""
    return nn.Sequential(made, nn.Sigmoid()) if kind == "probability" else made


class Encoded(nn.Module):
    """A network that reads a table's columns: numbers (B, N) float64, None where there are none, and the codes of words
    (B, W) int64 (`Columns.codings`)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, columns: Columns, network: nn.Module):
        super().__init__()
        self.register_buffer("mean", torch.tensor([one.mean for one in columns.numbers], dtype=torch.float64))
        self.register_buffer("deviation", torch.tensor([one.deviation for one in columns.numbers], dtype=torch.float64))
        self.sizes, self.network = [len(one) for one in columns.categories], network

    def forward(self, numbers: Tensor | None, codes: Tensor | None = None) -> Tensor:
        seen = []
        if numbers is not None:
            standard = ((numbers - self.mean) / self.deviation).float()
            seen.append(torch.where(standard.isnan(), 0.0, standard))
        if codes is not None:  # the last row is 0 everywhere, and beyond it there is none
            tables = [torch.eye(size + 1, size, device=codes.device) for size in self.sizes]
            seen += [functional.embedding(code, table) for code, table in zip(codes.unbind(1), tables)]
        return self.network(torch.cat(seen, 1))


class InUnits(nn.Module):
    """Numbers (..., O) that were learned standardised, in their own units, float64."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, units: Units):
        super().__init__()
        self.register_buffer("mean", torch.tensor(units.mean, dtype=torch.float64))
        self.register_buffer("deviation", torch.tensor(units.deviation, dtype=torch.float64))

    def forward(self, values: Tensor) -> Tensor:
        return values.double() * self.deviation + self.mean
