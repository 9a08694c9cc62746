import io
import math

import numpy as np
import pytest
import torch
from torch import nn

from baselines.backprop import OPTIMIZERS, Backprop
from baselines.descent import SCHEDULERS
from evo import NEAT, ModernNEAT, rng, threads
from evo.activations import NODE_ACTIVATIONS
from evo.genomes.genome import BIAS, OUTPUT
from evo.network.model import NetworkModel
from evo.settings import SettingsError
from evo.tasks.supervised import SupervisedTask
from evo.vectors.models import TorchModel
from evo.vectors.modules import CNN, MLP

SCHEDULES = {
    "ConstantLR": {"factor": 0.5, "total_iters": 2},
    "CosineAnnealingLR": {"T_max": 4},
    "CosineAnnealingWarmRestarts": {"T_0": 2},
    "CyclicLR": {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 2},
    "ExponentialLR": {"gamma": 0.7},
    "InverseTimeLR": {"decay": 0.5},
    "LinearLR": {"total_iters": 3},
    "MultiStepLR": {"milestones": [1, 3]},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 4},
    "PolynomialLR": {"total_iters": 4},
    "ReduceLROnPlateau": {"patience": 0, "factor": 0.3},
    "StepLR": {"step_size": 2},
}
DENSE_ON_VECTORS = [name for name in OPTIMIZERS if name not in ("SparseAdam", "Muon")]


def network(inputs, outputs):
    return MLP(inputs, outputs, hidden=(7,), activation="tanh")


def examples(rows, seed):
    x = rng.uniforms(seed, 0, 0, rng.SPLIT, rows * 4).reshape(rows, 4).astype(np.float32) * 2 - 1
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 0.5)


def classes(**rest):
    rest = {"kind": "classification", "network": network, **rest}
    return SupervisedTask(examples(50, 1), examples(20, 2), examples(20, 3), **rest)


def numbers(**rest):
    parts = [(x, np.stack([x[:, 0] * x[:, 1], x[:, 2]], axis=1)) for x, _ in (examples(40, 1), examples(20, 2))]
    return SupervisedTask(*parts, kind="regression", network=network, **rest)


PLAIN = {"optimizer": "Adam", "learning_rate": 0.001, "batch_size": 32, "patience": 50, "l2": 0.0}  # not what was tuned


def learner(task=None, seed=3, **values):
    return Backprop(task or classes(), Backprop.settings(**{**PLAIN, **values}), seed, "cpu")


def untrained(task, seed=3):
    with rng.torch_seed(seed, 0, 0, rng.NETWORK):
        return task.network()


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize(
    ("optimizer", "rate", "options"),
    [("Adam", 0.01, {}), ("SGD", 0.1, {"momentum": 0.9, "nesterov": True}), ("AdamW", 0.01, {"weight_decay": 0.1})],
)
@pytest.mark.parametrize("batch_size", [8, None])
@pytest.mark.parametrize("make", [classes, numbers])
def test_weights_and_losses_equal_a_plain_torch_loop(optimizer, rate, options, batch_size, make):
    task = make()
    ours = learner(task, optimizer=optimizer, learning_rate=rate, optimizer_options=options, batch_size=batch_size)
    x, y = task.split("train")
    module = untrained(task)
    plain = getattr(torch.optim, optimizer)(module.parameters(), lr=rate, **options)
    criterion = nn.CrossEntropyLoss() if task.kind == "classification" else nn.MSELoss()
    with threads.limited(1):
        for epoch in range(3):
            total = 0.0
            order = torch.from_numpy(rng.permutation(3, epoch, 0, rng.DATA_ORDER, len(x)))
            for batch in order.split(batch_size or len(x)):
                loss = criterion(module(x[batch]), y[batch])
                plain.zero_grad()
                loss.backward()
                plain.step()
                total += loss.item() * len(batch)
            assert ours.step()["loss"] == total / len(x)
    assert same(ours.module, module)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_learning_rates_equal_those_of_torchs_own_schedule(name):
    ours = learner(optimizer="SGD", learning_rate=0.05, scheduler=name, scheduler_options=SCHEDULES[name])
    plain = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.05)
    schedule = SCHEDULERS[name](plain, **SCHEDULES[name])
    for epoch in range(6):
        rate = plain.param_groups[0]["lr"]
        row = ours.step()
        assert row["learning_rate"] == rate
        plain.step()
        if name == "ReduceLROnPlateau":
            schedule.step(-row["validation"]["fitness"])
        elif name != "OneCycleLR" or epoch < 3:  # after its last step the rate stays
            schedule.step()


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_schedule_drops_the_rate_only_when_validation_fitness_stops_rising(mode):
    options = {"mode": mode, "patience": 0, "factor": 0.5, "eps": 0.0, "threshold": 1e-3, "threshold_mode": "abs"}
    values = {"optimizer": "SGD", "batch_size": None, "scheduler": "ReduceLROnPlateau", "scheduler_options": options}
    rising, flat = learner(learning_rate=0.3, **values), learner(learning_rate=1e-6, **values)
    assert [rising.step()["learning_rate"] for _ in range(4)] == [0.3] * 4
    assert [flat.step()["learning_rate"] for _ in range(4)] == [1e-6, 1e-6, 5e-7, 2.5e-7]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
