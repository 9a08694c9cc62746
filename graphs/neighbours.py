"""Who knows whom in common: an index of a pair of nodes, and a logistic regression on it. The baseline of link prediction.

Liben-Nowell, Kleinberg: The link-prediction problem for social networks. JASIST 58, 2007, section 3.1.
The order of pairs is the index's, or its reverse where the training split says so; the regression says how likely an edge is.
It reads edges alone, no weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo.core import Saved
from evo.settings import setting, settings
from evo.space import Choice
from graphs.learner import FittedMethod
from graphs.pairs import INDICES, PairModel, Pairs, indices


@settings
class CommonNeighboursSettings:
    index: str = setting(
        "common_neighbours",
        "of a pair: how many neighbours both have; that over all that either has; with rare neighbours counting more, by 1 / "
        "log(degree) or 1 / degree; or the product of both degrees",
        choices=INDICES,
        search=Choice(*INDICES),
    )


class IndexPairs(PairModel):
    """A PairModel of one of INDICES."""

    def __init__(self, task: Any, index: str, weights: np.ndarray | None = None):
        self.index = index
        super().__init__(task, weights)

    def __repr__(self) -> str:
        return f"IndexPairs({self.index})"

    def features(self, pairs: np.ndarray) -> np.ndarray:
        return indices(self.task.graph, pairs)[:, [INDICES.index(self.index)]]

    def save(self) -> Saved:
        return {"weights": torch.from_numpy(self.weights)}, {"kind": CommonNeighbours.kind}


class CommonNeighbours(FittedMethod):
    """An index of a pair as a Method."""

    settings = CommonNeighboursSettings
    kind = "index"
    reads = (Pairs,)

    def fit(self, task: Any, settings: object, seed: int) -> IndexPairs:
        return IndexPairs(task, **vars(settings))

    def restore(self, task: Any, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> IndexPairs:
        """The model again. Raises ValueError for tensors that are not its own."""
        weights = tensors.get("weights", torch.empty(0)).numpy()
        if header.get("kind") != self.kind or weights.shape != (2, 1):
            raise ValueError(f"common-neighbours: expected stored weights of shape (2, 1); got {weights.shape}")
        return IndexPairs(task, **vars(settings), weights=weights)


common_neighbours = CommonNeighbours()
