"""The base classes that every part of neuroevo speaks, and the letters its docstrings use.

P population, B batch (examples, or episodes in flight), I inputs, O outputs, N nodes of a genome, C connections of
a genome, D flat parameters, T time steps, M objectives, K behaviour features. ``(P, B, O)`` is a shape.
Fitness is always maximised and is float64 on the host; a task's reported metric has its own name and direction.

    Method      a name on the command line: settings, what it cannot learn, a learner, a saved champion rebuilt
    Learner     every way of learning a network: step() -> row, cost, champion(), figure(), state_dict()
    Algorithm   an evolutionary method as ask / tell; `evo.evolve.Evolve` makes it a Learner
    Task        what is to be learned, and how well it was
    Phenotypes  a population of networks ready to run
    Model       one network: what a champion is

A class of yours inherits one of them and brings its abstract methods. Every other method is a hook: its default stands in the
base class. What only some tasks can do is a protocol that a task has or has not:

    Networked   it has a network of its own, whose weights can be searched or trained
    Examples    it has splits of examples and a loss
    Tabular     its examples come from a user's table, whose further rows it can read
    Sequential  its rows are sequences, which networks that keep a state see tick by tick
    Episodic    its networks act in episodes, which can be filmed
    Scalable    it is the same task at other resolutions
    Pictorial   its networks draw pictures
    Points      its candidates are points of real numbers, not networks

They stand in one file, long as it is: a reader sees every seam at once.
"""

from __future__ import annotations

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from numbers import Real
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypedDict,
    TypeVar,
    overload,
    runtime_checkable,
)

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo import threads
from evo.settings import Value
from evo.space import Space

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = dict[str, Any]
State = dict[str, Any]
Saved = tuple[dict[str, Tensor], dict[str, str]]
Edges = tuple[np.ndarray, np.ndarray, np.ndarray]  # source, target (C,) numbers of nodes, weight (C,)
Score = dict[str, float]
Population = TypeVar("Population")  # the genomes of an algorithm: an array (P, D), or `evo.Genomes`


class Lineage(TypedDict, total=False):
    """Where a genome comes from: its id and those of its parents."""

    id: int
    parents: list[int]


