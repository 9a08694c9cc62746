"""Adaptive HyperNEAT: CPPNs that draw not only weights but how they change (Risi and Stanley, SAB 2010)

Sebastian Risi, Kenneth O. Stanley: Indirectly encoding neural plasticity as a pattern of local rules. Simulation of Adaptive
Behavior, 2010; its rules are below with others between which it stands.

    fixed       no change: HyperNEAT's networks, which are compared with
    hebbian     rate o_i o_j                                    further answers of the CPPN: rate
    abc         rate (A o_i o_j + B o_i + C o_j)                rate, A, B, C
    abcd        rate (A o_i o_j + B o_i + C o_j + D)            rate, A, B, C, D (Najarro and Risi, NeurIPS 2020)
    iterated    rate CPPN(places, o_i, o_j, weight)             the change: the CPPN is asked again in every tick

A life is an episode: weights and values begin again with each (`plastic_kernel`).
"""

from __future__ import annotations

import json
from typing import ClassVar, Self

from torch import Tensor

from evo.activations import NODE_ACTIVATIONS
from evo.core import Backends, Model, Phenotypes, Task
from evo.genomes.genome import Genomes
from evo.hyperneat.base import CPPNs
from evo.hyperneat.cppn import Reading
from evo.hyperneat.hyperneat import threshold
from evo.hyperneat.plastic import RULES, Plasticity, PlasticModel, PlasticNetworks
from evo.hyperneat.saving import load
from evo.hyperneat.settings import CPPNSettings
from evo.hyperneat.substrate import Substrate, check_sheet, layout
from evo.neat.neat import NEAT
from evo.settings import Value, setting, settings
from evo.space import Choice, Log


@settings
class AdaptiveHyperNEATSettings(CPPNSettings):
    rule: str = setting(
        "abc",
        "how weights change: fixed, hebbian, abc, abcd, or iterated",
        choices=RULES,
        source="SAB 2010; abcd: NeurIPS 2020; fixed: ours",
    )
    rate_range: float = setting(
        1.0, "rate of an answer of magnitude 1", above=0.0, high=1e6, source="ours", search=Log(0.01, 3.0)
    )
    sheet: tuple[int, ...] = setting(
        (), "nodes along each dimension of one hidden layer; []: none, inputs are connected to outputs", low=1, source="ours"
    )
    cycles: bool = setting(
        False,
        "all layers but inputs are also connected to themselves, with the values of the tick before",
        source="ours",
        search=Choice(False, True),
    )
    threshold_of_weight: float = threshold(0.2)
    substrate_activation: str = setting(
        "tanh", "activation of hidden and output nodes of the substrate", choices=NODE_ACTIVATIONS, source="ours"
    )

    @property
    def reading(self) -> Reading:
        return super().reading._replace(threshold=self.threshold_of_weight)

    def plasticity(self, substrate: Substrate) -> Plasticity:
        """How CPPNs become networks."""
        return Plasticity(substrate, self.reading, self.rule, self.cycles, self.rate_range, self.substrate_activation)

    def sizes(self, substrate: Substrate) -> tuple[int, int]:
        own = self.plasticity(substrate)
        return own.inputs, own.outputs

    def contradictions(self) -> list[str]:
        wrong = super().contradictions()
        if self.locality and self.cycles:
            wrong.append("locality: it seeds connections between layers, expected cycles false; got true")
        return wrong


class AdaptiveHyperNEAT(CPPNs, NEAT):
    """ask / tell. substrate: where the nodes of every network lie; genomes are CPPNs that draw weights and rules on it.

        adaptive = AdaptiveHyperNEAT(Substrate.grid(inputs=(3,), outputs=(1,)), rule="abc", population_size=100, seed=0)
        for _ in range(100):
            networks = adaptive.express(adaptive.ask())    # forward(x (B, I)) gives (P, B, O) and changes B lives
            adaptive.tell(fitness)                         # (P,), maximised

    Fitness, best and best_fitness as of NEAT. Weights stay within the range of weights. A network without a connection, or
    with a number that is not finite (it is drawn as zeros), answers everything alike: rows count them as "empty". Raises
    SettingsError for settings, ValueError or TypeError for a fitness that is not (P,) numbers, and ValueError for more than 67
    million numbers of connections in a population.
    """

    settings: ClassVar[type] = AdaptiveHyperNEATSettings
    options: AdaptiveHyperNEATSettings

    def __init__(self, substrate: Substrate, *, seed: int = 0, **values: Value):
        super().__init__(substrate, seed=seed, **values)
        check_sheet(self.options.sheet, substrate)
        self.plasticity = self.options.plasticity(substrate)

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> Self:
        """On the substrate of the task's own geometry (`substrate.layout`)."""
        return cls(layout(task, cls.settings(**values).sheet), seed=seed, **values)

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        lifeless = "its networks change during an episode: the task has none" if task.episodes == 0 else None
        return super().unsupported_reason(task) or lifeless

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return Backends("compiled", "", "weights change on cores")

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        """The model saved by `PlasticModel.save`. Raises ValueError for another kind, or other sizes than the task's;
        SettingsError for a setting that cannot be: kernels trust it."""
        if header.get("kind") != "plastic substrate":
            raise ValueError(f"expected a CPPN of plastic networks; got {header.get('kind', 'nothing')}")
        try:
            options = cls.settings(**json.loads(header["drawn"]), locality=False)
            genome, substrate = load(tensors, header)
            model = PlasticModel(genome, options.plasticity(substrate))
        except (KeyError, TypeError) as error:
            raise ValueError(f"incomplete plastic network: {error}") from error
        sizes = substrate.sizes
        if (sizes[0], sizes[-1]) != (task.inputs, task.outputs):
            raise ValueError(f"this network has sizes {sizes}, the task {task.inputs} inputs and {task.outputs} outputs")
        return model

    def express(self, population: Genomes) -> Phenotypes:
        networks = PlasticNetworks(population, self.plasticity)
        self._count(networks.connections)
        self._keep(population, networks.costs)
        return networks

    def model(self, genome: Genomes) -> PlasticModel:
        """The network that a population of one draws."""
        return PlasticModel(genome, self.plasticity)
