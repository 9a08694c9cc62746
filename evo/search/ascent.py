"""Steps from estimates of a gradient: Adam (Kingma and Ba, 2015) and ClipUp (Toklu et al., 2020), of vectors (D,) float64."""

from __future__ import annotations

import numpy as np
from numba import njit

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def adam(moments: np.ndarray, gradient: np.ndarray, rate: float, step: int) -> np.ndarray:
    """The step (D,) up a gradient (D,); moments (2, D), of its mean and of its square, change in place; step: 1 is the first.

    Algorithm 1 of the paper, in the order of its section 2, which needs no corrected copies of the moments.
    """
    corrected, found = np.sqrt(1 - BETA2**step), np.empty(len(gradient))
    _adam(found, moments, gradient, rate * corrected / (1 - BETA1**step), EPSILON * corrected)
    return found


@njit("void(float64[::1], float64[:, ::1], float64[::1], float64, float64)", cache=True, nogil=True, error_model="numpy")
def _adam(out, moments, gradient, rate, epsilon):
    """In one pass over memory, where numpy takes ten."""
    mean, square = moments[0], moments[1]
    for g in range(out.size):
        mean[g] += (1 - BETA1) * (gradient[g] - mean[g])
        square[g] += (1 - BETA2) * (gradient[g] * gradient[g] - square[g])
        out[g] = rate * mean[g] / (np.sqrt(square[g]) + epsilon)


def clip_up(velocity: np.ndarray, gradient: np.ndarray, rate: float, momentum: float, speed: float) -> np.ndarray:
    """The step (D,) up a gradient (D,), which is the velocity (D,), changed in place: momentum times the former, plus a step of
    length `rate`, and no longer than `speed` (Algorithm 1 of the paper)."""
    velocity *= momentum
    if (length := np.linalg.norm(gradient)) > 0:
        velocity += rate / length * gradient
    if (length := np.linalg.norm(velocity)) > speed:
        velocity *= speed / length
    return velocity
