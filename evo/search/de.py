"""Differential evolution (Storn and Price: Differential evolution - a simple and efficient heuristic for global optimization
over continuous spaces. Journal of Global Optimization 11, 1997).

A generation: for every individual x a mutant v of others' differences; a trial takes each gene from v with probability CR, one
gene always, else from x; the trial replaces x if it is no worse. r1, r2, r3 are different individuals, none of them x:

    rand/1/bin              v = x_r1 + F (x_r2 - x_r3)
    best/1/bin              v = x_best + F (x_r1 - x_r2)
    current-to-pbest/1/bin  v = x + F (x_pbest - x) + F (x_r1 - x_r2), pbest one of the best share p (Zhang and Sanderson: JADE.
                            IEEE Transactions on Evolutionary Computation 13, 2009), without its archive and its adaptation

With dither F is drawn a generation anew (Storn's DE page; scipy's default, (.5, 1)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit, types

from evo import rng, threads
from evo.core import Evaluation, Lineage, Model, Row, Task
from evo.search.base import VectorAlgorithm, read_only
from evo.settings import Value, setting, settings
from evo.space import Choice, Log, Real
from evo.vectors.encoding import Searched, encoding_for
from evo.vectors.points import VECTORS

STRATEGIES = {"rand/1/bin": 0, "best/1/bin": 1, "current-to-pbest/1/bin": 2}


@settings
class DESettings:
    population_size: int = setting(
        100,
        "individuals, and trials a generation",
        low=4,
        source="Storn and Price 1997: 5 to 10 D",
        search=Choice(25, 50, 100, 200),
    )
    strategy: str = setting("rand/1/bin", "how a mutant is made", choices=STRATEGIES, search=Choice(*STRATEGIES))
    scale: float = setting(0.5, "F, of differences", above=0.0, high=2.0, source="Storn and Price 1997", search=Real(0.3, 1.0))
    dither: float = setting(0.0, "F is drawn evenly from scale to scale + dither, a generation anew", low=0.0, high=2.0)
    crossover_rate: float = setting(
        0.9,
        "CR, probability of a mutant's gene",
        low=0.0,
        high=1.0,
        source="Storn and Price 1997: .1, .9",
        search=Real(0.0, 1.0),
    )
    pbest: float = setting(
        0.05, "p, share of the best that pbest is one of", above=0.0, high=1.0, source="Zhang and Sanderson 2009: .05 to .2"
    )
    initial_scale: float = setting(
        1.0, "initial weight std, relative to the module's initialiser", above=0.0, search=Log(0.3, 3.0)
    )


class DE(VectorAlgorithm):
    """ask / tell. `encoding` as in GA. Raises as `GA`.

    ask gives the first population, then trials alone: their parents keep the fitness they had. On a noisy task, where that
    would favour old luck, parents come first and are scored again with their trials. population: those that survived.
    """

    settings = DESettings
    arrays = ("population", "fitness", "ids", "asked", "pairs")

    def __init__(self, encoding: Searched = None, *, seed: int = 0, noisy: bool = False, **values: Value):
        super().__init__(encoding, seed=seed, **values)
        self.noisy = noisy
        self.fitness: np.ndarray | None = None  # of the population
        self.ids = np.zeros(0, np.int64)  # of the population: generation * P + place of birth
        self.asked: np.ndarray | None = None  # what ask gave and was not told yet
        self.pairs = np.zeros(
            (0, 2), np.int64
        )  # ids of what ask gave last, and of the individuals they may replace, -1 for none

    @classmethod
    def for_task(cls, task: Task, *, seed: int, **values: Value) -> DE:
        return cls(encoding_for(task), seed=seed, noisy=task.noisy, **values)

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of `Algorithm`: mutants differ from the model by the initial std."""
        vector = self.start_from(model, frozen)
        first = self.encoding.initial(self.seed, 0, self.options.population_size, self.options.initial_scale)
        first += (vector - self.encoding.centre).astype(first.dtype)
        first[0] = vector
        self.asked = self._begin(first)

    @property
    def population(self) -> np.ndarray | None:
        """A copy: trials replace individuals in place."""
        return None if self._population is None else self._population.copy()

    @population.setter
    def population(self, vectors: np.ndarray | None) -> None:
        self._population = vectors

    @property
    def begun(self) -> bool:
        return self.asked is not None or self._population is not None

    def ask(self) -> np.ndarray:
        """The first population, or the next trials, (P, D); on a noisy task behind their parents."""
        if self.asked is None:
            size, scale = self.options.population_size, self.options.initial_scale
            first = self._population is None
            self.asked = self._begin(self.encoding.initial(self.seed, 0, size, scale)) if first else self._trials()
        return read_only(self.asked)

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        """The fitness of what ask gave last: a trial that is no worse replaces its parent. Raises RuntimeError if it was told
        already."""
        if self.asked is None:
            raise RuntimeError("tell() needs a population from ask() that was not told before")
        told, asked, ids = self.told(evaluation, self.asked), self.asked, self.pairs[:, 0]
        if self._population is None or self.fitness is None:
            self._population, self.fitness, self.ids = asked.copy(), told, ids
        else:
            size = len(self._population)
            before = told[:size] if self.noisy else self.fitness
            trials, fitness, ids = (each[-size:] for each in (asked, told, ids))
            better = fitness >= before
            population, trials = self._population, np.ascontiguousarray(trials)
            threads.each(lambda a, b: _replace(population, trials, better, a, b), size)
            self.fitness, self.ids = np.where(better, fitness, before), np.where(better, ids, self.ids)
        self.asked = None
        self.generation += 1

    def row(self) -> Row:
        """fitness_median: of the population, whose best and mean are those of trials alone elsewhere in a row."""
        return {} if self.fitness is None else {"fitness_median": float(np.median(self.fitness))}

    def _ancestry(self, index: int) -> Lineage:
        """Of row `index` of what ask gave last. Ids count the births; a trial's parent is the individual it may replace."""
        own, parent = (int(each) for each in self.pairs[index])
        return {"id": own, "parents": [parent] if parent >= 0 else []}

    def _begin(self, population: np.ndarray) -> np.ndarray:
        ids = np.arange(len(population))
        self.pairs = np.stack([ids, np.full_like(ids, -1)], axis=1)
        return self.screened(population)

    def _trials(self) -> np.ndarray:
        population, fitness, options = self._population, self.fitness, self.options
        assert population is not None
        assert fitness is not None
        size = len(population)
        order = np.argsort(-fitness, kind="stable")
        best = order[: max(1, round(options.pbest * size)) if options.strategy.startswith("current") else 1]
        drawn = rng.uniforms(self.seed, self.generation, size, rng.DIFFERENCES, 1)[0]
        numbers = (options.scale + options.dither * drawn, round(options.crossover_rate * 2**32), self.generation)
        trial, kind, word = np.empty_like(population), STRATEGIES[options.strategy], rng.signed(self.seed)
        threads.each(lambda a, b: _breed(trial, population, best, kind, *numbers, word, a, b), size)
        ids = self.generation * size + np.arange(size)
        self.pairs = np.stack([ids, self.ids], axis=1)
        trial = self.screened(trial)
        if not self.noisy:
            return trial
        parents = np.stack([self.ids, np.full_like(self.ids, -1)], axis=1)
        self.pairs = np.concatenate([parents, self.pairs])
        return np.concatenate([population, trial])


