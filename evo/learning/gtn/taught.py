"""The champion of generative teaching: a network that was taught, and the teacher that taught it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from evo import rng
from evo.core import Saved
from evo.learning.gtn.curriculum import Draw, Teacher
from evo.learning.gtn.inner import Inner, Loss
from evo.learning.gtn.weight_norm import normalised, plain
from evo.vectors.models import TorchModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

TEACHER = "teacher."  # before the names of its tensors in a champion's file
ROWS = 8  # steps that a picture shows


def begun(make: Callable[[], nn.Module], draw: Draw, device: torch.device) -> nn.Module:
    """A newly initialised network."""
    with rng.torch_seed(*draw, rng.NETWORK):
        return make().to(device)


@torch.no_grad()
def taught(make: Callable[[], nn.Module], teacher: Teacher, loss: Loss, draw: Draw, weight_norm: bool = True) -> nn.Module:
    """A newly initialised network after all lessons of a teacher.

    make() gives an nn.Module (B, I) -> (B, O), of any architecture, initialised by torch's global generator. loss: of outputs
    (B, O) and labels (B,). draw: what it is initialised by. weight_norm: whether its weights are normalised while it learns.
    """
    network = begun(make, draw, teacher.unit.device)
    learner = normalised(copy.deepcopy(network)) if weight_norm else copy.deepcopy(network)
    state = Inner(learner, teacher.lessons(draw), teacher.shape.steps, loss).learn()
    for p, value in zip(learner.parameters(), state):
        p.copy_(value)
    network.load_state_dict(plain(learner).state_dict())
    return network


class Taught(TorchModel):
    """A network that a teacher taught, newly initialised. teacher: the curriculum and rates, `evo.learning.gtn.Teacher`."""

    def __init__(self, module: nn.Module, teacher: Teacher):
        super().__init__(module)
        self.teacher = teacher

    def save(self) -> Saved:
        tensors, _ = super().save()
        ours = {TEACHER + name: value.detach().cpu().contiguous().clone() for name, value in self.teacher.state_dict().items()}
        return tensors | ours, {"kind": "taught"}

    def figure(self) -> Figure:
        """Examples of some steps as a strip, one of each class, and all rates (matplotlib); the network, where they are no
        pictures."""
        shape, lessons = self.teacher.shape, self.teacher.lessons()
        if shape.picture is None:
            return super().figure()
        from evo.plots.lessons import draw

        steps = sorted({round(step) for step in np.linspace(0, shape.steps - 1, ROWS)})
        pictures = np.full((len(steps), shape.classes, *shape.picture[1:]), np.nan)
        for row, t in enumerate(steps):
            x, y, *_ = lessons(t)
            for label in y.unique().tolist():
                example = x[int((y == label).nonzero()[0])].detach().cpu()
                pictures[row, label] = example.view(shape.picture).mean(0)
        return draw(pictures, [step + 1 for step in steps], *(each.cpu().numpy() for each in self.teacher.pace()))
