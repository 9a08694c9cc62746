"""A generation on CartPole, whose pole is put up again when it falls: no episode ends before its 500 steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from evo import GA, MLP, NEAT
from evo.tasks.control import ControlTask
from scenarios.environments.cartpole import environment
from scenarios.environments.cartpole import step as cartpole_step

START = (0.0, 0.0, 0.01, 0.0)


def step(state, action):
    state, _, fallen = cartpole_step(state, action)
    return START if fallen else state, 0.0 if fallen else 1.0, False


endless = replace(environment, start=lambda draws: START, step=step, draws=0)


def cartpole(
    size: int, device: str | torch.device = "cpu", steps: int = 500, method: type[NEAT] | type[GA] = NEAT
) -> Callable[[], object]:
    """A function that breeds, speciates and scores a population of so many: of genomes, or with GA of MLPs of 2 x 32 units."""
    task = ControlTask(replace(endless, max_steps=steps), network=lambda inputs, outputs: MLP(inputs, outputs, hidden=(32, 32)))
    algorithm, seeds = method.for_task(task, seed=0, population_size=size), np.zeros(1, np.int64)

    def generation() -> None:
        algorithm.tell(task.evaluate(algorithm.express(algorithm.ask()).to(device), seeds))

    return generation
