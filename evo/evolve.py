"""The only place where ask, evaluate and tell meet: an Algorithm on a Task is a Learner.

A generation: ask for a population, score it (all on the same fresh episodes, if the task has episodes), tell the
fitness; then judge the generation's fittest genome, or the algorithm's candidate, on validation, which the champion is
chosen by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo import rng
from evo.constraints import AugmentedLagrangian
from evo.core import (
    Algorithm,
    Backends,
    Champion,
    Cost,
    Evaluation,
    Examples,
    Learner,
    Lineage,
    Method,
    Model,
    Networked,
    Phenotypes,
    Row,
    Saved,
    State,
    Task,
    counted,
)
from evo.tasks.normalization import NormalizedModel, ObservationStatistics


class Evolve(Learner):
    """A Learner: `algorithm` on `task`. One step is one generation.

    An exception of the task, or ValueError when it gives no (P,) fitness, carries a note: the task, the generation and
    the population it was given.
    """

    def __init__(self, task: Task, algorithm: Algorithm, seed: int = 0, device: str = "cpu"):
        self.task, self.algorithm, self.seed, self.device = task, algorithm, seed, device
        algorithm.runs_on(device)
        self.cost = Cost()
        self._champion = Champion()
        self._best: Model | None = None
        self._judged: object = None  # the genome whose score on validation `_score` is, where it was scored there
        self._lineage: Lineage = {}
        self._asks = self._generation = 0
        self._prepared = False
        self._statistics = ObservationStatistics(task.inputs) if task.normalize_observations else None
        self._lagrangian: AugmentedLagrangian | None = None  # of a task whose evaluations hold constraints for it

    def __repr__(self) -> str:
        task = self.task.name or type(self.task).__name__
        spent = f"generation {self.algorithm.generation:,}, {counted(self.cost.evaluations, 'evaluation')}"
        score = "" if self._champion.score is None else f", champion's fitness {self._champion.score['fitness']:.6g}"
        return f"Evolve({type(self.algorithm).__name__} on {task}, {spent}{score})"

    def step(self) -> Row:
        """One generation; the row of design: fitness, validation, the algorithm's own columns, seconds by phase."""
        self._seconds = {"ask": 0.0, "evaluate": 0.0, "tell": 0.0, "validate": 0.0}
        if not self._prepared:
            self.task.prepare(self._expressed(self.algorithm.ask()))
        self._prepared = True
        with self.cost.timed():
            self._generation = generation = self.algorithm.generation
            evaluations: list[Evaluation] = []
            while self.algorithm.generation == generation:
                with self._phase("ask"):
                    population = self.algorithm.ask()
                with self._phase("evaluate"):
                    evaluation = self._evaluate(population)
                with self._phase("tell"):
                    self.algorithm.tell(self._weighed(evaluation))
                evaluations.append(evaluation)
            with self._phase("validate"):
                self._judge(population, evaluation, generation)
            if self._statistics:  # after judging: within a generation every network meets the same world
                for each in evaluations:
                    if each.observations is not None:
                        self._statistics.update(each.observations)
            if self._lagrangian and evaluation.lagrangian is not None:
                self._lagrangian.update(evaluation.lagrangian[:, 0], evaluation.lagrangian[:, 1:])
        first = evaluations[0].fitness
        finite = first[np.isfinite(first)]
        measures = {"best": finite.max, "mean": finite.mean, "worst": finite.min}
        row: Row = {f"fitness_{name}": float(of()) if len(finite) else None for name, of in measures.items()}
        row |= {"nonfinite": sum(each.nonfinite for each in evaluations)}
        row |= {"validation": self._score, **self.algorithm.row(), "phase_seconds": self._seconds}
        return row

    def champion(self) -> Model:
        """The model that did best on validation so far. Raises RuntimeError before the first step."""
        if self._best is None:
            raise RuntimeError("there is no champion before the first step")
        return self._best

    def ensemble(self) -> Ensemble | None:
        """The present population as one Model; None where the task cannot pool outputs or there is no population."""
        population = self.algorithm.population
        if population is None or not isinstance(self.task, Examples):
            return None
        networks = self._expressed(population)
        return Ensemble(networks, self.task.pool) if isinstance(networks, Phenotypes) else None

    def front(self) -> list[dict[str, float]] | None:
        """The trade-offs that the algorithm found, where it is one of several objectives; else None."""
        return self.algorithm.front()

    def population_tensors(self) -> dict[str, Tensor]:
        return self.algorithm.population_tensors()

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """Begins from the champion of another run, before the first step: the model and mutants of it.

        frozen: names of the parameters that stay as they are. A model that sees normalised observations brings mean and std
        with it. Raises ValueError, saying why, if the algorithm cannot begin so or the model does not fit, RuntimeError after
        the first step.
        """
        if self.cost.evaluations:
            raise RuntimeError("warm_start() must come before the first step")
        if not isinstance(model, NormalizedModel):
            self.algorithm.warm_start(model, frozen)
        elif self._statistics is None:
            raise ValueError("the model sees normalised observations, this task gives them as they are: normalise them too")
        else:
            self.algorithm.warm_start(model.model, frozen)
            self._statistics.take_over(model)

    def lineage(self) -> Lineage:
        return self._lineage

    def state_dict(self) -> State:
        tensors, header = self.champion().save() if self._best is not None else ({}, {})
        state = {"algorithm": self.algorithm.state_dict(), "cost": self.cost.state_dict(), "asks": self._asks}
        state |= {"champion": self._champion.state_dict(), "tensors": tensors, "header": header, "lineage": self._lineage}
        if self._lagrangian:
            state["lagrangian"] = self._lagrangian.state_dict()
        return state | ({"statistics": self._statistics.state_dict()} if self._statistics else {})

    def load_state_dict(self, state: State) -> None:
        self._judged = None  # its score was offered to another champion
        self.algorithm.load_state_dict(state["algorithm"])
        self.cost.load_state_dict(state["cost"])
        self._champion.load_state_dict(state["champion"])
        self._asks, self._lineage = state["asks"], state["lineage"]
        if self._champion.step >= 0:
            self._best = restore(type(self.algorithm), self.task, state["tensors"], state["header"])
        if self._statistics:
            self._statistics.load_state_dict(state["statistics"])
        if "lagrangian" in state:
            self._lagrangian = AugmentedLagrangian(self.task.inputs, len(state["lagrangian"]["weights"]))
            self._lagrangian.load_state_dict(state["lagrangian"])

    def _evaluate(self, population: Any) -> Evaluation:
        phenotypes = self._expressed(population)
        size = len(phenotypes)
        seeds = rng.words(self.seed, self._asks, 0, rng.EPISODES, self._episodes)
        self._asks += 1
        with self._named("evaluate", f"a population of {size}, seeds {seeds}"):
            evaluation = Evaluation.of(self.task.evaluate(phenotypes, seeds), size)
        samples = np.ones(size, np.int64) if evaluation.samples is None else evaluation.samples
        compute = float(samples.sum())  # of points
        if isinstance(phenotypes, Phenotypes):
            each = np.asarray(phenotypes.parameters) * phenotypes.passes
            compute = float((samples * each).sum()) + phenotypes.construction
        self.cost.add(size, samples.sum(), compute)
        return evaluation

    def _weighed(self, evaluation: Evaluation) -> Evaluation:
        """As the algorithm is told it: by an augmented Lagrangian where it holds constraints for one."""
        if evaluation.lagrangian is None:
            return evaluation
        fitness, g = evaluation.lagrangian[:, 0], evaluation.lagrangian[:, 1:]
        if self._lagrangian is None:
            self._lagrangian = AugmentedLagrangian(self.task.inputs, g.shape[1])
        return replace(evaluation, fitness=self._lagrangian.fitness(fitness, g))

    @property
    def _episodes(self) -> int:
        """Of one evaluation of a network."""
        return self.task.episodes * self.algorithm.repeats

    def _expressed(self, population: Any) -> Phenotypes | np.ndarray:
        """The population on its device as the task runs it, its observations normalised where the task wants it."""
        phenotypes = self.algorithm.express(population)
        if isinstance(self.task, Networked) and not isinstance(phenotypes, Phenotypes):
            own, task = type(self.algorithm).__name__, self.task.name or type(self.task).__name__
            raise TypeError(
                f"{task} is a task of networks; this {own} searches points of numbers: make it by {own}.for_task(task, seed=0)"
            )
        if isinstance(phenotypes, Phenotypes):
            phenotypes = self.task.running(phenotypes.to(self.device))
            if self._statistics:
                phenotypes = self._statistics.wrap(phenotypes)
        return phenotypes

    def _judge(self, population: Any, evaluation: Evaluation, generation: int) -> None:
        """The algorithm's candidate, else the generation's fittest, a solving one before others, is scored on validation and
        may become champion."""
        ranked = evaluation.fitness
        if evaluation.solved is not None and evaluation.solved.any():
            ranked = np.where(evaluation.solved, ranked, -np.inf)
        fittest = int(np.argmax(ranked))
        candidate = self.algorithm.candidate()
        index = fittest if candidate is None else None
        genome = population[fittest] if candidate is None else candidate
        with self._named("score", f"validation, {'the candidate' if index is None else f'genome {index}'}"):
            known = None if index is None else self.task.validated(evaluation, index, self._episodes)
            if known is None and self._judged is not None and self.algorithm.same(self._judged, genome):
                return  # it has been offered
            model = self.algorithm.model(genome)
            if self._statistics:
                model = self._statistics.wrap_model(model)
            score = known or self.task.score(model, "validation")
            self._judged = None
            if score is not None and known is None and self._statistics is None:  # these change what a genome does
                self._judged = genome.copy() if isinstance(genome, np.ndarray) else genome
            # Where a task has no validation, a candidate stands for its generation: it has no fitness of its own.
            self._score = score or {"fitness": float(evaluation.fitness[fittest])}
            solved = self.task.solved(self._score)
        if self._champion.offer(self._score, solved, generation):
            self._best, self._lineage = model, self.algorithm.lineage(index)

    @contextmanager
    def _named(self, asked: str, what: str) -> Iterator[None]:
        """An exception of the task inside the block gets a note: which task, what it was asked, when."""
        try:
            yield
        except Exception as error:
            name = self.task.name or type(self.task).__name__
            error.add_note(f"{name}.{asked}, generation {self._generation}, {what}")
            raise

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[name] += time.perf_counter() - start


