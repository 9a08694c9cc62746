"""What networks on a graph read: the features of its nodes."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch import Tensor

from evo.core import counted
from graphs.data import Graph


class NodeData:
    """A graph and the features x (N, F) of its nodes, compressed sparse rows of float32. It never changes, so that copies of a
    network share it.

    features: an array or a sparse matrix; None: which node one is, one-hot, and behind it its row of the adjacency matrix, 0 or
    1 each (N, 2 N). Raises ValueError for another number of rows, and for numbers that are not finite.
    """

    def __init__(self, graph: Graph, features: npt.ArrayLike | scipy.sparse.sparray | None = None):
        if features is None:
            features = scipy.sparse.hstack([scipy.sparse.eye_array(len(graph)), graph.to_scipy() != 0])
        self.graph, self.x = graph, scipy.sparse.csr_array(features, dtype=np.float32)
        if self.x.ndim != 2 or self.x.shape[0] != len(graph):
            raise ValueError(f"features: expected a row for each of {counted(len(graph), 'node')}; got shape {self.x.shape}")
        if not np.isfinite(self.x.data).all():
            raise ValueError("features: expected finite numbers; got NaN or infinite ones")

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def rows(self, x: Tensor) -> Tensor:
        """Features (B, F) of the nodes whose numbers are inputs x (B, 1)."""
        nodes = x[:, 0].long().numpy(force=True)
        return torch.from_numpy(self.x[nodes].toarray()).to(x.device)
