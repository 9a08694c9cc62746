import pytest
import torch
from torch import nn

from evo import threads
from evo.activations import ACTIVATIONS
from evo.vectors import mlp_rows
from evo.vectors.encoding import Parameters
from evo.vectors.modules import CNN, MLP

SHAPES = [(1, (), 1), (3, (5,), 2), (64, (32,), 10), (7, (6, 9), 3), (5, (130,), 66)]


def population(inputs, hidden, outputs, count=9, activation="tanh", sigmoid=False):
    def network():
        mlp = MLP(inputs, outputs, hidden=hidden, activation=activation)
        return nn.Sequential(mlp, nn.Sigmoid()) if sigmoid else mlp

    encoding = Parameters(network, samples=2)
    return encoding, encoding.initial(0, 0, count)


def exact(encoding, vector, x):
    """In float64."""
    return encoding.model(vector).module.double()(x.double()).detach()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("batch", [1, 31, 64, 131])
def test_outputs_are_those_of_float64_but_for_rounding(shape, batch):
    encoding, vectors = population(*shape)
    x = torch.randn(batch, shape[0], generator=torch.Generator().manual_seed(0))
    found = encoding.express(vectors).forward(x)
    assert found.is_contiguous()
    for one, vector in zip(found, vectors):
        torch.testing.assert_close(one.double(), exact(encoding, vector, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_a_sigmoid_behind_it(activation):
    encoding, vectors = population(4, (6,), 3, activation=activation, sigmoid=True)
    assert encoding.express(vectors)._layers is not None
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)) * 3
    for one, vector in zip(encoding.express(vectors).forward(x), vectors):
        torch.testing.assert_close(one.double(), exact(encoding, vector, x), rtol=1e-5, atol=1e-5)


def test_a_row_has_the_same_bits_among_any_rows_and_in_any_company():
    encoding, vectors = population(7, (6, 9), 5)
    x = torch.randn(200, 7, generator=torch.Generator().manual_seed(0))
    networks = encoding.express(vectors)
    whole = networks.forward(x)
    for row in (0, 31, 32, 63, 64, 199):
        assert torch.equal(networks.forward(x[row : row + 1])[:, 0], whole[:, row])
    assert torch.equal(networks.forward(x[5:180]), whole[:, 5:180])
    assert torch.equal(networks.forward(x.expand(9, -1, -1)), whole)
    assert torch.equal(encoding.express(vectors[4:5]).forward(x), whole[4:5])


def test_a_number_that_is_not_finite_stays_in_its_row_and_its_network():
    encoding, vectors = population(5, (6,), 3)
    x = torch.randn(70, 5, generator=torch.Generator().manual_seed(0))
    before = encoding.express(vectors).forward(x)
    x[33, 2], vectors[4, 0] = float("nan"), float("inf")
    after = encoding.express(vectors).forward(x)
    assert after[:, 33].isnan().all()
    assert not after[4].isfinite().all()
    same = torch.ones(9, 70, dtype=bool)
    same[4], same[:, 33] = False, False
    assert torch.equal(after[same], before[same])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_cover_the_population_with_the_outputs_of_a_forward(count):
    encoding, vectors = population(4, (3,), 2, count=100)
    networks, x = encoding.express(vectors), torch.randn(3000, 4)
    seen = {}
    with threads.limited(count):
        networks.each_part(x, lambda start, stop, outputs: seen.update({(start, stop): outputs.clone()}))
    assert sorted(seen) == [(start, min(start + 8, 100)) for start in range(0, 100, 8)]
    assert torch.equal(torch.cat([seen[part] for part in sorted(seen)]), networks.forward(x))


def test_other_modules_are_left_to_torch():
    assert mlp_rows.layers(nn.Sequential(nn.Linear(3, 2))) is None
    assert mlp_rows.layers(CNN((1, 8, 8), 3)) is None
    assert mlp_rows.layers(nn.Sequential(CNN((1, 8, 8), 3), nn.Sigmoid())) is None


def test_inputs_of_another_number_are_refused():
    encoding, vectors = population(4, (3,), 2)
    with pytest.raises(ValueError, match="expected 4 inputs; got 5"):
        encoding.express(vectors).each_part(torch.zeros(3, 5), lambda *_: None)
