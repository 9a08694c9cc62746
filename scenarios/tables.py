"""A user's own table (CSV) as a scenario: `evo run table.csv --target COLUMN`.

A column is a number where every value is one, else a category, which becomes one input a value (one-hot; a missing
value is a value of its own; beyond 32 values the rarest share an input). Missing numbers become the mean. Means,
deviations and the list of values are those of the training part (60/20/20, stratified), which standardises numbers.
The target is a class where it is a category or takes few whole values, else a number, in units of its standard
deviation. Every fault of the file is one ValueError that names line and column.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from evo.core import Budget, Scenario
from evo.settings import did_you_mean, setting, settings
from evo.supervised import SupervisedTask, split
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
        values = [_number(text) for text in self.columns[column]]
        if None in values or np.isnan(numbers := np.array(values, np.float64)).all():
            return None
        for row in np.flatnonzero(np.abs(numbers) > LARGEST)[:1]:
            raise ValueError(f"{self._at(row, column)}: expected a number within {LARGEST:g}; got {self.columns[column][row]}")
        return numbers

    def _at(self, row: int, column: str) -> str:
        return f"{self.file}, line {self.lines[row]}, column {column!r}"

    def refuse_missing(self, column: str) -> None:
        for row, text in enumerate(self.columns[column]):
            if text.casefold() in MISSING:
                raise ValueError(f"{self._at(row, column)}: the target is missing; fill it in or remove the row")


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
    x, said = _inputs(table, target, parts[0])
    if classes is None:
        y = StandardScaler().fit(y[parts[0], None]).transform(y[:, None]).astype(np.float32)

    def task(options: Any, network: Any) -> SupervisedTask:
        values = {key: value for key, value in vars(options).items() if key != "sha256"}
        kind = "regression" if classes is None else "classification"
        return SupervisedTask(*[(x[rows], y[rows]) for rows in parts], kind=kind, network=network, classes=classes, **values)

    goal = "a number (standardised), judged by r2" if classes is None else f"one of {len(classes)} classes, judged by accuracy"
    return Scenario(
        name=re.sub(r"[^A-Za-z0-9_-]+", "-", f"{Path(path).stem}-{target}").strip("-")[:LONGEST] or "table",
        title=f"{table.file}: {len(y)} rows, {said} -> {target}, {goal}",
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
        if numbers is None:
            row = next(row for row, text in enumerate(texts) if _number(text) is None)
            raise ValueError(f"{table._at(row, target)}: expected a number, for regression; got {texts[row]!r}")
        return numbers, None
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


def _inputs(table: Table, target: str, train: np.ndarray) -> tuple[np.ndarray, str]:
    """All other columns as float32 (B, I), fitted to the rows `train` alone; and what they were taken for, in words."""
    others = {column: table.numbers(column) for column in table.columns if column != target}
    numbers = [values for values in others.values() if values is not None]
    categories = [
        ["" if text.casefold() in MISSING else text for text in table.columns[column]]
        for column, values in others.items()
        if values is None
    ]
    blocks = []
    if numbers:
        values = np.column_stack(numbers)
        scaler = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()).fit(values[train])
        blocks.append(scaler.transform(values))
    if categories:
        values = np.array(categories, object).T
        encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=32, sparse_output=False)
        blocks.append(encoder.fit(values[train]).transform(values))
    counted = [(len(numbers), "number", "numbers"), (len(categories), "category", "categories")]
    said = " and ".join(f"{n} {one if n == 1 else many}" for n, one, many in counted if n)
    return np.hstack(blocks).astype(np.float32), said


def _settings(base: type, digest: str) -> type:
    @settings
    class TableSettings(base):  # type: ignore[misc, valid-type]
        sha256: str = setting(digest, "the table that this is about; another file is another task", choices=(digest,))

    return TableSettings