def test_label_smoothing_equals_its_formula(smoothing):
    task = classes()
    x, y = task.split("train")
    logs = untrained(task)(x).log_softmax(1)
    formula = -(1 - smoothing) * logs[range(len(x)), y].mean() - smoothing * logs.mean()
    row = learner(task, batch_size=None, label_smoothing=smoothing).step()
    assert row["loss"] == pytest.approx(formula.item(), rel=1e-6)


def test_dropout_masks_follow_from_seed_and_epoch_and_spare_the_first_layer_and_validation():
    task = classes()
    x, y = task.split("train")
    ours = learner(task, batch_size=None, dropout=0.5, optimizer="SGD", learning_rate=0.1)
    module = untrained(task)
    order = torch.from_numpy(rng.permutation(3, 0, 0, rng.DATA_ORDER, len(x)))
    with rng.torch_seed(3, 0, 0, rng.DROPOUT):
        hidden = nn.functional.dropout(module.layers[1](module.layers[0](x[order])), 0.5)
        loss = nn.functional.cross_entropy(module.layers[2](hidden), y[order])
    row = ours.step()
    assert row["loss"] == loss.item()
    assert row["validation"] == task.score(ours.champion(), "validation")
    assert ours.step()["loss"] != ours.step()["loss"]


def test_penalties_add_their_gradients_to_weights_and_not_to_biases():
    task, rate = classes(), 0.1
    x, y = task.split("train")
    ours = learner(task, optimizer="SGD", learning_rate=rate, batch_size=None, l1=0.03, l2=0.02)
    module = untrained(task)
    nn.functional.cross_entropy(module(x), y).backward()
    ours.step()
    for trained, before in zip(ours.module.parameters(), module.parameters(), strict=True):
        gradient = before.grad
        if before.ndim == 2:
            gradient = gradient + 0.03 * before.sign() + 2 * 0.02 * before
        torch.testing.assert_close(trained, before - rate * gradient, rtol=1e-5, atol=1e-7)


def test_max_norm_scales_back_the_units_beyond_it_and_no_others():
    task, limit = classes(), 0.6
    ours = learner(task, optimizer="SGD", learning_rate=0.5, batch_size=None, max_norm=limit)
    free = learner(task, optimizer="SGD", learning_rate=0.5, batch_size=None)
    ours.step(), free.step()
    beyond = 0
    for bounded, unbounded in zip(ours.module.parameters(), free.module.parameters(), strict=True):
        if bounded.ndim == 1:
            assert torch.equal(bounded, unbounded)
            continue
        norms = unbounded.norm(dim=1, keepdim=True)
        torch.testing.assert_close(bounded, unbounded * (limit / norms).clamp(max=1))
        beyond += int((norms > limit).sum())
    assert 0 < beyond < 10


