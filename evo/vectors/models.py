"""The champion of a weight-based method as a Model: an nn.Module, or a point."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evo import rng
from evo.core import Saved
from evo.rollout.lanes import Policy
from evo.vectors import mlp_kernel

ROWS = 4096  # examples per forward pass


class TorchModel:
    """An nn.Module as a Model: called with rows (B, I), tensor or array, it returns a tensor (B, O) on the host."""

    def __init__(self, module: nn.Module):
        self.module = module.eval()

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.module.parameters())

    @property
    def connections(self) -> int:
        """The number of non-zero parameters."""
        return sum(int(p.count_nonzero()) for p in self.module.parameters())

    @torch.no_grad()
    def __call__(self, inputs: Any) -> Tensor:
        device = next((p.device for p in self.module.parameters()), torch.device("cpu"))
        x = torch.as_tensor(inputs, dtype=torch.float32)
        parts = [self.module(part.to(device)) for part in x.split(ROWS)]
        return torch.cat(parts).cpu()

    def reset(self) -> None:
        """Resets a module that has state and a `reset` of its own; no effect on feed-forward modules."""
        if hasattr(self.module, "reset"):
            self.module.reset()

    def to_module(self) -> nn.Module:
        return self.module

    def policy(self) -> Policy | None:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        flat = [p.detach().flatten() for p in self.module.parameters()]
        return mlp_kernel.policy(self.module, torch.cat(flat)[None]) if flat else None

    def save(self) -> Saved:
        return {k: v.detach().cpu().contiguous().clone() for k, v in self.module.state_dict().items()}, {"kind": "torch"}

    def figure(self) -> Any:
        """The weights, one image per layer (matplotlib Figure)."""
        from evo.plots.figures import weights

        return weights({name: p.detach().cpu() for name, p in self.module.named_parameters()})


class VectorModel:
    """A point (D,) of a FunctionTask as a Model: calling it returns the point."""

    def __init__(self, vector: Any):
        self.vector = np.array(vector)

    @property
    def parameters(self) -> int:
        return self.vector.size

    def __call__(self, inputs: Any = None) -> np.ndarray:
        return self.vector

    def reset(self) -> None:
        pass

    def save(self) -> Saved:
        return {"vector": torch.from_numpy(self.vector.copy())}, {"kind": "vector"}

    def figure(self) -> Any:
        from evo.plots.figures import weights

        return weights({"vector": torch.from_numpy(self.vector)})


def restore(task: Any, tensors: dict[str, Tensor], header: dict[str, str]) -> TorchModel | VectorModel:
    """The model saved by `save`: on the task's network, or a point. Raises ValueError if the tensors do not fit."""
    if not hasattr(task, "network"):
        vector = tensors.get("vector", torch.empty(0))
        if vector.shape != (task.dimensions,):
            raise ValueError(f"expected a vector of shape ({task.dimensions},); got {tuple(vector.shape)}")
        return VectorModel(vector.numpy())
    with rng.torch_seed(0, 0, 0, rng.NETWORK):
        module = task.network()
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"these weights do not fit the network of the task: {error}") from error
    return TorchModel(module)
