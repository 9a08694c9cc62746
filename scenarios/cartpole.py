"""CartPole-v1: keep a pole upright on a cart for 500 steps (Barto, Sutton, Anderson 1983; Gymnasium's version).

Solved at a mean return of 475, the threshold that Gymnasium registers.
"""

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.control import ControlSettings, ControlTask
from scenarios.environments.cartpole import environment


@settings
class CartPoleSettings(ControlSettings):
    validation_episodes: int = setting(100, "validation episodes of a generation's best, the same in every run", low=1)
    solved: float | None = setting(475.0, "mean validation return at which the task is solved; none: undefined")


scenario = Scenario(
    name="cartpole",
    title="CartPole-v1: keep a pole upright on a cart; 4 observations, 2 actions",
    task=lambda settings, network: ControlTask(environment, network=network, **vars(settings)),
    settings=CartPoleSettings,
    budget=Budget(samples=2_000_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (16,)},
    learners={
        "openai-es": {"noise_std": 0.46, "learning_rate": 0.52, "weight_decay": 0.005, "initial_scale": 2.6}
    },  # `evo tune`
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("cartpole")
