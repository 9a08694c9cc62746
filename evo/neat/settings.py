"""NEAT's clauses: each is one setting with its range, its meaning and its source, and a preset is a set of their values.

    NEATSettings(preset="dpnv", perturbation=1.0).filled()      # dpnv's values, but for the perturbation

Sections are those of Stanley and Miikkulainen: Evolving neural networks through augmenting topologies. Evolutionary
Computation 10(2), 2002. What the paper leaves open says so; it was chosen so that the paper's figures come out.
"""

from __future__ import annotations

import dataclasses

from evo.activations import NODE_ACTIVATIONS
from evo.settings import Value, setting, settings

# neat2002: the paper's table, default column. dpnv: its column for double poles without velocities. neat2002-r: another
# reading of the ranges of weights. cpp: conventions of the C++ code that the first author released.
NEAT2002 = dict(
    population_size=150,
    recurrent=False,
    initial_weights=4.0,
    weight_mutation=0.8,
    weight_mutation_alone=1.0,
    perturbation=1.5,
    replaced_weights=6.0,
    new_weights=4.0,
    add_link=0.05,
    structural="besides",
    disable_rule="literal",
    averaged=0.0,
    mate_only=0.0,
    weight_coefficient=0.4,
    threshold=3.0,
    representative="random",
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
}


def _clause(name: str, doc: str, **declared: Value) -> Value:
    """A setting whose default, none, stands for the preset's value; its doc lists the values."""
    usual = NEAT2002[name]
    others = [f"{preset} {values[name]}" for preset, values in PRESETS.items() if values[name] != usual]
    return setting(None, f"{doc}; none: the preset's, {', '.join([str(usual), *others])}", **declared)


