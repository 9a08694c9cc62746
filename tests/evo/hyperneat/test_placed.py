"""Networks in space, as pictures and as graphs of networkx."""

import io
import re

import numpy as np
import pytest

from evo import AdaptiveHyperNEAT, ESHyperNEAT, HyperNEAT, Substrate
from evo.interop.networkx import graph
from evo.plots.substrate import SHOWN, draw


def grown(ends):
    values = {"band_threshold": 0.05, "variance_threshold": 0.001, "initial_depth": 2, "max_depth": 3}
    hyper = ESHyperNEAT(Substrate(ends), seed=0, population_size=20, division_threshold=0.0, **values)
    models = [hyper.model(genome) for genome in hyper.ask()]
    return max(models, key=lambda model: model.connections)


def test_a_drawn_network_is_a_graph_of_its_weights_between_its_layers():
    hyper = HyperNEAT(Substrate.grid(inputs=(2, 3), hidden=[(2, 2)], outputs=(2,)), seed=0, population_size=1)
    model = hyper.model(hyper.ask())
    made, (first, second) = graph(model.placed()), [p.detach() for p in model.module.parameters() if p.ndim == 2]
    assert [made.nodes[k]["kind"] for k in (0, 5, 6, 9, 10, 11)] == ["inputs"] * 2 + ["hidden layer 1"] * 2 + ["outputs"] * 2
    assert made.nodes[0]["place"] == pytest.approx((-0.5, -2 / 3, -1.0))
    assert made.nodes[6]["place"][-1] == 0.0
    for source, target in made.edges:
        weight = first[target - 6, source] if source < 6 else second[target - 10, source - 6]
        assert made.edges[source, target]["weight"] == float(weight) != 0
    assert made.number_of_edges() == int(first.count_nonzero() + second.count_nonzero())


def test_a_plastic_network_is_a_graph_of_its_first_weights():
    hyper = AdaptiveHyperNEAT(Substrate.grid(inputs=(3,), hidden=[(2,)], outputs=(2,)), seed=0, population_size=1, cycles=True)
    model = hyper.model(hyper.ask())
    made, plasticity = graph(model.placed()), model.plasticity
    assert made.number_of_edges() == model.connections > 0
    first, weights = [0, 3, 5], model._networks.drawn.planes[0, 0]  # source by source
    pairs = [(s, t, i, j) for s, t in plasticity.pairs for i in range([3, 2, 2][s]) for j in range([3, 2, 2][t])]
    assert {pair[:2] for pair in pairs} == {(0, 1), (1, 2), (1, 1), (2, 2)}
    for (s, t, i, j), weight in zip(pairs, weights.tolist(), strict=True):
        assert made.get_edge_data(first[s] + i, first[t] + j, {"weight": 0.0})["weight"] == weight
    assert made.nodes[4]["place"] == (0.5, 0.0)


def test_what_is_not_placed_is_no_graph_and_there_are_markers_for_any_number_of_layers():
    hyper = HyperNEAT(Substrate.grid(inputs=(2,), hidden=[(1,)] * 9, outputs=(1,)), seed=0, population_size=1)
    model = hyper.model(hyper.ask())
    with pytest.raises(TypeError, match=r"expected model.placed\(\) of a network that a CPPN draws; got SubstrateModel"):
        graph(model)
    assert len(draw(model.placed()).axes[0].get_legend().get_texts()) == 11


def test_a_grown_network_is_a_graph_of_its_connections_and_its_picture_shows_the_bands():
    model = grown([[[-0.5, -1.0], [0.5, -1.0]], [[0.0, 1.0]]])
    made = graph(model.placed())
    assert (made.number_of_nodes(), made.number_of_edges()) == (3 + model.hidden, model.connections)
    assert made.nodes[3] == {"kind": "hidden nodes", "place": tuple(model.places[0])}
    bands = model._bands()
    assert set(map(tuple, bands.squares[:, :2].tolist())) <= {made.nodes[k]["place"] for k in made}
    for x, y, half in bands.squares:  # parts of space, halved: neither overlaps the border
        assert np.log2(half).is_integer()
        assert max(abs(x), abs(y)) + half <= 1.0
    drawings = [io.BytesIO() for _ in range(2)]
    for each in drawings:
        model.figure().savefig(each)
    assert drawings[0].getvalue() == drawings[1].getvalue()
    answer, left, right = model.figure().axes
    assert answer.get_title() == "weight"
    assert np.ptp(answer.images[0].get_array()) > 0
    counts = re.findall(r"\d[\d,]*", left.get_title())  # shown, and left out
    assert sum(int(count.replace(",", "")) for count in counts) == model.connections
    assert len(right.patches) == len(bands.squares)
    assert left.get_legend().get_window_extent().y1 < left.get_window_extent().y0  # it hides no node


def test_three_dimensions_are_drawn_in_three_and_the_weakest_connections_left_out(monkeypatch):
    model = grown([[[-0.5, -0.5, -1.0], [0.5, 0.5, -1.0]], [[0.0, 0.0, 1.0]]])
    monkeypatch.setattr("evo.plots.substrate.SHOWN", 10)
    _, axes = model.figure().axes
    assert axes.name == "3d"
    assert axes.get_title() == f"10 connections, {model.connections - 10:,} weaker ones left out"
    weights = np.abs(model.placed().weight)
    assert len(axes.lines) == 10 + 3
    assert SHOWN > 10 < len(weights)
    flat = HyperNEAT(Substrate.grid(inputs=(3,), outputs=(2,)), seed=0, population_size=1)
    assert draw(flat.model(flat.ask()).placed()).axes[0].name == "rectilinear"
