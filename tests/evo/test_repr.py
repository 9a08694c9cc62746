"""What an object says of itself: one short line, whatever it holds."""

import numpy as np
import pytest
import torch
from random_graphs import random_genome

from baselines.classical import linear
from baselines.random_search import RandomSearch
from evo import GA, MLP, NEAT, NSGA2, DeepGA, Environment, Evolve, FunctionTask, Genomes, ModernNEAT, Parameters
from evo.core import Evaluation
from evo.genomes.species import SpeciesTable
from evo.network.model import NetworkModel
from evo.network.population import Networks
from evo.network.program import compile
from evo.tasks.control import ControlTask
from evo.tasks.normalization import NormalizedModel
from evo.testing import small_task
from evo.vectors.models import TorchModel, VectorModel

SIZES = (0, 1, 10_000)
SEED = 7  # a genome of 3 inputs, 2 outputs


def genomes(size):
    return Genomes.of([random_genome(SEED, hidden=4)]).select(np.zeros(size, np.int64))


def sphere(points):
    return -(points**2).sum(axis=1)


def rail():
    return Environment("rail", lambda draws: (0.5,), lambda state: state, lambda state, action: (state, 1.0, True), 0, 2, 200)


def generation(algorithm, size, **values):
    """The algorithm before its first population, and after one generation of it."""
    made = algorithm(3, population_size=size, **values) if issubclass(algorithm, VECTORS) else algorithm(2, 1, **values)
    before = repr(made)
    population = made.ask()
    made.tell(np.arange(len(population), dtype=float))
    return before, repr(made)


VECTORS = (GA, DeepGA, NSGA2, RandomSearch)
encoding = Parameters(lambda: MLP(2, 1))
POPULATIONS = {
    "Genomes": genomes,
    "Program": lambda size: compile(genomes(size)),
    "networks of genomes": lambda size: Networks(genomes(size), recurrent=True, ticks="depth"),
    "networks of vectors": lambda size: encoding.express(torch.zeros(size, encoding.dimensions)),
    "Evaluation": lambda size: Evaluation(np.linspace(-1e6, 1e6, size)),
    "SpeciesTable": lambda size: SpeciesTable(of=np.zeros(size, np.int64)),
    "Policy": lambda size: Networks(genomes(size)).policy(),
}
MODELS = {
    "network": lambda: NetworkModel(genomes(1)),
    "continuous time": lambda: NetworkModel(genomes(1), time_step=0.02),
    "module": lambda: TorchModel(MLP(64, 10)),
    "point": lambda: VectorModel(np.zeros(10_000)),
    "normalised": lambda: NormalizedModel(NetworkModel(genomes(1)), torch.zeros(3), torch.ones(3)),
    "estimator": lambda: linear.fit(small_task(), linear.settings(), 0, *small_task().split("train")),
    "genome": lambda: random_genome(0, hidden=200),
}
TASKS = {
    "supervised": small_task,
    "control": lambda: ControlTask(rail(), network=MLP),
    "function": lambda: FunctionTask(sphere, 10_000),
    "environment": rail,
    "actions": lambda: Environment("rail", rail().start, rail().observe, rail().step, 0, [(-1.0, 1.0)] * 3, 200),
}


def is_a_short_line(text):
    assert 0 < len(text) <= 120
    assert text.isprintable()
    assert "array(" not in text
    assert "tensor(" not in text
    assert " object at 0x" not in text
    return True


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", POPULATIONS)
def test_a_population_of_any_size_is_one_short_line(name, size):
    text = repr(POPULATIONS[name](size))
    assert is_a_short_line(text)
    assert f"{size:,} " in text


@pytest.mark.parametrize("name", [*MODELS, *TASKS])
def test_models_and_tasks_are_one_short_line(name):
    assert is_a_short_line(repr((MODELS | TASKS)[name]()))


@pytest.mark.parametrize("size", [2, 10_000])
@pytest.mark.parametrize("algorithm", VECTORS)
def test_an_algorithm_on_vectors_is_one_short_line(algorithm, size):
    values = {"candidates": 2, "truncation_size": 2} if algorithm is DeepGA else {}
    values |= {"elites": 1} if algorithm is GA else {}
    before, after = generation(algorithm, size, **values)
    assert is_a_short_line(before)
    assert is_a_short_line(after)
    assert "generation 0" in before
    assert f"{algorithm.__name__}(3 dimensions, population_size={size:,}, generation 1" in after
    assert "best fitness" in after


@pytest.mark.parametrize("algorithm", [NEAT, ModernNEAT])
def test_an_algorithm_on_genomes_is_one_short_line(algorithm):
    before, after = generation(algorithm, 20, population_size=20)
    assert is_a_short_line(before)
    assert before == f"{algorithm.__name__}(2 inputs, 1 output, population_size=20, generation 0)"
    assert is_a_short_line(after)
    assert after.endswith("best fitness 19)")
    assert "species" in after


def test_a_learner_is_one_short_line_before_and_after_a_step():
    task = small_task()
    learner = Evolve(task, GA.for_task(task, seed=0, population_size=6))
    assert repr(learner) == "Evolve(GA on SupervisedTask, generation 0, 0 evaluations)"
    learner.step()
    assert is_a_short_line(repr(learner))
    assert "generation 1, 6 evaluations, champion's fitness " in repr(learner)


def test_the_counts_are_those_of_the_object():
    nodes, enabled = len(genomes(1).node_id), int(genomes(1).enabled.sum())
    assert repr(genomes(1)) == f"Genomes(1 genome, 3 inputs, 2 outputs, {nodes} nodes, {enabled} enabled connections)"
    mean = f"{nodes:.1f} nodes and {enabled:.1f} enabled connections on average"
    assert repr(genomes(150)) == f"Genomes(150 genomes, 3 inputs, 2 outputs, {mean})"
    assert repr(genomes(0)) == "Genomes(0 genomes, 3 inputs, 2 outputs)"
    assert repr(genomes(1).one(0)) == repr(genomes(1)).replace("Genomes(1 genome, ", "Genome(")
    told = Evaluation([1.0, np.nan, 2.0])
    assert repr(told) == "Evaluation(3 genomes, fitness best 2, mean 1.5, 1 nonfinite)"
    assert repr(Evaluation([np.nan])) == "Evaluation(1 genome, 1 nonfinite)"


def test_the_species_of_either_method_are_one_short_line():
    for algorithm in (NEAT, ModernNEAT):
        made = algorithm(2, 1, population_size=20)
        made.ask()
        assert repr(made.species) == f"Species({len(made.species.id)} species, 20 genomes)"
