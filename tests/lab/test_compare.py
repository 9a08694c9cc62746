"""The table says what the runs hold: means with their spread, costs, and in words whatever is not finished."""

import json
import re

import pytest

from scenarios.lab import compare
from scenarios.lab.compare import Comparison


def result(value=0.9, metric="accuracy", direction="max", split="test", solved=None, nonfinite=0, seconds=2.0, parameters=10):
    scores = {"train": {metric: 1.0}, "validation": {metric: 0.5}, "test": None} | {split: {metric: value, "n": 3}}
    return {
        "stopped_by": "budget",
        "steps": 3,
        "solved": solved,
        "metric": {"name": metric, "direction": direction},
        "cost": {"evaluations": 100, "samples": 12_345_678, "compute": 4.5, "seconds": seconds},
        "champion": {"parameters": parameters},
        "nonfinite": nonfinite,
        **scores,
    }


def make(runs, label, seed, outcome=None, rows=3, error=None, scenario="digits", budget=1000, command="evo run digits"):
    """A run folder: finished with the result `outcome`, failed with `error`, or stopped."""
    path = runs / scenario / label / f"seed-{seed}"
    path.mkdir(parents=True)
    (path / "config.toml").write_text(f'scenario = "{scenario}"\n[budget]\nevaluations = {budget}\n')
    (path / "meta.json").write_text(json.dumps({"command": command}))
    row = {"validation": {"accuracy": 0.25, "n": 3}}
    (path / "metrics.jsonl").write_text("".join(json.dumps({"step": k, **row}) + "\n" for k in range(rows)))
    if outcome is not None:
        (path / "result.json").write_text(json.dumps(outcome))
    if error is not None:
        (path / "error.txt").write_text(error)
    return path


def table(runs, *names):
    (found,) = compare.compare(compare.find(names, runs))
    return found


def cells(comparison, label):
    """The cells of a label's line, by the title of their column."""
    lines = str(comparison).splitlines()
    head = re.split(r"\s{2,}", lines[1])
    line = next(line for line in lines if line.startswith(label + " "))
    return dict(zip(head, re.split(r"\s{2,}", line)))


def test_mean_and_sample_deviation_of_the_test_metric(tmp_path):
    for seed, value in enumerate((0.8, 0.9, 1.0)):
        make(tmp_path, "ga", seed, result(value, seconds=seed + 1.0))
    found = table(tmp_path)
    assert found.rows[0]["values"] == [0.8, 0.9, 1.0]
    assert found.rows[0]["mean"] == pytest.approx(0.9)
    assert found.rows[0]["sd"] == pytest.approx(0.1)
    assert cells(found, "ga") == {
        "method": "ga",
        "seeds": "3/3",
        "test accuracy": "0.9 ± 0.1",
        "parameters": "10",
        "evaluations": "100",
        "samples": "1.23e+07",
        "compute": "4.5",
        "seconds": "2",
    }
    assert found.notes == []
    assert repr(found) == str(found)


def test_one_seed_has_no_interval_and_says_so(tmp_path):
    make(tmp_path, "ga", 0, result(0.9))
    assert cells(table(tmp_path), "ga")["test accuracy"] == "0.9 (1 seed: no interval)"


def test_without_a_test_set_the_validation_metric_is_named(tmp_path):
    for seed in (0, 1):
        make(tmp_path, "ga", seed, {**result(), "test": None})
    found = table(tmp_path)
    assert cells(found, "ga")["validation accuracy"] == "0.5 ± 0"
    assert any("no test set" in note for note in found.notes)


def test_train_metric_stands_in_where_there_is_no_validation_either(tmp_path):
    make(tmp_path, "ga", 0, {**result(), "test": None, "validation": None})
    assert table(tmp_path).rows[0]["split"] == "train"
    assert table(tmp_path).rows[0]["mean"] == 1.0


