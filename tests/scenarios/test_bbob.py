"""BBOB's functions against COCO, whose values are kept in bbob_values.json, and what must hold of any of them."""

import json
import pickle

import numpy as np
import pytest
from bbob_values import FILE, points
from numpy.testing import assert_allclose

from evo import threads
from evo.vectors.models import VectorModel
from scenarios.bbob import BBOBTask
from scenarios.functions.bbob import BBOB, NAMES
from scenarios.functions.bbob_draws import rotation, uniforms
from scenarios.lab import run

FUNCTIONS = range(1, 25)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_values_are_those_of_coco(function):
    for number, dimension, instance, f_opt, *values in json.loads(FILE.read_text()):
        if number == function:
            problem = BBOB(function, dimension, instance)
            assert problem.f_opt == pytest.approx(f_opt, rel=1e-14)
            assert_allclose(problem(points(function, dimension, instance)), values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_many_values_are_those_of_coco_where_it_is_installed(function):
    cocoex = pytest.importorskip("cocoex")
    for dimension, instance in [(2, 2), (4, 3), (20, 15), (40, 101)]:
        theirs, ours = cocoex.BareProblem("bbob", function, dimension, instance), BBOB(function, dimension, instance)
        near = ours.x_opt + 1e-3 * points(function, dimension, instance)
        for x in [*points(function, dimension, instance), *near, ours.x_opt]:
            assert_allclose(ours(x[None])[0], theirs(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dimension", [2, 7, 64])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_least_value_is_f_opt_at_x_opt(function, dimension):
    problem = BBOB(function, dimension, 5)
    assert problem.x_opt.shape == (dimension,)
    assert np.abs(problem.x_opt).max() <= 5
    assert abs(problem.precision(problem.x_opt[None])[0]) < 1e-12
    around = problem.x_opt + 1e-4 * np.random.RandomState(0).normal(size=(50, dimension))
    assert (problem.precision(np.concatenate([around, np.zeros((1, dimension))])) >= 0).all()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_value_depends_on_its_point_alone(function):
    problem = BBOB(function, 9, 2)
    x = np.random.RandomState(1).uniform(-6, 6, (700, 9))
    together = problem(x)
    assert np.array_equal(problem(x[123:124]), together[123:124])
    with threads.limited(1):
        assert np.array_equal(problem(x), together)
    assert np.array_equal(pickle.loads(pickle.dumps(problem))(x), together)
    assert_allclose(problem(x.astype(np.float32)), problem(x.astype(np.float32).astype(float)), rtol=0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_points_that_are_not_finite_give_no_finite_value_and_no_warning(function):
    problem = BBOB(function, 3)
    assert np.isnan(problem([[0, np.nan, 0]])[0])
    assert not np.isfinite(problem([[1e200, -1e200, np.inf]])[0]) or function == 5  # a slope that ends at its optimum


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"function": 25}, "function: expected a whole number from 1 to 24; got 25"),
        ({"function": 1.5}, "function: expected a whole number from 1 to 24; got 1.5"),
        ({"dimension": 1}, "dimension: expected a whole number >= 2; got 1"),
        ({"instance": 0}, "instance: expected a whole number from 1 to 100,000; got 0"),
        ({"instance": 100_001}, "instance: expected a whole number from 1 to 100,000; got 100001"),
    ],
)
def test_what_is_no_problem_of_bbob_is_told(given, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        BBOB(**{"function": 1, "dimension": 2, **given})


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match=r"expected points of shape \(P, 3\); got \(4, 2\)"):
        BBOB(1, 3)(np.zeros((4, 2)))


def test_names_and_shapes():
    assert len(NAMES) == 24
    assert repr(BBOB(8, 20, 3)) == "BBOB(f8 Rosenbrock, 20 dimensions, instance 3)"
    assert BBOB(1, 4)(np.zeros((0, 4))).shape == (0,)


def test_draws_are_uniform_and_rotations_orthogonal():
    drawn = uniforms(7, 4000)
    assert 0 < drawn.min() < drawn.max() < 1
    assert_allclose(np.histogram(drawn, 10, (0, 1))[0], 400, atol=80)
    assert_allclose(rotation(3, 12) @ rotation(3, 12).T, np.eye(12), atol=1e-12)


def test_the_task_maximises_what_is_left_of_the_gap():
    task, problem = BBOBTask(8, 5, 3), BBOB(8, 5, 3)
    x = np.random.RandomState(0).uniform(-5, 5, (6, 5))
    assert np.array_equal(task.evaluate(x, np.zeros(0)).fitness, -problem.precision(x))
    score = task.score(VectorModel(problem.x_opt), "validation")
    assert score == {"fitness": 0.0, "gap": 0.0}
    assert task.solved(score)
    assert not task.solved({"fitness": -1.1e-8})
    assert BBOBTask(8, 5, 3, solved=None).solved(score) is None


def test_instances_are_those_of_the_seeds_unless_one_is_named():
    assert [BBOBTask(8, 5, 0).for_seed(seed).problem.instance for seed in (0, 14)] == [1, 15]
    assert BBOBTask(8, 5, 3).for_seed(7).problem.instance == 3
    task = BBOBTask(2, 4, 0, solved=1e-3, stop="budget").for_seed(2)
    assert (repr(task.problem), task.target, task.stop) == (repr(BBOB(2, 4, 3)), -1e-3, "budget")


def test_each_run_has_the_instance_of_its_seed_and_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    values = {"task.function": 8, "task.dimension": 3, "ga.population_size": 20}
    short, long = ({"evaluations": n} for n in (200, 600))
    go = lambda runs, budget: run("bbob", "ga", seeds=2, budget=budget, settings=values, jobs=1, runs=runs)
    go(tmp_path / "cut", short)
    cut, whole = go(tmp_path / "cut", long).runs, go(tmp_path / "whole", long).runs
    for one, other in zip(cut, whole):
        assert np.array_equal(one.rows["fitness_best"], other.rows["fitness_best"])
        assert one.result["validation"] == other.result["validation"]
    assert [one.task.problem.instance for one in cut] == [1, 2]
    assert cut[0].rows["fitness_best"][0] != cut[1].rows["fitness_best"][0]
