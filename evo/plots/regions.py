"""Where a classifier says what, in a plane through three examples: of a linear one, the borders are straight lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from evo.plots.figures import COLOURS, PALETTE, SMALL, blank, plain, settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 160  # points along a side
MARGIN = 0.6  # around the examples, in the length of their extent
SMALLEST = 0.002  # share of the plane from which a region is named


def draw(models: Mapping[str, Callable[[Tensor], Tensor]], examples: Tensor, classes: Sequence[str], what: str = "") -> Figure:
    """The class that each of `models`, by title, gives to points of the plane through `examples` (3, I), side by side.

    A model: (B, I) -> (B, O). classes: the names of its O outputs. Raises ValueError for examples on one line.
    """
    places = _coordinates(examples)
    low, high = places.min(0).values, places.max(0).values
    margin = MARGIN * (high - low).max()
    ranges = [torch.linspace(float(a - margin), float(b + margin), SIDE, dtype=torch.float64) for a, b in zip(low, high)]
    grid = torch.cartesian_prod(*ranges)  # the first coordinate outermost
    weights = torch.linalg.solve(torch.cat([places.T, torch.ones(1, 3)]), torch.cat([grid, torch.ones(len(grid), 1)], 1).T)
    points = (weights.T @ examples.double()).float()  # barycentric coordinates of the three
    figure = blank()
    figure.suptitle(what, fontsize=SMALL + 2)
    extent = (float(ranges[0][0]), float(ranges[0][-1]), float(ranges[1][0]), float(ranges[1][-1]))
    for axes, (title, model) in zip(figure.subplots(1, len(models), squeeze=False)[0], models.items()):
        said = torch.as_tensor(model(points)).cpu().argmax(-1).reshape(SIDE, SIDE).T.numpy()
        _show(axes, said, extent, classes)
        axes.scatter(*places.T.numpy(), s=36, marker="o", facecolors="white", edgecolors="black", zorder=3)
        axes.set_title(title, fontsize=SMALL + 1)
    return settled(figure)


def _coordinates(examples: Tensor) -> Tensor:
    """The examples (3, I) in the plane through them (3, 2) float64, the first at the origin, the second on the first axis."""
    across, other = (examples[1:] - examples[0]).double()
    length = across.norm()
    along = other @ across / length
    up = (other.square().sum() - along.square()).clamp(min=0).sqrt()
    if not (length > 0 and up > 1e-6 * length):
        raise ValueError("expected three examples that do not lie on one line")
    return torch.stack([torch.zeros(2, dtype=torch.float64), torch.stack([length, 0 * length]), torch.stack([along, up])])


def _show(axes: Axes, said: np.ndarray, extent: tuple[float, float, float, float], classes: Sequence[str]) -> None:
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(PALETTE[k % COLOURS]) for k in range(len(classes))])
    axes.imshow(0.45 * colours[said] + 0.55, origin="lower", extent=extent, aspect="equal", interpolation="nearest")
    across, up = (np.linspace(a, b, SIDE) for a, b in (extent[:2], extent[2:]))
    for k, name in enumerate(classes):
        inside = said == k
        if inside.mean() < SMALLEST:
            continue
        axes.contour(across, up, inside, levels=[0.5], colors="black", linewidths=0.6)
        rows, columns = np.nonzero(inside)
        middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)  # its own point nearest to its centre
        place = across[columns[middle]], up[rows[middle]]
        axes.text(*place, plain(name, 10), ha="center", va="center", fontsize=SMALL + 1, fontweight="bold")
    axes.set_xticks([])
    axes.set_yticks([])
