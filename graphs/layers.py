"""Layers of networks on a graph, (n, I) -> (m, O): from values of n nodes to values of m of them (`Block`).

Before a layer sums over neighbours it maps features to its units: sums of fewer numbers, and the features stay sparse.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphs.neighbourhoods import Block, Features, Values
from graphs.products import softmax, sums

SLOPE = 0.2  # of attention's leaky ReLU, below 0


def dropped(x: Values, rate: float, training: bool) -> Values:
    """Dropout; of sparse features the zeros stay zeros, and the others are dropped as dense ones would be."""
    if isinstance(x, Features):
        return Features(x.pattern, functional.dropout(x.values, rate, training))
    return functional.dropout(x, rate, training)


def gathered(weights: Tensor, z: Tensor, block: Block) -> Tensor:
    """The weighted sum over each node's neighbours and itself: z (n, K) -> (m, K)."""
    return sums(weights, z[:, None], block.pattern)[:, 0]


def glorot(*shape: int) -> nn.Parameter:
    """Glorot, Bengio 2010: uniform, by the sizes of a layer (I, O)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(*shape)))


class Affine(nn.Module):
    """x W + b, of each node by itself."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.weight, self.bias = glorot(before, after), nn.Parameter(torch.zeros(after))

    def forward(self, x: Values) -> Tensor:
        return x @ self.weight + self.bias


class GCNLayer(Affine):
    """Kipf, Welling: Semi-supervised classification with graph convolutional networks. ICLR 2017, (2):
    D^-1/2 (A + I) D^-1/2 x W + b."""

    def forward(self, x: Values, block: Block) -> Tensor:  # type: ignore[override]  # of neighbours too
        return gathered(block.sym, x @ self.weight, block) + self.bias


class SAGELayer(Affine):
    """Hamilton, Ying, Leskovec: Inductive representation learning on large graphs. NIPS 2017, algorithm 1 with the mean of the
    neighbours: x_i V + (mean of x_j) W + b, which is one matrix on both concatenated."""

    def __init__(self, before: int, after: int):
        super().__init__(before, after)
        self.own = glorot(before, after)

    def forward(self, x: Values, block: Block) -> Tensor:  # type: ignore[override]  # of neighbours too
        return (x @ self.own)[block.own] + gathered(block.mean, x @ self.weight, block) + self.bias


class GINLayer(nn.Module):
    """Xu, Hu, Leskovec, Jegelka: How powerful are graph neural networks? ICLR 2019, (4.1) with epsilon 0:
    MLP(x_i + sum of x_j), of one hidden layer of as many units as outputs."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first, self.second = Affine(before, after), Affine(after, after)

    def forward(self, x: Values, block: Block) -> Tensor:
        total = gathered(block.total, x @ self.first.weight, block) + self.first.bias
        return self.second(torch.relu(total))


class GATLayer(nn.Module):
    """Velickovic et al.: Graph attention networks. ICLR 2018, (1) to (4), of H heads of O units each: a node's share of
    attention to a neighbour or itself is the softmax of LeakyReLU(a . [z_i, z_j]), z = x W.

    Gives (m, H, O). rate: dropout of the shares.
    """

    def __init__(self, before: int, after: int, heads: int, rate: float):
        super().__init__()
        self.heads, self.rate = heads, rate
        self.weight, self.bias = glorot(before, heads * after), nn.Parameter(torch.zeros(heads * after))
        self.target, self.source = glorot(heads, after), glorot(heads, after)

    def forward(self, x: Values, block: Block) -> Tensor:
        z = (x @ self.weight).unflatten(1, (self.heads, -1))
        shares = functional.dropout(self.shares(z, block), self.rate, self.training)
        return sums(shares, z, block.pattern) + self.bias.view(self.heads, -1)

    def shares(self, z: Tensor, block: Block) -> Tensor:
        """Of attention, (nnz, H), of z (n, H, O)."""
        to, of = (z * self.target).sum(2)[block.own], (z * self.source).sum(2)
        scores = to[block.pattern.rows] + of[block.pattern.cols]
        return softmax(functional.leaky_relu(scores, SLOPE), block.pattern)
