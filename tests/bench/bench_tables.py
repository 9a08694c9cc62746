"""Reading a large table: python tests/bench/bench_tables.py [--toy] [--json FILE].

500,000 rows of 21 numbers (79 MB) from the file to a task's inputs and targets, in at most 3 s of one core and 6 times the
file's size of memory, which is what a process of its own grows by at most. Beside it pandas.read_csv alone, which knows the
dialect and checks no row. Exit code 1 beyond either limit.
"""

import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import process_time

import numpy as np
import pandas
from bench_forward import high_water
from turns import Results, parser

from scenarios.tables import table_scenario

COLUMNS, SECONDS, TIMES = 21, 3.0, 6.0


def write(path: Path, rows: int) -> None:
    values = np.random.default_rng(0).normal(size=(rows, COLUMNS))
    with path.open("w") as file:
        file.write(",".join([*(f"c{k}" for k in range(COLUMNS - 1)), "y"]) + "\n")
        np.savetxt(file, values, fmt="%.4f", delimiter=",")


def read(path: str) -> tuple[float, float, float]:
    """CPU seconds, MB by which this process grew at most, and pandas' CPU seconds."""
    Path("/proc/self/clear_refs").write_text("5")  # importing held more for a moment: the mark starts again from here
    before, start = high_water(), process_time()
    table_scenario(path, "y")
    took, grown, start = process_time() - start, high_water() - before, process_time()
    pandas.read_csv(path)
    return took, grown, process_time() - start


def main(arguments: list[str]) -> int:
    options, results = parser(__doc__).parse_args(arguments), Results("tables")
    rows = 1000 if options.toy else 500_000
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.csv")
        write(path, rows)
        size = path.stat().st_size / 2**20
        for _ in range(1 if options.toy else 5):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                found.append(pool.submit(read, str(path)).result())
    seconds, memory, alone = map(list, zip(*found))
    results.show(f"{rows:,} x {COLUMNS} numbers, {size:.0f} MB", {"read": seconds, "pandas.read_csv": alone})
    times = max(memory) / size
    print(f"  {min(seconds):.2f} s (limit {SECONDS:g} s); peak memory {times:.1f} times the file (limit {TIMES:g})")
    results.write(options.json)
    return int(not options.toy and (min(seconds) > SECONDS or times > TIMES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
