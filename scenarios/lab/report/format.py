"""Numbers, seeds and tables as text: what the terminal, the notes and the page print."""

from __future__ import annotations

import math
import os
import shutil
import sys
import textwrap
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
IN_UNITS = {"rmse": "RMSE", "absolute_error": "MAE"}  # metrics in the units of a regression's target


def number(value: Any) -> str:
    """Four digits, or all of a count below ten million; what is no number as it is."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def terminal_width() -> int | None:
    """Characters of a line of standard output; None where it is no terminal, and COLUMNS does not say it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else None


def wrapped(text: str, width: int | None, indent: str = "") -> str:
    """A paragraph in lines of `width`, all but the first behind `indent`; a word is never cut. width None: one line."""
    if width is None:
        return text
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def aligned(table: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Lines of columns: the first to the left, the others to the right. Columns that find no room in `width` come below,
    after an empty line, beside the first column again."""
    widths = [max(map(len, column)) for column in zip(*table)]
    blocks: list[list[int]] = [[]]
    for k in range(1, len(widths)):
        if blocks[-1] and width is not None and sum(widths[j] + 2 for j in [0, *blocks[-1], k]) - 2 > width:
            blocks.append([])
        blocks[-1].append(k)
    made: list[str] = []
    for block in blocks:
        made += [""] * bool(made)
        made += ["  ".join([line[0].ljust(widths[0]), *(line[k].rjust(widths[k]) for k in block)]).rstrip() for line in table]
    return made


def seed_list(seeds: Sequence[int]) -> str:
    """ "0-4, 7" """
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
