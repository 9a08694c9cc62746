"""The one loop: what it writes is the same wherever it was cut, and whatever goes wrong is said."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from lab_fakes import Climber, GoalTask, Point, contents, differing, scenario, study

from evo import threads as thread_budget
from scenarios.lab import config, files, store
from scenarios.lab.execute import execute
from scenarios.lab.store import RunDirectory

SCORE = {"distance", "fitness", "n"}
SELDOM = {"checkpoint_seconds": 1000}
COST = {"evaluations", "samples", "compute", "seconds"}


class After:
    """A `stop` that is true from the given question on."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


def start(runs, spec=None, stop_after=10**9, **options):
    """(how it ended, its events, its folder)."""
    spec = spec or study().specs[0]
    events = []
    state = execute(spec, runs, emit=events.append, stop=After(stop_after), **options)
    return state, events, store.run_path(runs, spec.name, spec.label, spec.seed)


def words(events, kind):
    return [event["message"] for event in events if event["event"] == kind]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of eight steps that was left in peace."""
    return start(tmp_path_factory.mktemp("whole"))[2]


# --- what is written --------------------------------------------------------------------------------------------------


def test_rows_hold_the_cost_and_the_learners_columns(whole):
    rows = store.read_rows(whole / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(8))
    assert [row["evaluations"] for row in rows] == [4 * (k + 1) for k in range(8)]
    for row in rows:
        assert set(row) == {"step", *COST, "fitness_best", "nonfinite", "validation", "evaluations_per_second"}
        assert set(row["validation"]) == SCORE
    assert rows[-1]["seconds"] > rows[0]["seconds"] > 0


def test_the_result_follows_the_schema(whole):
    result = store.read_result(whole)
    rows = store.read_rows(whole / "metrics.jsonl")
    best = max(range(8), key=lambda k: rows[k]["validation"]["fitness"])
    name = study().specs[0].method
    assert result == {
        "schema": 1,
        "scenario": "goal",
        "label": "climber",
        "method": name,
        "seed": 0,
        "status": "finished",
        "stopped_by": "budget",
        "steps": 8,
        "solved": None,
        "solved_at": None,
        "cost": {axis: rows[-1][axis] for axis in COST},
        "metric": {"name": "distance", "direction": "min"},
        "train": result["train"],
        "validation": rows[best]["validation"],
        "test": result["test"],
        "champion": {
            "file": "champion.safetensors",
            "parameters": 3,
            "nodes": None,
            "connections": None,
            "hidden": None,
            "fitness": rows[best]["validation"]["fitness"],
            "step": best,
        },
        "nonfinite": 0,
    }
    assert result["test"]["distance"] == pytest.approx(result["train"]["distance"] + 0.02)


def test_meta_says_what_the_run_ran_on(whole):
    meta = json.loads((whole / "meta.json").read_text())
    assert meta["command"] == "evo run goal"
    assert meta["versions"]["torch"] == torch.__version__
    assert meta["device"] == "cpu"
    assert meta["threads"] == {"population": 1, "torch": 1, "blas": 1}
    assert {"commit", "python", "platform", "cores"} <= set(meta)
    assert meta["clock_seconds"]["started"] <= meta["clock_seconds"]["finished"]


def test_the_champion_says_what_it_is_and_can_be_made_again(whole):
    tensors, header = files.read_champion(whole / "champion.safetensors")
    result = store.read_result(whole)
    step = result["champion"]["step"]
    assert header == {
        "kind": "point",
        "scenario": "goal",
        "label": "climber",
        "method": result["method"],
        "seed": "0",
        "step": str(step),
        "lineage": json.dumps({"id": step, "parents": [step - 1]}),
    }
    model = Climber.restore(GoalTask(), None, 0, tensors, header)
    assert GoalTask().score(model, "test") == result["test"]


def test_the_configuration_that_is_stored_runs_the_same_run(tmp_path, whole):
    document = store.read_config(whole)
    spec = config.study(document, command="evo run goal").specs[0]
    assert differing(start(tmp_path, spec)[2], whole) == []


def test_history_has_a_file_for_each_improvement_alone(tmp_path):
    spec = study(steps=40, run=SELDOM).specs[0]
    path = start(tmp_path, spec)[2]
    rows = store.read_rows(path / "metrics.jsonl")
    best, improved = -1e9, []
    for row in rows:
        if row["validation"]["fitness"] > best:
            best = row["validation"]["fitness"]
            improved.append(row["step"])
    assert len(improved) < 40
    assert sorted(each.name for each in (path / "history").iterdir()) == [store.history_name(step) for step in improved]
    last = path / "history" / store.history_name(improved[-1])
    assert last.read_bytes() == (path / "champion.safetensors").read_bytes()


def test_history_can_be_of_nothing_or_of_every_step_with_its_population(tmp_path):
    nothing = start(tmp_path / "a", study(run={"history": "none"}).specs[0])[2]
    assert list((nothing / "history").iterdir()) == []
    everything = start(tmp_path / "b", study(run={"history": "all"}).specs[0])[2]
    assert len(list((everything / "history").iterdir())) == 16
    tensors, header = files.read_champion(everything / "history" / store.history_name(7, "population"))
    state = files.read_checkpoint(everything / "checkpoint.pt")
    assert torch.equal(tensors["population"], state["learner"]["population"])
    assert header == {"step": "7"}


def test_numbers_that_are_not_finite_are_null_in_rows_and_counted_in_the_result(tmp_path):
    state, _, path = start(tmp_path, study(nonfinite_at=2).specs[0])
    row = store.read_rows(path / "metrics.jsonl")[2]
    assert state == "finished"
    assert (row["fitness_best"], row["strange"], row["table"]) == (None, [None, "\ud800\n\x00 „"], {"x": None})
    assert store.read_result(path)["nonfinite"] == 2


def test_checkpoints_are_as_far_apart_as_the_setting_says(tmp_path, monkeypatch):
    saved = []
    save = RunDirectory.save
    monkeypatch.setattr(
        RunDirectory,
        "save",
        lambda self, state, champion: (saved.append(state["progress"]["steps"]), save(self, state, champion)),
    )
    start(tmp_path / "a", study(run=SELDOM).specs[0])
    assert saved == [8, 8]
    del saved[:]
    start(tmp_path / "b")
    assert saved == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]


# --- the end of a run -------------------------------------------------------------------------------------------------


def observed(spec, **options):
    """The spec with a scenario object, and the list of the tasks it makes."""
    tasks = []

    def make(values, network):
        tasks.append(GoalTask(values.solved, values.stop, values.test))
        return tasks[-1]

    return dataclasses.replace(spec, scenario=dataclasses.replace(scenario, task=make), **options), tasks


def test_the_test_is_scored_once_and_last(tmp_path):
    spec, tasks = observed(study().specs[0])
    start(tmp_path, spec)
    (task,) = tasks
    assert task.scored.count("test") == 1
    assert task.scored[-1] == "test"


def test_a_task_without_a_test_has_null(tmp_path):
    assert store.read_result(start(tmp_path, study(task={"test": False}).specs[0])[2])["test"] is None


def test_a_solved_task_stops_at_once_and_says_what_it_cost(tmp_path):
    path = start(tmp_path, study(steps=500, task={"solved": 0.5}, run=SELDOM).specs[0])[2]
    result, rows = store.read_result(path), store.read_rows(path / "metrics.jsonl")
    assert result["stopped_by"] == "solved"
    assert result["solved"] is True
    assert [row["validation"]["distance"] <= 0.5 for row in rows] == [False] * (len(rows) - 1) + [True]
    assert result["solved_at"] == result["cost"] == {axis: rows[-1][axis] for axis in COST}


def test_with_stop_budget_a_solved_task_goes_on_and_keeps_the_first_time(tmp_path):
    path = start(tmp_path, study(steps=60, task={"solved": 0.5, "stop": "budget"}, run=SELDOM).specs[0])[2]
    result, rows = store.read_result(path), store.read_rows(path / "metrics.jsonl")
    assert (result["stopped_by"], result["steps"], result["solved"]) == ("budget", 60, True)
    first = next(row for row in rows if row["validation"]["distance"] <= 0.5)
    assert result["solved_at"] == {axis: first[axis] for axis in COST}


def test_an_unsolved_task_says_so(tmp_path):
    result = store.read_result(start(tmp_path, study(task={"solved": 0.0}).specs[0])[2])
    assert (result["solved"], result["solved_at"], result["stopped_by"]) == (False, None, "budget")


def test_a_learner_that_is_finished_ends_the_run_even_at_the_budgets_last_step(tmp_path):
    result = store.read_result(start(tmp_path, study(finish_at=7).specs[0])[2])
    assert (result["stopped_by"], result["steps"]) == ("completed", 8)


def test_a_budget_of_seconds_ends_after_the_step_that_reaches_it(tmp_path):
    spec = dataclasses.replace(study(pause=0.02).specs[0], budget={"seconds": 0.05})
    result = store.read_result(start(tmp_path, spec)[2])
    assert result["cost"]["seconds"] >= 0.05
    assert result["steps"] <= 3


# --- cut and continued ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(9))
def test_stopped_run_equals_uninterrupted_run(tmp_path, whole, cut):
    state, events, path = start(tmp_path, stop_after=cut)
    if cut < 8:
        assert state == "stopped"
        assert words(events, "stopped") == [f"after {cut} steps; continue with: evo run goal"]
        state, events, _ = start(tmp_path)
        assert [event["steps"] for event in events if event["event"] == "started"] == [cut]
    assert state == "finished"
    assert differing(path, whole) == []


def test_run_stopped_at_every_step_equals_uninterrupted_run(tmp_path, whole):
    states = [start(tmp_path, stop_after=1)[0] for _ in range(9)]
    assert states == ["stopped"] * 7 + ["finished", "skipped"]
    assert differing(whole.parents[2] / "goal" / "climber" / "seed-0", store.run_path(tmp_path, "goal", "climber", 0)) == []


class Killed(BaseException):
    """What `kill -9` is to a test in one process."""


def killed(*_):
    raise Killed


def test_what_came_after_the_last_checkpoint_is_cut_and_made_again(tmp_path, whole, monkeypatch):
    monkeypatch.setattr("scenarios.lab.execute.ROW_SECONDS", 0.0)
    spec = study(run=SELDOM).specs[0]
    assert start(tmp_path, spec, stop_after=2)[0] == "stopped"
    with pytest.raises(Killed):
        execute(spec, tmp_path, emit=lambda event: event.get("row", {}).get("step") == 5 and killed())
    path = store.run_path(tmp_path, "goal", "climber", 0)
    assert len(store.read_rows(path / "metrics.jsonl")) == 6
    assert start(tmp_path)[0] == "finished"
    assert differing(path, whole) == []


def test_a_kill_before_the_result_leaves_only_the_end_to_do(tmp_path, whole, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "write_result", killed)
        with pytest.raises(Killed):
            start(tmp_path)
    state, events, path = start(tmp_path)
    assert state == "finished"
    assert [event["event"] for event in events] == ["started", "finished"]
    assert differing(path, whole) == []


def test_a_finished_run_is_skipped_and_not_touched(tmp_path):
    path = start(tmp_path)[2]
    before = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.rglob("*") if each.is_file()}
    state, events, _ = start(tmp_path)
    assert state == "skipped"
    assert events[-1]["result"] == store.read_result(path)
    assert before == {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.rglob("*") if each.is_file()}


@pytest.mark.parametrize("short", [1, 3, 7])
def test_extended_run_equals_the_longer_run(tmp_path, whole, short):
    start(tmp_path, study(steps=short).specs[0])
    state, _, path = start(tmp_path)
    assert state == "finished"
    assert differing(path, whole) == []


def test_a_longer_run_that_is_cut_is_unfinished_and_continues(tmp_path, whole):
    path = start(tmp_path, study(steps=4).specs[0])[2]
    assert start(tmp_path, stop_after=1)[0] == "stopped"
    assert store.read_result(path) is None
    assert start(tmp_path)[0] == "finished"
    assert differing(path, whole) == []


@pytest.mark.parametrize(("task", "climber"), [({"solved": 1.4}, {}), ({}, {"finish_at": 3})])
def test_a_larger_budget_leaves_a_run_that_ended_by_itself_as_the_longer_run_would_be(tmp_path, task, climber):
    longer = start(tmp_path / "longer", study(steps=20, task=task, **climber).specs[0])[2]
    steps = store.read_result(longer)["steps"]
    assert steps < 8
    path = start(tmp_path / "short", study(steps=steps, task=task, **climber).specs[0])[2]
    assert start(tmp_path / "short", study(steps=20, task=task, **climber).specs[0])[0] == "skipped"
    assert differing(path, longer) == []


def test_a_larger_budget_that_the_last_step_overshot_already_leaves_the_run_as_it_is(tmp_path):
    specs = [dataclasses.replace(study().specs[0], budget={"evaluations": limit}) for limit in (9, 11)]
    path = start(tmp_path / "a", specs[0])[2]
    assert start(tmp_path / "a", specs[1])[0] == "skipped"
    assert differing(path, start(tmp_path / "b", specs[1])[2]) == []


# --- other settings ---------------------------------------------------------------------------------------------------


def test_other_settings_are_refused_by_name_and_nothing_is_touched(tmp_path):
    path = start(tmp_path, stop_after=3)[2]
    before = contents(path)
    state, events, _ = start(tmp_path, study(pause=0.001, task={"solved": 0.1}).specs[0])
    assert state == "failed"
    (message,) = words(events, "failed")
    assert "climber.pause: stored 0.0, now 0.001" in message
    assert "task.solved" in message
    assert "--restart" in message
    assert contents(path) == before


def test_restart_puts_the_old_run_aside_and_starts_anew(tmp_path, whole):
    for k in (1, 2):
        path = start(tmp_path, study(pause=0.001 * k).specs[0], stop_after=3, restart=True)[2]
    assert start(tmp_path, restart=True)[0] == "finished"
    assert differing(path, whole) == []
    for k in (1, 2):
        assert f"pause = {0.001 * k}" in (path.parent / f"seed-0.old-{k}" / "config.toml").read_text()


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_failing_learner_is_told_in_one_line_and_continues_from_its_checkpoint(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.write_text("raise")
    spec = study(trouble=str(trouble), run={"checkpoint_seconds": 0.0}).specs[0]
    state, events, path = start(tmp_path, spec)
    assert state == "failed"
    (message,) = words(events, "failed")
    assert message.startswith("goal: climber, seed 0: the learner is unwell in two lines")
    assert "\n" not in message
    error = (path / "error.txt").read_text()
    assert error.startswith("Traceback")
    assert "in _trouble" in error
    assert store.find_runs(tmp_path)[0].state == "failed"
    trouble.write_text("")
    state, events, _ = start(tmp_path, spec)
    assert state == "finished"
    assert events[0] == {"event": "started", "steps": 3, "path": str(path)}
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
    return lambda data: files.checkpoint_bytes(state)


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
    assert warnings[0].startswith(f"{path / 'checkpoint.pt'} is left out: ")
    assert "continuing from step 4" in warnings[1]
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
    assert "no good checkpoint" in words(events, "warning")[0]
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
from scenarios.lab.execute import execute
spec = study(steps=2000, run={"checkpoint_seconds": 0.01}).specs[0]
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print(execute(spec, sys.argv[1], emit=lambda event: print(event.get("message", ""), flush=True)))
"""


