"""Parity of n bits: 1 where an odd number of them is 1. All 2^n rows are training and validation; there is no test.

Fitness is that of Stanley and Miikkulainen (Evolving neural networks through augmenting topologies, Evolutionary
Computation 10(2), 2002) for exclusive or, for any number of rows. Solved when every output is on the right side of .5.
"""

from typing import Any

import torch
from numba import njit
from torch import Tensor

from evo.core import Budget, Scenario
from evo.settings import setting, settings
from evo.tasks.metrics import KERNEL, METRICS, Compiled
from evo.tasks.supervised import SupervisedTask

FITNESS = ("closeness", *METRICS["probability"])


@settings
class ParitySettings:
    bits: int = setting(3, "inputs n; the table has 2^n rows", low=2, high=12)
    fitness: str = setting("closeness", "fitness to maximise; closeness: (rows - sum |t - o|)^2", choices=FITNESS)
    stop: str = setting("solved", '"solved": stop when solved; "budget": spend the whole budget', choices=("solved", "budget"))


@Compiled
@njit(KERNEL, cache=True, nogil=True, error_model="numpy", _nrt=False)
def closeness(outputs, targets, values):
    """(n - sum |t - o|)^2 over the n rows of a table: n^2 at best. outputs (P, n, 1), targets (n, 1) -> (P,)."""
    for p in range(len(outputs)):
        distance = 0.0
        for b in range(len(targets)):
            distance += abs(outputs[p, b, 0] - targets[b, 0])
        values[p] = (len(targets) - distance) ** 2


def truth_table(bits: int) -> tuple[Tensor, Tensor]:
    """Every row of `bits` zeros and ones (2^bits, bits), and its parity (2^bits, 1)."""
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * bits)
    return x, x.sum(dim=1, keepdim=True) % 2


def task(settings: Any, network: Any) -> SupervisedTask:
    fitness = closeness if settings.fitness == "closeness" else settings.fitness
    table = truth_table(settings.bits)
    return SupervisedTask(table, kind="probability", network=network, fitness=fitness, solved=1.0, stop=settings.stop)


scenario = Scenario(
    name="parity",
    title="parity of n bits (full truth table: no test split)",
    task=task,
    settings=ParitySettings,
    budget=Budget(evaluations=20_000),
    methods=("ga", "backprop", "linear", "random-search"),
    model={"network": "mlp", "hidden": (8,)},
)

if __name__ == "__main__":
    from scenarios.lab import main

    main("parity")
