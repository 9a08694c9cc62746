from sklearn.datasets import load_iris

from evo import Budget, Scenario, SupervisedTask, setting, settings


@settings
class IrisSettings:
    fitness: str = setting("cross_entropy", "metric that evolution optimises", choices=("cross_entropy", "accuracy"))


def task(settings, network):
    x, y = load_iris(return_X_y=True)
    return SupervisedTask.from_arrays(x, y, network=network, fitness=settings.fitness)


scenario = Scenario(
    name="iris",
    title="150 flowers of 3 species, 4 measurements",
    task=task,
    settings=IrisSettings,
    budget=Budget(evaluations=1000),
    methods=("ga", "backprop", "linear"),
)
