"""A user's own table (CSV) as a scenario: `evo run table.csv --target COLUMN`.

A column is a number where every value is one, else a category, which becomes one input a value (one-hot; a missing
value is a value of its own; beyond 32 values the rarest share an input). Missing numbers become the mean. Means,
deviations and the list of values are those of the training split (60/20/20, stratified), which standardises numbers.
The target is a class where it is a category or takes few whole values, else a number, in units of its standard
deviation. The task reads further rows of the same columns, and answers in the table's words and units. Every fault of a
file is one ValueError that names line and column.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from evo.core import Budget, Scenario
from evo.settings import did_you_mean, setting, settings
from evo.tasks.supervised import SupervisedTask, split
from scenarios.datasets import Classification, Regression

MISSING = {"", "?", "na", "n/a", "nan", "null"}  # in any case of letters
KINDS = ("classification", "regression")
FEW = 10  # a target of at most so many different whole numbers is a class
FEWEST = 5  # rows of each class, and half of those of a table: less cannot be cut 60/20/20
LONGEST = 100  # letters of the name, which is a folder
LARGEST = 1e30  # networks compute in 32 bits


@dataclass(frozen=True)
class Table:
    """What a file holds: values by column, and the line of the file that each row ends on."""

    file: str
    columns: dict[str, list[str]]
    lines: list[int]
    sha256: str

    def numbers(self, column: str) -> np.ndarray | None:
        """The column as float64 (B,), NaN where missing; None if a value is not a number, or there is none at all."""
        if None in self._values[column] or np.isnan(numbers := self.as_numbers(column)).all():
            return None
        return numbers

    def as_numbers(self, column: str) -> np.ndarray:
        """The column as float64 (B,), NaN where missing. Raises ValueError at a value that is no number, or too large."""
        values = self._values[column]
        numbers = np.array(values, np.float64)
        if None in values or (np.abs(numbers) > LARGEST).any():
            row = next(row for row, value in enumerate(values) if value is None or abs(value) > LARGEST)
            within = "" if values[row] is None else f" within {LARGEST:g}"
            raise ValueError(f"{self.at(row, column)}: expected a number{within}; got {self.columns[column][row]!r}")
        return numbers

    def categories(self, column: str) -> list[str]:
        """The column's values, "" where missing."""
        return ["" if text.casefold() in MISSING else text for text in self.columns[column]]

    @cached_property
    def _values(self) -> dict[str, list[float | None]]:
        return {column: [_number(text) for text in texts] for column, texts in self.columns.items()}

    def at(self, row: int, column: str) -> str:
        return f"{self.file}, line {self.lines[row]}, column {column!r}"

    def refuse_missing(self, column: str) -> None:
        for row, text in enumerate(self.columns[column]):
            if text.casefold() in MISSING:
                raise ValueError(f"{self.at(row, column)}: the target is missing; fill it in or remove the row")


