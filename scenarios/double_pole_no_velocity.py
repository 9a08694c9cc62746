"""Double pole without velocities: balance a long and a short pole, seeing where things are but not how fast they move.

Stanley and Miikkulainen 2002, section 4.3.2. Fitness is equations 3 and 4 over 1,000 steps. Validation is the paper's test:
100,000 steps from the usual start and, if they are balanced, 1,000 steps from each of 625 starts, of which 200 solve the task.
The test is the mean of 1,000 steps from 100 random starts. A network without memory cannot do it: NEAT grows one, and `--set
model.network=rnn` gives methods that search weights one."""

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.control import ControlTask
from scenarios.environments import poles
from scenarios.environments.double_pole_no_velocity import balancing, shaking


@settings
class NoVelocitySettings:
    start_angle: float = setting(poles.START_ANGLE, "angle of the long pole at the start", above=0.0, high=0.6, unit="rad")
    solved: float | None = setting(200.0, "starts of 625 at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


class GeneralizationTask(ControlTask):
    """Validation counts the `starts` of 625 from which 1,000 steps are balanced: 0 if 100,000 from the usual start are not."""

    def score(self, model, split):
        score = super().score(model, split)
        if split == "validation":
            starts = 0
            if score["return"] >= self.long.max_steps:
                returns = self.returns(model, poles.generalization_starts(), self.short).returns
                starts = int((returns >= self.short.max_steps).sum())
            score |= {"starts": starts, "fitness": score["return"] / self.long.max_steps + starts}
        return score

    def solved(self, score):
        return None if self._solved is None else score["starts"] >= self._solved


def task(settings, network):
    long, short = balancing(settings.start_angle), balancing(max_steps=1000)
    trials = {"validation": (long, long.starts([0])), "test": (short, poles.random_starts(100))}
    fitness = shaking(settings.start_angle)
    made = GeneralizationTask(fitness, network=network, solved=settings.solved, stop=settings.stop, trials=trials)
    made.long, made.short = long, short
    return made


scenario = Scenario(
    name="double_pole_no_velocity",
    title="Double pole without velocities: keep two poles upright from memory; 3 observations, 1 force",
    task=task,
    settings=NoVelocitySettings,
    budget=Budget(evaluations=150_000),
    methods=("ga", "deep-ga", "random-search"),
    model={"network": "mlp", "hidden": (8,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("double_pole_no_velocity")
