"""Acrobot-v1: swing a two-link arm above a line (Sutton 1996; Gymnasium's version); -1 a step, at most 500 steps.

Solved at a mean return of -100, the threshold that Gymnasium registers.
"""

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.control import ControlSettings, ControlTask
from scenarios.environments.acrobot import environment


@settings
class AcrobotSettings(ControlSettings):
    solved: float | None = setting(-100.0, "mean validation return at which the task is solved; none: undefined")


scenario = Scenario(
    name="acrobot",
    title="Acrobot-v1: swing a two-link arm up by its middle joint; 6 observations, 3 actions",
    task=lambda settings, network: ControlTask(environment, network=network, **vars(settings)),
    settings=AcrobotSettings,
    budget=Budget(samples=1_000_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (16,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("acrobot")
