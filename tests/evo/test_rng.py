import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evo import rng

WORDS = st.integers(0, 2**32 - 1)

# Salmon et al. 2011: multipliers and key increments, by word size.
CONSTANTS = {
    32: ((0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)),
    64: ((0xD2E7470EE14C6C93, 0xCA5A826395121157), (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)),
}


def philox4(counter, key, bits):
    """Philox4x`bits`-10 as the paper writes it, in Python's unbounded integers."""
    mask = (1 << bits) - 1
    multipliers, increments = CONSTANTS[bits]
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = multipliers[0] * c[0], multipliers[1] * c[2]
        c = [(second >> bits) ^ c[1] ^ k[0], second & mask, (first >> bits) ^ c[3] ^ k[1], first & mask]
        k = [(key + step) & mask for key, step in zip(k, increments)]
    return tuple(c)


@pytest.mark.parametrize("seed", [0, 1, 2**80 + 12345])
def test_the_plain_python_philox_is_numpys_at_64_bits(seed):
    theirs = np.random.Philox(counter=seed, key=seed**2 % 2**128)
    counter, key = (seed + 1) % 2**256, seed**2 % 2**128  # numpy counts up before it draws
    split = lambda value, parts: [(value >> (64 * k)) & (2**64 - 1) for k in range(parts)]
    assert philox4(split(counter, 4), split(key, 2), 64) == tuple(int(word) for word in theirs.random_raw(4))


# The published vectors of Random123 (kat_vectors, philox4x32 10): counter, key, output.
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_words_are_the_published_vectors(counter, key, expected):
    low, high = (int(word, 16) for word in key.split())
    drawn = rng.philox(*(int(word, 16) for word in counter.split()), rng.signed(low | high << 32))
    assert [f"{int(word):08x}" for word in drawn] == expected.split()


@given(st.tuples(WORDS, WORDS, WORDS, WORDS), st.integers(0, 2**64 - 1))
def test_words_equal_the_plain_python_philox(counter, seed):
    ours = rng.philox(*counter, rng.signed(seed))
    assert tuple(int(word) for word in ours) == philox4(counter, (seed & rng.MASK, seed >> 32), 32)


@given(st.tuples(WORDS, WORDS, WORDS, WORDS), st.integers(-(2**63), 2**63 - 1))
def test_compiled_and_python_functions_agree(counter, seed):
    compiled, python = rng.philox(*counter, seed), rng.philox.py_func(*counter, seed)
    assert tuple(map(int, compiled)) == tuple(map(int, python))
    assert rng.uniform(counter[0]) == rng.uniform.py_func(counter[0])
    np.testing.assert_allclose(rng.normals(*counter[:2]), rng.normals.py_func(*counter[:2]), rtol=1e-12, atol=1e-12)


@given(st.integers(-(2**70), 2**70))
def test_a_seed_is_taken_modulo_2_to_the_64(seed):
    assert -(2**63) <= rng.signed(seed) < 2**63
    assert (rng.signed(seed) - seed) % 2**64 == 0
    assert np.array_equal(rng.words(seed, 0, 0, 0, 3), rng.words(seed + 2**64, 0, 0, 0, 3))


def test_no_two_counters_share_words():
    runs = itertools.product((0, 1, -1, 2**32), (0, 1, 2), (0, 1, 2, 50), range(12))
    blocks = [tuple(block) for run in runs for block in rng.words(*run, 16).reshape(-1, 4)]
    assert len(set(blocks)) == len(blocks) == 4 * 3 * 4 * 12 * 4


def test_streams_have_different_numbers():
    names = [name for name in vars(rng) if name.isupper() and name != "MASK"]
    assert len(names) >= 12
    assert len({getattr(rng, name) for name in names}) == len(names)


def test_more_words_begin_with_the_fewer():
    many = rng.words(3, 1, 4, rng.NOISE, 23)
    for count in range(23):
        assert np.array_equal(rng.words(3, 1, 4, rng.NOISE, count), many[:count])


@pytest.mark.parametrize("seed", range(3))
def test_uniforms_are_uniform(seed):
    drawn = rng.uniforms(seed, 2, 3, rng.NOISE, 20_000)
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def test_every_bit_of_a_word_is_a_fair_coin():
    drawn = rng.words(5, 0, 0, rng.NOISE, 20_000)
    ones = (drawn[:, None] >> np.arange(32) & 1).sum(0)
    assert np.abs(ones - 10_000).max() < 4.5 * math.sqrt(20_000) / 2
    assert drawn.min() >= 0
    assert drawn.max() < 2**32


@pytest.mark.parametrize("seed", range(3))
def test_normals_are_standard_normal_and_independent(seed):
    draws = rng.words(seed, 0, 0, rng.NOISE, 20_000)
    pairs = np.array([rng.normals(a, b) for a, b in draws.reshape(-1, 2)])
    for values in (pairs.ravel(), pairs[:, 0], pairs[:, 1]):
        assert stats.kstest(values, "norm").pvalue > 1e-3
    assert abs(pairs.mean()) < 4 / math.sqrt(pairs.size)
    assert abs(pairs.std() - 1) < 0.02
    assert abs(stats.kurtosis(pairs.ravel())) < 0.2
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.04


def test_the_outermost_words_give_finite_numbers_inside_the_interval():
    assert 0 < rng.uniform(0) < rng.uniform(2**32 - 1) < 1
    for first, second in itertools.product((0, 2**32 - 1), repeat=2):
        assert np.isfinite(rng.normals(first, second)).all()


@given(st.integers(0, 2**63), st.integers(0, 200))
def test_a_permutation_is_one(seed, count):
    order = rng.permutation(seed, 0, 0, rng.DATA_ORDER, count)
    assert np.array_equal(np.sort(order), np.arange(count))


def test_every_order_of_a_permutation_is_as_likely():
    orders = [tuple(rng.permutation(seed, 1, 2, rng.DATA_ORDER, 4)) for seed in range(2400)]
    counts = [orders.count(order) for order in itertools.permutations(range(4))]
    assert stats.chisquare(counts).pvalue > 1e-3


def test_torch_draws_are_a_function_of_the_counter_inside_the_block():
    def drawn(*counter):
        with rng.torch_seed(*counter):
            return torch.rand(4).tolist()

    assert drawn(0, 0, 0, rng.NETWORK) == drawn(0, 0, 0, rng.NETWORK)
    others = [(0, 0, 0, rng.NETWORK), (1, 0, 0, rng.NETWORK), (0, 1, 0, rng.NETWORK), (0, 0, 1, rng.NETWORK), (0, 0, 0, 7)]
    assert len({tuple(drawn(*counter)) for counter in others}) == len(others)


def test_torch_state_is_restored_even_after_an_exception():
    @rng.torch_seed(0, 0, 0, rng.NETWORK)
    def fails():
        torch.rand(3)
        raise KeyError

    before = torch.get_rng_state()
    with pytest.raises(KeyError):
        fails()
    assert torch.equal(torch.get_rng_state(), before)
