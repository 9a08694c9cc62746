"""The protocols that every part of neuroevo speaks, and the letters its docstrings use.

P population, B batch (examples, or episodes in flight), I inputs, O outputs, N nodes of a genome, C connections of
a genome, D flat parameters, T time steps, M objectives, K behaviour features. ``(P, B, O)`` is a shape.
Fitness is always maximised and is float64 on the host; a task's reported metric has its own name and direction.

    Method      a name on the command line: settings, does it fit a task, make a learner, rebuild a saved champion
    Learner     every way of learning a network: step() -> row, cost, champion(), figure(), state_dict()
    Algorithm   an evolutionary method as ask / tell; `evo.evolve.Evolve` makes it a Learner
    Task        what is to be learned, and how well it was
    Phenotypes  a population of networks ready to run
    Model       one network: what a champion is
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

Row = dict[str, Any]
State = dict[str, Any]
Saved = tuple[dict[str, Tensor], dict[str, str]]


@dataclass
class Cost:
    """What a learner has spent so far: the four axes on which learners are compared.

    evaluations: one is one network scored on the task's training set or training episodes. Elites that are scored
    again count; one epoch of backprop counts 1. Validation and test are not counted, for any learner.
    samples: network x input pairs. compute: forward-equivalents x parameters, where a backward pass counts two
    forwards; None where it means nothing (a tree). seconds: wall clock inside `step`.
    """

    evaluations: int = 0
    samples: int = 0
    compute: float | None = 0.0
    seconds: float = 0.0

    def add(self, evaluations: int, samples: int, compute: float | None) -> None:
        self.evaluations += int(evaluations)
        self.samples += int(samples)
        self.compute = None if compute is None or self.compute is None else self.compute + float(compute)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Adds the wall clock spent inside the block to `seconds`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start

    def state_dict(self) -> State:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def load_state_dict(self, state: State) -> None:
        for f in fields(self):
            setattr(self, f.name, state[f.name])


@dataclass(frozen=True)
class Budget:
    """One or more limits; the first that is reached stops a run, after the step that reaches it."""

    evaluations: int | None = None
    samples: int | None = None
    compute: float | None = None
    seconds: float | None = None
    steps: int | None = None

    def spent(self, cost: Cost, steps: int) -> bool:
        used = {**cost.state_dict(), "steps": steps}
        return any(used[axis] is not None and used[axis] >= limit for axis, limit in self.limits().items())

    def limits(self) -> dict[str, float]:
        """The limits that are set, by axis."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}


@dataclass(frozen=True)
class Metric:
    """The figure a task reports: its name, and whether "max" or "min" is better."""

    name: str
    direction: str = "max"


@dataclass
class Evaluation:
    """What scoring a population gave.

    fitness (P,) float64, maximised; a NaN or infinite value becomes -inf, so it ranks last, and is counted in
    `nonfinite`. samples (P,) int64: inputs really seen (episodes differ in length). solved (P,) bool where the
    training score alone tells it (a full truth table). objectives (P, M), behaviour (P, K): for the methods that use
    them. observations: moments of what was seen (`evo.tasks.control`), for observation normalisation.
    """

    fitness: np.ndarray
    samples: np.ndarray | None = None
    solved: np.ndarray | None = None
    objectives: np.ndarray | None = None
    behaviour: np.ndarray | None = None
    observations: Tensor | None = None
    nonfinite: int = 0

    def __post_init__(self) -> None:
        self.fitness = np.array(_on_host(self.fitness), dtype=np.float64)
        bad = ~np.isfinite(self.fitness)
        self.fitness[bad] = -np.inf
        self.nonfinite += int(bad.sum())
        if self.samples is not None:
            self.samples = np.asarray(_on_host(self.samples), dtype=np.int64)

    def __repr__(self) -> str:
        size, finite = counted(len(self.fitness), "genome"), self.fitness[np.isfinite(self.fitness)]
        best = f", fitness best {finite.max():.4g}, mean {finite.mean():.4g}" if len(finite) else ""
        return f"Evaluation({size}{best}, {self.nonfinite:,} nonfinite)"

    @staticmethod
    def of(value: Any, size: int) -> Evaluation:
        """`value` as the Evaluation of a population of `size`; an array (P,) is taken as fitness.

        Raises ValueError if fitness, samples or solved are not of shape (P,), TypeError if the fitness is not numeric.
        """
        try:
            evaluation = value if isinstance(value, Evaluation) else Evaluation(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"fitness must be {size} numbers, one a genome; got {type(value).__name__}: {error}") from error
        for name in ("fitness", "samples", "solved"):
            shape = np.shape(getattr(evaluation, name))
            if shape != (size,) and getattr(evaluation, name) is not None:
                raise ValueError(f"{name} must have shape ({size},), one number for each genome of ask(); got {shape}")
        return evaluation


