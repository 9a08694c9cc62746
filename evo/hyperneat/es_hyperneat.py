"""ES-HyperNEAT: HyperNEAT that finds where the hidden nodes lie (Risi and Stanley, Artificial Life 18(4), 2012)

Sebastian Risi, Kenneth O. Stanley: An enhanced hypercube-based encoding for evolving the placement, density, and connectivity
of neurons.

A genome is a CPPN, as in HyperNEAT. The user places inputs and outputs alone. Where the CPPN's answers vary, as a function of
where a connection ends, there is information; there the search puts nodes.

    division and initialisation     a tree of questions to the CPPN for each node              quadtree.divide
    pruning and extraction          which of them are connections                              quadtree.express
    iterated network completion     from inputs to hidden nodes and on, to outputs             discovery
    geometry seeding                first CPPNs that connect near nodes                        locality
"""

from __future__ import annotations

from typing import ClassVar, Self

from torch import Tensor

from evo.activations import NODE_ACTIVATIONS
from evo.core import Backends, Episodic, Model, Phenotypes, Task
from evo.genomes.genome import Genomes
from evo.hyperneat.base import CPPNs
from evo.hyperneat.growth import GrownModel, Growth, Search, ends, restore
from evo.hyperneat.objectives import grown_costs
from evo.hyperneat.settings import CPPNSettings, DrawnSettings, ModernCPPNSettings, link_expression, locality_seed
from evo.hyperneat.substrate import Substrate
from evo.neat.neat import NEAT
from evo.neat_modern.neat_modern import ModernNEAT
from evo.settings import Value, setting, settings
from evo.space import Integer, Log

DIVISION, PRUNING = "division and initialisation", "pruning and extraction"


@settings
class SearchSettings(DrawnSettings):
    initial_depth: int = setting(
        3, "times that space is always halved: 8 parts along each axis", low=1, high=20, source=DIVISION, search=Integer(2, 3)
    )
    max_depth: int = setting(
        3, "times that space is halved where answers vary", low=1, high=20, source=DIVISION, search=Integer(3, 5)
    )
    division_threshold: float = setting(
        0.03,
        "variance of the answers in the parts of a part above which these are divided beyond initial_depth",
        low=0.0,
        source=DIVISION,
        search=Log(0.01, 1.0),
    )
    variance_threshold: float = setting(
        0.03,
        "variance of all answers below a part from which on its parts are looked at one by one",
        low=0.0,
        source=PRUNING,
        search=Log(0.01, 1.0),
    )
    band_threshold: float = setting(
        0.3,
        "difference of a part's answer to both neighbours along an axis above which it is a connection",
        low=0.0,
        source=PRUNING,
        search=Log(0.05, 1.0),
    )
    iteration_level: int = setting(
        1,
        "times that hidden nodes just found look for further ones",
        low=0,
        high=100,
        source="iterated network completion",
        search=Integer(0, 3),
    )
    cycles: bool = setting(
        True,
        "hidden nodes connect in every direction, and a call is iteration_level + 2 ticks; false: only towards the outputs",
        source="released code; false: ours",
    )
    hidden_activation: str = setting(
        "steep_sigmoid", "activation of hidden nodes", choices=NODE_ACTIVATIONS, source="released code"
    )
    max_connections: int = setting(
        65_536,
        "a search that finds more connections, those to dead ends too, gives a network without any; rows count it as oversized",
        low=1,
        high=1 << 24,
        source="ours",
    )

    def contradictions(self) -> list[str]:
        wrong = super().contradictions()
        if self.initial_depth > self.max_depth:
            wrong.append(f"initial_depth: expected at most max_depth, {self.max_depth}; got {self.initial_depth}")
        return wrong


@settings
class ESHyperNEATSettings(SearchSettings, CPPNSettings):
    pass


@settings
class ModernESHyperNEATSettings(SearchSettings, ModernCPPNSettings):
    pass


@settings
class ESHyperNEATLEOSettings(ESHyperNEATSettings):
    leo: bool = link_expression(True)
    locality: bool = locality_seed(True)


class Evolved(CPPNs):
    """ES-HyperNEAT's networks, whichever NEAT breeds the CPPNs: hidden nodes are found between inputs and outputs."""

    options: SearchSettings

    def __init__(
        self, substrate: Substrate, *, squashed: bool = False, keeps_state: bool = False, seed: int = 0, **values: Value
    ):
        super().__init__(substrate, seed=seed, **values)
        activations = (self.options.hidden_activation, "steep_sigmoid" if squashed else "identity")
        self.growth = Growth(substrate, self.reading, Search.of(self.options), activations, fresh=not keeps_state)

    @property
    def axes(self) -> range:
        """All but the last, which leads from inputs to outputs."""
        return range(self.substrate.dimensions - 1)

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> Self:
        """With inputs and outputs as of `growth.ends`."""
        state = isinstance(task, Episodic)
        return cls(ends(task), squashed=task.kind == "probability", keeps_state=state, seed=seed, **values)

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return Backends("compiled", "", "hidden nodes are looked for on cores")

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return restore(task, tensors, header, cls.settings)

    def express(self, population: Genomes) -> Phenotypes:
        networks, found = self.growth.express(population)
        hidden, connections = found.sizes.T
        self._count(connections, oversized=int(found.oversized.sum()), network_hidden_mean=float(hidden.mean()))
        self._keep(population, lambda objective: grown_costs(self.growth.each(population, found), self.substrate, objective))
        return networks

    def model(self, genome: Genomes) -> GrownModel:
        """The network that a population of one finds."""
        return GrownModel(genome, self.growth)


class ESHyperNEAT(Evolved, NEAT):
    """ask / tell. substrate: where inputs and outputs lie; genomes are CPPNs that find hidden nodes between them.

        places = [[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]              # inputs below, an output above
        hyper = ESHyperNEAT(Substrate(places), population_size=100, seed=0)
        for _ in range(100):
            networks = hyper.express(hyper.ask())     # networks.forward(x (B, I)) gives (P, B, O)
            hyper.tell(fitness)                       # (P,), maximised
        hyper.best_model.figure()

    Inputs and outputs lie at opposite ends of the last dimension, hidden nodes anywhere. squashed: outputs are in 0 .. 1, by a
    steepened sigmoid; they are unbounded otherwise. keeps_state: networks with cycles keep their values from call to call,
    until `reset`, as in an episode; else every call begins from zeros. Fitness, best and best_fitness as of NEAT. A network
    without a connection answers everything alike: rows count them as "empty", and as "oversized" those for which more than
    max_connections are found, before those to dead ends are removed. An answer that is not finite is no connection. Raises
    SettingsError for settings, also for a max_depth of too many cells; ValueError for a substrate of more than two layers or 9
    dimensions; ValueError or TypeError for a fitness that is not (P,) numbers.
    """

    settings: ClassVar[type] = ESHyperNEATSettings


class ModernESHyperNEAT(Evolved, ModernNEAT):
    """ES-HyperNEAT with the genomes of neat-modern: nodes have biases, structure can be deleted."""

    settings: ClassVar[type] = ModernESHyperNEATSettings
    title: ClassVar[str] = "ES-HyperNEAT (2012) with genomes of neat-modern: nodes have biases, structure can be deleted"


class ESHyperNEATLEO(ESHyperNEAT):
    """ES-HyperNEAT with a link expression output and the locality seed (Verbancsics and Stanley, GECCO 2011)."""

    settings: ClassVar[type] = ESHyperNEATLEOSettings
    title: ClassVar[str] = (
        "ES-HyperNEAT with a link expression output and the locality seed (Verbancsics and Stanley, GECCO 2011)"
    )
