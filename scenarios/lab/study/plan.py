"""What `evo tune` tries: for each label its present settings, and draws from the search space declared beside its settings.

    trial 0       the label's present settings
    trial t       the searched settings drawn, the others as they are

A draw is a function of (first seed, trial, method, name of the setting): a setting that joins a space changes no other's
draws, and two labels of one method try the same values. Bergstra, Bengio: Random search for hyper-parameter optimization.
JMLR 13, 2012.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evo.settings import SettingsError, describe
from evo.space import Dimension, Log, Real
from scenarios.lab.study import resolve
from scenarios.lab.study.problems import Checks, ConfigError, plain
from scenarios.lab.study.spec import RunSpec
from scenarios.lab.study.trial import study

FIRST_SEED = 1000  # reported seeds are counted from 0
ATTEMPTS = 1000  # draws of a trial until its settings do not contradict one another
DIGITS = 3  # of a drawn number: a file of settings is to be read

Values = dict[str, Any]


@dataclass(frozen=True)
class Tuned:
    """A label: its runs with present settings, one a scenario and seed, and the names of the settings that are searched.
    `space` and `accepted`, and what needs them, import the method."""

    label: str
    method: str
    specs: tuple[RunSpec, ...]
    searched: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        own = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return {**own, "specs": [spec.to_json() for spec in self.specs]}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Tuned:
        specs = tuple(map(RunSpec.from_json, values["specs"]))
        return Tuned(**{**values, "specs": specs, "searched": tuple(values["searched"])})

    @property
    def first_seed(self) -> int:
        return min(spec.seed for spec in self.specs)

    @cached_property
    def accepted(self) -> type:
        """The method's settings class."""
        method = Checks().method(self.specs[0].method, self.label)
        assert method is not None  # it was tried
        return method.settings

    @cached_property
    def space(self) -> dict[str, Dimension]:
        """By name the range of each setting that is searched."""
        return {one.name: one.search for one in describe(self.accepted) if one.search is not None and one.name in self.searched}

    def problems(self, values: Values) -> list[str]:
        """What forbids these values on any scenario."""
        found = []
        for settings in [spec.settings for spec in self.specs]:
            try:
                self.accepted(**{**settings, **values})
            except SettingsError as error:
                found += error.problems
        return list(dict.fromkeys(found))

    def drawn(self, trial: int) -> Values:
        """The values of a trial by random search. Raises ConfigError if no draw is free of contradictions."""
        problems = []
        for attempt in range(ATTEMPTS):
            values = {name: self._value(name, trial, attempt) for name in self.space}
            if not (problems := self.problems(values)):
                return values
        raise ConfigError([f"{self.label}: no draw of trial {trial} is allowed: {'; '.join(problems)}"])

    def _value(self, name: str, trial: int, attempt: int) -> Any:
        from evo import rng

        digest = hashlib.sha256(f"{self.method}.{name}".encode()).digest()
        place = int.from_bytes(digest[:4], "big")
        u = rng.uniforms(self.first_seed, trial, place, rng.TUNING, attempt + 1)[attempt]
        return shown(self.space[name], self.space[name].at(float(u)))

    def runs(self, trial: int, values: Values) -> list[RunSpec]:
        """The runs of a trial, under a label of its own."""
        name = f"{self.label}.trial-{trial}"
        made = []
        for spec in self.specs:
            settings = plain(self.accepted(**{**spec.settings, **values}))
            made.append(dataclasses.replace(spec, label=name, settings=settings, run={**spec.run, "history": "none"}))
        return made


@dataclass(frozen=True)
class Plan:
    """The labels to tune, and the folder's name."""

    labels: tuple[Tuned, ...]
    name: str
    asked: dict[str, Mapping[str, Any]]  # by scenario, what `trial.study` takes; without seeds and draws

    @property
    def unsearched(self) -> list[str]:
        """The labels that have nothing to search: they have their present settings alone."""
        return [each.label for each in self.labels if not each.searched]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "labels": [each.to_json() for each in self.labels]}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Plan:
        return Plan(**{**values, "labels": tuple(map(Tuned.from_json, values["labels"]))})


def shown(dimension: Dimension, value: Any) -> Any:
    """A value as it is tried: a real number with DIGITS digits, within the range."""
    if not isinstance(dimension, (Real, Log)):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), dimension.low), dimension.high)


def seeds(text: str) -> list[int]:
    """3 is seeds 1000 to 1002; 1005,1007 those two. Raises ConfigError for any below 1000."""
    check = Checks()
    found = check.seeds(text)
    if text.strip().isdigit():
        found = [FIRST_SEED + seed for seed in found]
    if low := [seed for seed in found if seed < FIRST_SEED]:
        words = (
            f"seeds: tuning takes seeds from {FIRST_SEED}, so that reported ones stay unseen; got {', '.join(map(str, low))}"
        )
        check.problems.append(f"{words} (3 is seeds {FIRST_SEED} to {FIRST_SEED + 2})")
    check.done()
    return found


def plan(asked: Sequence[Mapping[str, Any]], chosen: str, command: str, problems: Iterable[str] = ()) -> Plan:
    """The Plan for some scenarios: `asked` is what `trial.study` takes of each. chosen: the text of --seeds.

    problems: mistakes found before. Raises ConfigError with every mistake. A setting that an override names is fixed: it is
    not searched.
    """
    problems = list(problems)
    found: dict[str, list[RunSpec]] = {}
    by_scenario: dict[str, Mapping[str, Any]] = {}
    counted: list[int] = [FIRST_SEED]
    try:
        counted = seeds(chosen)
    except ConfigError as error:
        problems += error.problems
    for one in asked:
        try:
            made = study({**one["document"], "seeds": counted}, one["overrides"], command, one["problems"])
        except ConfigError as error:
            problems += error.problems
            continue
        if made.name in by_scenario:
            problems.append(f"scenario {made.name} is given twice")
        by_scenario[made.name] = one
        for spec in made.specs:
            found.setdefault(spec.label, []).append(spec)
    for label, specs in found.items():
        if len(methods := {resolve.current(resolve.method_name(spec.method)) for spec in specs}) > 1:
            problems.append(f"{label}: one label, but {len(methods)} methods: {', '.join(sorted(methods))}")
    if problems:
        raise ConfigError(problems)
    fixed = {key for one in asked for key in one["overrides"]}
    return Plan(tuple(_tuned(label, specs, fixed) for label, specs in found.items()), "+".join(by_scenario), by_scenario)


def _tuned(label: str, specs: Sequence[RunSpec], fixed: set[str]) -> Tuned:
    every = Tuned(label, resolve.current(resolve.method_name(specs[0].method)), tuple(specs), ())
    searched = [one.name for one in describe(every.accepted) if one.search is not None]
    return dataclasses.replace(every, searched=tuple(name for name in searched if f"{label}.{name}" not in fixed))
