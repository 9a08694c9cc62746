import math

import numpy as np
import pytest
import torch

from evo import NEAT, NSGA2, DeepGA, Evolve
from evo.core import Algorithm, Evaluation, Metric, Phenotypes, Task
from evo.evolve import Evolved
from evo.genomes.genome import Genomes
from evo.search.ga import GA
from evo.tasks.normalization import NormalizedModel
from evo.tasks.supervised import SupervisedTask
from evo.testing import small_task
from evo.vectors.models import VectorModel
from evo.vectors.modules import MLP
from evo.vectors.population import Networks

D = 2 * 4 + 4 + 4 * 2 + 2  # parameters of small_task's network


class Recording(Task):
    """A task of one number a genome whose scores are given, and which remembers what it was asked."""

    inputs = outputs = dimensions = 1
    metric, stop = Metric("fitness"), "solved"

    def __init__(self, fitness=lambda points: points[:, 0], validation=None, solves=None, episodes=0):
        self.fitness, self.validation, self.solves, self.episodes = fitness, validation or fitness, solves, episodes
        self.seeds, self.scored, self.sizes = [], [], []

    def evaluate(self, phenotypes, seeds):
        self.seeds.append(seeds.tolist())
        self.sizes.append(len(phenotypes))
        return self.fitness(phenotypes)

    def score(self, model, split):
        assert split == "validation"
        point = model(None)
        self.scored.append(float(point[0]))
        return {"fitness": float(self.validation(point[None])[0]), "point": float(point[0])}

    def solved(self, score):
        return None if self.solves is None else self.solves(score["point"])

    def figure(self, model):
        return ("figure of", model)


class Scripted(Algorithm):
    """An algorithm that asks for given points, one list a generation."""

    @classmethod
    def for_task(cls, task, *, seed, **values):
        raise NotImplementedError

    def __init__(self, *generations):
        self.generations, self.generation, self.told = generations, 0, []

    def ask(self):
        return np.array(self.generations[self.generation], float)[:, None]

    def tell(self, evaluation):
        self.told.append(evaluation)
        self.generation += 1

    def express(self, population):
        return population

    def model(self, genome):
        return VectorModel(genome)

    def row(self):
        return {"own": self.generation}

    def lineage(self, index):
        return {"id": 100 * self.generation + index, "parents": []}

    def state_dict(self):
        return {"generation": self.generation}

    def load_state_dict(self, state):
        self.generation = state["generation"]

    @classmethod
    def restore(cls, task, tensors, header):
        return VectorModel(tensors["vector"].numpy())


def minibatch_task(size=10):
    full = small_task()
    parts = [full.split(name) for name in ("train", "validation", "test")]
    network = lambda inputs, outputs: MLP(inputs, outputs, hidden=[4])
    return SupervisedTask(*parts, kind="classification", network=network, batch_size=size)


def costs(learner):
    cost = learner.cost.state_dict()
    assert cost.pop("seconds") > 0
    return tuple(cost.values())


def test_a_generation_of_a_ga_costs_population_times_examples_times_parameters():
    learner = Evolve(small_task(), GA.for_task(small_task(), seed=0, population_size=8))
    for generation in (1, 2, 3):
        learner.step()
        assert costs(learner) == (8 * generation, 8 * 40 * generation, 8 * 40 * D * generation)


def test_candidates_that_are_scored_again_cost_their_longer_evaluation():
    task = minibatch_task(10)
    values = dict(population_size=8, truncation_size=4, candidates=3, validation_episodes=5)
    learner = Evolve(task, DeepGA.for_task(task, seed=0, **values))
    learner.step()
    samples = 8 * 10 + 3 * 5 * 10
    assert costs(learner) == (8 + 3, samples, samples * D)
    learner.step()
    samples += 9 * 10 + 3 * 5 * 10  # the elite is scored again with its children
    assert costs(learner) == (8 + 3 + 9 + 3, samples, samples * D)


