"""The page says what the runs hold, holds nothing that a run's strings made, and replaces the old one whole or not at all."""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import io
import json
import math
import os
import re
from collections import Counter

import pytest
from run_folders import HOSTILE, Parsed, config, make, meta, png, result, row, study

from scenarios.lab.report import charts, gather, latex, report
from scenarios.lab.report import tables as lab_tables
from scenarios.lab.report.comparison import compare
from scenarios.lab.store.store import StoreError


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """What draws in a browser is the business of test_page."""
    monkeypatch.setattr(report, "_vega", lambda: "vega")


def compared(runs, *names, at=None):
    return compare(gather.find(names, runs), at=at)


def page(runs, *names, at=None):
    found = Parsed(report.page(compared(runs, *names, at=at)))
    assert found.whole
    return found


def tables(runs, folder, *names):
    report.write(compared(runs, *names), folder / "report.html", own=True)
    read = lambda name: list(csv.DictReader(io.StringIO((folder / name).read_bytes().decode(), newline="")))
    return read("table.csv"), read("per-seed.csv")


# What it says


def test_page_names_methods_seeds_budget_and_the_command_that_runs_it_again(tmp_path):
    study(tmp_path, "ga", (0.5, 0.7, 0.9))
    study(tmp_path, "linear", (0.6, 0.6, 0.6))
    found = page(tmp_path)
    assert "Methods ga, linear Metric test accuracy: interquartile mean (IQM) over the seeds" in found.text
    assert "Seeds 0-2 Budget per run evaluations 1,000" in found.text
    assert "evo run digits -m ga --seeds 5" in found.text
    assert found.text.count("evo run digits -m ga --seeds 5") == 1


def test_page_holds_the_conclusion_and_what_the_seeds_do_not_allow(tmp_path):
    study(tmp_path, "ga", (0.5, 0.7, 0.9))
    study(tmp_path, "linear", (0.6, 0.61, 0.62))
    (comparison,) = compared(tmp_path)
    text = page(tmp_path).text
    assert comparison.conclusion.warnings
    for words in (comparison.conclusion.verdict, comparison.conclusion.robustness, *comparison.conclusion.warnings):
        assert words
        assert words in text


def test_what_was_validated_on_the_training_split_is_called_training(tmp_path):
    rows = [row(k, 0.5) for k in range(3)]
    make(tmp_path, "ga", 0, rows, result(0.5, rows) | {"test": None, "validated_on": "train"})
    text = page(tmp_path).text
    assert "training accuracy: interquartile mean" in text
    assert "Training metric of the best-so-far champion: IQM" in text
    assert "no test split: the metric is that of the training split" in text
    assert "alidation accuracy" not in text


def test_tables_and_columns_without_a_value_are_left_out(tmp_path):
    make(tmp_path, "ga", 0, [row(0, 0.5)])
    make(tmp_path, "neat", 0, [])
    (comparison,) = compared(tmp_path)
    assert lab_tables.filled(lab_tables.methods(comparison)) == (
        ["method", "seeds", "finished", "failed", "non-finite"],
        [["ga", 1, 0, 0, 0], ["neat", 1, 0, 0, 0]],
    )
    assert lab_tables.filled((["method", "x"], [["ga", None], ["neat", float("nan")]]))[1] == []
    tables = page(tmp_path).elements.count(("table",))
    assert tables == 1


def test_errors_of_a_regression_stand_in_the_table_of_seeds_in_its_units(tmp_path):
    rows = [row(0, 0.5, "r2")]
    for label, errors in (("ga", {"rmse": 57507.4, "absolute_error": 49867.25}), ("linear", {})):
        scores = {"r2": 0.5, **errors, "n": 30}
        make(tmp_path, label, 0, rows, result(0.5, rows, "r2", test=scores, validation=scores))
    found = tables(tmp_path, tmp_path)[1]
    assert [(each["RMSE"], each["MAE"]) for each in found] == [("57507.4", "49867.25"), ("", "")]
    study(tmp_path, "tree", (0.5,), scenario="wine")
    assert "RMSE" not in tables(tmp_path, tmp_path / "wine", "wine")[1][0]


def test_champion_is_the_one_of_the_median_seed_not_of_the_best(tmp_path):
    study(tmp_path, "ga", (0.9, 0.1, 0.5))
    study(tmp_path, "tree", (0.4, 0.3, 0.1, 0.2))  # of two in the middle the lower one
    text = page(tmp_path).text
    assert "ga seed 2 of 3 finished, parameters 323, nodes 12, connections 40, step 2 (digits/ga/seed-2)" in text
    assert "tree seed 3 of 4 finished" in text


