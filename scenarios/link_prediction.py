"""Link prediction (Grover, Leskovec: node2vec. KDD 2016): half of a graph's edges are taken out, and methods that see the
others tell them from pairs that no edge joins. A graph of networkx, or one that is downloaded once.

`les_miserables`: 77 characters of the novel, and in how many chapters two of them meet (Knuth: The Stanford GraphBase, 1993).
The others: `scenarios.published`.
"""

from typing import Any

import networkx

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.metrics import METRICS
from graphs.data import Graph
from graphs.links import LinkTask
from graphs.pairs import OPERATORS
from scenarios.datasets import Classification
from scenarios.published import EMAIL, LASTFM, PPI

GRAPHS = {
    "les_miserables": lambda: Graph.from_networkx(networkx.les_miserables_graph()),
    "lastfm": LASTFM.graph,
    "ppi": PPI.graph,
    "email_eu_core": EMAIL.graph,
}


@settings
class LinkSettings(Classification):
    metric: str = setting("auc", "the reported metric; auc: area under the ROC curve", choices=METRICS["classification"])
    graph: str = setting("les_miserables", "which graph; all but the first are downloaded once", choices=GRAPHS)
    held_out: float = setting(0.5, "share of the edges taken out; a fifth of them validates", above=0.0, below=1.0)
    split: int = setting(0, "which edges are taken out, at random", low=0)
    operator: str = setting("hadamard", "how the vectors of two nodes are features of the pair", choices=OPERATORS)
    width: int = setting(16, "numbers that a network gives a node, whose scalar product with another's tells of an edge", low=1)


def task(settings: LinkSettings, network: Any) -> LinkTask:
    values = dict(vars(settings))
    return LinkTask(GRAPHS[values.pop("graph")](), network=network, **values)


scenario = Scenario(
    name="link_prediction",
    title="half of a graph's edges, to be told from pairs without one (--set task.graph=lastfm, ppi, email_eu_core)",
    task=task,
    settings=LinkSettings,
    budget=Budget(evaluations=20_000),
    methods=("common-neighbours", "deepwalk", "node2vec", "linear", "random-search"),
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("link_prediction")
