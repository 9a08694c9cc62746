import math

import numpy as np
import pytest
import torch
from numba import config
from random_graphs import NEAT_ACTIVATIONS, NEAT_AGGREGATIONS, OWN_NAME

from evo import activations
from evo.activations import ACTIVATIONS, AGGREGATION_CODES, AGGREGATIONS, CODES, EMPTY, NODE_ACTIVATIONS

EVERY = 20 if config.DISABLE_JIT else 1  # point: plain Python takes a hundred times as long
GRID = np.concatenate(
    [np.linspace(-30, 30, 4001)[::EVERY], np.linspace(-1, 1, 2001)[::EVERY], [0.0, -0.0, 1e-300, 1e-9, -1e-9, 400.0, -400.0]]
)


def activated(name, z):
    return np.array([activations.activate(CODES[name], float(value)) for value in z])


def aggregated(name, values, weights=None):
    values = np.asarray(values, float).reshape(-1, 1)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    sources = np.arange(len(values), dtype=np.int32)
    return activations.aggregate(AGGREGATION_CODES[name], values, 0, sources, weights, 0, len(values))


def test_codes_are_the_constants_of_the_kernels():
    for table in (CODES, AGGREGATION_CODES):
        assert {name: getattr(activations, name.upper()) for name in table} == table
    assert set(ACTIVATIONS) <= set(NODE_ACTIVATIONS)


@pytest.mark.parametrize("name", NODE_ACTIVATIONS)
def test_a_kernel_activation_is_its_torch_function(name):
    expected = NODE_ACTIVATIONS[name](torch.from_numpy(GRID)).numpy()
    assert (np.abs(activated(name, GRID) - expected) <= 2e-10 * np.maximum(1, np.abs(expected))).all()


@pytest.mark.parametrize("name", OWN_NAME)
def test_an_activation_of_neat_python_is_neat_pythons(name):
    expected = np.array([NEAT_ACTIVATIONS.get(name)(value) for value in GRID.tolist()])
    assert (np.abs(activated(OWN_NAME[name], GRID) - expected) <= 1e-14 * np.maximum(1, np.abs(expected))).all()


def test_a_gaussian_of_neat_python_does_not_vanish():
    assert activated("neat_gauss", [50.0])[0] == pytest.approx(NEAT_ACTIVATIONS.get("gauss")(50.0), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("steep_sigmoid", lambda z: 1 / (1 + math.exp(-4.9 * z))),
        ("gaussian", lambda z: math.exp(-((2.5 * z) ** 2))),
        ("bipolar_gaussian", lambda z: 2 * math.exp(-((2.5 * z) ** 2)) - 1),
        ("bipolar_sigmoid", lambda z: 2 / (1 + math.exp(-4.9 * z)) - 1),
    ],
)
def test_an_activation_of_the_papers_is_its_formula(name, formula):
    z = GRID[:-2]
    np.testing.assert_allclose(activated(name, z), [formula(value) for value in z.tolist()], rtol=0, atol=1e-15)


def test_exponentials_are_exact_to_the_last_places():
    z = np.linspace(-60, 60, 20001)[::EVERY]
    np.testing.assert_allclose(activated("exp", z), np.exp(z), rtol=1e-15)
    np.testing.assert_allclose(activated("sigmoid", z), 1 / (1 + np.exp(-z)), rtol=1e-15)
    np.testing.assert_allclose(activated("tanh", z), np.tanh(z), rtol=1e-15)
    tiny = np.logspace(-300, -1, 500)
    np.testing.assert_allclose(activated("tanh", tiny), np.tanh(tiny), rtol=1e-15)


@pytest.mark.parametrize("name", NODE_ACTIVATIONS)
def test_rows_are_activated_to_the_same_bits_as_single_numbers(name):
    for z in (GRID, GRID[:5], np.array([np.nan, np.inf, -np.inf, 1e307])):
        rows = z.copy()
        with np.errstate(all="ignore"):  # kernels that run as plain Python warn
            activations.activate_rows(CODES[name], 0.5, 2.0, rows)
            np.testing.assert_array_equal(rows, activated(name, 0.5 + 2.0 * z))


@pytest.mark.parametrize("name", NODE_ACTIVATIONS)
def test_a_nan_stays_a_nan_and_nothing_raises(name):
    assert np.isnan(activated(name, [np.nan])).all()
    assert torch.isnan(NODE_ACTIVATIONS[name](torch.tensor(torch.nan)))
    activated(name, [np.inf, -np.inf, 1e308, -1e308])


@pytest.mark.parametrize("name", NODE_ACTIVATIONS)
def test_every_activation_has_a_finite_gradient(name):
    z = torch.tensor([-500.0, -1.5, -0.3, 0.0, 0.3, 1.5, 500.0], dtype=torch.float64, requires_grad=True)
    NODE_ACTIVATIONS[name](z).sum().backward()
    assert z.grad.isfinite().all()


def test_an_unknown_code_gives_nan():
    assert math.isnan(activations.activate(len(CODES), 0.5))


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_an_aggregation_is_neat_pythons_and_its_torch_function(name):
    random = np.random.default_rng(0)
    for count in [*range(1, 8), 30] * 20:
        values, weights = random.normal(size=(2, count)).round(1)  # so that some are equal
        terms = (values * weights).tolist()
        ours = aggregated(name, values, weights)
        assert ours == pytest.approx(NEAT_AGGREGATIONS.get(name)(terms), rel=1e-14, abs=1e-14)
        assert ours == pytest.approx(float(AGGREGATIONS[name](torch.tensor(terms, dtype=torch.float64))), rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_the_aggregate_of_nothing_is_neat_pythons(name):
    assert aggregated(name, []) == NEAT_AGGREGATIONS.get(name)([]) == EMPTY.get(name, 0.0)


@pytest.mark.parametrize("name", AGGREGATIONS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_nan_among_the_values_is_the_aggregate(name, place):
    values = [3.0, -1.0, 2.0]
    values[place] = np.nan
    assert math.isnan(aggregated(name, values))
    assert AGGREGATIONS[name](torch.tensor(values)).isnan()
