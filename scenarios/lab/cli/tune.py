"""`evo tune`: from what was typed to the trials, and from the trials to a table, a page and files of settings.

Whatever imports torch is imported inside a function, so that --help answers at once.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evo.settings import closest
from scenarios.lab.cli.ends import wrong
from scenarios.lab.cli.options import Decimal, Device, Jobs, Limits, Methods, Missing, Runs, Sep, Sets, Target, Task
from scenarios.lab.report.format import terminal_width

if TYPE_CHECKING:
    from scenarios.lab.cli import flags
    from scenarios.lab.report.tuning import Label
    from scenarios.lab.study.plan import Plan

FRESH_SEEDS = 10  # in the files of settings; counted from 0, so that no trial has seen them
SAMPLERS = ("random", "tpe")


def tune(
    what: Annotated[list[str], typer.Argument(metavar="SCENARIO|FILE...", help="scenarios, TOML files or CSV tables")],
    method: Methods = [],  # noqa: B006
    trials: Annotated[
        int, typer.Option(metavar="N", min=1, help="trials of each label, the first with its present settings")
    ] = 24,
    seeds: Annotated[str, typer.Option(metavar="N|a,b", help="3: seeds 1000 to 1002; 1005,1007: those two")] = "3",
    budget: Limits = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    sampler: Annotated[str, typer.Option(metavar="random|tpe", help="how settings are drawn; tpe: by Optuna")] = "random",
    jobs: Jobs = None,
    runs: Runs = Path("runs"),
    device: Device = "",
    restart: Annotated[bool, typer.Option("--restart", help="rename existing trials and start over")] = False,
    target: Target = "",
    task: Task = "",
    sep: Sep = "",
    decimal: Decimal = "",
    missing: Missing = [],  # noqa: B006
) -> int:
    """Search for settings: equal trials for every label, judged on validation, on seeds from 1000."""
    options = [("-m", one) for one in method] + [("--budget", one) for one in budget] + [("--set", one) for one in set_]
    options += [("--trials", str(trials)), ("--seeds", seeds), ("--sampler", "" if sampler == "random" else sampler)]
    options += [("--jobs", str(jobs or "")), ("--runs", "" if runs == Path("runs") else str(runs)), ("--device", device)]
    options += [("--target", target), ("--task", task), ("--sep", sep), ("--decimal", decimal)]
    options += [("--missing", one) for one in missing]
    reading = {"sep": sep, "decimal": decimal, "missing": missing}
    command = shlex.join(["evo", "tune", *what, *(word for option in options if option[1] for word in option)])
    try:
        from scenarios.lab.cli import flags
        from scenarios.lab.study.problems import ConfigError

        problems = []
        if sampler not in SAMPLERS:
            problems.append(f"--sampler: expected random or tpe; got {sampler!r}{closest(sampler, SAMPLERS)}")
        try:
            asked = flags.several(what, lambda one: flags.chosen(one, method, "", budget, set_, device, target, task, reading))
            return _tuned([*asked.values()], problems, seeds, trials, sampler, jobs, runs / "tune", restart, command)
        except ConfigError as error:
            return wrong(error)
    except KeyboardInterrupt:
        print(f"stopped at once; continue with: {command}", file=sys.stderr)
        return 130


def _tuned(
    asked: Sequence[flags.Asked],
    problems: Sequence[str],
    seeds: str,
    count: int,
    sampler: str,
    jobs: int | None,
    folder: Path,
    restart: bool,
    command: str,
) -> int:
    """Runs the trials in a folder below `folder`, and says what they found; the exit code."""
    from scenarios.lab.execution.progress import meanwhile
    from scenarios.lab.execution.runner import Workers
    from scenarios.lab.execution.tune import asked_for, run_trials
    from scenarios.lab.report import tuning
    from scenarios.lab.store.trials import Trials
    from scenarios.lab.study.plan import Plan

    with ExitStack() as stack:
        workers = stack.enter_context(Workers())
        with meanwhile("importing torch, and trying the configuration"):
            workers.ask("plan", asked=asked, chosen=seeds, command=command, problems=problems)
            chosen = Plan.from_json(workers.answer())
        for label in chosen.unsearched:
            print(f"{label}: no setting to search: one trial, with its present settings", file=sys.stderr)
        trials = stack.enter_context(Trials(folder / chosen.name))
        if restart and any(trials.path.iterdir()):
            print(f"the previous trials were renamed {trials.restart()}", file=sys.stderr)
        state = run_trials(chosen, trials, count, workers, sampler=sampler, jobs=jobs)
        if state == "stopped":
            print(f"continue with: {command}", file=sys.stderr)
            return 130
        rows = [row for each in chosen.labels for row in asked_for(each, count, trials.rows)]
        planned = {each.label: count if each.searched else 1 for each in chosen.labels}
        found = tuning.labels(rows, planned)
        print(tuning.text(found, planned, terminal_width()))
        if state == "failed":
            print("Warning: runs failed; a failed run ranks last. The same command tries them again.")
        if found:
            tuning.write(found, trials.path / tuning.PAGE, command)
            print(f"report: {trials.path / tuning.PAGE}")
        for path in settings_files(chosen, found, trials.path):
            print(f"best settings: evo run {path}")
    return 1 if state == "failed" else 0


def settings_files(chosen: Plan, found: Sequence[Label], folder: Path) -> list[Path]:
    """A TOML file a scenario, which `evo run` takes: every label with the settings of its best trial, and fresh seeds."""
    from scenarios.lab.store import files, toml
    from scenarios.lab.study.spec import Study

    best = {each.label: each.settings(each.best) for each in found if each.best}
    paths = []
    for scenario, asked in chosen.asked.items():
        own = [spec for each in chosen.labels for spec in each.specs if spec.name == scenario]
        study = Study(tuple(replace(spec, settings=spec.settings | best.get(spec.label, {})) for spec in own), scenario)
        document = study.document() | {"seeds": FRESH_SEEDS, "device": asked["document"].get("device", "auto")}
        path = folder / f"{scenario}.toml"
        files.write(path, toml.write(document).encode("utf-8"))
        paths.append(path)
    return paths
