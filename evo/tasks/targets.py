"""What of a table is to be learned, and by which rows: classes where it is words or few whole numbers, else numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo import rng
from evo.core import counted
from evo.tasks.columns import Columns, Units
from evo.tasks.table import Table, listed
from evo.tasks.words import Words, finite

Pair = tuple[npt.ArrayLike, npt.ArrayLike]


class Rows(NamedTuple):
    """A split: inputs (B, I) and targets."""

    x: Tensor
    y: Tensor


FEW = 10  # a target of at most so many different whole numbers is a class
FEWEST = 5  # rows of each class, and half of those of a table: less cannot be cut 60/20/20
LARGE, SHARED = 20_000, 2_000  # training rows from which evolution scores a generation on a minibatch, and of how many


@dataclass(frozen=True)
class Targets:
    """What is to be learned: names of the columns, the kind of task, y (B,) classes or (B, O) numbers, names of the classes."""

    names: Sequence[str]
    kind: str
    y: np.ndarray
    classes: list[str] | None = None


def targets(table: Table, names: Sequence[str], kind: str | None) -> Targets:
    """The columns `names` as what is to be learned; kind None: as they are.

    One column: classes where it is words or at most FEW different whole numbers. Several: a one-hot of classes, or 0s and 1s,
    which are probabilities of their own, or numbers. Raises ValueError, naming the column.
    """
    for name in names:
        table.refuse_missing(name)
    if len(names) > 1:
        return _several(table, names, kind)
    (name,) = names
    column = table.column(name)
    words = table.words(name)
    values = [words.values[k] for k in np.unique(words.codes)]
    if len(values) == 1:
        raise ValueError(f"{table.title}: the target {name!r} is {values[0]!r} in every row: there is nothing to learn")
    if kind is None:
        few = isinstance(column, Words) or (len(values) <= FEW and np.equal(column, np.rint(column)).all())
        kind = "classification" if few else "regression"
    if kind != "classification":
        return Targets(names, kind, _numbers(table, names, kind))
    order = sorted(values, key=_by_number if all(map(finite, values)) else None)
    rank = {value: k for k, value in enumerate(order)}
    return Targets(names, kind, np.array([rank.get(value, -1) for value in words.values], np.int64)[words.codes], order)


def beside(table: Table, names: Sequence[str], others: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns that are no inputs: the targets `names`, and those that the `others` name. Raises ValueError for a target
    that is named twice, or by another too, and a column that is not there."""
    for k, name in enumerate(names):
        table.column(name)
        if name in names[:k]:
            raise ValueError(f"{table.title}: the target {name!r} is named twice")
    for what, columns in others.items():
        for name in columns:
            table.column(name)
            if name in names:
                raise ValueError(f"{table.title}: {what} names {name!r}, which is the target")
    return [*names, *(name for columns in others.values() for name in columns)]


def _by_number(text: str) -> tuple[float, str]:
    return float(text), text


def _numbers(table: Table, names: Sequence[str], kind: str | None) -> np.ndarray:
    """The columns `names`, (B, O). Raises ValueError for words that stand for missing numbers, and what is no probability
    where these are learned."""
    numbers = replace(table, columns={name: table.numbers(name) for name in names})
    for name in names:
        numbers.refuse_missing(name)
    y = np.column_stack([numbers.numbers(name) for name in names])
    wrong = (y < 0) | (y > 1)
    if kind == "probability" and wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(f"{table.at(row, names[column])}: expected a probability, from 0 to 1; got {y[row, column]:g}")
    return y


def _several(table: Table, names: Sequence[str], kind: str | None) -> Targets:
    y = _numbers(table, names, kind)
    binary = bool(((y == 0) | (y == 1)).all())
    one_hot = binary and bool((y.sum(1) == 1).all())
    if kind == "classification" and not one_hot:
        raise ValueError(f"{table.title}: several targets are classes only where each row has one 1 among 0s")
    if one_hot and kind in (None, "classification"):
        return Targets(names, "classification", y.argmax(1), list(names))
    return Targets(names, kind or ("probability" if binary else "regression"), y)


def parts_of(found: Targets, table: Table) -> tuple[np.ndarray, ...]:
    """The rows of train, validation and test. Raises ValueError where a table has too few rows, or a class has."""
    if len(table) < 2 * FEWEST:
        raise ValueError(f"{table.title}: expected at least {2 * FEWEST} rows to cut 60/20/20; got {len(table)}")
    if found.classes is None:
        return split(len(found.y))
    counts = np.bincount(found.y, minlength=len(found.classes))
    if (counts < FEWEST).any():
        rare = int(np.argmax(counts < FEWEST))
        row = int(np.argmax(found.y == rare))
        where = f"row {row}" if table.lines is None else f"line {table.lines[row]}"
        raise ValueError(
            f"{table.title}, column {found.names[0]!r}: expected at least {FEWEST} rows of each class, to cut 60/20/20; "
            f"class {found.classes[rare]!r} ({where}) has {counts[rare]}"
            + ("; is it a number? then say regression" if all(map(finite, found.classes)) else "")
        )
    return split(found.y)


