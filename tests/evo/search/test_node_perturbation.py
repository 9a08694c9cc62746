import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from evo import CNN, MLP, NodePerturbation, threads
from evo.search.layers import placed
from evo.search.node_perturbation import estimated
from evo.testing import small_task
from evo.vectors.linear_float import LinearFloat


class Shift(nn.Module):
    """A function with a parameter of its own."""

    def __init__(self, units):
        super().__init__()
        self.bias = nn.Parameter(torch.linspace(-1.0, 1.0, units))

    def forward(self, x):
        return torch.tanh(x + self.bias**2)


def twice():
    """A network with one linear layer in two places."""
    layer = nn.Linear(5, 5)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(5, 3))


NETWORKS = {
    "linear": lambda: nn.Linear(5, 3),
    "tanh": lambda: MLP(5, 3, hidden=(7, 6)),
    "probabilities": lambda: nn.Sequential(MLP(5, 3, hidden=(4,)), nn.Sigmoid()),
    "a function with parameters": lambda: nn.Sequential(nn.Linear(5, 6, bias=False), Shift(6), nn.Linear(6, 3)),
    "a function first": lambda: nn.Sequential(Shift(5), nn.Linear(5, 3)),
    "exact": lambda: LinearFloat(5, 3, hidden=(6,), mode="exact"),
    "a layer twice": twice,
}


def made(network):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return network()


