"""CPPN: NEAT whose genomes are pictures (Secretan et al.: Picbreeder. Evolutionary Computation 19(3), 2011).

What is evolved, bred and speciated is NEAT's own genome, of `evo.neat` or of `evo.neat_modern`; a hidden node has one of the
functions of patterns, drawn at its birth. `pictures` says what is asked of a network and how its answers are colours.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from evo.activations import NODE_ACTIVATIONS
from evo.core import Model, Task
from evo.genomes.genome import Genomes
from evo.hyperneat.picture_model import PictureModel
from evo.hyperneat.pictures import INPUTS, pictures
from evo.hyperneat.settings import recurrence, recurrence_of_modern
from evo.neat.base import UNBOUNDED, Topologies
from evo.neat.neat import NEAT
from evo.neat.settings import PRESETS, NEATSettings
from evo.neat_modern.neat_modern import ModernNEAT
from evo.neat_modern.settings import PRESETS as MODERN_PRESETS
from evo.neat_modern.settings import ModernSettings
from evo.network.model import restore
from evo.settings import Value, filled, setting, settings

FUNCTIONS = ("bipolar_sigmoid", "gaussian", "sin", "abs", "identity")
IDENTITY = {"output_activation": "identity"}
SOURCE = "Stanley 2007, section 3; these five: Picbreeder's and the absolute value"


def _functions(what: str, source: str) -> Value:
    return setting(
        FUNCTIONS, f"{what}; a name that stands there twice is twice as likely", choices=NODE_ACTIVATIONS, source=source
    )


def _outputs() -> Value:
    says = "activation of output nodes; none: identity, and sigmoid where a task wants outputs in 0 .. 1"
    return setting(None, says, choices=NODE_ACTIVATIONS, source="ours")


@settings
class PictureSettings(NEATSettings):
    preset: str | None = setting(
        "tables", "preset that gives the value of every setting that is none", choices=PRESETS, source="ours"
    )
    activation: str = setting(
        "bipolar_sigmoid", "activation of hidden nodes without node_activations", choices=NODE_ACTIVATIONS, source=SOURCE
    )
    node_activations: tuple[str, ...] | None = _functions(
        "activations of hidden nodes, each drawn at a node's birth with equal probability", SOURCE
    )
    output_activation: str | None = _outputs()

    def filled(self) -> NEATSettings:
        return filled(super().filled(), IDENTITY)

    def contradictions(self) -> list[str]:
        return recurrence(self)


@settings
class ModernPictureSettings(ModernSettings):
    preset: str | None = setting(
        "tables", "preset that gives the value of every setting that is none", choices=MODERN_PRESETS, source="ours"
    )
    activation_default: str = setting(
        "random", "activation of a new node; random: any of activation_options", choices=("random", *NODE_ACTIVATIONS)
    )
    activation_options: tuple[str, ...] = _functions("activations of hidden nodes, at birth and by mutation", SOURCE)
    output_activation: str | None = _outputs()

    def filled(self) -> ModernSettings:
        return filled(super().filled(), IDENTITY)

    def contradictions(self) -> list[str]:
        return super().contradictions() + recurrence_of_modern(self)


class Pictures(Topologies):
    """What a NEAT whose genomes are pictures has more."""

    @classmethod
    def settled(cls, task: Task, settings: object) -> object:
        """With the values in force of the preset, and an output activation whose range the task takes."""
        chosen = filled(settings, {} if task.kind in UNBOUNDED else {"output_activation": "sigmoid"})
        return chosen.filled()  # type: ignore[attr-defined]  # as in `Topologies`

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return PictureModel(restore(task, tensors, header).genome)

    def model(self, genome: Genomes) -> PictureModel:
        """The picture of a population of one."""
        return PictureModel(genome)

    def pictures(self, population: Genomes, height: int, width: int) -> np.ndarray:
        """What a population draws, as of `evo.hyperneat.pictures.pictures`."""
        return pictures(population, height, width)


class CPPN(Pictures, NEAT):
    """ask / tell. outputs: 1 for grey pictures, 3 for hue, saturation and brightness; a bias node comes besides the inputs x, y
    and d.

        cppn = CPPN(outputs=3, population_size=50, seed=0)
        for _ in range(100):
            drawn = cppn.pictures(cppn.ask(), 64, 64)     # (P, 64, 64, 3) in 0 .. 1
            cppn.tell(fitness)                            # (P,), maximised
        cppn.best_model.picture(512, 512)                 # the same picture at another resolution

    Fitness, best, best_fitness and what is raised as of NEAT.
    """

    settings: ClassVar[type] = PictureSettings

    def __init__(self, inputs: int = INPUTS, outputs: int = 1, *, seed: int = 0, **values: Value):
        super().__init__(inputs, outputs, seed=seed, **values)


class ModernCPPN(Pictures, ModernNEAT):
    """CPPN with the genomes of neat-modern: nodes have biases, structure can be deleted."""

    title: ClassVar[str] = "CPPN with genomes of neat-modern: nodes have biases, structure can be deleted (Picbreeder, 2011)"
    settings: ClassVar[type] = ModernPictureSettings

    def __init__(self, inputs: int = INPUTS, outputs: int = 1, *, seed: int = 0, **values: Value):
        super().__init__(inputs, outputs, seed=seed, **values)