def split(y: npt.ArrayLike, shares: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0) -> tuple[np.ndarray, ...]:
    """Row numbers of train, validation and test: class by class where y holds classes (B,), or of `y` rows, an int."""
    groups = [np.arange(y)] if isinstance(y, int) else [np.flatnonzero(np.asarray(y) == k) for k in np.unique(y)]
    parts: list[list[np.ndarray]] = [[], [], []]
    for number, rows in enumerate(groups):
        rows = rows[rng.permutation(seed, 0, number, rng.SPLIT, len(rows))]
        ends = np.rint(np.cumsum(shares)[:2] * len(rows)).astype(int)
        for part, chunk in zip(parts, np.split(rows, ends)):
            part.append(chunk)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def prepared(
    table: Table, found: Targets, parts: Sequence[np.ndarray], beside: Sequence[str]
) -> tuple[list[tuple[np.ndarray, np.ndarray]], dict[str, Any]]:
    """What `SupervisedTask` is made of, to learn `found` from a table's columns but those `beside`: the pairs (x, y) of the
    splits, whose rows are `parts`, and keywords. Raises ValueError where the target is the same in every training row, or
    another split has a class that these lack."""
    columns, units, y = Columns.fit(table, parts[0], beside), None, found.y
    if len(found.names) == 1 and (y[parts[0]] == (first := y[parts[0][0]])).all():
        value = found.classes[first] if found.classes else f"{first[0]:g}"
        raise ValueError(
            f"{table.title}: the target {found.names[0]!r} is {value!r} in every training row: there is nothing to learn"
        )
    for name, rows in zip(("validation", "test"), parts[1:]) if found.classes else ():
        new = y[rows][~np.isin(y[rows], y[parts[0]])]
        if len(new):
            many, label = counted(int((new == new[0]).sum()), "row"), found.classes[new[0]]  # type: ignore[index]
            raise ValueError(f"{table.title}: {name}: {many} of class {label!r}, of which train has none to learn from")
    if found.kind == "regression":
        units = Units.fit(y[parts[0]])
        y = units.standardise(y)
    x = columns.inputs(table)
    values = {"kind": found.kind, "classes": found.classes, "columns": columns, "units": units, "batch_size": shared(parts[0])}
    return [(x[rows], y[rows]) for rows in parts], values


def noted(table: Table, columns: Columns, beside: Sequence[str]) -> list[str]:
    """In words, what of a table is taken otherwise than it stands there: what was inferred, and columns that are left out."""
    empty = [name for name in columns.ignored if name not in beside]
    return [*table.inferred, *([f"left out, without a value in the training rows: {listed(empty)}"] if empty else [])]


def warn(notes: Sequence[str]) -> None:
    """Warns of each note, where the caller was called."""
    for note in notes:
        warnings.warn(note, stacklevel=3)


def shared(train: np.ndarray) -> int | None:
    """On how many of the training rows evolution scores a generation, where that is not said; None: on all."""
    return SHARED if len(train) > LARGE else None


def tensors(pair: Pair, kind: str, name: str) -> Rows:
    """The split called `name`, checked: x (B, I) float32, and y as its kind wants it (`evo.tasks.metrics`)."""
    x, y = torch.as_tensor(pair[0]).detach().cpu().float(), torch.as_tensor(pair[1]).detach().cpu()
    if x.ndim < 2 or y.ndim < 1:
        raise ValueError(f"{name}: expected x of shape (B, I), and y with B rows; got {tuple(x.shape)} and {tuple(y.shape)}")
    x = x.flatten(1).contiguous()
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{name}: expected as many rows in x as in y, at least one; got {len(x)} and {len(y)}")
    if not x.isfinite().all():
        row, column = (~x.isfinite()).nonzero()[0].tolist()
        more = f"{int((~x.isfinite()).any(1).sum())} rows hold NaN or infinite numbers"
        raise ValueError(f"{name}: expected finite numbers in x; got {x[row, column]:g} at row {row}, column {column}; {more}")
    if kind == "classification":
        if y.ndim != 1 or y.is_floating_point() or y.min() < 0:
            raise ValueError(
                f"{name}: classification needs y of shape (B,), whole numbers from 0; got {y.dtype} {tuple(y.shape)}"
            )
        return Rows(x, y.long())
    y = y.float().reshape(len(y), -1)
    if not y.isfinite().all() or (kind == "probability" and (y.min() < 0 or y.max() > 1)):
        raise ValueError(f"{name}: y must be finite{', and within [0, 1]' if kind == 'probability' else ''}")
    return Rows(x, y)
