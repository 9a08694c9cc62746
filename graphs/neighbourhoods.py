"""What networks on a graph read: features of nodes, and who is next to whom around the nodes that are asked for.

A network of L layers needs of the graph what lies within L steps of the nodes that it is asked for, and no more: with S_L those
nodes and S_(l-1) = S_l and all neighbours of S_l, layer l takes values of S_(l-1) and gives values of S_l. Degrees are those of
the whole graph, so the outputs are those of the whole graph too.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch import Tensor

from evo.core import counted
from graphs.data import Graph
from graphs.products import Pattern, sums

ROWS = 1000  # nodes of a graph without features whose inputs are rows of its adjacency matrix, at most
MOST = 2**24  # nodes whose numbers float32 tells apart
KEPT = 8  # neighbourhoods, the last that were made


@dataclass(frozen=True)
class Features:
    """Sparse features of n nodes: entry e of `pattern` (n, F) is values[e], (nnz,) float32."""

    pattern: Pattern
    values: Tensor

    def __len__(self) -> int:
        return len(self.pattern)

    def __matmul__(self, weight: Tensor) -> Tensor:
        """(n, F) @ (F, K) -> (n, K)."""
        return sums(self.values[:, None], weight[:, None], self.pattern)[:, 0]


Values = Tensor | Features


class Block(NamedTuple):
    """From values of n nodes to values of m among them. pattern (m, n): each node's neighbours and itself; own (m,): where
    among the n the m stand; the weights of the entries (nnz, 1), float32:

        sym    w_ij / sqrt(d_i d_j), with the degrees d of A + I     (Kipf, Welling 2017)
        mean   w_ij / the sum of the neighbours' w_ij, itself 0
        total  w_ij, itself 1
    """

    pattern: Pattern
    own: Tensor
    sym: Tensor
    mean: Tensor
    total: Tensor


class Neighbourhood(NamedTuple):
    """The features of S_0, and a Block for each layer."""

    x: Values
    blocks: tuple[Block, ...]


class NodeData:
    """A graph and the features x (N, F) of its nodes, compressed sparse rows of float32. It never changes, so that copies of a
    network share it. Directions of edges are of no account, as of `Graph.undirected`. A node that is its own neighbour in
    the graph keeps that edge's weight; each other gets an edge to itself, of weight 1.

    features: an array or a sparse matrix; None: which node one is, one-hot, and behind it its row of the adjacency matrix, 0 or
    1 each (N, 2 N). numbered: whether an input is the number of a node (B, 1); else it is the features themselves, (B, 2 N).
    Raises ValueError for another number of rows, for numbers that are not finite, and for more than 16,777,216 nodes.
    """

    def __init__(self, graph: Graph, features: npt.ArrayLike | scipy.sparse.sparray | None = None):
        self.numbered = features is not None or len(graph) > ROWS
        if len(graph) > MOST:
            raise ValueError(f"expected at most {MOST:,} nodes, whose numbers float32 tells apart; got {len(graph):,}")
        if features is None:
            features = scipy.sparse.hstack([scipy.sparse.eye_array(len(graph)), graph.to_scipy() != 0])
        self.graph, self.x = graph, scipy.sparse.csr_array(features, dtype=np.float32)
        if self.x.ndim != 2 or self.x.shape[0] != len(graph):
            raise ValueError(f"features: expected a row for each of {counted(len(graph), 'node')}; got shape {self.x.shape}")
        if not np.isfinite(self.x.data).all():
            raise ValueError("features: expected finite numbers; got NaN or infinite ones")
        self._kept: OrderedDict[tuple[bytes, int], Neighbourhood] = OrderedDict()

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __getstate__(self) -> dict[str, object]:
        return {"graph": self.graph, "x": self.x, "numbered": self.numbered, "_kept": OrderedDict()}

    @property
    def inputs(self) -> np.ndarray:
        """Inputs (N, I) float32 that stand for the nodes."""
        return np.arange(len(self.graph), dtype=np.float32)[:, None] if self.numbered else self.x.toarray()

    def nodes(self, x: Tensor) -> np.ndarray:
        """The rows of the graph that inputs (B, I) stand for. Raises ValueError for what is no number of a node."""
        x = torch.as_tensor(x)
        if not self.numbered:
            return x[:, : len(self.graph)].argmax(1).numpy(force=True)
        if x.shape[1] != 1:
            raise ValueError(f"an input is the number of a node, (B, 1); got shape {tuple(x.shape)}")
        rows = x[:, 0].numpy(force=True)
        known = (rows >= 0) & (rows < len(self.graph)) & (rows == np.floor(rows))
        if not known.all():
            raise ValueError(f"expected numbers of nodes, 0 .. {len(self.graph) - 1}; got {rows[~known][0]:g}")
        return rows.astype(np.int64)

    def rows(self, x: Tensor) -> Tensor:
        """The features (B, F) of the nodes that inputs x (B, I) stand for."""
        return torch.from_numpy(self.x[self.nodes(x)].toarray()).to(x.device) if self.numbered else x

    def around(self, nodes: np.ndarray, depth: int) -> Neighbourhood:
        """What `depth` layers read for these nodes, ascending and different."""
        key = nodes.tobytes(), depth
        found = self._kept.get(key)
        if found is None:
            blocks, reached = [], nodes
            for _ in range(depth):
                block, reached = self._block(reached)
                blocks.append(block)
            own = self.x[reached]
            features = Features(Pattern(own.indptr, own.indices, own.shape[1]), torch.from_numpy(own.data))
            found = self._kept[key] = Neighbourhood(features, tuple(reversed(blocks)))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    @cached_property
    def _edges(self) -> tuple[scipy.sparse.csr_array, list[np.ndarray]]:
        """A + I, and the weights of its entries: sym, mean, total, (nnz,) float32 each. Raises ValueError for a negative
        weight."""
        self.graph.refuse_negative_weights("a graph network")
        edges = self.graph.undirected().to_scipy()
        loops = scipy.sparse.diags_array((edges.diagonal() == 0).astype(np.float64))
        matrix = scipy.sparse.csr_array(edges + loops)
        matrix.sort_indices()
        sources = np.repeat(np.arange(len(self.graph)), np.diff(matrix.indptr))
        degree = matrix.sum(1)
        sym = matrix.data / np.sqrt(degree[sources] * degree[matrix.indices])
        others = np.where(sources == matrix.indices, 0.0, matrix.data)
        total = np.bincount(sources, others, len(self.graph))
        mean = others / np.where(total > 0, total, 1.0)[sources]
        return matrix, [each.astype(np.float32) for each in (sym, mean, matrix.data)]

    def _block(self, nodes: np.ndarray) -> tuple[Block, np.ndarray]:
        """What leads to these nodes, and the nodes that it reads."""
        matrix, weights = self._edges
        counts = np.diff(matrix.indptr)[nodes]
        ends = np.cumsum(counts)
        entries = np.arange(counts.sum()) + np.repeat(matrix.indptr[nodes] - (ends - counts), counts)
        reached, columns = np.unique(matrix.indices[entries], return_inverse=True)
        pattern = Pattern(np.append(0, ends), columns, len(reached))
        own = torch.from_numpy(np.searchsorted(reached, nodes))
        return Block(pattern, own, *(torch.from_numpy(each[entries])[:, None] for each in weights)), reached


def alone(x: Values, depth: int) -> Neighbourhood:
    """Rows x (B, F) as nodes without neighbours."""
    everyone, one = np.arange(len(x)), torch.ones(len(x), 1)
    block = Block(Pattern(np.arange(len(x) + 1), everyone, len(x)), torch.from_numpy(everyone), one, 0 * one, one)
    return Neighbourhood(x, (block,) * depth)
