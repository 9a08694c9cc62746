"""Fronts and crowding beside DEAP's; NSGA-II on ZDT1, ZDT3 (Zitzler, Deb, Thiele 2000) and DTLZ2 (Deb et al. 2002): hypervolume
beside that of the true front."""

import numpy as np
import pytest
from deap import base
from deap.tools import emo
from hypothesis import given
from hypothesis import strategies as st

from evo import NSGA2, FunctionTask, Real, Space
from evo.search.fronts import standing, survivors


class Individual:
    """The first objective is maximised, the others are minimised."""

    def __init__(self, place, values):
        kind = type("Objectives", (base.Fitness,), {"weights": (1.0, *[-1.0] * (len(values) - 1))})
        self.place, self.fitness = place, kind(tuple(values))


NUMBERS = st.integers(0, 4).map(float) | st.floats(-10, 10)  # often alike
POINTS = st.integers(2, 4).flatmap(lambda count: st.lists(st.tuples(*[NUMBERS] * count), min_size=1, max_size=30))


@given(POINTS)
def test_fronts_and_crowding_are_deaps(points):
    rank, crowding = standing(*np.array(points).T)
    fronts = emo.sortLogNondominated([Individual(*each) for each in enumerate(points)], len(points))
    for number, front in enumerate(fronts):
        emo.assignCrowdingDist(front)
        for each in front:
            assert (rank[each.place], crowding[each.place]) == (number, each.fitness.crowding_dist)


@given(POINTS, st.integers(1, 30))
def test_survivors_are_deaps_in_its_order(points, size):
    first = sorted((points.index(each) for each in {*points}), key=lambda place: (-points[place][0], place))
    theirs = emo.selNSGA2([Individual(place, points[place]) for place in first], size, nd="log")
    ours = survivors(*np.array(points).T, size=size)
    assert ours.tolist() == ([each.place for each in theirs] if len(first) > size else first)


def unit(dimensions):
    return Space(**{f"x{k}": Real(0, 1) for k in range(dimensions)})


def zdt(front):
    """Minus two objectives (P, 2) of ZDT: `front` gives the second by the first, where g is 1."""

    def objectives(v):
        x = np.stack(list(v.values()), axis=1)
        g = 1 + 9 * x[:, 1:].mean(axis=1)
        return -np.stack([x[:, 0], g * front(x[:, 0], g)], axis=1)

    return objectives


zdt1 = zdt(lambda f, g: 1 - np.sqrt(f / g))
zdt3 = zdt(lambda f, g: 1 - np.sqrt(f / g) - f / g * np.sin(10 * np.pi * f))


def dtlz2(v):
    x = np.stack(list(v.values()), axis=1)
    size = 1 + ((x[:, 2:] - 0.5) ** 2).sum(axis=1)
    a, b = np.pi / 2 * x[:, 0], np.pi / 2 * x[:, 1]
    return -np.stack([size * np.cos(a) * np.cos(b), size * np.cos(a) * np.sin(b), size * np.sin(a)], axis=1)


def volume(costs, reference):
    """What points (n, M) dominate up to `reference`: slices of the last cost, in each the volume of the others."""
    costs = costs[(costs < reference).all(axis=1)]
    costs = costs[np.argsort(costs[:, -1], kind="stable")]
    if costs.shape[1] == 1:
        return reference[0] - costs[0, 0] if len(costs) else 0.0
    thick = np.diff(costs[:, -1], append=reference[-1])
    return sum(each * volume(costs[: k + 1, :-1], reference[:-1]) for k, each in enumerate(thick) if each > 0)


# What is reached of the volume that the true front dominates: of ZDT1 and ZDT3 by 20,000 points of it; of DTLZ2 in closed form.
F = np.linspace(0, 1, 20_001)
CASES = {
    "zdt1": (zdt1, 30, 250, (1.1, 1.1), 1.1**2 - 1 / 3, 0.02),
    "zdt3": (zdt3, 30, 250, (1.1, 1.1), None, 0.02),
    "dtlz2": (dtlz2, 12, 80, (1.1, 1.1, 1.1), 1.1**3 - np.pi / 6, 0.11),
}


def exact(function, reference):
    """By the staircase of the least second objective up to each first."""
    second = np.minimum.accumulate(1 - np.sqrt(F) - F * np.sin(10 * np.pi * F))
    steps = np.diff(F, append=reference[0])
    return (np.maximum(reference[1] - second, 0) * steps).sum()


@pytest.mark.parametrize("name", CASES)
def test_the_hypervolume_is_nearly_that_of_the_true_front(name):
    function, dimensions, generations, reference, true, short = CASES[name]
    true = exact(function, reference) if true is None else true
    task = FunctionTask(function, space=unit(dimensions))
    values = dict(crossover="sbx", sbx_eta=15.0, mutation="polynomial", mutation_rate=1 / dimensions, crossover_rate=0.9)
    nsga2 = NSGA2.for_task(task, seed=1, population_size=100, **values)
    for _ in range(generations):
        nsga2.tell(task.evaluate(nsga2.ask(), np.zeros(0)))
    _, objectives = nsga2.pareto()
    assert true - short < volume(-objectives, reference) < true