def _on_host(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value


def counted(number: int, noun: str) -> str:
    """ "1 genome", "10,000 genomes": a count as the `repr` of an object tells it."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def example(inputs: Any, size: int | None = None) -> np.ndarray:
    """One example as an array (I,) float32: what `activate(inputs)` of a model reads.

    inputs: a sequence of I numbers, a vector of numpy or torch. Raises ValueError if it is not `size` numbers, where that is
    given.
    """
    x = np.asarray(inputs, np.float32)
    if x.ndim != 1 or len(x) != (len(x) if size is None else size):
        got = str(len(x)) if x.ndim == 1 else f"an array of shape {x.shape}"
        raise ValueError(f"expected {'a sequence of' if size is None else size} numbers, one example; got {got}")
    return x if x.flags.carray else x.copy()  # what kernels take: contiguous, writable


@runtime_checkable
class Model(Protocol):
    """One trained network, callable. `save` gives tensors and a header of strings, from which
    `Method.restore` makes the same model again; nothing in them is code."""

    @property
    def parameters(self) -> int: ...
    def __call__(self, inputs: Any) -> Any: ...
    def reset(self) -> None: ...
    def save(self) -> Saved: ...
    def figure(self) -> Any: ...


@runtime_checkable
class Phenotypes(Protocol):
    """A population ready to run. `parameters` is one count for all, or one a genome (P,)."""

    @property
    def parameters(self) -> Any: ...
    @property
    def device(self) -> torch.device: ...
    def __len__(self) -> int: ...
    def forward(self, x: Tensor) -> Tensor: ...  # x (B, I) or (P, B, I) -> (P, B, O)
    def reset(self) -> None: ...
    def to(self, device: str | torch.device) -> Phenotypes: ...


@runtime_checkable
class Task(Protocol):
    """What is to be learned.

    inputs I, outputs O; metric: the reported figure; episodes: how many random seeds one evaluation consumes (0: the
    evaluation is deterministic, seeds are ignored).
    evaluate scores a population for selection; score judges one model on the "train", "validation" or "test" split
    and returns metrics by name, "fitness" among them, or None where the task has no such split. Learners use "train"
    and "validation"; only the runner asks for "test", once, at the end. solved tells from a validation score whether
    the task is solved, None where that is undefined. figure draws what a person would look at, on a split.

    Where a task has them, the runner also uses, at the end: trust(model), a classifier's calibration and its accuracy
    under noise; pool(outputs (P, B, O)) -> (B, O), what an ensemble answers. Where it has prepare(phenotypes), that is called
    once before the first evaluation, off the clock: it compiles.
    """

    inputs: int
    outputs: int
    metric: Metric
    episodes: int
    stop: str  # "solved", or "budget": go on when solved, and no early stopping

    def evaluate(self, phenotypes: Phenotypes, seeds: np.ndarray) -> Evaluation: ...
    def score(self, model: Model, split: str) -> dict[str, float] | None: ...
    def solved(self, score: Mapping[str, float]) -> bool | None: ...
    def figure(self, model: Model, split: str = "validation") -> Any: ...


@runtime_checkable
class Algorithm(Protocol):
    """An evolutionary method. `ask` gives a population, `tell` takes its Evaluation or an array (P,) of fitness.

    generation counts finished generations (one may take several asks); repeats: how many times as many episodes the
    population just asked for is to be scored on (1, but more where candidates are re-validated).
    express turns a population into Phenotypes, model one member of it into a Model; row gives columns for the log.
    Class attribute `settings`: the dataclass of its settings; `for_task(task, seed, **settings)` makes one.
    Where it has `nominee()`, that is asked after `tell`: whose place in the population to score on validation (None: the
    fittest's).
    """

    generation: int
    repeats: int

    def ask(self) -> Any: ...
    def tell(self, evaluation: Any) -> None: ...
    def express(self, population: Any) -> Phenotypes: ...
    def model(self, genome: Any) -> Model: ...
    def row(self) -> Row: ...
    def state_dict(self) -> State: ...
    def load_state_dict(self, state: State) -> None: ...


@runtime_checkable
class Learner(Protocol):
    """Every way of learning a network. One step is a generation, an epoch, or a whole fit.

    step returns the columns of one row: "validation" (a score) and, where they mean something, "fitness_best",
    "fitness_mean", "fitness_worst", "nonfinite", "loss". finished: None, or why no further step makes sense
    ("early_stopping", "completed", "diverged": a weight is no longer finite). lineage: of the present champion, the
    ids of genome and parents (or {}).
    state_dict holds tensors and plain values only: it is read back with `weights_only=True`.

    Where a learner has them, the runner also uses: warm_start(model), before the first step, to begin from another
    run's champion; ensemble() and front(), at the end (`evo.evolve.Evolve`).
    """

    cost: Cost
    finished: str | None

    def step(self) -> Row: ...
    def champion(self) -> Model: ...
    def lineage(self) -> dict[str, Any]: ...
    def figure(self) -> Any: ...
    def state_dict(self) -> State: ...
    def load_state_dict(self, state: State) -> None: ...


@runtime_checkable
class Method(Protocol):
    """What a name such as `ga` stands for. A Learner class with these attributes is one; `evo.evolve.Evolved` makes
    one of an Algorithm class."""

    settings: type

    def __call__(self, task: Task, settings: Any, seed: int, device: str) -> Learner: ...
    def fits(self, task: Task) -> str | None: ...
    def restore(self, task: Task, settings: Any, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model: ...


@dataclass
class Champion:
    """The best model so far, by what the task says on validation: solved before unsolved, then higher fitness.

    Every learner chooses with it, so that none has a kinder rule. A non-finite fitness never replaces a finite one.
    """

    key: tuple[bool, float] = (False, -math.inf)
    score: dict[str, float] | None = None
    step: int = -1

    def offer(self, score: Mapping[str, float], solved: bool | None, step: int) -> bool:
        """True, and remembered, if this is the first or a better one. Raises ValueError for a score without "fitness"."""
        if "fitness" not in score:
            raise ValueError(
                f"score(model, 'validation') must hold \"fitness\"; got {', '.join(map(repr, score)) or 'nothing'}"
            )
        fitness = score["fitness"]
        key = (bool(solved), fitness if math.isfinite(fitness) else -math.inf)
        if self.step >= 0 and key <= self.key:
            return False
        self.key, self.score, self.step = key, dict(score), step
        return True

    def state_dict(self) -> State:
        return {"key": list(self.key), "score": self.score, "step": self.step}

    def load_state_dict(self, state: State) -> None:
        solved, fitness = state["key"]
        self.key, self.score, self.step = (bool(solved), float(fitness)), state["score"], state["step"]


@dataclass(frozen=True)
class Scenario:
    """A problem with its line-up: everything `run NAME` needs.

    task(settings, network) builds the Task: `settings` is an instance of `settings`, the class; `network(inputs,
    outputs)` gives a fresh nn.Module (`inputs` is I, or the shape (C, H, W) of a picture). model holds the defaults of
    the `model.` table ("network" and its settings), learners the defaults of a method that differ here, methods the
    default line-up; needs names a download or extra it cannot do without. facts (kind, inputs, outputs, metric, size)
    say what `evo list` would otherwise ask a task that needs a download.
    """

    name: str
    title: str
    task: Callable[[Any, Callable[..., torch.nn.Module]], Task]
    settings: type
    budget: Budget
    methods: tuple[str, ...]
    model: Mapping[str, Any] = field(default_factory=lambda: {"network": "mlp"})
    learners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    needs: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