@dataclass
class Cost:
    """What a learner has spent so far: the four axes on which learners are compared.

    evaluations: one is one network scored on the task's training set or training episodes. Elites that are scored
    again count; one epoch of backprop counts 1. Validation and test are not counted, for any learner.
    samples: network x input pairs. compute: forward-equivalents x parameters, where a backward pass counts two forwards, a
    recurrent network one a tick, and
    genomes that draw networks are asked by forwards of their own; None where it means nothing (a tree). seconds: wall clock
    inside `step`, validation included.
    """

    evaluations: int = 0
    samples: int = 0
    compute: float | None = 0.0
    seconds: float = 0.0

    def add(self, evaluations: int, samples: int, compute: float | None) -> None:
        """Adds to three of the axes; a compute of None makes the sum None for good."""
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
        """The four axes by name."""
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
    """What a task reports: the metric's name, and whether "max" or "min" is better."""

    name: str
    direction: str = "max"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What scoring a population gave; its arrays are copies that nobody can write to.

    fitness (P,), maximised: numbers of any type of numpy, torch or Python, kept as float64; a NaN or infinite value becomes
    -inf, so it ranks last, and is counted in `nonfinite`. samples (P,) int64: inputs really seen (episodes differ in length).
    solved (P,) bool where the training score alone tells it (a full truth table). objectives (P, M), behaviour (P, K): for the
    methods that use them; objectives are maximised. lagrangian (P, 1 + K): fitness regardless of constraints, and the values of
    K constraints, which the loop is to weigh by multipliers (`evo.constraints`). observations: moments of what was seen
    (`evo.tasks.normalization`), for observation normalisation.
    """

    fitness: np.ndarray
    samples: np.ndarray | None = None
    solved: np.ndarray | None = None
    objectives: np.ndarray | None = None
    behaviour: np.ndarray | None = None
    lagrangian: np.ndarray | None = None
    observations: Tensor | None = None
    nonfinite: int = 0

    def __post_init__(self) -> None:
        fitness = _on_host(self.fitness, np.float64)
        finite = np.isfinite(fitness)
        own, nonfinite = self.__dict__, finite.size - np.count_nonzero(finite)  # of a frozen dataclass, set once here
        if nonfinite:
            fitness[~finite] = -np.inf
            own["nonfinite"] = self.nonfinite + int(nonfinite)
        own["fitness"] = _read_only(fitness)
        for name, kind in (
            ("samples", np.int64),
            ("solved", np.bool_),
            ("objectives", np.float64),
            ("behaviour", np.float64),
            ("lagrangian", np.float64),
        ):
            if own[name] is not None:
                own[name] = _read_only(_on_host(own[name], kind))

    def __repr__(self) -> str:
        size, finite = counted(len(self.fitness), "genome"), self.fitness[np.isfinite(self.fitness)]
        best = f", fitness best {finite.max():.4g}, mean {finite.mean():.4g}" if len(finite) else ""
        return f"Evaluation({size}{best}, {self.nonfinite:,} nonfinite)"

    @staticmethod
    def of(value: object, size: int) -> Evaluation:
        """`value` as the Evaluation of a population of `size`; an array (P,) is taken as fitness.

        Raises ValueError if fitness, samples or solved are not of shape (P,), TypeError if the fitness is not numeric.
        """
        try:
            evaluation = value if isinstance(value, Evaluation) else Evaluation(value)  # type: ignore[arg-type]  # checked there
        except (TypeError, ValueError) as error:
            raise TypeError(f"fitness must be {size} numbers, one a genome; got {type(value).__name__}: {error}") from error
        for name in ("fitness", "samples", "solved"):
            shape = np.shape(getattr(evaluation, name))
            if shape != (size,) and getattr(evaluation, name) is not None:
                raise ValueError(f"{name} must have shape ({size},), one number for each genome of ask(); got {shape}")
        return evaluation


NUMBERS = "biuf"  # numpy's kinds: truth values, whole numbers, floats


def _on_host(value: object, kind: type) -> np.ndarray:
    """A copy of `value`, numbers of numpy, torch (bfloat16 too) or Python, as an array on the host."""
    if isinstance(value, np.ndarray) and value.dtype.kind in NUMBERS:
        return value.astype(kind)
    if isinstance(value, (list, tuple)) and any(isinstance(each, Tensor) for each in value):
        value = [each.item() if isinstance(each, Tensor) else each for each in value]
    if isinstance(value, Tensor):
        value = value.detach().to("cpu", torch.float64 if value.is_floating_point() else value.dtype).numpy()
    found = np.asarray(value)
    if found.dtype.kind not in NUMBERS and not all(isinstance(each, Real) for each in found.flat):
        raise TypeError(f"expected numbers; got an array of {found.dtype}")
    return np.array(found, dtype=kind)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def counted(number: int, noun: str) -> str:
    """ "1 genome", "10,000 genomes": a count as the `repr` of an object tells it."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def example(inputs: npt.ArrayLike, size: int | None = None) -> np.ndarray:
    """One example as an array (I,) float32: what `activate(inputs)` of a model reads.

    inputs: a sequence of I numbers, a vector of numpy or torch. Raises ValueError if it is not `size` numbers, where that is
    given.
    """
    x = np.asarray(inputs, np.float32)
    if x.ndim != 1 or len(x) != (len(x) if size is None else size):
        got = str(len(x)) if x.ndim == 1 else f"an array of shape {x.shape}"
        raise ValueError(f"expected {'a sequence of' if size is None else size} numbers, one example; got {got}")
    return x if x.flags.carray else x.copy()  # what kernels take: contiguous, writable


