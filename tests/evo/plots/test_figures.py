import io
import itertools
import math

import gymnasium
import numpy as np
import pytest
import torch
from drawn import Drawn
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from evo.core import Model
from evo.plots import figures, topology
from evo.tasks.control import ControlTask
from evo.tasks.function import FunctionTask
from evo.tasks.supervised import SupervisedTask
from evo.vectors.models import TorchModel, VectorModel
from evo.vectors.modules import MLP

network = lambda inputs, outputs: MLP(inputs, outputs, hidden=[4])
SCRIPT = [f"<script>alert({k})</script> $\\frac{{a}}$ 漢\x1b[31m" for k in range(50)]


def examples(inputs, count=3, kind="classification", rows=120, **values):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, inputs)).astype(np.float32)
    y = np.arange(rows) % count
    if kind == "probability":
        y = (np.arange(rows)[:, None] + np.arange(count)) % 2 * 1.0
    if kind == "regression":
        y = generator.normal(size=(rows, count))
    task = SupervisedTask((x, y), (x[:99], y[:99]), (x[:60], y[:60]), kind=kind, network=network, **values)
    return task, TorchModel(task.network())


class Wide(Drawn):
    def render(self):
        return super().render().repeat(4, axis=1)


def acting(drawn=Drawn, **values):
    task = ControlTask(drawn, network=network, test_episodes=5, validation_episodes=3, **values)
    return task, TorchModel(task.network())


class Lost(Model):
    """A model that has no number for every third example."""

    parameters = 0

    def __init__(self, model):
        self.model = model

    def save(self):
        return self.model.save()

    def __call__(self, x):
        outputs = self.model(x)
        outputs[::3] = math.nan
        return outputs


def undrawn():
    return gymnasium.make("Acrobot-v1", max_episode_steps=20)


MADE = {
    "confusion": lambda: examples(5),
    "digits": lambda: examples(64, 10, shape=(1, 8, 8)),
    "colour": lambda: examples(48, 10, shape=(3, 4, 4)),
    "fifty": lambda: examples(5, 50, classes=SCRIPT),
    "boundary of two": lambda: examples(2, 2, classes=SCRIPT[:2]),
    "boundary of one": lambda: examples(2, 1, "probability"),
    "boundary of eight": lambda: examples(2, 8),
    "numbers": lambda: examples(4, 1, "regression"),
    "probabilities": lambda: examples(4, 3, "probability"),
    "function": lambda: (FunctionTask(lambda p: -(p**2).sum(1), 30), VectorModel(np.arange(30.0))),
    "strip": lambda: acting(solved=20.0),
    "wide strip": lambda: acting(Wide),
    "traces": lambda: (lambda task: (task, TorchModel(task.network())))(ControlTask(undrawn, network=network, test_episodes=3)),
}


def rendered(figure):
    """The PNG, and every text that was drawn, with its box in pixels."""
    boxes, draw = {}, Text.draw

    def watched(text, renderer):
        if text.get_visible() and text.get_text().strip():
            boxes[id(text)] = text, text.get_window_extent(renderer)  # the last: a figure is drawn once for its size
        draw(text, renderer)

    data = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", watched)
        figure.savefig(data)
    return data.getvalue(), list(boxes.values())


@pytest.mark.parametrize("name", MADE)
def test_a_figure_is_small_legible_labelled_and_nothing_in_it_overlaps_or_is_clipped(name):
    task, model = MADE[name]()
    figure = task.figure(model, "test")
    assert isinstance(figure, Figure)
    _, boxes = rendered(figure)
    width, height = figure.get_size_inches() * figure.dpi
    assert width <= 900
    assert height <= 500
    assert boxes
    for text, box in boxes:
        assert text.get_fontsize() >= 8, text
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y1 <= height + 1, text
    for k, (text, box) in enumerate(boxes):
        for other, near in boxes[k + 1 :]:
            assert not box.shrunk(0.9, 0.9).overlaps(near.shrunk(0.9, 0.9)), (text, other)
    for axes in figure.axes:
        if axes.axison and axes.get_label() != "<colorbar>" and axes.get_xticks().size:
            assert axes.get_xlabel() or axes.get_shared_x_axes().get_siblings(axes)[0] is not axes
            assert axes.get_ylabel() or not axes.get_yticks().size


@pytest.mark.parametrize("name", ["digits", "boundary of two", "strip"])
def test_a_figure_has_the_same_bytes_however_often_it_is_saved_or_made(name):
    task, model = MADE[name]()
    figure = task.figure(model, "test")
    assert rendered(figure)[0] == rendered(figure)[0] == rendered(task.figure(model, "test"))[0]


