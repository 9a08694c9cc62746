"""The forward pass of a population, ours against a loop of torch modules: python tests/bench/bench_forward.py [--toy]

The loop is over modules that are built beforehand, under no_grad, and is timed with torch on one thread and on all
cores; the faster counts. Ours uses all cores. Peak memory is what a process of its own grows by, networks included.
Exit code 1 below a floor.
"""

import argparse
import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from evo import rng, threads
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP

# layers, rows, networks, floor
CASES = [((64, 32, 10), 256, 500, 1.3), ((4, 16, 2), 1, 1_000, 10.0)]


def sides(layers: tuple[int, ...], rows: int, networks: int) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """The two ways to the same outputs (P, B, O): ours, and the loop."""
    inputs, *hidden, outputs = layers
    made = Parameters(lambda: MLP(inputs, outputs, hidden=hidden))
    vectors = made.initial(0, 0, networks)
    x = torch.from_numpy(rng.uniforms(0, 0, 0, rng.NOISE, rows * inputs)).float().reshape(rows, inputs)
    modules: list[torch.nn.Module] = []

    @torch.no_grad()
    def loop() -> Tensor:
        if not modules:
            modules.extend(made.model(vector).module for vector in vectors)
        return torch.stack([module(x) for module in modules])

    return lambda: made.express(vectors).forward(x), loop


def timed(function: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def on(count: int, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """`function` with torch on `count` threads."""

    def run() -> Tensor:
        torch.set_num_threads(count)
        return function()

    return run


def high_water() -> float:
    """MB that this process held at most (Linux)."""
    return int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def peak(layers: tuple[int, ...], rows: int, networks: int, side: int) -> float:
    """MB by which this process grew at most while it built and ran one side."""
    Path("/proc/self/clear_refs").write_text("5")  # importing held more for a moment: the mark starts again from here
    before = high_water()
    sides(layers, rows, networks)[side]()
    return high_water() - before


def compare(layers: tuple[int, ...], rows: int, networks: int, rounds: int, floor: float) -> bool:
    """Prints one case, and says whether it reaches its floor."""
    ours, loop = sides(layers, rows, networks)
    torch.testing.assert_close(ours(), loop(), rtol=1e-5, atol=1e-5)
    ways = {"ours": ours, "loop, 1 thread": on(1, loop), "loop, all cores": on(threads.cores(), loop)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            way()  # in its stride, as in a run: caches, and threads that the way before left waiting
            seconds[name] += [timed(way) for _ in range(5)]
    median = {name: statistics.median(values) for name, values in seconds.items()}
    context = multiprocessing.get_context("spawn")
    memory = []
    for side in (0, 1):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            memory.append(pool.submit(peak, layers, rows, networks, side).result())
    title = "-".join(map(str, layers))
    print(f"{title}, {rows} rows, {networks:,} networks, median of {5 * rounds}, {threads.cores()} of {os.cpu_count()} cores")
    for name, values in seconds.items():
        print(f"  {name:<16} {1e3 * median[name]:9.2f} ms   ({1e3 * min(values):.2f} to {1e3 * max(values):.2f})")
    ratio = min(median["loop, 1 thread"], median["loop, all cores"]) / median["ours"]
    print(f"  {ratio:.1f} x (floor {floor:g} x); peak memory: ours {memory[0]:.0f} MB, loop {memory[1]:.0f} MB")
    return ratio >= floor


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="three networks, once, without a floor: does it still run?")
    toy = parser.parse_args(arguments).toy
    if toy:
        compare(*CASES[-1][:2], networks=3, rounds=1, floor=CASES[-1][3])
        return 0
    reached = [compare(layers, rows, networks, 5, floor) for layers, rows, networks, floor in CASES]
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
