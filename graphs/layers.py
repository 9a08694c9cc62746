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


def glorot(before: int, after: int) -> nn.Parameter:
    """Glorot, Bengio 2010: uniform, by the sizes of a layer (I, O)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(before, after)))


def of_heads(heads: int, before: int, after: int, dim: int) -> nn.Parameter:
    """One behind the other along `dim`, each drawn as a layer of its own."""
    return nn.Parameter(torch.cat([glorot(before, after).detach() for _ in range(heads)], dim))


class Affine(nn.Module):
    """x W + b, of each node by itself."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.weight, self.bias = glorot(before, after), nn.Parameter(torch.zeros(after))

    def forward(self, x: Values) -> Tensor:
        return x @ self.weight + self.bias


class GCNLayer(Affine):
    """Kipf, Welling: Semi-supervised classification with graph convolutional networks. ICLR 2017, (2), where there is no b:
    D^-1/2 (A + I) D^-1/2 x W + b."""

    def forward(self, x: Values, block: Block) -> Tensor:  # type: ignore[override]  # of neighbours too
        return gathered(block.sym, x @ self.weight, block) + self.bias


class SAGELayer(Affine):
    """Hamilton, Ying, Leskovec: Inductive representation learning on large graphs. NIPS 2017, algorithm 1 with the mean of the
    neighbours, all of them: x_i V + (mean of x_j) W + b, which is one matrix on both concatenated. Values are not set to length
    one (line 7): the last layer's are the log-odds of classes, in place of a further layer that would give these."""

    def __init__(self, before: int, after: int):
        super().__init__(before, after)
        self.own = glorot(before, after)

    def forward(self, x: Values, block: Block) -> Tensor:  # type: ignore[override]  # of neighbours too
        return (x @ self.own)[block.own] + gathered(block.mean, x @ self.weight, block) + self.bias


class GINLayer(nn.Module):
    """Xu, Hu, Leskovec, Jegelka: How powerful are graph neural networks? ICLR 2019, (4.1) with epsilon 0:
    MLP(x_i + sum of x_j), of one hidden layer of as many units as outputs, with batch normalisation (section 7)."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.first, self.norm, self.second = Affine(before, after), nn.BatchNorm1d(after), Affine(after, after)

    def forward(self, x: Values, block: Block) -> Tensor:
        total = gathered(block.total, x @ self.first.weight, block) + self.first.bias
        return self.second(torch.relu(self.norm(total)))


class GATLayer(nn.Module):
    """Velickovic et al.: Graph attention networks. ICLR 2018, (1) to (4), of H heads of O units each: a node's share of
    attention to a neighbour or itself is the softmax of LeakyReLU(a . [z_i, z_j]), z = x W.

    Gives (m, H, O). rate: dropout of the shares and, as in the authors' code, of the z that are summed by them.
    """

    def __init__(self, before: int, after: int, heads: int, rate: float):
        super().__init__()
        self.heads, self.rate = heads, rate
        self.weight, self.bias = of_heads(heads, before, after, 1), nn.Parameter(torch.zeros(heads * after))
        self.target, self.source = (of_heads(heads, 1, after, 0) for _ in range(2))

    def forward(self, x: Values, block: Block) -> Tensor:
        z = (x @ self.weight).unflatten(1, (self.heads, -1))
        shares = functional.dropout(self.shares(z, block), self.rate, self.training)
        z = functional.dropout(z, self.rate, self.training)
        return sums(shares, z, block.pattern) + self.bias.view(self.heads, -1)

    def shares(self, z: Tensor, block: Block) -> Tensor:
        """Of attention, (nnz, H), of z (n, H, O)."""
        to, of = (z * self.target).sum(2)[block.own], (z * self.source).sum(2)
        scores = to[block.pattern.rows] + of[block.pattern.cols]
        return softmax(functional.leaky_relu(scores, SLOPE), block.pattern)
