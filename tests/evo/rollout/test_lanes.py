import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import event
from ticks import TickByTick

from evo import rng, threads
from evo.activations import ACTIVATIONS, CODES
from evo.evolve import Evolve
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.network.model import NetworkModel
from evo.network.policy import output_range
from evo.network.population import Networks
from evo.rollout.environment import Environment
from evo.rollout.lanes import policy, rollout, spreading
from evo.search.ga import GA
from evo.tasks.control import ControlTask
from evo.tasks.normalization import Normalized, NormalizedModel
from evo.testing import check_task
from evo.vectors import mlp_kernel
from evo.vectors.encoding import Parameters
from evo.vectors.modules import CNN, MLP


def start(draws):
    return draws[0] - 0.5, 0.0


def observe(state):
    return state[0], state[1], 1.0


def pushed(state, push):
    position, speed = state
    speed = 0.98 * speed + 0.05 * push - 0.02 * position
    return (position + speed, speed), position, abs(position + speed) > 1.0


def chosen(state, action):
    return pushed(state, action - 1.0)


def pulled(state, action):
    return pushed(state, action[0] + action[1] - 1.0)


def worth(total, recent, steps):
    return 100.0 * total + 10.0 * recent + steps


rail = Environment("rail", start, observe, chosen, draws=1, actions=3, max_steps=60)
ropes = Environment(
    "ropes", start, observe, pulled, draws=1, actions=((-1.0, 2.0), (0.0, 1.0)), max_steps=60, episode_return=worth, window=7
)
SEEDS = np.array([5, 6, 7])
network = lambda inputs, outputs: MLP(inputs, outputs, hidden=(5,))


def mlps(environment, size=20, scale=2.0, **values):
    encoding = Parameters(lambda: MLP(environment.inputs, environment.outputs, **{"hidden": (5,), **values}))
    return encoding, encoding.initial(0, 0, size, scale)


def genome(seed, environment, activation="steep_sigmoid", recurrent=True):
    """A bias node, three hidden ones, and connections between whatever there is."""
    r, inputs, outputs = np.random.default_rng(seed), environment.inputs, environment.outputs
    kinds = [SENSOR] * inputs + [BIAS] + [OUTPUT] * outputs + [HIDDEN] * 3
    nodes = [Node(k, kind, 0.0, 1.0, CODES[activation], 0, 0.1 + 0.1 * k) for k, kind in enumerate(kinds)]
    connections = [
        (source, target)
        for source in range(len(kinds))
        for target in range(inputs + 1, len(kinds))
        if r.random() < 0.7 and (recurrent or source <= inputs or kinds[source] > kinds[target])
    ]
    return Genome(
        inputs,
        outputs,
        nodes,
        [Connection(k, *connection, float(2 * r.normal()), True) for k, connection in enumerate(connections)],
    )


def population(environment, size=20, **values):
    return Genomes.of([genome(seed, environment, **values) for seed in range(size)])


@pytest.mark.parametrize("environment", [rail, ropes], ids=lambda one: one.name)
def test_mlps_act_fused_as_tick_by_tick(environment):
    task = ControlTask(environment, network=network, episodes=3)
    encoding, vectors = mlps(environment)
    fused = task.evaluate(encoding.express(vectors), SEEDS)
    slow = task.evaluate(TickByTick(encoding.express(vectors)), SEEDS)
    np.testing.assert_array_equal(fused.samples, slow.samples)
    np.testing.assert_allclose(fused.fitness, slow.fitness, rtol=1e-4)
    assert len(set(fused.samples.tolist())) > 5
    model = encoding.model(vectors[3])
    assert task.score(model, "test") == pytest.approx(task.score(TickByTick(model), "test"), rel=1e-4)
    film = task.film(model, "test", 2)
    assert film.rewards.sum() == pytest.approx(task.returns(model, task._starts["test"])[0][0, 2], rel=1e-4)


@pytest.mark.parametrize("environment", [rail, ropes], ids=lambda one: one.name)
@pytest.mark.parametrize("way", [(False, 1), (True, 1), (True, "depth"), (True, 3, 0.05)])
def test_genomes_act_fused_as_tick_by_tick_to_the_last_bit(environment, way):
    task = ControlTask(environment, network=network, episodes=3)
    genomes = population(environment, recurrent=way[0])
    fused, slow = (task.evaluate(wrap(Networks(genomes, *way)), SEEDS) for wrap in (lambda n: n, TickByTick))
    np.testing.assert_array_equal(fused.samples, slow.samples)
    np.testing.assert_array_equal(fused.fitness, slow.fitness)
    assert len(set(fused.fitness.tolist())) > 5
    model = NetworkModel(genomes.select([4]), *way)
    assert task.score(model, "validation") == task.score(TickByTick(model), "validation")
    assert task.returns(model, SEEDS)[0].mean() == fused.fitness[4]


