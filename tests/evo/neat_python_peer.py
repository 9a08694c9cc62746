"""neat-python with the settings of neat-modern, and genomes as its genes, for tests and studies that compare the two."""

import dataclasses
import tempfile
from pathlib import Path

import neat
from neat.genes import DefaultConnectionGene, DefaultNodeGene
from neat.reporting import ReporterSet
from random_graphs import NEAT_NAME

from evo.activations import AGGREGATIONS, CODES
from evo.genomes.genome import OUTPUT, Genome
from evo.neat_modern.settings import ModernSettings

SECTIONS = {
    "NEAT": ("population_size",),
    "DefaultSpeciesSet": ("compatibility_threshold",),
    "DefaultStagnation": ("species_fitness_func", "max_stagnation", "species_elitism"),
    "DefaultReproduction": ("elitism", "survival_threshold", "min_species_size"),
}
OURS_ALONE = {"ticks", "connection_fraction", "target_num_species", "threshold_adjust_rate", "threshold_min", "threshold_max"}


def neat_config(options: ModernSettings, inputs: int, outputs: int, threshold: float = 1e9) -> neat.Config:
    """threshold: the fitness at which a run ends. A Config counts nodes, so that every run needs one of its own."""
    lines = {section: [f"{name} = {getattr(options, name)}" for name in names] for section, names in SECTIONS.items()}
    elsewhere = {name for names in SECTIONS.values() for name in names} | OURS_ALONE
    lines["DefaultGenome"] = [f"num_inputs = {inputs}", f"num_outputs = {outputs}"]
    for name, value in dataclasses.asdict(options).items():
        if name.startswith("activation") and not name.endswith("rate"):
            value = value if value == "random" else _named(value)
        if name == "initial_connection" and value.startswith("partial"):
            value = f"{value} {options.connection_fraction}"
        if name not in elsewhere:
            lines["DefaultGenome"].append(f"{name} = {' '.join(value) if isinstance(value, (tuple, list)) else value}")
    lines["NEAT"] = [line.replace("population_size", "pop_size") for line in lines["NEAT"]]
    lines["NEAT"] += ["fitness_criterion = max", f"fitness_threshold = {threshold}", "reset_on_extinction = True"]
    lines["NEAT"] += ["no_fitness_termination = False"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "neat.ini"
        path.write_text("\n".join(f"[{section}]\n" + "\n".join(body) for section, body in lines.items()))
        kinds = (neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet, neat.DefaultStagnation)
        return neat.Config(*kinds, path)


def _named(value):
    return NEAT_NAME[CODES[value]] if isinstance(value, str) else [_named(each) for each in value]


def to_neat(genome: Genome, key: int, fitness: float | None = None) -> neat.DefaultGenome:
    """Ids of ours: inputs 0 .. I-1, outputs, hidden nodes; theirs: inputs -1 .. -I, outputs 0 .. O-1, hidden nodes."""
    made = neat.DefaultGenome(key)
    made.fitness = fitness
    name = lambda node: -node - 1 if node < genome.inputs else node - genome.inputs
    for node in genome.nodes:
        if node.kind >= OUTPUT:
            gene = DefaultNodeGene(name(node.id))
            gene.bias, gene.response, gene.time_constant = node.bias, node.response, node.time_constant
            gene.activation, gene.aggregation = NEAT_NAME[node.activation], list(AGGREGATIONS)[node.aggregation]
            made.nodes[gene.key] = gene
    for connection in genome.connections:
        gene = DefaultConnectionGene((name(connection.source), name(connection.target)), connection.innovation)
        gene.weight, gene.enabled = connection.weight, connection.enabled
        made.connections[gene.key] = gene
    return made


def species_set(config: neat.Config) -> neat.DefaultSpeciesSet:
    return neat.DefaultSpeciesSet(config.species_set_config, ReporterSet())
