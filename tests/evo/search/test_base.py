"""What every algorithm on vectors has in common: its best, its hooks, what a user cannot break."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from baselines.random_search import RandomSearch
from evo import GA, NEAT, NSGA2, DeepGA, Evolve, FunctionTask, ModernNEAT, rng
from evo.search.base import VectorAlgorithm
from evo.testing import check_algorithm, small_task

VECTORS = [GA, DeepGA, NSGA2, RandomSearch]
every = pytest.mark.parametrize("algorithm", [*VECTORS, NEAT, ModernNEAT], ids=lambda each: each.__name__)
on_vectors = pytest.mark.parametrize("algorithm", VECTORS, ids=lambda each: each.__name__)
warm = pytest.mark.parametrize("algorithm", [GA, DeepGA, NSGA2], ids=lambda each: each.__name__)
SMALL = dict(population_size=30)


def made(algorithm, task=None, seed=0):
    return algorithm.for_task(task or small_task("probability"), seed=seed, **SMALL)


def told(algorithm, rows, change):
    """Tells each network the sum of its outputs, plus `change`."""
    fitness = np.array([float(algorithm.model(genome)(rows).sum()) for genome in algorithm.ask()]) + change
    algorithm.tell(fitness)
    return fitness


@every
@pytest.mark.parametrize("seed", ["3", 1.5, None, True, np.float64(2)])
def test_a_seed_is_a_whole_number(algorithm, seed):
    with pytest.raises(TypeError, match="seed: expected a whole number; got"):
        made(algorithm, seed=seed)
    assert made(algorithm, seed=np.int64(7)).seed == 7
    with pytest.raises(TypeError, match="seed: expected a whole number"):
        rng.uniforms(seed, 0, 0, 0, 1)


@every
def test_the_best_is_of_all_generations_and_stands_still_when_the_next_is_asked_for(algorithm):
    one = made(algorithm)
    with pytest.raises(RuntimeError, match="best is known after tell"):
        _ = one.best
    rows = torch.rand(5, 2)
    best = -np.inf
    for falling in (0.0, -10.0, -20.0):  # no later generation is as fit as the first
        best = max(best, told(one, rows, falling).max())
        outputs = one.best_model(rows)
        one.ask()
        assert one.best_fitness == best
        assert torch.equal(one.best_model(rows), outputs)
    assert best == pytest.approx(float(outputs.sum()), abs=1e-6)


@on_vectors
def test_points_are_float64_in_every_generation_and_networks_float32(algorithm):
    network, points = made(algorithm), algorithm(3, **SMALL)
    for one, kind in ((network, np.float32), (points, np.float64)):
        for _ in range(5):
            population = one.ask()
            assert population.dtype == kind
            one.tell(-np.square(population - 0.1).sum(1, dtype=float))
        assert one.best.dtype == one.population.dtype == kind
    assert (population[:, :3] != population[:, :3].astype(np.float32)).any(1).sum() > 15


@on_vectors
def test_a_point_keeps_every_bit_in_a_file_a_checkpoint_and_a_warm_start(algorithm):
    task = FunctionTask(lambda points: -np.square(points - 0.1).sum(1), 3)
    one, resumed = algorithm.for_task(task, seed=1, **SMALL), algorithm.for_task(task, seed=1, **SMALL)
    one.tell(task.function(one.ask()[:, :3]))
    resumed.load_state_dict(one.state_dict())
    assert resumed.best.tobytes() == one.best.tobytes()
    assert resumed.ask().tobytes() == one.ask().tobytes()
    tensors, header = one.best_model.save()
    model = algorithm.restore(task, load(save(tensors)), header)
    assert model([]).tobytes() == one.best_model([]).tobytes()
    assert model.activate() == one.best[:3].tolist()
    if algorithm.warm_start is not VectorAlgorithm.warm_start:
        begun = algorithm.for_task(task, seed=2, **SMALL)
        begun.warm_start(model)
        assert begun.ask()[0, :3].tobytes() == one.best[:3].tobytes()


@every
def test_a_state_from_before_the_best_was_kept_is_taken_up(algorithm):
    one, twin = made(algorithm), made(algorithm)
    told(one, torch.rand(5, 2), 0.0)
    state = one.state_dict()
    twin.load_state_dict({name: value for name, value in state.items() if name not in ("best", "best_fitness", "fixed")})
    with pytest.raises(RuntimeError, match="best is known after tell"):
        _ = twin.best
    told(twin, torch.rand(5, 2), 0.0)
    assert np.isfinite(twin.best_fitness)


@every
def test_what_a_user_writes_into_a_population_or_a_fitness_changes_nothing(algorithm):
    one, twin = made(algorithm), made(algorithm)
    for _ in range(3):
        population, same = one.ask(), twin.ask()
        fitness = np.arange(len(population), dtype=float)
        one.tell(fitness)
        twin.tell(np.arange(len(same), dtype=float))
        fitness[:] = -1.0
        arrays = [population] if isinstance(population, np.ndarray) else [population.weight, population.bias]
        for array in arrays:
            if array.flags.writeable:
                array[...] = 99.0
            else:
                with pytest.raises(ValueError, match="read-only"):
                    array[...] = 99.0
    left, right = one.ask(), twin.ask()
    same = np.array_equal(left, right) if isinstance(left, np.ndarray) else np.array_equal(left.weight, right.weight)
    assert same


@every
def test_what_a_user_writes_before_telling_or_into_population_changes_nothing(algorithm):
    one, twin = made(algorithm), made(algorithm)
    for _ in range(3):
        asked, same = one.ask(), twin.ask()
        written = [asked, one.population] if isinstance(asked, np.ndarray) else []
        for array in (*filter(lambda each: each is not None, written), *one.population_tensors().values()):
            if isinstance(array, torch.Tensor) or array.flags.writeable:
                array[...] = 0
        one.tell(np.arange(len(asked), dtype=float))
        twin.tell(np.arange(len(same), dtype=float))
    states = [{name: value for name, value in each.state_dict().items() if name != "species"} for each in (one, twin)]
    assert repr(states[0]) == repr(states[1])


@every
def test_a_candidate_of_a_users_own_has_no_lineage_unless_one_is_given(algorithm):
    class Mean(algorithm):
        def candidate(self):
            return self.population.mean(0) if isinstance(self.population, np.ndarray) else self.population[1]

    evolve = Evolve(small_task("probability"), made(Mean))
    evolve.step()
    assert evolve.lineage() == {}
    assert check_algorithm(Mean, small_task("probability")) == []


@on_vectors
def test_the_encoding_is_a_number_of_dimensions_of_any_kind_or_parameters(algorithm):
    assert algorithm(np.prod([4, 5])).encoding.dimensions == 20
    for wrong in ("20", 2.5, True, torch.nn.Linear(2, 1)):
        with pytest.raises(TypeError, match="encoding: expected a number of dimensions, a Space, or Parameters; got"):
            algorithm(wrong)


@every
def test_a_fitness_that_is_no_real_number_is_refused(algorithm):
    one = made(algorithm)
    size = len(one.ask())
    for wrong in (np.ones(size) * 1j, ["1"] * size, np.array([None] * size), "fit"):
        with pytest.raises(TypeError, match=f"fitness must be {size} numbers, one a genome"):
            one.tell(wrong)


@warm
def test_frozen_names_come_in_a_list(algorithm):
    model = made(algorithm, seed=5)
    model = model.model(model.ask()[0])
    for wrong in ("layers.0.*", [3]):
        with pytest.raises(TypeError, match="frozen: expected a list of names; got"):
            made(algorithm).warm_start(model, frozen=wrong)


@warm
def test_a_warm_start_comes_before_the_first_ask_and_once(algorithm):
    model = made(algorithm, seed=5)
    model = model.model(model.ask()[0])
    asked, started = made(algorithm), made(algorithm)
    asked.ask()
    started.warm_start(model)
    for late in (asked, started):
        with pytest.raises(RuntimeError, match="must come before the first ask"):
            late.warm_start(model)


@every
def test_the_first_of_equals_stays_the_best(algorithm):
    one = made(algorithm)
    one.tell(np.zeros(len(one.ask())))
    first = one.best_model.save()[0]
    one.tell(np.zeros(len(one.ask())))
    assert all(torch.equal(value, first[name]) for name, value in one.best_model.save()[0].items())


@warm
def test_frozen_parameters_stay_as_the_model_has_them_and_the_others_are_searched(algorithm):
    task = small_task()
    model = made(GA, task, seed=5)
    model = model.model(model.ask()[0])
    kept = {name: value.detach().numpy().copy() for name, value in model.module.named_parameters()}
    one = made(algorithm, task)
    one.warm_start(model, frozen=["layers.0.*"])
    for _ in range(4):
        population = one.ask()
        for genome in population:
            own = {name: value.detach().numpy() for name, value in one.model(genome).module.named_parameters()}
            assert all(np.array_equal(own[name], kept[name]) for name in kept if name.startswith("layers.0."))
        assert len({genome.tobytes() for genome in population}) > 1
        one.tell(np.arange(len(population), dtype=float))
        again = made(algorithm, task)
        again.load_state_dict(one.state_dict())
        assert np.array_equal(again.ask(), one.ask())
        one = again
    with pytest.raises(ValueError, match=r"no parameter matches 'layer\.0\.\*' \(did you mean"):
        made(algorithm, task).warm_start(model, frozen=["layer.0.*"])


def test_what_cannot_freeze_says_so():
    neat = made(NEAT)
    model = neat.model(neat.ask()[0])
    with pytest.raises(ValueError, match=r"genes have no names.*got \['weight'\]"):
        made(NEAT).warm_start(model, frozen=["weight"])
    points = GA(3, population_size=4)
    with pytest.raises(ValueError, match="a point of 3 numbers has no named parameters"):
        GA(3, population_size=4).warm_start(points.model(points.ask()[0]), frozen=["x"])
    with pytest.raises(ValueError, match="RandomSearch does not support a warm start"):
        made(RandomSearch).warm_start(model)


@every
def test_screened_offspring_are_what_is_evaluated_and_count_no_evaluation(algorithm):
    seen = []

    class Screening(algorithm):
        def screen(self, offspring):
            seen.append(len(offspring))
            if isinstance(offspring, np.ndarray):
                offspring[1:] = offspring[:1]
                return offspring
            return offspring[np.zeros(len(offspring), int)]

    task = small_task("probability")
    learner = Evolve(task, Screening.for_task(task, seed=0, **SMALL))
    learner.step()
    assert seen
    population = learner.algorithm.ask()
    assert learner.cost.evaluations == 30
    first = [learner.algorithm.model(genome)(torch.ones(1, 2)).item() for genome in population]
    assert len(set(first[2:])) == 1


@pytest.mark.parametrize("algorithm", [GA, DeepGA, NSGA2])
def test_a_frozen_parameter_stays_what_it_was_whatever_screen_gives(algorithm):
    class Overwriting(algorithm):
        def screen(self, offspring):
            return np.zeros_like(offspring) + 0.75

    one = made(Overwriting)
    model = one.encoding.model(one.encoding.initial(5, 0, 1)[0])
    one.warm_start(model, frozen=["0.layers.0.*"])
    frozen = one.encoding.named(["0.layers.0.*"])
    for _ in range(2):
        population = one.ask()
        assert (population[:, : len(frozen)][:, frozen] == one.encoding.of(model)[frozen]).all()
        assert (population[:, : len(frozen)][:, ~frozen] == 0.75).all()
        if algorithm is NSGA2:
            assert (population[:, len(frozen) :][:, frozen] == 1.0).all()
        one.tell(np.arange(len(population), dtype=float))


@every
def test_a_screen_that_loses_genomes_is_refused(algorithm):
    class Losing(algorithm):
        def screen(self, offspring):
            return offspring[1:]

    with pytest.raises(ValueError, match="screen\\(\\) must give as many offspring as it got"):
        made(Losing).ask()


def test_an_algorithm_on_vectors_needs_ask_and_tell_alone():
    assert set(VectorAlgorithm.__abstractmethods__) == {"ask", "tell"}
