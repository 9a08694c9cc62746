"""The columns of a table as what a network sees, and numbers as what it learns: one rule for files, frames and arrays.

Numbers are standardised, in float64 before anything is made float32, so that what lies far from 0 (unix seconds, northings)
keeps its values; a missing one becomes the mean. A word becomes one input a value (one-hot; a missing one is a value of its
own; beyond 32 values the rarest share an input). Means, deviations and the list of values are those of the training rows
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from evo.core import Coding, State
from evo.settings import did_you_mean
from evo.tasks.table import Table, as_columns, listed
from evo.tasks.words import Words

MOST = 32  # inputs of a column of words


@dataclass(frozen=True)
class Number:
    """An input: (value - mean) / deviation."""

    name: str
    mean: float
    deviation: float

    @classmethod
    def fit(cls, name: str, values: np.ndarray) -> Number:
        mean, deviation = moments(values[~np.isnan(values)])
        return cls(name, float(mean), float(deviation))


@dataclass(frozen=True)
class Category:
    """An input for each of `values`, and one more for all others where the rare ones are `shared`."""

    name: str
    values: tuple[str, ...]
    shared: bool

    @classmethod
    def fit(cls, name: str, words: Words) -> Category:
        counts = np.bincount(words.codes, minlength=len(words.values))
        seen = sorted((value, count) for value, count in zip(words.values, counts) if count)
        if len(seen) <= MOST:
            return cls(name, tuple(value for value, _ in seen), False)
        frequent = sorted(seen, key=lambda one: one[1])[1 - MOST :]
        return cls(name, tuple(sorted(value for value, _ in frequent)), True)

    def __len__(self) -> int:
        return len(self.values) + self.shared


@dataclass(frozen=True)
class Columns:
    """What a network sees of a table's rows: `numbers`, then `categories`. ignored: columns a table may have beside them."""

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    ignored: tuple[str, ...] = ()
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    decimal: str | None = None  # the mark by which text is read as numbers, where the rows of training tell

    @classmethod
    def fit(cls, table: Table, train: np.ndarray, ignored: Sequence[str] = ()) -> Columns:
        """Those of a table, as its rows `train` have them; a column in which these have no value is ignored too. Raises
        ValueError for numbers too large, or where none is left."""
        names = [name for name in table.columns if name not in ignored]
        if not names:
            raise ValueError(f"{table.title}: expected columns beside {' and '.join(map(repr, ignored))}; there are none")
        empty = [name for name in names if table.missing(name)[train].all()]
        names = [name for name in names if name not in empty]
        if not names:
            raise ValueError(f"{table.title}: no column has a value in the training rows; got {listed(empty)}")
        words = [name for name in names if isinstance(table.columns[name], Words)]
        numbers = tuple(Number.fit(name, table.numbers(name)[train]) for name in names if name not in words)
        columns = [table.words(name) for name in words]
        categories = tuple(Category.fit(name, Words(c.values, c.codes[train])) for name, c in zip(words, columns))
        known = {one.name: frozenset(c.values) - {""} for one, c in zip(categories, columns) if not one.shared}
        return cls(numbers, categories, (*ignored, *empty), known, table.decimal)

    def to_json(self) -> State:
        """As plain values, for `from_json`; "inputs" are the columns in the order in which a network sees them."""
        inputs = [*map(asdict, self.numbers), *map(asdict, self.categories)]
        known = {name: sorted(all_) for name, all_ in self.known.items()}
        return {"inputs": inputs, "ignored": self.ignored, "known": known, "decimal": self.decimal}

    @classmethod
    def from_json(cls, values: State) -> Self:
        """Raises KeyError or TypeError for what no columns gave."""
        numbers = tuple(Number(**one) for one in values["inputs"] if "mean" in one)
        words = [one for one in values["inputs"] if "mean" not in one]
        categories = tuple(Category(one["name"], tuple(one["values"]), one["shared"]) for one in words)
        known = {name: frozenset(all_) for name, all_ in values["known"].items()}
        return cls(numbers, categories, tuple(values["ignored"]), known, values.get("decimal"))

    def __len__(self) -> int:
        return len(self.numbers) + sum(map(len, self.categories))

    def __str__(self) -> str:
        sizes = ((len(self.numbers), "number", "numbers"), (len(self.categories), "category", "categories"))
        return " and ".join(f"{n} {one if n == 1 else many}" for n, one, many in sizes if n)

    @property
    def codings(self) -> list[Coding]:
        """Of each category, the input that a word stands for, counted from its first. One more is that of a word that stands
        for none: one that the training rows lack, or a missing value that they never had. A word that `encode` refuses is two
        more."""
        made = []
        for one in self.categories:
            codes = {value: k for k, value in enumerate(one.values)}
            none = dict.fromkeys(sorted(self.known.get(one.name, frozenset()) | {""}), len(one))
            made.append(Coding(codes, len(one.values)) if one.shared else Coding(none | codes, len(one) + 1))
        return made

    def encode(self, frame: Any) -> np.ndarray:
        """The rows of a table or frame as inputs, float32 (B, I); its columns in any order, ignored ones or not. Of an array
        (B, C) the columns are called 0, 1, ..., as `SupervisedTask.from_arrays` calls them.

        Raises ValueError, naming column and row, for a column that is not there or too many, a word where a number was, and
        a word that was not in the table (but where the rare ones share an input).
        """
        table = as_columns(frame, "rows", [one.name for one in self.categories], self.decimal)
        expected = [*(one.name for one in self.numbers), *(one.name for one in self.categories)]
        for name in expected:
            table.column(name)
        for name in table.columns:
            if name not in expected and name not in self.ignored:
                raise ValueError(f"{table.title}: the data have no column {name!r}; remove it")
        if not len(table):
            raise ValueError(f"{table.title}: no rows")
        for name, known in self.known.items():
            words = table.words(name)
            strange = np.array([bool(value) and value not in known for value in words.values], bool)
            if strange[words.codes].any():
                row = int(np.argmax(strange[words.codes]))
                value = words.values[words.codes[row]]
                raise ValueError(f"{table.at(row, name)}: unknown value {value!r}{did_you_mean(value, known)}")
        return self.inputs(table)

    def inputs(self, table: Table) -> np.ndarray:
        """`encode` of a table that is known to fit."""
        x = np.zeros((len(table), len(self)), np.float32)
        for k, one in enumerate(self.numbers):
            values = table.numbers(one.name)
            x[:, k] = np.where(np.isnan(values), 0.0, (values - one.mean) / one.deviation)
        at = len(self.numbers)
        for category, (codes, other) in zip(self.categories, self.codings):
            words = table.words(category.name)
            inputs = np.array([codes.get(value, other) for value in words.values], np.int64)[words.codes]
            rows = np.flatnonzero(inputs < len(category))
            x[rows, at + inputs[rows]] = 1.0
            at += len(category)
        return x


@dataclass(frozen=True)
class Units:
    """Of O numbers that are learned standardised: their means and deviations (O,)."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(cls, y: np.ndarray) -> Units:
        """Those of y (B, O) float64."""
        mean, deviation = moments(y)
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    def standardise(self, y: np.ndarray) -> np.ndarray:
        """(B, O) as what is learned, float32."""
        return ((y - np.array(self.mean)) / np.array(self.deviation)).astype(np.float32)


def moments(x: np.ndarray) -> Any:
    """Mean and standard deviation over the rows of x (B, ...) in float64; 0 and 1 without rows, and 1 for what is constant."""
    if not len(x):
        return 0.0, 1.0
    origin = np.asarray(x[0], np.float64)  # from which equal numbers differ by exactly 0
    shifted = x - origin
    deviation = shifted.std(0)
    return origin + shifted.mean(0), np.where(deviation > 0, deviation, 1.0)[()]