def test_failures_are_shown_with_the_exception_and_its_notes(tmp_path):
    study(tmp_path, "ga", (0.5, 0.6))
    make(tmp_path, "ga", 2, [row(0, 0.1)], error="Traceback ...\n  File x\nValueError: the learner is unwell")
    text = page(tmp_path).text
    assert "Failures ga seed 2 ValueError: the learner is unwell" in text
    assert "Traceback ..." not in text
    error = "Traceback ...\n  File x\nValueError: boom\nrail.evaluate, generation 0, a population of 150"
    make(tmp_path, "ga", 3, [row(0, 0.1)], error=error)
    (tmp_path / "digits" / "ga" / "seed-3" / "metrics.jsonl").unlink()
    text = page(tmp_path).text
    assert "ga seed 3 ValueError: boom; rail.evaluate, generation 0, a population of 150" in text
    assert "No such file" not in text


def test_a_result_whose_rows_are_damaged_counts_and_is_said(tmp_path):
    study(tmp_path, "ga", (0.5, 0.7))
    file = tmp_path / "digits" / "ga" / "seed-1" / "metrics.jsonl"
    file.write_text("[]\n")
    (comparison,) = compared(tmp_path)
    assert comparison.rows[0]["values"] == [0.5, 0.7]
    said = page(tmp_path).text
    assert " ga/seed-1/metrics.jsonl is damaged at line 1: expected an object; got list" in said
    assert str(tmp_path) not in said  # a page may be sent to others
    file.unlink()
    assert "metrics.jsonl: No such file or directory" in page(tmp_path).text


def test_a_page_without_failures_or_trust_has_no_such_headings(tmp_path):
    study(tmp_path)
    text = page(tmp_path).text
    assert "Failures" not in text
    assert "Calibration and robustness" not in text
    assert "Pareto fronts" not in text


def test_settings_that_differ_are_shown_side_by_side(tmp_path):
    for label, limit in (("ga", 300), ("linear", 700)):
        rows = [row(0, 0.5)]
        make(tmp_path, label, 0, rows, result(0.5, rows), settings=config("digits", label, 0, {"evaluations": limit}))
    text = page(tmp_path).text
    assert "setting ga linear budget.evaluations 300 700" in text
    assert "budgets differ" in text


def test_runs_with_the_same_shared_settings_say_so(tmp_path):
    study(tmp_path, "ga")
    study(tmp_path, "linear")
    text = page(tmp_path).text
    assert "All labels share the same budget, task and network settings" in text
    assert "settings that differ" not in text


def test_every_different_machine_and_set_of_versions_is_listed_once(tmp_path):
    for seed, python in enumerate(("3.11.7", "3.11.7", "3.12.1")):
        rows = [row(0, 0.5)]
        make(tmp_path, "ga", seed, rows, result(0.5, rows), about=meta(python=python))
    text = page(tmp_path).text
    assert text.count("3.11.7") == text.count("3.12.1") == 1
    assert "numpy 2.4.6" in text
    assert "8001362be74eeb2d7a6670333b1c02aaa5af61cf" in text


def test_a_comparison_at_a_budget_says_that_it_is_by_validation(tmp_path):
    study(tmp_path, "ga", (0.3, 0.6, 0.9))
    found = page(tmp_path, at=("evaluations", 200))
    assert "Compared at a budget of 200 evaluations, by the validation metric of the best-so-far champion" in found.text
    assert "validation accuracy at 200 evaluations" in found.text
    assert "Compared at a budget" not in page(tmp_path).text


def test_configuration_of_each_label_is_on_the_page_as_a_file_to_run(tmp_path):
    study(tmp_path, "ga")
    assert 'scenario = "digits"' in page(tmp_path).text
    assert "Configuration of ga" in page(tmp_path).text


def test_scenarios_stand_by_themselves_and_shared_methods_are_averaged_as_probabilities(tmp_path):
    for scenario, better in (("digits", "ga"), ("wine", "ga")):
        study(tmp_path, better, (0.8, 0.9), scenario)
        study(tmp_path, "linear", (0.1, 0.2), scenario)
    found = page(tmp_path)
    assert "2 scenarios, each compared on its own" in found.text
    assert "ga linear 1.000" in found.text
    assert found.value("a", "href") == ["#main", "#scenario-0", "#scenario-1"]
    assert len(set(found.value("section", "id"))) == 2


