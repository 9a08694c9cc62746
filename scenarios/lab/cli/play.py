"""`evo play RUN`: a champion at work. In an environment it acts: in a window where there is a screen, as a GIF, or in the
terminal; on data it says what it predicts for rows of the test split, or for rows of a file; a picture it draws, as a PNG.
"""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from evo.core import Episodic, Examples, Pictorial, Scalable, Tabular
from scenarios.lab.execution.progress import meanwhile
from scenarios.lab.store import files
from scenarios.lab.study.loading import Run

EPISODES = 3  # shown one after another, where none is recorded
FRAMES, RATE = 300, 25.0  # of a film, at most; and of a second, about: a longer episode passes faster, and as smoothly
SAMPLED = 64  # frames, and rows and columns of each, that their palette is made of
ROWS = "0-9"
WIDTH = 80  # characters of a frame in the terminal, at most


class PlayError(ValueError):
    """What cannot be played, and why: one line."""


def play(
    run: Run,
    record: str | Path | None = None,
    rows: str | None = None,
    table: str | Path | None = None,
    out: TextIO | None = None,
    resolution: int | None = None,
) -> None:
    """Shows the champion of `run` on `out`, or standard output.

    record: a .gif to write instead, for tasks with an environment, or a .png, for those whose networks draw. rows: "0,5,7" or
    "0-9", of the test split; table: a CSV file instead of them; for tasks with data. resolution: score the champion on the test
    split at another resolution, for tasks that have one and networks that can be drawn anew; record is of it then. Raises
    PlayError, a ValueError; StoreError for a run whose files are missing or damaged, and for a film that cannot be written;
    RuntimeError, naming task and step, if the environment fails.
    """
    with meanwhile("loading the task"):
        task: Any = run.predictor
    out = out or sys.stdout
    record, table = (None if path is None else Path(path) for path in (record, table))
    options = {"--rows": rows, "--input": table, "--record": record}
    given = [name for name, value in options.items() if value is not None]
    picture = record if isinstance(task, Pictorial) else None
    if resolution is not None or picture is not None:
        does = "--record draws the picture" if resolution is None else "--resolution scores the champion"
        if shown := [name for name in given if name != "--record" or picture is None]:
            raise PlayError(f"{does}, {shown[0]} shows it: give only one")
        if picture is not None:
            _check_name(picture, ".png")
        model = run.champion
        if resolution is not None:
            task, model = _rescale(run, task, resolution, out)
        if picture is not None:
            _draw_picture(task, model, picture, out)
        return
    acts = isinstance(task, Episodic)
    if not acts and not isinstance(task, Examples):
        raise PlayError(f"{run.path}: a {type(task).__name__} has neither an environment nor data to play on")
    wrong = [name for name in given if (name == "--record") != acts]
    if wrong:
        kind = "an environment; use --record out.gif" if acts else "data; use --rows 0,5,7 or --input file.csv"
        raise PlayError(f"{wrong[0]} does not apply: {run.path} has {kind}")
    if rows is not None and table is not None:
        raise PlayError("--rows selects rows of the test split, --input those of a file: give only one")
    if record is not None:
        _check_name(record, ".gif")
        _write_gif(run, task, record, out)
    elif acts:
        _show(run, task, out)
    else:
        _predict(run, task, rows, table, out)


def _rescale(run: Run, task: Any, resolution: int, out: TextIO) -> tuple[Any, Any]:
    """The test metrics at another resolution, of validation where there is no test, beside those at the run's own. Returns task
    and model at that resolution."""
    if not isinstance(task, Scalable):
        raise PlayError(f"--resolution does not apply: {run.path} has a task of one resolution")
    own: Any = task  # a Task too
    try:
        other: Any = task.at(resolution)
        with meanwhile(f"drawing the network at resolution {resolution}"):
            same = (other.inputs, other.outputs) == (own.inputs, own.outputs)  # a pixel is asked for as any other
            model = run.champion if same else run.champion.at(other)
    except ValueError as error:
        raise PlayError(f"--resolution {resolution}: {str(error).removeprefix('resolution: ')}") from error
    for each, played, note in ((other, model, ""), (own, run.champion, ", the run's own")):
        split = "test" if (score := each.score(played, "test")) is not None else "validation"
        told = ", ".join(f"{name} {value:,.6g}" for name, value in (score or each.score(played, split)).items())
        print(f"{split} split at resolution {each.resolution}{note}: {told}", file=out)
    return other, model


