"""The table says what the runs hold: the metric with its interval, costs, and in words whatever is not finished."""

import json
import re

import pytest

from scenarios.lab.report import gather, stats, tables
from scenarios.lab.report.comparison import BadPoint, Comparison, compare, parse_at
from scenarios.lab.report.ranking import common_budget


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


def table(runs, *names, at=None):
    (found,) = compare(gather.find(names, runs), at=at)
    return found


def cells(comparison, label):
    """The cells of a label's line, by the title of their column."""
    lines = str(comparison).splitlines()
    head = re.split(r"\s{2,}", lines[1])
    line = next(line for line in lines if line.startswith(label + " "))
    return dict(zip(head, re.split(r"\s{2,}", line)))


def test_interquartile_mean_of_the_test_metric_with_its_interval(tmp_path):
    for seed, value in enumerate((0.8, 0.9, 1.0, 0.1)):  # one a quarter off: .8 and .9 are left
        make(tmp_path, "ga", seed, result(value, seconds=seed + 1.0))
    found = table(tmp_path)
    assert found.rows[0]["values"] == [0.8, 0.9, 1.0, 0.1]
    assert found.rows[0]["iqm"] == pytest.approx(0.85)
    assert (found.rows[0]["low"], found.rows[0]["high"]) == stats.iqm_interval([0.8, 0.9, 1.0, 0.1])
    assert cells(found, "ga") == {
        "method": "ga",
        "seeds": "4/4",
        "test accuracy": f"0.85 [{found.rows[0]['low']:.4g}, {found.rows[0]['high']:.4g}]",
        "parameters": "10",
        "evaluations": "100",
        "samples": "1.23e+07",
        "compute": "4.5",
        "wall clock (s)": "2.5",
    }
    assert found.notes == []
    assert repr(found) == "Comparison(digits: 1 method, 4 of 4 runs finished, first ga)"


def test_one_seed_has_no_interval_and_says_so(tmp_path):
    make(tmp_path, "ga", 0, result(0.9))
    assert cells(table(tmp_path), "ga")["test accuracy"] == "0.9 (1 seed: no interval)"


def test_without_a_test_set_the_validation_metric_is_named(tmp_path):
    for seed in (0, 1):
        make(tmp_path, "ga", seed, {**result(), "test": None})
    found = table(tmp_path)
    assert cells(found, "ga")["validation accuracy"] == "0.5 [0.5, 0.5]"
    assert any("no test split" in note for note in found.notes)


def test_train_metric_stands_in_where_there_is_no_validation_either(tmp_path):
    make(tmp_path, "ga", 0, {**result(), "test": None, "validation": None})
    assert table(tmp_path).rows[0]["split"] == "training"
    assert table(tmp_path).rows[0]["iqm"] == 1.0


@pytest.mark.parametrize(("direction", "first"), [("max", "high"), ("min", "low")])
def test_best_middle_comes_first_in_the_direction_of_the_metric(tmp_path, direction, first):
    make(tmp_path, "low", 0, result(0.1, direction=direction))
    make(tmp_path, "high", 0, result(0.9, direction=direction))
    make(tmp_path, "a-unfinished", 0)
    assert [row["label"] for row in table(tmp_path).rows][::2] == [first, "a-unfinished"]


def test_solved_counts_finished_seeds_and_is_left_out_where_undefined(tmp_path):
    for seed, solved in enumerate((True, False, True)):
        make(tmp_path, "ga", seed, result(solved=solved))
    make(tmp_path, "linear", 0, result(solved=None))
    make(tmp_path, "ga", 0, result(), scenario="wine")
    found = compare(gather.find(["digits"], tmp_path))[0]
    assert cells(found, "ga")["solved"] == "2/3"
    assert cells(found, "linear")["solved"] == "-"
    assert "solved" not in cells(table(tmp_path, "wine"), "ga")


def test_nonfinite_counts_are_shown_when_there_are_any(tmp_path):
    make(tmp_path, "ga", 0, result(nonfinite=3))
    make(tmp_path, "ga", 1, result(nonfinite=4))
    assert cells(table(tmp_path), "ga")["non-finite"] == "7"
    make(tmp_path, "ga", 0, result(), scenario="wine")
    assert "non-finite" not in str(table(tmp_path, "wine"))


