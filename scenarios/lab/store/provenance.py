"""What a run ran on: enough to tell, a year later, why two runs of one configuration differ."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo.machine import cores

if TYPE_CHECKING:
    from scenarios.lab.study.spec import RunSpec

PACKAGES = ("neuroevo", "torch", "numpy", "numba", "numba-cuda", "scipy", "scikit-learn", "gymnasium", "safetensors")


def meta(spec: RunSpec, threads: int, before: Mapping[str, Any], *, finished: bool = False) -> dict[str, Any]:
    """The meta.json of a run that `threads` threads score; `before` is the one it had, whose start is kept."""
    import torch

    now = datetime.now(UTC).isoformat(timespec="seconds")
    clock = before.get("clock_seconds")
    started = clock.get("started") if isinstance(clock, dict) else None
    return {
        "command": spec.command,
        "versions": _versions(),
        "commit": _commit(),
        "device": spec.device,
        "device_name": torch.cuda.get_device_name() if spec.device == "cuda" else platform.machine(),
        "device_reason": spec.device_reason,
        "card": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": {"population": threads, "torch": torch.get_num_threads(), "blas": 1},
        "cores": cores(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "clock_seconds": {"started": started or now, "finished": now if finished else None},
    }


@cache
def _versions() -> dict[str, str | None]:
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def _commit() -> str | None:
    """The commit of the project's checkout, "-dirty" if files differ from it; None where there is no checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None  # installed; a checkout around it is somebody else's
    command = ["git", "-C", os.fspath(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None  # no git
    return done.stdout.strip() or None
