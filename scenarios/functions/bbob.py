"""The 24 noiseless functions of BBOB, in any dimension from 2 up and any instance.

Hansen, Finck, Ros and Auger: Real-parameter black-box optimization benchmarking 2009: noiseless functions definitions. INRIA
RR-6829. Names and letters are the report's: R and Q rotations, L(a) the diagonal of sqrt(a)^(i / (D - 1)), i from 0; values are
those of COCO, where it and the report differ (`tests/scenarios/test_bbob.py`: to 1e-9).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from evo import threads
from scenarios.functions.bbob_draws import gaussians, optimal_value, optimum, rotation, uniforms

NAMES = (
    *("sphere", "ellipsoid, separable", "Rastrigin, separable", "Bueche-Rastrigin", "linear slope"),
    *("attractive sector", "step ellipsoid", "Rosenbrock", "Rosenbrock, rotated"),
    *("ellipsoid", "discus", "bent cigar", "sharp ridge", "different powers"),
    *("Rastrigin", "Weierstrass", "Schaffers F7", "Schaffers F7, ill-conditioned", "Griewank-Rosenbrock"),
    *("Schwefel", "Gallagher, 101 peaks", "Gallagher, 21 peaks", "Katsuura", "Lunacek bi-Rastrigin"),
)
BOUND = 5.0  # of the region of interest, -5 .. 5 in every coordinate
INSTANCES = 100_000  # beyond, the generator of 2009 overflows
SEEDED = {4: 3, 18: 17}  # functions that have the instances of another
SCHWEFEL, LUNACEK = 4.2096874637, 2.5  # twice the magnitude of each x_opt,i
CACHED = 2**15  # numbers at a time, so that what is computed of them stays in the cache
WIDTHS = {16: 12, 21: 101, 22: 21, 23: 32}  # numbers that are computed of each coordinate on the way; else one


class BBOB:
    """One function in one dimension and instance: f(points (P, D)) -> (P,) float64, to be minimised.

    function: 1 .. 24; dimension: >= 2; instance: 1 .. 100,000. x_opt (D,): where f is f_opt, the least. Raises ValueError for
    others.
    """

    def __init__(self, function: int, dimension: int, instance: int = 1):
        allowed = {"function": (function, 1, len(NAMES)), "dimension": (dimension, 2, 0), "instance": (instance, 1, INSTANCES)}
        for name, (value, low, high) in allowed.items():
            if value != int(value) or value < low or value > (high or value):
                limits = f"from {low} to {high:,}" if high else f">= {low}"
                raise ValueError(f"{name}: expected a whole number {limits}; got {value!r}")
        self.function, self.dimension, self.instance = int(function), int(dimension), int(instance)
        seed = SEEDED.get(function, function) + 10_000 * instance
        self.f_opt = optimal_value(seed)
        self.x_opt = _optimum(self.function, self.dimension, seed)
        self._above_optimum = _above_optimum(self.function, self.dimension, seed, self.x_opt)

    def __repr__(self) -> str:
        return f"BBOB(f{self.function} {NAMES[self.function - 1]}, {self.dimension} dimensions, instance {self.instance})"

    def __reduce__(self) -> tuple[type, tuple[int, int, int]]:
        return BBOB, (self.function, self.dimension, self.instance)

    def __call__(self, points: npt.ArrayLike) -> np.ndarray:
        """f (P,) at points (P, D)."""
        return self.precision(points) + self.f_opt

    def precision(self, points: npt.ArrayLike) -> np.ndarray:
        """f - f_opt (P,) at points (P, D), to more digits than the difference of the two has. A point that is not finite gives
        NaN or inf. Raises ValueError for points of another dimension."""
        x = np.ascontiguousarray(points, np.float64)
        if x.ndim != 2 or x.shape[1] != self.dimension:
            raise ValueError(f"expected points of shape (P, {self.dimension}); got {x.shape}")
        out = np.empty(len(x))

        def block(start: int, stop: int) -> None:
            with np.errstate(over="ignore", invalid="ignore"):
                out[start:stop] = self._above_optimum(x[start:stop])

        threads.each_block(block, len(x), max(1, CACHED // (self.dimension * WIDTHS.get(self.function, 1))))
        return out


def _optimum(function: int, dimension: int, seed: int) -> np.ndarray:
    match function:
        case 5:
            return BOUND * np.sign(optimum(seed, dimension))
        case 8:
            return 0.75 * optimum(seed, dimension)
        case 9 | 19:
            return rotation(seed, dimension).sum(axis=0) / (2 * _enlarged(dimension))
        case 12:
            return optimum(seed + 1_000_000, dimension)
        case 20:
            return np.where(uniforms(seed, dimension) < 0.5, -SCHWEFEL / 2, SCHWEFEL / 2)
        case 21 | 22:
            return _peaks(function, dimension, seed)[0]
        case 24:
            return np.where(gaussians(seed, dimension) < 0, -LUNACEK / 2, LUNACEK / 2)
    found = optimum(seed, dimension)
    if function == 4:
        found[::2] = np.abs(found[::2])
    return found


def _above_optimum(function: int, dimension: int, seed: int, x_opt: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """f - f_opt of points (P, D), as a function of them."""
    D, s = dimension, x_opt
    t = np.arange(D) / (D - 1)
    L = lambda condition: np.diag(condition ** (t / 2))
    Q, R = rotation(seed, D), rotation(seed + 1_000_000, D)
    match function:
        case 1:
            return lambda x: _squares(x - s)
        case 2:
            return lambda x: _squares(_oscillated(x - s), 1e6**t)
        case 3:
            return lambda x: _rastrigin(10 ** (t / 2) * _asymmetric(_oscillated(x - s), 0.2))
        case 4:
            even = np.arange(D) % 2 == 0
            stretched = lambda z: 10 ** (t / 2) * np.where(even & (z > 0), 10, 1) * z
            return lambda x: _rastrigin(stretched(_oscillated(x - s))) + 100 * _outside(x)
        case 5:
            return lambda x: (100 ** (t / 2) * np.maximum(BOUND - np.sign(s) * x, 0)).sum(axis=1)
        case 6:
            A = R @ L(10) @ Q
            return lambda x: _oscillated(_sector(_times(A, x - s), s)) ** 0.9
        case 7:
            A = L(10) @ Q
            return lambda x: _step_ellipsoid(_times(A, x - s), R) + _outside(x)
        case 8:
            return lambda x: _rosenbrock(_enlarged(D) * (x - s) + 1).sum(axis=1)
        case 9:
            return lambda x: _rosenbrock(_times(_enlarged(D) * Q, x) + 0.5).sum(axis=1)
        case 10:
            return lambda x: _squares(_oscillated(_times(R, x - s)), 1e6**t)
        case 11:
            return lambda x: _squares(_oscillated(_times(R, x - s)), np.where(t == 0, 1e6, 1))
        case 12:
            return lambda x: _squares(_times(R, _asymmetric(_times(R, x - s), 0.5)), np.where(t == 0, 1, 1e6))
        case 13:
            A = R @ L(10) @ Q
            return lambda x: _sharp_ridge(_times(A, x - s))
        case 14:
            return lambda x: np.sqrt((np.abs(_times(R, x - s)) ** (2 + 4 * t)).sum(axis=1))
        case 15:
            A = R @ L(10) @ Q
            return lambda x: _rastrigin(_times(A, _asymmetric(_oscillated(_times(R, x - s)), 0.2)))
        case 16:
            A = R @ L(1 / 100) @ Q
            return lambda x: _weierstrass(_times(A, _oscillated(_times(R, x - s)))) + 10 / D * _outside(x)
        case 17 | 18:
            A = L(10 if function == 17 else 1000) @ Q
            return lambda x: _schaffers(_times(A, _asymmetric(_times(R, x - s), 0.5))) + 10 * _outside(x)
        case 19:
            return lambda x: _griewank_rosenbrock(_times(_enlarged(D) * Q, x) + 0.5)
        case 20:  # z^ - 2 |x_opt| of the report is this matrix times x - x_opt
            A = L(10) @ (np.eye(D) + 0.25 * np.eye(D, k=-1)) @ np.diag(2 * np.sign(s))
            return lambda x: _schwefel(_times(A, x - s) + SCHWEFEL)
        case 21 | 22:
            peaks = _times(Q, _peaks(function, D, seed))
            scales, heights = _shapes(function, D, seed)
            return lambda x: _gallagher(_times(Q, x), peaks, scales, heights) + _outside(x)
        case 23:
            A = R @ L(100) @ Q
            return lambda x: _katsuura(_times(A, x - s)) + _outside(x)
        case _:
            A, signs = R @ L(100) @ Q, 2 * np.sign(s)
            return lambda x: _lunacek(signs * (x - s), A) + 1e4 * _outside(x)


def _enlarged(dimension: int) -> float:
    return max(1.0, math.sqrt(dimension) / 8)


def _times(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The matrix times each row of x. No BLAS, whose sums differ with the number of rows."""
    return np.einsum("pj,ij->pi", x, matrix)


