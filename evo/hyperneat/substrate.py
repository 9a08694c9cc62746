"""Substrates: where the nodes of a network lie (Stanley, D'Ambrosio and Gauci, Artificial Life 15(2), 2009, section 3).

    Substrate.grid(inputs=(11, 11), outputs=(11, 11))                    two sheets, facing each other
    Substrate.grid(inputs=(8,), hidden=[(4, 4)], outputs=(3,))           a hidden sheet between two rows
    Substrate([inputs, hidden, outputs])                                 coordinates of your own, (n, d) each

Layers lie one behind the other: each node is connected to every node of the next layer. A node's coordinates are where a
pattern is drawn, in -1 .. 1 along each of d dimensions; layers are told apart by the output of the CPPN that is read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from evo.core import Episodic, Task
from evo.settings import SettingsError


class Substrate:
    """layers: coordinates (n, d) in -1 .. 1 of the nodes of each layer, from inputs to outputs.

    Raises ValueError for fewer than two layers, an empty one, coordinates outside the range or not finite, layers of different
    numbers of dimensions, and two nodes of a layer in one place.
    """

    def __init__(self, layers: Sequence[npt.ArrayLike]):
        self.layers = tuple(_layer(k, each) for k, each in enumerate(layers))
        if len(self.layers) < 2:
            raise ValueError(f"a substrate has at least two layers, inputs and outputs; got {len(self.layers)}")
        dimensions = [each.shape[1] for each in self.layers]
        if len(set(dimensions)) > 1:
            raise ValueError(f"expected layers of one number of dimensions; got {dimensions}")

    @staticmethod
    def grid(inputs: Sequence[int], outputs: Sequence[int], hidden: Sequence[Sequence[int]] = ()) -> Substrate:
        """Sheets of evenly spaced nodes: (8,) is a row, (11, 11) a sheet, (3, 8, 8) three sheets. Nodes stand in the middle of
        equal cells of -1 .. 1, in the order of an array's items; a layer of fewer dimensions lies in the middle of those it
        lacks. Raises ValueError for a size below 1."""
        given = [inputs, *hidden, outputs]
        shapes = [tuple(each) if isinstance(each, Iterable) else () for each in given]
        if any(not isinstance(size, (int, np.integer)) for shape in shapes for size in shape) or not all(shapes):
            raise ValueError(f"expected a list of whole numbers for each layer, as (8,) or (11, 11); got {given}")
        dimensions = max(map(len, shapes))
        return Substrate([sheet((1,) * (dimensions - len(shape)) + shape) for shape in shapes])

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in self.sizes)
        return f"Substrate({sizes}, {self.dimensions} dimensions, {self.connections:,} connections)"

    @property
    def sizes(self) -> list[int]:
        """Nodes of each layer."""
        return [len(each) for each in self.layers]

    @property
    def dimensions(self) -> int:
        """d, coordinates of a node."""
        return self.layers[0].shape[1]

    @property
    def connections(self) -> int:
        """Possible connections, all pairs of layers together."""
        return sum(before * after for before, after in itertools.pairwise(self.sizes))


def sheet(shape: Sequence[int]) -> np.ndarray:
    """Coordinates (n, d) of the middles of equal cells of -1 .. 1, `shape` (d,) cells along each dimension."""
    if not shape or min(shape) < 1:
        raise ValueError(f"expected sizes of at least 1; got {tuple(shape)}")
    axes = [(2.0 * np.arange(size) + 1.0) / size - 1.0 for size in shape]
    return np.stack([each.ravel() for each in np.meshgrid(*axes, indexing="ij")], axis=1)


def circle(size: int, radius: float = 1.0) -> np.ndarray:
    """Coordinates (size, 2) of nodes on a circle, the first at the right, then counterclockwise. radius: in 0 .. 1, within a
    substrate."""
    angles = 2.0 * math.pi * np.arange(size) / size
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def no_layout(task: Task) -> str | None:
    """Why `layout` has no substrate for a task, in a sentence; None: it has."""
    if task.places is not None or task.shape is not None or isinstance(task, Episodic):
        return None
    return (
        "its inputs have no geometry: they are neither a picture nor observations of an episode; task.places gives them one, "
        "as Substrate([inputs, outputs]).layers"
    )


def layout(task: Task, hidden: Sequence[int] = ()) -> Substrate:
    """The substrate of a task's own geometry: its `places`, or a sheet of pixels (a stack of them where a picture has channels)
    before a row of outputs, or, of an episode, a row of observations before a row of actions. hidden: sizes of one layer of
    hidden nodes between them; (): none, or those of the task's places. Raises ValueError where `no_layout` says why, and for
    places of other numbers of inputs and outputs than the task's."""
    if (reason := no_layout(task)) is not None:
        raise ValueError(f"no substrate for {task.name or type(task).__name__}: {reason}")
    between = [tuple(hidden)] if hidden else []
    if task.places is None:
        inputs = (task.inputs,) if task.shape is None else task.shape[1:] if task.shape[0] == 1 else task.shape
        return Substrate.grid(inputs, (task.outputs,), between)
    if isinstance(task.places, Substrate):
        raise ValueError(f"places: expected coordinates, an array a layer, as a Substrate's `layers`; got {task.places!r}")
    own = Substrate(task.places)
    dimensions, ends = own.dimensions, (own.sizes[0], own.sizes[-1])
    if ends != (task.inputs, task.outputs):
        expected = f"{task.inputs} inputs and {task.outputs} outputs"
        raise ValueError(f"places: expected coordinates of {expected}; got those of {ends[0]} and {ends[1]}")
    if not hidden:
        return own
    if len(own.layers) > 2:
        raise ValueError(f"sheet: the task's places have hidden nodes, layers {own.sizes}; leave it []")
    if len(hidden) > dimensions:
        raise ValueError(
            f"sheet: expected at most {dimensions} numbers, the dimensions of the task's places; got {list(hidden)}"
        )
    middle = sheet((1,) * (dimensions - len(hidden)) + tuple(hidden))
    return Substrate([own.layers[0], middle, own.layers[1]])


def check_sheet(sheet: Sequence[int], substrate: Substrate) -> None:
    """Raises SettingsError for a setting `sheet`, read by `layout`, that says of other hidden nodes than a substrate has."""
    if sheet and substrate.sizes[1:-1] != [math.prod(sheet)]:
        given = f"Substrate.grid(inputs, outputs, hidden=[{tuple(sheet)}])"
        raise SettingsError(
            [f"sheet: expected [], since the substrate given says where all nodes lie, as {given} would; got {list(sheet)}"]
        )


def _layer(index: int, coordinates: npt.ArrayLike) -> np.ndarray:
    try:
        places = np.array(coordinates, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"layer {index}: expected coordinates (n, d), equally many numbers a node; got {coordinates!r}"
        ) from error
    if places.ndim != 2 or 0 in places.shape:
        raise ValueError(f"layer {index}: expected coordinates (n, d), at least one node; got shape {places.shape}")
    outside = ~(np.abs(places) <= 1.0)
    if outside.any():
        node = int(np.argmax(outside.any(1)))
        raise ValueError(f"layer {index}: expected coordinates in -1 .. 1; node {node} has {places[node].tolist()}")
    _, first, counts = np.unique(places, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        node = places[first[np.argmax(counts > 1)]].tolist()
        raise ValueError(f"layer {index}: {counts.max()} nodes in one place, {node}: they would be the same node")
    places.flags.writeable = False
    return places