def test_median_runs_pictures_are_in_the_page_with_title_and_words(tmp_path):
    rows = [row(0, 0.5)]
    make(tmp_path, "ga", 0, rows, result(0.5, rows), pictures={"champion.png": png()})
    found = page(tmp_path)
    assert [base64.b64decode(source.partition(",")[2]) for source in found.value("img", "src")] == [png()]
    assert found.value("img", "alt") == ["champion.png of ga"]
    assert "What ga does" in found.text
    assert "left out" not in found.text


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes() + b"0")])
def test_a_damaged_or_missing_picture_is_said(tmp_path, damage):
    rows = [row(0, 0.5)]
    entry = {"file": "champion.png", "title": "", "sha256": hashlib.sha256(png()).hexdigest()}
    path = make(tmp_path, "ga", 0, rows, result(0.5, rows, pictures=[entry]))
    (path / "pictures").mkdir()
    (path / "pictures" / "champion.png").write_bytes(png())
    assert "left out" not in page(tmp_path).text
    damage(path / "pictures" / "champion.png")
    assert "Missing or damaged, and left out: champion.png." in page(tmp_path).text
    assert page(tmp_path).value("img", "src") == []


def test_only_pngs_inside_the_run_folder_are_taken_in(tmp_path):
    rows = [row(0, 0.5)]
    good, huge = png(20, 20), png(20, 20) + bytes(report.LARGEST_PICTURE)
    names = ("outside.png", "link.png", "text.png", "huge.png", "folder.png")
    entries = [{"file": name} for name in (*names, "../outside.png", "..", "", ".", "a\x00b", "missing.png", "/etc/passwd")]
    entries += [{"file": 3}, {}, None, "good.png", {"file": str(tmp_path / "outside.png")}]
    path = make(tmp_path / "runs", "ga", 0, rows, result(0.5, rows, pictures=[*entries, {"file": "good.png", "title": None}]))
    (tmp_path / "outside.png").write_bytes(good)
    (path / "outside.png").write_bytes(good)
    (path / "pictures" / "folder.png").mkdir(parents=True)
    for name, data in {"text.png": b"<svg onload='alert(1)'/>", "huge.png": huge, "good.png": good}.items():
        (path / "pictures" / name).write_bytes(data)
    (path / "pictures" / "link.png").symlink_to(tmp_path / "outside.png")
    assert len(page(tmp_path / "runs").value("img", "src")) == 1


def test_nothing_on_the_page_is_fetched(tmp_path):
    study(tmp_path)
    found = page(tmp_path)
    addresses = [value for _, name, value in found.values if name in ("src", "href", "action", "srcset", "data", "poster")]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    policy = next(value for value in found.value("meta", "content") if "default-src" in value)
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy


def test_a_watched_page_asks_its_own_server_alone(tmp_path):
    study(tmp_path)
    found = Parsed(report.page(compared(tmp_path), refresh="</script>state"))
    assert found.whole
    assert "connect-src 'self'" in next(value for value in found.value("meta", "content") if "default-src" in value)
    assert any('fetch("state")' in code for code in found.scripts)
    assert not any('fetch("state")' in code for code in page(tmp_path).scripts)


# Hostile strings


def told(runs, word, name):
    """The page of runs all of whose strings are `word`; name: their scenario and label, which are folders."""
    columns = {"species": {word: 5}, "nodes_mean": 3.5, "phase_seconds": {word: 1.0}}
    rows = [row(k, 0.5, word, **columns) for k in range(3)]
    more = {"stopped_by": word, "trust": {"ece": 0.1, "brier": word, "reliability": [[word, 1, 2], [0.5, 0.5, 30]]}}
    settings = {**config(name, name, 0, {word: word}, word), "task": {word: [word, {"word": word}]}}
    settings["learners"][name] |= {"start": word}
    about = meta(word, versions={word: word}, commit=word, python=word)
    for seed in (0, 1):
        make(runs, name, seed, rows, result(0.5, rows, word, **more), name, settings, about)
        (runs / name / name / f"seed-{seed}" / "pictures").mkdir()
        (runs / name / name / f"seed-{seed}" / "pictures" / "a.png").write_bytes(png(2, 2))
        file = runs / name / name / f"seed-{seed}" / "result.json"
        pictures = [{"file": "a.png", "title": word, "alt": word}]
        file.write_text(json.dumps({**json.loads(file.read_text()), "pictures": pictures}))
    make(runs, name, 2, rows[:1], None, name, settings, about, error=word)
    make(runs, name, 3, rows, None, name, settings, about)
    other = {**settings, "device": word + "!"}
    make(runs, "plain", 0, rows, result(0.5, rows, word, **more), name, other, meta(word + " again"))
    return Parsed(report.page(compared(runs)).encode("utf-8", "replace").decode())


