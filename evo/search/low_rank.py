"""A population of networks that differ from a centre by matrices of low rank, none of which is ever made (Sarkar et al.:
Evolution strategies at the hyperscale, arXiv 2511.16652; EGGROLL).

Network i of N pairs has, in each linear layer, the weights W +- sigma E, E = A B^T / sqrt(r), A (O, r) and B (I, r) of standard
normal numbers, and a bias with noise of its own. All networks share the product with W: x (W + sigma E)^T = x W^T +
sigma / sqrt(r) (x B) A^T. The noise is rebuilt from its counter wherever it is needed.
"""

from __future__ import annotations

import copy
import math
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from evo import threads
from evo.core import Phenotypes, counted
from evo.search import gaussian
from evo.search.layers import Layer, placed

NUMBERS = 2**19  # activations of a block of networks, so that they stay in the cache
MOST = 64  # pairs of a block


class Stack:
    """The layers of a network (`stacked`), for vectors (D,) of its parameters in their order. rank: r; genes: noise numbers of
    a pair. Raises ValueError for another network."""

    def __init__(self, module: nn.Module, rank: int):
        self.rank = rank
        self.layers, self.genes = placed(module, self._numbers)
        linear = [layer.module for layer in self.layers if isinstance(layer.module, nn.Linear)]
        self.widest = max(max(each.in_features, each.out_features) for each in linear)

    def _numbers(self, layer: nn.Linear) -> int:
        sizes = layer.in_features + layer.out_features
        return self.rank * sizes + (0 if layer.bias is None else layer.out_features)

    def factors(self, layer: Layer, noise: Tensor) -> tuple[Tensor, Tensor]:
        """A (N, O, r) and B (N, I, r) of a linear layer, of noise (N, genes)."""
        assert isinstance(layer.module, nn.Linear)
        inputs, outputs, at = layer.module.in_features, layer.module.out_features, layer.noise
        middle = at + self.rank * outputs
        a = noise[:, at:middle].unflatten(1, (outputs, self.rank))
        return a, noise[:, middle : middle + self.rank * inputs].unflatten(1, (inputs, self.rank))

    def others(self, layer: Layer, noise: Tensor) -> dict[str, Tensor]:
        """The noise (N, size) of each other parameter of a layer."""
        at, found = layer.noise, {}
        if isinstance(layer.module, nn.Linear):
            at += self.rank * (layer.module.in_features + layer.module.out_features)
        for name, place in layer.others.items():
            found[name] = noise[:, at : at + place.stop - place.start]
            at += place.stop - place.start
        return found


class LowRankNetworks(Phenotypes):
    """P networks, N = P / 2 pairs around a centre (D,) float32; the second half lies opposite the first. An item is the vector
    (D,) of a network, made when it is asked for. std: sigma of the noise; frozen (D,): which parameters have none."""

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
            if isinstance(layer.module, nn.Linear):
                a, b = self.stack.factors(layer, noise)
                moved = self.scale(layer.weight) / math.sqrt(self.stack.rank) * (a[0] @ b[0].T)
                vector[layer.weight] += sign * moved.flatten()
            for name, own in self.stack.others(layer, noise).items():
                place = layer.others[name]
                vector[place] += sign * self.scale(place) * own[0]
        return vector.numpy()

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        half, x = self.size // 2, torch.as_tensor(x, dtype=torch.float32, device=self.device)
        if x.ndim not in (2, 3) or (x.ndim == 3 and len(x) != self.size):
            raise ValueError(f"expected inputs of shape (B, I) or ({self.size}, B, I); got {tuple(x.shape)}")
        batch = x.shape[-2]
        pairs = min(MOST, max(1, NUMBERS // (2 * batch * self.stack.widest)))
        out = torch.empty((self.size, batch, self._outputs(x.shape[-1])), device=self.device)
        first = self.stack.layers[0]
        share = x.ndim == 2 and isinstance(first.module, nn.Linear)
        shared = x @ self._weight(first).T if share else None

        def block(start: int, stop: int) -> None:
            with torch.no_grad():  # grad mode is per thread
                noise = self.noise(start, pairs)  # the last block is filled with pairs that are left out again
                if x.ndim == 2:
                    h = x if share else x.expand(2 * pairs, -1, -1)
                else:
                    h = torch.zeros((2 * pairs, batch, x.shape[-1]), device=self.device)
                    h[: stop - start], h[pairs : pairs + stop - start] = x[start:stop], x[half + start : half + stop]
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

    def _weight(self, layer: Layer) -> Tensor:
        assert isinstance(layer.module, nn.Linear)
        return self.centre[layer.weight].view(layer.module.out_features, -1)

    def _block(self, h: Tensor, noise: Tensor, shared: Tensor | None) -> Tensor:
        """Outputs (2 n, B, O) of n pairs of noise (n, genes), on h (2 n, B, I), or on h (B, I) whose product with the first
        layer's weights is `shared`."""
        n = len(noise)
        for layer in self.stack.layers:
            if isinstance(layer.module, nn.Linear):
                a, b = self.stack.factors(layer, noise)
                factor = self.scale(layer.weight) / math.sqrt(self.stack.rank)
                if shared is not None:
                    thin = factor * ((h @ b) @ a.mT)
                    h, shared = torch.cat([shared + thin, shared - thin]), None
                else:
                    whole = (h.flatten(0, 1) @ self._weight(layer).T).view(2 * n, h.shape[1], -1)
                    plus = torch.baddbmm(whole[:n], h[:n] @ b, a.mT, alpha=factor)
                    h = torch.cat([plus, torch.baddbmm(whole[n:], h[n:] @ b, a.mT, alpha=-factor)])
            own = {name: self._around(layer.others[name], noisy) for name, noisy in self.stack.others(layer, noise).items()}
            if isinstance(layer.module, nn.Linear):
                h = h + own["bias"][:, None] if own else h
            elif own:
                module = copy.deepcopy(layer.module)  # functional_call puts values into it; other threads have theirs
                h = vmap(partial(functional_call, module))(own, (h,))
            else:
                h = layer.module(h)
        return h

    def _around(self, place: slice, noise: Tensor) -> Tensor:
        """A parameter (2 n, size) of every network of n pairs."""
        moved = self.scale(place) * noise
        return torch.cat([self.centre[place] + moved, self.centre[place] - moved])

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """The sum (D,) float64 over pairs, weighted by (N,), of their noise: of E in the weights, as it is in the biases; 0 for
        what is frozen."""
        summed, n = torch.zeros(self.parameters, dtype=torch.float64), len(weights)
        with threads.limited(1):
            for first in range(0, n, PAIRS):
                w = torch.from_numpy(weights[first : first + PAIRS]).float()
                noise = self.noise(first, len(w)).cpu()
                for layer in self.stack.layers:
                    if isinstance(layer.module, nn.Linear):
                        a, b = self.stack.factors(layer, noise)
                        one = (a * w[:, None, None]).permute(1, 0, 2).flatten(1) / math.sqrt(self.stack.rank)
                        summed[layer.weight] += (one @ b.permute(0, 2, 1).flatten(0, 1)).flatten()
                    for name, own in self.stack.others(layer, noise).items():
                        summed[layer.others[name]] += w @ own
        found = summed.numpy()
        found[self.frozen] = 0.0
        return found


PAIRS = 1024  # of which a gradient is summed at once
