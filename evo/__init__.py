"""An evolution engine for neural networks; it runs with numpy, torch and numba alone.

What users import comes from here, so that files may move.
"""

from importlib import import_module

# Imported at once, since `settings` is also the name of the module that holds it; it needs nothing but Python.
from evo.settings import SettingsError, setting, settings

# The public surface; each name is imported when it is first used.
_PUBLIC = {
    "Algorithm": "evo.core",
    "Budget": "evo.core",
    "Champion": "evo.core",
    "Cost": "evo.core",
    "Evaluation": "evo.core",
    "Learner": "evo.core",
    "Method": "evo.core",
    "Metric": "evo.core",
    "Model": "evo.core",
    "Phenotypes": "evo.core",
    "Scenario": "evo.core",
    "Task": "evo.core",
    "GA": "evo.search.ga",
    "DeepGA": "evo.search.deep_ga",
    "DE": "evo.search.de",
    "NSGA2": "evo.search.nsga2",
    "OpenAIES": "evo.search.openai_es",
    "SNES": "evo.search.snes",
    "XNES": "evo.search.xnes",
    "PGPE": "evo.search.pgpe",
    "CMAES": "evo.search.cma_es",
    "SepCMAES": "evo.search.sep_cma_es",
    "ARS": "evo.search.ars",
    "BackstitchES": "evo.search.backstitch_es",
    "CoSyNE": "evo.search.cosyne",
    "LowRankES": "evo.search.low_rank_es",
    "NodePerturbation": "evo.search.node_perturbation",
    "VectorAlgorithm": "evo.search.base",
    "NEAT": "evo.neat.neat",
    "ModernNEAT": "evo.neat_modern.neat_modern",
    "CPPN": "evo.hyperneat.picture_neat",
    "ModernCPPN": "evo.hyperneat.picture_neat",
    "HyperNEAT": "evo.hyperneat.hyperneat",
    "ModernHyperNEAT": "evo.hyperneat.hyperneat",
    "ESHyperNEAT": "evo.hyperneat.es_hyperneat",
    "ModernESHyperNEAT": "evo.hyperneat.es_hyperneat",
    "AdaptiveHyperNEAT": "evo.hyperneat.adaptive",
    "Substrate": "evo.hyperneat.substrate",
    "Genomes": "evo.genomes.genome",
    "Backstitch": "evo.learning.backstitch",
    "SAM": "evo.learning.sam",
    "GTN": "evo.learning.gtn.gtn",
    "Evolve": "evo.evolve",
    "FunctionTask": "evo.tasks.function",
    "SupervisedTask": "evo.tasks.supervised",
    "SequenceTask": "evo.tasks.sequence",
    "ControlTask": "evo.tasks.control",
    "ControlSettings": "evo.tasks.control",
    "Environment": "evo.rollout.environment",
    "sin": "evo.rollout.trigonometry",
    "cos": "evo.rollout.trigonometry",
    "Parameters": "evo.vectors.encoding",
    "Choice": "evo.space",
    "Integer": "evo.space",
    "Log": "evo.space",
    "Real": "evo.space",
    "Space": "evo.space",
    "encoding_for": "evo.vectors.encoding",
    "TorchModel": "evo.vectors.models",
    "MLP": "evo.vectors.modules",
    "CNN": "evo.vectors.modules",
    "RNN": "evo.vectors.recurrent",
    "LSTM": "evo.vectors.recurrent",
    "GRU": "evo.vectors.recurrent",
    "RWA": "evo.vectors.recurrent",
}
__all__ = ["SettingsError", "rng", "setting", "settings", *_PUBLIC]


def __getattr__(name: str) -> object:
    if name == "rng":
        return import_module("evo.rng")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'evo' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
