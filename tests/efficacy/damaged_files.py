"""Damages files of runs, one at a time, and runs, compares, plays and exports them again: is anything silently other?

    python tests/efficacy/damaged_files.py                        # 500 damages over four methods
    python tests/efficacy/damaged_files.py --damages 40 ga neat

Each method runs once to its end and once half way, untouched. A damage flips a bit of one file, cuts it, empties it or removes
it, in a copy of one of these folders. Then `compare`, `play` and `export` are asked about the copy, and `run` continues it.
Right is: every command ends with its answer or with words, never with a traceback; what `play` says and `export` writes is that
of the sound run, or a refusal; and after `run` the rows, the result, the champion and the files of history/ are those of the
sound run, or the run was refused. A file of history/ or pictures/ that is not made again must be noticed when it is read.
Prints a line a method; exit code 1 if anything was silently other, or without words.
"""

from __future__ import annotations

import argparse
import io
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kill_nine import content, timeless

from evo import threads
from scenarios.lab.cli import commands
from scenarios.lab.execution.execute import execute
from scenarios.lab.report.report import _picture
from scenarios.lab.store.store import StoreError, read_result, rows_of_run
from scenarios.lab.store.tensors import read_champion
from scenarios.lab.study.spec import RunSpec
from scenarios.lab.study.trial import study

METHODS = {"ga": "breast_cancer", "neat": "xor", "backprop": "wine", "nsga2": "cartpole"}
STEPS = 6
WAYS = ("flipped", "cut", "emptied", "removed")
INFORMS = ("meta.json", "error.txt")  # which nothing is computed from


@dataclass
class Found:
    """What became of the damages of one method: continued or kept to the same result, refused in words, and wrong."""

    method: str
    same: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        total = self.same + self.refused + len(self.wrong)
        lines = [f"{self.method:12} {total:4} damages: {self.same} same, {self.refused} refused, {len(self.wrong)} wrong"]
        return "\n  ".join([*lines, *self.wrong])


