"""Figures of models and of their behaviour: matplotlib, at most 900 x 500 pixels (100 dpi).

Colour is never the only encoding, and no two colours differ in red and green only (Okabe, Ito: Color universal design, 2008).
Text has at least 8 points. Names may be any text: they are truncated and escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, FigureBase

    from evo.core import Model
    from evo.rollout.recording import Film

SMALL = 8  # points
PALETTE = ("#0072B2", "#E69F00", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#999999")  # Okabe and Ito
MARKERS = "osD^vPX*"
COLOURS = len(PALETTE)
SHOWN = 8  # examples, frames, lines


def blank(width: float = 9.0, height: float = 4.5) -> Figure:
    """An empty Figure of this size in inches, with automatic layout."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def settled(figure: Figure) -> Figure:
    """The figure with its layout computed and fixed; otherwise a second drawing would differ, since layout is iterative."""
    engine = figure.get_layout_engine()
    assert engine is not None  # of `blank`
    engine.execute(figure)
    figure.set_layout_engine("none")
    return figure


def plain(text: object, length: int = 14) -> str:
    """`text` for a figure: truncated in the middle to `length` characters, dollars escaped, a box for missing glyphs."""
    text = str(text)
    cut = text if len(text) <= length else text[: length // 2] + "…" + text[len(text) - (length - 1) // 2 :]
    return "".join(c if _drawable(c) else "□" for c in cut).replace("$", r"\$")


@lru_cache(maxsize=4096)
def _drawable(character: str) -> bool:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return character.isprintable() and get_font(findfont(FontProperties())).get_char_index(ord(character)) != 0


def weights(tensors: dict[str, Tensor]) -> Figure:
    """Each tensor as an image: a matrix by entry, a convolution by kernel, a bias as one row.

    The colour scale is symmetric, up to the largest absolute entry, which the title gives.
    """
    most = 12
    shown = list(tensors.items())[:most]
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 4 else 3 if len(shown) <= 9 else 4
    rows = math.ceil(len(shown) / columns)
    figure = blank(9, min(5.0, 1.1 + 1.3 * rows))
    cut = f"the first {most} of {len(tensors)} tensors; " if len(tensors) > most else ""
    figure.suptitle(cut + "blue: positive, red: negative", fontsize=SMALL + 1)
    for at, (name, values) in enumerate(shown):
        axes = figure.add_subplot(rows, columns, at + 1)
        matrix = (values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)).float().numpy()
        finite = np.abs(matrix[np.isfinite(matrix)])
        reach = float(finite.max(initial=0.0)) or 1.0
        axes.imshow(matrix, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
        shape = " x ".join(map(str, values.shape))
        axes.set_title(f"{plain(name, 28)}\n{shape}, within ±{reach:.2g}", fontsize=SMALL)
        axes.tick_params(labelsize=SMALL)
        _whole_ticks(axes.yaxis, 4)
        _whole_ticks(axes.xaxis, 6)
        axes.set_xlabel("from" if values.ndim > 1 else "unit", fontsize=SMALL)
        axes.set_ylabel("to" if values.ndim > 1 else "", fontsize=SMALL)
        if values.ndim < 2:
            axes.set_yticks([])
    return settled(figure)


def point(vector: np.ndarray, metric: str, value: float, named: Mapping[str, object] | None = None) -> Figure:
    """A point (D,) of a function, coordinate by coordinate, and the metric there; named: what the coordinates stand for."""
    figure = blank(9, 3.5)
    axes = figure.subplots()
    axes.vlines(range(len(vector)), 0, vector, color=PALETTE[0], linewidth=1)
    axes.plot(range(len(vector)), vector, "o", color=PALETTE[0], markersize=4)
    axes.axhline(0, color="black", linewidth=0.8)
    if named:
        words = [f"{name}\n{each:.6g}" if isinstance(each, float) else f"{name}\n{each}" for name, each in named.items()]
        axes.set_xticks(range(len(vector)), words)
    else:
        _whole_ticks(axes.xaxis, 12)
    axes.set(xlabel="" if named else "coordinate", ylabel="unit coordinate" if named else "value")
    axes.set_title(f"the best point found: {metric} = {value:.6g}")
    return settled(figure)


def decision_boundary(model: Model, x: Tensor, y: Tensor, classes: list[str], what: str = "") -> Figure:
    """The model's output over the plane of two inputs, with the examples on top, one marker per class.

    For two classes, or one output, the probability of the second class; for more, the predicted class.
    """
    low, high = x.min(0).values, x.max(0).values
    margin = torch.where(high > low, 0.1 * (high - low), 1.0)
    low, high = low - margin, high + margin
    plane = torch.cartesian_prod(*[torch.linspace(float(a), float(b), 200) for a, b in zip(low, high)])
    outputs = torch.as_tensor(model(plane)).cpu()
    if outputs.shape[-1] == 1:
        values, names = outputs[:, 0], ["0", "1"]
    else:
        values, names = outputs.softmax(-1)[:, 1] if outputs.shape[-1] == 2 else outputs.argmax(-1), classes
    two = len(names) == 2
    from matplotlib.colors import ListedColormap

    colours = ("#B2182B", "#2166AC") if two else PALETTE[: len(names)]  # the ends of RdBu
    chart: dict[str, Any] = dict(cmap="RdBu", vmin=0, vmax=1)
    if not two:
        chart = dict(cmap=ListedColormap(colours), vmin=-0.5, vmax=len(names) - 0.5)
    figure = blank(6.5, 4.8)
    axes = figure.subplots()
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    picture = axes.imshow(
        values.reshape(200, 200).T.numpy(), origin="lower", extent=extent, aspect="auto", alpha=0.7 if two else 0.4, **chart
    )
    truth = (y.flatten() > 0.5).long() if outputs.shape[-1] == 1 else y
    for k, name in enumerate(names):
        across, up = x[truth == k].T.numpy()
        axes.scatter(across, up, s=28, marker=MARKERS[k], color=colours[k], edgecolors="black", label=plain(name, 20))
    figure.legend(loc="outside right upper", title="true class", fontsize=SMALL + 1)
    if two:
        figure.colorbar(picture, ax=axes, label=f"probability of {plain(names[1], 20)}")
    axes.set(xlabel="input 0", ylabel="input 1", title=what)
    return settled(figure)


def mistakes(
    outputs: Tensor, x: Tensor, y: Tensor, classes: list[str], shape: tuple[int, ...] | None = None, what: str = ""
) -> Figure:
    """The confusion matrix, and the examples with the highest loss, as images or as a table.

    outputs (B, O): logits; x (B, I); y (B,): the true classes; shape: (C, H, W) if x holds images.
    """
    figure = blank()
    figure.suptitle(what, fontsize=SMALL + 2)
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))  # type: ignore[misc]  # an array of two
    _confusion(left.subplots(), outputs, y, classes)
    loss = torch.nn.functional.cross_entropy(outputs, y, reduction="none").nan_to_num(math.inf, math.inf)
    worst = loss.argsort(descending=True, stable=True)[:SHOWN].tolist()
    confidence, predicted = outputs.softmax(-1).max(-1)
    said = [
        (k, plain(classes[y[k]], 10), plain(classes[predicted[k]], 10), f"{100 * float(confidence[k]):.0f} %")
        if outputs[k].isfinite().all()
        else (k, plain(classes[y[k]], 10), "no number", "")
        for k in worst
    ]
    right.suptitle("highest loss", fontsize=SMALL + 2)
    if shape is not None and shape[0] in (1, 3):
        _as_images(right, x[worst].reshape(-1, *shape), said)
    else:
        _as_table(right.subplots(), said)
    return settled(figure)


