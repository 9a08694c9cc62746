"""Backstitch and SAM against their formulas, and what a loop of anybody's may rely on."""

import copy
import io
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import evo
from evo import SAM, Backstitch
from evo.learning.backstitch import predicted_alpha

LIMITS = {0.0: 2.0, 0.3: 1.320, 1.0: 0.781}  # largest stable lr times curvature
MAKERS = {
    "backstitch": lambda params, **rest: Backstitch(params, **{"lr": 0.1, "alpha": 0.3, **rest}),
    "sam": lambda params, **rest: SAM(params, **{"lr": 0.1, "rho": 0.05, **rest}),
}
makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def number(value):
    return nn.Parameter(torch.tensor([value], dtype=torch.float64))


def stepped(optimizer, loss, steps=1):
    """The values of `loss`, a function of nothing, at every evaluation of so many steps."""
    seen = []

    def closure():
        if isinstance(optimizer, torch.optim.SGD):  # ours clear gradients themselves
            optimizer.zero_grad()
        found = loss()
        found.backward()
        seen.append(found.item())
        return found

    for _ in range(steps):
        optimizer.step(closure)
    return seen


def error_after(optimizer_of, h, steps=1):
    """The error left of 1, on a quadratic of curvature h with its minimum at 0."""
    w = number(1.0)
    stepped(optimizer_of([w]), lambda: (h / 2 * w**2).sum(), steps)
    return w.item()


