import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from evo import rng, threads
from evo.core import Phenotypes
from evo.tasks.metrics import METRICS, accuracy
from evo.tasks.supervised import SupervisedTask
from evo.tasks.targets import split
from evo.testing import small_task
from evo.vectors.encoding import Parameters
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP


def network(inputs, outputs):
    return MLP(inputs, outputs, hidden=[4])


def data(rows=60, columns=3, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, columns)).astype(np.float32), generator.permutation(np.arange(rows) % classes)


def made(kind="classification", rows=60, **values):
    x, y = data(rows)
    y = {"classification": y, "probability": (y[:, None] > 0) * 1.0, "regression": x[:, :2] * 2}[kind]
    half = rows // 2
    parts = [(x[:half], y[:half]), (x[half : half + 10], y[half : half + 10]), (x[half + 10 :], y[half + 10 :])]
    return SupervisedTask(*parts, kind=kind, network=network, **values)


def population(task, size=6, seed=0):
    encoding = Parameters(task.network)
    return encoding.express(encoding.initial(seed, 0, size))


NO_SEEDS = np.zeros(0, np.int64)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=120), st.integers(0, 100))
def test_parts_are_disjoint_complete_and_stratified(y, seed):
    y = np.array(y)
    parts = split(y, seed=seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(y)))
    for k in np.unique(y):
        for part, share in zip(parts, (0.6, 0.2, 0.2)):
            assert abs((y[part] == k).sum() - share * (y == k).sum()) < 1


def test_parts_are_a_function_of_seed_and_classes_and_not_of_order_of_rows():
    y = np.repeat([0, 1, 2], 50)
    assert all(np.array_equal(a, b) for a, b in zip(split(y), split(y.copy())))
    assert not np.array_equal(split(y)[0], split(y, seed=1)[0])
    train = split(150)[0]
    assert abs(train[: len(train)].mean() - 74.5) < 12  # a part is spread over the table, not its beginning
    assert len(train) == 90


def test_arrays_become_three_standardised_parts_with_their_class_names():
    x, _ = data(100)
    names = np.array(["cat", "dog"])[np.arange(100) % 2]
    task = SupervisedTask.from_arrays(x * 9 + 4, names, network=network)
    assert (task.kind, task.classes, task.outputs) == ("classification", ["cat", "dog"], 2)
    assert [len(task.split(part)[0]) for part in ("train", "validation", "test")] == [60, 20, 20]
    np.testing.assert_allclose(task.split("train")[0].mean(0), 0, atol=1e-5)
    rows = np.sort(np.concatenate([task.split(part)[1] for part in ("train", "validation", "test")]))
    assert np.array_equal(rows, np.repeat([0, 1], 50))


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.arange(50) % 3, "classification"),
        (np.arange(50) % 2 == 0, "classification"),
        (np.linspace(0, 1, 50), "regression"),
        (np.linspace(0, 1, 100).reshape(50, 2), "regression"),
        (np.arange(50) % 2 * 1.0, "classification"),
        (np.arange(50) * 7, "regression"),
        (np.eye(3)[np.arange(50) % 3], "classification"),
        (np.eye(3, dtype=int)[np.arange(50) % 3], "classification"),
        (np.stack([np.arange(50) % 2, np.arange(50) // 25], axis=1), "probability"),
    ],
)
def test_the_kind_is_inferred_from_the_targets(y, kind):
    task = SupervisedTask.from_arrays(data(50)[0], y, network=network)
    assert task.kind == kind
    assert task.metric.name == next(iter(METRICS[kind]))


def test_a_poisoned_test_part_changes_nothing_but_the_test():
    clean, poisoned = made(), made()
    x, y = poisoned._splits["test"]
    poisoned._splits["test"] = (x * 1e3 + 7, (y + 1) % 3)
    networks = population(clean)
    assert np.array_equal(clean.evaluate(networks, NO_SEEDS).fitness, poisoned.evaluate(networks, NO_SEEDS).fitness)
    model = TorchModel(clean.network())
    for part, same in (("train", True), ("validation", True), ("test", False)):
        assert (clean.score(model, part) == poisoned.score(model, part)) == same


def test_standardising_from_arrays_sees_no_test_row():
    x, y = data(100)
    train, validation, test = split(y)
    poisoned = x.copy()
    poisoned[np.concatenate([test, validation])] += 1e4
    tasks = [SupervisedTask.from_arrays(values, y, network=network) for values in (x, poisoned)]
    assert torch.equal(tasks[0].split("train")[0], tasks[1].split("train")[0])
    assert len(train) == len(tasks[0].split("train")[0])


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in METRICS for name in METRICS[kind]])
def test_fitness_is_the_metric_on_the_training_part_signed_so_that_more_is_better(kind, name):
    task = made(kind, fitness=name)
    networks = population(task)
    evaluation = task.evaluate(networks, NO_SEEDS)
    x, y = task.split("train")
    measure, direction = METRICS[kind][name]
    sign = 1 if direction == "max" else -1
    assert np.array_equal(evaluation.fitness, sign * measure(networks.forward(x), y).numpy())
    assert np.array_equal(evaluation.samples, np.full(6, 30))
    for index in (0, 5):
        score = task.score(networks.encoding.model(networks.vectors[index]), "train")
        assert score["fitness"] == pytest.approx(evaluation.fitness[index], abs=1e-5)
        assert score["fitness"] == sign * score[name]
        assert set(score) == {*METRICS[kind], "fitness", "n"}
        assert score["n"] == 30


