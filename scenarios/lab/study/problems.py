"""Making what a configuration names (scenario, task, network, method), and gathering everything that is wrong with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from evo.settings import describe, did_you_mean, native, parse, settings, suggestion
from scenarios.lab.store.markup import printable
from scenarios.lab.study import resolve

if TYPE_CHECKING:
    from evo.core import Method, Scenario, Task

DEVICES = ("auto", "cpu", "cuda")
MOST_SEEDS, LARGEST_SEED = 100_000, 2**32 - 1


class ConfigError(ValueError):
    """Every mistake found in a configuration; `problems` lists them, one line each."""

    def __init__(self, problems: Iterable[str]):
        self.problems = list(dict.fromkeys(map(printable, problems)))
        head = f"{len(self.problems)} mistakes:\n  " if len(self.problems) > 1 else ""
        super().__init__(head + "\n  ".join(self.problems))


class BadNetwork(ValueError):
    """A network that cannot be made: its key, the sizes it was asked for, why it failed."""


@settings
class NoSettings:
    """The task settings of a task that was given as an object."""


class Checks:
    """Each method gives what it was asked for, or None (empty) after adding to `problems`."""

    def __init__(self, problems: Iterable[str] = ()):
        self.problems = list(problems)

    def done(self) -> None:
        """Raises ConfigError if anything was wrong."""
        if self.problems:
            raise ConfigError(self.problems)

    def scenario(self, given: Any, task: Mapping[str, Any]) -> Scenario | None:
        """The scenario; task: its settings as they are given, of which some say how a table is read."""
        from evo.core import Scenario

        find = lambda name: resolve.scenario(name, task)
        found = given if isinstance(given, Scenario) else self._resolved(find, given, "scenario")
        if found is not None and (wrong := resolve.bad_label(found.name)):
            self.problems.append(f"a scenario's name is that of its folder; {wrong.partition(';')[0]}")
        return found

    def method(self, given: Any, label: str) -> Method | None:
        if isinstance(given, str):
            return self._resolved(resolve.method, given, f"{label}.method")
        if callable(given):
            return self._resolved(lambda thing: resolve.as_method(thing, label), given, label, object)
        self.problems.append(f"{label}.method: expected a name; got {given!r}")
        return None

    def network(self, table: Mapping[str, Any], where: str = "model") -> tuple[dict[str, Any], Callable[..., Any] | None]:
        """The effective table `where`, and what makes a network of (inputs, outputs); None where there is none."""
        rest = dict(table)
        name = rest.pop("network", None)
        if name is None:
            self.problems += [f"{where}.{key}: this scenario has no network to set" for key in rest]
            return {}, None
        made = self._resolved(resolve.network, name, f"{where}.network")
        if made is None:
            return {}, None
        if not hasattr(made, "settings"):
            self.problems += [f"{where}.{key}: unknown key; the network {name} declares no settings" for key in rest]
            return {"network": name}, made
        known = ["network", *(one.name for one in describe(made.settings))]
        self.problems += [f"{where}.{key}: unknown key{suggestion(key, known)}" for key in rest if key not in known]
        chosen = self.settings(made.settings, {key: rest[key] for key in rest if key in known}, f"{where}.")
        options = {} if chosen is None else {one.name: getattr(chosen, one.name) for one in describe(made.settings)}
        return {"network": name, **plain(chosen)}, partial(made, **options)

    def task(self, scenario: Scenario, values: Any, network: Any, where: str = "model") -> Task | None:
        """The task. A network of it is tried once: a wrong one is told before the start."""
        from evo.core import Networked

        try:
            task = scenario.task(values, network and partial(_named, network, where))
            if network is not None and isinstance(task, Networked):
                self.fitting(task, where)
            return task
        except BadNetwork as error:
            self.problems.append(str(error))
            return None
        except (Exception, SystemExit) as error:  # a user's task may fail in any way
            self.problems.append(f"scenario {scenario.name}: {resolve.said(error)}")
            return None

    def fitting(self, task: Any, where: str) -> None:
        """Whether the task's network makes (B, O) of (B, I)."""
        import torch

        from evo import rng

        with rng.torch_seed(0, 0, 0, rng.NETWORK), torch.no_grad():
            network, rows = task.network(), torch.zeros(2, task.inputs)
            try:
                shape = tuple(network(rows).shape)
            except Exception as error:  # it may be the user's
                self.problems.append(f"{where}.network: fails on inputs of shape {tuple(rows.shape)}: {resolve.said(error)}")
                return
        if shape != (2, task.outputs):
            self.problems.append(f"{where}.network: expected outputs of shape (B, O) = {(2, task.outputs)}; got {shape}")

    def default_task(self, scenario: Scenario) -> Task | None:
        """The task of a scenario, every setting at its default."""
        values, network = self.settings(scenario.settings, {}, "task."), self.network(scenario.model)[1]
        return None if self.problems else self.task(scenario, values, network)

    def starts(self, given: Any, known: Any, seeds: list[int], label: str) -> dict[int, tuple[str, str]]:
        """For each seed what it begins from, and the sha256 of that champion, which must be `known` if that is given."""
        from scenarios.lab.study import warm_start

        found = {}
        for seed in seeds if given not in (None, "none") else ():
            try:
                found[seed] = (given, warm_start.digest(given, seed))
            except (warm_start.BadStart, OSError) as error:
                self.problems.append(f"{label}.start: {error}")
                break
            if known is not None and known != found[seed][1]:
                self.problems.append(f"{label}.start: the champion in {warm_start.folder(given, seed)} has changed")
        return found

    def settings(self, cls: type, values: Mapping[str, Any], prefix: str) -> Any:
        """An instance of a settings class."""
        if cls is NoSettings and values:
            keys = ", ".join(prefix + key for key in values)
            self.problems.append(f"{keys}: the task was given as an object; set it where the object is made")
            return None
        made, wrong = parse(cls, values, prefix)
        self.problems += wrong
        return made

    def table(self, given: Any, key: str) -> dict[str, Any]:
        if isinstance(given, Mapping):
            return dict(given)
        self.problems.append(f"{key}: expected a table; got {given!r}")
        return {}

    def seeds(self, given: Any) -> list[int]:
        """5 is seeds 0 to 4; [7] or "7," is seed 7; [3, 5] or "3,5" are seeds 3 and 5."""
        seeds = native(given)
        if isinstance(given, str):
            parts = [part.strip() for part in given.strip().removesuffix(",").split(",")]
            if all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
                seeds = [int(part) for part in parts] if "," in given else int(parts[0])
        if _whole(seeds) and 1 <= seeds <= MOST_SEEDS:
            return list(range(seeds))
        several = isinstance(seeds, (list, tuple, range)) and all(_whole(one) and 0 <= one <= LARGEST_SEED for one in seeds)
        if several and 1 <= len(set(seeds)) == len(seeds) <= MOST_SEEDS:
            return list(seeds)
        expected = f"a count of 1 to {MOST_SEEDS}, or different seeds of 0 to {LARGEST_SEED} as 3,5 or 7,"
        self.problems.append(f"seeds: expected {expected}; got {given!r}")
        return []

    def device(self, given: Any) -> str:
        """One of DEVICES; "cuda" where there is a card."""
        if given not in DEVICES:
            self.problems.append(f"device: expected {', '.join(DEVICES)}; got {given!r}{did_you_mean(str(given), DEVICES)}")
            return "cpu"
        if given == "cuda":
            from evo import cuda

            if (why := cuda.no_card()) is not None:
                self.problems.append(f"device: {why}; use cpu or auto")
                return "cpu"
        return str(given)

    def _resolved(self, find: Callable[[Any], Any], given: Any, key: str, kind: type = str) -> Any:
        if not isinstance(given, kind):
            self.problems.append(f"{key}: expected a name; got {given!r}")
            return None
        try:
            return find(given)
        except resolve.Unresolved as error:
            self.problems.append(str(error))
            return None


