"""Networks of continuous time: neat-python's CTRNN, and differential equations whose solution is known."""

import math

import numpy as np
import pytest
import torch
from random_graphs import Peer, random_genome
from scipy.linalg import expm
from test_network_forward import difference, rows_of

from evo.activations import CODES
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.interop.export import export
from evo.network.model import NetworkModel
from evo.network.population import Networks, forward, initial_state
from evo.network.program import compile

GENOMES = 2000
CALLS = 4
IDENTITY = CODES["identity"]


def test_they_equal_neat_pythons_at_every_call():
    """1 .. 3 steps a call, of 1 to 50 ms; some longer than a time constant."""
    overflown = 0
    for seed in range(GENOMES):
        genome, ticks, time_step = random_genome(seed, recurrent=True), 1 + seed % 3, 0.001 * 50 ** (seed % 7 / 6)
        x, peer = rows_of(genome, CALLS, seed), Peer(genome, time_step=time_step)
        program = compile(Genomes.of([genome]), time_step=time_step)
        state = initial_state(program, 1)
        for row in x:
            output, expected = forward(program, row[None], state, ticks)[0, 0].numpy(), peer(row, ticks)
            if expected is None:
                overflown += 1
                break
            assert difference(output, expected) <= 1e-9, seed
    assert 0 < overflown < 0.05 * GENOMES


def linear(weights, time_constants):
    """A genome whose nodes are the sums of what they read: input 0, outputs 1 .. n, weights[i, j] from j to i; the input, 1,
    to the first."""
    nodes = [Node(0, SENSOR)] + [
        Node(1 + i, OUTPUT, activation=IDENTITY, time_constant=t) for i, t in enumerate(time_constants)
    ]
    connections = [(0, 1, 1.0)] + [(1 + j, 1 + i, w) for i, row in enumerate(weights) for j, w in enumerate(row)]
    return Genomes.of(
        [Genome(1, len(weights), nodes, [Connection(k, *connection) for k, connection in enumerate(connections)])]
    )


def solved(weights, time_constants, seconds):
    """u(seconds) of T du/dt = -u + W u + (1, 0, ..), from 0."""
    matrix = (np.array(weights) - np.eye(len(weights))) / np.array(time_constants)[:, None]
    force = np.eye(len(weights))[0] / time_constants
    return np.linalg.solve(matrix, (expm(matrix * seconds) - np.eye(len(weights))) @ force)


@pytest.mark.parametrize("backend", ["cores", "torch"])
@pytest.mark.parametrize(
    ("weights", "time_constants"),
    [
        ([[0.0]], [0.5]),
        ([[0.0, -3.0], [3.0, 0.0]], [0.4, 0.8]),
        ([[0.5, 1.0, 0], [-2.0, 0, 0.3], [0, 1.0, -1.0]], [2.0, 0.3, 1.0]),
    ],
)
def test_the_error_falls_with_the_time_step_to_the_solution_of_the_equation(weights, time_constants, backend):
    genomes, exact, errors = linear(weights, time_constants), solved(weights, time_constants, 1.0), []
    for steps in (100, 200, 400):
        program = compile(genomes, time_step=1.0 / steps)
        at_one = forward(program, np.ones((1, 1)), ticks=steps, backend=backend)[0, 0].numpy()
        errors.append(np.abs(at_one - exact).max())
    assert errors[2] < 0.01
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


def test_a_lone_node_follows_its_input_at_the_pace_of_its_time_constant():
    networks = Networks(linear([[0.0]], [0.5]), ticks=5, time_step=0.01)
    for call in range(1, 60):
        (u,) = networks.forward(torch.ones(1, 1))[0, 0].tolist()
        assert u == pytest.approx(1 - (1 - 0.01 / 0.5) ** (5 * call), abs=1e-6)
    assert u == pytest.approx(1 - math.exp(-59 * 0.05 / 0.5), abs=1e-3)


def test_calls_of_one_tick_pass_through_what_a_call_of_many_ends_in():
    genomes = Genomes.of([random_genome(5, recurrent=True)])
    once, often = (Networks(genomes, ticks=ticks, time_step=0.02) for ticks in (6, 1))
    x = torch.randn(4, genomes.inputs, generator=torch.manual_seed(0))
    for _ in range(3):
        whole = once.forward(x)
        assert torch.equal([often.forward(x) for _ in range(6)][-1], whole)


def test_a_time_step_as_long_as_the_time_constants_is_a_tick_of_the_recurrent_network():
    genomes = Genomes.of([random_genome(7, recurrent=True, activations=[CODES["tanh"]], aggregations=[0])])
    genomes.genes.time_constant[:] = 0.25
    continuous, recurrent = Networks(genomes, time_step=0.25), Networks(genomes, recurrent=True)
    for x in torch.randn(9, 4, genomes.inputs, generator=torch.manual_seed(0)):
        torch.testing.assert_close(continuous.forward(x), recurrent.forward(x))


def test_time_constants_are_parameters_where_they_are_not_a_second():
    genomes = linear([[0.0, 1.0], [1.0, 0.0]], [1.0, 0.5])
    assert [Networks(genomes, True, time_step=step).parameters.tolist() for step in (0.0, 0.01)] == [[5], [6]]


@pytest.mark.parametrize("time_step", [-0.1, math.nan, math.inf])
def test_a_time_step_that_is_no_time_is_refused(time_step):
    with pytest.raises(ValueError, match="time_step: expected a number of seconds >= 0; got"):
        compile(linear([[0.0]], [1.0]), time_step=time_step)


@pytest.mark.parametrize("time_constant", [0.0, -1.0, math.nan])
def test_a_time_constant_that_is_no_time_is_named(time_constant):
    genomes = Genomes.concatenate([linear([[0.0]], [value]) for value in (1.0, time_constant)])
    with pytest.raises(ValueError, match=f"genome 1: node 1 has time_constant {time_constant}; expected above 0"):
        compile(genomes, time_step=0.01)


def test_the_module_is_exported_with_its_rates_and_learns_by_its_gradient(tmp_path):
    genome = linear([[0.5, 1.0], [-2.0, 0.0]], [0.1, 0.2])
    module = NetworkModel(genome, ticks=2, time_step=0.05).to_module()
    assert repr(module).endswith("5 connections, 2 outputs, continuous-time, ticks=2)")
    saved = torch.load(export(NetworkModel(genome, time_step=0.05), tmp_path / "net.pt", 1))
    torch.testing.assert_close(saved["rate"].sort().values, torch.tensor([0.25, 0.5]))
    target = torch.tensor([[0.3, -0.4]])
    optimizer = torch.optim.Adam([module.weight, module.bias], lr=0.05)
    for _ in range(200):
        module.reset()
        optimizer.zero_grad()
        for _ in range(3):
            loss = (module(torch.ones(1, 1)) - target).square().sum()
        loss.backward()
        optimizer.step()
    assert loss < 1e-3


def test_hidden_nodes_without_a_connection_stay_at_zero_as_in_recurrent_networks():
    nodes = [Node(0, SENSOR), Node(1, OUTPUT, activation=IDENTITY), Node(2, HIDDEN, bias=5.0, activation=IDENTITY)]
    genome = Genomes.of([Genome(1, 1, nodes, [Connection(0, 2, 1, 1.0), Connection(1, 0, 1, 1.0)])])
    assert forward(compile(genome, time_step=0.5), np.ones((1, 1)), ticks=9).item() == 1 - 0.5**9
