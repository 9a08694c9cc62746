"""A user's own table as a scenario: `evo run table.csv --target COLUMN` (`scenarios.reading` says what files are read).

Inputs and target are by the rules of `evo.tasks`: numbers are standardised, words one-hot; a target of words or of few whole
numbers is a class, as it is spelled in the file. The splits are 60/20/20, stratified, unless they are given. The task reads
further rows of the same columns, and answers in the table's words and units.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evo.core import Budget, Scenario, State
from evo.settings import closest, describe, parse, setting, settings
from evo.tasks.columns import Columns
from evo.tasks.schema import Predictor, Schema
from evo.tasks.spelling import NO_NUMBER
from evo.tasks.supervised import SupervisedTask
from evo.tasks.table import LABEL, Column, Table
from evo.tasks.targets import FEW, Targets, beside, noted, parts_of, prepared, targets
from evo.tasks.words import Words
from scenarios.datasets import Classification, Probability, Regression
from scenarios.reading import File, Reading, read

KINDS = {"classification": Classification, "regression": Regression, "probability": Probability}
LONGEST = 100  # letters of the name, which is a folder
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@settings
class TableReading(Reading):
    """What of a file is used, and as what."""

    drop: tuple[str, ...] = setting((), "columns that are not used")
    categories: tuple[str, ...] = setting((), "columns of numbers that are only names (codes, postcodes)")
    split: str | None = setting(None, "the column that says train, validation or test of each row; none: 60/20/20, drawn")
    sizes: tuple[float, ...] = setting(
        (), "shares of train, validation and test, in the order of the rows", above=0.0, below=1.0
    )
    validation: str | None = setting(None, "file of the validation rows; then all of the table's are for training")
    test: str | None = setting(None, "file of the test rows")

    def contradictions(self) -> list[str]:
        ways = [self.split is not None, bool(self.sizes), self.validation is not None or self.test is not None]
        wrong = super().contradictions()
        if sum(ways) > 1:
            wrong.append("split, sizes, and validation with test are three ways to say one thing: give one")
        if self.sizes and (len(self.sizes) != 3 or abs(sum(self.sizes) - 1) > 1e-9):
            wrong.append(f"sizes: expected three shares whose sum is 1; got {list(self.sizes)}")
        if (self.validation is None) != (self.test is None):
            wrong.append("validation, test: give both files, or none")
        return wrong


@settings
class NoSettings:
    """Of what only predicts."""


READ = [one.name for one in describe(TableReading)]


@dataclass(frozen=True)
class Rows:
    """How further rows of a table's file are read: the names of its columns in their order, and of those predicted."""

    order: tuple[str, ...]
    target: tuple[str, ...]
    how: TableReading

    def encode(self, columns: Columns, path: str | Path) -> np.ndarray:
        words = {one.name for one in columns.categories} | {*columns.ignored}
        numbers = [one.name for one in columns.numbers]
        without = [name for name in self.order if name not in self.target]
        return columns.encode(read(Path(path), self.how, words, names=(self.order, without), numbers=numbers).table)


class TableTask(SupervisedTask):
    """A task that reads further rows as they stand in a table's file."""

    columns: Columns

    def __init__(self, *pairs: Any, rows: Rows, **rest: Any):
        super().__init__(*pairs, **rest)
        self._rows, self._target = rows, rows.target

    def encode(self, path: str | Path) -> np.ndarray:
        """The rows of a file with the table's columns, in any order, the target's or not, as inputs (B, I).

        Raises ValueError that names line and column, OSError if the file cannot be read.
        """
        return self._rows.encode(self.columns, path)

    def description(self) -> State:
        how = self._rows.how
        reading = {one.name: getattr(how, one.name) for one in describe(TableReading)}
        told = {"schema": self.schema.to_json(), "class_weights": self.class_weights}
        return {**told, "order": self._rows.order, "reading": reading}


