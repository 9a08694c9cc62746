"""Draws networks that CPPNs draw: python tests/efficacy/substrate_gallery.py [-o page.png] [--generations 60].

Above a champion of HyperNEAT between two sheets of 5x5 nodes, one of ES-HyperNEAT below between two rows of 5, each after
generations in which it learns to say which input is 1. The same command gives the same bytes on one machine.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from evo import ESHyperNEAT, HyperNEAT, Substrate
from evo.hyperneat.base import CPPNs

PAGE = Path(__file__).parents[2] / "scenarios" / "gallery" / "substrate.png"
COLORS = 64
ROW = np.linspace(-0.8, 0.8, 5)


def champion(hyper: CPPNs, generations: int) -> object:
    """After generations whose fitness is the mean probability of the output in the place of the input that is 1."""
    lamps = torch.eye(hyper.substrate.sizes[0])
    for _ in range(generations):
        outputs = hyper.express(hyper.ask()).forward(lamps)
        hyper.tell(outputs.softmax(2).diagonal(dim1=1, dim2=2).mean(1).double().numpy())
    return hyper.best_model


def page(models: Sequence[object]) -> Image.Image:
    """The pictures of champions one below the other."""
    pictures = []
    for model in models:
        buffer = io.BytesIO()
        model.figure().savefig(buffer, format="png")  # type: ignore[attr-defined]  # a Model
        pictures.append(Image.open(buffer).convert("RGB"))
    sheet = Image.new("RGB", (max(each.width for each in pictures), sum(each.height for each in pictures)), "white")
    for k, picture in enumerate(pictures):
        sheet.paste(picture, (0, sum(each.height for each in pictures[:k])))
    return sheet.quantize(COLORS, dither=Image.Dither.NONE)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    parser.add_argument("--generations", type=int, default=60)
    chosen = parser.parse_args(arguments)
    ends = [np.column_stack([ROW, np.full(len(ROW), end)]) for end in (-1.0, 1.0)]
    searches = (
        HyperNEAT(Substrate.grid(inputs=(5, 5), outputs=(5, 5)), delta=True, seed=0),
        ESHyperNEAT(Substrate(ends), delta=True, seed=0),
    )
    page([champion(each, chosen.generations) for each in searches]).save(chosen.output, optimize=True)
    print(chosen.output)


if __name__ == "__main__":
    main()
