"""Citeseer: 3,327 papers and who cites whom, 6 fields; a paper's features are which of 3,703 words it holds (Sen et al.:
Collective classification in network data. AI Magazine 29, 2008); downloaded once, split as of `scenarios.planetoid`."""

from typing import Any

from evo.core import Budget, Scenario
from graphs.task import GraphTask
from scenarios.datasets import Classification
from scenarios.planetoid import LEARNERS, Citations

PAPERS = Citations(
    name="citeseer",
    sha256=(
        "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
        "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
        "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
        "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
        "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
        "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
        "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
        "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    ),
)
CLASSES = [
    "Artificial intelligence",
    "Machine learning",
    "Information retrieval",
    "Databases",
    "Agents",
    "Human-computer interaction",
]


def task(settings: Classification, network: Any) -> GraphTask:
    return PAPERS.task(settings, network, CLASSES)


scenario = Scenario(
    name="citeseer",
    title="Citeseer: 3,327 papers and their citations, 6 fields, 20 papers of each train",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=60_000),
    methods=("gcn", "gat", "label-propagation", "linear", "random-search"),
    model={"network": "gcn"},
    learners=LEARNERS,
    needs="1.0 MB, downloaded once (or EVO_DATA)",
    facts={"kind": "classification", "inputs": 3703, "outputs": 6, "metric": "accuracy", "size": "120 + 500 + 1,000"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("citeseer")
