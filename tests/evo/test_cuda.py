"""Networks and episodes on a card, which is numba's simulator here: the figures of cores, and the memory said beforehand."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import cuda_pass
import numpy as np
import pytest
import torch

from evo import cuda
from evo.network.cuda import memory
from evo.network.population import Networks

ROOT = Path(__file__).parents[2]
CASES = dict(cuda_pass.cases())
EPISODES = dict(cuda_pass.episodes())
DRAWINGS = dict(cuda_pass.drawings())
each_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """What `cuda_pass` finds in a process whose card is simulated."""
    path = tmp_path_factory.mktemp("cuda") / "found.npz"
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "evo")])
    command = [sys.executable, "-W", "error", "-W", "ignore::RuntimeWarning", cuda_pass.__file__, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(path) as found:
        return dict(found)


@each_case
def test_a_card_gives_what_cores_give_call_after_call(card, name):
    networks, calls = CASES[name]
    networks.reset()
    for k, x in enumerate(calls):
        cores, found = networks.forward(x).numpy(), card[f"{name}: {k}"]
        assert np.isfinite(cores).mean() > 0.9
        np.testing.assert_array_equal(found, cores)


@each_case
def test_a_reset_forgets_the_state_on_a_card(card, name):
    np.testing.assert_array_equal(card[f"{name}: reset"], card[f"{name}: 0"])


@pytest.mark.parametrize("name", [*CASES, *EPISODES])
def test_memory_is_known_beforehand(card, name):
    taken, said = card[f"{name}: bytes"]
    assert taken == said


def test_a_population_takes_the_bytes_that_the_page_of_rollout_names():
    program = CASES["recurrent, own rows"].networks.program
    genomes, nodes, connections = len(program.steps), len(program.node), len(program.connection_weight)
    assert memory(program, 0).program == 32 * genomes + 8 + 50 * nodes + 16 * connections


@pytest.mark.parametrize("name", EPISODES)
def test_episodes_on_a_card_are_those_of_cores(card, name):
    episodes, moments = EPISODES[name].run(on_card=False)
    assert len(np.unique(episodes.returns)) > 2
    for what, cores in (*episodes._asdict().items(), *vars(moments).items()):
        np.testing.assert_array_equal(card[f"{name}: {what}"], cores, err_msg=what)


def test_a_network_that_answers_nan_ends_its_episode_alone_on_a_card_too(card):
    returns = card["ropes, relu: returns"]
    assert np.isnan(returns).all(axis=1).tolist() == [False, True, False, False]


@pytest.mark.parametrize("name", DRAWINGS)
def test_cppns_draw_on_a_card_what_they_draw_on_cores(card, name):
    """Where they are asked there, by the kernel of networks: weights, what rows count, and networks drawn anew each time."""
    for what, cores in DRAWINGS[name].run("cpu").items():
        np.testing.assert_array_equal(card[f"{name}: {what}"], cores, err_msg=what)
    drawn = card[f"{name}: weights"]
    assert not drawn[:2].any()
    assert drawn[2:].any(axis=1).all()
    assert (drawn[2:] == 0).any()


def test_without_room_a_line_says_what_is_needed_what_there_is_and_what_to_set(monkeypatch):
    """Before anything is put there, and where an allocation fails all the same."""
    monkeypatch.setattr(cuda, "free", lambda: 3e9)
    line = "so many networks: need {} GB on the card, of which 3 GB are free; run fewer, or use the CPU"
    with pytest.raises(RuntimeError, match=line.format(12)), cuda.room(12_000_000_000, "so many networks", "run fewer"):
        pytest.fail("began without room")
    with pytest.raises(RuntimeError, match=line.format(2)), cuda.room(2_000_000_000, "so many networks", "run fewer"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    with cuda.room(3_000_000_000, "so many networks", "run fewer"):
        pass


OLD = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver ..."
)


@pytest.mark.parametrize(
    ("warned", "line"),
    [
        (None, "no NVIDIA driver answers with a card (nvidia-smi would show one)"),
        (OLD, f"{OLD.partition('. ')[0]}; update the driver, or install a torch built for it (pytorch.org)"),
    ],
)
def test_without_a_driver_or_with_an_old_one_a_line_says_what_to_do(monkeypatch, warned, line):
    def available():
        if warned:
            warnings.warn(warned, stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", available)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert cuda.no_card() == f"torch {torch.__version__} finds no CUDA device: {line}"
    assert cuda.unavailable() == cuda.no_card()


@pytest.mark.parametrize(
    ("error", "driver", "compiler", "line"),
    [
        (None, (13, 0), (12, 9), None),
        (None, (12, 4), (12, 9), None),
        (
            *(None, (12, 4), (13, 0)),
            "numba-cuda compiles for CUDA 13, the driver here takes CUDA 12.4: "
            'update the driver, or pip install "neuroevo[cuda12]"',
        ),
        (
            *("\nCUDA driver library cannot be found.\n", None, None),
            "numba-cuda finds no driver that it can use: CUDA driver library cannot be found.; install NVIDIA's driver anew",
        ),
    ],
)
def test_a_driver_older_than_the_compiler_is_told_before_anything_starts(error, driver, compiler, line):
    module = SimpleNamespace(is_available=lambda: error is None, cuda_error=lambda: error)
    module.runtime = SimpleNamespace(get_version=lambda: compiler)
    module.cudadrv = SimpleNamespace(driver=SimpleNamespace(get_version=lambda: driver))
    assert cuda.unfit(module) == line


def test_without_a_card_networks_say_what_is_missing():
    networks = Networks(CASES["feed-forward, shared rows"].networks.genomes)
    why = cuda.unavailable()
    if why is None:
        pytest.skip("there is a card here")
    with pytest.raises(RuntimeError, match=r"torch .*CUDA"):
        networks.to("cuda")
    with pytest.raises(ValueError, match='expected "cpu" or "cuda"; got \'mps\''):
        networks.to("mps")
    assert networks.to("cpu") is networks
