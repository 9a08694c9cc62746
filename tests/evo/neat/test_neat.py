import numpy as np
import pytest
import torch
from scipy import stats

from evo import MLP, ControlTask, threads
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Genome, Genomes, Node
from evo.neat.neat import NEAT
from evo.neat.settings import NEATSettings
from evo.settings import SettingsError
from evo.testing import _bits as bits
from evo.testing import check_algorithm, check_learner, small_task

KINDS = {
    "feed-forward": dict(add_node=0.2, add_link=0.3),
    "recurrent": dict(recurrent=True, add_node=0.2, add_link=0.4, threshold=5.0),
    "cpp": dict(preset="cpp", add_node=0.2, add_link=0.3),
    "random start": dict(initial="random", add_link=0.3, interspecies=0.3),
    "no bias, no species": dict(bias_node=False, split_bias=True, speciation=False, add_node=0.1, add_link=0.2),
}


def fitness_of(genomes, generation):
    """A fitness that grows with size, ties for a quarter of them, and is not finite now and then."""
    draw = np.random.default_rng(generation)
    size = np.diff(genomes.connections_at) + draw.normal(0, 3, len(genomes))
    return np.where(draw.random(len(genomes)) < 0.25, 10.0, np.where(draw.random(len(genomes)) < 0.02, np.nan, size))


def after(generations, seed=0, size=30, told=True, **values):
    neat = NEAT(2, 2, seed=seed, population_size=size, **values)
    for generation in range(generations):
        neat.tell(fitness_of(neat.ask(), generation))
    if not told:
        neat.ask()
    return neat


@pytest.mark.parametrize("kind", KINDS)
def test_genomes_stay_sound_over_hundreds_of_generations(kind):
    """After every generation: order, no dangling node, no cycle where none may be, one meaning of a number for ever, and equal
    new structures equal numbers."""
    neat = NEAT(2, 2, seed=4, population_size=24, **KINDS[kind])
    known = {}
    for generation in range(200):
        genomes = neat.ask().check(feedforward=not neat.options.recurrent)
        assert len(genomes) == 24
        genes = list(zip(genomes.innovation.tolist(), genomes.source.tolist(), genomes.target.tolist()))
        new = {number: ends for number, *ends in genes if number not in known}
        assert len({tuple(ends) for ends in new.values()}) == len(new)  # within a generation: equal ends, equal number
        assert not new or generation == 0 or min(new) > max(known)
        assert all(known.setdefault(number, ends) == ends for number, *ends in genes)
        assert genomes.innovation.max() < neat.innovations.number
        assert genomes.node_id.max() < neat.innovations.node
        first = 2 + neat.options.bias_node
        assert (genomes.node_kind[genomes.node_id >= first + 2] == HIDDEN).all()
        assert (genomes.node_kind[(genomes.node_id >= first) & (genomes.node_id < first + 2)] == OUTPUT).all()
        neat.tell(fitness_of(genomes, generation))
    assert genomes.node_id.max() > 60


def test_a_new_node_stands_in_the_middle_of_the_connection_it_splits():
    neat = after(
        1, told=True, size=200, add_node=1.0, weight_mutation=0.0, weight_mutation_alone=0.0, crossover=0.0, add_link=0.0
    )
    before, children = neat.population, neat.ask()
    copies = 0
    for index, (parent, _) in enumerate(neat.parents):
        old, new = before.one(parent), children.one(index)
        if new.connections == old.connections:
            copies += 1
            continue
        into, out = new.connections[-2:]
        (split,) = [gene for gene, now in zip(old.connections, new.connections) if gene.enabled and not now.enabled]
        assert new.connections[:-2] == [gene._replace(enabled=gene.enabled and gene != split) for gene in old.connections]
        assert (into.source, into.target, into.weight) == (split.source, new.nodes[-1].id, 1.0)
        assert (out.source, out.target, out.weight) == (new.nodes[-1].id, split.target, split.weight)
        assert out.innovation == into.innovation + 1
        assert new.nodes[:-1] == old.nodes
    assert copies == 1  # the champion of what was one species


