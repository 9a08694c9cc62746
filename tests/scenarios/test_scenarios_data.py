import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from test_scenarios_registry import build, find

from evo import rng
from scenarios import SCENARIOS, bit_mirroring, retina, two_spirals
from scenarios.lab.cli.listing import facts
from scenarios.parity import closeness

LOADERS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}
FOLDER = Path(os.environ.get("EVO_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def splits(task):
    return [tuple(part.numpy() for part in task.split(name)) for name in ("train", "validation", "test")]


def centred(x):
    """Columns with mean 0 and deviation 1 over all rows, which undoes any standardisation."""
    x = x.astype(np.float64)
    return (x - x.mean(0)) / np.maximum(x.std(0), 1e-6)


@pytest.mark.parametrize("name", LOADERS)
def test_the_three_parts_hold_every_row_of_scikit_learns_table_once(name):
    data, parts = LOADERS[name](), splits(build(name))
    x, y = (np.concatenate(part) for part in zip(*parts))
    distance, rows = cKDTree(centred(data.data)).query(centred(x))
    assert distance.max() < 1e-3
    assert np.array_equal(np.sort(rows), np.arange(len(data.target)))
    assert np.array_equal(y, data.target[rows])


def test_digits_are_divided_by_16():
    pixels = {tuple(row) for row in load_digits().data / 16}
    assert all(tuple(row) in pixels for x, _ in splits(build("digits")) for row in x.astype(float))


@pytest.mark.parametrize("name", LOADERS)
def test_parts_are_60_20_20_in_every_class(name):
    parts = splits(build(name))
    whole = np.concatenate([y for _, y in parts])
    for share, (_, y) in zip((0.6, 0.2, 0.2), parts):
        for k in np.unique(whole):
            assert abs((y == k).sum() - share * (whole == k).sum()) <= 1


@pytest.mark.parametrize("name", [*LOADERS, "two_spirals"])
def test_splits_are_the_same_each_time_whatever_the_random_state(name):
    first = splits(build(name))
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    for (x, y), (x2, y2) in zip(first, splits(build(name, stop="budget", fitness="accuracy"))):
        assert np.array_equal(x, x2)
        assert np.array_equal(y, y2)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes"])
def test_the_training_part_alone_has_mean_0_and_deviation_1(name):
    parts = splits(build(name))
    np.testing.assert_allclose(parts[0][0].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(parts[0][0].std(0), 1, atol=1e-5)
    assert (np.abs(np.concatenate([x for x, _ in parts]).mean(0)) > 1e-4).any()


def test_digits_are_pictures_within_0_and_1():
    task = build("digits")
    assert task.shape == (1, 8, 8)
    assert (task.inputs, task.outputs) == (64, 10)
    values = np.concatenate([x for x, _ in splits(task)])
    assert (values.min(), values.max()) == (0, 1)


def test_classes_carry_their_names():
    assert build("breast_cancer").classes == ["malignant", "benign"]
    assert build("wine").classes == ["class_0", "class_1", "class_2"]


def test_spiral_points_lie_on_the_curve_and_those_of_other_parts_between_the_training_points():
    train, validation, test = splits(build("two_spirals"))
    assert [len(y) for _, y in (train, validation, test)] == [194, 192, 192]
    steps = []
    for x, y in (train, validation, test):
        assert (y == 1).sum() == (y == 0).sum()
        step = 104 * (1 - np.hypot(*x.T) / 6.5)  # the radius tells the step; the angle must agree with it
        sign = np.where(y == 1, 1, -1)
        np.testing.assert_allclose(np.hypot(*x.T) * sign * np.sin(np.pi * step / 16), x[:, 0], atol=1e-4)
        np.testing.assert_allclose(np.hypot(*x.T) * sign * np.cos(np.pi * step / 16), x[:, 1], atol=1e-4)
        steps.append(np.sort(step[y == 1]))
    np.testing.assert_allclose(steps[0], np.arange(97), atol=1e-3)
    np.testing.assert_allclose(steps[1], np.arange(96) + 1 / 3, atol=1e-3)
    np.testing.assert_allclose(steps[2], np.arange(96) + 2 / 3, atol=1e-3)
    every = np.concatenate([x for x, _ in (train, validation, test)])
    assert len(np.unique(every.round(4), axis=0)) == len(every)


def test_spiral_training_points_are_those_of_the_benchmark_file():
    path = FOLDER / "classics" / "two_spirals.csv"
    if not path.is_file():
        pytest.skip("needs classics/two_spirals.csv: set EVO_DATA")
    expected = np.loadtxt(path, delimiter=",")
    x, y = two_spirals.spirals(np.arange(97))
    found = np.column_stack([x, y])
    order = lambda rows: rows[np.lexsort(rows.round(9).T)]
    np.testing.assert_allclose(order(found), order(expected), atol=1e-12)


def test_xor_is_its_truth_table_and_has_no_test_part():
    task = build("xor")
    x, y = splits_of(task)
    assert {(*row, target) for row, target in zip(x.tolist(), y[:, 0].tolist()) for row in [tuple(row)]} == {
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    }
    assert task.split("test") is None
    assert task.kind == "probability"


def splits_of(task):
    x, y = task.split("train")
    for part, other in zip((x, y), task.split("validation")):
        assert torch.equal(part, other)
    return x, y


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_parity_holds_every_row_with_its_parity(bits):
    x, y = splits_of(build("parity", bits=bits))
    assert sorted(map(tuple, x.tolist())) == sorted(itertools.product((0.0, 1.0), repeat=bits))
    assert y[:, 0].tolist() == [sum(row) % 2 for row in x.tolist()]


def test_xor_fitness_is_that_of_the_paper():
    targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    outputs = torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.5, 0.5, 0.5, 0.5], [1.0, 0.0, 0.0, 1.0], [0.1, 0.8, 0.7, 0.4]])
    assert closeness(outputs[..., None], targets).tolist() == pytest.approx([16.0, 4.0, 0.0, (4 - 1.0) ** 2])


