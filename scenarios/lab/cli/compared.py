"""Which runs `evo compare` and `evo plot` mean, and where the page of them goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scenarios.lab.report import coco, gather
from scenarios.lab.report.comparison import Comparison, compare, parse_at
from scenarios.lab.report.report import REPORT


def comparisons(
    what: Sequence[str],
    runs: Path,
    labels: Sequence[str] = (),
    metric: str = "",
    at: str = "",
    archives: Sequence[Path] = (),
) -> list[Comparison]:
    """A Comparison for each scenario among the runs that `what` names, of these labels alone if any, by `metric` if one is
    given. archives: folders in COCO's format to be drawn beside them. Raises NoRuns, BadPoint, StoreError."""
    found = compare(gather.find(what, runs, labels), at=parse_at(at) if at else None, metric=metric)
    for comparison in found:
        for archive in archives:
            taken = {*comparison.archived, *(one.label for one in comparison.series)}
            named = {name if name not in taken else f"{name} (archive)": own for name, own in coco.read(archive).items()}
            comparison.archived |= named
    return found


def report_path(what: Sequence[str], runs: Path, labels: Sequence[str], metric: str, at: str) -> tuple[Path, bool]:
    """Of one scenario beside its runs, of everything in the folder of all, of any other set here; and whether the folder
    is the runs' own. A report of a part, at a budget or by another metric does not replace the one of the whole runs."""
    part = "-".join([*labels, *([f"by-{metric}"] if metric else []), *([f"at-{at.replace('=', '-')}"] if at else [])])
    name = f"report-{part}.html" if part else REPORT
    one = len(what) == 1 and (runs / what[0]).is_dir() and Path(what[0]).name == what[0]
    folder = runs if not what else runs / what[0] if one else Path()
    return folder / name, folder != Path() and not part
