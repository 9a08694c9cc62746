"""Populations drawn from a Gaussian, and what their fitness says of its mean and standard deviation.

A normal number is a function of (seed, generation, direction, gene): words of Philox (`evo.rng`), two by two, become two normal
numbers (Box and Muller, 1958) in float32, 256 at a time, so that every step works on whole vectors of a core. Logarithm, sine
and cosine are polynomials (Moshier: Cephes, single precision; errors below 2e-7). Sums run over a population in its order,
gene by gene, so neither draws nor sums depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from evo import rng, threads

BLOCK = 256  # words of each of the four that a counter gives
GENES = 1024  # summed at once by a thread, for a whole population: 8 KiB of sums stay in the cache

_F, _I = np.float32, np.int32
_TURN = _F(2.0 * np.pi / 2**32)
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)


@njit(cache=True, nogil=True, error_model="numpy")
def _words(words, count, first, direction, generation, seed):
    """Words of counters first .. first + count; words (4, BLOCK) int32: two pairs of 31 bits for a radius, and 32, less 2^31,
    for an angle."""
    for b in range(count):
        w0, w1, w2, w3 = rng.philox(first + b, direction, generation, rng.NOISE, seed)
        words[0, b] = w0 >> 1
        words[1, b] = w1 - 0x80000000
        words[2, b] = w2 >> 1
        words[3, b] = w3 - 0x80000000


@njit(cache=True, nogil=True, error_model="numpy")
def _normals(count, radius_word, angle_word, one, other):
    """Normal numbers `one` and `other` (BLOCK,) float32, the first `count`, of as many pairs of words."""
    bits = one.view(np.int32)
    for j in range(count):  # a uniform number in (0, 1], times 2^31
        one[j] = _F(radius_word[j]) + _F(0.5)
    for j in range(count):  # = 2^exponent * mantissa, which lies between sqrt(1/2) and sqrt(2)
        exponent = _I(_I(bits[j] - _I(0x3F3504F3)) >> _I(23))
        other[j] = _F(exponent) - _F(31.0)
        bits[j] = _I(bits[j] - _I(exponent << _I(23)))
    for j in range(count):
        x, exponent = one[j] - _F(1.0), other[j]
        y = _F(7.0376836292e-2)
        y = y * x - _F(1.1514610310e-1)
        y = y * x + _F(1.1676998740e-1)
        y = y * x - _F(1.2420140846e-1)
        y = y * x + _F(1.4249322787e-1)
        y = y * x - _F(1.6668057665e-1)
        y = y * x + _F(2.0000714765e-1)
        y = y * x - _F(2.4999993993e-1)
        y = y * x + _F(3.3333331174e-1)
        y = y * x * (x * x) + exponent * _LN2_LOW - _F(0.5) * (x * x)
        square = _F(-2.0) * (x + y + exponent * _LN2_HIGH)
        other[j] = np.sqrt(max(square, _F(0.0)))
    for j in range(count):  # the angle is q quarters of a turn and a rest of at most an eighth
        word = np.int64(angle_word[j])
        q = _I(((word >> 29) + 1) >> 1)
        t = _F(_I(word - (np.int64(q) << 30))) * _TURN
        z = t * t
        sine = ((_F(-1.9515295891e-4) * z + _F(8.3321608736e-3)) * z - _F(1.6666654611e-1)) * z * t + t
        cosine = (_F(2.443315711809948e-5) * z - _F(1.388731625493765e-3)) * z + _F(4.166664568298827e-2)
        cosine = cosine * z * z - _F(0.5) * z + _F(1.0)
        odd = _I(q & _I(1)) != _I(0)
        across, along = (cosine, sine) if odd else (sine, cosine)
        radius = other[j]
        one[j] = radius * along * (_F(1.0) - _F(_I(_I(q + _I(1)) & _I(2))))
        other[j] = radius * across * (_F(1.0) - _F(_I(q & _I(2))))


@njit(cache=True, nogil=True, error_model="numpy")
def _direction(out, direction, generation, seed, words, normals):
    """Normal numbers `out` (D,) float32. A word of plane h of four, and number j, gives gene BLOCK * h + j of each 4 BLOCK."""
    for base in range(0, out.size, 4 * BLOCK):
        left = out.size - base
        count = min(BLOCK, left)
        _words(words, count, base // 4, direction, generation, seed)
        _normals(count, words[0], words[1], normals[0], normals[1])
        if left > 2 * BLOCK:
            _normals(count, words[2], words[3], normals[2], normals[3])
        for h in range(4):
            for j in range(min(BLOCK, left - BLOCK * h)):
                out[base + BLOCK * h + j] = normals[h, j]


_DRAWN = [
    f"void({real}[:, ::1], {real}[::1], {real}[::1], boolean, int64, int64, int64, int64)" for real in ("float32", "float64")
]


@njit(_DRAWN, cache=True, nogil=True, error_model="numpy")
def _draw(out, mean, std, mirrored, start, stop, generation, seed):
    """Directions start .. stop of a population: mean + std z, and in its second half mean - std z if `mirrored`."""
    genes, half = out.shape[1], out.shape[0] // 2
    words, normals, z = np.empty((4, BLOCK), np.int32), np.empty((4, BLOCK), np.float32), np.empty(genes, np.float32)
    for i in range(start, stop):
        _direction(z, i, generation, seed, words, normals)
        row = out[i]
        for g in range(genes):
            row[g] = mean[g] + std[g] * z[g]
        if mirrored:
            row = out[half + i]
            for g in range(genes):
                row[g] = mean[g] - std[g] * z[g]


def drawn(
    size: int,
    mean: np.ndarray,
    std: np.ndarray,
    *,
    generation: int,
    seed: int,
    mirrored: bool = False,
    dtype: npt.DTypeLike = np.float32,
) -> np.ndarray:
    """A population (P, D) of N(mean, std^2): mean and std (D,); mirrored: the second half lies opposite the first."""
    out: np.ndarray = np.empty((size, len(mean)), dtype)
    centre: np.ndarray = mean.astype(dtype)
    width: np.ndarray = np.broadcast_to(std, mean.shape).astype(dtype)
    word = rng.signed(seed)
    directions = size // 2 if mirrored else size
    threads.each(lambda a, b: _draw(out, centre, width, mirrored, a, b, generation, word), directions)
    return out


@njit("void(float32[:, ::1], int64, int64, int64)", cache=True, nogil=True, error_model="numpy")
def _directions(out, first, generation, seed):
    words, normals = np.empty((4, BLOCK), np.int32), np.empty((4, BLOCK), np.float32)
    for i in range(out.shape[0]):
        _direction(out[i], first + i, generation, seed, words, normals)


def directions(first: int, count: int, genes: int, *, generation: int, seed: int) -> np.ndarray:
    """Standard normal numbers (count, genes) float32 of the directions from `first` on, on this thread alone."""
    out = np.empty((count, genes), np.float32)
    _directions(out, first, generation, rng.signed(seed))
    return out


_SUMMED = [
    f"void(float64[:, ::1], {real}[:, ::1], float64[::1], float64[::1], float64[::1], int64, int64)"
    for real in ("float32", "float64")
]


@njit(_SUMMED, cache=True, nogil=True, error_model="numpy")
def _sum(sums, population, mean, scale, weights, start, stop):
    """Genes start .. stop of `sums` (1, D) or (2, D): of w z, and of w (z^2 - 1), where z = (x - mean) scale."""
    sums[:, start:stop] = 0.0
    for i in range(population.shape[0]):
        w, row, one = weights[i], population[i], sums[0]
        if w == 0.0:
            continue
        if sums.shape[0] == 1:
            for g in range(start, stop):
                one[g] += w * ((row[g] - mean[g]) * scale[g])
        else:
            two = sums[1]
            for g in range(start, stop):
                z = (row[g] - mean[g]) * scale[g]
                one[g] += w * z
                two[g] += w * (z * z - 1.0)


def weighted(population: np.ndarray, mean: np.ndarray, std: np.ndarray, weights: np.ndarray, moments: int = 1) -> np.ndarray:
    """Sums (moments, D) float64 over a population (P, D) with weights (P,), of z = (x - mean) / std and of z^2 - 1. The mean is
    rounded as the population was when it was drawn. A std of 0 gives 0."""
    centre = mean.astype(population.dtype).astype(np.float64)
    width = np.broadcast_to(std, mean.shape).astype(np.float64)
    scale = np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)
    sums = np.empty((moments, len(mean)))
    weights = np.ascontiguousarray(weights, np.float64)
    part = lambda a, b: _sum(sums, population, centre, scale, weights, a, b)
    threads.each_block(part, len(mean), GENES)
    return sums
