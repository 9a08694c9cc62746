"""Label propagation: a node has each label as far as its neighbours have it. It reads no features.

Zhu, Ghahramani, Lafferty: Semi-supervised learning using Gaussian fields and harmonic functions. ICML 2003, section 2: a node's
row of Y is the mean of its neighbours' by weight, a training node's its labels. It is found by the rounds of Zhu, Ghahramani:
Learning from labeled and unlabeled data with label propagation. CMU-CALD-02-107, 2002, where T is weighted otherwise:

    1. Y <- T Y, where T = D^-1 A
    2. the training nodes' rows of Y are their labels again
    3. again from 1, until Y converges

Where no path leads to a training node, and on isolated nodes, Y stays what it begins with: each label's share of the training
nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch import Tensor

from evo.core import Model, Saved, counted
from evo.settings import setting, settings
from evo.space import Choice
from graphs.data import Graph
from graphs.learner import FittedMethod, answers, training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from graphs.learner import NodesTask


@settings
class LabelPropagationSettings:
    iterations: int = setting(
        10_000, "rounds at most; few: labels reach near nodes alone", low=1, search=Choice(3, 10, 30, 10_000)
    )
    tolerance: float = setting(1e-6, "it ends once no number of Y changes by more in a round", low=0.0)


def propagated(graph: Graph, rows: np.ndarray, members: np.ndarray, iterations: int, tolerance: float) -> np.ndarray:
    """Y (N, O) float64 in [0, 1], of training nodes `rows` (B,) and their labels (B, O); the directions of edges are of no
    account. Raises ValueError for a negative weight."""
    graph.refuse_negative_weights("label propagation")
    edges = graph.undirected().to_scipy()
    reach = edges.sum(1)
    alone = reach == 0
    step = scipy.sparse.csr_array(scipy.sparse.diags_array(1 / np.where(alone, 1.0, reach)) @ edges)
    y = np.repeat(members.mean(0, dtype=np.float64)[None], len(graph), axis=0)
    y[rows] = members
    for _ in range(iterations):
        after = step @ y
        after[alone] = y[alone]
        after[rows] = members
        change = np.abs(after - y).max()
        y = after
        if change <= tolerance:
            break
    return y


class PropagationModel(Model):
    """Chances of each label of all nodes (N, O) float32 as a Model, called as `NodeModel`."""

    def __init__(self, task: NodesTask, chances: np.ndarray):
        self.task, self.chances = task, chances

    def __repr__(self) -> str:
        return f"PropagationModel({counted(len(self.chances), 'node')})"

    @property
    def parameters(self) -> int:
        return 0

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        x = torch.as_tensor(inputs, dtype=torch.float32).cpu()
        return answers(self.chances[self.task.nodes(x)].astype(np.float64), self.task.kind)

    def figure(self) -> Figure:
        """How many nodes have their likeliest label at which chance (matplotlib Figure)."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        axes.hist(self.chances.max(1), bins=40)
        axes.set(title=counted(len(self.chances), "node"), xlabel="chance of the likeliest label", ylabel="nodes")
        return figure

    def save(self) -> Saved:
        return {"chances": torch.from_numpy(self.chances)}, {"kind": LabelPropagation.kind}


class LabelPropagation(FittedMethod):
    """Label propagation as a Method."""

    settings = LabelPropagationSettings
    kind = "chances"

    def fit(self, task: NodesTask, settings: object, seed: int) -> PropagationModel:
        return PropagationModel(task, propagated(task.graph, *training(task), **vars(settings)).astype(np.float32))

    def restore(
        self, task: Any, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]
    ) -> PropagationModel:
        """The model again. Raises ValueError for tensors that are not those of this task's graph."""
        chances = tensors.get("chances", torch.empty(0)).numpy()
        if header.get("kind") != self.kind or chances.shape != (len(task.graph), task.outputs):
            sizes = f"{counted(len(task.graph), 'node')} and {counted(task.outputs, 'label')}"
            raise ValueError(f"label-propagation: the stored chances are not those of {sizes}")
        return PropagationModel(task, chances)


label_propagation = LabelPropagation()