def test_an_offspring_that_adds_a_connection_that_another_added_before_keeps_its_genes_in_order():
    """Its connection has a smaller number than its split: both mutations in most offspring of a population."""
    neat = after(3, size=300, add_node=1.0, add_link=1.0)
    neat.ask().check(feedforward=True)
    pairs = zip(neat.population.connections_at, neat.population.connections_at[1:])
    last = [neat.population.innovation[b - 3 : b] for a, b in pairs if b - a >= 3]
    assert any(one[2] - one[1] == 1 and one[1] - one[0] > 1 for one in last)


def champions(neat):
    """Of each species with more than 5 networks: its best genome."""
    order = np.argsort(-neat.fitness, kind="stable")
    return [
        neat.population.one(next(i for i in order if neat.species.of[i] == s))
        for s, size in enumerate(neat.species.sizes)
        if size > neat.options.champion_above
    ]


def offspring_of(neat, before):
    """The genomes that have offspring as first or second parent."""
    return [before[place] for place in np.unique(neat.parents[neat.parents >= 0])]


@pytest.mark.parametrize("above", [5, 0, 1000])
def test_the_champion_of_a_species_of_more_than_five_is_copied_unchanged_and_no_other(above):
    neat = after(25, size=80, threshold=2.2, champion_above=above, stagnation=1000)
    seen = set()
    for generation in range(25, 45):
        expected, before = champions(neat), [neat.population.one(index) for index in range(80)]
        seen |= {size > 5 for size in neat.species.sizes}
        children = [neat.ask().one(index) for index in range(80)]
        alone = [(child, before[mother]) for child, (mother, other) in zip(children, neat.parents) if other < 0]
        copies = [child for child, mother in alone if child == mother]
        assert all(copy in expected for copy in copies)
        shared = offspring_of(neat, before)
        assert len(copies) == sum(one in shared for one in expected)
        neat.tell(fitness_of(neat.population, generation))
    assert seen == {False, True}


def breeding_species(neat):
    """The ids of the species that the next generation has parents of."""
    ids, of = neat.species.id.copy(), neat.species.of.copy()
    neat.ask()
    return set(ids[of[neat.parents[neat.parents >= 0]]].tolist())


def test_a_species_is_stagnant_after_15_generations_without_improvement():
    for age, breeds in ((14, True), (15, False)):
        neat = after(30, size=60, threshold=2.0, interspecies=0.0, population_rule="none")
        neat.fitness = np.full(60, 10.0)
        neat.species.improved[:] = 29
        chosen = int(np.argmax(neat.species.sizes))
        neat.species.improved[chosen] = 29 - age
        assert (int(neat.species.id[chosen]) in breeding_species(neat)) == breeds


def test_the_champion_of_the_best_species_that_improved_is_nominated():
    for tested in ("improved", "fittest"):
        neat = after(30, size=60, threshold=2.0, told=False, tested=tested)
        of, one, other, third = neat.species.of, *np.argsort(-neat.species.sizes, kind="stable")[:3]
        fitness = np.full(60, 50.0)
        for species, value in ((one, 70.0), (other, 60.0), (third, 90.0)):
            fitness[np.flatnonzero(of == species)[-1]] = value
        neat.species.best[:] = 100.0
        neat.species.best[[one, other]] = 55.0
        neat.tell(fitness)
        candidate, index = neat.candidate(), np.flatnonzero(of == one)[-1]
        assert (candidate is None) == (tested == "fittest")
        if candidate is not None:
            assert np.array_equal(candidate.weight, neat.population[index].weight)
            assert neat.lineage(None) == neat.lineage(index)


def test_nobody_is_nominated_where_no_species_improved():
    neat = after(30, size=60, threshold=2.0, told=False, tested="improved")
    neat.species.best[:] = 100.0
    neat.tell(np.arange(60.0))
    assert neat.candidate() is None


def test_if_every_species_is_stagnant_all_may_reproduce():
    neat = after(30, size=60, threshold=2.0, interspecies=0.0, population_rule="none")
    neat.fitness, neat.species.improved[:] = np.full(60, 10.0), 0
    everyone = set(neat.species.id.tolist())
    assert breeding_species(neat) == everyone
    assert len(everyone) > 3


