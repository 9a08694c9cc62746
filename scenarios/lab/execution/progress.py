"""What a study shows while it runs: on a terminal one live line a running seed, elsewhere plain lines now and then.

    ga seed-0  step 120  41%  best -0.182  val accuracy 0.953  at most 01:12 left  8,300 evals/s

step: how many are done. val: on the validation split. at most: the run may end before its budget is spent, when the task is
solved or by early stopping. After the last step it is said what is done then. Everything a narrow terminal cuts off stands at
the end.

The lines go to standard error, so that the table on standard output can be piped. NO_COLOR is respected by rich.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from numbers import Real
from typing import Any

from scenarios.lab.study.config import RunSpec, Study

EVERY = 5.0  # seconds between plain lines of one seed
LONGEST = 1e7  # seconds left that are worth telling
PER_SECOND = 4  # refreshes of the live lines
PATIENCE = 2.0  # seconds until it is said what is waited for


Emit = Callable[[dict[str, Any]], None]  # what takes the events of `execute`


class Line:
    """One running seed in words."""

    def __init__(self, spec: RunSpec):
        self.spec = spec
        self.row: dict[str, Any] = {}
        self.doing = ""  # after the last step
        self.began = self.printed = time.monotonic()
        self.first: float | None = None  # progress when the first row came: a resumed run does not begin at 0

    @property
    def name(self) -> str:
        return f"{self.spec.label} seed-{self.spec.seed}"

    def update(self, row: Mapping[str, Any]) -> None:
        if self.first is None:
            self.began, self.first = time.monotonic(), self.progress(row)
        self.row = dict(row)

    def progress(self, row: Mapping[str, Any]) -> float:
        """The share of the budget that is spent, on the axis that will end the run first."""
        used = {**row, "steps": row["step"] + 1}
        return max(((used.get(axis) or 0) / limit for axis, limit in self.spec.budget.items()), default=0.0)

    def cells(self) -> list[str]:
        if not self.row:
            return [self.name, "starting"]
        row, share = self.row, self.progress(self.row)
        cells = [self.name, f"step {row['step'] + 1}", self.doing or f"{min(share, 1.0):.0%}"]
        best = "best" if "fitness_best" in row else "loss"
        shown = {best: row.get("fitness_best", row.get("loss")), **_metric(row.get("validation"))}
        cells += [f"{name} {value:.4g}" for name, value in shown.items() if isinstance(value, Real)]
        if self.doing:
            return cells
        gained, spent = share - (self.first or 0.0), time.monotonic() - self.began
        if gained > 0 and share < 1 and (left := spent * (1 - share) / gained) < LONGEST:
            most = "" if self.spec.task.get("stop") == "budget" else "at most "
            cells.append(f"{most}{str(timedelta(seconds=round(left))).removeprefix('0:')} left")
        if rate := row.get("evaluations_per_second"):
            cells.append(f"{rate:,.0f} evals/s" if rate >= 10 else f"{rate:.2g} evals/s")
        return cells


def _metric(score: Any) -> dict[str, Any]:
    """The first metric of a validation score."""
    named = {f"val {name}": value for name, value in score.items() if name != "n"} if isinstance(score, Mapping) else {}
    return dict(list(named.items())[:1])


class Display:
    """Takes the runner's events. `live`: rewrite lines in place instead of adding new ones."""

    def __init__(self, study: Study, live: Any = None, write: Any = None):
        self.study, self.live = study, live
        self.write = write or (lambda text: print(text, file=sys.stderr, flush=True))
        self.lines: dict[int, Line] = {}

    def emit(self, event: Mapping[str, Any]) -> None:
        kind, index, message = event["event"], event.get("index"), event.get("message", "")
        if index is None:
            self.write(message)
        elif kind == "started":
            self.lines[index] = Line(self.study.specs[index])
        elif kind == "finishing":
            self.lines.setdefault(index, Line(self.study.specs[index])).doing = message
        elif kind == "row":
            line = self.lines.setdefault(index, Line(self.study.specs[index]))
            line.update(event["row"])
            if self.live is None and time.monotonic() - line.printed >= EVERY:
                line.printed = time.monotonic()
                self.write("  ".join(line.cells()))
        else:
            self.write(f"{Line(self.study.specs[index]).name}: {message or kind}")
            if kind != "warning":
                self.lines.pop(index, None)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        lines = ["  ".join(line.cells()) for _, line in sorted(self.lines.items())]
        return Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))


@contextmanager
def showing(study: Study) -> Iterator[Display]:
    """A Display for the block: live on a terminal (a notebook counts as one), plain elsewhere."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    if not (console.is_terminal or console.is_jupyter):
        yield Display(study)
        return
    display = Display(study, live=True, write=lambda text: console.print(text, markup=False))
    with Live(display, console=console, refresh_per_second=PER_SECOND, transient=True):
        yield display


@contextmanager
def meanwhile(words: str) -> Iterator[None]:
    """On a terminal, what is waited for, from when the block takes more than PATIENCE until it ends."""
    if not sys.stderr.isatty():
        yield
        return
    say = threading.Timer(PATIENCE, lambda: print(words, end="", file=sys.stderr, flush=True))
    say.start()
    try:
        yield
    finally:
        say.cancel()
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
