"""The methods backstitch and sam: `backprop`'s training, by other optimisers, with every gradient paid for."""

import pytest
import torch
from test_backprop import PLAIN, classes, same, through_a_file, untrained
from torch import nn

import evo
from baselines.backprop import Backprop
from baselines.backstitch import BackstitchDescent
from baselines.sam import SAMDescent
from evo import rng, threads
from evo.settings import SettingsError
from evo.vectors.modules import MLP

COMMON = {name: value for name, value in PLAIN.items() if name != "optimizer"} | {"learning_rate": 0.1, "batch_size": 8}
METHODS = {"backstitch": BackstitchDescent, "sam": SAMDescent}
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def learner(method, task=None, seed=3, **values):
    return method(task or classes(), method.settings(**{**COMMON, **values}), seed, "cpu")


def by_hand(name, parameters, gradient_at, lr=0.1):
    """One step of each paper's formula on float32 parameters."""
    first = gradient_at()
    with torch.no_grad():
        if name == "backstitch":
            for p, g in zip(parameters, first):
                p += 0.3 * lr * g
        else:
            before, norm = [p.clone() for p in parameters], torch.cat([g.flatten() for g in first]).norm()
            for p, g in zip(parameters, first):
                p += 0.05 * g / norm
    second = gradient_at()
    with torch.no_grad():
        for k, (p, g) in enumerate(zip(parameters, second)):
            if name == "backstitch":
                p -= 1.3 * lr * g
            else:
                p.copy_(before[k] - lr * g)


@pytest.mark.parametrize("name", METHODS)
def test_an_epoch_is_the_papers_formula_over_the_minibatches_of_backprop(name):
    task = classes()
    ours = learner(METHODS[name], task, l2=0.0, **({"momentum": 0.0} if name == "sam" else {}))
    x, y = task.split("train")
    module = untrained(task)
    parameters = list(module.parameters())
    with threads.limited(1):
        for epoch in range(3):
            for batch in torch.from_numpy(rng.permutation(3, epoch, 0, rng.DATA_ORDER, len(x))).split(8):
                loss = lambda batch=batch: nn.functional.cross_entropy(module(x[batch]), y[batch])
                by_hand(name, parameters, lambda loss=loss: torch.autograd.grad(loss(), parameters))
            ours.step()
    for a, b in zip(ours.module.parameters(), parameters, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("method", "values", "passes"),
    [
        (Backprop, {}, 1),
        (BackstitchDescent, {}, 2),
        (SAMDescent, {}, 2),
        (BackstitchDescent, {"interval": 7}, 8 / 7),
        (SAMDescent, {"rho": 0.0}, 1),
    ],
)
def test_every_gradient_is_paid_for(method, values, passes):
    ours = learner(method, **values)  # 50 examples in 7 minibatches
    calls, loss = [], ours.task.loss
    ours.task.loss = lambda outputs, *rest, **named: calls.append(len(outputs)) or loss(outputs, *rest, **named)
    ours.step()
    size = 4 * 7 + 7 + 7 * 3 + 3
    assert ours.cost.samples == sum(calls)
    assert ours.cost.samples == (58 if passes == 8 / 7 else 50 * passes)
    assert ours.cost.compute == 3 * size * sum(calls)
    assert ours.cost.evaluations == -(-sum(calls) // 50)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        (BackstitchDescent, {}),
        (BackstitchDescent, {"interval": 3, "momentum": 0.9, "experimental": True, "learning_rate": 0.01}),
        (BackstitchDescent, {"alpha": None, "correction": 0.02}),
        (SAMDescent, {}),
    ],
)
def test_resumed_run_equals_uninterrupted_run(method, values):
    values = {"dropout": 0.2, "l2": 0.001, "scheduler": "InverseTimeLR", "scheduler_options": {"decay": 0.5}, **values}
    whole, first = learner(method, **values), learner(method, **values)
    for _ in range(2):
        whole.step(), first.step()
    state = through_a_file(first.state_dict())
    first.step()
    second = learner(method, **values)
    second.load_state_dict(state)
    assert [whole.step() for _ in range(3)] == [second.step() for _ in range(3)]
    assert same(whole.module, second.module)
    assert whole.cost.samples == second.cost.samples


