"""A graph as flat arrays: compressed sparse rows, weights, and the ids of its nodes.

Row v of a graph of N nodes holds the ends of the edges that leave v, ascending: `indices[indptr[v]:indptr[v + 1]]`. An
undirected edge stands in two rows, a self-loop in one, as in networkx. Ids are anything hashable; rows are numbered 0 .. N-1 in
the order of `ids`. Nothing is dropped: isolated nodes keep their row, and so do nodes of small components.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self

import networkx
import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch

from evo.core import Model, counted
from evo.genomes.genome import Genome, Genomes, offsets
from evo.settings import did_you_mean

if TYPE_CHECKING:
    Edges = Iterable[tuple[Hashable, Hashable]] | np.ndarray

DUPLICATES = ("refuse", "sum", "first")


class Graph:
    """A graph of N nodes, directed or not, with weights or without.

    indptr (N + 1,) int64, indices (nnz,) int32, weights (nnz,) float64 or None (each is 1): rows as of the module; ids: N ids
    in the order of the rows, by default 0 .. N-1. The arrays are checked, and read-only from then on. Raises ValueError for
    arrays that are no rows of a graph, for weights that are not finite, for ids that are not N different ones, and where ids
    differ by type alone ("1" and 1).
    """

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        ids: Iterable[Hashable] | None = None,
        directed: bool = False,
    ):
        self.indptr, self.indices = np.array(indptr, np.int64), np.array(indices, np.int32)
        self.weights = None if weights is None else np.array(weights, np.float64)
        self.directed = bool(directed)
        self._check_rows()
        self.ids: Sequence[Hashable] = range(len(self)) if ids is None else tuple(map(_plain, ids))
        _check_ids(self.ids, len(self))
        for array in (self.indptr, self.indices, self.weights):
            if array is not None:
                array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __repr__(self) -> str:
        words = [word for word, said in (("directed", self.directed), ("weighted", self.weights is not None)) if said]
        return f"Graph({', '.join([counted(len(self), 'node'), counted(self.edges, 'edge'), *words])})"

    @property
    def edges(self) -> int:
        """How many edges it has, self-loops included."""
        if self.directed:
            return len(self.indices)
        return (len(self.indices) + int(np.count_nonzero(self.sources == self.indices))) // 2

    @property
    def degrees(self) -> np.ndarray:
        """Edges that leave each node (N,) int64; a self-loop counts once."""
        return np.diff(self.indptr)

    @cached_property
    def sources(self) -> np.ndarray:
        """The row of each entry of `indices` (nnz,) int32."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.degrees)

    @cached_property
    def _row_of(self) -> dict[Hashable, int]:
        return {each: row for row, each in enumerate(self.ids)}

    def rows(self, ids: Iterable[Hashable]) -> np.ndarray:
        """The rows of nodes, by their ids. Raises ValueError for an id that the graph lacks, with the closest that it has."""
        wanted = list(map(_plain, ids))
        found = [self._row_of.get(each, -1) for each in wanted]
        if -1 in found:
            unknown = wanted[found.index(-1)]
            raise ValueError(f"no node {unknown!r} among the graph's {len(self):,}{_alike(unknown, self._row_of)}")
        return np.array(found, np.int64)

    @classmethod
    def from_edges(
        cls,
        edges: Edges,
        weights: npt.ArrayLike | None = None,
        *,
        nodes: Iterable[Hashable] = (),
        directed: bool = False,
        duplicates: str = "refuse",
    ) -> Self:
        """A graph of E edges (u, v), given by ids.

        edges: pairs, or an array (E, 2); weights (E,). nodes: ids whose rows come first, in this order, isolated ones among
        them; the others follow as they appear. duplicates: "refuse" an edge that stands twice (undirected: also as v, u), "sum"
        the weights of such, or keep the "first". Raises ValueError.
        """
        if duplicates not in DUPLICATES:
            raise ValueError(f"duplicates: expected one of {', '.join(DUPLICATES)}; got {duplicates!r}")
        ids, pairs = _numbered(edges, nodes)
        values = np.ones(len(pairs)) if weights is None else np.asarray(weights, np.float64)
        if values.shape != (len(pairs),):
            raise ValueError(f"expected a weight for each of {counted(len(pairs), 'edge')}; got shape {values.shape}")
        ends = pairs if directed else np.sort(pairs, axis=1)
        key = ends[:, 0] * np.int64(len(ids)) + ends[:, 1]
        kept, first, place = np.unique(key, return_index=True, return_inverse=True)
        if len(kept) < len(key) and duplicates == "refuse":
            again = int(np.setdiff1d(np.arange(len(key)), first)[0])
            pair = tuple(ids[int(end)] for end in pairs[again])
            raise ValueError(
                f"edge {again + 1:,} {pair} stands twice; the first time it is edge {first[place[again]] + 1:,}: say "
                'duplicates="sum" or duplicates="first", or directed=True where (u, v) and (v, u) are two edges'
            )
        summed = len(kept) < len(key) and duplicates == "sum"
        values = np.bincount(place, values, len(kept)).astype(np.float64) if summed else values[first]
        weighted = weights is not None or summed
        starts, stops = ends[first].T
        if not directed:
            back = starts != stops
            starts, stops = np.append(starts, stops[back]), np.append(stops, starts[back])
            values = np.append(values, values[back])
        order = np.lexsort((stops, starts))
        indptr = offsets(np.bincount(starts, minlength=len(ids)))
        return cls(indptr, stops[order], values[order] if weighted else None, ids=ids, directed=directed)

    @classmethod
    def from_networkx(cls, graph: networkx.Graph, weight: str = "weight") -> Self:
        """A graph of networkx; an edge without the attribute `weight` weighs 1. Raises ValueError for a multigraph."""
        if graph.is_multigraph():
            raise ValueError("a multigraph may have several edges between two nodes: networkx.Graph(graph) keeps one of them")
        edges = list(graph.edges(data=weight))
        weights = [1.0 if value is None else value for _, _, value in edges]
        given = any(value is not None for _, _, value in edges)
        pairs = [(u, v) for u, v, _ in edges]
        return cls.from_edges(pairs, weights if given else None, nodes=graph.nodes, directed=graph.is_directed())

    @classmethod
    def from_scipy(cls, matrix: scipy.sparse.sparray | scipy.sparse.spmatrix, *, ids: Iterable[Hashable] | None = None) -> Self:
        """The graph of an adjacency matrix (N, N): undirected where it is symmetric, weighted where an entry is not 1. What
        stands twice at one place is summed, as scipy means it; a stored 0 is no edge."""
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"expected an adjacency matrix of shape (N, N); got {matrix.shape}")
        rows = scipy.sparse.csr_array(matrix, dtype=np.float64, copy=True)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        weights = None if (rows.data == 1).all() else rows.data
        return cls(rows.indptr, rows.indices, weights, ids=ids, directed=bool((rows != rows.T).nnz))

    @classmethod
    def from_edge_index(
        cls,
        edge_index: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        nodes: int | None = None,
        ids: Iterable[Hashable] | None = None,
    ) -> Self:
        """A graph as PyTorch Geometric has it: edge_index (2, nnz), rows of sources and targets, 0 .. nodes - 1; an undirected
        edge stands in both directions. nodes: N, by default the largest number and one. Raises ValueError for an entry that
        stands twice."""
        pairs = np.asarray(edge_index)
        if pairs.ndim != 2 or len(pairs) != 2 or pairs.dtype.kind not in "iu":
            raise ValueError(f"expected edge_index of shape (2, E), whole numbers; got {pairs.dtype} {pairs.shape}")
        count = int(pairs.max(initial=-1)) + 1 if nodes is None else nodes
        if pairs.size and not 0 <= pairs.min() <= pairs.max() < count:
            raise ValueError(f"edge_index: expected nodes 0 .. {count - 1}; got {pairs.min()} .. {pairs.max()}")
        graph = cls.from_edges(pairs.T, weights, nodes=range(count), directed=True)
        matrix = graph.to_scipy()
        directed = bool((matrix != matrix.T).nnz)
        return cls(graph.indptr, graph.indices, graph.weights, ids=ids, directed=directed)

    @classmethod
    def from_genome(cls, network: Genome | Genomes | Model) -> Self:
        """The directed graph of a genome's enabled connections, with their weights; or of an evolved network, such as the
        champion of a run, which may be one that a CPPN draws.

        ids: the numbers of its nodes; biases are no nodes, and a node without a connection is left out. Raises ValueError for
        several genomes, for a network without a connection, and for a model that is no evolved network, such as an MLP.
        """
        own = Genomes.of([network]) if isinstance(network, Genome) else network
        if isinstance(own, Genomes) and len(own) != 1:
            raise ValueError(f"expected one genome; got {len(own)}: from_genome(genomes[0])")
        edges = own.edges()
        if edges is None:
            raise ValueError(f"a {type(network).__name__} is no evolved network: neat, hyperneat and their kin give such")
        source, target, weight = edges
        pairs, nodes = np.stack([source, target], 1), np.union1d(source, target)
        return cls.from_edges(pairs, weight, nodes=nodes.tolist(), directed=True)

    @classmethod
    def of(cls, graph: object) -> Graph:
        """What stands for a graph: a Graph, a graph of networkx, a sparse matrix of scipy, an edge_index of torch. Raises
        TypeError for anything else."""
        if isinstance(graph, Graph):
            return graph
        if isinstance(graph, networkx.Graph):
            return cls.from_networkx(graph)
        if scipy.sparse.issparse(graph):
            return cls.from_scipy(graph)
        if isinstance(graph, torch.Tensor):
            return cls.from_edge_index(graph.numpy(force=True))
        raise TypeError(
            "expected a Graph (read_graph(path) reads one), a graph of networkx, a sparse matrix of scipy, or an edge_index of "
            f"torch; got {type(graph).__name__}"
        )

    def undirected(self) -> Graph:
        """The graph without directions: u and v are joined where an edge leads either way, by the larger weight of both.

        So a graph without weights has none afterwards, and a self-loop keeps its own: with a sum, a citation there and back
        would weigh 2. `to_undirected` of networkx keeps one of both weights too, but either. An undirected graph is itself.
        """
        if not self.directed:
            return self
        starts, stops = np.append(self.sources, self.indices), np.append(self.indices, self.sources)
        kept, place = np.unique(starts * np.int64(len(self)) + stops, return_inverse=True)
        weights = None
        if self.weights is not None:
            weights = np.full(len(kept), -np.inf)
            np.maximum.at(weights, place, np.tile(self.weights, 2))
        rows, ends = np.divmod(kept, len(self))
        return Graph(offsets(np.bincount(rows, minlength=len(self))), ends, weights, ids=self.ids)

    def refuse_negative_weights(self, reader: str) -> None:
        """Raises ValueError, naming the edge, if a weight is below 0. reader: what takes none, "NetMF"."""
        if self.weights is not None and (self.weights < 0).any():
            least = int(self.weights.argmin())
            u, v = (self.ids[int(ends[least])] for ends in (self.sources, self.indices))
            raise ValueError(f"{reader} takes weights >= 0; the edge ({u!r}, {v!r}) weighs {self.weights[least]:g}")

    def to_networkx(self) -> networkx.Graph:
        """As a networkx.Graph or DiGraph, with the attribute "weight" where there are weights."""
        graph = networkx.DiGraph() if self.directed else networkx.Graph()
        graph.add_nodes_from(self.ids)
        kept = slice(None) if self.directed else self.sources <= self.indices
        pairs = [(self.ids[u], self.ids[v]) for u, v in zip(self.sources[kept], self.indices[kept])]
        if self.weights is None:
            graph.add_edges_from(pairs)
        else:
            graph.add_weighted_edges_from((*pair, float(weight)) for pair, weight in zip(pairs, self.weights[kept]))
        return graph

    def to_scipy(self) -> scipy.sparse.csr_array:
        """The adjacency matrix (N, N) float64."""
        weights = np.ones(len(self.indices)) if self.weights is None else self.weights
        return scipy.sparse.csr_array((weights.copy(), self.indices.copy(), self.indptr.copy()), shape=(len(self),) * 2)

    def joined(self) -> np.ndarray:
        """Whether an edge leads from a row's node to a column's (N, N) bool."""
        matrix = np.zeros((len(self),) * 2, np.bool_)
        matrix[self.sources, self.indices] = True
        return matrix

    def to_edge_index(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """edge_index (2, nnz) int64 and weights (nnz,) float32 or None, as PyTorch Geometric takes them."""
        weights = None if self.weights is None else torch.from_numpy(self.weights.astype(np.float32))
        return torch.from_numpy(np.stack([self.sources, self.indices]).astype(np.int64)), weights

    def _check_rows(self) -> None:
        if self.indptr.ndim != 1 or len(self.indptr) < 2:
            raise ValueError("an empty graph: expected at least one node")
        if self.indices.ndim != 1 or self.indptr[0] or self.indptr[-1] != len(self.indices) or (self.degrees < 0).any():
            raise ValueError(
                f"indptr: expected 0 .. {self.indices.size}, ascending, which is where rows of indices begin and end"
            )
        if len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < len(self):
            raise ValueError(f"indices: expected nodes 0 .. {len(self) - 1}; got {self.indices.min()} .. {self.indices.max()}")
        if (np.diff(self.sources * np.int64(len(self)) + self.indices) <= 0).any():
            raise ValueError("indices: expected each row ascending, without an edge that stands twice")
        if self.weights is not None and (self.weights.shape != self.indices.shape or not np.isfinite(self.weights).all()):
            raise ValueError(f"weights: expected {self.indices.size} finite numbers, one an entry of indices")
        if not self.directed:
            matrix = self.to_scipy()
            if (matrix != matrix.T).nnz:
                raise ValueError("an undirected graph has each edge in both directions, of one weight: say directed=True")


def _plain(each: Hashable) -> Hashable:
    return each.item() if isinstance(each, np.generic) else each


def _check_ids(ids: Sequence[Hashable], count: int) -> None:
    if isinstance(ids, range):
        return
    known = set(ids)
    if len(ids) != count or len(known) != count:
        raise ValueError(f"ids: expected {counted(count, 'different id')}, one a node; got {len(ids)}, {len(known)} different")
    words = {each for each in known if isinstance(each, str)}
    twins = [each for each in known if not isinstance(each, str) and str(each) in words]
    if twins:
        raise ValueError(f"ids that differ by type alone: {str(twins[0])!r} and {twins[0]!r}; make them of one type")


def _alike(unknown: Hashable, known: dict[Hashable, int]) -> str:
    """What the graph has in place of an id that it lacks."""
    twin = next((each for each in known if str(each) == str(unknown)), None)
    if twin is not None:
        return f"; it has {twin!r}, of type {type(twin).__name__}"
    return did_you_mean(str(unknown), map(str, known)) if len(known) <= 10_000 else ""


def _numbered(edges: Edges, nodes: Iterable[Hashable]) -> tuple[Sequence[Hashable], np.ndarray]:
    """ids, and the edges by the rows of their ends (E, 2) int64."""
    if isinstance(edges, np.ndarray) and edges.ndim == 2 and edges.dtype.kind in "iu" and edges.shape[1] == 2:
        if (
            isinstance(nodes, range)
            and nodes == range(len(nodes))
            and 0 <= edges.min(initial=0) <= edges.max(initial=-1) < len(nodes)
        ):
            return nodes, edges.astype(np.int64)
        edges = edges.tolist()
    row_of: dict[Hashable, int] = {}
    for each in map(_plain, nodes):
        row_of.setdefault(each, len(row_of))
    pairs = []
    for number, edge in enumerate(edges, 1):
        if not isinstance(edge, Iterable) or isinstance(edge, str) or len(pair := tuple(map(_plain, edge))) != 2:
            raise ValueError(f"edge {number:,}: expected a pair of ids (u, v); got {edge!r}")
        pairs.append([row_of.setdefault(end, len(row_of)) for end in pair])
    return tuple(row_of), np.array(pairs, np.int64).reshape(-1, 2)
