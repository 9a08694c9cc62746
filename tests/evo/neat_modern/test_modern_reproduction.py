"""Offspring against those of neat-python itself, over many draws; and what each may and may not be."""

import itertools
import random

import numpy as np
import pytest
from neat.innovation import InnovationTracker
from neat_python_peer import neat_config, to_neat

from evo import ModernNEAT
from evo.activations import CODES, MAX
from evo.genomes.genome import HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.genomes.innovation import Innovations
from evo.neat_modern.attributes import Attributes
from evo.neat_modern.mutation import Chances
from evo.neat_modern.reproduction import breed
from evo.neat_modern.settings import ModernSettings

STILL = dict(  # nothing mutates
    conn_add_prob=0.0, conn_delete_prob=0.0, node_add_prob=0.0, node_delete_prob=0.0, bias_mutate_rate=0.0,
    bias_replace_rate=0.0, weight_mutate_rate=0.0, weight_replace_rate=0.0, enabled_mutate_rate=0.0,
)  # fmt: skip
RELU, TANH = CODES["relu"], CODES["neat_tanh"]
# 2 inputs, 1 output, hidden nodes 3, 4, 5; a diamond with a path of two nodes beside it.
MOTHER = Genome(
    2,
    1,
    [Node(0, SENSOR), Node(1, SENSOR), Node(2, OUTPUT, 0.5, 1.0, RELU)]
    + [Node(3, HIDDEN, -1.0, 2.0, RELU), Node(4, HIDDEN, 1.0, 1.0, RELU), Node(5, HIDDEN, 0.0, 1.0, RELU)],
    [
        Connection(0, 0, 2, 1.0),
        Connection(1, 1, 2, 2.0, False),
        Connection(2, 0, 3, 3.0),
        Connection(3, 3, 2, 4.0, False),
        Connection(4, 0, 4, 5.0),
        Connection(5, 4, 5, 6.0),
        Connection(6, 5, 2, 7.0),
    ],
)
FATHER = Genome(
    2,
    1,
    [Node(0, SENSOR), Node(1, SENSOR), Node(2, OUTPUT, -0.5, 3.0, TANH, MAX), Node(3, HIDDEN, 1.0, 4.0, TANH)],
    [
        Connection(0, 0, 2, -1.0, False),
        Connection(1, 1, 2, -2.0, False),
        Connection(2, 0, 3, -3.0),
        Connection(3, 3, 2, -4.0),
        Connection(7, 1, 3, -8.0),
    ],
)


def bred(options, count, genomes=(MOTHER, FATHER), pair=(0, 1), seed=0):
    parents = Genomes.of(list(genomes))
    innovations = Innovations(int(parents.node_id.max()) + 1, int(parents.innovation.max(initial=-1)) + 1)
    pairs = np.tile(np.array(pair), (count, 1))
    return breed(parents, pairs, innovations, Chances.of(options), Attributes.of(options), 3, seed)


def peers(options, count, genomes=(MOTHER, FATHER), pair=(0, 1), seed=0):
    """As many offspring of neat-python."""
    config = neat_config(options, genomes[0].inputs, genomes[0].outputs).genome_config
    config.innovation_tracker = InnovationTracker(100)
    one, two = to_neat(genomes[pair[0]], 0, 2.0), to_neat(genomes[pair[1]], 1, 1.0)
    config.get_new_node_key({**one.nodes, **two.nodes})
    random.seed(seed)
    for key in range(count):
        child = type(one)(key + 2)
        child.configure_crossover(one, two, config)
        child.mutate(config)
        yield child


def compared(options, features, count=2000, places=5.0, **given):
    """The mean of every feature, a dict of a neat-python genome, is that of ours, by `places` standard errors."""
    theirs = [features(child) for child in peers(options, count, **given)]
    made = bred(options, 2 * count, **given)
    ours = [features(to_neat(made.one(index), index)) for index in range(len(made))]
    names = {name for one in theirs for name in one}
    assert names
    for name in sorted(names | {name for one in ours for name in one}, key=str):
        a, b = (np.array([one.get(name, 0.0) for one in side], float) for side in (ours, theirs))
        error = np.sqrt(a.var() / len(a) + b.var() / len(b))
        assert abs(a.mean() - b.mean()) <= places * error + 1e-12, (name, a.mean(), b.mean())


