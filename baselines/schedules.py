"""A schedule that torch lacks: the rate as one over the time (Robbins, Monro: A stochastic approximation method. Annals of
Mathematical Statistics 22, 1951): descent by noisy gradients then comes to rest."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler


class InverseTimeLR(LRScheduler):
    """lr = initial lr / (1 + decay * epoch). decay: per epoch, >= 0. Raises ValueError for another."""

    def __init__(self, optimizer: torch.optim.Optimizer, decay: float, last_epoch: int = -1):
        if not decay >= 0:
            raise ValueError(f"decay: expected a number >= 0; got {decay!r}")
        self.decay = decay
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rate of each group."""
        return [rate / (1 + self.decay * self.last_epoch) for rate in self.base_lrs]