_INT = types.int64


@njit(
    [types.void(kind, kind, types.int64[::1], _INT, types.float64, _INT, _INT, _INT, _INT, _INT) for kind in VECTORS],
    cache=True,
    nogil=True,
)
def _breed(trial, parent, best, strategy, scale, below, generation, seed, start, stop):
    """Trials start .. stop. A gene is the mutant's where its word is < below, and at one place."""
    size, genes = parent.shape
    words = np.empty(genes, np.int64)
    for i in range(start, stop):
        word0, word1, word2, word3 = rng.philox(0, i, generation, rng.SELECTION, seed)
        # Of the others, in their order: three different places, none of them i.
        r1 = (word0 * (size - 1)) >> 32
        r1 += r1 >= i
        low, high = min(i, r1), max(i, r1)
        r2 = (word1 * (size - 2)) >> 32
        r2 += r2 >= low
        r2 += r2 >= high
        a, b, c = min(low, r2), max(low, min(high, r2)), max(high, r2)
        r3 = (word2 * (size - 3)) >> 32
        r3 += r3 >= a
        r3 += r3 >= b
        r3 += r3 >= c
        chosen = best[(rng.philox(1, i, generation, rng.SELECTION, seed)[0] * len(best)) >> 32]
        rng.fill(words, i, generation, rng.DIFFERENCES, seed)
        words[(word3 * genes) >> 32] = -1
        x, out, one, two, three, pbest = parent[i], trial[i], parent[r1], parent[r2], parent[r3], parent[chosen]
        # Without a branch in a loop it vectorises.
        if strategy == 0:
            for g in range(genes):
                out[g] = one[g] + scale * (two[g] - three[g]) if words[g] < below else x[g]
        elif strategy == 1:
            for g in range(genes):
                out[g] = pbest[g] + scale * (one[g] - two[g]) if words[g] < below else x[g]
        else:
            for g in range(genes):
                out[g] = x[g] + scale * (pbest[g] - x[g]) + scale * (one[g] - two[g]) if words[g] < below else x[g]


@njit([types.void(kind, kind, types.boolean[::1], _INT, _INT) for kind in VECTORS], cache=True, nogil=True)
def _replace(parent, trial, better, start, stop):
    """Places start .. stop of `parent`: the trial, where it is better."""
    for i in range(start, stop):
        if better[i]:
            parent[i] = trial[i]
