"""Every chart is valid Vega-Lite, and what it draws agrees with runs worked by hand."""

from __future__ import annotations

import re

import altair
import pytest
from run_folders import LONG, MARKUP, everything, make, result, row, study

from scenarios.lab.report import bands, charts, gather, images, palettes, report
from scenarios.lab.report.comparison import compare
from scenarios.lab.store.store import StoreError


def compared(runs, *names):
    (found,) = compare(gather.find(names, runs))
    return found


def curve(runs, label, seed, values, stopped_by="budget", finished=True, **more):
    """A run whose champion has these values after 100, 200, ... evaluations."""
    rows = [row(k, value, **more) for k, value in enumerate(values)]
    make(runs, label, seed, rows, result(values[-1], rows, stopped_by=stopped_by) if finished else None)


def at(rows, label, x):
    """The row of a method that holds at the cost x."""
    return [each for each in rows if each["method"] == label and each["x"] <= x][-1]


@pytest.fixture(scope="module")
def all_there_is(tmp_path_factory):
    runs = tmp_path_factory.mktemp("all")
    everything(runs)
    return compare(gather.find([], runs))


# Learning curves


def test_curve_of_one_seed_steps_at_its_rows_and_has_no_band(tmp_path):
    curve(tmp_path, "ga", 0, [0.1, 0.4, 0.3])
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    assert (rows[0]["x"], rows[-1]["x"]) == (100, 300)
    assert [at(rows, "ga", x)["y"] for x in (100, 199, 200.5, 299, 300)] == [0.1, 0.1, 0.4, 0.4, 0.3]
    assert all(each["low"] == each["y"] == each["high"] and each["seeds"] == 1 for each in rows)
    assert [each["x"] for each in rows] == sorted({each["x"] for each in rows})
    assert len(rows) == bands.POINTS


def scored(k, accuracy, fitness, n):
    return {**row(k, accuracy), "validation": {"accuracy": accuracy, "fitness": fitness, "n": n}}


@pytest.mark.parametrize(
    ("values", "n", "fitness", "drawn"),
    [
        ((0.5, 0.75, 1.0), 4, (-3.0, -2.0, -1.0), "fitness"),
        ((0.5, 0.75, 1.0), 40, (-3.0, -2.0, -1.0), "accuracy"),  # many levels
        ((0.5, 0.6, 0.9), 4, (-3.0, -2.0, -1.0), "accuracy"),  # no shares of 4 examples
        ((-1.0, 0.0, 7.0), 4, (-3.0, -2.0, -1.0), "accuracy"),
        ((0.5, 0.75, 1.0), 4, (0.5, 0.75, 1.0), "accuracy"),  # which is the fitness
        ((0.5, 0.75, 1.0), 4, (None, None, None), "accuracy"),
    ],
)
def test_curves_are_of_the_fitness_where_the_metric_is_a_share_of_few_examples(tmp_path, values, n, fitness, drawn):
    rows = [scored(k, value, own, n) for k, (value, own) in enumerate(zip(values, fitness))]
    make(tmp_path, "ga", 0, rows, result(1.0, rows))
    found = compared(tmp_path)
    assert charts.curves(found).to_dict()["layer"][0]["encoding"]["y"]["title"] == f"validation {drawn}"
    assert charts.curve_rows(found, "evaluations")[-1]["y"] == (fitness if drawn == "fitness" else values)[-1]
    said = "accuracy has only 5 levels on 4 examples; below 20 examples fitness is drawn"
    assert charts.few_levels(found) == (said if drawn == "fitness" else None)
    caption = "Validation fitness of the best-so-far champion" if drawn == "fitness" else "Validation metric of the"
    assert caption in report.page([found])


def test_curve_is_the_interquartile_mean_with_its_interval(tmp_path):
    for seed, value in enumerate((0.0, 0.4, 0.6, 9.0)):  # the middle two count
        curve(tmp_path, "ga", seed, [value, value])
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    assert {each["y"] for each in rows} == {0.5}
    assert all(each["low"] < 0.5 < each["high"] and each["seeds"] == 4 for each in rows)