def test_what_a_network_remembers_is_cleared_before_each_start():
    networks = Networks(population(rail), recurrent=True)
    starts = rail.starts(SEEDS)
    together = rollout(rail, networks, starts)[0]
    alone = np.column_stack([rollout(rail, networks, start[None])[0] for start in starts[::-1]])[:, ::-1]
    np.testing.assert_array_equal(together, alone)
    assert (rollout(rail, networks, starts[[0, 0, 0]])[0] == together[:, :1]).all()


def test_networks_that_begin_every_call_from_zeros_do_so_in_episodes():
    task, way = ControlTask(rail, network=network, episodes=3), dict(recurrent=True, ticks=2)
    genomes = population(rail)
    kept, fresh = (task.evaluate(Networks(genomes, **way, fresh=fresh), SEEDS) for fresh in (False, True))
    slow = task.evaluate(TickByTick(Networks(genomes, **way, fresh=True)), SEEDS)
    np.testing.assert_array_equal(fresh.fitness, slow.fitness)
    assert (fresh.fitness != kept.fitness).any()
    model = NetworkModel(genomes.select([4]), **way, fresh=True)
    assert task.returns(model, SEEDS)[0].mean() == fresh.fitness[4]


@pytest.mark.parametrize("make", [lambda: mlps(rail)[0].express(mlps(rail)[1]), lambda: Networks(population(rail), True)])
def test_the_same_bytes_whatever_the_threads_and_the_lanes_in_a_group(make, monkeypatch):
    networks, starts, seen = make(), rail.starts(SEEDS), []

    def cut(function, total, grain=1):
        for at in range(total - size, -size, -size):  # the last part first
            function(max(0, at), at + size)

    for count in (1, 2):
        with threads.limited(count):
            seen.append(rollout(rail, networks, starts))
    monkeypatch.setattr(threads, "each", cut)
    for size in (1, 3, 7, 11):  # noqa: B007  # `cut` reads it: lanes alone, in small groups, and in more than one group
        seen.append(rollout(rail, networks, starts))
    assert len({b"".join(each.tobytes() for each in episodes) for episodes in seen}) == 1


@given(st.integers(1, 5000))
def test_every_lane_is_run_once(count):
    stride = spreading(count)
    assert len({k * stride % count for k in range(count)}) == count


def test_the_return_is_of_all_rewards_the_last_ones_and_the_steps():
    encoding, vectors = mlps(ropes)
    returns, steps, _ = rollout(ropes, encoding.express(vectors), ropes.starts(SEEDS))
    assert steps.min() < 60 == steps.max()
    for g, b in [(0, 0), (7, 2), *np.argwhere(steps < 60)[:3].tolist(), *np.argwhere(steps == 60)[:2].tolist()]:
        state, rewards = tuple(ropes.starts(SEEDS)[b].tolist()), []
        model = encoding.model(vectors[g])
        for _ in range(steps[g, b]):
            unit = np.tanh(model(np.array([observe(state)], np.float32))[0].double().numpy())
            state, reward, over = pulled(state, (0.5 + 1.5 * unit[0], 0.5 + 0.5 * unit[1]))
            rewards.append(reward)
        assert over == (steps[g, b] < 60)
        assert returns[g, b] == pytest.approx(worth(sum(rewards), sum(rewards[-7:]), len(rewards)), rel=1e-4)


def test_outputs_in_an_interval_are_scaled_to_the_bounds_and_others_by_tanh():
    def free(state, action):
        return (action[0], action[1]), 1000.0 * action[0] + action[1], True

    once = Environment("once", start, observe, free, draws=1, actions=((-1.0, 2.0), (0.0, 1.0)), max_steps=1)
    ways = {
        "steep_sigmoid": lambda y: y,
        "tanh": lambda y: (y + 1) / 2,
        "identity": lambda y: (np.tanh(y) + 1) / 2,
        "relu": lambda y: (np.tanh(y) + 1) / 2,
    }
    genomes = Genomes.of([genome(3, once, activation=name, recurrent=False) for name in ways])
    networks, starts = Networks(genomes), once.starts([1])
    outputs = networks.forward(torch.tensor([observe(tuple(starts[0].tolist()))]))[:, 0].double().numpy()
    expected = [1000 * (-1 + 3 * way(y)[0]) + way(y)[1] for way, y in zip(ways.values(), outputs)]
    np.testing.assert_allclose(rollout(once, networks, starts)[0][:, 0], expected, rtol=1e-6)
    ranges = output_range(genomes, networks.program)
    assert ranges.shape == (4, 2, 2)
    assert ranges[:, 0].tolist() == [[0, 1], [-1, 1], [-np.inf, np.inf], [-np.inf, np.inf]]


