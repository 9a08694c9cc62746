"""One thread budget: how many of our threads run at once in this process.

Torch and BLAS give different bits with two threads than with one, so they run on one thread (`limited`). To use all cores, a
population is cut into parts that run on one thread pool: torch tiles, and kernels compiled with `nogil`. Parts share no sums,
so the number of threads changes no bit.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch

from evo.machine import cores

_here = threading.local()  # .count: the thread budget of this thread


def count() -> int:
    """Threads for the parts of a population: all cores, unless `limited` sets another number."""
    return getattr(_here, "count", None) or cores()


class limited:
    """Inside the block a population uses `threads` threads, and torch one."""

    def __init__(self, threads: int):
        self.threads = max(1, int(threads))

    def __enter__(self) -> None:
        self.before = getattr(_here, "count", None), torch.get_num_threads()
        _here.count = self.threads
        if self.before[1] != 1:
            torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        _here.count, torch_before = self.before
        if torch_before != 1 or torch.get_num_threads() != 1:
            torch.set_num_threads(torch_before)


def _one_thread() -> None:
    """Limits a pool thread to itself: nested parts would wait for their own thread."""
    _here.count = 1
    torch.set_num_threads(1)


@lru_cache(maxsize=8)
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    # Keyed by process: pool threads do not survive a fork.
    return ThreadPoolExecutor(size, thread_name_prefix="evo", initializer=_one_thread)


def each_block(function: Callable[[int, int], None], total: int, size: int) -> None:
    """Calls function(start, stop) on blocks of `size` that cover 0 .. total, in parallel; the last may be smaller."""

    def part(start: int, stop: int) -> None:
        for at in range(start, stop, size):
            function(at, min(at + size, stop))

    each(part, total, size)


def each(function: Callable[[int, int], None], total: int, grain: int = 1) -> None:
    """Calls function(start, stop) on parts that cover 0 .. total, in parallel; part sizes are multiples of `grain`.

    The calling thread runs the first part, because waking another takes about 50 us.
    """
    blocks = -(-total // grain)
    parts = min(count(), blocks) if blocks > 1 else blocks
    if parts <= 1:
        if parts:
            with limited(1):
                function(0, total)
        return
    edges = [min(total, blocks * part // parts * grain) for part in range(parts + 1)]
    others = [_pool(parts - 1, os.getpid()).submit(function, *part) for part in itertools.pairwise(edges[1:])]
    try:
        with limited(1):
            function(0, edges[1])
    finally:
        failures = [other.exception() for other in others]
    for failure in filter(None, failures):
        raise failure
