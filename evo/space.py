"""Search spaces: what a setting, or a variable of a function, may be. A dimension turns a uniform number into a value.

    Real(0.0, 1.0).at(0.25)                  # 0.25
    Log(1e-4, 1.0).at(0.5)                   # 0.01: evenly spread in the logarithm
    Integer(1, 5).at(0.99)                   # 5: both ends are as likely as any between
    Choice("relu", "relu", "tanh").at(0.5)   # "relu": named twice, twice as likely

`at` takes u in [0, 1), `decode` an array of such numbers. `setting(..., search=Log(1e-4, 1.0))` declares the range over which
`evo tune` searches a setting. A `Space` names several dimensions, and the constraints of their values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Values = Mapping[str, np.ndarray]  # of P points, by the name of the dimension: (P,)
Constraint = Callable[[Values], npt.ArrayLike]


class Dimension(Protocol):
    """One dimension of a search space; its str() says the range. cell: how wide, in u, the interval of one value is; 0
    where the range is continuous."""

    @property
    def cell(self) -> float: ...

    def at(self, u: float) -> object:
        """The value at u in [0, 1)."""
        ...

    def decode(self, u: np.ndarray) -> np.ndarray:
        """The values at u (P,), each in [0, 1), as an array (P,)."""
        ...


@dataclass(frozen=True)
class Real:
    """Real numbers of low .. high, evenly spread."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self, -math.inf)

    cell = 0.0

    def at(self, u: float) -> float:
        """The value at u in [0, 1)."""
        return float(self.decode(np.array([u]))[0])

    def decode(self, u: np.ndarray) -> np.ndarray:
        """The values at u (P,), float64 (P,)."""
        return np.clip(self.low + (self.high - self.low) * u, self.low, self.high)  # rounding may lead outside

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Log:
    """Positive real numbers of low .. high, evenly spread in the logarithm."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check(self, 0.0)

    cell = 0.0

    def at(self, u: float) -> float:
        """The value at u in [0, 1)."""
        return float(self.decode(np.array([u]))[0])

    def decode(self, u: np.ndarray) -> np.ndarray:
        """The values at u (P,), float64 (P,)."""
        return np.clip(self.low * (self.high / self.low) ** u, self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, logarithmic"


@dataclass(frozen=True)
class Integer:
    """Whole numbers of low .. high, both included, each as likely as another."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check(self, -math.inf)
        if any(int(end) != end or abs(end) > 2**53 for end in (self.low, self.high)):
            raise ValueError(f"Integer: expected whole numbers of at most 2^53; got {self.low} and {self.high}")

    @property
    def cell(self) -> float:
        """How much of [0, 1) is one number's."""
        return 1 / (self.high - self.low + 1)

    def at(self, u: float) -> int:
        """The value at u in [0, 1)."""
        return int(self.decode(np.array([u]))[0])

    def decode(self, u: np.ndarray) -> np.ndarray:
        """The values at u (P,), int64 (P,)."""
        return np.minimum(int(self.low) + ((self.high - self.low + 1) * u).astype(np.int64), int(self.high))

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


class Choice:
    """One of some values; a value that is named twice is twice as likely."""

    def __init__(self, *values: object):
        if not values:
            raise ValueError("Choice: expected at least one value; got none")
        self.values = values

    @property
    def cell(self) -> float:
        """How much of [0, 1) is one value's."""
        return 1 / len(self.values)

    def at(self, u: float) -> object:
        """The value at u in [0, 1)."""
        return self.values[int(u * len(self.values))]

    def decode(self, u: np.ndarray) -> np.ndarray:
        """The values at u (P,), an array (P,) of objects: texts, numbers or whatever they are."""
        values = np.empty(len(self.values), object)
        values[:] = self.values
        return values[(u * len(self.values)).astype(np.int64)]

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


class Space:
    """Named dimensions, and constraints on their values.

        space = Space(rate=Log(1e-4, 1), layers=Integer(1, 5), kind=Choice("relu", "tanh"))
        de = DE(space=space, seed=0)
        values = space.decode(de.ask())      # {"rate": (P,), "layers": (P,), "kind": (P,)}
        space.decode(de.best)                # {"rate": 0.01, "layers": 3, "kind": "tanh"}

    Methods search unit coordinates [0, 1), one a dimension. constraints: functions of the decoded values, a dict name -> (P,),
    that give (P,), or (P, K) for K constraints; satisfied where <= 0.

    dimensions: D. variables: the dimensions by name. cells (D,): `cell` of each. Raises ValueError without a dimension,
    TypeError for what is none, or is no constraint.
    """

    def __init__(self, *, constraints: Iterable[Constraint] = (), **variables: Dimension):
        for name, variable in variables.items():
            if not isinstance(variable, (Real, Log, Integer, Choice)):
                raise TypeError(f"{name}: expected Real, Log, Integer or Choice; got {variable!r}")
        if not variables:
            raise ValueError("Space: expected at least one dimension, such as rate=Log(1e-4, 1); got none")
        self.variables: dict[str, Dimension] = variables
        self.constraints: tuple[Constraint, ...] = (constraints,) if callable(constraints) else tuple(constraints)
        if wrong := [each for each in self.constraints if not callable(each)]:
            raise TypeError(f"constraints: expected functions of the values, satisfied where <= 0; got {wrong[0]!r}")
        self.dimensions = len(variables)
        self.cells = np.array([variable.cell for variable in variables.values()])

    def __repr__(self) -> str:
        constraints = f", {len(self.constraints)} constraint{'s' * (len(self.constraints) != 1)}" * bool(self.constraints)
        return f"Space({', '.join(f'{name}: {variable}' for name, variable in self.variables.items())}{constraints})"

    def decode(self, units: npt.ArrayLike) -> dict[str, np.ndarray]:
        """The values of unit coordinates (P, D), by name, each (P,); of one point (D,), the bare values. Raises ValueError for
        another shape, or for a coordinate outside [0, 1)."""
        points = np.asarray(units, np.float64)
        if points.ndim not in (1, 2) or points.shape[-1] != self.dimensions:
            raise ValueError(
                f"expected unit coordinates of shape (P, {self.dimensions}) or ({self.dimensions},); got {points.shape}"
            )
        if not ((points >= 0) & (points < 1)).all():
            raise ValueError("expected unit coordinates in [0, 1), as ask() gives them; got others")
        if points.ndim == 1:
            bare = {name: variable.at(float(u)) for (name, variable), u in zip(self.variables.items(), points)}
            return bare  # type: ignore[return-value]  # a shape is no type
        return {name: variable.decode(u) for (name, variable), u in zip(self.variables.items(), points.T)}

    def constraint_values(self, values: Values) -> np.ndarray:
        """(P, K) of decoded values: satisfied where <= 0; what is NaN is violated by infinity. Raises ValueError for a
        constraint that gives neither (P,) nor (P, K)."""
        count = len(next(iter(values.values())))
        columns = [np.zeros((count, 0))]
        for constraint in self.constraints:
            found = np.asarray(constraint(values), np.float64)
            if found.ndim not in (1, 2) or len(found) != count:
                name = getattr(constraint, "__name__", repr(constraint))
                raise ValueError(
                    f"constraint {name}: expected one number a point, ({count},), or ({count}, K); got {found.shape}"
                )
            columns.append(found.reshape(count, -1))
        together = np.concatenate(columns, axis=1)
        return np.where(np.isnan(together), np.inf, together)
