"""Draws a page of pictures of random CPPNs: python tests/efficacy/cppn_gallery.py [-o page.png] [--seeds 24] [--colour grey].

A picture a seed: a genome after generations of mutation and crossover without selection. The same command gives the same bytes.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image

from evo import CPPN

PAGE = Path(__file__).parents[2] / "scenarios" / "gallery" / "cppn.png"
COLUMNS, GAP = 8, 4
# Much structure in few generations, weights that make patterns of inputs in -1 .. 1, and outputs that are not cut off.
RULES = {"population_size": 20, "add_node": 0.5, "add_link": 0.5, "output_activation": "sin"}
WEIGHTS = {"initial_weights": 1.5, "new_weights": 2.0, "replaced_weights": 2.0, "perturbation": 0.5}


def drawn(seed: int, outputs: int, generations: int, size: int) -> np.ndarray:
    """The picture of the last genome of the last generation, (size, size, outputs) in 0 .. 1."""
    cppn = CPPN(outputs=outputs, seed=seed, **RULES, **WEIGHTS)
    for _ in range(generations):
        cppn.tell(np.zeros(len(cppn.ask())))
    return cppn.pictures(cppn.ask()[-1], size, size).reshape(size, size, outputs)


def page(pictures: list[np.ndarray]) -> Image.Image:
    """Pictures of one size in rows of COLUMNS, on white."""
    size, _, channels = pictures[0].shape
    columns, step = min(COLUMNS, len(pictures)), size + GAP
    sheet = np.ones((math.ceil(len(pictures) / columns) * step - GAP, columns * step - GAP, channels))
    for k, picture in enumerate(pictures):
        row, column = k // columns * step, k % columns * step
        sheet[row : row + size, column : column + size] = picture
    return Image.fromarray(np.rint(255 * sheet).astype(np.uint8).squeeze())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    parser.add_argument("--seeds", type=int, default=24, help="pictures, of seeds from 0")
    parser.add_argument("--generations", type=int, default=30)
    parser.add_argument("--size", type=int, default=96, help="pixels along a side of a picture")
    parser.add_argument("--colour", choices=("grey", "hsb"), default="hsb")
    chosen = parser.parse_args(arguments)
    outputs = 1 if chosen.colour == "grey" else 3
    page([drawn(seed, outputs, chosen.generations, chosen.size) for seed in range(chosen.seeds)]).save(
        chosen.output, optimize=True
    )
    print(chosen.output)


if __name__ == "__main__":
    main()
