"""Pairs of nodes: what tells whether an edge joins them, from the vectors of both or from whom both know.

Grover, Leskovec: node2vec: scalable feature learning for networks. KDD 2016, section 3.3, table 1: of two vectors the average,
the Hadamard product, the absolute and the squared difference.
Liben-Nowell, Kleinberg: The link-prediction problem for social networks. JASIST 58, 2007, section 3.1: common neighbours,
Jaccard's coefficient, Adamic and Adar, preferential attachment.
Zhou, Lue, Zhang: Predicting missing links via local information. European Physical Journal B 71, 2009: resource allocation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from numba import njit
from torch import Tensor

from evo.core import Model, Saved, counted
from evo.genomes.genome import offsets
from graphs.data import Graph
from graphs.scoring import log_odds, logistic_regressions


@runtime_checkable
class Pairs(Protocol):
    """A task whose examples are pairs of nodes, joined or not: pairs(x) gives the rows of `graph` (B, 2) that inputs x (B, 2)
    stand for; operator: how the vectors of two nodes are features of a pair, of OPERATORS."""

    graph: Graph
    operator: str

    def pairs(self, x: Tensor) -> np.ndarray: ...


if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.core import Examples, Task

    class PairsTask(Task, Examples, Pairs):
        """A task of examples that are pairs of nodes."""


# Of vectors u, v (B, D): features (B, F).
OPERATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "hadamard": lambda u, v: u * v,
    "average": lambda u, v: (u + v) / 2,
    "l1": lambda u, v: np.abs(u - v),
    "l2": lambda u, v: (u - v) ** 2,
    "dot": lambda u, v: (u * v).sum(1, keepdims=True),
    "cosine": lambda u, v: (of_length_one(u) * of_length_one(v)).sum(1, keepdims=True),
}
SCALARS = ("dot", "cosine")  # whose feature is one number
INDICES = ("common_neighbours", "jaccard", "adamic_adar", "resource_allocation", "preferential_attachment")


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Vectors (B, D) divided by their lengths; 0 stays 0."""
    lengths = np.sqrt((vectors**2).sum(1, keepdims=True))
    return vectors / np.where(lengths > 0, lengths, 1.0)


def indices(graph: Graph, pairs: np.ndarray) -> np.ndarray:
    """Of pairs of rows (B, 2) of an undirected graph: each of INDICES, (B, 5) float64. Edges count alike, whatever they weigh;
    one from a node to itself is none. An edge between the two is left out, so that they tell nothing of whether it is there."""
    ones, others = np.ones(len(graph.indices)), graph.sources != graph.indices
    edges = scipy.sparse.csr_array((ones[others], (graph.sources[others], graph.indices[others])), shape=(len(graph),) * 2)
    degree, joined = edges.sum(1), np.asarray(edges[pairs[:, 0], pairs[:, 1]]).ravel()
    both = edges[pairs[:, 0]].multiply(edges[pairs[:, 1]]).tocsr()
    u, v, count = degree[pairs[:, 0]] - joined, degree[pairs[:, 1]] - joined, both.sum(1)
    rare, share = 1 / np.log(np.maximum(degree, 2)), 1 / np.maximum(degree, 1)
    return np.stack([count, count / np.maximum(u + v - count, 1), both @ rare, both @ share, u * v], 1)


class PairModel(Model):
    """A logistic regression (F + 1, 1) on features of pairs as a Model: pairs (B, 2) of a task give logits (B, 2) float32, 0
    and the log-odds of an edge. weights None: it is fitted to the task's training split."""

    def __init__(self, task: PairsTask, weights: np.ndarray | None = None):
        self.task = task
        if weights is None:
            x, y = task.split("train")
            weights = logistic_regressions(self.features(task.pairs(x)), y.numpy()[:, None] > 0)
        self.weights = weights

    @abstractmethod
    def features(self, pairs: np.ndarray) -> np.ndarray:
        """Of pairs of rows (B, 2): (B, F) float64."""

    @property
    def parameters(self) -> int:
        return self.weights.size

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        x = torch.as_tensor(inputs, dtype=torch.float32).cpu()
        odds = log_odds(self.features(self.task.pairs(x)), self.weights)
        return torch.from_numpy(np.concatenate([np.zeros_like(odds), odds], 1).astype(np.float32))

    def figure(self) -> Figure:
        """How far apart edges and other pairs of the training split are (matplotlib Figure)."""
        from matplotlib.figure import Figure

        x, y = self.task.split("train")
        odds, joined = self(x)[:, 1].numpy(), y.numpy() > 0
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        axes.hist([odds[joined], odds[~joined]], bins=30, label=["edges", "other pairs"], hatch=["", "//"])
        axes.set(title=f"{counted(len(x), 'pair')} that train", xlabel="log-odds of an edge", ylabel="pairs")
        axes.legend()
        return figure


class VectorPairs(PairModel):
    """A PairModel of vectors (M, D) of all nodes, owners (M,) ascending. Where a node has several, that one counts whose cosine
    with one of the other node is the largest."""

    def __init__(self, task: PairsTask, vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray | None = None):
        self.vectors, self.owners = vectors, owners
        super().__init__(task, weights)

    def __repr__(self) -> str:
        return f"VectorPairs({counted(len(self.vectors), 'vector')}, {self.vectors.shape[1]} numbers each)"

    def features(self, pairs: np.ndarray) -> np.ndarray:
        first = offsets(np.bincount(self.owners))
        rows = np.empty(pairs.shape, np.int64)
        _nearest(of_length_one(self.vectors.astype(np.float64)), first, pairs, rows)
        u, v = self.vectors[rows].astype(np.float64).transpose(1, 0, 2)
        return OPERATORS[self.task.operator](u, v)

    @property
    def parameters(self) -> int:
        return self.vectors.size + self.weights.size

    def save(self) -> Saved:
        arrays = {"vectors": self.vectors, "owners": self.owners, "weights": self.weights}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, {"kind": "nodes"}


@njit(cache=True, nogil=True)
def _nearest(vectors, first, pairs, rows):
    """rows (B, 2): of each pair of nodes the vectors with the largest scalar product; of equals the first. Those of node u are
    first[u] .. first[u + 1] - 1."""
    for b in range(len(pairs)):
        most = -np.inf
        for i in range(first[pairs[b, 0]], first[pairs[b, 0] + 1]):
            for j in range(first[pairs[b, 1]], first[pairs[b, 1] + 1]):
                product = 0.0
                for d in range(vectors.shape[1]):
                    product += vectors[i, d] * vectors[j, d]
                if product > most:
                    most, rows[b, 0], rows[b, 1] = product, i, j
