"""The left and right retina problem: does each side of a retina show an object? (Risi and Stanley, Artificial Life 18(4), 2012,
and Verbancsics and Stanley, GECCO 2011, after Kashtan and Alon, PNAS 102(39), 2005.)

A retina has two sides of 2x2 pixels, each off (-1) or on (1). 8 of the 16 patterns of a side are objects: those of three pixels
and more, and those of one or two pixels in the outer column alone. Two outputs say, each for its side, whether there is an
object. All 256 patterns are training and validation; there is no test. Fitness is 1000 / (1 + E^2), E being the sum of
|target - output| over patterns and outputs. Solved when every output is on the right side of .5. Population 300, 800
generations.

Of the indirect encodings all have outputs for the biases of the networks that they draw, as NEAT has a bias node, and all see
the difference of the coordinates.

Pixels lie in a row, those of the left side at the left, outer columns outside; the outputs lie behind the middles of their
sides. The two sides have nothing to do with each other, so a network of two separate halves suffices.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo.core import Budget, Scenario
from evo.hyperneat.substrate import sheet
from evo.settings import setting, settings
from evo.tasks.supervised import SupervisedTask

POPULATION, GENERATIONS = 300, 800
INDIRECT = {"population_size": POPULATION, "biases": True, "delta": True}


@settings
class RetinaSettings:
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


def is_object(outer: Sequence[int], inner: Sequence[int]) -> bool:
    """Whether a side shows an object: three pixels and more, or only one or two of its outer column."""
    return sum(outer) + sum(inner) >= 3 or (sum(outer) > 0 and sum(inner) == 0)


def patterns() -> tuple[Tensor, Tensor]:
    """All patterns (256, 8), and whether left and right side show an object (256, 2). Pixels are those of four columns from
    left to right, the upper before the lower: outer and inner column of the left side, inner and outer column of the right."""
    pixels = list(itertools.product((0, 1), repeat=8))
    answers = [[is_object(p[0:2], p[2:4]), is_object(p[6:8], p[4:6])] for p in pixels]
    return 2 * torch.tensor(pixels).float() - 1, torch.tensor(answers).float()


def closeness(outputs: Tensor, targets: Tensor) -> Tensor:
    """1000 / (1 + E^2), outputs (P, 256, 2), targets (256, 2) -> (P,): 1000 at best."""
    return 1000.0 / (1.0 + (outputs.double() - targets).abs().sum((-1, -2)).square())


def task(settings: Any, network: Any) -> SupervisedTask:
    table, flags = patterns(), {"solved": 1.0, "stop": settings.stop}
    made = SupervisedTask(table, kind="probability", network=network, fitness=closeness, **flags)
    made.places = sheet((8,)), np.array([[-0.5], [0.5]])
    return made


scenario = Scenario(
    name="retina",
    title="objects on the left and on the right of a retina (all 256 patterns: no test split)",
    task=task,
    settings=RetinaSettings,
    budget=Budget(evaluations=POPULATION * GENERATIONS),
    methods=("es-hyperneat-leo", "hyperneat-leo", "ga", "backprop", "linear", "random-search"),
    model={"network": "mlp", "hidden": (8,)},
    learners={
        "neat": {"population_size": POPULATION},
        **dict.fromkeys(("es-hyperneat", "es-hyperneat-leo"), INDIRECT),
        **{name: {**INDIRECT, "sheet": (8,)} for name in ("hyperneat", "hyperneat-leo")},
    },
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("retina")
