"""BlogCatalog: 10,312 bloggers, who is whose friend, and which of 39 groups each is in (Tang, Liu: Relational learning via
latent social dimensions. KDD 2009); downloaded once, from DeepWalk's repository.

A share of the nodes trains, a tenth validates, the rest is for the test; all are drawn at random. With 0.5 a training split is
that of the column "50 %" of published tables.
"""

import io
from typing import Any

import numpy as np
import scipy.io

from evo import rng
from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.metrics import METRICS
from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.downloads import Download, unpacked

COMMIT = "6e6dff245e4692e9bea47e9017c1034e51afbf29"
FILE = "blogcatalog.mat"
FILES = Download(
    "graphs/blogcatalog",
    f"https://raw.githubusercontent.com/phanein/deepwalk/{COMMIT}/example_graphs/",
    {FILE: "d4f4fb89ce1ccd4b7e2a183386c000773cc9362cc61f1be5b246a6d9c259da8f"},
)


@settings
class BlogCatalogSettings:
    train: float = setting(0.5, "share of the nodes that train", low=0.01, high=0.85)
    split: int = setting(0, "which random split", low=0)
    fitness: str = setting("cross_entropy", "fitness to maximise; losses are negated", choices=METRICS["probability"])
    solved: float | None = setting(None, "micro_f1 on validation at which the task is solved; none: undefined")
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def load() -> tuple[Graph, np.ndarray]:
    """The graph, and groups (10312, 39) of 0 and 1. Raises as `Download.path` does."""
    path = FILES.path(FILE)
    found = scipy.io.loadmat(io.BytesIO(unpacked(path.read_bytes(), FILES.sha256[FILE], path)))
    return Graph.from_scipy(found["network"]), found["group"].toarray().astype(np.float32)


def task(settings: BlogCatalogSettings, network: Any) -> GraphTask:
    graph, groups = load()
    order = rng.permutation(settings.split, 0, 0, rng.SPLIT, len(graph))
    ends = [int(settings.train * len(graph)), int((settings.train + 0.1) * len(graph))]
    parts = tuple(np.split(order, ends))
    values = dict(fitness=settings.fitness, solved=settings.solved, stop=settings.stop)
    return GraphTask(graph, groups, parts, kind="probability", network=network, **values)


scenario = Scenario(
    name="blogcatalog",
    title="BlogCatalog: 10,312 bloggers and their friends, 39 groups, several each",
    task=task,
    settings=BlogCatalogSettings,
    budget=Budget(evaluations=20_000),
    methods=("deepwalk", "node2vec", "netmf", "prone"),
    needs="1.3 MB, downloaded once (or EVO_DATA)",
    facts={"kind": "probability", "inputs": 20_624, "outputs": 39, "metric": "micro_f1", "size": "5,156 + 1,031 + 4,125"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("blogcatalog")