@pytest.mark.parametrize("name", ["confusion", "boundary of two", "boundary of eight", "numbers", "strip", "traces"])
def test_answers_that_are_no_numbers_break_no_picture(name):
    task, model = MADE[name]()
    assert task.figure(Lost(model), "test").axes


@pytest.mark.parametrize("name", ["confusion", "boundary of one", "numbers", "strip", "function"])
def test_a_split_that_is_unknown_is_refused_by_all_that_have_any(name):
    task, model = MADE[name]()
    if name == "function":
        task.figure(model, "test")
    else:
        with pytest.raises(ValueError, match=r"unknown split 'tset' .did you mean 'test'"):
            task.figure(model, "tset")


@pytest.mark.parametrize(
    ("split", "said"), [("train", "train split, 120"), ("validation", "validation split, 99"), ("test", "test split, 60")]
)
def test_the_figure_is_of_the_split_that_is_asked_for(split, said):
    task, model = examples(5)
    figure = task.figure(model, split)
    assert figure._suptitle.get_text() == f"{said} examples"
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == len(task.split(split)[0])


def test_a_full_table_shows_its_training_part_for_every_split():
    x, y = np.eye(4, 5), np.arange(4) % 2
    task = SupervisedTask((x, y), kind="classification", network=network)
    figure = task.figure(TorchModel(task.network()), "test")
    assert figure._suptitle.get_text() == "training split, 4 examples"


