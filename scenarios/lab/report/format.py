"""Numbers, seeds and tables as text: what the terminal, the notes and the page print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

# The cost axes in sentences, as heads of columns, and under a chart.
AXIS_NAMES = {"evaluations": "evaluations", "samples": "samples", "compute": "compute", "seconds": "wall clock"}
AXIS_TITLES = AXIS_NAMES | {"seconds": "wall clock (s)"}
AXIS_LABELS = {
    "evaluations": "evaluations",
    "samples": "samples (environment steps on control tasks)",
    "compute": "compute (forward passes x parameters)",
    "seconds": "wall clock (s)",
}


def number(value: Any) -> str:
    """Four digits, or all of a count below ten million; what is no number as it is."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in table]


def seed_list(seeds: Sequence[int]) -> str:
    """ "0-4, 7" """
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
