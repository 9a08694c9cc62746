"""The scenario on pictures of the right size, drawn at random: as the data are, so they need not be downloaded."""

import numpy as np
import pytest
import torch

from evo.evolve import as_method
from evo.plots import regions
from evo.vectors.linear_float import LinearFloat
from evo.vectors.models import TorchModel
from scenarios import datasets
from scenarios.lab.study import resolve
from scenarios.linear_float import EPOCHS, PARAMETERS, scenario


@pytest.fixture(scope="module")
def task():
    draw = np.random.default_rng(0)
    labels = np.arange(10_300, dtype=np.uint8) % 10
    pictures = draw.integers(0, 60, (10_300, 28, 28), np.uint8)
    pictures[np.arange(10_300), 2 * labels + 4, 4:20] = 255  # a bar whose height is the class
    arrays = (pictures, labels, pictures[:50], labels[:50])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.Pictures, "load", lambda self: arrays)
        network = lambda inputs, outputs: LinearFloat(inputs, outputs, hidden=(16,))
        yield scenario.task(scenario.settings(), network)


def test_backprop_learns_with_the_schedule_of_the_reference_and_ends_at_its_budget(task):
    settings = scenario.learners["backprop"]
    method = as_method(resolve.method("backprop"), "backprop")
    learner = method(task, method.settings(**settings), 0)
    rates = [learner.step()["learning_rate"] for _ in range(EPOCHS)]
    np.testing.assert_allclose(rates, 0.001 * (1 - np.arange(EPOCHS) / EPOCHS))
    assert task.score(learner.champion(), "test")["accuracy"] == 1.0
    epochs = scenario.budget.compute / (3 * 50_000 * PARAMETERS)
    assert epochs == EPOCHS


def test_its_figure_shows_the_network_as_it_computes_and_with_exact_numbers(task):
    model = TorchModel(task.network())
    left, right = task.figure(model).axes
    assert left.get_title().startswith("as it computes: accuracy 0.")
    assert right.get_title().startswith("the same weights, exact numbers: accuracy 0.")
    assert "validation split" in left.figure.get_suptitle()
    with pytest.raises(ValueError, match="unknown split 'tset'"):
        task.figure(model, "tset")
    other = TorchModel(torch.nn.Linear(784, 10))
    assert len(task.figure(other).axes) > 2  # that of any classifier


def test_the_borders_of_a_linear_classifier_are_straight_and_lie_where_they_must():
    examples = torch.tensor([[0.0, 0.0, 5.0], [2.0, 0.0, 5.0], [0.0, 2.0, 5.0]])
    model = lambda x: torch.stack([x[:, 0], x[:, 1]], 1)  # the greater of two coordinates
    (axes,) = regions.draw({"one": model}, examples, ["across", "up"]).axes
    said = axes.images[0].get_array()
    left, right, bottom, top = axes.images[0].get_extent()
    across, up = np.meshgrid(np.linspace(left, right, len(said)), np.linspace(bottom, top, len(said)))
    far = np.abs(across - up) > 1e-6
    blue = said[..., 2] > said[..., 0]
    first = regions.PALETTE[0] == "#0072B2"
    assert first
    assert (blue == (across > up))[far].all()
    np.testing.assert_allclose(axes.collections[-1].get_offsets(), [[0, 0], [2, 0], [0, 2]], atol=1e-12)
    assert {text.get_text() for text in axes.texts} == {"across", "up"}
    with pytest.raises(ValueError, match="do not lie on one line"):
        regions.draw({"one": model}, examples[[0, 1, 1]], ["across", "up"])
