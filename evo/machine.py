"""The machine that this process runs on: its cores, and the folder that keeps what is costly to make or to fetch."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

# Torch and BLAS give other bits with two threads than with one; libraries read this when they are loaded.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
FAREWELL_SECONDS = 5.0  # that a process which is asked to end may take for it


def cores() -> int:
    """CPU cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_folder() -> Path:
    """neuroevo/ in the user's cache folder; it may not be there yet, and may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(base, "neuroevo")


def die_with_parent() -> None:
    """Linux ends this process with the thread that started it, even while C code holds the interpreter lock."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def module_process(name: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a process that runs the module `name` on one thread of torch and BLAS, and finds the modules
    that this process finds; -P: not those of the current folder before them."""
    found = os.pathsep.join(place or os.getcwd() for place in sys.path)
    return [sys.executable, "-P", "-m", name], {**os.environ, **ONE_THREAD, "PYTHONPATH": found}


def end_process(process: subprocess.Popen[bytes], kindly: bool) -> None:
    """Ends a process that ends when its standard input does. kindly: it has FAREWELL_SECONDS for that before it is killed."""
    if not kindly:
        process.kill()
    assert process.stdin is not None
    with suppress(OSError):  # what was still to be sent has no reader
        process.stdin.close()
    try:
        process.wait(FAREWELL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