@given(z=st.floats(0.0, 3.0), alpha=st.floats(0.0, 2.0))
def test_a_step_on_a_quadratic_multiplies_the_error_by_the_formula(z, alpha):
    error = error_after(lambda params: Backstitch(params, lr=z / 4, alpha=alpha), 4.0)
    assert error == pytest.approx(1 - z - alpha * (1 + alpha) * z * z, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("alpha", LIMITS)
def test_it_is_stable_up_to_the_limit_and_not_beyond(alpha):
    limit = (math.sqrt(1 + 8 * alpha * (1 + alpha)) - 1) / (2 * alpha * (1 + alpha)) if alpha else 2.0
    assert limit == pytest.approx(LIMITS[alpha], abs=5e-4)
    left = lambda z: abs(error_after(lambda params: Backstitch(params, lr=z, alpha=alpha), 1.0, steps=3000))
    assert left(0.99 * limit) < 1e-6
    assert left(1.01 * limit) > 1e6


def test_the_second_gradient_is_not_the_first_one_again():
    """Used again, the first gradient makes (1 + alpha) - alpha = 1 of it: SGD with the same rate."""
    sgd = error_after(lambda params: torch.optim.SGD(params, lr=0.5), 1.0)
    assert sgd == 0.5
    assert error_after(lambda params: Backstitch(params, lr=0.5, alpha=1.0), 1.0) == 0.0
    seen = stepped(Backstitch([w := number(1.0)], lr=0.5, alpha=1.0), lambda: (w**2 / 2).sum())
    assert seen == [0.5, 1.5**2 / 2]  # the second one where theta + alpha lr g is


@given(z=st.floats(1e-3, 0.05), alpha=st.floats(0.0, 2.0), start=st.floats(0.5, 2.0))
def test_to_first_order_it_descends_the_loss_and_its_squared_gradient(z, alpha, start):
    """On a loss that is no quadratic, log cosh: the step differs from that of loss + alpha (1 + alpha) lr / 2 |g|^2 by lr^3."""
    w, v = number(start), number(start)
    stepped(Backstitch([w], lr=z, alpha=alpha), lambda: w.cosh().log().sum())
    g = v.tanh()
    (0.5 * alpha * (1 + alpha) * z * g.square() + v.cosh().log()).sum().backward()
    assert w.item() == pytest.approx(start - z * v.grad.item(), abs=20 * (1 + alpha) ** 3 * z**3)


@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize(("interval", "phase"), [(1, 0), (3, 0), (4, 2)])
def test_every_nth_minibatch_takes_both_steps_with_alpha_and_1_plus_alpha(alpha, interval, phase):
    z, expected = 0.1, 1.0
    for k in range(9):
        expected *= 1 - z - (alpha * (1 + alpha) * z * z if k % interval == phase else 0.0)
    w = number(1.0)
    seen = stepped(Backstitch([w], lr=z, alpha=alpha, interval=interval, phase=phase), lambda: (w**2 / 2).sum(), 9)
    assert w.item() == pytest.approx(expected, rel=1e-12)
    assert len(seen) == 9 + len(range(phase, 9, interval))


@pytest.mark.parametrize("values", [{"alpha": 0.0}, {"interval": 5, "phase": 4}, {"alpha": None, "correction": 0.0}])
def test_where_nothing_goes_up_it_is_sgd_bit_for_bit_for_one_gradient(values):
    models = [network(), network()]
    optimizers = Backstitch(models[0].parameters(), lr=0.3, **values), torch.optim.SGD(models[1].parameters(), lr=0.3)
    for model, optimizer in zip(models, optimizers):
        assert len(stepped(optimizer, loss_of(model), 4)) == 4
    assert same(*models)


def test_the_step_up_follows_the_rate_where_a_correction_is_held():
    assert predicted_alpha(1e-3, 0.01) == pytest.approx((math.sqrt(41) - 1) / 2)
    assert predicted_alpha(0.0, 0.01) == 0.0
    w, expected = number(1.0), 1.0
    optimizer = Backstitch([w], lr=0.5, alpha=None, correction=0.2)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    for lr in (0.5, 0.25, 0.125):
        assert optimizer.param_groups[0]["lr"] == lr
        stepped(optimizer, lambda: (w**2 / 2).sum())
        expected *= 1 - lr - 0.2 * lr  # alpha (1 + alpha) lr^2 = 0.2 lr
        schedule.step()
    assert w.item() == pytest.approx(expected, rel=1e-12)


@given(z=st.floats(0.01, 1.0), rho=st.floats(0.0, 1.0))
def test_sam_descends_by_the_gradient_at_a_distance_of_rho(z, rho):
    assert error_after(lambda params: SAM(params, lr=z / 4, rho=rho), 4.0) == pytest.approx(1 - z * (1 + rho), abs=1e-12)


def test_sam_norms_the_gradient_over_all_parameters_and_groups():
    a, b = (nn.Parameter(torch.tensor(values, dtype=torch.float64)) for values in ([1.0, -2.0], [[2.0]]))
    first = torch.cat([a, b.flatten()]).detach()
    loss = lambda: (a.square().sum() + b.square().sum()) / 2
    seen = stepped(SAM([{"params": [a]}, {"params": [b]}], lr=0.1, rho=0.3), loss)
    assert seen == pytest.approx([4.5, 3.3**2 / 2])
    torch.testing.assert_close(torch.cat([a, b.flatten()]).detach(), first * (1 - 0.1 * (1 + 0.3 / 3)))


def test_sam_where_the_gradient_is_zero_stays():
    assert error_after(lambda params: SAM(params, lr=1.0), 0.0) == 1.0


@makers
def test_independent_networks_in_one_parameter_are_trained_as_each_alone(make):
    starts = torch.tensor([[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]], dtype=torch.float64)
    scales = torch.tensor([1.0, 10.0, 5.0], dtype=torch.float64)
    rest = {"independent": True} if make is MAKERS["sam"] else {}
    together, other = nn.Parameter(starts.clone()), nn.Parameter(starts[:, 0].clone())
    loss = lambda w, v, scale: (scale * (w.cosh().log().sum(-1) + v.square())).sum()
    stepped(make([together, other], **rest), lambda: loss(together, other, scales), 5)
    for k, scale in enumerate(scales):
        alone, second = nn.Parameter(starts[k].clone()), nn.Parameter(starts[k, 0].clone())
        stepped(make([alone, second]), lambda alone=alone, second=second, scale=scale: loss(alone, second, scale), 5)
        torch.testing.assert_close(together[k], alone)
        torch.testing.assert_close(other[k], second)


# --- decay, clipping, momentum ------------------------------------------------------------------------------------------


def test_weight_decay_acts_once_and_in_the_second_step_alone():
    w, h, lr, alpha, decay = number(1.0), 2.0, 0.1, 0.3, 0.5
    stepped(Backstitch([w], lr=lr, alpha=alpha, weight_decay=decay), lambda: (h / 2 * w**2).sum())
    moved = 1 + alpha * lr * h
    assert w.item() == pytest.approx(moved - (1 + alpha) * lr * h * moved - lr * decay * moved, rel=1e-12)
    plain, sgd = number(1.0), number(1.0)
    stepped(Backstitch([plain], lr=lr, alpha=0.0, weight_decay=decay), lambda: (plain**2).sum(), 3)
    stepped(torch.optim.SGD([sgd], lr=lr, weight_decay=decay), lambda: (sgd**2).sum(), 3)
    assert plain.item() == sgd.item()


def test_both_steps_are_cut_to_the_largest_change_before_they_are_scaled():
    w, alpha, most = nn.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64)), 0.5, 0.1
    stepped(Backstitch([w], lr=1.0, alpha=alpha, max_change=most), lambda: w.square().sum() / 2)
    assert w.norm().item() == pytest.approx(5 + alpha * most - (1 + alpha) * most, rel=1e-12)
    free, cut = number(0.01), number(0.01)
    for p, limit in ((free, None), (cut, 1.0)):
        stepped(Backstitch([p], lr=1.0, alpha=alpha, max_change=limit), lambda p=p: p.square().sum() / 4)
    assert free.item() == cut.item()  # nothing is cut


