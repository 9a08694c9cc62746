"""A run folder, read: its configuration, its rows, its result, its champion ready to call.

What needs torch is imported where it is used.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.lab.store import markup, store
from scenarios.lab.store.files import reading
from scenarios.lab.store.runs import run_state
from scenarios.lab.study import identity, resolve
from scenarios.lab.study.config import study
from scenarios.lab.study.problems import ConfigError, as_scenario
from scenarios.lab.study.spec import Built, RunSpec

if TYPE_CHECKING:
    import numpy as np

    from evo.core import Model, Saved, Scenario, Task


def load(
    path: str | Path,
    scenario: Scenario | Task | None = None,
    method: Any = None,
    warn: Callable[[str], object] = warnings.warn,
) -> Run:
    """A run folder, read. scenario, method: what the run was given as objects, which no file can hold. warn: gets a line when
    task or champion are asked for whose code or data have changed since the run.

    Raises StoreError (a file is missing or damaged) here or when the part is asked for. Nothing in the folder is
    executed; where its config.toml names code of yours ("file.py:attr"), `champion` imports it, as `evo run` would.
    """
    return Run(Path(path), scenario, method, warn)


class Run:
    """One run as it lies on disk: config, rows, result and champion, each read when first asked for; `load` makes one.

    path: the folder; config: its config.toml as a dict. Raises StoreError, naming the file, for what is missing or damaged.
    """

    def __init__(self, path: Path, scenario: Any, method: Any, warn: Callable[[str], object]):
        self.path, self._scenario, self._method, self._warn = path, scenario, method, warn
        self._changed: list[str] = []  # what a line has told of
        self.config: dict[str, Any] = store.read_config(path)

    def __repr__(self) -> str:
        return f"Run({'/'.join(self.path.resolve().parts[-3:])!r})"

    def _repr_html_(self) -> str:
        """For a notebook: scenario, label, seed and state; the result as a table; the folder."""
        scenario, label, seed = self.path.resolve().parts[-3:]
        lines = [f"folder: {self.path}"]
        try:
            rows = _summary(self.result) if self.result is not None else []
        except store.StoreError as error:
            rows, lines = [], [str(error), *lines]
        title = f"{scenario}, {label}, {seed.replace('-', ' ')}: {run_state(self.path)}"
        return markup.fragment(title, ["result", ""], rows, lines)

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Every column of metrics.jsonl as an array, one item a step; nested keys are dotted ("validation.accuracy"),
        a missing or non-finite number is nan."""
        with reading(self.path):
            flat = [_flat(row) for row in store.rows_of_run(self.path, self.result)]
        return {key: _column([row.get(key) for row in flat]) for key in dict.fromkeys(key for row in flat for key in row)}

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """result.json; None while the run is unfinished."""
        return store.read_result(self.path)

    @cached_property
    def champion(self) -> Model:
        """The champion, ready to call; `champion.figure()` draws it. Raises StoreError if it cannot be had."""
        return self._restored(self._file, self._stored)

    def champions(self) -> Iterator[tuple[int, Model]]:
        """The champions that history/ holds, each with the step that found it, in their order; none with run.history=none.
        Raises StoreError if one cannot be had."""
        from scenarios.lab.store.tensors import read_champion

        for step, path in store.kept_champions(self.path):
            with reading(path):
                stored = read_champion(path)
            yield step, self._restored(path, stored)

    @property
    def about(self) -> dict[str, str]:
        """Whose champion it is: scenario, label, method and seed. Raises StoreError if its file is missing or damaged."""
        return {key: value for key, value in self._stored[1].items() if key in ("scenario", "label", "method", "seed")}

    @cached_property
    def task(self) -> Task:
        """The task that the run was about, made anew from its config.toml."""
        return self._whole[1].task

    @cached_property
    def predictor(self) -> Task:
        """The task as far as predicting needs it. A table's is in the champion's file: its rows are read when they are asked
        for, which raises StoreError where they are gone. Else `task`."""
        return self._predicting[1].task

    @cached_property
    def _stored(self) -> Saved:
        from scenarios.lab.store.tensors import read_champion

        with reading(self._file):
            if not self._file.exists():
                raise store.StoreError(f"{self._file} is missing: a run has a champion after its first checkpoint")
        return read_champion(self._file)

    def _restored(self, path: Path, stored: Saved) -> Model:
        (tensors, header), (spec, built) = stored, self._predicting
        try:
            return built.method.restore(built.task, built.settings, spec.seed, tensors, header)
        except store.StoreError as error:  # it is fitted again, and the data are gone
            raise store.StoreError("; ".join([str(error), *filter(None, [header.get("left_out")])])) from error
        except Exception as error:  # tensors and header may be anybody's
            raise store.StoreError(f"{path} does not fit its config.toml: {resolve.said(error)}") from error

    @property
    def _file(self) -> Path:
        return self.path / store.CHAMPION

    @cached_property
    def _whole(self) -> tuple[RunSpec, Built]:
        name = self.path.resolve().parents[1].name
        return self._made({} if self._scenario is None else {"scenario": as_scenario(self._scenario, name)})

    @cached_property
    def _predicting(self) -> tuple[RunSpec, Built]:
        """What `champion` is made of: of a table without its rows, where the champion's file tells what they were."""
        name, described = self.config.get("scenario"), self._stored[1].get("task")
        if self._scenario is not None or not isinstance(name, str) or "::" not in name or described is None:
            return self._whole
        from scenarios.tables import predicting

        scenario = predicting(self.path.resolve().parents[1].name, described, self._needed)
        return self._made({"scenario": scenario, "task": {}}, name)

    def _needed(self) -> Task:
        try:
            return self.task
        except ConfigError as error:
            raise store.StoreError(f"this needs the data of the run: {error}") from error

    def _made(self, given: Mapping[str, Any], name: str | None = None) -> tuple[RunSpec, Built]:
        """From the config.toml, over which stands what is `given`. name: of the scenario, where that is given in its place."""
        document = {**self.config, **given, "device": "cpu"}
        if isinstance(task := document.get("task"), dict):  # of a table that has changed it is warned below
            document["task"] = {key: value for key, value in task.items() if key != "sha256"}
        if isinstance(learners := document.get("learners"), dict):
            own = {} if self._method is None else {"method": self._method}
            document["learners"] = {label: _without_start(table, own) for label, table in learners.items()}
        try:
            spec = study(document).specs[0]
        except ConfigError as error:
            raise ConfigError(f"{self.path / store.CONFIG}: {problem}" for problem in error.problems) from error
        built = spec.build()
        code = identity.of_run(name or spec.scenario, spec.method, spec.model.get("network"), built.task)[0]
        if (changed := dataclasses.replace(spec, code=code).changed(self.config)) and changed != self._changed:
            self._changed = changed
            self._warn(f"{self.path}: {', '.join(changed)} since this run: what is shown is not what was scored")
        return spec, built