def test_without_a_choice_fitness_is_minus_the_loss_of_the_kind():
    for kind, name in (("classification", "cross_entropy"), ("probability", "cross_entropy"), ("regression", "squared_error")):
        task = made(kind)
        model = TorchModel(task.network())
        x, y = task.split("validation")
        score = task.score(model, "validation")
        assert score["fitness"] == -score[name]
        assert -score["fitness"] == pytest.approx(float(task.loss(model(x), y)), rel=1e-5)


def test_label_smoothing_mixes_the_target_with_every_class():
    for kind in ("classification", "probability"):
        task = made(kind)
        x, y = task.split("train")
        outputs = TorchModel(task.network())(x)
        if kind == "classification":
            target = torch.eye(3)[y] * 0.8 + 0.2 / 3
            expected = -(target * outputs.log_softmax(-1)).sum(-1).mean()
        else:
            target = y * 0.8 + 0.1
            expected = -(target * outputs.log() + (1 - target) * (1 - outputs).log()).mean()
        torch.testing.assert_close(task.loss(outputs, y, label_smoothing=0.2), expected)


def test_a_users_function_is_the_fitness_and_is_maximised():
    task = made(fitness=lambda outputs, targets: outputs.double().mean((1, 2)) + targets.double().sum())
    networks = population(task)
    x, y = task.split("train")
    expected = networks.forward(x).double().mean((1, 2)) + y.sum()
    np.testing.assert_allclose(task.evaluate(networks, NO_SEEDS).fitness, expected)


@pytest.mark.parametrize("name", ["auc", "macro_f1", "cross_entropy"])
def test_fitness_has_the_same_bits_on_any_number_of_threads(name):
    generator = np.random.default_rng(0)
    train = generator.normal(size=(64, 5)).astype(np.float32), generator.integers(0, 8, 64)
    task = SupervisedTask(train, kind="classification", network=network, fitness=name)
    networks = population(task, 100)
    fitness = []
    for count in (1, 2, 3):
        with threads.limited(count):
            fitness.append(task.evaluate(networks, NO_SEEDS).fitness)
    assert np.array_equal(fitness[0], fitness[1])
    assert np.array_equal(fitness[0], fitness[2])


def test_a_function_that_rounds_by_the_number_of_networks_still_gives_the_same_on_any_number_of_threads():
    task = made(fitness=lambda outputs, targets: torch.full((len(outputs),), float(len(outputs))))
    networks = population(task, 100)
    fitness = []
    for count in (1, 2, 3):
        with threads.limited(count):
            fitness.append(task.evaluate(networks, NO_SEEDS).fitness)
    assert np.array_equal(fitness[0], fitness[1])
    assert np.array_equal(fitness[0], fitness[2])


def test_minibatches_are_drawn_from_the_seeds_alone_one_a_seed():
    task = made(batch_size=7)
    assert task.episodes == 1
    seen = []

    class Watching(Phenotypes):
        parameters, device = 1, torch.device("cpu")
        to = lambda self, device: self

        def __len__(self):
            return 2

        def forward(self, x):
            seen.append(x)
            return torch.zeros(2, len(x), 3)

    x, _ = task.split("train")
    rows = lambda batch: [int((x == row).all(1).nonzero()) for row in batch]
    for seeds in ([5], [5], [6], [5, 6, 7]):
        evaluation = task.evaluate(Watching(), np.array(seeds))
        assert np.array_equal(evaluation.samples, [7 * len(seeds)] * 2)
    first, again, other, three = map(rows, seen)
    assert first == again != other
    assert len(set(first)) == len(first) == 7
    assert three[:14] == first + other
    assert len(three) == 21
    drawn = [rows(seen[-1]) for seed in range(200) if task.evaluate(Watching(), np.array([seed]))]
    counts = np.bincount(np.concatenate(drawn), minlength=30)
    assert counts.min() > 20  # every example has its turn: 46.7 expected


