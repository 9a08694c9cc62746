import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from evo import rng
from evo.settings import SettingsError
from evo.testing import small_task
from evo.vectors import mlp_rows
from evo.vectors.arithmetics import ARITHMETICS, ROUNDED, Diffractive, Faulty, Inexact
from evo.vectors.encoding import Parameters, backends
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP

OTHERS = [name for name in ARITHMETICS if name != "float32"]


def network(arithmetic, inputs=6, outputs=3, seed=0, **values):
    torch.manual_seed(seed)
    return MLP(inputs, outputs, hidden=[5], arithmetic=arithmetic, **values)


def layer(arithmetic, inputs=6, outputs=3, straight=False):
    torch.manual_seed(0)
    return Inexact(inputs, outputs, arithmetic, straight)


def rows(count=40, inputs=6):
    return torch.randn(count, inputs, generator=torch.Generator().manual_seed(1))


def test_float32_is_the_network_that_it_was():
    torch.manual_seed(0)
    made = network("float32")
    torch.manual_seed(0)
    first, last = nn.Linear(6, 5), nn.Linear(5, 3)
    assert [type(one) for one in made.layers if isinstance(one, nn.Linear)] == [nn.Linear, nn.Linear]
    assert torch.equal(made(rows()), last(first(rows()).tanh()))
    assert mlp_rows.layers(made) is not None


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_numbers_of_half_the_bits_are_rounded_and_sums_are_not(name):
    made, x, dtype = layer(name), rows(), getattr(torch, name)
    half = lambda values: values.detach().to(dtype).double()
    exact = half(x) @ half(made.weight).T + half(made.bias)
    assert torch.equal(made(x), made(x).to(dtype).float())
    relative = 2.0 ** (-8 if name == "bfloat16" else -11)  # of the format
    assert torch.allclose(made(x).double(), exact, rtol=1.01 * relative, atol=1e-6)
    assert not torch.equal(made(x), nn.functional.linear(x, made.weight, made.bias))


def test_int8_has_whole_numbers_and_one_scale_a_layer_and_a_row():
    made, x = layer("int8"), rows()
    weights, inputs, _ = ROUNDED["int8"]
    whole = weights(made.weight) / (made.weight.abs().max() / 127)
    assert torch.allclose(whole, whole.round(), atol=1e-4)
    assert float(whole.abs().max().detach()) == pytest.approx(127)
    scale = x.abs().amax(1, keepdim=True) / 127
    assert (inputs(x) - x).abs().le(0.5001 * scale).all()
    assert torch.equal(inputs(x)[3:4], inputs(x[3:4]))  # a row's scale is its own
    exact = inputs(x).double() @ weights(made.weight).detach().double().T + made.bias.detach().double()
    assert torch.allclose(made(x).double(), exact, atol=1e-6)
    assert torch.equal(weights(torch.zeros(2, 2)), torch.zeros(2, 2))


def test_ternary_weights_are_bitnets():
    weights = torch.tensor([[0.1, -0.6, 2.0], [-0.9, 0.2, 0.4]])
    scale = 4.2 / 6
    expected = scale * torch.tensor([[0.0, -1, 1], [-1, 0, 1]])
    assert torch.allclose(ROUNDED["ternary"].weights(weights), expected)


def test_a_multiplier_errs_by_a_tenth_or_is_stuck_at_zero_and_always_alike():
    factors = Faulty(300, 200, seed=3, place=1, straight=False).factors
    stuck = (factors == 0).double().mean()
    right = factors[factors != 0]
    assert stuck == pytest.approx(0.01, abs=0.002)
    assert right.mean() == pytest.approx(1, abs=0.003)
    assert right.std() == pytest.approx(0.1, abs=0.003)
    assert torch.equal(factors, Faulty(300, 200, seed=3, place=1, straight=False).factors)
    for seed, place in ((4, 1), (3, 2)):
        assert abs(np.corrcoef(factors.flatten(), Faulty(300, 200, seed, place, False).factors.flatten())[0, 1]) < 0.02
    made, x = network("faulty", arithmetic_seed=2), rows()
    first = made.layers[0]
    assert torch.allclose(first(x), x @ (first.weight * first.factors).T + first.bias, atol=1e-6)
    assert not torch.equal(made.layers[0].factors, network("faulty", arithmetic_seed=5).layers[0].factors)


