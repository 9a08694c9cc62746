"""A configuration tried before anything starts: the task and every learner are made once, and thrown away.

That tells whether a method fits the task, takes its settings there, and can begin as it is told to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from evo.settings import SettingsError
from scenarios.lab.study import config, resolve
from scenarios.lab.study.loading import start_model
from scenarios.lab.study.problems import Checks

if TYPE_CHECKING:
    from evo.core import Task


def study(
    document: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    command: str = "",
    problems: Iterable[str] = (),
) -> config.Study:
    """`config.study`, tried: a ConfigError also names what the trial found."""
    draft = config.draft(document, overrides, command, problems)
    _try(draft)
    return draft.study()


def _try(draft: config.Draft) -> None:
    check, scenario = draft.check, draft.scenario
    # A task that needs a download is left alone while there are mistakes to mend.
    if scenario is None or not draft.task_is_right or (check.problems and scenario.needs):
        return
    task = check.task(scenario, draft.task, draft.network)
    seed = draft.seeds[0] if draft.seeds else 0
    for one in draft.learners if task is not None else ():
        _learner(check, task, one, seed)


def _learner(check: Checks, task: Task, one: config.Learner, seed: int) -> None:
    try:
        if why := one.method.fits(task):
            check.problems.append(f"{one.label}: the method does not fit the task: {why}")
        elif one.settings is not None:
            learner = one.method(task, one.settings, seed, "cpu")
            if seed in one.starts:
                _begin(check, learner, one.starts[seed][0], one.label, seed)
    except SettingsError as error:
        check.problems += [f"{one.label}.{problem}" for problem in error.problems]
    except (Exception, SystemExit) as error:  # a user's method may fail in any way
        check.problems.append(f"{one.label}: {resolve.said(error)}")


def _begin(check: Checks, learner: Any, start: str, label: str, seed: int) -> None:
    if not hasattr(learner, "warm_start"):
        check.problems.append(f"{label}.start: this method cannot begin from another run's champion")
        return
    try:
        learner.warm_start(start_model(start, seed))
    except ValueError as error:
        check.problems.append(f"{label}.start: {resolve.said(error)}")
