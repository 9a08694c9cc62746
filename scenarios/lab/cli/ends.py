"""How a command ends: what it printed is written out, a mistake is said in a line, a signal saves first.

Exit codes: 0 ok, 1 a run or the disk failed, 2 usage, 130 interrupted, 143 terminated (SIGTERM, which is taken as Ctrl-C).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from evo.settings import did_you_mean
from scenarios import SCENARIOS


def wrong(message: object) -> int:
    """Says what the user got wrong, and gives the exit code."""
    print(f"evo: {message}", file=sys.stderr)
    return 2


def warned(message: object) -> None:
    """Says what the user should know of."""
    print(f"evo: warning: {message}", file=sys.stderr)


def failed(message: object) -> int:
    """Says what failed, and gives the exit code."""
    print(f"evo: {message}", file=sys.stderr)
    return 1


def flush() -> None:
    """Writes out what was printed. What a full disk refuses is let go, which Python would else try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def terminable() -> Iterator[list[int]]:
    """Inside the block SIGTERM, which schedulers and `timeout` send, does what Ctrl-C does at that moment; the list tells."""
    terminated: list[int] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        terminated.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # ignored where a shell started this in the background
        (interrupt if callable(interrupt) else signal.default_int_handler)(number, frame)

    if threading.current_thread() is not threading.main_thread():  # which alone is given signals
        yield terminated
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)


def suggested(error: Any, commands: Sequence[str]) -> str:
    """What click says is wrong, in one line, with the closest command."""
    if hasattr(error, "possibilities"):
        return f"no such option: {error.option_name}{did_you_mean(error.option_name, error.possibilities or ())}"
    text = " ".join(error.format_message().split())
    unknown = text.partition("No such command '")[2].partition("'")[0]
    if unknown in SCENARIOS:
        return f"{text} Did you mean 'evo run {unknown}'?"
    return text + did_you_mean(unknown, commands) if unknown and "Did you mean" not in text else text
