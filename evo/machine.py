"""The machine that this process runs on: its cores, and the folder that keeps what is costly to make or to fetch."""

from __future__ import annotations

import os
from pathlib import Path


def cores() -> int:
    """CPU cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_folder() -> Path:
    """neuroevo/ in the user's cache folder; it may not be there yet, and may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(base, "neuroevo")
