"""Text as numbers: the one rule for the columns of a file and of a frame.

A column of text is numbers where all its values are: with a decimal comma, marks between thousands, or ISO dates, which are
seconds. Words such as "-", "None" or "#N/A" are then missing numbers; those of MISSING are missing in any column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evo.core import counted
from evo.tasks.words import MISSING, Words, finite

NO_NUMBER = {*MISSING, "none", "<na>", "#n/a", "#na", "n.a.", "-", "--", "."}  # missing where the rest are numbers
COMMA = re.compile(r"[+-]?(?=,?\d)(\d+|[1-9]\d{0,2}(\.\d{3})+)?(,\d+)?([eE][+-]?\d+)?")
THOUSANDS_SAID = "commas between thousands"
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")


@dataclass(frozen=True)
class Marks:
    """How numbers are spelled: the decimal mark, and whether it was told, not inferred. separated: by commas, among which
    another stands between thousands; remedy: what to do where it may be either."""

    decimal: str
    told: bool
    remedy: str
    separated: bool = False

    @classmethod
    def of(cls, columns: Iterable[Sequence[str]], told: str | None, remedy: str, separated: bool = False) -> Marks:
        """Those of some columns' values; told: the decimal mark, where it is known."""
        return cls(told or decimal_of(columns), told is not None, remedy, separated)

    def known(self, notes: Iterable[str]) -> str | None:
        """The decimal mark by which further rows are to be read, as what was said of the columns tells; None: either."""
        grouped = any(THOUSANDS_SAID in note for note in notes)
        return self.decimal if self.told or self.decimal == "," or grouped else None


def decimal_of(columns: Iterable[Sequence[str]]) -> str:
    """A comma where a column's values are numbers with one, and not all could have it between thousands; else a point."""
    given = [[value for value in values if value.casefold() not in NO_NUMBER] for values in columns]
    commas = [[v for v in values if "," in v] for values in given if values and all(map(COMMA.fullmatch, values))]
    return "," if any(not all(map(THOUSANDS.fullmatch, values)) for values in commas) else "."


def typed(column: Words, marks: Marks, where: str, number: bool = False) -> tuple[np.ndarray | Words, str]:
    """A column of text as numbers, float64 (B,), where all its values are, and what was inferred; else the column. number:
    it holds numbers, also where all of them are missing. Raises ValueError, led by `where`, for a comma that may be either
    mark."""
    given = [value for value in column.values if value.casefold() not in NO_NUMBER]
    made, how = _as_numbers(given, marks, where)
    if not made and (given or not number):
        return column, ""
    away = [value for value in column.values if value and value not in made]
    rows = np.isin(column.codes, [column.values.index(value) for value in away]).sum()
    gone = f"{', '.join(map(repr, away))} is missing ({counted(int(rows), 'row')})" if away else ""
    numbers = np.array([made.get(value, np.nan) for value in column.values])
    return numbers[column.codes], ", ".join(filter(None, [how, gone]))


def unlike(values: Sequence[str]) -> str:
    """Of the values of a column that is not numbers, the first that is spelled like none; else the first that is none as it
    stands."""
    bad = [value for value in values if value.casefold() not in NO_NUMBER and not finite(value)]
    return next((value for value in bad if not COMMA.fullmatch(value) and not THOUSANDS.fullmatch(value)), bad[0])


def _as_numbers(values: Sequence[str], marks: Marks, where: str) -> tuple[dict[str, float], str]:
    """What `values` are as numbers, and how they are to be read; empty where one is none."""
    comma, point = (any(mark in value for value in values) for mark in ",.")
    european, grouped = all(map(COMMA.fullmatch, values)), all(finite(v) or THOUSANDS.fullmatch(v) for v in values)
    if not values:
        return {}, ""
    if european and grouped and comma and not marks.told and marks.decimal != "," and not marks.separated:
        one = next(value for value in values if "," in value)
        raise ValueError(f"{where}: is {one!r} {one.replace(',', '')} or {one.replace(',', '.')}? {marks.remedy}")
    if european and (marks.decimal == "," or (comma and not grouped and not marks.told)):
        said = ", ".join(["decimal comma"] * (marks.decimal != ",") + ["points between thousands"] * point)
        return {value: float(value.replace(".", "").replace(",", ".")) for value in values}, said
    if grouped:
        said = THOUSANDS_SAID if comma else "decimal point" * (point and marks.decimal == ",")
        return {value: float(value.replace(",", "")) for value in values}, said
    if all(map(DATE.fullmatch, values)):
        try:
            return {value: np.datetime64(value, "us").astype(np.int64) / 1e6 for value in values}, "dates, in seconds"
        except ValueError:  # the 30th of February
            return {}, ""
    return {}, ""
