"""A study of many runs: in any number of processes the same bytes; no run's fate is another's."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time

import pytest
from lab_fakes import Program, differing, scenario, study

from scenarios.lab.execution.execute import execute
from scenarios.lab.execution.runner import Interrupt, run_study
from scenarios.lab.store import store
from scenarios.lab.store.runs import find_runs
from scenarios.lab.study.problems import ConfigError


def path_of(runs, seed=0, label="climber"):
    return store.run_path(runs, "goal", label, seed)


def words(events, kind, index):
    return [event["message"] for event in events if event["event"] == kind and event["index"] == index]


@pytest.fixture(scope="module")
def one_job(tmp_path_factory):
    """Four seeds of two labels, by one worker; and the events."""
    runs, events = tmp_path_factory.mktemp("one_job"), []
    states = run_study(study(seeds=2, labels=("climber", "other")), runs, jobs=1, emit=events.append)
    assert states == dict.fromkeys(range(4), "finished")
    return runs, events


def test_two_jobs_write_the_bytes_of_one(tmp_path, one_job):
    same = study(seeds=2, labels=("climber", "other"))
    assert run_study(same, tmp_path, jobs=2) == dict.fromkeys(range(4), "finished")
    for spec in same.specs:
        ours, theirs = path_of(tmp_path, spec.seed, spec.label), path_of(one_job[0], spec.seed, spec.label)
        assert set(differing(ours, theirs)) <= {"meta.json"}  # which says how many threads a run had


def objects(**options):
    """Two seeds of a study whose scenario is an object."""
    named = study(seeds=2, **options)
    return dataclasses.replace(named, specs=tuple(dataclasses.replace(spec, scenario=scenario) for spec in named.specs))


def test_objects_run_in_this_process_and_write_the_bytes_of_names(tmp_path, one_job):
    events = []
    assert run_study(objects(), tmp_path, emit=events.append) == {0: "finished", 1: "finished"}
    assert {event["index"] for event in events} == {0, 1}
    for seed in (0, 1):
        assert set(differing(path_of(tmp_path, seed), path_of(one_job[0], seed))) <= {"config.toml", "meta.json"}


def test_every_event_says_which_run_it_is_of(one_job):
    _, events = one_job
    for index in range(4):
        kinds = [event["event"] for event in events if event["index"] == index]
        assert kinds[:2] == ["starting", "started"]
        assert kinds[-1] == "finished"
        assert "row" in kinds
        assert "done" not in kinds


def test_the_same_command_again_skips_what_is_finished_without_starting_over(tmp_path, one_job):
    runs, _ = one_job
    before = path_of(runs).stat().st_mtime_ns
    assert run_study(study(seeds=2, labels=("climber", "other")), runs, jobs=1) == dict.fromkeys(range(4), "skipped")
    assert path_of(runs).stat().st_mtime_ns == before


def test_other_settings_stop_the_study_before_anything_starts(tmp_path, one_job):
    runs, _ = one_job
    with pytest.raises(ConfigError) as caught:
        run_study(study(seeds=3, labels=("climber", "other"), trouble_at=9), runs)
    assert len(caught.value.problems) == 4
    assert "climber.trouble_at: stored 3, now 9" in caught.value.problems[0]
    assert not path_of(runs, 2).exists()


def test_a_run_that_fails_or_is_killed_stops_no_other_and_continues(tmp_path):
    said = {
        1: ("raise", "the learner is unwell in two lines"),
        2: ("kill", "its worker process was killed by SIGKILL"),
        3: ("exit", "its worker process exited with code 3"),
    }
    specs = list(study(seeds=5).specs)
    for seed, (word, _) in said.items():
        (tmp_path / word).write_text(word)
        specs[seed] = study(seeds=5, trouble=str(tmp_path / word)).specs[seed]
    whole, events = dataclasses.replace(study(), specs=tuple(specs)), []
    states = {0: "finished", 1: "failed", 2: "failed", 3: "failed", 4: "finished"}
    assert run_study(whole, tmp_path, jobs=1, emit=events.append) == states
    assert {status.seed: status.state for status in find_runs(tmp_path)} == states
    for seed, (word, reason) in said.items():
        (message,) = words(events, "failed", seed)
        assert message.startswith(reason)
        assert reason.split()[0] in (path_of(tmp_path, seed) / "error.txt").read_text()
        (tmp_path / word).write_text("")
    assert run_study(whole, tmp_path, jobs=1) == states | {
        0: "skipped",
        1: "finished",
        2: "finished",
        3: "finished",
        4: "skipped",
    }
    for seed in said:
        execute(specs[seed], tmp_path / "peace")
        assert set(differing(path_of(tmp_path, seed), path_of(tmp_path / "peace", seed))) <= {"meta.json"}


def test_workers_have_one_thread_in_every_library_and_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr("scenarios.lab.execution.runner.cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    handed = []
    monkeypatch.setattr(
        "scenarios.lab.execution.runner.subprocess.Popen", lambda *arguments, **options: handed.append(options) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        run_study(study(seeds=3), tmp_path, jobs=2)
    assert handed[0]["env"]["OMP_NUM_THREADS"] == handed[0]["env"]["OPENBLAS_NUM_THREADS"] == "1"


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


def test_ctrl_c_in_this_process_finishes_the_step_saves_and_starts_no_other(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    interrupt = lambda event: signal.raise_signal(signal.SIGINT) if event["event"] == "row" else None
    assert run_study(objects(), tmp_path / "cut", emit=interrupt) == {0: "stopped", 1: "stopped"}
    assert signal.getsignal(signal.SIGINT) is before
    assert len(store.read_rows(path_of(tmp_path / "cut") / "metrics.jsonl")) == 1
    assert not path_of(tmp_path / "cut", 1).exists()
    assert run_study(objects(), tmp_path / "cut") == {0: "finished", 1: "finished"}
    run_study(objects(), tmp_path / "whole")
    for seed in (0, 1):
        assert differing(path_of(tmp_path / "cut", seed), path_of(tmp_path / "whole", seed)) == []


def test_a_second_ctrl_c_in_this_process_stops_at_once(tmp_path):
    def twice(event):
        if event["event"] == "row":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_study(objects(), tmp_path, emit=twice)
    assert signal.getsignal(signal.SIGINT) is before
    assert run_study(objects(), tmp_path) == {0: "finished", 1: "finished"}


def test_a_study_runs_on_another_thread_too_and_leaves_ctrl_c_alone(tmp_path):
    before, states = signal.getsignal(signal.SIGINT), []

    def work():
        with Interrupt():
            assert signal.getsignal(signal.SIGINT) is before
        states.append(run_study(objects(), tmp_path))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert states == [{0: "finished", 1: "finished"}]


def test_ctrl_c_lets_every_worker_finish_its_step_and_the_same_command_gives_the_same_bytes(tmp_path, monkeypatch):
    program = Program(tmp_path / "cut")
    with program.process:
        program.until("row")
        program.ctrl_c()
        assert "Ctrl-C again stops at once" in program.until("interrupted")
        assert program.until("states").split() == ["states", "stopped", "stopped", "stopped"]
    assert program.process.returncode == 0
    found = find_runs(tmp_path / "cut")
    assert {status.state for status in found} == {"stopped"}
    assert 0 < max(status.steps for status in found) < 40
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for spec in study(steps=40, pause=0.02, seeds=3).specs:
        for runs in ("cut", "whole"):
            assert execute(spec, tmp_path / runs) == "finished"
        assert differing(path_of(tmp_path / "cut", spec.seed), path_of(tmp_path / "whole", spec.seed)) == []


def test_a_second_ctrl_c_kills_the_workers_in_the_middle_of_a_step(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.write_text("sleep")
    program = Program(tmp_path / "runs", trouble)
    with program.process:
        program.until("row")
        time.sleep(0.3)
        program.ctrl_c()
        program.until("interrupted")
        start = time.monotonic()
        program.ctrl_c()
        program.process.wait(20)
        assert time.monotonic() - start < 5
    assert program.process.returncode != 0
    assert {status.state for status in find_runs(tmp_path / "runs")} == {"stopped"}
