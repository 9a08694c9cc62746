"""What can be run (`evo list`), every setting of it (`evo show`), and what was run (`evo list runs`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evo.settings import Setting, beyond, describe, has_rules
from scenarios import METHODS, SCENARIOS
from scenarios.lab.cli import flags, kept
from scenarios.lab.report.format import terminal_width, wrapped
from scenarios.lab.store import store, toml
from scenarios.lab.store.markup import printable
from scenarios.lab.store.runs import check, find_runs
from scenarios.lab.study import config, resolve
from scenarios.lab.study.config import BudgetSettings, RunSettings
from scenarios.lab.study.problems import Checks, ConfigError

WIDTH = 118  # of a comment in a configuration, at most
ROOM = 30  # for a description beside the other columns, at least
FACTS = ("kind", "inputs", "outputs", "metric", "size")


def everything() -> list[Any]:
    """Scenarios and methods, as tables (a head and rows), and sentences: which method does not support which scenario.
    Downloads nothing."""
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
                what += f"; unavailable: {'; '.join(check.problems)}"
            else:
                tasks[name], known = task, facts(task)
        rows.append([name, *(str(known.get(key, "?")) for key in FACTS), what])
    scenarios = [["scenario", *FACTS, "description"], *rows]

    methods = {name: resolve.method(name) for name in METHODS if not name.endswith(":")}
    rows = [[name, _what(method, METHODS[name])] for name, method in methods.items()]
    rows += [["sklearn:NAME", "any classifier or regressor of scikit-learn"]]

    unfit: dict[str, list[str]] = {}
    for name, method in methods.items():
        for scenario_name, task in tasks.items():
            if why := method.unsupported_reason(task):
                unfit.setdefault(f"{name} is unsupported: {why}", []).append(scenario_name)
    sentences = [f"{words} ({', '.join(where)})" for words, where in unfit.items()]
    return [scenarios, [["method", "description"], *rows], *sentences]


def laid_out(parts: Sequence[Any], width: int | None) -> str:
    """Tables, each with an empty line below, and sentences, in lines of at most `width` characters."""
    lines = [wrapped(part, width, "  ") if isinstance(part, str) else "\n".join([*aligned(part, width), ""]) for part in parts]
    return "\n".join(lines)


def facts(task: Any) -> dict[str, Any]:
    """What a line says of a task: kind, inputs, outputs, metric, size."""
    import torch

    from evo.core import Examples, split_shown

    shape = task.shape
    names = ("train", "validation", "test") if isinstance(task, Examples) else ()
    splits = [task.split(name) for name in names if split_shown(task, name) == name]
    sizes = [f"{len(pair[0]):,}" for pair in splits if pair is not None]
    return {
        "kind": task.kind or type(task).__name__,
        "inputs": "x".join(map(str, shape)) if shape else task.features(torch.zeros(1, task.inputs)).shape[1],
        "outputs": task.outputs,
        "metric": task.metric.name + ("" if task.metric.direction == "max" else " (min)"),
        "size": " + ".join(sizes) if sizes else f"{task.episodes} episode{'s' * (task.episodes != 1)}",
    }


def _what(method: Any, target: str) -> str:
    """What a method says of itself, or the first sentence of its module."""
    lines = (sys.modules[target.partition(":")[0]].__doc__ or "").strip().splitlines()
    return method.title or (lines[0].rstrip(".") if lines else "")


def runs(folder: Path) -> tuple[str, list[str]]:
    """Every run under `folder`: how it stands, and the command that continues it; and what is damaged or cannot be read."""
    left_out: list[store.StoreError] = []
    found = find_runs(folder, left_out=left_out.append)
    if not found:
        return "" if left_out else f"no runs in {folder}; make some: evo run xor", [*map(str, left_out)]
    faults = [f"{error}; left out" for error in left_out]
    rows = [["run", "state", "length", "continue with"]]
    for status in found:
        state = status.state
        try:
            check(status)
        except store.StoreError as error:
            state = "damaged"
            faults.append(str(error))
        steps = f"{status.steps:,} step{'s' * (status.steps != 1)}"
        again = status.command if state in ("stopped", "failed") else ""
        rows.append([*map(printable, (f"{status.scenario}/{status.label}/seed-{status.seed}", state, steps, again))])
    return "\n".join(aligned(rows, terminal_width(), break_last=False)), faults


def aligned(table: Sequence[Sequence[str]], width: int | None, break_last: bool = True) -> list[str]:
    """Lines of left-aligned columns under a head in capitals. Where `width` leaves the last column too little room it is
    broken, or comes below; so do the columns before it that find none. break_last: it is prose, and no command to copy."""
    table = [[word.upper() for word in table[0]], *table[1:]]
    widths = [max(map(len, column)) for column in zip(*table)]
    end = [sum(widths[: k + 1]) + 2 * k for k in range(len(widths))]  # of each column
    if width is None or end[-1] <= width:
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    if break_last and width - end[-2] - 2 >= ROOM:
        beside = " " * (end[-2] + 2)
        return [wrapped("  ".join(map(str.ljust, row, widths)).rstrip(), width, beside) for row in table]
    first = max(1, sum(each <= width for each in end[:-1]))
    lines = []
    for row in table:
        lines.append("  ".join(map(str.ljust, row[:first], widths)).rstrip())
        below = "    " + "  ".join(filter(None, row[first:]))
        lines += [wrapped(below, width if break_last else None, "    ")] if below.strip() else []
    return lines


def commented(document: Mapping[str, Any], overrides: Mapping[str, Any], problems: Sequence[str]) -> str:
    """The effective configuration as TOML, every key under a comment of a line. Raises ConfigError with every mistake."""
    return toml.write(*described(document, overrides, problems)[:2])


def kept_over(what: str, methods: Sequence[str], asked: flags.Asked) -> str | None:
    """What `commented` gives for a scenario and methods of ours with other settings, seeds, another budget or device: these
    laid over what is kept. None where anything else was typed, or may be wrong: `commented` says what."""
    typed = asked["document"]
    device = typed.get("device", "auto")
    if what not in SCENARIOS or not set(methods) <= {*METHODS} or asked["problems"]:
        return None
    if device not in ("auto", "cpu"):  # torch would have to look for another
        return None
    bare = flags.chosen(what, methods)
    check = Checks()
    try:
        document, said, declared = json.loads(kept.text(["show", what, *methods], lambda: json.dumps(described(**bare))))
    except ConfigError:
        return None
    seeds = check.seeds(typed["seeds"]) if "seeds" in typed else document["seeds"]
    budget = config.limits(typed["budget"], None, check) if "budget" in typed else document["budget"]
    if check.problems or not budget or not _laid_over(document, declared, asked["overrides"]):
        return None
    return toml.write({**document, "seeds": seeds, "device": device, "budget": budget}, said)


def _laid_over(document: dict[str, Any], declared: Mapping[str, Any], overrides: Mapping[str, Any]) -> bool:
    """Lays valid overrides over a configuration whose settings are `declared`, table by table; whether all are valid."""
    places = {place: [Setting.from_json(one) for one in own] for place, own in declared.items()}
    tables = {place: document["learners"].get(place, document.get(place)) for place in places}
    for dotted, value in overrides.items():
        place, _, key = dotted.rpartition(".")
        one = next((each for each in places.get(place, ()) if each.name == key), None)
        if one is None:
            return False
        value, problem = one.check(value)
        if problem:
            return False
        tables[place][key] = list(value) if isinstance(value, tuple) else value
    return not any(beyond(own, tables[place]) for place, own in places.items())


def described(
    document: Mapping[str, Any], overrides: Mapping[str, Any], problems: Sequence[str]
) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """The effective configuration; by dotted key what is said of it: meaning, range, default, source; and by table the settings
    that are valid by themselves and their bounds alone. The device is the one that was asked for. Raises ConfigError with every
    mistake."""
    study = config.study(document, overrides, problems=problems)
    first = study.specs[0]
    scenario: Any = Checks().scenario(first.scenario, first.task)
    axes = ", ".join(one.name for one in describe(BudgetSettings))
    said = {
        "scenario": f"{scenario.title}" + (f"; needs {scenario.needs}" if scenario.needs else ""),
        "seeds": "a list of seeds, or a count: 5 is seeds 0 to 4",
        "device": "auto (cuda where it is the faster; evo devices says where that is), cpu or cuda",
        "budget": f"limits per run; the first one reached stops it; axes: {axes}",
        "task": "the learning task",
        "model": "the network that all weight-based methods share",
        "model.network": "mlp, cnn, rnn, linear-float, or your own nn.Module as file.py:Class",
        "run": "checkpoints, history and threads; no effect on results",
    }
    tables: dict[str, Any] = {"budget.": BudgetSettings, "task.": scenario.settings, "run.": RunSettings}
    for spec in study.specs:
        model = f"learners.{spec.label}.model" if spec.own_model else "model"
        tables[f"{model}."] = getattr(resolve.network(spec.model["network"]), "settings", None) if spec.model else None
        said[f"{model}.network"] = said["model.network"]
        if spec.own_model:
            said[model] = "the network of this label alone"
        said[f"learners.{spec.label}.method"] = (
            "a method of evo list, or your own as file.py:Class; start = a run folder: warm start from its champion"
        )
        tables[f"learners.{spec.label}."] = getattr(Checks().method(spec.method, spec.label), "settings", None)
    for prefix, cls in tables.items():
        said.update((prefix + one.name, _comment(one, prefix != "budget.")) for one in (describe(cls) if cls else []))
    alone = {prefix.removeprefix("learners.").rstrip("."): cls for prefix, cls in tables.items() if cls and not has_rules(cls)}
    declared = {place: [one.to_json() for one in describe(cls)] for place, cls in alone.items() if place != "budget"}
    return study.document() | {"device": document.get("device", "auto")}, said, declared


def narrowed(configuration: str, width: int | None) -> str:
    """What `commented` gives, with its comments in lines of at most `width` and WIDTH characters."""
    lines = configuration.splitlines(keepends=True)
    return "".join(wrapped(line, min(width or WIDTH, WIDTH), "# ") + "\n" if line.startswith("#") else line for line in lines)


def _comment(one: Any, with_default: bool) -> str:
    parts = [f"{one.doc}: {one.expected}"]
    if with_default:
        parts.append(f"default {toml.value(one.default)}")
    if one.search is not None:
        parts.append(f"evo tune searches {one.search}")
    if one.source:
        parts.append(f"source: {one.source}")
    return "; ".join(parts)
