"""An evaluation of a population of fixed networks on data, forward pass and cross-entropy, against the limit of its arithmetic:
python tests/bench/bench_evaluate.py [--toy] [--json FILE].

100 multi-layer perceptrons 64-32-10 on 1,078 rows. The sides, of which all but the last run on one thread:

    ours         `SupervisedTask.evaluate`
    sgemm        its matrix products' operations as torch multiplies square matrices on this core
    torch        the forward pass alone by `torch.bmm` and `torch.tanh`
    ours, two    on two threads

Exit code 1 where ours takes more than LIMIT times the time of sgemm, or torch's forward pass takes less than FLOOR times ours.
"""

import sys

import numpy as np
import torch
from turns import Results, in_turn, parser, timed

from evo import MLP, Parameters, SupervisedTask, threads

LIMIT, FLOOR = 3.0, 1.5
SEEDS = np.zeros(0, np.int64)
SIDE = 1024  # of the square matrices


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results = options.toy, Results("evaluate")
    networks, rows, inputs, hidden, outputs, repeats = (4, 20, 3, 4, 3, 1) if toy else (100, 1078, 64, 32, 10, 40)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, inputs)).astype(np.float32)
    task = SupervisedTask((x, np.arange(rows) % outputs), kind="classification")
    encoding = Parameters(lambda: MLP(inputs, outputs, hidden=(hidden,)))
    vectors = encoding.initial(0, 0, networks)
    population = encoding.express(vectors)

    first, last = torch.from_numpy(vectors).split([(inputs + 1) * hidden, (hidden + 1) * outputs], 1)
    shape = lambda part, after, before: (
        part[:, : after * before].reshape(-1, after, before).mT,
        part[:, None, after * before :],
    )
    (one, bias), (two, out_bias) = shape(first, hidden, inputs), shape(last, outputs, hidden)
    batches = torch.from_numpy(x).expand(networks, -1, -1)

    def forward() -> torch.Tensor:
        return torch.bmm(torch.tanh(torch.bmm(batches, one) + bias), two) + out_bias

    torch.testing.assert_close(forward(), population.forward(torch.from_numpy(x)), rtol=1e-4, atol=1e-4)
    square = torch.rand(SIDE, SIDE)
    share = networks * rows * (inputs * hidden + hidden * outputs) / SIDE**3

    def ours(count: int):
        def evaluate() -> None:
            with threads.limited(count):
                task.evaluate(population, SEEDS)

        return timed(evaluate)

    torch.set_num_threads(1)
    multiply = timed(lambda: square @ square)
    sides = {"ours": ours(1), "sgemm": lambda: share * multiply(), "torch": timed(forward), "ours, two": ours(2)}
    seconds = in_turn({name: (side, 1) for name, side in sides.items()}, repeats)
    results.show(f"{networks} networks {inputs}-{hidden}-{outputs} on {rows:,} rows", seconds, ["torch"])
    took = {name: float(np.median(values)) for name, values in seconds.items()}
    limit, ratio, second = took["ours"] / took["sgemm"], took["torch"] / took["ours"], took["ours"] / took["ours, two"]
    print(f"the time of its products by sgemm: {limit:.1f} x (limit {LIMIT:g} x); a second thread: {second:.2f} x")
    print(f"torch's forward pass alone takes {ratio:.1f} x as long (floor {FLOOR:g} x)")
    results.write(options.json)
    return int(not toy and (limit > LIMIT or ratio < FLOOR))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
