"""ES-HyperNEAT as the paper tells it, one question after the other: trees of objects, recursion, dicts. Slow, and the oracle.

    python tests/evo/hyperneat/es_reference.py [--cppns 1000]      compares that many random CPPNs under random settings

Risi and Stanley, Artificial Life 18(4), 2012, sections 3.1 to 3.3.
"""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import dataclass, field

import numpy as np

from evo.activations import NODE_ACTIVATIONS
from evo.genomes.genome import BIAS, HIDDEN, OUTPUT, SENSOR, Connection, Genome, Genomes, Node
from evo.hyperneat.discovery import discover
from evo.hyperneat.quadtree import Rules

FUNCTIONS = {
    "bipolar_sigmoid": lambda z: math.tanh(2.45 * z),
    "gaussian": lambda z: math.exp(-((2.5 * z) ** 2)),
    "sin": math.sin,
    "identity": lambda z: z,
}
NAMES = list(NODE_ACTIVATIONS)


@dataclass
class Part:
    middle: tuple
    half: float
    level: int
    weight: float = 0.0
    leo: float = 1.0
    children: list = field(default_factory=list)

    def leaves(self):
        return [leaf for each in self.children for leaf in each.leaves()] if self.children else [self.weight]

    def variance(self):
        values = self.leaves()
        mean = sum(values) / len(values)
        return sum((value - mean) ** 2 for value in values) / len(values)


class Reference:
    """genome: one CPPN; rules as of the code under test. `connections`: {(source, target): weight}, where an input is
    ("in", k), an output ("out", k), a hidden node its place."""

    def __init__(self, genome, inputs, outputs, rules):
        self.rules, self.genes = rules, genome.one(0)
        self.incoming = {}
        for gene in self.genes.connections:
            if gene.enabled:
                self.incoming.setdefault(gene.target, []).append((gene.source, gene.weight))
        self.nodes = {node.id: node for node in self.genes.nodes}
        self.ends = [node.id for node in self.genes.nodes if node.kind == 2]
        self.asked = {}
        self.connections = self._cleaned(self._all([tuple(p) for p in inputs.tolist()], [tuple(p) for p in outputs.tolist()]))

    def answer(self, source, target):
        """All outputs of the CPPN, asked for one connection."""
        if (source, target) not in self.asked:
            given = [*source, *target]
            if self.rules.delta:
                given += [a - b for a, b in zip(source, target)]
            if self.rules.length:
                given.append(math.dist(source, target))
            known = {}

            def value(node):
                if node not in known:
                    gene = self.nodes[node]
                    if gene.kind == SENSOR:
                        known[node] = given[node]
                    elif gene.kind == BIAS:
                        known[node] = 1.0
                    else:
                        total = sum(weight * value(source) for source, weight in self.incoming.get(node, []))
                        known[node] = FUNCTIONS[NAMES[gene.activation]](gene.bias + gene.response * total)
                return known[node]

            self.asked[source, target] = [value(node) for node in self.ends]
        return self.asked[source, target]

    def between(self, point, other, outgoing):
        return self.answer(point, other) if outgoing else self.answer(other, point)

    def divided(self, point, outgoing):
        rules = self.rules
        root = Part((0.0,) * rules.dimensions, 1.0, 1)
        queue = [root]
        while queue:
            part = queue.pop(0)
            for signs in itertools.product((-1, 1), repeat=rules.dimensions):
                middle = tuple(x + sign * part.half / 2 for x, sign in zip(part.middle, signs))
                answer = self.between(point, middle, outgoing)
                leo = answer[rules.leo] if rules.leo >= 0 else 1.0
                part.children.append(Part(middle, part.half / 2, part.level + 1, answer[0], leo))
            if part.level < rules.initial or (part.level < rules.depth and part.variance() > rules.division):
                queue += part.children
        return root

    def expressed(self, part, point, outgoing):
        """[(place, weight)]"""
        found = []
        for child in part.children:
            if child.children and child.variance() >= self.rules.variance:
                found += self.expressed(child, point, outgoing)
                continue
            narrow = []
            for axis in range(self.rules.dimensions):
                sides = []
                for step in (-part.half, part.half):
                    beside = tuple(x + step * (k == axis) for k, x in enumerate(child.middle))
                    sides.append(abs(child.weight - self.between(point, beside, outgoing)[0]))
                narrow.append(min(sides))
            if max(narrow) > self.rules.band and child.leo > 0:
                found.append((child.middle, child.weight * self.rules.weight_range))
        return found

    def _all(self, inputs, outputs):
        found, hidden = {}, []
        for k, point in enumerate(inputs):
            for place, weight in self.expressed(self.divided(point, True), point, True):
                found["in", k], hidden = found.get(("in", k), {}), hidden + [place] * (place not in hidden)
                found["in", k][place] = weight
        explored = []
        for _ in range(self.rules.iterations):
            fresh = [place for place in hidden if place not in explored]
            for point in fresh:
                for place, weight in self.expressed(self.divided(point, True), point, True):
                    if not self.rules.cycles and place[-1] <= point[-1]:
                        continue
                    found[point], hidden = found.get(point, {}), hidden + [place] * (place not in hidden)
                    found[point][place] = weight
            explored += fresh
        for k, point in enumerate(outputs):
            for place, weight in self.expressed(self.divided(point, False), point, False):
                if place in hidden:
                    found[place] = found.get(place, {})
                    found[place]["out", k] = weight
        return {(source, target): weight for source, targets in found.items() for target, weight in targets.items()}

    def _cleaned(self, connections):
        """Those on a path from an input to an output."""

        def reached(start, steps):
            seen, open_nodes = set(start), list(start)
            while open_nodes:
                node = open_nodes.pop()
                for target in steps.get(node, ()):
                    if target not in seen:
                        seen.add(target)
                        open_nodes.append(target)
            return seen

        forward, backward = {}, {}
        for source, target in connections:
            forward.setdefault(source, []).append(target)
            backward.setdefault(target, []).append(source)
        named = lambda node, kind: node[0] == kind
        fed = reached([node for node in forward if named(node, "in")], forward)
        used = reached([node for node in backward if named(node, "out")], backward)
        return {ends: weight for ends, weight in connections.items() if set(ends) <= fed & used}


