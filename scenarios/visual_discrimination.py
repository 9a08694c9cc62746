"""Visual discrimination: find the centre of the big box (Stanley, D'Ambrosio, Gauci, Artificial Life 15(2), 2009, section 4).

A field of 11x11 pixels shows a small box of 1x1 and a big one of 3x3; the field of outputs is to be highest at the big box's
centre. 75 trials: the small box at 25 evenly distributed positions, the big one five pixels to the right, below, or both,
wrapped around and moved as little as puts it inside. Fitness is minus the sum of squared distances, in pixels, between the
highest output and the centre; of equally high outputs the farthest counts, since a network that answers everything alike has
found nothing. The test is every other placement of two boxes that do not overlap, which evolution never saw.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from evo.core import Budget, Metric, Model, Scenario, Score
from evo.hyperneat.substrate import sheet
from evo.settings import setting, settings
from evo.tasks.supervised import SupervisedTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE, OFFSET = 11, 5  # pixels along a side; from the small box to the big one, in the trials of the paper
ANSWERS = 1 << 22  # numbers that a model answers at once: 16 MB; at 11x11 all of a test
CENTRES = [(row, column) for row in range(1, SIZE - 1) for column in range(1, SIZE - 1)]  # of a big box that is inside


@settings
class VisualDiscriminationSettings:
    resolution: int = setting(11, "pixels along a side of the field, a multiple of 11", low=11, high=55)
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))

    def contradictions(self) -> list[str]:
        wrong = self.resolution % SIZE
        return [f"resolution: expected a multiple of {SIZE}; got {self.resolution}"] if wrong else []


Placement = tuple[tuple[int, int], tuple[int, int]]  # cells of 11x11: the small box, the centre of the big one


def trials() -> list[Placement]:
    """The 75 placements of the paper."""
    small = [(row, column) for row in range(1, SIZE, 2) for column in range(1, SIZE, 2)]
    moves = ((0, OFFSET), (OFFSET, 0), (OFFSET, OFFSET))
    inside = lambda cell: min(max(cell % SIZE, 1), SIZE - 2)
    return [((r, c), (inside(r + down), inside(c + right))) for r, c in small for down, right in moves]


def others() -> list[Placement]:
    """Every placement of two boxes that do not overlap, but those of `trials`."""
    seen, cells = set(trials()), range(SIZE)
    apart = lambda small, big: max(abs(small[0] - big[0]), abs(small[1] - big[1])) > 1
    every = [((r, c), (down, right)) for r, c in itertools.product(cells, cells) for down, right in CENTRES]
    return [(small, big) for small, big in every if apart(small, big) and (small, big) not in seen]


def fields(placements: list[Placement], resolution: int) -> tuple[Tensor, Tensor]:
    """Pictures (B, resolution^2) and the pixel (B,) in the middle of each big box.

    Pixels of a box are (11 / resolution)^2, so that what a field shows sums to the same at every resolution."""
    scale = resolution // SIZE
    x = np.zeros((len(placements), resolution, resolution), np.float32)
    for picture, ((row, column), (down, right)) in zip(x, placements):
        picture[row * scale : (row + 1) * scale, column * scale : (column + 1) * scale] = 1.0
        picture[(down - 1) * scale : (down + 2) * scale, (right - 1) * scale : (right + 2) * scale] = 1.0
    middle = np.array(
        [(down * scale + scale // 2) * resolution + right * scale + scale // 2 for _, (down, right) in placements]
    )
    x /= scale**2  # in place: of a test at 55x55 these are 109 MB
    return torch.from_numpy(x.reshape(len(x), -1)), torch.from_numpy(middle)


class VisualDiscrimination(SupervisedTask):
    """Fields at a resolution (a multiple of 11) as classes: which pixel is the big box's centre. "distance", mean over
    examples, is in pixels of 11x11 at every resolution."""

    def __init__(self, resolution: int = SIZE, **rest: Any):
        self.resolution = resolution
        places = torch.cartesian_prod(torch.arange(resolution), torch.arange(resolution)).float() * (SIZE / resolution)
        self._squared = torch.cdist(places, places).square()  # (O, O)
        shown = [fields(placements, resolution) for placements in (trials(), others())]
        shape = (1, resolution, resolution)
        names = [str(pixel) for pixel in range(resolution**2)]
        super().__init__(shown[0], None, shown[1], kind="classification", shape=shape, classes=names, fitness=self.near, **rest)
        self.metric = Metric("distance", "min")
        self.places = (sheet((resolution, resolution)),) * 2

    def at(self, resolution: int) -> VisualDiscrimination:
        """The same trials and tests, at a multiple of 11."""
        return VisualDiscrimination(**vars(VisualDiscriminationSettings(resolution=resolution)))

    def near(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Minus the sum of squared distances, (P, B, O) -> (P,)."""
        return -self._farthest(outputs, targets).double().sum(-1)

    def score(self, model: Model, split: str) -> Score | None:
        """Mean "distance", "accuracy" (the very pixel), "fitness" and "n" examples."""
        pair = self.split(split)
        if pair is None:
            return None
        x, y = pair
        rows = ANSWERS // self.outputs
        parts = zip(x.split(rows), y.split(rows))
        squared = torch.cat([self._farthest(torch.as_tensor(model(part))[None], truth)[0] for part, truth in parts]).double()
        distance, exact = float(squared.sqrt().mean()), float((squared == 0).double().mean())
        return {"distance": distance, "accuracy": exact, "fitness": -float(squared.sum()), "n": len(x)}

    def diagnostics(self, model: Model) -> None:
        """None: outputs are heights, no probabilities that could be calibrated."""

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """Four fields above what the model answers to them: a circle at the big box's centre, a cross at the highest output."""
        from evo.plots import figures

        x, y = self.split(split) or self.split("train")
        side = math.isqrt(self.inputs)
        chosen = torch.linspace(0, len(x) - 1, 4).long()
        figure = figures.blank()
        for column, (field, target) in enumerate(zip(x[chosen], y[chosen].tolist())):
            answer = torch.as_tensor(model(field[None]))[0]
            for row, values in enumerate((field, answer)):
                axes = figure.add_subplot(2, 4, 4 * row + column + 1)
                axes.imshow(values.reshape(side, side).numpy(), cmap="Greys_r", interpolation="nearest")
                axes.plot(target % side, target // side, "o", color=figures.PALETTE[1], fillstyle="none", markersize=9)
                axes.set(xticks=[], yticks=[])
            highest = int(answer.argmax())
            axes.plot(highest % side, highest // side, "x", color=figures.PALETTE[2], markersize=7)
        figure.suptitle(
            "fields, and outputs: circle: the big box's centre, cross: the highest output", fontsize=figures.SMALL + 1
        )
        return figures.settled(figure)

    def _farthest(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Squared distances (P, B) of the highest outputs, of equal ones the farthest; NaN where an output is NaN."""
        most = outputs.amax(-1, keepdim=True)
        farthest = torch.where(outputs == most, self._squared[targets], -1.0).amax(-1)
        return farthest.where(~most[..., 0].isnan(), math.nan)


scenario = Scenario(
    name="visual_discrimination",
    title="find the centre of the bigger of two boxes in a field of 11x11 pixels",
    task=lambda settings, network: VisualDiscrimination(network=network, **vars(settings)),
    settings=VisualDiscriminationSettings,
    budget=Budget(evaluations=30_000),
    methods=("hyperneat", "ga", "backprop", "linear", "random-search"),
    model={"network": "mlp", "hidden": (121,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("visual_discrimination")