class Inputs:
    """How the columns beside the target become what a network sees: a fit to the rows `train` of a table alone."""

    def __init__(self, table: Table, target: str, train: np.ndarray):
        self.target = target
        others = [column for column in table.columns if column != target]
        self.numbers = [column for column in others if table.numbers(column) is not None]
        self.categories = [column for column in others if column not in self.numbers]
        self._known: dict[str, set[str]] = {}  # values, of the categories whose values have an input each
        self._scaler = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        self._encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=32, sparse_output=False)
        if self.numbers:
            self._scaler.fit(self._numbers(table)[train])
        if self.categories:
            self._encoder.fit(self._categories(table)[train])
            shared = zip(self.categories, self._encoder.infrequent_categories_)
            self._known = {column: set(table.categories(column)) - {""} for column, rare in shared if rare is None}

    def of(self, table: Table) -> np.ndarray:
        """A table's rows as inputs, float32 (B, I). Columns in any order; that of the target is not looked at."""
        blocks = []
        if self.numbers:
            blocks.append(self._scaler.transform(self._numbers(table)))
        if self.categories:
            blocks.append(self._encoder.transform(self._categories(table)))
        return np.hstack(blocks).astype(np.float32)

    def check(self, table: Table) -> None:
        """Raises ValueError unless a table has rows, these columns, and no category that the fitted table did not have.

        A category may be new where the rare ones share an input, and missing anywhere.
        """
        expected = [*self.numbers, *self.categories]
        for column in expected:
            if column not in table.columns:
                raise ValueError(f"{table.file}: no column {column!r}{did_you_mean(column, table.columns)}")
        for column in table.columns:
            if column not in expected and column != self.target:
                raise ValueError(f"{table.file}: the data have no column {column!r}; remove it")
        if not table.lines:
            raise ValueError(f"{table.file}: no rows below the line of column names")
        for column, known in self._known.items():
            for row, value in enumerate(table.categories(column)):
                if value and value not in known:
                    raise ValueError(f"{table.at(row, column)}: unknown value {value!r}{did_you_mean(value, known)}")

    def _numbers(self, table: Table) -> np.ndarray:
        return np.column_stack([table.as_numbers(column) for column in self.numbers])

    def _categories(self, table: Table) -> np.ndarray:
        return np.array([table.categories(column) for column in self.categories], object).T

    def __str__(self) -> str:
        counted = [(len(self.numbers), "number", "numbers"), (len(self.categories), "category", "categories")]
        return " and ".join(f"{n} {one if n == 1 else many}" for n, one, many in counted if n)


class TableTask(SupervisedTask):
    """A task that reads rows as they stand in a table, and answers in the units of its target.

    units: (mean, deviation) of the target, which is standardised by them; None for classes.
    """

    def __init__(self, *parts: Any, columns: Inputs, units: tuple[float, float] | None, **rest: Any):
        super().__init__(*parts, **rest)
        self.columns, self.units = columns, units

    def encode(self, path: str | Path) -> np.ndarray:
        """The rows of a CSV file with the table's columns, in any order, the target's or not, as inputs (B, I).

        Raises ValueError that names line and column, OSError if the file cannot be read.
        """
        table = read(Path(path))
        self.columns.check(table)
        return self.columns.of(table)

    def decode(self, values: Any) -> list[Any]:
        if self.units is None:
            return super().decode(values)
        mean, deviation = self.units
        return super().decode(torch.as_tensor(values).detach().cpu().double() * deviation + mean)


