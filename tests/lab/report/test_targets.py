"""Runtimes to targets, worked by hand."""

from __future__ import annotations

import math

import altair
import numpy as np
from run_folders import make, result, row

from scenarios.lab.report import gather, report, targets
from scenarios.lab.report.comparison import compare
from scenarios.lab.report.targets import Trace


def trace(gaps, spent=None, solved=False, dimension=2):
    evaluations = 100.0 * np.arange(1, len(gaps) + 1)
    return Trace((1, dimension, 1), evaluations, np.array(gaps), spent or 100.0 * len(gaps), solved)


def gone(runs, label, seed, fitness, **more):
    """A run whose generations of 100 evaluations had these best fitnesses, the optimum being 0."""
    best = np.fmax.accumulate(np.array(fitness, float))
    scores = [{"fitness": float(each), "gap": float(-each)} for each in best]
    rows = [{**row(k, 0), "fitness_best": each, "validation": scores[k]} for k, each in enumerate(fitness)]
    make(runs, label, seed, rows, {**result(-best[-1], rows, "gap", "min", **more), "test": None, "train": None})


def compared(runs):
    (found,) = compare(gather.find([], runs))
    return found


def test_a_target_is_reached_at_the_first_row_that_is_no_worse():
    reached = trace([5.0, 1.0, 1.0, 0.2]).reached(np.array([10.0, 5.0, 1.0, 0.5, 0.1]))
    assert reached.tolist() == [100, 100, 200, 400, math.inf]


def test_expected_running_time_counts_what_was_spent_in_vain():
    count, (value, low, high) = targets.expected([trace([5.0, 1.0]), trace([5.0, 4.0, 3.0], spent=700)], 1.0)
    assert (count, value, high) == (1, 900.0, math.inf)
    assert low <= 200


def test_distribution_is_of_runs_and_targets_by_evaluations_a_dimension(monkeypatch):
    monkeypatch.setattr(targets, "TARGETS", np.array([10.0, 1.0]))
    rows = targets.rows({"a": [trace([5.0, 1.0]), trace([20.0, 9.0, 8.0])]})
    assert [(each["x"], each["y"]) for each in rows] == [(50, 0.25), (100, 0.5), (100, 0.75), (150, 0.75)]


def test_targets_finer_than_what_a_solved_run_stopped_at_are_left_out():
    named = {"a": [trace([5.0, 0.009], solved=True)], "b": [trace([5.0, 1e-9])]}
    assert targets.meant(named, (1.0, 0.01, 1e-3)).tolist() == [1.0, 0.01]
    cells, words = targets.table(named)[1:]
    assert [cell[:3] for cell in cells[-2:]] == [["0.01", "a", "1/1"], ["0.01", "b", "1/1"]]
    assert words == "21 from 1e+02 to 0.01"


def test_the_gap_is_of_the_best_of_training_so_far(tmp_path):
    gone(tmp_path, "ga", 0, [-4.0, -6.0, None, -1.0])
    (seed,) = compared(tmp_path).series[0].seeds
    assert seed.curve.gap.tolist() == [4, 4, 4, 1]


def test_page_has_the_distribution_and_failed_runs_reach_nothing(tmp_path):
    known = {"suite": "bbob", "function": 8, "dimension": 5, "instance": 1, "f_opt": 3.5}
    gone(tmp_path, "ga", 0, [-4.0, -0.5], benchmark=known)
    make(tmp_path, "ga", 1, [])
    gone(tmp_path, "es", 0, [-40.0, -30.0], benchmark={**known, "instance": 2})
    found = compare(gather.find([], tmp_path), failed=[tmp_path / "digits" / "ga" / "seed-1"])[0]
    named = targets.traces(found)
    assert [(each.problem, each.spent) for each in named["ga"]] == [((8, 5, 1), 200), ((8, 5, 0), 0)]
    assert targets.expected(named["ga"], 1.0)[0] == 1
    found.archived = {"theirs": [trace([50.0, 1.0], dimension=5)], "elsewhere": [trace([1.0], dimension=3)]}
    assert "elsewhere" not in targets.traces(found)
    found.archived["theirs"] = [Trace((8, 5, 3), np.array([1.0]), np.array([0.5]), 10.0)]
    drawn = targets.chart(targets.traces(found), found)
    altair.Chart.from_dict(drawn.to_dict())
    page = report.page([found])
    assert "Runtimes to targets" in page
    assert '"runtimes-0"' in page
    assert "theirs" in page


def test_a_task_without_a_known_optimum_has_no_runtimes(tmp_path):
    rows = [row(k, 0.5) for k in range(2)]
    make(tmp_path, "ga", 0, rows, result(0.5, rows))
    assert targets.traces(compared(tmp_path)) == {}
    assert "Runtimes to targets" not in report.page([compared(tmp_path)])


def test_without_a_suite_the_dimension_is_that_of_the_point(tmp_path):
    gone(tmp_path, "ga", 0, [-4.0, -0.5])
    assert targets.traces(compared(tmp_path))["ga"][0].problem == (0, 323, 0)