class Model(ABC):
    """One trained network, callable.

    `save` gives tensors and a header of strings, from which `Method.restore` makes the same model again; nothing in them is
    code. nodes, hidden, connections: counts, where they mean something.
    """

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers the network has; 0 where they cannot be counted."""

    @abstractmethod
    def __call__(self, inputs: npt.ArrayLike) -> Tensor | np.ndarray:
        """Rows (B, I), a tensor or an array, give a tensor (B, O) on the host."""

    @abstractmethod
    def save(self) -> Saved: ...

    @property
    def nodes(self) -> int | None:
        return None

    @property
    def hidden(self) -> int | None:
        return None

    @property
    def connections(self) -> int | None:
        return None

    @property
    def output_range(self) -> np.ndarray | None:
        """The interval (1, O, 2) that each output lies in; None: any numbers."""
        return None

    @property
    def keeps_state(self) -> bool:
        """As of `Phenotypes`."""
        return False

    def reset(self) -> None:
        """Forgets what it keeps from call to call: nothing, by default."""

    def activate(self, inputs: Sequence[float]) -> list[float]:
        """The outputs for one example, a list of O floats, as neat-python's networks give them. Raises ValueError for another
        number of inputs."""
        return torch.as_tensor(self(example(inputs)[None]))[0].tolist()

    def at(self, task: Task) -> Model:
        """The same network for a `Scalable` task at another resolution. Raises ValueError, the default, if it has one size."""
        raise ValueError(f"a {type(self).__name__} has one size; what a CPPN draws (hyperneat, es-hyperneat) has any")

    def to_module(self) -> nn.Module:
        """The network as a torch module. Raises ValueError, the default, if it is none."""
        raise ValueError(f"expected a model that is a torch module; got {type(self).__name__}")

    def edges(self) -> Edges | None:
        """The connections of a network that is a graph, those of biases left out; None, the default, where it is none."""
        return None

    def figure(self) -> Figure:
        """What a person would look at (matplotlib). Raises NotImplementedError, the default, where there is no picture."""
        raise NotImplementedError(f"a {type(self).__name__} has no picture")


def part_size(numbers: int) -> int:
    """Networks of a part of `Phenotypes.each_part`, of so many outputs each on all rows: those of a part stay in the cache."""
    return max(8, 2**15 // max(1, numbers))


class Phenotypes(ABC):
    """A population of P networks ready to run."""

    @property
    @abstractmethod
    def parameters(self) -> int | np.ndarray:
        """One count for all networks, or one for each (P,)."""

    @property
    def passes(self) -> int | np.ndarray:
        """Forwards that a call takes, for all networks or for each (P,): 1, the default; ticks of recurrent ones."""
        return 1

    @property
    def keeps_state(self) -> bool:
        """Whether a call depends on those before it, since the last `reset`; False, the default."""
        return False

    @property
    def construction(self) -> float:
        """Compute spent so far on making these networks, where a genome is not a network but draws one: forwards of genomes x
        their parameters. 0, the default, where it is one."""
        return 0.0

    @property
    @abstractmethod
    def device(self) -> torch.device: ...

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) on x (B, I), the same for all, or (P, B, I)."""

    def each_part(self, x: Tensor, use: Callable[[int, int, Tensor], None]) -> None:
        """Calls use(start, stop, outputs) on parts of the population, on all cores.

        outputs (stop - start, B, O), of any strides, are those of `forward`. A population that computes part by part leaves
        them in the cache; by default all are computed first. The size of a part depends on the shapes of one network alone,
        so that sums over a part round alike.
        """
        outputs = self.forward(x)
        if len(outputs) != len(self):
            raise ValueError(f"expected outputs (P, B, O) of {len(self)} networks; got {tuple(outputs.shape)}")
        use_part = lambda start, stop: use(start, stop, outputs[start:stop])
        size = part_size(outputs[:1].numel())
        if outputs.device.type == "cpu":
            threads.each_block(use_part, len(outputs), size)
        else:
            with threads.limited(1):
                threads.each_block(use_part, len(outputs), size)

    @abstractmethod
    def to(self, device: str | torch.device) -> Phenotypes: ...

    @property
    def output_range(self) -> np.ndarray | None:
        """The interval (P, O, 2) that each output lies in; None: any numbers."""
        return None

    def reset(self) -> None:
        """Forgets what networks keep from call to call: nothing, by default."""


class Coding(NamedTuple):
    """Words as whole numbers: the codes of those that are known, and the code of any other."""

    codes: Mapping[str, int]
    other: int


