"""The species of a population as a table: what NEAT and neat-modern keep of each species, and save."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch

from evo.core import State, counted


@dataclass
class SpeciesTable:
    """The species of a population, in order of creation. S species, P genomes.

    of (P,): the index of each genome's species; id (S,), never reused; best (S,): the highest fitness so far; improved (S,):
    the generation of the last improvement (or of the species' creation).
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
        """Number of members, (S,)."""
        return np.bincount(self.of, minlength=len(self.id))

    def state_dict(self) -> State:
        arrays = {name: each for name, each in vars(self).items() if isinstance(each, np.ndarray)}
        return vars(self) | {name: torch.from_numpy(each.copy()) for name, each in arrays.items()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        plain: State = {name: each.numpy().copy() if torch.is_tensor(each) else each for name, each in state.items()}
        return cls(**plain)
