"""Images of weights show the weights that a network has."""

import numpy as np
import pytest

from evo import HyperNEAT, Substrate
from evo.hyperneat.fields import cells, field, names, rows
from evo.hyperneat.model import SubstrateModel
from evo.hyperneat.substrate import circle, sheet


def champion(substrate, **values):
    hyper = HyperNEAT(substrate, seed=0, population_size=20, add_node=0.5, add_link=0.5, **values)
    for _ in range(6):
        hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
    return hyper.best_model


def matrices(model):
    return [np.asarray(each.detach()) for each in model.module.parameters() if each.ndim == 2]


@pytest.mark.parametrize("values", [{}, {"biases": True}, {"leo": True, "delta": True, "length": True}])
def test_the_weights_that_a_node_receives_are_those_of_the_network(values):
    substrate = Substrate.grid(inputs=(3, 4), hidden=[(2, 2), (3, 1)], outputs=(2,))
    model = champion(substrate, **values)
    for pair, matrix in enumerate(matrices(model)):
        assert matrix.any()
        for target, row in zip(substrate.layers[pair + 1], matrix):
            np.testing.assert_array_equal(field(model, pair, target, substrate.layers[pair]), row)


def test_rows_show_answers_weights_and_finer_resolutions():
    substrate = Substrate.grid(inputs=(11, 11), outputs=(11, 11))
    model = champion(substrate)
    (_, (answer,)), (_, received), (name, finer) = rows(model)
    assert [plane.title for plane in received] == [f"to node {k}" for k in (0, 30, 60, 90, 120)]
    for plane, row in zip(received, matrices(model)[0][[0, 30, 60, 90, 120]]):
        np.testing.assert_array_equal(plane.values, row.reshape(11, 11))
    assert name == "to node 60, asked at other resolutions"
    assert [(plane.title, plane.values.shape) for plane in finer] == [(f"{k}x{k}", (k, k)) for k in (11, 33, 55)]
    at_33 = matrices(model.on(Substrate.grid(inputs=(33, 33), outputs=(33, 33))))[0]
    np.testing.assert_array_equal(finer[1].values, at_33[33 * 33 // 2].reshape(33, 33))
    raw = [model.cppn.activate([x, y, 0, 0])[0] for x, y in sheet((55, 55))[[0, 700, 3024]]]
    np.testing.assert_allclose(answer.values.flatten()[[0, 700, 3024]], raw, rtol=1e-6)


def test_every_output_has_a_name():
    model = champion(Substrate.grid(inputs=(4,), hidden=[(3,)], outputs=(2,)), biases=True, leo=True)
    wanted = ["weight 0 to 1", "weight 1 to 2", "bias 0 to 1", "bias 1 to 2", "expressed 0 to 1", "expressed 1 to 2"]
    assert names(3, model.drawing.reading) == wanted
    assert len(wanted) == model.genome.outputs
    assert names(2, model.drawing.reading) == ["weight", "bias", "expressed"]


@pytest.mark.parametrize(
    ("places", "shape"), [(sheet((3, 1, 4)), (3, 1, 4)), (sheet((5,)), (5,)), (circle(6), None), (sheet((2, 2))[::-1], None)]
)
def test_a_layer_in_the_order_of_a_picture_is_a_sheet(places, shape):
    assert cells(places) == shape


def test_a_champion_shows_its_cppn_and_its_weights_whatever_its_layers():
    figure = champion(Substrate.grid(inputs=(2, 3, 3), outputs=(2,))).figure()
    titles = [axes.get_title() for axes in figure.get_axes()]
    assert titles[1:] == ["weight", "to node 0", "to node 1", "2x3x3", "2x9x9", "2x15x15"]
    assert (figure.get_size_inches() <= (9, 5)).all()
    alone = champion(Substrate([circle(6), circle(3)])).figure()
    assert [axes.get_title() for axes in alone.get_axes()][2:] == ["weight"]


def test_a_champions_picture_shows_the_substrate_with_its_weights():
    model = champion(Substrate.grid(inputs=(3, 4), hidden=[(2,)], outputs=(3,)))
    network, cppn, *images = model.figure().get_axes()
    assert (network.name, cppn.name) == ("3d", "rectilinear")
    assert network.get_title() == f"{model.connections} connections"
    assert len(network.lines) == model.connections + 3
    assert images[0].get_title() == "weight 0 to 1"
    flat = champion(Substrate.grid(inputs=(4,), outputs=(3,))).figure().get_axes()[0]
    assert flat.name == "rectilinear"
    assert flat.get_legend().get_window_extent().y1 < flat.get_window_extent().y0


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_champion_whose_cppn_has_weights_that_are_not_finite_can_be_drawn(wrong):
    model = champion(Substrate.grid(inputs=(4,), outputs=(3,)))
    model.genome.genes.weight[:] = wrong
    model = SubstrateModel(model.genome, model.drawing)
    network, cppn, *_ = model.figure().get_axes()
    assert network.get_title() == "0 connections"
    widths = [line.get_linewidth() for line in cppn.lines if line.get_marker() == "None"]
    assert widths == pytest.approx([3.2] * len(model.cppn.topology.connections))
    assert widths
