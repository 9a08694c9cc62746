"""A learner with a search space for the tests of tuning: a Climber that starts nearer to the goal or further away."""

import torch
from lab_fakes import GENES, Climber, ClimberSettings, scenario

from evo.settings import setting, settings
from evo.space import Choice, Log
from scenarios.lab.study.plan import plan


@settings
class StriderSettings(ClimberSettings):
    begin: float = setting(0.01, "every coordinate of the first point", low=0.0, high=1.0, search=Log(0.001, 1.0))
    pace: str = setting("slow", "does nothing", choices=("slow", "fast"), search=Choice("slow", "fast"))
    limit: float = setting(1.0, "largest `begin`")

    def contradictions(self):
        return [f"begin: expected at most {self.limit}; got {self.begin}"] if self.begin > self.limit else []


class Strider(Climber):
    settings = StriderSettings

    def __init__(self, task, settings, seed, device):
        super().__init__(task, settings, seed, device)
        self.best = torch.full((GENES,), settings.begin)


@settings
class WiderSettings(StriderSettings):
    breadth: int = setting(1, "does nothing", search=Choice(1, 2, 3))


class Wider(Strider):
    """The same with a setting more."""

    settings = WiderSettings


Wider.__name__ = "Strider"  # the same method, later


def planned(seeds="2", steps=8, learners=None, task=None, chosen=scenario, command="evo tune goal", **overrides):
    """The Plan of Striders, as objects, which run in this process."""
    learners = learners or {"strider": Strider}
    document = {
        "scenario": chosen,
        "device": "cpu",
        "budget": {"steps": steps},
        "task": task or {},
        "run": {"checkpoint_seconds": 0.0},
        "learners": {label: {"method": method} for label, method in learners.items()},
    }
    return plan([{"document": document, "overrides": overrides, "problems": []}], seeds, command)
