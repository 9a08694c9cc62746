"""Mackey and Glass's equation of 1977, a chaotic series, forecast `ahead` seconds.

x' = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, x(0) = 1.2 and x(t < 0) = 0, by the method of Runge and Kutta in steps of 0.1 s
(Jang: ANFIS. IEEE Transactions on Systems, Man, and Cybernetics 23, 1993), a point a second from t = 118 on, where his begin.
A sequence is the last `window` values, `spacing` seconds apart; its target is the value `ahead` seconds after the last of them.
The first 60 % of the points train, the next 20 % validate, the last 20 % are for the test. The metric is the squared error
over the variance of the targets (NMSE).
"""

from typing import Any

import numpy as np

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.metrics import METRICS
from evo.tasks.sequence import SequenceTask
from scenarios.datasets import DataSettings, batch_setting

BEGIN, STEPS = 118, 10  # seconds left out; steps a second
DELAY = 17  # seconds


@settings
class MackeyGlassSettings(DataSettings):
    fitness: str = setting("squared_error", "fitness to maximise; losses are negated", choices=METRICS["regression"])
    metric: str = setting("nmse", "the reported metric", choices=METRICS["regression"])
    batch_size: int | None = batch_setting(200)
    points: int = setting(5000, "of the series", low=100, unit="s")
    window: int = setting(20, "values that a forecast is made of", low=1)
    spacing: int = setting(6, "between two of them", low=1, unit="s")
    ahead: int = setting(84, "from the last of them to what is forecast", low=1, unit="s")


def series(points: int) -> np.ndarray:
    """The first values (points,) float64, one a second."""
    count, delay, step = (BEGIN + points) * STEPS, DELAY * STEPS, 1 / STEPS
    x = [0.0] * delay + [1.2]
    for k in range(count):
        before, after = x[k], x[k + 1] if k >= delay else 0.0  # what is DELAY ago now, and just before the end of the step
        one = _slope(x[-1], before)
        two = _slope(x[-1] + step / 2 * one, (before + after) / 2)
        three = _slope(x[-1] + step / 2 * two, (before + after) / 2)
        four = _slope(x[-1] + step * three, after)
        x.append(x[-1] + step / 6 * (one + 2 * two + 2 * three + four))
    return np.array(x[delay:])[BEGIN * STEPS : count : STEPS]


def _slope(x: float, delayed: float) -> float:
    return 0.2 * delayed / (1 + delayed**10) - 0.1 * x


def task(settings: MackeyGlassSettings, network: Any) -> SequenceTask:
    values = dict(vars(settings))
    return SequenceTask.from_series(series(values.pop("points")), network=network, **values)


scenario = Scenario(
    name="mackey_glass",
    title="Mackey-Glass's chaotic series of delay 17, forecast 84 s ahead",
    task=task,
    settings=MackeyGlassSettings,
    budget=Budget(compute=1e11),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "lstm", "hidden": (32,)},
    learners={
        "backprop": {"optimizer": "Adam", "learning_rate": 0.003, "batch_size": 32, "l2": 0.0},
        "neat": {"recurrent": True},
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("mackey_glass")
