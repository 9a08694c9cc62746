"""Pictures of models and of what they do, as matplotlib figures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def weights(tensors: dict[str, Tensor]) -> Any:
    """Each tensor as a picture: a matrix by its entries, a convolution by its kernels, a bias as one row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.2 + 1.6 * len(tensors)), layout="constrained")
    for axes, (name, values) in zip(figure.subplots(len(tensors), squeeze=False)[:, 0], tensors.items()):
        matrix = (values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)).numpy()
        reach = float(abs(matrix).max()) or 1.0
        picture = axes.imshow(matrix, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
        axes.set(title=f"{name} {tuple(values.shape)}", ylabel="to", xlabel="from")
        figure.colorbar(picture, ax=axes)
    return figure


def decision_boundary(model: Any, x: Tensor, y: Tensor) -> Any:
    """The probability of class 1, or the one output, over the plane of two inputs, with the examples on top."""
    from matplotlib.figure import Figure

    low, high = x.min(0).values, x.max(0).values
    margin = 0.1 * (high - low)
    low, high = low - margin, high + margin
    lines = [torch.linspace(float(a), float(b), 200) for a, b in zip(low, high)]
    plane = torch.cartesian_prod(*lines)
    outputs = torch.as_tensor(model(plane))
    values = outputs.softmax(-1)[:, 1] if outputs.shape[-1] == 2 else outputs[:, 0]
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    axes.imshow(values.reshape(200, 200).T.numpy(), origin="lower", extent=extent, cmap="RdBu", vmin=0, vmax=1, aspect="auto")
    axes.scatter(*x.T.numpy(), c=y.flatten().numpy(), cmap="RdBu", edgecolors="black", vmin=0, vmax=1)
    axes.set(xlabel="input 1", ylabel="input 2", title="output, and the examples")
    return figure


def confusion(outputs: Tensor, y: Tensor, classes: list[str]) -> Any:
    """Rows: the true class; columns: the predicted one; the number of examples in each cell."""
    from matplotlib.figure import Figure

    counts = torch.zeros(len(classes), len(classes), dtype=torch.int64)
    counts = counts.index_put_((y, outputs.argmax(-1)), torch.ones_like(y), accumulate=True).numpy()
    figure = Figure(figsize=(1.5 + 0.5 * len(classes), 1.5 + 0.5 * len(classes)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    for true in range(len(classes)):
        for predicted in range(len(classes)):
            dark = counts[true, predicted] > counts.max() / 2
            axes.text(
                predicted, true, int(counts[true, predicted]), ha="center", va="center", color="white" if dark else "black"
            )
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


def scatter(outputs: Tensor, y: Tensor) -> Any:
    """Output against target, one point an example and output."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(y.flatten().numpy(), outputs.flatten().numpy(), s=8, alpha=0.6)
    ends = [float(y.min()), float(y.max())]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.set(xlabel="target", ylabel="output")
    return figure
