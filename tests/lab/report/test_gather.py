"""A run as it lies on disk, believed only as far as it can be: curves, states, faults."""

import json
import math

import numpy as np
import pytest

from scenarios.lab.report import gather


def folder(runs, rows=(), label="ga", seed=0, **files):
    path = runs / "xor" / label / f"seed-{seed}"
    path.mkdir(parents=True)
    (path / "config.toml").write_text(files.get("config", 'scenario = "xor"\n[learners.ga]\nmethod = "deep-ga"\n'))
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + files.get("tail", ""))
    return path


def one(path):
    (series,) = gather.gather([path])["xor"]
    return series.seeds[0]


def row(evaluations, accuracy, champion=None):
    cost = {"evaluations": evaluations, "samples": 2 * evaluations, "compute": None, "seconds": 0.5}
    own = {**cost, "validation": {"accuracy": accuracy, "fitness": -1.0}}
    return own if champion is None else {**own, "champion_step": champion}


def test_curve_is_the_champions_metric_not_the_rows_own(tmp_path):
    seed = one(folder(tmp_path, [row(10, 0.5, 0), row(20, 0.9, 0), row(30, 0.7, 2), row(40, 0.2, 2)]))
    assert seed.metric == "accuracy"
    np.testing.assert_array_equal(seed.curve.metric, [0.5, 0.5, 0.7, 0.7])
    np.testing.assert_array_equal(seed.curve.cost["samples"], [20, 40, 60, 80])
    assert np.isnan(seed.curve.cost["compute"]).all()


@pytest.mark.parametrize(("limit", "expected"), [(9.9, math.nan), (10, 0.5), (19, 0.5), (20, 0.6), (1e9, 0.6)])
def test_curve_at_a_budget_is_the_last_row_within_it(tmp_path, limit, expected):
    curve = one(folder(tmp_path, [row(10, 0.5, 0), row(20, 0.6, 1)])).curve
    np.testing.assert_equal(curve.at("evaluations", limit), expected)


def test_champion_steps_that_cannot_be_are_not_followed(tmp_path):
    strange = [row(10, 0.5, 7), row(20, 0.6, -1), row(30, 0.7, "x"), row(40, 0.8, True), row(50, 0.9, 10**30)]
    np.testing.assert_array_equal(one(folder(tmp_path, strange)).curve.metric, [0.5, 0.6, 0.7, 0.8, 0.9])


def test_values_that_are_no_numbers_are_unknown(tmp_path):
    rows = [{"evaluations": "many", "validation": 3}, {"validation": {"accuracy": None, "fitness": 1.0}}, {}]
    seed = one(folder(tmp_path, [*rows, {"validation": {"accuracy": [1]}}]))
    assert np.isnan(seed.curve.cost["evaluations"]).all()
    assert np.isnan(seed.curve.metric).all()
    assert seed.fault is None


def test_last_line_that_is_cut_is_left_out_and_a_damaged_one_is_a_fault(tmp_path):
    cut = one(folder(tmp_path, [row(10, 0.5)], tail='{"evaluations": 20, "valid'))
    assert len(cut.rows) == 1
    assert cut.fault is None
    damaged = one(folder(tmp_path, [row(10, 0.5)], label="b", tail="{]\n"))
    assert damaged.rows == []
    assert "metrics.jsonl is damaged at line 2" in damaged.fault


def test_missing_metrics_are_a_fault_of_a_run_that_began(tmp_path):
    path = folder(tmp_path)
    (path / "metrics.jsonl").unlink()
    assert one(path).fault is None  # killed before its first row
    (path / "checkpoint.pt").write_bytes(b"")
    seed = one(path)
    assert len(seed.curve.metric) == 0
    assert "metrics.jsonl" in seed.fault


def test_run_that_was_never_started_is_no_fault(tmp_path):
    seed = one(tmp_path / "xor" / "ga" / "seed-3")
    assert (seed.state, seed.seed, seed.rows, seed.fault) == ("not started", 3, [], None)


def test_method_of_a_label_is_what_its_configuration_says(tmp_path):
    paths = [folder(tmp_path), folder(tmp_path, label="plain", config="x = 1")]
    ga, plain = gather.gather(paths)["xor"]
    assert (ga.method, plain.method) == ("deep-ga", "plain")


@pytest.mark.parametrize("config", ["learners = 3", "[learners]\nga = 3", "[learners.ga]\nx = 1", "["])
def test_strange_configuration_leaves_the_label_as_the_method(tmp_path, config):
    (series,) = gather.gather([folder(tmp_path, config=config)])["xor"]
    assert series.method == "ga"
    assert (series.seeds[0].fault is None) == (config != "[")


def test_a_run_named_twice_counts_once(tmp_path):
    path = folder(tmp_path)
    (series,) = gather.gather([path, path, path.parent / "." / "seed-0"])["xor"]
    assert len(series.seeds) == 1


def test_known_failures_count_whatever_the_disk_says(tmp_path):
    path = folder(tmp_path)
    (series,) = gather.gather([path], failed=[path])["xor"]
    assert series.seeds[0].state == "failed"


def test_three_roots_are_told_apart_by_as_much_of_them_as_it_takes(tmp_path):
    paths = [folder(tmp_path / part / "runs") for part in ("a", "b", "c")]
    labels = [series.label for series in gather.gather(paths)["xor"]]
    assert labels == ["a/runs/ga", "b/runs/ga", "c/runs/ga"]
