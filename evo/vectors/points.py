"""Points as what methods over real vectors search: D numbers without bounds, or unit coordinates of a Space.

One rule keeps every method inside a Space: what lies outside [0, 1) is reflected at its ends, as often as need be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import njit, types
from torch import nn

from evo import rng, threads
from evo.core import Model, Phenotypes
from evo.space import Space
from evo.vectors.models import VectorModel

_DRAWN = (types.int64, types.float64[::1], types.float64[::1], types.int64, types.int64)
VECTORS = (types.float32[:, ::1], types.float64[:, ::1])  # of networks, of points


@njit([types.void(kind, *_DRAWN) for kind in VECTORS], cache=True, nogil=True)
def _draw(out, first, centre, spread, generation, seed):
    """Rows of `out` (n, D): individual first + i, each gene centre + spread * N(0, 1)."""
    genes = out.shape[1]
    for i in range(out.shape[0]):
        for block in range((genes + 3) // 4):
            four = rng.four_normals(block, first + i, generation, rng.INITIAL, seed)
            for k in range(min(4, genes - 4 * block)):
                g = 4 * block + k
                out[i, g] = centre[g] + spread[g] * four[k]


class Reals:
    """Vectors (D,) of real numbers, used as they are; initial genes are N(0, 1).

    dtype: of populations: float64 for points, float32 for the parameters of networks. centre, spread (D,) float64: mean and std
    of a new vector. Raises ValueError for dimensions below 1.
    """

    dtype: type[np.floating] = np.float64

    def __init__(self, dimensions: int):
        if dimensions < 1:
            raise ValueError(f"dimensions: expected a whole number >= 1; got {dimensions}")
        self.dimensions = int(dimensions)
        self.centre = np.zeros(self.dimensions)
        self.spread = np.ones(self.dimensions)

    def initial(self, seed: int, generation: int, count: int, scale: float = 1.0) -> np.ndarray:
        """`count` new vectors (count, D); scale: initial std, relative to the encoding's own."""
        out = np.empty((count, self.dimensions), self.dtype)
        spread = scale * self.spread
        word = rng.signed(seed)
        threads.each(lambda a, b: _draw(out[a:b], a, self.centre, spread, generation, word), count)
        return out

    def confine(self, vectors: np.ndarray) -> None:
        """Brings vectors (P, D) inside their bounds, in place: numbers without bounds stay as they are."""

    def of(self, model: Model | nn.Module) -> np.ndarray:
        """The vector (D,) of a model made by `model`. Raises ValueError for another model."""
        if not isinstance(model, VectorModel) or model.vector.shape != (self.dimensions,):
            raise ValueError(f"expected a point of {self.dimensions} numbers; got {type(model).__name__}")
        return np.array(model.vector, self.dtype)

    def named(self, patterns: Sequence[str]) -> np.ndarray:
        """Which numbers (D,) the parameters have whose names match one of `patterns`. Raises ValueError: a point has none."""
        raise ValueError(f"frozen: a point of {self.dimensions} numbers has no named parameters; got {', '.join(patterns)}")

    def express(self, vectors: np.ndarray) -> Phenotypes | np.ndarray:
        """Points (P, D) as what a task of points evaluates: themselves."""
        return vectors

    def model(self, vector: np.ndarray) -> Model:
        """A point (D,) as a Model."""
        return VectorModel(vector)


LAST = math.nextafter(1.0, 0.0)


@njit("void(float64[:, ::1], int64, int64, int64)", cache=True, nogil=True)
def _scatter(out, first, generation, seed):
    """Rows of `out` (n, D): individual first + i, each gene uniform in (0, 1)."""
    genes = out.shape[1]
    for i in range(out.shape[0]):
        for block in range((genes + 3) // 4):
            four = rng.philox(block, first + i, generation, rng.INITIAL, seed)
            for k in range(min(4, genes - 4 * block)):
                out[i, 4 * block + k] = rng.uniform(four[k])


@njit("void(float64[:, ::1])", cache=True, nogil=True)
def _reflect(out):
    """Genes outside [0, 1) reflected at its ends, in place; NaN stays."""
    for i in range(out.shape[0]):
        for g in range(out.shape[1]):
            gene = out[i, g]
            if not 0.0 <= gene < 1.0:
                gene = abs(gene) % 2.0
                out[i, g] = min(2.0 - gene if gene > 1.0 else gene, LAST)


class Box(Reals):
    """Unit coordinates (D,) of the dimensions of `space`; a new vector is uniform in the box.

    centre, spread (D,): mean and std of that. cells (D,): the width of the interval of one value, 0 where continuous.
    """

    def __init__(self, space: Space):
        super().__init__(space.dimensions)
        self.space, self.cells = space, space.cells
        self.centre, self.spread = np.full(self.dimensions, 0.5), np.full(self.dimensions, 12**-0.5)

    def initial(self, seed: int, generation: int, count: int, scale: float = 1.0) -> np.ndarray:
        """`count` new vectors (count, D) float64, uniform in the box, which `scale` does not change."""
        out = np.empty((count, self.dimensions))
        word = rng.signed(seed)
        threads.each(lambda a, b: _scatter(out[a:b], a, generation, word), count)
        return out

    def of(self, model: Model | nn.Module) -> np.ndarray:
        """As of `Reals`; raises ValueError for a point outside [0, 1) too."""
        vector = super().of(model)
        if not ((vector >= 0) & (vector < 1)).all():
            raise ValueError("expected a point of unit coordinates in [0, 1); got one outside")
        return vector

    def confine(self, vectors: np.ndarray) -> None:
        """Reflects vectors (P, D) at 0 and 1, in place."""
        threads.each(lambda a, b: _reflect(vectors[a:b]), len(vectors))