def test_samples_parameters_and_passes_of_each_genome_are_what_is_counted():
    class Sized(Phenotypes):
        parameters, device = np.array([10, 20, 30]), torch.device("cpu")

        def __len__(self):
            return 3

        def forward(self, x): ...

        passes = np.array([1, 1, 4])

        def to(self, device):
            return self

    task = Recording(lambda networks: Evaluation([0.0, 1.0, 2.0], samples=np.array([1, 2, 3])))
    task.validation = lambda points: points[:, 0]
    algorithm = Scripted([0, 1, 2])
    algorithm.express = lambda population: Sized()
    learner = Evolve(task, algorithm)
    learner.step()
    assert costs(learner) == (3, 6, 10 + 40 + 4 * 90)


def test_the_whole_generation_meets_the_same_seeds_and_each_generation_fresh_ones():
    task = Recording(episodes=4)
    learner = Evolve(task, Scripted(*[[1, 2, 3]] * 5), seed=7)
    for _ in range(5):
        learner.step()
    assert task.sizes == [3] * 5  # one call, one set of seeds, for all
    assert all(len(set(seeds)) == 4 for seeds in task.seeds)
    assert len({word for seeds in task.seeds for word in seeds}) == 20
    other = Recording(episodes=4)
    Evolve(other, Scripted([1, 2]), seed=8).step()
    same = Recording(episodes=4)
    Evolve(same, Scripted([1, 2]), seed=7).step()
    assert same.seeds[0] == task.seeds[0] != other.seeds[0]


def test_repeats_ask_for_as_many_times_more_episodes():
    class Repeating(Scripted):
        repeats = 1

    task, algorithm = Recording(episodes=2), Repeating([1, 2], [1, 2])
    learner = Evolve(task, algorithm)
    learner.step()
    algorithm.repeats = 3
    learner.step()
    assert [len(seeds) for seeds in task.seeds] == [2, 6]


def test_a_resumed_learner_draws_the_next_seeds():
    task = Recording(episodes=1)
    learner = Evolve(task, Scripted(*[[1, 2]] * 3))
    learner.step()
    state = learner.state_dict()
    learner.step()
    resumed = Evolve(task, Scripted(*[[1, 2]] * 3))
    resumed.load_state_dict(state)
    resumed.step()
    assert task.seeds[1] == task.seeds[2] != task.seeds[0]


def test_the_champion_is_chosen_by_validation_not_by_fitness():
    task = Recording(validation=lambda points: -np.abs(points[:, 0] - 3))
    learner = Evolve(task, Scripted([0, 5], [3, 1], [9, 8]))
    scores = [learner.step()["validation"]["fitness"] for _ in range(3)]
    assert task.scored == [5, 3, 9]  # the fittest of each generation
    assert scores == [-2, 0, -6]
    assert learner.champion()(None)[0] == 3
    assert learner._champion.step == 1
    assert learner.lineage() == {"id": 200, "parents": []}


def test_a_genome_is_judged_once_until_another_one_is():
    task = Recording()
    learner = Evolve(task, Scripted([0, 5], [5, 1], [2, 1], [1, 5]))
    scores = [learner.step()["validation"]["fitness"] for _ in range(4)]
    assert (scores, task.scored) == ([5, 5, 2, 5], [5, 2, 5])
    assert learner._champion.step == 0


def test_a_genome_is_judged_again_where_an_array_was_changed_in_place():
    class Reuses(Scripted):
        array = np.zeros((2, 1))

        def ask(self):
            self.array[:] = super().ask()
            return self.array

    task = Recording()
    learner = Evolve(task, Reuses([0, 5], [0, 6]))
    assert [learner.step()["validation"]["fitness"] for _ in range(2)] == [5, 6]


def test_a_genome_is_judged_again_after_one_whose_score_was_known():
    class Knows(Recording):
        def validated(self, evaluation, index, episodes):
            return {"fitness": 7.0, "point": 7.0} if evaluation.fitness[index] == 7 else None

    task = Knows()
    learner = Evolve(task, Scripted([5, 1], [7, 1], [5, 1]))
    assert [learner.step()["validation"]["fitness"] for _ in range(3)] == [5, 7, 5]
    assert task.scored == [5, 5]


def test_a_learner_that_takes_up_a_state_again_judges_again():
    learner = Evolve(Recording(), Scripted([1, 0], [5, 0]))
    learner.step()
    state = learner.state_dict()
    learner.step()
    learner.load_state_dict(state)
    learner.step()
    assert learner._champion.score["fitness"] == 5


