"""Crossover of two genomes aligned by innovation number (Stanley and Miikkulainen 2002, sections 3.2 and 4.1).

Matching genes come from either parent with equal probability; disjoint and excess genes come from the fitter parent. Of two
equally fit parents, one is drawn and gives all of them: drawing gene by gene, as the paper can also be read, may give acyclic
parents a cyclic child, or duplicate a connection. So an offspring has the nodes and connections of its first parent, and
differs from it only in weights and enabled flags.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from evo import rng


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def cross(weight, enabled, genes, first, second, disabled_below, sticky, averaged, index, generation, seed):
    """Weights and enabled flags of offspring `index`, one per gene of its `first` (fitter) parent.

    A gene disabled in either parent is disabled with probability disabled_below / 2^31. Otherwise it is enabled or, if sticky,
    keeps the flag of the parent it comes from (disjoint and excess genes are copied). averaged: matching weights are averaged.
    """
    start, stop = genes.connections_at[first], genes.connections_at[first + 1]
    other, end = genes.connections_at[second], genes.connections_at[second + 1]
    rng.fill(weight, index, generation, rng.CROSSOVER, seed)
    for k in range(stop - start):
        gene, word = start + k, np.int64(weight[k])
        while other < end and genes.innovation[other] < genes.innovation[gene]:
            other += 1
        own, on = genes.weight[gene], genes.enabled[gene]
        chosen, flagged = own, not on and not sticky
        if other < end and genes.innovation[other] == genes.innovation[gene]:
            second_weight, second_on = genes.weight[other], genes.enabled[other]
            flagged = not on or not second_on
            chosen = second_weight if word & 1 else own  # read both first: a random branch would be mispredicted
            on = second_on if word & 1 else on
            if averaged:
                chosen = 0.5 * (own + second_weight)
        weight[k] = chosen
        off = flagged and (word >> 1) < disabled_below
        enabled[k] = not off and (on or not sticky)
