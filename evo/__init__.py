"""An evolution engine for neural networks; it runs with numpy, torch and numba alone."""

from importlib import import_module
from typing import Any

# The public surface; each name is imported when it is first used.
_PUBLIC = {
    "GA": "evo.search.ga",
    "DeepGA": "evo.search.deep_ga",
    "NSGA2": "evo.search.nsga2",
    "NEAT": "evo.neat.neat",
    "ModernNEAT": "evo.neat_modern.neat_modern",
    "Genomes": "evo.genomes.genome",
    "Evolve": "evo.evolve",
    "FunctionTask": "evo.tasks.function",
    "SupervisedTask": "evo.tasks.supervised",
    "ControlTask": "evo.tasks.control",
    "Environment": "evo.rollout.environment",
    "Parameters": "evo.vectors.encoding",
    "MLP": "evo.vectors.modules",
    "CNN": "evo.vectors.modules",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'evo' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
