"""A user's own environment as a scenario: `evo run LunarLander-v3`, `evo run myenv.py:Reach`, `evo run rail.py:rail`."""

from __future__ import annotations

import re
from typing import Any

from evo.core import Budget, Scenario
from evo.rollout.environment import Environment
from evo.tasks.control import ControlSettings, ControlTask


def gymnasium_scenario(name: str) -> Scenario:
    """The Gymnasium environment with the id `name`. Raises ValueError, with the closest id, if there is none."""
    import gymnasium

    try:
        gymnasium.spec(name)
    except gymnasium.error.Error as error:
        raise ValueError(str(error)) from error
    return _scenario(name, name)


def environment_scenario(thing: Any, name: str) -> Scenario | None:
    """An `evo.Environment`, or a class of `gymnasium.Env`, named "file.py:attr" or so; None for anything else."""
    import gymnasium

    if isinstance(thing, type) and issubclass(thing, Environment):
        thing = thing()  # type: ignore[call-arg]  # a subclass of a user's that knows its own arguments
    if not isinstance(thing, Environment) and not (isinstance(thing, type) and issubclass(thing, gymnasium.Env)):
        return None
    return _scenario(thing, name.rpartition(":")[2])


def _scenario(make: Any, name: str) -> Scenario:
    return Scenario(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", name),
        title="an environment of Gymnasium" if isinstance(make, str) else "an environment of your own",
        task=lambda settings, network: ControlTask(make, network=network, **vars(settings)),
        settings=ControlSettings,
        budget=Budget(samples=500_000),
        methods=("ga", "neat", "random-search"),
        model={"network": "mlp", "hidden": (16,)},
    )
