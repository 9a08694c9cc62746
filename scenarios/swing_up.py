"""Cart-pole swing-up: swing a hanging pole up and keep it there, with the cart in the middle; at most 1,000 points an episode.

The task of Gaier and Ha: Weight agnostic neural networks. NeurIPS 2019. No return counts as solved.
"""

from evo.core import Budget, Scenario
from evo.tasks.control import ControlSettings, ControlTask
from scenarios.environments.swing_up import environment

scenario = Scenario(
    name="swing_up",
    title="Cart-pole swing-up: swing a pole up and keep it there; 5 observations, 1 force",
    task=lambda settings, network: ControlTask(environment, network=network, **vars(settings)),
    settings=ControlSettings,
    budget=Budget(samples=10_000_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (16,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("swing_up")
