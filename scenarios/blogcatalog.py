"""BlogCatalog: 10,312 bloggers, who is whose friend, and which of 39 groups each is in (Tang, Liu: Relational learning via
latent social dimensions. KDD 2009); downloaded once, from DeepWalk's repository.

A share of the nodes trains, a tenth validates, the rest is for the test; all are drawn at random. With 0.5 a training split is
that of the column "50 %" of published tables.
"""

import io
from typing import Any

import numpy as np
import scipy.io

from evo.core import Budget, Scenario
from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.downloads import Download, unpacked
from scenarios.published import LabelsSettings, labels_task

COMMIT = "6e6dff245e4692e9bea47e9017c1034e51afbf29"
FILE = "blogcatalog.mat"
FILES = Download(
    "graphs/blogcatalog",
    f"https://raw.githubusercontent.com/phanein/deepwalk/{COMMIT}/example_graphs/",
    {FILE: "d4f4fb89ce1ccd4b7e2a183386c000773cc9362cc61f1be5b246a6d9c259da8f"},
)


def load() -> tuple[Graph, np.ndarray]:
    """The graph, and groups (10312, 39) of 0 and 1. Raises as `Download.path` does."""
    path = FILES.path(FILE)
    found = scipy.io.loadmat(io.BytesIO(unpacked(path.read_bytes(), FILES.sha256[FILE], path)))
    return Graph.from_scipy(found["network"]), found["group"].toarray().astype(np.float32)


def task(settings: LabelsSettings, network: Any) -> GraphTask:
    return labels_task(*load(), settings, network)


scenario = Scenario(
    name="blogcatalog",
    title="BlogCatalog: 10,312 bloggers and their friends, 39 groups, several each",
    task=task,
    settings=LabelsSettings,
    budget=Budget(evaluations=20_000),
    methods=("deepwalk", "node2vec", "netmf", "prone"),
    needs="1.3 MB, downloaded once (or EVO_DATA)",
    facts={"kind": "probability", "inputs": 20_624, "outputs": 39, "metric": "micro_f1", "size": "5,156 + 1,031 + 4,125"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("blogcatalog")
