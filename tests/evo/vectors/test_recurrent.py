"""Networks that keep a state: alone, as a population, in kernels of episodes, on tasks."""

import copy
import math

import numpy as np
import pytest
import torch
from ticks import TickByTick
from torch import nn

from evo import threads
from evo.evolve import Evolve
from evo.interop.export import ExportError, export
from evo.rollout.environment import Environment
from evo.rollout.lanes import Policy, rollout
from evo.search.ga import GA
from evo.settings import SettingsError
from evo.tasks.control import ControlTask
from evo.testing import check_task, small_task
from evo.vectors import rnn_kernel
from evo.vectors.encoding import Parameters, backends
from evo.vectors.models import TorchModel
from evo.vectors.recurrent import GRU, LSTM, RNN, RWA

SEEDS = np.array([5, 6, 7])


def start(draws):
    return draws[0] - 0.5, 0.0


def observe(state):
    return state[0], 1.0


def remembered(state, push):
    """Pays for an action that is the observation before."""
    position, before = state
    return (0.9 * position + 0.3 * push, position), 1.0 - abs(push - before), abs(position) > 2.0


echo = Environment("echo_rnn", start, observe, remembered, draws=1, actions=((-1.0, 1.0),), max_steps=30)


def population(inputs=2, outputs=1, hidden=(5,), size=9, network=RNN):
    encoding = Parameters(lambda: network(inputs, outputs, hidden=hidden), samples=2)
    return encoding, encoding.initial(0, 0, size, 3.0)


def series(steps, *shape):
    return torch.randn(steps, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("hidden", [[6], [5, 4]])
@pytest.mark.parametrize(
    ("ours", "torchs", "parameters"), [(RNN, nn.RNN, (1, 1, 1)), (LSTM, nn.LSTM, (4, 4, 4)), (GRU, nn.GRU, (3, 3, 6))]
)
def test_it_computes_what_torchs_computes(ours, torchs, parameters, hidden, dtype, tolerance):
    torch.manual_seed(0)
    made, sizes = ours(3, 2, hidden=hidden).to(dtype), [3, *hidden]
    theirs = [torchs(before, after).to(dtype) for before, after in zip(sizes, hidden)]
    with torch.no_grad():
        for cell, layer in zip(made.cells, theirs):
            layer.weight_ih_l0.copy_(cell.inputs.weight)
            layer.weight_hh_l0.copy_(cell.recurrent.weight)
            layer.bias_ih_l0.copy_(cell.inputs.bias)
            layer.bias_hh_l0.zero_()
            if ours is LSTM:  # its forget gate has 1 beside the bias
                layer.bias_ih_l0[cell.after : 2 * cell.after] += 1.0
            if ours is GRU:
                layer.bias_hh_l0.copy_(cell.recurrent.bias)
    x = values = series(7, 4, 3).to(dtype)
    for layer in theirs:
        values = layer(values)[0]
    for _ in range(2):
        steps = torch.stack([made(rows) for rows in x])
        torch.testing.assert_close(steps, made.output(values), rtol=tolerance, atol=tolerance)
        made.reset()
    whole = made.output(made.run(x.transpose(0, 1)))
    torch.testing.assert_close(whole.transpose(0, 1), made.output(values), rtol=tolerance, atol=tolerance)
    before, gates = sum(p.numel() for p in made.parameters()), zip(sizes, hidden)
    inputs, own, biases = parameters
    assert before == sum(a * inputs * i + a * own * a + biases * a for i, a in gates) + hidden[-1] * 2 + 2


def averaged(cell, x):
    """What the paper's formulas give for x (T, I), one after another, as sums of exponentials."""
    named = {name: p.detach().numpy() for name, p in cell.named_parameters()}
    (u_x, g_x), a_x = np.split(named["inputs.weight"], 2), named["attention.weight"]
    g_h, a_h = np.split(named["recurrent.weight"], 2)
    u_b, g_b = np.split(named["inputs.bias"], 2)
    h, numerator, denominator, found = np.tanh(named["start"]), 0.0, 0.0, []
    for row in x:
        z = (u_x @ row + u_b) * np.tanh(g_x @ row + g_h @ h + g_b)
        weight = np.exp(a_x @ row + a_h @ h)
        numerator, denominator = numerator + z * weight, denominator + weight
        h = np.tanh(numerator / denominator)
        found.append(h)
    return np.array(found)


def test_a_recurrent_weighted_average_is_that_of_the_formulas():
    torch.manual_seed(0)
    made, x = RWA(3, 2, hidden=[5]).double(), series(40, 2, 3).double()
    wanted = np.stack([averaged(made.cells[0], rows.numpy()) for rows in x.unbind(1)])
    np.testing.assert_allclose(made.run(x.transpose(0, 1)).detach(), wanted, rtol=1e-10, atol=1e-12)
    rough = made.float().run(x.float().transpose(0, 1)).detach()
    np.testing.assert_allclose(rough, wanted, rtol=1e-4, atol=1e-5)


def test_attention_of_any_size_neither_overflows_nor_loses_its_gradient():
    torch.manual_seed(0)
    made = RWA(1, 1, hidden=[4])
    with torch.no_grad():
        made.cells[0].attention.weight.fill_(1e4)  # exp of it is inf
    values = made.run(torch.tensor([-1.0, 1.0, 0.5, -1.0])[None, :, None])
    torch.testing.assert_close(values[0, 1:], values[0, 1:2].expand(3, 4))  # the step of the largest is all of the average
    assert not torch.equal(values[0, 0], values[0, 1])
    made.output(values).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in made.parameters())