def test_gradient_clip_bounds_the_global_norm_of_an_update():
    task = classes()
    before = untrained(task)
    clipped = learner(task, optimizer="SGD", learning_rate=1.0, batch_size=None, gradient_clip=0.01)
    clipped.step()
    moved = [a - b for a, b in zip(clipped.module.parameters(), before.parameters(), strict=True)]
    assert torch.cat([m.flatten() for m in moved]).norm().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("optimizer", "scheduler"),
    [(name, None) for name in DENSE_ON_VECTORS] + [("SGD", name) for name in SCHEDULERS] + [("Adam", "OneCycleLR")],
)
def test_resumed_run_equals_uninterrupted_run(optimizer, scheduler):
    values = {"optimizer": optimizer, "learning_rate": 0.01, "dropout": 0.2, "batch_size": 16, "patience": 3}
    if scheduler:
        values |= {"scheduler": scheduler, "scheduler_options": SCHEDULES[scheduler]}
    whole, first = learner(**values), learner(**values)
    for _ in range(2):
        whole.step(), first.step()
    state = first.state_dict()
    first.step()  # what happens after the state was taken must not reach into it
    second = learner(**values)
    second.load_state_dict(through_a_file(state))
    for _ in range(3):
        assert whole.step() == second.step()
    assert same(whole.module, second.module)
    assert same(whole.champion().module, second.champion().module)
    a, b = whole.state_dict(), second.state_dict()
    a["cost"].pop("seconds"), b["cost"].pop("seconds")
    assert str(a) == str(b)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_trains_or_says_at_construction_why_it_cannot(name):
    if name not in DENSE_ON_VECTORS:
        with pytest.raises(SettingsError, match=f"optimizer {name} cannot train this network: .*(dense gradients|2D)"):
            learner(optimizer=name)
        return
    rates = {"SGD": 0.5, "ASGD": 0.5, "Adadelta": 1.0, "RAdam": 0.1}
    # LBFGS takes the function to be the same at every step.
    ours = learner(optimizer=name, learning_rate=rates.get(name, 0.02), batch_size=None if name == "LBFGS" else 8)
    losses = [ours.step()["loss"] for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]


def test_muon_trains_a_network_without_vectors():
    task = classes(network=lambda inputs, outputs: nn.Linear(inputs, outputs, bias=False))
    ours = learner(task, optimizer="Muon", learning_rate=0.02)
    losses = [ours.step()["loss"] for _ in range(10)]
    assert losses[-1] < losses[0]


def test_scrambled_test_labels_change_nothing_in_training():
    x, y = examples(20, 3)
    poisoned = SupervisedTask(examples(50, 1), examples(20, 2), (x[::-1].copy(), 2 - y), kind="classification", network=network)
    clean = classes()
    a, b = learner(clean, dropout=0.1), learner(poisoned, dropout=0.1)
    assert [a.step() for _ in range(4)] == [b.step() for _ in range(4)]
    assert same(a.champion().module, b.champion().module)
    assert clean.score(a.champion(), "test") != poisoned.score(b.champion(), "test")


def test_early_stopping_waits_patience_epochs_after_the_best_one():
    values = {"optimizer": "SGD", "learning_rate": 30.0, "patience": 4, "batch_size": None}
    ours = learner(**values)
    rows = []
    while ours.finished is None and len(rows) < 200:
        rows.append(ours.step()["validation"]["fitness"])
    assert ours.finished == "early_stopping"
    assert len(rows) == int(np.argmax(rows)) + 1 + 4
    assert ours.task.score(ours.champion(), "validation")["fitness"] == max(rows)

    tireless = learner(classes(stop="budget"), **values)
    for _ in range(len(rows) + 5):
        tireless.step()
    assert tireless.finished is None


def test_divergence_is_counted_and_ends_the_run_with_the_last_good_champion():
    ours = learner(numbers(), optimizer="SGD", learning_rate=1e4, batch_size=None)
    rows = []
    while ours.finished is None and len(rows) < 100:
        rows.append(ours.step())
    assert ours.finished == "diverged"
    assert rows[-1]["nonfinite"] + rows[-2]["nonfinite"] >= 1
    assert rows[0]["nonfinite"] == 0
    assert math.isfinite(ours.task.score(ours.champion(), "validation")["fitness"])


def test_an_epoch_costs_one_evaluation_and_every_closure_of_lbfgs_is_paid():
    ours = learner(batch_size=8)
    ours.step(), ours.step()
    size = 4 * 7 + 7 + 7 * 3 + 3
    assert (ours.cost.evaluations, ours.cost.samples, ours.cost.compute) == (2, 100, 3 * 100 * size)
    assert ours.cost.seconds > 0

    greedy = learner(optimizer="LBFGS", learning_rate=1.0, batch_size=None, optimizer_options={"max_iter": 5, "max_eval": 5})
    calls, loss = [], greedy.task.loss
    greedy.task.loss = lambda *args, **rest: calls.append(1) or loss(*args, **rest)
    greedy.step()
    assert greedy.cost.evaluations == len(calls) > 1
    assert greedy.cost.samples == 50 * len(calls)


