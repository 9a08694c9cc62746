"""Graphs that were published as lists of edges, downloaded once, undirected: an edge that stands in both directions is one, and
one from a node to itself is left out. And what tasks of nodes with several labels share.

    lastfm        7,624 users of Last.fm in Asia and who follows whom mutually (Rozemberczki, Sarkar: Characteristic functions
                  on graphs. CIKM 2020)
    ppi           3,890 human proteins and which bind (Grover, Leskovec: node2vec. KDD 2016, a part of BioGRID)
    email_eu_core 1,005 people of a research institution and who wrote to whom (Yin et al.: Local higher-order graph clustering.
                  KDD 2017)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evo import rng
from evo.settings import setting, settings
from evo.tasks.metrics import METRICS
from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.downloads import Download, unpacked


@dataclass(frozen=True)
class Published:
    """A graph in a file of edges, one of `files`; separator: between the two numbers of nodes; header: lines before them."""

    files: Download
    edges: str
    separator: str | None = None
    header: int = 0

    def graph(self) -> Graph:
        """The graph; nodes are numbered as in the file, from 0. Raises as `Download.path` does, and ValueError for a file that
        is not the pinned one."""
        lines = self.lines(self.edges)[self.header :]
        pairs = np.array([line.split(self.separator) for line in lines if line], np.int64)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        return Graph.from_edges(pairs, nodes=range(int(pairs.max()) + 1), duplicates="first")

    def lines(self, file: str) -> list[str]:
        """Those of a file, as text."""
        path = self.files.path(file)
        return unpacked(path.read_bytes(), self.files.sha256[file], path).decode("ascii").splitlines()


LASTFM = Published(
    Download(
        "graphs/musae-lastfm",
        "https://raw.githubusercontent.com/benedekrozemberczki/karateclub/cb46a91df8dcbeb2570debcf6a9d0c518107a2de/"
        "dataset/node_level/lastfm/",
        {
            "edges.csv": "4a6f555d2ccbbbaf1aa4f46b10b0e612aa515730a513d3e1ac951e1e4dcd733c",
            "target.csv": "91f19215f6eca8321feec038bd32900cf13fd4f7e041a9976cf202807c72ac16",
        },
    ),
    edges="edges.csv",
    separator=",",
    header=1,
)
PPI = Published(
    Download(
        "graphs/ppi",
        "https://raw.githubusercontent.com/THUDM/ProNE/873630a5943f3eba8f4bbc9751fdf16af98d2171/data/",
        {
            "PPI.ungraph": "853faf8f8f9705d0ccf2f12db80277cc779ccef04ba6a8703671138dca76796a",
            "PPI.cmty": "d57a61e7cc5c46acafdd370c5126a2a5c57cb23f1a84ed1d0877f20149c90637",
        },
    ),
    edges="PPI.ungraph",
)
EMAIL = Published(
    Download(
        "graphs/email-eu-core",
        "https://raw.githubusercontent.com/CalvinRoth/DeAnon/8f19ef53356faeb5ce08c7ef505e9e3ba33262e8/data/",
        {"email-Eu-core.txt": "a26687d337488baf01394f9cf532314ac5b9fb3909a8d1c6743bcc428379ed11"},
    ),
    edges="email-Eu-core.txt",
)


@settings
class LabelsSettings:
    train: float = setting(0.5, "share of the nodes that train", low=0.01, high=0.85)
    split: int = setting(0, "which random split", low=0)
    fitness: str = setting("cross_entropy", "fitness to maximise; losses are negated", choices=METRICS["probability"])
    solved: float | None = setting(None, "micro_f1 on validation at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def labels_task(graph: Graph, members: np.ndarray, settings: LabelsSettings, network: Any) -> GraphTask:
    """Labels (N, C) of 0 and 1 to be learned: a share of the nodes with labels trains, a tenth validates, the rest is for the
    test; all are drawn at random."""
    labelled = np.flatnonzero(members.any(1))
    order = labelled[rng.permutation(settings.split, 0, 0, rng.SPLIT, len(labelled))]
    ends = [int(settings.train * len(order)), int((settings.train + 0.1) * len(order))]
    values = dict(fitness=settings.fitness, solved=settings.solved, stop=settings.stop)
    return GraphTask(graph, members, tuple(np.split(order, ends)), kind="probability", network=network, **values)
