"""CPPNs as pictures, against a slow reference that computes one pixel after the other in plain Python."""

import colorsys
import io
import math

import numpy as np
import pytest
import torch

from evo import CPPN, NEAT, ModernCPPN
from evo.activations import CODES, NODE_ACTIVATIONS
from evo.genomes.genome import HIDDEN, OUTPUT
from evo.hyperneat.picture_neat import FUNCTIONS
from evo.hyperneat.pictures import colours, pictures, places
from evo.settings import SettingsError
from evo.testing import small_task
from scenarios.cppn_image import PictureTask

NAMES = list(NODE_ACTIVATIONS)
PLAIN = {
    "bipolar_sigmoid": lambda z: math.tanh(2.45 * z),
    "gaussian": lambda z: math.exp(-6.25 * z * z),
    "sin": math.sin,
    "abs": abs,
    "identity": lambda z: z,
}
GROWING = {CPPN: {"add_node": 0.5, "add_link": 0.5}, ModernCPPN: {"node_add_prob": 0.5, "conn_add_prob": 0.5}}


def grown(method=CPPN, outputs=3, size=12, generations=8, seed=0, **values):
    """A method whose genomes have hidden nodes, and its next population."""
    made = method(outputs=outputs, population_size=size, seed=seed, **(GROWING[method] | values))
    for _ in range(generations):
        made.tell(np.diff(made.ask().nodes_at).astype(float))
    return made, made.ask()


def pixel(genome, asked):
    """The outputs of one genome, node by node from the outputs back."""
    one, values = genome.one(0), dict(enumerate(asked))

    def value(node):
        if node.id not in values:
            if node.kind == 1:
                values[node.id] = 1.0
            else:
                nodes = {each.id: each for each in one.nodes}
                genes = [gene for gene in one.connections if gene.enabled and gene.target == node.id]
                total = sum(gene.weight * value(nodes[gene.source]) for gene in genes)
                values[node.id] = PLAIN[NAMES[node.activation]](node.bias + node.response * total)
        return values[node.id]

    return [value(node) for node in one.nodes if node.kind == OUTPUT]


def seen(outputs):
    if len(outputs) == 1:
        return [min(1.0, abs(outputs[0]))]
    hue, saturation, brightness = outputs
    return colorsys.hsv_to_rgb(hue % 1.0, min(1.0, max(0.0, saturation)), min(1.0, abs(brightness)))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("method", [CPPN, ModernCPPN])
def test_pixels_are_those_of_one_question_after_the_other(method, outputs):
    made, genomes = grown(method, outputs)
    assert {NAMES[code] for code in genomes.activation[genomes.node_kind == HIDDEN]} == set(FUNCTIONS)
    height, width = 5, 7
    found = made.pictures(genomes, height, width)
    wanted = np.zeros((len(genomes), height, width, outputs))
    for g, row, column in np.ndindex(len(genomes), height, width):
        x, y = (2 * column + 1 - width) / 7, (2 * row + 1 - height) / 7
        wanted[g, row, column] = seen(pixel(genomes[g], [x, y, math.sqrt(x * x + y * y)]))
    np.testing.assert_allclose(found, wanted.reshape(found.shape), atol=1e-6)
    assert found.dtype == np.float32
    assert len(np.unique(found)) > 50


def test_hue_saturation_and_brightness_are_those_of_colorsys():
    steps = np.linspace(-2.3, 2.3, 24)
    outputs = torch.cartesian_prod(*[torch.from_numpy(steps)] * 3)
    wanted = [seen(row) for row in outputs.tolist()]
    np.testing.assert_allclose(colours(outputs), wanted, atol=1e-12)
    np.testing.assert_allclose(colours(outputs[:, :1]), [seen(row[:1]) for row in outputs.tolist()])


def test_colours_have_the_gradient_of_their_differences():
    outputs = torch.tensor([[0.13, 0.4, 0.7], [-1.37, 0.8, -0.3], [0.55, 0.2, 0.9]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(colours, outputs)
    assert torch.autograd.gradcheck(colours, torch.tensor([[0.3], [-0.6]], dtype=torch.float64, requires_grad=True))


def test_places_are_square_and_a_finer_picture_passes_through_a_coarser_ones_pixels():
    coarse, fine = places(4, 6).reshape(4, 6, 3), places(12, 18).reshape(12, 18, 3)
    np.testing.assert_allclose(fine[1::3, 1::3], coarse)
    assert np.allclose(np.diff(coarse[:, :, 0], axis=1), np.diff(coarse[:, :, 1], axis=0)[0, 0])
    assert np.abs(coarse[..., 0]).max() == 5 / 6
    assert np.abs(coarse[..., 1]).max() == 3 / 6
    np.testing.assert_allclose(coarse[..., 2], np.hypot(coarse[..., 0], coarse[..., 1]))
    made, genomes = grown(CPPN)
    np.testing.assert_array_equal(made.pictures(genomes, 12, 18)[:, 1::3, 1::3], made.pictures(genomes, 4, 6))


def test_blocks_of_pictures_change_no_bit(monkeypatch):
    _, genomes = grown(CPPN)
    whole = pictures(genomes, 9, 9)
    monkeypatch.setattr("evo.hyperneat.pictures.BLOCK", 9 * 9 * 3 * 5)
    assert (pictures(genomes, 9, 9) == whole).all()


def test_what_is_not_finite_is_black():
    _, genomes = grown(CPPN, outputs=1)
    broken = genomes.select([0, 1])
    broken.genes.activation[broken.node_kind == OUTPUT] = CODES["log"]
    broken.genes.weight[:] = np.nan
    assert not pictures(broken, 3, 3).any()


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (3, 2)])
def test_networks_of_other_sizes_are_no_pictures(inputs, outputs):
    with pytest.raises(ValueError, match=r"expected (CPPNs of 3 inputs|1 output, grey, or 3)"):
        pictures(NEAT(inputs, outputs, population_size=2).ask(), 4, 4)
    with pytest.raises(ValueError, match="at least 1x1 pixels; got 0x4"):
        places(0, 4)