def test_metric_that_is_not_finite_is_left_out_and_said(tmp_path):
    make(tmp_path, "ga", 0, result(0.8))
    make(tmp_path, "ga", 1, result(None))
    found = table(tmp_path)
    assert found.rows[0]["iqm"] == 0.8
    assert any(
        "non-finite metric in 1 of 2 seeds; they rank last and are excluded from the IQM" in note for note in found.notes
    )


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
    (found,) = compare(asked)
    assert cells(found, "ga")["seeds"] == "1/4, 1 failed"
    assert found.rows[0]["iqm"] == 0.9
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
    (found,) = compare([tmp_path / "digits" / "ga" / f"seed-{seed}" for seed in range(100)])
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
    assert gather.find(["digits"], tmp_path) == [paths[k] for k in (0, 2, 1, 3, 5, 4)]
    assert gather.find([str(tmp_path / "digits" / "knn")], tmp_path / "elsewhere") == [paths[k] for k in (3, 5, 4)]
    assert gather.find([str(paths[1]), str(paths[1]), "wine"], tmp_path) == [paths[1], tmp_path / "wine" / "ga" / "seed-0"]
    assert [found.scenario for found in compare(gather.find([], tmp_path))] == ["digits", "wine"]


def test_folders_put_aside_are_not_compared(tmp_path):
    path = make(tmp_path, "ga", 0, result())
    path.rename(path.with_name("seed-0.old-1"))
    make(tmp_path, "ga", 0, result())
    assert len(gather.find(["digits"], tmp_path)) == 1


def test_unknown_name_says_the_closest_and_how_to_make_runs(tmp_path):
    make(tmp_path, "ga", 0, result())
    with pytest.raises(gather.NoRuns, match=r"did you mean 'digits'.*evo run digit"):
        gather.find(["digit"], tmp_path)
    with pytest.raises(gather.NoRuns, match="no runs in"):
        gather.find([], tmp_path / "nothing")


def test_comparison_without_runs_says_so():
    assert str(Comparison("digits", [], [], [])) == "digits: no runs"


def spent(runs, label, seed, evaluations, metrics, stopped_by="budget", **outcome):
    """A finished run with a row for each pair of evaluations and validation accuracy."""
    ended = {**result(**outcome), "stopped_by": stopped_by, "steps": len(evaluations)}
    ended["cost"]["evaluations"] = evaluations[-1]
    path = make(runs, label, seed, ended)
    rows = zip(evaluations, metrics)
    lines = [json.dumps({"evaluations": cost, "seconds": cost, "validation": {"accuracy": value}}) for cost, value in rows]
    (path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return path


def test_at_a_budget_the_last_row_that_does_not_exceed_it_counts(tmp_path):
    spent(tmp_path, "ga", 0, [10, 20, 30], [0.1, 0.2, 0.3])
    spent(tmp_path, "linear", 0, [1], [0.25], stopped_by="completed")
    values = lambda limit: {row["label"]: row["values"][0] for row in table(tmp_path, at=("evaluations", limit)).rows}
    assert values(20) == {"ga": 0.2, "linear": 0.25}
    assert values(29.9) == {"ga": 0.2, "linear": 0.25}
    assert values(1000) == {"ga": 0.3, "linear": 0.25}
    assert values(9) == {"ga": None, "linear": 0.25}
    found = table(tmp_path, at=("evaluations", 20))
    assert found.title == "validation accuracy at 20 evaluations"
    assert [row["label"] for row in found.rows] == ["linear", "ga"]
    assert [row["evaluations"] for row in found.rows] == [1, 20]  # spent by then, not in all


def test_common_budget_is_the_least_that_stopped_a_run_not_what_one_needed(tmp_path):
    spent(tmp_path, "ga", 0, [40], [0.1])
    spent(tmp_path, "ga", 1, [42], [0.1])
    spent(tmp_path, "linear", 0, [1], [0.2], stopped_by="completed")
    spent(tmp_path, "backprop", 0, [900], [0.2], stopped_by="early_stopping")
    (series,) = gather.gather(gather.find([], tmp_path)).values()
    assert common_budget(series, "evaluations") == 40
    assert common_budget([one for one in series if one.label != "ga"], "evaluations") == 900
    assert table(tmp_path, at=("evaluations", None)).at == ("evaluations", 40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evaluations", ("evaluations", None)),
        ("seconds=2.5", ("seconds", 2.5)),
        ("compute=1e9", ("compute", 1e9)),
        ("samples=10,000", ("samples", 1e4)),
    ],
)
def test_at_is_an_axis_with_or_without_a_value(text, expected):
    assert parse_at(text) == expected