@pytest.mark.parametrize(("direction", "first"), [("max", "high"), ("min", "low")])
def test_best_mean_comes_first_in_the_direction_of_the_metric(tmp_path, direction, first):
    make(tmp_path, "low", 0, result(0.1, direction=direction))
    make(tmp_path, "high", 0, result(0.9, direction=direction))
    make(tmp_path, "a-unfinished", 0)
    assert [row["label"] for row in table(tmp_path).rows][::2] == [first, "a-unfinished"]


def test_solved_counts_finished_seeds_and_is_left_out_where_undefined(tmp_path):
    for seed, solved in enumerate((True, False, True)):
        make(tmp_path, "ga", seed, result(solved=solved))
    make(tmp_path, "linear", 0, result(solved=None))
    make(tmp_path, "ga", 0, result(), scenario="wine")
    found = compare.compare(compare.find(["digits"], tmp_path))[0]
    assert cells(found, "ga")["solved"] == "2/3"
    assert cells(found, "linear")["solved"] == "-"
    assert "solved" not in cells(table(tmp_path, "wine"), "ga")


def test_nonfinite_counts_are_shown_when_there_are_any(tmp_path):
    make(tmp_path, "ga", 0, result(nonfinite=3))
    make(tmp_path, "ga", 1, result(nonfinite=4))
    assert cells(table(tmp_path), "ga")["non-finite"] == "7"
    make(tmp_path, "ga", 0, result(), scenario="wine")
    assert "non-finite" not in str(table(tmp_path, "wine"))


def test_metric_that_is_not_finite_is_left_out_of_the_mean_and_said(tmp_path):
    make(tmp_path, "ga", 0, result(0.8))
    make(tmp_path, "ga", 1, result(None))
    found = table(tmp_path)
    assert found.rows[0]["mean"] == 0.8
    assert any("not a finite number in 1 of 2 seeds" in note for note in found.notes)


def test_compute_that_means_nothing_is_a_dash(tmp_path):
    outcome = result()
    outcome["cost"]["compute"] = None
    make(tmp_path, "tree", 0, outcome)
    assert cells(table(tmp_path), "tree")["compute"] == "-"


def test_unfinished_runs_are_said_in_words_and_give_no_number(tmp_path):
    make(tmp_path, "ga", 0, result(0.9))
    make(tmp_path, "ga", 1, command="evo run digits -m ga --seeds 4")
    make(tmp_path, "ga", 2, error="Traceback ...", rows=1)
    asked = [tmp_path / "digits" / "ga" / f"seed-{seed}" for seed in range(4)]
    (found,) = compare.compare(asked)
    assert cells(found, "ga")["seeds"] == "1/4, 1 failed"
    assert found.rows[0]["mean"] == 0.9
    words = "\n".join(found.notes)
    assert "ga: seed 1 stopped after 3 steps, validation accuracy 0.25; continue with: evo run digits -m ga --seeds 4" in words
    assert "ga: seed 2 failed after 1 step" in words
    assert "seed-2/error.txt" in words
    assert "ga: seed 3 not started" in words


def test_label_without_a_finished_run_is_a_line_of_dashes(tmp_path):
    make(tmp_path, "ga", 0, rows=0)
    assert cells(table(tmp_path), "ga")["metric"] == "-"
    assert "ga: seed 0 stopped after 0 steps" in str(table(tmp_path))


def test_many_unfinished_seeds_are_counted_and_not_listed(tmp_path):
    (found,) = compare.compare([tmp_path / "digits" / "ga" / f"seed-{seed}" for seed in range(100)])
    assert found.notes == ["ga: seeds 0, 1, 2, 3, 4, 5 and 94 more not started"]


def test_different_budgets_are_said(tmp_path):
    make(tmp_path, "ga", 0, result(), budget=1000)
    make(tmp_path, "backprop", 0, result(), budget=50)
    assert "budgets differ: backprop evaluations=50; ga evaluations=1,000" in table(tmp_path).notes


LACKING = '{"stopped_by": "budget", "steps": 1, "metric": 3, "cost": 3, "champion": 3}'