def start_model(start: str, seed: int) -> Model:
    """The champion that a warm start gives to seed `seed`. Raises BadStart if it cannot be had."""
    from scenarios.lab.study import warm_start

    try:
        return load(warm_start.folder(start, seed), warn=lambda line: None).champion  # its weights are what counts here
    except (store.StoreError, ConfigError) as error:
        raise warm_start.BadStart(str(error)) from error


def _without_start(table: Any, own: Mapping[str, Any]) -> Any:
    """A label's table without the run that it began from, which is in its champion; over it stands what is `own`."""
    if not isinstance(table, Mapping):
        return table
    return {key: value for key, value in table.items() if key not in ("start", "start_sha256")} | dict(own)


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


def _summary(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a result.json holds, a name and a value in words each: the metric by split, how the run ended, what it cost."""
    metric = result["metric"]["name"]
    values = {f"{split} {metric}": result[split].get(metric) for split in store.SPLITS if result[split]}
    values |= {"solved": result["solved"], "stopped by": result["stopped_by"], "steps": result["steps"]}
    values |= {"parameters": result["champion"]["parameters"], **{axis: result["cost"][axis] for axis in store.AXES}}
    return [(name, _said(value)) for name, value in values.items()]


def _said(value: Any) -> str:
    if value is None or isinstance(value, (bool, str)):
        return "-" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
