"""The species of a population, as a table: what NEAT and neat-modern keep of each, and save."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch

from evo.core import State, counted


@dataclass
class SpeciesTable:
    """What is known of the species of a population, in the order in which they were founded. S species, P genomes.

    of (P,): whose genome is whose, places in the other arrays; id (S,), never used again; best (S,): the highest fitness so
    far; improved (S,): the generation that reached it (or founded the species).
    """

    of: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    id: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    best: np.ndarray = field(default_factory=lambda: np.zeros(0))
    improved: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    next_id: int = 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.id)} species, {counted(len(self.of), 'genome')})"

    @property
    def sizes(self) -> np.ndarray:
        """Members of each (S,)."""
        return np.bincount(self.of, minlength=len(self.id))

    def state_dict(self) -> State:
        arrays = {name: each for name, each in vars(self).items() if isinstance(each, np.ndarray)}
        return vars(self) | {name: torch.from_numpy(each.copy()) for name, each in arrays.items()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        plain: State = {name: each.numpy().copy() if torch.is_tensor(each) else each for name, each in state.items()}
        return cls(**plain)
