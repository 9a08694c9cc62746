"""A task that is any function of points (P, D), or of a Space: test functions, simulators, other people's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evo.constraints import HANDLINGS, feasible, penalised, violation
from evo.core import Evaluation, Metric, Model, Score, Task, counted
from evo.settings import did_you_mean
from evo.space import Space

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FunctionTask(Task):
    """function: points (P, D) float64 -> (P,), maximised; with a space, its values, a dict name -> (P,), -> (P,). (P, M): M
    objectives, all maximised, and the fitness is their sum.

    solved: the value at which the task is solved. optimum: the highest value, where it is known; then the metric is the gap to
    it, not the value. constraint: what becomes of the space's constraints: "feasibility",
    "augmented-lagrangian" (`evo.constraints`), "penalty" (the violation times `penalty` is subtracted), or "objective"
    (feasibility, and minus the violation is an objective more, for methods of several). `score` follows the feasibility rule
    whatever it is. Raises TypeError unless dimensions or space is given, ValueError for another constraint or penalty.
    """

    kind = "function"
    outputs = 0
    metric = Metric("fitness")

    def __init__(
        self,
        function: Callable[..., npt.ArrayLike],
        dimensions: int | None = None,
        solved: float | None = None,
        stop: str = "solved",
        optimum: float | None = None,
        *,
        space: Space | None = None,
        constraint: str = "feasibility",
        penalty: float = 1000.0,
    ):
        count = dimensions if space is None else space.dimensions
        if count is None or (dimensions is not None and space is not None):
            raise TypeError("FunctionTask: expected one of dimensions=20 and space=Space(...)")
        if constraint not in HANDLINGS:
            raise ValueError(
                f"constraint: expected {', '.join(HANDLINGS)}; got {constraint!r}{did_you_mean(constraint, HANDLINGS)}"
            )
        if not penalty >= 0:
            raise ValueError(f"penalty: expected a number >= 0; got {penalty!r}")
        self.function, self.space, self.target, self.stop = function, space, solved, stop
        self.dimensions = self.inputs = count
        self.constraint, self.penalty, self.optimum = constraint, penalty, optimum
        if optimum is not None:
            self.metric = Metric("gap", "min")

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"FunctionTask({name}, {counted(self.dimensions, 'dimension')})"

    @property
    def noisy(self) -> bool:
        """Multipliers change what a point is worth from generation to generation."""
        return self.constraint == "augmented-lagrangian" and self.space is not None and bool(self.space.constraints)

    def evaluate(self, phenotypes: np.ndarray, seeds: np.ndarray) -> Evaluation:
        plain, g = self._measured(phenotypes)
        if g is None:
            return plain
        handled = partial(penalised, g=g, weight=self.penalty) if self.constraint == "penalty" else partial(feasible, g=g)
        objectives = None if plain.objectives is None else handled(plain.objectives)
        if self.constraint == "objective":
            several = plain.fitness[:, None] if plain.objectives is None else plain.objectives
            objectives = np.column_stack([several, -violation(g)])
        lagrangian = np.column_stack([plain.fitness, g]) if self.noisy else None
        return Evaluation(handled(plain.fitness), objectives=objectives, lagrangian=lagrangian, nonfinite=plain.nonfinite)

    def _measured(self, points: np.ndarray) -> tuple[Evaluation, np.ndarray | None]:
        """What the function gives, constraints left out, and their values (P, K), None where there are none."""
        if self.space is None:
            return _evaluation(self.function(points), len(points)), None
        values = self.space.decode(points)
        found = _evaluation(self.function(values), len(points))
        return found, self.space.constraint_values(values) if self.space.constraints else None

    def score(self, model: Model, split: str) -> Score | None:
        """The value of the model's point, its gap to the optimum, its "violation" where there are constraints. A function has
        no splits: "validation" is the function itself."""
        if split != "validation":
            return None
        plain, g = self._measured(np.asarray(model([]))[None])
        value = float((plain.fitness if g is None else feasible(plain.fitness, g))[0])
        score = {"fitness": value} if self.optimum is None else {"fitness": value, "gap": self.optimum - value}
        return score if g is None else {**score, "violation": float(violation(g)[0])}

    def solved(self, score: Mapping[str, float]) -> bool | None:
        return None if self.target is None else score["fitness"] >= self.target

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The point and the metric there (matplotlib Figure); `split` changes nothing: a function has none."""
        from evo.plots import figures

        score = self.score(model, "validation")
        assert score is not None
        point, metric = np.asarray(model([])), self.metric.name
        return figures.point(point, metric, score[metric], {} if self.space is None else self.space.decode(point))


def _evaluation(given: npt.ArrayLike, size: int) -> Evaluation:
    """What a function gave for `size` points; (P, M) are objectives."""
    if isinstance(given, np.ndarray) and given.ndim == 2 and len(given) == size and given.shape[1] > 1:
        return Evaluation.of(Evaluation(given.sum(axis=1), objectives=given), size)
    return Evaluation.of(given, size)