def test_a_confusion_matrix_counts_true_by_predicted_and_leaves_out_what_is_no_number():
    outputs = torch.eye(3)[[0, 1, 1, 2, 0, 0]]
    outputs[5, 1] = math.nan
    counts = figures.confusion(outputs, torch.tensor([0, 0, 1, 2, 2, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_the_most_wrong_examples_are_those_of_the_highest_loss_those_without_an_answer_first():
    outputs = torch.tensor([[0.0, 3.0], [0.0, 1.0], [5.0, 0.0], [math.nan, 0.0], [0.0, 0.0]])
    y = torch.tensor([0, 0, 0, 1, 1])
    figure = figures.mistakes(outputs, torch.zeros(5, 2), y, ["no", "yes"])
    table = figure.axes[1].tables[0]
    cells = [[table[row, column].get_text().get_text() for column in range(4)] for row in range(6)]
    confidence = lambda z: f"{100 / (1 + math.exp(-z)):.0f} %"
    assert cells == [
        ["row", "true", "predicted", "confidence"],
        ["3", "yes", "no number", ""],
        ["0", "no", "yes", confidence(3)],
        ["1", "no", "yes", confidence(1)],
        ["4", "yes", "no", "50 %"],
        ["2", "no", "no", confidence(5)],
    ]


def test_the_most_wrong_pictures_are_drawn_as_they_are():
    x = torch.rand(20, 12, generator=torch.Generator().manual_seed(0))
    outputs = torch.stack([torch.arange(20.0), torch.zeros(20)], 1)  # the higher the row, the surer of class 0
    figure = figures.mistakes(outputs, x, torch.ones(20, dtype=torch.long), ["a", "b"], (1, 3, 4))
    image = figure.axes[1].images[0].get_array()
    expected = x[19].reshape(3, 4)
    np.testing.assert_allclose(image, (expected - expected.min()) / (expected.max() - expected.min()), rtol=1e-5)
    assert figure.axes[1].get_title() == "row 19: b\nsaid a\n100 %"
    assert figure.axes[8].get_title().startswith("row 12: b")


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_decision_boundary_is_the_probability_of_the_second_class_over_the_plane(outputs):
    def model(plane):
        logit = 4 * (plane[:, :1] - plane[:, 1:])
        return torch.sigmoid(logit) if outputs == 1 else torch.cat([torch.zeros_like(logit), logit], 1)

    x = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
    y = torch.tensor([0, 0, 1]) if outputs == 2 else torch.tensor([[0.0], [0.0], [1.0]])
    axes = figures.decision_boundary(model, x, y, ["a", "b"]).axes[0]
    image, extent = axes.images[0].get_array(), axes.images[0].get_extent()
    assert extent == pytest.approx((-1.2, 1.2, -1.2, 1.2))
    assert image[0, -1] > 0.99  # below on the right: the first input large, the second small
    assert image[-1, 0] < 0.01
    assert image[0, 0] == image[-1, -1] == pytest.approx(0.5)
    assert [len(one.get_offsets()) for one in axes.collections] == [2, 1]


@pytest.mark.parametrize(("drawn", "columns", "apart"), [(Drawn, 4, "\n"), (Wide, 2, ", ")])
def test_the_strip_holds_eight_frames_evenly_spaced_with_step_and_return_so_far(drawn, columns, apart):
    task, model = acting(drawn)
    figure = task.figure(model, "test")
    assert {axes.get_subplotspec().get_gridspec().ncols for axes in figure.axes[:8]} == {columns}
    labels = [axes.get_xlabel().split(apart) for axes in figure.axes[:8]]
    film = task.film(model, "test", frames=64)
    steps = [int(step.split()[1]) for step, _ in labels]
    total = len(film.rewards)
    assert steps == np.rint(np.linspace(0, total, 8)).astype(int).tolist()
    so_far = np.concatenate([[0], np.cumsum(film.rewards)])
    assert [float(text.split()[1]) for _, text in labels] == so_far[steps].tolist()
    for axes, step in zip(figure.axes, steps):
        assert np.array_equal(axes.images[0].get_array(), film.frames[step])
    assert sum(patch.get_height() for patch in figure.axes[8].patches) == 5


def test_an_environment_that_draws_nothing_shows_what_was_seen_and_done():
    task, model = MADE["traces"]()
    figure = task.figure(model)
    film = task.film(model)
    assert film.frames is None
    for k, line in enumerate(figure.axes[0].lines):
        assert np.array_equal(line.get_ydata(), film.observations[:, k])
    assert [axes.get_ylabel() for axes in figure.axes] == ["observation", "action", "validation episodes"]
    assert len(figure.axes[0].lines) == 6


def test_a_point_of_a_function_shows_its_coordinates_and_its_value():
    figure = FunctionTask(lambda p: (p**2).sum(1), 2).figure(VectorModel(np.array([3.0, -4.0])))
    assert figure.axes[0].get_title() == "the best point found: fitness = 25"
    assert figure.axes[0].lines[0].get_ydata().tolist() == [3, -4]


@pytest.mark.parametrize(
    ("sizes", "squashed"), [((2, 4, 1), True), ((4, 8, 8, 3), False), ((3, 2), False), ((30, 7, 3), False)]
)
def test_a_small_mlp_is_drawn_as_a_network_with_every_weight_that_is_not_zero(monkeypatch, sizes, squashed):
    torch.manual_seed(0)
    inputs, *hidden, outputs = sizes
    module = MLP(inputs, outputs, hidden=hidden)
    with torch.no_grad():
        module.layers[0].weight[0, 0] = 0.0
    given, draw = [], topology.draw
    monkeypatch.setattr(topology, "draw", lambda one: (given.append(one), draw(one))[1])
    figure = TorchModel(torch.nn.Sequential(module, torch.nn.Sigmoid()) if squashed else module).figure()
    (made,) = given
    weights = sum((a + 1) * b for a, b in itertools.pairwise(sizes)) - 1
    title = f"{sum(sizes) + 1} nodes, {sum(hidden)} hidden, {weights} connections"
    assert figure.axes[0].get_title().startswith(title)
    last = module.layers[-1].weight.detach()  # of which one is from the last hidden unit to the last output
    assert (sum(sizes) - outputs - 1, sum(sizes) - 1, float(last[-1, -1])) in made.connections
    assert (0, inputs, 0.0) not in made.connections
    width, height = figure.get_size_inches() * figure.dpi
    for text, box in rendered(figure)[1]:
        assert (box.x0 >= -1, box.y0 >= -1, box.x1 <= width + 1, box.y1 <= height + 1) == (True,) * 4, text


def test_weights_of_a_deep_network_stay_one_small_picture():
    for module in (MLP(8, 10, hidden=[9] * 10), MLP(38, 3, hidden=[])):
        figure = TorchModel(module).figure()
        assert (figure.get_size_inches() * figure.dpi <= [900, 500]).all()
        assert len(figure.axes) == min(12, len(list(module.parameters())))
    broken = MLP(3, 2, hidden=[])
    with torch.no_grad():
        broken.layers[0].weight[0, 0] = math.nan
    assert TorchModel(broken).figure().axes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat", "cat"),
        ("<script>", "<script>"),
        ("a name of many words", "a name … words"),
        ("$x^2$", r"\$x^2\$"),
        ("a\nb\x1b", "a□b□"),
        ("漢", "□"),
        (7, "7"),
    ],
)
def test_a_name_is_drawn_as_it_is_cut_in_its_middle(text, shown):
    assert figures.plain(text) == shown


def test_colours_differ_for_people_who_see_no_red_or_no_green():
    # Viénot, Brettel, Mollon 1999, in linear RGB: what a protanope and a deuteranope see.
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    for colours in (figures.PALETTE[:6], ("#B2182B", "#2166AC")):
        linear = np.array([to_rgb(colour) for colour in colours]) ** 2.2
        for sight in (protan, deutan):
            seen = np.clip(linear @ sight.T, 0, 1) ** (1 / 2.2)
            apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + np.eye(len(seen))
            assert apart.min() > 0.2, (colours, apart)
