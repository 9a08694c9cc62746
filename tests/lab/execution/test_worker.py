"""A worker process by itself: its protocol survives a user's prints, and it does not survive its parent."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from lab_fakes import differing, study

from scenarios.lab.execution import execute as executing
from scenarios.lab.execution import worker as working
from scenarios.lab.execution.execute import execute
from scenarios.lab.store import store
from scenarios.lab.store.runs import find_runs
from scenarios.lab.study import trial
from scenarios.lab.study.problems import ConfigError
from scenarios.lab.study.spec import Study


class Worker:
    """The process, and what it says."""

    def __init__(self, **pipes):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "scenarios.lab.execution.worker"]
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, env=environment, **pipes)

    def send(self, **message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def run(self, spec, runs, index=0):
        self.send(run=spec.to_json(), index=index, runs=str(runs), threads=1, restart=False, trial=False)

    def until(self, kind):
        """The events up to the first of `kind`."""
        found = []
        for line in self.process.stdout:
            found.append(json.loads(line))
            if found[-1]["event"] == kind:
                return found
        raise AssertionError(f"the worker ended before {kind!r}: {found}")


@pytest.fixture
def worker():
    worker = Worker(stderr=-1)
    yield worker
    with worker.process:
        worker.process.kill()


def test_a_worker_runs_one_run_after_another_whatever_they_print(tmp_path, worker):
    trouble = tmp_path / "trouble"
    trouble.write_text("print")
    specs = [study(trouble=str(trouble)).specs[0], study(seeds=[5]).specs[0]]
    for index, spec in enumerate(specs):
        worker.run(spec, tmp_path / "by_worker", index)
    for index, spec in enumerate(specs):
        events = worker.until("done")
        assert {event["index"] for event in events} == {index}
        assert events[0]["event"] == "started"
        assert [event["event"] for event in events[-2:]] == ["finished", "done"]
        assert events[-1] == {"event": "done", "index": index, "state": "finished"}
        trouble.write_text("")
        execute(spec, tmp_path / "here")
        folder = ("goal", "climber", spec.seed)
        assert differing(store.run_path(tmp_path / "by_worker", *folder), store.run_path(tmp_path / "here", *folder)) == []
    worker.process.stdin.close()
    assert worker.process.wait(5) == 0
    said = worker.process.stderr.read().decode()
    assert '{"event": "done", "index": 0, "state": "finished"}\n' in said
    assert "raw bytes\n" in said


def test_a_worker_tries_a_configuration_and_runs_it_though_it_prints(tmp_path, worker):
    (tmp_path / "loud.py").write_text("from scenarios.xor import scenario\nprint('loud')\n")
    document = {"scenario": f"{tmp_path}/loud.py:scenario", "learners": {"ga": {"population_size": 5}}, "budget": {"steps": 2}}
    asked = {"document": document, "overrides": {}, "command": "evo run loud", "problems": []}
    worker.send(ask="study", of=asked)
    (said,) = worker.until("answer")
    here = trial.study(**asked)
    assert Study.from_json(said["answer"]) == here
    worker.run(here.specs[0], tmp_path)
    assert worker.until("done")[-1]["state"] == "finished"
    worker.send(ask="study", of={**asked, "overrides": {"ga.elites": -1, "task.stop": "never"}})
    (answer,) = worker.until("mistakes")
    with pytest.raises(ConfigError) as caught:
        trial.study(**asked | {"overrides": {"ga.elites": -1, "task.stop": "never"}})
    assert answer["problems"] == caught.value.problems
    assert len(answer["problems"]) == 2


def test_a_worker_is_deaf_to_signals_and_told_to_stop_it_finishes_the_step_and_saves(tmp_path, worker):
    spec = study(steps=1000, pause=0.01, run={"checkpoint_seconds": 1000}).specs[0]
    worker.run(spec, tmp_path)
    worker.until("row")
    for each in (signal.SIGINT, signal.SIGTERM):
        worker.process.send_signal(each)
    worker.until("row")
    worker.send(stop=True)
    assert worker.until("done")[-1]["state"] == "stopped"
    path = store.run_path(tmp_path, "goal", "climber", 0)
    steps = len(store.read_rows(path / "metrics.jsonl"))
    assert execute(spec, tmp_path, stop=lambda: True) == "stopped"
    events = []
    execute(spec, tmp_path, stop=lambda: True, emit=events.append)
    assert events[0]["steps"] == steps > 0


def test_a_worker_ends_within_a_second_of_its_parent_even_in_the_middle_of_a_step(tmp_path, worker):
    trouble = tmp_path / "trouble"
    trouble.write_text("sleep")
    worker.run(study(trouble=str(trouble), trouble_at=1).specs[0], tmp_path)
    worker.until("row")
    start = time.monotonic()
    worker.process.stdin.close()
    worker.process.wait(10)
    assert time.monotonic() - start < 1.0
    assert find_runs(tmp_path)[0].state == "stopped"


def test_a_worker_whose_listener_is_gone_ends_without_calling_the_run_failed(tmp_path, worker):
    worker.run(study(steps=1000, pause=0.01).specs[0], tmp_path)
    worker.until("row")
    worker.process.stdout.close()
    worker.process.wait(10)
    assert find_runs(tmp_path)[0].state == "stopped"


def test_a_run_collects_garbage_whatever_the_imports_before_it_did_without(monkeypatch, tmp_path):
    collected = []

    def executed(*_, **__):
        collected.append(gc.isenabled())
        return "finished"

    monkeypatch.setattr(executing, "execute", executed)
    spec = trial.study({"scenario": "xor", "learners": {"linear": {}}}).specs[0].to_json()
    gc.disable()
    try:
        for index in range(2):
            request = {"run": spec, "index": index, "runs": str(tmp_path), "threads": 1, "restart": False, "trial": True}
            working._run(request, io.BytesIO(), threading.Event())
    finally:
        gc.enable()
        gc.unfreeze()
    assert collected == [True, True]
