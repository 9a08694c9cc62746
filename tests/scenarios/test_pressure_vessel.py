"""The pressure vessel: the design that is known to be the cheapest, and what its constraints are worth."""

import numpy as np
import pytest

from evo import DE, Evolve
from evo.constraints import HANDLINGS
from evo.testing import check_task
from scenarios.pressure_vessel import INCH, OPTIMUM, PressureVesselSettings, cost, space, strength, task, volume

KNOWN = {"shell": np.array([13]), "head": np.array([7]), "radius": np.array([42.0984456]), "length": np.array([176.6365958])}


def test_the_known_optimum_costs_what_is_published_and_lies_on_two_constraints():
    assert -cost(KNOWN)[0] == pytest.approx(OPTIMUM, abs=1e-4)
    thick, domed = strength(KNOWN)[0]
    assert thick == pytest.approx(0, abs=1e-8)
    assert domed < 0
    assert volume(KNOWN)[0] == pytest.approx(0, abs=1e-8)
    lighter = KNOWN | {"shell": np.array([12])}
    assert cost(lighter) > cost(KNOWN)
    assert strength(lighter)[0, 0] == pytest.approx(INCH)


@pytest.mark.parametrize("constraint", HANDLINGS)
def test_it_is_a_task_whatever_becomes_of_its_constraints(constraint):
    assert check_task(task(PressureVesselSettings(constraint=constraint), None)) == []


@pytest.mark.parametrize("constraint", ["feasibility", "penalty"])
def test_differential_evolution_solves_it(constraint):
    made = task(PressureVesselSettings(constraint=constraint), None)
    learner = Evolve(made, DE.for_task(made, seed=1, population_size=60), 1)
    for _ in range(250):
        learner.step()
    score = made.score(learner.champion(), "validation")
    assert made.solved(score)
    assert score["violation"] == 0
    assert 0 <= score["gap"] < 6.1
    found = space().decode(learner.champion()([]))
    assert (found["shell"], found["head"]) == (13, 7)
