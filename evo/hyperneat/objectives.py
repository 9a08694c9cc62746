"""What a network's connections cost, as objectives beside fitness (Clune, Mouret and Lipson: The evolutionary origins of
modularity. Proceedings of the Royal Society B 280, 2013; with HyperNEAT: Huizinga, Mouret and Clune, GECCO 2014).

    fitness            the task's, maximised
    connection_cost    the sum of squared lengths of all connections, minimised
    connection_count   how many there are, minimised

Genomes are ranked as NSGA-II does, by fronts and crowding, and NEAT selects by these ranks instead of fitness. In the paper
costs count in a quarter of all comparisons, so that networks without connections do not take over.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from evo import rng
from evo.hyperneat.discovery import Found
from evo.hyperneat.substrate import Substrate
from evo.search.fronts import standing

OBJECTIVES = ("fitness", "connection_cost", "connection_count")


def ranks(fitness: np.ndarray, costs: Sequence[np.ndarray], probability: float, seed: int, generation: int) -> np.ndarray:
    """1 and up (P,), the higher the better: by front, in a front by crowding, then by fitness; -inf of fitness that is not
    finite. costs: arrays (P,), which count in each comparison of two genomes with this probability."""
    found, able = np.full(len(fitness), -np.inf), np.flatnonzero(np.isfinite(fitness))
    if not able.size:
        return found
    drawn = [rng.uniforms(seed, generation, i, rng.OBJECTIVES, len(able)) < probability for i in range(len(able))]
    above = np.triu(drawn, 1)
    front, crowding = standing(fitness[able], *(cost[able] for cost in costs), counted=above | above.T)
    _, order = np.unique(np.stack([-front, crowding, fitness[able]]), axis=1, return_inverse=True)
    found[able] = 1.0 + order.ravel()
    return found


def trade_offs(values: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """The points of the first front, each once, the cheapest first. values (P,): fitness, then costs, by objective; a fitness
    that is not finite is no point."""
    fitness, *costs = np.stack([*values.values()])[:, np.isfinite(values["fitness"])]
    if not fitness.size:
        return []
    first = standing(fitness, *costs)[0] == 0
    points = np.unique(np.stack([*costs, fitness])[:, first], axis=1).T.tolist()
    return [dict(zip(values, [fitness, *costs])) for *costs, fitness in points]


def squared_lengths(substrate: Substrate, source: int, target: int) -> np.ndarray:
    """Of connections from one layer to another, or to itself: (targets, sources). Layers lie at equal distances from -1 to 1
    along a dimension of their own."""
    layers, apart = substrate.layers, 2.0 / (len(substrate.layers) - 1)
    return np.square(layers[target][:, None] - layers[source]).sum(-1) + (apart * (target - source)) ** 2


def prices(substrate: Substrate, objective: str) -> np.ndarray:
    """What each weight of a network on a substrate costs if it is a connection, (D,) in the order of `cppn.weights`; biases
    cost nothing."""
    parts = []
    for source, target in itertools.pairwise(range(len(substrate.layers))):
        squared = squared_lengths(substrate, source, target)
        parts += [squared.ravel() if objective == "connection_cost" else np.ones(squared.size), np.zeros(len(squared))]
    return np.concatenate(parts)


def drawn_costs(vectors: np.ndarray, price: np.ndarray) -> np.ndarray:
    """Of networks (P, D) drawn on a substrate, with its `prices`: (P,)."""
    return np.array([price[vector != 0].sum() for vector in vectors])


def grown_costs(networks: Iterable[Found], substrate: Substrate, objective: str) -> np.ndarray:
    """Of P networks found between the inputs and outputs of a substrate: (P,)."""

    def cost(network: Found) -> float:
        places = np.concatenate([*substrate.layers, network.places])
        return float(np.square(places[network.source] - places[network.target]).sum())

    return np.array([float(len(each.weight)) if objective == "connection_count" else cost(each) for each in networks])
