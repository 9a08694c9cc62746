"""What a comparison may claim: pairwise comparisons with Holm's correction, the verdict, and its robustness."""

import json

import numpy as np
import pytest

from scenarios.lab.report import gather, inference, stats
from scenarios.lab.report.comparison import compare


def study(runs, values, direction="max", curves=None, solved=None):
    """A folder of runs: `values` label -> a test value a seed; curves label -> rows (evaluations, validation value)."""
    for label, own in values.items():
        for seed, value in enumerate(own):
            path = runs / "task" / label / f"seed-{seed}"
            path.mkdir(parents=True)
            (path / "config.toml").write_text('scenario = "task"\n[budget]\nevaluations = 100\n')
            rows = (curves or {}).get(label, [(100, value)])
            lines = [dict.fromkeys(("evaluations", "samples", "compute", "seconds"), at) for at, _ in rows]
            lines = [{**line, "validation": {"error": each}} for line, (_, each) in zip(lines, rows)]
            (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            cost = dict.fromkeys(("evaluations", "samples", "compute", "seconds"), rows[-1][0])
            found = (solved or {}).get(label, [None] * len(own))[seed]
            outcome = {
                "stopped_by": "budget", "steps": len(rows), "cost": cost,
                "solved": None if solved is None else found is not None,
                "solved_at": None if found is None else dict.fromkeys(cost, found) | {"seconds": 1000 - found},
                "metric": {"name": "error", "direction": direction}, "champion": {}, "nonfinite": 0,
                "train": {"error": 0.0}, "validation": {"error": 0.0}, "test": {"error": value},
            }  # fmt: skip
            (path / "result.json").write_text(json.dumps(outcome))
    (found,) = compare(gather.find([], runs))
    return found.conclusion


GOOD, MIDDLE = [0.9 + 0.001 * k for k in range(10)], [0.8 + 0.001 * k for k in range(10)]


def test_pairs_hold_what_the_statistics_say_best_first(tmp_path):
    found = study(tmp_path, {"b": MIDDLE, "a": GOOD, "c": [0.85] * 9 + [0.1]})
    assert [(pair["a"], pair["b"]) for pair in found.pairs] == [("a", "c"), ("a", "b"), ("c", "b")]
    pair = found.pairs[1]
    assert pair["superiority"] == 1.0
    assert (pair["low"], pair["high"]) == stats.superiority_interval(GOOD, MIDDLE)
    assert pair["p"] == stats.mann_whitney(GOOD, MIDDLE)
    raw = [each["p"] for each in found.pairs]
    assert [each["p_holm"] for each in found.pairs] == pytest.approx(stats.holm(raw))
    assert pair["p_holm"] > pair["p"]


def test_where_less_is_better_the_lower_one_wins(tmp_path):
    found = study(tmp_path, {"high": GOOD, "low": MIDDLE}, direction="min")
    assert (found.pairs[0]["a"], found.pairs[0]["superiority"]) == ("low", 1.0)
    assert found.verdict.startswith("low has the best test error (IQM).")


def test_verdict_claims_a_lead_only_where_holm_allows_it(tmp_path):
    near = [value - 0.0005 for value in GOOD]
    words = study(tmp_path, {"a": GOOD, "b": MIDDLE, "near": near}).verdict
    assert words.startswith("a has the best test error (IQM). Significantly better than b (Holm-adjusted p < 0.05).")
    assert words.endswith("The difference to near is not significant.")


def test_equal_metrics_are_no_win(tmp_path):
    words = study(tmp_path, {"a": GOOD, "b": GOOD, "c": MIDDLE}).verdict
    assert words.startswith("a and b tie for the best test error (IQM). a is significantly better than c (Holm-adjusted")
    assert "to b" not in words


def test_a_lead_of_the_other_side_is_never_claimed(tmp_path):
    # a has the better middle half, but three fifths of its runs lose, significantly.
    a, b = [0.49] * 72 + [10.0] * 48, [0.5] * 120
    found = study(tmp_path, {"a": a, "b": b})
    assert found.pairs[0]["a"] == "a"
    assert found.pairs[0]["superiority"] == pytest.approx(0.4)
    assert found.pairs[0]["p_holm"] < 0.05
    assert found.verdict.endswith(f"Pairwise, however, b is significantly better than a ({inference.p_holm(found.pairs[0])}).")


def test_first_place_that_falls_on_a_smaller_budget_is_said(tmp_path):
    early = [(10, 0.5), (100, 0.6)]
    late = [(10, 0.1), (100, 0.9)]
    words = study(tmp_path, {"late": GOOD, "early": MIDDLE}, curves={"late": late, "early": early}).robustness
    assert "late also ranks first at equal budget (validation), with exceptions: early leads on every cost axis, " in words
    assert "early leads on every cost axis, at 10 % of the budget. " in words
    assert words.endswith(". late ranks first in 100 % of random half-samples of the seeds.")


def test_first_place_that_holds_everywhere_is_said(tmp_path):
    words = study(
        tmp_path, {"a": GOOD, "b": MIDDLE}, curves={"a": [(10, 0.5), (100, 0.9)], "b": [(10, 0.1), (100, 0.2)]}
    ).robustness
    assert words.startswith(
        "Robustness: a also ranks first at equal budget on every cost axis, at 100 % and 10 % of the budget (validation)."
    )


def test_equal_running_times_are_no_lead(tmp_path):
    same = [1.0] * 6
    solved = {"a": [10, 20, 30, 40, 50, 60], "b": [35] * 6, "c": [90] * 6}
    words = study(tmp_path, dict.fromkeys(solved, same), solved=solved).verdict
    assert words.startswith("a and b tie for the lowest expected running time (ERT, evaluations).")


def test_halves_of_the_seeds_disagree_where_the_seeds_do(tmp_path):
    generator = np.random.Generator(np.random.Philox(key=5))
    values = {label: list(generator.normal(size=8)) for label in ("a", "b")}
    words = study(tmp_path, values).robustness
    share = float(words.split(" % of random half-samples")[0].split()[-1])
    assert 50 <= share < 100


def test_where_a_solution_is_defined_pairs_and_axes_go_by_its_cost(tmp_path):
    same = [1.0] * 6
    solved = {"quick": [10, 11, 12, 13, 14, 15], "slow": [20, 21, 22, 23, 24, 25]}
    found = study(tmp_path, {"slow": same, "quick": same}, solved=solved)
    assert (found.pairs[0]["a"], found.pairs[0]["superiority"]) == ("quick", 1.0)
    assert found.verdict.startswith("quick has the lowest expected running time (ERT, evaluations).")
    assert (
        "quick also ranks first by ERT, with exceptions: slow leads on wall clock." in found.robustness
    )  # seconds run the other way in this study


def test_a_failure_is_worse_than_the_dearest_solution(tmp_path):
    found = study(tmp_path, {"a": [1.0] * 4, "b": [1.0] * 4}, solved={"a": [90, 91, 92, 93], "b": [None, None, None, 94]})
    assert (found.pairs[0]["a"], found.pairs[0]["superiority"]) == ("a", 1.0)


@pytest.mark.parametrize(("seeds", "warned"), [(3, True), (10, False)])
def test_too_few_seeds_for_any_claim_is_said(tmp_path, seeds, warned):
    found = study(tmp_path, {"a": GOOD[:seeds], "b": MIDDLE[:seeds]})
    assert any(each.startswith("underpowered: ") for each in found.warnings) == warned
    assert any("the nominal 95 % interval of the IQM has a coverage of about 72 %" in each for each in found.warnings) == warned


def test_smallest_p_that_the_seeds_allow_is_the_right_one(tmp_path):
    words = "\n".join(study(tmp_path, dict.fromkeys("abc", GOOD[:3])).warnings)
    assert "with 3 seeds the smallest attainable Holm-adjusted p over 3 comparisons is 0.3" in words  # 3 x 2 / (6 over 3)


def test_one_seed_has_no_interval_and_no_pair(tmp_path):
    found = study(tmp_path, {"a": [0.9], "b": [0.8]})
    assert found.pairs == []
    assert "1 seed: no interval and no significance test for a and b" in found.warnings
    assert found.verdict.endswith("Not tested against b: a test needs 2 seeds of both methods.")


def test_a_deterministic_method_has_an_effective_n_of_1(tmp_path):
    found = study(tmp_path, {"a": GOOD, "fixed": [0.5] * 10})
    assert any(
        each.startswith("fixed: identical scores on all seeds (deterministic method): effective n = 1")
        for each in found.warnings
    )


def test_one_method_alone_is_neither_best_nor_firm(tmp_path):
    found = study(tmp_path, {"a": GOOD})
    assert (found.pairs, found.verdict, found.robustness) == ([], "", "")
    assert found.lines == []


def test_same_runs_give_the_same_words(tmp_path):
    values = {"a": GOOD, "b": MIDDLE}
    one, other = (study(tmp_path / name, values) for name in "12")
    assert (one.pairs, one.lines) == (other.pairs, other.lines)


def fail(runs, label, seeds):
    """Makes runs of a study failed ones, in their first steps."""
    for seed in seeds:
        path = runs / "task" / label / f"seed-{seed}"
        (path / "result.json").unlink()
        (path / "error.txt").write_text("ValueError: unwell")


def again(runs):
    (found,) = compare(gather.find([], runs))
    return found


def test_runs_that_failed_rank_behind_every_other(tmp_path):
    study(tmp_path, {"fragile": GOOD, "sturdy": MIDDLE})
    fail(tmp_path, "fragile", range(8))
    found = again(tmp_path)
    assert [row["label"] for row in found.rows] == ["sturdy", "fragile"]
    assert found.conclusion.pairs[0]["superiority"] == pytest.approx(0.8)  # the 2 that live win against all 10
    assert found.conclusion.verdict.startswith("sturdy has the best")


def test_a_metric_that_is_no_number_ranks_behind_every_other(tmp_path):
    study(tmp_path, {"nan": [0.99, 0.99, 0.99, None, None, None, None], "sturdy": MIDDLE})
    assert [row["label"] for row in again(tmp_path).rows] == ["sturdy", "nan"]


def test_failed_runs_have_not_solved_it_and_their_cost_counts(tmp_path):
    same = [1.0] * 10
    study(tmp_path, {"fragile": same, "sturdy": same}, solved={"fragile": [5] * 10, "sturdy": list(range(20, 30))})
    fail(tmp_path, "fragile", range(8))
    found = again(tmp_path)
    fragile = {row["label"]: row for row in found.rows}["fragile"]
    assert fragile["solved"] == 2
    assert fragile["expected"][0] == (2 * 5 + 8 * 100) / 2  # 8 failed after 100 evaluations
    assert found.rows[0]["label"] == "sturdy"
    assert found.conclusion.verdict.startswith("sturdy has the lowest expected running time (ERT, evaluations).")


def test_nothing_is_claimed_while_seeds_are_unfinished(tmp_path):
    study(tmp_path, {"a": GOOD, "b": MIDDLE})
    for seed in range(6):
        (tmp_path / "task" / "a" / f"seed-{seed}" / "result.json").unlink()
    found = again(tmp_path).conclusion
    assert (found.pairs, found.robustness) == ([], "")
    assert found.verdict == "No significance test yet: seeds of a are unfinished."


def test_nothing_is_claimed_of_runs_with_different_budgets_but_at_a_common_one(tmp_path):
    study(tmp_path, {"a": GOOD, "b": MIDDLE})
    for seed in range(10):
        (tmp_path / "task" / "a" / f"seed-{seed}" / "config.toml").write_text('scenario = "task"\n[budget]\nevaluations = 7\n')
    found = again(tmp_path).conclusion
    assert (found.pairs, found.robustness) == ([], "")
    assert found.verdict.startswith("No significance test: the budgets differ.")
    (at,) = compare(gather.find([], tmp_path), at=("evaluations", None))
    assert at.conclusion.verdict.startswith("a has the best validation error at 100 evaluations (IQM).")


def test_a_rank_by_expected_cost_that_most_runs_contradict_is_said(tmp_path):
    steady, lucky = [90] * 12, [10] * 11 + [None]
    same = [1.0] * 12
    study(tmp_path, {"steady": same, "lucky": same}, solved={"steady": steady, "lucky": lucky})
    path = tmp_path / "task" / "lucky" / "seed-11" / "result.json"
    outcome = json.loads(path.read_text())
    outcome["cost"]["evaluations"] = 10_000
    path.write_text(json.dumps(outcome))
    found = again(tmp_path)
    assert [row["label"] for row in found.rows] == ["steady", "lucky"]
    assert "Pairwise, however, lucky is significantly better than steady (p_Holm" in found.conclusion.verdict
    share = float(found.conclusion.robustness.split(" % of random")[0].split()[-1])
    assert 20 < share < 80  # of the halves, about one in two holds the failure


def test_first_place_that_no_axis_confirms_is_said(tmp_path):
    curves = {"a": [(10, 0.1), (100, 0.2)], "b": [(10, 0.5), (100, 0.6)]}
    words = study(tmp_path, {"a": GOOD, "b": MIDDLE}, curves=curves).robustness
    assert words.startswith(
        "Robustness: a ranks first on no cost axis at equal budget (validation): b leads on every cost axis, at 100 %"
    )


@pytest.mark.parametrize("differing", ["train", "cost"])
def test_equal_metrics_of_different_runs_are_no_repetition(tmp_path, differing):
    study(tmp_path, {"a": [0.9] * 4, "b": MIDDLE[:4]})
    for seed in range(4):
        path = tmp_path / "task" / "a" / f"seed-{seed}" / "result.json"
        outcome = json.loads(path.read_text())
        outcome[differing] |= {"error": 0.1 * seed} if differing == "train" else {"samples": 100 + seed}
        path.write_text(json.dumps(outcome))
    assert not any("deterministic" in each for each in again(tmp_path).conclusion.warnings)


def test_robustness_names_the_axes_on_which_two_methods_have_values(tmp_path):
    study(tmp_path, {"a": GOOD[:3], "b": MIDDLE[:3]}, curves={label: [(10, 0.5), (100, 0.5)] for label in "ab"})
    for seed in range(3):
        path = tmp_path / "task" / "b" / f"seed-{seed}" / "metrics.jsonl"
        path.write_text(path.read_text().replace('"compute"', '"other"').replace('"samples"', '"another"'))
    words = again(tmp_path).conclusion.robustness
    assert words.startswith(
        "Robustness: a also ranks first at equal budget on evaluations and wall clock, at 100 % and 10 % of the budget "
        "(validation); not comparable on samples and compute, at 100 % and 10 %."
    )


def test_robustness_claims_no_tenth_of_the_budget_that_could_not_be_compared(tmp_path):
    """One row at the end: of a tenth of the budget nothing is known."""
    words = study(tmp_path, {"a": GOOD[:3], "b": MIDDLE[:3]}).robustness
    assert words == (
        "Robustness: a also ranks first at equal budget on every cost axis, at 100 % of the budget (validation)"
        "; not comparable on every cost axis, at 10 %."
    )
    curves = {"a": [(10, 0.5), (100, 0.5)], "b": [(100, 0.4)]}
    words = study(tmp_path / "one", {"a": GOOD[:3], "b": MIDDLE[:3]}, curves=curves).robustness
    assert "not comparable on every cost axis, at 10 %." in words


def test_a_p_that_could_only_reach_the_level_is_underpowered(tmp_path):
    found = study(tmp_path, {"a": GOOD[:7], "b": MIDDLE[:3], "c": MIDDLE[:3]})
    assert any("over 3 comparisons is 0.05" in each for each in found.warnings)  # 3 x 2 / (10 over 3), not below 0.05
