"""The topology of a network as a picture: layers from left to right, without a graph-drawing program.

A layer holds the nodes whose longest way from the inputs has the same length (Sugiyama, Tagawa, Toda: Methods for visual
understanding of hierarchical system structures. IEEE Transactions on Systems, Man and Cybernetics 11, 1981); outputs stand
in the last. Within a layer a node stands near the mean height of its neighbours, found by sweeping to and fro. Links that do
not lead to a later layer are bent: over the top, or round the node itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Genomes
from evo.network.order import Program
from evo.pictures import PALETTE, SMALL, blank, settled

COLOURS = {SENSOR: "#DDDDDD", BIAS: "#DDDDDD", OUTPUT: PALETTE[3], HIDDEN: PALETTE[2]}
POSITIVE, NEGATIVE = PALETTE[0], PALETTE[4]
SWEEPS = 8
NAMED = 24  # nodes of a layer, at most, that are labelled


def draw(genome: Genomes, program: Program) -> Any:
    """The nodes that take part in the first network of `program`, and their enabled connections (matplotlib Figure)."""
    links, rank = _links(program), _ranks(program)
    place = _placed(links, rank, program)
    figure = blank()
    axes = figure.subplots()
    axes.set_axis_off()
    most = max(np.unique([x for x, _ in place.values()], return_counts=True)[1])
    size = float(np.clip(220 / most, 5, 17))  # points, of a node
    reach = max((abs(weight) for *_, weight in links), default=1.0) or 1.0
    for source, target, weight in sorted(links, key=lambda link: abs(link[2])):
        _link(axes, place, source, target, weight, abs(weight) / reach, size)
    slots = sorted(place)
    kinds, names = genome.node_kind, _names(genome, program, slots)
    for kind, marker in ((SENSOR, "s"), (BIAS, "D"), (HIDDEN, "o"), (OUTPUT, "o")):
        spots = np.array([place[slot] for slot in slots if kinds[slot] == kind]).reshape(-1, 2)
        axes.plot(*spots.T, marker, color=COLOURS[kind], markeredgecolor="black", markersize=size, zorder=3)
    for slot in slots:
        side = -1 if kinds[slot] <= BIAS else 1 if kinds[slot] == OUTPUT else 0
        if most <= NAMED or side:
            offset, align = ((0, -size / 2 - 2), ("center", "top")) if side == 0 else (None, None)
            offset = offset or (side * (size / 2 + 3), 0)
            across, along = align or ("right" if side < 0 else "left", "center")
            style = dict(fontsize=SMALL, ha=across, va=along, zorder=4)
            axes.annotate(names[slot], place[slot], offset, textcoords="offset points", **style)
    axes.margins(x=0.12, y=0.12)
    hidden, idle = int((kinds == HIDDEN).sum()), len(kinds) - len(slots)
    title = f"{len(slots)} nodes, {hidden} hidden, {len(links)} links" + (f"; {idle} nodes without effect" if idle else "")
    axes.set_title(f"{title}\nblue, solid: positive; orange, dashed: negative; width: weight, within ±{reach:.2g}", fontsize=SMALL + 1)
    return settled(figure)


def _links(program: Program) -> list[tuple[int, int, float]]:
    """(source, target, weight) of every link, source and target as slots."""
    targets = np.repeat(program.node, np.diff(program.links_at))
    return list(zip(program.link_source.tolist(), targets.tolist(), program.link_weight.tolist()))


def _ranks(program: Program) -> dict[int, int]:
    """When each slot is computed; inputs and the bias node before all others."""
    given = program.inputs + int(program.biased[0])
    return dict.fromkeys(range(given), -1) | {slot: at for at, slot in enumerate(program.node.tolist())}


def _placed(links: list[tuple[int, int, float]], rank: dict[int, int], program: Program) -> dict[int, tuple[float, float]]:
    """Where each slot stands: its layer, and its height in -1 .. 1."""
    slots = sorted({*rank, *program.output_slot[0].tolist()})
    layer = dict.fromkeys(slots, 0)
    forward = [(source, target) for source, target, _ in links if rank.get(source, target) < rank[target]]
    for source, target in sorted(forward, key=lambda link: rank[link[1]]):
        layer[target] = max(layer[target], layer[source] + 1)
    last = max(1, *layer.values())
    for slot in slots:  # a node without a forward link into it computes its bias
        layer[slot] = 0 if rank.get(slot) == -1 else max(1, layer[slot])
    layer |= dict.fromkeys(program.output_slot[0].tolist(), last if _alone(layer, program, last) else last + 1)
    members = [[slot for slot in slots if layer[slot] == depth] for depth in range(max(layer.values()) + 1)]
    height = {slot: y for column in members for slot, y in zip(column, _heights(len(column)))}
    near: dict[int, list[int]] = {slot: [] for slot in slots}
    for source, target in forward:
        near[source].append(target)
        near[target].append(source)
    free = [column for column in members[1:-1] if column]
    for sweep in range(SWEEPS):
        for column in free if sweep % 2 == 0 else reversed(free):
            wish = {slot: np.mean([height[other] for other in near[slot]] or [height[slot]]) for slot in column}
            column.sort(key=lambda slot: (wish[slot], slot))
            height |= dict(zip(column, _heights(len(column))))
    shift = {slot: 0.12 * (at % 2) for column in free for at, slot in enumerate(column)}  # so that links pass beside nodes
    return {slot: (layer[slot] + shift.get(slot, 0.0), height[slot]) for slot in slots}


def _alone(layer: dict[int, int], program: Program, last: int) -> bool:
    """Whether only outputs stand in the last layer."""
    return all(slot in program.output_slot[0] for slot, depth in layer.items() if depth == last)


def _heights(count: int) -> list[float]:
    """From top to bottom."""
    return [0.0] if count == 1 else np.linspace(1, -1, count).tolist()


def _names(genome: Genomes, program: Program, slots: list[int]) -> dict[int, str]:
    """Inputs and outputs by number; of nodes that compute, the functions, where they are not all the same."""
    activations, aggregations = list(NODE_ACTIVATIONS), list(AGGREGATIONS)
    functions = {slot: activations[genome.activation[slot]] for slot in program.node.tolist()}
    sums = {slot: aggregations[genome.aggregation[slot]] for slot in program.node.tolist()}
    same = len(set(functions.values())) <= 1
    names = {}
    for slot in slots:
        kind, parts = genome.node_kind[slot], []
        if kind == SENSOR:
            parts.append(f"in {slot}")
        elif kind == BIAS:
            parts.append("bias")
        elif kind == OUTPUT:
            parts.append(f"out {program.output_slot[0].tolist().index(slot)}")
        if slot in functions:
            parts += [functions[slot]] * (not same) + [sums[slot]] * (sums[slot] != "sum")
        names[slot] = "\n".join(parts)
    return names


def _link(axes: Any, place: dict, source: int, target: int, weight: float, strength: float, size: float) -> None:
    colour, line = (POSITIVE, "-") if weight >= 0 else (NEGATIVE, (0, (4, 1.5)))
    style = dict(color=colour, linestyle=line, linewidth=0.6 + 3 * strength, alpha=0.35 + 0.6 * strength)
    (x0, y0), (x1, y1) = place[source], place[target]
    if source == target:
        axes.annotate(
            "",
            (x1, y1),
            (6 - size, size + 8),
            textcoords="offset points",
            arrowprops=dict(arrowstyle="-", connectionstyle="arc3,rad=-1.2", shrinkB=size / 2, **style),
        )
        way = dict(arrowstyle="<-", connectionstyle="arc3,rad=0")
    elif int(x1) > int(x0):
        axes.plot((x0, x1), (y0, y1), **style, zorder=1, solid_capstyle="butt")
    else:
        way = dict(arrowstyle="-|>", connectionstyle=f"arc3,rad={0.35 if x0 != x1 else 0.6}", shrinkA=size / 2, shrinkB=size / 2)
        axes.annotate("", (x1, y1), (x0, y0), arrowprops=dict(**way, **style))