class Ensemble(Model):
    """A population as one Model, for scoring: `pool` makes one answer (B, O) of all outputs (P, B, O).

    size is P, parameters the sum over its networks. It is neither saved nor drawn: the population is the learner's.
    """

    def __init__(self, phenotypes: Phenotypes, pool: Callable[[Tensor], Tensor]):
        self.phenotypes, self.pool, self.size = phenotypes, pool, len(phenotypes)

    @property
    def parameters(self) -> int:
        return int(np.broadcast_to(self.phenotypes.parameters, self.size).sum())

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        x = torch.as_tensor(inputs, dtype=torch.float32, device=self.phenotypes.device)
        return self.pool(self.phenotypes.forward(x)).cpu()

    def reset(self) -> None:
        self.phenotypes.reset()

    def save(self) -> Saved:
        raise NotImplementedError("an ensemble is not saved: its learner's state holds the population")


def restore(algorithm: type[Algorithm], task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
    """The Model a champion's `save` wrote, its normalisation of observations around what the algorithm restores."""
    if "observation_mean" in tensors:
        inner = {key: value for key, value in tensors.items() if not key.startswith("observation_")}
        model = restore(algorithm, task, inner, header)
        return NormalizedModel(model, tensors["observation_mean"], tensors["observation_std"])
    return algorithm.restore(task, tensors, header)


class Evolved(Method):
    """The Method that an Algorithm class is: what `-m my_file.py:MyAlgorithm` runs."""

    def __init__(self, algorithm: type[Algorithm]):
        self.algorithm, self.settings, self.__doc__ = algorithm, algorithm.settings, algorithm.__doc__

    @property
    def title(self) -> str:
        return self.algorithm.title

    def unsupported_reason(self, task: Task) -> str | None:
        return self.algorithm.unsupported_reason(task)

    def backends(self, task: Task) -> Backends:
        return self.algorithm.backends(task)

    def settled(self, task: Task, settings: object) -> object:
        return self.algorithm.settled(task, settings)

    def __call__(self, task: Task, settings: object, seed: int, device: str = "cpu") -> Evolve:
        values = {field.name: getattr(settings, field.name) for field in fields(self.settings)}
        return Evolve(task, self.algorithm.for_task(task, seed=seed, **values), seed, device)

    def restore(self, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return restore(self.algorithm, task, tensors, header)


class Learned(Method):
    """The Method that a Learner class is."""

    def __init__(self, learner: type[Learner]):
        self.learner, self.settings, self.__doc__ = learner, learner.settings, learner.__doc__

    def unsupported_reason(self, task: Task) -> str | None:
        return self.learner.unsupported_reason(task)

    def backends(self, task: Task) -> Backends:
        return self.learner.backends(task)

    def __call__(self, task: Task, settings: object, seed: int, device: str = "cpu") -> Learner:
        return self.learner(task, settings, seed, device)  # type: ignore[call-arg]  # of a class of the user's

    def restore(self, task: Task, settings: object, seed: int, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return self.learner.restore(task, settings, seed, tensors, header)


def as_method(thing: object, name: str) -> Method:
    """`thing` as a Method: a Method as it is, an Algorithm class as `Evolved`, a Learner class as `Learned`.

    Raises TypeError, naming what is missing.
    """
    if isinstance(thing, Method):
        return thing
    if not isinstance(thing, type) or not issubclass(thing, (Algorithm, Learner)):
        raise TypeError(
            f"{name} is not a method: expected a class that inherits evo.Algorithm (ask, tell, ...) or evo.Learner, or an "
            f"evo.Method; got {thing.__name__ if isinstance(thing, type) else type(thing).__name__}"
        )
    missing = sorted(thing.__abstractmethods__) + ["settings"] * ("settings" not in dir(thing))
    if missing:
        raise TypeError(f"{name} is not a method: {thing.__name__} lacks {', '.join(missing)}")
    return Evolved(thing) if issubclass(thing, Algorithm) else Learned(thing)
