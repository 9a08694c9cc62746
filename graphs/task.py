"""Nodes of a graph as examples, with features or without: the graph is known whole, labels are those of the training nodes.

Yang, Cohen, Salakhutdinov: Revisiting semi-supervised learning with graph embeddings. ICML 2016, section 2: transductive
learning. Validation nodes choose a champion; the labels of test nodes are scored once, at the end.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import networkx
import numpy as np
import numpy.typing as npt
import scipy.sparse
from torch import Tensor, nn

from evo.core import Metric, Model, Score, counted
from evo.tasks.supervised import SupervisedTask
from evo.vectors.modules import MLP
from graphs.data import Graph
from graphs.models import on_nodes
from graphs.neighbourhoods import NodeData
from graphs.scoring import f1, likely, top


class GraphTask(SupervisedTask):
    """Labels of nodes to be learned, by networks that read the graph (`graphs.models`) or features alone. Features X (N, F) of
    the nodes are those given; without them, which node one is, one-hot, and behind it its row of the adjacency matrix, 0 or 1
    each (N, 2 N).

    An input is the number of a node (B, 1), which `features` turns into rows of X for methods that know nothing of graphs; of a
    graph of at most 1,000 nodes without features it is the row itself, (B, 2 N).

    graph: of N nodes, as `Graph.of` takes it; y: classes (N,), or labels (N, O) of 0 and 1, those of nodes in no part are of no
    account; parts: rows of train, validation and test; features: an array or a sparse matrix (N, F); rest: as of
    SupervisedTask. Where a node may have several labels (kind "probability"), the metric is micro_f1 (`graphs.scoring`).
    Raises ValueError for a node of two parts or that the graph lacks, for parts that are no rows, for features or labels of
    another number of nodes, or that are not finite, and for one class only.
    """

    def __init__(
        self,
        graph: Graph | networkx.Graph | scipy.sparse.sparray | Tensor,
        y: npt.ArrayLike,
        parts: Sequence[npt.ArrayLike],
        features: npt.ArrayLike | scipy.sparse.sparray | None = None,
        *,
        network: Callable[..., nn.Module] = MLP,
        **rest: Any,
    ):
        self.graph = graph = Graph.of(graph)
        y, chosen = np.asarray(y), tuple(np.asarray(part) for part in parts)
        _check(graph, y, chosen, rest.get("kind"))
        self.data = NodeData(graph, features)
        self.numbered = "node" if self.data.numbered else ""
        rows, made = self.data.inputs, partial(on_nodes, network, self.data)
        super().__init__(*((rows[part], y[part]) for part in chosen), network=made, **rest)
        if self.kind == "probability":
            self.metric = Metric("micro_f1")

    off_card = "networks of a graph run on cores"

    def nodes(self, x: Tensor) -> np.ndarray:
        """The rows of the graph that inputs (B, I) stand for."""
        return self.data.nodes(x)

    def features(self, x: Tensor) -> Tensor:
        """The rows of X (B, F) float32 that inputs (B, I) stand for."""
        return self.data.rows(x)

    def with_network(self, network: Callable[..., nn.Module]) -> Self:
        """The same task with another network."""
        other = copy.copy(self)
        other._network = partial(on_nodes, network, self.data)
        return other

    def diagnostics(self, model: Model) -> dict[str, object] | None:
        """None where an input is a number, which has no noise and no gaps; else as of SupervisedTask."""
        return None if self.numbered else super().diagnostics(model)

    def _scored(self, outputs: Tensor, y: Tensor) -> Score:
        """As of SupervisedTask; for labels also micro_f1 and macro_f1, of as many of the likeliest as the node truly has, and
        micro_f1_honest and macro_f1_honest, which do not know that number."""
        found = super()._scored(outputs, y)
        if self.kind != "probability":
            return found
        chances, truth = outputs.double().cpu().numpy(), y.numpy() > 0.5
        guesses = {"": top(chances, truth.sum(1)), "_honest": likely(chances)}
        for name, guess in guesses.items():
            values = f1(truth, guess) if np.isfinite(chances).all() else (np.nan, np.nan)
            found |= {f"micro_f1{name}": values[0], f"macro_f1{name}": values[1]}
        return found


def _check(graph: Graph, y: np.ndarray, parts: tuple[np.ndarray, ...], kind: str | None) -> None:
    if y.ndim < 1 or len(y) != len(graph):
        raise ValueError(f"y: expected labels of {counted(len(graph), 'node')}; got shape {y.shape}")
    if y.dtype.kind not in "biuf":
        raise ValueError(f"y: expected numbers; got {y.dtype}: classes, y = np.unique(y, return_inverse=True) numbers them")
    if not 1 <= len(parts) <= 3 or any(part.ndim != 1 or part.dtype.kind not in "iu" for part in parts):
        given = ", ".join(f"{part.dtype} {part.shape}" for part in parts) or "nothing"
        raise ValueError(
            f"parts: expected rows of train, validation and test, whole numbers; got {given}; np.flatnonzero(mask) gives those "
            "of a mask"
        )
    nodes = np.concatenate(parts)
    if nodes.min(initial=0) < 0 or nodes.max(initial=0) >= len(graph):
        raise ValueError(f"parts: expected rows 0 .. {len(graph) - 1} of the graph; got {nodes.min()} .. {nodes.max()}")
    kept, times = np.unique(nodes, return_counts=True)
    if times.max(initial=1) > 1:
        raise ValueError(f"parts: node {kept[times.argmax()]} stands {times.max()} times; a node is of one part, once")
    if kind == "classification" and len(kept) and (y[nodes] == y[nodes[0]]).all():
        raise ValueError(f"y: expected at least two classes; that of every node in a part is {y[nodes[0]]}")
