"""Vectors of nodes from random walks: DeepWalk, node2vec, Walklets, Diff2Vec.

Perozzi, Al-Rfou, Skiena: DeepWalk: online learning of social representations. KDD 2014.
Grover, Leskovec: node2vec: scalable feature learning for networks. KDD 2016.
Perozzi, Kulkarni, Chen, Skiena: Don't walk, skip! Online learning of multi-scale network embeddings. ASONAM 2017.
Rozemberczki, Sarkar: Fast sequence-based embedding with diffusion graphs. CompleNet 2018.

In scikit-learn's manner: settings to the constructor, then `fit(graph)`, which sets `embedding_` (N, D) float32, a row a node,
and `ids_`, the nodes' ids in that order. What is learned is a vector for each node of this graph: a node that comes later has
none.
Isolated nodes keep the small random vectors that they begin with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from evo import rng
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from graphs.data import Graph
from graphs.diffusion import diffusion_circuits
from graphs.skipgram import train
from graphs.walks import random_walks


class Embedding(ABC):
    """A method that gives each node of a graph a vector. settings: the dataclass of its settings, which the constructor takes
    by name; options: those in force. The same graph, settings and seed give the same bytes, on any number of threads."""

    settings: ClassVar[type]
    embedding_: np.ndarray
    ids_: Sequence[Hashable]

    def __init__(self, *, seed: int = 0, **values: Value):
        """Raises SettingsError, a ValueError, for a setting out of its range, and for one that is none."""
        self.options, self.seed = type(self).settings(**values), rng.checked(seed)

    def fit(self, graph: object) -> Self:
        """Learns the vectors of a graph: whatever `Graph.of` takes. Raises ValueError for a graph of one node, and for vectors
        that diverge: all pairs of a window add up, so that a rate of .1 can be too much."""
        graph = Graph.of(graph)
        if len(graph) < 2:
            raise ValueError("expected a graph of at least two nodes; got 1 node")
        self.embedding_, self.ids_ = self._vectors(graph, self.options), graph.ids
        return self

    def fit_transform(self, graph: object) -> np.ndarray:
        """Fits, and gives the vectors (N, D) float32."""
        return self.fit(graph).embedding_

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Vectors (M, D) float32 of which a node may have several, and the row of the node of each (M,) int64, ascending; one a
        node, the default."""
        return self.embedding_, np.arange(len(self.embedding_))

    @abstractmethod
    def _vectors(self, graph: Graph, options: Any) -> np.ndarray: ...


@settings
class SkipGramSettings:
    dimension: int = setting(128, "numbers of a node's vector", low=1, source="Perozzi et al. 2014, section 5.2")
    window: int = setting(10, "largest distance on a walk of two nodes that are a pair", low=1, search=Choice(2, 5, 10))
    hierarchical: bool = setting(True, "softmax over a Huffman tree", source="Perozzi et al. 2014, section 4.2.2")
    negative: int = setting(0, "negatives of a window; with the tree, both losses are added", low=0, search=Choice(0, 5))
    epochs: int = setting(1, "times that the walks are learned from", low=1)
    learning_rate: float = setting(0.025, "first learning rate; it falls linearly", above=0.0, search=Log(0.005, 0.05))

    def contradictions(self) -> list[str]:
        return NO_LOSS * (not self.hierarchical and not self.negative)


NO_LOSS = ["hierarchical=false and negative=0 leave no loss: set one of them"]


@settings
class DeepWalkSettings(SkipGramSettings):
    walks_per_node: int = setting(80, "walks that start at each node", low=1, source="Perozzi et al. 2014, section 5.2")
    walk_length: int = setting(40, "nodes of a walk", low=2, source="Perozzi et al. 2014, section 5.2")


class DeepWalk(Embedding):
    """Uniform walks (by weight where there are weights), and skip-gram with a hierarchical softmax."""

    settings = DeepWalkSettings

    def _vectors(self, graph: Graph, options: DeepWalkSettings) -> np.ndarray:
        walks = random_walks(graph, walks_per_node=options.walks_per_node, length=options.walk_length, seed=self.seed)
        return by_skipgram(walks, len(graph), options, self.seed)