@pytest.mark.parametrize("damage", ["{", "[]", "{}", LACKING, LACKING.replace("3", "{}"), "\x00"])
def test_damaged_result_is_named_and_counts_as_unfinished(tmp_path, damage):
    make(tmp_path, "ga", 0, result())
    path = make(tmp_path, "ga", 1, result())
    (path / "result.json").write_text(damage)
    found = table(tmp_path)
    assert found.rows[0]["done"] == 1
    assert any("result.json" in note and "damaged" in note for note in found.notes)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metric.name", ["accuracy"]),
        ("metric.direction", "up"),
        ("metric.direction", None),
        ("validation", []),
        ("test", {"accuracy": "high"}),
        ("test", {"accuracy": 10**400}),
        ("solved", "yes"),
        ("nonfinite", "x"),
        ("champion", 3),
        ("champion.parameters", "many"),
        ("cost", {"a": 1}),
        ("cost.seconds", "a"),
        ("steps", "x"),
        ("stopped_by", None),
    ],
)
def test_result_of_the_wrong_types_is_named_by_file_and_key(tmp_path, key, value):
    outcome = result()
    part, _, name = key.partition(".")
    outcome[part] = outcome[part] | {name: value} if name else value
    path = make(tmp_path, "ga", 0, outcome)
    found = table(tmp_path)
    assert found.rows[0]["done"] == 0
    assert any(f"{path / 'result.json'} is damaged: {key}: expected " in note for note in found.notes)
    assert str(found)


@pytest.mark.parametrize("row", ["3", '{"validation": [1]}', '{"validation": {"accuracy": "high"}}'])
def test_strange_last_row_of_an_unfinished_run_stops_no_table(tmp_path, row):
    (make(tmp_path, "ga", 0) / "metrics.jsonl").write_text(row + "\n")
    assert "ga: seed 0 stopped after 1 step" in str(table(tmp_path))


def test_damaged_metrics_and_config_are_named(tmp_path):
    (make(tmp_path, "ga", 0) / "metrics.jsonl").write_text("{\n")
    (make(tmp_path, "knn", 0, result()) / "config.toml").write_text("[")
    words = str(table(tmp_path))
    assert "metrics.jsonl is damaged" in words
    assert "config.toml is damaged" in words


def test_runs_are_found_by_scenario_label_or_folder(tmp_path):
    paths = [make(tmp_path, label, seed, result()) for label in ("ga", "knn") for seed in (0, 10, 2)]
    make(tmp_path, "ga", 0, result(), scenario="wine")
    assert compare.find(["digits"], tmp_path) == [paths[k] for k in (0, 2, 1, 3, 5, 4)]
    assert compare.find([str(tmp_path / "digits" / "knn")], tmp_path / "elsewhere") == [paths[k] for k in (3, 5, 4)]
    assert compare.find([str(paths[1]), str(paths[1]), "wine"], tmp_path) == [paths[1], tmp_path / "wine" / "ga" / "seed-0"]
    assert [found.scenario for found in compare.compare(compare.find([], tmp_path))] == ["digits", "wine"]


def test_folders_put_aside_are_not_compared(tmp_path):
    path = make(tmp_path, "ga", 0, result())
    path.rename(path.with_name("seed-0.old-1"))
    make(tmp_path, "ga", 0, result())
    assert len(compare.find(["digits"], tmp_path)) == 1


def test_unknown_name_says_the_closest_and_how_to_make_runs(tmp_path):
    make(tmp_path, "ga", 0, result())
    with pytest.raises(compare.NoRuns, match=r"did you mean 'digits'.*evo run digit"):
        compare.find(["digit"], tmp_path)
    with pytest.raises(compare.NoRuns, match="no runs in"):
        compare.find([], tmp_path / "nothing")


def test_comparison_without_runs_says_so():
    assert str(Comparison("digits", [], [])) == "digits: no runs"
