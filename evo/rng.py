"""Counter-based random numbers: a draw is a function of (run seed, generation, individual, stream, index).

Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011). The key is the run seed, the
counter is (index, individual, generation, stream), and one call gives four 32-bit words. There is no state, so a resumed run,
or one on more cores, draws the same numbers.

Kernels called from Python declare their types, so they compile at import and not during a timed run. Every product and sum is
masked to 32 bits: numba widens uint32 arithmetic to 64 bits, its CUDA simulator wraps it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numba import njit

MASK = 0xFFFFFFFF

# The purpose of a draw. Streams never share a counter, so a new stream changes no other.
INITIAL, SELECTION, CROSSOVER, MUTATION, NOISE, EPISODES, DATA_ORDER, DROPOUT, NETWORK, SPLIT, VALIDATION, TEST = range(12)
STEP_SIZE, MASKING, STRUCTURE, CONNECTION, SPECIES, STARTS, TUNING, OBJECTIVES, DIFFERENCES, FAULTS = range(12, 22)
WALKS, SKIPGRAM, EXPERIENCE, DIFFUSION, REWIRING, EDGES = range(22, 28)


@njit(cache=True, nogil=True, inline="always")
def philox(index, individual, generation, stream, seed):
    """Four 32-bit words, as int64 in [0, 2^32). Arguments are taken modulo 2^32, seed modulo 2^64."""
    c0, c1, c2, c3 = index & MASK, individual & MASK, generation & MASK, stream & MASK
    k0, k1 = seed & MASK, (seed >> 32) & MASK
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * np.uint64(c0)
        p1 = np.uint64(0xCD9E8D57) * np.uint64(c2)
        h0, l0 = np.int64(p0 >> np.uint64(32)), np.int64(p0 & np.uint64(MASK))
        h1, l1 = np.int64(p1 >> np.uint64(32)), np.int64(p1 & np.uint64(MASK))
        c0, c1, c2, c3 = (h1 ^ c1 ^ k0) & MASK, l1, (h0 ^ c3 ^ k1) & MASK, l0
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, inline="always")
def uniform(word):
    """A 32-bit word as a uniform number in the open interval (0, 1)."""
    return (word + 0.5) * 2.3283064365386963e-10


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def gap(word, log_miss):
    """How many trials fail before the next success, a geometric number; log_miss: log(1 - p), -inf where each succeeds.

    It is at least k with probability (1 - p)^k, up to the 2^-32 of a word. Drawing gaps costs a word a success, not a trial.
    """
    return np.int64(math.log(uniform(word)) / log_miss)


@njit(cache=True, nogil=True, inline="always")
def normals(word0, word1):
    """Two independent standard normal numbers (Box and Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(uniform(word0)))
    angle = 2.0 * math.pi * uniform(word1)
    return radius * math.cos(angle), radius * math.sin(angle)


@njit(cache=True, nogil=True, inline="always")
def four_normals(block, individual, generation, stream, seed):
    """Four independent standard normal numbers from one call of philox."""
    w0, w1, w2, w3 = philox(block, individual, generation, stream, seed)
    return normals(w0, w1) + normals(w2, w3)


@njit(cache=True, nogil=True, _nrt=False)
def fill(out, individual, generation, stream, seed):
    """Sets every item of `out`, int64 or float64, to a random word. The loop over whole blocks vectorises."""
    whole = out.size // 4
    for block in range(whole):
        word0, word1, word2, word3 = philox(block, individual, generation, stream, seed)
        out[4 * block] = word0
        out[4 * block + 1] = word1
        out[4 * block + 2] = word2
        out[4 * block + 3] = word3
    if out.size > 4 * whole:
        four = philox(whole, individual, generation, stream, seed)
        for k in range(out.size - 4 * whole):
            out[4 * whole + k] = four[k]


@njit("void(int64[::1], int64, int64, int64, int64)", cache=True, nogil=True)
def _fill_words(out, individual, generation, stream, seed):
    fill(out, individual, generation, stream, seed)


def words(seed: int, generation: int, individual: int, stream: int, count: int) -> np.ndarray:
    """`count` 32-bit words as int64 (count,)."""
    out = np.empty(count, np.int64)
    _fill_words(out, individual, generation, stream, signed(seed))
    return out


def uniforms(seed: int, generation: int, individual: int, stream: int, count: int) -> np.ndarray:
    """`count` numbers in (0, 1), float64 (count,)."""
    return (words(seed, generation, individual, stream, count) + 0.5) / 2.0**32


def permutation(seed: int, generation: int, individual: int, stream: int, count: int) -> np.ndarray:
    """A random permutation of 0 .. count-1, int64 (count,)."""
    high = words(seed, generation, individual, stream, 2 * count)
    return np.argsort((high[:count] << 31) | (high[count:] >> 1), kind="stable")


def checked(seed: object) -> int:
    """`seed`, a whole number of Python or numpy. Raises TypeError for anything else, such as "3" or 1.5."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed: expected a whole number; got {seed!r}")
    return int(seed)


def signed(seed: int) -> int:
    """`seed` modulo 2^64 as a signed 64-bit integer, as kernels take it."""
    seed = checked(seed) & 0xFFFFFFFFFFFFFFFF
    return seed - (1 << 64) if seed >> 63 else seed


@contextmanager
def torch_seed(seed: int, generation: int, individual: int, stream: int) -> Iterator[None]:
    """Seeds torch's global generator (initialisers, dropout) from a counter inside the block, and restores it afterwards.

    With `rewound` the only use of torch's global generator: runs do not change a user's random state, nor depend on it.
    """
    low, high = words(seed, generation, individual, stream, 2)
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        value = (int(high) << 31) | (int(low) >> 1)
        torch.default_generator.manual_seed(value)  # torch.manual_seed seeds every backend: 100 times slower
        if devices:
            torch.cuda.manual_seed(value)
        yield


@contextmanager
def rewound(cards: Sequence[int] = ()) -> Iterator[None]:
    """Puts torch's global generators, of the host and of CUDA devices `cards`, back to where they stood before the block: what
    comes after it draws what the block drew."""
    with torch.random.fork_rng(devices=cards):
        yield
