"""What a run's end measures beyond its scores."""

from evo import GA, Evolve
from evo.testing import small_task
from scenarios.lab.execution import finalize


def ended():
    task = small_task()
    learner = Evolve(task, GA.for_task(task, seed=0, population_size=10))
    learner.step()
    said = []
    return finalize.measured(task, learner, learner.champion(), "test", said.append), said


def test_an_ensemble_that_would_take_long_after_the_budget_is_not_scored(monkeypatch):
    found, said = ended()
    assert 0 <= found["ensemble"]["accuracy"] <= 1
    assert not said
    products = 10 * 22 * 20  # networks of 2-4-2 with biases, examples of the test split
    monkeypatch.setattr(finalize, "PRODUCTS", products)
    assert ended()[0]["ensemble"] is not None
    monkeypatch.setattr(finalize, "PRODUCTS", products - 1)
    found, said = ended()
    assert found["ensemble"] is None
    assert said == ["ensemble skipped: 4.4e+03 products of weights and 20 examples are more than 4.4e+03"]
