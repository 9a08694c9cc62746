"""CMA-ES: evolution strategy with covariance matrix adaptation (Hansen and Ostermeier 2001; Hansen: The CMA evolution strategy:
a tutorial, arXiv 1604.00772, whose equations are named), active, with BIPOP restarts (`evo.search.restarts`).

A generation: P vectors x = mean + sigma y, y of N(0, C); the mean moves to the weighted mean of the better half; two evolution
paths, of the steps of the mean, say whether sigma should grow and add a direction to C; C moves towards the weighted y y^T,
away from those of the worse half."""

from __future__ import annotations

import math

import numpy as np
import torch

from evo import threads
from evo.core import Row, State
from evo.search import restarts
from evo.search.covariance import Constants, stopped
from evo.search.strategy import Strategy, centre_setting, champion_setting
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched
from evo.vectors.points import Box

KEPT = 20_000  # generations of a run whose fitness is remembered
ROWS = 64  # of a matrix product, to a thread at a time


@settings
class CMAESSettings:
    population_size: int | None = setting(
        None,
        "vectors a generation, before restarts; none: 4 + 3 ln D",
        low=4,
        source="Hansen 2016, (48)",
        search=Choice(20, 50, 100, 200),
    )
    initial_std: float = setting(0.3, "initial step size, of every gene", above=0.0, search=Log(0.01, 1.0))
    restarts: str = setting(
        "bipop", "what follows when a run stops; none: it goes on", choices=("bipop", "none"), source="Hansen 2009"
    )
    initial_scale: float = centre_setting()
    champion: str | None = champion_setting()


