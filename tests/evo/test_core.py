import math
import time
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evo import GA, Evolve, FunctionTask
from evo.core import Algorithm, Budget, Champion, Cost, Evaluation, Learner, Method, Model, Phenotypes, Task
from evo.evolve import Evolved, as_method
from evo.testing import small_task
from evo.vectors.encoding import Parameters


def test_costs_add_up_and_none_stays_none():
    cost = Cost()
    cost.add(np.int64(3), np.int64(30), 60.0)
    cost.add(1, 2, 4)
    assert cost.state_dict() == {"evaluations": 4, "samples": 32, "compute": 64.0, "seconds": 0.0}
    assert [type(value) for value in cost.state_dict().values()] == [int, int, float, float]
    cost.add(1, 0, None)
    cost.add(1, 0, 5.0)
    assert cost.compute is None
    again = Cost()
    again.load_state_dict(cost.state_dict())
    assert asdict(again) == asdict(cost)


def test_the_clock_runs_inside_the_block_alone_and_through_an_exception():
    cost = Cost()

    @cost.timed()
    def work():
        time.sleep(0.02)
        raise KeyError

    with pytest.raises(KeyError):
        work()
    once = cost.seconds
    assert once >= 0.02
    time.sleep(0.02)
    assert cost.seconds == once


@given(
    st.dictionaries(st.sampled_from(["evaluations", "samples", "compute", "seconds", "steps"]), st.integers(0, 5)),
    st.integers(0, 5),
)
def test_a_budget_is_spent_when_the_first_limit_is_reached(limits, used):
    budget = Budget(**limits)
    assert budget.limits() == limits
    cost = Cost(evaluations=used, samples=used + 1, compute=used + 2.0, seconds=used / 2)
    spent = {"evaluations": used, "samples": used + 1, "compute": used + 2, "seconds": used / 2, "steps": used + 3}
    assert budget.spent(cost, used + 3) == any(spent[axis] >= limit for axis, limit in limits.items())


def test_a_compute_that_means_nothing_never_spends_a_budget():
    assert not Budget(compute=1.0).spent(Cost(compute=None), 0)


@pytest.mark.parametrize("wrap", [np.array, torch.tensor, list], ids=["array", "tensor", "list"])
def test_fitness_that_is_not_finite_ranks_last_and_is_counted(wrap):
    evaluation = Evaluation.of(wrap([1.0, math.nan, math.inf, -math.inf, -5.0]), 5)
    assert evaluation.fitness.tolist() == [1, -math.inf, -math.inf, -math.inf, -5]
    assert evaluation.nonfinite == 3
    assert evaluation.fitness.dtype == np.float64


def test_the_callers_array_is_left_as_it_was():
    fitness = np.array([math.nan, 1.0])
    Evaluation(fitness)
    assert math.isnan(fitness[0])


def test_fitness_of_another_shape_or_kind_is_named():
    for wrong in (np.zeros(4), np.zeros((3, 1)), 1.0, []):
        with pytest.raises(ValueError, match=r"fitness must have shape \(3,\), one number for each genome"):
            Evaluation.of(wrong, 3)
    for wrong in ("abc", ["a", "b", "c"], [[1], [1, 2], [3]], object()):
        with pytest.raises(TypeError, match=f"fitness must be 3 numbers, one a genome; got {type(wrong).__name__}"):
            Evaluation.of(wrong, 3)


@pytest.mark.parametrize("name", ["samples", "solved"])
def test_samples_and_solved_of_another_shape_are_named(name):
    with pytest.raises(ValueError, match=rf"{name} must have shape \(3,\).*got \(2,\)"):
        Evaluation.of(Evaluation(np.zeros(3), **{name: np.zeros(2)}), 3)
    assert Evaluation.of(Evaluation(np.zeros(3), **{name: np.ones(3)}), 3).nonfinite == 0


def test_the_first_champion_is_any_and_a_later_one_must_be_better():
    champion = Champion()
    offers = [
        (math.nan, False, True),  # the first, whatever it is
        (-math.inf, False, False),
        (-5.0, False, True),
        (math.nan, False, False),
        (math.inf, False, False),
        (-5.0, False, False),  # as good is not better: the earlier stays
        (-4.0, False, True),
        (-100.0, True, True),  # solved comes before fitness
        (1000.0, False, False),
        (1000.0, None, False),
        (-99.0, True, True),
        (math.nan, True, False),
    ]
    for step, (fitness, solved, expected) in enumerate(offers):
        assert champion.offer({"fitness": fitness, "step": step}, solved, step) is expected, step
    assert (champion.key, champion.score, champion.step) == ((True, -99.0), {"fitness": -99.0, "step": 10}, 10)


