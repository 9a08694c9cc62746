"""sin and cos for environments: a loop over lanes that calls them becomes vector instructions, and their bits are the same on
every machine, whatever its C library.

    from evo import cos, sin

For |x| <= 1e8 the result is off by less than two units in the last place (measured: 1.7), or by 1e-16 near a zero far from 0;
NaN for any other x. x = k pi / 2 + r with |r| <= pi / 4: pi / 2 is subtracted in three parts (Cody and Waite: Software manual
for the elementary functions, 1980), of which k times the first two is exact; the polynomials in r are those of Moshier's Cephes
library. Every operation is one of IEEE 754, in this order: none is fused or rearranged.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LIMIT = 1e8
_ROUND = 6755399441055744.0  # 1.5 * 2^52: a number below 2^51 that is added to it is rounded to an integer, in the low bits


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _reduced(x):
    """sin(r), cos(r) and k, of x = k pi / 2 + r. Where a lane runs alone the branch spares it the way through k."""
    r, shifted = x, _ROUND
    if not abs(x) <= 0.785:
        shifted = (x if abs(x) <= LIMIT else math.nan) * 0.63661977236758134308 + _ROUND
        k = shifted - _ROUND
        r = ((x - k * 1.57079625129699707031) - k * 7.54978941586159635335e-8) - k * 5.39030285815811905290e-15
    z = r * r
    zz = z * z
    s = (-1.98412698295895385996e-4 * z + 8.33333333332211858878e-3) * z - 1.66666666666666307295e-1
    s += zz * z * ((1.58962301576546568060e-10 * z - 2.50507477628578072866e-8) * z + 2.75573136213857245213e-6)
    c = (2.48015872888517045348e-5 * z - 1.38888888888730564116e-3) * z + 4.16666666666665929218e-2
    c += zz * z * ((-1.13585365213876817300e-11 * z + 2.08757008419747316778e-9) * z - 2.75573141792967388112e-7)
    return r + r * z * s, (1.0 - 0.5 * z) + zz * c, np.float64(shifted).view(np.int64)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _signed(value, negative):
    """value, or -value if bit 1 of `negative` is set."""
    return np.int64(np.float64(value).view(np.int64) ^ ((negative & 2) << 62)).view(np.float64)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def sin(x):
    """The sine of x in rad."""
    s, c, k = _reduced(x)
    return _signed(c if k & 1 else s, k)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def cos(x):
    """The cosine of x in rad."""
    s, c, k = _reduced(x)
    return _signed(s if k & 1 else c, k + 1)
