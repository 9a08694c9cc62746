"""One thread budget: how many of our threads run at once in this process.

Torch and BLAS give other bits with two threads than with one, so they get one thread each (`limited`). The cores are
used by cutting a population into parts and running each part on a thread of one pool: torch tiles, and kernels
compiled with `nogil`. No part adds to another's numbers, so the count of threads never changes a bit.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache

import torch

_here = threading.local()  # .count: the threads that parts may use, as this thread sees it


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count() -> int:
    """Threads used for the parts of a population; all cores unless `limited` says otherwise."""
    return getattr(_here, "count", None) or cores()


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Inside the block a population runs on `threads` threads, and torch on one."""
    before, torch_before = getattr(_here, "count", None), torch.get_num_threads()
    _one_thread()
    _here.count = max(1, int(threads))
    try:
        yield
    finally:
        _here.count = before
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
    """Calls function(start, stop) on parts that cover 0 .. total, side by side; parts hold multiples of `grain`."""
    blocks = -(-total // grain)
    parts = min(count(), blocks)
    if parts <= 1:
        if total:
            with limited(1):
                function(0, total)
        return
    edges = [min(total, blocks * part // parts * grain) for part in range(parts + 1)]
    pool = _pool(parts, os.getpid())
    for future in [pool.submit(function, start, stop) for start, stop in itertools.pairwise(edges)]:
        future.result()