@pytest.mark.parametrize(
    "text", ["evaluation=3", "evaluations=", "seconds=-1", "seconds=0", "seconds=nan", "seconds=inf", "samples=many", ""]
)
def test_at_refuses_what_is_no_axis_or_no_positive_number(text):
    with pytest.raises(BadPoint, match="expected"):
        parse_at(text)


def test_an_axis_that_nothing_is_known_of_is_refused(tmp_path):
    path = spent(tmp_path, "tree", 0, [1], [0.5])
    outcome = json.loads((path / "result.json").read_text())
    outcome["cost"]["compute"] = None
    (path / "result.json").write_text(json.dumps(outcome))
    with pytest.raises(BadPoint, match="compute"):
        table(tmp_path, at=("compute", None))


def solving(runs, label, seed, evaluations, solved=True, value=1.0):
    outcome = result(value, solved=solved)
    outcome["cost"]["evaluations"] = 1000
    if solved:
        outcome["solved_at"] = {"evaluations": evaluations, "samples": 1, "compute": None, "seconds": 1.0}
    return make(runs, label, seed, outcome)


def test_where_a_solution_is_defined_its_expected_cost_ranks(tmp_path):
    for seed in range(4):
        solving(tmp_path, "slow", seed, 500, value=0.99)
        solving(tmp_path, "fast", seed, 100, value=0.98)
        solving(tmp_path, "risky", seed, 10, solved=seed == 0, value=0.9)
        solving(tmp_path, "never", seed, 0, solved=False, value=1.0)
    found = table(tmp_path)
    assert found.by_solution
    assert [row["label"] for row in found.rows] == ["fast", "slow", "risky", "never"]
    assert {row["label"]: row["expected"][0] for row in found.rows}["risky"] == 3010  # (10 + 3 x 1000) / 1, not 10
    assert cells(found, "never")["ERT (evaluations)"] == "∞"
    assert found.conclusion.metric == "running time in evaluations"


def test_without_any_solution_the_metric_ranks(tmp_path):
    for label, value in (("low", 0.1), ("high", 0.2)):
        solving(tmp_path, label, 0, 0, solved=False, value=value)
    found = table(tmp_path)
    assert not found.by_solution
    assert [row["label"] for row in found.rows] == ["high", "low"]


def test_runs_of_two_roots_are_told_apart_by_the_part_that_differs(tmp_path):
    make(tmp_path / "old", "ga", 0, result(0.5))
    make(tmp_path / "new", "ga", 0, result(0.6))
    found = table(tmp_path, str(tmp_path / "old" / "digits"), str(tmp_path / "new" / "digits"))
    assert [row["label"] for row in found.rows] == ["new/ga", "old/ga"]


def test_different_seeds_metrics_and_settings_are_said(tmp_path):
    for seed in (0, 1, 2, 5):
        make(tmp_path, "ga", seed, result())
    path = make(tmp_path, "knn", 7, result(metric="macro_f1"))
    (path / "config.toml").write_text('scenario = "digits"\n')
    (tmp_path / "digits" / "ga" / "seed-5" / "config.toml").write_text(
        'scenario = "digits"\n[budget]\nevaluations = 1000\n[task]\nstop = "budget"'
    )
    words = "\n".join(table(tmp_path).notes)
    assert "metrics differ and are not ranked against each other" in words
    assert "seeds differ: " in words
    assert "ga 0-2, 5" in words
    assert "knn 7" in words
    assert "ga: settings differ between seeds: task.stop" in words


def test_methods_with_another_metric_are_not_compared_in_pairs(tmp_path):
    for seed in range(3):
        make(tmp_path, "ga", seed, result(0.9))
        make(tmp_path, "knn", seed, result(0.8))
        make(tmp_path, "odd", seed, result(0.7, metric="macro_f1"))
    pairs = table(tmp_path).conclusion.pairs
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("ga", "knn")]


def test_a_warm_start_is_said_with_its_uncounted_cost(tmp_path):
    path = make(tmp_path, "ga", 0, result())
    with (path / "config.toml").open("a") as file:
        file.write('[learners.ga]\nmethod = "ga"\nstart = "runs/digits/backprop"\n')
    assert any(
        "ga: warm start from runs/digits/backprop; the cost of that run is not included" in note
        for note in table(tmp_path).notes
    )


def test_what_the_champion_of_a_strategy_is_is_said(tmp_path):
    for label, what in {"snes": "centre", "pgpe": "centre", "cma-es": "sampled"}.items():
        path = make(tmp_path, label, 0, result())
        with (path / "config.toml").open("a") as file:
            file.write(f'[learners.{label}]\nmethod = "{label}"\nchampion = "{what}"\n')
    notes = table(tmp_path).notes
    assert "the champion of pgpe, snes is the centre of its distribution" in notes
    assert "the champion of cma-es is the fittest that was sampled" in notes


