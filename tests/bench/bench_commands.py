"""How soon a command answers: python tests/bench/bench_commands.py [--toy] [--json FILE].

CPU seconds of each command, its workers counted, over those of `python -c "import torch"` in the same round; the same of wall
clock. Each command was run once before, so that kernels are compiled and pages kept. Exit code 1 past a limit.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from turns import Results, parser

# `evo watch` serves until Ctrl-C: what it does until its first page has been read.
WATCHED = """
import threading, urllib.request
from pathlib import Path
from scenarios.lab.cli import commands, watch
with watch.server(["xor"], Path("runs"), 0) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert b"xor" in urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").read()
    server.shutdown()
"""
PLAY = "play runs/cartpole/ga/seed-0 --record cartpole.gif"
# A command, and how many times the CPU seconds, and the wall clock, of importing torch it may take.
LIMITS = {
    "--help": (0.3, None),
    "rnu": (0.3, None),
    "run xro": (0.3, None),
    "list": (0.3, None),
    "show digits -m ga": (0.3, None),
    "list runs": (0.3, None),
    "compare xor": (1.0, None),
    "plot xor": (1.0, None),
    "watch xor": (1.0, None),
    "show digits -m ga --seeds 3": (0.3, None),
    "show digits -m ga --set ga.population_size=50": (0.3, None),
    "run xor -m neat --seeds 1 --restart": (2.5, 2.0),
    PLAY: (2.0, None),
}
BEFORE = ("run xor -m neat --seeds 1", "run cartpole -m ga --seeds 1")
ROUNDS = 5


def took(folder: Path, *words: str) -> tuple[float, float]:
    """CPU seconds of a Python process and its children, and its wall clock."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, *words], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, perf_counter() - start


def command(line: str) -> list[str]:
    return ["-c", WATCHED] if line.startswith("watch") else ["-m", "scenarios", *line.split()]


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    commands = ["--help", "rnu"] if options.toy else list(LIMITS)
    results, past = Results("commands"), False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for line in () if options.toy else (*BEFORE, *commands):
            took(folder, *command(line))
        seconds: dict[str, list[tuple[float, float]]] = {line: [] for line in ("torch", *commands)}
        for _ in range(1 if options.toy else ROUNDS):
            seconds["torch"].append(took(folder, "-c", "import torch"))
            for line in commands:
                seconds[line].append(took(folder, *command(line)))
    for line in commands:
        for what, at, limit in (("CPU", 0, LIMITS[line][0]), ("wall clock", 1, LIMITS[line][1])):
            ours, theirs = ([each[at] for each in seconds[name]] for name in (line, "torch"))
            results.add(f"evo {line}, {what}", {"ours": ours, "import torch": theirs})
            times = statistics.median(mine / torch for mine, torch in zip(ours, theirs))
            told = f" (limit {limit} x)" if limit is not None else ""
            print(
                f"  {statistics.median(ours):6.2f} s {what:<10} {times:5.2f} x import torch{told:<15}  evo {line}", flush=True
            )
            past |= limit is not None and times > limit
    results.write(options.json)
    return int(past and not options.toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
