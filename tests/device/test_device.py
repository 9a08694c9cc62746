"""On a card itself (`-m cuda`): the figures of cores, the same bytes from run to run, no more memory than was said.

With numba's simulator for a card they are a rehearsal of themselves, of fewer states (`run.sh --toy`)."""

import dataclasses
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "evo"))  # cuda_pass

import cuda_pass
import registers

from evo import cuda
from evo.activations import CODES
from evo.network.cuda import memory

pytestmark = pytest.mark.cuda
LIBRARY = {"neat_sin", "neat_softplus", "log", "gelu", "softplus", "sin"}  # activations that call functions of the C library
PLAIN = dict(cuda_pass.cases(tuple(code for name, code in CODES.items() if name not in LIBRARY)))
EVERY = dict(cuda_pass.cases())
EPISODES = dict(cuda_pass.episodes())
DRAWINGS = dict(cuda_pass.drawings(("bipolar_sigmoid", "gaussian", "identity")))
STATES = 20 if cuda.simulated() else 10_000
ROUNDING = 512  # bytes of which torch's allocations are multiples


def outputs(case):
    """What networks of a case give, call after call: on cores, and on the card."""
    case.networks.reset()
    moved = case.networks.to("cuda")
    cores = [case.networks.forward(x).numpy() for x in case.calls]
    return cores, [moved.forward(x.to(cuda.device())).cpu().numpy() for x in case.calls]


@pytest.mark.parametrize("name", PLAIN)
def test_networks_give_the_bits_of_cores(name):
    np.testing.assert_array_equal(*outputs(PLAIN[name])[::-1])


@pytest.mark.parametrize("name", EVERY)
def test_with_functions_of_the_library_they_differ_by_rounding(name):
    cores, card = outputs(EVERY[name])
    np.testing.assert_allclose(card, cores, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(outputs(EVERY[name])[1], card)


@pytest.mark.parametrize("name", EPISODES)
def test_episodes_are_those_of_cores(name):
    cores, card, again = (EPISODES[name].run(on_card) for on_card in (False, True, True))
    for k, what in enumerate(cores[0]._fields):
        np.testing.assert_allclose(card[0][k], cores[0][k], rtol=1e-9, err_msg=what)
        np.testing.assert_array_equal(again[0][k], card[0][k])
    np.testing.assert_allclose(card[1].mean, cores[1].mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", DRAWINGS)
def test_cppns_draw_what_they_draw_on_cores(name):
    cores, card, again = (DRAWINGS[name].run(device) for device in ("cpu", "cuda", "cuda"))
    for what in ("weights", "counts"):
        np.testing.assert_array_equal(card[what], cores[what], err_msg=what)
    np.testing.assert_allclose(card["answers"], cores["answers"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(again["answers"], card["answers"])


@pytest.mark.parametrize("name", registers.ENVIRONMENTS)
def test_a_step_from_many_states_is_that_of_cores(name):
    environment = dataclasses.replace(import_module(f"scenarios.environments.{name}").environment, max_steps=2)
    encoding = cuda_pass.Parameters(lambda: cuda_pass.MLP(environment.inputs, environment.outputs, hidden=(4,)))
    networks = encoding.express(encoding.initial(0, 0, 1))
    starts = environment.starts(range(STATES)) + np.random.default_rng(0).normal(scale=0.1, size=(STATES, environment.size))
    ours = cuda_pass.Rollout(environment, networks, starts, normalised=False)
    (cores, seen), (card, seen_there) = ours.run(on_card=False), ours.run(on_card=True)
    np.testing.assert_array_equal(card.steps, cores.steps)
    np.testing.assert_allclose(card.returns, cores.returns, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen_there.mean, seen.mean, rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(cuda.simulated(), reason="the simulator takes the host's memory; test_cuda.py has its bytes")
def test_no_more_memory_is_taken_than_was_said():
    for networks, calls in EVERY.values():
        x = calls[0].to(cuda.device())
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        networks.to("cuda").forward(x)
        said = memory(networks.program, x.shape[-2], x.ndim == 3)
        assert torch.cuda.max_memory_allocated() - before <= sum(said) - said.inputs + 20 * ROUNDING