def test_a_full_disk_is_one_clear_line_and_the_run_continues_when_there_is_room(tmp_path):
    arguments = [sys.executable, "-c", FULL, str(tmp_path), str(12_000), ":".join([str(Path(__file__).parent), *sys.path])]
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
    assert words(events, "failed") == [f"goal: climber, seed 0: cannot write {path / 'checkpoint.pt'}: {reason}"]
    assert start(tmp_path)[1][0]["steps"] == 3


def test_a_runs_folder_that_is_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    state, events, path = start(tmp_path / "runs")
    assert state == "failed"
    assert f"cannot write {path}: " in words(events, "failed")[0]


# --- surroundings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "threads"), [(None, 3), (5, 5)])
def test_torch_and_blas_have_one_thread_and_the_population_what_was_given(tmp_path, setting, threads):
    from threadpoolctl import threadpool_info

    seen = {}

    class Looking(Climber):
        def step(self):
            seen.update(torch=torch.get_num_threads(), ours=thread_budget.count())
            seen.update(others={library["num_threads"] for library in threadpool_info()})
            return super().step()

    spec = dataclasses.replace(study(run={"threads": setting}).specs[0], method=Looking)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        path = start(tmp_path, spec, threads=3)[2]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {"torch": 1, "ours": threads, "others": {1}}
    assert json.loads((path / "meta.json").read_text())["threads"] == {"population": threads, "torch": 1, "blas": 1}


