"""Both steps of backstitch by a population, against the algebra of a quadratic and numpy."""

import numpy as np
import pytest

from evo import BackstitchES

CURVATURE = np.array([0.5, 2.0, 4.0])
quadratic = lambda x: -0.5 * (np.asarray(x, float) ** 2 * CURVATURE).sum(1)


def directions(es):
    """The N directions of the population last asked for, (N, D)."""
    return (np.asarray(es.ask(), float)[: es.size // 2] - es.mean) / es.options.noise_std


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_two_generations_multiply_the_error_by_the_papers_factors(alpha):
    """On a quadratic pairs give its gradient exactly, along their directions: g = -M H theta, where M is the mean of e e'."""
    es = BackstitchES(3, seed=4, population_size=6, learning_rate=2.0, alpha=alpha, noise_std=0.1, initial_scale=2.0)
    for _ in range(3):
        start, noise = es.mean.copy(), directions(es)
        fitness = quadratic(es.ask())
        es.tell(fitness)
        assert np.allclose(es.judged, start)
        assert np.allclose(directions(es), noise, atol=1e-5)
        es.tell(quadratic(es.ask()))
        z = 2 * 0.1 / fitness.std() * (noise.T @ noise / 3) @ np.diag(CURVATURE)
        expected = (np.eye(3) - (1 + alpha) * z) @ (np.eye(3) + alpha * z) @ start
        assert np.allclose(es.mean, expected, rtol=1e-4, atol=1e-5)
        assert np.array_equal(es.judged, es.mean)
        assert not np.allclose(directions(es), noise, atol=1e-2)


def test_without_a_step_away_every_generation_ascends():
    es = BackstitchES(3, seed=4, population_size=6, learning_rate=2.0, alpha=0.0, noise_std=0.1, initial_scale=2.0)
    for _ in range(3):
        start, noise = es.mean.copy(), directions(es)
        fitness = quadratic(es.ask())
        es.tell(fitness)
        z = 2 * 0.1 / fitness.std() * (noise.T @ noise / 3) @ np.diag(CURVATURE)
        assert np.allclose(es.mean, (np.eye(3) - z) @ start, rtol=1e-4, atol=1e-5)
        assert np.array_equal(es.judged, es.mean)
        assert not np.allclose(directions(es), noise, atol=1e-2)


def test_a_direction_without_a_fitness_does_not_count():
    es = BackstitchES(3, seed=4, population_size=6, alpha=0.0, learning_rate=2.0)
    start, noise = es.mean.copy(), directions(es)
    fitness = quadratic(es.ask())
    fitness[4] = np.nan
    es.tell(fitness)
    pairs = (fitness[:3] - fitness[3:])[[0, 2]]
    expected = 2 * pairs @ noise[[0, 2]] / (6 * np.nanstd(fitness))
    assert np.allclose(es.mean - start, expected, rtol=1e-3)


def test_the_rate_does_not_depend_on_the_units_of_fitness():
    first, other = (BackstitchES(3, seed=4, population_size=6) for _ in range(2))
    for _ in range(4):
        first.tell(quadratic(first.ask()))
        other.tell(1000 * quadratic(other.ask()) + 5)
    assert np.allclose(first.mean, other.mean, rtol=1e-5)


def test_a_search_resumed_between_its_two_steps_goes_on_to_the_same_bytes():
    es = BackstitchES(3, seed=4, population_size=6)
    for _ in range(3):
        es.tell(quadratic(es.ask()))
    resumed = BackstitchES(3, seed=4, population_size=6)
    resumed.load_state_dict(es.state_dict())
    assert np.array_equal(resumed.judged, es.judged)
    for one in (es, resumed):
        one.tell(quadratic(one.ask()))
    assert resumed.mean.tobytes() == es.mean.tobytes()
