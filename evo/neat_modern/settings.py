"""The settings of neat-modern: neat-python 2.0's configuration keys; the defaults are those of its own XOR example.

Differences in name: population_size is pop_size, connection_fraction is the number that follows "partial" there, and
activations bear the names of `evo.activations`, where neat-python's scaled ones begin with "neat_". The keys of the species'
target number are those of neat-python 2.1.
"""

from __future__ import annotations

from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.settings import Value, setting, settings

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


def _chance(default: float, doc: str) -> Value:
    return setting(default, doc, low=0.0, high=1.0, source=GENOME)


def _spread(default: float, doc: str) -> Value:
    return setting(default, doc, low=0.0, source=GENOME)


def _number(default: float, doc: str) -> Value:
    return setting(default, doc, source=GENOME)


def _init_type(what: str) -> Value:
    doc = f"distribution of a new {what}, clamped; uniform: within two init_stdev of init_mean"
    return setting("gaussian", doc, choices=("gaussian", "uniform"), source=GENOME)


@settings
class ModernSettings:
    population_size: int = setting(150, "P, networks a generation; pop_size there", low=1, source=NEAT)

    output_activation: str | None = setting(
        None,
        "of a first genome's outputs, which activation_mutate_rate changes as others; none: as of hidden nodes, but identity "
        "where a task takes outputs of any size, as classes and regression do",
        choices=NODE_ACTIVATIONS,
        source="ours: outputs between 0 and 1 cannot say that a class is certain",
    )

    # The first population
    feed_forward: bool = setting(True, "no cycles; false: any, and a network keeps its state", source=GENOME)
    ticks: str = setting(
        "one", "of a recurrent network a step: one, or its depth", choices=("one", "depth"), source="one: as there"
    )
    num_hidden: int = setting(0, "hidden nodes of a first genome; all have the same", low=0, source=GENOME)
    initial_connection: str = setting(
        "full_direct",
        "links of a first genome. unconnected: none; fs_neat: from one input to all outputs, or to hidden nodes too; full: "
        "inputs to hidden nodes, these to outputs, with direct inputs to outputs too (recurrent: and each node to itself); "
        "partial: connection_fraction of these",
        choices=CONNECTED,
        source=GENOME,
    )
    connection_fraction: float = _chance(0.5, "share of the links of full that partial has, rounded")

    # Structural mutation
    conn_add_prob: float = _chance(0.5, "two nodes are joined, if the pair that is drawn may be")
    conn_delete_prob: float = _chance(0.5, "a connection is deleted")
    node_add_prob: float = _chance(0.2, "a connection is split by a node")
    node_delete_prob: float = _chance(0.2, "a hidden node is deleted, with its connections")
    single_structural_mutation: bool = setting(False, "at most one of these four an offspring", source=GENOME)
    structural_mutation_surer: str = setting(
        "default",
        "true: a join that exists is enabled, and a genome without connections is joined where one was to be split; default: "
        "as single_structural_mutation",
        choices=("default", "true", "false"),
        source=GENOME,
    )

    # Attributes of nodes and connections
    bias_init_mean: float = _number(0.0, "mean of a new bias; that of a node that splits a connection is 0")
    bias_init_stdev: float = _spread(1.0, "standard deviation of a new bias")
    bias_init_type: str = _init_type("bias")
    bias_mutate_rate: float = _chance(0.7, "a bias is moved")
    bias_mutate_power: float = _spread(0.5, "standard deviation of a move")
    bias_replace_rate: float = _chance(0.1, "a bias is drawn anew instead")
    bias_min_value: float = _number(-30.0, "least bias")
    bias_max_value: float = _number(30.0, "largest bias")

    response_init_mean: float = _number(1.0, "mean of a new response")
    response_init_stdev: float = _spread(0.0, "standard deviation of a new response")
    response_init_type: str = _init_type("response")
    response_mutate_rate: float = _chance(0.0, "a response is moved")
    response_mutate_power: float = _spread(0.0, "standard deviation of a move")
    response_replace_rate: float = _chance(0.0, "a response is drawn anew instead")
    response_min_value: float = _number(-30.0, "least response")
    response_max_value: float = _number(30.0, "largest response")

    weight_init_mean: float = _number(0.0, "mean of a new weight")
    weight_init_stdev: float = _spread(1.0, "standard deviation of a new weight")
    weight_init_type: str = _init_type("weight")
    weight_mutate_rate: float = _chance(0.8, "a weight is moved")
    weight_mutate_power: float = _spread(0.5, "standard deviation of a move")
    weight_replace_rate: float = _chance(0.1, "a weight is drawn anew instead")
    weight_min_value: float = _number(-30.0, "least weight")
    weight_max_value: float = _number(30.0, "largest weight")

    enabled_default: str = setting(
        "true", "is a new connection enabled; random: with probability 1/2", choices=("true", "false", "random"), source=GENOME
    )
    enabled_mutate_rate: float = _chance(0.01, "a coin decides anew whether a connection is enabled")
    enabled_rate_to_true_add: float = _chance(0.0, "added to that rate where it is disabled")
    enabled_rate_to_false_add: float = _chance(0.0, "added to that rate where it is enabled")

    activation_default: str = setting(
        "neat_sigmoid",
        "of a new node; random: any of activation_options",
        choices=("random", *NODE_ACTIVATIONS),
        source=GENOME,
    )
    activation_options: tuple[str, ...] = setting(
        ("neat_sigmoid",), "activations that mutation draws from", choices=NODE_ACTIVATIONS, source=GENOME
    )
    activation_mutate_rate: float = _chance(0.0, "a node's activation is drawn anew")
    aggregation_default: str = setting(
        "sum", "of a new node; random: any of aggregation_options", choices=("random", *AGGREGATIONS), source=GENOME
    )
    aggregation_options: tuple[str, ...] = setting(
        ("sum",), "aggregations that mutation draws from", choices=AGGREGATIONS, source=GENOME
    )
    aggregation_mutate_rate: float = _chance(0.0, "a node's aggregation is drawn anew")

    # Species
    compatibility_disjoint_coefficient: float = _spread(1.0, "of genes that one genome alone has")
    compatibility_weight_coefficient: float = _spread(0.5, "of differences between attributes of genes that both have")
    compatibility_threshold: float = setting(3.0, "distance below which genomes are alike", low=0.0, source=SPECIES)
    target_num_species: int | None = setting(
        None, "the threshold is moved towards as many species, each generation; none: it stays", low=1, source=SPECIES
    )
    threshold_adjust_rate: float = setting(0.1, "by how much it is moved", low=0.0, source=SPECIES)
    threshold_min: float = setting(0.1, "it is moved no lower", low=0.0, source=SPECIES)
    threshold_max: float = setting(100.0, "nor higher", low=0.0, source=SPECIES)
    species_fitness_func: str = setting(
        "max",
        "fitness of a species, of its members': median: the upper of two middle ones; median2: their mean",
        choices=FITNESS_OF_SPECIES,
        source=STAGNATION,
    )
    max_stagnation: int = setting(
        20, "generations without improvement after which a species dies out", low=1, source=STAGNATION
    )
    species_elitism: int = setting(2, "the fittest species that never die out by stagnation", low=0, source=STAGNATION)

    # Reproduction
    elitism: int = setting(2, "fittest members of a species that are kept unchanged", low=0, source=REPRODUCTION)
    survival_threshold: float = setting(
        0.2, "share of a species that may be parents, rounded up, and at least two", low=0.0, high=1.0, source=REPRODUCTION
    )
    min_species_size: int = setting(2, "places of a species at least, or elitism, if that is more", low=1, source=REPRODUCTION)

    @property
    def smallest(self) -> int:
        """Places that a species has at least."""
        return max(self.min_species_size, self.elitism)

    def contradictions(self) -> list[str]:
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
                f"elitism: expected fewer than the population_size of {self.population_size}, or nothing new is ever tried; "
                f"got {self.elitism}"
            )
        if self.min_species_size > self.population_size:
            problems.append(
                f"min_species_size: expected at most the population_size of {self.population_size}; got {self.min_species_size}"
            )
        return problems
