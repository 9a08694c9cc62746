"""Single pole: balance the long pole of the double pole alone (Wieland 1991), by a force of any size, for 100,000 steps.

Solved is all of them from the usual start; the test is the mean of 1,000 steps from 100 random starts.
"""

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.control import ControlTask
from scenarios.environments import poles
from scenarios.environments.single_pole import balancing


@settings
class PoleSettings:
    start_angle: float = setting(poles.START_ANGLE, "angle of the long pole at the start", above=0.0, high=0.6, unit="rad")
    solved: float | None = setting(100_000.0, "steps at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def task(settings, network):
    long, short = balancing(settings.start_angle), balancing(max_steps=1000)
    trials = {"validation": (long, long.starts([0])), "test": (short, poles.random_starts(100)[:, :4])}
    return ControlTask(long, network=network, solved=settings.solved, stop=settings.stop, trials=trials)


scenario = Scenario(
    name="single_pole",
    title="Single pole: keep a pole upright on a cart by any force; 4 observations, 1 force",
    task=task,
    settings=PoleSettings,
    budget=Budget(evaluations=10_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (8,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("single_pole")