def test_without_validation_each_generation_counts_by_its_own_fitness():
    answers = iter([np.array([5.0, 1.0]), np.array([6.0, 1.0])])
    task = Recording(lambda points: next(answers))
    task.score = lambda model, split: None
    learner = Evolve(task, Scripted([5, 1], [5, 1]))
    assert [learner.step()["validation"]["fitness"] for _ in range(2)] == [5, 6]


def test_genomes_are_the_same_if_all_their_genes_are():
    neat = NEAT(inputs=2, outputs=1, population_size=2, seed=0)
    first, other = neat.ask()[0], neat.ask()[0]
    assert neat.same(first, other)
    for name, array in first.genes._asdict().items():
        changed = array.copy()
        changed[-1] = not changed[-1] if array.dtype == bool else changed[-1] + 1
        assert not neat.same(first, Genomes(2, 1, *first.genes._replace(**{name: changed}))), name
    ga = GA(2, seed=0)
    zero = np.zeros(2, np.float32)
    assert ga.same(zero, zero.copy())
    assert not ga.same(zero, -zero)
    assert not ga.same(zero, zero.astype(np.float64))
    assert not ga.same(zero, zero[None])
    assert not ga.same([0], [0])
    objects = np.array([[1.0]], object)  # which may change within
    assert not ga.same(objects, objects.copy())


def test_a_champion_that_solves_comes_before_a_fitter_one():
    task = Recording(solves=lambda point: point == 3)
    learner = Evolve(task, Scripted([3, 1], [9, 8]))
    learner.step()
    learner.step()
    assert learner.champion()(None)[0] == 3


