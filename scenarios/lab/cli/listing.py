"""What can be run (`evo list`), every setting of it (`evo show`), and what was run (`evo list runs`)."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evo.settings import describe
from scenarios.lab.store import toml
from scenarios.lab.study import resolve
from scenarios.lab.study.config import BudgetSettings, RunSettings, Study
from scenarios.lab.study.problems import Checks

WIDTH = 118  # of a comment in a configuration
FACTS = ("kind", "inputs", "outputs", "metric", "size")


def everything() -> str:
    """Scenarios and methods, one line each, and which method does not fit which scenario. Downloads nothing."""
    from scenarios import METHODS, SCENARIOS

    tasks: dict[str, Any] = {}
    rows = []
    for name in SCENARIOS:
        scenario = resolve.scenario(name)
        known, what = dict(scenario.facts), scenario.title
        if scenario.needs:
            what += f"; needs {scenario.needs}"
        else:
            check = Checks()
            task = check.default_task(scenario)
            if task is None:
                what += f"; not here: {'; '.join(check.problems)}"
            else:
                tasks[name], known = task, facts(task)
        rows.append([name, *(str(known.get(key, "?")) for key in FACTS), what])
    lines = aligned(["scenario", *FACTS, "what it is"], rows)

    methods = {name: resolve.method(name) for name in METHODS if not name.endswith(":")}
    rows = [[name, _what(method, METHODS[name])] for name, method in methods.items()]
    lines += [
        "",
        *aligned(["method", "what it is"], [*rows, ["sklearn:NAME", "any classifier or regressor of scikit-learn"]]),
        "",
    ]

    unfit: dict[str, list[str]] = {}
    for name, method in methods.items():
        for scenario_name, task in tasks.items():
            if why := method.fits(task):
                unfit.setdefault(f"{name} does not fit: {why}", []).append(scenario_name)
    return "\n".join(lines + [f"{words} ({', '.join(where)})" for words, where in unfit.items()])


def facts(task: Any) -> dict[str, Any]:
    """What a line says of a task: kind, inputs, outputs, metric, size."""
    shape = getattr(task, "shape", None)
    parts = [task.split(part) for part in ("train", "validation", "test")] if hasattr(task, "split") else []
    sizes = [f"{len(pair[0]):,}" for k, pair in enumerate(parts) if pair is not None and (k != 1 or pair[0] is not parts[0][0])]
    return {
        "kind": getattr(task, "kind", type(task).__name__),
        "inputs": "x".join(map(str, shape)) if shape else task.inputs,
        "outputs": task.outputs,
        "metric": task.metric.name + ("" if task.metric.direction == "max" else " (min)"),
        "size": " + ".join(sizes) if sizes else f"{task.episodes} episode{'s' * (task.episodes != 1)}",
    }


def _what(method: Any, target: str) -> str:
    """What a method says of itself, or the first sentence of its module."""
    told = getattr(method, "title", None)
    lines = (sys.modules[target.partition(":")[0]].__doc__ or "").strip().splitlines()
    return told if isinstance(told, str) else lines[0].rstrip(".") if lines else ""


def runs(folder: Path) -> str:
    """Every run under `folder`: how it stands, and the command that continues it."""
    from scenarios.lab.store import store

    found = store.find_runs(folder)
    if not found:
        return f"no runs in {folder}; make some: evo run xor"
    rows = []
    for status in found:
        steps = f"{status.steps:,} step{'s' * (status.steps != 1)}"
        again = status.command if status.state in ("stopped", "failed") else ""
        rows.append([f"{status.scenario}/{status.label}/seed-{status.seed}", status.state, steps, again])
    return "\n".join(aligned(["run", "state", "length", "continue with"], rows))


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of left-aligned columns under a head in capitals."""
    table = [[word.upper() for word in head], *rows]
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]


def commented(study: Study) -> str:
    """The effective configuration of a study as TOML, every key under a comment: meaning, range, default, source."""
    first = study.specs[0]
    scenario: Any = Checks().scenario(first.scenario)
    axes = ", ".join(one.name for one in describe(BudgetSettings))
    said = {
        "scenario": f"{scenario.title}" + (f"; needs {scenario.needs}" if scenario.needs else ""),
        "seeds": "the seeds, one by one; or a count: 5 is seeds 0 to 4",
        "device": "auto (cuda where there is a GPU), cpu or cuda",
        "budget": f"of each run; the first limit reached stops it; axes: {axes}",
        "task": "what is to be learned",
        "model": "the network that methods which need one share",
        "model.network": "a network: mlp, cnn, or your own nn.Module as file.py:Class",
        "run": "bookkeeping; nothing here changes a result",
    }
    tables: dict[str, Any] = {"budget.": BudgetSettings, "task.": scenario.settings, "run.": RunSettings}
    for spec in study.specs:
        model = f"learners.{spec.label}.model" if spec.own_model else "model"
        tables[f"{model}."] = getattr(resolve.network(spec.model["network"]), "settings", None) if spec.model else None
        said[f"{model}.network"] = said["model.network"]
        if spec.own_model:
            said[model] = "the network of this label alone"
        said[f"learners.{spec.label}.method"] = (
            "a method: evo list names them; or your own as file.py:Class; start = a run folder begins from that champion"
        )
        tables[f"learners.{spec.label}."] = getattr(Checks().method(spec.method, spec.label), "settings", None)
    for prefix, cls in tables.items():
        said.update((prefix + one.name, _comment(one, prefix != "budget.")) for one in (describe(cls) if cls else []))
    return toml.write(study.document(), {key: "\n".join(textwrap.wrap(text, WIDTH)) for key, text in said.items()})


def _comment(one: Any, with_default: bool) -> str:
    parts = [f"{one.doc}: {one.expected}"]
    if with_default:
        parts.append(f"default {toml.value(one.default)}")
    if one.source:
        parts.append(f"source: {one.source}")
    return "; ".join(parts)
