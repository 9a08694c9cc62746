"""A configuration tried before anything starts: the task and every learner are made once, and thrown away.

That tells whether a method supports the task, takes its settings and a network of its label's own there, and its warm start. A
method makes its networks where it is constructed: one that makes none there uses none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evo.settings import SettingsError
from scenarios.lab.study import config, devices, resolve
from scenarios.lab.study.loading import start_model
from scenarios.lab.study.problems import Checks
from scenarios.lab.study.spec import Study

if TYPE_CHECKING:
    from evo.core import Learner, Task


def study(
    document: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    command: str = "",
    problems: Iterable[str] = (),
) -> Study:
    """`config.study`, tried: a ConfigError also names what the trial found."""
    draft = config.draft(document, overrides, command, problems)
    return draft.study(_tried(draft))


def _tried(draft: config.Draft) -> dict[str, config.Made]:
    """Makes everything once, and settles what settings leave to the task; what the runs of each label are made of."""
    made: dict[str, config.Made] = {}
    check, scenario = draft.check, draft.scenario
    # A task that needs a download is left alone while there are mistakes to mend.
    if scenario is None or not draft.task_is_right or (check.problems and scenario.needs):
        return made
    shared = None
    if not draft.learners or any(one.network is None for one in draft.learners):
        shared = check.task(scenario, draft.task, draft.network)
    seed = draft.seeds[0] if draft.seeds else 0
    for k, one in enumerate(draft.learners):
        network = None if one.network is None else _Counted(one.network)
        task = shared if network is None else check.task(scenario, draft.task, network, f"{one.label}.model")
        if task is not None:
            made[one.label] = draft.made_of(one, task)
            draft.learners[k] = _learner(check, task, network, one, seed, draft.device)
    placed = {one.label: one.placed for one in draft.learners if one.label in made}
    if draft.device == "cuda" and placed and not any(each.device == "cuda" for each in placed.values()):
        reasons = [f"{label}: {each.reason}" for label, each in placed.items()]
        check.problems.append(f"device: no method here runs on a card ({'; '.join(reasons)}); use cpu or auto")
    return made


class _Counted:
    """What makes a network, and how often it did."""

    def __init__(self, make: Callable[..., Any]):
        self.make, self.times = make, 0

    def __call__(self, inputs: Any, outputs: int) -> Any:
        self.times += 1
        return self.make(inputs, outputs)


def _learner(
    check: Checks, task: Task, network: _Counted | None, one: config.Learner, seed: int, device: str
) -> config.Learner:
    """Makes the learner; `network` is the label's own, which its method must use. Returns the label, its settings settled and
    its device decided."""
    try:
        if why := one.method.unsupported_reason(task):
            check.problems.append(f"{one.label}: the method does not support this task: {why}")
        elif one.settings is not None:
            before = network.times if network else 0
            learner = one.method(task, one.settings, seed, "cpu")
            if network and network.times == before:
                check.problems.append(f"{one.label}.model: this method takes no network from the model table; leave it out")
            if seed in one.starts:
                _begin(check, learner, one.starts[seed][0], one.label, seed)
            placed = devices.decide(device, one.method.backends(task))
            return replace(one, settings=one.method.settled(task, one.settings), placed=placed)
    except devices.Impossible as error:
        check.problems.append(f"{one.label}: {error}")
    except SettingsError as error:
        check.problems += [f"{one.label}.{problem}" for problem in error.problems]
    except (Exception, SystemExit) as error:  # a user's method may fail in any way
        check.problems.append(f"{one.label}: {resolve.said(error)}")
    return one


def _begin(check: Checks, learner: Learner, start: str, label: str, seed: int) -> None:
    try:
        learner.warm_start(start_model(start, seed))
    except ValueError as error:
        check.problems.append(f"{label}.start: {resolve.said(error)}")
