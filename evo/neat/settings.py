"""NEAT's rules as settings, each with range, meaning and source. A preset is a set of values for them.

    NEATSettings(preset="dpnv", perturbation=1.0).filled()      # dpnv's values, except for the perturbation

Sections are those of Stanley and Miikkulainen: Evolving neural networks through augmenting topologies. Evolutionary
Computation 10(2), 2002. Where the paper leaves a value open, the source says so; it was chosen to reproduce the paper's
results.
"""

from __future__ import annotations

import functools

from evo.activations import NODE_ACTIVATIONS
from evo.settings import Value, filled, preset_setting, setting, settings
from evo.space import Choice, Log, Real

# neat2002: the default column of the paper's table. dpnv: its column for double pole without velocities. neat2002-r: an
# alternative reading of the weight ranges. cpp: the conventions of the C++ code released by the first author. tables: for
# standardised columns, the best of 24 trials of `evo tune` (RESULTS.md). hyperneat: for functions of place,
# which large weights turn into all or nothing.
NEAT2002 = dict(
    population_size=150,
    recurrent=False,
    activation="steep_sigmoid",
    initial_weights=4.0,
    weight_mutation=0.8,
    weight_mutation_alone=1.0,
    weight_perturbed=0.9,
    perturbation=1.5,
    replaced_weights=6.0,
    new_weights=4.0,
    add_node=0.03,
    add_link=0.05,
    structural="besides",
    disable_rule="literal",
    averaged=0.0,
    mate_only=0.0,
    weight_coefficient=0.4,
    threshold=3.0,
    representative="random",
    survival=0.2,
    tested="fittest",
)
PRESETS: dict[str, dict[str, Value]] = {
    "neat2002": NEAT2002,
    "dpnv": NEAT2002
    | dict(population_size=1000, recurrent=True, weight_mutation_alone=0.8, perturbation=0.5, replaced_weights=4.0)
    | dict(add_link=0.3, weight_coefficient=3.0, threshold=4.0, tested="improved"),
    "neat2002-r": NEAT2002 | dict(initial_weights=1.0, perturbation=1.8, replaced_weights=2.5, new_weights=2.5),
    "cpp": NEAT2002
    | dict(
        initial_weights=1.0,
        weight_mutation=0.9,
        weight_mutation_alone=0.9,
        perturbation=2.5,
        replaced_weights=2.5,
        new_weights=1.0,
    )
    | dict(structural="instead", disable_rule="sticky", averaged=0.4, mate_only=0.2, representative="champion"),
    "tables": NEAT2002
    | dict(population_size=50, activation="relu", initial_weights=0.0385, weight_perturbed=0.916, perturbation=0.189)
    | dict(replaced_weights=0.279, new_weights=0.271, add_node=0.259, add_link=0.479)
    | dict(weight_coefficient=0.104, threshold=6.91, survival=0.0665),
    "hyperneat": NEAT2002
    | dict(initial_weights=1.0, perturbation=0.5, replaced_weights=1.5, new_weights=1.5, add_node=0.1, add_link=0.3),
}


_clause = functools.partial(preset_setting, PRESETS)


