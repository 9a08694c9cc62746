"""Breeding and speciation of 150 genomes with 100 hidden nodes, ours against neat-python's:
python tests/bench/bench_neat_big_genomes.py [--toy] [--json FILE].

Both begin with mutants of one and the same genome: 4 inputs, a full layer of 100 hidden nodes, 2 outputs; a recurrent one has
a loop at each hidden node besides, as neat-python makes it. A fifth of the offspring get a node and half of them a link, on
both sides; nothing is deleted. Fitness is random, no network is built or run. Of neat-python the time from the end of scoring
to the end of the generation counts, of ours the whole of `ask`. Exit code 1 below a floor.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from importlib.metadata import version
from time import perf_counter

import neat
from peer import configured
from turns import Results, in_turn, parser, timed

from evo import NEAT, rng
from evo.activations import CODES
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.network.model import NetworkModel

INPUTS, OUTPUTS, ADD_NODE, ADD_LINK = 4, 2, 0.2, 0.5
FLOORS = {False: 500.0, True: 250.0}  # feed-forward, recurrent


def theirs(size: int, hidden: int, recurrent: bool) -> tuple[Callable[[], float], neat.Population]:
    changes = dict(num_inputs=INPUTS, num_outputs=OUTPUTS, num_hidden=hidden, initial_connection="full_nodirect")
    rates = dict(conn_add_prob=ADD_LINK, node_add_prob=ADD_NODE, conn_delete_prob=0.0, node_delete_prob=0.0)
    config = configured(size, feed_forward=not recurrent, compatibility_threshold=1e9, **changes, **rates)
    population = neat.Population(config, seed=0)
    config.species_set_config.compatibility_threshold = 3.0  # its first genomes share no hidden node: 150 species
    first, *others = population.population.values()
    for genome in others:
        genome.nodes, genome.connections = copy.deepcopy(first.nodes), copy.deepcopy(first.connections)
        genome.mutate(config.genome_config)
    population.species.speciate(config, population.population, 0)
    scored, told = 0.0, 0

    def score(genomes: list, config: neat.Config) -> None:
        nonlocal scored, told
        for (_, genome), value in zip(genomes, rng.uniforms(0, told, 0, rng.NOISE, len(genomes)).tolist()):
            genome.fitness = value
        scored, told = perf_counter(), told + 1

    def generation() -> float:
        population.run(score, 1)
        return perf_counter() - scored

    return generation, population


def ours(size: int, genome: neat.DefaultGenome, recurrent: bool) -> tuple[Callable[[], float], NEAT]:
    """genome: of neat-python, whose inputs are -1, -2 ... and whose outputs are 0, 1 ...; ours begins with its like."""
    place = lambda key: -1 - key if key < 0 else key + INPUTS
    code = CODES["steep_sigmoid"]
    nodes = [Node(k, SENSOR) for k in range(INPUTS)]
    nodes += [Node(place(k), OUTPUT if k < OUTPUTS else HIDDEN, activation=code) for k in sorted(genome.nodes)]
    links = sorted(genome.connections.items(), key=lambda link: link[1].innovation)
    genes = [Connection(k, place(a), place(b), gene.weight) for k, ((a, b), gene) in enumerate(links)]
    settings = dict(recurrent=recurrent, bias_node=False, add_node=ADD_NODE, add_link=ADD_LINK)
    algorithm = NEAT(INPUTS, OUTPUTS, seed=0, population_size=size, **settings)
    algorithm.warm_start(NetworkModel(Genomes.of([Genome(INPUTS, OUTPUTS, nodes, genes)]).check(not recurrent), recurrent))
    breed = timed(algorithm.ask)

    def generation() -> float:
        algorithm.tell(rng.uniforms(0, algorithm.generation, 0, rng.NOISE, size))
        return breed()

    algorithm.ask()
    return generation, algorithm


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("neat_big_genomes")
    size, hidden, rounds = (20, 5, 1) if toy else (150, 100, 9)
    below = False
    for recurrent, floor in FLOORS.items():
        their_generation, population = theirs(size, hidden, recurrent)
        genome = next(iter(population.population.values()))
        our_generation, algorithm = ours(size, genome, recurrent)
        kind = "recurrent" if recurrent else "feed-forward"
        started = f"{size} {kind} genomes, {hidden} hidden nodes, {len(genome.connections)} connections"
        sides = {"ours": (our_generation, 5), "neat-python": (their_generation, 1)}
        ratio = results.show(started, in_turn(sides, rounds))
        species = f"species: ours {len(algorithm.species.id)}, theirs {len(population.species.species)}"
        print(f"  neat-python {version('neat-python')} takes {ratio:.0f} x as long (floor {floor:g} x); {species}", flush=True)
        below |= ratio < floor
    results.write(options.json)
    return int(below and not toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
