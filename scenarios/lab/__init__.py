"""Run methods on scenarios, keep what they did, compare it; from Python as from the command line.

    from scenarios.lab import load, run

    print(run("digits", methods=["ga", "backprop"], seeds=3, budget={"evaluations": 5000}))
    load("runs/digits/ga/seed-0").champion.figure()

Importing this imports no torch; what needs it is imported where it is used.
"""

from importlib import import_module
from typing import Any

# The public surface; each name is imported when it is first used.
_PUBLIC = {
    "Comparison": "scenarios.lab.report.comparison:Comparison",
    "ConfigError": "scenarios.lab.study.problems:ConfigError",
    "Run": "scenarios.lab.study.loading:Run",
    "Scenario": "evo.core:Scenario",
    "export": "scenarios.lab.api:export",
    "load": "scenarios.lab.study.loading:load",
    "main": "scenarios.lab.cli.script:main",
    "play": "scenarios.lab.cli.play:play",
    "run": "scenarios.lab.api:run",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
