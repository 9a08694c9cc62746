"""The champion of a weight-based method as a Model: an nn.Module, or a point."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo import rng
from evo.core import Model, Networked, Points, Saved, Task, counted, example
from evo.rollout.lanes import Policy
from evo.settings import did_you_mean
from evo.vectors import mlp_kernel, rnn_kernel
from evo.vectors.modules import MLP
from evo.vectors.recurrent import Recurrent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.plots.topology import Topology

ROWS = 4096  # examples per forward pass
UNITS = 40  # inputs, hidden and outputs of an MLP that is drawn as a network, at most


@runtime_checkable
class SupportsReset(Protocol):
    """A module that keeps something between calls."""

    def reset(self) -> None: ...


class TorchModel(Model):
    """An nn.Module as a Model: called with rows (B, I), tensor or array, it returns a tensor (B, O) float32 on the host.

    module: (B, I) float32 -> (B, O), on any device; it is put into evaluation mode, and runs without gradients.
    """

    def __init__(self, module: nn.Module):
        self.module = module.eval()
        self._single: tuple[list[tuple[int, int]], mlp_kernel.Single | None] | None = (
            None  # what `activate` runs, and of which weights
        )

    def __repr__(self) -> str:
        return f"TorchModel({type(self.module).__name__}, {counted(self.parameters, 'parameter')})"

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.module.parameters())

    @property
    def connections(self) -> int:
        """The number of non-zero parameters."""
        return sum(int(p.count_nonzero()) for p in self.module.parameters())

    @property
    def keeps_state(self) -> bool:
        return isinstance(self.module, Recurrent)

    @torch.no_grad()
    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        device = next((p.device for p in self.module.parameters()), torch.device("cpu"))
        x = torch.as_tensor(inputs, dtype=torch.float32)
        rows = max(1, len(x)) if self.keeps_state else ROWS  # a state is of all
        parts = [self.module(part.to(device)) for part in x.split(rows)]
        return torch.cat(parts).cpu()

    def activate(self, inputs: Sequence[float]) -> list[float]:
        """The outputs for one example: I numbers in, O floats out, those of a call with that one row but for rounding.

        An MLP on the cpu, a sigmoid behind it or not, runs in the kernel that its episodes run in; another module is called,
        which takes torch ten times as long. Raises ValueError for another number of inputs, or other inputs that the module
        does not take.
        """
        now = [(p.data_ptr(), p._version) for p in self._weights]  # which training changes
        if self._single is None or self._single[0] != now:
            policy = mlp_kernel.policy(self._unsquashed, self._flat) if self._weights else None
            self._single = now, None if policy is None else mlp_kernel.Single(policy)
        run = self._single[1]
        if run is not None:
            outputs = run(inputs)
            return outputs if self._unsquashed is self.module else [0.5 + 0.5 * math.tanh(0.5 * value) for value in outputs]
        row = example(inputs)[None]
        try:
            return self(row)[0].tolist()
        except RuntimeError as error:
            raise ValueError(f"{type(self.module).__name__} fails on one row of {row.shape[1]} numbers: {error}") from error

    @property
    def _unsquashed(self) -> nn.Module:
        """The module without the sigmoid at its end that makes probabilities."""
        module = self.module
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.Sigmoid):
            return module[0]
        return module

    @cached_property
    def _weights(self) -> list[nn.Parameter]:
        return list(self.module.parameters())

    def reset(self) -> None:
        """Resets a module that has state and a `reset` of its own; no effect on feed-forward modules."""
        if isinstance(self.module, SupportsReset):
            self.module.reset()

    def to_module(self) -> nn.Module:
        return self.module

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        return policy(self.module, self._flat) if self._weights else None

    @property
    def _flat(self) -> Tensor:
        """Its parameters (1, D)."""
        return torch.cat([p.detach().flatten() for p in self._weights])[None]

    def save(self) -> Saved:
        return {k: v.detach().cpu().contiguous().clone() for k, v in self.module.state_dict().items()}, {"kind": "torch"}

    def figure(self) -> Figure:
        """An MLP of at most UNITS units as a network, inputs at the left; else the weights, one image per layer (matplotlib
        Figure)."""
        from evo.plots.figures import weights
        from evo.plots.topology import draw

        if (topology := _topology(self._unsquashed)) is not None:
            return draw(topology)
        return weights({name: p.detach().cpu() for name, p in self.module.named_parameters()})


def _topology(module: nn.Module) -> Topology | None:
    """The connections of an MLP whose weights are not 0, biases as those of one node; None if it is none, has more than UNITS
    units, or a weight that is not finite."""
    from evo.plots.topology import Topology

    if type(module) is not MLP or not module.plain or not all(bool(p.isfinite().all()) for p in module.parameters()):
        return None
    layers = [layer for layer in module.layers if isinstance(layer, nn.Linear)]
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    if sum(sizes) > UNITS:
        return None
    bias, first = sum(sizes), np.cumsum([0, *sizes]).tolist()  # nodes are numbered layer by layer
    connections = []
    for k, layer in enumerate(layers):
        rows = torch.cat([layer.weight, layer.bias[:, None]], 1).tolist()
        sources = [*range(first[k], first[k + 1]), bias]
        for target, row in enumerate(rows, first[k + 1]):
            connections += [(source, target, weight) for source, weight in zip(sources, row) if weight]
    computed, outputs = range(first[1], bias), range(first[-2], bias)
    kinds = dict.fromkeys(range(first[1]), "sensor") | dict.fromkeys(computed, "hidden") | dict.fromkeys(outputs, "output")
    names = {k: f"in {k}" for k in range(first[1])} | dict.fromkeys(computed, "") | {k: f"out {k - first[-2]}" for k in outputs}
    if any(source == bias for source, *_ in connections):
        kinds[bias], names[bias] = "bias", "bias"
    return Topology(kinds, names, [*computed], connections, hidden=first[-2] - first[1], idle=0)


class VectorModel(Model):
    """A point (D,) of a FunctionTask as a Model: calling it returns the point."""

    def __init__(self, vector: npt.ArrayLike):
        self.vector = np.array(vector)

    def __repr__(self) -> str:
        return f"VectorModel({counted(self.vector.size, 'number')})"

    @property
    def parameters(self) -> int:
        return self.vector.size

    def __call__(self, inputs: npt.ArrayLike | None = None) -> np.ndarray:
        return self.vector

    def activate(self, inputs: Sequence[float] | None = None) -> list[float]:
        """The point as D floats."""
        return self.vector.tolist()

    def save(self) -> Saved:
        return {"vector": torch.from_numpy(self.vector.copy())}, {"kind": "vector"}

    def figure(self) -> Figure:
        from evo.plots.figures import weights

        return weights({"vector": torch.from_numpy(self.vector)})


def policy(module: nn.Module, vectors: Tensor) -> Policy | None:
    """The networks of `module` with parameters (P, D) as a Policy of cores; None if no kernel runs them."""
    return mlp_kernel.policy(module, vectors) or rnn_kernel.policy(module, vectors)


def network_of(task: Networked) -> nn.Module:
    """A network of the task, initialised alike each time; its weights are of no account."""
    with rng.torch_seed(0, 0, 0, rng.NETWORK):
        return task.network()


def restore(task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> TorchModel | VectorModel:
    """The model saved by `save`: on the task's network, or a point. Raises ValueError if the tensors do not fit."""
    if isinstance(task, Points):
        vector = tensors.get("vector", torch.empty(0))
        if vector.shape != (task.dimensions,):
            raise ValueError(f"expected a vector of shape ({task.dimensions},); got {tuple(vector.shape)}")
        return VectorModel(vector.numpy())
    if not isinstance(task, Networked):
        raise ValueError("the task has no network to restore")
    module = network_of(task)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"these weights do not fit the network of the task: {error}") from error
    return TorchModel(module)


def as_module(model: Model | nn.Module) -> nn.Module:
    """A module as it is, or that of a Model. Raises ValueError for what is neither, and for a Model that is no module."""
    module = model.to_module() if isinstance(model, Model) else model
    if not isinstance(module, nn.Module):
        raise ValueError(f"expected a torch module, or a model of one; got {type(model).__name__}")
    return module


def matching(patterns: Sequence[str], names: Collection[str]) -> set[str]:
    """The parameters' names that match one of the `frozen` patterns. Raises ValueError for a pattern that matches none, or all,
    TypeError for what is no list of names."""
    if isinstance(patterns, str) or not all(isinstance(pattern, str) for pattern in patterns):
        raise TypeError(f"frozen: expected a list of names; got {patterns!r}")
    matched = set()
    for pattern in patterns:
        if not (found := fnmatch.filter(names, pattern)):
            raise ValueError(f"frozen: no parameter matches {pattern!r}{did_you_mean(pattern, names)}")
        matched.update(found)
    if len(matched) == len(names):
        raise ValueError(f"frozen: {list(patterns)} are all parameters: nothing would be searched or trained")
    return matched