def test_light_loses_no_energy_and_is_seen_as_intensity():
    made, x = Diffractive(6, 8), rows()
    assert torch.allclose(made(x).sum(1), x.square().sum(1), rtol=1e-5)
    assert torch.allclose(made(2 * x), 4 * made(x), rtol=1e-4, atol=1e-5)
    n = 8
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / n**0.5
    light = np.pad(x.numpy().astype(complex), ((0, 0), (0, 2)))
    for phases in made.phases.detach().numpy():
        light = (light * np.exp(1j * phases)) @ waves
    np.testing.assert_allclose(made(x).detach().numpy(), np.abs(light) ** 2, rtol=1e-4, atol=1e-5)
    assert Diffractive(8, 3)(rows(4, 8)).shape == (4, 3)


@pytest.mark.parametrize("name", [*ROUNDED, "faulty"])
def test_a_straight_through_gradient_changes_no_output_and_is_that_of_what_stood_there_before(name):
    plain, straight, x = network(name), network(name, gradient="straight_through"), rows()
    assert torch.equal(plain(x), straight(x))
    for made in (plain, straight):
        made(x).square().sum().backward()
    last = straight.layers[-1]
    inputs = last.operands.inputs
    hidden = straight.layers[:-1](x)
    error = 2 * straight(x).detach()
    assert torch.allclose(last.weight.grad, error.T @ inputs(hidden).detach(), rtol=1e-3, atol=1e-3)
    blind = network("float32")
    blind(x).square().sum().backward()
    first, exact = (made.layers[0].weight.grad.flatten() for made in (straight, blind))
    assert nn.functional.cosine_similarity(first, exact, dim=0) > 0.8
    gone = [(one.weight.grad == 0).all().item() for one in plain.layers if isinstance(one, nn.Linear)]
    assert gone == ([True, True] if name in ("int8", "ternary") else [False, False])
    if name == "ternary":  # its inputs are as they were
        assert (plain.layers[0].bias.grad != 0).any()


@pytest.mark.parametrize("name", OTHERS)
def test_no_kernel_of_float32_runs_it_and_it_can_be_pickled_copied_and_drawn(name):
    made, x = network(name), rows()
    assert mlp_rows.layers(made) is None
    model = TorchModel(made)
    assert model.policy() is None
    for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert torch.equal(twin(x), made(x))
    assert model.activate(x[0].tolist()) == model(x[:1])[0].tolist()
    assert model.figure().axes
    assert set(made.state_dict()) == set(network(name, arithmetic_seed=1).state_dict())


def test_weights_pass_from_one_arithmetic_to_another():
    trained = network("float32")
    for name in (*ROUNDED, "faulty"):
        encoding = Parameters(lambda name=name: network(name), samples=2)
        model = encoding.model(encoding.of(trained))
        assert torch.equal(model.module.layers[0].weight, trained.layers[0].weight)
    with pytest.raises(ValueError, match="buffers are not evolved"):
        Parameters(lambda: network("float32"), samples=2).of(network("faulty"))


def test_methods_say_that_torch_runs_it():
    task = small_task()
    assert backends(task).cores == "compiled"
    task._network = lambda inputs, outputs: MLP(inputs, outputs, arithmetic="int8")
    assert backends(task).cores == "torch"


def test_where_nothing_changes_a_straight_through_gradient_is_that_of_autograd():
    x = torch.randn((5, 4), generator=torch.Generator().manual_seed(0))
    for name in ("float32", "diffractive"):
        gradients = []
        for gradient in ("autograd", "straight_through"):
            with rng.torch_seed(0, 0, 0, rng.NETWORK):
                made = MLP(4, 2, hidden=(4,), arithmetic=name, gradient=gradient)
            made(x).sum().backward()
            gradients.append([one.grad for one in made.parameters()])
        assert all(torch.equal(one, other) for one, other in zip(*gradients))


def test_an_arithmetic_that_there_is_not_is_refused():
    with pytest.raises(SettingsError, match="did you mean 'int8'"):
        network("int4")
