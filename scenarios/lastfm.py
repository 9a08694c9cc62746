"""Last.fm: 7,624 users in Asia, who follows whom mutually, and which of 18 countries each is in (Rozemberczki, Sarkar:
Characteristic functions on graphs. CIKM 2020); downloaded once, split 60/20/20, stratified."""

from typing import Any

import numpy as np

from evo.core import Budget, Scenario
from evo.tasks.targets import split
from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.datasets import Classification
from scenarios.published import LASTFM

COUNTRIES = 18  # the file numbers them, and does not name them


def load() -> tuple[Graph, np.ndarray]:
    """The graph, and countries (7624,) by number. Raises as `Published.graph`."""
    rows = np.array([line.split(",") for line in LASTFM.lines("target.csv")[1:]], np.int64)
    return LASTFM.graph(), rows[np.argsort(rows[:, 0]), 1]


def task(settings: Classification, network: Any) -> GraphTask:
    graph, y = load()
    return GraphTask(graph, y, split(y), kind="classification", network=network, **vars(settings))


scenario = Scenario(
    name="lastfm",
    title="Last.fm: 7,624 users in Asia and who follows whom, 18 countries",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=20_000),
    methods=("deepwalk", "node2vec", "netmf", "label-propagation"),
    needs="0.3 MB, downloaded once (or EVO_DATA)",
    facts={
        "kind": "classification",
        "inputs": 15_248,
        "outputs": COUNTRIES,
        "metric": "accuracy",
        "size": "4,575 + 1,523 + 1,526",
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("lastfm")
