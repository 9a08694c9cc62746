"""What a command prints, kept from the last time: `evo list` and `evo show` of our own need no import of torch then.

It is kept for as long as our source files and the versions of the libraries that it tells of stay the same.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version

from scenarios.lab.execution.progress import meanwhile
from scenarios.lab.store import files
from scenarios.lab.study.resolve import OURS, ROOT

LIBRARIES = ("torch", "scikit-learn", "gymnasium")


def text(words: Sequence[str], make: Callable[[], str]) -> str:
    """What `make` gives for the command `words`, which must name nothing of the user's."""
    sources = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))
    facts = [(str(path), (status := path.stat()).st_mtime_ns, status.st_size) for path in sources]
    libraries = [platform.python_version(), *map(version, LIBRARIES)]

    def made() -> bytes:
        with meanwhile("importing torch, to describe methods and tasks (once)"):
            return make().encode()

    return files.kept("-".join(words) + ".txt", json.dumps([words, facts, libraries]), made).decode()
