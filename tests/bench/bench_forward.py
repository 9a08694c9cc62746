"""The forward pass of a population, ours against a loop of torch modules:
python tests/bench/bench_forward.py [--toy] [--json FILE].

The loop is over modules that are built beforehand, under no_grad, and is timed with torch on one thread and on all
cores; the faster counts. Ours uses all cores. Peak memory is what a process of its own grows by, networks included.
Exit code 1 below a floor.
"""

import multiprocessing
import re
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from turns import Results, parser, timed

from evo import machine, rng
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


def compare(results: Results, layers: tuple[int, ...], rows: int, networks: int, floor: float, rounds: int) -> bool:
    """Prints one case, and says whether it reaches its floor."""
    ours, loop = sides(layers, rows, networks)
    torch.testing.assert_close(ours(), loop(), rtol=1e-5, atol=1e-5)
    ways = {"ours": ours, "loop, 1 thread": on(1, loop), "loop, all cores": on(machine.cores(), loop)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            way()  # in its stride, as in a run: caches, and threads that the way before left waiting
            seconds[name] += [timed(way)() for _ in range(5)]
    context = multiprocessing.get_context("spawn")
    memory = []
    for side in (0, 1):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            memory.append(pool.submit(peak, layers, rows, networks, side).result())
    ratio = results.show(f"{'-'.join(map(str, layers))}, {rows} rows, {networks:,} networks", seconds)
    print(f"  {ratio:.1f} x (floor {floor:g} x); peak memory: ours {memory[0]:.0f} MB, loop {memory[1]:.0f} MB")
    return ratio >= floor


def main(arguments: list[str]) -> int:
    options, results = parser(__doc__).parse_args(arguments), Results("forward")
    cases = [(*CASES[-1][:2], 3, CASES[-1][3])] if options.toy else CASES
    rounds = 1 if options.toy else 5
    reached = [compare(results, *case, rounds=rounds) for case in cases]
    results.write(options.json)
    return int(not options.toy and not all(reached))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
