"""A whole generation on the cores, ours against TensorNEAT's:
python tests/bench/bench_tensorneat.py --python PATH [--toy] [--json FILE].

PATH: an interpreter that has TensorNEAT; without it ours is timed alone. To make one, in a folder of your own:

    python3 -m venv jax && jax/bin/pip install git+https://github.com/EMI-Group/tensorneat     # jax/bin/python

xor: a population of 10,000; cartpole: of 1,000, one episode of 500 steps each, whose pole is put up again when it falls, so
that no episode ends early. Each breeds, speciates and scores. TensorNEAT's genomes are arrays of fixed size: once the smallest
that hold all that it grows in these generations, where none is dropped, once its default. Else it has its own defaults, ours
the preset neat2002.
Compiling is left out on both sides; TensorNEAT's is told. The two take turns. Exit code 1 below a floor.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bench_neat_python
from endless_cartpole import cartpole
from turns import Results, in_turn, parser, timed

POPULATION = {"xor": 10_000, "cartpole": 1_000}
ROUNDS = {"smallest": 5, "default": 2}
CASES = [  # nodes and connections of its arrays, floor
    ("xor", "smallest", (8, 8), 100.0),
    ("xor", "default", (50, 100), 200.0),
    ("cartpole", "smallest", (9, 12), 10.0),
    ("cartpole", "default", (50, 100), 50.0),
]

OURS = {"xor": bench_neat_python.ours, "cartpole": cartpole}


def theirs(python: str, problem: str, size: int, arrays: tuple[int, int]) -> Callable[[], float]:
    """A process that runs a generation when asked, and says its seconds."""
    command = [python, str(Path(__file__).with_name("tensorneat_side.py")), problem, str(size), *map(str, arrays)]
    side = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def told(word: str) -> float:
        for line in side.stdout:
            if line.startswith(word):
                return float(line.split()[1])
        raise RuntimeError(f"TensorNEAT's process ended with code {side.wait()}: {' '.join(command)}")

    def generation() -> float:
        print(file=side.stdin, flush=True)
        return told("took")

    print(f"TensorNEAT, {problem}, at most {arrays[0]} nodes and {arrays[1]} connections: ready after {told('ready'):.0f} s")
    return generation


def main(arguments: list[str]) -> int:
    flags = parser(__doc__)
    flags.add_argument("--python", help="an interpreter that has TensorNEAT")
    options = flags.parse_args(arguments)
    below, results = False, Results("tensorneat")
    for problem, arrays, sizes, floor in CASES:
        size, rounds = (20, 1) if options.toy else (POPULATION[problem], ROUNDS[arrays])
        sides = {"ours": (timed(OURS[problem](size)), 3)}
        if options.python:
            sides["TensorNEAT"] = (theirs(options.python, problem, size, sizes), 1)
        ratio = results.show(f"{problem}, {size:,} networks, {arrays} arrays", in_turn(sides, rounds))
        if ratio is not None:
            print(f"  TensorNEAT takes {ratio:.0f} x as long (floor {floor:g} x)", flush=True)
            below |= ratio < floor
    if not options.python:
        print("compared with nothing: --python names an interpreter that has TensorNEAT; --help tells how to make one")
    results.write(options.json)
    return int(below and not options.toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
