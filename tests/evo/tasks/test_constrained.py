"""Functions of a Space, with constraints and several objectives: what each handling tells, and what methods find."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.random_search import RandomSearch
from evo import GA, NSGA2, Choice, DeepGA, Evaluation, Evolve, FunctionTask, Integer, Log, Real, Space
from evo.constraints import HANDLINGS, INFEASIBLE, AugmentedLagrangian, feasible, penalised, violation
from evo.testing import check_algorithm, check_learner, check_task

MIXED = Space(rate=Log(1e-4, 1), layers=Integer(1, 5), kind=Choice("relu", "tanh"), bias=Real(-2, 2))
VECTORS = [GA, DeepGA, NSGA2, RandomSearch]
on_vectors = pytest.mark.parametrize("algorithm", VECTORS, ids=lambda each: each.__name__)


def mixed(values):
    """0 at rate .01, 3 layers, tanh, bias 1; below elsewhere."""
    away = np.log10(values["rate"] / 0.01) ** 2 + (values["layers"] - 3) ** 2 + (values["bias"] - 1) ** 2
    return -away - (values["kind"] == "relu")


def disc(values):
    """Where x + y >= 1 is allowed, its optimum is -4.5, at x = y = .5."""
    return -((values["x"] + 1) ** 2) - (values["y"] + 1) ** 2


def beyond(values):
    return 1 - values["x"] - values["y"]


def constrained(constraint, **options):
    space = Space(x=Real(-2, 2), y=Real(-2, 2), constraints=[beyond])
    return FunctionTask(disc, space=space, constraint=constraint, **options)


@on_vectors
def test_every_method_stays_in_the_box_from_first_to_last(algorithm):
    wide = {"mutation_std": 2.0} if algorithm is not RandomSearch else {}
    one = algorithm(space=MIXED, seed=3, population_size=40, **wide)
    for _ in range(6):
        population = one.ask()
        assert population.shape[1] == 4
        assert population.dtype == np.float64
        assert (population >= 0).all()
        assert (population < 1).all()
        one.tell(mixed(MIXED.decode(population)))
    assert MIXED.decode(one.best)["layers"] in range(1, 6)


@on_vectors
def test_the_first_population_is_uniform_in_the_box(algorithm):
    first = algorithm(space=MIXED, seed=1, population_size=4000).ask()
    counts = np.stack([np.histogram(column, 10, (0, 1))[0] for column in first.T])
    assert abs(counts - 400).max() < 100


@pytest.mark.parametrize("beside", [-1e9, -3.7, -1.0, -0.25, 0.0, 0.5, 1.0, 1.3, 2.0, 2.5, 1e9])
def test_what_lies_outside_is_reflected_at_the_bounds(beside):
    class Beside(GA):
        def screen(self, offspring):
            return np.full_like(offspring, beside)

    found = Beside(space=MIXED, population_size=4).ask()[0, 0]
    inside = abs(beside) % 2
    assert found == pytest.approx(min(2 - inside if inside > 1 else inside, 1), abs=1e-15)
    assert 0 <= found < 1


def test_one_says_what_is_searched_in_one_of_three_ways():
    assert GA(dimensions=3, seed=1).ask().tobytes() == GA(3, seed=1).ask().tobytes()
    assert GA(MIXED, seed=1).ask().tobytes() == GA(space=MIXED, seed=1).ask().tobytes()
    for wrong in (lambda: GA(), lambda: GA(3, space=MIXED), lambda: GA(dimensions=3, space=MIXED)):
        with pytest.raises(TypeError, match=r"expected one of dimensions=20, space=Space\(...\), or an encoding"):
            wrong()
    with pytest.raises(TypeError, match="expected a number of dimensions, a Space, or Parameters; got '3'"):
        GA("3")


@on_vectors
def test_methods_keep_the_contract_on_a_space(algorithm):
    assert check_algorithm(algorithm, FunctionTask(mixed, space=MIXED)) == []


@pytest.mark.parametrize("constraint", HANDLINGS)
def test_a_constrained_task_keeps_the_contract(constraint):
    assert check_task(constrained(constraint)) == []
    assert check_learner(GA, constrained(constraint)) == []


G = st.lists(st.tuples(st.floats(-10, 10), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=12)


@given(G)
def test_the_feasibility_rule_ranks_feasible_first_by_fitness_then_by_violation(points):
    fitness, g = np.array(points)[:, 0], np.array(points)[:, 1:]
    told, total = feasible(fitness, g), violation(g)
    for i in range(len(points)):
        for j in range(len(points)):
            if total[i] == 0 and (total[j] > 0 or fitness[i] > fitness[j]):
                assert told[i] > told[j]
            if 0 < total[i] < total[j]:
                assert told[i] >= told[j]
    assert np.array_equal(told[total == 0], fitness[total == 0])
    assert np.allclose(penalised(fitness, g, 3.0), fitness - 3 * total)


def test_a_lagrangian_is_the_papers_and_its_multiplier_that_of_the_optimum():
    made = AugmentedLagrangian(dimensions=2, constraints=1)
    made.multipliers[:], made.weights[:] = 3.0, 2.0
    g = np.array([[-5.0], [-1.5], [0.0], [2.0]])
    assert made.fitness(np.zeros(4), g).tolist() == [2.25, 2.25, 0.0, -10.0]
    task = constrained("augmented-lagrangian")
    learner = Evolve(task, GA.for_task(task, seed=1, population_size=60, mutation="self-adaptive", elites=1), 1)
    for _ in range(150):
        learner.step()
    assert learner._lagrangian.multipliers == pytest.approx([3.0], rel=0.2)  # d -4.5 / d bound


@pytest.mark.parametrize("constraint", HANDLINGS)
def test_each_handling_finds_the_constrained_optimum(constraint):
    task = constrained(constraint)
    learner = Evolve(task, GA.for_task(task, seed=2, population_size=60), 2)
    for _ in range(60):
        learner.step()
    score = task.score(learner.champion(), "validation")
    assert score["violation"] == 0
    assert -4.6 < score["fitness"] <= -4.5


def test_an_infeasible_point_scores_below_every_feasible_one_and_says_by_how_much():
    task = constrained("penalty", penalty=2.0)
    points = np.array([[0.5, 0.5], [0.75, 0.5], [0.9, 0.9]])
    told = task.evaluate(points, np.zeros(0)).fitness
    assert told == pytest.approx([-2 - 2, -5, -2 * 2.6**2])
    model = GA.for_task(task, seed=0).model(points[0])
    assert task.score(model, "validation") == {"fitness": 2 * INFEASIBLE, "violation": 1.0}
    with pytest.raises(ValueError, match=r"constraint: expected feasibility, .*did you mean 'penalty'"):
        constrained("penatly")
    with pytest.raises(TypeError, match="expected one of dimensions=20 and space="):
        FunctionTask(disc)


def test_a_resumed_lagrangian_goes_on_to_the_same_bytes():
    make = lambda: Evolve(task, GA.for_task(task, seed=5, population_size=20), 5)
    task = constrained("augmented-lagrangian")
    whole, first, second = make(), make(), make()
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        second.step()
    assert second.state_dict()["lagrangian"] == whole.state_dict()["lagrangian"]
    assert second.algorithm.ask().tobytes() == whole.algorithm.ask().tobytes()


def test_several_objectives_are_nsga2s_and_their_sum_is_the_fitness_of_others():
    space = Space(x=Real(-1, 3))
    task = FunctionTask(lambda v: np.stack([-(v["x"] ** 2), -((v["x"] - 2) ** 2)], axis=1), space=space)
    evaluation = task.evaluate(np.array([[0.25], [0.5]]), np.zeros(0))
    assert evaluation.fitness.tolist() == [-4.0, -2.0]
    nsga2 = NSGA2.for_task(task, seed=1, population_size=40)
    with pytest.raises(RuntimeError, match="pareto"):
        nsga2.pareto()
    for _ in range(30):
        nsga2.tell(task.evaluate(nsga2.ask(), np.zeros(0)))
    points, objectives = nsga2.pareto()
    x = space.decode(points)["x"]
    assert len(points) > 35
    assert (x.min(), x.max()) == pytest.approx((0, 2), abs=0.05)
    assert np.diff(np.sort(x)).max() < 0.15
    assert objectives == pytest.approx(np.stack([-(x**2), -((x - 2) ** 2)], axis=1))
    assert nsga2.front() is None
    assert nsga2.row() == {"front": len(points)}


def test_constrained_objectives_are_dominated_as_deb_says():
    space = Space(x=Real(0, 2), constraints=[lambda v: 0.5 - v["x"]])
    task = FunctionTask(lambda v: np.stack([-(v["x"] ** 2), -((v["x"] - 2) ** 2)], axis=1), space=space)
    nsga2 = NSGA2.for_task(task, seed=1, population_size=30)
    for _ in range(20):
        nsga2.tell(task.evaluate(nsga2.ask(), np.zeros(0)))
    x = space.decode(nsga2.pareto()[0])["x"]
    assert 0.5 <= x.min() < 0.6
    assert Evaluation(np.zeros(2)).lagrangian is None