def test_a_champion_resumes():
    champion, again = Champion(), Champion()
    champion.offer({"fitness": -1.0}, True, 3)
    again.load_state_dict(champion.state_dict())
    assert again == champion
    assert not again.offer({"fitness": 5.0}, False, 4)


def test_a_champion_remembers_its_score_though_the_caller_changes_it():
    champion, score = Champion(), {"fitness": 1.0}
    champion.offer(score, None, 0)
    score["fitness"] = 7.0
    assert champion.score == {"fitness": 1.0}


def test_the_parts_are_what_the_protocols_say():
    task = small_task()
    networks = Parameters(task.network).express(np.zeros((2, 22), np.float32))
    algorithm = GA.for_task(task, seed=0)
    assert isinstance(task, Task)
    assert isinstance(FunctionTask(lambda x: x, 2), Task)
    assert isinstance(networks, Phenotypes)
    assert isinstance(networks.encoding.model(networks.vectors[0]), Model)
    assert isinstance(algorithm, Algorithm)
    assert isinstance(Evolve(task, algorithm), Learner)
    assert isinstance(Evolved(GA), Method)


def test_an_algorithm_is_wrapped_a_method_kept_and_anything_else_refused():
    wrapped = as_method(GA, "ga")
    assert isinstance(wrapped, Evolved)
    assert as_method(wrapped, "ga") is wrapped
    with pytest.raises(TypeError, match=r"mine is not a method: expected a class that inherits evo\.Algorithm .*; got object"):
        as_method(object(), "mine")
    duck = {name: staticmethod(print) for name in ("ask", "tell", "fits", "restore", "step", "settings")}
    with pytest.raises(TypeError, match=r"expected a class that inherits evo\.Algorithm .*; got Duck"):
        as_method(type("Duck", (), duck), "duck")
    with pytest.raises(TypeError, match="Half lacks champion, load_state_dict, state_dict, step, settings"):
        as_method(type("Half", (Learner,), {}), "half")


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.int32, torch.bool])
def test_a_fitness_is_of_any_numbers_of_torch(kind):
    fitness = torch.tensor([1.0, 0.0, 1.0]).to(kind)
    assert Evaluation(fitness).fitness.tolist() == [1.0, 0.0, 1.0]
    assert Evaluation(list(fitness)).fitness.dtype == np.float64
    assert Evaluation(fitness.double().requires_grad_()).fitness.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.longdouble, np.int8, np.uint64, bool, object])
def test_a_fitness_is_of_any_numbers_of_numpy(kind):
    assert Evaluation(np.array([1, 0, 1], kind)).fitness.tolist() == [1.0, 0.0, 1.0]


def test_an_evaluation_is_a_copy_that_nobody_can_change():
    fitness, samples = np.array([1.0, 2.0]), np.array([3, 4])
    evaluation = Evaluation(fitness, samples=samples)
    fitness[:], samples[:] = 9.0, 9
    assert (evaluation.fitness.tolist(), evaluation.samples.tolist()) == ([1.0, 2.0], [3, 4])
    for array in (evaluation.fitness, evaluation.samples):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    with pytest.raises(AttributeError):
        evaluation.fitness = fitness


def test_the_defaults_of_the_hooks_are_as_documented():
    class Plain(Model):
        parameters = 0

        def __call__(self, inputs):
            return torch.as_tensor(inputs) * 2

        def save(self):
            return {}, {}

    model = Plain()
    assert (model.nodes, model.hidden, model.connections, model.output_range, model.reset()) == (None,) * 5
    assert model.activate([1.0, 2.0]) == [2.0, 4.0]
    with pytest.raises(ValueError, match="is a torch module; got Plain"):
        model.to_module()
    with pytest.raises(NotImplementedError, match="a Plain has no picture"):
        model.figure()
    with pytest.raises(TypeError, match="abstract"):
        Task()
