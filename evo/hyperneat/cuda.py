"""Networks drawn on a CUDA card: CPPNs are asked there by the kernel that runs NEAT's networks (`evo.network.cuda`).

Answers become weights by the function that cores run (`cppn.linked`) and stay on the card: no weight comes from the host.
"""

from __future__ import annotations

import torch
from numba import cuda
from torch import Tensor

from evo.cuda import Kernel, nbytes, room, view
from evo.genomes.genome import Genomes
from evo.hyperneat.cppn import Reading, linked, numbers, rows_at_once
from evo.hyperneat.substrate import Substrate
from evo.network.cuda import Card
from evo.network.program import compile


def weights(genomes: Genomes, substrate: Substrate, reading: Reading) -> Tensor:
    """As of `cppn.weights`, on the card. Raises RuntimeError, with the bytes, where it has no room."""
    reading.check(genomes, substrate)
    program, shape = compile(genomes), (len(genomes), numbers(substrate))
    card, rows = Card(program), rows_at_once(program)
    with room(nbytes(shape, 4), f"{shape[0]:,} networks on {substrate}", "draw fewer at once (population_size)"):
        vectors = torch.zeros(shape, device=card.device)
    for asked, at, *read in reading.asked(substrate):
        for begin in range(0, len(asked), rows):
            answers = card.forward(torch.from_numpy(asked[begin : begin + rows]).to(card.device), 0)
            scale = reading.threshold, reading.weight_range
            _link.launch(len(genomes) * answers.shape[1], view(answers), view(vectors), at + begin, *scale, *read)
    vectors[~torch.isfinite(vectors).all(1)] = 0.0
    return vectors


@Kernel
def _link(answers, vectors, at, threshold, weight_range, output, expressed):
    """Weights that answers (P, B, O) give, into columns at .. at + B of vectors (P, D)."""
    lane, rows = cuda.grid(1), answers.shape[1]
    if lane < answers.shape[0] * rows:
        g, row = lane // rows, lane % rows
        vectors[g, at + row] = linked(answers[g, row], output, threshold, weight_range, expressed)