def found_connections(found, inputs, outputs):
    """A network of `discover`, as `Reference.connections`."""
    places = [tuple(each) for each in found.places.tolist()]
    name = [("in", k) for k in range(inputs)] + [("out", k) for k in range(outputs)] + places
    assert len(set(places)) == len(places)
    pairs = [(name[source], name[target]) for source, target in zip(found.source, found.target)]
    assert len(set(pairs)) == len(pairs)
    return dict(zip(pairs, found.weight.tolist()))


def random_cppns(size, inputs, outputs, seed=0):
    """CPPNs of 2 .. 6 hidden nodes of any function, which read some inputs and nodes before them; outputs read some of all."""
    draw, codes = np.random.default_rng(seed), [NAMES.index(name) for name in FUNCTIONS]

    def cppn():
        first, hidden = inputs + 1, int(draw.integers(2, 7))
        kinds = [SENSOR] * inputs + [BIAS] + [OUTPUT] * outputs + [HIDDEN] * hidden
        functions = [NAMES.index("bipolar_sigmoid") if kind == OUTPUT else int(draw.choice(codes)) for kind in kinds]
        order = [*range(first), *range(first + outputs, len(kinds)), *range(first, first + outputs)]
        pairs = [(one, two) for at, two in enumerate(order) if two >= first for one in order[:at] if draw.random() < 0.6]
        kept = [pair for pair in pairs if not first <= pair[0] < first + outputs]  # outputs lead nowhere
        genes = [Connection(k, one, two, float(draw.normal(0.0, 1.5))) for k, (one, two) in enumerate(kept)]
        nodes = [Node(k, kind, activation=function) for k, (kind, function) in enumerate(zip(kinds, functions))]
        return Genome(inputs, outputs, nodes, genes)

    return Genomes.of([cppn() for _ in range(size)])


def random_case(seed):
    """Rules, inputs and outputs."""
    draw = np.random.default_rng(seed)
    d = int(draw.choice([1, 2, 2, 2, 3]))
    depth = int(draw.integers(1, {1: 6, 2: 4, 3: 3}[d]))
    initial = int(draw.integers(1, depth + 1))
    bias, leo = bool(draw.integers(2)), bool(draw.integers(4) == 0)
    rules = Rules(
        *(d, initial, depth, float(draw.choice([0.0, 0.1, 0.3, 0.6])), float(draw.choice([0.0, 0.001, 0.03]))),
        *(float(draw.choice([0.001, 0.05, 0.3])), int(draw.integers(0, 4)), *(bool(each) for each in draw.integers(2, size=3))),
        *(1 if bias else -1, 1 + bias if leo else -1, 3.0, 1 << 20),
    )
    nodes = lambda count, side: np.column_stack([draw.uniform(-1, 1, (count, d - 1)).round(2), np.full(count, side)])
    return rules, nodes(int(draw.integers(1, 4)), -1.0), nodes(int(draw.integers(1, 3)), 1.0)


def compare(seed, size):
    """How many connections each of `size` CPPNs has under the rules of a seed. Raises AssertionError if one differs."""
    rules, inputs, outputs = random_case(seed)
    columns = rules.dimensions * (3 if rules.delta else 2) + rules.length
    genomes = random_cppns(size, columns, 1 + (rules.bias >= 0) + (rules.leo >= 0), seed=seed)
    networks, sizes = discover(genomes, inputs, outputs, rules), []
    for k, (genome, network) in enumerate(zip(genomes, networks)):
        reference = Reference(genome, inputs, outputs, rules)
        wanted, found = reference.connections, found_connections(network, len(inputs), len(outputs))
        differing = found.keys() ^ wanted.keys()
        assert not differing, f"seed {seed}, CPPN {k}: {len(differing)} connections in one alone"
        np.testing.assert_allclose([found[ends] for ends in wanted], list(wanted.values()), atol=1e-6)
        if rules.bias >= 0:
            nodes = [*map(tuple, outputs.tolist()), *map(tuple, network.places.tolist())]
            middle = (0.0,) * rules.dimensions
            biases = [reference.answer(middle, node)[rules.bias] * rules.weight_range for node in nodes]
            np.testing.assert_allclose(network.biases, biases, atol=1e-6)
        once = rules.dimensions > 1  # all inputs are in one place otherwise, which the reference asks of once
        assert networks.questions[k] == len(reference.asked) or not once, f"seed {seed}, CPPN {k}"
        sizes.append(len(wanted))
    return sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cppns", type=int, default=1000)
    cases, size = -(-parser.parse_args().cppns // 10), 10
    sizes = [each for seed in range(cases) for each in compare(seed, size)]
    print(
        f"{len(sizes):,} CPPNs under {cases} random settings: equal, {sum(sizes):,} connections; {sizes.count(0)} without any"
    )


if __name__ == "__main__":
    main()
