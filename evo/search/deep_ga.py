"""Deep GA (Such et al. 2017, Deep neuroevolution, arXiv 1712.06567, Algorithm 1).

No crossover: a child is one of the T best, plus sigma times Gaussian noise on every gene. Where scores are noisy, the
best candidates are scored again on more episodes, and the best of these is the elite: it heads the list of parents
and is copied unchanged. Genomes are kept as vectors; the paper's list of seeds saves memory and changes no number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit, types
from torch import Tensor

from evo import rng, threads
from evo.core import Evaluation, Lineage, Model, Phenotypes, Task
from evo.search.base import VectorAlgorithm, read_only
from evo.search.safe_mutations import SAFE, experienced, inputs_setting, safe_mutation, with_construction
from evo.settings import Value, setting, settings
from evo.space import Choice, Log
from evo.vectors.encoding import Searched, encoding_for
from evo.vectors.points import VECTORS


@settings
class DeepGASettings:
    population_size: int = setting(
        100, "children a generation, and one elite", low=2, source="Such et al. 2017: 1000", search=Choice(50, 100, 200, 400)
    )
    truncation_size: int = setting(
        20,
        "T: how many of the best are parents",
        low=1,
        high="population_size",
        source="Such et al. 2017",
        search=Choice(3, 5, 10, 20, 40),
    )
    mutation_std: float = setting(
        0.1,
        "sigma of the noise on every gene; the change of outputs of sm-r",
        low=0.0,
        source="Such et al. 2017: .002",
        search=Log(0.003, 1.0),
    )
    mutation: str = setting(
        "gaussian",
        "how a gene changes; sm-g-sum and sm-r, on tasks of examples, spare what the outputs depend on (Lehman et al. 2018)",
        choices=("gaussian", *SAFE),
    )
    mutation_inputs: int = inputs_setting()
    candidates: int = setting(
        10, "best individuals that compete to be the elite", low=1, high="population_size", source="Such et al. 2017"
    )
    validation_episodes: int = setting(
        30, "times as many episodes for the candidates, on tasks with episodes", low=1, source="Such et al. 2017"
    )
    initial_scale: float = setting(
        1.0, "initial weight std, relative to the module's initialiser", above=0.0, search=Log(0.3, 3.0)
    )


class DeepGA(VectorAlgorithm):
    """ask / tell. On a noisy task a generation takes two asks: the population, then the candidates for elite, on
    `repeats` times as many episodes. `encoding` and `inputs` as in GA; noisy: whether the task has episodes. best (D,) and
    best_fitness: of the fittest told so far; on a noisy task of the fittest candidate."""

    settings = DeepGASettings
    arrays = ("population", "order", "candidates", "parents")

    def __init__(
        self,
        encoding: Searched = None,
        *,
        seed: int = 0,
        noisy: bool = False,
        inputs: Tensor | None = None,
        **values: Value,
    ):
        super().__init__(encoding, seed=seed, **values)
        self.safe = safe_mutation(self.options, self.encoding, inputs, self.seed)
        self.noisy = noisy
        self.order: np.ndarray | None = None  # the elite, then the others by fitness; without those that have none
        self.candidates: np.ndarray | None = None  # places of the population that compete to be the elite
        self.parents = np.zeros(0, np.int64)
        self._asked = np.zeros(0, np.int64)  # places of what ask gave last

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> DeepGA:
        return cls(encoding_for(task), seed=seed, noisy=task.episodes > 0, inputs=experienced(task), **values)

    def express(self, population: np.ndarray) -> Phenotypes | np.ndarray:
        return with_construction(super().express(population), self.safe if self.candidates is None else None)

    @property
    def repeats(self) -> int:
        return 1 if self.candidates is None else self.options.validation_episodes

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        places = np.zeros(self.options.population_size, np.int64)
        self._population = self._children(self.start_from(model, frozen)[None], places)
        self.parents = places - 1

    def ask(self) -> np.ndarray:
        """The next population (P + 1, D), the elite first ((P, D) in the first generation); or the candidates."""
        if self._population is None:
            size, scale = self.options.population_size, self.options.initial_scale
            self._population = self.screened(self.encoding.initial(self.seed, 0, size, scale))
            self.parents = np.full(len(self._population), -1)
        elif self.candidates is not None:
            self._asked = self.candidates
            return self._population[self.candidates]
        elif self.order is not None:
            self._population, self.order = self._mutated(self._population, self.order), None
        self._asked = np.arange(len(self._population))
        return read_only(self._population)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of what ask gave last. Raises RuntimeError if it was told already."""
        population, order, candidates = self._population, self.order, self.candidates
        if population is None or (order is not None and candidates is None):
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        if order is None or candidates is None:
            # Where scores are noisy, only the candidates' say who is the best.
            noisy = np.array(Evaluation.of(evaluation, len(population)).fitness)
            fitness = noisy if self.noisy else self.told(evaluation, population)
            able = int(np.isfinite(fitness).sum()) or len(fitness)
            self.order = np.argsort(-fitness, kind="stable")[:able]
            if self.noisy:
                self.candidates = self._candidates(self.order)
                return
        else:
            scores = self.told(evaluation, population[candidates])
            elite = candidates[int(np.argmax(scores))]
            self.order = np.concatenate([[elite], order[order != elite]])
            self.candidates = None
        self.generation += 1

    def _ancestry(self, index: int) -> Lineage:
        """Of row `index` of what ask gave last. Ids are generation * (P + 1) + place; a first individual has no parents."""
        size, born, place = self.options.population_size + 1, self.generation - 1, int(self._asked[index])
        parent = int(self.parents[place])
        return {"id": born * size + place, "parents": [parent + (born - 1) * size] if parent >= 0 else []}

    def _candidates(self, order: np.ndarray) -> np.ndarray:
        """The first generation's best ten; later the last elite (place 0) and the best nine others."""
        best = order[: self.options.candidates]
        if self.generation == 0:
            return best
        return np.concatenate([[0], order[order != 0][: self.options.candidates - 1]])

    def _mutated(self, population: np.ndarray, order: np.ndarray) -> np.ndarray:
        size, pool = self.options.population_size, min(self.options.truncation_size, len(order))
        draws = rng.words(self.seed, self.generation, 0, rng.SELECTION, size)
        self.parents = np.concatenate([order[:1], order[(draws * pool) >> 32]])
        return self._children(population, self.parents)

    def _children(self, parents: np.ndarray, places: np.ndarray) -> np.ndarray:
        child: np.ndarray = np.empty((len(places), parents.shape[1]), parents.dtype)
        numbers = (self.options.mutation_std, self.generation, rng.signed(self.seed))
        if self.safe is None:
            threads.each(lambda a, b: _perturb(child, parents, places, a, b, *numbers), len(places))
        else:
            zero, first = np.zeros((1, parents.shape[1]), parents.dtype), np.zeros(len(places), np.int64)
            threads.each(lambda a, b: _perturb(child, zero, first, a, b, *numbers), len(places))
            child = self.safe.mutated(parents, places, child, self.generation)
        return self.screened(child)


_PERTURBED = types.int64[::1], *2 * [types.int64], types.float64, *2 * [types.int64]


@njit([types.void(kind, kind, *_PERTURBED) for kind in VECTORS], cache=True, nogil=True)
def _perturb(child, parent, places, start, stop, std, generation, seed):
    """Places start .. stop: the parent plus std times N(0, 1) on every gene; place 0 is the elite, unchanged."""
    for i in range(start, stop):
        out, source = child[i], parent[places[i]]
        if i == 0:
            out[:] = source
            continue
        for block in range((out.size + 3) // 4):
            noise = rng.four_normals(block, i, generation, rng.NOISE, seed)
            for k in range(min(4, out.size - 4 * block)):
                out[4 * block + k] = source[4 * block + k] + std * noise[k]
