"""A study from Python: `run`, `export`, and `perform`, which `evo run` shares with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evo.core import Scenario, Task
    from scenarios.lab.execution.runner import Workers
    from scenarios.lab.report.comparison import Comparison
    from scenarios.lab.study.loading import Run
    from scenarios.lab.study.spec import Study


def run(
    scenario: str | Scenario | Task,
    methods: str | Sequence[str] | Mapping[str, Any] | None = None,
    seeds: int | str | Sequence[int] = 1,
    budget: Mapping[str, float] | None = None,
    settings: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    runs: str | Path = "runs",
    device: str = "auto",
    restart: bool = False,
    name: str | None = None,
) -> Comparison:
    """Runs methods on a scenario, or goes on with what was stopped, and compares them. Prints only the live lines.

    scenario: a name, "file.py:attr", a Scenario, or a Task; a Task needs `name` (of its folder), methods and a budget.
    methods: names, or "LABEL=METHOD", or a dict label -> name, Algorithm class or Learner class; None: the scenario's own.
    seeds: 3 is seeds 0, 1, 2; [3, 5] those two. budget: limits a run, by axis (evaluations, samples, compute, seconds,
    steps). settings: by the keys of --set: {"ga.population_size": 50, "model.hidden": [16]}. jobs: worker processes for
    what was given by name, None: one a core; objects run in this process, one after another.
    The Comparison's `runs` hold each run of the call, label by label, with the objects it was made of: `play` and `export`
    take them. A run that fails is counted, and stops no other.
    Raises ConfigError with every mistake before anything starts; KeyboardInterrupt, with all saved, after a Ctrl-C.
    """
    from evo.core import Task
    from scenarios.lab.execution import progress
    from scenarios.lab.store import store
    from scenarios.lab.study import identity
    from scenarios.lab.study.loading import load
    from scenarios.lab.study.problems import as_scenario

    document: dict[str, Any] = {"scenario": as_scenario(scenario, name), "seeds": seeds, "device": device}
    if methods is not None:
        document["learners"] = _learners(methods)
    if budget is not None:
        document["budget"] = budget
    with progress.meanwhile("importing torch, and trying the configuration"):
        from scenarios.lab.execution import compiling
        from scenarios.lab.study.trial import study

        compiling.announce()
        made = study(document, settings, "the same call of run()")
    states, comparison = perform(made, Path(runs), jobs, restart)
    if isinstance(scenario, Task):
        for spec in {spec.label: spec for spec in made.specs}.values():
            identity.used(spec.code, spec.scenario, spec.method, spec.model.get("network"), scenario)
    if "stopped" in states:
        raise KeyboardInterrupt("stopped, and saved; the same call of run() continues")
    known = lambda thing: None if isinstance(thing, str) else thing
    for spec in made.specs:
        path = store.run_path(runs, spec.name, spec.label, spec.seed)
        if (path / store.CONFIG).is_file():  # else it failed before it began
            comparison.runs.append(load(path, known(spec.scenario), known(spec.method)))
    return comparison


def export(run: Run, file: str | Path) -> Path:
    """Writes the network of a run's champion for torch (.pt), safetensors or ONNX, by the ending of `file`, which is returned.

    Raises ExportError (a ValueError) for another ending or a champion that is no such network, StoreError for one that is
    missing or damaged.
    """
    from evo.interop.export import export as exported

    return exported(run.champion, Path(file), run.predictor, run.about)


def perform(
    study: Study, runs: Path, jobs: int | None, restart: bool, workers: Workers | None = None
) -> tuple[list[str], Comparison]:
    """Runs a study with its live lines and writes the report: how each run ended, and the table of all. workers: those that
    are there already, which their owner ends."""
    from scenarios.lab.execution import progress, runner
    from scenarios.lab.report import report
    from scenarios.lab.report.comparison import compare
    from scenarios.lab.store import store
    from scenarios.lab.store.runs import find_runs

    with progress.showing(study) as shown:
        states = runner.run_study(study, runs, jobs=jobs, restart=restart, emit=shown.emit, workers=workers)
    paths = [store.run_path(runs, spec.name, spec.label, spec.seed) for spec in study.specs]
    failed = [path for k, path in enumerate(paths) if states[k] == "failed"]
    with progress.meanwhile("writing the report"):
        comparison = compare(paths, failed)[0]
        try:
            # The page is about the scenario's folder: what was run before is compared too.
            others = [one.path for one in find_runs(runs, study.name) if one.path not in paths]
            every = compare([*paths, *others], failed) if others else [comparison]
            comparison.report = report.write(every, runs / study.name / report.REPORT, own=True)[0]
        except store.StoreError as error:
            comparison.notes.append(f"no report: {error}")
    return list(states.values()), comparison


def _learners(methods: str | Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    from scenarios.lab.study import resolve
    from scenarios.lab.study.problems import ConfigError

    if isinstance(methods, Mapping):
        return {label: {"method": method} for label, method in methods.items()}
    texts = [methods] if isinstance(methods, str) else list(methods)
    problems = [f"methods: give {one!r} a label: {{'mine': ...}}" for one in texts if not isinstance(one, str)]
    found = resolve.line_up([one for one in texts if isinstance(one, str)], {}, problems)
    if problems:
        raise ConfigError(problems)
    return found
