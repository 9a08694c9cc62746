"""The locality seed: CPPNs that begin with connections between near nodes (Verbancsics and Stanley: Constraining connectivity
to encourage modularity in HyperNEAT. GECCO 2011).

The link expression output of a seeded CPPN is the sum of a Gaussian of each coordinate's difference between source and target,
minus a bias: it is above 0 where the nodes are near in all of them. Evolution changes it like everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from evo.activations import CODES
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, Connection, Genome, Genomes, Node
from evo.genomes.innovation import Innovations


def local(genomes: Genomes, axes: Sequence[int], dimensions: int, expressed: Sequence[int]) -> Genomes:
    """First genomes, whose outputs `expressed` (numbers of outputs) are above 0 where source and target differ little along
    each of `axes`; what led to these outputs before is removed. dimensions: of space.

    The Gaussians exp(-(2.5 x)^2) must sum to more than their number less .5: along one axis, nodes are near up to a difference
    of 1/3 in -1 .. 1. The sizes of seed and bias are open in the paper. The bias is a connection from the bias node or, where
    genomes have none, of the outputs themselves.
    """
    free = Innovations.after(genomes)
    node, number = free.node, free.number
    kinds = dict(zip(genomes.node_id.tolist(), genomes.node_kind.tolist()))
    bias = [name for name, kind in kinds.items() if kind == BIAS]
    outputs = [[name for name, kind in kinds.items() if kind == OUTPUT][each] for each in expressed]
    nodes = [Node(node + k, HIDDEN, activation=CODES["gaussian"]) for k in range(len(axes))]
    ends = [(side * dimensions + axis, node + k, 1.0 - 2 * side) for k, axis in enumerate(axes) for side in (0, 1)]
    ends += [(gaussian.id, output, 1.0) for output in outputs for gaussian in nodes]
    ends += [(source, output, 0.5 - len(axes)) for source in bias for output in outputs]
    new = [Connection(number + k, *end) for k, end in enumerate(ends)]

    def seeded(genome: Genome) -> Genome:
        kept = [gene for gene in genome.connections if gene.target not in outputs]
        own = {} if bias else dict.fromkeys(outputs, 0.5 - len(axes))
        former = [each._replace(bias=own.get(each.id, each.bias)) for each in genome.nodes]
        return Genome(genome.inputs, genome.outputs, former + nodes, kept + new)

    return Genomes.of([seeded(genomes.one(index)) for index in range(len(genomes))])
