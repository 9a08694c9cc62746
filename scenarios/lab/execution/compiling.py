"""Kernels are compiled when their modules are first imported on a machine, and kept: the wait is said in one line.

When the first of them is loaded numba imports scipy.linalg, to see whether a kernel could use its BLAS; that takes a tenth of
the time of importing torch, and no kernel of ours does. One that does imports it when it is compiled.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

BLAS = "scipy.linalg.cython_blas"


@lru_cache(maxsize=1)
def spare_blas() -> None:
    """Lets numba see that BLAS is there without importing it."""
    if BLAS in sys.modules:
        return
    sys.modules[BLAS] = ModuleType(BLAS)
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules[BLAS]


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