def test_mistakes_in_settings_are_named_together_with_the_closest_match():
    with pytest.raises(SettingsError) as caught:
        Backprop.settings(optimizer="Adamm", dropout=1.0, scheduler="CosineAnealingLR")
    text = str(caught.value)
    assert "did you mean 'Adam'" in text
    assert "dropout: expected a number" in text
    assert "did you mean 'CosineAnnealingLR'" in text
    with pytest.raises(
        SettingsError, match=r"optimizer_options\.momentun: not an argument of SGD \(did you mean 'momentum'\?\)"
    ):
        Backprop.settings(optimizer="SGD", optimizer_options={"momentun": 0.9})
    with pytest.raises(SettingsError, match=r"optimizer_options\.lr: not an argument"):
        Backprop.settings(optimizer_options={"lr": 0.1})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optimizer": "Adam", "optimizer_options": {"betas": [2.0, 0.9]}}, "Invalid beta"),
        ({"optimizer": "SGD", "optimizer_options": {"momentum": "much"}}, "torch refuses"),
        ({"scheduler": "CosineAnnealingLR"}, "T_max"),
        ({"scheduler_options": {"gamma": 0.5}}, "without a scheduler"),
        ({"scheduler": "ExponentialLR", "scheduler_options": {"gama": 0.5}}, "did you mean 'gamma'"),
    ],
)
def test_options_that_torch_refuses_are_found_before_anything_starts(values, said):
    with pytest.raises(SettingsError, match=said):
        Backprop.settings(**values)


def test_settings_that_can_do_nothing_on_this_task_are_refused():
    flat = classes(network=lambda inputs, outputs: MLP(inputs, outputs, hidden=()))
    with pytest.raises(SettingsError, match="dropout: expected 0"):
        learner(flat, dropout=0.5)
    with pytest.raises(SettingsError, match="label_smoothing: expected 0 for regression"):
        learner(numbers(), label_smoothing=0.1)


def test_training_leaves_the_callers_random_state_and_threads_alone():
    before, count = torch.random.get_rng_state(), torch.get_num_threads()
    learner(dropout=0.3).step()
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == count


def test_the_callers_random_state_and_threads_never_change_a_bit():
    a, task, seen = learner(dropout=0.3), classes(), []
    a.step()
    loss = task.loss
    task.loss = lambda *args, **rest: seen.append(torch.get_num_threads()) or loss(*args, **rest)
    torch.manual_seed(99)
    torch.set_num_threads(2)
    try:
        b = learner(task, dropout=0.3)
        b.step()
    finally:
        torch.set_num_threads(1)
    assert same(a.module, b.module)
    assert set(seen) == {1}


def test_saved_champion_is_restored_with_its_buffers_and_without_dropout():
    def normalised(inputs, outputs):
        return nn.Sequential(nn.Linear(inputs, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, outputs))

    task = classes(network=normalised)
    ours = learner(task, dropout=0.4, batch_size=10)
    for _ in range(3):
        ours.step()
    champion = ours.champion()
    again = Backprop.restore(task, ours.options, 3, *champion.save())
    x, _ = task.split("test")
    assert torch.equal(champion(x), again(x))
    assert not torch.equal(again.module[1].running_mean, torch.zeros(6))
    with pytest.raises(ValueError, match="do not fit"):
        Backprop.restore(classes(), ours.options, 3, *champion.save())


def test_champion_is_the_best_epoch_on_validation():
    ours = learner(optimizer="SGD", learning_rate=3.0, patience=None)
    with pytest.raises(RuntimeError, match="before the first step"):
        ours.champion()
    for _ in range(8):
        ours.step()
        assert ours.task.score(ours.champion(), "validation") == ours.best.score


def test_pictures_are_learned_by_a_convolutional_network():
    x = torch.zeros(40, 1, 6, 6)
    y = torch.arange(40) % 2
    x[y == 1, :, 2:4, 2:4] = 1.0
    task = SupervisedTask(
        (x, y), kind="classification", shape=(1, 6, 6), network=lambda i, o: CNN(i, o, channels=(4,), hidden=(8,))
    )
    ours = learner(task, learning_rate=0.02, dropout=0.1)
    for _ in range(8):
        row = ours.step()
    assert row["validation"]["accuracy"] == 1.0


