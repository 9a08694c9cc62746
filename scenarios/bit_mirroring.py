"""Bit mirroring: every output is to repeat the bit of its input (Clune, Stanley, Pennock and Ofria: On the performance of
indirect encoding across the continuum of regularity. IEEE Transactions on Evolutionary Computation 15(3), 2011).

Inputs are bits, -1 or 1, on a sheet of 5x5; each has one target, an output on another such sheet that faces it. Where all
targets lie in the same relative position as their inputs, one rule of geometry says it all; where they lie anywhere, each is to
be learned by itself. `regularity` is the share of targets in the same position; the others are permuted among themselves, and
none stays. What is drawn is drawn from one fixed seed, so that what is regular at .5 is so at .75.

The paper makes the problem irregular in steps, by columns and by rows; one share, and what follows, are ours. Fitness is the
share of bits right, outputs on the right side of .5, over 128 random patterns: half by guessing. Validation are 128 other
patterns, the test 1,024 more. Solved when every bit of the validation patterns is right. Population 150, 500 generations. CPPNs
see differences of coordinates besides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo import rng
from evo.core import Budget, Metric, Model, Scenario, Score
from evo.hyperneat.substrate import sheet
from evo.settings import setting, settings
from evo.tasks.supervised import SupervisedTask

POPULATION, GENERATIONS = 150, 500
SEED = 2011  # of what is drawn: which targets are irregular, where these lie, and the patterns
TRAIN, VALIDATION, TEST = 128, 128, 1024  # patterns


@settings
class BitMirroringSettings:
    regularity: float = setting(1.0, "share of targets in the same relative position as their inputs", low=0.0, high=1.0)
    size: int = setting(5, "nodes along a side of both sheets", low=2, high=32)
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def sources(size: int, regularity: float) -> np.ndarray:
    """The input (O,) that each of size^2 outputs is to repeat: itself for round(regularity O) of them, while the others form
    one cycle (a single one would have nowhere to go, and stays)."""
    order = rng.permutation(SEED, 0, 0, rng.SPLIT, size**2)
    others = order[round(regularity * size**2) :]
    repeated = np.arange(size**2)
    repeated[others] = np.roll(others, 1)
    return repeated


def patterns(size: int, regularity: float, count: int, which: int) -> tuple[Tensor, Tensor]:
    """Random bits (count, size^2) of -1 and 1, and what is to be answered (count, size^2), 0 and 1. which: of the splits."""
    bits = rng.words(SEED, 1, which, rng.SPLIT, count * size**2).reshape(count, -1) & 1
    return torch.from_numpy(2.0 * bits - 1.0).float(), torch.from_numpy(bits[:, sources(size, regularity)]).float()


def bits_right(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of outputs on the right side of .5, outputs (P, B, O), targets (B, O) -> (P,)."""
    return ((outputs > 0.5) == (targets > 0.5)).double().mean((-1, -2))


class BitMirroring(SupervisedTask):
    """Random patterns of bits. Its metric "bits" is the share of bits right; "accuracy" that of patterns without a mistake."""

    def __init__(self, size: int, regularity: float, **rest: Any):
        splits = [patterns(size, regularity, count, which) for which, count in enumerate((TRAIN, VALIDATION, TEST))]
        super().__init__(*splits, kind="probability", fitness=bits_right, solved=1.0, shape=(1, size, size), **rest)
        self.metric = Metric("bits")
        self.places = (sheet((size, size)),) * 2

    def score(self, model: Model, split: str) -> Score | None:
        found = super().score(model, split)
        return found and {"bits": found["fitness"], **found}


scenario = Scenario(
    name="bit_mirroring",
    title="repeat the bits of a sheet of 5x5 at their targets, regular or not",
    task=lambda settings, network: BitMirroring(network=network, **vars(settings)),
    settings=BitMirroringSettings,
    budget=Budget(evaluations=POPULATION * GENERATIONS),
    methods=("hyperneat", "neat", "ga", "backprop", "linear", "random-search"),
    model={"network": "mlp", "hidden": ()},
    learners={
        "neat": {"population_size": POPULATION},
        "hyperneat": {"population_size": POPULATION, "delta": True},
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("bit_mirroring")