def test_a_minibatchs_targets_are_those_of_its_rows():
    task = made(batch_size=7, fitness="accuracy")
    x, y = task.split("train")

    class Oracle(Phenotypes):
        parameters, device = 1, torch.device("cpu")
        to = lambda self, device: self

        def __len__(self):
            return 2

        def forward(self, batch):
            right = torch.stack([y[(x == row).all(1)] for row in batch]).flatten()
            return torch.stack([torch.eye(3)[right], torch.eye(3)[(right + 1) % 3]])

    assert task.evaluate(Oracle(), np.array([3])).fitness.tolist() == [1.0, 0.0]


def test_a_batch_as_large_as_the_training_part_is_the_training_part():
    for size in (None, 30, 31):
        assert (made(batch_size=size).episodes, made(batch_size=size).batch_size) == (0, None)


def test_a_full_table_is_its_own_validation_has_no_test_and_knows_who_solved_it():
    x, y = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([[0.0], [1], [1], [0]])
    task = SupervisedTask((x, y), kind="probability", network=network, solved=1.0)
    assert task.full_table
    assert task.split("validation") is task.split("train")
    model = TorchModel(task.network())
    assert task.split("test") is task.score(model, "test") is None
    assert task.score(model, "validation") == task.score(model, "train")
    answers = torch.tensor([[0.1, 0.9, 0.6, 0.4], [0.1, 0.9, 0.6, 0.6], [float("nan")] * 4])[..., None]

    class Answers(Phenotypes):
        parameters, device = 1, torch.device("cpu")
        __len__ = lambda self: 3
        forward = lambda self, x: answers
        to = lambda self, device: self

    evaluation = task.evaluate(Answers(), NO_SEEDS)
    assert evaluation.solved.tolist() == [True, False, False]
    assert evaluation.nonfinite == 1
    assert evaluation.fitness[2] == -np.inf
    assert made(solved=0.5).evaluate(population(made()), NO_SEEDS).solved is None


@pytest.mark.parametrize(
    ("metric", "value", "solved"), [("accuracy", 0.9, [False, True, True]), ("cross_entropy", 0.9, [True, True, False])]
)
def test_solved_is_the_metric_reaching_its_value_from_the_right_side(metric, value, solved):
    task = made(metric=metric, solved=value)
    assert [task.solved({metric: at}) for at in (0.8, 0.9, 1.0)] == solved
    assert task.solved({metric: float("nan")}) is False
    assert made(metric=metric).solved({metric: 1.0}) is None
    assert task.metric.direction == METRICS["classification"][metric][1]


