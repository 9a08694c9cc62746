import time

import numpy as np
import pytest
import torch
from torch import nn

from evo import CNN, MLP, LowRankES, Parameters, threads
from evo.search import gaussian
from evo.search.layers import stacked
from evo.search.strategy import centred_ranks
from evo.testing import small_task
from evo.vectors.linear_float import LinearFloat


def network():
    return MLP(5, 3, hidden=(7, 6))


def squashed():
    return nn.Sequential(MLP(5, 3, hidden=(7,)), nn.Sigmoid())


def without_bias():
    return nn.Sequential(nn.Linear(5, 8, bias=False), nn.Tanh(), nn.Linear(8, 3))


class Shift(nn.Module):
    """A function with a parameter of its own."""

    def __init__(self, units):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x):
        return torch.relu(x + self.bias)


def shifted():
    return nn.Sequential(Shift(5), nn.Linear(5, 8, bias=False), Shift(8), nn.Linear(8, 3))


def strategy(build=network, **values):
    return LowRankES(Parameters(build), seed=1, **{"population_size": 10, **values})


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("build", [network, squashed, without_bias, shifted])
@pytest.mark.parametrize("separate", [False, True])
def test_outputs_are_those_of_the_vectors_that_are_never_made(build, rank, separate):
    es = strategy(build, rank=rank, noise_std=0.3)
    population = es.ask()
    x = torch.randn((10, 4, 5) if separate else (4, 5), generator=torch.Generator().manual_seed(0))
    vectors = np.stack([population[i] for i in range(10)])
    expected = es.encoding.express(vectors).forward(x)
    assert torch.allclose(population.forward(x), expected, atol=2e-5)
    assert np.allclose(vectors[:5] + vectors[5:], 2 * es.mean, atol=1e-5)  # pairs lie opposite each other


def test_the_noise_of_a_matrix_has_the_rank_and_the_size_that_are_set():
    es = strategy(lambda: nn.Linear(40, 30), rank=2, population_size=400, noise_std=0.1)
    population = es.ask()
    deviations = np.stack([population[i] - es.mean for i in range(200)])
    matrix = deviations[0][: 40 * 30].reshape(30, 40)
    assert np.linalg.matrix_rank(matrix, tol=1e-4) == 2
    assert deviations[:, : 40 * 30].std() == pytest.approx(0.1, rel=0.02)
    assert deviations[:, 40 * 30 :].std() == pytest.approx(0.1, rel=0.03)


def test_the_noise_of_a_pair_is_that_of_its_directions():
    noise = gaussian.directions(2, 3, 5, generation=1, seed=4)
    whole = gaussian.drawn(5, np.zeros(5), np.ones(1), generation=1, seed=4)
    assert np.array_equal(noise, whole[2:])


def test_a_step_climbs_by_adam_the_sum_of_the_weighted_noise():
    es = strategy(weight_decay=0.01)
    population, before = es.ask(), es.mean.copy()
    noise = np.stack([population[i] - before for i in range(10)]) / es.options.noise_std
    fitness = np.random.default_rng(0).random(10)
    es.tell(fitness)
    gradient = centred_ranks(fitness) @ noise / 10 - 0.01 * before
    moved = 0.01 * gradient / (np.abs(gradient) + 1e-8)  # the first step of Adam
    assert np.allclose(es.mean - before, moved, atol=1e-4)
    assert np.allclose(es.moments[0], 0.1 * gradient, atol=1e-6)


def test_a_network_has_the_bits_it_has_in_any_company_and_on_any_threads():
    x = torch.randn((900, 5), generator=torch.Generator().manual_seed(0))  # blocks of 41 pairs
    few = strategy(population_size=120).ask().forward(x)
    with threads.limited(1):
        many = strategy(population_size=200).ask().forward(x)
    assert torch.equal(few[:60], many[:60])
    assert torch.equal(few[60:], many[100:160])


def test_threads_do_not_share_the_functions_they_put_parameters_into():
    class Slow(nn.LayerNorm):
        def forward(self, x):
            time.sleep(0.001)  # another thread is put in here
            return super().forward(x)

    build = lambda: nn.Sequential(nn.Linear(5, 8), Slow(8), nn.Tanh(), nn.Linear(8, 3))
    population = strategy(build, population_size=400).ask()
    x = torch.randn((900, 5), generator=torch.Generator().manual_seed(0))
    with threads.limited(1):
        expected = population.forward(x)
    with threads.limited(2):
        assert torch.equal(population.forward(x), expected)


def test_frozen_tensors_have_no_noise_and_stay():
    task = small_task()
    es = LowRankES.for_task(task, seed=0, population_size=10)
    start = es.model(es.mean.astype(np.float32))
    es = LowRankES.for_task(task, seed=1, population_size=10)
    es.warm_start(start, frozen=["layers.0.weight"])
    frozen = es.encoding.named(["layers.0.weight"])
    for generation in range(2):
        vectors = np.stack([es.ask()[i] for i in range(10)])
        assert (vectors[:, frozen] == es.fixed[frozen]).all()
        assert np.ptp(vectors[:, ~frozen], axis=0).min() > 0
        x = torch.randn((3, task.inputs), generator=torch.Generator().manual_seed(0))
        assert torch.allclose(es.ask().forward(x), es.encoding.express(vectors).forward(x), atol=2e-5)
        es.tell(np.random.default_rng(generation).random(10))
    assert np.array_equal(es.mean[frozen].astype(np.float32), es.fixed[frozen])


class Own(nn.Module):
    """A network with layers and a forward pass of its own."""

    def __init__(self, after):
        super().__init__()
        self.layers, self.after = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 4)), after

    def forward(self, x):
        return self.after(self.layers(x), x)


class Backwards(nn.Sequential):
    def forward(self, x):
        return super().forward(-x)


def test_layers_are_those_that_the_forward_pass_runs_in_order_and_nothing_besides():
    assert len(stacked(Own(lambda y, x: y))) == 4
    for after in (lambda y, x: y + x, lambda y, x: -10 * y, lambda y, x: torch.softmax(y, -1), lambda y, x: y @ x):
        assert stacked(Own(after)) is None
    assert stacked(Backwards(nn.Linear(4, 3))) is None


def test_what_is_no_stack_of_linear_layers_is_refused():
    assert len(stacked(network())) == 5
    assert len(stacked(LinearFloat(8, 3))) == 6
    assert stacked(CNN((1, 8, 8), 3)) is None
    assert stacked(MLP(8, 3, arithmetic="int8")) is None  # whose layers would be computed in float32
    with pytest.raises(ValueError, match="expected linear layers with functions between them; got CNN"):
        LowRankES(Parameters(lambda: CNN((1, 8, 8), 3)))
    with pytest.raises(ValueError, match="openai-es takes them"):
        LowRankES(5)
    with pytest.raises(ValueError, match=r"expected inputs of shape \(B, I\) or \(10, B, I\)"):
        strategy().ask().forward(torch.zeros(5))
    with pytest.raises(ValueError, match="expected 5 inputs; got 4"):
        strategy().ask().forward(torch.zeros((2, 4)))


def test_it_learns():
    task = small_task()
    es = LowRankES.for_task(task, seed=0, population_size=100, learning_rate=0.05)
    for _ in range(60):
        es.tell(task.evaluate(es.ask(), np.zeros(1)))
    assert task.score(es.model(es.mean.astype(np.float32)), "test")["accuracy"] >= 0.9
