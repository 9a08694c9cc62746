"""Scenarios of labelled nodes: the data are what was published, and labels are scored by the protocol's F1."""

import hashlib
import os
from pathlib import Path

import networkx
import numpy as np
import pytest
import torch

from evo.core import Model
from graphs import Graph
from graphs.task import GraphTask
from scenarios import blogcatalog, karate, lastfm, ppi
from scenarios.lab.cli.listing import facts

FOLDER = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


class Table(Model):
    """Answers what stands in a table, a row a node."""

    parameters = 0

    def __init__(self, task, answers):
        self.task, self.answers = task, torch.as_tensor(answers, dtype=torch.float32)

    def __call__(self, inputs):
        return self.answers[self.task.nodes(inputs)]

    def save(self):
        return {}, {}


def ring(nodes, y, **rest):
    graph = Graph.from_edges([(k, (k + 1) % nodes) for k in range(nodes)])
    half = np.arange(nodes)
    return GraphTask(graph, y, (half[: nodes // 2], half[nodes // 2 :]), **rest)


def test_the_club_is_that_of_networkx():
    task = karate.task(karate.scenario.settings(), torch.nn.Linear)
    labels = torch.cat([task.split(name)[1] for name in ("train", "validation", "test")])
    assert np.array_equal(task.graph.to_scipy().toarray(), networkx.to_numpy_array(networkx.karate_club_graph()))
    assert (task.graph.edges, labels.bincount().tolist()) == (78, [17, 17])
    assert task.classes == ["Mr. Hi", "Officer"]


@pytest.mark.parametrize(("nodes", "inputs"), [(10, 20), (1001, 1)])
def test_an_input_says_its_node_in_graphs_small_and_large(nodes, inputs):
    task = ring(nodes, np.arange(nodes) % 2, kind="classification", network=torch.nn.Linear)
    assert task.inputs == inputs
    found = [task.nodes(task.split(name)[0]) for name in ("train", "validation")]
    assert np.array_equal(np.concatenate(found), np.arange(nodes))


def test_labels_are_scored_with_and_without_their_true_number():
    y = np.zeros((8, 3), np.float32)
    y[4:] = [[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]]
    answers = np.zeros((8, 3))
    answers[4:] = [[0.9, 0.4, 0.1], [0.2, 0.3, 0.1], [0.6, 0.7, 0.1], [0.9, 0.1, 0.1]]
    task = ring(8, y, kind="probability", network=torch.nn.Linear)
    score = task.score(Table(task, answers), "validation")
    assert score["micro_f1"] == pytest.approx(2 * 4 / 10)
    assert score["macro_f1"] == pytest.approx((4 / 5 + 4 / 5 + 0) / 3)
    assert score["micro_f1_honest"] == pytest.approx(2 * 3 / 10)
    assert score["macro_f1_honest"] == pytest.approx((4 / 6 + 2 / 4 + 0) / 3)
    assert task.metric.name == "micro_f1"
    assert np.isnan(task.score(Table(task, answers * np.nan), "validation")["micro_f1"])


def test_blogcatalog_is_as_published(monkeypatch):
    if not (FOLDER / "graphs" / "blogcatalog" / blogcatalog.FILE).is_file():
        pytest.skip("needs the data of blogcatalog: set EVO_DATA")
    monkeypatch.setenv("EVO_DATA", str(FOLDER))
    graph, groups = blogcatalog.load()
    assert (len(graph), graph.edges, graph.directed, graph.weights) == (10_312, 333_983, False, None)
    assert (groups.shape, groups.sum(), groups.sum(1).min()) == ((10_312, 39), 14_476, 1)
    task = blogcatalog.task(blogcatalog.scenario.settings(), torch.nn.Linear)
    assert facts(task) == blogcatalog.scenario.facts
    nodes = np.concatenate([task.nodes(task.split(name)[0]) for name in ("train", "validation", "test")])
    assert np.array_equal(np.sort(nodes), np.arange(10_312))
    other = blogcatalog.task(blogcatalog.scenario.settings(split=1, train=0.1), torch.nn.Linear).split("train")[0]
    assert (len(other), len(np.intersect1d(nodes[:1031], other)) < 300) == (1031, True)
    assert np.array_equal(task.split("test")[1].numpy(), groups[task.nodes(task.split("test")[0])])


@pytest.mark.parametrize(
    ("module", "shape", "counts"),
    [
        (lastfm, (7624,), [1098, 54, 73, 515, 16, 391, 655, 82, 468, 58, 1303, 138, 57, 63, 570, 257, 254, 1572]),
        (ppi, (3890, 50), 6640),
    ],
    ids=["lastfm", "ppi"],
)
def test_labels_are_those_of_the_file(module, shape, counts, monkeypatch):
    if not (FOLDER / "graphs" / {lastfm: "musae-lastfm", ppi: "ppi"}[module]).is_dir():
        pytest.skip("needs its data: set EVO_DATA")
    monkeypatch.setenv("EVO_DATA", str(FOLDER))
    graph, y = module.load()
    assert y.shape == shape
    assert (np.bincount(y).tolist() if y.ndim == 1 else y.sum()) == counts
    task = module.task(module.scenario.settings(), torch.nn.Linear)
    assert facts(task) == module.scenario.facts
    nodes = np.concatenate([task.nodes(task.split(name)[0]) for name in ("train", "validation", "test")])
    assert np.array_equal(np.sort(nodes), np.arange(len(graph)))


def test_a_file_that_is_not_the_pinned_one_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("EVO_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"EVO_DATA: no file .*graphs.blogcatalog.blogcatalog\.mat"):
        blogcatalog.load()
    (tmp_path / "graphs" / "blogcatalog").mkdir(parents=True)
    (tmp_path / "graphs" / "blogcatalog" / blogcatalog.FILE).write_bytes(b"other")
    with pytest.raises(ValueError, match=f"of the file; got {hashlib.sha256(b'other').hexdigest()}: it is refused"):
        blogcatalog.load()