def test_a_nan_ends_a_lane_and_no_other():
    task = ControlTask(rail, network=network, episodes=2)
    encoding, vectors = mlps(rail, 3)
    whole = task.evaluate(encoding.express(vectors), SEEDS)
    vectors[1, 4] = np.nan
    broken = task.evaluate(encoding.express(vectors), SEEDS)
    assert broken.fitness[1] == -np.inf
    assert (broken.nonfinite, broken.samples[1]) == (1, 3)
    assert (broken.fitness[[0, 2]] == whole.fitness[[0, 2]]).all()


@pytest.mark.parametrize("size", [3, 20])
def test_normalised_observations_and_their_moments_are_those_of_the_ticks(size):
    task = ControlTask(rail, network=network, normalize_observations=True)
    encoding, vectors = mlps(rail, size)
    mean, std = torch.tensor([0.1, 0.2, 0.5]), torch.tensor([0.3, 0.05, 1.0])
    fused, slow = (
        task.evaluate(wrap(Normalized(encoding.express(vectors), mean, std)), SEEDS) for wrap in (lambda n: n, TickByTick)
    )
    np.testing.assert_array_equal(fused.samples, slow.samples)
    np.testing.assert_allclose(fused.observations, slow.observations, rtol=1e-5, atol=1e-9)
    assert fused.observations[0, 0] == fused.samples.sum()
    plain = task.evaluate(encoding.express(vectors), SEEDS)
    assert (plain.fitness != fused.fitness).any()
    model = NormalizedModel(encoding.model(vectors[2]), mean, std)
    assert task.returns(model, SEEDS)[0].mean() == fused.fitness[2]
    genomes = population(ropes, size, recurrent=False)
    ropes_task = ControlTask(ropes, network=network)
    wrapped = [Normalized(Networks(genomes), mean, std), TickByTick(Normalized(Networks(genomes), mean, std))]
    np.testing.assert_array_equal(*(ropes_task.evaluate(each, SEEDS).fitness for each in wrapped))


@given(
    hidden=st.lists(st.integers(1, 9), max_size=3),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 4)),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_a_perceptron_in_a_kernel_answers_as_in_torch(hidden, activation, sizes, seed):
    encoding = Parameters(lambda: MLP(*sizes, hidden=tuple(hidden), activation=activation), samples=2)
    vectors = encoding.initial(seed, 0, 3, 2.0)
    x = rng.uniforms(seed, 0, 0, rng.TEST, sizes[0]).astype(np.float32)
    data, y = encoding.express(vectors).policy().data, np.empty((sizes[1], 2))
    scratch, column = mlp_kernel.scratch(data, 2), x[:, None]
    for genome, expected in enumerate(encoding.express(vectors).forward(x[None])[:, 0]):
        mlp_kernel.begin(data, genome, scratch, 1)
        mlp_kernel.answer(data, np.array([-1, genome]), scratch, 0, 2, np.hstack([0 * column, column]), y)
        np.testing.assert_allclose(y[:, 1], expected, rtol=1e-5, atol=1e-5)


