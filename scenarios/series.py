"""Sequences of your own: a .ts file, as sktime and aeon write them and the UCR and UEA archives hold them, as a scenario.

A line of the file is a sequence: numbers with commas between them, a list for each channel, a colon behind each list, and the
class (`@classLabel true A B`) or the number to be predicted (`@targetLabel true`). Sequences may differ in length. Of
NAME_TRAIN.ts a fifth validates, and NAME_TEST.ts beside it is for the test; another file is cut into 60 % train, 20 %
validation and 20 % test; both class by class. Channels, and numbers that are predicted, are standardised by the training split.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evo.core import Budget, Scenario, counted
from evo.settings import setting, settings
from evo.tasks.columns import Units, moments
from evo.tasks.sequence import SequenceTask
from evo.tasks.targets import shared, split
from scenarios.datasets import Classification, DataSettings, Regression

TRAIN, TEST = "_TRAIN.ts", "_TEST.ts"
KNOWN = ("problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength")
ANSWERS = ("classlabel", "targetlabel")


@dataclass(frozen=True)
class Series:
    """What a .ts file holds: `sequences`, arrays (T, I); `answers`, a word each; `classes` in the order of the file, or None
    where numbers are predicted; `sha256` of its bytes."""

    sequences: list[np.ndarray]
    answers: list[str]
    classes: list[str] | None
    sha256: str


def read(path: Path) -> Series:
    """The file at `path`. Raises ValueError that names the line, OSError if it cannot be read."""
    raw = path.read_bytes()
    classes, answered, begun = None, False, False
    sequences: list[np.ndarray] = []
    answers: list[str] = []
    for number, line in enumerate(raw.decode("utf-8-sig", "backslashreplace").splitlines(), 1):
        where, text = f"{path.name}, line {number}", line.strip()
        if not text or text.startswith("#"):
            continue
        if not begun:
            name, *values = text.split()
            key = name.removeprefix("@").casefold()
            begun = key == "data"
            if not name.startswith("@") or key not in ("data", *KNOWN, *ANSWERS):
                raise ValueError(f"{where}: expected a line of the head, such as @classLabel or @data; got {text[:40]!r}")
            if key == "timestamps" and values[:1] != ["false"]:
                raise ValueError(f"{where}: sequences with time stamps are not read; expected @timeStamps false")
            if key in ANSWERS and values[:1] == ["true"]:
                answered, classes = True, values[1:] if key == "classlabel" else None
            if begun and not answered:
                raise ValueError(f"{path.name}: nothing to predict: expected @classLabel true A B, or @targetLabel true")
            continue
        *channels, answer = text.split(":")
        sequences.append(_sequence(channels, where))
        if sequences[-1].shape[1] != sequences[0].shape[1]:
            raise ValueError(f"{where}: expected {counted(sequences[0].shape[1], 'channel')}, as before; got {len(channels)}")
        answers.append(_answer(answer.strip(), classes, where))
    if not sequences:
        raise ValueError(f"{path.name}: expected lines of sequences after @data; got none")
    return Series(sequences, answers, classes, hashlib.sha256(raw).hexdigest())


def _sequence(channels: list[str], where: str) -> np.ndarray:
    """(T, I) of the lists of a line."""
    try:
        lists = [np.array([float(value) for value in channel.split(",")]) for channel in channels]
    except ValueError:
        wrong = next(value for channel in channels for value in channel.split(",") if not _finite(value))
        raise ValueError(f"{where}: expected numbers; got {wrong.strip()!r}") from None
    lengths = {len(one) for one in lists}
    if len(lengths) != 1:
        raise ValueError(f"{where}: expected channels of one length, then what is predicted; got lengths {sorted(lengths)}")
    found = np.stack(lists, 1)
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: expected finite numbers; a missing one is not filled in")
    return found


def _answer(word: str, classes: list[str] | None, where: str) -> str:
    if classes is None and not _finite(word):
        raise ValueError(f"{where}: expected a number to predict; got {word!r}")
    if classes is not None and word not in classes:
        raise ValueError(f"{where}: expected one of the classes {', '.join(classes)}; got {word!r}")
    return word


def _finite(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def series_scenario(path: str, /) -> Scenario:
    """The file at `path`, and the test file beside it where there is one, as a Scenario.

    The sha256 of what was read is a setting of the task, so that a run is not continued on another file. Raises ValueError as
    `read`, and for a test file of other channels or classes; OSError if a file cannot be read.
    """
    file, beside = Path(path), Path(path.removesuffix(TRAIN) + TEST)
    files = [read(file)] + ([read(beside)] if path.endswith(TRAIN) and beside.is_file() else [])
    first, last = files[0], files[-1]
    if (last.classes is None) != (first.classes is None) or first.sequences[0].shape[1] != last.sequences[0].shape[1]:
        raise ValueError(f"{beside.name}: expected channels and answers as in {file.name}")
    y = _targets(first, first)
    parts = split(y if first.classes else len(y), (0.6, 0.2, 0.2) if len(files) == 1 else (0.8, 0.2, 0.0))
    chosen = [([first.sequences[k] for k in rows], y[rows]) for rows in parts]
    if len(files) == 2:
        chosen[2] = (last.sequences, _targets(last, first))
    if not all(len(rows) for rows, _ in chosen):
        raise ValueError(f"{file.name}: too few sequences to cut: {counted(len(y), 'sequence')}")
    mean, deviation = moments(np.concatenate(chosen[0][0]))
    units = None if first.classes else Units.fit(chosen[0][1])
    pairs = [([(one - mean) / deviation for one in x], units.standardise(y) if units else y) for x, y in chosen]
    kind = "classification" if first.classes else "regression"

    def task(options: DataSettings, network: Any) -> SequenceTask:
        values = {key: value for key, value in vars(options).items() if key != "sha256"}
        return SequenceTask(*pairs, kind=kind, classes=first.classes, units=units, network=network, **values)

    digest = hashlib.sha256("".join(one.sha256 for one in files).encode()).hexdigest()
    lengths = sorted({len(one) for x, _ in pairs for one in x})
    goal = f"{len(first.classes)} classes" if first.classes else "a number"
    length = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    what = f"{counted(sum(len(x) for x, _ in pairs), 'sequence')} of {length} ticks"
    return Scenario(
        name=_folder(file.name),
        title=f"{file.name}: {what} and {counted(len(mean), 'channel')} -> {goal}"
        + (f"; test: {beside.name}" * (len(files) - 1)),
        task=task,
        settings=_settings(Classification if first.classes else Regression, digest, shared(parts[0])),
        budget=Budget(compute=1e10),
        methods=("ga", "backprop", "linear", "random-search"),
        model={"network": "lstm", "hidden": (32,)},
        learners={"backprop": {"optimizer": "Adam", "learning_rate": 0.003, "l2": 0.0}, "neat": {"recurrent": True}},
    )


def _targets(file: Series, first: Series) -> np.ndarray:
    """(B,) classes in the order of the first file, or (B, 1) numbers. Raises ValueError for a class without an example
    there."""
    if first.classes is None:
        return np.array(file.answers, float)[:, None]
    place = {name: k for k, name in enumerate(first.classes)}
    if strange := sorted(set(file.answers) - (learned := set(first.answers))):
        expected = ", ".join(name for name in place if name in learned)
        raise ValueError(
            f"expected the classes {expected} in the test file too, as train has examples of; got {', '.join(strange)}"
        )
    return np.array([place[answer] for answer in file.answers])


def _settings(base: type, digest: str, batch: int | None) -> type:
    @settings
    class SeriesSettings(base):  # type: ignore[misc, valid-type]
        batch_size: int | None = setting(batch, "training sequences per generation, redrawn each generation; none: all", low=1)
        sha256: str = setting(digest, "sha256 of the files; others are another task", choices=(digest,))

    return SeriesSettings


def _folder(file: str) -> str:
    """A name for the file that no other has: what a folder's name cannot hold is told by a digest."""
    told = file.removesuffix(".ts").removesuffix(TRAIN.removesuffix(".ts"))
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", told).strip("-")
    return slug if slug == told else "-".join(filter(None, [slug, hashlib.sha256(file.encode()).hexdigest()[:6]]))
