"""The table for a paper: what a reader of papers expects of one."""

import json

from run_folders import study

from scenarios.lab.report import gather, latex
from scenarios.lab.report.comparison import compare

GOOD, MIDDLE = [0.9 + 0.001 * k for k in range(10)], [0.8 + 0.00137 * k for k in range(10)]


def lines(runs):
    (found,) = compare(gather.find([], runs))
    return latex.table(found).splitlines()


def row(runs, label):
    return next(line for line in lines(runs) if line.startswith(f"{label} & ")).removesuffix(r" \\").split(" & ")


def test_the_best_is_bold_the_significantly_worse_are_marked_and_the_interval_rounds(tmp_path):
    study(tmp_path, "a", GOOD)
    study(tmp_path, "b", MIDDLE)
    study(tmp_path, "near", [value - 0.0001 for value in GOOD])
    assert row(tmp_path, "a")[2] == r"$\mathbf{0.9045}$ $[0.9022, 0.9068]$"
    assert row(tmp_path, "b")[2].startswith(r"$0.8062^{\dagger}$ $[0.8030, ")
    assert row(tmp_path, "near")[2].startswith("$0.9044$ ")
    text = "\n".join(lines(tmp_path))
    assert text.count("mathbf") == 1
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"Bold: best.", "Holm-adjusted $p < 0.05$"):
        assert part in text


def test_a_tie_is_bold_twice_and_nothing_is_marked_where_nothing_is_significant(tmp_path):
    for label in "ab":
        study(tmp_path, label, (0.5, 0.7, 0.9))
    text = "\n".join(lines(tmp_path))
    assert text.count(r"\mathbf{0.70}") == 2
    assert "dagger" not in text


def test_at_most_eight_columns_and_the_expected_running_time_is_what_is_bold(tmp_path):
    study(tmp_path, "a", (1.0,) * 4, solved=True)
    study(tmp_path, "b", (1.0,) * 4, solved=False)
    for path in tmp_path.rglob("result.json"):
        outcome = json.loads(path.read_text())
        path.write_text(json.dumps(outcome | {"nonfinite": 3}))
    (head,) = [line for line in lines(tmp_path) if line.startswith("method")]
    titles = ["method", "seeds", "test accuracy", "solved", "ERT (evaluations)", "parameters", "evaluations"]
    assert head.removesuffix(r" \\").split(" & ") == [*titles, "wall clock (s)"]
    assert lines(tmp_path)[1] == r"\begin{tabular}{lrrrrrrr}"
    assert row(tmp_path, "a")[4] == r"$\mathbf{300}$ $[300, 300]$"
    assert row(tmp_path, "b")[4] == r"$\infty^{\dagger}$"
    assert row(tmp_path, "a")[5:7] == ["$323$", "$300$"]


def test_no_infinity_is_best_where_nothing_was_solved(tmp_path):
    study(tmp_path, "a", (0.5,) * 4, solved=False)
    study(tmp_path, "b", (0.6,) * 4, solved=False)
    text = "\n".join(lines(tmp_path))
    assert text.count(r"$\infty$") == 2
    assert text.count("mathbf") == 1
    assert r"\mathbf{0.6}" in text


def test_numbers_are_mathematics(tmp_path):
    study(tmp_path, "a", (-0.25,), steps=1)
    path = next(tmp_path.rglob("result.json"))
    outcome = json.loads(path.read_text())
    outcome["cost"]["compute"] = 4.31e7
    path.write_text(json.dumps(outcome))
    assert row(tmp_path, "a")[2] == r"$\mathbf{-0.25}$"
    assert r"$4.31 \times 10^{7}$" in row(tmp_path, "a")
