import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from evo import MLP, NEAT, ControlTask, ModernNEAT, threads
from evo.activations import CODES
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Genome, Genomes, Node
from evo.neat_modern.settings import ModernSettings
from evo.network.model import NetworkModel
from evo.settings import SettingsError
from evo.testing import _bits as bits
from evo.testing import check_algorithm, check_learner, small_task

ROOT = Path(__file__).parents[3]
KINDS = {
    "default": {},
    "recurrent": dict(feed_forward=False, num_hidden=2, compatibility_threshold=2.0),
    "all attributes": dict(
        activation_options=("neat_sigmoid", "neat_tanh"), activation_mutate_rate=0.2, response_mutate_rate=0.3,
        response_mutate_power=0.5, aggregation_options=("sum", "max"), aggregation_mutate_rate=0.2, target_num_species=5,
    ),
    "bare start": dict(initial_connection="unconnected", structural_mutation_surer="true", node_add_prob=0.6),
    "one mutation": dict(single_structural_mutation=True, initial_connection="partial_direct", num_hidden=3),
}  # fmt: skip


def fitness_of(genomes, generation):
    """A fitness that grows with size, ties for a quarter of them, and is not finite now and then."""
    draw = np.random.default_rng(generation)
    size = np.diff(genomes.connections_at) + draw.normal(0, 3, len(genomes))
    return np.where(draw.random(len(genomes)) < 0.25, 10.0, np.where(draw.random(len(genomes)) < 0.02, np.nan, size))


def after(generations, seed=0, size=30, told=True, **values):
    method = ModernNEAT(2, 2, seed=seed, population_size=size, **values)
    for generation in range(generations):
        method.tell(fitness_of(method.ask(), generation))
    if not told:
        method.ask()
    return method


def sound(method, before, known):
    """The population that follows `before`, and what must be true of it. known: innovation number -> ends."""
    genomes, options = method.ask().check(feedforward=method.options.feed_forward), method.options
    size, species = options.population_size, method.species
    assert len(genomes) == size == species.sizes.sum()
    assert (species.sizes > 0).all()
    assert (np.diff(species.id) > 0).all()
    assert (species.of[species.representative] == np.arange(len(species.id))).all()
    for name in ("bias", "response"):
        acting = getattr(genomes, name)[genomes.node_kind >= OUTPUT]
        assert acting.min() >= getattr(options, f"{name}_min_value")
        assert acting.max() <= getattr(options, f"{name}_max_value")
    assert np.abs(genomes.weight).max(initial=0.0) <= options.weight_max_value
    connections = list(zip(genomes.innovation.tolist(), genomes.source.tolist(), genomes.target.tolist()))
    assert max((number for number, *_ in connections), default=-1) < method.innovations.number
    assert genomes.node_id.max() < method.innovations.node
    new = {number: ends for number, *ends in connections if number not in known}
    assert all(known.setdefault(number, ends) == ends for number, *ends in connections)
    assert len({tuple(ends) for ends in new.values()}) == len(new)  # equal new connections, equal numbers
    if before is None or (method.parents < 0).all():
        return genomes
    born = genomes.node_id[genomes.node_id > before.node_id.max()]
    assert len(set(born.tolist())) == len(born)  # no two offspring share a new node
    for index, (mother, father) in enumerate(method.parents.tolist()):
        child, parent = genomes.one(index), before.one(mother)
        assert father >= 0 or child == parent
        gained = {gene.innovation for gene in child.connections} - {gene.innovation for gene in parent.connections}
        lost = {node.id for node in parent.nodes} - {node.id for node in child.nodes}
        assert len(gained) <= 3
        assert len(lost) <= 1
        assert all(name >= genomes.inputs + genomes.outputs for name in lost)
    return genomes


@pytest.mark.parametrize("kind", KINDS)
def test_every_generation_is_sound(kind):
    method, genomes, known = ModernNEAT(2, 2, seed=4, population_size=24, **KINDS[kind]), None, {}
    for generation in range(120):
        genomes = sound(method, genomes, known)
        method.tell(fitness_of(genomes, generation))
    assert method.innovations.node > 60


