"""The topology of a network as a figure: layers from left to right, without an external graph-drawing program.

A node's layer is the length of the longest path from the inputs (Sugiyama, Tagawa, Toda: Methods for visual understanding of
hierarchical system structures. IEEE Transactions on Systems, Man and Cybernetics 11, 1981); outputs are in the last layer.
Within a layer, nodes are ordered by the barycentre of their neighbours, in alternating sweeps. Connections that do not lead
to a later layer are curved; self-connections are loops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.plots.figures import PALETTE, SMALL, blank, settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Place = tuple[float, float]

COLOURS = {"sensor": "#DDDDDD", "bias": "#DDDDDD", "output": PALETTE[3], "hidden": PALETTE[2]}
POSITIVE, NEGATIVE = PALETTE[0], PALETTE[4]
SWEEPS = 8
NAMED = 24  # largest number of nodes of a layer that are labelled


@dataclass(frozen=True)
class Topology:
    """The nodes of a network that are used, by number, and the connections between them.

    kinds: "sensor", "bias", "hidden" or "output" of each node; names: node labels; computed: the computed nodes, in
    topological order; connections: (source, target, weight). idle: number of nodes without effect; hidden: number of hidden
    nodes, idle ones included.
    """

    kinds: dict[int, str]
    names: dict[int, str]
    computed: list[int]
    connections: list[tuple[int, int, float]]
    hidden: int
    idle: int


def draw(topology: Topology) -> Figure:
    """The nodes and connections of a network (matplotlib Figure); a weight that is not finite is as wide as the largest."""
    figure = blank()
    put(topology, figure.subplots())
    return settled(figure)


def put(topology: Topology, axes: Axes) -> None:
    """`draw`, on axes."""
    connections, kinds, names = topology.connections, topology.kinds, topology.names
    position = _layout(topology)
    axes.set_axis_off()
    most = max(np.unique([x for x, _ in position.values()], return_counts=True)[1])
    size = float(np.clip(220 / most, 5, 17))  # of a node, in points
    reach = max((abs(weight) for *_, weight in connections if math.isfinite(weight)), default=1.0) or 1.0
    for source, target, weight in sorted(connections, key=lambda connection: abs(connection[2])):
        strength = abs(weight) / reach if math.isfinite(weight) else 1.0
        _draw_connection(axes, position[source], position[target], weight, strength, size)
    slots = sorted(position)
    for kind, marker in (("sensor", "s"), ("bias", "D"), ("hidden", "o"), ("output", "o")):
        spots = np.array([position[slot] for slot in slots if kinds[slot] == kind]).reshape(-1, 2)
        axes.plot(*spots.T, marker, color=COLOURS[kind], markeredgecolor="black", markersize=size, zorder=3)
    for slot in slots:
        side = {"hidden": 0, "output": 1}.get(kinds[slot], -1)
        if side:
            ends: dict[str, Any] = dict(xytext=(side * (size / 2 + 3), 0), ha="right" if side < 0 else "left", va="center")
        else:
            ends = dict(xytext=(0, -size / 2 - 2), ha="center", va="top")
        if most <= (NAMED if side else NAMED // 2) or side > 0:
            axes.annotate(names[slot], position[slot], textcoords="offset points", fontsize=SMALL, zorder=4, **ends)
    axes.margins(x=0.12, y=0.12)
    title = f"{len(slots)} nodes, {topology.hidden} hidden, {len(connections)} connections"
    title += f"; {topology.idle} nodes without effect" if topology.idle else ""
    legend = f"blue, solid: positive; orange, dashed: negative\nwidth: weight, within ±{reach:.2g}"
    axes.set_title(f"{title}\n{legend}", fontsize=SMALL + 1)


def _layout(topology: Topology) -> dict[int, tuple[float, float]]:
    """The position of each node: its layer, and its height in -1 .. 1."""
    slots, connections = sorted(topology.kinds), topology.connections
    outputs = [slot for slot in slots if topology.kinds[slot] == "output"]
    rank = dict.fromkeys(slots, -1) | {slot: at for at, slot in enumerate(topology.computed)}  # order of computation
    layer = {slot: int(topology.kinds[slot] in ("hidden", "output")) for slot in slots}
    forward = [(source, target) for source, target, _ in connections if rank[source] < rank[target]]
    for source, target in sorted(forward, key=lambda connection: rank[connection[1]]):
        layer[target] = max(layer[target], layer[source] + 1)
    last = max(1, *layer.values())
    alone = all(slot in outputs for slot in slots if layer[slot] == last)
    layer |= dict.fromkeys(outputs, last if alone else last + 1)
    members = [[slot for slot in slots if layer[slot] == depth] for depth in range(max(layer.values()) + 1)]
    height = {slot: y for column in members for slot, y in zip(column, _heights(len(column)))}
    neighbours: dict[int, list[int]] = {slot: [] for slot in slots}
    for source, target in forward:
        neighbours[source].append(target)
        neighbours[target].append(source)
    free = [column for column in members[1:-1] if column]
    for sweep in range(SWEEPS):
        for column in free if sweep % 2 == 0 else reversed(free):
            barycentre = {slot: np.mean([height[other] for other in neighbours[slot]] or [height[slot]]) for slot in column}
            column.sort(key=lambda slot: (barycentre[slot], slot))
            height |= dict(zip(column, _heights(len(column))))
    position = {slot: (float(layer[slot]), height[slot]) for slot in slots}
    for column in free:  # small offsets, so that connections do not cross nodes
        for at, slot in enumerate(column):
            position[slot] = layer[slot] + 0.12 * (at % 2), 0.8 * height[slot] + 0.2 * (-1) ** layer[slot]
    return position


def _heights(count: int) -> list[float]:
    """Evenly spaced, from top to bottom."""
    return [0.0] if count == 1 else np.linspace(1, -1, count).tolist()


def _draw_connection(axes: Axes, start: Place, end: Place, weight: float, strength: float, size: float) -> None:
    """strength: |weight| relative to the largest, in 0 .. 1; size: of a node, in points."""
    from matplotlib.patches import Ellipse, FancyArrowPatch
    from matplotlib.transforms import Affine2D, ScaledTranslation

    colour, line = (POSITIVE, "-") if weight >= 0 else (NEGATIVE, (0, (4, 1.5)))
    style: dict[str, Any] = dict(color=colour, linestyle=line, linewidth=0.6 + 2.6 * strength, alpha=0.35 + 0.6 * strength)
    if start == end:
        points = Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans + ScaledTranslation(*end, axes.transData)  # type: ignore[arg-type]
        axes.add_patch(Ellipse((0, 0.9 * size), 1.2 * size, 1.4 * size, fill=False, transform=points, **style))
    elif int(end[0]) > int(start[0]):
        axes.plot((start[0], end[0]), (start[1], end[1]), zorder=1, **style)
    else:
        ends: dict[str, Any] = dict(shrinkA=size / 2, shrinkB=size / 2, arrowstyle="-|>", mutation_scale=8, zorder=2)
        axes.add_patch(FancyArrowPatch(start, end, connectionstyle="arc3,rad=0.3", **ends, **style))