def test_curve_shows_the_champion_so_far_not_each_steps_candidate(tmp_path):
    rows = [row(0, 0.5, champion_step=0), row(1, 0.2, champion_step=0), row(2, 0.7, champion_step=2)]
    make(tmp_path, "ga", 0, rows, result(0.7, rows))
    drawn = charts.curve_rows(compared(tmp_path), "evaluations")
    assert [at(drawn, "ga", x)["y"] for x in (100, 250, 300)] == [0.5, 0.5, 0.7]


def test_a_run_that_ended_by_itself_keeps_its_last_value_and_another_does_not(tmp_path):
    curve(tmp_path, "early", 0, [0.1, 0.9], stopped_by="early_stopping")
    curve(tmp_path, "cut", 0, [0.1, 0.8])
    curve(tmp_path, "whole", 0, [0.1, 0.2, 0.3, 0.4])
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    ends = {label: max(each["x"] for each in rows if each["method"] == label) for label in ("early", "cut", "whole")}
    assert ends == {"early": 400, "cut": 200, "whole": 400}
    assert at(rows, "early", 400)["y"] == 0.9


@pytest.mark.parametrize(("lengths", "end"), [([2, 4, 6], 4), ([2, 4, 6, 8], 6), ([2, 6], 6), ([5], 5), ([1, 1, 9], 1)])
def test_a_curve_goes_as_far_as_half_of_its_seeds_did(tmp_path, lengths, end):
    for seed, length in enumerate(lengths):
        curve(tmp_path, "ga", seed, [0.1] * length)
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    assert rows[-1]["x"] == 100 * end
    far = sum(length >= end for length in lengths)
    assert far >= len(lengths) / 2
    assert rows[-1]["seeds"] == far


def test_seeds_that_have_not_got_so_far_are_not_in_the_mean(tmp_path):
    for seed, (length, value) in enumerate([(2, 0.0), (4, 0.4), (4, 0.8)]):
        curve(tmp_path, "ga", seed, [value] * length)
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    assert at(rows, "ga", 150) | {"x": 0} == at(rows, "ga", 190) | {"x": 0}
    assert (at(rows, "ga", 150)["y"], at(rows, "ga", 150)["seeds"]) == (0.4, 3)
    assert (at(rows, "ga", 400)["y"], at(rows, "ga", 400)["seeds"]) == (pytest.approx(0.6), 2)


def test_a_running_seed_counts_as_far_as_it_went(tmp_path):
    curve(tmp_path, "ga", 0, [0.2] * 4)
    curve(tmp_path, "ga", 1, [0.6] * 4, finished=False)
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    assert (rows[-1]["seeds"], rows[-1]["y"]) == (2, 0.4)


def test_an_axis_that_means_nothing_for_a_run_leaves_it_out_of_that_axis_alone(tmp_path):
    curve(tmp_path, "ga", 0, [0.2, 0.3])
    curve(tmp_path, "tree", 0, [0.6, 0.7], compute=False)
    found = compared(tmp_path)
    assert {each["method"] for each in charts.curve_rows(found, "compute")} == {"ga"}
    assert {each["method"] for each in charts.curve_rows(found, "seconds")} == {"ga", "tree"}
    assert charts.curve_rows(found, "seconds")[0]["x"] == 0.5


@pytest.mark.parametrize("cost", [[0, 100], [-1, 5], [200, 100], [None, 100], [100, "x"]])
def test_costs_that_cannot_be_drawn_leave_the_curve_out(tmp_path, cost):
    rows = [{**row(k, 0.5), "evaluations": value} for k, value in enumerate(cost)]
    make(tmp_path, "ga", 0, rows, result(0.5, [row(0, 0.5)]))
    assert charts.curve_rows(compared(tmp_path), "evaluations") == []
    assert charts.curve_rows(compared(tmp_path), "samples")


def test_a_metric_that_was_not_finite_leaves_a_gap_and_no_nan(tmp_path):
    curve(tmp_path, "ga", 0, [None, 0.5])
    rows = charts.curve_rows(compared(tmp_path), "evaluations")
    assert {each["y"] for each in rows} == {0.5}
    assert min(each["x"] for each in rows) > 100


# Solutions


def solved(runs, label, costs, end=1000):
    """A seed for each of `costs`: evaluations to a solution, or None where there was none in `end`."""
    for seed, cost in enumerate(costs):
        rows = [{**row(0, 0.5), "evaluations": cost or end}]
        make(runs, label, seed, rows, result(0.5, rows, solved=cost is not None))


