"""Has ours become slower? python tests/bench/compare_json.py before.json after.json [--tolerance 5]

Both files are of one benchmark (`bench_*.py --json FILE`). A result's ratio says how many times as long the peer takes in the
same run, so before / after is how many times as long ours takes now, with the machine's drift cancelled. A result without a
peer is passed over. Exit code 1 where ours is slower than the tolerance, in per cent; 2 where the files share no result.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def slowdowns(before: dict, after: dict) -> dict[str, float]:
    """Ours after over ours before, in units of the peer's, of each result that both have with a peer."""
    found = {}
    for name, result in before["results"].items():
        now = after["results"].get(name)
        if now and result["ratio"] and now["ratio"]:
            found[name] = result["ratio"] / now["ratio"]
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=5.0, help="per cent (default 5)")
    options = parser.parse_args(arguments)
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (options.before, options.after))
    if before["bench"] != after["bench"]:
        parser.error(f"expected two files of one benchmark; got {before['bench']} and {after['bench']}")
    found = slowdowns(before, after)
    if not found:
        parser.error(f"{before['bench']}: the files share no result with a peer")
    limit = 1 + options.tolerance / 100
    for name, times in found.items():
        print(f"  {name:<48} {times:.3f} x{'  slower than the tolerance' if times > limit else ''}")
    slower = sum(times > limit for times in found.values())
    print(f"{before['bench']}: {slower} of {len(found)} slower by more than {options.tolerance:g} %")
    return int(slower > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
