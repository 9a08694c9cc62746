"""Networks computed level by level, as they are exported, against those computed node by node."""

import numpy as np
import pytest
import torch
from random_graphs import random_genome

from evo.activations import CODES, NODE_ACTIVATIONS
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.network.levels import LevelModule
from evo.network.program import compile
from evo.network.reference import GraphModule

FINITE = tuple(CODES[name] for name in NODE_ACTIVATIONS if name not in ("exp", "inv", "square", "cube"))  # of any sums
RUNS = {
    "feed-forward": ({}, {}),
    "recurrent": (dict(recurrent=True), dict(ticks=3, fresh=True)),
    "continuous": (dict(recurrent=True, time_step=0.1, unconnected=True), dict(ticks="depth", fresh=True)),
}


@pytest.mark.parametrize("run", RUNS)
def test_levels_give_what_nodes_give_one_by_one(run):
    compiled, ran = RUNS[run]
    several = 0
    for seed in range(40):
        genome = random_genome(seed, bool(compiled), FINITE)
        graph = GraphModule(compile(Genomes.of([genome]), **compiled), 0, dtype=torch.float64, **ran)
        x = torch.from_numpy(np.random.default_rng(seed).normal(size=(6, genome.inputs)))
        levels = LevelModule(graph)
        torch.testing.assert_close(levels(x), graph(x).detach())
        several += len(levels.levels) > 2
    assert (several > 5) == (run == "feed-forward")


def full(hidden):
    """Every node but the outputs connected to every other."""
    nodes = [Node(k, SENSOR) for k in range(3)] + [Node(3 + k, OUTPUT) for k in range(2)]
    nodes += [Node(5 + k, HIDDEN) for k in range(hidden)]
    pairs = [(a.id, b.id) for a in nodes if a.kind != OUTPUT for b in nodes if b.kind != SENSOR]
    genes = [Connection(k, *pair, 0.1, True) for k, pair in enumerate(pairs)]
    return GraphModule(compile(Genomes.of([Genome(3, 2, nodes, genes)]), recurrent=True), 0, ticks=3, fresh=True)


def test_operations_do_not_grow_with_connections():
    counts = []
    for hidden in (4, 12):
        levels = LevelModule(full(hidden)).requires_grad_(False)
        program = torch.export.export(levels, (torch.zeros(2, 3),))
        counts.append(sum(node.op == "call_function" for node in program.graph.nodes))
    assert counts[0] == counts[1] < 50