class Deployment(NamedTuple):
    """A network as another program runs it, from what is measured to what is meant.

    module: rows such as `example` (2, C) -> answers (2, ...), which are called `outputs`. words: where columns of words stand
    beside them, the Coding of each; then the module's second argument are their codes, (2, W) int64, and its first None where
    there are no others. labels: names of the classes that answers (B, O) are the probabilities of. about: what a person
    should know of it, by name.
    """

    module: nn.Module
    example: Tensor | None
    outputs: str = "outputs"
    labels: Sequence[str] = ()
    about: Mapping[str, str] = {}
    words: Sequence[Coding] = ()


class Benchmark(NamedTuple):
    """Which problem of a published suite a task is, for comparison with others' archives; f_opt: its least value."""

    suite: str
    function: int
    dimension: int
    instance: int
    f_opt: float


class Task(ABC):
    """What is to be learned.

    inputs I, outputs O; metric: what is reported; kind: a word for tables, such as "classification"; shape (C, H, W): of inputs
    that are pictures; places: coordinates (I, d) of the inputs and (O, d) of the outputs, in -1 .. 1, where these have a
    geometry that a network may know of, and between them of hidden nodes, a layer each, where these are to lie in places of
    your own; episodes: how many random seeds one evaluation consumes (0: the evaluation is deterministic, seeds are ignored);
    stop: "solved", or "budget": go on when solved, and no early stopping; normalize_observations: networks see them
    standardised by `Evaluation.observations`; class_weights: losses weigh every class alike; space: of a task of points that
    are unit coordinates of a `Space`, that space; benchmark: which problem of a published suite it is; off_card: why no
    evaluation runs on a CUDA card, "" if it may; numbered: what an input is the number of, such as "node", "" if it is what a
    network may compute with."""

    inputs: int
    outputs: int
    metric: Metric
    kind: str = ""
    name: str = ""
    shape: tuple[int, int, int] | None = None
    places: Sequence[np.ndarray] | None = None
    episodes: int = 0
    stop: str = "solved"
    normalize_observations: bool = False
    off_card: str = ""
    numbered: str = ""
    class_weights: bool = False
    space: Space | None = None
    benchmark: Benchmark | None = None

    @property
    def noisy(self) -> bool:
        """Whether what a genome is worth changes from generation to generation, as it does where there are episodes."""
        return self.episodes > 0

    @abstractmethod
    def evaluate(self, phenotypes: Any, seeds: np.ndarray) -> Evaluation:
        """Scores a population for selection, on the training split or on episodes that start from `seeds`."""

    @abstractmethod
    def score(self, model: Model, split: str) -> Score | None:
        """Metrics of one model by name, "fitness" among them, on the "train", "validation" or "test" split; None where the
        task has no such split. A function of model and split: what was scored may not be scored again. Learners use "train"
        and "validation"; only the runner asks for "test", once, at the end."""

    def running(self, phenotypes: Phenotypes) -> Phenotypes:
        """A population as this task runs it, on its inputs (B, I); the default: as it is."""
        return phenotypes

    def validated(self, evaluation: Evaluation, index: int, episodes: int) -> Score | None:
        """The validation score of network `index` of an evaluation of so many episodes, where these were those of validation;
        None, the default: it has to be scored."""
        return None

    def features(self, x: Tensor) -> Tensor:
        """What a method reads in place of inputs x (B, I) if it knows nothing of what they are the numbers of; x, the default,
        where they are `numbered` by nothing."""
        return x

    def solved(self, score: Mapping[str, float]) -> bool | None:
        """Whether a validation score solves the task; None, the default, where that is undefined."""
        return None

    def for_seed(self, seed: int) -> Task:
        """The task of a run with this seed; the default: this one. An override gives each seed an instance of its own."""
        return self

    def description(self) -> State | None:
        """What predicting needs of a task whose data may be gone, as plain values: a champion's file carries it. None, the
        default: the task is made anew."""
        return None

    def deployment(self, model: Model) -> Deployment:
        """A model's network as another program runs it; by default as it is, (B, I) float32 -> (B, O). Raises ValueError if
        it is no torch module."""
        return Deployment(model.to_module(), torch.zeros(2, self.inputs))

    def prepare(self, phenotypes: Any) -> None:
        """Called once before the first evaluation, off the clock: the place to compile."""

    def diagnostics(self, model: Model) -> dict[str, object] | None:
        """A classifier's calibration and robustness on the test split, at the end; None, the default: it has none."""
        return None

    def figure(self, model: Model, split: str = "validation") -> Figure:
        """What a person would look at, on a split (matplotlib). Raises NotImplementedError, the default: no picture."""
        raise NotImplementedError(f"{type(self).__name__} has no picture")


