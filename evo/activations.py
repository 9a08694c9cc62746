"""Activation and aggregation functions of networks: one table of names, as torch functions and as scalar kernels.

ACTIVATIONS are those of layered torch networks. A node of a genome may have any of NODE_ACTIVATIONS and AGGREGATIONS, as a
code: CODES and AGGREGATION_CODES map name to code. Where neat-python scales or clips its function, the name starts with
"neat_". `activate` and `aggregate` compute by code in kernels and agree with the torch functions. NaN is propagated, where
neat-python's clipping maps it to a number; overflow gives infinity, where Python's float powers raise.

Sources: steep_sigmoid: Stanley and Miikkulainen, Evolutionary Computation 10(2), 2002, section 4.1. neat_* and the plain ones
beside them: neat-python 2.0. gaussian, bipolar_gaussian and bipolar_sigmoid: the pattern functions of SharpNEAT's CPPNs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numba import njit
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "gelu": torch.nn.functional.gelu,
    "elu": torch.nn.functional.elu,
    "softplus": torch.nn.functional.softplus,
    "sin": torch.sin,
    "identity": torch.nn.Identity(),
    "steep_sigmoid": lambda z: torch.sigmoid(4.9 * z),
}

LEAK = 0.005
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _inverse(z: Tensor) -> Tensor:
    zero = z == 0
    return torch.where(zero, 0.0, 1 / torch.where(zero, 1.0, z))


NODE_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "steep_sigmoid": ACTIVATIONS["steep_sigmoid"],
    "neat_sigmoid": lambda z: torch.sigmoid((5 * z).clamp(-60, 60)),
    "neat_tanh": lambda z: torch.tanh((2.5 * z).clamp(-60, 60)),
    "neat_sin": lambda z: torch.sin((5 * z).clamp(-60, 60)),
    "neat_gauss": lambda z: torch.exp(-5 * z.clamp(-3.4, 3.4) ** 2),
    "neat_softplus": lambda z: 0.2 * torch.log1p(torch.exp((5 * z).clamp(-60, 60))),
    "lelu": lambda z: torch.nn.functional.leaky_relu(z, LEAK),
    "selu": torch.selu,
    "clamped": lambda z: z.clamp(-1, 1),
    "inv": _inverse,
    "log": lambda z: z.clamp(min=1e-7).log(),
    "exp": lambda z: z.clamp(-60, 60).exp(),
    "abs": torch.abs,
    "hat": lambda z: (1 - z.abs()).clamp(min=0),
    "square": torch.square,
    "cube": lambda z: z**3,
    "gaussian": lambda z: torch.exp(-((2.5 * z) ** 2)),
    "bipolar_gaussian": lambda z: 2 * torch.exp(-((2.5 * z) ** 2)) - 1,
    "bipolar_sigmoid": lambda z: torch.tanh(2.45 * z),
    **ACTIVATIONS,
}

# Each reduces the last axis; EMPTY: the value without connections, if not 0.
AGGREGATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda x: x.sum(-1),
    "product": lambda x: x.prod(-1),
    "max": lambda x: x.amax(-1),
    "min": lambda x: x.amin(-1),
    "maxabs": lambda x: x.gather(-1, x.abs().argmax(-1, keepdim=True))[..., 0],
    "median": lambda x: _median(x),
    "mean": lambda x: x.mean(-1),
}
EMPTY = {"product": 1.0}

CODES = {name: code for code, name in enumerate(NODE_ACTIVATIONS)}
AGGREGATION_CODES = {name: code for code, name in enumerate(AGGREGATIONS)}

STEEP_SIGMOID, NEAT_SIGMOID, NEAT_TANH, NEAT_SIN, NEAT_GAUSS, NEAT_SOFTPLUS, LELU, SELU, CLAMPED, INV, LOG = range(11)
EXP, ABS, HAT, SQUARE, CUBE, GAUSSIAN, BIPOLAR_GAUSSIAN, BIPOLAR_SIGMOID = range(11, 19)
TANH, RELU, SIGMOID, GELU, ELU, SOFTPLUS, SIN, IDENTITY = range(19, 27)
SUM, PRODUCT, MAX, MIN, MAXABS, MEDIAN, MEAN = range(7)


def _median(x: Tensor) -> Tensor:
    """The middle value, or the mean of the two middle values."""
    ordered, count = x.sort(-1).values, x.shape[-1]
    middle = (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2
    return torch.where(x.isnan().any(-1), torch.nan, middle)


# 1.5 * 2^52: adding it rounds a number below 2^51 to an integer, which is then in the low bits.
_ROUND = 6755399441055744.0


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _clip(z, low, high):
    """z clipped to low .. high; NaN is propagated."""
    return max(min(z, high), low)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _exponential(z):
    """power, p, q with exp(z) = power * (q + p) / (q - p), for z clipped to +-708, accurate to two units in the last place.

    exp(z) = 2^k exp(r), |r| <= log(2) / 2; (q + p) / (q - p) is a Pade approximant of exp(r), with the coefficients of
    Moshier's Cephes library. It has no branch and no call, so loops over rows vectorise: eight times as fast as the C library.
    """
    z = _clip(z, -708.0, 708.0)
    shifted = z * 1.4426950408889634 + _ROUND
    k = shifted - _ROUND
    r = z - k * 0.693145751953125 - k * 1.42860682030941723212e-6  # log(2) in two parts; k times the first is exact
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    rr = r * r
    p = r * ((1.26177193074810590878e-4 * rr + 3.02994407707441961300e-2) * rr + 1.0)
    q = ((3.00198505138664455042e-6 * rr + 2.52448340349684104192e-3) * rr + 2.27265548208155028766e-1) * rr + 2.0
    return power, p, q


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _exp(z):
    power, p, q = _exponential(z)
    return power * (q + p) / (q - p)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _logistic(z):
    power, p, q = _exponential(z)
    return power * (q + p) / (power * (q + p) + (q - p))


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", _nrt=False)
def _tanh(z):
    power, p, q = _exponential(2.0 * z)
    return ((power - 1.0) * q + (power + 1.0) * p) / ((power + 1.0) * q + (power - 1.0) * p)


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def activate(code, z):
    """Activation `code` of a number; NaN for an unknown code."""
    if code == STEEP_SIGMOID:
        return _logistic(4.9 * z)
    if code == NEAT_SIGMOID:
        return _logistic(_clip(5.0 * z, -60.0, 60.0))
    if code == NEAT_TANH:
        return _tanh(_clip(2.5 * z, -60.0, 60.0))
    if code == NEAT_SIN:
        return math.sin(_clip(5.0 * z, -60.0, 60.0))
    if code == NEAT_GAUSS:
        clipped = _clip(z, -3.4, 3.4)
        return _exp(-5.0 * (clipped * clipped))
    if code == NEAT_SOFTPLUS:
        return 0.2 * math.log(1.0 + _exp(_clip(5.0 * z, -60.0, 60.0)))
    if code == LELU:
        return LEAK * z if z <= 0.0 else z
    if code == SELU:
        return SELU_SCALE * (SELU_ALPHA * (_exp(z) - 1.0)) if z <= 0.0 else SELU_SCALE * z
    if code == CLAMPED:
        return _clip(z, -1.0, 1.0)
    if code == INV:
        return 0.0 if z == 0.0 else 1.0 / z
    if code == LOG:
        return math.log(1e-7 if z < 1e-7 else z)
    if code == EXP:
        return _exp(_clip(z, -60.0, 60.0))
    if code == ABS:
        return abs(z)
    if code == HAT:
        return 0.0 if abs(z) > 1.0 else 1.0 - abs(z)
    if code == SQUARE:
        return z * z
    if code == CUBE:
        return z * z * z
    if code == GAUSSIAN:
        return _exp(-6.25 * (z * z))
    if code == BIPOLAR_GAUSSIAN:
        return 2.0 * _exp(-6.25 * (z * z)) - 1.0
    if code == BIPOLAR_SIGMOID:
        return _tanh(2.45 * z)
    if code == TANH:
        return _tanh(z)
    if code == RELU:
        return max(z, 0.0)
    if code == SIGMOID:
        return _logistic(z)
    if code == GELU:
        return 0.5 * z * (1.0 + math.erf(z / math.sqrt(2.0)))
    if code == ELU:
        return _exp(z) - 1.0 if z <= 0.0 else z
    if code == SOFTPLUS:
        return math.log(1.0 + _exp(-abs(z))) + max(z, 0.0)
    if code == SIN:
        return math.sin(z) if abs(z) < math.inf else math.nan
    if code == IDENTITY:
        return z
    return math.nan


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def activate_rows(code, bias, response, z):
    """z = activation of bias + response * z, in place for all of z (B,), with results identical to `activate`.

    Frequent codes have vectorised loops.
    """
    if code == STEEP_SIGMOID:
        for r in range(z.size):
            z[r] = _logistic(4.9 * (bias + response * z[r]))
    elif code == NEAT_SIGMOID:
        for r in range(z.size):
            z[r] = _logistic(_clip(5.0 * (bias + response * z[r]), -60.0, 60.0))
    elif code == SIGMOID:
        for r in range(z.size):
            z[r] = _logistic(bias + response * z[r])
    elif code == NEAT_TANH:
        for r in range(z.size):
            z[r] = _tanh(_clip(2.5 * (bias + response * z[r]), -60.0, 60.0))
    elif code == TANH:
        for r in range(z.size):
            z[r] = _tanh(bias + response * z[r])
    elif code == BIPOLAR_SIGMOID:
        for r in range(z.size):
            z[r] = _tanh(2.45 * (bias + response * z[r]))
    elif code == GAUSSIAN:
        for r in range(z.size):
            net = bias + response * z[r]
            z[r] = _exp(-6.25 * (net * net))
    elif code == RELU:
        for r in range(z.size):
            z[r] = max(bias + response * z[r], 0.0)
    elif code == IDENTITY:
        for r in range(z.size):
            z[r] = bias + response * z[r]
    else:
        for r in range(z.size):
            z[r] = activate(code, bias + response * z[r])


@njit(cache=True, nogil=True, _nrt=False)
def aggregate(code, values, row, source, weight, start, stop):
    """Aggregation `code` of weight * value over connections start .. stop, with values[source, row] as values.

    Without connections: 1 for a product, else 0. A NaN among the values gives NaN.
    """
    count = stop - start
    result = 1.0 if code == PRODUCT else 0.0
    if code in (SUM, MEAN):
        for k in range(start, stop):
            result += weight[k] * values[source[k], row]
        return result / count if code == MEAN and count > 0 else result
    if code == PRODUCT:
        for k in range(start, stop):
            result *= weight[k] * values[source[k], row]
        return result
    if code == MEDIAN:
        return _median_by_counting(values, row, source, weight, start, stop)
    for k in range(start, stop):
        value = weight[k] * values[source[k], row]
        if math.isnan(value):
            return math.nan
        more = value > result if code == MAX else value < result if code == MIN else abs(value) > abs(result)
        if more or k == start:
            result = value
    return result


@njit(cache=True, nogil=True, _nrt=False)
def _median_by_counting(values, row, source, weight, start, stop):
    """The median without working memory: counts smaller and equal values for each value."""
    count, low, high = stop - start, 0.0, 0.0
    for k in range(start, stop):
        value = weight[k] * values[source[k], row]
        if math.isnan(value):
            return math.nan
        smaller = equal = 0
        for other in range(start, stop):
            other_value = weight[other] * values[source[other], row]
            smaller += other_value < value
            equal += other_value == value
        if smaller <= (count - 1) // 2 < smaller + equal:
            low = value
        if smaller <= count // 2 < smaller + equal:
            high = value
    return (low + high) / 2.0