@pytest.mark.parametrize("word", HOSTILE)
def test_no_string_of_a_run_makes_an_element_or_an_attribute(tmp_path, word):
    found = told(tmp_path / "hostile", word, word.replace("/", "∕").replace("\x00", "").replace("\ud800", "\udcff"))
    calm = told(tmp_path / "calm", "word", "name")
    assert found.whole
    assert not Counter(found.elements) - Counter(calm.elements)
    assert len(found.scripts) == len(calm.scripts) == 2


@pytest.mark.parametrize("word", HOSTILE)
def test_charts_get_hostile_labels_back_as_they_were(tmp_path, word):
    name = word.replace("/", "∕").replace("\x00", "").replace("\ud800", "\udcff")
    found = told(tmp_path, word, name)
    assert sorted(set(found.charts["curves-0"]["data"]["evaluations"]["method"])) == sorted({name, "plain"})
    assert {band["species"] for band in found.charts["species-0-0"]["spec"]["data"]["values"]} == {word[:20]}


@pytest.mark.parametrize("value", [*HOSTILE, {"<b>": ["</script>", 1.5, None, True]}])
def test_json_in_a_script_element_comes_back_and_cannot_end_it(value):
    text = str(report.script(value))
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")
    assert text.isascii()


def test_json_in_a_script_element_refuses_what_is_no_json():
    with pytest.raises(ValueError):
        report.script(math.nan)


# The tables beside it


def test_tables_hold_the_numbers_with_all_their_digits(tmp_path):
    values = (0.1 + 0.2, 2 / 3, 1e-17)
    study(tmp_path / "runs", "ga", values)
    (comparison,) = compared(tmp_path / "runs")
    table, runs = tables(tmp_path / "runs", tmp_path)
    assert [float(run["value"]) for run in runs] == list(values)
    assert [(run["scenario"], run["method"], run["seed"], run["state"]) for run in runs] == [
        ("digits", "ga", str(seed), "finished") for seed in range(3)
    ]
    (line,) = table
    assert float(line["IQM"]) == comparison.rows[0]["iqm"]
    assert (float(line["low"]), float(line["high"])) == (comparison.rows[0]["low"], comparison.rows[0]["high"])
    assert (line["seeds"], line["finished"], line["failed"]) == ("3", "3", "0")


def test_runs_without_a_number_have_empty_cells(tmp_path):
    study(tmp_path / "runs", "ga", (0.5,))
    make(tmp_path / "runs", "ga", 1, [row(0, 0.1)], error="E")
    _, runs = tables(tmp_path / "runs", tmp_path)
    assert [(run["state"], run["value"], run["evaluations"]) for run in runs] == [
        ("finished", "0.5", "300"),
        ("failed", "", ""),
    ]


def test_tables_of_several_scenarios_stand_under_one_head(tmp_path):
    study(tmp_path / "runs", "ga", (0.5, 0.6), "wine")
    study(tmp_path / "runs", "neat", (80.0, 90.0), "cartpole", metric="steps", solved=True)
    table, runs = tables(tmp_path / "runs", tmp_path)
    assert [(line["scenario"], line["method"]) for line in table] == [("cartpole", "neat"), ("wine", "ga")]
    assert [line["solved"] for line in table] == ["2", ""]
    assert [float(run["value"]) for run in runs] == [80.0, 90.0, 0.5, 0.6]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula_to_a_spreadsheet(tmp_path, start):
    study(tmp_path / "runs", f"{start}1+1", (0.5,))
    study(tmp_path / "runs", "1=1", (-0.5,))
    table, runs = tables(tmp_path / "runs", tmp_path)
    texts = [cell for line in (*table, *runs) for cell in (line["method"], line["scenario"])]
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for text in texts)
    assert any(run["method"] == "1=1" and float(run["value"]) == -0.5 for run in runs)  # a number below zero is none


@pytest.mark.parametrize("word", HOSTILE)
def test_tables_have_a_line_a_run_whatever_the_label_holds(tmp_path, word):
    name = word.replace("/", "∕").replace("\x00", "").replace("\ud800", "\udcff")
    study(tmp_path / "runs", name, (0.5, 0.6))
    table, runs = tables(tmp_path / "runs", tmp_path)
    assert len(table) == 1
    assert len(runs) == 2
    assert all(None not in line and None not in line.values() for line in (*table, *runs))


