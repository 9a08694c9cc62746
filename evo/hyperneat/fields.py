"""What a CPPN says of weights, as images: its answers over a plane, and the weights that a node receives, at any resolution.

Stanley, D'Ambrosio and Gauci: A hypercube-based encoding for evolving large-scale neural networks. Artificial Life 15(2), 2009:
one pattern is drawn on substrates of every resolution.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.hyperneat.cppn import Reading, questions, weights
from evo.hyperneat.substrate import Substrate, sheet
from evo.network.model import NetworkModel
from evo.plots.planes import Plane

if TYPE_CHECKING:
    from evo.hyperneat.model import SubstrateModel

SHOWN = 55  # places along a side of an image of answers
FINER = (1, 3, 5)  # how many times finer a layer is asked again
MOST = 5  # images of a row
PAIRS = 2  # pairs of layers that have a row

Rows = list[tuple[str, list[Plane]]]


def cells(places: np.ndarray) -> tuple[int, ...] | None:
    """How many cells along each dimension a layer has that is a `sheet`; None: it is none."""
    shape = tuple(len(np.unique(axis)) for axis in places.T)
    return shape if np.prod(shape) == len(places) and np.array_equal(sheet(shape), places) else None


def field(model: SubstrateModel, pair: int, target: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The weights (n,) from places (n, d) of layer `pair` to one (d,) of the next."""
    layers = [each[:1] for each in model.drawing.substrate.layers]  # one node stands for a layer that is not asked about
    layers[pair : pair + 2] = sources, target[None]
    before = sum(len(one) * len(other) + len(other) for one, other in itertools.pairwise(layers[: pair + 1]))
    return weights(model.genome, Substrate(layers), model.drawing.reading)[0, before : before + len(sources)]


def names(layers: int, reading: Reading) -> list[str]:
    """What each output of a CPPN says about a substrate of so many layers."""
    said = ["weight"] + ["bias"] * reading.biases + ["expressed"] * reading.leo
    return [f"{name} {k} to {k + 1}" if layers > 2 else name for name in said for k in range(layers - 1)]


def answers(cppn: NetworkModel, substrate: Substrate, reading: Reading) -> tuple[str, list[Plane]]:
    """A row of what a CPPN says of connections from everywhere to the middle, an image each output."""
    shape = (1,) * (substrate.dimensions - 2) + (SHOWN,) * min(2, substrate.dimensions)
    said = cppn(questions(sheet(shape), np.zeros((1, substrate.dimensions)), reading)).numpy()
    titles = names(len(substrate.layers), reading)[:MOST]
    return "answers from everywhere to the middle", [_image(title, said[:, k], shape) for k, title in enumerate(titles)]


def rows(model: SubstrateModel) -> Rows:
    """The CPPN's answers from everywhere to the middle, an image each output; the weights that some nodes of a layer receive;
    and those of the middle one, asked again at finer resolutions. Layers that are no sheets are left out."""
    substrate = model.drawing.substrate
    found: Rows = [answers(model.cppn, substrate, model.drawing.reading)]
    for pair, (sources, targets) in enumerate(zip(substrate.layers, substrate.layers[1 : 1 + PAIRS])):
        if (grid := cells(sources)) is None:
            continue
        chosen = np.unique(np.linspace(0, len(targets) - 1, MOST).round().astype(int)).tolist()
        images = [_image(f"to node {k}", field(model, pair, targets[k], sources), grid) for k in chosen]
        found.append((f"weights from layer {pair}", images))
        if pair == 0:
            middle, finer = chosen[len(chosen) // 2], [_finer(grid, times) for times in FINER]
            again = [_image(_size(each), field(model, 0, targets[middle], sheet(each)), each) for each in finer]
            found.append((f"to node {middle}, asked at other resolutions", again))
    return found


def _finer(shape: Sequence[int], times: int) -> tuple[int, ...]:
    """So many times as many cells along the last two dimensions, those of a picture."""
    return tuple(size * times if size > 1 and k >= len(shape) - 2 else size for k, size in enumerate(shape))


def _size(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape if size > 1) or "1"


def _image(title: str, values: np.ndarray, shape: Sequence[int]) -> Plane:
    """A layer of a stack below the other."""
    return Plane(title, values.reshape(-1, shape[-1]))
