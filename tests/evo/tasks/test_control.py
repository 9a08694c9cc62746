import re
import subprocess
import sys
import weakref

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from evo import rng
from evo.core import Phenotypes
from evo.evolve import Evolve
from evo.rollout.environment import Environment
from evo.search.ga import GA
from evo.tasks import stepping
from evo.tasks.actions import acting, space_actions
from evo.tasks.control import ControlSettings, ControlTask
from evo.testing import check_task
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP
from scenarios.environments import double_pole, poles

ENVIRONMENTS = ("CartPole-v1", "Acrobot-v1", "MountainCarContinuous-v0", "Pendulum-v1")
network = lambda inputs, outputs: MLP(inputs, outputs, hidden=(5,))


class Batched(MLP):
    """The same, but of a class that no kernel knows: it answers all lanes of a tick at once."""


batched = lambda inputs, outputs: Batched(inputs, outputs, hidden=(5,))


def population(task, size=4, scale=3.0):
    encoding = Parameters(task.network)
    vectors = encoding.initial(0, 0, size, scale)
    return encoding, vectors


class Walk(gymnasium.Env):
    """Ends after as many steps as the start seed's last digit says; pays its step number, and 1000 if stepped after the end."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)
    end = "terminated"

    def __init__(self):
        self.starts, self.closed = [], False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.starts.append(seed)
        self.length, self.step_number = 1 + seed % 10, 0
        return np.array([seed % 10, 0], np.float32), {}

    def step(self, action):
        self.step_number += 1
        over = self.step_number >= self.length
        reward = 1000.0 if self.step_number > self.length else float(self.step_number)
        observation = np.array([self.length, self.step_number], np.float32)
        return observation, reward, over and self.end == "terminated", over and self.end == "truncated", {}

    def close(self):
        self.closed = True


class Truncating(Walk):
    end = "truncated"


@pytest.mark.parametrize("networks", [network, batched])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_return_and_length_are_those_of_gymnasium_stepped_by_hand(name, networks):
    task = ControlTask(name, network=networks, episodes=2)
    encoding, vectors = population(task, 3)
    seeds = np.array([11, 12])
    evaluation = task.evaluate(encoding.express(vectors), seeds)
    environment = gymnasium.make(name)
    for genome, vector in enumerate(vectors):
        model, returns, steps = encoding.model(vector), [], 0
        for seed in seeds.tolist():
            observation, _ = environment.reset(seed=seed)
            total, done = 0.0, False
            while not done:
                output = model(observation[None])[0]
                if isinstance(environment.action_space, spaces.Discrete):
                    action = int(output.argmax())
                else:
                    low, high = environment.action_space.low, environment.action_space.high
                    action = (low + (np.tanh(output.numpy().astype(float)) + 1) / 2 * (high - low)).astype(np.float32)
                observation, reward, terminated, truncated, _ = environment.step(action)
                total, steps, done = total + reward, steps + 1, terminated or truncated
            returns.append(total)
        # These forward passes may differ from that of one row in the last bit, which Acrobot's chaos enlarges a little.
        assert evaluation.fitness[genome] == pytest.approx(np.mean(returns), rel=1e-3)
        assert evaluation.samples[genome] == steps
    environment.close()


@pytest.mark.parametrize("networks", [network, batched])
@pytest.mark.parametrize("environment", [Walk, Truncating])
def test_done_latches_and_the_last_reward_counts(environment, networks):
    task = ControlTask(environment, network=networks, episodes=3)
    encoding, vectors = population(task, 2)
    evaluation = task.evaluate(encoding.express(vectors), np.array([3, 9, 0]))
    lengths = np.array([4, 10, 1])
    assert evaluation.fitness.tolist() == [pytest.approx((lengths * (lengths + 1) / 2).mean())] * 2
    assert evaluation.samples.tolist() == [lengths.sum()] * 2


def test_all_genomes_meet_the_same_start_seeds_and_environments_are_reused():
    for networks, starts in ((batched, [[5, 7], [6, 8]] * 3), (network, [[5, 6] * 3 + [7, 8] * 3])):
        task = ControlTask(Walk, network=networks, episodes=2)
        encoding, vectors = population(task, 3)
        task.evaluate(encoding.express(vectors), np.array([5, 6]))
        task.evaluate(encoding.express(vectors), np.array([7, 8]))
        assert [environment.starts for environment in task._environments] == starts


@pytest.mark.parametrize("networks", [network, batched])
def test_fitness_does_not_depend_on_the_others_in_the_population(networks):
    task = ControlTask("CartPole-v1", network=networks, episodes=2)
    encoding, vectors = population(task, 6)
    seeds = rng.words(0, 0, 0, rng.EPISODES, 2)
    whole = task.evaluate(encoding.express(vectors), seeds).fitness
    order = np.array([5, 0, 3, 1, 4, 2])
    assert np.array_equal(task.evaluate(encoding.express(vectors[order]), seeds).fitness, whole[order])
    assert np.array_equal(task.evaluate(encoding.express(vectors), seeds).fitness, whole)


def test_done_lanes_stay_in_the_batch_so_every_forward_has_the_same_shape():
    task = ControlTask(Walk, network=batched, episodes=2)
    encoding, vectors = population(task, 3)
    phenotypes, shapes = encoding.express(vectors), []
    forward = phenotypes.forward
    phenotypes.forward = lambda x: (shapes.append(tuple(x.shape)), forward(x))[1]
    task.evaluate(phenotypes, np.array([9, 1]))
    assert shapes == [(3, 2, 2)] * 10


def test_validation_and_test_starts_are_fixed_and_differ_from_each_other_and_from_training():
    made = [ControlTask(Walk, network=network, validation_episodes=7) for _ in range(2)]
    encoding, vectors = population(made[0], 1)
    model, starts = encoding.model(vectors[0]), {}
    for split in ("validation", "test"):
        seen = []
        for task in made:
            before = [len(environment.starts) for environment in task._environments]
            task.score(model, split)
            before += [0] * (len(task._environments) - len(before))
            seen.append([s for e, n in zip(task._environments, before) for s in e.starts[n:]])
        assert seen[0] == seen[1]
        starts[split] = set(seen[0])
    assert (len(starts["validation"]), len(starts["test"])) == (7, 100)
    training = {int(s) for seed in range(20) for g in range(20) for s in rng.words(seed, g, 0, rng.EPISODES, 3)}
    assert not starts["validation"] & starts["test"]
    assert not training & (starts["validation"] | starts["test"])


def test_score_is_the_mean_over_the_split_and_there_is_no_training_score():
    task = ControlTask(Walk, network=network, test_episodes=5, solved=10.0)
    encoding, vectors = population(task, 1)
    score = task.score(encoding.model(vectors[0]), "test")
    lengths = rng.words(0, 0, 0, rng.TEST, 5) % 10 + 1
    assert score["return"] == score["fitness"] == pytest.approx((lengths * (lengths + 1) / 2).mean())
    assert (score["steps"], score["n"]) == (lengths.mean(), 5)
    assert task.score(encoding.model(vectors[0]), "train") is None
    with pytest.raises(ValueError, match="did you mean 'test'"):
        task.score(encoding.model(vectors[0]), "tset")


def test_solved_is_undefined_without_a_threshold():
    task = lambda solved: ControlTask(Walk, network=network, solved=solved)
    assert task(None).solved({"return": 1e9}) is None
    assert [task(5.0).solved({"return": value}) for value in (4.9, 5.0)] == [False, True]


class Recorder(Phenotypes):
    """Phenotypes with constant outputs."""

    device, parameters = torch.device("cpu"), 1

    def __init__(self, outputs):
        self.outputs, self.resets = torch.tensor(outputs), 0

    def __len__(self):
        return len(self.outputs)

    def forward(self, x):
        return self.outputs[:, None].expand(-1, x.shape[1], -1)

    def reset(self):
        self.resets += 1

    def to(self, device):
        return self


class Acted(Walk):
    """Remembers its actions."""

    def __init__(self, space):
        super().__init__()
        self.action_space, self.actions = space, []

    def step(self, action):
        self.actions.append(action)
        assert self.action_space.contains(action)
        return super().step(action)


def actions(space, outputs):
    made = []
    task = ControlTask(lambda: made.append(Acted(space)) or made[-1], network=network)
    task.evaluate(Recorder(outputs), np.array([0]))
    return task, [environment.actions[0] for environment in made[: len(outputs)]]


def test_discrete_actions_are_the_argmax_counted_from_the_first():
    task, taken = actions(spaces.Discrete(3, start=-1), [[0.1, 0.3, 0.2], [5.0, 0.0, 0.0]])
    assert (task.outputs, taken) == (3, [0, -1])


def test_box_actions_are_tanh_scaled_to_low_and_high():
    box = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 10.0], np.float32))
    task, taken = actions(box, [[0.0, 0.0], [99.0, -99.0], [0.5, 0.5]])
    assert task.outputs == 2
    np.testing.assert_allclose(taken, [[0, 5], [2, 0], [2 * np.tanh(0.5), 5 + 5 * np.tanh(0.5)]], rtol=1e-6)
    assert taken[0].dtype == np.float32


def test_a_box_of_several_axes_gets_actions_of_its_shape():
    task, taken = actions(spaces.Box(-1, 1, (2, 3), np.float32), [[0.0] * 6])
    assert (task.outputs, taken[0].shape) == (6, (2, 3))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 6), (-3, 3)])
@pytest.mark.parametrize("kind", [np.int64, np.int8])
def test_every_whole_number_of_a_box_has_an_equal_part_of_the_outputs(low, high, kind):
    count, act = space_actions(spaces.Box(low, high, (2,), kind), "mine")
    even = (np.arange(6000) + 0.5) / 6000  # of an interval that is known, and by way of tanh
    for outputs, ranges in ((even, np.tile([0.0, 1.0], (2, 1))), (np.arctanh(even * 2 - 1), None)):
        taken = np.stack([act([output, output], ranges) for output in outputs.tolist()])
        assert (count, taken.shape, taken.dtype) == (2, (6000, 2), kind)
        numbers, times = np.unique(taken[:, 0], return_counts=True)
        assert numbers.tolist() == list(range(low, high + 1))
        assert np.ptp(times) <= 1
    assert act([-1e9, 1e9], None).tolist() == [low, high]


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(6, start=-1),
        spaces.MultiDiscrete([[2, 4]], start=[[0, 5]]),
        spaces.MultiBinary((2, 3)),
        spaces.Box(np.float32([[-2, 0, 1]] * 2), np.float32([[2, 10, 1.5]] * 2)),
        spaces.Box(1, 6, (2, 3), np.int8),
    ],
    ids=str,
)
@pytest.mark.parametrize("known", [False, True])
def test_a_module_acts_as_the_task_does(space, known):
    count, act = space_actions(space, "mine")
    ranges = np.tile([0.0, 1.0], (count, 1)) if known else None
    if known:
        ranges[1] = -np.inf, np.inf
    outputs = torch.from_numpy(np.random.default_rng(0).normal(0.5, 0.6, (300, count)).astype(np.float32))
    taken = np.stack([act(row, ranges) for row in outputs.tolist()])
    made = acting(act, ranges)(outputs).numpy()
    assert (made.shape, made.dtype) == (taken.shape, taken.dtype)
    np.testing.assert_allclose(made, taken, rtol=1e-6)


def test_several_choices_have_an_output_each_and_switches_one():
    space = spaces.MultiDiscrete([2, 3], start=[0, 5])
    task, taken = actions(space, [[0.1, 0.3, 9.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0]])
    assert (task.outputs, [each.tolist() for each in taken]) == (5, [[1, 5], [0, 7]])
    assert taken[0].dtype == space.dtype
    task, taken = actions(spaces.MultiDiscrete([[2, 2], [2, 2]]), [[0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]])
    assert (task.outputs, taken[0].tolist()) == (8, [[1, 0], [1, 1]])
    task, taken = actions(spaces.MultiBinary((2, 2)), [[-0.1, 0.1, 5.0, -5.0]])
    assert (task.outputs, taken[0].tolist()) == (4, [[0, 1], [1, 0]])


def test_phenotypes_and_models_are_reset_before_an_evaluation():
    task = ControlTask(Walk, network=network)
    phenotypes = Recorder([[0.0, 1.0]])
    task.evaluate(phenotypes, np.array([3]))
    assert phenotypes.resets == 1
    encoding, vectors = population(task, 1)
    model, resets = encoding.model(vectors[0]), []
    model.reset = lambda: resets.append(1)
    task.score(model, "validation")
    assert resets == [1]


def test_a_network_that_answers_nan_ranks_last_and_is_counted_and_steps_no_further():
    task = ControlTask(Walk, network=network, episodes=2)
    evaluation = task.evaluate(Recorder([[0.0, 1.0], [np.nan, 1.0]]), np.array([3, 9]))
    assert evaluation.fitness[0] > 0
    assert evaluation.fitness[1] == -np.inf
    assert evaluation.nonfinite == 1
    assert evaluation.samples.tolist() == [14, 2]


@pytest.mark.parametrize("space", [spaces.Discrete(4), spaces.Box(0, 1, (2, 2), np.float32)])
def test_observations_that_are_no_vector_are_flattened(space):
    class Other(Walk):
        observation_space = space

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return space.sample(), {}

        def step(self, action):
            return space.sample(), *super().step(action)[1:]

    task = ControlTask(Other, network=network)
    assert task.inputs == 4
    encoding, vectors = population(task, 2)
    assert task.evaluate(encoding.express(vectors), np.array([4])).fitness.tolist() == [15.0, 15.0]


class Broken(Walk):
    """Genome 1, episode 1 of two (lane 3) fails at its second step, in the way `fault` says."""

    made: list = []
    fault = staticmethod(lambda walk, action: 1 / 0)

    def reset(self, *, seed=None, options=None):
        self.made.append(self)
        self.lane = len(self.made) - 1
        return super().reset(seed=seed)

    def step(self, action):
        if self.lane == 3 and self.step_number == 1:
            return self.fault(self, action)
        return super().step(action)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda walk, action: 1 / 0, "ZeroDivisionError"),
        (lambda walk, action: (np.zeros(3, np.float32), 0.0, False, False, {}), r"shape \(2,\); got \(3,\)"),
        (lambda walk, action: (np.zeros(1, np.float32), 0.0, False, False, {}), r"shape \(2,\); got \(1,\)"),
        (lambda walk, action: (np.zeros(2, np.float32), 0.0, False, {}), "expected 5, got 4"),
        (lambda walk, action: (np.zeros(2, np.float32), "much", False, False, {}), "could not convert string to float"),
    ],
)
def test_a_fault_of_an_environment_names_task_genome_episode_and_step(fault, said):
    for networks in (network, batched):
        environment = type("Faulty", (Broken,), {"made": [], "fault": staticmethod(fault)})
        task = ControlTask(environment, network=networks)
        encoding, vectors = population(task, 3)
        with pytest.raises(RuntimeError, match=f"Faulty, genome 1, episode 1, step 2: .*{said}"):
            task.evaluate(encoding.express(vectors), np.array([9, 9]))


def test_a_fault_of_reset_names_genome_and_episode():
    class Stuck(Walk):
        def reset(self, *, seed=None, options=None):
            if seed == 4:
                raise OSError("no such track")
            return super().reset(seed=seed)

    task = ControlTask(Stuck, network=network)
    encoding, vectors = population(task, 2)
    with pytest.raises(RuntimeError, match=r"Stuck, genome 0, episode 2, step 0: OSError: no such track"):
        task.evaluate(encoding.express(vectors), np.array([1, 2, 4]))


class Endless(Walk):
    def step(self, action):
        return np.zeros(2, np.float32), 1.0, False, False, {}


@pytest.mark.parametrize("networks", [network, batched])
def test_an_episode_without_end_is_told_of_and_then_an_error_and_max_steps_truncates_it(networks, monkeypatch):
    monkeypatch.setattr(stepping, "LONG", 20)
    monkeypatch.setattr(stepping, "LONGEST", 50)
    task = ControlTask(Endless, network=networks)
    encoding, vectors = population(task, 2)
    error = "no end after 50 steps: set max_steps"
    with pytest.warns(UserWarning, match="taken 20 steps and has not ended"), pytest.raises(RuntimeError, match=error):
        task.evaluate(encoding.express(vectors), np.array([0]))
    task = ControlTask(Endless, network=networks, max_steps=70)
    evaluation = task.evaluate(encoding.express(vectors), np.array([0, 1]))
    assert (evaluation.fitness.tolist(), evaluation.samples.tolist()) == ([70.0] * 2, [140] * 2)
    assert len(task.film(encoding.model(vectors[0])).rewards) == 70


def test_max_steps_shortens_a_scalar_environment_too():
    world = Environment("still", lambda draws: (0.0,), lambda s: s, lambda s, a: (s, 1.0, False), 0, 2, max_steps=9)
    task = ControlTask(world, network=network, max_steps=4)
    encoding, vectors = population(task, 2)
    assert task.evaluate(encoding.express(vectors), np.array([0])).fitness.tolist() == [4.0, 4.0]


def test_outputs_of_a_wrong_shape_are_told_with_the_task():
    task = ControlTask(Walk, network=network)
    with pytest.raises(ValueError, match=re.escape("Walk: expected outputs of shape (1, 1, 2); got (1, 1, 3)")):
        task.evaluate(Recorder([[0.0, 1.0, 2.0]]), np.array([0]))


def test_what_is_no_environment_and_spaces_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match=r"expected it to make a gymnasium\.Env; got dict"):
        ControlTask(dict, network=network)
    for made in (5, None, Walk()):
        with pytest.raises(TypeError, match=rf"^make: expected an Environment, .* got {re.escape(repr(made))}"):
            ControlTask(made, network=network)
    with pytest.raises(TypeError, match=r"got <.*>, one that is made: .* so give 'CartPole-v1', or what made it"):
        ControlTask(gymnasium.make("CartPole-v1"), network=network)
    for space, said in (
        (spaces.Text(3), "expected a Discrete, MultiDiscrete, MultiBinary or Box space"),
        (spaces.Box(-np.inf, 1, (1,)), "must be finite"),
    ):
        with pytest.raises(ValueError, match=said):
            ControlTask(lambda space=space: Acted(space), network=network)


PAIR = spaces.Box(0, 1, (2,), np.float32)


@pytest.mark.parametrize(
    "space", [spaces.Sequence(PAIR), spaces.Graph(PAIR, None), spaces.Dict(a=PAIR, b=spaces.Sequence(PAIR))]
)
def test_observations_that_cannot_be_flattened_are_told_with_what_to_do(space):
    seen = type("Seen", (Walk,), {"observation_space": space})
    with pytest.raises(
        ValueError, match=r"^Seen: expected observations that flatten to a vector .* got .*TransformObservation"
    ):
        ControlTask(seen, network=network)


def test_a_space_that_gymnasium_does_not_flatten_is_told_in_words():
    other = type("Other", (spaces.Space,), {"__repr__": lambda self: "Other()"})
    seen = type("Seen", (Walk,), {"observation_space": spaces.Dict(a=PAIR, b=other())})
    with pytest.raises(ValueError, match="expected observations that flatten to a vector"):
        ControlTask(seen, network=network)


@pytest.mark.parametrize("name", ["max_steps", "episodes", "validation_episodes", "test_episodes"])
@pytest.mark.parametrize("count", [0, 2.5])
def test_there_is_at_least_one_episode(name, count):
    with pytest.raises(ValueError, match=f"^{name}: expected a whole number >= 1"):
        ControlTask(Walk, network=network, **{name: count})
    assert ControlTask(Walk, network=network, **{name: np.int64(2)})


def test_environments_are_closed_with_the_task():
    task = ControlTask(Walk, network=batched)
    task.score(Parameters(task.network).model(population(task, 1)[1][0]), "validation")
    environments, gone = list(task._environments), weakref.ref(task)
    assert len(environments) == 20
    assert not any(environment.closed for environment in environments)
    del task
    assert gone() is None
    assert all(environment.closed for environment in environments)


def test_observations_are_the_moments_of_what_the_networks_saw():
    task = ControlTask(Walk, network=network, normalize_observations=True)
    count, mean, m2 = task.evaluate(Recorder([[0.0, 1.0]] * 2), np.array([2, 0])).observations.numpy()
    # Seed 2: start (2, 0), then (3, 1), (3, 2), and the end; seed 0: start (0, 0), and the end. Twice, for two genomes.
    seen = np.array([[2, 0], [3, 1], [3, 2], [0, 0]] * 2, float)
    assert (count == 8).all()
    np.testing.assert_allclose(mean, seen.mean(axis=0))
    np.testing.assert_allclose(m2 / 8, seen.var(axis=0))
    assert ControlTask(Walk, network=network).evaluate(Recorder([[0.0, 1.0]]), np.array([2])).observations is None


def test_evolution_with_normalised_observations_continues_to_the_same_bytes():
    def learner():
        task = ControlTask("CartPole-v1", network=network, normalize_observations=True, validation_episodes=3, episodes=2)
        return Evolve(task, GA.for_task(task, seed=1, population_size=8), seed=1)

    whole, first, second = learner(), learner(), learner()
    rows = [whole.step()["validation"] for _ in range(4)]
    for _ in range(2):
        first.step()
    second.load_state_dict(first.state_dict())
    assert [second.step()["validation"] for _ in range(2)] == rows[2:]
    one, other = whole.champion().save()[0], second.champion().save()[0]
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert (one["observation_std"] != 1).all()


def test_settings_are_the_keywords_of_the_task():
    task = ControlTask("CartPole-v1", network=network, **vars(ControlSettings(episodes=5, solved=1.0, stop="budget")))
    assert (task.episodes, task.stop, task.solved({"return": 1.0})) == (5, "budget", True)


def test_control_tasks_pass_the_checks_for_users_own():
    assert check_task(ControlTask("CartPole-v1", network=network, episodes=2, validation_episodes=2, test_episodes=2)) == []


def test_evo_is_imported_without_gymnasium():
    code = "import sys; sys.modules['gymnasium'] = None; import evo.tasks.control, evo.tasks.normalization"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_an_episode_of_fitness_that_is_the_one_of_validation_is_not_run_again(monkeypatch):
    def scored(start, angle, unlike):
        """The rows of two generations, and how often validation was run."""
        world = double_pole.balancing(max_steps=50)
        other = double_pole.balancing(max_steps=40) if unlike else world
        starts = np.array([[0.0, 0.0, angle, 0.0, 0.0, 0.0]])
        task = ControlTask(world, trials={"validation": (other, starts)})
        learner, runs = Evolve(task, GA.for_task(task, seed=start, population_size=6), seed=start), []
        score = task.score
        monkeypatch.setattr(task, "score", lambda model, split: runs.append(split) or score(model, split))
        rows = [learner.step() for _ in range(2)]
        assert score(learner.champion(), "validation") in [row["validation"] for row in rows]
        return rows, len(runs)

    rows, runs = scored(0, poles.START_ANGLE, unlike=False)
    assert runs == 0
    assert all(row["validation"]["fitness"] == row["fitness_best"] for row in rows)
    assert scored(0, 0.01, unlike=False)[1] == scored(0, poles.START_ANGLE, unlike=True)[1] == 2
