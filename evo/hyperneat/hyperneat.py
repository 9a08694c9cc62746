"""HyperNEAT: NEAT whose genomes draw the weights of a larger network (Stanley, D'Ambrosio, Gauci, Artificial Life 15(2), 2009).

A genome is a CPPN (`cppn`), a small network of patterned functions. It is asked, for every two nodes of a substrate
(`substrate`), what weight lies between them. What NEAT evolves, breeds and speciates is the CPPN; what a task sees is the
network on the substrate.
"""

from __future__ import annotations

from typing import ClassVar, Self

from torch import Tensor

from evo.activations import ACTIVATIONS
from evo.core import Model, Phenotypes, Task
from evo.genomes.genome import Genomes
from evo.hyperneat.base import CPPNs
from evo.hyperneat.cppn import Reading
from evo.hyperneat.model import Drawing, SubstrateModel, costs, express, restore
from evo.hyperneat.objectives import prices
from evo.hyperneat.settings import CPPNSettings, DrawnSettings, ModernCPPNSettings, link_expression, locality_seed
from evo.hyperneat.substrate import Substrate, check_sheet, layout
from evo.neat.neat import NEAT
from evo.neat_modern.neat_modern import ModernNEAT
from evo.settings import Value, setting, settings
from evo.space import Real
from evo.vectors.encoding import Parameters


def threshold(default: float) -> Value:
    """The setting `threshold_of_weight` with this default."""
    says = "an answer of smaller magnitude is no connection; best 0 with a link expression output"
    return setting(default, says, low=0.0, below=1.0, source="3.1", search=Real(0.0, 0.5))


@settings
class LayeredSettings(DrawnSettings):
    sheet: tuple[int, ...] = setting(
        (), "nodes along each dimension of one hidden layer; []: none, inputs are connected to outputs", low=1, source="3"
    )
    threshold_of_weight: float = threshold(0.2)
    hidden_activation: str = setting("sigmoid", "activation of the substrate's hidden nodes", choices=ACTIVATIONS, source="3")

    @property
    def reading(self) -> Reading:
        return super().reading._replace(threshold=self.threshold_of_weight)


@settings
class HyperNEATSettings(LayeredSettings, CPPNSettings):
    pass


@settings
class ModernHyperNEATSettings(LayeredSettings, ModernCPPNSettings):
    pass


@settings
class HyperNEATLEOSettings(HyperNEATSettings):
    leo: bool = link_expression(True)
    locality: bool = locality_seed(True)
    threshold_of_weight: float = threshold(0.0)


class Layered(CPPNs):
    """HyperNEAT's networks, whichever NEAT breeds the CPPNs: layers of a substrate, with a weight between every two nodes."""

    options: LayeredSettings
    _on = "cpu"

    def __init__(self, substrate: Substrate, *, squashed: bool = False, seed: int = 0, **values: Value):
        super().__init__(substrate, seed=seed, **values)
        check_sheet(self.options.sheet, substrate)
        self.drawing = Drawing(substrate, self.reading, self.options.hidden_activation, squashed)
        self._encoding = Parameters(self.drawing.module, samples=1)

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> Self:
        """On the substrate of the task's own geometry (`substrate.layout`)."""
        sheet = cls.settings(**values).sheet
        return cls(layout(task, sheet), squashed=task.kind == "probability", seed=seed, **values)

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return restore(task, tensors, header)

    def runs_on(self, device: str) -> None:
        self._on = device

    def express(self, population: Genomes) -> Phenotypes:
        networks, found = express(population, self.drawing, self._encoding, self._on)
        self._count(found)
        self._keep(population, lambda objective: costs(networks, prices(self.substrate, objective)))
        return networks

    def model(self, genome: Genomes) -> SubstrateModel:
        """The network that a population of one draws."""
        return SubstrateModel(genome, self.drawing)


class HyperNEAT(Layered, NEAT):
    """ask / tell. substrate: where the nodes of every network lie; genomes are the CPPNs that draw weights on it.

        hyper = HyperNEAT(Substrate.grid(inputs=(11, 11), outputs=(11, 11)), population_size=100, seed=0)
        for _ in range(100):
            networks = hyper.express(hyper.ask())     # networks.forward(x (B, I)) gives (P, B, O)
            hyper.tell(fitness)                       # (P,), maximised
        hyper.best_model.on(Substrate.grid(inputs=(55, 55), outputs=(55, 55)))

    squashed: a sigmoid stands behind the outputs, which are unbounded otherwise. Fitness, best and best_fitness as of NEAT. A
    network without a connection, or with a weight that is not finite (it is drawn as zeros), answers everything alike: rows
    count them as "empty". Raises SettingsError for settings, ValueError or TypeError for a fitness that is not (P,) numbers.
    """

    settings: ClassVar[type] = HyperNEATSettings


class ModernHyperNEAT(Layered, ModernNEAT):
    """HyperNEAT with the genomes of neat-modern: nodes have biases, structure can be deleted."""

    settings: ClassVar[type] = ModernHyperNEATSettings
    title: ClassVar[str] = "HyperNEAT (2009) with genomes of neat-modern: nodes have biases, structure can be deleted"


class HyperNEATLEO(HyperNEAT):
    """HyperNEAT with a link expression output and the locality seed (Verbancsics and Stanley, GECCO 2011)."""

    settings: ClassVar[type] = HyperNEATLEOSettings
    title: ClassVar[str] = "HyperNEAT with a link expression output and the locality seed (Verbancsics and Stanley, GECCO 2011)"
