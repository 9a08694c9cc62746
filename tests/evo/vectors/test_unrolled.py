"""Sequences as rows, and networks that keep a state run over them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from running import Running
from torch import nn

from evo import threads
from evo.vectors.encoding import Parameters
from evo.vectors.recurrent import GRU, LSTM, RNN, RWA
from evo.vectors.unrolled import Layout, Unrolled, passes

NETWORKS = {cls.__name__: cls for cls in (RNN, LSTM, GRU, RWA, Running)}


def made(name, inputs=2, outputs=3):
    torch.manual_seed(0)
    return Running(inputs, outputs) if name == "Running" else NETWORKS[name](inputs, outputs, hidden=[4, 3])


def drawn(lengths, features=2, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(length, features)).astype(np.float32) for length in lengths]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(1, 3))
def test_rows_hold_every_sequence_and_its_length(lengths, features):
    sequences = drawn(lengths, features)
    layout = Layout.of(sequences)
    rows = torch.from_numpy(layout.rows(sequences))
    assert layout == (max(lengths), features, len(set(lengths)) > 1)
    assert rows.shape == (len(lengths), layout.inputs)
    assert layout.last(rows).tolist() == [length - 1 for length in lengths]
    for row, inside, one in zip(layout.sequences(rows), layout.inside(rows), sequences):
        assert np.array_equal(row[inside], one)
        assert not row[~inside].any()


def test_what_is_no_sequence_is_named():
    for wrong, message in [
        ([], "expected at least one sequence; got none"),
        ([np.zeros((2, 1)), np.zeros((0, 1))], r"sequence 1: expected an array \(T, 1\) with T >= 1; got shape \(0, 1\)"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], r"sequence 1: expected an array \(T, 2\) with T >= 1; got shape \(2, 3\)"),
        ([np.zeros((2, 2, 2))], r"sequence 0: expected an array \(T, 2\) with T >= 1; got shape \(2, 2, 2\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            Layout.of(wrong)
    for layout, wrong, message in [
        (Layout(3, 2, True), (4, 2), r"sequence 0: expected an array \(T, 2\) with T from 1 to 3; got shape \(4, 2\)"),
        (Layout(3, 2, True), (3, 1), r"expected an array \(T, 2\) .* got shape \(3, 1\)"),
        (Layout(3, 2, True), (0, 2), r"got shape \(0, 2\)"),
        (Layout(3, 2, False), (2, 2), r"expected an array \(T, 2\) with T = 3; got shape \(2, 2\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            layout.rows([np.zeros(wrong)])
    with pytest.raises(TypeError, match="expected a network that keeps a state; got Linear"):
        Unrolled(nn.Linear(2, 2), Layout(3, 2, False))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("lengths", [(4, 4, 4), (1, 5, 3)])
def test_it_answers_as_the_network_step_by_step_after_the_end_of_each(name, lengths):
    network, sequences = made(name), drawn(lengths)
    layout = Layout.of(sequences)
    rows = torch.from_numpy(layout.rows(sequences))
    last, every = Unrolled(network, layout)(rows), Unrolled(network, layout, every=True)(rows)
    assert every.shape == (3, layout.ticks * 3)
    for k, one in enumerate(sequences):
        network.reset()
        steps = torch.cat([network(torch.from_numpy(step[None])) for step in one])
        network.reset()
        torch.testing.assert_close(last[k], steps[-1], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(every[k].view(-1, 3)[: len(one)], steps, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_neither_padding_nor_a_call_before_changes_an_answer(name):
    network, sequences = Unrolled(made(name), Layout(6, 2, True)), drawn((2, 6, 4))
    rows = torch.from_numpy(network.layout.rows(sequences))
    first = network(rows)
    again = rows.unflatten(-1, (6, 3)).clone()
    again[0, 2:, :2] = 1e30
    assert torch.equal(network(again.flatten(1)), first)
    made_of = rows.clone().requires_grad_()
    network(made_of)[0].sum().backward()
    slopes = made_of.grad.unflatten(-1, (6, 3))
    assert bool(slopes[0, :2, :2].any())
    assert not slopes[0, 2:].any()
    assert not slopes[1:].any()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_population_is_each_alone_in_any_company_and_on_any_threads(name):
    sequences = drawn((3, 1, 5, 5))
    layout = Layout.of(sequences)
    encoding = Parameters(lambda: Unrolled(made(name), layout), samples=2)
    vectors, rows = encoding.initial(0, 0, 70), torch.from_numpy(layout.rows(sequences))
    with threads.limited(2):
        found = encoding.express(vectors).forward(rows)
    with threads.limited(1):
        assert torch.equal(encoding.express(vectors).forward(rows), found)
    assert torch.equal(encoding.express(vectors[30:33]).forward(rows), found[30:33])
    for k in (0, 69):
        torch.testing.assert_close(found[k], encoding.model(vectors[k])(rows), rtol=1e-4, atol=1e-5)


def test_a_call_counts_a_forward_for_every_tick():
    network = Unrolled(made("LSTM"), Layout(7, 2, False))
    assert (passes(network), passes(nn.Sequential(network, nn.Sigmoid())), passes(nn.Linear(2, 2))) == (7, 7, 1)
    encoding = Parameters(lambda: network, samples=1)
    networks = encoding.express(encoding.initial(0, 0, 2))
    assert (networks.passes, networks.keeps_state) == (7, False)
    stepping = Parameters(lambda: made("LSTM"), samples=1)
    assert stepping.express(stepping.initial(0, 0, 2)).keeps_state
    assert stepping.model(stepping.initial(0, 0, 1)[0]).keeps_state
    assert not encoding.model(encoding.initial(0, 0, 1)[0]).keeps_state
