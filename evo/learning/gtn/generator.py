"""The generator: noise and a label go in, an example comes out (Such et al. 2020, section 3 and appendix on MNIST).

    h = leaky(norm(V [z, onehot(y)]))        x = offset + 2 scale tanh(norm(W h))

Weights are normalised, and norm is batch normalisation by the statistics of the minibatch alone, so that
examples of a minibatch are not independent of one another. The paper's second half is convolutional; here all layers are
linear, so that an example may be any row. offset and scale are the mean and deviation of all numbers of the training examples.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from evo.learning.gtn.weight_norm import NormalisedLinear

SLOPE = 0.1  # of the leaky rectifier below 0, as in the paper
REACH = 2.0  # of examples around their mean, in deviations, as in the paper


class Generator(nn.Module):
    """noise (B, Z) and labels (B,) -> examples (B, I).

    noise: Z; classes: how many labels there are; hidden: units of each hidden layer; inputs: I. Initialised by torch's global
    generator.
    """

    def __init__(self, noise: int, classes: int, hidden: Sequence[int], inputs: int):
        super().__init__()
        self.classes = classes
        sizes = [noise + classes, *hidden, inputs]
        self.layers = nn.ModuleList(NormalisedLinear(before, after) for before, after in itertools.pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(size, track_running_stats=False) for size in sizes[1:])

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        h = torch.cat([noise, functional.one_hot(labels, self.classes).to(noise)], 1)
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms), 1):
            h = norm(layer(h))
            h = functional.leaky_relu(h, SLOPE) if number < len(self.layers) else torch.tanh(h)
        return REACH * h
