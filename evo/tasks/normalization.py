"""Observation normalisation: networks see (observation - mean) / std, with the moments of all that was seen so far.

Salimans, Ho, Chen, Sidor, Sutskever: Evolution strategies as a scalable alternative to reinforcement learning (2017),
and Mania, Guy, Recht: Simple random search provides a competitive approach to reinforcement learning (2018), section
3.2. Moments are kept as count, mean and M2 (the sum of squared deviations), float64, merged by the formula of Chan,
Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances (1979).

Mean and std are fixed within a generation, so all its genomes meet the same world, and move after it. They belong to
the champion: `NormalizedModel` carries the ones it was judged with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo.core import Model, Phenotypes, Saved, State, example
from evo.rollout.lanes import Policy, policy
from evo.tasks.wrapped import WrappedModel, WrappedPhenotypes


class LaneMoments:
    """Moments of each of L lanes (one genome in one episode), gathered tick by tick; no lane touches another's.

    count (L, 1), mean (L, I), m2 (L, I).
    """

    def __init__(self, lanes: int, inputs: int):
        self.count = np.zeros((lanes, 1))
        self.mean = np.zeros((lanes, inputs))
        self.m2 = np.zeros((lanes, inputs))

    def clear(self) -> None:
        """Forgets all rows."""
        for values in (self.count, self.mean, self.m2):
            values.fill(0.0)

    def add(self, observations: np.ndarray, alive: np.ndarray) -> None:
        """Adds one row of `observations` (L, I) to every lane where `alive` (L,) is true (Welford, 1962)."""
        seen = np.where(alive[:, None], observations, self.mean)  # its own mean moves no lane
        self.count += alive[:, None]
        delta = seen - self.mean
        self.mean += delta / np.maximum(self.count, 1.0)
        self.m2 += delta * (seen - self.mean)

    def merged(self) -> Tensor:
        """The moments of all lanes together, (3, I) float64: count, mean, M2. Lanes that saw NaN or infinity are left out."""
        good = (np.isfinite(self.m2).all(axis=1) & (self.count[:, 0] > 0))[:, None]
        count = np.where(good, self.count, 0.0)
        total = count.sum()
        mean = (count * np.where(good, self.mean, 0.0)).sum(axis=0) / max(total, 1.0)
        spread = np.where(good, self.m2 + count * (self.mean - mean) ** 2, 0.0).sum(axis=0)
        return torch.from_numpy(np.stack([np.full_like(mean, total), mean, spread]))


class ObservationStatistics:
    """Running moments of observations with I features. Before the first update mean is 0 and std is 1."""

    def __init__(self, inputs: int):
        self._moments = torch.zeros(3, inputs, dtype=torch.float64)

    def update(self, moments: Tensor) -> None:
        """Merges `moments` (3, I) float64: count, mean, M2, which is what `Evaluation.observations` holds.

        Raises ValueError if the shape is another.
        """
        if moments.shape != self._moments.shape:
            raise ValueError(f"moments must have shape {tuple(self._moments.shape)}; got {tuple(moments.shape)}")
        (n, mean, m2), (k, other_mean, other_m2) = self._moments, moments.to(torch.float64)
        total = (n + k).clamp(min=1.0)
        delta = other_mean - mean
        self._moments = torch.stack([n + k, mean + delta * k / total, m2 + other_m2 + delta**2 * n * k / total])

    @property
    def mean(self) -> Tensor:
        """(I,) float32."""
        return self._moments[1].to(torch.float32)

    @property
    def std(self) -> Tensor:
        """(I,) float32; 1 for a feature that has not varied, so that it passes centred but not blown up."""
        count, _, m2 = self._moments
        variance = m2 / count.clamp(min=1.0)
        return torch.where(variance > 1e-12, variance.sqrt(), 1.0).to(torch.float32)

    def take_over(self, model: NormalizedModel) -> None:
        """Begins with a model's mean and std. They weigh as a million observations, so that the world in which its
        weights were found changes slowly. Raises ValueError if the model sees another number of features."""
        if model.mean.shape != self.mean.shape:
            raise ValueError(f"the model sees {len(model.mean)} observations, the task gives {len(self.mean)}")
        count, mean, std = torch.tensor(1e6), model.mean.double(), model.std.double()
        self._moments = torch.stack([count.double().expand_as(mean), mean, count * std**2])

    def wrap(self, phenotypes: Phenotypes) -> Normalized:
        return Normalized(phenotypes, self.mean, self.std)

    def wrap_model(self, model: Model) -> NormalizedModel:
        return NormalizedModel(model, self.mean, self.std)

    def state_dict(self) -> State:
        return {"moments": self._moments.clone()}

    def load_state_dict(self, state: State) -> None:
        self._moments = state["moments"].clone()


class Normalized(WrappedPhenotypes):
    """Phenotypes that see normalised inputs; mean and std (I,)."""

    def __init__(self, phenotypes: Phenotypes, mean: Tensor, std: Tensor):
        super().__init__(phenotypes)
        self.mean, self.std = mean.to(phenotypes.device), std.to(phenotypes.device)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, I) or (P, B, I) -> (P, B, O)."""
        return self.inner.forward((x - self.mean) / self.std)

    def policy(self) -> Policy | None:
        return _normalized(policy(self.inner), self.mean, self.std)

    def to(self, device: str | torch.device) -> Normalized:
        return Normalized(self.inner.to(device), self.mean, self.std)


class Normalize(nn.Module):
    """(x - mean) / std as a module; mean and std (I,) are buffers."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor):
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class NormalizedModel(WrappedModel):
    """A Model that sees normalised inputs and carries mean and std (I,) with it, as two tensors more when saved."""

    def __init__(self, model: Model, mean: Tensor, std: Tensor):
        super().__init__(model)
        self.mean, self.std = mean, std

    def __repr__(self) -> str:
        return f"NormalizedModel({self.model!r})"

    def __call__(self, inputs: npt.ArrayLike) -> Tensor | np.ndarray:
        return self.model((torch.as_tensor(inputs) - self.mean) / self.std)

    def activate(self, inputs: Sequence[float]) -> list[float]:
        """The outputs of the inner model's `activate` for one example, normalised: I numbers in, O floats out. Raises
        ValueError for another number of inputs, and as that of the model does."""
        mean, std = self._numbers
        return self.model.activate((example(inputs, mean.size) - mean) / std)

    @cached_property
    def _numbers(self) -> tuple[np.ndarray, np.ndarray]:
        return self.mean.numpy(), self.std.numpy()

    def policy(self) -> Policy | None:
        return _normalized(policy(self.model), self.mean, self.std)

    def to_module(self) -> nn.Module:
        """The network with the normalisation before it. Raises ValueError if it is no torch module."""
        return nn.Sequential(Normalize(self.mean, self.std), self.model.to_module())

    def save(self) -> Saved:
        tensors, header = self.model.save()
        return {**tensors, "observation_mean": self.mean, "observation_std": self.std}, header


def _normalized(inner: Policy | None, mean: Tensor, std: Tensor) -> Policy | None:
    """A policy that sees normalised inputs, where there is one."""
    if inner is None:
        return None
    centre, spread = (values.cpu().numpy().astype(np.float32) for values in (mean, std))
    return dataclasses.replace(inner, mean=centre, std=spread)
