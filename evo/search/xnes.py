"""Exponential natural evolution strategy (Glasmachers, Schaul, Sun, Wierstra, Schmidhuber: Exponential natural evolution
strategies, GECCO 2010; Wierstra et al. 2014, Algorithm 5), for few dimensions: it adapts a matrix.

A generation: P vectors mean + sigma B z; utilities u by rank; natural gradients G = sum u z of the mean and M = sum u (z z^T -
I) of the matrix, whose trace is of sigma and whose rest is of the shape B."""

from __future__ import annotations

import math

import numpy as np
import torch

from evo import threads
from evo.search.strategy import Strategy, centre_setting, champion_setting, utilities
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched


@settings
class XNESSettings:
    population_size: int | None = setting(
        None, "vectors a generation; none: 4 + 3 ln D", low=4, source="Glasmachers et al. 2010", search=Choice(20, 50, 100, 200)
    )
    initial_std: float = setting(0.3, "initial std of every gene", above=0.0, search=Log(0.01, 1.0))
    mean_rate: float = setting(1.0, "eta of the mean", above=0.0, source="Glasmachers et al. 2010")
    shape_rate: float | None = setting(
        None,
        "eta of sigma and of the shape; none: (9 + 3 ln D) / (5 D sqrt D)",
        above=0.0,
        source="Wierstra et al. 2014, Table 1",
        search=Log(1e-3, 1.0),
    )
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()


class XNES(Strategy):
    """ask / tell. mean (D,), sigma, shape (D, D), of determinant 1: of the distribution. Raises as `GA`, and ValueError above
    1,000 dimensions, where `snes` is the one to take."""

    settings = XNESSettings
    arrays = ("population", "mean", "shape")
    numbers = ("sigma",)
    most = 1000  # the exponential of a matrix takes some 10 D^3 operations a generation
    instead = "snes"

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        genes = self.encoding.dimensions
        self.sigma, self.shape = float(self.options.initial_std), np.eye(genes)
        self.shape_rate = self.options.shape_rate or (9 + 3 * math.log(genes)) / (5 * genes * math.sqrt(genes))

    def sampled(self) -> np.ndarray:
        with threads.limited(1):
            y = (torch.from_numpy(self.normal()) @ torch.from_numpy(self.shape)).numpy()
        return (self.mean + self.sigma * y).astype(self.encoding.dtype)

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        u = torch.from_numpy(utilities(fitness))
        shape = torch.from_numpy(self.shape)
        with threads.limited(1):
            z = torch.linalg.solve(shape, torch.from_numpy((population - self.mean) / self.sigma), left=False)
            of_mean = u @ z
            of_matrix = (z * u[:, None]).T @ z - u.sum() * torch.eye(len(shape), dtype=shape.dtype)
            of_sigma = of_matrix.trace() / len(shape)
            of_shape = of_matrix - of_sigma * torch.eye(len(shape), dtype=shape.dtype)
            self.mean = self.mean + self.options.mean_rate * self.sigma * (of_mean @ shape).numpy()
            self.shape = (torch.linalg.matrix_exp(self.shape_rate / 2 * of_shape) @ shape).numpy()
        self.sigma *= math.exp(min(1.0, self.shape_rate / 2 * float(of_sigma)))
