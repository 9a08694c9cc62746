"""A generation of low-rank noise beside one of full rank, on one network of 670,000 weights:
python tests/bench/bench_low_rank.py [--toy] [--json FILE].

784-512-512-10, 1,000 pairs on the same rows: ask, forward, tell. Two of full rank: with the noise of all pairs held, as
openai-es holds it, and with the noise rebuilt, tile after tile of the population, both for the forward and for the step. Floors
at 8 rows: 10 x held and a tenth of its memory, 5 x rebuilt; 64 rows as it falls. Exit code 1 below a floor."""

import resource
import sys
from collections.abc import Callable

import numpy as np
import torch
from turns import Results, in_turn, parser, timed

from evo import MLP, LowRankES, OpenAIES, Parameters, threads
from evo.search import gaussian

FLOORS = {"held": 10.0, "rebuilt": 5.0}
TILE = 16  # networks that are made at once where noise is rebuilt


def low_rank(encoding: Parameters, pairs: int, rows: torch.Tensor) -> Callable[[], object]:
    es, fitness = LowRankES(encoding, population_size=2 * pairs), np.random.default_rng(0).random(2 * pairs)

    def generation() -> None:
        es.ask().forward(rows)
        es.tell(fitness)

    return generation


def held(encoding: Parameters, pairs: int, rows: torch.Tensor) -> Callable[[], object]:
    """The noise of a pair is read once for both of its networks; the product with the centre is shared, as with low rank."""
    sizes = [tuple(shape) for shape in encoding.shapes.values()]
    noise = [torch.empty((pairs, *size)).normal_() for size in sizes]
    centre = [torch.zeros(size) for size in sizes]
    weights = torch.rand(pairs, generator=torch.Generator().manual_seed(0))

    def block(start: int, stop: int) -> None:
        n, h = stop - start, rows.expand(2 * (stop - start), -1, -1)
        with torch.no_grad():
            for at in range(0, len(sizes), 2):
                flat = (h.flatten(0, 1) @ centre[at].T).view(2 * n, len(rows), -1)
                both = torch.cat([h[:n], -h[n:]], dim=1) @ noise[at][start:stop].mT  # (n, 2 B, O)
                own = noise[at + 1][start:stop][:, None]
                flat[:n] += 0.05 * (both[:, : len(rows)] + own) + centre[at + 1]
                flat[n:] += 0.05 * (both[:, len(rows) :] - own) + centre[at + 1]
                h = flat if at == len(sizes) - 2 else torch.relu(flat)

    def generation() -> None:
        threads.each_block(block, pairs, 16)
        for each in noise:
            rows_of = each.flatten(1)
            threads.each_block(lambda a, b, rows_of=rows_of: torch.mv(rows_of[:, a:b].T, weights), rows_of.shape[1], 8192)

    return generation


def rebuilt(encoding: Parameters, pairs: int, rows: torch.Tensor) -> Callable[[], object]:
    es, weights = OpenAIES(encoding, population_size=2), np.random.default_rng(0).random(pairs)
    mean, std = es.mean, np.float64(es.options.noise_std)

    def tile(number: int) -> np.ndarray:
        return gaussian.drawn(2 * TILE, mean, std, generation=number, seed=0, mirrored=True)

    def generation() -> None:
        tiles = range(-(-pairs // TILE))
        for number in tiles:
            es.express(tile(number)).forward(rows)
        for number in tiles:
            own = weights[number * TILE : (number + 1) * TILE]
            gaussian.weighted(tile(number)[: len(own)], mean, std, own)

    return generation


def main() -> int:
    options = parser(__doc__).parse_args()
    hidden, pairs, rounds = ((8,), 4, 1) if options.toy else ((512, 512), 1000, 2)
    encoding = Parameters(lambda: MLP(784, 10, hidden=hidden, activation="relu"), samples=2)
    results, below = Results("low_rank"), []
    for batch in (8, 64):
        rows = torch.randn((batch, 784), generator=torch.Generator().manual_seed(0))
        own = timed(low_rank(encoding, pairs, rows))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        own()
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        vectors = pairs * encoding.dimensions * 4 / 2**20
        print(f"{batch} rows: {more:,.0f} MiB more than before; the noise of full rank is {vectors:,.0f} MiB")
        for name, make in {"held": held, "rebuilt": rebuilt}.items():
            sides = {"ours": (own, 2), name: (timed(make(encoding, pairs, rows)), 1)}
            ratio = results.show(f"{encoding.dimensions:,} weights, {pairs:,} pairs, {batch} rows", in_turn(sides, rounds))
            assert ratio is not None
            floor = f" (floor {FLOORS[name]:g} x)" if batch == 8 else ""
            print(f"  full rank, {name}: {ratio:.1f} x{floor}", flush=True)
            below += [name] if batch == 8 and ratio < FLOORS[name] else []
    results.write(options.json)
    return int(bool(below) and not options.toy)


if __name__ == "__main__":
    sys.exit(main())
