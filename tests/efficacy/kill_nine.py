"""Kills runs with `kill -9` at random rows and continues them: are the bytes those of a run left in peace?

    python tests/efficacy/kill_nine.py                                    # 50 kills over four methods
    python tests/efficacy/kill_nine.py --kills 6 --steps 20 ga backprop

Each method runs once in peace. Then the same `evo run` is started again and again in another folder and killed, with
everything it started or (every other time) its parent alone, at a random moment after a random row, until the run ends.
A kill is a hit if it left the run unfinished, with more rows than ever before. Prints a line a method; exit code 1 if
any run differs from the one in peace, or any process ended in another way than by the kill or by finishing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from scenarios.lab.store.runs import find_runs
from scenarios.lab.store.tensors import read_checkpoint

METHODS = ("ga", "deep-ga", "backprop", "random-search")


def contents(run: Path) -> dict[str, Any]:
    """Everything a run directory holds, by file, without the keys that contain `seconds` or `_per_second`."""
    return {path.relative_to(run).as_posix(): content(path) for path in sorted(run.rglob("*")) if path.is_file()}


def differing(one: Path, other: Path) -> list[str]:
    """The files in which two run directories differ."""
    left, right = contents(one), contents(other)
    return [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]


def content(path: Path) -> Any:
    if path.suffix == ".pt":
        return timeless(read_checkpoint(path))
    if path.suffix in (".json", ".jsonl"):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        return [timeless(json.loads(line)) for line in lines]
    return path.read_bytes()


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items() if not _clock(str(key))}
    if isinstance(value, (list, tuple)):
        return [timeless(each) for each in value]
    return (str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes()) if isinstance(value, Tensor) else value


def _clock(key: str) -> bool:
    return "seconds" in key or "_per_second" in key or key == "check"  # the sum over a line that holds such


@dataclass
class Killed:
    """What became of one method's run: kills, those that hit it on its way, and what was wrong in the end."""

    method: str
    kills: int = 0
    hits: int = 0
    rows: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        verdict = "bytes differ: " + "; ".join(self.wrong) if self.wrong else "bytes equal"
        return f"{self.method:14} {self.kills:3} kills, {self.hits:3} hits at rows {self.rows}: {verdict}"


def kill_and_compare(scenario: str, method: str, steps: int, kills: int, folder: Path, dice: random.Random) -> Killed:
    """One run in peace, one killed `kills` times at random rows, and how they differ."""
    found = Killed(method)
    words = f"run {scenario} -m {method} --seeds 1 --jobs 1 --device cpu --budget steps={steps}"
    words += " --set task.stop=budget --set run.checkpoint_seconds=0.05"
    command = [sys.executable, "-m", "scenarios", *words.split()]
    peace, killed = ([*command, "--runs", str(folder / name)] for name in ("peace", "killed"))
    if not _finish(peace, found):
        return found
    (run,) = (status.path for status in find_runs(folder / "peace"))
    run = folder / "killed" / run.relative_to(folder / "peace")
    for k in range(kills):
        ahead = max(1, 2 * (steps - rows_of(run)) // (kills - k + 1) - 1)
        row = rows_of(run) + dice.randint(1, ahead)
        with subprocess.Popen(killed, stdout=-3, stderr=-3, start_new_session=True) as process:
            while rows_of(run) < row and process.poll() is None:
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.01))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL) if k % 2 else process.kill()
            elif process.returncode:
                found.wrong.append(f"exit code {process.returncode} before kill {k}")
        while any(status.state == "running" for status in find_runs(folder / "killed")):
            time.sleep(0.01)  # a worker outlives its parent by an instant
        found.kills += 1
        if rows_of(run) >= row and not (run / "result.json").exists():
            found.hits += 1
            found.rows.append(rows_of(run))
    _finish(killed, found)
    different = differing(folder / "peace" / run.relative_to(folder / "killed"), run)
    found.wrong += [name for name in different if name != "meta.json"]  # it keeps the command, in which the folder differs
    return found


def _finish(command: list[str], found: Killed) -> bool:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        found.wrong.append(f"exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return not done.returncode


def rows_of(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--kills", type=int, default=50, help="over all methods together")
    parser.add_argument("--steps", type=int, default=300, help="steps of each run")
    parser.add_argument("--scenario", default="breast_cancer")
    parser.add_argument("--seed", type=int, default=0, help="of the rows that are struck")
    options = parser.parse_args()
    dice, found = random.Random(options.seed), []
    for k, method in enumerate(options.methods):
        share = (options.kills + k) // len(options.methods)  # the shares of all methods add up to `kills`
        with tempfile.TemporaryDirectory() as folder:
            found.append(kill_and_compare(options.scenario, method, options.steps, share, Path(folder), dice))
        print(found[-1], flush=True)
    equal = sum(not each.wrong for each in found)
    print(f"{sum(each.kills for each in found)} kills, {sum(each.hits for each in found)} mid-run; "
          f"{equal} of {len(found)} runs equal the run in peace")  # fmt: skip
    return 0 if equal == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