@pytest.mark.parametrize("rule", ["once", "lasting", "none"])
@pytest.mark.parametrize(("age", "top"), [(20, False), (21, True)])
def test_after_20_generations_without_improvement_of_all_only_the_top_two_species_reproduce(rule, age, top):
    neat = after(30, size=60, threshold=2.0, interspecies=0.0, population_rule=rule)
    neat.fitness = np.full(60, 10.0)
    best = [2, 4]
    for species, value in zip(best, (11.0, 12.0)):
        neat.fitness[int(np.argmax(neat.species.of == species))] = value
    neat.species.improved[:], neat.improved = 25, 29 - age
    neat.species.improved[best] = 0  # the top two reproduce although they are stagnant themselves
    ids, expected = neat.species.id.copy(), set(neat.species.id[best].tolist())
    bred = breeding_species(neat)
    assert (bred == expected) == (top and rule != "none")
    again = top and rule == "once"
    assert (neat.improved == 29) == again
    kept = {name: when for name, when in zip(neat.species.id.tolist(), neat.species.improved.tolist()) if name in ids}
    assert (set(kept.values()) == {29}) == again


@pytest.mark.parametrize("representative", ["random", "champion"])
def test_a_species_is_compared_by_a_random_member_of_its_last_generation_or_by_its_champion(representative, monkeypatch):
    """Section 3.3: any member as likely, the champion too; each for itself."""
    given, bred = [], NEAT._bred_in_one_call

    def watched(neat, before, *told):
        given.append((made := bred(neat, before, *told))[1])
        return made

    monkeypatch.setattr(NEAT, "_bred_in_one_call", watched)
    neat, standing = after(20, size=60, threshold=2.0, representative=representative), []
    for generation in range(20, 120):
        of, fitness = neat.species.of.copy(), neat.fitness
        neat.ask()
        assert of[given[-1]].tolist() == list(range(of.max() + 1))
        for species, place in enumerate(given[-1]):
            better = (fitness[of == species] > fitness[place]).sum() + ((of == species) & (fitness == fitness[place]))[
                :place
            ].sum()
            standing.append((better + 0.5) / (of == species).sum() if (of == species).sum() >= 8 else np.nan)
        neat.tell(fitness_of(neat.population, generation))
    standing = np.array(standing)[~np.isnan(standing)]
    assert len(standing) > 150
    if representative == "champion":
        assert standing.max() < 1 / 8
    else:
        assert stats.kstest(standing, "uniform").pvalue > 1e-3


def test_offspring_come_from_the_best_fifth_of_their_own_species_and_the_fitter_parent_is_first():
    neat = after(25, size=100, threshold=2.0, interspecies=0.0, champion_above=1000)
    fitness, of = neat.fitness, neat.species.of.copy()
    neat.ask()
    mother, father = neat.parents.T
    two = father >= 0
    assert (of[mother[two]] == of[father[two]]).all()
    assert (fitness[mother[two]] >= fitness[father[two]]).all()
    for parent in neat.parents[neat.parents >= 0]:
        mates = fitness[of == of[parent]]
        assert (mates > fitness[parent]).sum() <= int(0.2 * len(mates))


def test_the_rates_of_crossover_and_of_interspecies_mating_are_met():
    neat = after(25, size=2000, threshold=2.0, crossover=0.6, interspecies=0.3, champion_above=10**6)
    assert len(neat.species.id) > 3
    of = neat.species.of.copy()
    neat.ask()
    two = neat.parents[:, 1] >= 0
    assert two.mean() == pytest.approx(0.6, abs=0.05)
    mixed = of[neat.parents[two, 0]] != of[neat.parents[two, 1]]
    assert mixed.mean() == pytest.approx(0.3, abs=0.06)


