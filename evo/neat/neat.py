"""NEAT: neuroevolution of augmenting topologies (Stanley and Miikkulainen, Evolutionary Computation 10(2), 2002).

    3.1  genomes of node and connection genes; mutation of weights and of structure     genomes.genome, mutation
    3.2  innovation numbers; crossover of aligned genes                                 genomes.innovation, crossover
    3.3  speciation by compatibility distance; explicit fitness sharing                 speciation, selection
    3.4  growth from a minimal structure                                                initialization
    4.1  number of offspring per species; rates of crossover and mutation               `NEAT.ask`, reproduction

Every rule is a setting of `evo.neat.settings`, which names its section.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from evo import rng
from evo.activations import CODES
from evo.core import Evaluation, Lineage, Model, State
from evo.genomes.genome import GRAIN, Genomes
from evo.genomes.innovation import Innovations
from evo.neat import reproduction
from evo.neat.base import Topologies
from evo.neat.generation import generation
from evo.neat.initialization import first_population
from evo.neat.settings import NEATSettings
from evo.neat.speciation import Compatibility, Species, Table
from evo.settings import Value


class NEAT(Topologies):
    """ask / tell. inputs, outputs: of every network; a bias node comes besides.

        neat = NEAT(inputs=2, outputs=1, population_size=150, seed=0)
        for _ in range(100):
            genomes = neat.ask()                      # Genomes: P of them
            neat.tell(fitness)                        # (P,), maximised
        neat.best, neat.best_fitness

    best (a population of one) and best_fitness: of the fittest told so far. Fitness sharing needs fitness >= 0: if the
    population's minimum is negative it is subtracted from all of it there, so the worst counts 0 (of an all but constant
    negative fitness small differences then decide). What is not finite ranks last and counts 0. Whose shares are all 0 (a
    fitness that is equal and not positive, or nowhere finite) share equally. If every species is stagnant, all may reproduce.

    Raises SettingsError for settings, ValueError for inputs or outputs below 1, ValueError or TypeError for a fitness that is
    not (P,) numbers.
    """

    settings: ClassVar[type] = NEATSettings

    def __init__(self, inputs: int, outputs: int, *, seed: int = 0, **values: Value):
        self.options = self.settings(**values).filled()
        self._take(inputs, outputs, seed)
        self.species = Species()
        self.record, self.improved = -np.inf, 0  # the highest fitness ever, and the generation that reached it
        self.innovations = Innovations(0, 0)
        options = self.options
        self._run = dict(recurrent=options.recurrent, ticks=1 if options.ticks == "one" else options.ticks, time_step=0.0)
        new = options.node_activations or (options.activation,)
        self._activations = np.array([CODES[name] for name in new], np.int8)
        self._rates = reproduction.Rates.of(options)
        self._rules = Compatibility(
            options.excess_coefficient,
            options.disjoint_coefficient,
            options.weight_coefficient,
            options.small_genome,
            options.threshold if options.speciation else np.inf,
        )

    def ask(self) -> Genomes:
        """The next population; the same one until it is told."""
        if self.population is None:
            self.population = self._begin(self._screened(self._first()))
        elif self.fitness is not None:
            before, told = self.population, (self._standing(), self.species.of, self._allowed())
            self.fitness = None
            breed = self._bred_in_one_call if len(before) <= GRAIN else self._bred_on_all_cores
            bred, representatives, found = breed(before, *told)
            self.population = self._screened(bred)
            if found is not None and type(self).screen is NEAT.screen:  # an override may have written to their genes
                self.species.take(found)
            else:
                self.species.speciate(self.population, before, representatives, self._rules, self.generation)
        return self.population

    def _bred_on_all_cores(self, before: Genomes, *told: np.ndarray) -> tuple[Genomes, np.ndarray, None]:
        """The offspring and the representatives of the species, from fitness, species and who may reproduce."""
        number, seed, innovations = self.generation, rng.signed(self.seed), (self.innovations, self._activations)
        self.parents, copied, representatives = reproduction.mate(*told, self._rates, number, seed)
        bred = reproduction.breed(before, self.parents, copied, *innovations, self._rates, number, seed)
        return bred, representatives, None

    def _bred_in_one_call(self, before: Genomes, *told: np.ndarray) -> tuple[Genomes, np.ndarray, Table]:
        """The same, and the species of the offspring."""
        innovations, drawn = self.innovations, (tuple(self._rates), self.generation, rng.signed(self.seed))
        counters, rules = (innovations.node, innovations.number), tuple(self._rules)
        block, self.parents, representatives, (innovations.node, innovations.number), found = generation(
            before.block, *told, self.species.table, counters, self._activations, rules, *drawn
        )
        return Genomes.of_block(self.inputs, self.outputs, block), representatives, found

    def tell(self, evaluation: Evaluation | np.ndarray) -> None:
        super().tell(evaluation)
        last = self.generation - 1
        best = float(self.species.update_best(self._told(), last))
        if best > self.record:
            self.record, self.improved = best, last

    def candidate(self) -> Genomes | None:
        """The champion of the best species that improved in the generation last told (section 4.3.2), if that is wanted and
        one did; else None, for the fittest."""
        if self.fitness is None or self.population is None or not self._improved().any():
            return None
        return self.population[self._nominee()]

    def lineage(self, index: int | None) -> Lineage:
        own = type(self).candidate is NEAT.candidate  # an override may give a genome of no place
        return super().lineage(self._nominee() if index is None and own else index)

    def _nominee(self) -> int:
        return int(np.argmax(np.where(self._improved(), self._told(), -np.inf)))

    def _improved(self) -> np.ndarray:
        """Whose species improved in the generation last told (P,); nobody's where that is not asked for."""
        if self.options.tested == "fittest":
            return np.zeros(len(self._told()), np.bool_)
        return (self.species.improved == self.generation - 1)[self.species.of]

    def warm_start(self, model: Model, frozen: Sequence[str] = ()) -> None:
        """As of `Algorithm`. Raises ValueError also for a model that is no network of genes, or has other inputs or outputs, or
        runs in another way; and for `frozen`: genes have no names."""
        genome = self._warm(model, frozen, feedforward=not self.options.recurrent)
        size = self.options.population_size
        self.innovations = Innovations.after(genome)
        pairs = np.column_stack([np.zeros(size, np.int64), np.full(size, -1)])
        drawn = (self._activations, self._rates, 0, self.seed)
        self.population = self._begin(reproduction.breed(genome, pairs, np.arange(size) == 0, self.innovations, *drawn))

    def state_dict(self) -> State:
        return super().state_dict() | {"record": self.record, "improved": self.improved}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.record, self.improved = state["record"], state["improved"]

    def _first(self) -> Genomes:
        """The first population (section 3.4)."""
        return first_population(self.inputs, self.outputs, self.options, self.seed)

    def _begin(self, population: Genomes) -> Genomes:
        """The population, with whom everything begins."""
        self.innovations = Innovations.after(population)
        self.parents = np.full((len(population), 2), -1)
        self.species = Species()
        self.species.speciate(population, population, np.zeros(0, np.int64), self._rules, 0)
        return population

    def _allowed(self) -> np.ndarray:
        """Who may reproduce (S,). Section 4.1: no species that is stagnant. Footnote 2: of a stagnant population the two
        species with the fittest champions."""
        last, species = self.generation - 1, self.species
        if self.options.population_rule == "none" or last - self.improved <= self.options.population_stagnation:
            return last - species.improved < self.options.stagnation
        champions, allowed = np.full(len(species.id), -np.inf), np.zeros(len(species.id), np.bool_)
        np.maximum.at(champions, species.of, self._told())
        allowed[np.argsort(-champions, kind="stable")[:2]] = True
        if self.options.population_rule == "once":
            self.improved = last
            species.improved[:] = last
        return allowed
