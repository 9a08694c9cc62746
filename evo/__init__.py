"""An evolution engine for neural networks; it runs with numpy, torch and numba alone."""

from importlib import import_module
from typing import Any

# The public surface; each name is imported when it is first used.
_PUBLIC = {
    "GA": "evo.ga",
    "DeepGA": "evo.deep_ga",
    "NSGA2": "evo.multiobjective",
    "NEAT": "evo.neat",
    "ModernNEAT": "evo.modern",
    "Genomes": "evo.genome",
    "Evolve": "evo.evolve",
    "FunctionTask": "evo.function",
    "SupervisedTask": "evo.supervised",
    "ControlTask": "evo.control",
    "Environment": "evo.environment",
    "Parameters": "evo.parameters",
    "MLP": "evo.networks",
    "CNN": "evo.networks",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'evo' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
