"""neat-modern: NEAT as neat-python 2.0.0 implements it (github.com/CodeReclaimers/neat-python), with its setting names.

    genome.py, genes.py, attributes.py    attributes, mutation, crossover, reproduction, initialization
    species.py                            speciation
    stagnation.py, reproduction.py        selection
    configuration                         settings

README.md lists the rules, and where this deliberately differs. The main differences from `evo.neat.neat`, the method of 2002:
nodes have biases and there is no bias node, structure can be deleted, attributes mutate one by one, a genome joins the closest
species, species fitness is adjusted by the range of fitness, and species sizes move half of the way to their share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from evo.core import Model
from evo.genomes.genome import Genomes
from evo.genomes.innovation import Innovations
from evo.neat.base import Topologies
from evo.neat_modern import reproduction
from evo.neat_modern.attributes import Attributes
from evo.neat_modern.initialization import first_population
from evo.neat_modern.mutation import Chances
from evo.neat_modern.selection import Ranking, parents, rank, shares, spawn, species_fitness, surviving
from evo.neat_modern.settings import ModernSettings
from evo.neat_modern.speciation import Compatibility, Species
from evo.settings import Value


class ModernNEAT(Topologies):
    """ask / tell. inputs, outputs: of every network; nodes' ids are inputs, outputs, hidden nodes.

        neat = ModernNEAT(inputs=2, outputs=1, population_size=150, seed=0)
        for _ in range(100):
            genomes = neat.ask()                      # Genomes: P of them
            neat.tell(fitness)                        # (P,), maximised
        neat.best, neat.best_fitness

    best (a population of one) and best_fitness: of the fittest told so far. Fitness may be negative. What is not finite ranks
    last, is no parent where another of its species is finite, and counts as the least that is; a species without a finite
    fitness dies out where another has one. Where all species die out the population begins again, with genomes drawn anew.

    Raises SettingsError for settings, ValueError for inputs or outputs below 1, ValueError or TypeError for a fitness that is
    not (P,) numbers.
    """

    settings: ClassVar[type] = ModernSettings
    recurrence = "feed_forward: expected true; got false"

    def __init__(self, inputs: int, outputs: int, *, seed: int = 0, **values: Value):
        self.options = self.settings(**values).filled()
        self._take(inputs, outputs, seed)
        options = self.options
        self.species = Species(threshold=options.compatibility_threshold)
        self.innovations = Innovations(inputs + outputs, 0)
        self._run = dict(
            recurrent=not options.feed_forward, ticks=1 if options.ticks == "one" else options.ticks, time_step=0.0
        )
        self._chances, self._attributes = Chances.of(options), Attributes.of(options)
        self._rules = Compatibility(options.compatibility_disjoint_coefficient, options.compatibility_weight_coefficient)

    def ask(self) -> Genomes:
        """The next population; the same one until it is told."""
        if self.population is None:
            self.population = self._begin()
        elif self.fitness is not None:
            standing, fitness, last = self._standing(), self._told(), self.generation - 1
            self.fitness = None
            ranks = rank(fitness, self.species)
            reached = species_fitness(fitness, ranks, self.species, self.options.species_fitness_func)
            self.species.update_best(reached, last)
            kept = surviving(reached, self.species, last, self.options)
            ranks = ranks if standing is fitness else rank(standing, self.species)
            self.population = self._reproduced(self.population, standing, ranks, kept) if kept.size else self._begin()
        return self.population

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of `Algorithm`. Raises ValueError also for a model that is no network of genes, or has other inputs or outputs, or
        runs in another way; and for `frozen`: genes have no names."""
        genome = self._warm(model, frozen, self.options.feed_forward)
        pairs = np.zeros((self.options.population_size, 2), np.int64)
        pairs[0, 1] = -1
        self.innovations = Innovations.after(genome)
        self.population = self._bred(genome, pairs)
        self.parents = np.full_like(pairs, -1)
        self._speciate(self.population, genome)

    def _first(self) -> Genomes:
        drawn = (self.innovations, self.generation, self.seed)
        return first_population(self.inputs, self.outputs, self.options, self._attributes, *drawn)

    def _begin(self) -> Genomes:
        population = self._screened(self._first())
        self.parents = np.full((len(population), 2), -1)
        self.species.retain(np.zeros(0, np.int64))
        self._speciate(population, population)
        return population

    def _reproduced(self, before: Genomes, standing: np.ndarray, ranks: Ranking, kept: np.ndarray) -> Genomes:
        species, options = self.species, self.options
        share = shares(ranks.values, species, kept)
        counts = spawn(share, species.sizes[kept], options.population_size, options.smallest)
        self.parents = parents(standing, ranks, species, kept, counts, options, self.generation, self.seed)
        population = self._bred(before, self.parents)
        species.retain(kept)
        self._speciate(population, before)
        return population

    def _bred(self, genomes: Genomes, pairs: np.ndarray) -> Genomes:
        rules = (self.innovations, self._chances, self._attributes)
        return self._screened(reproduction.breed(genomes, pairs, *rules, self.generation, self.seed))

    def _speciate(self, population: Genomes, previous: Genomes) -> None:
        options = self.options
        self.species.speciate(population, previous, self._rules, self.generation)
        if options.target_num_species is not None:
            limits = (options.threshold_min, options.threshold_max)
            self.species.adjust_threshold(options.target_num_species, options.threshold_adjust_rate, *limits)
