"""What is to be run: a TOML file or flags, checked once, become a Study of RunSpecs.

    scenario = "digits"            # or "package.module:attr", "file.py:attr", "table.csv::COLUMN"
    seeds = 3                      # seeds 0, 1, 2; or [3, 5]
    device = "auto"
    [budget]                       # the first limit that is reached stops a run; without it the scenario's own
    evaluations = 20000
    [task]                         # keys of the scenario
    [model]                        # the network that weight-based methods share
    network = "mlp"
    [run]                          # keys of RunSettings
    [learners.LABEL]               # a table per method; default: the scenario's methods
    method = "ga"
    start = "runs/digits/backprop"  # warm start from another run's champion (`scenarios.lab.study.warm_start`)
    [learners.LABEL.model]         # a network of the label's own: keys over those of [model]
    hidden = [64, 64]
    [code]                         # in a run's own file: what else it was made of (`scenarios.lab.study.identity`)

Flags are the same keys. Every mistake is gathered: one ConfigError names them all, before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evo.settings import did_you_mean, setting, settings, suggestion
from scenarios.lab.study import devices, identity, resolve
from scenarios.lab.study.problems import Checks, plain
from scenarios.lab.study.spec import RunSpec, Study

if TYPE_CHECKING:
    from evo.core import Method, Scenario, Task

KEYS = ("scenario", "seeds", "device", "budget", "task", "model", "run", "learners", "code")
NO_START = (None, None)
Made = tuple[dict[str, str], list[str]]  # of `identity.of_run`


@settings
class RunSettings:
    checkpoint_seconds: float = setting(10.0, "interval between checkpoints; a stop writes one too", low=0.0, unit="seconds")
    history: str = setting(
        "champions", "kept in history/; all: every step, with populations", choices=("none", "champions", "all")
    )
    threads: int | None = setting(None, "evaluation threads per run; none: cores / jobs", low=1)


@settings
class BudgetSettings:
    evaluations: int | None = setting(None, "networks scored on the training set or training episodes", above=0)
    samples: int | None = setting(None, "network x input pairs; environment steps on control tasks", above=0)
    compute: float | None = setting(None, "forward passes x parameters; a backward pass counts as two", above=0)
    seconds: float | None = setting(None, "wall clock, steps only", above=0)
    steps: int | None = setting(None, "generations or epochs", above=0)


@dataclass(frozen=True)
class Learner:
    """A label: the method as it was given and as it was found, its settings (None: wrong), for each seed what it begins from
    with the sha256 of that champion, the network of its own (its table, and what makes it)."""

    label: str
    given: Any
    method: Method
    settings: Any
    starts: dict[int, tuple[str, str]]
    model: dict[str, Any] | None
    network: Any
    placed: devices.Placed


@dataclass(frozen=True)
class Draft:
    """What a document asks for, with every mistake in `check`: what a trial tries, and then the Study."""

    check: Checks
    given: Any  # the scenario as it was given
    scenario: Scenario | None
    seeds: list[int]
    task: Any  # its settings
    network: Any  # what makes the shared one; None: there is none
    task_is_right: bool  # nothing is wrong with scenario, task and shared network
    learners: list[Learner]
    model: dict[str, Any]  # the shared network's table
    device: str  # that was asked for
    same: dict[str, Any]  # what every run has in common

    def study(self, made: Mapping[str, Made] | None = None) -> Study:
        """The Study; made: by label what its runs are made of, else what is known without a task. Raises ConfigError with
        every mistake."""
        self.check.done()
        assert self.scenario is not None
        made = {one.label: self.made_of(one) for one in self.learners} if made is None else made
        specs = [
            RunSpec(
                scenario=self.given,
                name=self.scenario.name,
                label=one.label,
                method=one.given,
                seed=seed,
                settings=plain(one.settings),
                start=one.starts.get(seed, NO_START)[0],
                start_sha256=one.starts.get(seed, NO_START)[1],
                model=self.model if one.model is None else one.model,
                own_model=one.model is not None,
                code=made[one.label][0],
                device=one.placed.device,
                device_reason=one.placed.reason,
                **self.same,
            )
            for one in self.learners
            for seed in self.seeds
        ]
        unknown = sorted({each for _, found in made.values() for each in found})
        metric = f"; metric: {self.task.metric}" if hasattr(self.task, "metric") else ""  # a setting where there are several
        return Study(tuple(specs), self.scenario.name, self.scenario.title + metric, tuple(unknown))

    def made_of(self, one: Learner, task: Task | None = None) -> Made:
        """What the runs of a label are made of."""
        network = (self.model if one.model is None else one.model).get("network")
        return identity.of_run(self.given, one.given, network, task)


def study(
    document: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    command: str = "",
    problems: Iterable[str] = (),
) -> Study:
    """The Study that `document` (the tables of a TOML file) asks for; nothing is made of it (`trial.study` does).

    overrides: more settings, by dotted key ("ga.population_size", "task.fitness"). problems: mistakes found before.
    Raises ConfigError with every mistake.
    """
    return draft(document, overrides, command, problems).study()


def draft(document: Mapping[str, Any], overrides: Mapping[str, Any] | None, command: str, problems: Iterable[str]) -> Draft:
    """`study`, before anything is raised."""
    check = Checks(problems)
    check.problems += [f"{key}: unknown key{suggestion(key, KEYS)}" for key in document if key not in KEYS]
    tables = {key: check.table(document.get(key, {}), key) for key in KEYS[3:]}
    given: Any = document.get("scenario")
    if given is None:
        check.problems.append('scenario: missing; name one, as in scenario = "digits" (evo list shows them)')
    asked = {key.removeprefix("task."): new for key, new in (overrides or {}).items() if key.startswith("task.")}
    scenario = None if given is None else check.scenario(given, tables["task"] | asked)
    learners = _learners(tables["learners"], scenario, check)
    _override(tables, learners, overrides or {}, check)

    seeds, device = check.seeds(document.get("seeds", 1)), check.device(document.get("device", "auto"))
    budget = limits(tables["budget"], scenario, check)
    run = check.settings(RunSettings, tables["run"], "run.")
    before = len(check.problems)
    values = network = None
    model: dict[str, Any] = {}
    base: Mapping[str, Any] = {}
    if scenario is not None:
        values = check.settings(scenario.settings, tables["task"], "task.")
        shared = _over(scenario.model, tables["model"])
        model, network = check.network(shared)
        base = model or {"network": shared.get("network")}
    task_is_right = scenario is not None and len(check.problems) == before

    found = []
    for label, table in learners.items():
        chosen = table.pop("method", label)
        starts = check.starts(table.pop("start", None), table.pop("start_sha256", None), seeds, label)
        own = check.table(table.pop("model", {}), f"{label}.model")
        if (method := check.method(chosen, label)) is not None:
            defaults = scenario.learners.get(resolve.current(chosen), {}) if scenario and isinstance(chosen, str) else {}
            options = check.settings(method.settings, {**defaults, **table}, f"{label}.")
            before = len(check.problems)
            ours = check.network(_over(base, own), f"{label}.model") if own and scenario else (None, None)
            placed = devices.Placed("cuda" if device == "cuda" else "cpu")  # until a trial decides
            if len(check.problems) == before:
                found.append(Learner(label, chosen, method, options, starts, ours[0], ours[1], placed))
    same: dict[str, Any] = dict(budget=budget, task=plain(values), run=plain(run), command=command)
    asked = dict(
        given=given, scenario=scenario, seeds=seeds, task=values, network=network, learners=found, model=model, device=device
    )
    return Draft(check=check, task_is_right=task_is_right, same=same, **asked)


def _over(base: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    # The settings in `base` belong to its network; another one starts from that network's defaults.
    same = table.get("network", base.get("network")) == base.get("network")
    return {**base, **table} if same else dict(table)


def _learners(given: dict[str, Any], scenario: Scenario | None, check: Checks) -> dict[str, dict[str, Any]]:
    if not given and scenario is not None:
        given = {label: {"method": method} for label, method in map(resolve.labelled, scenario.methods)}
        if not given:
            check.problems.append("no method: name at least one")
    check.problems += [wrong for label in given if (wrong := resolve.bad_label(label))]
    return {label: check.table(table, f"learners.{label}") for label, table in given.items()}


def _override(tables: dict[str, Any], learners: dict[str, Any], overrides: Mapping[str, Any], check: Checks) -> None:
    places = {**{key: tables[key] for key in resolve.RESERVED}, **learners}
    for dotted, new in overrides.items():
        place, _, key = dotted.rpartition(".")
        label, _, last = place.rpartition(".")
        if place in places:
            places[place][key] = new
        elif label in learners and last == "model":
            own = check.table(learners[label].get("model", {}), place)
            learners[label]["model"] = {**own, key: new}
        elif not place:
            check.problems.append(f"{dotted}: expected LABEL.key, where LABEL is one of {', '.join(places)}")
        elif learners:
            known = [*places, *(f"{label}.model" for label in learners)] if "." in place else places
            check.problems.append(f"{dotted}: no label or table {place!r}{did_you_mean(place, known)}")


def limits(table: dict[str, Any], scenario: Scenario | None, check: Checks) -> dict[str, float]:
    """The limits of a run, by axis: those of `table`, or without any the scenario's."""
    if not table and scenario is not None:
        found: dict[str, float] = scenario.budget.limits()
    elif (chosen := check.settings(BudgetSettings, table, "budget.")) is None:
        return {}
    else:
        found = {axis: limit for axis, limit in plain(chosen).items() if limit is not None}
    if not found and scenario is not None:
        check.problems.append("budget: expected at least one limit, such as evaluations = 20000")
    return found
