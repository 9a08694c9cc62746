"""Speed on a CUDA card: `python tests/device/bench_device.py [--seconds 130] [--toy] --json FILE`.

Forward passes of ragged genomes: many small ones, as they come and in order of size; 2,500 of 2,500 connections; one of 2,500
nodes and 100,000 connections; with the gigabytes a second at which weights, sources and values are read, as a share of what a
copy on this card moves. Weights that CPPNs draw. Episodes of CartPole by MLPs of 2 x 32 tanh units, of 500 steps and as long as
they last, where lanes that ended are also taken out every some steps (`compaction.py`). Whole generations of NEAT and of the
MLPs (breeding, speciation, 500 steps each). All on the card and on this machine's cores; the first call, which compiles, is a
column of its own; of peak memory stands what was said beforehand. FILE is written after every case: cases that fail say why,
those that no longer fit into --seconds are left out.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench")]

from compaction import rollout_in_turns  # noqa: E402
from endless_cartpole import cartpole, endless  # noqa: E402

from evo import GA, MLP, HyperNEAT, Substrate, cuda  # noqa: E402
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node  # noqa: E402
from evo.hyperneat.cppn import numbers  # noqa: E402
from evo.neat.neat import NEAT  # noqa: E402
from evo.network.cuda import memory  # noqa: E402
from evo.network.population import Networks  # noqa: E402
from evo.rollout.cuda import memory as memory_of_episodes  # noqa: E402
from evo.rollout.environment import Environment  # noqa: E402
from evo.rollout.lanes import rollout  # noqa: E402
from evo.vectors import mlp_cuda  # noqa: E402
from evo.vectors.encoding import Parameters  # noqa: E402
from scenarios.environments.cartpole import environment  # noqa: E402

REPEATS = 5
GIBIBYTE = 1 << 30


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


class Timed(NamedTuple):
    first: float  # seconds
    median: float  # of REPEATS further ones
    peak: int | None  # bytes above those that were taken before


def timed(run: Callable[[], object]) -> Timed:
    seconds, before = [], 0
    if not cuda.simulated():
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        run()
        if not cuda.simulated():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    peak = None if cuda.simulated() else torch.cuda.max_memory_allocated() - before
    return Timed(seconds[0], statistics.median(seconds[1:]), peak)


def row(case: str, size: str, card: Timed, cores: Timed | None = None, **more: object) -> dict:
    times = {"first_seconds": card.first, "seconds": card.median, "cores_seconds": cores and cores.median}
    return {"case": case, "size": size, **times, "bytes_taken": card.peak, **more}


def bandwidth(toy: bool) -> float:
    """Bytes a second that copying a GiB on the card reads and writes."""
    one = torch.ones(1 << 10 if toy else GIBIBYTE, dtype=torch.uint8, device=cuda.device())
    return 2 * len(one) / timed(lambda: one.clone()).median


def forward_row(case: str, genomes: Genomes, rows: int, peak: float) -> dict:
    networks = Networks(genomes)
    x, links = torch.randn(rows, genomes.inputs, generator=torch.manual_seed(0)), len(networks.program.connection_weight)
    there = x.to(cuda.device())
    card = timed(lambda: networks.to("cuda").forward(there))
    moved = networks.to("cuda")
    again, cores = timed(lambda: moved.forward(there)), timed(lambda: networks.forward(x))
    said = memory(networks.program, rows)
    reads = links * 16 * -(-rows // 32) + 8 * links * rows + said.outputs
    return row(
        case,
        f"{len(genomes):,} genomes, {links:,} connections, {rows:,} rows",
        again._replace(first=card.first, peak=card.peak),
        cores,
        bytes_said=sum(said) - said.inputs,
        gigabytes_per_second=reads / again.median / 1e9,
        share_of_copy=reads / again.median / peak,
    )


def drawn_row(case: str, size: int, side: int) -> dict:
    """CPPNs of some generations, asked about every pair of nodes of two sheets."""
    hyper = HyperNEAT(Substrate.grid((side, side), (side, side)), population_size=size, add_node=0.5, add_link=0.5, seed=0)
    for _ in range(6):
        hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
    times = [timed(lambda device=device: hyper.drawing.vectors(hyper.ask(), device)) for device in ("cuda", "cpu")]
    return row(case, f"{size:,} CPPNs, {side}x{side} to {side}x{side}", *times, bytes_said=4 * size * numbers(hyper.substrate))


def episodes_rows(case: str, size: int, steps: int, world: Environment) -> Iterator[dict]:
    """As they are; and, where lanes end early, with those taken out that did."""
    encoding = Parameters(lambda: MLP(4, 2, hidden=(32, 32)))
    world, networks = dataclasses.replace(world, max_steps=steps), encoding.express(encoding.initial(0, 0, size))
    starts, moved = world.starts(range(1)), mlp_cuda.policy(encoding.template, networks.vectors.to(cuda.device()))
    cores, done = timed(lambda: rollout(world, networks, starts)), rollout(world, networks, starts)
    shape = f"{size:,} networks, {int(done.steps.sum()):,} steps"
    said = memory_of_episodes(world, moved, len(starts))
    yield row(case, shape, timed(lambda: rollout(world, moved, starts)), cores, bytes_said=sum(said) - said.networks)
    if done.terminated.any():
        for turn in (16, 64):
            in_turns = partial(rollout_in_turns, world, moved, starts, turn)
            np.testing.assert_allclose(in_turns(), done.returns, rtol=1e-9)
            yield row(f"{case}, turns of {turn}", shape, timed(in_turns), cores)


def generations(case: str, size: int, steps: int, method: type) -> dict:
    there = "cuda" if method is NEAT else cuda.device()
    return row(case, f"{size:,}", *(timed(cartpole(size, device, steps, method)) for device in (there, "cpu")))


def cases(toy: bool, peak: float) -> Iterator[tuple[str, Callable[[str], Iterable[dict]]]]:
    """Names and functions that give rows."""
    many, large, nodes, links = (4, 40, 10, 20) if toy else (100_000, 2_500, 2_500, 100_000)
    various = [genome(k, 4, 2, k % 7, 8 + k % 9) for k in range(min(many, 500))]
    distinct = Genomes.of(various)
    small = distinct.select(np.arange(many) % len(distinct))
    ordered = small.select(np.argsort(np.diff(small.connections_at), kind="stable"))
    steps = 5 if toy else 500

    def of_2500() -> Genomes:
        found = Genomes.of([genome(k, 8, 4, 10 if toy else 500, large) for k in range(2 if toy else 50)])
        return found.select(np.arange(2 if toy else 2_500) % len(found))

    one = lambda: Genomes.of([genome(0, 8, 4, 6 if toy else nodes - 12, links)])
    mixed = lambda: Genomes.of([*various * (1 if toy else 8), genome(0, 4, 2, 6 if toy else nodes - 6, links)])
    yield "forward: many small", lambda case: [forward_row(case, small, 32, peak)]
    yield "forward: many small, in order of size", lambda case: [forward_row(case, ordered, 32, peak)]
    yield "forward: one large", lambda case: [forward_row(case, one(), 64, peak)]
    yield "forward: many small and one large", lambda case: [forward_row(case, mixed(), 32, peak)]
    yield "forward: 2,500 of 2,500", lambda case: [forward_row(case, of_2500(), 4 if toy else 64, peak)]
    yield "weights drawn by CPPNs", lambda case: [drawn_row(case, *((4, 2) if toy else (1_000, 11)))]
    for size in (4,) if toy else (10_000, 100_000):
        yield "cartpole generation of MLPs", lambda case, size=size: [generations(case, size, steps, GA)]
        yield "cartpole generation", lambda case, size=size: [generations(case, size, steps, NEAT)]
        yield "cartpole, 500 steps", lambda case, size=size: episodes_rows(case, size, steps, endless)
        yield "cartpole, as they last", lambda case, size=size: episodes_rows(case, size, 20 if toy else 500, environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=float, default=130.0)
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    if (why := cuda.unavailable()) is not None:
        sys.exit(why)
    began, peak, failed = time.monotonic(), bandwidth(options.toy), False
    found: dict = {
        "card": "numba's simulator" if cuda.simulated() else torch.cuda.get_device_name(),
        "copy_gigabytes_per_second": peak / 1e9,
        "rows": [],
        "left_out": [],
    }
    for case, run in cases(options.toy, peak):
        if time.monotonic() - began > options.seconds:
            found["left_out"].append(case)
        else:
            try:
                for one in run(case):
                    found["rows"].append(one)
                    print(json.dumps(one), flush=True)
            except Exception as error:  # told; the other cases go on
                traceback.print_exc()
                found["rows"].append({"case": case, "size": "", "error": f"{type(error).__name__}: {error}"})
                failed = True
        new = options.json.with_suffix(".new")  # who ends this process finds the figures before, or these
        new.write_text(json.dumps(found, indent=1))
        new.replace(options.json)
    sys.exit(failed)


if __name__ == "__main__":
    main()
