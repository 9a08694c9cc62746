"""Crossover of two genomes that are aligned by their innovation numbers (Stanley and Miikkulainen 2002, sections 3.2, 4.1).

Matching genes come from either parent with equal chance; disjoint and excess genes from the fitter one. Of two equally fit
parents one is drawn to give them all: gene by gene, as the paper may be read, two acyclic parents can have a cyclic child,
or one that joins two nodes twice. So an offspring has the nodes and connections of its first parent, and differs from it in
weights and in what is enabled.
"""

from __future__ import annotations

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
    four = rng.philox(0, place, generation, rng.CROSSOVER, seed)
    for k in range(stop - start):
        if k % 4 == 0 and k > 0:
            four = rng.philox(k // 4, place, generation, rng.CROSSOVER, seed)
        word = four[k % 4]
        gene = start + k
        while other < end and genes.innovation[other] < genes.innovation[gene]:
            other += 1
        weight[k], on = genes.weight[gene], genes.enabled[gene]
        flagged = not on and not sticky
        if other < end and genes.innovation[other] == genes.innovation[gene]:
            flagged = not on or not genes.enabled[other]
            if word & 1:
                weight[k], on = genes.weight[other], genes.enabled[other]
            if averaged:
                weight[k] = 0.5 * (genes.weight[gene] + genes.weight[other])
        off = flagged and (word >> 1) < disabled_below
        enabled[k] = not off and (on or not sticky)
