"""Images of functions of place, in rows: pictures, answers of a network over a plane, weights of a node from all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evo.plots.figures import SMALL, blank, plain, settled
from evo.plots.topology import Topology, put

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


class Plane(NamedTuple):
    """An image with a title: numbers (H, W), blue where positive, red where negative; or, if it is a `picture`, grey values
    (H, W) or red, green and blue (H, W, 3), in 0 .. 1."""

    title: str
    values: np.ndarray
    picture: bool = False


def draw(
    rows: Sequence[tuple[str, Sequence[Plane]]],
    topology: Topology | None = None,
    below: Callable[[SubFigure], None] | None = None,
) -> Figure:
    """Rows of images, each with its name, and at the left the topology of the network that they come from, if it is given, and
    what `below` draws (matplotlib Figure)."""
    figure = blank(9.0, min(5.0, 1.0 + 1.9 * len(rows)) if topology is None else 4.5 if len(rows) < 2 else 5.0)
    panel = figure
    if topology is not None:
        left, panel = figure.subfigures(1, 2)  # type: ignore[misc, assignment]  # an array of two
        upper = left
        if below is not None:
            upper, lower = left.subfigures(2, 1)
            below(lower)
        put(topology, upper.subplots())
    strips(panel, rows)
    return settled(figure)


def strips(panel: Figure | SubFigure, rows: Sequence[tuple[str, Sequence[Plane]]]) -> None:
    """Rows of images, each with its name. The colours of a row's numbers reach to the largest magnitude in it, which
    follows its name."""
    if any(not each.picture for _, planes in rows for each in planes):
        panel.suptitle("blue: positive, red: negative", fontsize=SMALL + 1)
    found = panel.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for strip, (name, planes) in zip(found, rows):
        numbers = [np.abs(each.values[np.isfinite(each.values)]).max(initial=0.0) for each in planes if not each.picture]
        reach = float(max(numbers, default=0.0)) or 1.0
        strip.suptitle(f"{name}, within ±{reach:.2g}" if numbers else name, fontsize=SMALL + 1)
        for axes, plane in zip(strip.subplots(1, len(planes), squeeze=False)[0], planes):
            _show(axes, plane, reach)


def _show(axes: Axes, plane: Plane, reach: float) -> None:
    """reach: the magnitude of the strongest colours."""
    cmap, low, high = ("gray", 0.0, 1.0) if plane.picture else ("RdBu", -reach, reach)
    thin = min(plane.values.shape[:2]) == 1  # a row, which is stretched
    axes.imshow(plane.values, interpolation="nearest", aspect="auto" if thin else "equal", cmap=cmap, vmin=low, vmax=high)
    axes.set_title(plain(plane.title, 28), fontsize=SMALL)
    axes.set(xticks=[], yticks=[])
