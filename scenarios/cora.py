"""Cora: 2,708 papers on machine learning and who cites whom, 7 fields; a paper's features are which of 1,433 words it holds
(Sen et al.: Collective classification in network data. AI Magazine 29, 2008); downloaded once, split as of
`scenarios.planetoid`."""

from typing import Any

from evo.core import Budget, Scenario
from graphs.task import GraphTask
from scenarios.datasets import Classification
from scenarios.planetoid import LEARNERS, Citations

PAPERS = Citations(
    name="cora",
    sha256=(
        "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
        "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
        "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
        "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
        "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
        "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
        "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
        "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    ),
)
CLASSES = [
    "Theory",
    "Reinforcement learning",
    "Genetic algorithms",
    "Neural networks",
    "Probabilistic methods",
    "Case-based",
    "Rule learning",
]


def task(settings: Classification, network: Any) -> GraphTask:
    return PAPERS.task(settings, network, CLASSES)


scenario = Scenario(
    name="cora",
    title="Cora: 2,708 papers and their citations, 7 fields, 20 papers of each train",
    task=task,
    settings=Classification,
    budget=Budget(evaluations=60_000),
    methods=("gcn", "gat", "label-propagation", "linear", "random-search"),
    model={"network": "gcn"},
    learners=LEARNERS,
    needs="0.6 MB, downloaded once (or EVO_DATA)",
    facts={"kind": "classification", "inputs": 1433, "outputs": 7, "metric": "accuracy", "size": "140 + 500 + 1,000"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("cora")
