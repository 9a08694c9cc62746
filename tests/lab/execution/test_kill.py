"""`kill -9`, of real processes: nothing survives but the run, and the same command gives the same bytes."""

from __future__ import annotations

import os
import random
import sys
import time

import pytest
from lab_fakes import Program, differing, kill_and_compare, study

from scenarios.lab.execution.execute import execute
from scenarios.lab.store import store
from scenarios.lab.store.runs import find_runs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL and process groups are POSIX")


def test_workers_end_within_a_second_of_a_killed_parent_and_their_runs_continue_to_the_same_bytes(tmp_path, monkeypatch):
    trouble = tmp_path / "trouble"
    trouble.write_text("hold" if sys.platform == "linux" else "sleep")  # elsewhere Python code must notice
    program = Program(tmp_path / "cut", trouble)
    with program.process:
        program.until("row")
        time.sleep(0.3)
        assert program.alive()
        program.process.kill()
    killed = time.monotonic()
    while program.alive() and time.monotonic() < killed + 10:
        time.sleep(0.01)
    assert time.monotonic() - killed < 1.0
    trouble.write_text("")
    found = find_runs(tmp_path / "cut")
    assert {status.state for status in found} == {"stopped"}
    assert 0 < max(status.steps for status in found) < 40
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for spec in study(steps=40, pause=0.02, seeds=3, trouble=str(trouble)).specs:
        for runs in ("cut", "whole"):
            assert execute(spec, tmp_path / runs) == "finished"
        cut, whole = (store.run_path(tmp_path / runs, "goal", "climber", spec.seed) for runs in ("cut", "whole"))
        assert differing(cut, whole) == []


def test_a_run_killed_at_random_rows_equals_the_run_in_peace(tmp_path):
    found = kill_and_compare("breast_cancer", "ga", steps=100, kills=1, folder=tmp_path, dice=random.Random(1))
    assert (found.kills, found.hits, found.wrong) == (1, 1, [])
