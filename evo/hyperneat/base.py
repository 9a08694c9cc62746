"""What HyperNEAT and ES-HyperNEAT have in common: a NEAT whose genomes are CPPNs, which draw other networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from evo.core import Model, Row, State, Task
from evo.genomes.genome import Genomes
from evo.hyperneat.locality import local
from evo.hyperneat.objectives import ranks, trade_offs
from evo.hyperneat.settings import DrawnSettings
from evo.hyperneat.substrate import Substrate, no_layout
from evo.neat.base import Topologies
from evo.settings import Value

COUNTS = ("empty", "oversized", "network_hidden_mean", "network_connections_mean")  # columns of rows, about the networks


class CPPNs(Topologies):
    """A method is one of these and a NEAT, of `evo.neat` or `evo.neat_modern`, with settings of both. It adds `for_task`,
    `restore`, `express`, which calls `_count` for what rows are to show of the networks and `_keep` for what those of the
    population cost, and `model`, whose Models have a `cppn`.

    substrate: where nodes lie. Raises TypeError for what is none.
    """

    settings: ClassVar[type]
    options: DrawnSettings

    def __init__(self, substrate: Substrate, *, seed: int = 0, **values: Value):
        if not isinstance(substrate, Substrate):
            raise TypeError(f"substrate: expected an evo.Substrate, as Substrate([inputs, outputs]); got {substrate!r:.100}")
        options = self.settings(**values)
        self.substrate, self.reading = substrate, options.reading
        super().__init__(*options.sizes(substrate), seed=seed, **values)  # type: ignore[call-arg]  # of a NEAT
        self._counts: dict[str, float | None] = {}
        self._count(None)
        self._costs: dict[str, np.ndarray] | None = None  # (P,) by objective; None: not known, as after a resume

    @property
    def axes(self) -> range:
        """Of space, along which nodes that are connected by the locality seed are near each other."""
        return range(self.substrate.dimensions)

    @classmethod
    def settled(cls, task: Task, settings: object) -> object:
        """With the values in force of the preset: a CPPN's outputs are read alike on every task."""
        return settings.filled()  # type: ignore[attr-defined]  # as in `Topologies`

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        return super().unsupported_reason(task) or no_layout(task)

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of NEAT: from a CPPN, or from a network that one drew."""
        super().warm_start(getattr(model, "cppn", model), frozen)

    def row(self) -> Row:
        """As of NEAT, where nodes and connections are the CPPN's. empty: networks of the population without a connection;
        network_connections_mean: connections of a network; both None where HyperNEAT draws these later. And the mean of each
        objective beside fitness."""
        means = {f"{name}_mean": float(values.mean()) for name, values in self._known_costs().items()}
        return super().row() | self._counts | means

    def front(self) -> list[dict[str, float]] | None:
        """With further objectives the points of the generation last told that no other beats in all, the cheapest first."""
        if len(self.options.objectives) == 1:
            return None
        return [] if self.fitness is None else trade_offs({"fitness": self.fitness, **self._known_costs()})

    def _count(self, connections: np.ndarray | None, **further: float) -> None:
        """connections (P,): of each network just made; None: they are not known yet."""
        if connections is None:
            self._counts = {"empty": None, "network_connections_mean": None}
        else:
            mean = float(connections.mean())
            self._counts = {"empty": int((connections == 0).sum()), "network_connections_mean": mean, **further}

    def state_dict(self) -> State:
        return super().state_dict() | self._counts

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._counts = {name: state[name] for name in state if name in COUNTS}
        self._costs = None

    def _keep(self, population: Genomes, cost: Callable[[str], np.ndarray]) -> None:
        """Keeps what networks just expressed cost, if they are those of the population. cost: of an objective, (P,)."""
        if population is self.population:
            self._costs = {name: cost(name) for name in self.options.objectives[1:]}

    def _known_costs(self) -> dict[str, np.ndarray]:
        """Of the population, by objective beside fitness; {}: there is none."""
        if self._costs is None and self.population is not None and len(self.options.objectives) > 1:
            self.express(self.population)
        return self._costs or {}

    def _standing(self) -> np.ndarray:
        """With further objectives ranks, as of `objectives.ranks`."""
        fitness, costs = super()._standing(), self._known_costs()
        self._costs = None  # of the population to come
        if not costs:
            return fitness
        return ranks(fitness, [*costs.values()], self.options.cost_probability, self.seed, self.generation)

    def _first(self) -> Genomes:
        first = super()._first()
        if not self.options.locality:
            return first
        expressed = range(self.outputs - len(self.substrate.layers) + 1, self.outputs)
        seeded = local(first, self.axes, self.substrate.dimensions, expressed)
        self.innovations.pass_by(seeded)
        return seeded
