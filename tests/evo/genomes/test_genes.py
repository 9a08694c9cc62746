import pytest

from evo.genomes.genes import ARRAYS, alone, block_of, genes_of
from evo.genomes.genome import Connection, Genome, Genomes, Node

ONE = Genome(2, 1, [Node(0, 0), Node(1, 0), Node(2, 2, 0.5, 2.0, 3, 1, 0.1)], [Connection(4, 0, 2, -1.5, False)])
TWO = Genome(
    2,
    1,
    [Node(0, 0), Node(1, 0), Node(2, 2, -0.25), *(Node(id, 3, id / 7, 1.5, id % 5, id % 3, 0.2) for id in range(3, 17))],
    [Connection(2 * k, k, 2, k / 3, k % 2 == 0) for k in range(9)],
)


@pytest.mark.parametrize("members", [[ONE], [TWO], [ONE, TWO, ONE], [TWO, ONE]])
def test_a_block_holds_every_array_wherever_it_ends(members):
    genes = Genomes.of(members).genes
    again = genes_of(block_of(genes))
    for name, kind in ARRAYS.items():
        array = getattr(again, name)
        assert array.dtype == kind
        assert array.tolist() == getattr(genes, name).tolist()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_one_genome_of_a_block_is_a_copy(index):
    population = Genomes.of([ONE, TWO, ONE])
    block = block_of(population.genes)
    own = Genomes.of_block(2, 1, alone(block, index))
    block[3:] = 0
    assert len(own) == 1
    assert own.one(0) == [ONE, TWO, ONE][index]