class TablePredictor(Predictor):
    """A table's task as its `description` tells it, without its rows."""

    def __init__(self, description: str, network: Any, whole: Callable[[], Any]):
        """description: as JSON. Raises ValueError for one that no table's task gave."""
        wrong = ["no columns"]
        try:
            told = json.loads(description)
            schema, order = Schema.from_json(told["schema"]), tuple(told["order"])
            how, wrong = parse(TableReading, told["reading"], "reading.")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the description of a table's task: {type(error).__name__}: {error}") from error
        if how is None or schema.columns is None:
            raise ValueError(f"not the description of a table's task: {'; '.join(wrong)}")
        super().__init__(schema, network, whole)
        self.class_weights = bool(told.get("class_weights"))  # which decides how an estimator is fitted again
        self._columns, self._rows = schema.columns, Rows(order, schema.target, how)

    def encode(self, path: str | Path) -> np.ndarray:
        """As of `TableTask`."""
        return self._rows.encode(self._columns, path)


def table_scenario(path: str, target: str, kind: str | None = None, /, **options: Any) -> Scenario:
    """The table at `path` as a Scenario that predicts the column `target` from all others.

    target: "a,b" are several columns, where no column is called so. kind: "classification", "regression", "probability", or
    None to infer it. options: settings of the task, of which those of `TableReading` say how the file is read. The title tells
    what was inferred. The sha256 of what was read is a setting of the task, so that a run is not continued on another table.
    Raises ValueError as above, OSError if a file cannot be read.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"task: expected one of {', '.join(KINDS)}; got {kind!r}{closest(kind, KINDS)}")
    how, wrong = parse(TableReading, {key: value for key, value in options.items() if key in READ}, "task.")
    if how is None:
        raise ValueError("; ".join(wrong))
    several = target.split(",")
    file = read(Path(path), how, words=_spelled(how), labels={target, *several})
    names = several if target not in file.table.columns and set(several) <= {*file.table.columns} else [target]
    others = beside(file.table, names, {"task.drop": how.drop, "task.split": [how.split] if how.split else []})
    for name in how.categories:
        file.table.column(name)
    how, files = replace(how, header=file.header, decimal=file.decimal), [file]
    if how.validation is not None and how.test is not None:
        words = {name for name, column in file.table.columns.items() if isinstance(column, Words)} - {*names}
        numbers = {*file.table.columns} - words - {*names}
        files += [read(Path(other), how, words, names, numbers=numbers) for other in (how.validation, how.test)]
    parts = [_targeted(each, names, kind) for each in files]
    table = parts[0] if len(parts) == 1 else _stacked(parts)
    found = targets(table, names, kind)
    rows = _given(table, how, [len(part) for part in parts]) or parts_of(found, table)
    pairs, values = prepared(table, found, rows, others)

    def task(options: Any, network: Any) -> TableTask:
        chosen = {key: value for key, value in vars(options).items() if key not in (*READ, "sha256")}
        return TableTask(*pairs, rows=Rows((*table.columns,), (*names,), how), network=network, **(values | chosen))

    batch, notes = values["batch_size"], [*file.inferred, *noted(table, values["columns"], others)]
    return Scenario(
        name=_folder(Path(path).name, target),
        title="".join(
            [
                f"{table.title}: {len(table)} rows, {values['columns']} -> {target}, {_goal(found)}",
                f"; fitness on {batch:,} of {len(rows[0]):,} training rows, redrawn each generation" if batch else "",
                f"; read as {'; '.join(notes)}" if notes else "",
            ]
        ),
        task=task,
        settings=_settings(KINDS[found.kind], _digest(files), batch),
        budget=Budget(evaluations=10_000),
        methods=("ga", "backprop", "linear", "random-search"),
    )


def rows_of_numbers(path: str | Path, count: int) -> np.ndarray:
    """The rows of a file of `count` columns of numbers, as they stand there, float32 (B, count); it may have a line of names.

    Raises ValueError that names line and column, OSError if the file cannot be read.
    """
    table = read(Path(path), Reading(), names=[[str(k + 1) for k in range(count)]]).table
    if len(table.columns) != count or not len(table):
        raise ValueError(f"{table.title}: expected rows of {count} numbers; got {len(table)} of {len(table.columns)}")
    for name in table.columns:
        if table.missing(name).any():
            row = int(np.argmax(table.missing(name)))
            raise ValueError(f"{table.at(row, name)}: expected a number; it is missing")
    return np.column_stack([table.numbers(name) for name in table.columns]).astype(np.float32)


def predicting(name: str, description: str, whole: Callable[[], Any]) -> Scenario:
    """A table's scenario without the table, as the description of its task tells it (`TablePredictor`)."""
    task = lambda options, network: TablePredictor(description, network, whole)
    return Scenario(name=name, title=name, task=task, settings=NoSettings, budget=Budget(), methods=())