def table_scenario(path: str, target: str, kind: str | None = None) -> Scenario:
    """The table at `path` as a Scenario that predicts the column `target` from all others.

    kind: "classification", "regression", or None to infer it. The title tells what was inferred. The file's sha256 is
    a setting of the task, so that a run is not continued on another table.
    Raises ValueError as above, OSError if the file cannot be read.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"task: expected one of {', '.join(KINDS)}; got {kind!r}{did_you_mean(kind, KINDS)}")
    table = read(Path(path))
    if target not in table.columns:
        raise ValueError(f"{table.file}: no column {target!r}{did_you_mean(target, table.columns)}")
    if len(table.columns) == 1:
        raise ValueError(f"{table.file}: expected columns beside the target {target!r}; there are none")
    if len(table.lines) < 2 * FEWEST:
        raise ValueError(f"{table.file}: expected at least {2 * FEWEST} rows to cut 60/20/20; got {len(table.lines)}")
    table.refuse_missing(target)
    y, classes = _target(table, target, kind)
    parts = split(len(y) if classes is None else y)
    columns, units = Inputs(table, target, parts[0]), None
    x = columns.of(table)
    if classes is None:
        scaler = StandardScaler().fit(y[parts[0], None])
        y, units = scaler.transform(y[:, None]).astype(np.float32), (float(scaler.mean_[0]), float(scaler.scale_[0]))

    def task(options: Any, network: Any) -> TableTask:
        values = {key: value for key, value in vars(options).items() if key != "sha256"}
        values.update(kind="regression" if classes is None else "classification", network=network, classes=classes)
        return TableTask(*[(x[rows], y[rows]) for rows in parts], columns=columns, units=units, **values)

    goal = "a number (standardised), judged by r2" if classes is None else f"one of {len(classes)} classes, judged by accuracy"
    return Scenario(
        name=re.sub(r"[^A-Za-z0-9_-]+", "-", f"{Path(path).stem}-{target}").strip("-")[:LONGEST] or "table",
        title=f"{table.file}: {len(y)} rows, {columns} -> {target}, {goal}",
        task=task,
        settings=_settings(Regression if classes is None else Classification, table.sha256),
        budget=Budget(evaluations=10_000),
        methods=("ga", "backprop", "linear", "random-search"),
    )


def read(path: Path) -> Table:
    """The table in a CSV file: UTF-8, a first line of names, separated by commas, semicolons or tabs."""
    raw, file = path.read_bytes(), path.name
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(f"{file}, line {line}: not UTF-8 (byte {raw[error.start]:#04x}); save the file as UTF-8") from error
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    lines, rows = [], []
    try:
        for row in reader:
            if row:  # an empty line is none
                lines.append(reader.line_num)
                rows.append([value.strip() for value in row])
    except csv.Error as error:
        raise ValueError(f"{file}, line {reader.line_num}: not CSV: {error}") from error
    if not rows:
        raise ValueError(f"{file}: empty; expected a line of column names, and rows below it")
    names, rows = rows[0], rows[1:]
    for k, name in enumerate(names):
        if not name:
            raise ValueError(f"{file}, line {lines[0]}: column {k + 1} has no name; name it or remove it")
        if name in names[:k]:
            raise ValueError(f"{file}, line {lines[0]}: columns {names.index(name) + 1} and {k + 1} are both called {name!r}")
    for line, row in zip(lines[1:], rows):
        if len(row) != len(names):
            raise ValueError(f"{file}, line {line}: expected {len(names)} values, one a column; got {len(row)}")
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    return Table(file, columns, lines[1:], hashlib.sha256(raw).hexdigest())


def _number(text: str) -> float | None:
    """A value as a number, NaN where it is missing, None where it is neither."""
    if text.casefold() in MISSING:
        return np.nan
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _target(table: Table, target: str, kind: str | None) -> tuple[np.ndarray, list[str] | None]:
    """The target as classes int64 (B,) with their names, or as numbers float64 (B,) with None."""
    texts, numbers = table.columns[target], table.numbers(target)
    if kind is None:
        few = numbers is not None and (numbers == np.rint(numbers)).all() and len(np.unique(numbers)) <= FEW
        kind = "classification" if numbers is None or few else "regression"
    if len(set(texts)) == 1 or (numbers is not None and len(np.unique(numbers)) == 1):
        raise ValueError(f"{table.file}: the target {target!r} is {texts[0]!r} in every row: there is nothing to learn")
    if kind == "regression":
        return table.as_numbers(target), None
    values, y, counts = np.unique(texts if numbers is None else numbers, return_inverse=True, return_counts=True)
    classes = [str(value) if numbers is None else str(value).removesuffix(".0") for value in values]
    for k in np.flatnonzero(counts < FEWEST)[:1]:
        line = table.lines[int(np.flatnonzero(y == k)[0])]
        raise ValueError(
            f"{table.file}, column {target!r}: expected at least {FEWEST} rows of each class, to cut 60/20/20; "
            f"class {classes[k]!r} (line {line}) has {counts[k]}"
            + ("; --task classification|regression decides" if numbers is not None else "")
        )
    return y, classes


def _settings(base: type, digest: str) -> type:
    @settings
    class TableSettings(base):  # type: ignore[misc, valid-type]
        sha256: str = setting(digest, "sha256 of the CSV file; another file is another task", choices=(digest,))

    return TableSettings