chances = st.sampled_from([0.0, 0.2, 0.9, 1.0])


@hypothesis_settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        dict(
            population_size=st.integers(1, 20),
            elitism=st.integers(0, 3),
            min_species_size=st.integers(1, 4),
            compatibility_threshold=st.sampled_from([0.0, 1.0, 3.0]),
            target_num_species=st.sampled_from([None, 1, 4]),
            max_stagnation=st.integers(1, 6),
            species_elitism=st.integers(0, 3),
            species_fitness_func=st.sampled_from(["max", "mean", "median"]),
            survival_threshold=chances,
            conn_add_prob=chances,
            conn_delete_prob=chances,
            node_add_prob=chances,
            node_delete_prob=chances,
            single_structural_mutation=st.booleans(),
            structural_mutation_surer=st.sampled_from(["true", "false", "default"]),
            feed_forward=st.booleans(),
            num_hidden=st.integers(0, 3),
            initial_connection=st.sampled_from(["unconnected", "fs_neat_hidden", "full_direct", "partial_nodirect"]),
        )
    ),
    st.integers(0, 2**64 - 1),
)
def test_whatever_is_set_every_generation_is_sound(values, seed):
    values["elitism"] = min(values["elitism"], values["population_size"] - 1)
    values["min_species_size"] = min(values["min_species_size"], values["population_size"])
    method, genomes, known = ModernNEAT(2, 1, seed=seed, **values), None, {}
    for generation in range(12):
        genomes = sound(method, genomes, known)
        method.tell(fitness_of(genomes, generation))


def test_where_all_species_die_out_the_population_begins_again():
    values = dict(max_stagnation=4, species_elitism=0, compatibility_threshold=1e9, num_hidden=1)
    method = ModernNEAT(2, 1, population_size=20, **values)
    first, ids, known = None, [], {}
    for generation in range(14):
        genomes = sound(method, None, known)
        ids.append(method.species.id.tolist())
        if generation in (0, 5, 10):  # the fitness of the last one improved in its first generation
            assert (method.parents == -1).all()
            assert set(np.diff(genomes.nodes_at)) == {4}
            assert first is None or not set(first.innovation.tolist()) & set(genomes.innovation.tolist())
            assert first is None or set(first.weight.tolist()).isdisjoint(genomes.weight.tolist())
            first = genomes
        else:
            assert (method.parents[:, 0] >= 0).all()
        method.tell(np.ones(20))
    assert max(ids[4]) < min(ids[5])
    assert max(ids[9]) < min(ids[10])


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_breeds_the_same_bytes(kind, monkeypatch):
    for module in ("evo.neat_modern.reproduction", "evo.neat_modern.speciation"):
        monkeypatch.setattr(f"{module}.GRAIN", 64)
    runs = []
    for count in (1, 2, 3):
        with threads.limited(count):
            runs.append(bits(after(6, size=700, told=False, **KINDS[kind]).state_dict()))
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("told", [False, True])
def test_a_resumed_run_goes_on_to_the_same_bytes(told, tmp_path):
    values = KINDS["all attributes"]
    one = after(12, told=told, **values)
    torch.save(one.state_dict(), tmp_path / "state.pt")
    two = ModernNEAT(2, 2, seed=0, population_size=30, **values)
    two.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for generation in range(12, 24):
        for method in (one, two):
            if method.fitness is None:
                method.tell(fitness_of(method.population, generation))
            method.ask()
        assert bits(one.state_dict()) == bits(two.state_dict())


