"""A table in memory: columns of numbers and of words, from a frame of pandas or polars, a dict, or an array.

Dates and durations are numbers, in seconds; categories, text and truth values are words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from evo.core import counted
from evo.settings import Value, did_you_mean
from evo.tasks.spelling import Marks, typed, unlike
from evo.tasks.words import MISSING, Words

EXACT = 2**53  # whole numbers up to here are exact in float64
LARGEST = 1e30  # networks compute in 32 bits
LABEL = re.compile(r"[+-]?(0\d+|\d{16,})")  # digits that are a name: no number is spelled so, or is so long


Column = np.ndarray | Words  # float64 (B,) with NaN where missing, or words


@dataclass(frozen=True)
class Table:
    """Columns of equal length by name. title: what an error calls the table; lines: that of its file each row ends on;
    inferred: in words, what was taken of columns that is not the plain way; decimal: the decimal mark, where it is known."""

    columns: Mapping[str, Column]
    title: str = "the table"
    lines: Sequence[int | str] | None = None
    inferred: tuple[str, ...] = ()
    decimal: str | None = None

    @classmethod
    def of(cls, frame: Any, labels: Sequence[str] = (), decimal: str | None = None) -> Table:
        """A frame of pandas or polars, or a dict of columns, as it is: categories, text and truth values are words, dates
        are seconds, and text is numbers where all of it is (`evo.tasks.spelling`). labels: columns where text stays words, and
        whole numbers too long for a float64 become some; decimal: the decimal mark of text, where it is known. Raises
        ValueError for a frame without columns, for equal names, where columns differ in length, or a comma may be either mark.
        """
        if isinstance(frame, Table):
            return frame
        names = list(getattr(frame, "columns", frame if isinstance(frame, Mapping) else ()))
        if not names or len(set(map(str, names))) != len(names):
            raise ValueError(
                "expected a frame of pandas or polars, or a dict of columns, each with a name of its own; "
                f"got {names or type(frame).__name__}"
            )
        columns = {str(name): _column(frame[name], str(name), str(name) in labels) for name in names}
        table = cls._made(columns, decimal=decimal)
        if len(lengths := {len(column) for column in table.columns.values()}) != 1:
            raise ValueError(f"expected columns of equal length; got lengths {', '.join(map(str, sorted(lengths)))}")
        return table

    @classmethod
    def _made(cls, columns: Mapping[str, tuple[Column, bool]], title: str = "the table", decimal: str | None = None) -> Table:
        """Of what `_column` gave by name: text that is numbers becomes some."""
        words = [column.values for column, _ in columns.values() if isinstance(column, Words)]
        marks = Marks.of(words, decimal, "make the column numbers")
        made, notes = {name: column for name, (column, _) in columns.items()}, dict[str, list[str]]()
        for name, (column, text) in columns.items():
            if not isinstance(column, Words) or not text or any(map(LABEL.fullmatch, column.values)):
                continue
            made[name], how = typed(column, marks, f"{title}, column {name!r}")
            if made[name] is not column:
                comma = marks.decimal == "," and any("," in value for value in column.values)
                how = ", ".join(filter(None, ["decimal comma" * comma, how]))
                notes.setdefault(f" ({how})" if how else "", []).append(name)
        said = "numbers written as text{}, taken as numbers (dtype category keeps words)"
        inferred = tuple(f"{listed(names)}: {said.format(how)}" for how, names in notes.items())
        return cls(made, title, inferred=inferred, decimal=marks.known(notes))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def at(self, row: int, column: str) -> str:
        where = f"row {row}" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.title}, {where}, column {column!r}"

    def column(self, name: str) -> Column:
        if name not in self.columns:
            raise ValueError(f"{self.title}: no column {name!r}{did_you_mean(name, self.columns)}")
        return self.columns[name]

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64 (B,), NaN where missing. Raises ValueError at a word, or a number too large to compute with."""
        column = self.column(name)
        if isinstance(column, Words):
            marks = Marks.of([column.values], self.decimal, "make the column numbers")
            made, _ = typed(column, marks, f"{self.title}, column {name!r}", number=True)
            if isinstance(made, Words):
                value = unlike(column.values)
                row = int(np.argmax(column.codes == column.values.index(value)))
                raise ValueError(f"{self.at(row, name)}: expected a number; got {value!r}")
            column = made
        large = np.abs(column) > LARGEST
        if large.any():
            row = int(np.argmax(large))
            raise ValueError(f"{self.at(row, name)}: expected a number within {LARGEST:g}; got '{column[row]:g}'")
        return column

    def words(self, name: str) -> Words:
        """A column as words; numbers as they are spelled shortest."""
        column = self.column(name)
        return column if isinstance(column, Words) else spelled(column)

    def missing(self, name: str) -> np.ndarray:
        """Which rows have no value in a column, bool (B,)."""
        column = self.column(name)
        if not isinstance(column, Words):
            return np.isnan(column)
        return np.isin(column.codes, [k for k, value in enumerate(column.values) if not value])

    def refuse_missing(self, name: str) -> None:
        missing = self.missing(name)
        if missing.any():
            row = int(np.argmax(missing))
            raise ValueError(
                f"{self.at(row, name)}: the target is missing; fill it in or remove the row ({missing.sum()} in all)"
            )


