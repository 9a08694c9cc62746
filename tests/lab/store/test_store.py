"""The run directory: its order on the disk, its rows, its checkpoints, its one writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scenarios.lab.store import files, store, tensors
from scenarios.lab.store.runs import find_runs
from scenarios.lab.store.store import RunDirectory, StoreError

RESULT = {"stopped_by": "budget", "steps": 1, "cost": {}, "metric": {}, "champion": {}}
CHAMPION = ({"w": torch.ones(2)}, {"kind": "point"})


@pytest.fixture
def run(tmp_path):
    with RunDirectory(tmp_path / "goal" / "ga" / "seed-0") as run:
        run.open("seeds = [0]\n", {"command": "evo run goal"})
        yield run


def rows(run, count):
    for step in range(count):
        run.append({"step": step})


@pytest.fixture
def disk(monkeypatch):
    """What reaches the disk, in order: ("fsync", name of a file or folder) and ("replace", new name)."""
    log = []
    fsync, replace = os.fsync, os.replace

    def logged_fsync(handle):
        log.append(("fsync", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        fsync(handle)

    def logged_replace(old, new):
        log.append(("replace", Path(new).name))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(os, "replace", logged_replace)
    return log


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from /proc")
class TestOrderOnDisk:
    def test_bytes_reach_the_disk_before_their_name_and_the_name_before_the_return(self, tmp_path, disk):
        files.write(tmp_path / "a.json", b"1")
        assert disk == [("fsync", "a.json.new"), ("replace", "a.json"), ("fsync", tmp_path.name)]

    def test_rows_history_and_champion_reach_the_disk_before_the_checkpoint_that_counts_them(self, run, disk):
        rows(run, 1)
        run.keep("step-00000000.safetensors", CHAMPION)
        del disk[:]
        run.save({"steps": 1}, CHAMPION)
        at = disk.index(("replace", "checkpoint.pt"))
        durable = {"metrics.jsonl", "step-00000000.safetensors", "history", "champion.safetensors.new", "checkpoint.pt.new"}
        assert durable <= {name for action, name in disk[:at] if action == "fsync"}
        assert ("fsync", "seed-0") in disk[at:]

    def test_what_is_known_of_a_run_reaches_the_disk_with_its_next_checkpoint_or_its_result(self, run, disk):
        for end in (lambda: run.save({"steps": 0}, CHAMPION), lambda: run.write_result(RESULT)):
            run.write_meta({"command": "evo run xor"})
            assert ("fsync", "meta.json") not in disk
            end()
            assert ("fsync", "meta.json") in disk[: disk.index(disk[-1])]
            del disk[:]

    def test_pictures_reach_the_disk_before_the_result_that_names_them(self, run, disk):
        run.picture("champion.png", b"1")
        run.write_result(RESULT)
        at = disk.index(("replace", "result.json"))
        assert {("fsync", "champion.png"), ("fsync", "pictures"), ("fsync", "result.json.new")} <= set(disk[:at])
        assert ("fsync", "seed-0") in disk[at:]

    def test_a_result_is_removed_before_the_configuration_of_a_longer_run_is_written(self, run, disk):
        run.write_result(RESULT)
        del disk[:]
        run.open("seeds = [1]\n", {})
        assert disk[0] == ("fsync", "seed-0")
        assert disk.index(("fsync", "seed-0")) < disk.index(("replace", "config.toml"))


def test_the_checkpoint_before_becomes_the_previous_one(run):
    for steps in (1, 2, 3):
        run.save({"steps": steps}, CHAMPION)
    assert [tensors.read_checkpoint(path)["steps"] for path in run.checkpoints()] == [3, 2]


def test_a_last_checkpoint_is_its_own_previous_one(run):
    run.save({"steps": 1}, CHAMPION)
    run.save({"steps": 2}, CHAMPION, twice=True)
    assert [tensors.read_checkpoint(path)["steps"] for path in run.checkpoints()] == [2, 2]


def test_a_kill_between_the_two_renames_leaves_the_checkpoint_before(run, monkeypatch):
    run.save({"steps": 1}, CHAMPION)
    replace = os.replace

    def dies(old, new):
        if Path(new).name == "checkpoint.pt":
            raise KeyboardInterrupt
        replace(old, new)

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        run.save({"steps": 2}, CHAMPION)
    assert [tensors.read_checkpoint(path)["steps"] for path in run.checkpoints()] == [1]


# --- rows and history -------------------------------------------------------------------------------------------------


def test_a_row_is_there_for_every_reader_when_append_returns(run):
    for step in range(3):
        run.append({"step": step})
        assert store.read_rows(run.path / "metrics.jsonl") == [{"step": k} for k in range(step + 1)]


def test_an_unfinished_last_line_is_no_row_and_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 0}\n{"step": 1')
    assert store.read_rows(path) == [{"step": 0}]
    path.write_bytes(b'{"step": 0}\n{"st\n{"step": 2}\n')
    with pytest.raises(StoreError, match=r"metrics\.jsonl is damaged at line 2"):
        store.read_rows(path)


def test_rows_and_history_are_cut_back_to_the_checkpoint(run):
    rows(run, 5)
    for step in (0, 2, 3, 4):
        run.keep(store.history_name(step), CHAMPION)
        run.keep(store.history_name(step, "population"), CHAMPION)
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 5, "ha')
    run.cut_back(3)
    run.append({"step": 3})
    assert store.read_rows(run.path / "metrics.jsonl") == [{"step": k} for k in range(4)]
    kept = sorted(path.name for path in (run.path / "history").iterdir())
    assert kept == [name for k in (0, 2) for name in (store.history_name(k, "population"), store.history_name(k))]


def test_fewer_rows_than_the_checkpoint_counts_are_an_error(run):
    rows(run, 3)
    with pytest.raises(StoreError, match=r"of step 4, but metrics\.jsonl has only 3 rows"):
        run.cut_back(4)


# --- folders ----------------------------------------------------------------------------------------------------------


def test_folders_and_files_are_set_aside_under_the_first_free_name(run):
    (run.path / "checkpoint.pt").write_bytes(b"bad")
    assert run.set_aside(run.path / "checkpoint.pt").name == "checkpoint.pt.old-1"
    for k in (1, 2, 3):
        assert run.set_aside().name == f"seed-0.old-{k}"
        assert not run.path.exists()
        run.open("x = 1\n", {})
    assert (run.path.parent / "seed-0.old-1" / "checkpoint.pt.old-1").read_bytes() == b"bad"


HOLD = """
import sys, time
from scenarios.lab.store.store import RunDirectory
with RunDirectory(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_kill_nine_leaves_no_lock(tmp_path):
    path = tmp_path / "goal" / "ga" / "seed-0"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, env=environment)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=r"another process is running .*seed-0"), RunDirectory(path):
            pass
        assert not path.exists()
        holder.send_signal(signal.SIGKILL)
    with RunDirectory(path) as run:
        run.open("", {})


