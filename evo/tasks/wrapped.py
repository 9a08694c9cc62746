"""Networks behind something that changes what they see: all else is that of the networks themselves."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo.core import Edges, Model, Phenotypes, Saved

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class WrappedPhenotypes(Phenotypes):
    """A population `inner`, whose `forward` and `to` a subclass brings."""

    def __init__(self, inner: Phenotypes):
        self.inner = inner

    @property
    def parameters(self) -> int | np.ndarray:
        return self.inner.parameters

    @property
    def passes(self) -> int | np.ndarray:
        return self.inner.passes

    @property
    def keeps_state(self) -> bool:
        return self.inner.keeps_state

    @property
    def construction(self) -> float:
        return self.inner.construction

    @property
    def device(self) -> torch.device:
        return self.inner.device

    @property
    def output_range(self) -> np.ndarray | None:
        return self.inner.output_range

    def __len__(self) -> int:
        return len(self.inner)

    def reset(self) -> None:
        self.inner.reset()


class WrappedModel(Model):
    """A model `model`, whose answers a subclass brings."""

    def __init__(self, model: Model):
        self.model = model

    @property
    def parameters(self) -> int:
        return self.model.parameters

    @property
    def nodes(self) -> int | None:
        return self.model.nodes

    @property
    def hidden(self) -> int | None:
        return self.model.hidden

    @property
    def connections(self) -> int | None:
        return self.model.connections

    @property
    def output_range(self) -> np.ndarray | None:
        return self.model.output_range

    @property
    def keeps_state(self) -> bool:
        return self.model.keeps_state

    @abstractmethod
    def __call__(self, inputs: npt.ArrayLike) -> Tensor | np.ndarray: ...

    def reset(self) -> None:
        self.model.reset()

    def save(self) -> Saved:
        return self.model.save()

    def edges(self) -> Edges | None:
        return self.model.edges()

    def figure(self) -> Figure:
        return self.model.figure()
