"""One thread budget: how many of our threads run at once in this process.

Torch and BLAS give different bits with two threads than with one, so they run on one thread (`limited`). To use all cores, a
population is cut into parts that run on one thread pool: torch tiles, and kernels compiled with `nogil`. Parts share no sums,
so the number of threads changes no bit.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from queue import SimpleQueue
from typing import NamedTuple

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


class _Work(NamedTuple):
    """What a pool thread runs; `done` takes None, or what it raised."""

    function: Callable[[], None]
    done: SimpleQueue[BaseException | None]


def _run(work: _Work) -> None:
    failure: BaseException | None = None
    try:
        work.function()
    except BaseException as raised:
        failure = raised
    work.done.put(failure)


def _serve(inbox: SimpleQueue[_Work]) -> None:
    """A pool thread is limited to itself: nested parts would wait for their own thread."""
    _here.count = 1
    torch.set_num_threads(1)
    while True:
        _run(inbox.get())


@cache
def _inbox(number: int, process: int) -> SimpleQueue[_Work]:
    """That of a pool thread. Waking it takes some 15 us, half the time of an executor of `concurrent.futures`."""
    # Keyed by process: pool threads do not survive a fork.
    inbox: SimpleQueue[_Work] = SimpleQueue()
    threading.Thread(target=_serve, args=(inbox,), name=f"evo_{number}", daemon=True).start()
    return inbox


def each_block(function: Callable[[int, int], None], total: int, size: int) -> None:
    """Calls function(start, stop) on blocks of `size` that cover 0 .. total, in parallel; the last may be smaller."""

    def part(start: int, stop: int) -> None:
        for at in range(start, stop, size):
            function(at, min(at + size, stop))

    each(part, total, size)


PARTS = 4  # of each thread, so that one with long parts leaves the others more of them


def each(function: Callable[[int, int], None], total: int, grain: int = 1) -> None:
    """Calls function(start, stop) on parts that cover 0 .. total, in parallel; part sizes are multiples of `grain`.

    A thread has neighbouring parts, whose memory is near its core, and when they are done takes the last ones of another. An
    exception of a part passes on when all threads are done.
    """
    blocks = -(-total // grain)
    used = min(count(), blocks)
    if used <= 1:
        if blocks:
            with limited(1):
                function(0, total)
        return
    parts = min(PARTS * used, blocks)
    edges = [min(total, blocks * part // parts * grain) for part in range(parts + 1)]
    spans = list(itertools.pairwise(edges))
    shares = [deque(spans[parts * k // used : parts * (k + 1) // used]) for k in range(used)]

    def left(own: int) -> Iterator[tuple[int, int]]:
        for k in range(used):
            share = shares[(own + k) % used]
            while share:
                try:
                    part = share.pop() if k else share.popleft()
                except IndexError:  # another thread took the last one
                    break
                yield part

    def work(own: int) -> None:
        for start, stop in left(own):
            function(start, stop)

    process, done = os.getpid(), SimpleQueue[BaseException | None]()
    for k in range(1, used):
        _inbox(k, process).put(_Work(partial(work, k), done))
    try:
        with limited(1):
            work(0)
    finally:
        failures = [done.get() for _ in range(used - 1)]
    for failure in filter(None, failures):
        raise failure
