"""RESULTS.md's section on a card, from what `run.py` wrote: `python tests/device/results.py device.json`."""

import json
import sys
from pathlib import Path

HEAD = ("case", "size", "first call (s)", "card (s)", "cores (s)", "cores / card", "peak memory, said (MB)", "GB/s, of a copy")


def section(found: dict) -> str:
    """In Markdown; what a step that failed would have said is missing."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    absent = [name for name, version in found["versions"].items() if not version]
    title = "## On numba's simulator: a rehearsal, no measurement" if found["toy"] else "## On a CUDA card"
    lines = [title, "", f"{found.get('card', 'no bench')}, {found['date']}, {versions}; `tests/device/run.sh`.", ""]
    if "tests" in found:
        lines += [f"Marked tests: {found['tests']['summary']}", *(f"- {line}" for line in found["tests"]["failed"]), ""]
    if "copy_gigabytes_per_second" in found:
        lines += [f"A copy of 1 GiB reads and writes {found['copy_gigabytes_per_second']:,.3g} GB/s.", ""]
    lines += [_row(HEAD), _row("---" for _ in HEAD)]
    lines += [_row(_cells(row)) for row in found["rows"]]
    failed = [f"{row['case']} {row['size']}: {row['error']}" for row in found["rows"] if "error" in row]
    failed += [f"step {step['step']}: code {step['code']} after {step['seconds']} s" for step in found["steps"] if step["code"]]
    left = [*found.get("left_out", []), *absent]
    notes = [f"Failed: {'; '.join(failed)}."] * bool(failed) + [f"Left out: {'; '.join(left)}."] * bool(left)
    return "\n".join([*lines, "", *notes, ""])


def _cells(row: dict) -> list[str]:
    card, cores = row.get("seconds"), row.get("cores_seconds")
    peak = [None if row.get(key) is None else row[key] / 1e6 for key in ("bytes_taken", "bytes_said")]
    share = [_number(row.get("gigabytes_per_second")), f"{row['share_of_copy']:.1%}" if "share_of_copy" in row else ""]
    return [
        *(row["case"], f"{row['size']:,}" if isinstance(row["size"], int) else row["size"]),
        *map(_number, (row.get("first_seconds"), card, cores, cores / card if cores and card else None)),
        *(", ".join(filter(None, map(_number, peak))), ", ".join(filter(None, share))),
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _row(cells) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(section(json.loads(Path(sys.argv[1]).read_text())))
