import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evo import rng, threads
from evo.search import gaussian

ONES, ZEROS = np.ones(1), np.zeros


def standard(size, genes, *, generation=0, seed=0, **more):
    return gaussian.drawn(size, ZEROS(genes), ONES, generation=generation, seed=seed, **more)


@pytest.mark.parametrize("genes", [1, 5, 256, 257, 600, 1500])
def test_a_number_is_that_of_box_and_muller_of_the_words_of_its_place(genes):
    z = standard(2, genes, generation=3, seed=7)
    block = gaussian.BLOCK
    for g in {0, genes // 2, genes - 1}:
        plane, place = divmod(g % (4 * block), block)
        words = rng.philox(g // (4 * block) * block + place, 1, 3, rng.NOISE, 7)
        radius = np.sqrt(-2 * np.log(((words[plane // 2 * 2] >> 1) + 0.5) / 2**31))
        angle = 2 * np.pi * (words[plane // 2 * 2 + 1] / 2**32 - 0.5)
        assert z[1, g] == pytest.approx(radius * (np.cos(angle), np.sin(angle))[plane % 2], abs=3e-5 if radius < 0.1 else 2e-6)


def test_numbers_are_normal_and_those_of_different_places_independent():
    z = standard(400, 2000, seed=3)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z[:, :256].ravel(), z[:, 256:512].ravel())[0, 1]) < 5 / np.sqrt(400 * 256)
    assert abs(np.corrcoef(z[0], z[1])[0, 1]) < 5 / np.sqrt(2000)
    assert abs(stats.kurtosis(z.ravel())) < 0.03
    assert np.abs(z).max() > 4.5


@given(st.integers(1, 9), st.integers(1, 1100), st.integers(0, 2**64 - 1))
@settings(max_examples=20)
def test_a_population_is_the_beginning_of_a_larger_one_on_any_threads(size, genes, seed):
    with threads.limited(1):
        alone = standard(size, genes, seed=seed)
    with threads.limited(2):
        assert np.array_equal(standard(size + 3, genes, seed=seed)[:size], alone)


def test_extreme_words_give_finite_numbers():
    words = np.array([0, 2**32 - 1, 2**31, 2**31 - 1, 2**30, 3 * 2**30, 2**29, 7 * 2**29], np.int64)
    radius, angle = (pair.ravel() for pair in np.meshgrid(words, words))
    one, other = np.zeros(gaussian.BLOCK, np.float32), np.zeros(gaussian.BLOCK, np.float32)
    gaussian._normals(len(radius), (radius >> 1).astype(np.int32), (angle - 2**31).astype(np.int32), one, other)
    expected = np.sqrt(-2 * np.log(((radius >> 1) + 0.5) / 2**31)), 2 * np.pi * (angle / 2**32 - 0.5)
    assert np.allclose(one[:64], expected[0] * np.cos(expected[1]), atol=3e-4)
    assert np.allclose(other[:64], expected[0] * np.sin(expected[1]), atol=3e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_second_half_lies_opposite_the_first(dtype):
    mean, std = np.linspace(-3, 3, 300), np.linspace(0.01, 1, 300)
    population = gaussian.drawn(6, mean, std, generation=1, seed=2, mirrored=True, dtype=dtype)
    z = standard(3, 300, generation=1, seed=2)
    assert population.dtype == dtype
    assert np.allclose(population[:3], mean + std * z, atol=1e-6)
    assert np.allclose(population[3:], mean - std * z, atol=1e-6)


@pytest.mark.parametrize("moments", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_are_those_of_the_weighted_noise(moments, dtype):
    mean, std = np.linspace(-3, 3, 2100), np.linspace(0, 1, 2100)  # a std of 0 sums to 0
    population = gaussian.drawn(9, mean, std, generation=1, seed=2, dtype=dtype)
    weights = np.linspace(-1, 2, 9) * (np.arange(9) != 4)
    z = standard(9, 2100, generation=1, seed=2).astype(float) * (std > 0)
    expected = [weights @ z, weights @ (z**2 - 1)][:moments]
    found = gaussian.weighted(population, mean, std, weights, moments)
    where = std > 0.1  # the rounding of x to float32 is divided by the std
    assert np.allclose(found[:, where], np.array(expected)[:, where], atol=1e-4)
    assert (found[0, 0], found.shape) == (0.0, (moments, 2100))
    with threads.limited(1):
        assert np.array_equal(gaussian.weighted(population, mean, std, weights, moments), found)