def test_a_config_whose_budget_is_no_table_breaks_nothing(tmp_path):
    path = make(tmp_path, "ga", 0, result())
    (path / "config.toml").write_text('scenario = "digits"\nbudget = 3\nlearners = [1]\n')
    assert cells(table(tmp_path), "ga")["seeds"] == "1/1"


def test_a_point_that_nobody_had_reached_is_refused(tmp_path):
    spent(tmp_path, "ga", 0, [10, 20], [0.1, 0.2])
    with pytest.raises(BadPoint, match="no run finished a step within 5 evaluations"):
        table(tmp_path, at=("evaluations", 5))


def test_connections_are_shown_where_they_differ_from_the_parameters(tmp_path):
    outcome = result()
    outcome["champion"]["connections"] = 10
    make(tmp_path, "ga", 0, outcome)
    assert "connections" not in table(tmp_path).columns
    outcome["champion"]["connections"] = 4
    make(tmp_path, "masked", 0, outcome)
    assert cells(table(tmp_path), "masked")["connections"] == "4"


def test_a_budget_that_the_last_step_exceeded_is_said(tmp_path):
    """A population of 200 spends 1,000 evaluations of 900."""
    spent = lambda evaluations: result(0.5) | {"cost": result(0.5)["cost"] | {"evaluations": evaluations}}
    for seed, evaluations in enumerate((900, 1000, 950)):
        make(tmp_path, "ga", seed, spent(evaluations), budget=900)
        make(tmp_path, "exact", seed, spent(905), budget=900)
    said = "a run completes the step that reaches its budget: ga spent 1,000 evaluations of 900"
    assert said in table(tmp_path).notes
    assert not any("completes" in note for note in table(tmp_path, "digits/exact").notes)


def test_another_metric_ranks_by_its_own_direction(tmp_path):
    """And whether or not a solution is defined, by which methods rank otherwise."""
    for label, accuracy, loss, solved in (("a", 0.9, 0.5, True), ("b", 0.8, 0.2, False)):
        outcome = result(accuracy, solved=solved)
        path = make(tmp_path, label, 0, outcome | {"test": {"accuracy": accuracy, "cross_entropy": loss, "n": 3}})
        assert path.exists()
    assert [row["label"] for row in table(tmp_path).rows] == ["a", "b"]
    (found,) = compare(gather.find([], tmp_path), metric="cross_entropy")
    assert [(row["label"], row["iqm"]) for row in found.rows] == [("b", 0.2), ("a", 0.5)]
    assert (found.title, found.by_solution) == ("test cross_entropy", False)


def test_directions_are_those_of_the_tasks():
    from evo.tasks.metrics import METRICS

    of_tasks = {name: direction for own in METRICS.values() for name, (_, direction) in own.items()}
    assert of_tasks.items() <= gather.DIRECTIONS.items()


def test_errors_of_a_regression_stand_beside_its_metric_in_the_targets_units(tmp_path):
    """Interquartile means, whole at 80 columns; not where they are the metric."""
    for seed, error in enumerate((50_000.0, 60_000.0, 70_000.0, 60_000.0)):
        scores = {"r2": 0.5 + 0.01 * seed, "rmse": error, "absolute_error": error / 8, "n": 3}
        for label in ("linear", "gradient-boosting"):
            make(tmp_path, label, seed, result(metric="r2") | {"test": scores})
    found = table(tmp_path)
    lines = found.text(80).splitlines()
    assert lines[1].split()[:6] == ["method", "seeds", "test", "r2", "RMSE", "MAE"]
    assert re.search(r"^linear +4/4 +0\.515 \[0\.5, 0\.53\] +60,000 +7,500 ", lines[3])
    assert max(map(len, lines)) <= 80
    head, rows = tables.methods(found)
    assert [dict(zip(head, row))["MAE"] for row in rows] == [7500.0, 7500.0]
    (ranked,) = compare(gather.find([], tmp_path), metric="rmse")
    assert list(ranked.columns)[2:5] == ["test rmse", "MAE", "parameters"]


def test_a_probabilitys_absolute_error_has_no_units(tmp_path):
    make(tmp_path, "ga", 0, result() | {"test": {"accuracy": 0.9, "absolute_error": 0.1, "n": 3}})
    assert table(tmp_path).errors == {}
