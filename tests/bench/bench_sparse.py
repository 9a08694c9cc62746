"""At which share of connections would a sparse form of drawn networks be quicker than the dense one?
python tests/bench/bench_sparse.py [--toy] [--json FILE].

Layers of the sizes that occur, with a share of their weights, drawn at random, not zero: the kernel of `evo.vectors.mlp_rows`,
which takes them all, against one written for this bench, which takes what is not zero in rows of (source, weight), four at a
time. CPPNs give weights one beside the other, so making these rows counts. CPU time of one thread, so that other work on the
machine tells little; medians of 9. Outputs agree but for rounding. There is no floor.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from numba import njit
from turns import Results, parser

from evo.vectors import mlp_rows
from evo.vectors.dense import ROWS
from evo.vectors.modules import MLP

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)
CASES = (  # sizes of layers, rows, networks
    ((8, 8, 2), 256, 300),  # retina
    ((64, 10), 1078, 100),  # digits
    ((121, 121), 75, 20),  # visual discrimination, at 11x11, 33x33 and 55x55
    ((1089, 1089), 75, 1),
    ((3025, 3025), 75, 1),
)
TOY = (((4, 3, 2), 9, 2), ((5, 4), 70, 2))


@njit(cache=True, nogil=True, fastmath={"contract"})
def sparse(vectors, sizes, x, out, values, first, sources, weights):
    """Networks `vectors` (n, D), the identity behind each layer, on shared rows x (tiles, I, ROWS), flat, into out
    (n, tiles, O, ROWS), by the weights that are not zero. values (2, ROWS * widest), first (outputs of all layers and one
    more), sources and weights (as many as a network may have): scratch."""
    for k in range(len(vectors)):
        count = output = at = 0
        for layer in range(len(sizes) - 1):
            before, after = sizes[layer], sizes[layer + 1]
            for o in range(after):
                first[output] = count
                output += 1
                for i in range(before):
                    weight = vectors[k, at + o * before + i]
                    if weight != 0.0:
                        sources[count], weights[count] = i * ROWS, weight
                        count += 1
            at += (before + 1) * after
        first[output] = count
        for tile in range(x.shape[0]):
            here, output, at = x[tile], 0, 0
            for layer in range(len(sizes) - 1):
                before, after, there = sizes[layer], sizes[layer + 1], values[layer % 2]
                for o in range(after):
                    total, bias = there[o * ROWS : (o + 1) * ROWS], vectors[k, at + after * before + o]
                    for r in range(ROWS):
                        total[r] = bias
                    begin, end = first[output], first[output + 1]
                    whole = begin + (end - begin) // 4 * 4
                    for c in range(begin, whole, 4):
                        w0, w1, w2, w3 = weights[c], weights[c + 1], weights[c + 2], weights[c + 3]
                        x0, x1 = here[sources[c] : sources[c] + ROWS], here[sources[c + 1] : sources[c + 1] + ROWS]
                        x2, x3 = here[sources[c + 2] : sources[c + 2] + ROWS], here[sources[c + 3] : sources[c + 3] + ROWS]
                        for r in range(ROWS):
                            total[r] = total[r] + w0 * x0[r] + w1 * x1[r] + w2 * x2[r] + w3 * x3[r]
                    for c in range(whole, end):
                        w0, x0 = weights[c], here[sources[c] : sources[c] + ROWS]
                        for r in range(ROWS):
                            total[r] = total[r] + w0 * x0[r]
                    output += 1
                here, at = there, at + (before + 1) * after
            for o in range(sizes[-1]):
                for r in range(ROWS):
                    out[k, tile, o, r] = here[o * ROWS + r]


def took(run: Callable[[], object], rounds: int) -> float:
    """CPU seconds of this thread, the median; the first call, which compiles, is left out."""
    run()
    seconds = []
    for _ in range(rounds):
        began = time.thread_time()
        run()
        seconds.append(time.thread_time() - began)
    return statistics.median(seconds)


def measured(sizes: tuple[int, ...], rows: int, networks: int, share: float, rounds: int) -> tuple[float, float]:
    """Seconds of a network, dense and sparse."""
    draw, pairs = np.random.default_rng(0), list(itertools.pairwise(sizes))
    layers = mlp_rows.layers(MLP(sizes[0], sizes[-1], hidden=sizes[1:-1], activation="identity"))
    parts = []
    for before, after in pairs:
        weights = draw.normal(size=(networks, before * after)).astype(np.float32)
        weights[draw.random(weights.shape) >= share] = 0.0
        parts += [weights, draw.normal(size=(networks, after)).astype(np.float32)]
    vectors, x = np.concatenate(parts, axis=1), draw.normal(size=(sizes[0], rows)).astype(np.float32)
    tiles = -(-rows // ROWS)
    padded = np.pad(x, ((0, 0), (0, tiles * ROWS - rows))).reshape(sizes[0], tiles, ROWS).transpose(1, 0, 2).reshape(tiles, -1)
    dense_out, sparse_out = (
        np.empty((networks, *shape), np.float32) for shape in ((sizes[-1], rows), (tiles, sizes[-1], ROWS))
    )
    scratch, values = mlp_rows.scratch(layers.sizes), np.empty((2, ROWS * max(sizes)), np.float32)
    most = sum(before * after for before, after in pairs)
    room = np.empty(sum(sizes[1:]) + 1, np.int64), np.empty(most, np.int64), np.empty(most, np.float32)
    dense = took(lambda: mlp_rows.forward(vectors, *layers, x[None], dense_out, scratch), rounds)
    seconds = took(lambda: sparse(vectors, layers.sizes, padded, sparse_out, values, *room), rounds)
    found = sparse_out.transpose(0, 2, 1, 3).reshape(networks, sizes[-1], -1)[..., :rows]
    np.testing.assert_allclose(found, dense_out, rtol=1e-3, atol=1e-4 * np.abs(dense_out).max())
    return dense / networks, seconds / networks


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    results = Results("sparse")
    for sizes, rows, networks in TOY if options.toy else CASES:
        print(f"{'-'.join(map(str, sizes))} on {rows} rows, microseconds a network")
        for share in SHARES:
            dense, seconds = measured(sizes, rows, networks, share, 1 if options.toy else 9)
            results.add(f"{'-'.join(map(str, sizes))}, {share}", {"dense": [dense], "sparse": [seconds]})
            told = f"share {share:4}: dense {1e6 * dense:9.2f}, sparse {1e6 * seconds:9.2f}"
            print(f"  {told}: {dense / seconds if seconds else 0:.2f} times as fast", flush=True)
    results.write(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