def vector(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def every_direction(x, y, genes):
    """Each example once for each noise number, with noise in it alone, so that the mean of e e^T is exactly 1."""
    noise = torch.eye(genes, dtype=x.dtype).repeat(len(x), 1) * genes**0.5
    return x.repeat_interleave(genes, 0), y.repeat_interleave(genes, 0), noise


def errors(y):
    return lambda outputs: -(outputs - y).square().sum(-1)


CASES = [(each, 1e-4, 1.0, 1e-6) for each in NETWORKS] + [("linear", 3.0, 1.0, 1e-12)]
CASES += [("a function with parameters", 1e-4, share, 1e-6) for share in (0.3, 0.0)]


@pytest.mark.parametrize(("network", "std", "share", "close"), CASES)
def test_the_expected_estimate_is_the_gradient_of_backprop(network, std, share, close):
    module = made(NETWORKS[network]).double()
    x, y = torch.randn((2, 4, 8), generator=torch.Generator().manual_seed(1), dtype=torch.float64).split([5, 3], -1)
    x, y = x[0], y[1]
    layers, genes = placed(module, lambda layer: layer.out_features)
    more, wanted, noise = every_direction(x, y, genes)
    found, scores = estimated(layers, vector(module), more, noise, std, errors(wanted), share)
    (-(module(x) - y).square().sum(-1).mean()).backward()
    if share == 0.0:
        next(each for each in module.modules() if isinstance(each, Shift)).bias.grad.zero_()
    expected = torch.cat([parameter.grad.flatten() for parameter in module.parameters()])
    assert torch.allclose(found, expected, rtol=close, atol=close)
    assert scores.shape == (2, 4 * genes)


def test_the_noise_of_examples_is_normal_and_the_mean_of_many_estimates_the_gradient():
    task = small_task()
    learner = NodePerturbation(task, NodePerturbation.settings(noise_std=1e-3, learning_rate=1e-12, batch_size=40), 0)
    steps = 2_000
    moments = []
    for _ in range(steps):
        before = learner.moments[0].copy()
        learner.step()
        moments.append((learner.moments[0] - 0.9 * before) / 0.1)
    estimates, module = np.array(moments), learner.encoding.template
    x, y = task.split("train")
    with torch.enable_grad():
        named = {
            name: p.requires_grad_() for name, p in learner.encoding._named(torch.from_numpy(learner.mean).float()).items()
        }
        loss = task.loss(functional_call(module, named, (x,)), y)
        expected = -torch.cat([grad.flatten() for grad in torch.autograd.grad(loss, [*named.values()])]).double().numpy()
    z = (estimates.mean(0) - expected) / (estimates.std(0) / steps**0.5)
    assert np.abs(z).max() < 4.5
    assert 0.6 < np.sqrt((z**2).mean()) < 1.5
    assert len(np.unique(estimates[:, 0])) == steps  # no noise is drawn twice


def test_the_flush_of_float32_gives_the_estimate_of_hardshrink():
    found = {}
    for mode in ("hardshrink", "float32_ftz"):
        module = made(lambda mode=mode: LinearFloat(20, 3, hidden=(30, 30), mode=mode))
        layers, genes = placed(module, lambda layer: layer.out_features)
        draw = torch.Generator().manual_seed(2)
        x, y, noise = (torch.randn((64, size), generator=draw) for size in (20, 3, genes))
        found[mode], _ = estimated(layers, vector(module), x, noise, 0.3, errors(y))
    assert found["hardshrink"].abs().max() > 0.1
    assert (found["hardshrink"] != 0).double().mean() > 0.5
    assert torch.allclose(found["float32_ftz"], found["hardshrink"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("network", ["tanh", "a function with parameters"])
def test_the_opposite_noise_tells_the_same(network):
    module = made(NETWORKS[network])
    layers, genes = placed(module, lambda layer: layer.out_features)
    draw = torch.Generator().manual_seed(2)
    x, y, noise = (torch.randn((6, size), generator=draw) for size in (5, 3, genes))
    one, scores = estimated(layers, vector(module), x, noise, 1.0, errors(y))
    other, swapped = estimated(layers, vector(module), x, -noise, 1.0, errors(y))
    assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    assert torch.allclose(scores, swapped.flip(0), rtol=1e-5)


def test_an_example_whose_score_is_not_finite_counts_nothing():
    module = made(NETWORKS["tanh"])
    layers, genes = placed(module, lambda layer: layer.out_features)
    draw = torch.Generator().manual_seed(2)
    x, y, noise = (torch.randn((6, size), generator=draw) for size in (5, 3, genes))
    y[1], x[4] = torch.nan, torch.inf
    finite = torch.tensor([0, 2, 3, 5])
    found, scores = estimated(layers, vector(module), x, noise, 0.1, errors(y))
    expected, _ = estimated(layers, vector(module), x[finite], noise[finite], 0.1, errors(y[finite]))
    assert scores.isfinite().all(0).tolist() == [True, False, True, True, False, True]
    assert torch.allclose(found, expected * 4 / 6, atol=1e-6)


def after(epochs, budget=1, **values):
    learner = NodePerturbation(small_task(), NodePerturbation.settings(**values), 3)
    with threads.limited(budget):
        rows = [learner.step() for _ in range(epochs)]
    return learner, rows


def test_an_epoch_is_two_evaluations_and_three_forwards_an_example_on_any_threads():
    one, rows = after(3, batch_size=16)
    two, again = after(3, 2, batch_size=16)
    assert np.array_equal(one.mean, two.mean)
    assert np.array_equal(one.moments, two.moments)
    assert rows == again
    assert (one.cost.evaluations, one.cost.samples) == (6, 3 * 2 * 40)
    assert one.cost.compute == 3 * 3 * 40 * len(one.mean)


def test_the_learning_rate_is_halved_after_as_many_epochs_as_are_set():
    fast, _ = after(2, half_life=2.0, learning_rate=0.01)
    slow, _ = after(2, half_life=2.0, learning_rate=0.01)
    half = NodePerturbation(small_task(), NodePerturbation.settings(learning_rate=0.005), 3)
    half.load_state_dict(slow.state_dict())
    for learner in (fast, half):
        learner.step()
    assert np.array_equal(fast.mean, half.mean)
    steady, _ = after(3, learning_rate=0.01)
    assert not np.array_equal(fast.mean, steady.mean)


def test_the_champion_is_the_centre_of_the_best_epoch():
    learner, rows = after(12, learning_rate=0.3)
    fitness = [row["validation"]["fitness"] for row in rows]
    assert fitness.index(max(fitness)) < 11
    assert learner.task.score(learner.champion(), "validation")["fitness"] == max(fitness)


def test_frozen_parameters_stay():
    donor, _ = after(1)
    learner = NodePerturbation(small_task(), NodePerturbation.settings(), 4)
    learner.warm_start(donor.champion(), frozen=["layers.0.*"])
    held = learner.encoding.named(["layers.0.*"])
    start = learner.mean.copy()
    learner.step()
    assert np.array_equal(learner.mean[held], start[held])
    assert (learner.mean[~held] != start[~held]).all()
    with pytest.raises(RuntimeError, match="before the first step"):
        learner.warm_start(donor.champion())


def test_what_it_cannot_learn_is_refused_in_a_sentence():
    task = small_task()
    assert NodePerturbation.unsupported_reason(task) is None
    task.class_weights = True
    assert "task.class_weights=false" in NodePerturbation.unsupported_reason(task)
    task.class_weights, task._network = False, lambda inputs, outputs: CNN((1, 8, 8), outputs)
    assert NodePerturbation.unsupported_reason(task) == (
        "it needs linear layers with functions between them, which forward runs in order: model.network is CNN"
    )


def test_it_diverges_where_a_parameter_is_no_longer_finite():
    learner, _ = after(1)
    learner.mean[0] = np.inf
    learner.step()
    assert learner.finished == "diverged"


def test_it_learns():
    learner, rows = after(60, batch_size=8, learning_rate=0.01)
    assert rows[0]["loss"] > 0.4
    assert rows[-1]["loss"] < 0.15
    assert learner.task.score(learner.champion(), "test")["accuracy"] >= 0.85