def test_a_name_that_stands_there_twice_is_drawn_twice_as_often():
    _, genomes = grown(CPPN, size=400, generations=4, node_activations=("sin", "sin", "gaussian"))
    codes = genomes.activation[genomes.node_kind == HIDDEN]
    assert len(codes) > 600
    assert abs((codes == CODES["sin"]).mean() - 2 / 3) < 0.06


@pytest.mark.parametrize("kind", ["regression", "classification", "probability"])
@pytest.mark.parametrize("method", [CPPN, ModernCPPN])
def test_outputs_are_of_any_size_unless_a_task_wants_them_in_0_to_1(method, kind):
    genomes = method.for_task(small_task(kind), seed=0, population_size=3).ask()
    wanted = "sigmoid" if kind == "probability" else "identity"
    assert {NAMES[code] for code in genomes.activation[genomes.node_kind == OUTPUT]} == {wanted}


@pytest.mark.parametrize(("method", "values"), [(CPPN, {"recurrent": True}), (ModernCPPN, {"feed_forward": False})])
def test_a_cppn_is_a_function_of_place(method, values):
    with pytest.raises(SettingsError, match=r"expected (true|false), since a CPPN is a function of place"):
        method(**values)


@pytest.mark.parametrize("method", [CPPN, ModernCPPN])
def test_a_champion_is_the_seed_of_another_search_which_resumes_exactly(method):
    donor, genomes = grown(method)
    champion = donor.model(genomes[3])

    def run(made, generations):
        for _ in range(generations):
            drawn = made.pictures(made.ask(), 6, 6)
            made.tell(-np.square(drawn - 0.25).mean((1, 2, 3)))
        return made

    seeded = [method(outputs=3, population_size=10, seed=1) for _ in range(3)]
    for each in seeded[:2]:
        each.warm_start(champion)
    first = seeded[0].ask()
    np.testing.assert_array_equal(seeded[0].pictures(first[:1], 8, 8)[0], champion.picture(8, 8))
    assert len(np.unique(seeded[0].pictures(first, 8, 8), axis=0)) > 5
    whole = run(seeded[0], 6)
    state = io.BytesIO()
    torch.save(run(seeded[1], 3).state_dict(), state)
    seeded[2].load_state_dict(torch.load(io.BytesIO(state.getvalue()), weights_only=True))
    resumed = run(seeded[2], 3)
    assert (resumed.ask().weight == whole.ask().weight).all()
    assert (resumed.best.weight == whole.best.weight).all()
    with pytest.raises(ValueError, match="expected a network of genes with 3 inputs and 1 outputs"):
        method(outputs=1).warm_start(champion)


def test_a_model_shows_its_picture_its_outputs_and_its_topology():
    made, genomes = grown(CPPN)
    figure = made.model(genomes[0]).figure()
    titles = [axes.get_title() for axes in figure.get_axes()]
    assert titles[1:] == ["128x128 pixels", "out 0: hue", "out 1: saturation", "out 2: brightness"]
    shown = figure.get_axes()[1].get_images()[0].get_array()
    np.testing.assert_array_equal(shown, made.model(genomes[0]).picture(128, 128))
    assert (figure.get_size_inches() <= (9, 5)).all()
    alone = CPPN(inputs=2, outputs=2, population_size=2).ask()
    assert len(made.model(alone[0]).figure().get_axes()) == 1


@pytest.mark.parametrize("method", [CPPN, ModernCPPN])
def test_a_saved_champion_draws_again(method):
    made, genomes = grown(method)
    task = PictureTask(np.zeros((4, 4, 3), np.float32))
    restored = method.restore(task, *made.model(genomes[2]).save())
    np.testing.assert_array_equal(restored.picture(9, 5), made.pictures(genomes[2], 9, 5)[0])
