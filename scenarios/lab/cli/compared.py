"""Which runs `evo compare` and `evo plot` mean, and where the page of them goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scenarios.lab.report import gather
from scenarios.lab.report.comparison import Comparison, compare, parse_at
from scenarios.lab.report.report import REPORT


def comparisons(
    what: Sequence[str], runs: Path, labels: Sequence[str] = (), metric: str = "", at: str = ""
) -> list[Comparison]:
    """A Comparison for each scenario among the runs that `what` names, of these labels alone if any, by `metric` if one is
    given. Raises NoRuns, BadPoint, StoreError."""
    return compare(gather.find(what, runs, labels), at=parse_at(at) if at else None, metric=metric)


def report_path(what: Sequence[str], runs: Path, labels: Sequence[str], metric: str, at: str) -> tuple[Path, bool]:
    """Of one scenario beside its runs, of everything in the folder of all, of any other set here; and whether the folder
    is the runs' own. A report of a part, at a budget or by another metric does not replace the one of the whole runs."""
    part = "-".join([*labels, *([f"by-{metric}"] if metric else []), *([f"at-{at.replace('=', '-')}"] if at else [])])
    name = f"report-{part}.html" if part else REPORT
    one = len(what) == 1 and (runs / what[0]).is_dir() and Path(what[0]).name == what[0]
    folder = runs if not what else runs / what[0] if one else Path()
    return folder / name, folder != Path() and not part
