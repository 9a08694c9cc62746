"""Networks that lie in space as graphs of networkx."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

    from evo.plots.substrate import Placed


def graph(network: Placed) -> networkx.DiGraph:
    """Of `model.placed()` of a network of HyperNEAT or ES-HyperNEAT: nodes 0 .. N - 1 with `kind` ("inputs", ...) and `place`,
    a tuple of coordinates; edges with `weight`. Raises TypeError for what is no such network."""
    import networkx

    if not isinstance(network, tuple):
        raise TypeError(f"expected model.placed() of a network that a CPPN draws; got {type(network).__name__}")
    made = networkx.DiGraph()
    kinds = [name for name, count in network.kinds for _ in range(count)]
    made.add_nodes_from((k, {"kind": kinds[k], "place": tuple(place)}) for k, place in enumerate(network.places.tolist()))
    made.add_weighted_edges_from(zip(network.source.tolist(), network.target.tolist(), network.weight.tolist()))
    return made
