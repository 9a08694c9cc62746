"""Run methods on scenarios, keep what they did, compare it; from Python as from the command line.

    from scenarios.lab import load, run

    print(run("digits", methods=["ga", "backprop"], seeds=3, budget={"evaluations": 5000}))
    load("runs/digits/ga/seed-0").champion.figure()

Importing this imports no torch; what needs it is imported where it is used.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import numpy as np

    from evo.core import Model, Scenario, Task
    from scenarios.lab.report.comparison import Comparison
    from scenarios.lab.study.config import Built, ConfigError, RunSpec, Study

__all__ = ["Comparison", "ConfigError", "Run", "Scenario", "load", "main", "run"]

_TASK = ("inputs", "outputs", "metric", "episodes", "stop", "evaluate", "score", "solved", "figure")  # evo.core.Task
_PLACES = {
    "Comparison": "scenarios.lab.report.comparison",
    "ConfigError": "scenarios.lab.study.config",
    "Scenario": "evo.core",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)


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
    Raises ConfigError with every mistake before anything starts; KeyboardInterrupt, with all saved, after a Ctrl-C. A
    run that fails is counted in the Comparison, and stops no other.
    """
    from scenarios.lab.cli import compiling
    from scenarios.lab.study.config import study

    compiling.announce()
    document: dict[str, Any] = {"scenario": _scenario(scenario, name), "seeds": seeds, "device": device}
    if methods is not None:
        document["learners"] = _learners(methods)
    if budget is not None:
        document["budget"] = budget
    states, comparison = perform(study(document, settings, "the same call of run()"), Path(runs), jobs, restart)
    if "stopped" in states:
        raise KeyboardInterrupt("stopped, and saved; the same call of run() continues")
    return comparison


def perform(study: Study, runs: Path, jobs: int | None, restart: bool) -> tuple[list[str], Comparison]:
    """Runs a study with its live lines and writes the report: how each run ended, and the table of all."""
    from scenarios.lab.cli import progress
    from scenarios.lab.execution import runner
    from scenarios.lab.report import report
    from scenarios.lab.report.comparison import compare
    from scenarios.lab.store import store

    with progress.showing(study) as shown:
        states = runner.run_study(study, runs, jobs=jobs, restart=restart, emit=shown.emit)
    paths = [store.run_path(runs, spec.name, spec.label, spec.seed) for spec in study.specs]
    failed = [path for k, path in enumerate(paths) if states[k] == "failed"]
    comparison = compare(paths, failed)[0]
    try:
        # The page is about the scenario's folder: what was run before is compared too.
        found = [status.path for status in store.find_runs(runs) if status.scenario == study.name]
        others = [path for path in found if path not in paths]
        every = compare([*paths, *others], failed) if others else [comparison]
        comparison.report = report.write(every, runs / study.name / report.REPORT, own=True)[0]
    except store.StoreError as error:
        comparison.notes.append(f"no report: {error}")
    return list(states.values()), comparison


def load(path: str | Path, scenario: Scenario | Task | None = None, method: Any = None) -> Run:
    """A run folder, read. scenario, method: what the run was given as objects, which no file can hold.

    Raises StoreError (a file is missing or damaged) here or when the part is asked for. Nothing in the folder is
    executed; where its config.toml names code of yours ("file.py:attr"), `champion` imports it, as `evo run` would.
    """
    return Run(Path(path), scenario, method)


