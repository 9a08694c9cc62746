"""The steps of a generation, from fitness to species, in one compiled call: for a population of one thread's size, whose arrays
would take as long to hand in and out as all steps need.

It calls what a larger population calls on all cores, `NEAT.ask`, in the same order.
"""

from __future__ import annotations

from numba import njit, types

from evo.genomes.genes import BLOCK, genes_of
from evo.neat.reproduction import RATES, Rates, breed_all, mate
from evo.neat.speciation import COMPATIBILITY, TABLE, Compatibility, speciate_all

_FLOAT, _INT64, _BOOL, _LONG = types.float64[::1], types.int64[::1], types.boolean[::1], types.int64
# Plain tuples are handed over sooner than named ones.
_PLAIN = (types.Tuple(COMPATIBILITY.types), types.Tuple(RATES.types))
_PAIRS = types.int64[:, ::1]


@njit(
    types.Tuple((BLOCK, _PAIRS, _INT64, types.Tuple((_LONG, _LONG)), TABLE))(
        *(BLOCK, _FLOAT, _INT64, _BOOL, types.Tuple((_INT64, _FLOAT, _INT64, _LONG)), types.Tuple((_LONG, _LONG))),
        *(types.int8[::1], *_PLAIN, _LONG, _LONG),
    ),
    cache=True,
    nogil=True,
)
def generation(parents, fitness, species, allowed, table, innovations, activations, rules, rates, number, seed):
    """The block of all offspring of the block `parents`; their parents and the species' representatives, as of `Mated`; the
    counters of innovations after them; and their species, as of `speciate_all`.

    table: id, best, improved and next_id of the species; innovations: the next node and the next number; number: of the
    generation.
    """
    genes, rules, rates = genes_of(parents), Compatibility(*rules), Rates(*rates)
    mated = mate(fitness, species, allowed, rates, number, seed)
    block, node, connection = breed_all(genes, mated.pairs, mated.copied, *innovations, activations, rates, number, seed)
    found = speciate_all(genes_of(block), genes, mated.representatives, rules, *table, number)
    return block, mated.pairs, mated.representatives, (node, connection), found
