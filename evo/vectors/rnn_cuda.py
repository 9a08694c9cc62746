"""A recurrent network inside an episode kernel on a CUDA card: a policy kind of `evo.rollout.cuda`.

Sums are those of `rnn_kernel`, in its order: the bits of cores.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import nn

from evo.activations import CODES, activate
from evo.cuda import device, nbytes, put, view
from evo.rollout.lanes import Policy
from evo.vectors.rnn_kernel import sizes_of

TANH = CODES["tanh"]


def scratch(data: tuple, episodes: int) -> tuple[object, ...]:
    """The values of two layers and the state of each lane, float32: neighbours lie side by side."""
    made = [view(torch.zeros(shape, dtype=torch.float32, device=device())) for shape in _shapes(data, episodes)]
    return *made, max(1, episodes)


def scratch_bytes(data: tuple, episodes: int) -> int:
    return sum(nbytes(shape, 4) for shape in _shapes(data, episodes))


def _shapes(data: tuple, episodes: int) -> tuple[tuple[int, int, int], tuple[int, int]]:
    vectors, _, widest, units = data
    lanes = max(1, vectors.shape[0] * episodes)
    return (2, widest, lanes), (units, lanes)


def answer(policy, genome, episode, scratch, x, y):
    """The outputs y (O, 1) of the network for x (I, 1), and the lane's next state."""
    vectors, sizes, _, _ = policy
    values, states, episodes = scratch
    lane = genome * episodes + episode
    here, there = values[0, :, lane], values[1, :, lane]
    at, kept, last = 0, 0, sizes.size - 2
    for i in range(sizes[0]):
        here[i] = x[i, 0]
    for layer in range(last + 1):
        before, after = sizes[layer], sizes[layer + 1]
        end = at + before * after
        for o in range(after):
            total = vectors[genome, end + o]
            for i in range(before):
                total += here[i] * vectors[genome, at + o * before + i]
            if layer < last:
                for i in range(after):
                    total += states[kept + i, lane] * vectors[genome, end + after + o * after + i]
                total = np.float32(activate(TANH, np.float64(total)))
            there[o] = total
        at = end + after
        if layer < last:
            for o in range(after):
                states[kept + o, lane] = there[o]
            at += after * after
            kept += after
        here, there = there, here
    for o in range(sizes[last + 1]):
        y[o, 0] = here[o]


def policy(module: nn.Module, vectors: torch.Tensor) -> Policy | None:
    """The networks of `module` with parameters (P, D) on the card as a Policy; None if it is no RNN."""
    found = sizes_of(module)
    if found is None:
        return None
    data = (view(vectors.float().contiguous()), put(found), int(found.max()), int(found[1:-1].sum()))
    return Policy(sys.modules[__name__], data, len(vectors), int(found[0]), int(found[-1]), on_card=True)