def test_share_solved_counts_failures_and_goes_on_to_the_end(tmp_path):
    solved(tmp_path, "ga", [200, 400, 400, None])
    solved(tmp_path, "never", [None, None])
    rows = charts.solved_rows(compared(tmp_path), "evaluations")
    points = {label: [(each["x"], each["y"]) for each in rows if each["method"] == label] for label in ("ga", "never")}
    assert points == {"ga": [(200, 0), (200, 0.25), (400, 0.75), (1000, 0.75)], "never": [(200, 0), (1000, 0)]}


def test_share_solved_never_falls_and_ends_at_the_success_rate(tmp_path):
    solved(tmp_path, "ga", [300, None, 700, 100, None])
    shares = [each["y"] for each in charts.solved_rows(compared(tmp_path), "evaluations")]
    assert shares == sorted(shares)
    assert shares[-1] == 0.6


# Values at the end


@pytest.mark.parametrize(
    ("direction", "points"),
    [("max", [(1, 1.0), (2, 0.75), (4, 0.25), (8, 0.0)]), ("min", [(8, 1.0), (4, 1.0), (2, 0.75), (1, 0.25)])],
)
def test_profile_is_the_share_of_seeds_at_least_as_good(tmp_path, direction, points):
    study(tmp_path, "ga", (1.0, 2.0, 2.0, 4.0), direction=direction)
    study(tmp_path, "other", (8.0,), direction=direction)
    rows = charts.reached_share(compared(tmp_path)).to_dict()["data"]["values"]
    assert {(each["x"], each["y"]) for each in rows if each["method"] == "ga"} == set(points)
    title = charts.reached_share(compared(tmp_path)).to_dict()["encoding"]["x"]["title"]
    assert title == f"test accuracy, {'at least' if direction == 'max' else 'at most'}"


def test_each_finished_seed_is_a_point_and_each_method_an_interval(tmp_path):
    study(tmp_path, "ga", (0.25, 0.75))
    make(tmp_path, "ga", 2, [row(0, 0.1)], error="E")
    study(tmp_path, "one", (0.5,))
    dots, interval, middle = charts.final(compared(tmp_path)).to_dict()["layer"]
    values = lambda layer: layer["data"]["values"]
    assert sorted((each["method"], each["seed"], each["value"]) for each in values(dots)) == [
        ("ga", 0, 0.25),
        ("ga", 1, 0.75),
        ("one", 0, 0.5),
    ]
    means = {each["method"]: (each["iqm"], each["low"], each["high"]) for each in values(interval)}
    assert means == {"ga": (0.5, 0.25, 0.75), "one": (0.5, None, None)}
    assert values(interval) == values(middle)


# Trust and fronts


def test_reliability_pools_the_seeds_and_leaves_small_bins_out(tmp_path):
    tables = ([[0.92, 0.5, 10], [0.15, 0.1, 4]], [[0.98, 1.0, 30], [0.12, 0.2, 5], [1.0, "x", 30], [0.5, 1], "no"])
    for seed, bins in enumerate(tables):
        rows = [row(0, 0.5)]
        make(tmp_path, "ga", seed, rows, result(0.5, rows, trust={"reliability": bins}))
    (point,) = charts.reliability_rows(compared(tmp_path))
    assert point == {"method": "ga", "x": pytest.approx(0.965), "y": pytest.approx(0.875), "examples": 40}


def test_accuracy_under_disturbance_is_the_mean_over_the_seeds_by_level(tmp_path):
    for seed, noise in enumerate(([[0.5, 0.4], [0.0, 0.9]], [[0.0, 0.7], [0.5, 0.2]])):
        rows = [row(0, 0.5)]
        make(tmp_path, "ga", seed, rows, result(0.5, rows, trust={"noise": noise, "missing": None}))
    found = compared(tmp_path)
    assert charts.disturbed_rows(found, "noise") == [
        {"method": "ga", "x": 0.0, "y": 0.8},
        {"method": "ga", "x": 0.5, "y": pytest.approx(0.3)},
    ]
    assert charts.disturbed_rows(found, "missing") == []


