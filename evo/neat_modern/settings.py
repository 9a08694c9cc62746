"""The settings of neat-modern: neat-python 2.0's configuration keys, with the defaults of its XOR example.

Names that differ: population_size is pop_size, connection_fraction is the number after "partial", and activations have the
names of `evo.activations`, where neat-python's scaled ones start with "neat_". The keys of target_num_species are those of
neat-python 2.1.
"""

from __future__ import annotations

import functools

from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.settings import Value, filled, preset_setting, setting, settings
from evo.space import Choice, Log, Real

NEAT, GENOME = "section NEAT", "section DefaultGenome"
SPECIES, STAGNATION, REPRODUCTION = "section DefaultSpeciesSet", "section DefaultStagnation", "section DefaultReproduction"
FITNESS_OF_SPECIES = ("max", "min", "mean", "median", "median2")
CONNECTED = (
    "unconnected",
    "fs_neat_nohidden",
    "fs_neat_hidden",
    "full_nodirect",
    "full_direct",
    "partial_nodirect",
    "partial_direct",
)


# neat-python: the values of its XOR example. tables: for standardised columns, the best of 24 trials of `evo tune`, then
# weight_mutate_power doubled (from .0576) and conn_delete_prob lowered (from .0786) by tests/efficacy/table_presets.py
# (RESULTS.md): with the trial's own values a sine of one input is not learned in some seeds.
NEAT_PYTHON = dict(
    population_size=150,
    conn_add_prob=0.5,
    conn_delete_prob=0.5,
    node_add_prob=0.2,
    node_delete_prob=0.2,
    bias_init_stdev=1.0,
    bias_mutate_power=0.5,
    weight_init_stdev=1.0,
    weight_mutate_rate=0.8,
    weight_mutate_power=0.5,
    weight_replace_rate=0.1,
    compatibility_threshold=3.0,
    elitism=2,
    survival_threshold=0.2,
)
PRESETS: dict[str, dict[str, Value]] = {
    "neat-python": NEAT_PYTHON,
    "tables": NEAT_PYTHON
    | dict(population_size=50, conn_add_prob=0.069, conn_delete_prob=0.03, node_add_prob=0.184, node_delete_prob=0.0121)
    | dict(bias_init_stdev=0.0703, bias_mutate_power=0.281, weight_init_stdev=0.233, weight_mutate_rate=0.546)
    | dict(weight_mutate_power=0.12, weight_replace_rate=0.054, compatibility_threshold=5.76, survival_threshold=0.0607),
}

_clause = functools.partial(preset_setting, PRESETS)
_preset_chance = functools.partial(_clause, low=0.0, high=1.0, source=GENOME)
_preset_spread = functools.partial(_clause, low=0.0, source=GENOME)


def _chance(default: float, doc: str) -> Value:
    return setting(default, doc, low=0.0, high=1.0, source=GENOME)


def _spread(default: float, doc: str) -> Value:
    return setting(default, doc, low=0.0, source=GENOME)


def _number(default: float, doc: str) -> Value:
    return setting(default, doc, source=GENOME)


def _init_type(what: str) -> Value:
    doc = f"distribution of a new {what}, clamped; uniform: init_mean +- 2 init_stdev"
    return setting("gaussian", doc, choices=("gaussian", "uniform"), source=GENOME)