def test_the_seed_and_nothing_else_decides():
    digests = [bits(after(5, seed=seed).state_dict()) for seed in (0, 0, 1, 2**63)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_contract_is_kept_on_data_and_in_episodes():
    assert check_algorithm(ModernNEAT, small_task("probability")) == []
    settings = ModernSettings(population_size=12)
    for kind in ("classification", "regression"):
        assert check_learner(ModernNEAT, small_task(kind), settings) == []
    task = ControlTask("CartPole-v1", network=MLP, episodes=2, validation_episodes=3)
    assert check_learner(ModernNEAT, task, dataclasses.replace(settings, feed_forward=False)) == []


def test_networks_that_remember_are_refused_where_rows_have_no_order():
    with pytest.raises(SettingsError, match="feed_forward: expected true; got false"):
        ModernNEAT.for_task(small_task(), seed=0, feed_forward=False)


DEGENERATE = {
    "equal": lambda n: np.full(n, 3.0),
    "zero": np.zeros,
    "negative": lambda n: -1.0 - np.arange(n),
    "all nan": lambda n: np.full(n, np.nan),
    "one finite": lambda n: np.where(np.arange(n) == n - 1, -7.0, np.nan),
    "huge": lambda n: np.where(np.arange(n) % 2, 1.7e308, -1.7e308),
    "tiny": lambda n: 5e-324 * np.arange(n),
}


@pytest.mark.parametrize("fitness", DEGENERATE)
@pytest.mark.parametrize("size", [1, 2, 7, 40])
@pytest.mark.parametrize("threshold", [0.0, 3.0, 1e9])
def test_every_fitness_population_and_number_of_species_goes_on(fitness, size, threshold):
    elitism = min(2, size - 1)
    method = ModernNEAT(2, 1, population_size=size, compatibility_threshold=threshold, elitism=elitism, min_species_size=1)
    known = {}
    for _ in range(30):
        sound(method, None, known)
        assert len(method.species.id) == {0.0: size, 1e9: 1}.get(threshold, len(method.species.id))
        method.tell(DEGENERATE[fitness](size))


def test_where_one_genome_alone_has_a_fitness_all_descend_from_it():
    method = ModernNEAT(2, 1, population_size=20)
    method.ask()
    method.tell(DEGENERATE["one finite"](20))
    method.ask()
    assert set(method.parents[method.parents >= 0].tolist()) == {19}


def test_the_best_is_never_lost_and_a_nan_never_wins():
    method, best = ModernNEAT(2, 1, population_size=30, compatibility_threshold=2.0), -np.inf
    for _ in range(25):
        genomes = method.ask()
        fitness = np.bincount(genomes.owners()[1], np.abs(genomes.weight), minlength=30)
        shown = fitness.copy()
        shown[np.argmin(fitness)] = np.nan
        method.tell(shown)
        assert method.best_fitness == fitness.max() >= best
        best = method.best_fitness


def test_tell_wants_one_number_a_genome_of_a_population_that_was_asked_for():
    method = ModernNEAT(2, 1, population_size=5)
    with pytest.raises(RuntimeError, match=r"needs a population from ask\(\)"):
        method.tell(np.zeros(5))
    method.ask()
    with pytest.raises(RuntimeError, match="known after tell"):
        _ = method.best
    with pytest.raises(ValueError, match=r"\(5,\)"):
        method.tell(np.zeros(4))
    method.tell([0.0, 1.0, 3.0, float("nan"), 2.0])
    assert (method.best_fitness, method.best.one(0)) == (3.0, method.population.one(2))
    with pytest.raises(RuntimeError):
        method.tell(np.zeros(5))


def test_a_row_and_a_lineage_say_what_the_population_is():
    method = after(20, size=50, compatibility_threshold=2.0)
    row, genomes = method.row(), [method.population.one(index) for index in range(50)]
    other = NEAT(2, 1)
    other.ask()
    assert row.keys() == other.row().keys()
    assert sum(row["species"].values()) == 50
    assert row["nodes_mean"] == np.mean([len(one.nodes) for one in genomes])
    assert row["connections_mean"] == np.mean([sum(gene.enabled for gene in one.connections) for one in genomes])
    assert method.lineage(3)["id"] == 19 * 50 + 3
    assert method.lineage(3)["parents"] == sorted({18 * 50 + int(p) for p in method.parents[3] if p >= 0})
    assert ModernNEAT(2, 1).row() == {}


@pytest.mark.parametrize("donor", [NEAT, ModernNEAT])
def test_a_warm_start_begins_with_the_network_and_numbers_go_on_after_its_own(donor):
    other = donor(2, 2, seed=2, population_size=20)
    for generation in range(10):
        other.tell(fitness_of(other.ask(), generation))
    model = other.model(other.best)
    method = ModernNEAT(2, 2, seed=1, population_size=30)
    method.warm_start(model)
    genomes, known = sound(method, None, {}), {}
    assert genomes.one(0) == other.best.one(0)
    assert len({tuple(one.weight) for one in genomes}) > 25
    for generation in range(8):
        method.tell(fitness_of(sound(method, None, known), generation))
    with pytest.raises(RuntimeError, match="before the first ask"):
        method.warm_start(model)
    for wrong in (object(), ModernNEAT(3, 2).model(ModernNEAT(3, 2).ask()[0])):
        with pytest.raises(ValueError, match="2 inputs and 2 outputs"):
            ModernNEAT(2, 2).warm_start(wrong)
    for way in (dict(recurrent=True), dict(recurrent=True, ticks=3), dict(time_step=0.01)):
        with pytest.raises(ValueError, match=r"the network runs with (recurrent|ticks|time_step)"):
            ModernNEAT(2, 2).warm_start(NetworkModel(model.genome, **way))


@pytest.mark.parametrize("kind", [NEAT, ModernNEAT])
@pytest.mark.parametrize(
    ("name", "sizes"), [("inputs", (0, 1)), ("inputs", (-1, 1)), ("outputs", (2, 0)), ("inputs", (2.5, 1))]
)
def test_sizes_that_no_network_has_are_refused(kind, name, sizes):
    with pytest.raises(ValueError, match=f"{name}: expected a whole number >= 1"):
        kind(*sizes)


@pytest.mark.parametrize("method", [NEAT, ModernNEAT])
@pytest.mark.parametrize("kind", ["classification", "regression", "probability"])
def test_outputs_are_of_any_size_where_a_task_takes_any(method, kind):
    names = lambda **values: {
        list(CODES)[code]
        for genomes in [method.for_task(small_task(kind), seed=0, population_size=5, **values).ask()]
        for code in genomes.activation[genomes.node_kind == OUTPUT]
    }
    usual = "steep_sigmoid" if method is NEAT else "neat_sigmoid"
    assert names() == {usual if kind == "probability" else "identity"}
    assert names(output_activation="tanh") == {"tanh"}


@pytest.mark.parametrize("kind", [NEAT, ModernNEAT])
def test_a_seed_may_be_a_numpy_number_of_any_size(kind):
    for seed in (np.int64(-3), np.uint64(2**63 + 1)):
        assert bits(kind(2, 1, seed=seed).ask().state_dict()) == bits(kind(2, 1, seed=int(seed)).ask().state_dict())


def test_a_genome_without_connections_goes_on():
    bare = Genome(1, 1, [Node(0, SENSOR), Node(1, OUTPUT)], [])
    method = ModernNEAT(1, 1, population_size=8)
    method.warm_start(method.model(Genomes.of([bare])))
    for _ in range(10):
        method.tell(np.diff(method.ask().check(feedforward=True).connections_at))
    assert method.population.innovation.size > 0


def test_exclusive_or_is_solved_as_in_neat_pythons_example():
    """Fitness 4 - sum of squared errors, solved at 3.9; it needs some 80 generations."""
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0.0, 1, 1, 0])
    generations, hidden = [], []
    for seed in range(8):
        method = ModernNEAT(2, 1, seed=seed)
        for _ in range(200):
            outputs = method.express(method.ask()).forward(torch.from_numpy(x)).numpy()[..., 0].astype(float)
            method.tell(4.0 - ((outputs - y) ** 2).sum(1))
            if method.best_fitness >= 3.9:
                generations.append(method.generation)
                hidden.append(int((method.best.node_kind == HIDDEN).sum()))
                break
    assert len(generations) >= 6
    assert 15 < np.median(generations) < 150
    assert min(hidden) >= 1