def test_a_probability_network_ends_in_a_sigmoid_and_pictures_reach_it_with_their_shape():
    shapes = []

    def recording(inputs, outputs):
        shapes.append(inputs)
        return MLP(inputs, outputs, hidden=[])

    x, y = np.random.default_rng(0).normal(size=(5, 1, 2, 3)), np.ones((5, 1))
    task = SupervisedTask((x, y), kind="probability", network=recording, shape=(1, 2, 3))
    assert isinstance(task.network()[-1], nn.Sigmoid)
    assert shapes == [(1, 2, 3)]
    assert task.split("train")[0].shape == (5, 6)
    assert isinstance(made().network(), MLP)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(kind="clasification"), "kind: .*did you mean 'classification'"),
        (dict(fitness="acuracy"), "fitness: unknown metric 'acuracy' .did you mean 'accuracy'"),
        (dict(metric="r2"), "metric: unknown metric 'r2'"),
        (dict(batch_size=0), "batch_size: expected a whole number >= 1"),
        (dict(shape=(1, 2, 2)), r"shape: \(1, 2, 2\) has 4 numbers; x has 3 columns"),
        (dict(classes=["a", "b"]), "classes: expected 3 names; got 2"),
        (dict(train=(np.zeros((4, 3)), np.zeros(5, int))), "train: expected as many rows in x as in y.* 4 and 5"),
        (dict(train=(np.zeros((0, 3)), np.zeros(0, int))), "train: .*at least one"),
        (dict(train=(np.zeros(4), np.zeros(4, int))), r"train: expected x of shape \(B, I\)"),
        (dict(train=(np.full((4, 3), np.nan), np.arange(4) % 3)), "train: .*got nan at row 0, column 0; 4 rows hold NaN"),
        (dict(train=(np.zeros((4, 3)), np.zeros(4))), r"train: classification needs y of shape \(B,\), whole numbers"),
        (dict(train=(np.zeros((4, 3)), np.array([0, 1, -1, 2]))), "whole numbers from 0"),
        (dict(train=(np.zeros((4, 3)), np.zeros((4, 1), int))), r"whole numbers from 0; got torch.int64 \(4, 1\)"),
        (dict(train=(np.zeros((4, 3)), np.zeros(4, int)), validation=None), "at least two classes"),
        (dict(validation=(np.zeros((4, 2)), np.arange(4) % 3)), "validation: expected 3 inputs, as in train; got 2"),
        (dict(kind="regression", train=(np.zeros((4, 3)), np.full(4, np.inf))), "train: y must be finite"),
        (dict(kind="probability", train=(np.zeros((4, 3)), np.full(4, 2.0))), r"train: y must be finite, and within \[0, 1\]"),
        (dict(kind="regression", train=(np.zeros((4, 3)), np.zeros((4, 2)))), "validation: expected 2 outputs, .* got 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_arguments_is_named(change, message):
    x, y = data(30)
    arguments = dict(train=(x, y), validation=(x, y), kind="classification", network=network) | change
    with pytest.raises(ValueError, match=message):
        SupervisedTask(**arguments)


def test_from_arrays_names_wrong_shapes():
    for x, y in ((np.zeros(3), np.zeros(3)), (np.zeros((3, 2)), np.zeros(4)), (np.zeros((9, 3, 2)), np.zeros(9))):
        with pytest.raises(ValueError, match=r"expected x of shape \(B, I\) and y with B rows"):
            SupervisedTask.from_arrays(x, y)


def test_a_missing_number_in_an_array_is_named_by_row_and_column():
    x, y = data(60)
    x[[7, 7, 9], [1, 2, 0]] = np.nan
    with pytest.raises(ValueError, match="got nan at row 7, column 1; 2 rows of 60 hold one"):
        SupervisedTask.from_arrays(x, y)


def test_numbers_far_from_0_keep_their_values_as_inputs_and_as_targets():
    days = 1.7e9 + 60 * np.arange(400)  # unix seconds: 5 different float32
    task = SupervisedTask.from_arrays(days[:, None], days)
    for side in (0, 1):
        values = torch.cat([task.split(name)[side] for name in ("train", "validation", "test")])
        assert len(values.unique()) == 400
    np.testing.assert_allclose(task.split("train")[0].std(0, correction=0), 1, rtol=1e-5)


def test_numbers_are_learned_standardised_and_reported_in_their_own_units():
    x, _ = data(100)
    prices = 5000 + 300 * x[:, 0].astype(np.float64)
    task = SupervisedTask.from_arrays(x, prices)
    train, _, test = split(100)
    np.testing.assert_allclose(task.split("train")[1].mean(), 0, atol=1e-5)
    model = TorchModel(task.network())
    said = prices[train].mean() + prices[train].std() * model(task.split("test")[0]).numpy()[:, 0].astype(np.float64)
    score = task.score(model, "test")
    error = said - prices[test]
    assert score["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
    assert score["absolute_error"] == pytest.approx(np.abs(error).mean(), rel=1e-6)
    assert score["fitness"] == pytest.approx(-(error**2).mean() / prices[train].var(), rel=1e-5)
    rows = task.predictions(model, *task.split("test"))
    np.testing.assert_allclose([row["truth"][0] for row in rows], prices[test], rtol=1e-6)
    np.testing.assert_allclose([row["outputs"][0] for row in rows], said, rtol=1e-6)


def test_class_weights_weigh_every_class_alike_in_fitness_and_loss():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 3)).astype(np.float32), (np.arange(60) % 20 == 0).astype(np.int64)
    task = SupervisedTask((x, y), kind="classification", class_weights=True)
    model = TorchModel(task.network())
    losses = -model(x).log_softmax(-1)[torch.arange(60), y]
    expected = float((losses[y == 0].mean() + losses[y == 1].mean()) / 2)
    score = task.score(model, "train")
    assert score["fitness"] == pytest.approx(-expected, rel=1e-5)
    assert score["cross_entropy"] == pytest.approx(float(losses.mean()), rel=1e-5)
    assert float(task.loss(model(x), torch.from_numpy(y))) == pytest.approx(expected, rel=1e-5)


