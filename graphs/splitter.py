"""Several vectors a node, one for each of its personas: Splitter.

Epasto, Perozzi: Is a single embedding enough? Learning node representations that capture multiple social contexts. WWW 2019:

    1. the graph of personas (section 3.1; `graphs.personas`: the ego-nets' connected components)
    2. vectors of the nodes, by DeepWalk
    3. vectors of the personas, which begin with those of their nodes (section 3.3), by skip-gram on walks over the personas'
       graph; each persona on a walk also predicts its node, at lambda times the rate (equation 5)

As in the authors' code, personas and nodes are predicted by one softmax, and two nodes are as near as the nearest of their
personas, by the cosine.
"""

from __future__ import annotations

import numpy as np

from evo.settings import setting, settings
from evo.space import Choice, Log
from graphs.data import Graph
from graphs.embeddings import DeepWalkSettings, Embedding, by_skipgram
from graphs.personas import split_nodes
from graphs.walks import random_walks


@settings
class SplitterSettings(DeepWalkSettings):
    window: int = setting(5, "largest distance on a walk of two nodes that are a pair", low=1, search=Choice(2, 5, 10))
    walks_per_node: int = setting(10, "walks that start at each node, and at each persona", low=1)
    epochs: int = setting(10, "times that the walks are learned from", low=1, source="the authors' code")
    strength: float = setting(
        0.1,
        "lambda: how much a persona is to predict its node; 0: not at all",
        low=0.0,
        source="Epasto, Perozzi 2019, section 3.3",
        search=Log(0.01, 1.0),
    )


class Splitter(Embedding):
    """DeepWalk of a graph whose nodes are split into personas, each of which is to stay near its node.

    persona_embedding_ (M, D) float32: a row a persona; personas_ (M,) int64: the row of its node, ascending. embedding_ (N, D):
    the mean of a node's personas, each of which counts as many times as it has edges.
    """

    settings = SplitterSettings
    personas_: np.ndarray
    persona_embedding_: np.ndarray

    def _vectors(self, graph: Graph, options: SplitterSettings) -> np.ndarray:
        split, owners = split_nodes(graph)
        counts = dict(walks_per_node=options.walks_per_node, length=options.walk_length, seed=self.seed)
        base = by_skipgram(random_walks(graph, **counts), len(graph), options, self.seed)
        own = dict(start=base[owners], anchors=len(owners) + owners, strength=options.strength)
        vectors = by_skipgram(random_walks(split, **counts), len(owners) + len(graph), options, self.seed, **own)
        self.personas_, self.persona_embedding_ = owners, vectors[: len(owners)]
        shares, sums = np.maximum(split.degrees, 1), np.zeros((len(graph), vectors.shape[1]))
        np.add.at(sums, owners, shares[:, None] * self.persona_embedding_)
        return (sums / np.bincount(owners, shares)[:, None]).astype(np.float32)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        return self.persona_embedding_, self.personas_
