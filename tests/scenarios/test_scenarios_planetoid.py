"""Cora and Citeseer: the data and the split are Planetoid's, and its pickles run nothing."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from scenarios import citeseer, cora
from scenarios.lab.cli.listing import facts
from scenarios.pickles import held

FOLDER = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
# How many papers of each field the data set's own page counts; 15 papers of Citeseer are of none.
FIELDS = {
    "cora": dict(zip(cora.CLASSES, (351, 217, 418, 818, 426, 298, 180))),
    "citeseer": dict(zip(citeseer.CLASSES, (249 + 15, 590, 668, 701, 596, 508))),
}
EDGES = {"cora": (2708, 5278, 0), "citeseer": (3327, 4552, 48)}

both = pytest.mark.parametrize("module", [cora, citeseer], ids=["cora", "citeseer"])


def folder(module, monkeypatch):
    found = FOLDER / "graphs" / module.PAPERS.name
    if not found.is_dir():
        pytest.skip(f"needs the data of {module.PAPERS.name}: set EVO_DATA")
    monkeypatch.setenv("EVO_DATA", str(FOLDER))
    return found


@both
def test_it_is_what_the_field_works_with(module, monkeypatch):
    """Against a conversion of the same files by another reader."""
    path = folder(module, monkeypatch) / f"{module.PAPERS.name}.npz"
    if not path.is_file():
        pytest.skip("needs the converted file")
    graph, x, y, parts = module.PAPERS.load()
    other = np.load(path)
    rows = scipy.sparse.csr_array((other["x_data"], other["x_indices"], other["x_indptr"]), shape=other["x_shape"]).toarray()
    assert np.array_equal(x.toarray() > 0, rows > 0)
    sums = x.sum(1)
    assert np.allclose(sums[sums > 0], 1)
    assert np.array_equal(graph.to_edge_index()[0].T, sorted(other["edge_index"].T.tolist()))
    assert np.array_equal(y, other["y"])
    for part, mask in zip(parts, ("train_mask", "val_mask", "test_mask")):
        assert np.array_equal(part, np.flatnonzero(other[mask]))


@both
def test_the_split_is_fixed_and_no_node_is_dropped(module, monkeypatch):
    folder(module, monkeypatch)
    graph, x, y, (train, validation, test) = module.PAPERS.load()
    name = module.PAPERS.name
    assert (len(graph), graph.edges, (graph.degrees == 0).sum()) == EDGES[name]
    assert dict(zip(module.CLASSES, np.bincount(y))) == FIELDS[name]
    assert (np.bincount(y[train]) == 20).all()
    assert (len(validation), len(test)) == (500, 1000)
    task = module.task(module.scenario.settings(), torch.nn.Linear)
    assert facts(task) == module.scenario.facts
    assert np.array_equal(task.features(task.split("test")[0]), x[test].toarray())


def test_a_pickle_runs_nothing_and_what_it_would_make_is_refused(monkeypatch, tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (8,))

    monkeypatch.chdir(tmp_path)
    harmful = pickle.dumps(Harm(), protocol=2).replace(b"K\x08", b"U\x04here")  # a folder of that name, as Python 2 writes it
    with pytest.raises(ValueError, match=r"it would make \w+ mkdir: it is refused"):
        held(harmful)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="needs no instruction BINUNICODE: it is refused"):
        held(pickle.dumps("word", protocol=2))


def test_lists_by_number_come_whole():
    given = {k: [k, 2 * k, 70_000] for k in range(300)} | {-1: [5], 400: []}
    assert held(pickle.dumps(given, protocol=2)) == given
    shared = [1, 2]
    assert held(pickle.dumps({0: shared, 1: shared, 2: (True, None)}, protocol=2)) == {0: [1, 2], 1: [1, 2], 2: (True, None)}
