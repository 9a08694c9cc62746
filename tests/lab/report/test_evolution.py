"""What the page shows of populations: species over time and sizes of genomes, against runs worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from run_folders import make, result, row

from scenarios.lab.report import bands, evolution, gather, palettes, report, tables
from scenarios.lab.report.comparison import compare


def compared(runs):
    (found,) = compare(gather.find([], runs))
    return found


def run(runs, label, seed, columns, value=0.5, finished=True):
    """A run whose rows have these further columns."""
    rows = [row(k, value, **each) for k, each in enumerate(columns)]
    make(runs, label, seed, rows, result(value, rows) if finished else None)


def species(*rows):
    return [{"species": each} for each in rows]


def streamed(runs):
    (found,) = evolution.streams(compared(runs))
    return found


# Species


def test_a_band_a_species_in_the_order_of_founding_with_its_life(tmp_path):
    run(tmp_path, "neat", 0, species({"3": 10}, {"3": 7, "9": 3}, {"9": 4, "5": 6}, {"5": 10}))
    found = streamed(tmp_path)
    assert (found.label, found.seed, found.species, found.generations, found.gathered) == ("neat", 0, 3, 4, 0)
    drawn = [[band[name] for name in ("species", "most", "founded", "died", "x", "low", "high")] for band in found.rows]
    assert drawn == [
        ["3", 10, 0, 2, [0, 1, 2], [0, 0, 0], [10, 7, 0]],
        ["9", 4, 1, 3, [0, 1, 2, 3], [10, 7, 0, 0], [10, 10, 4, 0]],
        ["5", 10, 2, "-", [1, 2, 3], [10, 4, 0], [10, 10, 10]],
    ]


def many(generations=30, founded=3, lives=9):
    """Rows of a run in which each generation founds some species, which live on, growing."""
    rows = []
    for k in range(generations):
        alive = [(born, each) for born in range(max(0, k - lives + 1), k + 1) for each in range(founded)]
        rows.append({str(born * founded + each): 1 + (k - born) * (1 + each) for born, each in alive})
    return rows


def test_bands_fill_every_generation_and_lie_on_each_other(tmp_path):
    rows = many()
    run(tmp_path, "neat", 0, species(*rows))
    found = streamed(tmp_path)
    assert (found.species, found.gathered) == (90, 90 - evolution.BANDS)
    for k, each in enumerate(rows):
        bands = [band for band in found.rows if k in band["x"]]
        at = [(band["low"][band["x"].index(k)], band["high"][band["x"].index(k)]) for band in bands]
        at = [ends for ends in at if ends[0] < ends[1]]
        assert at[0][0] == 0
        assert [low for low, _ in at[1:]] == [high for _, high in at[:-1]]
        assert at[-1][1] == sum(each.values())


def test_small_species_are_gathered_in_one_band_of_their_own_colour(tmp_path):
    rows = many()
    run(tmp_path, "neat", 0, species(*rows))
    found = streamed(tmp_path)
    sums = {name: sum(each.get(name, 0) for each in rows) for each in rows for name in each}
    least = min(sums[band["species"]] for band in found.rows[:-1])
    assert len(found.rows) == evolution.BANDS + 1
    assert least >= max(total for name, total in sums.items() if name not in {band["species"] for band in found.rows})
    last = found.rows[-1]
    assert last["species"] == f"{90 - evolution.BANDS} smaller species"
    assert [band for band in found.rows if band["colour"] == evolution.GREY] == [last]


def test_bands_that_touch_have_different_colours(tmp_path):
    """The first nine have a colour each; the tenth, which lies on the first when the others have died, has another."""
    rows = [{str(k): 5 for k in range(9)}, {"0": 5, "9": 5}, {"0": 5, "9": 5, "8": 5}]
    run(tmp_path, "neat", 0, species(*rows))
    bands = streamed(tmp_path).rows
    assert len({band["colour"] for band in bands[:9]}) == 9
    assert bands[9]["colour"] not in (bands[0]["colour"], bands[8]["colour"])


def test_long_runs_are_thinned_from_their_first_to_their_last_generation(tmp_path):
    run(tmp_path, "neat", 0, species(*[{"1": 5, "2": k} for k in range(1000)]))
    first, second = streamed(tmp_path).rows
    assert len(first["x"]) == bands.POINTS
    assert (first["x"][0], first["x"][-1]) == (0, 999)
    assert max(np.diff(first["x"])) - min(np.diff(first["x"])) <= 1
    assert [high - 5 for high in second["high"]] == second["x"]


def test_the_median_run_is_shown_and_while_none_has_finished_the_first(tmp_path):
    for seed, value in enumerate((0.9, 0.1, 0.5)):
        run(tmp_path, "neat", seed, species({"1": 5}, {"2": 5}), value)
    run(tmp_path, "young", 4, species({"1": 5}, {"2": 5}), finished=False)
    run(tmp_path, "young", 5, species({"1": 5}, {"2": 5}), finished=False)
    assert {each.label: each.seed for each in evolution.streams(compared(tmp_path))} == {"neat": 2, "young": 4}


@pytest.mark.parametrize(
    "rows",
    [
        [{}, {}],
        species({"1": 5}),
        species({}, {}),
        species([1, 2], "many"),
        species({"1": "5"}, {"1": None}),
        species({"1": -5, "2": 0}, {"1": True, "2": 0.5, "3": 1e300, "4": 10**400}),
    ],
)
def test_rows_without_species_or_with_what_are_none_draw_nothing(tmp_path, rows):
    run(tmp_path, "neat", 0, rows)
    assert evolution.streams(compared(tmp_path)) == []
    assert "Species of the median run" not in report.page([compared(tmp_path)])


def test_species_that_come_back_and_gaps_in_the_rows_are_drawn_as_they_are(tmp_path):
    run(tmp_path, "neat", 0, [*species({"1": 5}, {}, {"1": 3, "2": 1}), {}])
    first, second = streamed(tmp_path).rows
    assert (first["x"], first["high"], first["died"]) == ([0, 1, 2, 3], [5, 0, 3, 0], 3)
    assert (second["x"], second["low"], second["high"]) == ([1, 2, 3], [0, 3, 0], [0, 4, 0])


def test_ids_are_cut_and_two_that_begin_alike_are_two_bands(tmp_path):
    run(tmp_path, "neat", 0, species({"s" * 30 + "1": 5, "s" * 30 + "2": 5}, {"s" * 30 + "1": 5}))
    bands = streamed(tmp_path).rows
    assert {band["species"] for band in bands} == {"s" * 20}
    assert [band["band"] for band in bands] == [0, 1]


def test_page_stays_small_whatever_the_number_of_species(tmp_path):
    draw = np.random.Generator(np.random.Philox(key=0))
    rows = []
    for k in range(200):
        names = range(20 * k, 20 * k + 1000)
        rows.append({str(name): int(size) for name, size in zip(names, draw.integers(1, 200, 1000))})
    run(tmp_path, "neat", 0, species(*rows))
    (found,) = evolution.streams(compared(tmp_path))
    assert (found.species, len(found.rows)) == (4980, evolution.BANDS + 1)
    assert len(json.dumps(evolution.stream(found.rows).to_dict())) < 60_000


def test_the_stream_is_valid_vega_lite_that_tells_a_species_its_size_and_its_life(tmp_path):
    run(tmp_path, "neat", 0, species(*many()))
    spec = evolution.stream(streamed(tmp_path).rows).to_dict()  # which checks it
    assert [each["field"] for each in spec["encoding"]["tooltip"]] == ["species", "most", "founded", "died"]
    assert spec["encoding"]["fill"]["legend"] is None
    assert {band["colour"] for band in spec["data"]["values"]} <= set(spec["encoding"]["fill"]["scale"]["domain"])
    assert len(spec["encoding"]["fill"]["scale"]["domain"]) == len(palettes.PALETTES["light"])


# Sizes


def test_sizes_are_the_interquartile_mean_over_the_seeds_by_generation(tmp_path):
    for seed, nodes in enumerate((0.0, 4.0, 6.0, 90.0)):  # the middle two count
        run(tmp_path, "neat", seed, [{"nodes_mean": nodes + k, "connections_mean": 3.0} for k in range(5)])
    rows = evolution.size_rows(compared(tmp_path), "nodes_mean")
    assert len(rows) == bands.POINTS
    assert [(each["x"], each["y"]) for each in rows if each["x"] == int(each["x"])] == [(0, 5), (4, 9)]
    assert all(each["low"] < each["y"] < each["high"] and each["seeds"] == 4 for each in rows)
    assert {each["y"] for each in evolution.size_rows(compared(tmp_path), "connections_mean")} == {3}


def test_a_run_that_ended_is_in_the_mean_no_longer_and_methods_without_sizes_are_left_out(tmp_path):
    for seed, (length, nodes) in enumerate(((2, 1.0), (4, 3.0))):
        run(tmp_path, "neat", seed, [{"nodes_mean": nodes}] * length)
    run(tmp_path, "odd", 0, [{"nodes_mean": "many"}] * 3)
    run(tmp_path, "ga", 0, [{}] * 3)
    rows = evolution.size_rows(compared(tmp_path), "nodes_mean")
    assert {each["method"] for each in rows} == {"neat"}
    assert {(each["y"], each["seeds"]) for each in rows if each["x"] <= 1} == {(2, 2)}
    assert {(each["y"], each["seeds"]) for each in rows if each["x"] > 1} == {(3, 1)}
    assert rows[-1]["x"] == 3
    assert evolution.size_rows(compared(tmp_path), "connections_mean") == []


@pytest.mark.parametrize("name", gather.SIZES)
def test_charts_of_sizes_are_valid_and_name_what_they_show(tmp_path, name):
    run(tmp_path, "neat", 0, [{name: 3.5}] * 3)
    spec = evolution.size(compared(tmp_path), name).to_dict()
    assert [layer["encoding"]["x"]["title"] for layer in spec["layer"]] == ["generation"] * 2
    assert {layer["encoding"]["y"]["title"] for layer in spec["layer"]} == {
        f"{name.removesuffix('_mean')} per genome (population mean)"
    }


# Seconds


def test_seconds_of_phases_are_means_over_all_steps_of_all_seeds(tmp_path):
    spent = lambda **seconds: {"phase_seconds": seconds}
    run(tmp_path, "neat", 0, [spent(ask=1.0, tell=0.5)] * 3)
    run(tmp_path, "neat", 1, [spent(ask=3.0, tell=0.5)])
    run(tmp_path, "other", 0, [spent(forward=2.0, ask=None)], finished=False)
    run(tmp_path, "ga", 0, [{}, {"phase_seconds": "long"}])
    head, rows = tables.phases(compared(tmp_path))
    assert head == ["method", "ask", "tell", "forward", "total"]
    assert sorted(rows) == [["neat", 1500, 500, None, 2000], ["other", None, None, 2000, 2000]]
    assert "Time per phase" in report.page([compared(tmp_path)])


def test_page_without_populations_and_phases_says_nothing_of_them(tmp_path):
    run(tmp_path, "ga", 0, [{}] * 3)
    page = report.page([compared(tmp_path)])
    assert "Populations</h3>" not in page
    assert "Time per phase" not in page
