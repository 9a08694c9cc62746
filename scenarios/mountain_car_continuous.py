"""MountainCarContinuous-v0: rock a weak car out of a valley (Moore 1990; Gymnasium's version).

100 at the top, minus .1 times the squared force a step: standing still scores 0, so fitness points away from the
goal until the goal has once been met. Solved at a mean return of 90, the threshold that Gymnasium registers.
"""

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.control import ControlSettings, ControlTask
from scenarios.environments.mountain_car_continuous import environment


@settings
class MountainCarSettings(ControlSettings):
    normalize_observations: bool = setting(
        True, "standardise observations with running mean and std; the speed here is below 0.07"
    )
    solved: float | None = setting(90.0, "mean validation return at which the task is solved; none: undefined")


scenario = Scenario(
    name="mountain_car_continuous",
    title="MountainCarContinuous-v0: rock a weak car out of a valley; 2 observations, 1 force",
    task=lambda settings, network: ControlTask(environment, network=network, **vars(settings)),
    settings=MountainCarSettings,
    budget=Budget(samples=3_000_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (16,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("mountain_car_continuous")