def test_fronts_of_every_seed_are_drawn_and_what_is_no_point_is_not(tmp_path):
    front = [{"connections": 3, "fitness": -0.5}, {"connections": 9}, None, {"connections": "x", "fitness": 1}]
    costly = [{"fitness": 0.25, "connection_cost": 1.5, "connection_count": 4.0}]
    make(tmp_path, "hyperneat", 0, [row(0, 0.5)], result(0.5, [row(0, 0.5)], front=costly))
    for seed in (0, 1):
        rows = [row(0, 0.5)]
        make(tmp_path, "ga-nsga2", seed, rows, result(0.5, rows, front=front))
    assert charts.front_rows(compared(tmp_path), "connections") == [
        {"method": "ga-nsga2", "seed": seed, "connections": 3, "fitness": -0.5} for seed in (0, 1)
    ]
    drawn = charts.front_rows(compared(tmp_path), "connection_cost")
    assert drawn == [{"method": "hyperneat", "seed": 0, "connection_cost": 1.5, "fitness": 0.25}]


# Valid, and told apart


DRAWN = {
    **{name: getattr(charts, name) for name in ("curves", "solved_share", "reached_share", "final", "reliability")},
    "front": lambda *a, **k: charts.front(*a, "connections", **k),
    "noise": lambda *a, **k: charts.disturbed(*a, "noise", **k),
    "missing": lambda *a, **k: charts.disturbed(*a, "missing", **k),
}


@pytest.mark.parametrize("legend", [True, False])
@pytest.mark.parametrize("name", DRAWN)
def test_every_chart_is_valid_vega_lite_with_titles_on_both_axes(all_there_is, name, legend):
    for comparison in all_there_is:
        chart = DRAWN[name](comparison, legend=legend)
        spec = chart.to_dict()  # checked against the schema, as is the configuration
        if name in ("curves", "solved_share"):
            charts.titled(spec, "evaluations")
        altair.Chart.from_dict({**spec, "config": {**palettes.theme("dark"), "background": "#000000"}})
        layers = spec.get("layer", [spec])
        for axis in ("x", "y"):
            titles = [layer["encoding"][axis].get("title", "") for layer in layers if axis in layer["encoding"]]
            categories = [layer["encoding"][axis].get("type") == "nominal" for layer in layers if axis in layer["encoding"]]
            assert any(titles) or all(categories)


# Saved


@pytest.mark.parametrize(
    ("suffix", "magic"), [("svg", b"<svg"), ("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-"), ("SVG", b"<svg")]
)
def test_curves_are_saved_as_the_suffix_says(all_there_is, tmp_path, suffix, magic):
    path = tmp_path / f"curves.{suffix}"
    images.save(all_there_is[0], path)
    assert path.read_bytes().startswith(magic)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_saved_svg_holds_labels_axis_and_title_as_text(all_there_is, tmp_path):
    digits = next(each for each in all_there_is if each.scenario == "digits")
    images.save(digits, tmp_path / "curves.svg", "compute")
    text = (tmp_path / "curves.svg").read_text()
    shown = set(re.findall(r">([^<>]+)</text>", text))
    assert {"ga", "backprop", "ga-nsga2", "compute (forward passes x parameters)", "validation accuracy"} <= shown
    assert any(word.startswith(LONG[:20]) for word in shown)
    assert any(word.startswith("digits: best-so-far champion") for word in shown)
    assert MARKUP not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("name", ["curves.gif", "curves", "curves.pnng"])
def test_another_suffix_is_refused_with_the_ones_there_are(all_there_is, tmp_path, name):
    with pytest.raises(ValueError, match=r"expected a name that ends in \.svg, \.png, \.pdf"):
        images.save(all_there_is[0], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_is_a_line(all_there_is, tmp_path):
    with pytest.raises(StoreError, match="cannot write"):
        images.save(all_there_is[0], tmp_path / "no" / "folder.svg")


def test_generations_are_an_axis_where_every_method_has_them(tmp_path):
    study(tmp_path / "runs", "ga", (0.5, 0.6), steps=3)
    (comparison,) = compare(gather.find([], tmp_path / "runs"))
    xs = [row["x"] for row in charts.curve_rows(comparison, "steps")]
    assert (xs[0], xs[-1]) == (1, 3)
    images.save(comparison, tmp_path / "steps.svg", "steps")
    assert ">steps (generations or epochs)</text>" in (tmp_path / "steps.svg").read_text()
    with pytest.raises(images.BadPicture, match="--axis generations: ga: no generations; --axis steps"):
        images.save(comparison, tmp_path / "generations.svg", "generations")