@settings
class NEATSettings:
    preset: str = setting("neat2002", "whose values the settings have that are none", choices=PRESETS)
    population_size: int | None = _clause("population_size", "P, networks a generation", low=1, source="4.1")

    # The networks (section 4.1)
    recurrent: bool | None = _clause("recurrent", "connections may close cycles; a network keeps its state", source="4.3.2")
    ticks: str = setting(
        "one", "of a recurrent network a step: one, or its depth", choices=("one", "depth"), source="open in the paper"
    )
    bias_node: bool = setting(True, "an input that is always 1.0", source="4.1")
    activation: str = setting(
        "steep_sigmoid",
        "of hidden and output nodes; steep_sigmoid: 1 / (1 + exp(-4.9 x))",
        choices=NODE_ACTIVATIONS,
        source="4.1",
    )

    output_activation: str | None = setting(
        None,
        "of output nodes; none: as of hidden ones, but identity where a task takes outputs of any size, as classes and "
        "regression do",
        choices=NODE_ACTIVATIONS,
        source="ours: outputs between 0 and 1 cannot say that a class is certain",
    )

    # The first population (section 3.4)
    initial: str = setting(
        "minimal",
        "minimal: every input to every output; random: 1 .. `hidden` hidden nodes, each link with probability 1/2",
        choices=("minimal", "random"),
        source="3.4; random: an ablation, Table 3",
    )
    growth: bool = setting(
        True, "false: no structural mutation, and from minimal one full layer of `hidden` nodes", source="ablation, Table 3"
    )
    hidden: int = setting(10, "hidden nodes without growth, and at most of a random start", low=1, source="Table 3")
    initial_weights: float | None = _clause(
        "initial_weights", "half-width of the first weights", low=0.0, source="open in the paper"
    )

    # Mutation (sections 3.1, 4.1)
    weight_mutation: float | None = _clause(
        "weight_mutation", "probability that the weights of two parents' offspring mutate", low=0.0, high=1.0, source="4.1"
    )
    weight_mutation_alone: float | None = _clause(
        "weight_mutation_alone",
        "the same, of one parent's offspring, which result from mutation",
        low=0.0,
        high=1.0,
        source="4.1; open in the paper whether weight_mutation holds for them",
    )
    weight_perturbed: float = setting(
        0.9, "share of weights perturbed then; the others are replaced", low=0.0, high=1.0, source="4.1"
    )
    perturbation: float | None = _clause("perturbation", "half-width of a perturbation", low=0.0, source="open in the paper")
    replaced_weights: float | None = _clause(
        "replaced_weights", "half-width of a replaced weight", low=0.0, source="open in the paper"
    )
    new_weights: float | None = _clause("new_weights", "half-width of a new link's weight", low=0.0, source="open in the paper")
    add_node: float = setting(0.03, "probability that a link of an offspring is split", low=0.0, high=1.0, source="4.1")
    add_link: float | None = _clause(
        "add_link", "probability that two nodes of an offspring are joined", low=0.0, high=1.0, source="4.1"
    )
    structural: str | None = _clause(
        "structural",
        "besides: an offspring's weights and its structure mutate; instead: one of them",
        choices=("besides", "instead"),
        source="open in the paper; instead: released code",
    )
    split_bias: bool = setting(False, "links from the bias node may be split", source="open in the paper; false: released code")
    split_oldest_below: int = setting(
        15,
        "genomes of fewer genes split old links: the oldest that can be split, or with probability split_go_on the next, "
        "and so on; others, any with equal chance",
        low=0,
        source="open in the paper; released code",
    )
    split_go_on: float = setting(0.3, "see split_oldest_below", low=0.0, below=1.0, source="released code")
    link_tries: int = setting(20, "pairs of nodes drawn until two can be joined", low=1, source="released code")

    # Crossover (sections 3.2, 4.1)
    crossover: float = setting(
        0.75, "share of offspring with two parents; 0: the ablation, Table 3", low=0.0, high=1.0, source="4.1"
    )
    interspecies: float = setting(
        0.001, "share of them whose second parent is of another species", low=0.0, high=1.0, source="4.1"
    )
    disabled: float = setting(
        0.75, "probability that a gene disabled in either parent is disabled", low=0.0, high=1.0, source="4.1"
    )
    disable_rule: str | None = _clause(
        "disable_rule",
        "literal: else it is enabled; sticky: else it is as in the parent it comes from",
        choices=("literal", "sticky"),
        source="4.1; sticky: released code",
    )
    averaged: float | None = _clause(
        "averaged", "share of crossovers that average matching weights", low=0.0, high=1.0, source="released code"
    )
    mate_only: float | None = _clause(
        "mate_only", "share of crossovers without mutation", low=0.0, high=1.0, source="released code"
    )

    # Speciation (sections 3.3, 4.1)
    speciation: bool = setting(True, "false: the population is one species", source="ablation, Table 3")
    excess_coefficient: float = setting(1.0, "c1, of excess genes", low=0.0, source="equation 1, 4.1")
    disjoint_coefficient: float = setting(1.0, "c2, of disjoint genes", low=0.0, source="equation 1, 4.1")
    weight_coefficient: float | None = _clause(
        "weight_coefficient", "c3, of the mean weight difference", low=0.0, source="equation 1, 4.1"
    )
    small_genome: int = setting(20, "N of equation 1 is 1 where both genomes have fewer genes; 0: never", low=0, source="3.3")
    threshold: float | None = _clause(
        "threshold", "compatibility distance below which species are shared", low=0.0, source="4.1"
    )
    representative: str | None = _clause(
        "representative",
        "whom of the previous generation a species is compared by",
        choices=("random", "champion"),
        source="3.3; champion: like the released code",
    )

    # Reproduction (sections 3.3, 4.1)
    survival: float = setting(
        0.2,
        "parents: the best floor(survival n) + 1 of a species of n",
        low=0.0,
        high=1.0,
        source="open in the paper; released code",
    )
    champion_above: int = setting(5, "a species of more networks copies its champion unchanged", low=0, source="4.1")
    stagnation: int = setting(
        15, "generations without improvement after which a species may not reproduce", low=1, source="4.1"
    )
    population_stagnation: int = setting(
        20, "if the population did not improve for more generations, only its top two species reproduce", low=1, source="3.3"
    )
    population_rule: str = setting(
        "once",
        "once: they do, and all clocks start again; lasting: they do until it improves; none",
        choices=("once", "lasting", "none"),
        source="footnote 2; open in the paper",
    )

    tested: str | None = _clause(
        "tested",
        "whom of a generation validation is asked about: the fittest, or the champion of the best species that improved",
        choices=("fittest", "improved"),
        source="4.3.2",
    )

    def filled(self) -> NEATSettings:
        """The same settings with the preset's values in place of none."""
        missing = {name: value for name, value in PRESETS[self.preset].items() if getattr(self, name) is None}
        return dataclasses.replace(self, **missing)
