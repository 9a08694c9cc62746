"""Metrics of supervised tasks, for a whole population at once: (outputs (P, B, O), targets) -> (P,) float64.

    kind             targets          outputs
    classification   (B,) int64       logits (P, B, O)
    probability      (B, O) of 0, 1   numbers in [0, 1]
    regression       (B, O)           numbers

A network with a NaN or infinite output gets NaN, whatever the metric. Where outputs are float32 on the host, the frequent
metrics are compiled (`metric_kernels`); they agree with torch's but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numba import njit, types
from torch import Tensor

from evo.settings import did_you_mean
from evo.tasks import metric_kernels

Measure = Callable[[Tensor, Tensor], Tensor]


# Types of a kernel of one measure: outputs (P, B, O), targets (B, O), and values (P,) to write.
KERNEL = [types.void(kind[:, :, ::1], types.float32[:, ::1], types.float64[::1]) for kind in (types.float32, types.float64)]


@dataclass(frozen=True)
class Compiled:
    """A measure by a compiled function of type KERNEL: one call, where a measure in torch is some ten, each of microseconds."""

    kernel: Callable[..., None]

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        values = np.empty(len(outputs))
        self.kernel(*_on_host(outputs, targets), values)
        return torch.from_numpy(values).to(outputs.device)


def _on_host(outputs: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(outputs.numpy(force=True)), np.ascontiguousarray(targets.numpy(force=True), np.float32)


def negated(measure: Measure) -> Measure:
    """Minus a measure, which is then maximised."""
    return partial(_minus, measure)


def of_contiguous(measure: Measure, outputs: Tensor, targets: Tensor) -> Tensor:
    """A user's measure, of outputs that lie in memory as (P, B, O)."""
    return measure(outputs.contiguous(), targets)


def _minus(measure: Measure, outputs: Tensor, targets: Tensor) -> Tensor:
    return -measure(outputs, targets)


def _compiled(outputs: Tensor) -> bool:
    return outputs.device.type == "cpu" and outputs.dtype == torch.float32 and outputs[:1].numel() > 0


def _by_rows(outputs: Tensor) -> np.ndarray:
    """Outputs (P, B, O) as kernels read them, (P, O, B); no copy where a network gave them so."""
    return outputs.detach().transpose(1, 2).contiguous().numpy()


def _classes(outputs: Tensor, targets: Tensor) -> np.ndarray:
    """Targets (B,) as kernels read them. Raises ValueError for one that is no class, or for another number of them."""
    classes = np.ascontiguousarray(targets.numpy(), np.int64)
    if classes.shape != outputs.shape[1:2] or not 0 <= classes.min() <= classes.max() < outputs.shape[2]:
        raise ValueError(f"expected {outputs.shape[1]} targets from 0 to {outputs.shape[2] - 1}, one an example")
    return classes


def _mean_errors(outputs: Tensor, targets: Tensor, squared: bool) -> Tensor:
    """The mean over examples of each output's absolute or squared error, (P, O) float64."""
    if not _compiled(outputs):
        errors = outputs.double() - targets.double()
        return (errors.square() if squared else errors.abs()).mean(-2)
    rows, found = _by_rows(outputs), np.empty((len(outputs), outputs.shape[2]))
    wanted = np.ascontiguousarray(targets.numpy().T, np.float32)
    if wanted.shape != rows.shape[1:]:
        raise ValueError(f"expected targets (B, O) = {tuple(outputs.shape[1:])}; got {tuple(targets.shape)}")
    metric_kernels.mean_errors(rows, wanted, squared, np.empty(metric_kernels.ROWS), found)
    return torch.from_numpy(found)


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    if _compiled(outputs):
        found, scratch = np.empty(len(outputs)), np.empty((2, metric_kernels.ROWS), np.float32)
        metric_kernels.accuracy(_by_rows(outputs), _classes(outputs, targets), scratch, found)
        return torch.from_numpy(found)
    return (outputs.argmax(-1) == targets).double().mean(-1)


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    if _compiled(outputs):
        found, scratch = np.empty(len(outputs)), np.empty((2, metric_kernels.ROWS), np.float32)
        sums = np.empty((2, metric_kernels.ROWS))
        metric_kernels.cross_entropy(_by_rows(outputs), _classes(outputs, targets), scratch, sums, found)
        return torch.from_numpy(found)
    chosen = outputs.log_softmax(-1).gather(-1, targets.expand(len(outputs), -1)[..., None])
    return -chosen.double().mean((-1, -2))