def _as_images(figure: FigureBase, pictures: Tensor, said: Sequence[tuple[object, ...]]) -> None:
    grid = figure.subplots(math.ceil(SHOWN / 4), 4, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, picture, (row, true, predicted, confidence) in zip(grid.flat, pictures, said):
        low, high = picture.min(), picture.max()
        scaled = ((picture - low) / (high - low).clamp(min=1e-12)).permute(1, 2, 0).numpy()
        axes.imshow(scaled[..., 0] if len(picture) == 1 else scaled, cmap="gray_r")
        axes.set_title(f"row {row}: {true}\nsaid {predicted}\n{confidence}", fontsize=SMALL)


def _as_table(axes: Axes, said: Sequence[tuple[object, ...]]) -> None:
    axes.set_axis_off()
    header = ["row", "true", "predicted", "confidence"]
    texts = [[str(value) for value in row] for row in said]
    table = axes.table(texts, colLabels=header, cellLoc="center", loc="upper center", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(SMALL + 1)
    table.scale(1, 1.6)


def _confusion(axes: Axes, outputs: Tensor, y: Tensor, classes: list[str]) -> None:
    """Rows: the true class; columns: the predicted class; counts are printed if they fit, darker for more."""
    counts = confusion(outputs, y, len(classes))
    picture = axes.imshow(counts, cmap="Blues", vmin=0)
    if len(classes) <= 12:
        for (true, predicted), count in np.ndenumerate(counts):
            colour = "white" if count > counts.max() / 2 else "black"
            axes.text(predicted, true, str(int(count)), ha="center", va="center", color=colour, fontsize=SMALL)
    else:
        axes.figure.colorbar(picture, ax=axes, label="examples", shrink=0.8).ax.tick_params(labelsize=SMALL)
    every = range(0, len(classes), math.ceil(len(classes) / 20))
    names = [plain(classes[k], 12) for k in every]
    axes.set_xticks(every, names, rotation=90 if max(map(len, names)) > 2 else 0, fontsize=SMALL)
    axes.set_yticks(every, names, fontsize=SMALL)
    lost = len(y) - int(counts.sum())
    axes.set(xlabel="predicted", ylabel="true", title="")
    if lost:
        axes.set_title(f"{lost} examples got an answer that is no number", fontsize=SMALL)


def confusion(outputs: Tensor, y: Tensor, classes: int) -> np.ndarray:
    """The confusion matrix: true class (row) by predicted class (column), int64 (classes, classes).

    Examples with a non-finite output are excluded.
    """
    finite = outputs.isfinite().all(-1)
    pairs = y[finite] * classes + outputs[finite].argmax(-1)
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes).numpy()


def scatter(outputs: Tensor, y: Tensor, what: str = "") -> Figure:
    """Output against target, one point per example and output; one colour and marker per output, up to 8."""
    figure = blank(5.5, 4.8)
    axes = figure.subplots()
    several = 1 < y.shape[1] <= COLOURS
    for k in range(y.shape[1]):
        style: dict[str, Any] = dict(color=PALETTE[0])
        if several:
            style = dict(color=PALETTE[k], marker=MARKERS[k], label=f"output {k}")
        axes.scatter(y[:, k].numpy(), outputs[:, k].numpy(), s=12, alpha=0.6, **style)
    ends = [float(y.min()), float(y.max())]
    axes.plot(ends, ends, color="black", linewidth=1, linestyle="--", label="output = target")
    axes.legend(fontsize=SMALL)
    lost = int((~outputs.isfinite()).any(-1).sum())
    axes.set(xlabel="target", ylabel="output", title=what + (f"\n{lost} of them without a finite output" if lost else ""))
    return settled(figure)


def episode(film: Film, returns: np.ndarray, solved: float | None, name: str, what: str) -> Figure:
    """One episode, a `Film`, as a strip of frames, or as observations and actions; and all returns as a histogram."""
    figure = blank(9, 4.2)
    left, right = figure.subfigures(1, 2, width_ratios=(2.4, 1))  # type: ignore[misc]  # an array of two
    if film.frames is not None:
        _strip(left, film, film.frames)
    else:
        _traces(left, film)
    axes = right.subplots()
    finite = returns[np.isfinite(returns)]
    marks = finite if solved is None else np.append(finite, solved)
    axes.hist(finite, bins=20, range=(marks.min(), marks.max()) if len(marks) else None, color=PALETTE[0], edgecolor="white")
    if solved is not None:
        axes.axvline(solved, color="black", linestyle="--", label=f"solved at {solved:g}")
        axes.legend(fontsize=SMALL)
    lost = f", {len(returns) - len(finite)} without a number" if len(finite) < len(returns) else ""
    axes.set_xlabel("return")
    axes.set_ylabel(f"{what} episodes")
    axes.set_title(f"{len(returns)} episodes{lost}", fontsize=SMALL + 1)
    axes.locator_params(axis="x", nbins=3)
    _whole_ticks(axes.yaxis, 6)
    left.suptitle(f"{plain(name, 40)}: the first {what} episode", fontsize=SMALL + 2)
    return settled(figure)


def _strip(figure: FigureBase, film: Film, frames: np.ndarray) -> None:
    """SHOWN evenly spaced frames with the step and the return so far; wide ones in two columns."""
    chosen = np.unique(np.rint(np.linspace(0, len(frames) - 1, SHOWN)).astype(int))
    so_far = np.concatenate([[0.0], np.cumsum(film.rewards)])
    height, width = frames.shape[1:3]
    columns, apart = (2, ", ") if width > 2 * height else (4, "\n")
    grid = list(figure.subplots(SHOWN // columns, columns).flat)
    for axes in grid:
        axes.set_axis_off()
    for axes, k in zip(grid, chosen):
        axes.set_axis_on()
        axes.imshow(frames[k])
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"step {film.steps[k]}{apart}return {so_far[film.steps[k]]:.4g}", fontsize=SMALL)


def _traces(figure: FigureBase, film: Film) -> None:
    """Observations and actions over the steps; more than 8 as an image."""
    rows = [("observation", film.observations), ("action", film.actions)]
    for axes, (name, values) in zip(figure.subplots(2, 1, sharex=True), rows):
        count = values.shape[1]
        if count <= SHOWN:
            for k in range(count):
                style = ("-", "--", ":", "-.")[k % 4]
                axes.plot(values[:, k], style, color=PALETTE[k], linewidth=1.2, label=str(k))
            if count > 1:
                axes.legend(fontsize=SMALL, loc="center left", bbox_to_anchor=(1, 0.5))
            axes.set_ylabel(name)
        else:
            drawn = axes.imshow(values.T, aspect="auto", interpolation="nearest", cmap="cividis")
            figure.colorbar(drawn, ax=axes)
            axes.set_ylabel(f"{name}, one a row")
    axes.set_xlabel("step")


def _whole_ticks(axis: Axis, most: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, integer=True))
