"""Speed on a CUDA card: `python tests/device/bench_device.py [--seconds 150] [--toy] --json FILE`.

Forward passes of ragged genomes: many small ones; 2,500 of 2,500 connections; one of 2,500 nodes and 100,000 connections; with
the gigabytes a second at which weights, sources and values are read. Episodes of CartPole-500 by MLPs of 2 x 32 tanh units.
Whole generations of NEAT (breeding, speciation, 500 steps each), beside TensorNEAT's where it is installed. All on the card and
on this machine's cores; the first call, which compiles, is a column of its own. Cases that no longer fit into --seconds are
left out, and so is a peer that is not installed, with a word.
"""

import argparse
import dataclasses
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench")]

from endless_cartpole import cartpole  # noqa: E402

from evo import MLP, cuda  # noqa: E402
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node  # noqa: E402
from evo.network.cuda import memory  # noqa: E402
from evo.network.population import Networks  # noqa: E402
from evo.rollout.lanes import rollout  # noqa: E402
from evo.vectors.encoding import Parameters  # noqa: E402
from scenarios.environments.cartpole import environment  # noqa: E402

REPEATS = 5
TENSORNEAT = ROOT / "tests" / "bench" / "tensorneat_side.py"


def genome(seed: int, inputs: int, outputs: int, hidden: int, connections: int) -> Genome:
    """Random connections from earlier nodes to later ones, each once."""
    draw = np.random.default_rng(seed)
    nodes = [Node(k, SENSOR) for k in range(inputs)] + [Node(inputs + k, OUTPUT) for k in range(outputs)]
    nodes += [Node(inputs + outputs + k, HIDDEN) for k in range(hidden)]
    order = [*range(inputs), *range(inputs + outputs, len(nodes)), *range(inputs, inputs + outputs)]
    pairs = {(int(a), int(b)) for a, b in draw.integers(len(order), size=(3 * connections, 2)) if a < b and b >= inputs}
    genes = [
        Connection(k, order[a], order[b], float(draw.normal(scale=0.3)), True)
        for k, (a, b) in enumerate(sorted(pairs)[:: max(1, len(pairs) // connections)][:connections])
    ]
    return Genome(inputs, outputs, nodes, genes)


def timed(run) -> tuple[float, float]:
    """Seconds of the first call, and the median of REPEATS further ones."""
    seconds = []
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        run()
        if not cuda.simulated():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return seconds[0], statistics.median(seconds[1:])


def forward_row(case: str, genomes: list[Genome], rows: int) -> dict:
    networks = Networks(Genomes.of(genomes))
    x, moved = torch.randn(rows, genomes[0].inputs, generator=torch.manual_seed(0)), networks.to("cuda")
    there = x.to(cuda.device())
    first, median = timed(lambda: moved.forward(there))
    _, cores = timed(lambda: networks.forward(x))
    said = memory(networks.program, rows)
    reads = (len(networks.program.connection_weight) * 16 * -(-rows // 32)) + 8 * len(networks.program.connection_weight) * rows
    return {
        "case": case,
        "size": f"{len(genomes):,} genomes, {len(networks.program.connection_weight):,} connections, {rows:,} rows",
        "first_seconds": first,
        "seconds": median,
        "cores_seconds": cores,
        "bytes_said": sum(said),
        "bytes_taken": None if cuda.simulated() else torch.cuda.max_memory_allocated(),
        "gigabytes_per_second": (reads + said.outputs) / median / 1e9,
    }


def episodes_row(case: str, size: int, steps: int) -> dict:
    encoding = Parameters(lambda: MLP(4, 2, hidden=(32, 32)))
    networks, world = encoding.express(encoding.initial(0, 0, size)), dataclasses.replace(environment, max_steps=steps)
    starts, moved = world.starts(range(1)), networks.to(cuda.device())
    first, median = timed(lambda: rollout(world, moved, starts))
    _, cores = timed(lambda: rollout(world, networks, starts))
    taken = int(rollout(world, networks, starts).steps.sum())
    shape = f"{size:,} networks, {taken:,} steps"
    return {"case": case, "size": shape, "first_seconds": first, "seconds": median, "cores_seconds": cores}


def generation_row(case: str, size: int, steps: int) -> dict:
    first, median = timed(cartpole(size, "cuda", steps))
    _, cores = timed(cartpole(size, "cpu", steps))
    row = {"case": case, "size": f"{size:,} genomes", "first_seconds": first, "seconds": median, "cores_seconds": cores}
    if importlib.util.find_spec("tensorneat") is None or cuda.simulated():
        return row
    command = [sys.executable, str(TENSORNEAT), "cartpole", str(size), "9", "12"]
    done = subprocess.run(command, input="\n" * (1 + REPEATS), capture_output=True, text=True, check=True)
    ready, *took = [float(line.split()[1]) for line in done.stdout.splitlines()]
    return row | {"tensorneat_seconds": statistics.median(took[1:]), "tensorneat_first_seconds": ready}


def cases(toy: bool):
    """Names and functions that give a row."""
    many, large, nodes, links = (4, 40, 10, 20) if toy else (100_000, 2_500, 2_500, 100_000)
    small = lambda count: [genome(k % 500, 4, 2, k % 7, 8 + k % 9) for k in range(count)]
    yield "forward: many small", lambda case: forward_row(case, small(many), 4 if toy else 32)
    yield "forward: one large", lambda case: forward_row(case, [genome(0, 8, 4, nodes - 12 if not toy else 6, links)], 64)
    of_2500 = lambda: [genome(k % 50, 8, 4, 10 if toy else 500, large) for k in range(2 if toy else 2_500)]
    yield "forward: 2,500 of 2,500", lambda case: forward_row(case, of_2500(), 4 if toy else 64)
    for size in (4,) if toy else (10_000, 100_000):
        yield "cartpole mlp 2 x 32", lambda case, size=size: episodes_row(case, size, 5 if toy else 500)
        yield "cartpole generation", lambda case, size=size: generation_row(case, size, 5 if toy else 500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    if (why := cuda.unavailable()) is not None:
        sys.exit(why)
    began, rows, left_out = time.monotonic(), [], []
    for case, run in cases(options.toy):
        if time.monotonic() - began > options.seconds:
            left_out.append(case)
            continue
        rows.append(run(case))
        print(json.dumps(rows[-1]), flush=True)
    if importlib.util.find_spec("tensorneat") is None:
        left_out.append("TensorNEAT: not installed")
    card = "numba's simulator" if cuda.simulated() else torch.cuda.get_device_name()
    about = {"card": card, "torch": torch.__version__, "python": platform.python_version(), "date": time.strftime("%Y-%m-%d")}
    options.json.write_text(json.dumps({**about, "rows": rows, "left_out": left_out}, indent=1))


if __name__ == "__main__":
    main()