def test_a_task_without_examples_does_not_fit():
    class Pole:
        inputs, outputs, episodes = 4, 2, 3

        def network(self):
            return nn.Linear(4, 2)

    assert "needs examples and a loss to differentiate" in Backprop.unsupported_reason(Pole())
    assert Backprop.unsupported_reason(classes()) is None


@pytest.mark.cuda
def test_a_run_on_cuda_learns_and_its_champion_answers_on_the_host():
    ours = Backprop(classes(), Backprop.settings(learning_rate=0.02), 3, "cuda")
    losses = [ours.step()["loss"] for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]
    resumed = Backprop(classes(), Backprop.settings(learning_rate=0.02), 3, "cuda")
    resumed.load_state_dict(through_a_file(ours.state_dict()))
    assert resumed.step()["loss"] == pytest.approx(ours.step()["loss"], rel=1e-4)
    assert ours.champion()(examples(20, 2)[0]).device.type == "cpu"


def test_a_warm_start_makes_the_models_weights_the_initial_network():
    task = classes()
    donor = learner(task, seed=9)
    donor.step()
    model = donor.champion()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    warm, cold = learner(task, learning_rate=1e-12), learner(task, learning_rate=1e-12)
    warm.warm_start(model)
    warm.step(), cold.step()
    for name, value in warm.champion().module.state_dict().items():
        torch.testing.assert_close(value, before[name])
        assert torch.equal(model.module.state_dict()[name], before[name])
    torch.testing.assert_close(warm.champion()(task.split("test")[0]), model(task.split("test")[0]))
    assert not torch.equal(warm.champion()(task.split("test")[0]), cold.champion()(task.split("test")[0]))


def test_a_warm_started_network_learns_on():
    task = classes()
    donor = learner(task, learning_rate=0.01)
    for _ in range(20):
        donor.step()
    warm, cold = learner(task, seed=4, learning_rate=0.01), learner(task, seed=4, learning_rate=0.01)
    warm.warm_start(donor.champion())
    assert warm.step()["loss"] < cold.step()["loss"]


def test_a_warm_start_refuses_what_does_not_fit_and_comes_first():
    one = learner()
    with pytest.raises(ValueError, match="expected a torch module, or a model of one; got object"):
        one.warm_start(object())
    with pytest.raises(ValueError, match="do not fit the network of the task"):
        one.warm_start(TorchModel(MLP(4, 3, hidden=(8,))))
    one.step()
    with pytest.raises(RuntimeError, match="before the first step"):
        one.warm_start(one.champion())


