"""Kills runs of every method at random moments, thousands of times: is any of them lost, or another in the end?

    TMPDIR=/dev/shm python tests/efficacy/kill_campaign.py       # 2,000 kills; in memory, where fsync costs nothing
    python tests/efficacy/kill_campaign.py --kills 20 xor/neat   # of one pair

Each pair of scenario and method runs once in peace. Then it is begun in a new folder, killed with SIGKILL at a random moment
(three times of four before its last row, else at any), continued, killed again and so on to its end, where every byte is
compared with the run in peace; then it is begun anew, until its share of the kills is spent. A run is a fork of one warm
process, so that a start costs milliseconds and not an import of torch; `kill_nine.py` does the same, fewer times, to the whole
command.

Prints a line a pair: kills before the first row, between rows, and after the last (champion scored and drawn, result
written). Exit code 1 if a run failed, was lost, or differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kill_nine import differing, rows_of

from scenarios import METHODS
from scenarios.lab.execution.execute import execute
from scenarios.lab.store.store import run_path
from scenarios.lab.study.spec import RunSpec
from scenarios.lab.study.trial import study

# Every method on examples, and on episodes, where running statistics of the observations are state too; with their steps.
EXAMPLES = {f"breast_cancer/{method}": 60 for method in METHODS if not method.endswith(":")}
PAIRS = EXAMPLES | {"xor/neat": 60, "xor/neat-modern": 60, "cartpole/ga": 30, "cartpole/neat": 30, "cartpole/neat-modern": 30}


def spec_of(pair: str) -> RunSpec:
    """A short run that saves often and spends its whole budget."""
    scenario, _, method = pair.partition("/")
    document = {
        "scenario": scenario,
        "seeds": [0],
        "budget": {"steps": PAIRS[pair]},
        "task": {"stop": "budget"},
        "run": {"checkpoint_seconds": 0.02},
        "learners": {method: {}},
    }
    return study(document).specs[0]


def forked(spec: RunSpec, folder: Path) -> int:
    """Begins or continues the run in a process of its own; the process id."""
    if (pid := os.fork()) == 0:
        state = "failed"
        try:
            state = execute(spec, folder, threads=1)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0 if state in ("finished", "skipped") else 1)
    return pid


def until(pid: int, moment: float) -> int | None:
    """Waits for the process until then, and kills it. Its exit code, None for one that was killed."""
    while time.monotonic() < moment:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return None if code == -signal.SIGKILL else code


@dataclass
class Peace:
    """The run that nobody killed: its folder, its rows, and the seconds to its last row and to its end."""

    run: Path
    rows: int
    stepping: float
    whole: float

    def moment(self, dice: random.Random) -> float:
        """Seconds after a start."""
        return dice.uniform(0.0, self.whole if dice.random() < 0.25 else self.stepping)

    def reached(self, run: Path) -> str:
        """How far a run had come."""
        if (run / "result.json").exists():
            return "after the result"
        rows = rows_of(run)
        return "before the first row" if not rows else "between rows" if rows < self.rows else "after the last row"


def in_peace(spec: RunSpec, folder: Path) -> Peace:
    """Twice: in this process, which that warms, and in a fork of it, whose time is taken."""
    if (state := execute(spec, folder / "warm", threads=1)) != "finished":
        raise RuntimeError(f"the run in peace {state}")
    run, begun = run_path(folder / "peace", spec.name, spec.label, spec.seed), time.monotonic()
    rows = rows_of(run_path(folder / "warm", spec.name, spec.label, spec.seed))
    pid, stepping = forked(spec, folder / "peace"), 0.0
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if not stepping and rows_of(run) == rows:
            stepping = time.monotonic() - begun
        time.sleep(0.0005)
    return Peace(run, rows, stepping, time.monotonic() - begun)


def life(spec: RunSpec, folder: Path, peace: Peace, kills: int, dice: random.Random) -> tuple[Counter[str], list[str]]:
    """One run in `folder`, killed at most `kills` times: when it was hit, and what was wrong in the end."""
    hits: Counter[str] = Counter()
    run = run_path(folder, spec.name, spec.label, spec.seed)
    while True:
        patience = 3600.0 if hits.total() == kills else peace.moment(dice)
        code = until(forked(spec, folder), time.monotonic() + patience)
        if code is not None:
            return hits, [f"exit code {code}"] if code else differing(peace.run, run)
        hits[peace.reached(run)] += 1


def campaign(pair: str, kills: int, dice: random.Random) -> bool:
    """All lives of one pair; whether each ended as the run in peace did."""
    spec = spec_of(pair)
    hits: Counter[str] = Counter()
    wrong: list[str] = []
    lives = 0
    with tempfile.TemporaryDirectory() as temporary:
        peace = in_peace(spec, Path(temporary))
        while hits.total() < kills and not wrong:
            lives += 1
            folder = Path(temporary, f"life-{lives}")
            found, wrong = life(spec, folder, peace, kills - hits.total(), dice)
            hits += found
            shutil.rmtree(folder)
    when = ", ".join(f"{n} {name}" for name, n in hits.most_common())
    print(f"{pair:32} {hits.total():4} kills in {lives:3} runs: {'; '.join(wrong) or 'all equal'} ({when})", flush=True)
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="*", default=list(PAIRS), choices=PAIRS, metavar="SCENARIO/METHOD")
    parser.add_argument("--kills", type=int, default=2000, help="over all pairs together")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    shares = [(options.kills + k) // len(options.pairs) for k in range(len(options.pairs))]  # which add up to `kills`
    right = sum(campaign(pair, share, dice) for pair, share in zip(options.pairs, shares))
    print(f"{options.kills} kills; {right} of {len(options.pairs)} pairs equal their run in peace")
    return 0 if right == len(options.pairs) else 1


if __name__ == "__main__":
    sys.exit(main())
