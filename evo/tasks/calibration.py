"""How far a classifier can be trusted: are its probabilities true, and what is left of it when inputs get worse?

Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. ICML 2017: section 2, reliability diagrams and
the expected calibration error. Brier: Verification of forecasts expressed in terms of probability. Monthly Weather
Review 78, 1950: squared error summed over the classes, in [0, 2].

The draws are those of `evo.rng` with fixed keys, so every method meets the same noise and the same gaps, and one draw
serves all levels: a larger share of missing inputs holds the smaller one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from evo import rng
from evo.core import Model

BINS = 15  # as in Guo et al.
NOISE = (0.0, 0.1, 0.2, 0.5, 1.0)  # in standard deviations of each input
MISSING = (0.0, 0.1, 0.3, 0.5)  # shares of the inputs


def probabilities(outputs: Tensor, kind: str) -> Tensor:
    """The probability of each class (B, classes) float64, of logits (B, O), or of one output in [0, 1] (B, 1)."""
    if kind == "classification":
        return outputs.double().softmax(-1)
    return torch.cat([1 - outputs.double(), outputs.double()], dim=-1)


def trust(model: Model, kind: str, train: Tensor, x: Tensor, y: Tensor) -> dict[str, object]:
    """Calibration and robustness of a classifier on x (B, I) with the classes y (B,) int64.

    kind: "classification" (logits) or "probability" (one output). train (n, I): its deviations scale the noise, its
    means stand in for missing inputs. Returns {"ece", "brier", "reliability": [[confidence, accuracy, n], ...],
    "noise": [[level, accuracy], ...], "missing": [[share, accuracy], ...]}; a figure is NaN, and the reliability
    empty, where an output is not finite.
    """

    def answered(inputs: Tensor) -> Tensor:
        return probabilities(torch.as_tensor(model(inputs)).cpu(), kind)

    def accuracy(inputs: Tensor) -> float:
        known = answered(inputs)
        return float((known.argmax(-1) == y).double().mean()) if known.isfinite().all() else float("nan")

    noise = x.new_tensor(_normals(x.numel())).view_as(x) * train.std(0, correction=0)
    drawn = torch.from_numpy(rng.uniforms(0, 0, 2, rng.TEST, x.numel())).view_as(x)
    known = answered(x)
    table = reliability(known, y)
    return {
        "ece": expected_calibration_error(table),
        "brier": brier(known, y),
        "reliability": table,
        "noise": [[level, accuracy(x + level * noise)] for level in NOISE],
        "missing": [[share, accuracy(torch.where(drawn < share, train.mean(0), x))] for share in MISSING],
    }


def reliability(known: Tensor, y: Tensor, bins: int = BINS) -> list[list[float]]:
    """[mean confidence, accuracy, n] of each bin that holds examples; `bins` of equal width, (low, high] (Guo's (1)).

    known (B, classes): probabilities; the confidence is the largest. Empty if one is not finite.
    """
    if not known.isfinite().all():
        return []
    confidence, predicted = known.max(-1)
    bin_of = (confidence * bins).ceil().clamp(1, bins)
    right = (predicted == y).double()
    inside = [bin_of == k for k in range(1, bins + 1)]
    return [[float(confidence[i].mean()), float(right[i].mean()), int(i.sum())] for i in inside if i.any()]


def expected_calibration_error(table: list[list[float]]) -> float:
    """Mean distance between confidence and accuracy over the examples of a reliability table (Guo's (3)); NaN if empty."""
    total = sum(n for _, _, n in table)
    return sum(n * abs(accuracy - confidence) for confidence, accuracy, n in table) / total if total else float("nan")


def brier(known: Tensor, y: Tensor) -> float:
    """Squared distance of the probabilities (B, classes) from the true class, summed over classes, mean over examples."""
    return float((known - torch.nn.functional.one_hot(y, known.shape[-1])).square().sum(-1).mean())


def _normals(count: int) -> np.ndarray:
    """`count` standard normal numbers, float64 (Box and Muller, 1958)."""
    first, second = rng.uniforms(0, 0, 1, rng.TEST, 2 * count).reshape(2, count)
    return np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