def test_momentum_that_a_schedule_sets_is_refused_too():
    w = number(1.0)
    optimizer = Backstitch([w])
    torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
    with pytest.raises(ValueError, match=r"momentum: expected 0, .* got 0\.95\. A schedule .* cycle_momentum=False"):
        stepped(optimizer, lambda: (w**2 / 2).sum(), 1)
    assert w.item() == 1.0


def test_momentum_is_refused_unless_it_is_asked_for_as_an_experiment():
    with pytest.raises(ValueError, match=r"momentum: expected 0, .* got 0\.9\. .*experimental=True"):
        Backstitch([number(1.0)], momentum=0.9)
    w, value, speed, lr, alpha = number(1.0), 1.0, 0.0, 0.05, 0.3
    stepped(Backstitch([w], lr=lr, alpha=alpha, momentum=0.9, experimental=True), lambda: (w**2 / 2).sum(), 5)
    for _ in range(5):
        moved = value + alpha * lr * value
        speed = 0.9 * speed + moved
        value = moved - (1 + alpha) * lr * speed
    assert w.item() == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "make", [lambda p, **r: SAM(p, rho=0.0, **r), lambda p, **r: Backstitch(p, alpha=0.0, **r, experimental=True)]
)
def test_momentum_and_decay_without_a_first_step_are_those_of_sgd(make):
    models = [network(), network()]
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    for model, made in zip(models, (make, torch.optim.SGD)):
        stepped(made(model.parameters(), **options), loss_of(model), 5)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_sams_momentum_and_decay_are_those_of_sgd_on_the_second_gradient():
    w, value, speed = number(1.0), 1.0, 0.0
    stepped(SAM([w], lr=0.1, rho=0.2, momentum=0.9, weight_decay=0.5), lambda: (w**2 / 2).sum(), 5)
    for _ in range(5):
        speed = 0.9 * speed + (value + math.copysign(0.2, value)) + 0.5 * value
        value -= 0.1 * speed
    assert w.item() == pytest.approx(value, rel=1e-12)


# --- what a loop may rely on --------------------------------------------------------------------------------------------


def network(*middle):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), *middle, nn.Linear(8, 2))


