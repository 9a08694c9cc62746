"""The sides of a comparison take turns on the same cores, so that all of them meet the machine's busy moments."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from time import perf_counter

from evo import threads


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


def medians(title: str, seconds: dict[str, list[float]]) -> dict[str, float]:
    """The median of each side, after printing all of them."""
    print(f"{title}, {threads.count()} of {os.cpu_count()} cores; median of")
    for name, values in seconds.items():
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"  {len(values):3} {name:<24} {middle:9.2f} ms   ({low:.2f} to {high:.2f})", flush=True)
    return {name: statistics.median(values) for name, values in seconds.items()}