def test_what_a_kill_left_unfinished_is_cleared_away(run):
    for name in ("error.txt.new", "checkpoint.pt.new", "history/step-00000003.safetensors.new"):
        (run.path / name).write_bytes(b"half")
    run.open("seeds = [0]\n", {})
    assert sorted(each.name for each in run.path.rglob("*")) == ["config.toml", "history", "meta.json"]


def test_two_threads_or_objects_of_one_process_do_not_share_the_lock(run):
    with pytest.raises(StoreError, match="another process is running"), RunDirectory(run.path):
        pass


def test_find_runs_tells_running_stopped_failed_and_finished(tmp_path):
    for seed in range(4):
        with RunDirectory(store.run_path(tmp_path, "goal", "ga", seed)) as run:
            run.open("", {"command": f"evo run {seed}"})
            rows(run, seed)
            if seed == 1:
                run.write_error("Traceback")
            if seed == 2:
                run.write_result(RESULT)
    with RunDirectory(store.run_path(tmp_path, "goal", "ga", 3)) as run:
        aside = run.path.with_name("seed-3.old-1")
        aside.mkdir()
        (aside / "config.toml").write_text("")
        found = find_runs(tmp_path)
    assert [(each.state, each.steps, each.command) for each in found] == [
        ("stopped", 0, "evo run 0"),
        ("failed", 1, "evo run 1"),
        ("finished", 2, "evo run 2"),
        ("running", 3, "evo run 3"),
    ]
    assert {(each.scenario, each.label) for each in found} == {("goal", "ga")}
    assert [each.state for each in find_runs(tmp_path)][3] == "stopped"


def test_a_damaged_file_is_named_by_whoever_reads_it(tmp_path):
    with pytest.raises(StoreError, match="is no run directory"):
        store.read_config(tmp_path)
    (tmp_path / "config.toml").write_bytes(b"\xff=\n")
    (tmp_path / "result.json").write_bytes(b"[1]")
    with pytest.raises(StoreError, match=r"config\.toml is damaged"):
        store.read_config(tmp_path)
    with pytest.raises(StoreError, match=r"result\.json is damaged: expected an object; got list"):
        store.read_result(tmp_path)
    (tmp_path / "result.json").write_bytes(b'{"steps": 1, "cost": {}, "metric": {}}')
    with pytest.raises(StoreError, match=r"result\.json is damaged: stopped_by: expected a string; got null"):
        store.read_result(tmp_path)
