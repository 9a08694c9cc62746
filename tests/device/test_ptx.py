"""What kernels are for a card, found without one: they compile, spill nothing, fuse nothing, and add in no random order."""

import re

import pytest

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed (the extra cuda12), which compiles kernels without a card"
)

import registers

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
