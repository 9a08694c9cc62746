"""A population of networks that differ from a centre by matrices of low rank, none of which is ever made (Sarkar et al.:
Evolution strategies at the hyperscale, arXiv 2511.16652; EGGROLL).

Network i of N pairs has, in each linear layer, the weights W +- sigma E, E = A B^T / sqrt(r), A (O, r) and B (I, r) of standard
normal numbers, and a bias with noise of its own. All networks share the product with W: x (W + sigma E)^T = x W^T +
sigma / sqrt(r) (x B) A^T. The noise is rebuilt from its counter wherever it is needed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from evo import threads
from evo.core import Phenotypes, counted
from evo.search import gaussian

NUMBERS = 2**19  # activations of a block of networks, so that they stay in the cache


class Layer(NamedTuple):
    """A linear layer, or a module without parameters. weight, bias: their places in a vector; noise: of a pair's numbers for A,
    B and the bias, where they begin."""

    module: nn.Module
    weight: slice = slice(0)
    bias: slice | None = None
    noise: int = 0


def stacked(module: nn.Module) -> list[nn.Module] | None:
    """The modules of a network that is linear layers and functions between them, in order; None for another network."""
    inner = list(module) if isinstance(module, nn.Sequential) else [getattr(module, "layers", None)]
    if not isinstance(module, nn.Sequential) and not (
        isinstance(inner[0], nn.Sequential) and len(list(module.children())) == 1
    ):
        leaf = isinstance(module, nn.Linear) or not list(module.parameters())
        return [module] if leaf else None
    found = [stacked(each) for each in inner if each is not None]
    return None if None in found else [one for each in found for one in each or []]


class Stack:
    """The layers of a network (`stacked`), for vectors (D,) of its parameters in their order. rank: r; genes: noise numbers of
    a pair. Raises ValueError for another network."""

    def __init__(self, module: nn.Module, rank: int):
        modules = stacked(module)
        if modules is None:
            raise ValueError(f"expected linear layers with functions between them; got {type(module).__name__}")
        places, at = {}, 0
        for parameter in module.parameters():
            places[id(parameter)] = slice(at, at + parameter.numel())
            at += parameter.numel()
        self.rank, self.genes, self.layers, widest = rank, 0, [], 1
        for each in modules:
            if not isinstance(each, nn.Linear):
                self.layers.append(Layer(each))
                continue
            bias = None if each.bias is None else places[id(each.bias)]
            self.layers.append(Layer(each, places[id(each.weight)], bias, self.genes))
            self.genes += rank * (each.in_features + each.out_features) + (each.out_features if bias else 0)
            widest = max(widest, each.in_features, each.out_features)
        self.widest = widest

    def factors(self, layer: Layer, noise: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """A (N, O, r), B (N, I, r) and the noise of the bias (N, O) of a layer, of noise (N, genes)."""
        assert isinstance(layer.module, nn.Linear)
        inputs, outputs, at = layer.module.in_features, layer.module.out_features, layer.noise
        a = noise[:, at : at + self.rank * outputs].unflatten(1, (outputs, self.rank))
        at += self.rank * outputs
        b = noise[:, at : at + self.rank * inputs].unflatten(1, (inputs, self.rank))
        at += self.rank * inputs
        return a, b, None if layer.bias is None else noise[:, at : at + outputs]


class LowRankNetworks(Phenotypes):
    """P networks, N = P / 2 pairs around a centre (D,) float32; the second half lies opposite the first. An item is the vector
    (D,) of a network, made when it is asked for. std: sigma of the noise, by parameter (D,) or one number for all."""

    def __init__(self, stack: Stack, centre: Tensor, size: int, *, std: float, frozen: np.ndarray, generation: int, seed: int):
        self.stack, self.centre, self.size, self.std, self.frozen = stack, centre, size, std, frozen
        self.at = {"generation": generation, "seed": seed}

    def __repr__(self) -> str:
        size, genes = counted(self.size, "network"), counted(self.parameters, "parameter")
        return f"LowRankNetworks({size}, rank {self.stack.rank}, {genes} each)"

    @property
    def parameters(self) -> int:
        return len(self.centre)

    @property
    def device(self) -> torch.device:
        return self.centre.device

    def __len__(self) -> int:
        return self.size

    def to(self, device: str | torch.device) -> LowRankNetworks:
        centre = self.centre.to(device)
        return LowRankNetworks(self.stack, centre, self.size, std=self.std, frozen=self.frozen, **self.at)

    def noise(self, first: int, count: int) -> Tensor:
        """The noise (count, genes) of the pairs from `first` on."""
        return torch.from_numpy(gaussian.directions(first, count, self.stack.genes, **self.at)).to(self.device)

    def scale(self, place: slice) -> float:
        """Sigma of a tensor of parameters; 0 if it is frozen."""
        return 0.0 if self.frozen[place.start] else self.std

    def __getitem__(self, index: int) -> np.ndarray:
        half = self.size // 2
        if not -self.size <= index < self.size:
            raise IndexError(f"expected a place below {self.size}; got {index}")
        index %= self.size
        vector, sign = self.centre.cpu().clone(), 1.0 if index < half else -1.0
        noise = self.noise(index % half, 1).cpu()
        for layer in self.stack.layers:
            if not isinstance(layer.module, nn.Linear):
                continue
            a, b, bias = self.stack.factors(layer, noise)
            moved = self.scale(layer.weight) / math.sqrt(self.stack.rank) * (a[0] @ b[0].T)
            vector[layer.weight] += sign * moved.flatten()
            if layer.bias is not None and bias is not None:
                vector[layer.bias] += sign * self.scale(layer.bias) * bias[0]
        return vector.numpy()

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        half, x = self.size // 2, torch.as_tensor(x, dtype=torch.float32, device=self.device)
        if x.ndim not in (2, 3) or (x.ndim == 3 and len(x) != self.size):
            raise ValueError(f"expected inputs of shape (B, I) or ({self.size}, B, I); got {tuple(x.shape)}")
        batch = x.shape[-2]
        pairs = max(1, NUMBERS // (2 * batch * self.stack.widest))
        out = torch.empty((self.size, batch, self._outputs(x.shape[-1])), device=self.device)
        shared = self._first(x) if x.ndim == 2 else None

        def block(start: int, stop: int) -> None:
            with torch.no_grad():  # grad mode is per thread
                noise = self.noise(start, pairs)  # the last block is filled with pairs that are left out again
                if shared is None:
                    h = torch.zeros((2 * pairs, batch, x.shape[-1]))
                    h[: stop - start], h[pairs : pairs + stop - start] = x[start:stop], x[half + start : half + stop]
                else:
                    h = x
                y = self._block(h, noise, shared)
                out[start:stop], out[half + start : half + stop] = y[: stop - start], y[pairs : pairs + stop - start]

        if self.device.type == "cpu":
            threads.each_block(block, half, pairs)
        else:
            for start in range(0, half, pairs):
                block(start, min(start + pairs, half))
        return out

    def _outputs(self, inputs: int) -> int:
        linear = [layer.module for layer in self.stack.layers if isinstance(layer.module, nn.Linear)]
        if inputs != linear[0].in_features:
            raise ValueError(f"expected {linear[0].in_features} inputs; got {inputs}")
        return linear[-1].out_features

    def _centre(self, layer: Layer) -> tuple[Tensor, Tensor | None]:
        assert isinstance(layer.module, nn.Linear)
        weight = self.centre[layer.weight].view(layer.module.out_features, -1)
        return weight, None if layer.bias is None else self.centre[layer.bias]

    def _first(self, x: Tensor) -> Tensor:
        """What all networks share of the first layer (B, O), of inputs that are the same for all."""
        layer = self.stack.layers[0]
        weight, bias = self._centre(layer)
        return nn.functional.linear(x, weight, bias)

    def _block(self, h: Tensor, noise: Tensor, shared: Tensor | None) -> Tensor:
        """Outputs (2 n, B, O) of n pairs of noise (n, genes), on h (B, I), of which `shared` is known, or (2 n, B, I)."""
        n = len(noise)
        for layer in self.stack.layers:
            if not isinstance(layer.module, nn.Linear):
                h = layer.module(h)
                continue
            a, b, bias = self.stack.factors(layer, noise)
            factor = self.scale(layer.weight) / math.sqrt(self.stack.rank)
            if shared is not None:
                thin = torch.baddbmm(torch.zeros(()), (h @ b).expand(n, -1, -1), a.mT, beta=0, alpha=factor)
                thin = torch.cat([thin, -thin])
                h, shared = thin + shared, None
            else:
                weight, centre = self._centre(layer)
                flat = nn.functional.linear(h.flatten(0, 1), weight, centre).view(2 * n, h.shape[1], -1)
                plus = torch.baddbmm(flat[:n], h[:n] @ b, a.mT, alpha=factor)
                minus = torch.baddbmm(flat[n:], h[n:] @ b, a.mT, alpha=-factor)
                h = torch.cat([plus, minus])
            if layer.bias is not None and bias is not None:
                moved = self.scale(layer.bias) * bias[:, None]
                h[:n] += moved
                h[n:] -= moved
        return h

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """The sum (D,) float64 over pairs, weighted by (N,), of their noise: of E in the weights, as it is in the biases; 0 for
        what is frozen."""
        summed, n = torch.zeros(self.parameters, dtype=torch.float64), len(weights)
        with threads.limited(1):
            for first in range(0, n, PAIRS):
                w = torch.from_numpy(weights[first : first + PAIRS]).float()
                noise = self.noise(first, len(w)).cpu()
                for layer in self.stack.layers:
                    if not isinstance(layer.module, nn.Linear):
                        continue
                    a, b, bias = self.stack.factors(layer, noise)
                    one = (a * w[:, None, None]).permute(1, 0, 2).flatten(1) / math.sqrt(self.stack.rank)
                    other = b.permute(0, 2, 1).flatten(0, 1)
                    summed[layer.weight] += torch.mm(one, other).flatten()
                    if layer.bias is not None and bias is not None:
                        summed[layer.bias] += w @ bias
        found = summed.numpy()
        found[self.frozen] = 0.0
        return found


PAIRS = 1024  # of which a gradient is summed at once
