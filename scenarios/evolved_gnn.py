"""Evolve graph networks: which kind, how deep and wide, and how it is trained, on a citation network.

A point is a design in a typed space: the kind of layers (how neighbours are aggregated), layers, width, dropout, rate and
l2. It is worth the accuracy on the validation nodes that a network so designed reaches in `epochs` epochs of gradient descent
on the training nodes (as Gao et al.: Graph neural architecture search. IJCAI 2020, evaluate designs), in the mean over `inits`
initialisations, the same ones for all designs of a run. The test nodes choose nothing: when all is over the design is trained
`finals` times more, from initialisations that the search never had, and the mean of their accuracies is reported.

    evo run evolved_gnn -m de -m ga -m random-search --seeds 10
    evo run evolved_gnn -m de --set 'task.kinds=["gcn"]'        a GCN alone, at as many trainings

A sample is an epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.core import Budget, Evaluation, Metric, Model, Scenario, Score
from evo.settings import setting, settings
from evo.space import Choice, Integer, Log, Real, Space, Values
from evo.tasks.function import FunctionTask
from graphs import recipes
from graphs.task import GraphTask
from scenarios import citeseer, cora
from scenarios.datasets import Classification

KINDS = ("gcn", "sage", "gat", "gin", "sgc", "appnp")
GRAPHS = {"cora": cora, "citeseer": citeseer}
INITS = 1_000  # between the first initialisations of two seeds
FINAL = 1_000_000  # from the first of a search to the first of its test


@settings
class EvolvedGNNSettings:
    graph: str = setting("cora", "the citation network", choices=GRAPHS)
    kinds: tuple[str, ...] = setting(KINDS, "kinds of networks that designs may be of", choices=KINDS)
    epochs: int = setting(100, "of training, for each design", low=1)
    inits: int = setting(1, "initialisations that a design is judged on", low=1, high=INITS)
    finals: int = setting(10, "trainings of the design that was found, for the test", low=1, high=INITS)
    stop: str = setting("budget", "a design solves nothing: the whole budget is spent", choices=("budget",))


def space(kinds: tuple[str, ...]) -> Space:
    return Space(
        kind=Choice(*kinds),
        layers=Integer(1, 3),
        width=Choice(8, 16, 32, 64, 128),
        dropout=Real(0.0, 0.8),
        learning_rate=Log(1e-3, 0.2),
        l2=Log(1e-6, 1e-2),
    )


class DesignTask(FunctionTask):
    """Designs (P, 6) of networks for the nodes of a graph. nodes: the GraphTask they are trained on."""

    def __init__(self, nodes: GraphTask, options: EvolvedGNNSettings, seed: int = 0):
        super().__init__(self._judged, space=space(options.kinds), stop=options.stop)
        self.nodes, self.options, self.seed, self.metric = nodes, options, seed, Metric("accuracy")

    def for_seed(self, seed: int) -> DesignTask:
        """With initialisations of its own."""
        return DesignTask(self.nodes, self.options, seed)

    def trained(self, design: dict[str, Any], init: int) -> tuple[Model, float]:
        """A network of this design, as it was after the epoch with the best loss on validation, and its accuracy there."""
        recipe, chosen = getattr(recipes, design["kind"]), built(design)
        learner = recipe(self.nodes, chosen, init)
        for _ in range(self.options.epochs):
            learner.step()
            if learner.finished is not None:
                break
        model = learner.champion()
        score = self.nodes.score(model, "validation")
        assert score is not None
        return model, score["accuracy"]

    def worth(self, design: dict[str, Any]) -> float:
        """The mean accuracy on validation over the initialisations of the search."""
        inits = [self.seed * INITS + k for k in range(self.options.inits)]
        return float(np.mean([self.trained(design, init)[1] for init in inits]))

    def _judged(self, values: Values) -> np.ndarray:
        designs = [dict(zip(values, row)) for row in zip(*values.values())]
        return np.array([self.worth(design) for design in designs])

    def evaluate(self, phenotypes: np.ndarray, seeds: np.ndarray) -> Evaluation:
        """As of FunctionTask; samples: the epochs of each."""
        found = super().evaluate(phenotypes, seeds)
        spent = np.full(len(found.fitness), self.options.epochs * self.options.inits)
        return Evaluation(found.fitness, samples=spent, nonfinite=found.nonfinite)

    def score(self, model: Model, split: str) -> Score | None:
        """validation: what the search maximises. test: the mean "accuracy" over the final trainings, "low" and "high", the
        extremes, and their number "n"."""
        assert self.space is not None
        design = dict(self.space.decode(np.asarray(model([]))))
        if split == "validation":
            value = self.worth(design)
            return {"fitness": value, "accuracy": value}
        if split != "test":
            return None
        inits = [FINAL + self.seed * INITS + k for k in range(self.options.finals)]
        scores = [self.nodes.score(self.trained(design, init)[0], "test") for init in inits]
        found = [score["accuracy"] for score in scores if score is not None]
        mean = float(np.mean(found))
        return {"fitness": mean, "accuracy": mean, "low": min(found), "high": max(found), "n": len(found)}


def built(design: dict[str, Any]) -> Any:
    """The settings of a design's recipe; all layers but the last are hidden, and what takes steps takes as many as there are
    layers (SGC) or its paper's (APPNP)."""
    kind, hidden = str(design["kind"]), (int(design["width"]),) * (int(design["layers"]) - 1)
    rates = {name: float(design[name]) for name in ("learning_rate", "l2")}
    chosen: dict[str, Any] = {**rates, "epochs": None, "patience": None}
    if kind == "sgc":
        return recipes.sgc.settings(hops=int(design["layers"]), **chosen)
    chosen |= {"dropout": float(design["dropout"]), "hidden": hidden}
    if kind == "gat":
        heads = recipes.gat.settings().heads
        chosen["hidden"] = tuple(units // heads for units in hidden)
    return getattr(recipes, kind).settings(**chosen)


def task(settings: EvolvedGNNSettings, network: object) -> DesignTask:
    data = GRAPHS[settings.graph]
    nodes = data.PAPERS.task(Classification(stop="budget"), recipes.gcn.network, data.CLASSES)
    return DesignTask(nodes, settings)


scenario = Scenario(
    name="evolved_gnn",
    title="designs of graph networks for Cora or Citeseer: kind, layers, width and training",
    task=task,
    settings=EvolvedGNNSettings,
    budget=Budget(evaluations=200),
    methods=("de", "ga", "random-search"),
    model={},
    learners={name: {"population_size": 20} for name in ("de", "ga", "random-search")},
    needs="0.6 MB, downloaded once (or EVO_DATA)",
    facts={"kind": "function", "inputs": 6, "outputs": 0, "metric": "accuracy", "size": "140 + 500 + 1,000"},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("evolved_gnn")
