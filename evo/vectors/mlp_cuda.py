"""A multi-layer perceptron inside an episode kernel on a CUDA card: a policy kind of `evo.rollout.cuda`.

Sums are those of `mlp_kernel`, in its order: the bits of cores.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import nn

from evo.activations import IDENTITY, activate_rows
from evo.cuda import device, nbytes, put, view
from evo.rollout.lanes import Policy
from evo.vectors.mlp_rows import layers


def scratch(data: tuple, episodes: int) -> tuple[object, ...]:
    """The values of two layers of each lane, (2, units of the largest layer, lanes) float32: neighbours lie side by side."""
    return view(torch.zeros(_shape(data, episodes), dtype=torch.float32, device=device())), max(1, episodes)


def scratch_bytes(data: tuple, episodes: int) -> int:
    return nbytes(_shape(data, episodes), 4)


def _shape(data: tuple, episodes: int) -> tuple[int, int, int]:
    vectors, widest = data[0], data[3]
    return 2, widest, max(1, vectors.shape[0] * episodes)


def answer(policy, genome, episode, scratch, x, y):
    """The outputs y (O, 1) of the network for x (I, 1)."""
    vectors, sizes, activation, _ = policy
    values, episodes = scratch
    lane = genome * episodes + episode
    here, there = values[0, :, lane], values[1, :, lane]
    at, last = 0, sizes.size - 2
    for i in range(sizes[0]):
        here[i] = x[i, 0]
    for layer in range(last + 1):
        before, after = sizes[layer], sizes[layer + 1]
        for o in range(after):
            total = vectors[genome, at + before * after + o]
            for i in range(before):
                total += here[i] * vectors[genome, at + o * before + i]
            there[o] = total
        if layer < last:
            activate_rows(activation, 0.0, 1.0, there[:after])
        here, there = there, here
        at += before * after + after
    for o in range(sizes[last + 1]):
        y[o, 0] = here[o]


def policy(module: nn.Module, vectors: torch.Tensor) -> Policy | None:
    """The networks of `module` with parameters (P, D) on the card as a Policy; None if it is no MLP."""
    found = layers(module)
    if found is None or found.output != IDENTITY:
        return None
    sizes, hidden, _ = found
    data = (view(vectors.float().contiguous()), put(sizes), hidden, int(np.max(sizes)))
    return Policy(sys.modules[__name__], data, len(vectors), int(sizes[0]), int(sizes[-1]), on_card=True)
