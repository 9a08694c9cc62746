"""Do small runs of every method still give what they gave? python tests/efficacy/same_results.py [--record] [--runs DIR].

Each run writes its rows and its champion. A column of the rows (what depends on a clock left out) and a tensor of the champion
are one sha256 each, kept in `same_results.json`, which --record writes. Without it the runs are made again and compared with
that file: every difference is printed, and the exit code is 1 if there is one. The hashes are those of one machine and its
versions, which the file names; it is recorded again where results change on purpose, and RESULTS.md says why.

RENAMED: columns and tensors that have another name since, old: new.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import safe_open

from scenarios.lab import run

RECORDED = Path(__file__).with_suffix(".json")
RAIL = f"{Path(__file__).with_name('users_rail.py')}:scenario"
RENAMED: dict[str, str] = {}

# Name of the run: scenario, method, steps, settings.
RUNS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "xor-ga": ("xor", "ga", 12, {}),
    "xor-neat": ("xor", "neat", 25, {"task.stop": "budget"}),
    "xor-neat-modern": ("xor", "neat-modern", 25, {"task.stop": "budget"}),
    "xor-backprop": ("xor", "backprop", 40, {}),
    "xor-linear": ("xor", "linear", 1, {}),
    "xor-random-search": ("xor", "random-search", 6, {}),
    "digits-ga": ("digits", "ga", 4, {"task.fitness": "macro_f1"}),
    "digits-nsga2": ("digits", "nsga2", 4, {}),
    "digits-deep-ga": ("digits", "deep-ga", 4, {"task.batch_size": 200}),
    "digits-neat": ("digits", "neat", 4, {}),
    "digits-backprop": ("digits", "backprop", 3, {"digits-backprop.dropout": 0.2, "digits-backprop.optimizer": "Adam"}),
    "wine-svm": ("wine", "svm", 1, {}),
    "wine-knn": ("wine", "knn", 1, {}),
    "wine-forest": ("wine", "forest", 1, {}),
    "wine-gradient-boosting": ("wine", "gradient-boosting", 1, {}),
    "wine-naive-bayes": ("wine", "sklearn:GaussianNB", 1, {}),
    "two-spirals-ga": ("two_spirals", "ga", 6, {"two-spirals-ga.crossover": "sbx", "two-spirals-ga.mutation": "self-adaptive"}),
    "breast-cancer-nsga2": ("breast_cancer", "nsga2", 5, {}),
    "cartpole-deep-ga": ("cartpole", "deep-ga", 3, {}),
    "cartpole-nsga2": ("cartpole", "nsga2", 3, {"task.normalize_observations": True}),
    "cartpole-neat": ("cartpole", "neat", 5, {"task.stop": "budget"}),
    "pendulum-neat-modern": ("pendulum", "neat-modern", 4, {}),
    "acrobot-random-search": ("acrobot", "random-search", 2, {}),
    "double-pole-neat": ("double_pole", "neat", 8, {"task.stop": "budget"}),
    "no-velocity-neat": ("double_pole_no_velocity", "neat", 2, {"no-velocity-neat.preset": "dpnv"}),
    "users-rail-neat": (RAIL, "neat", 6, {"users-rail-neat.recurrent": True}),
    "users-rail-ga": (RAIL, "ga", 6, {}),
}


def flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Columns by dotted key, without those that depend on a clock."""
    for key, value in row.items():
        if "seconds" in key or "_per_second" in key or key == "check":  # the check sum of a row, clocks included
            continue
        if isinstance(value, dict) and key != "species":
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def hashes(folder: Path) -> dict[str, str]:
    """What a run wrote: a hash for each column of its rows and each tensor of its champion."""
    rows = [dict(flat(json.loads(line))) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    columns = dict.fromkeys(key for row in rows for key in row)
    found = {f"row {key}": digest(json.dumps([row.get(key) for row in rows]).encode()) for key in columns}
    with safe_open(folder / "champion.safetensors", "numpy") as champion:
        for name in champion.keys():  # noqa: SIM118
            tensor = champion.get_tensor(name)
            found[f"tensor {name}"] = digest(f"{tensor.dtype}{tensor.shape}".encode() + tensor.tobytes())
    return found


def made(runs: Path) -> dict[str, dict[str, str]]:
    """The hashes of every run, made now."""
    found = {}
    for name, (scenario, method, steps, settings) in RUNS.items():
        # A run's own settings are by its label, which is its name.
        run(scenario, methods=[f"{name}={method}"], seeds=1, budget={"steps": steps}, settings=settings, jobs=1, runs=runs)
        folder = next(runs.glob(f"*/{name}/seed-0"))
        if not (folder / "result.json").is_file():
            raise SystemExit(f"{name} failed: {(folder / 'error.txt').read_text()}")
        found[name] = hashes(folder)
    return found


def differences(before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What differs between two sets of hashes, names mapped by RENAMED."""
    found = [f"{name}: {'no longer run' if name in before else 'not recorded'}" for name in sorted(set(before) ^ set(now))]
    for name in before.keys() & now.keys():
        old = {RENAMED.get(key, key): value for key, value in before[name].items()}
        for key in sorted(old.keys() | now[name].keys()):
            if old.get(key) != now[name].get(key):
                found.append(f"{name}: {key}: {old.get(key, 'nothing')} -> {now[name].get(key, 'nothing')}")
    return found


def machine() -> dict[str, str]:
    packages = {name: version(name) for name in ("torch", "numpy", "numba", "scikit-learn", "gymnasium")}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the file of hashes anew")
    parser.add_argument("--runs", type=Path, help="keep the run folders here")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        now = made(given.runs or Path(folder))
    if given.record:
        RECORDED.write_text(json.dumps({"machine": machine(), "runs": now}, indent=1) + "\n")
        print(f"{RECORDED}: {len(now)} runs, {sum(map(len, now.values()))} hashes")
        return 0
    recorded = json.loads(RECORDED.read_text())
    if recorded["machine"] != machine():
        print(f"recorded with {recorded['machine']}, here {machine()}: differences may come from that")
    found = differences(recorded["runs"], now)
    print("\n".join([*found, f"{len(now)} runs, {sum(map(len, now.values()))} hashes, {len(found)} differences"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
