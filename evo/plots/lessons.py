"""What a network is taught step by step, and how fast: made examples as a strip of pictures, rates and momenta as curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.plots.figures import PALETTE, SMALL, blank, settled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(pictures: np.ndarray, steps: Sequence[int], rates: np.ndarray, momenta: np.ndarray) -> Figure:
    """pictures (S, K, H, W): of S steps, numbered from 1 in `steps`, one of each of K classes, NaN where there is none, all on
    one scale of grey; rates (T,) and momenta (T,): of all steps."""
    figure = blank()
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))  # type: ignore[misc]  # an array of two
    count, classes, height, width = pictures.shape
    sheet = np.full((count * (height + 1) - 1, classes * (width + 1) - 1), np.nan)
    for row, column in np.ndindex(count, classes):
        top, side = row * (height + 1), column * (width + 1)
        sheet[top : top + height, side : side + width] = pictures[row, column]
    axes = left.subplots()
    axes.imshow(sheet, cmap="gray", interpolation="nearest")
    axes.set_yticks(np.arange(count) * (height + 1) + height / 2, [str(step) for step in steps], fontsize=SMALL)
    axes.set_xticks(np.arange(classes) * (width + 1) + width / 2, [str(k) for k in range(classes)], fontsize=SMALL)
    axes.set_xlabel("class", fontsize=SMALL)
    axes.set_ylabel("step", fontsize=SMALL)
    axes.set_title("what is taught", fontsize=SMALL + 1)
    axes.tick_params(length=0)
    upper, lower = right.subplots(2, 1, sharex=True)
    at = np.arange(1, len(rates) + 1)
    for axes, values, name, colour in ((upper, rates, "rate", PALETTE[0]), (lower, momenta, "momentum", PALETTE[4])):
        axes.plot(at, values, color=colour, marker="o", markersize=3, linewidth=1)
        axes.set_ylabel(name, fontsize=SMALL)
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=SMALL)
    lower.set_xlabel("step", fontsize=SMALL)
    return settled(figure)
