"""Lanes whose networks answer in batches, stepped in several processes.

The networks answer here, for all lanes at once; then every process steps the lanes that it has. An environment meets the same
actions wherever it is, so it changes no number which process has it. Where a helper is lost, all lanes begin anew without it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from evo.rollout.lanes import Episodes
from evo.tasks.normalization import LaneMoments
from evo.tasks.stepping import Ended, Lanes, Start

if TYPE_CHECKING:
    from evo.tasks.processes import Helper, Helpers


class Lost(Exception):
    """A helper has ended, and with it the lanes that it had."""


class SharedLanes:
    """Lanes as of `Lanes`, all P * B of an evaluation, of which helpers have a part each where that is worth their answers.

    begin: makes those that stay in this process; count: how many processes there may be. Raises Lost, also of `step`.
    """

    def __init__(self, helpers: Helpers, begin: Callable[[Start], Lanes], start: Start, inputs: int, count: int):
        total = len(start.lanes)
        self._helpers, others = helpers, helpers.worth(total, count)
        # Neighbours go to different processes: good genomes come first, and their episodes are long.
        self._places = [np.arange(k, total, len(others) + 1) for k in range(len(others) + 1)]
        self._parts = list(zip(others, self._places[1:]))
        self.observations, self.alive = np.zeros((total, inputs), np.float32), np.ones(total, bool)
        self.ended = Ended(np.zeros(total), np.zeros(total, np.int64), np.zeros(total, bool))

        def own() -> None:
            self._own = begin(start._replace(lanes=self._places[0].tolist()))

        self._everywhere(own, lambda places: start._replace(lanes=places.tolist()))

    def step(self, outputs: np.ndarray) -> None:
        """As of `Lanes`; outputs (P * B, O)."""

        def own() -> None:
            began, stepped = perf_counter(), int(self._own.alive.sum())
            self._own.step(outputs[self._places[0]])
            self._helpers.tell(perf_counter() - began, stepped)

        self._everywhere(own, lambda places: outputs[places])

    def _everywhere(self, own: Callable[[], None], message: Callable[[np.ndarray], object]) -> None:
        """Sends each helper that has live lanes the message for them, does what is to be done here, and takes the answers."""
        asked: list[tuple[Helper, np.ndarray]] = []
        lost: list[Helper] = []
        try:
            for helper, places in self._parts:
                if self.alive[places].any():
                    try:
                        helper.tell(message(places))
                        asked.append((helper, places))
                    except OSError:
                        lost.append(helper)
            own()
            self._take(self._places[0], *self._own.state)
            for helper, places in asked:
                try:
                    self._take(places, *helper.answer())
                except (OSError, EOFError):
                    lost.append(helper)
        except BaseException:
            if self._parts:
                self._helpers.close()  # an answer may be on its way
            raise
        for helper in lost:
            self._helpers.drop(helper)
        if lost:
            raise Lost

    def _take(self, places: np.ndarray, alive: np.ndarray, seen: np.ndarray, ended: Ended | None) -> None:
        self.alive[places], self.observations[places] = alive, seen
        if ended is not None:
            for whole, part in zip(self.ended, ended):
                whole[places] = part


def ticked(
    name: str,
    lanes: Lanes | SharedLanes,
    forward: Callable[[Tensor], Tensor],
    shape: tuple[int, int],
    outputs: int,
    moments: LaneMoments | None,
) -> Episodes:
    """What networks do that answer for all lanes at once, step by step; shape: P, B; forward: (P, B, I) -> (P, B, O).

    Raises ValueError, with the `name` of the task, for outputs of another shape.
    """
    if moments is not None:
        moments.clear()
    x = torch.from_numpy(lanes.observations).view(*shape, lanes.observations.shape[1])
    while lanes.alive.any():
        if moments is not None:
            moments.add(lanes.observations, lanes.alive)
        with torch.no_grad():
            found = forward(x).detach().cpu()
        if found.shape != (*shape, outputs):
            raise ValueError(f"{name}: expected outputs of shape {(*shape, outputs)}; got {tuple(found.shape)}")
        lanes.step(found.reshape(-1, outputs).double().numpy())
    return Episodes(*(each.reshape(shape) for each in lanes.ended))