class CMAES(Strategy):
    """ask / tell. mean (D,), sigma, covariance (D, D): of the distribution. Raises as `GA`, and ValueError above 2,000
    dimensions, where `sep-cma-es` is the one to take."""

    settings = CMAESSettings
    arrays: tuple[str, ...] = ("population", "mean", "covariance", "basis", "lengths", "path", "step_path", "history")
    most: float = 2000  # a matrix has D^2 numbers, and a generation takes some D^3 operations
    instead = "sep-cma-es"
    numbers = ("size", "sigma", "first", "steps", "restart", "spent", "spent_small", "spent_large", "decomposed")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.first_size, self.restart = self.size, 0
        self.spent_small = self.spent_large = 0
        self._begin(restarts.Run(self.size))

    def _begin(self, run: restarts.Run) -> None:
        genes = self.encoding.dimensions
        self.run, self.size = run, run.size
        self.sigma = self.first = self.options.initial_std * run.factor
        self.steps, self.spent, self.decomposed = 0, 0, 0
        self.path, self.step_path, self.lengths = np.zeros(genes), np.zeros(genes), np.ones(genes)
        self.history = np.zeros((2, 0))
        self._isotropic()

    def _isotropic(self) -> None:
        self.covariance: np.ndarray = np.eye(self.encoding.dimensions)
        self.basis = np.eye(self.encoding.dimensions)

    def _constants(self) -> Constants:
        return Constants.of(self.encoding.dimensions, self.size)

    def sampled(self) -> np.ndarray:
        z = self.normal()
        y = product(z * self.lengths, self.basis.T)
        return (self.mean + self.sigma * y * self._margin()).astype(self.encoding.dtype)  # (38) to (40)

    def _margin(self) -> np.ndarray | float:
        """By how much (D,) the noise of a whole number or a choice is stretched, so that one vector in D P leaves the value of
        the mean (Hamano et al.: CMA-ES with margin, GECCO 2022, without its correction of the mean)."""
        if not isinstance(self.encoding, Box):
            return 1.0
        cells = self.encoding.cells
        discrete = cells > 0
        inside = np.mod(self.mean, np.where(discrete, cells, 1.0))
        border = np.minimum(inside, cells - inside)  # the nearer one
        quantile = float(torch.special.ndtri(torch.tensor(1 - 1 / (len(self.mean) * self.size), dtype=torch.float64)))
        least = np.where(discrete, border / max(quantile, 1e-9), 0.0)
        return np.maximum(1.0, least / np.maximum(self.sigma * self._deviations(), 1e-300))

    def update(self, population: np.ndarray, fitness: np.ndarray) -> None:
        order = np.argsort(-fitness, kind="stable")
        self._adapt(population, order, self._constants())
        self.spent += len(fitness)
        self.steps += 1
        self.history = np.append(self.history[:, -KEPT:], [[fitness[order[0]]], [np.median(fitness)]], axis=1)
        if self.options.restarts == "bipop" and self._stopped(fitness):
            self._restart()

    def _adapt(self, population: np.ndarray, order: np.ndarray, of: Constants) -> None:
        """One generation's change of mean, sigma and covariance; order (P,): places of the population, the best first."""
        y = (population[order] - self.mean) / (self.sigma * self._margin())
        half = len(y) // 2
        step = of.weights[:half] @ y[:half]  # (41)
        white = product(product(step[None], self.basis) / self.lengths, self.basis.T)[0]  # C^(-1/2) of it
        self.mean = self.mean + self.sigma * step  # (42)
        grows = self._paths(step, white, of)
        worse = of.weights < 0
        lengths = ((product(y[worse], self.basis) / self.lengths) ** 2).sum(1)  # of C^(-1/2) y, squared
        weights = of.weights.copy()
        weights[worse] *= len(self.mean) / (lengths + 1e-300)  # (46)
        kept = 1 + of.one * (1 - grows) * of.path * (2 - of.path) - of.one - of.many * of.weights.sum()
        moved = product((y * (of.many * weights)[:, None]).T, y)
        self.covariance = kept * self.covariance + of.one * np.outer(self.path, self.path) + moved  # (47)
        self._decompose(of)

    def _paths(self, step: np.ndarray, white: np.ndarray, of: Constants) -> float:
        """The two evolution paths, and sigma, by a step and C^(-1/2) of it. Gives h_sigma, 0 where the path is so long that C
        must not grow along it, else 1."""
        self.step_path = (1 - of.step_path) * self.step_path + math.sqrt(
            of.step_path * (2 - of.step_path) * of.mass
        ) * white  # (43)
        length = float(np.linalg.norm(self.step_path))
        usual = math.sqrt(1 - (1 - of.step_path) ** (2 * (self.steps + 1))) * (1.4 + 2 / (len(self.mean) + 1)) * of.length
        grows = float(length < usual)
        self.path = (1 - of.path) * self.path + grows * math.sqrt(of.path * (2 - of.path) * of.mass) * step  # (45)
        self.sigma *= math.exp(min(1.0, of.step_path / of.damping * (length / of.length - 1)))  # (44)
        return grows

    def _decompose(self, of: Constants) -> None:
        """C = B diag(lengths^2) B^T, not in every generation: appendix B.2."""
        pause = 1 / ((of.one + of.many) * len(self.mean) * 10)
        if self.steps + 1 - self.decomposed < pause:
            return
        self.decomposed = self.steps + 1
        self.covariance = (self.covariance + self.covariance.T) / 2
        with threads.limited(1):
            values, basis = torch.linalg.eigh(torch.from_numpy(self.covariance))
        self.lengths, self.basis = np.sqrt(np.maximum(values.numpy(), 1e-300)), np.ascontiguousarray(basis.numpy())

    def _stopped(self, fitness: np.ndarray) -> str:
        if self.steps >= restarts.longest(self.run, len(self.mean)):
            return "enough generations"
        at = dict(mean=self.mean, sigma=self.sigma, path=self.path, first=self.first)
        return stopped(self.history, fitness, deviations=self._deviations(), axes=self._axes(), **at)

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lengths (D,) and directions (D, D), one a column, of the principal axes."""
        return self.lengths, self.basis

    def _deviations(self) -> np.ndarray:
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def _restart(self) -> None:
        last, self.restart = self.run, self.restart + 1
        if last.small or not last.doubled:
            self.spent_small += self.spent
        else:
            self.spent_large += self.spent
        spent = dict(spent_small=self.spent_small, spent_large=self.spent_large)
        self.mean = self._start(self.restart)
        self._begin(restarts.after(last, self.restart, first_size=self.first_size, seed=self.seed, **spent))

    def state_dict(self) -> State:
        return {**super().state_dict(), "run": list(self.run)}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.run = restarts.Run(*state["run"])

    def row(self) -> Row:
        """The step size, the population and how many restarts there were."""
        return {"sigma": self.sigma, "population_size": self.size, "restarts": self.restart}


def product(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A matrix product (n, m) of (n, k) and (k, m) float64, of some rows at a time on every core."""
    a, b = torch.from_numpy(np.ascontiguousarray(one)), torch.from_numpy(np.ascontiguousarray(other))
    out = torch.empty((a.shape[0], b.shape[1]), dtype=torch.float64)

    def part(start: int, stop: int) -> None:
        torch.mm(a[start:stop], b, out=out[start:stop])

    threads.each_block(part, len(a), ROWS)
    return out.numpy()
