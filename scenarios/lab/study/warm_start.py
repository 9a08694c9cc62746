"""Warm start: a method begins from another run's champion (`--set LABEL.start=RUN`).

RUN is a run folder, whose champion every seed begins from, or the folder of a label, where seed N begins from seed N's:
seeds that share a champion are not independent. The champion's sha256 is part of the run's configuration, so that a
stopped run never goes on after its beginning has changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from scenarios.lab.store import store


class BadStart(ValueError):
    """What is wrong with a `start`, in a line."""


def folder(start: Any, seed: int) -> Path:
    """The run folder that seed `seed` begins from. Raises BadStart if there is no champion."""
    if not isinstance(start, str) or not start:
        raise BadStart(f"expected a run folder, such as runs/digits/backprop/seed-0; got {start!r}")
    path = Path(start)
    own = path if (path / store.CONFIG).is_file() else path / f"seed-{seed}"
    if not (own / store.CHAMPION).is_file():
        raise BadStart(f"expected a run folder, or a label's with seed-{seed}, that has a champion; {own} has none")
    return own


def digest(start: str, seed: int) -> str:
    """The sha256 of the champion that seed `seed` begins from. Raises BadStart."""
    return hashlib.sha256((folder(start, seed) / store.CHAMPION).read_bytes()).hexdigest()
