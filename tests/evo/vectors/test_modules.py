import pytest
import torch
from torch import nn

from evo.activations import ACTIVATIONS
from evo.settings import SettingsError
from evo.vectors.modules import CNN, MLP


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_mlp_is_linear_layers_with_the_activation_between_and_none_behind(activation):
    network, x = MLP(3, 2, hidden=[5, 4], activation=activation), 3 * torch.randn(7, 3)
    first, second, last = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    f = ACTIVATIONS[activation]
    expected = last(f(second(f(first(x)))))
    assert [layer.weight.shape for layer in (first, second, last)] == [(5, 3), (4, 5), (2, 4)]
    assert torch.equal(network(x), expected)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("tanh", lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
        ("relu", lambda x: x.clamp(min=0)),
        ("sigmoid", lambda x: 1 / (1 + (-x).exp())),
        ("gelu", lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2),
        ("elu", lambda x: torch.where(x > 0, x, x.exp() - 1)),
        ("softplus", lambda x: (1 + x.exp()).log()),
        ("sin", torch.sin),
        ("identity", lambda x: x),
        ("steep_sigmoid", lambda x: 1 / (1 + (-4.9 * x).exp())),
    ],
)
def test_an_activation_is_its_formula(name, formula):
    x = torch.linspace(-4, 4, 101, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS[name](x), formula(x))


def test_every_activation_has_its_formula_tested():
    assert len(ACTIVATIONS) == 9


def test_an_mlp_without_hidden_layers_is_linear():
    network = MLP(3, 2, hidden=[])
    (layer,) = network.layers
    x = torch.randn(4, 3)
    torch.testing.assert_close(network(x), x @ layer.weight.T + layer.bias)


def test_an_mlp_reads_a_picture_as_its_numbers():
    assert count(MLP((2, 3, 4), 5, hidden=[6])) == 24 * 6 + 6 + 6 * 5 + 5


def test_a_cnn_convolves_halves_and_ends_in_an_mlp():
    network, x = CNN((2, 9, 6), 3, channels=[4, 5], hidden=[7], activation="tanh"), torch.randn(6, 2 * 9 * 6)
    first, second = (layer for layer in network.convolutions if isinstance(layer, nn.Conv2d))
    halved = lambda z: nn.functional.max_pool2d(z, 2)
    convolved = lambda z, layer: nn.functional.conv2d(z, layer.weight, layer.bias, padding=1)
    z = halved(convolved(x.view(6, 2, 9, 6), first).tanh())
    z = halved(convolved(z, second).tanh())
    assert z.shape == (6, 5, 2, 1)
    torch.testing.assert_close(network(x), network.head(z.reshape(6, 10)))
    assert count(network) == (2 * 9 * 4 + 4) + (4 * 9 * 5 + 5) + (10 * 7 + 7) + (7 * 3 + 3)


def test_a_cnn_wants_pictures_and_says_so():
    with pytest.raises(ValueError, match=r"needs images \(C, H, W\); this task's inputs are 5: use mlp"):
        CNN(5, 2)
    with pytest.raises(ValueError, match=r"\(8, 8\): use mlp"):
        CNN((8, 8), 2)
    with pytest.raises(ValueError, match=r"model.channels: 3 poolings are too many for images of \(4, 7\)"):
        CNN((1, 4, 7), 2, channels=[1, 1, 1])
    assert CNN((1, 4, 7), 2, channels=[1, 1])(torch.randn(3, 28)).shape == (3, 2)


@pytest.mark.parametrize("network", [MLP, CNN])
def test_settings_are_checked_and_unknown_ones_refused(network):
    with pytest.raises(SettingsError, match=r"hidden: .*; got 0\nactivation: .* \(did you mean 'relu'\?\)"):
        network((1, 8, 8), 2, hidden=[0], activation="rellu")
    with pytest.raises(SettingsError, match=r"hiden: unknown setting \(did you mean 'hidden'\?\)"):
        network((1, 8, 8), 2, hiden=[3])
