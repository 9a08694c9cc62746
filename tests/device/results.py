"""RESULTS.md's section on a card, from what `bench_device.py` wrote: `python tests/device/results.py FILE.json`."""

import json
import sys
from pathlib import Path


def section(found: dict) -> str:
    lines = [
        "## On a CUDA card",
        "",
        f"{found['card']}, torch {found['torch']}, Python {found['python']}, {found['date']}; `tests/device/run.sh`.",
        "",
        "| case | size | first call (s) | card (s) | cores (s) | cores / card | TensorNEAT / card | GB/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        numbers = [row[key] for key in ("first_seconds", "seconds", "cores_seconds")]
        numbers += [row["cores_seconds"] / row["seconds"]]
        numbers += [row["tensorneat_seconds"] / row["seconds"] if "tensorneat_seconds" in row else None]
        cells = ["" if each is None else f"{each:.3g}" for each in [*numbers, row.get("gigabytes_per_second")]]
        lines.append(f"| {' | '.join([row['case'], row['size'], *cells])} |")
    return "\n".join([*lines, "", *(f"Left out: {each}." for each in found["left_out"]), ""])


if __name__ == "__main__":
    print(section(json.loads(Path(sys.argv[1]).read_text())))