def test_a_mate_of_another_species_is_of_any_other_and_of_equals_either_gives_the_structure():
    neat = after(12, size=3000, threshold=4.0, crossover=1.0, interspecies=1.0, champion_above=10**6, stagnation=1000)
    neat.fitness, of, count = np.full(3000, 3.0), neat.species.of.copy(), len(neat.species.id)
    assert 3 < count < 100
    neat.ask()
    own = np.repeat(np.arange(count), [3000 // count + (s < 3000 % count) for s in range(count)])  # of equals equal shares
    first, second = of[neat.parents].T
    other = np.where(first == own, second, first)
    assert ((first == own) != (second == own)).all()
    assert 0.45 < (first == own).mean() < 0.55
    seen = np.bincount(other, minlength=count)
    expected = np.bincount(own, minlength=count)
    assert stats.chisquare(seen, (3000 - expected) / (count - 1)).pvalue > 1e-4


def test_either_of_two_equally_fit_parents_gives_the_structure_as_often():
    neat = after(12, size=400, told=True, threshold=100.0, champion_above=1000, crossover=1.0)
    neat.fitness = np.full(400, 3.0)
    neat.ask()
    first = neat.parents[neat.parents[:, 0] != neat.parents[:, 1]]
    assert 0.4 < (first[:, 0] < first[:, 1]).mean() < 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_breeds_the_same_bytes_as_one_call_for_all(kind, monkeypatch):
    run = lambda: bits(after(6, size=700, told=False, **KINDS[kind]).state_dict())
    whole = run()  # 700 are one part
    for module in ("evo.neat.neat", "evo.neat.reproduction", "evo.neat.speciation"):
        monkeypatch.setattr(f"{module}.GRAIN", 64)
    for count in (1, 2, 3):
        with threads.limited(count):
            assert run() == whole


class Screened(NEAT):
    """Half of the offspring give way to the others."""

    def screen(self, offspring):
        return offspring.select(np.arange(len(offspring)) // 2)


class Strengthened(NEAT):
    """Their weights are made larger where they lie."""

    def screen(self, offspring):
        offspring.genes.weight[:] *= 3
        return offspring


@pytest.mark.parametrize("kind", [Screened, Strengthened])
def test_screened_offspring_find_their_species_as_if_each_step_were_a_call(kind, monkeypatch):
    def run():
        neat = kind(2, 2, seed=0, population_size=60, threshold=1.5)
        for generation in range(8):
            neat.tell(fitness_of(neat.ask(), generation))
        return bits(neat.state_dict())

    in_one_call = run()
    monkeypatch.setattr("evo.neat.neat.GRAIN", 0)
    assert run() == in_one_call


@pytest.mark.parametrize("told", [False, True])
def test_a_resumed_run_goes_on_to_the_same_bytes(told, tmp_path):
    one = after(12, told=told, add_node=0.2, add_link=0.3)
    torch.save(one.state_dict(), tmp_path / "state.pt")
    two = NEAT(2, 2, seed=0, population_size=30, add_node=0.2, add_link=0.3)
    two.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for generation in range(12, 24):
        for neat in (one, two):
            if neat.fitness is None:
                neat.tell(fitness_of(neat.population, generation))
            neat.ask()
        assert bits(one.state_dict()) == bits(two.state_dict())


@pytest.mark.parametrize("preset", ["neat2002", "neat2002-r", "cpp"])
def test_the_contract_is_kept_on_data(preset):
    assert check_algorithm(NEAT, small_task("probability")) == []
    settings = NEATSettings(preset=preset, population_size=12)
    for kind in ("classification", "regression"):
        assert check_learner(NEAT, small_task(kind), settings) == []


def test_the_contract_is_kept_in_episodes_by_networks_that_remember():
    task = ControlTask("CartPole-v1", network=MLP, episodes=2, validation_episodes=3)
    assert check_learner(NEAT, task, NEATSettings(preset="dpnv", population_size=12)) == []


def test_networks_that_remember_are_refused_where_rows_have_no_order():
    with pytest.raises(SettingsError, match="recurrent: expected false"):
        NEAT.for_task(small_task(), seed=0, preset="dpnv")


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
    neat = NEAT(2, 1, population_size=size, threshold=threshold, add_node=0.3, add_link=0.3)
    for _ in range(30):
        genomes = neat.ask().check(feedforward=True)
        assert len(genomes) == size == neat.species.sizes.sum()
        assert len(neat.species.id) == {0.0: size, 1e9: 1}.get(threshold, len(neat.species.id))
        neat.tell(DEGENERATE[fitness](size))


def test_where_one_genome_alone_has_a_fitness_all_descend_from_it():
    neat = NEAT(2, 1, population_size=20)
    neat.ask()
    neat.tell(DEGENERATE["one finite"](20))
    neat.ask()
    assert set(neat.parents[neat.parents >= 0].tolist()) == {19}


def test_tell_wants_one_number_a_genome_of_a_population_that_was_asked_for():
    neat = NEAT(2, 1, population_size=5)
    with pytest.raises(RuntimeError, match=r"needs a population from ask\(\)"):
        neat.tell(np.zeros(5))
    neat.ask()
    with pytest.raises(RuntimeError, match="known after tell"):
        _ = neat.best
    with pytest.raises(ValueError, match=r"\(5,\)"):
        neat.tell(np.zeros(4))
    neat.tell([0.0, 1.0, 3.0, float("nan"), 2.0])
    assert (neat.best_fitness, neat.best.one(0)) == (3.0, neat.population.one(2))
    with pytest.raises(RuntimeError):
        neat.tell(np.zeros(5))


PAPER = {  # section 4.1: all experiments, and what differs for double poles without velocities
    "neat2002": dict(
        population_size=150, excess_coefficient=1.0, disjoint_coefficient=1.0, weight_coefficient=0.4, threshold=3.0,
        stagnation=15, champion_above=5, weight_mutation=0.8, weight_perturbed=0.9, disabled=0.75, crossover=0.75,
        interspecies=0.001, add_node=0.03, add_link=0.05, small_genome=20, population_stagnation=20, recurrent=False,
    ),
    "dpnv": dict(
        population_size=1000, weight_coefficient=3.0, threshold=4.0, add_node=0.03, add_link=0.3, crossover=0.75,
        recurrent=True, excess_coefficient=1.0, stagnation=15,
    ),
}  # fmt: skip


@pytest.mark.parametrize("preset", PAPER)
def test_a_preset_has_the_papers_numbers(preset):
    options = NEAT(2, 1, preset=preset).options
    assert {name: getattr(options, name) for name in PAPER[preset]} == PAPER[preset]


def test_settings_that_are_given_win_over_the_preset_also_where_they_equal_another():
    options = NEAT(2, 1, preset="dpnv", add_link=0.05, population_size=7, recurrent=False).options
    assert (options.add_link, options.population_size, options.recurrent, options.threshold) == (0.05, 7, False, 4.0)
    with pytest.raises(SettingsError, match=r"preset: .*did you mean 'neat2002'"):
        NEAT(2, 1, preset="neat2003")


def hidden(genomes):
    return np.bincount(genomes.owners()[0][genomes.node_kind == HIDDEN], minlength=len(genomes))


def test_the_first_population_is_minimal_and_differs_in_weights_alone():
    neat = NEAT(3, 2, seed=5, population_size=500, initial_weights=2.5)
    genomes = neat.ask().check(feedforward=True)
    for index in (0, 499):
        assert [gene[:3] for gene in genomes.one(index).connections] == [
            (k, source, target) for k, (source, target) in enumerate((s, t) for s in range(4) for t in (4, 5))
        ]
    assert genomes.enabled.all()
    assert (neat.innovations.node, neat.innovations.number) == (6, 8)
    weights = genomes.weight.reshape(500, 8)
    assert 2.45 < np.abs(weights).max() <= 2.5
    assert np.abs(weights.mean(0)).max() < 4 * 2.5 / np.sqrt(3 * 500)
    assert np.abs(np.corrcoef(weights.T) - np.eye(8)).max() < 4.5 / np.sqrt(500)


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_random_start_has_one_to_ten_hidden_nodes_and_half_of_the_connections(recurrent):
    neat = NEAT(2, 1, population_size=1000, initial="random", recurrent=recurrent)
    genomes = neat.ask().check(feedforward=not recurrent)
    counts = np.bincount(hidden(genomes), minlength=11)
    assert counts[0] == 0
    assert len(counts) == 11
    assert counts[1:].min() > 60
    one = hidden(genomes) == 10
    nodes = 10 + 1
    possible = (3 + nodes) * nodes if recurrent else 3 * nodes + 10 + 45
    assert np.diff(genomes.connections_at)[one].mean() == pytest.approx(possible / 2, rel=0.05)


def test_without_growth_the_layer_of_hidden_nodes_stays_as_it_is():
    neat = after(40, growth=False, hidden=6, add_node=1.0, add_link=1.0)
    genomes = neat.population
    assert set(hidden(genomes).tolist()) == {6}
    assert set(np.diff(genomes.connections_at).tolist()) == {3 * 6 + 6 * 2}
    assert genomes.enabled.all()


def test_ablations_take_away_what_they_name():
    assert (after(20, crossover=0.0).parents[:, 1] == -1).all()
    assert len(after(20, speciation=False, threshold=0.0).species.id) == 1
    assert hidden(after(20, add_node=0.0, add_link=1.0).population).sum() == 0


def test_a_row_says_what_the_population_is():
    neat = after(20, size=50)
    row, genomes = neat.row(), [neat.population.one(index) for index in range(50)]
    assert sum(row["species"].values()) == 50
    assert list(row["species"]) == [str(one) for one in sorted(neat.species.id)]
    assert row["nodes_mean"] == np.mean([len(one.nodes) for one in genomes])
    assert row["connections_mean"] == np.mean([sum(gene.enabled for gene in one.connections) for one in genomes])
    assert row["innovations"] == neat.innovations.number
    assert NEAT(2, 1).row() == {}


def test_lineage_names_parents_of_the_generation_before():
    neat = after(1, size=30)
    assert neat.lineage(3) == {"id": 3, "parents": []}
    neat.tell(np.zeros(30)) if neat.fitness is None else neat.ask()
    neat.tell(np.zeros(30))
    for index in range(30):
        expected = sorted({int(p) for p in neat.parents[index] if p >= 0})
        assert neat.lineage(index) == {"id": 30 + index, "parents": expected}


def test_a_warm_start_begins_with_the_network_and_numbers_go_on_after_its_own():
    donor = after(20, add_node=0.2, add_link=0.3)
    model = donor.model(donor.best)
    neat = NEAT(2, 2, seed=1, population_size=30, add_node=1.0)
    neat.warm_start(model)
    genomes = neat.ask().check(feedforward=True)
    assert genomes.one(0) == donor.best.one(0)
    assert len({tuple(one.weight) for one in genomes}) == 30
    grown = genomes.innovation > donor.best.innovation.max()
    assert grown.any()
    assert neat.innovations.number == genomes.innovation.max() + 1
    for wrong in (object(), NEAT(3, 2).model(NEAT(3, 2).ask()[0])):
        with pytest.raises(ValueError, match="2 inputs and 2 outputs"):
            NEAT(2, 2).warm_start(wrong)


def test_what_a_node_is_stays_with_it_and_new_nodes_are_plain():
    neat = NEAT(2, 2, seed=1, population_size=20, add_node=0.3)
    model = neat.model(NEAT(2, 2, population_size=1).ask())
    genes = model.genome.genes
    for name in ("bias", "response", "time_constant"):
        getattr(genes, name)[:] = np.arange(5) + 0.5
    genes.activation[:], genes.aggregation[:] = np.arange(5) + 2, np.arange(5) % 3
    neat.warm_start(model)
    old = {node.id: node for node in model.genome.one(0).nodes}
    for _ in range(6):
        for genome in neat.ask():
            for node in genome.one(0).nodes:
                assert node == old.get(node.id, Node(node.id, HIDDEN))
        neat.tell(np.diff(neat.population.nodes_at))
    assert neat.population.node_id.max() > 5


def test_xor_is_solved():
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0.0, 1, 1, 0])
    generations = []
    for seed in range(6):
        neat = NEAT(2, 1, seed=seed)
        for generation in range(150):
            outputs = neat.express(neat.ask()).forward(torch.from_numpy(x)).numpy()[..., 0].astype(float)
            if ((outputs > 0.5) == (y > 0.5)).all(1).any():
                generations.append(generation)
                break
            neat.tell((4 - np.abs(outputs - y).sum(1)) ** 2)
    assert len(generations) >= 5
    assert np.median(generations) < 60
    assert isinstance(neat.population, Genomes)


def test_a_genome_without_connections_goes_on():
    bare = Genome(1, 1, [Node(0, SENSOR), Node(1, OUTPUT)], [])
    neat = NEAT(1, 1, population_size=8, add_node=1.0, add_link=0.5, bias_node=False)
    neat.warm_start(neat.model(Genomes.of([bare])))
    for _ in range(10):
        neat.tell(np.diff(neat.ask().check(feedforward=True).connections_at))
    assert neat.population.innovation.size > 0