@pytest.mark.parametrize("network", [LSTM, GRU, RNN, RWA])
def test_its_gradient_is_that_of_differences_also_in_the_first_step(network):
    torch.manual_seed(0)
    made = network(2, 1, hidden=[3]).double()
    names = [name for name, p in made.named_parameters()]

    def steps(x, *values):
        made.reset()
        named = dict(zip(names, values))
        return torch.stack([torch.func.functional_call(made, named, (rows,)) for rows in x])

    for x in (series(1, 2, 2), series(3, 2, 2)):
        given = [x.double(), *(p.detach().clone() for p in made.parameters())]
        assert torch.autograd.gradcheck(steps, tuple(each.requires_grad_() for each in given))


@pytest.mark.parametrize("network", [LSTM, RWA])
def test_a_state_lies_layer_by_layer_and_reset_is_the_start(network):
    torch.manual_seed(0)
    made = network(2, 1, hidden=[3, 4])
    x = series(3, 5, 2)
    first = [made(rows) for rows in x]
    assert made.state.shape == (5, 2 * 3 + 2 * 4)
    made.reset()
    assert torch.equal(torch.stack([made(rows) for rows in x]), torch.stack(first))
    beginnings = torch.cat([cell.begin(x[0]) for cell in made.cells], 1)
    assert bool((beginnings == 0).all()) == (network is LSTM)
    assert (beginnings == -math.inf).sum() == (0 if network is LSTM else 5 * 7)


def test_a_first_population_of_lstms_keeps_its_forget_gates_open():
    encoding = Parameters(lambda: LSTM(2, 1, hidden=(40,)))
    cell = encoding.model(encoding.initial(0, 0, 1)[0]).module.cells[0]
    _, state = cell(cell.ahead(torch.zeros(1, 2)), torch.cat([torch.zeros(1, 40), torch.ones(1, 40)], 1))
    kept = state[0, 40:] - cell(cell.ahead(torch.zeros(1, 2)), torch.zeros(1, 80))[1][0, 40:]
    assert kept.detach().mean().item() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.05)


def test_layers_are_stacked_each_with_its_own_state():
    torch.manual_seed(0)
    made, x = RNN((1, 3), 2, hidden=[4, 5]), series(3, 2, 3)
    first, second = torch.zeros(2, 4), torch.zeros(2, 5)
    for rows in x:
        (one, two) = made.cells
        _, first = one(one.ahead(rows), first)
        _, second = two(two.ahead(first), second)
        torch.testing.assert_close(made(rows), made.output(second))  # a processor may add up rows of a larger array otherwise


def test_a_state_of_other_rows_is_refused_and_so_are_no_layers_and_onnx(tmp_path):
    made = RNN(3, 2)
    made(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="the state has 4 rows, the inputs have 5: reset"):
        made(torch.zeros(5, 3))
    with pytest.raises(SettingsError, match="hidden: expected at least one recurrent layer"):
        RNN(3, 2, hidden=[])
    with pytest.raises(ExportError, match="keeps state between calls, which ONNX cannot"):
        export(TorchModel(RNN(3, 2)), tmp_path / "one.onnx", 3)


@pytest.mark.parametrize(("network", "own"), [(RNN, False), (RNN, True), (LSTM, False), (GRU, True), (RWA, False), (RWA, True)])
def test_a_population_remembers_as_each_network_alone(network, own):
    encoding, vectors = population(hidden=(5, 3), size=70, network=network)
    networks, x = encoding.express(vectors), series(4, *([70] if own else []), 6, 2)
    few = encoding.express(vectors[30:33])
    models = [encoding.model(vector) for vector in vectors]
    for _ in range(2):
        for rows in x:
            found = networks.forward(rows)
            assert torch.equal(few.forward(rows[30:33] if own else rows), found[30:33])
            for k in (0, 31, 69):
                torch.testing.assert_close(found[k], models[k](rows[k] if own else rows), rtol=1e-5, atol=1e-5)
        for one in (networks, few, *models):
            one.reset()
    with threads.limited(2):
        networks.forward(x[0])
        again = networks.forward(x[1])
    other = encoding.express(vectors)
    with threads.limited(1):
        other.forward(x[0])
        assert torch.equal(other.forward(x[1]), again)