@settings
class ModernSettings:
    preset: str | None = setting(
        None,
        "preset that gives the value of every setting that is none; none: tables for tasks with unbounded outputs "
        "(classification, regression), else neat-python, the values of its XOR example",
        choices=PRESETS,
        source="tables: ours",
    )
    population_size: int = _clause(
        "population_size",
        "P, genomes per generation; neat-python: pop_size",
        low=1,
        source=NEAT,
        search=Choice(50, 100, 150, 300),
    )

    output_activation: str | None = setting(
        None,
        "initial activation of output nodes, which mutates like others; none: that of hidden nodes, except identity for tasks "
        "with unbounded outputs (classification, regression)",
        choices=NODE_ACTIVATIONS,
        source="ours: logits in 0 .. 1 cannot express a confident prediction",
    )

    # The first population
    feed_forward: bool = setting(
        True, "no cycles; false: cycles are allowed, and a network keeps its state between steps", source=GENOME
    )
    ticks: str = setting(
        "one",
        "activation passes of a recurrent network per step: one, or its depth",
        choices=("one", "depth"),
        source="one: neat-python",
    )
    num_hidden: int = setting(0, "hidden nodes of an initial genome, the same in all of them", low=0, source=GENOME)
    initial_connection: str = setting(
        "full_direct",
        "connections of an initial genome. unconnected: none; fs_neat: one input to all outputs (hidden: and hidden nodes); "
        "full: inputs to hidden nodes, hidden nodes to outputs (direct: and inputs to outputs; recurrent: and "
        "self-connections); partial: connection_fraction of these",
        choices=CONNECTED,
        source=GENOME,
    )
    connection_fraction: float = _chance(0.5, "fraction of the connections of full that partial has, rounded")

    # Structural mutation
    conn_add_prob: float = _preset_chance(
        "conn_add_prob",
        "probability of adding a connection between a drawn pair of nodes, if it is valid",
        search=Log(0.03, 0.5),
    )
    conn_delete_prob: float = _preset_chance("conn_delete_prob", "probability of deleting a connection", search=Log(0.005, 0.5))
    node_add_prob: float = _preset_chance(
        "node_add_prob", "probability of adding a node, which splits a connection", search=Log(0.02, 0.3)
    )
    node_delete_prob: float = _preset_chance(
        "node_delete_prob", "probability of deleting a hidden node with its connections", search=Log(0.005, 0.2)
    )
    single_structural_mutation: bool = setting(False, "at most one of these four mutations per offspring", source=GENOME)
    structural_mutation_surer: str = setting(
        "default",
        "true: adding an existing connection enables it, and adding a node to a genome without connections adds a "
        "connection; default: as single_structural_mutation",
        choices=("default", "true", "false"),
        source=GENOME,
    )

    # Attributes of nodes and connections
    bias_init_mean: float = _number(0.0, "mean of a new bias; a node that splits a connection has bias 0")
    bias_init_stdev: float = _preset_spread("bias_init_stdev", "standard deviation of a new bias", search=Log(0.03, 2.0))
    bias_init_type: str = _init_type("bias")
    bias_mutate_rate: float = _chance(0.7, "probability of perturbing a bias")
    bias_mutate_power: float = _preset_spread(
        "bias_mutate_power", "standard deviation of a perturbation", search=Log(0.03, 2.0)
    )
    bias_replace_rate: float = _chance(0.1, "probability of replacing a bias")
    bias_min_value: float = _number(-30.0, "minimum bias")
    bias_max_value: float = _number(30.0, "maximum bias")

    response_init_mean: float = _number(1.0, "mean of a new response")
    response_init_stdev: float = _spread(0.0, "standard deviation of a new response")
    response_init_type: str = _init_type("response")
    response_mutate_rate: float = _chance(0.0, "probability of perturbing a response")
    response_mutate_power: float = _spread(0.0, "standard deviation of a perturbation")
    response_replace_rate: float = _chance(0.0, "probability of replacing a response")
    response_min_value: float = _number(-30.0, "minimum response")
    response_max_value: float = _number(30.0, "maximum response")

    weight_init_mean: float = _number(0.0, "mean of a new weight")
    weight_init_stdev: float = _preset_spread("weight_init_stdev", "standard deviation of a new weight", search=Log(0.03, 2.0))
    weight_init_type: str = _init_type("weight")
    weight_mutate_rate: float = _preset_chance(
        "weight_mutate_rate", "probability of perturbing a weight", search=Real(0.1, 1.0)
    )
    weight_mutate_power: float = _preset_spread(
        "weight_mutate_power", "standard deviation of a perturbation", search=Log(0.03, 2.0)
    )
    weight_replace_rate: float = _preset_chance(
        "weight_replace_rate", "probability of replacing a weight", search=Log(0.005, 0.3)
    )
    weight_min_value: float = _number(-30.0, "minimum weight")
    weight_max_value: float = _number(30.0, "maximum weight")

    enabled_default: str = setting(
        "true",
        "enabled flag of a new connection; random: true with probability 1/2",
        choices=("true", "false", "random"),
        source=GENOME,
    )
    enabled_mutate_rate: float = _chance(0.01, "probability of drawing an enabled flag anew, with probability 1/2 each")
    enabled_rate_to_true_add: float = _chance(0.0, "added to enabled_mutate_rate if the connection is disabled")
    enabled_rate_to_false_add: float = _chance(0.0, "added to enabled_mutate_rate if the connection is enabled")

    activation_default: str = setting(
        "neat_sigmoid",
        "activation of a new node; random: any of activation_options",
        choices=("random", *NODE_ACTIVATIONS),
        source=GENOME,
    )
    activation_options: tuple[str, ...] = setting(
        ("neat_sigmoid",), "activations available to mutation", choices=NODE_ACTIVATIONS, source=GENOME
    )
    activation_mutate_rate: float = _chance(0.0, "probability of drawing a node's activation anew")
    aggregation_default: str = setting(
        "sum", "aggregation of a new node; random: any of aggregation_options", choices=("random", *AGGREGATIONS), source=GENOME
    )
    aggregation_options: tuple[str, ...] = setting(
        ("sum",), "aggregations available to mutation", choices=AGGREGATIONS, source=GENOME
    )
    aggregation_mutate_rate: float = _chance(0.0, "probability of drawing a node's aggregation anew")

    # Species
    compatibility_disjoint_coefficient: float = _spread(1.0, "coefficient of disjoint and excess genes")
    compatibility_weight_coefficient: float = _spread(0.5, "coefficient of attribute differences of matching genes")
    compatibility_threshold: float = _clause(
        "compatibility_threshold",
        "compatibility distance below which genomes belong to one species",
        low=0.0,
        source=SPECIES,
        search=Log(1.0, 8.0),
    )
    target_num_species: int | None = setting(
        None,
        "number of species that the threshold is adjusted to each generation; none: constant threshold",
        low=1,
        source=SPECIES,
    )
    threshold_adjust_rate: float = setting(0.1, "threshold adjustment per generation", low=0.0, source=SPECIES)
    threshold_min: float = setting(0.1, "minimum adjusted threshold", low=0.0, source=SPECIES)
    threshold_max: float = setting(100.0, "maximum adjusted threshold", low=0.0, source=SPECIES)
    species_fitness_func: str = setting(
        "max",
        "fitness of a species from its members'; median: the upper of two middle values; median2: their mean",
        choices=FITNESS_OF_SPECIES,
        source=STAGNATION,
    )
    max_stagnation: int = setting(
        20,
        "generations without improvement after which a species is removed",
        low=1,
        source=STAGNATION,
    )
    species_elitism: int = setting(2, "number of fittest species protected from stagnation", low=0, source=STAGNATION)

    # Reproduction
    elitism: int = _clause(
        "elitism",
        "number of fittest members of each species copied unchanged",
        low=0,
        source=REPRODUCTION,
        search=Choice(1, 2, 5),
    )
    survival_threshold: float = _clause(
        "survival_threshold",
        "fraction of a species that may be parents, rounded up, at least two genomes",
        low=0.0,
        high=1.0,
        source=REPRODUCTION,
        search=Log(0.05, 0.5),
    )
    min_species_size: int = setting(2, "minimum size of a species; elitism, if that is larger", low=1, source=REPRODUCTION)

    def filled(self) -> ModernSettings:
        """The same settings with none replaced by the preset's values."""
        return filled(self, PRESETS[self.preset or "neat-python"])

    @property
    def smallest(self) -> int:
        """The minimum size of a species."""
        return max(self.min_species_size, self.elitism)

    def contradictions(self) -> list[str]:
        if self.filled() is not self:
            return []  # filled() has asked the values that are in force
        problems = []
        ranges = [(f"{name}_min_value", f"{name}_max_value") for name in ("bias", "response", "weight")]
        for low, high in [*ranges, ("threshold_min", "threshold_max")]:
            if getattr(self, low) > getattr(self, high):
                problems.append(f"{low}: expected at most {high}, {getattr(self, high):g}; got {getattr(self, low):g}")
        for name in ("bias", "response", "weight"):
            mean, reach = getattr(self, f"{name}_init_mean"), 2.0 * getattr(self, f"{name}_init_stdev")
            low, high = getattr(self, f"{name}_min_value"), getattr(self, f"{name}_max_value")
            if getattr(self, f"{name}_init_type") == "uniform" and not max(low, mean - reach) <= min(high, mean + reach):
                problems.append(f"{name}_init_mean: expected it within {reach:g} of {low:g} .. {high:g}; got {mean:g}")
        for name in ("activation", "aggregation"):
            default, options = getattr(self, f"{name}_default"), getattr(self, f"{name}_options")
            if not options:
                problems.append(f"{name}_options: expected at least one")
            elif default not in ("random", *options):
                problems.append(
                    f"{name}_default: expected random or one of {name}_options, {', '.join(options)}; got {default}"
                )
        if self.elitism >= self.population_size:
            problems.append(
                f"elitism: expected fewer than the population_size of {self.population_size}, so that there are new offspring; "
                f"got {self.elitism}"
            )
        if self.min_species_size > self.population_size:
            problems.append(
                f"min_species_size: expected at most the population_size of {self.population_size}; got {self.min_species_size}"
            )
        return problems