def damage(path: Path, way: str, dice: random.Random) -> str:
    """Damages a file, and says how."""
    data = bytearray(path.read_bytes())
    if way == "removed" or not data:
        path.unlink()
        return "removed"
    if way == "flipped":
        at = dice.randrange(8 * len(data))
        data[at // 8] ^= 1 << at % 8
        path.write_bytes(data)
        return f"bit {at} flipped"
    size = 0 if way == "emptied" else dice.randrange(len(data))
    path.write_bytes(data[:size])
    return f"cut to {size} of {len(data)} bytes"


def kind(path: Path) -> str:
    """Files of history/ and pictures/ count as one kind each, so that the many do not crowd out the others."""
    return path.parent.name if path.parent.name in ("history", "pictures") else path.name


class Campaign:
    """The sound runs of one method, finished and half way, and what is done to their copies. folder: to work in."""

    def __init__(self, scenario: str, method: str, folder: Path, steps: int = STEPS):
        self.folder, self.found = folder, Found(method)
        values = {"budget": {"steps": steps}, "task": {"stop": "budget"}, "run": {"checkpoint_seconds": 0.0}}
        (self.spec,) = study({"scenario": scenario, "learners": {method: {}}, "seeds": 1, "device": "cpu", **values}).specs
        self.sound: dict[str, Path] = {}
        for state, stop in (("finished", None), ("stopped", steps // 2)):
            self.sound[state] = self._run(folder / state, stop)[1]
        self.whole = self._contents(self.sound["finished"])
        self.answers = self._answers(self.sound["finished"])

    def _run(self, runs: Path, stop: int | None = None) -> tuple[str, Path, list[dict[str, Any]]]:
        events: list[dict[str, Any]] = []
        asked = iter(range(10**6))
        with threads.limited(1):
            state = execute(self.spec, runs, emit=events.append, stop=lambda: stop is not None and next(asked) >= stop)
        spec: RunSpec = self.spec
        return state, runs / spec.name / spec.label / f"seed-{spec.seed}", events

    def _contents(self, run: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in sorted(run.rglob("*")):
            name = path.relative_to(run).as_posix()
            if path.is_file() and name not in INFORMS and ".old-" not in name:
                try:
                    found[name] = content(path)
                except (StoreError, ValueError):
                    found[name] = "damaged"
        return found

    def _answers(self, run: Path) -> dict[str, Any]:
        """What the commands that read say of a run: what play prints and export writes, or None where they refuse in words."""
        out = self.folder / "out.safetensors"
        out.unlink(missing_ok=True)
        said = {}
        for name, command in {
            "compare": ["compare", str(run), "-o", str(self.folder / "report.html")],
            "play": ["play", str(run)],
            "export": ["export", str(run), str(out)],
        }.items():
            printed, told = io.StringIO(), io.StringIO()
            with redirect_stdout(printed), redirect_stderr(told):
                code = commands.main(command)
            if "Traceback" in told.getvalue() or (code and not told.getvalue().strip()):
                raise AssertionError(f"{name}: exit code {code}: {told.getvalue()[-300:]!r}")
            said[name] = None if code else printed.getvalue()
        said["export"] = out.read_bytes() if out.exists() else None
        del said["compare"]  # it says how the run stands, which a damage may well change
        return said

    def strike(self, state: str, name: str, way: str, dice: random.Random) -> None:
        """Damages one file of a copy of the finished or the stopped run, and counts what became of it."""
        runs = self.folder / "damaged"
        shutil.rmtree(runs, ignore_errors=True)
        shutil.copytree(self.folder / state, runs)
        run = runs / self.sound[state].relative_to(self.folder / state)
        how = f"{state}, {name} {damage(run / name, way, dice)}"
        try:
            wrong = self._judged(state, run, name)
        except Exception as error:  # whatever a damaged file brings about
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            self.found.wrong.append(f"{how}: {wrong}")

    def _judged(self, state: str, run: Path, name: str) -> str | None:
        """What is wrong with a damaged copy; None: nothing."""
        answers = self._answers(run)
        if state == "finished":
            for command, said in answers.items():
                if said is not None and said != self.answers[command]:
                    return f"{command} answers otherwise"
        if name.startswith("history/") and (run / name).exists() and not self._noticed(run, name):
            return "read without a word"
        ended, _, events = self._run(run.parents[2])
        words = [event["message"] for event in events if event["event"] in ("warning", "failed")]
        if ended == "failed":
            if not words or (run / "error.txt").exists():
                return f"failed: {words}"
            self.found.refused += 1
            return None
        after = self._contents(run)
        other = [key for key in {*self.whole, *after} if self.whole.get(key) != after.get(key)]
        kept = [key for key in other if not (key == name and self._noticed(run, key))]
        if kept:
            return f"{ended}, other: {', '.join(kept)}; said: {words}"
        self.found.same += 1
        return None

    def _noticed(self, run: Path, name: str) -> bool:
        """Whether a damaged file that `run` did not make again, since the run goes on without it, is refused when it is read,
        or reads as it did."""
        read: dict[str, Callable[[Path], Any]] = {
            ".jsonl": lambda of: [timeless(row) for row in rows_of_run(of, read_result(of))],
            ".json": read_result,
            ".safetensors": lambda of: tensors_of(of / name),
            ".png": lambda of: _picture(of, picture(of, name)),
        }
        one = read.get(Path(name).suffix, lambda of: content(of / name))
        try:
            return not (run / name).exists() or one(run) in (None, one(self.sound["finished"]))
        except StoreError:
            return True


def tensors_of(path: Path) -> Any:
    tensors, header = read_champion(path)
    return header, {key: tensor.numpy().tobytes() for key, tensor in tensors.items()}


def picture(run: Path, name: str) -> dict[str, Any]:
    """What the result says of a file of pictures/."""
    entries = (read_result(run) or {})["pictures"]
    return next(entry for entry in entries if entry["file"] == Path(name).name)


def campaign(scenario: str, method: str, damages: int, dice: random.Random, steps: int = STEPS) -> Found:
    """So many damages, spread evenly over the kinds of files, the ways and the two states."""
    with tempfile.TemporaryDirectory() as folder:
        one = Campaign(scenario, method, Path(folder), steps)
        kinds: dict[tuple[str, str], list[str]] = {}
        for state, run in one.sound.items():
            for path in sorted(run.rglob("*")):
                if path.is_file():
                    kinds.setdefault((state, kind(path)), []).append(path.relative_to(run).as_posix())
        cases = [(state, names, way) for way in WAYS for (state, _), names in kinds.items()]
        dice.shuffle(cases)
        for k in range(damages):
            state, names, way = cases[k % len(cases)]
            one.strike(state, dice.choice(names), way, dice)
        return one.found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=list(METHODS))
    parser.add_argument("--damages", type=int, default=500, help="over all methods together")
    parser.add_argument("--seed", type=int, default=0, help="of the damages")
    options = parser.parse_args()
    found = []
    for k, method in enumerate(options.methods):
        share = (options.damages + k) // len(options.methods)  # the shares of all methods add up to `damages`
        found.append(campaign(METHODS.get(method, "xor"), method, share, random.Random(options.seed + k)))
        print(found[-1], flush=True)
    wrong = sum(len(each.wrong) for each in found)
    print(f"{options.damages} damages: {sum(each.same for each in found)} same, "
          f"{sum(each.refused for each in found)} refused, {wrong} wrong")  # fmt: skip
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