@pytest.mark.parametrize("word", [*HOSTILE, "50 % & more_or_less $x^2$ #1 {a} ~b \\c", "ä∞"])
def test_latex_table_escapes_every_sign_that_means_something(tmp_path, word):
    name = word.replace("/", "∕").replace("\x00", "").replace("\ud800", "\udcff")
    study(tmp_path / "runs", name, (0.5, 0.6))
    report.write(compared(tmp_path / "runs"), tmp_path / "report.html", own=True)
    text = (tmp_path / "table.tex").read_text()
    lines = text.splitlines()
    (line,) = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    cells = line.split(" & ")
    assert len(cells) == 8
    said = re.sub("|".join(map(re.escape, latex.SIGNS.values())), "", cells[0])
    assert not set(said) & set("&%$#_{}\\~^")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_comparison_json_holds_all_of_it_for_a_program(tmp_path):
    study(tmp_path / "runs", "ga", (0.5, 0.7, 0.9))
    make(tmp_path / "runs", "linear", 0, [row(0, 0.6)], result(0.6, [row(0, 0.6)]))
    make(tmp_path / "runs", "linear", 1, [row(0, None)], result(None, [row(0, None)]))
    (comparison,) = compared(tmp_path / "runs")
    report.write([comparison], tmp_path / "report.html", own=True)
    read = json.loads((tmp_path / "comparison.json").read_text())
    assert read["schema"] == 2
    (one,) = read["comparisons"]
    assert one["metric"] == "test accuracy"
    assert [line["values"] for line in one["rows"]] == [[0.5, 0.7, 0.9], [0.6, None]]
    assert one["verdict"] == comparison.conclusion.verdict
    assert one["notes"] == comparison.notes
    assert one["at"] is None


def test_pairs_at_a_budget_are_in_comparison_json(tmp_path):
    study(tmp_path / "runs", "ga", (0.5, 0.7, 0.9))
    study(tmp_path / "runs", "linear", (0.6, 0.65))
    report.write(compared(tmp_path / "runs", at=("evaluations", 200)), tmp_path / "report.html", own=True)
    (one,) = json.loads((tmp_path / "comparison.json").read_text())["comparisons"]
    assert one["at"] == {"evaluations": 200}
    assert {one["pairs"][0]["a"], one["pairs"][0]["b"]} == {"ga", "linear"}


# Written whole


@pytest.mark.parametrize("place", range(5))
def test_full_disk_leaves_every_file_old_or_new_and_the_old_report(tmp_path, monkeypatch, place):
    study(tmp_path / "runs", "ga", (0.5, 0.6))
    report.write(compared(tmp_path / "runs"), tmp_path / "out" / "report.html", own=True)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    study(tmp_path / "runs", "linear", (0.1, 0.2))
    real, left = os.fsync, [2 * place]  # a file takes two

    def full(handle):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*: No space left on device"):
        report.write(compared(tmp_path / "runs"), tmp_path / "out" / "report.html", own=True)
    after = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert after.keys() == before.keys()
    assert sum(after[name] != before[name] for name in before) == place
    assert after["report.html"] == before["report.html"]


def test_a_report_that_cannot_take_its_name_leaves_nothing_behind(tmp_path):
    study(tmp_path / "runs")
    (tmp_path / "out" / "report.html" / "inside").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot write .*report\.html"):
        report.write(compared(tmp_path / "runs"), tmp_path / "out" / "report.html", own=True)
    assert not list((tmp_path / "out").glob("*.new"))


def test_a_chart_that_cannot_be_made_leaves_all_as_it_was(tmp_path, monkeypatch):
    study(tmp_path / "runs")
    monkeypatch.setattr(charts, "final", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write(compared(tmp_path / "runs"), tmp_path / "out" / "report.html", own=True)
    assert list((tmp_path / "out").iterdir()) == []


def test_numbers_in_tables_are_such_as_a_spreadsheet_reads():
    said = {1234567: "1234567", 0.123456789: "0.12346", 1.23e12: "1.23e+12", 12345.678: "12346", 0: "0", -3.0: "-3"}
    assert {value: lab_tables.plain(value) for value in said} == said
    assert [lab_tables.plain(value) for value in (None, math.nan, True, "x")] == ["", "", "True", "x"]
    assert lab_tables.plain(math.inf) == "inf"
