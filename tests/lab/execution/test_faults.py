"""Whatever goes wrong, in a learner, a task, a file or a disk, is told in one line, and loses nothing."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import lab_fakes
import pytest
import torch
from lab_fakes import Climber, contents, differing, scenario, start, study, words

from scenarios.lab.api import perform
from scenarios.lab.store import store, tensors
from scenarios.lab.store.runs import find_runs
from scenarios.lab.store.store import RunDirectory

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


def test_a_failing_learner_is_told_in_one_line_and_continues_from_its_checkpoint(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.write_text("raise")
    spec = study(trouble=str(trouble), run={"checkpoint_seconds": 0.0}).specs[0]
    state, events, path = start(tmp_path, spec)
    assert state == "failed"
    (message,) = words(events, "failed")
    assert message.startswith("the learner is unwell in two lines")
    assert "\n" not in message
    error = (path / "error.txt").read_text()
    assert error.startswith("Traceback")
    assert "in _trouble" in error
    assert find_runs(tmp_path)[0].state == "failed"
    trouble.write_text("")
    state, events, _ = start(tmp_path, spec)
    assert state == "finished"
    assert events[0] == {"event": "started", "steps": 3, "path": str(path), "metric": "distance"}
    assert differing(path, start(tmp_path / "peace", spec)[2]) == []


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        (
            "state_dict",
            lambda self: {"x": torch.zeros(1).numpy()},
            r"state\['learner'\]\['x'\]: a state holds tensors and plain values",
        ),
        ("step", lambda self: 3, r"step\(\) must return a row, a dict; got int"),
        ("step", lambda self: {"thing": object()}, r"value\['thing'\]: expected numbers"),
        ("champion", lambda self: None, "AttributeError"),
    ],
)
def test_a_learner_of_the_wrong_make_is_told(tmp_path, monkeypatch, part, wrong, said):
    spec = dataclasses.replace(study().specs[0], method=type("Wrong", (Climber,), {part: wrong}))
    state, events, _ = start(tmp_path, spec)
    assert state == "failed"
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(words(events, "failed")[0])


def test_a_task_that_cannot_be_made_is_a_failed_run(tmp_path):
    def broken(values, network):
        raise OSError("no such data")

    spec = dataclasses.replace(study().specs[0], scenario=dataclasses.replace(scenario, task=broken))
    state, events, path = start(tmp_path, spec)
    assert state == "failed"
    assert "no such data" in words(events, "failed")[0]
    assert (path / "error.txt").exists()


def flipped(data):
    return data[:700] + bytes([data[700] ^ 4]) + data[701:]


def forged(state):
    return lambda data: tensors.checkpoint_bytes(state)


DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "flipped": flipped,
    "pickle": lambda data: pickle.dumps(os.getcwd),
    "wrong shape": forged({"learner": {"population": torch.zeros(2, 3)}, "cost": {}, "progress": {}}),
    "other keys": forged({"something": 1}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, whole, damage):
    path = start(tmp_path, stop_after=5)[2]
    data = (path / "checkpoint.pt").read_bytes()
    (path / "checkpoint.pt").write_bytes(DAMAGES[damage](data))
    bad = (path / "checkpoint.pt").read_bytes()
    state, events, _ = start(tmp_path)
    assert state == "finished"
    warnings = words(events, "warning")
    assert warnings[0].startswith(f"{path / 'checkpoint.pt'} is skipped: ")
    assert "resuming from step 4" in warnings[1]
    assert (path / "checkpoint.pt.old-1").read_bytes() == bad
    (path / "checkpoint.pt.old-1").unlink()
    assert differing(path, whole) == []


def test_two_damaged_checkpoints_start_the_run_over_and_nothing_is_lost(tmp_path, whole):
    path = start(tmp_path, stop_after=5)[2]
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        (path / name).write_bytes(b"\x00" * 99)
    before = {each.name: each.read_bytes() for each in path.iterdir() if each.is_file() and each.name != "meta.json"}
    state, events, _ = start(tmp_path)
    assert state == "finished"
    assert "starting over from step 0" in words(events, "warning")[-1]
    assert differing(path, whole) == []
    aside = path.parent / "seed-0.old-1"
    assert before == {name: (aside / name).read_bytes() for name in before}


def test_a_finished_run_survives_the_loss_of_either_checkpoint(tmp_path, whole):
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        path = start(tmp_path / name, study(steps=5).specs[0])[2]
        (path / name).unlink()
        assert start(tmp_path / name)[1][0]["steps"] == 5
        assert differing(path, whole) == []


def test_a_finished_run_without_checkpoints_starts_over_with_a_warning_when_extended(tmp_path, whole):
    path = start(tmp_path, study(steps=5).specs[0])[2]
    for each in path.glob("checkpoint*"):
        each.unlink()
    events = start(tmp_path)[1]
    assert "no valid checkpoint" in words(events, "warning")[0]
    assert differing(path, whole) == []
    assert (path.parent / "seed-0.old-1" / "metrics.jsonl").exists()


def test_rows_that_somebody_cut_make_the_checkpoint_give_way(tmp_path, whole):
    path = start(tmp_path, stop_after=5)[2]
    lines = (path / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (path / "metrics.jsonl").write_bytes(b"".join(lines[:4]))
    assert "has only 4 rows" in words(start(tmp_path)[1], "warning")[0]
    (path / "checkpoint.pt.old-1").unlink()
    assert differing(path, whole) == []


def test_a_taken_run_is_refused_and_not_touched(tmp_path):
    path = start(tmp_path, stop_after=3)[2]
    before = contents(path)
    with RunDirectory(path):
        state, events, _ = start(tmp_path)
        restarted = start(tmp_path, restart=True)[0]
    assert (state, restarted) == ("failed", "failed")
    assert "another process is running" in words(events, "failed")[0]
    assert contents(path) == before


FULL = """
import resource, sys
sys.path[:0] = sys.argv[3].split(":")
from lab_fakes import study
from scenarios.lab.execution.execute import execute
spec = study(steps=2000, run={"checkpoint_seconds": 0.01}).specs[0]
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print(execute(spec, sys.argv[1], emit=lambda event: print(event.get("message", ""), flush=True)))
"""


def test_a_full_disk_is_one_clear_line_and_the_run_continues_when_there_is_room(tmp_path):
    arguments = [
        sys.executable,
        "-c",
        FULL,
        str(tmp_path),
        str(12_000),
        ":".join([str(Path(lab_fakes.__file__).parent), *sys.path]),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    path = store.run_path(tmp_path, "goal", "climber", 0)
    lines = done.stdout.strip().splitlines()
    assert lines[-1] == "failed"
    assert f"cannot write {path / 'metrics.jsonl'}: File too large; the last checkpoint is kept" in lines[-2]
    spec = study(steps=200, run={"checkpoint_seconds": 0.01}).specs[0]
    spec = dataclasses.replace(spec, budget={"steps": len(store.read_rows(path / "metrics.jsonl")) + 5})
    (path / "config.toml").write_text(spec.toml())
    state, events, _ = start(tmp_path, spec)
    assert state == "finished"
    assert events[0]["steps"] > 0
    assert differing(path, start(tmp_path / "peace", spec)[2]) == []


def test_a_read_only_disk_is_one_clear_line(tmp_path, monkeypatch):
    path = start(tmp_path, stop_after=3)[2]
    replace = os.replace

    def read_only(old, new):
        if Path(new).name == "checkpoint.pt":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        replace(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", read_only)
        state, events, _ = start(tmp_path)
    assert state == "failed"
    reason = "Read-only file system; the last checkpoint is kept"
    assert words(events, "failed") == [f"cannot write {path / 'checkpoint.pt'}: {reason}"]
    assert start(tmp_path)[1][0]["steps"] == 3


def test_a_runs_folder_that_is_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    state, events, path = start(tmp_path / "runs")
    assert state == "failed"
    (message,) = words(events, "failed")
    assert message.startswith(f"cannot write {path}: ")
    assert "checkpoint" not in message, "there is none"
    states, comparison = perform(study(), tmp_path / "runs", jobs=1, restart=False)
    assert states == ["failed"]
    assert comparison.rows[0]["failed"] == 1
    assert comparison.notes[0] == "climber: seed 0 failed"
    assert comparison.notes[1].startswith("no report: cannot read")


def test_a_task_that_exits_is_a_failed_run_and_not_the_end_of_the_process(tmp_path):
    def leave(self):
        sys.exit(0)

    spec = dataclasses.replace(study().specs[0], method=type("Leaving", (Climber,), {"step": leave}))
    state, events, path = start(tmp_path, spec)
    assert state == "failed"
    assert words(events, "failed")[0].startswith("SystemExit: 0")
    assert "Traceback" in (path / "error.txt").read_text()


def test_a_damaged_result_is_told_and_its_folder_not_touched(tmp_path):
    path = start(tmp_path)[2]
    result = json.loads((path / "result.json").read_text())
    del result["check"]
    (path / "result.json").write_text(json.dumps(result | {"cost": {"a": 1}}))
    before = contents(path)
    state, events, _ = start(tmp_path)
    assert state == "failed"
    assert words(events, "failed")[0].startswith(f"{path / 'result.json'} is damaged: cost: expected ")
    assert contents(path) == before
    assert not (path / "error.txt").exists()