@settings
class NEATSettings:
    preset: str | None = setting(
        None,
        "preset that gives the value of every setting that is none; none: tables for tasks with unbounded outputs "
        "(classification, regression), else neat2002",
        choices=PRESETS,
        source="tables: ours",
    )
    population_size: int = _clause(
        "population_size", "P, genomes per generation", low=1, source="4.1", search=Choice(50, 100, 150, 300)
    )

    # The networks (section 4.1)
    recurrent: bool = _clause("recurrent", "allow cycles; a network keeps its state between steps", source="4.3.2")
    ticks: str = setting(
        "one",
        "activation passes of a recurrent network per step: one, or its depth",
        choices=("one", "depth"),
        source="open in the paper",
    )
    bias_node: bool = setting(True, "add a bias node, clamped to 1.0", source="4.1")
    activation: str = _clause(
        "activation",
        "activation of hidden and output nodes; steep_sigmoid: 1 / (1 + exp(-4.9 x))",
        choices=NODE_ACTIVATIONS,
        source="4.1",
        search=Choice("steep_sigmoid", "tanh", "relu"),
    )

    node_activations: tuple[str, ...] | None = setting(
        None,
        "activations of hidden nodes, each drawn at a node's birth with equal probability; none: activation alone",
        choices=NODE_ACTIVATIONS,
        source="ours: for CPPNs",
    )
    output_activation: str | None = setting(
        None,
        "activation of output nodes; none: that of hidden nodes, except identity for tasks with unbounded outputs "
        "(classification, regression)",
        choices=NODE_ACTIVATIONS,
        source="ours: logits in 0 .. 1 cannot express a confident prediction",
    )

    # The first population (section 3.4)
    initial: str = setting(
        "minimal",
        "minimal: every input connected to every output; random: 1 .. `hidden` hidden nodes, each connection with "
        "probability 1/2",
        choices=("minimal", "random"),
        source="3.4; random: an ablation, Table 3",
    )
    growth: bool = setting(
        True,
        "false: no structural mutation; minimal then has one fully connected layer of `hidden` nodes",
        source="ablation, Table 3",
    )
    hidden: int = setting(10, "hidden nodes without growth; maximum of a random initial genome", low=1, source="Table 3")
    initial_weights: float = _clause(
        "initial_weights",
        "half-width of the uniform initial weights",
        low=0.0,
        source="open in the paper",
        search=Log(0.03, 5.0),
    )

    # Mutation (sections 3.1, 4.1)
    weight_mutation: float = _clause(
        "weight_mutation",
        "probability of weight mutation after crossover",
        low=0.0,
        high=1.0,
        source="4.1",
    )
    weight_mutation_alone: float = _clause(
        "weight_mutation_alone",
        "probability of weight mutation of an offspring with one parent",
        low=0.0,
        high=1.0,
        source="4.1; open in the paper whether weight_mutation applies",
    )
    weight_perturbed: float = _clause(
        "weight_perturbed",
        "fraction of weights perturbed by a weight mutation; the others are replaced",
        low=0.0,
        high=1.0,
        source="4.1",
        search=Real(0.7, 1.0),
    )
    perturbation: float = _clause(
        "perturbation",
        "half-width of a uniform weight perturbation",
        low=0.0,
        source="open in the paper",
        search=Log(0.03, 2.0),
    )
    replaced_weights: float = _clause(
        "replaced_weights",
        "half-width of a uniform replacement weight",
        low=0.0,
        source="open in the paper",
        search=Log(0.1, 6.0),
    )
    new_weights: float = _clause(
        "new_weights",
        "half-width of a new connection's uniform weight",
        low=0.0,
        source="open in the paper",
        search=Log(0.03, 5.0),
    )
    add_node: float = _clause(
        "add_node",
        "probability of an add-node mutation, which splits a connection",
        low=0.0,
        high=1.0,
        source="4.1",
        search=Log(0.02, 0.3),
    )
    add_link: float = _clause(
        "add_link", "probability of an add-connection mutation", low=0.0, high=1.0, source="4.1", search=Log(0.03, 0.5)
    )
    structural: str = _clause(
        "structural",
        "besides: structural and weight mutation are independent; instead: a structural mutation excludes the others",
        choices=("besides", "instead"),
        source="open in the paper; instead: released code",
    )
    split_bias: bool = setting(
        False, "connections from the bias node may be split", source="open in the paper; false: released code"
    )
    split_oldest_below: int = setting(
        15,
        "genomes with fewer genes prefer old connections: the oldest splittable one, or with probability split_go_on the "
        "next, and so on; larger genomes split any with equal probability",
        low=0,
        source="open in the paper; released code",
    )
    split_go_on: float = setting(
        0.3,
        "probability of advancing to the next connection; see split_oldest_below",
        low=0.0,
        below=1.0,
        source="released code",
    )
    link_tries: int = setting(
        20, "maximum number of node pairs tried by an add-connection mutation", low=1, source="released code"
    )

    # Crossover (sections 3.2, 4.1)
    crossover: float = setting(
        0.75,
        "fraction of offspring produced by crossover; 0: the ablation, Table 3",
        low=0.0,
        high=1.0,
        source="4.1",
    )
    interspecies: float = setting(
        0.001, "fraction of crossovers with a second parent from another species", low=0.0, high=1.0, source="4.1"
    )
    disabled: float = setting(
        0.75, "probability that a gene disabled in either parent is disabled in the offspring", low=0.0, high=1.0, source="4.1"
    )
    disable_rule: str = _clause(
        "disable_rule",
        "otherwise the gene is: literal: enabled; sticky: as in the parent it comes from",
        choices=("literal", "sticky"),
        source="4.1; sticky: released code",
    )
    averaged: float = _clause(
        "averaged", "fraction of crossovers that average matching weights", low=0.0, high=1.0, source="released code"
    )
    mate_only: float = _clause(
        "mate_only", "fraction of crossovers without mutation", low=0.0, high=1.0, source="released code"
    )

    # Speciation (sections 3.3, 4.1)
    speciation: bool = setting(True, "false: the whole population is one species", source="ablation, Table 3")
    excess_coefficient: float = setting(1.0, "c1, coefficient of excess genes", low=0.0, source="equation 1, 4.1")
    disjoint_coefficient: float = setting(1.0, "c2, coefficient of disjoint genes", low=0.0, source="equation 1, 4.1")
    weight_coefficient: float = _clause(
        "weight_coefficient",
        "c3, coefficient of the mean weight difference of matching genes",
        low=0.0,
        source="equation 1, 4.1",
        search=Log(0.1, 4.0),
    )
    small_genome: int = setting(20, "N in equation 1 is 1 if both genomes have fewer genes; 0: never", low=0, source="3.3")
    threshold: float = _clause(
        "threshold",
        "compatibility distance below which two genomes belong to one species",
        low=0.0,
        source="4.1",
        search=Log(1.0, 8.0),
    )
    representative: str = _clause(
        "representative",
        "the representative of a species: a random member of the previous generation, or its champion",
        choices=("random", "champion"),
        source="3.3; champion: similar to the released code",
    )

    # Reproduction (sections 3.3, 4.1)
    survival: float = _clause(
        "survival",
        "parents: the best floor(survival n) + 1 of a species of n genomes",
        low=0.0,
        high=1.0,
        source="open in the paper; released code",
        search=Log(0.05, 0.5),
    )
    champion_above: int = setting(5, "species with more genomes copy their champion unchanged", low=0, source="4.1")
    stagnation: int = setting(
        15,
        "generations without improvement after which a species does not reproduce",
        low=1,
        source="4.1",
    )
    population_stagnation: int = setting(
        20, "if the population has not improved for more generations, only the top two species reproduce", low=1, source="3.3"
    )
    population_rule: str = setting(
        "once",
        "population_stagnation applies: once: for one generation, then all counters restart; lasting: until the population "
        "improves; none: never",
        choices=("once", "lasting", "none"),
        source="footnote 2; open in the paper",
    )

    tested: str = _clause(
        "tested",
        "the genome scored on validation: the fittest, or the champion of the best species that improved",
        choices=("fittest", "improved"),
        source="4.3.2",
    )

    def filled(self) -> NEATSettings:
        """The same settings with none replaced by the preset's values."""
        return filled(self, PRESETS[self.preset or "neat2002"])