def test_xor_is_solved_when_all_four_outputs_are_on_the_right_side():
    task = build("xor")
    x, _ = task.split("train")

    class Fixed:
        def __init__(self, *outputs):
            self.outputs = torch.tensor(outputs)[:, None]

        def __call__(self, inputs):
            assert torch.equal(inputs, x)
            return self.outputs

    order = x.sum(1) == 1
    good, near = torch.where(order, 0.51, 0.49), torch.where(order, 0.99, 0.01)
    near[0] = 0.51
    assert task.solved(task.score(Fixed(*good.tolist()), "validation")) is True
    assert task.solved(task.score(Fixed(*near.tolist()), "validation")) is False
    assert task.score(Fixed(*good.tolist()), "test") is None


@pytest.mark.parametrize("fitness", ["accuracy", "cross_entropy"])
def test_fitness_of_a_truth_table_may_be_a_metric(fitness):
    task = build("parity", fitness=fitness)
    score = task.score(lambda inputs: torch.full((len(inputs), 1), 0.6), "validation")
    assert score["fitness"] == pytest.approx(score[fitness] * (1 if fitness == "accuracy" else -1))


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("fashion_mnist", (1, 28, 28))])
def test_downloaded_pictures_have_their_published_sizes(name, shape, monkeypatch):
    if not (FOLDER / name.replace("_", "-") / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"needs the four files of {name}: set EVO_DATA")
    monkeypatch.setenv("EVO_DATA", str(FOLDER))
    task = build(name)
    assert task.shape == shape
    assert facts(task) == find(SCENARIOS[name]).facts
    assert [len(task.split(part)[0]) for part in ("train", "validation", "test")] == [50_000, 10_000, 10_000]
    assert (task.inputs, task.outputs, task.batch_size) == (784, 10, 500)
    assert torch.bincount(task.split("test")[1], minlength=10).float().std() < 100
    assert task.split("train")[0].std().item() == pytest.approx(1, abs=1e-3)


def test_each_side_of_the_retina_has_the_eight_objects_of_the_paper_and_all_patterns_are_there():
    """The objects of the left side as the pixels (outer column, inner column), which the right side mirrors."""
    x, y = (part.numpy() for part in retina.patterns())
    left = {"".join(str(int(pixel > 0)) for pixel in row[:4]) for row, (shown, _) in zip(x, y) if shown}
    right = {"".join(str(int(pixel > 0)) for pixel in row[[6, 7, 4, 5]]) for row, (_, shown) in zip(x, y) if shown}
    assert left == right == {"1000", "0100", "1100", "1111", "1011", "0111", "1110", "1101"}
    assert len({tuple(row) for row in x.tolist()}) == 256
    assert set(x.ravel().tolist()) == {-1.0, 1.0}
    assert np.unique(y, axis=0, return_counts=True)[1].tolist() == [64, 64, 64, 64]


def test_the_retinas_fitness_is_a_thousand_where_all_is_right_and_falls_with_the_squared_sum_of_errors():
    _, y = retina.patterns()
    off = y.clone()
    off[3, 1] = 1 - off[3, 1]
    off[7, 0] = 1 - off[7, 0]
    assert retina.closeness(torch.stack([y, off]), y).tolist() == [1000.0, 200.0]


def test_targets_of_bit_mirroring_are_in_place_or_in_one_cycle():
    """Of an order of outputs the first are in place, each other repeats the input of the one before it."""
    one, two, three, four = rng.permutation(bit_mirroring.SEED, 0, 0, rng.SPLIT, 4).tolist()
    by_hand = {one: one, two: four, three: two, four: three}
    assert bit_mirroring.sources(2, 0.25).tolist() == [by_hand[output] for output in range(4)]
    before = np.zeros(25, bool)
    for regularity, count in ((0.0, 0), (0.25, 6), (0.5, 12), (0.75, 19), (1.0, 25)):
        sources = bit_mirroring.sources(5, regularity)
        in_place = sources == np.arange(25)
        assert sorted(sources) == list(range(25))
        assert in_place.sum() == count
        assert in_place[before].all()
        before = in_place


def test_patterns_of_bit_mirroring_are_solved_by_the_mapping_alone():
    task = build("bit_mirroring", regularity=0.5)
    x, y = task.split("train")
    assert set(x.unique().tolist()) == {-1.0, 1.0}
    assert ((x > 0).float()[:, bit_mirroring.sources(5, 0.5)] == y).all()
    everything = torch.cat([task.split(name)[0] for name in ("train", "validation", "test")])
    assert len(everything.unique(dim=0)) == len(everything) == 1280
    network = torch.zeros(2, 25, 25)
    network[:, torch.arange(25), torch.from_numpy(bit_mirroring.sources(5, 0.5))] = 1.0
    network[1, 7] *= -1
    outputs = torch.sigmoid(x @ network.transpose(1, 2))
    assert bit_mirroring.bits_right(outputs, y).tolist() == [1.0, 0.96]
    assert [task.solved({"bits": share}) for share in (0.96, 1.0)] == [False, True]
