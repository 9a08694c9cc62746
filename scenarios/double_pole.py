"""Double pole: balance a long and a short pole on one cart, seeing their velocities, for 100,000 steps.

Stanley and Miikkulainen 2002, section 4.3.1. Fitness is the number of steps; 100,000 solve it. The test is the mean of 1,000
steps from 100 random starts.
"""

from evo.core import Budget, Scenario
from evo.tasks.control import ControlTask
from scenarios.environments import poles
from scenarios.environments.double_pole import balancing
from scenarios.single_pole import PoleSettings


def task(settings, network):
    long, short = balancing(settings.start_angle), balancing(max_steps=1000)
    trials = {"validation": (long, long.starts([0])), "test": (short, poles.random_starts(100))}
    return ControlTask(long, network=network, solved=settings.solved, stop=settings.stop, trials=trials)


scenario = Scenario(
    name="double_pole",
    title="Double pole: keep a long and a short pole upright on a cart; 6 observations, 1 force",
    task=task,
    settings=PoleSettings,
    budget=Budget(evaluations=45_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (8,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("double_pole")