def test_the_champion_may_be_chosen_by_the_reported_metric():
    for metric, sign in (("macro_f1", 1), ("cross_entropy", -1)):
        task = made(metric=metric, fitness="accuracy", select="metric")
        score = task.score(TorchModel(task.network()), "validation")
        assert score["fitness"] == sign * score[metric]
    with pytest.raises(ValueError, match="select: expected fitness or metric"):
        made(select="metrics")


def test_a_network_need_not_be_given():
    assert isinstance(SupervisedTask.from_arrays(*data()).network(), MLP)


def test_many_training_rows_are_scored_on_a_minibatch_unless_that_is_set():
    x, y = data(40_000, columns=1)
    assert SupervisedTask.from_arrays(x, y).batch_size == 2000
    assert SupervisedTask.from_arrays(x, y, batch_size=None).batch_size is None
    assert SupervisedTask.from_arrays(x[:9000], y[:9000]).batch_size is None


def test_networks_and_models_with_another_number_of_outputs_are_named():
    task = made()

    class Wrong(Phenotypes):
        parameters, device = 1, torch.device("cpu")
        __len__ = lambda self: 2
        forward = lambda self, x: torch.zeros(2, len(x), 5)
        to = lambda self, device: self

    with pytest.raises(ValueError, match=r"expected outputs of shape \(P, B, O\) = \(2, 30, 3\); got \(2, 30, 5\)"):
        task.evaluate(Wrong(), NO_SEEDS)
    with pytest.raises(TypeError, match=r"expected networks that inherit evo.Phenotypes; got Old"):
        task.evaluate(type("Old", (), dict(vars(Wrong)))(), NO_SEEDS)
    for rows in (0, 1, 3):
        Wrong.forward = lambda self, x, rows=rows: torch.zeros(rows, len(x), 3)
        with pytest.raises(ValueError, match=rf"expected outputs \(P, B, O\) of 2 networks; got \({rows}, 30, 3\)"):
            task.evaluate(Wrong(), NO_SEEDS)
    with pytest.raises(ValueError, match=r"expected outputs of shape \(B, O\) = \(10, 3\); got \(10, 5\)"):
        task.score(lambda x: np.zeros((len(x), 5)), "validation")


def test_a_model_is_anything_that_is_callable_with_rows():
    task = made()
    _, y = task.split("validation")
    score = task.score(lambda x: np.eye(3)[y.numpy()] * 50, "validation")
    assert score["accuracy"] == score["macro_f1"] == score["auc"] == 1
    assert score["cross_entropy"] < 1e-6
    assert score["n"] == 10
    assert all(type(value) in (float, int) for value in score.values())


def test_building_a_task_draws_from_no_global_generator():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    SupervisedTask.from_arrays(*data(50), network=network, batch_size=5)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("inputs", "outputs", "kind", "labels"),
    [
        (2, 2, "classification", ["input 0", "input 1"]),
        (2, 1, "probability", ["input 0", "input 1"]),
        (2, 2, "probability", ["target", "output"]),
        (2, 1, "regression", ["target", "output"]),
        (2, 9, "classification", ["predicted", "true"]),
        (3, 3, "classification", ["predicted", "true"]),
        (3, 2, "regression", ["target", "output"]),
    ],
)
def test_every_kind_has_a_figure(inputs, outputs, kind, labels):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(18, inputs))
    y = np.arange(18) % outputs if kind == "classification" else generator.integers(0, 2, (18, outputs)) * 1.0
    task = SupervisedTask((x, y), kind=kind, network=network)
    axes = task.figure(TorchModel(task.network())).axes[0]
    assert [axes.get_xlabel(), axes.get_ylabel()] == labels


def test_accuracy_itself_can_be_evolved():
    task = small_task()
    task = SupervisedTask(
        *(task.split(name) for name in ("train", "validation", "test")),
        kind="classification",
        network=network,
        fitness=accuracy,
    )
    networks = population(task, 8)
    assert set(np.round(task.evaluate(networks, NO_SEEDS).fitness * 40 % 1, 9)) == {0.0}
    assert rng.words(0, 0, 0, rng.EPISODES, task.episodes).size == 0
