"""The learner's steps against torch's SGD, and the gradient through them against differences and against plain autograd."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, grad

from evo.learning.gtn import generator
from evo.learning.gtn.curriculum import CURRICULA, Draw, Shape, Teacher
from evo.learning.gtn.inner import Inner, Judgement, Lesson
from evo.learning.gtn.weight_norm import WeightNorm, normalised, plain

STEPS, BATCH, INPUTS, CLASSES = 5, 6, 4, 3
cross_entropy = nn.functional.cross_entropy


def problem(curriculum="full", seed=0):
    """Everything of a tiny outer step, in float64: a teacher, an Inner, and what the learner is judged on."""
    torch.manual_seed(seed)
    real = torch.randn(20, INPUTS), torch.randint(0, CLASSES, (20,))
    shape = Shape(STEPS, BATCH, INPUTS, CLASSES)
    teacher = Teacher(curriculum, shape, real, noise=2, hidden=(5,), rate=0.3, momentum=0.6, cap=2.0, seed=seed).double()
    teacher.real = real[0].double(), real[1]
    network = normalised(nn.Sequential(nn.Linear(INPUTS, 5), nn.Tanh(), nn.Linear(5, CLASSES)).double())
    inner = Inner(network, teacher.lessons(Draw(seed, 3, 0)), STEPS, cross_entropy)
    judged = [Judgement(t, teacher.real[0][t : t + 7], real[1][t : t + 7]) for t in (2, 3, STEPS)]
    return teacher, inner, judged


def unrolled(inner, judged):
    """The outer loss by torch.func alone, every step's graph kept."""
    loss = lambda weights, x, y: cross_entropy(functional_call(inner.network, weights, (x,)), y)
    weights = {name: p.detach().clone() for name, p in inner.network.named_parameters()}
    velocity, total = {name: torch.zeros_like(p) for name, p in weights.items()}, 0.0
    for t in range(STEPS):
        x, y, rate, momentum = inner.lessons(t)
        gradient = grad(loss)(weights, x, y)
        velocity = {name: momentum * velocity[name] + gradient[name] for name in weights}
        weights = {name: weights[name] - rate * velocity[name] for name in weights}
        total = total + sum(loss(weights, x, y) for after, x, y in judged if after == t + 1)
    return total / len(judged)


@pytest.fixture(autouse=True)
def kept_generator():
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize("stretch", [1, 2, 3, STEPS, 9])
@pytest.mark.parametrize("curriculum", CURRICULA)
def test_the_outer_gradient_is_that_of_autograd_through_all_steps_however_often_states_are_kept(curriculum, stretch):
    teacher, inner, judged = problem(curriculum)
    parameters = list(teacher.parameters())
    loss, gradient = inner.outer(judged, parameters, stretch)
    assert sum(each.abs().max() > 1e-3 for each in gradient) > len(parameters) / 2
    expected = unrolled(inner, judged)
    torch.testing.assert_close(loss, expected.detach())
    for found, wanted in zip(gradient, torch.autograd.grad(expected, parameters), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("curriculum", ["full", "distilled", "dataset"])
def test_the_outer_gradient_is_the_slope_of_the_outer_loss(curriculum, monkeypatch):
    monkeypatch.setattr(generator, "SLOPE", 1.0)  # no kink
    teacher, inner, judged = problem(curriculum)
    parameters = list(teacher.parameters())
    _, gradient = inner.outer(judged, parameters, 2)
    directions = [torch.randn_like(p) for p in parameters]

    def moved(by):
        with torch.no_grad():
            for p, direction in zip(parameters, directions):
                p.add_(direction, alpha=by)
        loss = inner.outer(judged, parameters, STEPS)[0].item()
        with torch.no_grad():
            for p, direction in zip(parameters, directions):
                p.sub_(direction, alpha=by)
        return loss

    slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    assert slope == pytest.approx(sum(float((g * d).sum()) for g, d in zip(gradient, directions)), rel=1e-6)


def test_the_learner_takes_the_steps_of_torchs_sgd():
    teacher, inner, _ = problem("dataset")
    with torch.no_grad():
        teacher.rate.add_(torch.linspace(-1, 1, STEPS))
        teacher.momentum.add_(torch.linspace(1, -1, STEPS))
    twin = copy.deepcopy(inner.network)
    sgd = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=0.5)
    for t in range(STEPS):
        x, y, rate, momentum = inner.lessons(t)
        sgd.param_groups[0].update(lr=rate.item(), momentum=momentum.item())
        sgd.zero_grad()
        cross_entropy(twin(x), y).backward()
        sgd.step()
    for found, wanted in zip(inner.learn(), twin.parameters()):
        torch.testing.assert_close(found, wanted.detach())


def test_learning_leaves_the_network_and_keeps_no_graph():
    _, inner, _ = problem()
    before = [p.detach().clone() for p in inner.network.parameters()]
    state = inner.learn()
    assert all(torch.equal(one, other) for one, other in zip(before, inner.network.parameters()))
    assert not any(each.requires_grad for each in state)
    assert not torch.equal(state[0], before[0])


def test_weight_normalisation_changes_no_output_and_leaves_no_trace():
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))
    x, names = torch.randn(5, 1, 4, 4), list(network.state_dict())
    before = network(x)
    torch.testing.assert_close(normalised(network)(x), before)
    assert len(list(network.parameters())) == 6
    torch.testing.assert_close(plain(network)(x), before)
    assert set(network.state_dict()) == set(names)
    assert type(network[3]) is nn.Linear


def test_weight_normalisation_has_the_second_derivative_of_its_formula():
    made = WeightNorm()
    length, direction = made.right_inverse(torch.randn(3, 4, dtype=torch.float64))
    leaves = [(2 * length).requires_grad_(), direction.requires_grad_()]
    assert torch.autograd.gradgradcheck(lambda *given: made(*given).tanh(), leaves)


@settings(max_examples=20, deadline=None)
@given(
    rate=st.floats(0.001, 1.9),
    momentum=st.floats(0.01, 0.99),
    learned=st.lists(st.floats(-50, 50), min_size=STEPS, max_size=STEPS),
)
def test_rates_begin_as_told_and_stay_below_their_cap_whatever_is_learned(rate, momentum, learned):
    real = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    teacher = Teacher("dataset", Shape(STEPS, BATCH, 2, 2), real, rate=rate, momentum=momentum, cap=2.0).double()
    rates, momenta = teacher.pace()
    torch.testing.assert_close(rates, torch.full((STEPS,), rate).double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(momenta, torch.full((STEPS,), momentum).double(), rtol=1e-5, atol=0)
    with torch.no_grad():
        teacher.rate.copy_(torch.tensor(learned))
        teacher.momentum.copy_(torch.tensor(learned))
    rates, momenta = teacher.pace()
    assert rates.min() >= 0
    assert rates.max() <= 2
    assert momenta.max() <= 1
    lesson = teacher.lessons(Draw(0, 0, 0))(1)
    assert isinstance(lesson, Lesson)
    assert (lesson.rate, lesson.momentum) == (rates[1], momenta[1])
