"""Progress in words: live lines on a terminal, plain lines now and then elsewhere."""

import builtins
import io
import re
import time

import pytest

from scenarios.lab.execution import progress
from scenarios.lab.study.spec import RunSpec, Study


def spec(label="ga", seed=0, **budget):
    rest = {key: {} for key in ("settings", "task", "model", "run")}
    return RunSpec(
        "xor", "xor", label, "ga", seed, budget=budget or {"steps": 100}, device="cpu", command="evo run xor", **rest
    )


def row(step, **columns):
    return {"step": step, "evaluations": 10 * (step + 1), "compute": None, "seconds": 1.0, **columns}


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def words(line):
    return list(line.cells().values())


def test_line_holds_step_progress_best_metric_speed_and_time_left(clock):
    line = progress.Line(spec())
    assert words(line) == ["ga seed-0", "starting", "00:00"]
    line.metric = "accuracy"
    line.update(row(0))
    clock[0] += 10
    line.update(row(20, fitness_best=-0.5, validation={"accuracy": 0.75, "n": 4}, evaluations_per_second=1234.5))
    assert words(line) == [
        "ga seed-0", "step 21", "21%", "best -0.5", "val accuracy 0.75", "at most 00:40 left", "1,234 evals/s"
    ]  # fmt: skip


def test_the_metric_shown_is_the_tasks_own(clock):
    shown = progress.Display(Study((spec(),), "xor"), live=True, write=print)
    shown.emit({"event": "started", "index": 0, "metric": "rmse"})
    shown.emit({"event": "row", "index": 0, "row": row(0, validation={"r2": 0.75, "rmse": 2.5, "n": 4})})
    assert "val rmse 2.5" in words(shown.lines[0])


def test_the_time_left_is_exact_only_where_the_whole_budget_is_spent(clock):
    whole = spec()
    whole.task["stop"] = "budget"
    line = progress.Line(whole)
    line.update(row(0))
    clock[0] += 10
    line.update(row(20))
    assert words(line)[-1] == "00:40 left"


def test_what_comes_after_the_last_step_is_named_with_the_last_row(clock):
    shown = progress.Display(Study((spec(),), "xor"), live=True, write=print)
    shown.emit({"event": "started", "index": 0})
    shown.emit({"event": "row", "index": 0, "row": row(90)})
    shown.emit({"event": "finishing", "index": 0, "message": "scoring", "row": row(99)})
    clock[0] += 3
    assert words(shown.lines[0]) == ["ga seed-0", "step 100", "scoring", "00:03"]


def test_a_fit_shows_a_spinner_and_its_time_and_never_a_share(clock):
    shown = progress.Display(Study((spec(evaluations=40_000),), "xor"), live=True, write=print)
    shown.emit({"event": "starting", "index": 0})
    seen = [shown.lines[0].fitted(80)]
    shown.emit({"event": "started", "index": 0, "steps": 0})
    for _ in range(2):
        clock[0] += 65.25
        seen.append(shown.lines[0].fitted(80))
    shown.emit({"event": "finishing", "index": 0, "message": "scoring", "row": row(0)})
    assert [*seen, shown.lines[0].fitted(80)] == [
        "ga seed-0  | starting  00:00",
        "ga seed-0  / first step  01:05",
        "ga seed-0  - first step  02:10",
        "ga seed-0  step 1  - scoring  00:00",
    ]


def test_the_time_left_runs_down_between_rows(clock):
    line = progress.Line(spec())
    line.update(row(0))
    clock[0] += 10
    line.update(row(20))
    clock[0] += 30
    assert words(line)[-1] == "at most 00:10 left"
    clock[0] += 30
    assert words(line) == ["ga seed-0", "step 21", "21%"], "no time is told that has passed"


def test_progress_is_that_of_the_limit_that_comes_first():
    line = progress.Line(spec(steps=100, evaluations=50, compute=1e9))
    assert line.progress(row(1)) == pytest.approx(0.4)


def test_resumed_run_does_not_count_what_was_done_before_for_the_time_left(clock):
    line = progress.Line(spec())
    line.update(row(49))
    clock[0] += 10
    line.update(row(59))
    assert words(line)[-1] == "at most 00:40 left"


def test_row_without_numbers_is_shown_as_far_as_it_goes(clock):
    line = progress.Line(spec())
    line.update(row(0, fitness_best=None, validation={"accuracy": None, "n": 4}))
    assert words(line) == ["ga seed-0", "step 1", "1%"]
    line.update(row(1, loss=0.25, validation=None))
    assert "loss 0.25" in words(line)
    line.update(row(2, loss="low", validation=["x"], fitness_best=[1]))
    assert words(line) == ["ga seed-0", "step 3", "3%", "at most 00:00 left"]


