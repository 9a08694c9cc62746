"""BBOB: the 24 noiseless functions on which black-box optimisers are compared.

Hansen, Finck, Ros and Auger: Real-parameter black-box optimization benchmarking 2009: noiseless functions definitions. INRIA
RR-6829. Fitness is f_opt - f, at most 0; the metric is the gap f - f_opt, COCO's precision. A gap of 1e-8, COCO's last
target, solves the task. Instance 0 gives every seed an instance of its own, seed + 1: `--seeds 15` runs the instances 1 to 15,
the same ones for all methods. 10,000 evaluations a dimension are usual; the default budget is that of ten dimensions.
"""

from __future__ import annotations

import numpy as np

from evo.core import Benchmark, Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.function import FunctionTask
from scenarios.functions.bbob import BBOB, INSTANCES, NAMES

START = 2.0  # std of the first points in every coordinate: most lie in the region of interest, -5 .. 5
# Methods without a first step size.
POINTS = ("de", "ga", "deep-ga", "nsga2", "openai-es", "backstitch-es", "ars", "random-search")


@settings
class BBOBSettings:
    function: int = setting(1, f"1 to {len(NAMES)}: {', '.join(NAMES)}", low=1, high=len(NAMES))
    dimension: int = setting(10, "coordinates of a point", low=2)
    instance: int = setting(0, "translation, rotation and f_opt; 0: that of the seed, seed + 1", low=0, high=INSTANCES)
    solved: float | None = setting(1e-8, "gap f - f_opt at which the task is solved; none: undefined", low=0.0)
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


class BBOBTask(FunctionTask):
    """One function of BBOB to be minimised, f_opt - f maximised. Raises ValueError for one that there is not."""

    def __init__(self, function: int, dimension: int, instance: int, solved: float | None = 1e-8, stop: str = "solved"):
        self.by_seed = instance == 0
        self.problem = BBOB(function, dimension, instance or 1)
        self.benchmark = Benchmark("bbob", function, dimension, self.problem.instance, self.problem.f_opt)
        super().__init__(self._fitness, dimension, None if solved is None else -solved, stop, optimum=0.0)

    def for_seed(self, seed: int) -> BBOBTask:
        """Its instance seed + 1, where instances are by seed; else itself."""
        if not self.by_seed:
            return self
        solved = None if self.target is None else -self.target
        return BBOBTask(self.problem.function, self.problem.dimension, seed + 1, solved, self.stop)

    def _fitness(self, points: np.ndarray) -> np.ndarray:
        return -self.problem.precision(points)


scenario = Scenario(
    name="bbob",
    title="BBOB: 24 functions to minimise, in any dimension; instances by seed",
    task=lambda settings, network: BBOBTask(**vars(settings)),
    settings=BBOBSettings,
    budget=Budget(evaluations=100_000),
    methods=("cma-es", "snes", "de", "ga", "random-search"),
    model={},
    learners={
        **{name: {"initial_scale": START} for name in POINTS},
        **{name: {"initial_scale": START, "initial_std": START} for name in ("cma-es", "sep-cma-es", "snes", "xnes", "pgpe")},
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("bbob")