def test_networks_without_a_kernel_are_run_tick_by_tick_and_said_to_have_none():
    class Squared(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = MLP(3, 3, hidden=(4,))

        def forward(self, x):
            return self.inner(x) ** 2

    task = ControlTask(rail, network=lambda inputs, outputs: Squared(), episodes=2)
    encoding = Parameters(Squared)
    vectors = encoding.initial(0, 0, 3)
    assert policy(encoding.express(vectors)) is None
    assert policy(encoding.model(vectors[0])) is None
    assert policy(Normalized(encoding.express(vectors), torch.zeros(3), torch.ones(3))) is None
    assert policy(object()) is None
    assert np.isfinite(task.evaluate(encoding.express(vectors), SEEDS).fitness).all()
    with pytest.raises(ValueError, match="no kernel runs Networks: expected MLPs"):
        rollout(rail, encoding.express(vectors), rail.starts(SEEDS))
    assert (
        policy(Parameters(lambda: CNN((1, 8, 8), 2)).model(Parameters(lambda: CNN((1, 8, 8), 2)).initial(0, 0, 1)[0])) is None
    )


@pytest.mark.parametrize(
    ("environment", "starts", "said"),
    [
        (rail, np.zeros((1, 3)), r"expected numbers of a state, inputs and outputs \(2, 3, 3\); got \(3, 3, 3\)"),
        (rail, np.zeros(2), r"\(2, 3, 3\); got \(\(2,\), 3, 3\)"),
        (ropes, np.zeros((1, 2)), r"ropes: .* \(2, 3, 2\); got \(2, 3, 3\)"),
    ],
)
def test_sizes_that_do_not_fit_are_told(environment, starts, said):
    encoding, vectors = mlps(rail)
    with pytest.raises(ValueError, match=said):
        rollout(environment, encoding.express(vectors), starts)


def test_an_environment_of_a_trial_takes_the_place_of_the_one_that_gives_fitness():
    starts = np.array([[0.0, 0.1], [0.2, 0.0]])
    short = dataclasses.replace(rail, max_steps=9)
    task = ControlTask(rail, network=network, trials={"test": (short, starts)})
    encoding, vectors = mlps(rail)
    model = encoding.model(vectors[0])
    returns, steps, _ = rollout(short, model, starts)
    score = task.score(model, "test")
    assert (score["return"], score["steps"], score["n"]) == (returns.mean(), steps.mean(), 2)
    assert task.film(model, "test", 1).observations[0].tolist() == pytest.approx([0.2, 0.0, 1.0])
    assert len(task.film(model, "test", 1).rewards) == steps[0, 1]
    assert task.score(model, "validation")["n"] == 20
    task.figure(model, "test")


def test_a_scalar_environment_makes_a_task_without_findings():
    assert check_task(ControlTask(ropes, network=network, episodes=2, validation_episodes=2, test_episodes=2)) == []


def test_what_is_compiled_is_compiled_off_the_clock():
    def waiting(state, action):
        return chosen(state, action)

    trials = {"validation": (dataclasses.replace(rail, step=waiting), np.zeros((1, 2)))}
    task = ControlTask(rail, network=network, trials=trials)
    learner = Evolve(task, GA.for_task(task, seed=0, population_size=4))
    with event.install_recorder("numba:compile") as recorder:
        learner.task.prepare(learner.algorithm.express(learner.algorithm.ask()))
        before = len(recorder.buffer)
        learner.step()
        task.score(learner.champion(), "validation")
    assert len(recorder.buffer) == before
    assert learner.cost.evaluations == 4


def test_a_run_in_a_scalar_environment_continues_to_the_same_bytes():
    def learner():
        task = ControlTask(rail, network=network, normalize_observations=True, validation_episodes=3, episodes=2)
        return Evolve(task, GA.for_task(task, seed=1, population_size=8), seed=1)

    whole, first, second = learner(), learner(), learner()
    rows = [whole.step()["validation"] for _ in range(4)]
    for _ in range(2):
        first.step()
    second.load_state_dict(first.state_dict())
    assert [second.step()["validation"] for _ in range(2)] == rows[2:]
    assert all(torch.equal(*pair) for pair in zip(whole.champion().save()[0].values(), second.champion().save()[0].values()))


TILES = (0.1, 0.2, 0.3, 0.5, 0.3, 0.2, 0.1, 0.4, 0.2, 0.1)


def walked(state, action):
    tile, time = state
    gain, rest = TILES[int(tile)], 2.0
    while rest > 0.0:  # without an end where the tiles end
        rest -= (10.0 - tile) * 0.1
    tile += 1.0 + (action - 1.0) * (1.0 if time % 2 > 0 else 0.0)
    return (tile, time + 1.0), gain, tile >= 10.0 or tile < 0.0


def test_no_step_begins_where_an_episode_has_ended():
    tiles = Environment(
        "tiles",
        lambda draws: (float(int(draws[0] * 3)), 0.0),
        lambda s: (s[0] / 10, s[1]),
        walked,
        draws=1,
        actions=3,
        max_steps=50,
    )
    networks = Parameters(lambda: MLP(2, 3, hidden=(5,))).express(
        np.random.default_rng(0).normal(size=(7, 33)).astype(np.float32)
    )
    task = ControlTask(tiles, network=network)
    seeds = np.arange(4)
    fused, ticks = (task.evaluate(each, seeds).fitness for each in (networks, TickByTick(networks)))
    assert len({*fused.tolist()}) > 1
    np.testing.assert_allclose(fused, ticks)
