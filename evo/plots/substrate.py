"""Where the nodes of a network lie, and its connections, in two dimensions or three; and the parts of space that one node of
ES-HyperNEAT is connected to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evo.core import Edges
from evo.plots.figures import MARKERS, PALETTE, SMALL, blank, settled
from evo.plots.planes import Plane, strips

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

SHOWN = 2000  # connections, the strongest


class Placed(NamedTuple):
    """Nodes at `places` (N, d), of which `kinds` names consecutive ones ("inputs", 4); connections `source`, `target` (C,), of
    these weights (C,)."""

    places: np.ndarray
    kinds: Sequence[tuple[str, int]]
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    @property
    def edges(self) -> Edges:
        return self.source, self.target, self.weight


class Bands(NamedTuple):
    """What a CPPN answers of connections of one node: `image` (rows, columns) over -1 .. 1, the first coordinate to the right,
    the second upwards; squares (K, 3) around those that are: middle and half of a side; title: which node."""

    image: np.ndarray
    squares: np.ndarray
    title: str


def draw(network: Placed, bands: Bands | None = None, answers: tuple[str, Sequence[Plane]] | None = None) -> Figure:
    """As `put`, beside it the bands of one node, and below a row of images with its name (matplotlib Figure)."""
    figure = blank(9.0, 4.5 if answers is None else 5.0)
    upper: Figure | SubFigure = figure
    if answers is not None:
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.6, 1.0))  # type: ignore[misc]  # an array of two
        strips(lower, [answers])
    put(network, upper, 1 + (bands is not None))
    if bands is not None:
        _bands(upper.add_subplot(1, 2, 2), bands)
    return settled(figure)


def put(network: Placed, panel: Figure | SubFigure, columns: int = 1) -> None:
    """In the first of some columns nodes where they lie (only the first three dimensions can be seen) and the strongest
    connections, blue above 0, dashed orange below."""
    if network.places.shape[1] < 3:
        axes = panel.add_subplot(1, columns, 1)
    else:
        axes = panel.add_subplot(1, columns, 1, projection="3d")
    _network(axes, network)


def below(network: Placed) -> Callable[[SubFigure], None] | None:
    """`put`, for what `planes.draw` shows below a topology; None where layers have more than two dimensions, which with that
    from layer to layer cannot be seen."""
    return partial(put, network) if network.places.shape[1] <= 3 else None


def _network(axes: Axes, network: Placed) -> None:
    places = network.places[:, :3]
    if places.shape[1] == 1:
        places = np.column_stack([places, np.zeros(len(places))])
    shown = np.sort(np.argsort(-np.abs(network.weight), kind="stable")[:SHOWN])
    most = max(1e-12, float(np.abs(network.weight).max(initial=0.0)))
    for k in shown:
        ends = places[[network.source[k], network.target[k]]].T
        colour, dashes = (PALETTE[0], "-") if network.weight[k] > 0 else (PALETTE[1], "--")
        strength = float(abs(network.weight[k])) / most
        axes.plot(*ends, dashes, color=colour, linewidth=0.3 + 1.2 * strength, alpha=0.2 + 0.6 * strength, zorder=1)
    begin = 0
    for k, (name, count) in enumerate(network.kinds):
        own = places[begin : begin + count]
        axes.plot(
            *own.T,
            MARKERS[k % len(MARKERS)],
            color="black",
            markersize=4,
            linestyle="none",
            label=f"{name} ({count:,})",
            zorder=2,
        )
        begin += count
    left = len(network.weight) - len(shown)
    axes.set_title(f"{len(shown):,} connections" + f", {left:,} weaker ones left out" * (left > 0), fontsize=SMALL + 1)
    axes.legend(fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3)  # below: it would hide nodes
    axes.tick_params(labelsize=SMALL)


def _bands(axes: Axes, bands: Bands) -> None:
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    most = max(1e-12, float(np.abs(bands.image).max()))
    colours = Normalize(-most, most)
    axes.imshow(bands.image, "PuOr", colours, origin="lower", extent=(-1, 1, -1, 1), interpolation="nearest")
    for x, y, half in bands.squares.tolist():
        axes.add_patch(Rectangle((x - half, y - half), 2 * half, 2 * half, fill=False, edgecolor="black", linewidth=1.0))
    axes.set_title(bands.title, fontsize=SMALL + 1)
    axes.tick_params(labelsize=SMALL)
