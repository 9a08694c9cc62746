import numpy as np
import pytest
from scipy import stats

from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.neat.crossover import cross

NODES = [Node(0, SENSOR), Node(1, SENSOR), Node(2, BIAS), Node(3, OUTPUT), Node(4, HIDDEN), Node(5, HIDDEN)]
DISABLED = round(0.75 * 2**31)


def genome(**genes):
    """i0=(weight, enabled), i7=(...): genes by their innovation number; the ends do not matter here."""
    connections = [Connection(int(name[1:]), 0, 3, *gene) for name, gene in genes.items()]
    return Genome(2, 1, NODES, connections)


def offspring(first, second, seed=0, place=0, disabled=DISABLED, sticky=False, averaged=False):
    """(weight, enabled) by innovation number of one offspring."""
    genes = Genomes.of([first, second]).genes
    weight, enabled = np.full(len(first.connections), np.nan), np.zeros(len(first.connections), np.bool_)
    cross(weight, enabled, genes, 0, 1, disabled, sticky, averaged, place, 0, seed)
    return {gene.innovation: pair for gene, *pair in zip(first.connections, weight.tolist(), enabled.tolist())}


def many(first, second, count=2000, **values):
    return [offspring(first, second, place=place, **values) for place in range(count)]


def agrees(hits, probability):
    return stats.binomtest(sum(hits), len(hits), probability).pvalue > 1e-3 if 0 < probability < 1 else True


FITTER = genome(i0=(1.0,), i1=(2.0,), i4=(3.0,), i5=(4.0,), i9=(5.0,))
OTHER = genome(i0=(-1.0,), i2=(-2.0,), i3=(-3.0,), i4=(-4.0,), i10=(-5.0,), i11=(-6.0,))


def test_disjoint_and_excess_genes_come_from_the_fitter_parent_alone():
    """By hand: 0 and 4 match; 1 and 5 are disjoint and 9 excess of the fitter; 2, 3, 10, 11 are the other's."""
    for child in many(FITTER, OTHER, 50):
        assert list(child) == [0, 1, 4, 5, 9]
        assert [child[k][0] for k in (1, 5, 9)] == [2.0, 4.0, 5.0]
    for child in many(OTHER, FITTER, 50):
        assert list(child) == [0, 2, 3, 4, 10, 11]
        assert [child[k][0] for k in (2, 3, 10, 11)] == [-2.0, -3.0, -5.0, -6.0]


def test_matching_genes_come_from_either_parent_with_equal_chance_and_each_for_itself():
    numbers = range(9)  # more than a block of random words
    ours, theirs = (genome(**{f"i{k}": (sign * (k + 1.0),) for k in numbers}) for sign in (1, -1))
    taken = np.array([[child[k][0] > 0 for k in numbers] for child in many(ours, theirs)])
    assert all(agrees(column, 0.5) for column in taken.T)
    assert np.abs(np.corrcoef(taken.T) - np.eye(9)).max() < 4.5 / np.sqrt(len(taken))


def test_averaging_gives_matching_genes_the_mean_and_others_as_they_are():
    child = offspring(FITTER, OTHER, averaged=True)
    assert [child[k][0] for k in child] == [0.0, 2.0, -0.5, 4.0, 5.0]


@pytest.mark.parametrize(
    ("ours", "theirs", "sticky", "enabled"),
    [
        # "There was a 75 % chance that an inherited gene was disabled if it was disabled in either parent" (4.1): else enabled
        (True, True, False, 1.0),
        (False, True, False, 0.25),
        (True, False, False, 0.25),
        (False, False, False, 0.25),
        (True, None, False, 1.0),
        (False, None, False, 0.25),
        # As the released code has it: else it is as in the parent that it comes from
        (True, True, True, 1.0),
        (False, True, True, 0.125),
        (True, False, True, 0.125),
        (False, False, True, 0.0),
        (True, None, True, 1.0),
        (False, None, True, 0.0),
    ],
)
def test_a_gene_disabled_in_either_parent_is_disabled_with_three_quarters_chance(ours, theirs, sticky, enabled):
    first = genome(i0=(1.0, ours))
    second = genome(i1=(1.0, True)) if theirs is None else genome(i0=(1.0, theirs))
    seen = [child[0][1] for child in many(first, second, sticky=sticky)]
    assert agrees(seen, enabled)
    assert enabled not in (0.0, 1.0) or set(seen) == {bool(enabled)}


@pytest.mark.parametrize(("disabled", "enabled"), [(0, True), (2**31, False)])
def test_the_chance_of_disabling_is_a_setting_from_never_to_always(disabled, enabled):
    parent = genome(i0=(1.0, False), i1=(1.0, False))
    assert {flag for child in many(parent, parent, 100, disabled=disabled) for _, flag in child.values()} == {enabled}


def test_a_parent_without_genes_gives_and_takes_none():
    empty = genome()
    assert offspring(empty, FITTER) == {}
    assert [pair[0] for pair in offspring(FITTER, empty).values()] == [1.0, 2.0, 3.0, 4.0, 5.0]