@settings
class Node2VecSettings(DeepWalkSettings):
    p: float = setting(1.0, "return parameter: a low one goes back", above=0.0, search=Choice(0.25, 0.5, 1.0, 2.0, 4.0))
    q: float = setting(1.0, "in-out parameter: a low one goes away", above=0.0, search=Choice(0.25, 0.5, 1.0, 2.0, 4.0))
    walks_per_node: int = setting(10, "walks that start at each node", low=1, source="Grover, Leskovec 2016, section 4.3")
    walk_length: int = setting(80, "nodes of a walk", low=2, source="Grover, Leskovec 2016, section 4.3")
    hierarchical: bool = setting(False, "softmax over a Huffman tree")
    negative: int = setting(5, "negatives of a window", low=0, source="Grover, Leskovec 2016, section 3.1")


class Node2Vec(Embedding):
    """Walks of second order, and skip-gram with negatives."""

    settings = Node2VecSettings

    def _vectors(self, graph: Graph, options: Node2VecSettings) -> np.ndarray:
        count, length = options.walks_per_node, options.walk_length
        walks = random_walks(graph, walks_per_node=count, length=length, p=options.p, q=options.q, seed=self.seed)
        return by_skipgram(walks, len(graph), options, self.seed)


@settings
class WalkletsSettings(DeepWalkSettings):
    dimension: int = setting(16, "numbers of each scale; a node's vector has scales times as many", low=1)
    scales: int = setting(5, "scales: pairs at a distance of 1, 2, ... on a walk", low=1, source="Perozzi et al. 2017")
    walks_per_node: int = setting(5, "walks that start at each node", low=1)
    walk_length: int = setting(80, "nodes of a walk", low=2)
    window: int = setting(1, "largest distance on a walk, of which a scale keeps every k-th node", low=1)
    hierarchical: bool = setting(False, "softmax over a Huffman tree")
    negative: int = setting(5, "negatives of a window", low=0)


class Walklets(Embedding):
    """For each scale k vectors of nodes that are k steps apart on walks, one behind the other: from near to far."""

    settings = WalkletsSettings

    def _vectors(self, graph: Graph, options: WalkletsSettings) -> np.ndarray:
        walks = random_walks(graph, walks_per_node=options.walks_per_node, length=options.walk_length, seed=self.seed)
        scales = [_skipped(walks, k) for k in range(1, options.scales + 1)]
        return np.concatenate([by_skipgram(every, len(graph), options, self.seed) for every in scales], axis=1)


@settings
class Diff2VecSettings(SkipGramSettings):
    circuits_per_node: int = setting(
        10, "trees that spread from each node", low=1, source="Rozemberczki, Sarkar 2018, section 4"
    )
    size: int = setting(80, "nodes of a tree; of a smaller component all", low=2, source="Rozemberczki, Sarkar 2018, section 4")
    hierarchical: bool = setting(False, "softmax over a Huffman tree")
    negative: int = setting(5, "negatives of a window", low=0)


class Diff2Vec(Embedding):
    """Circuits around trees that spread from each node, and skip-gram with negatives. A directed graph counts as undirected."""

    settings = Diff2VecSettings

    def _vectors(self, graph: Graph, options: Diff2VecSettings) -> np.ndarray:
        count, size = options.circuits_per_node, options.size
        circuits = diffusion_circuits(graph, circuits_per_node=count, size=size, seed=self.seed)
        return by_skipgram(circuits, len(graph), options, self.seed)


def _skipped(walks: np.ndarray, k: int) -> np.ndarray:
    """Every k-th node of walks (W, L), from each of the first k on: (k W, ceil(L / k)), filled up with -1."""
    length = -(-walks.shape[1] // k)
    filled = np.full((len(walks), length * k), -1, np.int32)
    filled[:, : walks.shape[1]] = walks
    return np.ascontiguousarray(filled.reshape(len(walks), length, k).transpose(0, 2, 1)).reshape(-1, length)


def by_skipgram(walks: np.ndarray, nodes: int, options: Any, seed: int, **more: Any) -> np.ndarray:
    """Vectors (nodes, D) by skip-gram on walks (W, L); options: those of SkipGramSettings, more: as of `skipgram.train`. Raises
    ValueError for vectors that diverge."""
    named = ("dimension", "window", "negative", "hierarchical", "epochs", "learning_rate")
    vectors = train(walks, nodes, seed=seed, **{name: getattr(options, name) for name in named}, **more)
    if not np.isfinite(vectors).all():
        rate, window = options.learning_rate, options.window
        raise ValueError(f"the vectors diverge: expected a lower learning_rate or window; got {rate:g} and {window}")
    return vectors
