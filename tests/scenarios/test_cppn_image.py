"""The picture to draw: what files become, what is refused, what fitness and gradient are of."""

import numpy as np
import pytest
import torch
from PIL import Image

from evo import CPPN
from evo.hyperneat.pictures import colours, pictures
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP
from scenarios.cppn_image import CPPNImageSettings, cut_off, likeness, opened, pixels, task
from scenarios.lab import ConfigError
from scenarios.lab.study import trial

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def written(path, array, mode=None, **options):
    picture = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
    picture.save(path, **options)
    return str(path)


def drawn(**values):
    return task(CPPNImageSettings(**({"resolution": 12} | values)), lambda inputs, outputs: MLP(inputs, outputs, hidden=(4,)))


def test_a_picture_keeps_its_proportions_and_its_colours(tmp_path):
    colour = np.stack([RAMP, 255 - RAMP, np.full_like(RAMP, 7)], axis=-1)
    path = written(tmp_path / "colour.png", colour)
    np.testing.assert_allclose(pixels(path, "hsb", 6), colour / 255.0, atol=1e-6)
    grey = colour.astype(float) @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(pixels(path, "grey", 6)[..., 0], grey / 255, atol=1 / 255)
    assert pixels(path, "hsb", 12).shape == (8, 12, 3)
    assert pixels("china", "grey", 30).shape == (20, 30, 1)
    assert pixels(written(tmp_path / "thin.png", np.zeros((2, 300), np.uint8)), "grey", 10).shape == (1, 10, 1)


def test_transparent_pixels_are_white_and_16_bits_and_palettes_are_read(tmp_path):
    alpha = np.zeros((4, 6, 4), np.uint8)
    alpha[:, :3] = 0, 0, 0, 255
    assert np.asarray(opened(written(tmp_path / "alpha.png", alpha)))[:, ::5].tolist() == [[[0] * 3, [255] * 3]] * 4
    deep = written(tmp_path / "deep.png", RAMP.astype(np.uint16) * 257)
    assert (np.asarray(opened(deep))[..., 0] == RAMP).all()
    assert (np.asarray(opened(written(tmp_path / "palette.gif", RAMP, "P")))[..., 0] == RAMP).all()
    assert (np.asarray(opened(written(tmp_path / "grey.png", RAMP)))[..., 2] == RAMP).all()
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    assert opened(written(tmp_path / "turned.png", RAMP, exif=turned)).size == (4, 6)


def test_a_wrong_target_is_one_clear_error(tmp_path):
    written(tmp_path / "target.png", np.zeros((80, 80), np.uint8))
    words, cut = tmp_path / "words.png", tmp_path / "cut.png"
    words.write_text("no picture")
    cut.write_bytes((tmp_path / "target.png").read_bytes()[:60])
    wide = written(tmp_path / "wide.png", np.zeros((1, 8193), np.uint8))
    long = written(tmp_path / "long.tif", RAMP.astype(np.int32))
    for target, problem in (
        (tmp_path / "none.png", "task.target: expected a file of a picture, or one of flower, china; there is no file"),
        (tmp_path, "there is no file"),
        (words, r"task.target: expected a picture \(PNG, JPEG, ...\); .*words.png is none that can be read"),
        (cut, "cut.png is none that can be read"),
        (wide, "task.target: expected a picture of at most 8192 pixels a side; .*wide.png has 8193x1"),
        (long, "task.target: expected 8 or 16 bits a pixel and colour; .*long.tif has 32"),
    ):
        with pytest.raises(ConfigError, match=problem) as caught:
            trial.study({"scenario": "cppn_image", "learners": {"cppn": {}}}, {"task.target": str(target)})
        assert len(caught.value.problems) == 1


@pytest.mark.parametrize("colour", ["grey", "hsb"])
def test_fitness_is_1_minus_the_mean_squared_error_of_the_colours(colour):
    made = drawn(colour=colour)
    cppn = CPPN(outputs=made.outputs, population_size=6, seed=0)
    genomes = cppn.ask()
    found = made.evaluate(cppn.express(genomes), np.zeros(0)).fitness
    errors = np.square(pictures(genomes, 8, 12).reshape(6, -1) - made.picture.reshape(1, -1)).mean(1)
    np.testing.assert_allclose(found, 1 - errors, rtol=1e-5)
    scored = made.score(cppn.model(genomes[2]), "validation")
    assert scored["fitness"] == pytest.approx(found[2], rel=1e-6)
    assert scored["squared_error"] == pytest.approx(errors[2], rel=1e-5)
    assert made.score(cppn.model(genomes[2]), "test") is None
    exact = torch.from_numpy(made.picture.reshape(-1, made.outputs))
    assert float(likeness(exact[None, :, :1], exact[:, :1])[0]) == 1


def test_loss_and_predictions_and_what_is_exported_are_of_colours():
    made = drawn()
    x, y = made.split("train")
    module = made.network()
    torch.testing.assert_close(made.loss(module(x) / 10 + 0.1, y), (colours(module(x) / 10 + 0.1) - y).square().mean())
    for lost in ([[0.3, 1.5, -2.0]], [[0.3, -0.5, 2.0]]):  # all is cut off, and yet the gradient leads back
        outputs = torch.tensor(lost).expand(len(y), 3).clone().requires_grad_()
        made.loss(outputs, y).backward()
        led = outputs.grad.sum(0) * torch.tensor(lost)[0]
        assert led[2] > 0
        assert led[1] > 0
    said = made.predictions(TorchModel(module), x[:2])
    np.testing.assert_allclose([row["outputs"] for row in said], colours(module(x[:2])).detach(), rtol=1e-6)
    torch.testing.assert_close(made.deployment(TorchModel(module)).module(x), colours(module(x)))


def test_what_is_cut_off_is_what_no_colour_shows():
    outputs = torch.tensor([[7.0, 1.5, -1.25], [-7.0, -0.25, 0.5], [0.0, 0.5, -0.75]])
    assert cut_off(outputs).tolist() == [[0.0, 0.5, -0.25], [0.0, -0.25, 0.0], [0.0, 0.0, 0.0]]
    assert cut_off(torch.tensor([[-1.5], [-0.5], [1.25]])).tolist() == [[-0.5], [0.0], [0.25]]
    assert torch.equal(colours(outputs - cut_off(outputs)), colours(outputs))


def test_the_figure_shows_target_network_and_a_finer_picture():
    made = drawn()
    cppn = CPPN(outputs=3, population_size=2, seed=0)
    model = cppn.model(cppn.ask()[0])
    images = [axes.get_images()[0].get_array() for axes in made.figure(model).get_axes()]
    np.testing.assert_array_equal(images[0], made.picture)
    np.testing.assert_allclose(images[1], model.picture(8, 12), atol=1e-5)
    assert images[2].shape == (64, 96, 3)


def test_evolution_draws_the_target_better_than_as_many_random_genomes():
    """Of equal numbers of genomes: those of a search, and those of a search whose fitness says nothing."""
    made, errors = drawn(colour="grey", resolution=16), []
    for seed in range(3):
        for informed in (True, False):
            cppn, best = CPPN(population_size=50, seed=1000 + seed), 0.0
            for _ in range(60):
                fitness = made.evaluate(cppn.express(cppn.ask()), np.zeros(0)).fitness
                best = max(best, fitness.max())
                cppn.tell(fitness if informed else np.zeros(50))
            errors.append(1 - best)
    evolved, drawn_at_random = np.array(errors).reshape(3, 2).T
    assert (evolved < drawn_at_random).all()
    assert evolved.mean() < 0.8 * drawn_at_random.mean()
