"""What the methods that evolve genomes of networks have in common: NEAT (`evo.neat`) and neat-modern.

The population and its fitness as last told; the networks of it; what a run writes down of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from evo import rng
from evo.core import Algorithm, Backends, Evaluation, Lineage, Model, Phenotypes, Row, Sequential, State, Task, counted
from evo.genomes.genome import Genomes
from evo.genomes.innovation import Innovations
from evo.network.model import NetworkModel, restore, sizes
from evo.network.population import Networks
from evo.settings import SettingsError, Value, filled

UNBOUNDED = ("classification", "regression")  # kinds of tasks whose outputs may be any numbers
ON_TABLES = {"preset": "tables", "output_activation": "identity"}  # what such a task chooses where it is not said


class Topologies(Algorithm[Genomes]):
    """A method adds its settings, `ask`, and to `tell` and the state what it has more.

    It keeps here: options, seed, inputs and outputs; generation, how many were told; population (P genomes) and fitness (P,),
    None until known; parents (P, 2), places in the population before, -1 for none; species, with `id` (S,) and `sizes` (S,);
    innovations; and _run, how its networks run.
    """

    recurrence = "recurrent: expected false; got true"  # the setting that makes networks recurrent, and how it is wrong

    options: Any
    species: Any
    inputs: int
    outputs: int
    fitness: np.ndarray | None
    parents: np.ndarray
    innovations: Innovations
    _run: dict[str, Any]

    def _take(self, inputs: int, outputs: int, seed: int) -> None:
        """Raises ValueError for sizes that no network has."""
        for name, size in (("inputs", inputs), ("outputs", outputs)):
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ValueError(f"{name}: expected a whole number >= 1; got {size!r}")
        self.inputs, self.outputs, self.seed = int(inputs), int(outputs), rng.checked(seed)
        self.generation, self.population, self.fitness = 0, None, None
        self.parents = np.zeros((0, 2), np.int64)

    def __repr__(self) -> str:
        sizes = f"{counted(self.inputs, 'input')}, {counted(self.outputs, 'output')}"
        size = self.options.population_size
        species = f", {len(self.species.id):,} species" if self.population is not None else ""
        best = "" if self._best is None else f", best fitness {self._best_fitness:.6g}"
        return f"{type(self).__name__}({sizes}, population_size={size:,}, generation {self.generation:,}{species}{best})"

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> Self:
        """By the `settled` settings. Recurrent networks see one tick of a sequence after another, others see it whole. Raises
        SettingsError where networks would remember rows, which are in no order."""
        options = vars(cls.settled(task, cls.settings(**values)))
        made = cls(task.inputs, task.outputs, seed=seed, **options)  # type: ignore[call-arg]  # of a subclass
        if made._run["recurrent"] and isinstance(task, Sequential):
            return cls(*sizes(task, recurrent=True), seed=seed, **options)  # type: ignore[call-arg]
        if made._run["recurrent"] and task.episodes == 0:
            raise SettingsError([f"{cls.recurrence}: this task has no episodes, so its rows are in no order"])
        return made

    @classmethod
    def settled(cls, task: Task, settings: object) -> object:
        """With the values in force of the preset. For classes and numbers outputs are unbounded and, unless one is named, that
        is `tables`."""
        chosen = filled(settings, ON_TABLES if task.kind in UNBOUNDED else {})
        return chosen.filled()  # type: ignore[attr-defined]  # every settings class of its subclasses has presets

    @classmethod
    def unsupported_reason(cls, task: Task) -> str | None:
        if task.numbered:
            return f"its networks compute with their inputs; an input of the task is the number of a {task.numbered}"
        return "it evolves networks: the task has no outputs" if task.outputs < 1 else None

    @classmethod
    def backends(cls, task: Task) -> Backends:
        return Backends("compiled", "" if task.off_card else "compiled", task.off_card)

    @classmethod
    def restore(cls, task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> Model:
        return restore(task, tensors, header)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        if self.population is None or self.fitness is not None:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        self.fitness = np.array(Evaluation.of(evaluation, len(self.population)).fitness)
        self._remember(self.population, self.fitness)
        self.generation += 1

    def express(self, population: Genomes) -> Phenotypes:
        return Networks(population, **self._run)

    def model(self, genome: Genomes) -> Model:
        """The network of a population of one."""
        return NetworkModel(genome, **self._run)

    def same(self, one: Genomes, other: Genomes) -> bool:
        return all(mine.tobytes() == its.tobytes() for mine, its in zip(one.genes, other.genes))

    def population_tensors(self) -> dict[str, Tensor]:
        state = {} if self.population is None else self.population.state_dict()
        return {name: value for name, value in state.items() if torch.is_tensor(value)}

    def row(self) -> Row:
        """species: sizes by id; nodes and enabled connections, a genome; innovation numbers given so far."""
        if self.population is None:
            return {}
        size = len(self.population)
        return {
            "species": {str(name): members for name, members in zip(self.species.id.tolist(), self.species.sizes.tolist())},
            "nodes_mean": len(self.population.node_id) / size,
            "connections_mean": int(self.population.enabled.sum()) / size,
            "innovations": self.innovations.number,
        }

    def _ancestry(self, index: int) -> Lineage:
        """Ids are generation * P + place; a first genome has no parents."""
        size = self.options.population_size
        born = self.generation - 1
        parents = [int(p) + (born - 1) * size for p in np.unique(self.parents[index]) if p >= 0]
        return {"id": born * size + index, "parents": parents}

    def state_dict(self) -> State:
        return {
            "generation": self.generation,
            "best": None if self._best is None else self._best.state_dict(),
            "best_fitness": self._best_fitness,
            "population": None if self.population is None else self.population.state_dict(),
            "fitness": None if self.fitness is None else torch.from_numpy(self.fitness.copy()),
            "parents": torch.from_numpy(self.parents.copy()),
            "species": self.species.state_dict(),
            "innovations": [self.innovations.node, self.innovations.number],
        }

    def load_state_dict(self, state: State) -> None:
        """A state that was written before `best` was kept has none: it is known again after the next `tell`."""
        self.generation = state["generation"]
        self._best = None if state.get("best") is None else Genomes.from_state(state["best"])
        self._best_fitness = state.get("best_fitness", -np.inf)
        self.population = None if state["population"] is None else Genomes.from_state(state["population"])
        self.fitness = None if state["fitness"] is None else state["fitness"].numpy().copy()
        self.parents = state["parents"].numpy().copy()
        self.species = type(self.species).from_state(state["species"])
        self.innovations = Innovations(*state["innovations"])

    def _screened(self, offspring: Genomes) -> Genomes:
        """Offspring as `screen` gives them. Raises ValueError if these are not as many genomes."""
        screened = self.screen(offspring)
        if not isinstance(screened, Genomes) or len(screened) != len(offspring):
            raise ValueError(f"screen() must give as many offspring as it got, {len(offspring)}; got {screened!r}")
        return screened

    def _warm(self, model: Model, frozen: Sequence[str], feedforward: bool) -> Genomes:
        """The genome of a model that a population may begin with. Raises ValueError if it is no network of genes, or of other
        inputs and outputs, or runs in another way, or has a cycle where there may be none; RuntimeError after the start."""
        if frozen:
            raise ValueError(f"frozen: genes have no names, so no part can be frozen; got {frozen!r}")
        if self.population is not None:
            raise RuntimeError("warm_start() must come before the first ask()")
        genome = model.genome if isinstance(model, NetworkModel) else None
        if genome is None or (genome.inputs, genome.outputs) != (self.inputs, self.outputs):
            raise ValueError(f"expected a network of genes with {self.inputs} inputs and {self.outputs} outputs; got {model!r}")
        for name, ours in self._run.items():
            if getattr(model, name) != ours:
                raise ValueError(f"the network runs with {name} {getattr(model, name)}, those of this method with {ours}")
        return genome.check(feedforward)

    def _first(self) -> Genomes:
        """The first population, of which a method makes its first species."""
        raise NotImplementedError

    def _standing(self) -> np.ndarray:
        """What selection goes by (P,), in place of fitness where there are further objectives: the higher, the better."""
        return self._told()

    def _told(self) -> np.ndarray:
        if self.fitness is None:
            raise RuntimeError("fitness is known after tell()")
        return self.fitness
