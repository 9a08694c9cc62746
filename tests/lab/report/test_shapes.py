"""What is drawn of evolved networks agrees with champions measured by hand; `evo plot --topology` from run to picture."""

import math
import re

import numpy as np
import pytest

from graphs import Graph, Topology
from scenarios.lab import load, run
from scenarios.lab.cli import commands
from scenarios.lab.report import shapes
from scenarios.lab.store import store

PAIR = Topology.of(Graph.from_edges([(0, 1), (1, 2), (0, 2), (2, 3)], directed=True), samples=20)
CHAIN = Topology.of(Graph.from_edges([(0, 1), (1, 2)], directed=True), samples=2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of recurrent neat, whose champions change, and one of random search."""
    folder = tmp_path_factory.mktemp("runs")
    settings = {"neat.population_size": 20, "neat.add_node": 0.3, "neat.add_link": 0.3, "random-search.population_size": 5}
    run("xor", methods=["neat", "random-search"], seeds=2, budget={"steps": 12}, settings=settings, runs=folder)
    return folder


def evo(capsys, *words):
    code = commands.main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_champion_stands_until_the_next_and_the_last_to_the_end():
    lineages = {"neat": [shapes.Lineage(0, [2, 6], [CHAIN, PAIR], 11)]}
    rows = shapes.measure_rows(lineages, "connections")
    assert (rows[0]["x"], rows[-1]["x"]) == (2, 10)
    assert {row["y"] for row in rows if row["x"] < 6} == {2}
    assert {row["y"] for row in rows if row["x"] >= 6} == {4}
    alone = shapes.measure_rows({"neat": [shapes.Lineage(0, [0], [CHAIN], 1)]}, "nodes")
    assert [(row["x"], row["y"]) for row in alone] == [(0, 3)]


def test_degrees_spectra_and_motifs_are_of_the_last_champions_together():
    lineages = {"neat": [shapes.Lineage(0, [0, 1], [PAIR, CHAIN], 2), shapes.Lineage(1, [0], [PAIR], 2)]}
    degrees = {row["x"]: row["y"] for row in shapes.degree_rows(lineages, "outgoing")}
    assert degrees == {0: 1.0, 1: pytest.approx(5 / 7, abs=1e-5), 2: pytest.approx(1 / 7, abs=1e-5)}
    incoming = {row["x"]: row["y"] for row in shapes.degree_rows(lineages, "incoming")}
    assert incoming == {0: 1.0, 1: pytest.approx(5 / 7, abs=1e-5), 2: pytest.approx(1 / 7, abs=1e-5)}
    spectrum = shapes.spectrum_rows(lineages)
    assert spectrum[0] == {"method": "neat", "x": 0.0, "y": pytest.approx(2 / 7, abs=1e-5)}  # a component each
    assert spectrum[-1]["y"] == 1.0
    motifs = shapes.motif_rows(lineages)
    assert {row["seed"] for row in motifs} == {1}  # the chain's motifs are those of every graph of its degrees
    assert sum(row["x"] ** 2 for row in motifs) == pytest.approx(1, abs=1e-3)


def test_the_table_says_what_is_not_known():
    head, row = shapes.table({"neat": [shapes.Lineage(0, [0], [CHAIN], 1)]})
    told = dict(zip(head, row))
    assert told["method"] == "neat"
    assert (told["runs"], told["nodes"], told["connections"], told["clustering"]) == ("1", "3", "2", "0")
    assert told["small-worldness"] == "-"
    assert math.isnan(CHAIN.small_worldness)


def test_a_run_hands_out_every_champion_that_it_kept(runs):
    path = runs / "xor" / "neat" / "seed-0"
    found = list(load(path).champions())
    steps = [step for step, _ in found]
    assert steps == sorted(steps)
    assert [store.history_name(step) for step in steps] == sorted(each.name for each in (path / "history").iterdir())
    inputs = np.array([[0.0, 1.0]])
    assert found[-1][1](inputs) == load(path).champion(inputs)


def test_plot_topology_measures_draws_and_tells(runs, capsys, tmp_path):
    code, out, _ = evo(capsys, "plot", "xor", "--runs", str(runs), "--topology", "-o", str(tmp_path / "shape.svg"))
    assert code == 0
    head, row, path = out.splitlines()
    assert path == f"{tmp_path}/shape.svg"
    assert head.split()[:4] == ["method", "runs", "nodes", "connections"]
    last = [Graph.from_genome(load(runs / "xor" / "neat" / f"seed-{seed}").champion) for seed in range(2)]
    numbers = row.split()
    assert numbers[:2] == ["neat", "2"]
    assert float(numbers[3]) == pytest.approx(np.mean([graph.edges for graph in last]))
    text = (tmp_path / "shape.svg").read_text()
    shown = set(re.findall(r">([^<>]+)</text>", text))
    assert {
        "neat",
        "modularity Q",
        "generation",
        "incoming edges k",
        "xor: networks of the champions, IQM and 95 % interval over the seeds",
    } <= shown
    assert "random-search" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "random-search"], "xor has no run with evolved networks in its history"),
        (["--metric", "accuracy"], "--metric, --axis and --size are of learning curves"),
        (["-o", "shape.gif"], "expected a name that ends in .svg, .png, .pdf"),
    ],
)
def test_bad_input_is_one_line(runs, capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = evo(capsys, "plot", "xor", "--runs", str(runs), "--topology", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not list(tmp_path.iterdir())


def test_a_network_too_large_is_named_with_its_run(runs, capsys, monkeypatch):
    monkeypatch.setattr("graphs.topology.MOST_EDGES", 1)
    code, _, err = evo(capsys, "plot", "xor", "--runs", str(runs), "--topology")
    assert code == 2
    assert "seed-0: expected at most 5,000 nodes and 1 edges" in err
