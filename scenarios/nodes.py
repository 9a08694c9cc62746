"""Nodes of a graph as examples: what the scenarios of labelled nodes share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo.core import Metric, Score
from evo.tasks.supervised import SupervisedTask
from graphs.data import Graph
from graphs.scoring import f1, likely, top

ROWS = 1000  # nodes of a graph whose adjacency matrix is shown, at most


class NodeTask(SupervisedTask):
    """Labels of nodes to be learned. An input is a node: which one it is, one-hot, and behind it its row of the adjacency
    matrix, 0 or 1 each (B, 2 N), so that methods that know nothing of graphs see its neighbours. Of a graph of more than 1,000
    nodes, where that would not fit into memory, it is the node's number alone (B, 1): such methods learn nothing there.

    graph: of N nodes; y: classes (N,), or labels (N, O) of 0 and 1; parts: rows of train, validation and test; rest: as of
    SupervisedTask. Where a node may have several labels (kind "probability"), the metric is micro_f1 (`graphs.scoring`).
    """

    def __init__(self, graph: Graph, y: np.ndarray, parts: tuple[np.ndarray, ...], **rest: Any):
        if len(graph) <= ROWS:
            x = np.concatenate([np.eye(len(graph)), graph.to_scipy().toarray() != 0], axis=1, dtype=np.float32)
        else:
            x = np.arange(len(graph), dtype=np.float32)[:, None]
        super().__init__(*((x[rows], y[rows]) for rows in parts), **rest)
        self.graph = graph
        if self.kind == "probability":
            self.metric = Metric("micro_f1")

    def nodes(self, x: Tensor) -> np.ndarray:
        """The rows of the graph that inputs (B, I) stand for."""
        x = torch.as_tensor(x)
        return (x[:, : len(self.graph)].argmax(1) if x.shape[1] > 1 else x[:, 0].long()).numpy()

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
