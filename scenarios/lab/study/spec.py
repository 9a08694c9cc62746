"""One run with every setting effective, a RunSpec, and a Study, several of one scenario: as configurations and as JSON.

Both cross from process to process, and tell what of a stored configuration forbids that its run is continued.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from scenarios.lab.store import toml
from scenarios.lab.study import identity, resolve
from scenarios.lab.study.problems import Checks

if TYPE_CHECKING:
    from evo.core import Method, Scenario, Task

FEW = 3  # settings that nothing is stored of, which are named one by one


@dataclass(frozen=True)
class Built:
    task: Task
    method: Method
    settings: Any


@dataclass(frozen=True)
class RunSpec:
    """One run: one label, one seed, every setting effective. JSON-able unless scenario or method is an object."""

    scenario: str | Scenario
    name: str  # of the scenario's folder
    label: str
    method: str | Method
    seed: int
    budget: dict[str, float]
    settings: dict[str, Any]
    task: dict[str, Any]
    model: dict[str, Any]
    run: dict[str, Any]
    device: str  # "cpu" or "cuda", where it runs
    command: str  # what continues it
    start: str | None = None  # the run that it begins from
    start_sha256: str | None = None  # of that run's champion
    code: dict[str, str] = field(default_factory=dict)  # by name, the sha256 of what of the user's it is made of
    own_model: bool = False  # whether `model` is the label's own, not the shared one
    device_reason: str = field(default="", compare=False)  # why it runs there; "": it was told to

    def build(self) -> Built:
        """The task, the method and its settings. Raises ConfigError."""
        check, task, options = Checks(), None, None
        scenario, method = check.scenario(self.scenario, self.task), check.method(self.method, self.label)
        where = f"{self.label}.model" if self.own_model else "model"
        network = check.network(self.model, where)[1]
        if scenario is not None:
            values = check.settings(scenario.settings, self.task, "task.")
            task = None if check.problems else check.task(scenario, values, network, where)
        if method is not None:
            options = check.settings(method.settings, self.settings, f"{self.label}.")
        check.done()
        assert task is not None
        assert method is not None
        return Built(task.for_seed(self.seed), method, options)

    def document(self) -> dict[str, Any]:
        """The configuration that runs this seed of this label again, as the tables of a TOML file."""
        return Study((self,), self.name).document()

    def toml(self) -> str:
        return toml.write(self.document())

    def to_json(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> RunSpec:
        return RunSpec(**values)

    @property
    def named(self) -> bool:
        """Whether another process can make it: nothing in it is an object."""
        return isinstance(self.scenario, str) and isinstance(self.method, str)

    def differences(self, toml_text: str) -> list[str]:
        """What differs from a stored config.toml and forbids continuing; a larger budget and `run.` do not."""
        try:
            stored = identity.by_key(tomllib.loads(toml_text))
        except (ValueError, RecursionError) as error:
            return [f"the stored config.toml cannot be read: {error}"]
        now, found, unstored = identity.by_key(self.document()), [], []
        if not stored:
            return ["the stored config.toml is empty"]
        for key in dict.fromkeys([*stored, *now]):
            old, new = stored.get(key), now.get(key)
            if old == new or key.startswith(("run.", "code.")) or (key == "task.sha256" and old and new):
                continue
            if key.startswith("budget.") and (new is None or (isinstance(old, (int, float)) and new > old)):
                continue
            if self.own_model and key.startswith("model."):
                key = f"{self.label}.{key}"
            found.append(f"{key}: stored {'nothing' if old is None else old}, now {'nothing' if new is None else new}")
            unstored += [key] if old is None else []
        if len(unstored) > FEW:  # a run of a former version
            found = [line for line in found if line.partition(":")[0] not in unstored]
            more = f"{', '.join(unstored[:FEW])} and {len(unstored) - FEW} more"
            found.append(f"{more}: stored nothing, so what the run had is not known")
        return found + self.changed(tomllib.loads(toml_text))

    def changed(self, stored: Mapping[str, Any]) -> list[str]:
        """What of the user's, files and data, is no longer what a stored configuration says that a run was made of."""
        kept, task = (part if isinstance(part := stored.get(name), Mapping) else {} for name in ("code", "task"))
        file = ["the task's file"] * ((old := task.get("sha256")) is not None and self.task.get("sha256", old) != old)
        return [f"{name} changed" for name in [*file, *identity.changed(kept, self.code)]]


@dataclass(frozen=True)
class Study:
    """Runs of one scenario, label by label; `name` is the scenario's folder, `title` what it says of itself."""

    specs: tuple[RunSpec, ...]
    name: str
    title: str = ""
    unknown: tuple[str, ...] = ()  # the types of objects in it of which nothing else is known

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "specs": [spec.to_json() for spec in self.specs]}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Study:
        specs = tuple(map(RunSpec.from_json, values["specs"]))
        return Study(**{**values, "specs": specs, "unknown": tuple(values["unknown"])})

    def document(self) -> dict[str, Any]:
        """The effective configuration, as the tables of a TOML file."""
        first, code = self.specs[0], {name: digest for spec in self.specs for name, digest in spec.code.items()}
        shared = next((spec.model for spec in self.specs if not spec.own_model), None)
        learners = {
            spec.label: {"method": _named(spec.method, spec.label), **_own(spec), **spec.settings} for spec in self.specs
        }
        return {
            "scenario": _named(first.scenario, first.name),
            "seeds": list(dict.fromkeys(spec.seed for spec in self.specs)),
            "device": first.device,
            "budget": first.budget,
            "task": first.task,
            **({} if shared is None else {"model": shared}),
            "run": first.run,
            **({"code": code} if code else {}),
            "learners": learners,
        }


def _own(spec: RunSpec) -> dict[str, Any]:
    begun = {} if spec.start is None else {"start": spec.start, "start_sha256": spec.start_sha256}
    return {**begun, **({"model": spec.model} if spec.own_model else {})}


def _named(thing: Any, name: str) -> str:
    return thing if isinstance(thing, str) else resolve.OBJECT + name