@pytest.mark.parametrize("hidden", [(5,), (4, 3)])
def test_the_kernel_answers_as_torch(hidden):
    encoding, vectors = population(3, 2, hidden, size=3)
    data = encoding.express(vectors).policy().data
    scratch, y, x = rnn_kernel.scratch(data, 2), np.empty((2, 2)), series(5, 3)
    for genome in (1, 2):
        model = encoding.model(vectors[genome])
        rnn_kernel.begin(data, genome, scratch, 1)
        for row in x:
            column = row.numpy().astype(np.float64)[:, None]
            rnn_kernel.answer(data, np.array([-1, genome]), scratch, 0, 2, np.hstack([0 * column, column]), y)
            np.testing.assert_allclose(y[:, 1], model(row[None])[0], rtol=1e-5, atol=1e-5)


def test_a_lane_remembers_and_begins_each_episode_anew():
    encoding, vectors = population(3, 2, (4, 3), size=3)
    data, x, y = encoding.express(vectors).policy().data, series(2, 3), np.empty((2, 2))
    policy = Policy(rnn_kernel, data, 3, 3, 2)
    one, other, out = rnn_kernel.alone(policy)(1), rnn_kernel.alone(policy)(1), np.empty((2, 2), np.float32)
    one(x[0].numpy(), out[0])
    one(x[1].numpy(), out[0])
    other(x[1].numpy(), out[1])
    assert not np.array_equal(*out)  # one remembers
    scratch = rnn_kernel.scratch(data, 2)
    for genome in (2, 1):
        rnn_kernel.begin(data, genome, scratch, 0)
    rnn_kernel.answer(data, np.array([1, -1]), scratch, 0, 2, np.repeat(x[1].numpy().astype(np.float64)[:, None], 2, 1), y)
    assert np.array_equal(out[1], y[:, 0])


def test_episodes_are_those_of_ticks_in_any_company_and_on_any_threads():
    encoding, vectors = population(size=40)
    task = ControlTask(echo, network=lambda inputs, outputs: RNN(inputs, outputs, hidden=(5,)))
    fused, slow = (task.evaluate(wrap(encoding.express(vectors)), SEEDS) for wrap in (lambda n: n, TickByTick))
    np.testing.assert_allclose(fused.fitness, slow.fitness, rtol=1e-4, atol=1e-4)
    starts = echo.starts(SEEDS)
    with threads.limited(2):
        whole = rollout(echo, encoding.express(vectors), starts)
    assert np.array_equal(rollout(echo, encoding.express(vectors[7:9]), starts).returns, whole.returns[7:9])
    for k in (0, 39):
        model = encoding.model(vectors[k])
        assert np.array_equal(rollout(echo, model, starts).returns[0], whole.returns[k])
        assert task.returns(TickByTick(model), SEEDS).returns[0] == pytest.approx(whole.returns[k], rel=1e-4)


def test_activate_remembers_until_reset_and_copies_have_states_of_their_own():
    encoding, vectors = population(size=1)
    model, x = encoding.model(vectors[0]), series(3, 2)
    first = [model.activate(row.tolist()) for row in x]
    assert first != [encoding.model(vectors[0]).activate(row.tolist()) for row in x]
    model.reset()
    assert [model.activate(row.tolist()) for row in x] == first
    twin = copy.deepcopy(model)
    assert twin.activate(x[0].tolist()) == model.activate(x[0].tolist())
    assert encoding.template.state is None


def test_it_learns_what_needs_a_memory():
    def task(**values):
        return ControlTask(echo, network=lambda inputs, outputs: RNN(inputs, outputs, **values), episodes=3)

    assert check_task(task()) == []
    learner = Evolve(task(), GA.for_task(task(), seed=0, population_size=100))
    for _ in range(12):
        row = learner.step()
    assert row["fitness_best"] > 27  # of 30
    assert backends(task()) == backends(task())._replace(cores="compiled", cuda="compiled")


def test_rows_are_no_steps():
    task = small_task()
    task._network = RNN
    with pytest.raises(ValueError, match=r"model\.network: RNN keeps a state from step to step; rows are none: use mlp"):
        task.network()


@pytest.mark.parametrize("network", [LSTM, GRU, RWA])
def test_gated_networks_run_in_episodes_tick_by_tick(network):
    task = ControlTask(echo, network=lambda inputs, outputs: network(inputs, outputs, hidden=(4,)), episodes=2)
    assert check_task(task) == []
    encoding, vectors = population(hidden=(4,), size=3, network=network)
    found = task.evaluate(encoding.express(vectors), SEEDS)
    alone = [task.evaluate(encoding.express(vector[None]), SEEDS).fitness[0] for vector in vectors]
    np.testing.assert_allclose(found.fitness, alone, rtol=1e-4)
    assert backends(task).cores == "torch"
