import numpy as np
import pytest
import torch

from evo import AdaptiveHyperNEAT, ESHyperNEAT, HyperNEAT, Substrate
from evo.hyperneat.substrate import circle, layout
from evo.settings import SettingsError
from evo.testing import small_task


def test_nodes_stand_in_the_middle_of_equal_cells_row_by_row():
    substrate = Substrate.grid(inputs=(2, 3), hidden=[(2,)], outputs=(1,))
    x = 2 / 3
    assert substrate.layers[0].tolist() == pytest.approx(
        np.array([[-0.5, -x], [-0.5, 0], [-0.5, x], [0.5, -x], [0.5, 0], [0.5, x]])
    )
    assert substrate.layers[1].tolist() == [[0.0, -0.5], [0.0, 0.5]]  # in the middle of the dimension it lacks
    assert substrate.layers[2].tolist() == [[0.0, 0.0]]
    assert (substrate.sizes, substrate.dimensions, substrate.connections) == ([6, 2, 1], 2, 14)


def test_a_circle_has_its_nodes_at_equal_angles():
    np.testing.assert_allclose(circle(4), [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=1e-15)
    np.testing.assert_allclose(circle(2, 0.5), [[0.5, 0], [-0.5, 0]], atol=1e-15)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([[[0.0]]], "at least two layers, inputs and outputs; got 1"),
        ([[[0.0]], []], r"layer 1: expected coordinates \(n, d\), at least one node; got shape \(0,\)"),
        ([[[0.0]], [[0.0, 0.0]]], r"layers of one number of dimensions; got \[1, 2\]"),
        ([[[0.0]], [[0.5], [1.5]]], r"layer 1: expected coordinates in -1 .. 1; node 1 has \[1.5\]"),
        ([[[float("nan")]], [[0.0]]], r"layer 0: expected coordinates in -1 .. 1; node 0 has \[nan\]"),
        ([[[0.2], [0.1], [0.2]], [[0.0]]], r"layer 0: 2 nodes in one place, \[0.2\]"),
        ([[[0.0, 1.0]], [[0.0, 1.0], [0.5]]], r"layer 1: expected coordinates \(n, d\), equally many numbers a node; got"),
        ([["left"], ["right"]], r"layer 0: expected coordinates \(n, d\), .*; got \['left'\]"),
    ],
)
def test_what_is_no_substrate_is_refused_with_a_word(layers, said):
    with pytest.raises(ValueError, match=said):
        Substrate(layers)


@pytest.mark.parametrize(
    ("inputs", "hidden", "outputs", "said"),
    [
        (3, [], (2,), r"expected a list of whole numbers for each layer, as \(8,\) or \(11, 11\); got \[3, \(2,\)\]"),
        ((3,), (4,), (2,), r"expected a list of whole numbers for each layer, .*; got \[\(3,\), 4, \(2,\)\]"),
        ((3,), [], (1.5,), r"expected a list of whole numbers"),
        ((3,), [()], (2,), r"expected a list of whole numbers"),
        ((3,), [(0, 2)], (2,), r"expected sizes of at least 1; got \(0, 2\)"),
    ],
)
def test_sizes_that_are_none_are_refused_with_a_word(inputs, hidden, outputs, said):
    with pytest.raises(ValueError, match=said):
        Substrate.grid(inputs, outputs, hidden)


@pytest.mark.parametrize("method", [HyperNEAT, ESHyperNEAT, AdaptiveHyperNEAT])
def test_what_is_no_substrate_is_named(method):
    with pytest.raises(TypeError, match=r"substrate: expected an evo.Substrate, as Substrate\(\[inputs, .*; got \[\[\[0.0\]\]"):
        method([[[0.0]], [[0.0]]])


def test_a_task_says_where_its_inputs_hidden_nodes_and_outputs_lie():
    task = small_task("regression")  # 2 inputs, 1 output
    task.places = Substrate.grid(inputs=(2,), hidden=[(3,)], outputs=(1,)).layers
    hyper = HyperNEAT.for_task(task, seed=0, population_size=3)
    assert hyper.substrate.sizes == [2, 3, 1]
    assert hyper.express(hyper.ask()).forward(torch.zeros(1, 2)).shape == (3, 1, 1)
    assert ESHyperNEAT.for_task(task, seed=0).substrate.sizes == [2, 1]
    for places, sheet, said in (
        (task.places, (2,), r"sheet: the task's places have hidden nodes, layers \[2, 3, 1\]; leave it \[\]"),
        (task.places[1:], (), "places: expected coordinates of 2 inputs and 1 outputs; got those of 3 and 1"),
        ([*task.places[:1], np.full((1, 1), 1.5)], (), r"layer 1: expected coordinates in -1 .. 1; node 0 has \[1.5\]"),
        (Substrate(task.places), (), r"places: expected coordinates, an array a layer, .*; got Substrate\(2-3-1"),
    ):
        task.places = places
        with pytest.raises(ValueError, match=said):
            HyperNEAT.for_task(task, seed=0, sheet=sheet)


def test_pixels_lie_in_a_sheet_and_those_of_several_channels_in_a_stack_of_sheets():
    task = small_task()
    task.places, outputs = None, (task.outputs,)
    for shape, inputs in (((1, 4, 5), (4, 5)), ((3, 4, 5), (3, 4, 5))):
        task.shape, wanted = shape, Substrate.grid(inputs, outputs, [(2, 3)])
        for layer, own in zip(layout(task, (2, 3)).layers, wanted.layers, strict=True):
            np.testing.assert_array_equal(layer, own)


@pytest.mark.parametrize("method", [HyperNEAT, AdaptiveHyperNEAT])
def test_a_sheet_that_the_substrate_given_does_not_have_is_refused(method):
    with pytest.raises(SettingsError, match=r"sheet: expected \[\], since .* hidden=\[\(2, 2\)\]\) would; got \[2, 2\]"):
        method(Substrate.grid(inputs=(3,), outputs=(1,)), sheet=(2, 2))
    assert method(Substrate.grid(inputs=(3,), hidden=[(2, 2)], outputs=(1,)), sheet=(2, 2)).substrate.sizes == [3, 4, 1]
