"""What HyperNEAT and ES-HyperNEAT let set: NEAT's settings with defaults for CPPNs, and how these are read."""

from __future__ import annotations

from collections.abc import Iterable

from evo.activations import NODE_ACTIVATIONS
from evo.hyperneat.cppn import Reading
from evo.hyperneat.objectives import OBJECTIVES
from evo.hyperneat.substrate import Substrate
from evo.neat.settings import PRESETS, NEATSettings
from evo.neat_modern.settings import PRESETS as MODERN_PRESETS
from evo.neat_modern.settings import ModernSettings
from evo.settings import Value, setting, settings
from evo.space import Choice, Real


def link_expression(default: bool) -> Value:
    """The setting `leo` with this default."""
    says = "link expression output: a further output of the CPPN says by being above 0 where there is a connection"
    return setting(default, says, source="Verbancsics and Stanley, GECCO 2011")


def locality_seed(default: bool) -> Value:
    """The setting `locality` with this default."""
    says = "first CPPNs express connections between near nodes alone, by a Gaussian of each coordinate's difference"
    return setting(default, says, source="Verbancsics and Stanley, GECCO 2011")


def recurrence(options: NEATSettings) -> list[str]:
    """What is wrong with settings by which CPPNs would be recurrent."""
    recurrent = PRESETS[options.preset or "neat2002"]["recurrent"] if options.recurrent is None else options.recurrent
    return ["recurrent: expected false, since a CPPN is a function of place; got true"] if recurrent else []


def recurrence_of_modern(options: ModernSettings) -> list[str]:
    """The same of genomes of neat-modern."""
    return [] if options.feed_forward else ["feed_forward: expected true, since a CPPN is a function of place; got false"]


def _preset(default: str, choices: Iterable[str]) -> Value:
    says = "preset that gives the value of every setting of NEAT that is none"
    return setting(default, says, choices=choices, source="ours")


def _size() -> Value:
    return setting(100, "P, genomes per generation", low=1, source="3", search=Choice(50, 100, 150, 300))


def _outputs() -> Value:
    says = "activation of a CPPN's outputs, which are read in -1 .. 1"
    return setting("bipolar_sigmoid", says, choices=NODE_ACTIVATIONS, source="3")


def _functions(drawn: str) -> Value:
    says, source = f"activations of a CPPN's hidden nodes, {drawn}", "2; these four: code of Risi's ES-HyperNEAT"
    return setting(("bipolar_sigmoid", "gaussian", "sin", "identity"), says, choices=NODE_ACTIVATIONS, source=source)


@settings
class DrawnSettings:
    """Of the networks that CPPNs draw, whichever NEAT breeds the CPPNs."""

    objectives: tuple[str, ...] = setting(
        ("fitness",),
        "what selection goes by: fitness, and the sum of squared lengths or the number of a network's connections besides",
        choices=OBJECTIVES,
        source="Clune, Mouret and Lipson, Proc. R. Soc. B 280, 2013",
    )
    cost_probability: float = setting(
        0.25,
        "probability that in a comparison of two genomes objectives beside fitness count; 1: always, as in NSGA-II",
        low=0.0,
        high=1.0,
        source="the same",
    )

    weight_range: float = setting(
        3.0, "weight of an answer of magnitude 1", above=0.0, high=1e6, source="3.1", search=Real(1.0, 8.0)
    )
    delta: bool = setting(False, "the CPPN also sees the differences source - target of the coordinates", source="3")
    length: bool = setting(False, "the CPPN also sees the Euclidean length of the connection", source="3")
    biases: bool = setting(False, "the CPPN also draws the biases of all nodes but inputs", source="ours")
    leo: bool = link_expression(False)
    locality: bool = locality_seed(False)

    @property
    def reading(self) -> Reading:
        """How weights are read from the CPPNs' outputs."""
        return Reading(0.0, self.weight_range, self.delta, self.length, self.biases, self.leo)

    def sizes(self, substrate: Substrate) -> tuple[int, int]:
        """Inputs and outputs of the CPPNs."""
        return self.reading.inputs(substrate), self.reading.outputs(substrate)

    def contradictions(self) -> list[str]:
        if self.objectives[:1] != ("fitness",) or len(set(self.objectives)) < len(self.objectives):
            return [f"objectives: expected fitness, then others, each once; got {list(self.objectives)}"]
        return []


@settings
class CPPNSettings(DrawnSettings, NEATSettings):
    preset: str | None = _preset("hyperneat", PRESETS)
    population_size: int = _size()
    activation: str = _outputs()
    node_activations: tuple[str, ...] | None = _functions("each drawn at birth with equal probability")

    def contradictions(self) -> list[str]:
        wrong = recurrence(self)
        if self.locality and not (self.leo and self.bias_node):
            wrong.append("locality: it seeds the link expression output and needs leo and bias_node")
        return wrong + super().contradictions()


@settings
class ModernCPPNSettings(DrawnSettings, ModernSettings):
    preset: str | None = _preset("neat-python", MODERN_PRESETS)
    population_size: int = _size()
    output_activation: str | None = _outputs()
    activation_default: str = setting(
        "random", "activation of a new node; random: any of activation_options", choices=("random", *NODE_ACTIVATIONS)
    )
    activation_options: tuple[str, ...] = _functions("at birth and by mutation")

    def contradictions(self) -> list[str]:
        wrong = ModernSettings.contradictions(self) + recurrence_of_modern(self)
        if self.locality and not self.leo:
            wrong.append("locality: it seeds the link expression output and needs leo")
        return wrong + super().contradictions()