@runtime_checkable
class Networked(Protocol):
    """A task with a network of its own: network() gives a fresh nn.Module, (B, I) -> (B, O)."""

    def network(self) -> nn.Module: ...


@runtime_checkable
class Examples(Protocol):
    """A task of examples. split(name, device): (x (B, I), y) of "train", "validation" or "test", None where there
    is none ("train" there always is); loss: what gradient methods minimise; pool (P, B, O) -> (B, O): what an ensemble answers;
    predictions: rows for a person."""

    kind: str

    @overload
    def split(self, name: Literal["train"], device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]: ...
    @overload
    def split(self, name: str, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor] | None: ...
    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor: ...
    def pool(self, outputs: Tensor) -> Tensor: ...
    def predictions(self, model: Model, x: npt.ArrayLike, y: npt.ArrayLike | None = None) -> list[Row]: ...


def split_shown(task: Task, split: str) -> str:
    """The split whose examples a task really has under a name: "train" for the "validation" of a task that has none, and
    validates on the training split."""
    if split == "validation" and isinstance(task, Examples):
        pair = task.split(split)
        return "train" if pair is not None and pair[0] is task.split("train")[0] else split
    return split


class Backends(NamedTuple):
    """What runs the networks of a method on a task.

    cores: "compiled" (kernels of ours), "torch", or the name of a library. cuda: "compiled" or "torch"; "": no card does, and
    `why` says why.
    """

    cores: str = "torch"
    cuda: str = "torch"
    why: str = ""


@runtime_checkable
class Tabular(Protocol):
    """A task made of a user's table: encode(path) reads further rows of its columns, as inputs (B, I)."""

    def encode(self, path: str | Path) -> np.ndarray: ...


@runtime_checkable
class Sequential(Protocol):
    """A task whose rows are sequences: a network that keeps a state sees one tick of each after another, and any other sees
    rows (B, I) whole. tick: inputs and outputs of the former."""

    tick: tuple[int, int]


@runtime_checkable
class Episodic(Protocol):
    """A task whose networks act in episodes: film(model, split, episode) shows one."""

    def film(
        self, model: Model, split: str = ..., episode: int = ..., frames: int = ..., mode: str = ..., rate: float = ...
    ) -> Any: ...


@runtime_checkable
class Scalable(Protocol):
    """A task whose inputs and outputs may be finer or coarser: at(resolution) is it at another resolution. Raises ValueError
    for one that it cannot have."""

    resolution: int

    def at(self, resolution: int) -> Task: ...


@runtime_checkable
class Pictorial(Protocol):
    """A task whose networks draw: drawn(model) is the picture, (H, W) or (H, W, 3) in 0 .. 1, at the task's resolution."""

    def drawn(self, model: Model) -> np.ndarray: ...


@runtime_checkable
class Points(Protocol):
    """A task whose candidates are points (D,) of `dimensions` real numbers."""

    dimensions: int


