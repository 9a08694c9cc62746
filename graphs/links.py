"""Links of a graph to be found: pairs of nodes, of which half are edges that no method saw.

Grover, Leskovec: node2vec: scalable feature learning for networks. KDD 2016, section 4.7:

    1. edges are taken out in a random order, one that would make a component fall apart stays, until half are out
    2. as many pairs that no edge joins are drawn
    3. methods see the graph that is left, and are trained on its edges and as many other pairs without an edge

Of the edges taken out a fifth validates, and the rest is the test. A pair without an edge is one in the whole graph, so that
none of them is an edge that was taken out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor, nn

from evo import rng
from evo.core import Model, Score, counted
from evo.genomes.genome import offsets
from evo.settings import did_you_mean
from evo.tasks.supervised import PARTS, SupervisedTask
from evo.vectors.modules import MLP
from evo.vectors.recurrent import Recurrent
from graphs.data import Graph
from graphs.models import on_nodes
from graphs.neighbourhoods import NodeData
from graphs.pairs import OPERATORS, indices
from graphs.scoring import area, average_precision

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VALIDATION = 5  # one edge of so many that are taken out validates
CLASSES = ["no edge", "edge"]


class LinkTask(SupervisedTask):
    """Pairs of nodes to be told apart: are they joined by an edge? The metric is auc, under the ROC curve; beside it stands
    average_precision.

    An input is the numbers of two nodes (B, 2), u < v; `graph` is what is left of the graph given, with its ids and weights. A
    network gives each node a vector of `width` numbers, and the log-odds of an edge are their scalar product and a bias (Kipf,
    Welling: Variational graph auto-encoders. 2016, equation 2). Methods that know nothing of graphs read five indices of a pair
    (`graphs.pairs`).

    graph: undirected, of N nodes; features: of the nodes, an array or a sparse matrix (N, F), by default which node one is,
    one-hot; held_out: share of the edges that are taken out; split: which random ones; operator: how vectors of two nodes are
    features of a pair, of OPERATORS; rest: as of SupervisedTask. Raises ValueError for a directed graph, for one that has too
    few edges to spare or too few pairs without an edge, and as NodeData does for features.
    """

    off_card = "networks of a graph run on cores"
    numbered = "node"

    def __init__(
        self,
        graph: Graph,
        features: npt.ArrayLike | scipy.sparse.sparray | None = None,
        *,
        held_out: float = 0.5,
        split: int = 0,
        operator: str = "hadamard",
        width: int = 16,
        network: Callable[..., nn.Module] = MLP,
        **rest: Any,
    ):
        if operator not in OPERATORS:
            raise ValueError(f"operator: expected one of {', '.join(OPERATORS)}; got {operator!r}")
        self.graph, edges = split_edges(graph, held_out, split)
        ends = np.cumsum([len(each) for each in edges])
        others = np.split(unjoined(graph, int(ends[-1]), split), ends[:-1])
        pairs = [(np.concatenate(both), np.repeat([1, 0], len(both[0]))) for both in zip(edges, others)]
        self.operator, self.width = operator, width
        self.data = NodeData(self.graph, scipy.sparse.eye_array(len(graph)) if features is None else features)
        made = partial(on_pairs, network, self.data, width)
        examples = [(x.astype(np.float32), y) for x, y in pairs]
        super().__init__(*examples, network=made, **({"kind": "classification", "classes": CLASSES, "metric": "auc"} | rest))

    def pairs(self, x: Tensor) -> np.ndarray:
        """The rows of the graph (B, 2) that inputs (B, 2) stand for."""
        return x.long().numpy(force=True)

    def features(self, x: Tensor) -> Tensor:
        """The indices (B, 5) float32 of the pairs that inputs (B, 2) stand for."""
        return torch.from_numpy(indices(self.graph, self.pairs(x)).astype(np.float32)).to(x.device)

    def with_network(self, network: Callable[..., nn.Module]) -> Self:
        """The same task with another network."""
        other = copy.copy(self)
        other._network = partial(on_pairs, network, self.data, self.width)
        return other

    def diagnostics(self, model: Model) -> dict[str, object] | None:
        """None: a number of a node has no noise and no gaps."""
        return None

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """The ROC curve, and precision over recall (matplotlib Figure). split: "train", "validation" or "test". Raises
        ValueError."""
        from matplotlib.figure import Figure

        if split not in PARTS:
            raise ValueError(f"unknown split {split!r}{did_you_mean(split, PARTS)}")
        x, y = self.split(split)  # type: ignore[misc]  # it has all three
        odds, joined = _odds(torch.as_tensor(model(x))), y.numpy() > 0
        truth = joined[np.argsort(-odds, kind="stable")]
        hits, misses = np.cumsum(truth), np.cumsum(~truth)
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(np.append(0, misses / misses[-1]), np.append(0, hits / hits[-1]))
        left.plot([0, 1], [0, 1], color="grey", linestyle="--")
        right.plot(hits / hits[-1], hits / (hits + misses))
        where = f"{split} split, {len(x):,} pairs"
        left.set(xlabel="share of other pairs", ylabel="share of edges", title=f"area {area(odds, joined):.3f}, {where}")
        right.set(xlabel="recall", ylabel="precision", title=f"average {average_precision(odds, joined):.3f}", ylim=(0, 1.05))
        return figure

    def _scored(self, outputs: Tensor, y: Tensor) -> Score:
        """As of SupervisedTask, with the auc of log-odds in float64, which are never equal where they differ; and
        average_precision."""
        odds, joined = _odds(outputs), y.numpy() > 0
        known = bool(np.isfinite(odds).all())
        values = (area(odds, joined), average_precision(odds, joined)) if known else (float("nan"),) * 2
        return super()._scored(outputs, y) | dict(zip(("auc", "average_precision"), values))


def _odds(outputs: Tensor) -> np.ndarray:
    """Log-odds (B,) float64 of logits (B, 2)."""
    wide = outputs.detach().double().cpu().numpy()
    return wide[:, 1] - wide[:, 0]


class PairNetwork(nn.Module):
    """Vectors of nodes by `encoder`, numbers of nodes (n, 1) -> (n, K), as a module of pairs (B, 2): logits (B, 2), 0 and the
    log-odds of an edge."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder, self.bias = encoder, nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        nodes, place = np.unique(x.numpy(force=True), return_inverse=True)
        u, v = self.encoder(torch.from_numpy(nodes)[:, None])[torch.from_numpy(place.reshape(-1, 2))].unbind(1)
        odds = (u * v).sum(1) + self.bias
        return torch.stack([torch.zeros_like(odds), odds], 1)


