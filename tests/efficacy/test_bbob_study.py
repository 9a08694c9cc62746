"""The study's ratio by hand, and its table of runs as small as they can be. What it measures is judged by no test."""

import math

import bbob_study
import numpy as np
from bbob_study import ratio

from scenarios.lab import run
from scenarios.lab.cli.commands import main
from scenarios.lab.report.targets import Trace


def traces(*ends, spent=1000.0):
    """Runs that reach a gap of 1e-9 after so many evaluations; None: never."""
    return [Trace((1, 2, 1), np.array([1.0, end or spent]), np.array([9.0, 1e-9 if end else 5.0]), spent) for end in ends]


def test_the_ratio_of_expected_running_times_counts_what_was_spent_in_vain():
    found = ratio(traces(200.0, None), traces(100.0, 300.0), 1e-8)
    assert found.value == (200 + 1000) / 1 / (400 / 2)
    assert found.low <= 1 <= found.high == math.inf
    assert ratio(traces(*[200.0] * 9), traces(*[100.0] * 9), 1e-8) == (2, 2, 2)
    assert all(math.isnan(each) for each in ratio(traces(None), traces(None), 1e-8))


def test_runs_beside_an_archive_are_a_table(tmp_path, capsys):
    place = tmp_path / "runs" / "f1-d2"
    settings = {"task.function": 1, "task.dimension": 2}
    run("bbob", "random-search", seeds=2, budget={"evaluations": 400}, settings=settings, jobs=1, runs=place)
    assert main(["export", str(place), str(tmp_path / "archive"), "--format", "coco"]) == 0
    capsys.readouterr()
    bbob_study.main(["ratio", str(tmp_path / "runs"), str(tmp_path / "archive"), "-m", "random-search"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("f1  D 2   0.01  reached ")
    assert lines[1].startswith("f1  D 2   1e-08  reached 0/2 : 0/2  never reached; IQM of the best gaps ")
    assert lines[2].startswith("D 2, 0.01: ")
