"""PPI: 3,890 human proteins, which of them bind, and which of 50 sets of genes each is in, several each (Grover, Leskovec:
node2vec. KDD 2016: a part of BioGRID, and MSigDB's hallmark sets); downloaded once.

A share of the proteins trains, a tenth validates, the rest is for the test; all are drawn at random.
"""

from typing import Any

import numpy as np

from evo.core import Budget, Scenario
from graphs.data import Graph
from graphs.task import GraphTask
from scenarios.published import PPI, LabelsSettings, labels_task


def load() -> tuple[Graph, np.ndarray]:
    """The graph, and sets (3890, 50) of 0 and 1. Raises as `Published.graph`."""
    graph, lines = PPI.graph(), PPI.lines("PPI.cmty")
    members = np.zeros((len(graph), len(lines)), np.float32)
    for label, line in enumerate(lines):
        members[[int(node) for node in line.split()], label] = 1
    return graph, members


def task(settings: LabelsSettings, network: Any) -> GraphTask:
    return labels_task(*load(), settings, network)


scenario = Scenario(
    name="ppi",
    title="PPI: 3,890 proteins and which bind, 50 sets of genes, several each",
    task=task,
    settings=LabelsSettings,
    budget=Budget(evaluations=20_000),
    methods=("deepwalk", "node2vec", "netmf", "prone"),
    needs="0.4 MB, downloaded once (or EVO_DATA)",
    facts={"kind": "probability", "inputs": 7_780, "outputs": 50, "metric": "micro_f1", "size": "1,945 + 389 + 1,556"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("ppi")
