"""What kernels take of a card's registers, found without a card: `python tests/device/registers.py [--cc 9.0]`.

Every kernel is compiled to PTX, as at its first launch, and to machine code by ptxas, which numba-cuda's extra brings along
(`pip install "neuroevo[cuda12]"`). A line each: registers a thread, bytes spilled a thread (stores and loads) and of its stack,
and the share of a multiprocessor's threads that registers leave room for (theoretical occupancy).
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from numba import types

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import compaction  # noqa: E402

from evo.cuda import THREADS, Kernel, unfused  # noqa: E402
from evo.hyperneat import cuda as drawing  # noqa: E402
from evo.network import cuda as networks  # noqa: E402
from evo.network.program import PROGRAM  # noqa: E402
from evo.rollout.cuda import kernel_of  # noqa: E402
from evo.vectors import mlp_cuda, rnn_cuda  # noqa: E402

# Of a multiprocessor of compute capability 8.0 and 9.0 (CUDA C++ Programming Guide, table of technical specifications).
REGISTERS, RESIDENT, WARP, UNIT = 65536, 2048, 32, 256


ENVIRONMENTS = (
    *("acrobot", "cartpole", "double_pole", "double_pole_no_velocity", "food_gathering", "mountain_car"),
    *("mountain_car_continuous", "pendulum", "single_pole", "swing_up", "t_maze"),
)


MLP_DATA = types.Tuple((types.float32[:, ::1], types.int64[::1], types.int64, types.int64))
MLP_SCRATCH = types.Tuple((types.float32[:, :, ::1], types.int64))
RNN_SCRATCH = types.Tuple((types.float32[:, :, ::1], types.float32[:, ::1], types.int64))


class Compiled(NamedTuple):
    """A kernel; its arguments' types."""

    name: str
    kernel: Kernel
    signature: object


class Usage(NamedTuple):
    registers: int
    spilled: int  # bytes
    stack: int  # bytes

    @property
    def occupancy(self) -> float:
        warp = -(-self.registers * WARP // UNIT) * UNIT
        blocks = REGISTERS // warp * WARP // THREADS
        return min(1.0, blocks * THREADS / RESIDENT)


def kernels() -> Iterator[Compiled]:
    whole, state = types.int64, types.float64[:, :, ::1]
    for kind in (types.float32, types.float64):
        rows = kind[:, :, ::1]
        values = types.float64[:, ::1]
        yield Compiled(f"forward {kind}", networks._forward, types.void(PROGRAM, rows, rows, values, whole, whole))
        yield Compiled(f"ticks {kind}", networks._ticks, types.void(PROGRAM, rows, rows, state, whole))

    read = (whole, types.float64, types.float64, whole, whole)
    yield Compiled("weights drawn", drawing._link, types.void(state, types.float32[:, ::1], *read))

    yield from episodes()
    whole_numbers, lanes = types.int64[:, ::1], (types.int64[::1], types.float64[:, ::1], types.float64[:, ::1])
    in_turns = compaction.kernel_of(import_module("scenarios.environments.cartpole").environment, mlp_cuda)
    signature = types.void(*(whole,) * 3, *lanes, whole_numbers, types.boolean[::1], MLP_DATA, MLP_SCRATCH)
    yield Compiled("cartpole mlp, in turns", in_turns, signature)


def episodes() -> Iterator[Compiled]:
    """Of every shipped environment with each policy kind."""
    whole, flat, real, rows = types.int64, types.float32[::1], types.float64[:, ::1], types.float64[:, :, ::1]
    kinds = {
        "genome": (networks, types.Tuple((PROGRAM, whole)), rows),
        "mlp": (mlp_cuda, MLP_DATA, MLP_SCRATCH),
        "rnn": (rnn_cuda, MLP_DATA, RNN_SCRATCH),
    }
    for name in ENVIRONMENTS:
        environment = import_module(f"scenarios.environments.{name}").environment
        for kind, (module, data, scratch) in kinds.items():
            results = real, types.int64[:, ::1], types.boolean[:, ::1]
            arrays = (real, real, rows, flat, flat, real, real, real, real, *results, data, scratch)
            yield Compiled(f"{name} {kind}", kernel_of(environment, module), types.void(*(whole,) * 5, *arrays))


def ptx(kernel: Kernel, signature: object, cc: tuple[int, int]) -> str:
    """A kernel's PTX for a compute capability, without a driver."""
    from numba import cuda
    from numba.cuda import api, dispatcher

    class Card:
        compute_capability = cc

    card = [mock.patch.object(module, "get_current_device", return_value=Card) for module in (api, dispatcher)]
    with card[0], card[1], unfused():
        return cuda.compile(kernel.function, signature, cc=cc, abi="numba", device=False)[0]


def usage(code: str, cc: tuple[int, int]) -> Usage:
    """What ptxas says of PTX."""
    import nvidia

    found = [path for folder in nvidia.__path__ for path in Path(folder).glob("*/bin/ptxas")]
    if not found:
        sys.exit('ptxas is missing, which the extra cuda12 brings: pip install "neuroevo[cuda12]"')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.ptx")
        path.write_text(code)
        command = [found[0], "-v", f"-arch=sm_{cc[0]}{cc[1]}", path, "-o", os.devnull]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    number = lambda pattern: sum(map(int, re.findall(pattern, told)))
    spilled = number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads")
    return Usage(max(map(int, re.findall(r"Used (\d+) registers", told))), spilled, number(r"(\d+) bytes stack frame"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--cc", default="9.0", help="compute capability")
    cc = tuple(map(int, parser.parse_args().cc.split(".")))
    print(f"{'kernel':44}{'registers':>10}{'spilled B':>10}{'stack B':>10}{'occupancy':>10}")
    for name, kernel, signature in kernels():
        taken = usage(ptx(kernel, signature, cc), cc)
        print(f"{name:44}{taken.registers:10}{taken.spilled:10}{taken.stack:10}{taken.occupancy:10.0%}", flush=True)


if __name__ == "__main__":
    main()
