"""Kernels are compiled when their modules are first imported on a machine, and kept: the wait is said in one line."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def announce() -> None:
    """From now on the first kernel that is compiled in this process, rather than read from the cache, prints a line."""
    from numba.core import event

    class First(event.Listener):
        said = False

        def on_start(self, event: Any) -> None:
            if not self.said:
                print("compiling kernels (first run only, about 20 s)", file=sys.stderr, flush=True)
            self.said = True

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", First())
