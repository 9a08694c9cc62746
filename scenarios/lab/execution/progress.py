"""What a study shows while it runs: on a terminal one live line a running seed, elsewhere plain lines now and then.

    ga seed-0  step 120  41%  best -0.182  val accuracy 0.953  at most 01:12 left  8,300 evals/s

step: how many are done. at most: the run may end before its budget is spent, when the task is solved or by early stopping.
val: on the validation split. Before the first step, and after the last, it is said what is done and for how long; so a method
of a single step, a fit, never stands at 0 %. A narrow terminal leaves out whole cells, never the label, the progress, the best
or the time.

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

from scenarios.lab.study.spec import RunSpec, Study

EVERY = 5.0  # seconds between plain lines of one seed
LONGEST = 1e7  # seconds left that are worth telling
PER_SECOND = 4  # refreshes of the live lines
TICK = 1.0  # seconds between looks at who is due
PATIENCE = 2.0  # seconds until it is said what is waited for
LEFT_OUT = ("rate", "metric", "step")  # cells that a narrow terminal does without, in this order
SPINNER = "|/-\\"


Emit = Callable[[dict[str, Any]], None]  # what takes the events of `execute`


class Line:
    """One running seed in words."""

    def __init__(self, spec: RunSpec):
        self.spec = spec
        self.row: dict[str, Any] = {}
        self.began = self.printed = time.monotonic()
        self.doing, self.since = "starting", self.began  # before the first step and after the last
        self.first: float | None = None  # progress when the first row came: a resumed run does not begin at 0
        self.ends: float | None = None  # by the clock, at the latest
        self.metric = ""  # of the task; known once it has started

    @property
    def name(self) -> str:
        return f"{self.spec.label} seed-{self.spec.seed}"

    def does(self, what: str) -> None:
        self.doing, self.since = what, time.monotonic()

    def update(self, row: Mapping[str, Any]) -> None:
        now, share = time.monotonic(), self.progress(row)
        if self.first is None:
            self.began, self.first = now, share
        self.row, self.doing = dict(row), ""
        gained, left = share - self.first, 0.0
        if gained > 0 and share < 1:
            left = (now - self.began) * (1 - share) / gained
        self.ends = now + left if gained > 0 and share < 1 and left < LONGEST else None

    def progress(self, row: Mapping[str, Any]) -> float:
        """The share of the budget that is spent, on the axis that will end the run first."""
        used = {**row, "steps": row["step"] + 1}
        return max(((used.get(axis) or 0) / limit for axis, limit in self.spec.budget.items()), default=0.0)

    def cells(self) -> dict[str, str]:
        """name, step, progress, best, metric, left and rate, in this order; those that are known."""
        row, now, cells = self.row, time.monotonic(), {"name": self.name}
        if row:
            cells["step"] = f"step {row['step'] + 1:,}"
        cells["progress"] = self.doing or f"{min(self.progress(row), 1.0):.0%}"
        if isinstance(best := row.get("fitness_best", row.get("loss")), Real):
            cells["best"] = f"{'best' if 'fitness_best' in row else 'loss'} {best:.4g}"
        score = row.get("validation")
        if isinstance(value := score.get(self.metric) if isinstance(score, Mapping) else None, Real):
            cells["metric"] = f"val {self.metric} {value:.4g}"
        if self.doing:
            cells["left"] = _clock(now - self.since)
        elif self.ends is not None and self.ends >= now:
            most = "" if self.spec.task.get("stop") == "budget" else "at most "
            cells["left"] = f"{most}{_clock(self.ends - now)} left"
        if not self.doing and (rate := row.get("evaluations_per_second")):
            cells["rate"] = f"{rate:,.0f} evals/s" if rate >= 10 else f"{rate:.2g} evals/s"
        return cells

    def fitted(self, width: int) -> str:
        """The cells that have room in `width` characters; of a label that is longer than all the rest leaves, the ends."""
        cells = self.cells()
        if self.doing:
            cells["progress"] = f"{SPINNER[int(PER_SECOND * time.monotonic()) % len(SPINNER)]} {self.doing}"
        joined = lambda: "  ".join(cells.values())
        for name in LEFT_OUT:
            if len(joined()) > width:
                cells.pop(name, None)
        if (over := len(joined()) - width) > 0:
            kept = max(0, len(self.name) - over - 1)
            cells["name"] = self.name[: kept - kept // 2] + "…" + self.name[len(self.name) - kept // 2 :]
        return joined()


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds))).removeprefix("0:")


class Display:
    """Takes the runner's events. `live`: what `write` writes above lines that are rewritten in place; else `tick` adds one
    for each seed of which nothing was said for EVERY seconds."""

    def __init__(self, study: Study, live: bool = False, write: Callable[[str], None] | None = None):
        self.study, self.live = study, live
        self.write = write or (lambda text: print(text, file=sys.stderr, flush=True))
        self.lines: dict[int, Line] = {}
        self._lock = threading.RLock()  # events and ticks come on two threads

    def emit(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            self._emit(event)

    def _emit(self, event: Mapping[str, Any]) -> None:
        kind, index, message = event["event"], event.get("index"), event.get("message", "")
        if index is None:
            self.write(message)
            return
        line = self.lines.get(index) or Line(self.study.specs[index])
        if row := event.get("row"):
            line.update(row)
        if kind in ("starting", "started", "finishing", "row"):
            self.lines[index] = line
            if kind == "started":
                line.metric = event.get("metric", "")
                line.does(f"continuing from step {event['steps']:,}" if event.get("steps") else "first step")
            elif kind == "finishing":
                line.does(message)
            self.tick()
            return
        self.write(f"{line.name}: {message or kind}")
        if kind != "warning":
            self.lines.pop(index, None)

    def tick(self) -> None:
        """Where lines are not rewritten: says how those stand that are due."""
        if self.live:
            return
        with self._lock:
            now = time.monotonic()
            for line in [line for _, line in sorted(self.lines.items()) if now - line.printed >= EVERY]:
                line.printed = now
                self.write("  ".join(line.cells().values()))

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        with self._lock:
            lines = [line.fitted(options.max_width) for _, line in sorted(self.lines.items())]
        yield from (Text(line, no_wrap=True, overflow="ellipsis") for line in lines)


@contextmanager
def showing(study: Study) -> Iterator[Display]:
    """A Display for the block: live on a terminal; elsewhere, in notebooks too, plain."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        display = Display(study, live=True, write=lambda text: console.print(text, markup=False))
        with Live(display, console=console, refresh_per_second=PER_SECOND, transient=True):
            yield display
        return
    display, over = Display(study), threading.Event()

    def tick() -> None:
        while not over.wait(TICK):
            display.tick()

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    try:
        yield display
    finally:
        over.set()
        ticking.join()


@contextmanager
def meanwhile(words: str) -> Iterator[None]:
    """What is waited for, on standard error, once the block has taken more than PATIENCE; on a terminal until it ends."""
    terminal = sys.stderr.isatty()
    say = threading.Timer(PATIENCE, lambda: print(words, end="" if terminal else "\n", file=sys.stderr, flush=True))
    say.daemon = True
    say.start()
    try:
        yield
    finally:
        say.cancel()
        say.join()
        if terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
