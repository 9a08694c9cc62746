"""Crossover of two genomes that are aligned by their innovation numbers (Stanley and Miikkulainen 2002, sections 3.2, 4.1).

Matching genes come from either parent with equal chance; disjoint and excess genes from the fitter one. Of two equally fit
parents one is drawn to give them all: gene by gene, as the paper may be read, two acyclic parents can have a cyclic child,
or one that joins two nodes twice. So an offspring has the nodes and connections of its first parent, and differs from it in
weights and in what is enabled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from evo import rng


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def cross(weight, enabled, genes, first, second, disabled_below, sticky, averaged, place, generation, seed):
    """Weights and enabled flags of the offspring at `place`, one for each gene of its `first` (the fitter) parent.

    A gene disabled in either parent is disabled with probability disabled_below / 2^31; else it is enabled, or sticky: as in
    the parent it comes from (and genes of one parent alone are copied). averaged: matching weights are averaged.
    """
    start, stop = genes.connections_at[first], genes.connections_at[first + 1]
    other, end = genes.connections_at[second], genes.connections_at[second + 1]
    rng.fill(weight, place, generation, rng.CROSSOVER, seed)
    for k in range(stop - start):
        gene, word = start + k, np.int64(weight[k])
        while other < end and genes.innovation[other] < genes.innovation[gene]:
            other += 1
        own, on = genes.weight[gene], genes.enabled[gene]
        chosen, flagged = own, not on and not sticky
        if other < end and genes.innovation[other] == genes.innovation[gene]:
            second_weight, second_on = genes.weight[other], genes.enabled[other]
            flagged = not on or not second_on
            chosen = second_weight if word & 1 else own  # read before chosen: a coin is no branch that can be foreseen
            on = second_on if word & 1 else on
            if averaged:
                chosen = 0.5 * (own + second_weight)
        weight[k] = chosen
        off = flagged and (word >> 1) < disabled_below
        enabled[k] = not off and (on or not sticky)