def _spelled(how: TableReading) -> set[str]:
    """The columns whose values are words, whatever they look like."""
    return {*how.categories} | ({how.split} if how.split else set())


def _targeted(file: File, names: Sequence[str], kind: str | None) -> Table:
    """The table of a file, whose targets are numbers, or words where they are classes."""
    return replace(file.table, columns=dict(file.table.columns) | {name: _target(file, name, names, kind) for name in names})


def _target(file: File, name: str, names: Sequence[str], kind: str | None) -> Column:
    column, numbers = file.table.column(name), file.numbers.get(name)
    if numbers is None or not isinstance(column, Words):
        return column
    different = np.unique(numbers[~np.isnan(numbers)])
    labels = any(map(LABEL.fullmatch, column.values)) or (
        len(different) <= FEW and np.equal(different, np.rint(different)).all()
    )
    if len(names) > 1 or kind in ("regression", "probability") or (kind is None and not labels):
        return numbers
    return column.replaced("" if v.casefold() in NO_NUMBER else re.sub(r"\.0+$", "", v) for v in column.values)


def _stacked(tables: Sequence[Table]) -> Table:
    """The rows of several tables with the columns of the first, one below the other."""
    first, columns = tables[0], dict(tables[0].columns)
    for table in tables[1:]:
        for name in table.columns:
            first.column(name)
    for name, column in first.columns.items():
        if isinstance(column, Words):
            spelled = [table.words(name) for table in tables]
            columns[name] = Words.of(words.values[code] for words in spelled for code in words.codes.tolist())
        else:
            columns[name] = np.concatenate([table.numbers(name) for table in tables])
    lines = [f"{line} of {table.title}" for table in tables for line in table.lines or range(len(table))]
    return Table(columns, first.title, lines, first.inferred)


def _given(table: Table, how: TableReading, sizes: Sequence[int]) -> list[np.ndarray] | None:
    """The rows of train, validation and test, where they are given. sizes: rows of each file that was read."""
    if how.sizes:
        sizes = np.diff(np.rint(np.cumsum([0.0, *how.sizes]) * len(table)).astype(int)).tolist()
    if len(sizes) == 3:
        rows = np.split(np.arange(len(table)), np.cumsum(sizes)[:2])
    elif how.split is None:
        return None
    else:
        words = table.words(how.split)
        known = [SPLITS.get(value.casefold(), "") for value in words.values]
        if "" in (named := [known[code] for code in words.codes.tolist()]):
            row = named.index("")
            got = words.values[words.codes[row]]
            raise ValueError(f"{table.at(row, how.split)}: expected train, validation or test; got {got!r}")
        rows = [np.flatnonzero(np.array(named) == name) for name in ("train", "validation", "test")]
    for name, part in zip(("train", "validation", "test"), rows):
        if not len(part):
            raise ValueError(f"{table.title}: no row is for {name}")
    return rows


def _goal(found: Targets) -> str:
    if found.kind == "regression":
        return f"{'a number' if found.y.shape[1] == 1 else f'{found.y.shape[1]} numbers'} (standardised)"
    count = len(found.classes) if found.classes is not None else found.y.shape[1]
    return f"one of {count} classes" if found.classes else f"{count} probabilities"


def _folder(file: str, target: str) -> str:
    """A name for file and target that no others have: what a folder's name cannot hold is told by a digest."""
    told = f"{file.removesuffix('.csv')}-{target}"
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", told).strip("-")[:LONGEST]
    if slug == told and "-" not in target:
        return slug
    return "-".join(filter(None, [slug, hashlib.sha256(f"{file}\n{target}".encode()).hexdigest()[:6]]))


def _digest(files: Sequence[File]) -> str:
    (first, *others) = [file.sha256 for file in files]
    return hashlib.sha256("".join([first, *others]).encode()).hexdigest() if others else first


def _settings(base: type, digest: str, batch: int | None) -> type:
    @settings
    class TableSettings(TableReading, base):  # type: ignore[misc, valid-type]
        batch_size: int | None = setting(batch, "training rows per generation, redrawn each generation; none: all", low=1)
        sha256: str = setting(digest, "sha256 of the files; others are another task", choices=(digest,))

    return TableSettings