class Algorithm(ABC, Generic[Population]):
    """An evolutionary method. `ask` gives a population, `tell` takes its Evaluation, or an array (P,) of fitness.

    settings: the dataclass of its settings. title: as of `Method`. generation: how many are finished (one may take several
    asks). repeats: how many times as many episodes the population just asked for is to be scored on (1, but more where
    candidates are re-validated).
    population: the genomes last asked for, or that survived; None before. What a user writes into a population changes nothing
    here.

    best, best_fitness and best_model are those of the fittest genome told so far: `tell` calls `_remember`, and the state holds
    `_best` and `_best_fitness`.
    """

    settings: ClassVar[type]
    title: ClassVar[str] = ""
    generation: int = 0
    population: Population | None = None
    _best: Population | None = None
    _best_fitness: float = -math.inf

    @classmethod
    @abstractmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> Algorithm[Population]:
        """One for a task, with settings by name."""

    @classmethod
    def settled(cls, task: Task, settings: object) -> object:
        """The settings that `for_task` takes where some are left to the task; the default: as they are."""
        return settings

    @abstractmethod
    def ask(self) -> Population:
        """The next population; the same one until it is told."""

    @abstractmethod
    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of what `ask` gave last. Raises RuntimeError if there is none, ValueError for another shape than (P,)."""

    @abstractmethod
    def express(self, population: Population) -> Phenotypes | np.ndarray:
        """A population as Phenotypes, or as points (P, D)."""

    @abstractmethod
    def model(self, genome: Population) -> Model:
        """One genome of a population as a Model."""

    @abstractmethod
    def state_dict(self) -> State:
        """Everything that continues it, as tensors and plain values: it is read back with `weights_only=True`."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None: ...

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        """Why it cannot learn this task, in a sentence; None, the default: it can."""
        return None

    @classmethod
    def backends(cls, task: Task) -> Backends:
        """What can run it on this task; the default: torch, on any device."""
        return Backends()

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        """The Model whose `save` gave tensors and header. Raises ValueError if it is none of this method's."""
        raise NotImplementedError(f"{cls.__name__} lacks restore(task, tensors, header), which rebuilds a saved champion")

    @property
    def repeats(self) -> int:
        return 1

    def runs_on(self, device: str) -> None:
        """Told before the first `ask` where networks run, "cpu" or "cuda": genomes that draw networks draw them there. Ignored
        by default, since `Phenotypes.to` moves networks."""

    def screen(self, offspring: Population) -> Population:
        """Offspring before they are evaluated: as they are, by default. An override may replace some (by a surrogate's advice,
        say); it gives as many as it got, and what it replaced counts as no evaluation."""
        return offspring

    def same(self, one: Population, other: Population) -> bool:
        """Whether two genomes are equal, so that the second need not be judged again; the default: both are arrays of the same
        numbers."""
        if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray) or one.dtype.hasobject:
            return False
        return (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()

    def candidate(self) -> Population | None:
        """The genome to judge on validation after `tell`; None, the default: the generation's fittest."""
        return None

    def lineage(self, index: int | None) -> Lineage:
        """Ids of a genome, "id", and its "parents": of place `index` of what `ask` gave last; None: of `candidate`. {} where
        they are unknown, as for a candidate that is of no place."""
        return {} if index is None else self._ancestry(index)

    def _ancestry(self, index: int) -> Lineage:
        """`lineage` of place `index`; {}, the default: unknown."""
        return {}

    def row(self) -> Row:
        """Columns for the log. Before the first `ask` there may be none."""
        return {}

    def front(self) -> list[dict[str, float]] | None:
        """The trade-offs found, of a method of several objectives; else None."""
        return None

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """Begins with a model, before the first `ask`: the first genome is the model, others are mutants of it; a strategy
        draws all around it. frozen: names of the parameters that stay as they are, or patterns of names ("layers.0.*"). Raises
        ValueError, saying why, if it cannot begin so or the model does not fit; TypeError for `frozen` that is no list of
        names; RuntimeError after the first ask."""
        raise ValueError(f"{type(self).__name__} does not support a warm start")

    def population_tensors(self) -> dict[str, Tensor]:
        """The present population as tensors by name, for a run that keeps them all."""
        return {}

    @property
    def best(self) -> Population:
        """The fittest genome that was told so far. Raises RuntimeError before the first `tell`."""
        if self._best is None:
            raise RuntimeError("best is known after tell()")
        return copy.copy(self._best)

    @property
    def best_fitness(self) -> float:
        """Its fitness, as it was when it was told; -inf if none was finite. Raises RuntimeError before the first `tell`."""
        if self._best is None:
            raise RuntimeError("best_fitness is known after tell()")
        return self._best_fitness

    @property
    def best_model(self) -> Model:
        """The Model of `best`."""
        return self.model(self.best)

    def _remember(self, population: Any, fitness: np.ndarray) -> None:
        """Keeps the fittest genome of a population with this fitness (P,), if it is the first or fitter than all before."""
        fittest = int(np.argmax(fitness))
        if self._best is None or fitness[fittest] > self._best_fitness:
            self._best, self._best_fitness = copy.copy(population[fittest]), float(fitness[fittest])


class Learner(ABC):
    """Every way of learning a network. One step is a generation, an epoch, or a whole fit.

    cost: what was spent. finished: None, or why no further step makes sense ("early_stopping", "completed", "diverged": a
    weight is no longer finite). A class with `settings` and a constructor (task, settings, seed, device) is a method.
    """

    settings: ClassVar[type]
    task: Task
    cost: Cost
    finished: str | None = None

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        """Why it cannot learn this task, in a sentence; None, the default: it can."""
        return None

    @classmethod
    def backends(cls, task: Task) -> Backends:
        """As of `Algorithm.backends`."""
        return Backends()

    @abstractmethod
    def step(self) -> Row:
        """One step; its row: "validation" (a score) and, where they mean something, "fitness_best", "fitness_mean",
        "fitness_worst", "nonfinite", "loss"."""

    @abstractmethod
    def champion(self) -> Model:
        """The model that did best on validation so far. Raises RuntimeError before the first step."""

    @abstractmethod
    def state_dict(self) -> State:
        """Everything that continues it, as tensors and plain values: it is read back with `weights_only=True`."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None: ...

    @classmethod
    def restore(cls, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        """The Model whose `save` gave tensors and header. Raises ValueError if it is none of this method's."""
        raise NotImplementedError(f"{cls.__name__} lacks restore(task, settings, seed, tensors, header)")

    def figure(self) -> Figure:
        """What the task shows of the champion (matplotlib)."""
        return self.task.figure(self.champion())

    def lineage(self) -> Lineage:
        """Of the present champion, the ids of genome and parents; {} by default."""
        return {}

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """Begins from another run's champion, before the first step; frozen as of `Algorithm.warm_start`. Raises ValueError,
        saying why, if it cannot; RuntimeError after the first step."""
        raise ValueError(f"{type(self).__name__} does not support a warm start")

    def ensemble(self) -> Model | None:
        """All its networks as one model to score; None, the default: it is one network."""
        return None

    def front(self) -> list[dict[str, float]] | None:
        """As `Algorithm.front`."""
        return None

    def population_tensors(self) -> dict[str, Tensor]:
        """As `Algorithm.population_tensors`."""
        return {}


class Method(ABC):
    """What a name such as `ga` stands for. `evo.evolve.as_method` makes one of an Algorithm class or a Learner class.

    settings: the dataclass of its settings.
    """

    settings: type

    @property
    def title(self) -> str:
        """What `evo list` says of it; "", the default: the first sentence of its module."""
        return ""

    @abstractmethod
    def __call__(self, task: Task, settings: object, seed: int, device: str = "cpu") -> Learner: ...

    @abstractmethod
    def restore(self, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        """The Model whose `save` gave tensors and header. Raises ValueError if it is none of this method's."""

    def unsupported_reason(self, task: Task) -> str | None:
        """Why it cannot learn this task, in a sentence; None, the default: it can."""
        return None

    def backends(self, task: Task) -> Backends:
        """As of `Algorithm.backends`."""
        return Backends()

    def settled(self, task: Task, settings: object) -> object:
        """The settings in force on a task, where some are left to it; the default: as they are."""
        return settings


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
        """What `load_state_dict` takes up again."""
        return {"key": list(self.key), "score": self.score, "step": self.step}

    def load_state_dict(self, state: State) -> None:
        solved, fitness = state["key"]
        self.key, self.score, self.step = (bool(solved), float(fitness)), state["score"], state["step"]


@dataclass(frozen=True)
class Scenario:
    """A problem with its default methods: everything `run NAME` needs.

    task(settings, network) builds the Task: `settings` is an instance of `settings`, the class; `network(inputs,
    outputs)` gives a fresh nn.Module (`inputs` is I, or the shape (C, H, W) of a picture). model holds the defaults of
    the `model.` table ("network" and its settings), learners the defaults of a method that differ here, methods the
    default methods; needs names a download or extra it cannot do without. facts (kind, inputs, outputs, metric, size)
    say what `evo list` would otherwise ask a task that needs a download.
    """

    name: str
    title: str
    task: Callable[[Any, Callable[..., torch.nn.Module]], Task]
    settings: type
    budget: Budget
    methods: tuple[str, ...]
    model: Mapping[str, Value] = field(default_factory=lambda: {"network": "mlp"})
    learners: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    needs: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
