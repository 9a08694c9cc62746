"""Nodes of a graph as examples: what the scenarios of labelled nodes share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo.tasks.supervised import SupervisedTask
from graphs.data import Graph


class NodeTask(SupervisedTask):
    """Labels of nodes to be learned. An input is a node: which one it is, one-hot, and behind it its row of the adjacency
    matrix, 0 or 1 each (B, 2 N), so that methods that know nothing of graphs see its neighbours.

    graph: of N nodes; y: classes (N,); parts: rows of train, validation and test; rest: as of SupervisedTask.
    """

    def __init__(self, graph: Graph, y: np.ndarray, parts: tuple[np.ndarray, ...], **rest: Any):
        x = np.concatenate([np.eye(len(graph)), graph.to_scipy().toarray() != 0], axis=1, dtype=np.float32)
        super().__init__(*((x[rows], y[rows]) for rows in parts), **rest)
        self.graph = graph

    def nodes(self, x: Tensor) -> np.ndarray:
        """The rows of the graph that inputs (B, 2 N) stand for."""
        return torch.as_tensor(x)[:, : len(self.graph)].argmax(1).numpy()
