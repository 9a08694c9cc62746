"""Embeddings as methods: vectors of all nodes, learned without labels, and a logistic regression for each label.

Perozzi, Al-Rfou, Skiena: DeepWalk. KDD 2014, section 5: the graph is known whole, the labels of the training split alone. The
vectors see no label, so no split's labels can reach another. Of a task of links the graph is what was left to be seen.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipy.linalg
import torch
from scipy.special import expit
from torch import Tensor

from evo.core import Backends, Champion, Cost, Examples, Learner, Method, Model, Row, Saved, State, Task, counted
from graphs.data import Graph
from graphs.embeddings import DeepWalk, Diff2Vec, Embedding, Node2Vec, Walklets
from graphs.factorization import GraRep, NetMF, ProNE
from graphs.line import LINE
from graphs.pairs import SCALARS, Pairs, VectorPairs
from graphs.scoring import log_odds, logistic_regressions
from graphs.splitter import Splitter

LEAST = 1e-12  # of a probability whose logarithm is taken


@runtime_checkable
class Nodes(Protocol):
    """A task whose examples are nodes of a graph: nodes(x) gives the rows of `graph` that inputs x (B, I) stand for."""

    graph: Graph

    def nodes(self, x: Tensor) -> np.ndarray: ...


if TYPE_CHECKING:
    from matplotlib.figure import Figure

    class NodesTask(Task, Examples, Nodes):
        """A task of examples that are nodes."""


def answers(chances: np.ndarray, kind: str) -> Tensor:
    """Chances (B, O) of classes as log-probabilities, of labels as they are, float32."""
    if kind == "classification":
        chances = np.maximum(chances, LEAST)
        chances = np.log(chances / chances.sum(1, keepdims=True))
    return torch.from_numpy(chances.astype(np.float32))


class NodeModel(Model):
    """Vectors of all nodes (N, D) and regressions (D + 1, O) as a Model: rows (B, I) of a task of nodes give log-probabilities
    of classes, or probabilities of labels, (B, O) float32."""

    def __init__(self, task: NodesTask, vectors: np.ndarray, weights: np.ndarray):
        self.task, self.vectors, self.weights = task, vectors, weights

    def __repr__(self) -> str:
        return f"NodeModel({counted(len(self.vectors), 'node')}, {self.vectors.shape[1]} numbers each)"

    @property
    def parameters(self) -> int:
        return self.vectors.size + self.weights.size

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        x = torch.as_tensor(inputs, dtype=torch.float32).cpu()
        return answers(expit(log_odds(self.vectors[self.task.nodes(x)].astype(np.float64), self.weights)), self.task.kind)

    def figure(self) -> Figure:
        """A map: the vectors' first two principal components, a dot a node, its colour the label that is likeliest."""
        from matplotlib.figure import Figure

        centred = self.vectors - self.vectors.mean(0)
        left, size, _ = scipy.linalg.svd(centred, full_matrices=False)
        flat = (left * size)[:, :2] if len(size) > 1 else np.repeat(left * size, 2, axis=1)
        chosen = log_odds(self.vectors.astype(np.float64), self.weights).argmax(1)
        figure = Figure(figsize=(7, 6), layout="constrained")
        axes = figure.subplots()
        axes.scatter(flat[:, 0], flat[:, 1], c=chosen, cmap="tab20", s=max(2, 30 - len(flat) // 100))
        axes.set(title=f"{counted(len(flat), 'node')}, by predicted label", xlabel="component 1", ylabel="component 2")
        return figure

    def save(self) -> Saved:
        return {"vectors": torch.from_numpy(self.vectors), "weights": torch.from_numpy(self.weights)}, {"kind": "nodes"}


class FittedMethod(Method):
    """A Method that is fitted to the nodes of a task, or to pairs of them, in one step; kind: of the model that `fit` gives, in
    its header; reads: the protocols of tasks that it takes."""

    kind: str
    reads: tuple[type, ...] = (Nodes,)

    @abstractmethod
    def fit(self, task: Any, settings: object, seed: int) -> Model: ...

    def unsupported_reason(self, task: Task) -> str | None:
        if not isinstance(task, self.reads) or not isinstance(task, Examples):
            return f"it learns from {'' if Nodes in self.reads else 'pairs of '}the nodes of a graph; the task has none"
        return "it predicts labels; the task wants numbers predicted" if task.kind == "regression" else None

    def backends(self, task: Task) -> Backends:
        return Backends("compiled", "", "graphs are read on cores")

    def __call__(self, task: Any, settings: object, seed: int, device: str = "cpu") -> NodeLearner:
        return NodeLearner(self, task, settings, seed)


@dataclass(frozen=True)
class NodeMethod(FittedMethod):
    """A Method: an Embedding, and regressions on its vectors, or on what they tell of a pair of nodes."""

    name: str
    embedding: type[Embedding]
    kind = "nodes"
    reads = (Nodes, Pairs)

    @property
    def settings(self) -> type:  # type: ignore[override]  # of the embedding
        return self.embedding.settings

    @property
    def title(self) -> str:
        return f"{self.embedding.__name__}: vectors of nodes, and a logistic regression for each label"

    def fit(self, task: Any, settings: object, seed: int) -> Model:
        fitted = self.embedding(seed=seed, **vars(settings)).fit(task.graph)
        vectors = fitted.embedding_
        if isinstance(task, Pairs):
            return VectorPairs(task, *fitted.parts())  # type: ignore[arg-type]  # which has examples too
        rows, members = training(task)
        return NodeModel(task, vectors, logistic_regressions(vectors[rows].astype(np.float64), members))

    def restore(self, task: Any, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        """The model again. Raises ValueError for tensors that are not those of this task's graph."""
        vectors, weights = (tensors.get(name, torch.empty(0)).numpy() for name in ("vectors", "weights"))
        paired, everyone = isinstance(task, Pairs), np.arange(len(task.graph))
        owners = tensors["owners"].numpy() if paired and "owners" in tensors else everyone
        numbers = 1 if paired and task.operator in SCALARS else vectors.shape[-1]
        shape = (numbers + 1, 1 if paired else task.outputs)
        fits = vectors.shape[:-1] == owners.shape and weights.shape == shape and np.array_equal(np.unique(owners), everyone)
        if header.get("kind") != self.kind or not fits:
            raise ValueError(
                f"{self.name}: the stored vectors are not those of {counted(len(task.graph), 'node')} and "
                f"{counted(task.outputs, 'output')}"
            )
        return VectorPairs(task, vectors, owners, weights) if paired else NodeModel(task, vectors, weights)


def training(task: NodesTask) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the training nodes (B,), and whether each has each label (B, O)."""
    x, y = task.split("train")
    members = np.eye(task.outputs)[y.numpy()] if task.kind == "classification" else y.numpy()
    return task.nodes(x), members > 0.5


class NodeLearner(Learner):
    """A Learner of one step. Its cost: one evaluation, the training split once; no compute, as it fits no network."""

    task: NodesTask

    def __init__(self, method: FittedMethod, task: NodesTask, settings: object, seed: int):
        self.method, self.task, self.options, self.seed = method, task, settings, seed
        self.cost, self.best = Cost(), Champion()
        self.model: Model | None = None

    def step(self) -> Row:
        """Fits. Column: validation."""
        with self.cost.timed():
            self.model = self.method.fit(self.task, self.options, self.seed)
            self.cost.add(evaluations=1, samples=len(self.task.split("train")[0]), compute=None)
            score = self.task.score(self.model, "validation")
            assert score is not None  # a task of examples scores validation
            self.best.offer(score, self.task.solved(score), 0)
            self.finished = "completed"
        return {"validation": score}

    def champion(self) -> Model:
        if self.model is None:
            raise RuntimeError("there is no champion before the first step")
        return self.model

    def state_dict(self) -> State:
        model = None if self.model is None else self.model.save()[0]
        return {
            "finished": self.finished,
            "cost": self.cost.state_dict(),
            "champion": self.best.state_dict(),
            "model": model,
        }

    def load_state_dict(self, state: State) -> None:
        self.finished = state["finished"]
        self.cost.load_state_dict(state["cost"])
        self.best.load_state_dict(state["champion"])
        model = state["model"]
        header = {"kind": self.method.kind}
        self.model = model and self.method.restore(self.task, self.options, self.seed, model, header)


deepwalk = NodeMethod("deepwalk", DeepWalk)
node2vec = NodeMethod("node2vec", Node2Vec)
walklets = NodeMethod("walklets", Walklets)
line = NodeMethod("line", LINE)
splitter = NodeMethod("splitter", Splitter)
diff2vec = NodeMethod("diff2vec", Diff2Vec)
prone = NodeMethod("prone", ProNE)
netmf = NodeMethod("netmf", NetMF)
grarep = NodeMethod("grarep", GraRep)