@pytest.mark.parametrize(
    ("rows", "batch_size", "sizes"), [(33, 16, [16, 17]), (32, 16, [16, 16]), (3, 1, [1, 1, 1]), (17, None, [17])]
)
def test_a_last_minibatch_of_one_example_is_joined_to_the_one_before_for_batch_normalisation(rows, batch_size, sizes):
    seen = []

    class Seen(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x

    def normalised(inputs, outputs):
        return nn.Sequential(Seen(), *([nn.BatchNorm1d(inputs)] if batch_size != 1 else []), nn.Linear(inputs, outputs))

    task = SupervisedTask(examples(rows, 1), examples(20, 2), kind="classification", network=normalised)
    made = learner(task, batch_size=batch_size)
    assert seen[-1] == sizes[-1]  # the trial step
    seen.clear()
    made.step()
    assert seen[: len(sizes)] == sizes
    assert made.cost.samples == rows


# --- networks of genes --------------------------------------------------------------------------------------------------


def evolved(generations=8, seed=0, method=NEAT, **values):
    """The network of a genome with hidden nodes and disabled connections."""
    grow = {NEAT: {"add_node": 0.6, "add_link": 0.6, "output_activation": "identity"}, ModernNEAT: {"node_add_prob": 0.6}}
    neat = method(4, 2, seed=seed, population_size=20, **grow[method], **values)
    for _ in range(generations):
        neat.tell(np.diff(neat.ask().nodes_at).astype(float))
    return neat.model(neat.best)


def by_hand(genome, weight, bias, x):
    """Outputs (B, O) float64 of one genome, differentiable in weight (C,) and bias (N,), node by node from the outputs back."""
    nodes, place = genome.one(0).nodes, {int(node): k for k, node in enumerate(genome.node_id)}
    values = dict(enumerate(x.double().unbind(1)))

    def value(node):
        if node.id not in values:
            total = torch.zeros(len(x), dtype=torch.float64)
            for c in np.flatnonzero(genome.enabled & (genome.target == node.id)):
                total = total + weight[c] * value(nodes[place[int(genome.source[c])]])
            act = list(NODE_ACTIVATIONS.values())[node.activation]
            values[node.id] = torch.ones_like(total) if node.kind == BIAS else act(bias[place[node.id]] + node.response * total)
        return values[node.id]

    return torch.stack([value(node) for node in nodes if node.kind == OUTPUT], 1)


@pytest.mark.parametrize("method", [NEAT, ModernNEAT])
def test_an_evolved_topology_is_trained_as_autograd_says_and_stays_what_it_is(method):
    task, model = numbers(), evolved(method=method)
    genome, (x, y) = model.genome, task.split("train")
    ours = learner(task, optimizer="SGD", learning_rate=0.05, batch_size=None, l2=0.01)
    ours.warm_start(model)
    weight, bias = (torch.tensor(each, requires_grad=True) for each in (genome.weight, genome.bias))
    enabled = torch.from_numpy(genome.enabled.copy())
    for _ in range(3):
        reached = torch.autograd.grad((by_hand(genome, weight, bias, x) - y).square().mean(), (weight, bias), allow_unused=True)
        used = reached[0] != 0
        with torch.no_grad():
            weight -= 0.05 * (reached[0] + 0.02 * weight * used)
            bias -= 0.05 * reached[1] * (method is ModernNEAT)
        ours.step()
    trained = ours._as_model(ours.module).genome
    np.testing.assert_allclose(trained.weight, weight.detach(), atol=2e-6)
    np.testing.assert_allclose(trained.bias, bias.detach(), atol=2e-6)
    assert not np.allclose(trained.weight[enabled], genome.weight[enabled], atol=1e-3)
    for name in ("node_id", "innovation", "source", "target", "enabled", "activation"):
        assert (getattr(trained, name) == getattr(genome, name)).all()
    assert ours.cost.compute == 3 * 3 * len(x) * model.parameters


def test_a_trained_topology_is_saved_resumed_and_restored():
    task = numbers()
    ours, twin, other = (learner(task, batch_size=8, learning_rate=0.02) for _ in range(3))
    for each in (ours, twin):
        each.warm_start(evolved())
        each.step()
    other.load_state_dict(through_a_file(twin.state_dict()))
    assert [ours.step()["loss"] for _ in range(3)] == [other.step()["loss"] for _ in range(3)]
    restored = Backprop.restore(task, ours.options, 3, *ours.champion().save())
    assert torch.equal(restored(task.split("train")[0]), other.champion()(task.split("train")[0]))
    assert ours.best.score == pytest.approx(task.score(restored, "validation"))


def test_a_network_of_genes_that_cannot_be_trained_so_is_refused():
    task = numbers()
    with pytest.raises(ValueError, match="has 2 inputs and 1 outputs, the task 4 and 2"):
        learner(task).warm_start(NetworkModel(NEAT(2, 1, population_size=1).ask()))
    for values, model in (
        ({"dropout": 0.1}, evolved()),
        ({"max_norm": 1.0}, evolved()),
        ({}, evolved(recurrent=True)),
    ):
        with pytest.raises(ValueError, match="trained without dropout and max_norm, and not if it is recurrent"):
            learner(task, **values).warm_start(model)
    with pytest.raises(
        ValueError, match=r"frozen: \['weight', 'b\*'\] are all parameters: nothing would be searched or trained"
    ):
        learner(task).warm_start(evolved(), frozen=["weight", "b*"])
    frozen, donor = learner(task), evolved(method=ModernNEAT)
    frozen.warm_start(donor, frozen=["weight"])
    frozen.step()
    np.testing.assert_allclose(frozen.champion().genome.weight, donor.genome.weight, rtol=1e-6)
    assert not np.allclose(frozen.champion().genome.bias, donor.genome.bias, rtol=1e-4)
