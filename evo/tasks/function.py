"""A task that is any function of points (P, D): test functions, simulators, other people's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evo.core import Evaluation, Metric, Model, Score, Task, counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FunctionTask(Task):
    """function: points (P, D) float64 -> (P,), which is maximised. solved: the value at which the task is solved.

    optimum: the highest value, where it is known; then the metric is the gap to it, not the value.
    """

    kind = "function"
    outputs = 0
    metric = Metric("fitness")

    def __init__(
        self,
        function: Callable[[np.ndarray], npt.ArrayLike],
        dimensions: int,
        solved: float | None = None,
        stop: str = "solved",
        optimum: float | None = None,
    ):
        self.function, self.dimensions, self.inputs, self.target, self.stop = function, dimensions, dimensions, solved, stop
        self.optimum = optimum
        if optimum is not None:
            self.metric = Metric("gap", "min")

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"FunctionTask({name}, {counted(self.dimensions, 'dimension')})"

    def evaluate(self, phenotypes: np.ndarray, seeds: np.ndarray) -> Evaluation:
        return Evaluation.of(self.function(phenotypes), len(phenotypes))

    def score(self, model: Model, split: str) -> Score | None:
        """The value of the model's point, and its gap to the optimum: a function has no splits, so "validation" is the function
        itself."""
        if split != "validation":
            return None
        value = float(Evaluation.of(self.function(np.asarray(model([]))[None]), 1).fitness[0])
        return {"fitness": value} if self.optimum is None else {"fitness": value, "gap": self.optimum - value}

    def solved(self, score: Mapping[str, float]) -> bool | None:
        return None if self.target is None else score["fitness"] >= self.target

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The point and the function's value there (matplotlib Figure); `split` changes nothing: a function has none."""
        from evo.plots import figures

        score = self.score(model, "validation")
        assert score is not None
        return figures.point(np.asarray(model([])), score["fitness"])
