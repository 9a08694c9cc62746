"""Writes the genes of one offspring: crossover, structural mutation, then attribute mutation (neat-python 2.0, genome.py and
genes.py).

The offspring has its fitter parent's genes. Each attribute of a matching gene comes from either parent with equal
probability. A matching connection disabled in either parent is then disabled with probability 3/4; otherwise it keeps the
inherited flag. So a connection disabled in one parent is disabled with probability 7/8, and in both parents always.
"""

from __future__ import annotations

from numba import njit

from evo import rng
from evo.genomes.genome import HIDDEN, OUTPUT
from evo.neat_modern.attributes import mutated_choice, mutated_real, mutated_switch, new_choice, new_real
from evo.neat_modern.mutation import NEW, endpoints

DISABLED_BELOW = 3 * 2**30  # of a 32-bit word: 3/4


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _copy_node(child, to, parents, node):
    child.node_id[to], child.node_kind[to] = parents.node_id[node], parents.node_kind[node]
    child.bias[to], child.response[to] = parents.bias[node], parents.response[node]
    child.activation[to], child.aggregation[to] = parents.activation[node], parents.aggregation[node]
    child.time_constant[to] = parents.time_constant[node]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def copy_genome(child, i, parents, first):
    to, old = child.nodes_at[i], parents.nodes_at[first]
    for k in range(child.nodes_at[i + 1] - to):
        _copy_node(child, to + k, parents, old + k)
    to, old = child.connections_at[i], parents.connections_at[first]
    for k in range(child.connections_at[i + 1] - to):
        child.innovation[to + k] = parents.innovation[old + k]
        child.source[to + k], child.target[to + k] = parents.source[old + k], parents.target[old + k]
        child.weight[to + k], child.enabled[to + k] = parents.weight[old + k], parents.enabled[old + k]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _cross_node(child, to, parents, other, word):
    """Each attribute is copied from the node `other` if its bit of the random word is set."""
    if word & 1:
        child.bias[to] = parents.bias[other]
    if word & 2:
        child.response[to] = parents.response[other]
    if word & 4:
        child.activation[to] = parents.activation[other]
    if word & 8:
        child.aggregation[to] = parents.aggregation[other]
    if word & 16:
        child.time_constant[to] = parents.time_constant[other]


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _add_node(child, to, name, attributes, i, generation, seed):
    """Its bias is 0, to change the split connection's function as little as possible."""
    one, two, three, four = rng.philox(3, i, generation, rng.STRUCTURE, seed)
    child.node_id[to], child.node_kind[to], child.time_constant[to] = name, HIDDEN, 1.0
    child.bias[to], child.response[to] = 0.0, new_real(attributes.response, one, two)
    child.activation[to] = new_choice(attributes.activation, three)
    child.aggregation[to] = new_choice(attributes.aggregation, four)


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def write_nodes(child, i, parents, first, second, deleted_node, new, attributes, generation, seed):
    """Matching nodes are aligned by id; the new node is last. Input nodes have no mutable attributes."""
    to, start = child.nodes_at[i], parents.nodes_at[first]
    other, end = parents.nodes_at[second], parents.nodes_at[second + 1]
    count = parents.nodes_at[first + 1] - start
    for n in range(count + (new >= 0)):
        parent_bits, chance, one, two = rng.philox(3 * n, i, generation, rng.MUTATION, seed)
        if n == count:
            _add_node(child, to, new, attributes, i, generation, seed)
        elif parents.node_id[start + n] == deleted_node:
            continue
        else:
            _copy_node(child, to, parents, start + n)
            while other < end and parents.node_id[other] < child.node_id[to]:
                other += 1
            if other < end and parents.node_id[other] == child.node_id[to]:
                _cross_node(child, to, parents, other, parent_bits)
        if child.node_kind[to] >= OUTPUT:
            child.bias[to] = mutated_real(attributes.bias, child.bias[to], chance, one, two)
            chance, one, two, changing = rng.philox(3 * n + 1, i, generation, rng.MUTATION, seed)
            child.response[to] = mutated_real(attributes.response, child.response[to], chance, one, two)
            which, aggregating, other_one, _ = rng.philox(3 * n + 2, i, generation, rng.MUTATION, seed)
            child.activation[to] = mutated_choice(attributes.activation, child.activation[to], changing, which)
            child.aggregation[to] = mutated_choice(attributes.aggregation, child.aggregation[to], aggregating, other_one)
        to += 1


@njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def write_connections(child, i, parents, first, second, changes, numbers, attributes, generation, seed):
    """Matching connections are aligned by innovation number. The connection into a new node has weight 1; the one out of it has
    the weight of the split connection, which is disabled. Then attributes mutate."""
    to, start = child.connections_at[i], parents.connections_at[first]
    other, end = parents.connections_at[second], parents.connections_at[second + 1]
    count, split, inherited = parents.connections_at[first + 1] - start, changes.split[i], 0.0
    after = count + 2 * (split >= 0)
    for k in range(after + (changes.source[i] >= 0)):
        parent_bits, off, chance, switching = rng.philox(k, i, generation, rng.CROSSOVER, seed)
        one, two, coin, _ = rng.philox(k, i, generation, rng.NOISE, seed)
        source, target = endpoints(parents, first, split, changes.source[i], changes.target[i], k)
        if k < count:
            number, weight, enabled = parents.innovation[start + k], parents.weight[start + k], parents.enabled[start + k]
            while other < end and parents.innovation[other] < number:
                other += 1
            if other < end and parents.innovation[other] == number:
                disabled = not (enabled and parents.enabled[other])
                weight = parents.weight[other] if parent_bits & 1 else weight
                enabled = parents.enabled[other] if parent_bits & 2 else enabled
                enabled = enabled and not (disabled and off < DISABLED_BELOW)
            if k == split:
                inherited, enabled = weight, False
            enabled = enabled or k == changes.reenabled[i]
        elif k < after:
            number = numbers.split[i] + k - count
            weight, enabled = inherited if k > count else 1.0, True
        else:
            number = numbers.connection[i]
            three, four, on, _ = rng.philox(4, i, generation, rng.STRUCTURE, seed)
            weight, enabled = new_real(attributes.weight, three, four), rng.uniform(on) < attributes.enabled.default
        if source == changes.deleted_node[i] or target == changes.deleted_node[i] or k == changes.deleted_connection[i]:
            continue
        child.innovation[to] = number
        child.source[to] = numbers.node[i] if source == NEW else source
        child.target[to] = numbers.node[i] if target == NEW else target
        child.weight[to] = mutated_real(attributes.weight, weight, chance, one, two)
        child.enabled[to] = mutated_switch(attributes.enabled, enabled, switching, coin)
        to += 1