def as_scenario(given: Any, name: str | None) -> Any:
    """A Task as a Scenario without settings; a name or a Scenario as it is. Raises ConfigError."""
    from evo.core import Budget, Scenario, Task

    if isinstance(given, (str, Scenario)):
        return given if name is None or isinstance(given, str) else dataclasses.replace(given, name=name)
    if not isinstance(given, Task):
        what = f"{type(given).__name__}, which does not inherit evo.Task (evo.testing.check_task tells more)"
        raise ConfigError([f"scenario: expected a name, a Scenario or a Task; got {what}"])
    if name is None:
        raise ConfigError(["name: a Task needs one, which its folder gets: run(task, name=...)"])
    task = lambda settings, network: given
    return Scenario(name=name, title=name, task=task, settings=NoSettings, budget=Budget(), methods=(), model={})


def _named(network: Callable[..., Any], where: str, inputs: Any, outputs: int) -> Any:
    """A network of these sizes. Raises BadNetwork."""
    try:
        return network(inputs, outputs)
    except Exception as error:  # it may be the user's
        shape = "; a picture's inputs are its shape (C, H, W)" if isinstance(inputs, tuple) else ""
        words = f"{where}.network: failed on inputs={inputs}, outputs={outputs}: {resolve.said(error)}{shape}"
        raise BadNetwork(words) from error


def plain(made: Any) -> dict[str, Any]:
    """Checked settings as plain values, as TOML and JSON give them back; {} for None."""
    found = {} if made is None else {one.name: getattr(made, one.name) for one in describe(type(made))}
    return {key: list(item) if isinstance(item, tuple) else item for key, item in found.items()}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
