"""A scenario of milliseconds for the tests of the lab: a point climbs towards a goal, in one process or another.

Named on the command line as .../lab_fakes.py:scenario and .../lab_fakes.py:Climber. `trouble` is a file: while it
holds a word, the learner raises, dies, sleeps or prints at step `trouble_at`, with the configuration unchanged.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from pathlib import Path

import torch

from evo import rng
from evo.core import Budget, Champion, Cost, Evaluation, Metric, Scenario
from evo.settings import setting, settings

sys.path.append(str(Path(__file__).resolve().parents[1] / "efficacy"))
from kill_nine import contents, differing

__all__ = ["Climber", "GoalTask", "contents", "differing", "scenario", "study"]

GENES = 3


@settings
class TaskSettings:
    solved: float | None = setting(None, "distance at which the task is solved")
    stop: str = setting("solved", "what ends a run", choices=("solved", "budget"))
    test: bool = setting(True, "has a test split")


class GoalTask:
    """How far a point (3,) is from (1, 1, 1)."""

    inputs = outputs = 1
    metric = Metric("distance", "min")
    episodes = 0

    def __init__(self, target=None, stop="solved", test=True):
        self.target, self.stop, self.test = target, stop, test
        self.scored = []

    def evaluate(self, phenotypes, seeds):
        return Evaluation([-(sum((1 - x) ** 2 for x in each) ** 0.5) for each in phenotypes])

    def score(self, model, split):
        self.scored.append(split)
        if split == "test" and not self.test:
            return None
        distance = float((1 - model.vector).norm()) + {"train": 0.0, "validation": 0.01, "test": 0.02}[split]
        return {"distance": distance, "fitness": -distance, "n": 1}

    def solved(self, score):
        return None if self.target is None else score["distance"] <= self.target

    def figure(self, model):
        raise NotImplementedError


class Point:
    """A vector (3,) as a Model."""

    parameters = GENES

    def __init__(self, vector):
        self.vector = vector

    def __call__(self, inputs):
        return self.vector

    def reset(self):
        pass

    def save(self):
        return {"vector": self.vector}, {"kind": "point"}

    def figure(self):
        raise NotImplementedError


@settings
class ClimberSettings:
    pause: float = setting(0.0, "sleep in every step", low=0.0, unit="seconds")
    finish_at: int | None = setting(None, "step after which nothing is left to do")
    nonfinite_at: int | None = setting(None, "step whose row holds NaN and infinity")
    trouble: str = setting("", "a file with a word: raise, kill, print or sleep")
    trouble_at: int = setting(3, "step at which trouble comes")


class Climber:
    """Four random steps from the present point, of which the best is taken."""

    settings = ClimberSettings

    def __init__(self, task, settings, seed, device):
        self.task, self.options, self.seed = task, settings, seed
        self.cost, self.finished = Cost(), None
        self.population = torch.zeros(4, GENES)
        self.best, self.steps, self.chosen = torch.zeros(GENES), 0, Champion()

    @staticmethod
    def fits(task):
        return None

    @staticmethod
    def restore(task, settings, seed, tensors, header):
        return Point(tensors["vector"])

    def step(self):
        with self.cost.timed():
            time.sleep(self.options.pause)
            if self.steps == self.options.trouble_at:
                self._trouble()
            draws = rng.uniforms(self.seed, self.steps, 0, rng.MUTATION, 4 * GENES).reshape(4, GENES)
            self.population = self.best + torch.from_numpy(draws - 0.4).float() * 0.2
            fitness = -(1 - self.population).norm(dim=1)
            winner = self.population[int(fitness.argmax())].clone()
            score = self.task.score(Point(winner), "validation")
            if self.chosen.offer(score, self.task.solved(score), self.steps):
                self.best = winner
            self.cost.add(evaluations=4, samples=4, compute=4.0 * GENES)
        row = {"fitness_best": float(fitness.max()), "nonfinite": 0, "validation": score}
        if self.steps == self.options.nonfinite_at:
            row |= {
                "nonfinite": 2,
                "fitness_best": math.inf,
                "strange": [math.nan, "\ud800\n\x00 „"],
                "table": {"x": -math.inf},
            }
        if self.steps == self.options.finish_at:
            self.finished = "completed"
        self.steps += 1
        return row

    def _trouble(self):
        word = Path(self.options.trouble).read_text() if self.options.trouble else ""
        if word == "raise":
            raise ValueError("the learner is unwell\nin two lines")
        if word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "print":
            print('{"event": "done", "index": 0, "state": "finished"}')
            os.write(1, b"raw bytes\n")
            assert sys.stdin.read() == ""
        if word == "sleep":
            time.sleep(60)

    def champion(self):
        return Point(self.best)

    def lineage(self):
        return {"id": self.chosen.step, "parents": [self.chosen.step - 1]}

    def figure(self):
        raise NotImplementedError

    def state_dict(self):
        plain = {"steps": self.steps, "finished": self.finished, "chosen": self.chosen.state_dict()}
        return {"population": self.population, "best": self.best, "cost": self.cost.state_dict(), **plain}

    def load_state_dict(self, state):
        if tuple(state["population"].shape) != (4, GENES):
            raise ValueError(f"expected a population of shape (4, {GENES}); got {tuple(state['population'].shape)}")
        self.population, self.best, self.steps = state["population"], state["best"], state["steps"]
        self.finished = state["finished"]
        self.chosen.load_state_dict(state["chosen"])


scenario = Scenario(
    name="goal",
    title="a point climbs towards a goal",
    task=lambda values, network: GoalTask(values.solved, values.stop, values.test),
    settings=TaskSettings,
    budget=Budget(steps=8),
    methods=(f"climber={__file__}:Climber",),
    model={},
)


def study(steps=8, seeds=1, task=None, run=None, labels=("climber",), command="evo run goal", scenario=None, **climber):
    """A Study of Climbers on the goal, by name; `scenario` may be an object."""
    from scenarios.lab import config

    learners = {label: {"method": f"{__file__}:Climber", **climber} for label in labels}
    document = {
        "scenario": scenario or f"{__file__}:scenario",
        "seeds": seeds,
        "device": "cpu",
        "budget": {"steps": steps},
        "task": task or {},
        "run": {"checkpoint_seconds": 0.0, **(run or {})},
        "learners": learners,
    }
    return config.study(document, command=command)
