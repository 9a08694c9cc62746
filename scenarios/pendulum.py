"""Pendulum-v1: swing a pendulum up with too weak a motor and hold it there (Gymnasium).

The cost of a step is angle^2 + .1 speed^2 + .001 torque^2, over 200 steps; no return counts as solved.
"""

from evo.core import Budget, Scenario
from evo.tasks.control import ControlSettings, ControlTask
from scenarios.environments.pendulum import environment

scenario = Scenario(
    name="pendulum",
    title="Pendulum-v1: swing a pendulum up and hold it; 3 observations, 1 torque",
    task=lambda settings, network: ControlTask(environment, network=network, **vars(settings)),
    settings=ControlSettings,
    budget=Budget(samples=2_000_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (16,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("pendulum")