def _oscillated(z: np.ndarray) -> np.ndarray:
    """T_osz: small irregularities, not symmetric about 0."""
    log = np.log(np.where(z == 0, 1, np.abs(z)))
    first, second = np.where(z > 0, 10, 5.5), np.where(z > 0, 7.9, 3.1)
    return np.sign(z) * np.exp(log + 0.049 * (np.sin(first * log) + np.sin(second * log)))


def _asymmetric(z: np.ndarray, beta: float) -> np.ndarray:
    """T_asy: what is positive grows, more so in later coordinates."""
    positive, t = np.maximum(z, 0), np.arange(z.shape[1]) / (z.shape[1] - 1)
    return positive ** (1 + beta * t * np.sqrt(positive)) + np.minimum(z, 0)


def _outside(x: np.ndarray) -> np.ndarray:
    """f_pen: the squared distance from the region of interest."""
    return _squares(np.maximum(np.abs(x) - BOUND, 0))


def _squares(z: np.ndarray, weights: float | np.ndarray = 1.0) -> np.ndarray:
    return (weights * z * z).sum(axis=1)


def _rastrigin(z: np.ndarray) -> np.ndarray:
    return 10 * (z.shape[1] - np.cos(2 * np.pi * z).sum(axis=1)) + _squares(z)


