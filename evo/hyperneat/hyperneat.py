"""HyperNEAT: NEAT whose genomes draw the weights of a larger network (Stanley, D'Ambrosio, Gauci, Artificial Life 15(2), 2009).

A genome is a CPPN (`cppn`), a small network of patterned functions. It is asked, for every two nodes of a substrate
(`substrate`), what weight lies between them. What NEAT evolves, breeds and speciates is the CPPN; what a task sees is the
network on the substrate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from torch import Tensor

from evo.activations import ACTIVATIONS, NODE_ACTIVATIONS
from evo.core import Model, Phenotypes, Row, State, Task
from evo.genomes.genome import Genomes
from evo.hyperneat.cppn import Reading
from evo.hyperneat.model import Drawing, SubstrateModel, express, restore
from evo.hyperneat.substrate import Substrate, layout, no_layout
from evo.neat.neat import NEAT
from evo.neat.settings import PRESETS, NEATSettings
from evo.settings import Value, setting, settings
from evo.space import Choice, Real
from evo.vectors.encoding import Parameters


@settings
class HyperNEATSettings(NEATSettings):
    # Of the CPPNs, where they differ from NEAT's networks
    preset: str | None = setting(
        "neat2002", "preset that gives the value of every setting of NEAT that is none", choices=PRESETS, source="ours"
    )
    population_size: int = setting(100, "P, genomes per generation", low=1, source="3", search=Choice(50, 100, 150, 300))
    activation: str = setting(
        "bipolar_sigmoid", "activation of a CPPN's outputs, which are read in -1 .. 1", choices=NODE_ACTIVATIONS, source="3"
    )
    node_activations: tuple[str, ...] | None = setting(
        ("bipolar_sigmoid", "gaussian", "sin", "identity"),
        "activations of a CPPN's hidden nodes, each drawn at birth with equal probability",
        choices=NODE_ACTIVATIONS,
        source="2; these four: code of Risi's ES-HyperNEAT",
    )

    # Of the networks that they draw
    sheet: tuple[int, ...] = setting(
        (), "nodes along each dimension of one hidden layer; []: none, inputs are connected to outputs", low=1, source="3"
    )
    threshold_of_weight: float = setting(
        0.2, "an answer of smaller magnitude is no connection", low=0.0, below=1.0, source="3.1", search=Real(0.0, 0.5)
    )
    weight_range: float = setting(
        3.0, "weight of an answer of magnitude 1", above=0.0, high=1e6, source="3.1", search=Real(1.0, 8.0)
    )
    hidden_activation: str = setting("sigmoid", "activation of the substrate's hidden nodes", choices=ACTIVATIONS, source="3")
    delta: bool = setting(False, "the CPPN also sees the differences source - target of the coordinates", source="3")
    length: bool = setting(False, "the CPPN also sees the Euclidean length of the connection", source="3")
    biases: bool = setting(False, "the CPPN also draws the biases of all nodes but inputs", source="ours")
    leo: bool = setting(
        False,
        "link expression output: a further output of the CPPN says by being above 0 where there is a connection",
        source="Verbancsics and Stanley, GECCO 2011; then threshold_of_weight is best 0",
    )

    def contradictions(self) -> list[str]:
        recurrent = self.recurrent or (self.recurrent is None and PRESETS[self.preset or "neat2002"]["recurrent"])
        return ["recurrent: expected false, since a CPPN is a function of place; got true"] if recurrent else []


class HyperNEAT(NEAT):
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
    options: HyperNEATSettings

    def __init__(self, substrate: Substrate, *, squashed: bool = False, seed: int = 0, **values: Value):
        options = HyperNEATSettings(**values)
        reading = Reading(
            options.threshold_of_weight, options.weight_range, options.delta, options.length, options.biases, options.leo
        )
        super().__init__(reading.inputs(substrate), reading.outputs(substrate), seed=seed, **values)
        self.drawing = Drawing(substrate, reading, options.hidden_activation, squashed)
        self._encoding = Parameters(self.drawing.module, samples=1)
        self._empty = 0

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> Self:
        """On the substrate of the task's own geometry (`substrate.layout`)."""
        sheet = HyperNEATSettings(**values).sheet
        return cls(layout(task, sheet), squashed=task.kind == "probability", seed=seed, **values)

    @classmethod
    def settled(cls, task: Task, settings: object) -> object:
        """With the values in force of the preset: a CPPN's outputs are read alike on every task."""
        assert isinstance(settings, HyperNEATSettings)
        return settings.filled()

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        return super().unsupported_reason(task) or no_layout(task)

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return restore(task, tensors, header)

    def express(self, population: Genomes) -> Phenotypes:
        networks, self._empty = express(population, self.drawing, self._encoding)
        return networks

    def model(self, genome: Genomes) -> SubstrateModel:
        """The network that a population of one draws."""
        return SubstrateModel(genome, self.drawing)

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of NEAT: from a CPPN, or from a network that one drew."""
        super().warm_start(model.cppn if isinstance(model, SubstrateModel) else model, frozen)

    def row(self) -> Row:
        """As of NEAT, where nodes and connections are the CPPN's; empty: networks of the population without a connection."""
        return super().row() | {"empty": self._empty}

    def state_dict(self) -> State:
        return super().state_dict() | {"empty": self._empty}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._empty = state["empty"]