def test_endless_run_tells_no_time(clock):
    line = progress.Line(spec(samples=1e300))
    line.update(row(0, samples=1))
    clock[0] += 10
    line.update(row(1, samples=2))
    assert words(line) == ["ga seed-0", "step 2", "0%"]


@pytest.mark.parametrize("label", ["ga", "neat-modern.with_a_longer-label"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_narrow_line_leaves_out_whole_cells_but_no_essential_one(clock, label, width):
    line = progress.Line(spec(label, 12, evaluations=500_000))
    line.update(row(0))
    clock[0] += 4000
    columns = {"fitness_best": -0.123456, "validation": {"balanced_accuracy": 0.98765}, "evaluations_per_second": 12345.6}
    line.update(row(12344, **columns))
    text, cells = line.fitted(width), line.cells()
    assert len(text) <= width
    name, *shown = text.split("  ")
    assert {"25%", "best -0.1235", cells["left"]} <= set(shown) <= set(cells.values())
    assert name.startswith(label[:5])
    assert name.endswith("seed-12")
    assert name == cells["name"] or (label != "ga" and width < 100)
    assert width < 100 or len(shown) == len(cells) - 1


def test_plain_lines_of_a_seed_come_every_few_seconds_and_ends_at_once(clock):
    said = []
    shown = progress.Display(Study((spec(), spec(seed=1)), "xor"), write=said.append)
    shown.emit({"event": "started", "index": 0, "steps": 0})
    for step in range(60):
        clock[0] += 0.2
        shown.emit({"event": "row", "index": 0, "row": row(step)})
    assert len(said) == 2
    shown.emit({"event": "warning", "index": 0, "message": "careful"})
    shown.emit({"event": "failed", "index": 0, "message": "ValueError: no"})
    shown.emit({"event": "skipped", "index": 1, "message": "already finished"})
    assert said[2:] == ["ga seed-0: careful", "ga seed-0: ValueError: no", "ga seed-1: already finished"]
    assert shown.lines == {}


def test_elsewhere_than_on_a_terminal_nothing_is_coloured_or_rewritten(capsys):
    with progress.showing(Study((spec(),), "xor")) as shown:
        shown.emit({"event": "finished", "index": 0, "message": "solved after 3 steps"})
    assert capsys.readouterr() == ("", "ga seed-0: solved after 3 steps\n")


@pytest.mark.parametrize("colour", [True, False])
def test_terminal_shows_one_live_line_a_running_seed(monkeypatch, colour):
    from rich.console import Console

    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    monkeypatch.setattr(
        "rich.console.Console", lambda **_: Console(file=file, force_terminal=True, width=60, legacy_windows=False)
    )
    with progress.showing(Study((spec(), spec("[bold]"), spec("idle")), "xor")) as shown:
        shown.emit({"event": "started", "index": 0, "steps": 0})
        shown.emit({"event": "row", "index": 1, "row": row(3, note="x" * 200, validation={"a long name " * 9: 0.5})})
    text = file.getvalue()
    assert re.search(r"ga seed-0  \S first step  00:0", text)
    assert "[bold] seed-0  step 4  4%\n" in text, "a label is no markup, and what is too long for the terminal is left out"
    assert "idle" not in text
    if not colour:
        assert "\x1b[3" not in text


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_wait_is_said_after_a_while_and_on_a_terminal_gone_when_it_ends(monkeypatch, terminal, seconds):
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: terminal)
    monkeypatch.setattr(progress.sys, "stderr", screen)
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    with progress.meanwhile("waiting"):
        time.sleep(seconds)
    said = "waiting" * (seconds > 0)
    assert screen.getvalue() == (f"{said}\r\x1b[K" if terminal else said and f"{said}\n")


class ZMQInteractiveShell:
    """What a notebook's kernel calls itself."""


def test_a_notebook_gets_plain_lines_without_a_warning_also_while_a_step_takes_long(monkeypatch, recwarn, capsys):
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    monkeypatch.setattr(progress, "EVERY", 0.1)
    monkeypatch.setattr(progress, "TICK", 0.05)
    with progress.showing(Study((spec(),), "xor")) as shown:
        shown.emit({"event": "starting", "index": 0})
        time.sleep(1.0)
        shown.emit({"event": "finished", "index": 0, "message": "completed after 1 step"})
    out, err = capsys.readouterr()
    first, *_, last = err.splitlines()
    assert (out, first, last) == ("", "ga seed-0  starting  00:00", "ga seed-0: completed after 1 step")
    assert len(err.splitlines()) > 2
    assert not recwarn.list
