import numpy as np
import pytest

from evo import GA, Evolve, FunctionTask
from evo.vectors.models import VectorModel


def sphere(points):
    return -(points.astype(np.float64) ** 2).sum(axis=1)


def test_fitness_is_the_function_of_every_point():
    points = np.arange(6, dtype=np.float32).reshape(3, 2)
    task = FunctionTask(sphere, 2)
    assert task.evaluate(points, np.zeros(0)).fitness.tolist() == [-1, -13, -41]
    assert task.score(VectorModel(points[1]), "validation") == {"fitness": -13.0}


def test_a_function_has_no_other_splits():
    model = VectorModel(np.zeros(2))
    assert FunctionTask(sphere, 2).score(model, "train") is FunctionTask(sphere, 2).score(model, "test") is None


def test_solved_is_reaching_the_value():
    task = FunctionTask(sphere, 2, solved=-0.5)
    assert [task.solved({"fitness": value}) for value in (-0.6, -0.5, 0.0, -np.inf)] == [False, True, True, False]
    assert FunctionTask(sphere, 2).solved({"fitness": 0.0}) is None


def test_where_the_optimum_is_known_the_metric_is_the_gap_to_it():
    task = FunctionTask(lambda points: 3 + sphere(points), 2, optimum=3.0)
    assert (task.metric.name, task.metric.direction) == ("gap", "min")
    assert task.score(VectorModel(np.array([1.0, 2.0])), "validation") == {"fitness": -2.0, "gap": 5.0}
    assert FunctionTask(sphere, 2).metric.name == "fitness"


def test_a_function_that_gives_another_shape_is_named():
    with pytest.raises(ValueError, match=r"fitness must have shape \(3,\).*got \(\)"):
        FunctionTask(np.sum, 2).evaluate(np.zeros((3, 2)), np.zeros(0))


def test_a_learner_runs_on_it_with_its_costs():
    task = FunctionTask(sphere, 3, solved=-1e-3)
    learner = Evolve(task, GA.for_task(task, seed=0, population_size=20, mutation_std=0.3))
    rows = [learner.step() for _ in range(30)]
    assert learner.cost.state_dict() | {"seconds": 0} == {"evaluations": 600, "samples": 600, "compute": 600.0, "seconds": 0}
    assert rows[-1]["fitness_best"] > rows[0]["fitness_best"]
    point = learner.champion()(None)
    assert point.shape == (3,)
    assert (
        task.score(learner.champion(), "validation")["fitness"] == sphere(point[None])[0] == learner._champion.score["fitness"]
    )
    assert learner.figure().axes