def spelled(numbers: np.ndarray) -> Words:
    """Numbers as words, whole ones without a point; "" for NaN."""
    values, codes = np.unique(numbers, return_inverse=True)
    return Words(["" if math.isnan(value) else repr(value).removesuffix(".0") for value in values.tolist()], codes)


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _column(values: Any, name: str, label: bool) -> tuple[Column, bool]:
    """A column of pandas, polars, numpy, or any sequence, and whether it is text that may be numbers. label: text stays words,
    and whole numbers that no float64 tells apart become some."""
    kind = str(getattr(values, "dtype", ""))
    if kind == "category":  # of pandas: its values are words, whatever they are made of
        known = [*("" if value is None else str(value) for value in values.cat.categories), ""]
        return Words(known, values.cat.codes.to_numpy().astype(np.int64) % len(known)).replaced(known), False
    missing = values.isna().to_numpy() if hasattr(values, "isna") else None
    if getattr(getattr(values, "dtype", None), "kind", "") == "M":  # with a time zone too, which numpy has not
        array = np.asarray(values, "datetime64[us]")
    else:
        array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"column {name!r}: expected one value a row; got shape {array.shape}")
    if array.dtype.kind == "c":
        raise ValueError(f"column {name!r}: expected real numbers; got {array.dtype}")
    if array.dtype.kind in "mM":
        unit = array.astype(f"{array.dtype.kind}8[us]")
        return np.where(np.isnat(unit), np.nan, unit.astype(np.int64) / 1e6), False
    if label and array.dtype.kind in "iu" and len(array) and max(abs(int(array.min())), abs(int(array.max()))) > EXACT:
        return Words.of(map(str, array.tolist())), False
    if array.dtype.kind in "iuf":
        return array.astype(np.float64), False
    if missing is None:
        missing = np.array([value is None or value != value for value in array.tolist()], bool)
    given = [None if gone else value for value, gone in zip(array.tolist(), missing)]
    if all(value is None or (isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)) for value in given):
        return np.array(given, np.float64), False
    words = Words.of("" if value is None else str(value).strip() for value in given)
    if kind.startswith(("Categorical", "Enum")):  # polars' categories
        return words, False
    return words.replaced("" if value.casefold() in MISSING else value for value in words.values), not label


def as_columns(values: Value, what: str, labels: Sequence[str] = (), decimal: str | None = None) -> Table:
    """`Table.of` a frame, or of an array (B,) or (B, O), whose columns are called 0, 1, ..., and `what` it is. All of "y" are
    labels."""
    if isinstance(values, (Table, Mapping)) or hasattr(values, "columns"):
        return Table.of(values, [*map(str, values.columns)] if what == "y" else labels, decimal)
    if np.ma.isMaskedArray(values):
        raise ValueError(f"{what}: expected an array without a mask; fill it in: {what}.filled(np.nan)")
    array = np.asarray(values)
    if array.ndim not in (1, 2):
        raise ValueError(f"{what}: expected an array of shape (B, columns); got {array.shape}")
    series = [values] if array.ndim == 1 else list(array.T)
    columns = {str(k): _column(one, f"{what} {k}", what == "y" or str(k) in labels) for k, one in enumerate(series)}
    return Table._made(columns, what, decimal)


def refuse_nan(x: Table) -> None:
    """Raises ValueError for a missing number in an array, where a table's would become the mean."""
    missing = {name: np.isnan(column) for name, column in x.columns.items() if isinstance(column, np.ndarray)}
    bad = [(int(np.argmax(rows)), name) for name, rows in missing.items() if rows.any()]
    if bad:
        row, name = min(bad)
        count = int(np.any(list(missing.values()), axis=0).sum())
        raise ValueError(
            f"x: expected finite numbers; got nan at row {row}, column {name}; {counted(count, 'row')} of {len(x)} hold one "
            "(from_table fills a missing number with the mean)"
        )