def genes(child):
    """Which genes it has, and what they are; innovation numbers and ids of new nodes differ from one to the next."""
    known = lambda key: key if key <= 3 else "new"
    found = {("node", known(key)): 1 for key in child.nodes}
    for key, node in child.nodes.items():
        if known(key) != "new":
            found |= {(key, "bias"): node.bias, (key, "bias^2"): node.bias**2, (key, "response"): node.response}
            found |= {(key, node.activation): 1, (key, node.aggregation): 1}
            values = (node.bias, node.response, node.activation == "relu", node.aggregation == "sum")
            found |= {(key, pair): one * two for pair, (one, two) in enumerate(itertools.combinations(values, 2))}
    for (source, target), connection in child.connections.items():
        ends = (known(source), known(target))
        for name, value in (
            ("there", 1),
            ("weight", connection.weight),
            ("weight^2", connection.weight**2),
            ("on", connection.enabled),
        ):
            found[ends, name] = found.get((ends, name), 0) + value
        found[ends, "weight where on"] = connection.weight * connection.enabled
    counts = ("nodes", len(child.nodes)), ("connections", len(child.connections))
    return found | dict.fromkeys(counts, 1)


MUTATIONS = {
    "crossover alone": STILL,
    "node added": STILL | dict(node_add_prob=1.0),
    "node deleted": STILL | dict(node_delete_prob=1.0),
    "connection added": STILL | dict(conn_add_prob=1.0),
    "connection deleted": STILL | dict(conn_delete_prob=1.0),
    "a node added and one deleted": STILL | dict(node_add_prob=1.0, node_delete_prob=1.0),
    "a node and a connection added": STILL | dict(node_add_prob=1.0, conn_add_prob=1.0),
    "cycles": STILL | dict(feed_forward=False, conn_add_prob=1.0, node_add_prob=0.5),
    "all": {},
    "one at most": dict(single_structural_mutation=True),
    "one at most, often": STILL
    | dict(single_structural_mutation=True, conn_add_prob=0.9, conn_delete_prob=0.6, node_add_prob=0.4, node_delete_prob=0.3),
    "surer": STILL | dict(structural_mutation_surer="true", conn_add_prob=1.0),
    "uniform": dict(weight_init_type="uniform", weight_replace_rate=0.2, weight_init_mean=2.0, weight_max_value=3.0),
    "clamped": dict(weight_max_value=2.0, weight_min_value=-1.5, bias_max_value=0.7, weight_mutate_power=2.0),
    "all attributes": dict(
        response_mutate_rate=0.3, response_mutate_power=0.4, response_replace_rate=0.2, response_init_stdev=0.6,
        activation_options=("relu", "neat_tanh", "identity"), activation_default="random", activation_mutate_rate=0.5,
        aggregation_options=("sum", "max"), aggregation_mutate_rate=0.4, enabled_mutate_rate=0.2,
        enabled_rate_to_true_add=0.3, enabled_rate_to_false_add=0.1, enabled_default="random",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MUTATIONS)
def test_offspring_are_distributed_as_those_of_neat_python(kind):
    options = dict(activation_options=("relu", "neat_tanh"), activation_default="relu") | MUTATIONS[kind]
    compared(ModernSettings(**options).filled(), genes)


def test_a_path_through_the_node_that_is_deleted_is_none():
    """Of 0 - 3 - 4 - 5 - 2 without 4, 5 may lead to 3."""
    nodes = [*MOTHER.nodes[:3], *(Node(k, HIDDEN, activation=RELU) for k in (3, 4, 5))]
    chain = Genome(2, 1, nodes, [Connection(k, *ends, 1.0) for k, ends in enumerate([(0, 3), (3, 4), (4, 5), (5, 2)])])
    options = ModernSettings(**STILL | dict(conn_add_prob=1.0, node_delete_prob=1.0)).filled()
    compared(options, genes, genomes=(chain,), pair=(0, 0))
    back = bred(options, 2000, genomes=(chain,), pair=(0, 0)).check(feedforward=True)
    assert ((back.source == 5) & (back.target == 3)).any()


BARE = Genome(2, 1, MOTHER.nodes[:4], [])


def maybe_split(surer):
    return ModernSettings(**STILL | dict(node_add_prob=0.7, structural_mutation_surer=surer)).filled()


@pytest.mark.parametrize("surer", ["true", "false"])
def test_offspring_of_a_genome_without_connections_are_distributed_as_those_of_neat_python(surer):
    compared(maybe_split(surer), genes, genomes=(BARE,), pair=(0, 0))


@pytest.mark.parametrize("surer", ["true", "false"])
def test_a_genome_without_connections_is_joined_where_one_was_to_be_split_and_only_if_so_set(surer):
    assert (bred(maybe_split(surer), 100, genomes=(BARE,), pair=(0, 0)).innovation.size > 40) == (surer == "true")


def test_a_gene_disabled_in_one_parent_is_disabled_in_seven_eighths_and_one_disabled_in_both_always():
    children = bred(ModernSettings(**STILL).filled(), 8000)
    enabled = children.enabled.reshape(8000, 7).mean(axis=0)
    assert enabled == pytest.approx([1 / 8, 0, 1, 1 / 8, 1, 1, 1], abs=0.015)
    weight = children.weight.reshape(8000, 7)
    assert (weight > 0).mean(axis=0) == pytest.approx([0.5, 0.5, 0.5, 0.5, 1, 1, 1], abs=0.02)


def test_the_middle_of_a_connection_that_is_split():
    children = bred(ModernSettings(**STILL | dict(node_add_prob=1.0)).filled(), 200, pair=(0, 0)).check(feedforward=True)
    splits = set()
    for index in range(200):
        child = children.one(index)
        into, out = child.connections[-2:]
        node = child.nodes[-1]
        assert node == Node(6 + index, HIDDEN, 0.0, 1.0, CODES["neat_sigmoid"])  # no two share the node, nor the numbers
        (split,) = [gene for gene in MOTHER.connections if (gene.source, gene.target) == (into.source, out.target)]
        assert into == Connection(8 + 2 * index, split.source, node.id, 1.0)
        assert out == Connection(9 + 2 * index, node.id, split.target, split.weight)
        rest = [gene._replace(enabled=gene.enabled and gene != split) for gene in MOTHER.connections]
        assert (child.connections[:-2], child.nodes[:-1]) == (rest, MOTHER.nodes)
        splits.add(split.innovation)
    assert splits == set(range(7))  # disabled ones too


def test_offspring_that_join_the_same_nodes_share_the_number():
    options = ModernSettings(**STILL | dict(conn_add_prob=1.0, node_add_prob=0.5)).filled()
    children = bred(options, 500, pair=(0, 0)).check(feedforward=True)
    new = children.innovation > 6
    ends = set(zip(children.innovation[new].tolist(), children.source[new].tolist(), children.target[new].tolist()))
    joins = {}
    for number, source, target in ends:
        if max(source, target) < 6:
            assert joins.setdefault((source, target), number) == number
    assert sorted(joins) == [(0, 5), (1, 3), (1, 4), (1, 5), (3, 4), (3, 5), (4, 2), (4, 3), (5, 3)]
    assert len({number for number, _, _ in ends}) == len(ends)


def test_nothing_is_shared_with_the_parents_memory():
    parents = Genomes.of([MOTHER, FATHER])
    before = parents.state_dict()
    options = ModernSettings().filled()
    breed(parents, np.array([[0, 1], [0, -1]]), Innovations(6, 8), Chances.of(options), Attributes.of(options), 0, 0)
    assert all((before[name] == value).all() for name, value in parents.state_dict().items() if hasattr(value, "all"))


def test_the_first_population_is_that_of_neat_python():
    """Which connections it has, and how attributes are distributed."""
    base = dict(weight_init_type="uniform", bias_init_mean=0.4, response_init_stdev=0.3, enabled_default="random")
    base |= dict(activation_default="random", activation_options=("relu", "neat_tanh"), population_size=600)
    for connection, hidden, feed_forward in [
        ("unconnected", 1, True), ("fs_neat_nohidden", 2, True), ("fs_neat_hidden", 2, True), ("full_nodirect", 2, True),
        ("full_nodirect", 0, True), ("full_direct", 2, False), ("partial_nodirect", 2, True), ("partial_direct", 2, False),
    ]:  # fmt: skip
        options = ModernSettings(
            **base, num_hidden=hidden, initial_connection=connection, feed_forward=feed_forward, connection_fraction=0.37
        ).filled()
        first = ModernNEAT(3, 2, seed=1, **vars(options))
        population = first.ask().check(feedforward=feed_forward)
        sides = [[], []]
        config = neat_config(options, 3, 2).genome_config
        config.innovation_tracker = InnovationTracker()
        random.seed(2)
        for index in range(600):
            config.node_indexer = None  # so that hidden nodes bear the same ids in all
            peer = to_neat(population.one(0), 0).__class__(index)
            peer.configure_new(config)
            sides[0].append(genes(to_neat(population.one(index), index)))
            sides[1].append(genes(peer))
        for name in {name for side in sides for one in side for name in one}:
            a, b = (np.array([one.get(name, 0.0) for one in side], float) for side in sides)
            error = np.sqrt((a.var() + b.var()) / 600)
            assert abs(a.mean() - b.mean()) <= 5 * error + 1e-12, (connection, name, a.mean(), b.mean())
        assert first.innovations.number == population.innovation.max(initial=-1) + 1
        assert first.innovations.node == 5 + hidden