def test_a_genome_that_solves_on_the_training_score_alone_is_judged_before_a_fitter_one():
    solved = {1.0: [False, True, True], 2.0: [False, False, False]}
    task = Recording(lambda points: Evaluation(points[:, 0], solved=np.array(solved[points[0, 0] // 10])))
    task.validation = lambda points: points[:, 0]
    learner = Evolve(task, Scripted([19, 12, 13], [29, 22, 23]))
    learner.step()
    learner.step()
    assert task.scored == [13, 29]


def test_rows_count_what_is_not_finite_and_describe_the_rest():
    script = Scripted([1, math.nan, 4, math.inf, -math.inf], [math.nan, math.nan], [2, 2])
    learner = Evolve(Recording(), script)
    first, second, third = (learner.step() for _ in range(3))
    picked = lambda row: [row[f"fitness_{name}"] for name in ("best", "mean", "worst")]
    assert picked(first) == [4, 2.5, 1]
    assert first["nonfinite"] == 3
    assert picked(second) == [None] * 3
    assert second["nonfinite"] == 2
    assert third["nonfinite"] == 0
    assert learner.champion()(None)[0] == 4
    assert first["own"] == 1
    assert set(first["phase_seconds"]) == {"ask", "evaluate", "tell", "validate"}


@pytest.mark.parametrize(("candidate", "judged", "identity"), [(None, 9, 101), (7.5, 7.5, 77)])
def test_the_candidate_is_judged_though_no_population_holds_it_else_the_fittest(candidate, judged, identity):
    class Nominating(Scripted):
        def candidate(self):
            assert self.told, "asked before it was told"
            return None if candidate is None else np.array([candidate])

        def lineage(self, index):
            return {"id": 77} if index is None else super().lineage(index)

    task = Recording()
    learner = Evolve(task, Nominating([1, 9, 5]))
    learner.step()
    assert task.scored == [judged]
    assert learner.lineage()["id"] == identity


def test_rows_of_a_generation_of_two_asks_describe_the_population_and_judge_the_last():
    task = Recording(episodes=1)
    algorithm = DeepGA(1, noisy=True, population_size=6, truncation_size=2, candidates=2, validation_episodes=3)
    row = Evolve(task, algorithm).step()
    assert task.sizes == [6, 2]
    assert [len(seeds) for seeds in task.seeds] == [1, 3]
    population = algorithm.population[:, 0]
    assert (row["fitness_best"], row["fitness_worst"]) == (population.max(), population.min())
    assert task.scored == [population.max()]


def test_what_is_not_finite_is_counted_over_every_ask_of_a_generation():
    answers = iter([[1, math.nan, 3, math.nan, math.inf, 0], [math.nan, 2]])
    task = Recording(lambda points: next(answers), validation=lambda points: points[:, 0], episodes=1)
    algorithm = DeepGA(1, noisy=True, population_size=6, truncation_size=2, candidates=2, validation_episodes=3)
    assert Evolve(task, algorithm).step()["nonfinite"] == 4


def test_an_all_nan_start_is_survived_and_the_first_finite_champion_taken():
    learner = Evolve(Recording(), Scripted([math.nan, math.nan], [math.nan, -7]))
    row = learner.step()
    assert math.isnan(row["validation"]["fitness"])
    assert callable(learner.champion())
    learner.step()
    assert learner.champion()(None)[0] == -7


def test_a_task_without_a_validation_part_is_judged_by_its_fitness():
    task = Recording()
    task.score = lambda model, split: None
    learner = Evolve(task, Scripted([1, 5]))
    assert learner.step()["validation"] == {"fitness": 5.0}


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (lambda points: np.zeros(2), ValueError, r"fitness must have shape \(3,\).*got \(2,\)"),
        (lambda points: "good", TypeError, "fitness must be 3 numbers, one a genome; got str"),
        (lambda points: Evaluation(np.zeros(3), samples=np.zeros(1)), ValueError, r"samples must have shape \(3,\)"),
        (lambda points: {}["key"], KeyError, "key"),
    ],
)
def test_a_task_that_fails_is_named_with_generation_and_population(answer, kind, message):
    task = Recording(lambda points: points[:, 0])
    task.name = "my task"
    learner = Evolve(task, Scripted([1, 2], [1, 2, 3]))
    learner.step()
    task.fitness = answer
    with pytest.raises(kind, match=message) as caught:
        learner.step()
    (note,) = caught.value.__notes__
    assert note == "my task.evaluate, generation 1, a population of 3, seeds []"


def test_there_is_no_champion_before_the_first_step():
    learner = Evolve(Recording(), Scripted([1, 2]))
    with pytest.raises(RuntimeError, match="before the first step"):
        learner.champion()
    fresh = Evolve(Recording(), Scripted([1, 2]))
    fresh.load_state_dict(learner.state_dict())
    assert fresh.step()["fitness_best"] == 2


def test_the_figure_is_the_tasks_of_the_champion():
    learner = Evolve(Recording(), Scripted([1, 2]))
    learner.step()
    assert learner.figure() == ("figure of", learner.champion())


@pytest.mark.parametrize("algorithm", [GA, DeepGA])
@pytest.mark.parametrize(
    "task", [small_task(), small_task("regression"), minibatch_task()], ids=["full", "regression", "minibatch"]
)
def test_a_learner_resumed_at_any_step_goes_on_to_the_same_bytes(algorithm, task):
    values = dict(population_size=6) | (
        dict(truncation_size=3, candidates=2, validation_episodes=2) if algorithm is DeepGA else {}
    )
    make = lambda: Evolved(algorithm)(task, algorithm.settings(**values), 3)
    plain = lambda row: {name: value for name, value in row.items() if "seconds" not in name}
    whole = make()
    rows = [plain(whole.step()) for _ in range(4)]
    for cut in range(4):
        first, second = make(), make()
        for _ in range(cut):
            first.step()
        second.load_state_dict(first.state_dict())
        assert [plain(second.step()) for _ in range(4 - cut)] == rows[cut:]
        ours, theirs = second.champion().save(), whole.champion().save()
        assert all(torch.equal(ours[0][name], theirs[0][name]) for name in theirs[0])
        assert costs(second) == costs(whole)
        assert second._champion == whole._champion


class Shifted(Task):
    """Observations are (1000, 1010): a network sees them normalised."""

    outputs, metric = 1, Metric("fitness")

    normalize_observations = True
    episodes = 1
    inputs = 2

    def __init__(self):
        self.x, self.seen = torch.tensor([[1000.0, 5.0], [1010.0, 5.0]]), []

    def network(self):
        return MLP(2, 1, hidden=[3])

    def evaluate(self, phenotypes, seeds):
        self.seen.append(phenotypes)
        outputs = phenotypes.forward(self.x)
        moments = torch.stack([torch.full((2,), 2.0), self.x.mean(0), ((self.x - self.x.mean(0)) ** 2).sum(0)]).double()
        return Evaluation(outputs[:, 0, 0], observations=moments)

    def score(self, model, split):
        return {"fitness": float(model(self.x)[0, 0]), "point": 0.0}


def test_observations_are_normalised_by_what_was_seen_before_and_the_champion_keeps_its_own():
    task = Shifted()
    make = lambda: Evolve(task, GA.for_task(task, seed=0, population_size=4))
    learner = make()
    learner.step()
    plain = learner.algorithm.express(learner.algorithm.population)
    assert torch.equal(task.seen[0].forward(task.x), plain.forward(task.x))  # nothing was seen yet
    learner.step()
    plain: Networks = learner.algorithm.express(learner.algorithm.population)
    assert torch.equal(task.seen[1].forward(task.x), plain.forward(torch.tensor([[-1.0, 0.0], [1.0, 0.0]])))
    tensors, header = learner.champion().save()
    assert {"observation_mean", "observation_std"} < set(tensors)
    restored = Evolved(GA).restore(task, None, 0, tensors, header)
    assert torch.equal(restored(task.x), learner.champion()(task.x))
    resumed = make()
    resumed.load_state_dict(learner.state_dict())
    assert torch.equal(resumed.champion()(task.x), learner.champion()(task.x))
    assert resumed.step()["validation"] == learner.step()["validation"]
    assert learner._judged is None  # what a genome does changes with what was seen


def test_an_algorithm_may_restore_its_own_models():
    class Own(GA):
        @staticmethod
        def restore(task, tensors, header):
            return "own model", tensors, header

    assert Evolved(Own).restore(small_task(), None, 0, {"a": 1}, {"b": "c"}) == ("own model", {"a": 1}, {"b": "c"})


def test_a_method_fits_tasks_with_a_network_or_dimensions_and_says_why_not():
    assert Evolved(GA).unsupported_reason(small_task()) is None
    assert "neither a network" in Evolved(GA).unsupported_reason(object())

    class Picky(GA):
        @classmethod
        def unsupported_reason(cls, task):
            return "never"

    assert Evolved(Picky).unsupported_reason(small_task()) == "never"


def test_a_task_whose_score_fails_is_named():
    task = Recording(lambda points: points[:, 0])
    task.score = lambda model, split: {"accuracy": 1.0}
    with pytest.raises(ValueError, match="must hold \"fitness\"; got 'accuracy'"):
        Evolve(task, Scripted([1, 2], [1, 2, 3])).step()

    def broken(model, split):
        raise KeyError("boom")

    task.score = broken
    with pytest.raises(KeyError) as caught:
        Evolve(task, Scripted([1, 2], [1, 2, 3])).step()
    assert "score, generation 0, validation, genome" in caught.value.__notes__[0]


SMALL = {GA: {}, DeepGA: dict(truncation_size=3, candidates=2), NSGA2: {}}
every_algorithm = pytest.mark.parametrize("algorithm", SMALL)


def small(algorithm, task=None, seed=0, **values):
    task = task or small_task()
    return Evolve(task, algorithm.for_task(task, seed=seed, population_size=8, **SMALL[algorithm], **values), seed)


@every_algorithm
def test_the_ensemble_pools_the_final_population_also_after_a_resume(algorithm):
    task = small_task()
    task.pool = lambda outputs: outputs.double().mean(0).float()
    learner, resumed = small(algorithm, task), small(algorithm, task)
    assert learner.ensemble() is None
    for _ in range(3):
        learner.step()
    x = task.split("test")[0]
    found, population = learner.ensemble(), learner.algorithm.population
    expected = torch.stack([learner.algorithm.model(genome)(x) for genome in population]).mean(0)
    torch.testing.assert_close(found(x.numpy()), expected)
    assert (found.size, found.parameters) == (len(population), len(population) * D)
    assert 0 <= task.score(found, "test")["accuracy"] <= 1
    resumed.load_state_dict(learner.state_dict())
    assert torch.equal(resumed.ensemble()(x), found(x))


def test_there_is_no_ensemble_without_a_pool_or_a_population_and_no_front_of_one_objective():
    learner = Evolve(Recording(), Scripted([1, 2]))
    learner.step()
    assert learner.ensemble() is None
    learner.task.pool = lambda outputs: outputs.mean(0)
    assert learner.ensemble() is None
    assert learner.front() is None


def test_the_front_is_the_algorithms():
    learner = small(NSGA2)
    assert learner.front() == []
    learner.step()
    assert learner.front() == learner.algorithm.front() != []


@every_algorithm
def test_a_warm_start_begins_with_the_model_and_its_mutants(algorithm):
    often = {} if algorithm is DeepGA else {"mutation_rate": 0.5}  # at .1 a child of so few genes may well be a copy
    donor, warm = small(algorithm), small(algorithm, seed=1, **often)
    donor.step()
    model = donor.champion()
    warm.warm_start(model)
    population = warm.algorithm.ask()
    first, *others = [warm.algorithm.model(genome).module.state_dict() for genome in population]
    assert len(population) == 8
    assert all(torch.equal(first[name], value) for name, value in model.module.state_dict().items())
    vectors = [torch.cat([value.flatten() for value in other.values()]) for other in (first, *others)]
    assert len({tuple(vector.tolist()) for vector in vectors}) >= 6  # a gene that mutates behind its mask shows nothing
    row = warm.step()
    assert row["fitness_best"] >= donor.task.score(model, "train")["fitness"] - 1e-6
    assert warm.cost.evaluations == 8
    assert all(warm.algorithm.lineage(index)["parents"] == [] for index in range(8))


@every_algorithm
def test_a_warm_started_run_that_is_cut_goes_on_to_the_same_bytes(algorithm):
    donor, whole, resumed = small(algorithm), small(algorithm, seed=1), small(algorithm, seed=1)
    donor.step()
    whole.warm_start(donor.champion())
    whole.step()
    resumed.load_state_dict(whole.state_dict())
    for learner in (whole, resumed):
        learner.step()
    assert whole.algorithm.ask().tobytes() == resumed.algorithm.ask().tobytes()


@every_algorithm
def test_what_a_warm_start_cannot_use_is_refused(algorithm):
    wide = small_task()
    wide._network = lambda inputs, outputs: MLP(inputs, outputs, hidden=[5])
    other = small(algorithm, wide)
    other.step()
    learner = small(algorithm)
    with pytest.raises(
        ValueError, match=r"do not fit the network of the task: layers\.0\.weight: expected \(4, 2\), got \(5, 2\)"
    ):
        learner.warm_start(other.champion())
    with pytest.raises(ValueError, match="is a torch module; got VectorModel"):
        learner.warm_start(VectorModel(np.zeros(D)))
    with pytest.raises(ValueError, match="the model sees normalised observations"):
        learner.warm_start(NormalizedModel(other.champion(), torch.zeros(2), torch.ones(2)))
    learner.step()
    with pytest.raises(RuntimeError, match="before the first step"):
        learner.warm_start(learner.champion())


def test_an_algorithm_that_cannot_begin_from_a_model_says_so():
    with pytest.raises(ValueError, match="Scripted does not support a warm start"):
        Evolve(Recording(), Scripted([1])).warm_start(VectorModel(np.zeros(1)))


def test_a_warm_start_takes_over_the_observations_a_model_is_used_to():
    task = small_task()
    task.normalize_observations = True
    learner, donor = small(GA, task), small(GA)
    donor.step()
    model = NormalizedModel(donor.champion(), torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0]))
    learner.warm_start(model)
    learner.step()
    x = task.split("test")[0]
    inner = learner.algorithm.model(learner.algorithm.population[0])
    torch.testing.assert_close(learner._statistics.wrap_model(inner)(x), model(x))
    with pytest.raises(ValueError, match="sees 3 observations, the task gives 2"):
        small(GA, task).warm_start(NormalizedModel(donor.champion(), torch.zeros(3), torch.ones(3)))


def test_points_for_a_task_of_networks_are_refused_in_words():
    task = small_task("probability")
    with pytest.raises(TypeError, match=r"is a task of networks; this GA searches points .* GA.for_task\(task, seed="):
        Evolve(task, GA(3)).step()