def on_pairs(network: Callable[..., nn.Module], data: NodeData, width: int, inputs: int, outputs: int) -> nn.Module:
    """What `network` makes for features, as a module of a LinkTask's inputs; one that keeps a state, which rows are refused
    for, as it is."""
    encoder = on_nodes(network, data, inputs, width)
    return encoder if isinstance(encoder, Recurrent) else PairNetwork(encoder)


def split_edges(graph: Graph, held_out: float, seed: int) -> tuple[Graph, list[np.ndarray]]:
    """What is left of an undirected graph, and its edges (E_k, 2) int64, u < v, that train, validate and test. An edge from a
    node to itself stays, and is of no part. Raises ValueError as `LinkTask`."""
    if graph.directed:
        raise ValueError("links are predicted in an undirected graph; this one is directed")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out: expected a share between 0 and 1; got {held_out}")
    ends = np.stack([graph.sources, graph.indices], 1)[graph.sources < graph.indices].astype(np.int64)
    order = rng.permutation(seed, 0, 0, rng.SPLIT, len(ends))
    # Edges that close no circle with edges later in the order: a component falls apart without one of them.
    ranks = np.empty(len(ends))
    ranks[order] = np.arange(len(ends), 0, -1)
    tree = minimum_spanning_tree(scipy.sparse.csr_array((ranks, ends.T), shape=(len(graph),) * 2))
    spare = np.ones(len(ends), bool)
    spare[order[len(ends) - tree.data.astype(np.int64)]] = False
    out, wanted = order[spare[order]], round(held_out * len(ends))
    if not 2 <= wanted <= len(out):
        raise ValueError(
            f"held_out: {held_out:g} of {counted(len(ends), 'edge')} is {wanted}; expected 2 .. {len(out)}, so that there are "
            "some to validate and to test, and no component falls apart"
        )
    out = out[:wanted]
    left = np.setdiff1d(np.arange(len(ends)), out)
    key = lambda pairs: pairs.min(1) * np.int64(len(graph)) + pairs.max(1)
    kept = ~np.isin(key(np.stack([graph.sources, graph.indices], 1).astype(np.int64)), key(ends[out]))
    indptr = offsets(kept)[graph.indptr]
    weights = None if graph.weights is None else graph.weights[kept]
    ids = None if isinstance(graph.ids, range) else graph.ids
    count = max(1, wanted // VALIDATION)
    return Graph(indptr, graph.indices[kept], weights, ids=ids), [ends[left], ends[out[:count]], ends[out[count:]]]


def unjoined(graph: Graph, count: int, seed: int) -> np.ndarray:
    """Different pairs (count, 2) int64, u < v, of nodes that no edge joins, each as likely as another. Raises ValueError if
    there are not so many."""
    size = len(graph)
    between = graph.sources < graph.indices
    edges = graph.sources[between] * np.int64(size) + graph.indices[between]
    if count > size * (size - 1) // 2 - len(edges):
        there = size * (size - 1) // 2 - len(edges)
        raise ValueError(f"expected {count:,} pairs of nodes without an edge, one for each edge; the graph has {there:,}")
    found, turn = np.empty(0, np.int64), 0
    while len(found) < count:
        u, v = rng.words(seed, turn, 1, rng.SPLIT, 2 * count).reshape(2, -1) * size >> 32
        drawn = np.minimum(u, v) * size + np.maximum(u, v)
        found = np.append(found, drawn[(u != v) & ~np.isin(drawn, edges)])
        found = found[np.sort(np.unique(found, return_index=True)[1])]
        turn += 1
    return np.stack(np.divmod(found[:count], size), 1)
