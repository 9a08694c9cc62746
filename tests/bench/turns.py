"""The sides of a comparison take turns on the same cores, so that all of them meet the machine's busy moments; what they took
is printed, and written as JSON for `compare_json.py`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Collection
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from evo import threads

PACKAGES = ("neuroevo", "numpy", "numba", "torch", "deap", "neat-python", "genoxide")


def parser(documentation: str) -> argparse.ArgumentParser:
    """With the flags that every benchmark has."""
    made = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--toy", action="store_true", help="a small size, once, without a floor: does it still run?")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the results there too, for compare_json.py")
    return made


def installed(requirement: str) -> bool:
    """Whether the peer ("genoxide==0.13.1") can be imported; if not, how to have it is said."""
    found = find_spec(requirement.partition("==")[0]) is not None
    if not found:
        print(f"compared with nothing: pip install {requirement}")
    return found


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """A call of `function` as the seconds that it took."""

    def run() -> float:
        start = perf_counter()
        function()
        return perf_counter() - start

    return run


def in_turn(sides: dict[str, tuple[Callable[[], float], int]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side's generations. sides: by name, what runs a generation and says its seconds, and how many of
    them in a row make a turn: in a run a generation follows the last at once. One turn of each goes before, uncounted:
    it compiles, and breeds from nothing."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, (generation, calls) in sides.items():
            took = [generation() for _ in range(calls)]
            seconds[name] += took if number else []
    return seconds


class Results:
    """What a benchmark measured. bench: its name."""

    def __init__(self, bench: str):
        self.bench = bench
        self.found: dict[str, dict] = {}

    def add(self, name: str, seconds: dict[str, list[float]], peers: Collection[str] | None = None) -> float | None:
        """Keeps one result, and returns its ratio: the median of the fastest peer over that of ours, which is the first side.
        peers: the other sides by default. None where there is no peer."""
        spread = {
            side: {"median": statistics.median(values), "low": min(values), "high": max(values)}
            for side, values in seconds.items()
        }
        ours, *others = spread
        theirs = [spread[side]["median"] for side in (others if peers is None else peers)]
        ratio = min(theirs) / spread[ours]["median"] if theirs else None
        self.found[name] = {"seconds": spread, "ratio": ratio}
        return ratio

    def show(self, name: str, seconds: dict[str, list[float]], peers: Collection[str] | None = None) -> float | None:
        """As `add`, after printing every side."""
        ratio = self.add(name, seconds, peers)
        print(f"{name}, {threads.count()} of {os.cpu_count()} cores; median of")
        for side, spread in self.found[name]["seconds"].items():
            low, middle, high = (1000 * spread[key] for key in ("low", "median", "high"))
            print(f"  {len(seconds[side]):3} {side:<24} {middle:9.2f} ms   ({low:.2f} to {high:.2f})", flush=True)
        return ratio

    def write(self, path: Path | None) -> None:
        """{bench, versions, machine, commit, results}, seconds in s; nothing where there is no path."""
        if path is not None:
            machine = {"cores": os.cpu_count(), "processor": _processor()}
            content = {"bench": self.bench, "versions": _versions(), "machine": machine, "commit": _commit()}
            path.write_text(json.dumps({**content, "results": self.found}, indent=2) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # Linux, where `platform` knows no model
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return model[1] if model else platform.processor()


def _commit() -> str | None:
    """Of the checkout, "-dirty" if files differ from it; None without one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip() or None