def _sector(z: np.ndarray, x_opt: np.ndarray) -> np.ndarray:
    return _squares(np.where(z * x_opt > 0, 100, 1) * z)


def _step_ellipsoid(z: np.ndarray, rotated: np.ndarray) -> np.ndarray:
    steps = np.where(np.abs(z) > 0.5, np.floor(z + 0.5), np.floor(10 * z + 0.5) / 10)
    weights = 100 ** (np.arange(z.shape[1]) / (z.shape[1] - 1))
    return 0.1 * np.maximum(np.abs(z[:, 0]) / 1e4, _squares(_times(rotated, steps), weights))


def _rosenbrock(z: np.ndarray) -> np.ndarray:
    """Its D - 1 terms."""
    return 100 * (z[:, :-1] ** 2 - z[:, 1:]) ** 2 + (z[:, :-1] - 1) ** 2


def _sharp_ridge(z: np.ndarray) -> np.ndarray:
    return z[:, 0] ** 2 + 100 * np.sqrt(_squares(z[:, 1:]))


def _weierstrass(z: np.ndarray) -> np.ndarray:
    k = np.arange(12)
    turns = 3.0**k * (z[:, :, None] + 0.5)
    turns -= np.rint(turns)  # cosines of large numbers take three times as long
    least = (0.5**k * np.cos(np.pi * 3.0**k)).sum()
    return 10 * ((0.5**k * np.cos(2 * np.pi * turns)).sum(axis=(1, 2)) / z.shape[1] - least) ** 3


def _schaffers(z: np.ndarray) -> np.ndarray:
    squares = z[:, :-1] ** 2 + z[:, 1:] ** 2
    return (squares**0.25 * (1 + np.sin(50 * squares**0.1) ** 2)).mean(axis=1) ** 2


def _griewank_rosenbrock(z: np.ndarray) -> np.ndarray:
    terms = _rosenbrock(z)
    return 10 * (terms / 4000 - np.cos(terms)).mean(axis=1) + 10


def _schwefel(z: np.ndarray) -> np.ndarray:
    """z: a hundredth of the report's."""
    waves = 100 * z * np.sin(np.sqrt(100 * np.abs(z)))
    return 4.189828872724339 - waves.mean(axis=1) / 100 + 100 * _outside(z)


def _peaks(function: int, dimension: int, seed: int) -> np.ndarray:
    """Where the peaks of Gallagher's functions lie (n, D), the highest first."""
    count, bound = (101, 5.0) if function == 21 else (21, 4.9)
    found = 2 * bound * uniforms(seed, count * dimension).reshape(count, dimension) - bound
    found[0] *= 0.8
    return found


def _shapes(function: int, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What the distances from each peak are multiplied by (n, D), and the peaks' heights (n,)."""
    others, first = (100, math.sqrt(1000)) if function == 21 else (20, 1000.0)
    conditions = [first, *1000 ** (np.argsort(uniforms(seed, others)) / (others - 1))]
    ranks = np.array([np.argsort(uniforms(seed + 1000 * k, dimension)) for k in range(others + 1)])
    scales = np.array(conditions)[:, None] ** (ranks / (dimension - 1) / 2 - 0.25)
    return scales, np.array([10, *np.linspace(1.1, 9.1, others)])


def _gallagher(z: np.ndarray, peaks: np.ndarray, scales: np.ndarray, heights: np.ndarray) -> np.ndarray:
    apart = z[:, None] - peaks
    apart *= scales
    distances = np.einsum("pki,pki->pk", apart, apart)
    return _oscillated(10 - (heights * np.exp(-distances / (2 * z.shape[1]))).max(axis=1)) ** 2


def _katsuura(z: np.ndarray) -> np.ndarray:
    D, scaled = z.shape[1], z[:, :, None] * 2.0 ** np.arange(1, 33)
    roughness = (np.abs(scaled - np.floor(scaled + 0.5)) / 2.0 ** np.arange(1, 33)).sum(axis=2)
    return 10 / D**2 * (((1 + np.arange(1, D + 1) * roughness) ** (10 / D**1.2)).prod(axis=1) - 1)


def _lunacek(z: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """z: x^ - mu_0 of the report."""
    D = z.shape[1]
    depth = 1 - 1 / (2 * math.sqrt(D + 20) - 8.2)
    other = -math.sqrt((LUNACEK**2 - 1) / depth)
    bowls = np.minimum(_squares(z), D + depth * _squares(z + LUNACEK - other))
    return bowls + 10 * (D - np.cos(2 * np.pi * _times(matrix, z)).sum(axis=1))
