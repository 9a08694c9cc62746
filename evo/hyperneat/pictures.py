"""CPPNs as pictures: a colour for every place (Secretan et al.: Picbreeder. Evolutionary Computation 19(3), 2011).

Stanley: Compositional pattern producing networks. Genetic Programming and Evolvable Machines 8(2), 2007. A network is asked
once for every pixel: where it lies (x, y), and how far from the centre (d). One output is a grey value; three are hue,
saturation and brightness. Nothing in it knows of pixels, so that a picture has any resolution.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from evo.genomes.genome import Genomes
from evo.network import population
from evo.network.program import compile

INPUTS = 3  # x, y, d; a bias comes from the network
COLOURS = {1: ("grey",), 3: ("hue", "saturation", "brightness")}  # what outputs are, by their number
BLOCK = 1 << 21  # answers at once: 16 MB


def places(height: int, width: int) -> np.ndarray:
    """What a network is asked (height * width, 3) float64, row by row from the top: x from left to right, y from top to bottom,
    d the distance from the centre. Places are the middles of square pixels; the longer side spans -1 .. 1. Raises ValueError
    for sizes below 1."""
    if height < 1 or width < 1:
        raise ValueError(f"expected a picture of at least 1x1 pixels; got {height}x{width}")
    y, x = ((2.0 * np.arange(size) + 1.0 - size) / max(height, width) for size in (height, width))
    rows, columns = np.meshgrid(y, x, indexing="ij")
    return np.stack([columns, rows, np.hypot(columns, rows)], axis=-1).reshape(-1, INPUTS)


def colours(outputs: Tensor) -> Tensor:
    """What outputs (..., 1) or (..., 3) look like: grey (..., 1) or red, green and blue (..., 3) in 0 .. 1, differentiable.

    Grey and brightness are an output's magnitude, up to 1; saturation is clipped to 0 .. 1; hue goes round the circle once for
    each 1. These are Picbreeder's rules. Raises ValueError for another number of outputs.
    """
    if outputs.shape[-1] not in COLOURS:
        raise ValueError(f"expected 1 output, grey, or 3: hue, saturation, brightness; got {outputs.shape[-1]}")
    brightness = outputs[..., -1:].abs().clamp(max=1.0)
    if outputs.shape[-1] == 1:
        return brightness
    hue, saturation = outputs[..., :1], outputs[..., 1:2].clamp(0.0, 1.0)
    sector = (6.0 * hue + torch.tensor([5.0, 3.0, 1.0], dtype=outputs.dtype, device=outputs.device)) % 6.0
    return brightness * (1.0 - saturation * torch.minimum(sector, 4.0 - sector).clamp(0.0, 1.0))


def pictures(genomes: Genomes, height: int, width: int) -> np.ndarray:
    """The pictures of P CPPNs, float32 in 0 .. 1: (P, height, width) if they are grey, else (P, height, width, 3). All pixels
    are batched calls on all cores. What is not finite is black. Raises ValueError for networks of other than 3 inputs and 1 or
    3 outputs."""
    if genomes.inputs != INPUTS:
        raise ValueError(f"expected CPPNs of {INPUTS} inputs, x, y and d; got {genomes.inputs}")
    asked, outputs = torch.from_numpy(places(height, width)), genomes.outputs
    drawn = np.empty((len(genomes), height * width, outputs), np.float32)
    at_once = max(1, BLOCK // (len(asked) * outputs))
    for begin in range(0, len(genomes), at_once):
        answers = population.forward(compile(genomes[begin : begin + at_once]), asked)
        drawn[begin : begin + at_once] = colours(answers).nan_to_num(0.0).numpy()
    return drawn.reshape(len(genomes), height, width, *([outputs] if outputs > 1 else []))


class Colours(nn.Module):
    """`colours` as a module, to stand behind a network."""

    def forward(self, outputs: Tensor) -> Tensor:
        return colours(outputs)
