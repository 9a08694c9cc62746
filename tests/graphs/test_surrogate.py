"""Features of genomes counted by hand, ridge against its normal equations, and NEAT with siblings."""

import copy

import numpy as np
import pytest

from evo import NEAT
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from graphs.surrogate import PENALTY, Ridge, features
from graphs.surrogate_neat import SurrogateNEAT


def genome(*connections, hidden=()):
    nodes = [Node(0, SENSOR), Node(1, SENSOR), Node(2, BIAS), Node(3, OUTPUT), *(Node(k, HIDDEN) for k in hidden)]
    return Genome(2, 1, nodes, list(connections))


def fitness_of(genomes):
    """The more the weights of a genome are alike, and near 1, the better."""
    owner = genomes.owners()[1]
    return -np.bincount(owner, (genomes.weight - 1) ** 2, len(genomes)) / np.bincount(owner, minlength=len(genomes))


def told(cls, generations, seed=3, **values):
    neat = cls(2, 1, seed=seed, population_size=40, **values)
    for _ in range(generations):
        neat.tell(fitness_of(neat.ask()))
    return neat


def alike(one, other):
    return all(mine.tobytes() == its.tobytes() for mine, its in zip(one.genes, other.genes))


def test_features_are_those_counted_by_hand():
    first = genome(
        Connection(0, 0, 3, 2.0),
        Connection(1, 1, 3, 5.0, False),
        Connection(2, 2, 3, -4.0),
        Connection(7, 0, 9, 1.0),
        Connection(8, 9, 3, -3.0),
        hidden=(9,),
    )
    empty = genome()
    found = features(Genomes.of([first, empty]))
    weights = np.array([2.0, -4.0, 1.0, -3.0])
    by_hand = [1, 4, 1, 1, weights.mean(), weights.std(), 2.5, 4.0, 4 / 2, 3, 2.0, 0.0, -4.0]
    assert found[0].tolist() == pytest.approx(by_hand)
    assert found[1].tolist() == [0.0] * 13


def test_ridge_is_that_of_the_normal_equations_on_ranks():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)) * [1, 10, 0.1, 0] + 3
    fitness = rng.permutation(30).astype(float)
    fitness[5] = np.nan  # the worst
    z = np.where(x.std(0) > 0, (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1), 0)
    order = np.argsort(np.argsort(np.where(np.isnan(fitness), -1, fitness)))
    augmented, target = np.vstack([z, np.sqrt(PENALTY) * np.eye(4)]), np.append(order / 29 - 0.5, np.zeros(4))
    coefficients = np.linalg.lstsq(augmented, target, rcond=None)[0]
    new = rng.normal(size=(5, 4)) + 3
    expected = (new - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1) @ coefficients + 0.5
    assert np.allclose(Ridge(x, fitness).predict(new), expected)
    assert np.allclose(Ridge(x, np.zeros(30)).predict(new), 0.5)


def test_with_one_sibling_it_is_neat():
    assert alike(told(SurrogateNEAT, 12, siblings=1).ask(), told(NEAT, 12).ask())


def test_before_it_has_predicted_anything_offspring_are_those_of_neat():
    assert alike(told(SurrogateNEAT, 1, siblings=5).ask(), told(NEAT, 1).ask())


def test_of_siblings_with_as_many_genes_the_most_promising_is_taken():
    neat = told(SurrogateNEAT, 6, siblings=6)
    assert neat.tau > 0
    plain = copy.deepcopy(neat)
    plain.tau = None  # takes the first of each
    chosen, first = neat.ask(), plain.ask()
    model = Ridge(np.concatenate([x for x, _ in neat.seen]), np.concatenate([fitness for _, fitness in neat.seen]))
    promise, of_first = model.predict(features(chosen)), model.predict(features(first))
    assert (promise >= of_first).all()
    assert (promise > of_first).mean() > 0.5
    assert (np.diff(chosen.nodes_at) == np.diff(first.nodes_at)).all()
    assert (np.diff(chosen.connections_at) == np.diff(first.connections_at)).all()
    assert fitness_of(chosen).mean() > fitness_of(first).mean()


def test_where_predictions_were_no_better_than_chance_the_first_is_taken():
    neat = told(SurrogateNEAT, 6, siblings=6)
    neat.tau = -0.1
    plain = copy.deepcopy(neat)
    plain.tau = None
    assert alike(neat.ask(), plain.ask())


def test_tau_is_of_the_generation_told_and_memory_is_bounded():
    neat = told(SurrogateNEAT, 1)
    assert neat.row()["surrogate_tau"] is None
    neat = told(SurrogateNEAT, 6, memory=3)
    assert 0 < neat.row()["surrogate_tau"] <= 1
    assert len(neat.seen) == 3
    flat = SurrogateNEAT(2, 1, seed=0, population_size=10)
    for _ in range(3):
        flat.tell(np.zeros(len(flat.ask())))
    assert flat.row()["surrogate_tau"] is None
    worse = SurrogateNEAT(2, 1, seed=0, population_size=10)
    for _ in range(3):
        worse.tell(np.where(np.arange(len(worse.ask())) % 3 == 0, np.nan, 1.0))
    assert len(worse.ask()) == 10


def test_a_resumed_search_goes_on_to_the_same_bytes():
    neat = told(SurrogateNEAT, 5, siblings=4)
    resumed = SurrogateNEAT(2, 1, seed=3, population_size=40, siblings=4)
    resumed.load_state_dict(copy.deepcopy(neat.state_dict()))
    for _ in range(3):
        for one in (neat, resumed):
            one.tell(fitness_of(one.ask()))
    assert alike(neat.ask(), resumed.ask())
    assert neat.tau == resumed.tau
