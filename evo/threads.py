"""One thread budget: how many of our threads run at once in this process.

Torch and BLAS give other bits with two threads than with one, so they get one thread each (`limited`). The cores are
used by cutting a population into parts and running each part on a thread of one pool: torch tiles, and kernels
compiled with `nogil`. No part adds to another's numbers, so the count of threads never changes a bit.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch

_here = threading.local()  # .count: the threads that parts may use, as this thread sees it


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count() -> int:
    """Threads used for the parts of a population; all cores unless `limited` says otherwise."""
    return getattr(_here, "count", None) or cores()


class limited:
    """Inside the block a population runs on `threads` threads, and torch on one."""

    def __init__(self, threads: int):
        self.threads = max(1, int(threads))

    def __enter__(self) -> None:
        self.before = getattr(_here, "count", None), torch.get_num_threads()
        _here.count = self.threads
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        _here.count, torch_before = self.before
        torch.set_num_threads(torch_before)


def _one_thread() -> None:
    """A thread of the pool has no others: a part that is cut into parts again would wait for itself."""
    _here.count = 1
    torch.set_num_threads(1)


@lru_cache(maxsize=8)
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    # By process: the threads of a pool do not survive a fork.
    return ThreadPoolExecutor(size, thread_name_prefix="evo", initializer=_one_thread)


def each(function: Callable[[int, int], None], total: int, grain: int = 1) -> None:
    """Calls function(start, stop) on parts that cover 0 .. total, side by side; parts hold multiples of `grain`.

    The calling thread takes the first part itself: waking another takes some 50 us.
    """
    blocks = -(-total // grain)
    parts = min(count(), blocks) if blocks > 1 else blocks
    if parts == 0:
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
