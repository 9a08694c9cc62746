"""The weights that CPPNs draw on a substrate, ours against pureples', and what a large population takes:
python tests/bench/bench_hyperneat.py [--toy] [--json FILE].

20 CPPNs, the same for both, draw fields of 11x11 to 11x11, 14,641 connections each, and answer one field. pureples connects
nothing without a hidden layer: there the first field is one, behind an input that adds 121 connections. It is installed
by `pip install pureples`, or lies on PYTHONPATH with graphviz. Then ours alone, once each: populations of 500 and 1,000 on
11x11, of 1,000 on 33x33 (1.2 million connections each, drawn a few networks at a time), with nanoseconds a question and by how
much the peak memory of the process has grown: cost grows with population and questions, memory does not beyond the limit.
Compiling is left out. Exit code 1 below a floor.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from bench_es_hyperneat import cppn
from turns import Results, in_turn, installed, parser, timed

from evo import HyperNEAT, Substrate
from evo.genomes.genome import Genomes

sys.path.append(str(Path(__file__).parents[1] / "evo" / "hyperneat"))
from es_reference import random_cppns

FLOOR = 20.0
SIZES = [(500, 11), (1000, 11), (1000, 33)]  # population, and nodes along a side


def field(side: int) -> Substrate:
    return Substrate.grid(inputs=(side, side), outputs=(side, side))


def ours(genomes: Genomes, side: int) -> Callable[[], object]:
    hyper, x = HyperNEAT(field(side), threshold_of_weight=0.0), torch.ones(1, side * side)
    return lambda: hyper.express(genomes).forward(x)


def theirs(genomes: Genomes, side: int) -> Callable[[], object]:
    from pureples.hyperneat.hyperneat import create_phenotype_network
    from pureples.shared.substrate import Substrate as TheirSubstrate

    inputs, outputs = ([tuple(node) for node in layer.tolist()] for layer in field(side).layers)
    substrate, cppns = TheirSubstrate([(0.0, 0.0)], outputs, [inputs]), [cppn(genome) for genome in genomes]

    def generation() -> None:
        for each in cppns:
            create_phenotype_network(each, substrate).activate([1.0])

    return generation


def peak() -> float:
    """MB that this process has taken at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    size, side, rounds = (2, 3, 1) if options.toy else (20, 11, 3)
    genomes, results = random_cppns(size, 4, 1), Results("hyperneat")
    sides = {"ours": (timed(ours(genomes, side)), 5)}
    if installed("pureples"):
        sides["pureples"] = (timed(theirs(genomes, side)), 1)
    ratio = results.show(f"{size} CPPNs, {side}x{side} to {side}x{side}", in_turn(sides, rounds))
    if ratio is not None:
        print(f"  pureples takes {ratio:.0f} x as long (floor {0 if options.toy else FLOOR:.0f} x)")
    before = peak()
    for count, along in [(4, 3)] if options.toy else SIZES:
        generation = timed(ours(random_cppns(count, 4, 1), along))
        seconds = generation()
        results.show(f"a population of {count:,}, {along}x{along} to {along}x{along}", {"ours": [seconds]})
        each = 1e9 * seconds / (count * along**4)
        print(f"  {each:.1f} ns a question; {peak() - before:,.0f} MB more than before", flush=True)
    results.write(options.json)
    return int(ratio is not None and not options.toy and ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
