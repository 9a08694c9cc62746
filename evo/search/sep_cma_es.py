"""Separable CMA-ES: CMA-ES with a diagonal covariance matrix, for many dimensions (Ros and Hansen: A simple modification in
CMA-ES achieving linear time and space complexity, PPSN 2008).

What learns the matrix learns (D + 2) / 3 times as fast, and from the better half alone.
"""

from __future__ import annotations

import math

import numpy as np

from evo.search import gaussian
from evo.search.cma_es import CMAES
from evo.search.covariance import Constants


class SepCMAES(CMAES):
    """ask / tell. mean (D,), sigma, covariance (D,), its diagonal: of the distribution. Raises as `GA`."""

    arrays = ("population", "mean", "covariance", "lengths", "path", "step_path", "history")
    most = math.inf

    def _isotropic(self) -> None:
        self.covariance = np.ones(self.encoding.dimensions)

    def _constants(self) -> Constants:
        genes = self.encoding.dimensions
        return Constants.of(genes, self.size, scale=(genes + 2) / 3)

    def sampled(self) -> np.ndarray:
        return self.gaussian(self.sigma * self.lengths * self._margin())

    def _adapt(self, population: np.ndarray, order: np.ndarray, of: Constants) -> None:
        weights = np.zeros(len(order))
        weights[order] = np.maximum(of.weights, 0.0)
        white, square = gaussian.weighted(population, self.mean, self.sigma * self.lengths * self._margin(), weights, moments=2)
        step = self.lengths * white
        self.mean = self.mean + self.sigma * step
        grows = self._paths(step, white, of)
        kept = 1 + of.one * (1 - grows) * of.path * (2 - of.path) - of.one - of.many
        self.covariance = kept * self.covariance + of.one * self.path**2 + of.many * self.lengths**2 * (square + 1)
        self.lengths = np.sqrt(self.covariance)

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        return self.lengths, np.ones(len(self.lengths))

    def _deviations(self) -> np.ndarray:
        return self.lengths