def weighted_cross_entropy(weights: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in which an example counts by the weight of its class, weights (O,); those of a batch sum to 1."""
    own = weights.to(outputs.device)[targets].double()
    log_probabilities = outputs.contiguous().log_softmax(-1)
    chosen = log_probabilities.gather(-1, targets.expand(len(outputs), -1)[..., None])[..., 0]
    return -(chosen.double() * own).sum(-1) / own.sum()


def balanced(targets: Tensor, classes: int) -> Tensor:
    """Weights (O,) with which every class counts alike: B / (O n), as in scikit-learn; 1 for a class that is not there."""
    counts = torch.bincount(targets, minlength=classes)
    return torch.where(counts > 0, len(targets) / (classes * counts.clamp(min=1)), 1.0)


def _counts(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """True positives, predicted and actual members of each class, (P, O) float64 each."""
    classes = torch.arange(outputs.shape[-1], device=outputs.device)
    predicted = outputs.argmax(-1)[..., None] == classes
    actual = targets[:, None] == classes
    return (predicted & actual).double().sum(1), predicted.double().sum(1), actual.double().sum(0).expand(len(outputs), -1)


def macro_f1(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over classes of F1; a class that is neither present nor predicted counts 0, as in scikit-learn."""
    hits, predicted, actual = _counts(outputs, targets)
    return (2 * hits / (predicted + actual).clamp(min=1)).mean(-1)


def balanced_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean recall over the classes that are present."""
    hits, _, actual = _counts(outputs, targets)
    return (hits / actual.clamp(min=1)).sum(-1) / (actual > 0).sum(-1)


def auc(outputs: Tensor, targets: Tensor) -> Tensor:
    """Area under the ROC curve of each class's probability against the rest, mean over classes that have both."""
    scores = outputs.contiguous().log_softmax(-1)
    areas = [_area(scores[..., k].contiguous(), targets == k) for k in range(outputs.shape[-1])]
    return torch.stack(areas, -1).nanmean(-1)


def _area(scores: Tensor, positive: Tensor) -> Tensor:
    """Mann-Whitney: the share of (positive, negative) pairs in the right order, ties counting half."""
    yes, no = scores[:, positive], scores[:, ~positive].sort(-1).values
    if yes.shape[-1] == 0 or no.shape[-1] == 0:
        return torch.full((len(scores),), float("nan"), dtype=torch.float64, device=scores.device)
    below, upto = torch.searchsorted(no, yes), torch.searchsorted(no, yes, right=True)
    return (below + upto).double().mean(-1) / (2 * no.shape[-1])


@Compiled
@njit(KERNEL, cache=True, nogil=True, error_model="numpy", _nrt=False)
def both_sides_right(outputs, targets, values):
    """The share of examples with every output on the right side of one half."""
    for p in range(len(outputs)):
        right = 0
        for b in range(len(targets)):
            wrong = 0
            for o in range(targets.shape[1]):
                wrong += (outputs[p, b, o] > 0.5) != (targets[b, o] > 0.5)
            right += wrong == 0
        values[p] = right / len(targets)


def binary_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    clamped = outputs.contiguous().double().clamp(1e-12, 1 - 1e-12)
    wanted = targets.double()
    return -(wanted * clamped.log() + (1 - wanted) * (1 - clamped).log()).mean((-1, -2))


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return _mean_errors(outputs, targets, True).mean(-1)


def absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return _mean_errors(outputs, targets, False).mean(-1)


def rmse(outputs: Tensor, targets: Tensor) -> Tensor:
    """The root of the squared error of each output, mean over outputs."""
    return _mean_errors(outputs, targets, True).sqrt().mean(-1)


def r2(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of variance explained, mean over outputs: 1 - residual / total sum of squares. Of targets that are all the same
    it is 1 if they are met, else 0, as in scikit-learn."""
    wanted, errors = targets.double(), _mean_errors(outputs, targets, True)
    constant = (wanted == wanted[:1]).all(0)
    variance = torch.where(constant, 1.0, (wanted - wanted.mean(0)).square().mean(0))
    return torch.where(constant & ~errors.isnan(), (errors == 0).double(), 1 - errors / variance).mean(-1)


def nmse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error over the targets' variance, mean over outputs: 1 - r2."""
    return 1 - r2(outputs, targets)


# kind -> name -> (measure, "max" or "min"). The first is the default metric of the kind; DEFAULT_FITNESS its fitness.
METRICS: dict[str, dict[str, tuple[Measure, str]]] = {
    "classification": {
        "accuracy": (accuracy, "max"),
        "cross_entropy": (cross_entropy, "min"),
        "macro_f1": (macro_f1, "max"),
        "balanced_accuracy": (balanced_accuracy, "max"),
        "auc": (auc, "max"),
    },
    "probability": {
        "accuracy": (both_sides_right, "max"),
        "cross_entropy": (binary_cross_entropy, "min"),
        "squared_error": (squared_error, "min"),
        "absolute_error": (absolute_error, "min"),
    },
    "regression": {
        "r2": (r2, "max"),
        "rmse": (rmse, "min"),
        "nmse": (nmse, "min"),
        "squared_error": (squared_error, "min"),
        "absolute_error": (absolute_error, "min"),
    },
}
DEFAULT_FITNESS = {"classification": "cross_entropy", "probability": "cross_entropy", "regression": "squared_error"}


def measured(measures: Sequence[Measure], outputs: Tensor, targets: Tensor) -> np.ndarray:
    """Each of M `measures`, but NaN for every network with an output that is not finite; (M, P) float64."""
    values, on_host = np.empty((len(measures), len(outputs))), None
    for row, measure in zip(values, measures):
        if isinstance(measure, Compiled):
            on_host = _on_host(outputs, targets) if on_host is None else on_host
            measure.kernel(*on_host, row)
        else:
            row[:] = measure(outputs, targets).numpy(force=True)
    if not math.isfinite(outputs.sum().item()):  # seldom; else every output is finite
        values[:, ~outputs.isfinite().flatten(1).all(1).numpy(force=True)] = math.nan
    return values


def known(name: str, names: Mapping[str, object], what: str) -> str:
    """`name`, which is one of `names`. Raises ValueError with the closest match."""
    if name not in names:
        raise ValueError(f"{what}: unknown metric {name!r}{did_you_mean(name, names)}")
    return name
