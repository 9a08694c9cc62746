"""The locality seed along every axis of a substrate and between every two layers, whatever else a CPPN says."""

import itertools
import math

import pytest

from evo import AdaptiveHyperNEAT, ModernHyperNEAT, Substrate
from evo.hyperneat.hyperneat import HyperNEATLEO

SUBSTRATE = Substrate.grid(inputs=(4, 5), hidden=[(3, 4)], outputs=(2, 3))
SEEDED = {
    "hyperneat": (HyperNEATLEO, {}),
    "with biases": (HyperNEATLEO, {"biases": True, "delta": True}),
    "genomes of neat-modern": (ModernHyperNEAT, {"leo": True, "locality": True, "threshold_of_weight": 0.0, "biases": True}),
    "adaptive": (AdaptiveHyperNEAT, {"leo": True, "locality": True, "threshold_of_weight": 0.0, "biases": True}),
}


def near(one, other):
    """Whether the Gaussians of two coordinates' differences sum to more than 1.5."""
    return sum(math.exp(-((2.5 * (a - b)) ** 2)) for a, b in zip(one[:2], other[:2])) > 1.5


@pytest.mark.parametrize("way", SEEDED)
def test_first_networks_connect_nodes_that_are_near_along_every_axis_and_no_others(way):
    kind, values = SEEDED[way]
    hyper = kind(SUBSTRATE, population_size=3, seed=0, **values)
    genomes = hyper.ask().check(feedforward=True)
    placed = [hyper.model(genome).placed() for genome in genomes]
    places, layers = placed[0].places.tolist(), [range(20), range(20, 32), range(32, 38)]
    pairs = [(a, b) for sources, targets in itertools.pairwise(layers) for a in sources for b in targets]
    wanted = {(a, b) for a, b in pairs if near(places[a], places[b])}
    assert 20 < len(wanted) < len(pairs) / 2
    for each in placed:
        assert set(zip(each.source.tolist(), each.target.tolist())) == wanted
