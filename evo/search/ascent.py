"""Steps from estimates of a gradient: Adam (Kingma and Ba, 2015) and ClipUp (Toklu et al., 2020), of vectors (D,) float64."""

from __future__ import annotations

import numpy as np

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def adam(moments: np.ndarray, gradient: np.ndarray, rate: float, step: int) -> np.ndarray:
    """The step (D,) up a gradient (D,); moments (2, D), of its mean and of its square, change in place; step: 1 is the first.

    Algorithm 1 of the paper, in the order of its section 2, which needs no corrected copies of the moments.
    """
    moments[0] += (1 - BETA1) * (gradient - moments[0])
    moments[1] += (1 - BETA2) * (gradient * gradient - moments[1])
    corrected = np.sqrt(1 - BETA2**step)
    return rate * corrected / (1 - BETA1**step) * moments[0] / (np.sqrt(moments[1]) + EPSILON * corrected)


def clip_up(velocity: np.ndarray, gradient: np.ndarray, rate: float, momentum: float, speed: float) -> np.ndarray:
    """The step (D,) up a gradient (D,), which is the velocity (D,), changed in place: momentum times the former, plus a step of
    length `rate`, and no longer than `speed` (Algorithm 1 of the paper)."""
    velocity *= momentum
    if (length := np.linalg.norm(gradient)) > 0:
        velocity += rate / length * gradient
    if (length := np.linalg.norm(velocity)) > speed:
        velocity *= speed / length
    return velocity
