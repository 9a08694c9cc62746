"""Where a method runs on a task: what --device decides, label by label, and what `evo devices` prints.

`auto` leaves kernels of ours on cores only for a device on which they were measured to be faster (MEASURED): without such a row
they stay. What torch runs on cores it runs on a card too, and there `auto` takes the card, as torch's users expect.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from evo.machine import cores

if TYPE_CHECKING:
    from evo.core import Backends, Method, Task

# By backend on the card, what it was measured to be as fast as on all cores: (factor, card, date). No card was measured yet.
MEASURED: dict[str, tuple[float, str, str]] = {}
PACKAGES = ("torch", "numba", "numba-cuda")


class Placed(NamedTuple):
    """A device, "cpu" or "cuda", and why; "": it was told to."""

    device: str
    reason: str = ""


class Impossible(ValueError):
    """The device that was asked for lacks something."""


def decide(asked: str, backends: Backends) -> Placed:
    """Where a method runs that was told "auto", "cpu" or "cuda" (where there is a card). Raises Impossible, saying what to
    install."""
    from evo import cuda

    if asked == "cpu":
        return Placed("cpu")
    if not backends.cuda:
        return Placed("cpu", backends.why)
    missing = cuda.unavailable() if backends.cuda == "compiled" else cuda.no_card()
    if asked == "cuda":
        if missing is not None:
            raise Impossible(missing)
        return Placed("cuda")
    if missing is not None:
        return Placed("cpu", missing)
    if backends.cores != "compiled":
        return Placed("cuda", f"{backends.cores} runs it on either")
    if backends.cuda not in MEASURED:
        return Placed("cpu", "compiled for cores, and not measured on a GPU")
    factor, card, date = MEASURED[backends.cuda]
    return Placed("cuda" if factor > 1 else "cpu", f"{factor:.2g} times as fast on {card} ({date})")


def machine() -> list[list[str]]:
    """What is there: a head, and rows."""
    import torch

    from evo import cuda

    rows = [["cores", f"{cores()} ({platform.machine()})"]]
    missing = cuda.no_card()
    if missing is None:
        free, total = torch.cuda.mem_get_info()
        name, (major, minor) = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
        rows.append(["card", f"{name}, compute capability {major}.{minor}, {free / 1e9:.0f} of {total / 1e9:.0f} GB free"])
        rows.append(["our kernels on it", cuda.unavailable() or f"numba-cuda compiles them; CUDA {torch.version.cuda}"])
    else:
        rows.append(["card", f"none: {missing}"])
    for name in PACKAGES:
        try:
            rows.append([name, importlib.metadata.version(name)])
        except importlib.metadata.PackageNotFoundError:
            rows.append([name, "not installed"])
    return [["what", "here"], *rows]


def places(tasks: Mapping[str, Task], methods: Mapping[str, Method], asked: str) -> list[list[str]]:
    """Where each method would run on each task that it supports, and why: a head, and a row for each answer."""
    from evo import cuda

    missing, found = cuda.no_card(), dict[tuple[str, str, str], list[str]]()  # scenarios by (device, reason, method)
    for label, method in methods.items():
        for name, task in tasks.items():
            if method.unsupported_reason(task) is None:
                try:
                    device, reason = decide(asked, method.backends(task))
                except Impossible as error:
                    device, reason = "none", str(error)
                reason = "no CUDA device, as said above" if missing and reason == missing else reason or "as asked"
                found.setdefault((device, reason, label), []).append(name)
    rows: dict[tuple[str, ...], list[str]] = {}  # methods by (scenarios, device, reason)
    for (device, reason, label), names in found.items():
        rows.setdefault((", ".join(names), device, reason), []).append(label)
    return [
        ["device", "methods", "why", "scenarios"],
        *([device, ", ".join(labels), reason, names] for (names, device, reason), labels in rows.items()),
    ]