def _draw_picture(task: Any, model: Any, path: Path, out: TextIO) -> None:
    from PIL import Image

    data, drawn = io.BytesIO(), Image.fromarray(np.round(255 * task.drawn(model)).astype(np.uint8))
    drawn.save(data, "PNG")
    files.write(path, data.getvalue())
    print(f"{drawn.width}x{drawn.height} pixels in {path}", file=out)


def _check_name(path: Path, ending: str) -> None:
    if path.suffix.lower() != ending:
        raise PlayError(f"--record {path}: expected a name that ends in {ending}")
    if not path.parent.is_dir():
        raise PlayError(f"--record {path}: there is no folder {path.parent}; make it first")


# --- an environment


def _write_gif(run: Run, task: Any, path: Path, out: TextIO) -> None:
    from PIL import Image

    with meanwhile("recording an episode"):
        film = task.film(run.champion, "test", 0, FRAMES, rate=RATE)
    if film.frames is None:
        raise PlayError(f"--record {path}: {task.name} cannot be drawn: {film.trouble}")
    # One palette for all, of some pixels of each: to find one for each frame takes eight times as long.
    every, down, right = (max(1, side // SAMPLED) for side in film.frames.shape[:3])
    palette = Image.fromarray(np.concatenate(list(film.frames[::every, ::down, ::right]))).quantize(dither=Image.Dither.NONE)
    pictures = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in film.frames)
    # A GIF counts hundredths of a second, and programs that show it slow down what is quicker than 2 of them.
    hundredths = max(2, round(100 / (film.fps * film.speed)))
    data = io.BytesIO()
    first = next(pictures)
    with meanwhile(f"writing {len(film.frames)} frames"):
        # optimize would look for a smaller palette of each frame, which takes ten times as long and saves a fifth of the bytes.
        options = {"save_all": True, "append_images": pictures, "loop": 0, "optimize": False}
        first.save(data, "GIF", duration=10 * hundredths, **options)
    files.write(path, data.getvalue())
    faster = f", {film.speed} times as fast as it was" if film.speed > 1 else ""
    print(f"{_told(0, film)}; {len(film.frames)} frames in {path}{faster}", file=out)


def _show(run: Run, task: Any, out: TextIO) -> None:
    """A few test episodes: in a window, else drawn in the terminal, else a line each."""
    if _screen():
        try:
            for episode in range(EPISODES):
                film = task.film(run.champion, "test", episode, mode="human")
                if film.trouble:
                    raise RuntimeError(film.trouble)
                print(_told(episode, film), file=out, flush=True)
            return
        except RuntimeError as error:  # a screen that is named, and not there; the environment's own faults return below
            print(f"no window: {' '.join(str(error).split())}", file=out)
    for episode in range(EPISODES):
        with meanwhile("playing an episode"):
            film = task.film(run.champion, "test", episode, FRAMES if out.isatty() else 1, rate=RATE)
        if out.isatty() and film.frames is not None:
            _draw(film, out)
        print(_told(episode, film), file=out, flush=True)
    if not out.isatty():
        print("no screen and no terminal to draw on: --record out.gif makes a film", file=out)
    elif film.frames is None:
        print(f"{task.name} cannot be drawn: {film.trouble}", file=out)


def _screen() -> bool:
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _told(episode: int, film: Any) -> str:
    return f"test episode {episode}: return {film.rewards.sum():.6g} in {len(film.rewards)} steps"


def _draw(film: Any, out: TextIO) -> None:
    """The frames over one another, each character two points: the upper half block in two colours."""
    columns, lines = shutil.get_terminal_size()
    plain = "NO_COLOR" in os.environ and os.environ["NO_COLOR"] != ""
    height, width = film.frames.shape[1:3]
    wide = max(1, min(columns - 1, WIDTH, width, int(2 * max(1, lines - 2) * width / height)))
    high = max(2, 2 * round(wide * height / width / 2))
    across = np.arange(wide) * width // wide
    down = np.arange(high) * height // high
    for k, frame in enumerate(film.frames):
        small = frame[down][:, across]
        text = "\n".join((_blocks if plain else _coloured)(small))
        print(f"\x1b[{high // 2}A" * (k > 0) + text, file=out, flush=True)
        time.sleep(1 / (film.fps * film.speed))


def _coloured(small: np.ndarray) -> Iterator[str]:
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist()):
        cells = [f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀" for a, b in zip(upper, lower)]
        yield "".join(cells) + "\x1b[0m"


def _blocks(small: np.ndarray) -> Iterator[str]:
    """Without colour: a block where a point is unlike the corner, which is background."""
    inked = (np.abs(small.astype(int) - small[0, 0]).sum(-1) > 60).astype(int)
    for upper, lower in zip(inked[::2], inked[1::2]):
        yield "".join(" ▀▄█"[k] for k in upper + 2 * lower)


# --- data


def _predict(run: Run, task: Any, rows: str | None, table: Path | None, out: TextIO) -> None:
    if table is not None:
        x, numbers, y = _rows(task, table), None, None
        seen = "as the network sees its inputs: standardised as the training data were"
        taken = "by the names of their columns" if isinstance(task, Tabular) else seen
        title = f"{len(x)} rows of {table}, taken {taken}"
    else:
        split = "test" if task.split("test") is not None else "validation"
        whole, truth = task.split(split)
        numbers = _chosen(rows, len(whole), split)
        x, y = whole[numbers], truth[numbers]
        title = f"{len(x)} of {len(whole):,} rows of the {split} split"
    predicted = task.predictions(run.champion, x, y)
    print(title, file=out)
    names = list(predicted[0])
    lines = [["row", *names, ""]]
    for k, row in enumerate(predicted):
        wrong = "predicted" in row and "truth" in row and row["predicted"] != row["truth"]
        lines.append([str(k if numbers is None else numbers[k]), *(_cell(row[name]) for name in names), "wrong" * wrong])
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip(), file=out)


