import copy

import numpy as np
import pytest
import torch

from evo.settings import SettingsError
from evo.vectors.encoding import Parameters
from evo.vectors.linear_float import MODES, SCALE, TINY, LinearFloat

SIZES = (20, 4)


def network(mode, gradient="identity", hidden=(16, 16), seed=0):
    """Weights as the paper draws them, and biases that the flush reaches (half of them)."""
    torch.manual_seed(seed)
    made = LinearFloat(*SIZES, hidden=hidden, mode=mode, gradient=gradient)
    with torch.no_grad():
        for layer in made.layers[1::2]:
            layer.bias.uniform_(-1, 1)
    return made


def rows(count=200):
    return 2 * torch.randn(count, SIZES[0], generator=torch.Generator().manual_seed(1))


def layer_by_layer(made, x):
    """Each layer's outputs in units of the paper's numbers times 2^125."""
    seen = []
    for k, layer in enumerate(made.layers):
        x = layer(x)
        if k % 2:
            seen.append(x * SCALE if made.layers[1].mode == "float32_ftz" and k < len(made.layers) - 1 else x)
    return [values.detach() for values in seen]


def test_flushing_floats_is_hardshrink_at_every_layer():
    flushed, shrunk = (layer_by_layer(network(mode), rows()) for mode in ("float32_ftz", "hardshrink"))
    for ours, theirs in zip(flushed, shrunk, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5
        assert 0.05 < (theirs == 0).double().mean() < 0.95


def test_hardshrink_is_torchs_and_the_scaled_network_is_the_papers():
    shrink, x = torch.nn.Hardshrink(0.5), rows()
    made = network("hardshrink")
    weights, biases = [layer.weight.T for layer in made.layers[::2]], [layer.bias for layer in made.layers[1::2]]
    first = shrink(x @ weights[0] + biases[0])
    second = shrink(first @ weights[1] + shrink(biases[1]))
    assert torch.allclose(made(x), shrink(second @ weights[2] + shrink(biases[2])), atol=1e-6)
    assert not torch.allclose(made(x), network("exact")(x), atol=0.1)
    zero = lambda t: torch.where(t.abs() < TINY, 0, t)
    h = zero(zero(x @ weights[0] + biases[0]) / SCALE)
    h = zero(h @ weights[1] + zero(biases[1] / SCALE))
    assert torch.equal(network("float32_ftz")(x), zero(zero(h @ weights[2] + zero(biases[2] / SCALE)) * SCALE))


@pytest.mark.parametrize("mode", MODES)
def test_only_the_exact_network_is_linear(mode):
    made, x = network(mode), rows()
    with torch.no_grad():
        f = lambda values: made(values) - made(torch.zeros(1, SIZES[0]))
        violation = (f(x + x.flip(0)) - f(x) - f(x.flip(0))).abs().max()
    assert (violation < 1e-4) == (mode == "exact")
    assert (violation > 0.1) == (mode != "exact")


@pytest.mark.parametrize("mode", ["float32_ftz", "hardshrink"])
def test_autograd_is_blind_to_the_flush_unless_it_is_told(mode):
    x = rows(30)
    blind, told, exact = network(mode), network(mode, "through_flush"), network("exact")
    assert torch.equal(blind(x), told(x))
    for made in (blind, told, exact):
        made(x).sum().backward()
    first, second, last = (layer.weight for layer in blind.layers[::2])
    ones = torch.ones(30, SIZES[1])  # as if no layer flushed: the exact network's derivative at the inputs of each layer
    assert torch.allclose(first.grad, ((ones @ last) @ second).T @ x, rtol=1e-4, atol=1e-4)
    assert torch.allclose(first.grad, exact.layers[0].weight.grad, rtol=1e-4, atol=1e-4)
    flushed = [layer.bias.abs() < 0.5 for layer in told.layers[3::2]]
    for layer, dead in zip(told.layers[3::2], flushed):
        assert (layer.bias.grad[dead] == 0).all()
    for layer in blind.layers[1::2]:
        assert (layer.bias.grad != 0).all()


def test_the_derivative_through_the_flush_is_that_of_small_steps():
    made, x = network("hardshrink", "through_flush").double(), rows(5).double()
    made(x).sum().backward()
    weight = made.layers[2].weight
    for place in ((0, 0), (3, 5), (7, 2)):
        sums = []
        for step in (1e-6, -1e-6):
            moved = copy.deepcopy(made)
            with torch.no_grad():
                moved.layers[2].weight[place] += step
            sums.append(moved(x).sum().item())
        assert weight.grad[place] == pytest.approx((sums[0] - sums[1]) / 2e-6, abs=1e-6)


def test_weights_begin_as_in_the_paper_and_biases_at_zero():
    torch.manual_seed(0)
    made = LinearFloat(784, 10)
    assert [tuple(layer.weight.shape) for layer in made.layers[::2]] == [(512, 784), (512, 512), (10, 512)]
    for layer, fan_in in zip(made.layers[::2], (784, 512, 512)):
        assert layer.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
    assert all((layer.bias == 0).all() for layer in made.layers[1::2])
    assert sum(p.numel() for p in made.parameters()) == 669_706


@pytest.mark.parametrize("mode", MODES)
def test_a_population_computes_as_each_network_alone(mode):
    encoding = Parameters(lambda: LinearFloat(*SIZES, hidden=(16, 16), mode=mode), samples=2)
    vectors, x = encoding.initial(0, 0, 7, scale=2.0), rows(50)
    found = encoding.express(vectors).forward(x)
    assert torch.equal(encoding.express(vectors[3:4]).forward(x), found[3:4])
    for vector, outputs in zip(vectors, found):
        assert torch.allclose(outputs, encoding.model(vector)(x), atol=1e-5)
    biases = encoding.named(["layers.1.*", "layers.3.*", "layers.5.*"])
    assert np.array_equal(encoding.spread == 0, biases)


def test_without_hidden_layers_the_flush_is_still_there():
    made = network("float32_ftz", hidden=())
    (products, elementwise), x = made.layers, rows()
    exact = x @ products.weight.T + elementwise.bias
    assert torch.allclose(made(x), torch.nn.functional.hardshrink(exact, 0.5), atol=1e-5)
    assert (made(x) == 0).any()


def test_the_exact_twin_shares_weights_and_leaves_the_network_as_it_is():
    made, x = network("hardshrink"), rows()
    before = made(x)
    twin = made.exact()
    assert torch.equal(twin(x), network("exact")(x))
    assert torch.equal(made(x), before)
    assert torch.equal(LinearFloat((2, 5, 2), 4)(x[:, :20]).isfinite(), torch.ones(200, 4, dtype=torch.bool))


def test_other_modes_and_gradients_are_refused():
    with pytest.raises(SettingsError, match=r"mode: expected one of hardshrink, float32_ftz, exact; got 'ftz'"):
        LinearFloat(2, 2, mode="ftz")
    with pytest.raises(SettingsError, match="did you mean 'through_flush'"):
        LinearFloat(2, 2, gradient="through")