@methods
def test_both_gradients_see_one_dropout_mask_and_epochs_begin_alike(method, monkeypatch):
    dropout, masks = nn.functional.dropout, []

    def watched(x, *rest):
        out = dropout(x, *rest)
        masks.append(((out == 0) & (x != 0)).clone()) if rest[-1] else None
        return out

    ours = learner(method, dropout=0.5)
    monkeypatch.setattr(nn.functional, "dropout", watched)
    ours.step()
    assert len(masks) == 14
    for first, second in zip(masks[::2], masks[1::2], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(masks[0], masks[2])


def test_l2_decays_weights_once_and_biases_not_at_all():
    task, rate, l2 = classes(), 0.1, 0.05
    plain, decayed = (learner(BackstitchDescent, task, batch_size=None, learning_rate=rate, l2=each) for each in (0.0, l2))
    plain.step(), decayed.step()
    moved = untrained(task)
    x, y = task.split("train")
    order = torch.from_numpy(rng.permutation(3, 0, 0, rng.DATA_ORDER, len(x)))
    nn.functional.cross_entropy(moved(x[order]), y[order]).backward()
    for a, b, p in zip(plain.module.parameters(), decayed.module.parameters(), moved.parameters(), strict=True):
        there = p + 0.3 * rate * p.grad
        torch.testing.assert_close(a - b, 2 * l2 * rate * there if p.ndim == 2 else torch.zeros_like(p), rtol=1e-3, atol=1e-6)


def test_a_clipped_gradient_bounds_both_steps():
    task = classes()
    before = torch.cat([p.detach().flatten() for p in untrained(task).parameters()])
    ours = learner(BackstitchDescent, task, learning_rate=1.0, batch_size=None, gradient_clip=1e-4, alpha=1.0, l2=0.0)
    ours.step()
    after = torch.cat([p.detach().flatten() for p in ours.module.parameters()])
    assert (after - before).norm().item() == pytest.approx(1e-4, rel=0.01)  # 1 + alpha - alpha, along one line


@methods
def test_running_statistics_move_once_a_minibatch(method):
    normalised = lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, 6), nn.BatchNorm1d(6), nn.Linear(6, outputs))
    ours = learner(method, classes(network=normalised))
    ours.step()
    assert ours.module[1].num_batches_tracked == 7


@methods
def test_it_learns_and_its_champion_is_restored(method):
    task = classes()
    ours = learner(method, task)
    losses = [ours.step()["loss"] for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]
    x, _ = task.split("test")
    assert torch.equal(method.restore(task, ours.options, 3, *ours.champion().save())(x), ours.champion()(x))


@methods
def test_it_goes_on_from_weights_of_another_and_leaves_frozen_ones(method):
    task = classes()
    donor = learner(Backprop, task)
    donor.step()
    ours = learner(method, task)
    ours.warm_start(donor.champion(), frozen=["layers.0.*"])
    ours.step()
    before, after = donor.champion().module.state_dict(), ours.module.state_dict()
    assert {name for name in before if torch.equal(before[name], after[name])} == {"layers.0.weight", "layers.0.bias"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"momentum": 0.9}, r"momentum: expected 0, as backstitch is defined without; got 0\.9\. experimental=true tries it"),
        ({"correction": 0.1}, r"alpha, correction: expected one, and none for the other; got 0\.3 and 0\.1"),
        ({"alpha": None}, "alpha, correction: expected one, and none for the other; got None and None"),
        ({"alpha": -1.0}, "alpha: expected a number >= 0 or none; got -1"),
        ({"interval": 0}, "interval: expected a whole number >= 1 minibatches; got 0"),
        ({"scheduler": "InverseTimeLR", "scheduler_options": {"decay": -1}}, "decay: expected a number >= 0; got -1"),
        ({"optimizer": "SGD"}, "optimizer: unknown setting"),
    ],
)
def test_settings_that_cannot_be_are_refused(values, said):
    with pytest.raises(SettingsError, match=said):
        BackstitchDescent.settings(**values)


def test_the_optimiser_is_the_one_that_anybody_may_use():
    assert type(learner(BackstitchDescent).optimizer) is evo.Backstitch
    assert type(learner(SAMDescent).optimizer) is evo.SAM


@methods
def test_a_network_that_cannot_be_trained_is_told_at_the_start(method):
    with pytest.raises(SettingsError, match="dropout: expected 0"):
        learner(method, classes(network=lambda inputs, outputs: MLP(inputs, outputs, hidden=())), dropout=0.5)


def test_a_schedule_that_brings_momentum_is_told_at_the_start():
    options = {"scheduler": "OneCycleLR", "scheduler_options": {"max_lr": 0.1, "total_steps": 10}}
    with pytest.raises(SettingsError, match="cycle_momentum=False"):
        learner(BackstitchDescent, **options)
    options["scheduler_options"]["cycle_momentum"] = False
    assert learner(BackstitchDescent, **options).step()["loss"] > 0
