"""A scenario of milliseconds for the tests of the lab: a point climbs towards a goal, in one process or another.

Named on the command line as .../lab_fakes.py:scenario and .../lab_fakes.py:Climber. `trouble` is a file: while it
holds a word, the learner comes to grief at step `trouble_at` (see `_trouble`), with the configuration unchanged.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

from evo import rng
from evo.core import Budget, Champion, Cost, Evaluation, Learner, Metric, Model, Scenario, Task
from evo.settings import setting, settings

sys.path.append(str(Path(__file__).resolve().parents[1] / "efficacy"))
from kill_nine import contents, differing, kill_and_compare

__all__ = ["Climber", "GoalTask", "Point", "Program", "contents", "differing", "kill_and_compare"]
__all__ += ["run_here", "scenario", "start", "study", "words"]

GENES = 3


@settings
class TaskSettings:
    solved: float | None = setting(None, "distance at which the task is solved")
    stop: str = setting("solved", "what ends a run", choices=("solved", "budget"))
    test: bool = setting(True, "has a test split")


class GoalTask(Task):
    """How far a point (3,) is from (1, 1, 1)."""

    inputs = outputs = 1
    metric = Metric("distance", "min")

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

    def figure(self, model, split="validation"):
        return None


class Point(Model):
    """A vector (3,) as a Model."""

    parameters = GENES

    def __init__(self, vector):
        self.vector = vector

    def __call__(self, inputs):
        return self.vector

    def save(self):
        return {"vector": self.vector}, {"kind": "point"}

    def figure(self):
        return None


@settings
class ClimberSettings:
    pause: float = setting(0.0, "sleep in every step", low=0.0, unit="seconds")
    finish_at: int | None = setting(None, "step after which nothing is left to do")
    nonfinite_at: int | None = setting(None, "step whose row holds NaN and infinity")
    trouble: str = setting("", "a file with a word")
    trouble_at: int = setting(3, "step at which trouble comes")


class Climber(Learner):
    """Four random steps from the present point, of which the best is taken."""

    settings = ClimberSettings

    def __init__(self, task, settings, seed, device):
        self.task, self.options, self.seed = task, settings, seed
        self.cost, self.finished = Cost(), None
        self.population = torch.zeros(4, GENES)
        self.best, self.steps, self.chosen = torch.zeros(GENES), 0, Champion()

    @classmethod
    def restore(cls, task, settings, seed, tensors, header):
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
        if word == "exit":
            os._exit(3)
        if word == "print":
            print('{"event": "done", "index": 0, "state": "finished"}')
            os.write(1, b"raw bytes\n")
            assert sys.stdin.read() == ""
        if word == "sleep":
            time.sleep(20)
        if word == "hold":  # the interpreter lock, as a C extension may
            ctypes.PyDLL(None).sleep(20)

    def champion(self):
        return Point(self.best)

    def lineage(self):
        return {"id": self.chosen.step, "parents": [self.chosen.step - 1]}

    def population_tensors(self):
        return {"population": self.population}

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
    from scenarios.lab.study import trial

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
    return trial.study(document, command=command)


class After:
    """A `stop` that is true from the given question on."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left < 0


def start(runs, spec=None, stop_after=10**9, **options):
    """Runs one spec in this process: how it ended, its events, its folder."""
    from scenarios.lab.execution.execute import execute
    from scenarios.lab.store import store

    spec = spec or study().specs[0]
    events = []
    state = execute(spec, runs, emit=events.append, stop=After(stop_after), **options)
    return state, events, store.run_path(runs, spec.name, spec.label, spec.seed)


def run_here(runs, scenario, methods, steps, seeds=1, settings=None):
    """`scenarios.lab.run` of names in this process: without workers, each of which imports torch, and without a page."""
    from scenarios.lab.execution.execute import execute
    from scenarios.lab.study import resolve, trial

    document = {"scenario": scenario, "learners": resolve.line_up(methods, {}, []), "seeds": seeds, "budget": {"steps": steps}}
    for spec in trial.study(document, settings).specs:
        assert execute(spec, runs) == "finished"


def words(events, kind):
    """The messages of the events of a kind."""
    return [event["message"] for event in events if event["event"] == kind]


PROGRAM = """
import sys
sys.path[:0] = sys.argv[2].split(":")
from lab_fakes import study
from scenarios.lab.execution.runner import run_study

def show(event):
    print(event["event"], event.get("message", ""), flush=True)

trouble = sys.argv[3] if len(sys.argv) > 3 else ""
states = run_study(study(steps=40, pause=0.02, seeds=3, trouble=trouble), sys.argv[1], jobs=2, emit=show)
print("states", *states.values(), flush=True)
"""


class Program:
    """A user's program of three seeds on two workers, all in a process group of their own, as on a terminal."""

    def __init__(self, runs, trouble=""):
        places = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        command = [sys.executable, "-c", PROGRAM, str(runs), places] + ([str(trouble)] if trouble else [])
        self.process = subprocess.Popen(command, stdout=-1, start_new_session=True, text=True)

    def until(self, word):
        for line in self.process.stdout:
            if line.startswith(word):
                return line
        raise AssertionError(f"the program ended before it said {word!r}")

    def ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def alive(self):
        """Whether anything of the group still runs: a zombie that nobody has fetched yet does not, unless threads of
        it (`l`) are still ending and hold its files and locks."""
        states = subprocess.run(["ps", "-o", "stat=", "-g", str(self.process.pid)], capture_output=True, text=True, check=False)
        return any(not state.startswith("Z") or "l" in state for state in states.stdout.split())
