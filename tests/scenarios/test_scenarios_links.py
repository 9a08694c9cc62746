"""Link prediction: the graphs are what was published, and a file that is another is refused."""

import os
from pathlib import Path

import numpy as np
import pytest

from evo.vectors.modules import MLP
from scenarios import link_prediction, published
from scenarios.lab.study import config
from scenarios.lab.study.problems import ConfigError

FOLDER = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
SIZES = {"les_miserables": (77, 254), "lastfm": (7624, 27806), "ppi": (3890, 37845), "email_eu_core": (1005, 16064)}
DOWNLOADS = {"lastfm": published.LASTFM, "ppi": published.PPI, "email_eu_core": published.EMAIL}


@pytest.mark.parametrize("name", SIZES)
def test_a_graph_is_as_published_and_half_of_it_is_seen(name, monkeypatch):
    if name in DOWNLOADS:
        if not (FOLDER / DOWNLOADS[name].files.name).is_dir():
            pytest.skip(f"needs the data of {name}: set EVO_DATA")
        monkeypatch.setenv("EVO_DATA", str(FOLDER))
    graph = link_prediction.GRAPHS[name]()
    loops = int(np.count_nonzero(graph.sources == graph.indices))
    assert (len(graph), graph.edges, graph.directed, loops) == (*SIZES[name], False, 0)
    task = link_prediction.task(link_prediction.LinkSettings(graph=name), MLP)
    edges = graph.edges
    held_out = round(edges / 2)
    assert task.graph.edges == edges - held_out
    sizes = [len(task.split(part)[0]) for part in ("train", "validation", "test")]
    assert sizes == [2 * (edges - held_out), 2 * (held_out // 5), 2 * (held_out - held_out // 5)]


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_file_that_is_not_the_pinned_one_is_refused(name, monkeypatch, tmp_path):
    made = DOWNLOADS[name]
    monkeypatch.setenv("EVO_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"EVO_DATA: no file .*{made.edges}"):
        made.graph()
    (tmp_path / made.files.name).mkdir(parents=True)
    (tmp_path / made.files.name / made.edges).write_text("0 1\n")
    with pytest.raises(ValueError, match=r"expected sha256 .*: it is refused"):
        made.graph()


def test_an_unknown_graph_is_refused_with_the_closest_one():
    with pytest.raises(ConfigError, match=r"task.graph: .*'last_fm'.*lastfm"):
        config.study({"scenario": "link_prediction", "task": {"graph": "last_fm"}})
