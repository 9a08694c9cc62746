"""A user's file as a table: CSV as it comes from anywhere, read by pandas once its dialect is known, or Parquet.

The separator is the one with which the csv module's reader gives every row one width above 1. A number may have a decimal
comma, and words such as "-", "None" or "#N/A" for a missing one; a text column of ISO dates is seconds. `File.inferred` says
what was found, where it is not the plain way. Every fault of a file is one ValueError that names line and column.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from evo.settings import setting, settings
from evo.tasks.spelling import Marks, typed
from evo.tasks.table import Column, Table, listed
from evo.tasks.words import MISSING, Words, finite

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE = 1000  # rows by which separator, decimal mark and columns of text are guessed; what they hide, the whole file shows


@settings
class Reading:
    """How a file is read, where that is not to be inferred."""

    sep: str | None = setting(None, "separator of the CSV file; none: inferred")
    decimal: str | None = setting(None, "decimal mark of the CSV file; none: inferred", choices=(".", ","))
    missing: tuple[str, ...] = setting((), "words for a missing value, beside the usual ones")
    header: bool | None = setting(None, "whether the first line holds the names; without, they are 1, 2, ...; none: inferred")

    def contradictions(self) -> list[str]:
        return [] if self.sep is None or len(self.sep) == 1 else [f"sep: expected one character; got {self.sep!r}"]


@dataclass(frozen=True)
class File:
    """A table that was read: sha256 of the file's bytes, whether it has a line of names, and what was inferred, in words.

    decimal: the decimal mark, where a comma told it; then other files of these columns are read so. numbers: those of the
    columns of labels that hold nothing else.
    """

    table: Table
    sha256: str
    header: bool
    decimal: str | None
    inferred: list[str]
    numbers: dict[str, np.ndarray]


def read(
    path: Path,
    how: Reading,
    words: Collection[str] = (),
    labels: Collection[str] = (),
    names: Collection[Sequence[str]] = (),
    numbers: Collection[str] = (),
) -> File:
    """The table in a file. words: columns that are read as they are spelled; labels: so too, and as numbers where they are;
    names: those that the columns may have, where no line of the file holds them: a first line with a number in it is then a
    row, unless `how` tells; numbers: columns that hold numbers, also where all of them are missing here.

    Raises ValueError, naming line and column, and OSError.
    """
    raw = path.read_bytes()
    sha256 = hashlib.sha256(raw).hexdigest()
    if path.name.casefold().endswith(".parquet"):
        table = _parquet(raw, path.name, how.decimal, words, labels)
        return File(table, sha256, True, table.decimal, [], {})
    if path.name.casefold().endswith(".gz"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path.name}: not a complete gzip file ({error})") from error
    return _Text(raw, path.name, how, numbers).file(sha256, words, labels, names)


def _parquet(raw: bytes, title: str, decimal: str | None, words: Collection[str], labels: Collection[str]) -> Table:
    import pandas

    try:
        frame = pandas.read_parquet(io.BytesIO(raw))
    except ImportError as error:
        raise ValueError(f"{title}: Parquet needs pyarrow: pip install 'neuroevo[parquet]'") from error
    except Exception as error:  # pyarrow's own, which are not imported for their names
        raise ValueError(f"{title}: not a Parquet file: {' '.join(str(error).split())}") from error
    table = Table.of(frame, [*words, *labels], decimal)
    columns = {name: table.words(name) if name in words else table.columns[name] for name in table.columns}
    return replace(table, columns=columns, title=title)


class _Text:
    """A text file whose dialect has been found. rows: the first of them; lines: those that all rows end on."""

    def __init__(self, raw: bytes, title: str, how: Reading, numbers: Collection[str]):
        self.title, self.how, self.numbers = title, how, numbers
        try:
            raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            wrong = f"not UTF-8 (byte {raw[error.start]:#04x}); save the file as UTF-8"
            raise ValueError(f"{title}, line {line}: {wrong}") from error
        if b"\0" in raw:
            raise ValueError(f"{title}, line {raw[: raw.index(0)].count(10) + 1}: not CSV: a byte is 0")
        self.raw = raw.removeprefix(b"\xef\xbb\xbf")
        self.sep = how.sep or self._separator()
        self.rows = [[value.strip() for value in row] for _, row in islice(self._parsed(self.sep), SAMPLE)]
        if not self.rows:
            raise ValueError(f"{title}: empty; expected a line of column names, and rows below it")
        self.lines, widths = np.fromiter(self._widths(), np.dtype((np.int64, 2))).T
        if (widths != widths[0]).any():
            row = int(np.argmax(widths != widths[0]))
            expected = f"expected {widths[0]} values, one a column; got {widths[row]}"
            raise ValueError(f"{title}, line {self.lines[row]}: {expected}")

    def file(self, sha256: str, words: Collection[str], labels: Collection[str], names: Collection[Sequence[str]]) -> File:
        header = not (names and any(map(finite, self.rows[0]))) if self.how.header is None else self.how.header
        width = len(self.rows[0])
        if header:
            chosen = self._names()
        else:
            known = [[*one] for one in names or [[str(k + 1) for k in range(width)]] if len(one) == width]
            if not known:
                raise ValueError(f"{self.title}: expected {' or '.join(str(len(one)) for one in names)} columns; got {width}")
            chosen = known[0]
        sample = list(zip(*self.rows[header:])) or [()] * width
        self.marks = Marks.of(sample, self.how.decimal, "say --decimal . or --decimal ,", self.sep == ",")
        text = {name for name, values in zip(chosen, sample) if {name} & {*words, *labels} or not all(map(self._plain, values))}
        columns: dict[str, Column] = {}
        numbers: dict[str, np.ndarray] = {}
        notes: dict[str, list[str]] = {}
        for name, column in self._read(chosen, header, text).items():
            typed, note = (column, "") if name in words else self._typed(name, column)
            notes.setdefault(note, []).append(name)
            columns[name] = column if name in labels else typed
            if name in labels and isinstance(typed, np.ndarray):
                numbers[name] = typed
        if header and self.how.header is None and _rows_like(chosen, columns):
            raise ValueError(
                f"{self.title}, line {self.lines[0]}: expected names of columns; {', '.join(map(repr, chosen[:4]))} look like "
                "a row: say task.header=false (the columns are then called 1, 2, ...), or task.header=true if these are names"
            )
        table = Table(columns, self.title, self.lines[header:].tolist())
        return File(table, sha256, header, self.marks.known(notes), self._inferred(notes), numbers)

    def _inferred(self, notes: dict[str, list[str]]) -> list[str]:
        """In words: the separator, and what was found of some columns, where that is not the plain way."""
        plain = "\t" if ".tsv" in self.title.casefold() else ","
        found = [] if self.sep == plain else [f"separated by {SEPARATORS.get(self.sep, repr(self.sep))}s"]
        found += ["decimal comma"] if self.marks.decimal == "," else []
        for note, names in notes.items():
            found += [f"{listed(names)}: {note}"] if note else []
        return found

    def _parsed(self, sep: str) -> Iterator[tuple[int, list[str]]]:
        """Rows, and the line each ends on; an empty line is none."""
        file = io.TextIOWrapper(io.BytesIO(self.raw), encoding="utf-8", newline="")
        reader = csv.reader(file, delimiter=sep, skipinitialspace=True, strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise ValueError(f"{self.title}, line {reader.line_num}: not CSV: {error}") from error

    def _separator(self) -> str:
        widths = {sep: self._first_widths(sep) for sep in SEPARATORS}
        # From the last: of two that fit, the comma may be the decimal mark.
        even = [sep for sep, found in reversed(widths.items()) if len(set(found)) == 1 and found[0] > 1]
        return max(even or widths, key=lambda sep: widths[sep][:1])

    def _first_widths(self, sep: str) -> list[int]:
        """Of the first rows; those before a fault where there is one, with a 0."""
        found: list[int] = []
        try:
            for _, row in islice(self._parsed(sep), SAMPLE):
                found.append(len(row))
        except ValueError:  # with this separator it is not CSV; with none, the chosen one says so
            found.append(0)
        return found

    def _widths(self) -> Iterator[tuple[int, int]]:
        """The line that each row ends on, and its width; where nothing is quoted, without parsing it."""
        if b'"' in self.raw:
            return ((line, len(row)) for line, row in self._parsed(self.sep))
        file = io.TextIOWrapper(io.BytesIO(self.raw), encoding="utf-8", newline="")
        return ((number, line.count(self.sep) + 1) for number, line in enumerate(file, 1) if line.rstrip("\r\n"))

    def _names(self) -> list[str]:
        names, where = self.rows[0], f"{self.title}, line {self.lines[0]}"
        for k, name in enumerate(names):
            if not name:
                raise ValueError(f"{where}: column {k + 1} has no name; name it or remove it")
            if name in names[:k]:
                hint = "; if these are no names, say task.header=false" if self.how.header is None else ""
                raise ValueError(f"{where}: columns {names.index(name) + 1} and {k + 1} are both called {name!r}{hint}")
        return names

    def _plain(self, text: str) -> bool:
        """Whether pandas reads it as a number, or as a missing value."""
        return self._missing(text) or finite(text.replace(",", ".") if self._comma else text)

    def _missing(self, text: str) -> bool:
        return text.casefold() in MISSING or text in self.how.missing

    @property
    def _comma(self) -> bool:
        return self.marks.decimal == "," != self.sep

    def _read(self, names: Sequence[str], header: bool, text: Collection[str]) -> dict[str, Column]:
        import pandas

        spellings = {form(word) for word in MISSING for form in (str, str.upper, str.title)} | {"NaN", "-NaN"}
        frame = pandas.read_csv(
            io.BytesIO(self.raw),
            sep=self.sep,
            decimal="," if self._comma else ".",
            header=0 if header else None,
            names=list(names),
            index_col=False,
            dtype=dict.fromkeys(text, str),
            keep_default_na=False,
            na_values=[*spellings, *self.how.missing],
            skipinitialspace=True,
            low_memory=False,  # else a column's type may change on the way, and with it the spelling of what it holds
        )
        if len(frame) != len(self.lines) - header:
            raise ValueError(f"{self.title}: not CSV: {len(self.lines) - header} rows, of which pandas reads {len(frame)}")
        return {name: self._column(frame.pop(name), name in text) for name in names}

    def _column(self, series: Any, text: bool) -> Column:
        import pandas

        if not text and series.dtype.kind in "iuf":
            return series.to_numpy(np.float64)
        codes, values = pandas.factorize(series.astype(str) if series.dtype.kind == "b" else series)
        spelled = [*(str(value).strip() for value in values), ""]
        return Words(spelled, codes.astype(np.int64) % len(spelled)).replaced("" if self._missing(v) else v for v in spelled)

    def _typed(self, name: str, column: Column) -> tuple[Column, str]:
        """A column of text as numbers, where all its values are, and what was inferred."""
        if not isinstance(column, Words):
            return column, ""
        return typed(column, self.marks, f"{self.title}, column {name!r}", name in self.numbers)


def _rows_like(names: Sequence[str], columns: dict[str, Column]) -> bool:
    """Whether what should be names could stand in the rows below: numbers over numbers, or words that their columns hold too.

    Whole numbers that count up over some of the columns (years) are names.
    """
    numbers = [name for name in names if finite(name) and not isinstance(columns[name], Words)]
    held = [name for name in names if isinstance(column := columns[name], Words) and name in column.values]
    counted = all(name.isdecimal() for name in numbers) and set(np.diff([int(name) for name in numbers])) <= {1}
    return len(numbers) + len(held) == len(names) or not counted
