"""Search spaces: what a setting, or a variable of a function, may be. A dimension turns a uniform number into a value.

    Real(0.0, 1.0).at(0.25)                  # 0.25
    Log(1e-4, 1.0).at(0.5)                   # 0.01: evenly spread in the logarithm
    Integer(1, 5).at(0.99)                   # 5: both ends are as likely as any between
    Choice("relu", "relu", "tanh").at(0.5)   # "relu": named twice, twice as likely

`at` takes u in [0, 1). `setting(..., search=Log(1e-4, 1.0))` declares the range over which `evo tune` searches a setting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Dimension(Protocol):
    """One dimension of a search space; its str() says the range."""

    def at(self, u: float) -> object:
        """The value at u in [0, 1)."""
        ...


@dataclass(frozen=True)
class Real:
    """Real numbers of low .. high, evenly spread."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self, -math.inf)

    def at(self, u: float) -> float:
        """The value at u in [0, 1)."""
        return self.low + (self.high - self.low) * u

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Log:
    """Positive real numbers of low .. high, evenly spread in the logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self, 0.0)

    def at(self, u: float) -> float:
        """The value at u in [0, 1)."""
        return min(max(self.low * (self.high / self.low) ** u, self.low), self.high)  # rounding may lead outside

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, logarithmic"


@dataclass(frozen=True)
class Integer:
    """Whole numbers of low .. high, both included, each as likely as another."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check(self, -math.inf)

    def at(self, u: float) -> int:
        """The value at u in [0, 1)."""
        return self.low + int((self.high - self.low + 1) * u)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


class Choice:
    """One of some values; a value that is named twice is twice as likely."""

    def __init__(self, *values: object):
        if not values:
            raise ValueError("Choice: expected at least one value; got none")
        self.values = values

    def at(self, u: float) -> object:
        """The value at u in [0, 1)."""
        return self.values[int(u * len(self.values))]

    def __str__(self) -> str:
        names = (
            "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in self.values
        )
        return ", ".join(dict.fromkeys(names))

    def __repr__(self) -> str:
        return f"Choice({', '.join(map(repr, self.values))})"


def _check(dimension: Real | Log | Integer, above: float) -> None:
    """Raises ValueError unless above < low < high, all finite."""
    low, high = dimension.low, dimension.high
    if not (math.isfinite(low) and math.isfinite(high) and above < low < high):
        wanted = "0 < low < high" if above == 0 else "low < high"
        raise ValueError(f"{type(dimension).__name__}: expected finite {wanted}; got {low} and {high}")