class Run:
    """One run as it lies on disk: config, rows, result and champion, each read when first asked for; `load` makes one.

    path: the folder; config: its config.toml as a dict. Raises StoreError, naming the file, for what is missing or damaged.
    """

    def __init__(self, path: Path, scenario: Any = None, method: Any = None):
        from scenarios.lab.store import store

        self.path, self._scenario, self._method = path, scenario, method
        self.config: dict[str, Any] = store.read_config(path)

    def __repr__(self) -> str:
        return f"Run({'/'.join(self.path.resolve().parts[-3:])!r})"

    def _repr_html_(self) -> str:
        """For a notebook: scenario, label, seed and state; the result as a table; the folder."""
        from scenarios.lab.report import notebook
        from scenarios.lab.store import store

        scenario, label, seed = self.path.resolve().parts[-3:]
        lines = [f"folder: {self.path}"]
        try:
            rows = _summary(self.result) if self.result is not None else []
        except store.StoreError as error:
            rows, lines = [], [str(error), *lines]
        title = f"{scenario}, {label}, {seed.replace('-', ' ')}: {store.run_state(self.path)}"
        return notebook.fragment(title, ["result", ""], rows, lines)

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Every column of metrics.jsonl as an array, one item a step; nested keys are dotted ("validation.accuracy"),
        a missing or non-finite number is nan."""
        from scenarios.lab.store import store

        flat = [_flat(row) for row in store.read_rows(self.path / store.METRICS)]
        return {key: _column([row.get(key) for row in flat]) for key in dict.fromkeys(key for row in flat for key in row)}

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """result.json; None while the run is unfinished."""
        from scenarios.lab.store import store

        return store.read_result(self.path)

    @cached_property
    def champion(self) -> Model:
        """The champion, ready to call; `champion.figure()` draws it. Raises StoreError if it cannot be had."""
        from scenarios.lab.store import store
        from scenarios.lab.study import resolve

        file = self.path / store.CHAMPION
        if not file.is_file():
            raise store.StoreError(f"{file} is missing: a run has a champion after its first checkpoint")
        tensors, header = store.read_champion(file)
        spec, built = self._spec, self._built
        try:
            return built.method.restore(built.task, built.settings, spec.seed, tensors, header)
        except Exception as error:  # tensors and header may be anybody's
            raise store.StoreError(f"{file} does not fit its config.toml: {resolve.said(error)}") from error

    @cached_property
    def task(self) -> Task:
        """The task that the run was about, made anew from its config.toml."""
        return self._built.task

    @cached_property
    def _built(self) -> Built:
        return self._spec.build()

    @cached_property
    def _spec(self) -> RunSpec:
        from scenarios.lab.study.config import study

        document = dict(self.config)
        if self._scenario is not None:
            document["scenario"] = _scenario(self._scenario, self.path.resolve().parents[1].name)
        learners = document.get("learners")
        if self._method is not None and isinstance(learners, dict):
            document["learners"] = {label: {**dict(table), "method": self._method} for label, table in learners.items()}
        return study(document | {"device": "cpu"}, build=False).specs[0]


def _summary(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a result.json holds, a name and a value in words each: the metric by split, how the run ended, what it cost."""
    from scenarios.lab.report.comparison import number
    from scenarios.lab.store import store

    metric = result["metric"]["name"]
    values = {f"{split} {metric}": result[split].get(metric) for split in store.SPLITS if result[split]}
    values |= {"solved": result["solved"], "stopped by": result["stopped_by"], "steps": result["steps"]}
    values |= {"parameters": result["champion"]["parameters"], **{axis: result["cost"][axis] for axis in store.AXES}}
    return [(name, "-" if value is None else number(value)) for name, value in values.items()]


def main(name: str) -> NoReturn:
    """What a scenario's file does as a script: `evo run NAME` with the command line's arguments."""
    from scenarios.lab.cli import commands

    sys.exit(commands.main(["run", name, *sys.argv[1:]]))


def _scenario(given: Any, name: str | None) -> Any:
    """A Task as a Scenario without settings; a name or a Scenario as it is. Raises ConfigError."""
    from evo.core import Budget, Scenario
    from scenarios.lab.study.problems import ConfigError, NoSettings

    if isinstance(given, (str, Scenario)):
        return given if name is None or isinstance(given, str) else dataclasses.replace(given, name=name)
    if missing := [part for part in _TASK if not hasattr(given, part)]:
        what = f"{type(given).__name__} lacks {', '.join(missing)} (evo.testing.check_task tells more)"
        raise ConfigError([f"scenario: expected a name, a Scenario or a Task; {what}"])
    if name is None:
        raise ConfigError(["name: a Task needs one, which its folder gets: run(task, name=...)"])
    task = lambda settings, network: given
    return Scenario(name=name, title=name, task=task, settings=NoSettings, budget=Budget(), methods=(), model={})


def _learners(methods: str | Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    from scenarios.lab.cli.flags import line_up
    from scenarios.lab.study.problems import ConfigError

    if isinstance(methods, Mapping):
        return {label: {"method": method} for label, method in methods.items()}
    texts = [methods] if isinstance(methods, str) else list(methods)
    problems = [f"methods: give {one!r} a label: {{'mine': ...}}" for one in texts if not isinstance(one, str)]
    found = line_up([one for one in texts if isinstance(one, str)], {}, problems)
    if problems:
        raise ConfigError(problems)
    return found


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in row.items():
        found.update(_flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value})
    return found


def _column(values: list[Any]) -> np.ndarray:
    import numpy as np

    if all(value is None or isinstance(value, (bool, int, float)) for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.array(values, dtype=object)
