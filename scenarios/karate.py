"""Zachary's karate club (An information flow model for conflict and fission in small groups, 1977): 34 members, how many
contexts each two met in, and which of two clubs each joined when it split. From networkx; 60/20/20, stratified."""

from typing import Any

import networkx
import numpy as np

from evo.core import Budget, Scenario
from evo.tasks.targets import split
from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.datasets import Classification

CLUBS = ["Mr. Hi", "Officer"]


def task(settings: Classification, network: Any) -> GraphTask:
    club = networkx.karate_club_graph()
    y = np.array([CLUBS.index(club.nodes[member]["club"]) for member in club])
    graph = Graph.from_networkx(club)
    return GraphTask(graph, y, split(y), kind="classification", classes=CLUBS, network=network, **vars(settings))


scenario = Scenario(
    name="karate",
    title="34 members of a karate club and who met whom, 2 clubs",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=20_000),
    methods=("deepwalk", "node2vec", "linear", "random-search"),
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("karate")