def test_rows_are_shown_about_five_times_a_second_and_all_are_written(tmp_path):
    spec = study(steps=60, pause=0.01, run=SELDOM).specs[0]
    shown, times = [], []

    def emit(event):
        if event["event"] == "row":
            shown.append(event["row"])
            times.append(time.monotonic())

    execute(spec, tmp_path, emit=emit)
    rows = store.read_rows(store.run_path(tmp_path, "goal", "climber", 0) / "metrics.jsonl")
    assert len(rows) == 60
    assert shown == [rows[row["step"]] for row in shown]
    assert len(shown) >= 3
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.15


def test_the_learner_is_given_the_specs_seed_and_device(tmp_path):
    given = []

    class Told(Climber):
        def __init__(self, task, settings, seed, device):
            given.append((type(task), settings.pause, seed, device))
            super().__init__(task, settings, seed, device)

    spec = dataclasses.replace(study(seeds=[7]).specs[0], method=Told)
    start(tmp_path, spec)
    assert [each[1:] for each in given] == [(0.0, 7, "cpu")]


def test_a_models_shape_is_in_the_result(tmp_path):
    class Net(Point):
        nodes, connections, hidden = 5, 6, 2

    class Growing(Climber):
        def champion(self):
            return Net(self.best)

    champion = store.read_result(start(tmp_path, dataclasses.replace(study().specs[0], method=Growing))[2])["champion"]
    assert (champion["nodes"], champion["connections"], champion["hidden"]) == (5, 6, 2)