def _cell(value: Any) -> str:
    """A class, a confidence or numbers, in one line; what a terminal would obey is not printed."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, str):
        return "".join(c if c.isprintable() else "?" for c in value)
    return " ".join(f"{number:.6g}" for number in value) if isinstance(value, list) else f"{value:.4f}"


def _chosen(text: str | None, count: int, split: str) -> list[int]:
    """Row numbers of "0,5,7", "0-9" or both; None: the first ten, or as many as there are."""
    if text is None:
        return list(range(min(10, count)))
    chosen: list[int] = []
    for piece in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,18})\s*(?:-\s*(\d{1,18})\s*)?", piece, re.ASCII)
        if not found:
            raise PlayError(f"--rows {text}: expected row numbers from 0, as 0,5,7 or {ROWS}; got {piece.strip()!r}")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise PlayError(f"--rows {text}: {piece.strip()} ends before it begins")
        if last >= count:
            raise PlayError(f"--rows {text}: the {split} split has rows 0 to {count - 1}")
        chosen += range(first, last + 1)
    return chosen


def _rows(task: Any, path: Path) -> np.ndarray:
    """The rows of a file, (B, inputs): by their columns, for a task that knows those of its own data."""
    from scenarios.tables import rows_of_numbers

    try:
        with meanwhile(f"reading {path}"):
            return task.encode(path) if isinstance(task, Tabular) else rows_of_numbers(path, task.inputs)
    except OSError as error:
        raise PlayError(f"--input {path}: {error.strerror}") from error
    except ValueError as error:
        raise PlayError(f"--input {' '.join(str(error).split())}") from error
