"""Three families of data sets with a known truth, on which an author of backstitch simulated what the method does to the bias
of finite samples: logistic regression, a normal distribution, a quadratic function."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from evo import rng

EXAMPLES = 100  # N of every data set
NODES = 64  # of a Gauss quadrature


@dataclass(frozen=True)
class Case:
    """A family of data sets. Of an example (..., F): loss(b (..., 2), example) -> (...). examples(uniform (..., U)) draws them
    from U uniform numbers each; population() gives examples (Q, F) and weights (Q,) whose sums are means over the
    population."""

    names: tuple[str, str]
    truth: tuple[float, float]
    start: tuple[float, float]
    epsilon: float
    factor: float
    uniforms: int
    loss: Callable[[Tensor, Tensor], Tensor]
    examples: Callable[[np.ndarray], np.ndarray]
    population: Callable[[], tuple[np.ndarray, np.ndarray]]


def logistic_loss(b: Tensor, example: Tensor) -> Tensor:
    """Minus the log likelihood of y at x, example (..., 2) = x, y."""
    z = b[..., 0] + b[..., 1] * example[..., 0]
    return functional.softplus(z) - example[..., 1] * z


def logistic_examples(uniform: np.ndarray) -> np.ndarray:
    x = 1 + uniform[..., 0]
    return np.stack([x, uniform[..., 1] < 1 / (1 + np.exp(-LOGISTIC.truth[1] * x))], -1)


def logistic_population() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = 1.5 + nodes / 2
    p = 1 / (1 + np.exp(-LOGISTIC.truth[1] * x))
    rows = [np.stack([x, np.full(NODES, y)], -1) for y in (0.0, 1.0)]
    return np.concatenate(rows), np.concatenate([weights / 2 * (1 - p), weights / 2 * p])


def gaussian_loss(b: Tensor, example: Tensor) -> Tensor:
    """Minus the log likelihood of x but for a constant, example (..., 1) = x; b: mean, precision."""
    return (b[..., 1] * (example[..., 0] - b[..., 0]).square() - b[..., 1].log()) / 2


def gaussian_examples(uniform: np.ndarray) -> np.ndarray:
    """By the method of Box and Muller."""
    radius = np.sqrt(-2 * np.log(uniform[..., :1]) / GAUSSIAN.truth[1])
    return radius * np.cos(2 * math.pi * uniform[..., 1:])


def gaussian_population() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes[:, None] / GAUSSIAN.truth[1] ** 0.5, weights / weights.sum()


def quadratic_loss(b: Tensor, example: Tensor) -> Tensor:
    """b'Cb / 2 + y'b, example (..., 5) = C11, C12, C22, y1, y2."""
    first, second = b.unbind(-1)
    c11, c12, c22, y1, y2 = example.unbind(-1)
    return (c11 * first.square() + 2 * c12 * first * second + c22 * second.square()) / 2 + y1 * first + y2 * second


def quadratic_examples(uniform: np.ndarray) -> np.ndarray:
    x = 2 * uniform[..., :4] - 1
    first, second = x[..., :2], x[..., 2:]  # the rows of X
    products = [(first * first).sum(-1), (first * second).sum(-1), (second * second).sum(-1)]
    return np.stack([*products, uniform[..., 4], uniform[..., 5]], -1)


def quadratic_population() -> tuple[np.ndarray, np.ndarray]:
    """Exact for what is of at most fifth degree in each number drawn."""
    nodes, weights = np.polynomial.legendre.leggauss(3)
    grid = lambda one: np.stack([each.ravel() for each in np.meshgrid(*[one] * 6, indexing="ij")], -1)
    return quadratic_examples((grid(nodes) + 1) / 2), grid(weights / 2).prod(-1)


LOGISTIC = Case(
    names=("intercept", "slope"),
    truth=(0.0, 3.0),
    start=(1.0, 4.0),
    epsilon=1e-7,
    factor=1.0,
    uniforms=2,
    loss=logistic_loss,
    examples=logistic_examples,
    population=logistic_population,
)
GAUSSIAN = Case(
    names=("mean", "precision"),
    truth=(0.0, 0.8),
    start=(0.0, 2.0),
    epsilon=1e-8,
    factor=0.8,
    uniforms=2,
    loss=gaussian_loss,
    examples=gaussian_examples,
    population=gaussian_population,
)
QUADRATIC = Case(
    names=("b1", "b2"),
    truth=(-0.75, -0.75),
    start=(5.0, 10.0),
    epsilon=1e-6,
    factor=1.5,
    uniforms=6,
    loss=quadratic_loss,
    examples=quadratic_examples,
    population=quadratic_population,
)
CASES = (LOGISTIC, GAUSSIAN, QUADRATIC)


def drawn(case: Case, seed: int, data_sets: int) -> np.ndarray:
    """(N, S, F) float32: example n of data set s."""
    uniform = rng.uniforms(seed, 0, CASES.index(case), rng.SPLIT, EXAMPLES * data_sets * case.uniforms)
    return case.examples(uniform.reshape(EXAMPLES, data_sets, case.uniforms)).astype(np.float32)


def first_order_bias(case: Case) -> np.ndarray:
    """(2,): the bias of what minimises the loss on N examples, to order 1 / N (Cox, Snell: A general definition of residuals.
    Journal of the Royal Statistical Society B 30, 1968):

        H^-1 (E[H_i H^-1 g_i] - 1/2 sum_jk T_jk V_jk) / N,    V = H^-1 E[g_i g_i'] H^-1

    with gradient g, Hessian H and third derivatives T of the loss at the truth. Backstitch is meant to cancel its first term.
    """
    rows, weights = (torch.from_numpy(np.ascontiguousarray(each)) for each in case.population())
    b = torch.tensor(case.truth, dtype=torch.float64).repeat(len(rows), 1).requires_grad_()
    g = _derivatives(case.loss(b, rows)[:, None], b)[:, 0]
    h = _derivatives(g, b)
    third = _derivatives(h.flatten(1), b).view(-1, 2, 2, 2)
    g, h, third = g.detach(), h.detach(), third.detach()
    mean = lambda values: torch.einsum("q,q...->...", weights, values)
    inverse = torch.linalg.inv(mean(h))
    spread = inverse @ mean(torch.einsum("qi,qj->qij", g, g)) @ inverse
    first = mean(torch.einsum("qij,jk,qk->qi", h, inverse, g))
    return (inverse @ (first - torch.einsum("ijk,jk->i", mean(third), spread) / 2) / EXAMPLES).numpy()


def _derivatives(values: Tensor, b: Tensor) -> Tensor:
    """(Q, V, 2) of values (Q, V), each row a function of that row of b (Q, 2)."""
    zeros = torch.zeros_like(b)
    of = lambda column: torch.autograd.grad(column.sum(), b, create_graph=True, materialize_grads=True)[0]
    return torch.stack([of(column) if column.requires_grad else zeros for column in values.unbind(1)], 1)
