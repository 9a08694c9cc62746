"""What kernels are for a card, found without one: they compile, spill nothing, fuse nothing, and add in no random order."""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed (the extra cuda12), which compiles kernels without a card"
)

import registers

from evo.cuda import Kernel, unfused
from evo.rollout.cuda import kernel_of
from evo.vectors import mlp_cuda

CC = (9, 0)
KERNELS = list(registers.kernels())


@pytest.fixture(scope="module", params=KERNELS, ids=[each.name for each in KERNELS])
def ptx(request):
    return registers.ptx(request.param.kernel, request.param.signature, CC)


def test_no_register_is_spilled(ptx):
    taken = registers.usage(ptx, CC)
    assert taken.spilled == 0
    assert 0.15 <= taken.occupancy <= 1.0


def test_products_and_sums_round_as_on_cores(ptx):
    """Without ".rn" the assembler may fuse them; the functions of libdevice say themselves where they fuse."""
    assert re.search(r"\b(add|sub|mul)\.rn\.f64", ptx)
    assert not re.search(r"\b(add|sub|mul)\.(ftz\.)?f(32|64)", ptx)
    assert not re.search(r"\b(div|sqrt)\.(approx|full)", ptx)


def test_lanes_share_no_memory_and_no_sum(ptx):
    assert not re.search(r"\b(atom|red)\.|\.shared\b|bar\.sync", ptx)


def test_episodes_are_compiled_once_a_machine(monkeypatch, tmp_path):
    """A second kernel of the same functions finds machine code on the disk, products and sums unfused there too."""
    from numba.cuda import codegen, dispatcher, launchconfig

    card = SimpleNamespace(device=SimpleNamespace(compute_capability=CC))
    monkeypatch.setattr(codegen.devices, "get_context", lambda: card)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: card.device)
    monkeypatch.setattr(codegen.JITCUDACodegen, "magic_tuple", lambda self: (CC, CC))  # it would ask the driver
    monkeypatch.setattr(dispatcher._Kernel, "bind", lambda self: self._codelibrary.get_cubin(cc=CC))  # it would load it too
    monkeypatch.setattr(launchconfig, "current_launch_config", lambda: None)
    monkeypatch.setattr(dispatcher.CUDADispatcher, "_configure_cache_for_launch_config", lambda self, launch: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("rollout_cuda_")]:
        monkeypatch.delitem(sys.modules, name)  # it would be found again, with the folder that it was written to
    environment = import_module("scenarios.environments.mountain_car").environment
    signature = next(each.signature for each in KERNELS if each.name == "mountain_car mlp")
    kernel, code = kernel_of.__wrapped__(environment, mlp_cuda), []
    assert tmp_path in Path(kernel.function.__code__.co_filename).parents
    for found in ({"cache_misses": 1, "cache_hits": 0}, {"cache_misses": 0, "cache_hits": 1}):
        again = Kernel(kernel.function, kernel.cached)._dispatcher
        with unfused():
            code.append(bytes(again.compile(signature)._codelibrary.get_cubin(cc=CC).code))
        assert {name: sum(getattr(again.stats, name).values()) for name in found} == found
    assert code[0] == code[1]
