"""NEAT that breeds several siblings for each offspring and evaluates the one whose graph promises most.

The siblings have the same parents, so species keep their shares. The first is what NEAT itself would have bred; of the others
those are considered that have as many genes, so that structure grows at NEAT's own rates: what is new promises little before
its weights are found. They are ranked by `graphs.surrogate`, fitted to what was evaluated in the last generations, as long as
its predictions for the last of these agreed with what was found (Kendall's tau above 0); else the first is taken.

Preselection of this kind: Jin: Surrogate-assisted evolutionary computation. Swarm and Evolutionary Computation 1, 2011.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import stats

from evo import rng
from evo.core import Evaluation, Row, State
from evo.genomes.genome import Genomes
from evo.neat import reproduction
from evo.neat.neat import NEAT
from evo.neat.settings import NEATSettings
from evo.search.strategy import centred_ranks
from evo.settings import Value, setting, settings
from evo.space import Choice
from graphs.surrogate import Ridge, features


@settings
class SurrogateNEATSettings(NEATSettings):
    siblings: int = setting(
        2, "genomes bred for each that is evaluated; 1: NEAT itself", low=1, high=100, source="ours", search=Choice(2, 4, 8)
    )
    memory: int = setting(
        5, "generations, the last ones, of which it learns", low=1, high=1000, source="ours", search=Choice(1, 5, 20)
    )


class SurrogateNEAT(NEAT):
    """ask / tell, as NEAT. `row()` adds surrogate_tau: Kendall's tau between what was predicted for the generation last told
    and what was found; None where there was no prediction."""

    settings: ClassVar[type] = SurrogateNEATSettings

    def __init__(self, inputs: int, outputs: int, *, seed: int = 0, **values: Value):
        super().__init__(inputs, outputs, seed=seed, **values)
        self.tau: float | None = None
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []  # of each generation remembered: features (P, K), fitness (P,)

    def _bred_on_all_cores(self, before: Genomes, *told: np.ndarray) -> tuple[Genomes, np.ndarray, None]:
        number, seed, siblings = self.generation, rng.signed(self.seed), self.options.siblings
        self.parents, copied, representatives = reproduction.mate(*told, self._rates, number, seed)
        pairs, copies = np.tile(self.parents, (siblings, 1)), np.tile(copied, siblings)
        bred = reproduction.breed(before, pairs, copies, self.innovations, self._activations, self._rates, number, seed)
        size = len(self.parents)
        chosen = np.zeros(size, np.int64)
        if siblings > 1 and self.tau is not None and self.tau > 0:
            promise = self._model().predict(features(bred)).reshape(siblings, size)
            genes = np.stack([np.diff(bred.nodes_at), np.diff(bred.connections_at)]).reshape(2, siblings, size)
            chosen = np.where((genes == genes[:, :1]).all(0), promise, -np.inf).argmax(0)
        return bred.select(chosen * size + np.arange(size)), representatives, None

    def _bred_in_one_call(self, before: Genomes, *told: np.ndarray) -> tuple[Genomes, np.ndarray, None]:  # type: ignore[override]
        return self._bred_on_all_cores(before, *told)

    def _model(self) -> Ridge:
        return Ridge(np.concatenate([x for x, _ in self.seen]), np.concatenate([fitness for _, fitness in self.seen]))

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        super().tell(evaluation)
        assert self.population is not None
        x, fitness = features(self.population), self._told()
        self.tau = None
        if self.seen:
            tau = float(stats.kendalltau(self._model().predict(x), centred_ranks(fitness)).statistic)
            self.tau = None if np.isnan(tau) else tau
        self.seen = [*self.seen, (x, fitness.copy())][-self.options.memory :]

    def row(self) -> Row:
        return super().row() | {"surrogate_tau": self.tau}

    def state_dict(self) -> State:
        tensors = [[torch.from_numpy(values.copy()) for values in pair] for pair in self.seen]
        return super().state_dict() | {"tau": self.tau, "seen": tensors}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.tau = state["tau"]
        self.seen = [(x.numpy().copy(), fitness.numpy().copy()) for x, fitness in state["seen"]]