def loss_of(model, rows=5):
    x = torch.linspace(-1, 1, rows * 3).view(rows, 3)
    return lambda: model(x).square().mean()


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


class Mask(nn.Module):
    """Dropout that remembers its masks."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        mask = torch.rand(x.shape) < 0.5
        self.seen.append(mask)
        return x * mask


@makers
def test_both_gradients_see_one_dropout_mask_and_the_next_step_another(make):
    model = network(mask := Mask())
    stepped(make(model.parameters()), loss_of(model), 2)
    first, again, second, also = mask.seen
    assert torch.equal(first, again)
    assert torch.equal(second, also)
    assert not torch.equal(first, second)


@makers
def test_a_step_draws_from_the_callers_generator_what_one_evaluation_draws(make):
    model = network(nn.Dropout(0.5))
    optimizer = make(model.parameters())
    torch.manual_seed(7)
    loss_of(model)()
    expected = torch.rand(3)
    torch.manual_seed(7)
    stepped(optimizer, loss_of(model))
    assert torch.equal(torch.rand(3), expected)


@makers
def test_gradients_do_not_add_up_though_the_closure_clears_none(make):
    cleared, left = network(), network()
    optimizer = make(cleared.parameters())
    stepped(optimizer, lambda: optimizer.zero_grad() or loss_of(cleared)(), 3)
    stepped(make(left.parameters()), loss_of(left), 3)
    assert same(cleared, left)


@makers
def test_a_step_gives_the_loss_where_it_began(make):
    model = network()
    expected = loss_of(model)().item()
    optimizer = make(model.parameters())

    def closure():
        loss = loss_of(model)()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == expected


@pytest.mark.parametrize("at", ["backstitch", "sam"])
def test_running_statistics_are_of_one_of_the_two_evaluations(at):
    model = network(nn.BatchNorm1d(8))
    twin = copy.deepcopy(model)
    stepped(MAKERS[at](model.parameters(), buffers=model.buffers()), loss_of(model))
    if at == "backstitch":  # where the first step leads
        loss_of(probe := copy.deepcopy(twin))().backward()
        with torch.no_grad():
            for p, q in zip(twin.parameters(), probe.parameters()):
                p.add_(q.grad, alpha=0.3 * 0.1)
    loss_of(twin)()
    assert model[2].num_batches_tracked == 1
    torch.testing.assert_close(model[2].running_mean, twin[2].running_mean, rtol=0, atol=0)


@makers
@pytest.mark.parametrize("rest", [{}, {"momentum": 0.9}])
@pytest.mark.parametrize("way", ["file", "pickle"])
def test_what_goes_on_from_a_state_is_what_was_never_stopped(make, rest, way):
    options = rest | ({"experimental": True} if rest and make is MAKERS["backstitch"] else {})
    options |= {"interval": 3} if make is MAKERS["backstitch"] else {}
    whole = network()
    optimizer = make(whole.parameters(), **options)
    stepped(optimizer, loss_of(whole), 4)
    if way == "pickle":
        model, resumed = pickle.loads(pickle.dumps((whole, optimizer)))
    else:
        torch.save((whole.state_dict(), optimizer.state_dict()), file := io.BytesIO())
        file.seek(0)
        weights, state = torch.load(file, weights_only=True)
        model = network()
        model.load_state_dict(weights)
        resumed = make(model.parameters(), **options)
        resumed.load_state_dict(state)
    seen = [stepped(each, loss_of(net), 4) for each, net in ((optimizer, whole), (resumed, model))]
    assert seen[0] == seen[1]
    assert same(whole, model)


def test_a_copy_keeps_the_buffers_of_its_own_network():
    model = network(nn.BatchNorm1d(8))
    optimizer = Backstitch(model.parameters(), buffers=model.buffers())
    twin, its = pickle.loads(pickle.dumps((model, optimizer)))
    for net, each in ((model, optimizer), (twin, its)):
        stepped(each, loss_of(net), 2)
        assert net[2].num_batches_tracked == 2
    assert same(model, twin)


@makers
def test_parameters_that_the_loss_does_not_reach_stay(make):
    used, unused = number(1.0), number(1.0)
    stepped(make([used, unused], weight_decay=0.1), lambda: used.square().sum(), 2)
    assert (used.item() != 1.0, unused.item()) == (True, 1.0)


@makers
def test_groups_have_values_of_their_own(make):
    quick, slow = number(1.0), number(1.0)
    stepped(make([{"params": [quick], "lr": 0.2}, {"params": [slow]}]), lambda: (quick**2 + slow**2).sum())
    assert quick.item() < slow.item() < 1.0


@makers
def test_an_evaluation_that_fails_leaves_the_weights_where_the_step_began(make):
    model = network(nn.BatchNorm1d(8))
    optimizer, before, calls = make(model.parameters(), buffers=model.buffers()), copy.deepcopy(model.state_dict()), []

    def closure():
        loss = loss_of(model)()
        loss.backward()
        calls.append(loss)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return loss

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@makers
def test_a_step_without_a_closure_says_what_it_needs(make):
    with pytest.raises(TypeError, match=r"step: expected a closure, .* evaluated twice: optimizer\.step\(closure\); got None"):
        make([number(1.0)]).step()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lr": -1.0}, r"lr: expected a number >= 0; got -1\.0"),
        ({"alpha": float("nan")}, "alpha: expected a number >= 0; got nan"),
        ({"alpha": "much"}, "alpha: expected a number >= 0; got 'much'"),
        ({"interval": 0, "lr": float("inf")}, "lr: expected a number >= 0; got inf; interval: expected a number >= 1; got 0"),
        ({"interval": 2.5}, r"interval: expected a whole number; got 2\.5"),
        ({"interval": 2, "phase": 2}, "phase: expected less than interval, 2; got 2"),
        ({"correction": 0.1}, r"expected one of alpha and correction, .* got alpha=0\.3, correction=0\.1"),
        ({"alpha": None}, "expected one of alpha and correction, .* got alpha=None, correction=None"),
        ({"max_change": 0.0}, "max_change: expected a number"),
        ({"momentum": 1.0}, "momentum: expected a number >= 0 and < 1; got 1"),
        ({"weight_decay": True}, "weight_decay: expected a number >= 0; got True"),
    ],
)
def test_values_out_of_range_are_named(values, said):
    with pytest.raises(ValueError, match=said):
        Backstitch([number(1.0)], **values)
    with pytest.raises(ValueError, match=said):  # of one group alone
        Backstitch([{"params": [number(1.0)], **values}])


@pytest.mark.parametrize("values", [{"rho": -0.1}, {"lr": "fast"}, {"momentum": 2.0}])
def test_values_of_sam_out_of_range_are_named(values):
    with pytest.raises(ValueError, match=f"SAM: {next(iter(values))}: expected a number >= 0"):
        SAM([number(1.0)], **values)


@pytest.mark.cuda
@makers
def test_both_gradients_see_one_dropout_mask_on_a_card(make):
    model = network(nn.Dropout(0.5)).cuda()
    x = torch.linspace(-1, 1, 15, device="cuda").view(5, 3)
    seen = []
    model[2].register_forward_hook(lambda module, args, out: seen.append(out == 0))
    stepped(make(model.parameters()), lambda: model(x).square().mean(), 2)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_the_optimisers_need_nothing_else_of_the_project():
    code = "import sys; from evo import SAM, Backstitch; print(*(m for m in sys.modules if m.startswith('evo.')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    ours = {f"evo.learning.{name}" for name in ("backstitch", "sam", "two_gradients")}
    assert set(out.split()) == {"evo.settings", "evo.rng", "evo.learning", *ours}


def test_the_program_of_the_page_runs():
    page = (Path(evo.__file__).parent / "learning" / "README.md").read_text(encoding="utf-8")
    program, _ = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(program, found := {})
    assert found["loss"].isfinite()
    assert isinstance(found["optimizer"], Backstitch)
