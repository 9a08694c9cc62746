import numpy as np
import pytest
import torch
from numba import njit
from random_graphs import Peer, alike, random_genome

from evo import threads
from evo.activations import CODES, NODE_ACTIVATIONS
from evo.genomes.genome import Genomes
from evo.network import cpu, population
from evo.network.population import Networks, forward, initial_state
from evo.network.program import compile

GENOMES = 3000
TICKS = 5
RUNS = {"feed-forward": {}, "recurrent": dict(recurrent=True), "continuous": dict(recurrent=True, time_step=0.02)}
RUNS["unconnected"] = dict(recurrent=True, unconnected=True)
in_every_way = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


def rows_of(genome, count, seed):
    """Every fourth time so large that some networks overflow."""
    return np.random.default_rng(seed).normal(size=(count, genome.inputs)) * (1.0 if seed % 4 else 1e60)


def difference(ours, theirs):
    """The largest, in units of max(1, |theirs|); equal infinities do not differ."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
    return np.where(ours == theirs, 0.0, apart).max()


def mixed(recurrent, count=40, seed=0):
    """A population of equal inputs and outputs with all activations, and rows for it."""
    genomes = alike([random_genome(s, recurrent, tuple(range(len(CODES)))) for s in range(seed, seed + 12 * count)])
    return Genomes.of(genomes[:count])


def test_feed_forward_networks_equal_neat_pythons():
    overflown = 0
    for seed in range(GENOMES):
        genome = random_genome(seed)
        x, peer = rows_of(genome, 2, seed), Peer(genome)
        ours = forward(Genomes.of([genome]), x)[0].numpy()
        for row, output in zip(x, ours):
            expected = peer(row)
            overflown += expected is None
            assert expected is None or difference(output, expected) <= 1e-9, seed
    assert 0 < overflown < 0.01 * 2 * GENOMES


def test_recurrent_networks_equal_neat_pythons_at_every_tick():
    overflown = 0
    for seed in range(GENOMES):
        genome = random_genome(seed, recurrent=True)
        x, peer = rows_of(genome, TICKS, seed), Peer(genome, recurrent=True)
        program = compile(Genomes.of([genome]), recurrent=True)
        state = initial_state(program, 1)
        for row in x:
            output, expected = forward(program, row[None], state)[0, 0].numpy(), peer(row)
            if expected is None:
                overflown += 1
                break
            assert difference(output, expected) <= 1e-9, seed
    assert 0 < overflown < 0.05 * GENOMES


@pytest.mark.parametrize("own_rows", [False, True])
@in_every_way
def test_both_backends_agree(run, own_rows):
    genomes = mixed(bool(run))
    program = compile(genomes, **run)
    shape = (3, len(genomes), 5, genomes.inputs) if own_rows else (3, 5, genomes.inputs)
    states = initial_state(program, 5), initial_state(program, 5)
    for x in torch.randn(shape, dtype=torch.float64, generator=torch.manual_seed(0)):
        cores = forward(program, x, states[0], "depth")
        reference = forward(program, x, states[1], "depth", backend="torch")
        known = cores.isfinite() & reference.isfinite()
        assert known.float().mean() > 0.95
        scale = reference.abs().clamp(min=1.0)
        assert ((cores - reference).abs() / scale)[known].max() <= 1e-9
        for state in states:
            state[~np.isfinite(state)] = 0.0


@njit
def scalar(program, x, out, ticks):
    """All networks on rows x (T, I), one after the other, by the scalar functions: out (P, T, O)."""
    for g in range(len(program.depth)):
        values, new = np.zeros((2, program.slots_at[g + 1] - program.slots_at[g], 1))
        for t in range(len(x)):
            column = x[t].reshape(x.shape[1], 1)
            if ticks:
                cpu.tick(program, g, column, values, new, 0)
            else:
                cpu.feedforward(program, g, column, values, 0)
            for o in range(out.shape[2]):
                out[g, t, o] = values[program.first_output[g] + o, 0]


@in_every_way
def test_the_scalar_functions_give_the_bits_of_the_population_kernels(run):
    genomes = mixed(bool(run))
    program = compile(genomes, **run)
    x = torch.randn(6, genomes.inputs, dtype=torch.float64, generator=torch.manual_seed(1))
    out = np.empty((len(genomes), len(x), genomes.outputs))
    scalar(program, x.numpy(), out, int(bool(run)))
    if run:
        state = initial_state(program, 1)
        rows = torch.cat([forward(program, row[None], state) for row in x], dim=1)
    else:
        rows = forward(program, x)
    np.testing.assert_array_equal(out, rows.numpy())


@pytest.mark.parametrize("batch", [1, 7, 8, 9, 64, 65, 200])
@in_every_way
def test_a_batch_gives_the_bits_of_its_rows_one_by_one(run, batch):
    genomes = mixed(bool(run), count=8)
    program = compile(genomes, **run)
    x = torch.randn(len(genomes), batch, genomes.inputs, generator=torch.manual_seed(2))
    together, alone = initial_state(program, batch), [initial_state(program, 1) for _ in range(batch)]
    for _ in range(2):
        whole = forward(program, x, together)
        rows = torch.cat([forward(program, x[:, b : b + 1], alone[b]) for b in range(batch)], dim=1)
        assert torch.equal(whole.nan_to_num(), rows.nan_to_num())
    shared = forward(program, x[0])
    repeated = forward(program, x[:1].expand(len(genomes), -1, -1))
    assert torch.equal(shared.nan_to_num(), repeated.nan_to_num())


@in_every_way
def test_threads_change_no_bit(run, monkeypatch):
    monkeypatch.setattr(population, "WORK", 1)
    genomes, results = mixed(bool(run), count=30), []
    program = compile(genomes, **run)
    x = torch.randn(30, 9, genomes.inputs, generator=torch.manual_seed(3))
    for count in (1, 2, 3):
        with threads.limited(count):
            state = initial_state(program, 9)
            results.append([forward(program, x, state).nan_to_num() for _ in range(3)])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


def test_a_nan_or_an_overflow_stays_in_its_row_and_its_network():
    genomes = Genomes.of(alike([random_genome(s, aggregations=[0]) for s in range(200)])[:12])
    program = compile(genomes)
    x = torch.ones(len(genomes), 6, genomes.inputs, dtype=torch.float64)
    clean = forward(program, x)
    assert clean.isfinite().all()
    x[3, 2], x[4, 1] = torch.nan, 1e308
    with np.errstate(all="ignore"):  # kernels that run as plain Python warn
        bad = forward(program, x)
    touched = torch.zeros_like(bad, dtype=torch.bool)
    touched[3, 2] = touched[4, 1] = True
    assert torch.equal(bad[~touched], clean[~touched])


@pytest.mark.parametrize("name", NODE_ACTIVATIONS)
def test_a_nan_among_the_inputs_of_a_network_is_a_nan_at_its_output(name):
    genome = random_genome(0, activations=[CODES[name]], hidden=0, biased=False)
    genome.connections[:] = [genome.connections[0]._replace(innovation=0, source=0, target=genome.inputs, enabled=True)]
    x = np.zeros((2, genome.inputs))
    x[1, 0] = np.nan
    output = forward(Genomes.of([genome]), x)[0, :, 0]
    assert output[0].isfinite()
    assert output[1].isnan()


def test_float32_rows_are_computed_in_float64():
    genomes = mixed(False)
    x = torch.randn(5, genomes.inputs, generator=torch.manual_seed(4))
    assert torch.equal(forward(genomes, x), forward(genomes, x.double()).float())
    assert Networks(genomes).forward(x).dtype == torch.float32


def test_what_does_not_fit_is_named():
    genomes = mixed(True)
    wide = torch.zeros(4, genomes.inputs + 1)
    with pytest.raises(ValueError, match=rf"expected inputs of shape \(B, {genomes.inputs}\) or \(40, B"):
        forward(compile(genomes, True), wide)
    networks = Networks(genomes, recurrent=True)
    networks.forward(wide[:, 1:])
    with pytest.raises(ValueError, match="the state has 4 rows, the inputs have 3: reset"):
        networks.forward(wide[:3, 1:])
    networks.reset()
    networks.forward(wide[:3, 1:])
    with pytest.raises(ValueError, match='ticks: expected a whole number >= 1 or "depth"; got 0'):
        forward(compile(genomes, True), wide[:, 1:], ticks=0)
    with pytest.raises(ValueError, match='backend: expected "cores" or "torch"; got \'gpu\''):
        forward(compile(genomes, True), wide[:, 1:], backend="gpu")


@in_every_way
@pytest.mark.parametrize(("size", "batch"), [(0, 3), (3, 0)])
def test_nobody_and_no_rows_are_fine(size, batch, run):
    genomes = mixed(bool(run))[np.arange(size)]
    out = forward(compile(genomes, **run), torch.zeros(batch, genomes.inputs))
    assert out.shape == (size, batch, genomes.outputs)


def test_state_lasts_until_reset():
    genomes = mixed(True)
    networks, x = Networks(genomes, recurrent=True), torch.ones(2, genomes.inputs)
    first = networks.forward(x).nan_to_num()
    second = networks.forward(x).nan_to_num()
    assert not torch.equal(first, second)
    networks.reset()
    assert torch.equal(networks.forward(x).nan_to_num(), first)
