"""COCO's data format, written and read: what cocopp draws, and archives of others beside our runs.

    FOLDER/LABEL/bbobexp_f8.info                     an entry a dimension: suite, function, dimension, then its runs
    FOLDER/LABEL/data_f8/bbobexp_f8_DIM20.dat        a block a run: a line where the gap first fell to a target
    FOLDER/LABEL/data_f8/bbobexp_f8_DIM20.tdat       the same runs: a line at numbers of evaluations

The data format "bbob-new2" of numbbo.github.io/coco is written; that and the older ones are read, whose lines too begin with
the evaluations and have the best gap as third number. Evaluations inside a generation count as its end. The first line of a
block has to be of the first evaluation, whose value is not known: it has the worst of the first generation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scenarios.lab.report.gather import Seed, gather
from scenarios.lab.report.targets import Trace, problem_of
from scenarios.lab.store import files, store
from scenarios.lab.store.files import StoreError

HEADER = (
    "% f evaluations | g evaluations | best noise-free fitness - Fopt ({:.12e}) + sum g_i+ | measured fitness | "
    "best measured fitness or single-digit g-values | x1 | x2...\n"
)
COMMENT = "% neuroevo: evaluations inside a generation count as its end; the first line has the worst of the first generation\n"
PER_DECADE = {"dat": 100, "tdat": 20}  # lines a decade of the gap, of the evaluations
PRECISION = 1e-8


class Exported(NamedTuple):
    """What `write` made: a folder a label; runs: how many are in it; left_out: of which problems none or no end is known."""

    folders: list[Path]
    runs: int
    left_out: list[str]


def write(paths: Iterable[Path], folder: Path) -> Exported:
    """Run folders of benchmark functions in COCO's format, several functions, dimensions and instances together.

    Only finished runs count. Raises StoreError if there is none, if a label's folder is there already, or the disk refuses.
    """
    seeds = [seed for each in gather(paths).values() for series in each for seed in series.seeds]
    known = [seed for seed in seeds if (seed.result or {}).get("benchmark") and np.isfinite(seed.curve.gap).any()]
    if not known:
        raise StoreError("no finished run of a benchmark function among these: evo run bbob makes some")
    label = lambda seed: re.sub(r"[^A-Za-z0-9._-]+", "-", seed.path.parent.name)
    folders = {name: folder / name for name in sorted(set(map(label, known)))}
    for each in folders.values():
        if each.exists():
            raise StoreError(f"{each} is there already: remove it, or name another folder")
    for name, made in folders.items():
        own = sorted((seed for seed in known if label(seed) == name), key=lambda seed: (*problem_of(seed), seed.seed))
        for function, of_function in groupby(own, key=lambda seed: problem_of(seed)[0]):
            _write_function(made, name, function, list(of_function))
    left_out = [f"{seed.path.parent.name} seed {seed.seed}: {seed.state}" for seed in seeds if seed not in known]
    return Exported(list(folders.values()), len(known), left_out)


def _write_function(made: Path, label: str, function: int, seeds: Sequence[Seed]) -> None:
    entries, data = [], f"data_f{function}"
    with files.writing(made):
        (made / data).mkdir(parents=True, exist_ok=True)
    for dimension, group in groupby(seeds, key=lambda seed: problem_of(seed)[1]):
        own, stem = list(group), f"{data}/bbobexp_f{function}_DIM{dimension}"
        suite = str((own[0].result or {})["benchmark"]["suite"])
        blocks = [_block(seed) for seed in own]
        for suffix in PER_DECADE:
            files.write(made / f"{stem}.{suffix}", "".join(block[suffix] for block in blocks).encode(), sync=False)
        head = f"suite = '{suite}', funcId = {function}, DIM = {dimension}, Precision = {PRECISION:.3e}, algId = '{label}'"
        head += ", coco_version = '', logger = 'bbob', data_format = 'bbob-new2', settings = ''\n"
        entries.append(head + COMMENT + ", ".join([f"{stem}.dat", *(block["run"] for block in blocks)]))
    files.write(made / f"bbobexp_f{function}.info", "\n".join(entries).encode(), sync=False)


def _block(seed: Seed) -> dict[str, str]:
    """The lines of a run in each file, and "run", its word in the .info file."""
    curve, rows = seed.curve, seed.rows
    f_opt, instance = float((seed.result or {})["benchmark"]["f_opt"]), problem_of(seed)[2]
    at = np.isfinite(curve.gap)
    evaluations, gap = curve.cost["evaluations"][at], curve.gap[at]
    if evaluations[0] > 1:
        worst = rows[0].get("fitness_worst")
        first = gap[0] + rows[0]["fitness_best"] - worst if store.is_number(worst) and at[0] else math.inf
        evaluations, gap = np.append(1, evaluations), np.append(first, gap)
    spent = int(curve.cost["evaluations"][-1])
    line = lambda k: f"{int(evaluations[k])} 0 {gap[k]:+.9e} {gap[k] + f_opt:+.9e} {gap[k] + f_opt:+.9e}\n"
    end = f"{spent} 0 {gap[-1]:+.9e} {gap[-1] + f_opt:+.9e} {gap[-1] + f_opt:+.9e}\n"
    found = {"run": f"{instance}:{spent}|{gap[-1]:.1e}"}
    with np.errstate(divide="ignore"):
        steps = {
            "dat": np.ceil(np.log10(gap) * PER_DECADE["dat"]),
            "tdat": np.floor(np.log10(evaluations) * PER_DECADE["tdat"]),
        }
    for suffix, step in steps.items():
        lines = [line(k) for k in np.sort(np.unique(step, return_index=True)[1])]
        found[suffix] = HEADER.format(f_opt) + "".join(lines + ([end] if lines[-1] != end else []))
    return found


def read(folder: Path) -> dict[str, list[Trace]]:
    """The runs of an archive in COCO's format, unpacked, by the name of their algorithm.

    Raises StoreError, naming the file, where there is none or what stands there is not that format.
    """
    found: dict[str, list[Trace]] = {}
    infos = sorted(folder.rglob("*.info"))
    if not infos:
        raise StoreError(f"{folder}: no .info file below it: expected an unpacked archive in COCO's format")
    for path in infos:
        for name, trace in _read_info(path):
            found.setdefault(name, []).append(trace)
    return found


def _read_info(path: Path) -> Iterator[tuple[str, Trace]]:
    with files.reading(path):
        lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    heads = [k for k, line in enumerate(lines) if re.match(r"\s*(suite|funcId|indicator)\s*=", line)]
    for start, stop in zip(heads, [*heads[1:], len(lines)]):
        about = {key: text or number for key, text, number in re.findall(r"(\w+)\s*=\s*(?:'([^']*)'|([^,]*))", lines[start])}
        try:
            function, dimension = int(about["funcId"]), int(about["DIM"])
        except (KeyError, ValueError) as error:
            raise StoreError(f"{path}: expected funcId and DIM in {lines[start][:80]!r}") from error
        name = about.get("algId") or path.parent.name
        blocks: Iterator[np.ndarray] = iter(())
        for word in ", ".join(line for line in lines[start + 1 : stop] if not line.startswith("%")).split(","):
            if (word := word.strip()).endswith("dat"):
                blocks = _blocks(path, word.replace("\\", "/"))
            elif known := re.match(r"(\d+)(?::(\d+)\|)?", word):
                values = next(blocks, None)
                if values is None:
                    raise StoreError(
                        f"{path}: names more runs of f{function} in {dimension} dimensions than its data files have"
                    )
                spent = float(known[2] or values[-1, 0])
                yield name, Trace((function, dimension, int(known[1])), values[:, 0], values[:, 1], spent)


def _blocks(info: Path, name: str) -> Iterator[np.ndarray]:
    """The runs of a data file (T, 2): evaluations, the best gap so far."""
    path = info.parent / name
    if not path.resolve().is_relative_to(info.parent.resolve()):
        raise StoreError(f"{info}: names {name}, which lies outside its folder")
    with files.reading(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    for block in re.split(r"(?m)^%.*$", text):
        if lines := [line.split() for line in block.splitlines() if line.strip()]:
            try:
                values = np.array([[float(line[0]), float(line[2])] for line in lines])
            except (ValueError, IndexError) as error:
                raise StoreError(f"{path}: expected lines of evaluations, a number, and the best gap so far") from error
            values[:, 1] = np.fmin.accumulate(values[:, 1])
            yield values
