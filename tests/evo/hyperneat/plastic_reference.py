"""The slow reference of plastic networks: one connection after the other, in plain Python.

It shares nothing with `evo.hyperneat.plastic` and its kernel but the table of activations; numbers that these keep as float32
are rounded, so that both agree in every bit.
"""

from __future__ import annotations

import numpy as np

from evo.activations import CODES, activate
from evo.genomes.genome import OUTPUT, Genomes

TOLD = {"fixed": "", "hebbian": "r", "abc": "rABC", "abcd": "rABCD", "iterated": "c"}  # what the CPPN says besides the weight


def ask(genome: Genomes, inputs: list[float]) -> list[float]:
    """The outputs of a feed-forward genome, by recursion from the outputs."""
    ids, kinds = genome.node_id.tolist(), genome.node_kind.tolist()
    known = dict(zip(ids, [*inputs, 1.0]))  # inputs, then the bias node
    genes = list(zip(*(each.tolist() for each in (genome.source, genome.target, genome.weight, genome.enabled))))

    def value(node: int) -> float:
        if node not in known:
            total = 0.0
            for source, target, weight, enabled in genes:
                if enabled and target == node:
                    total += weight * value(source)
            known[node] = float(activate(genome.activation[ids.index(node)], total))
        return known[node]

    return [value(node) for node, kind in zip(ids, kinds) if kind == OUTPUT]


def limited(number: float, high: float) -> float:
    return min(max(number, -high), high)


def single(number: float) -> float:
    return float(np.float32(number))


class Life:
    """One plastic network of one CPPN, tick by tick. options: the settings of AdaptiveHyperNEAT."""

    def __init__(self, genome: Genomes, substrate, options):
        self.genome, self.options, self.layers = genome, options, [layer.tolist() for layer in substrate.layers]
        self.told, count = TOLD[options.rule], len(self.layers)
        self.pairs = [(k, k + 1) for k in range(count - 1)] + [(k, k) for k in range(1, count) if options.cycles]
        self.values = [[0.0] * len(layer) for layer in self.layers]
        self.biases = [[0.0] * len(layer) for layer in self.layers]
        self.weight, self.rule = {}, {}
        for number, (before, after) in enumerate(self.pairs):
            for i, source in enumerate(self.layers[before]):
                for j, target in enumerate(self.layers[after]):
                    outputs = ask(genome, self.question(source, target))
                    silent = options.leo and outputs[number - len(self.pairs)] <= 0.0
                    weight = 0.0 if silent else self.read(outputs[number])
                    if weight:  # else there is no connection
                        self.weight[number, i, j] = weight
                        self.rule[number, i, j] = self.read_rule(outputs[number :: len(self.pairs)][1:])
        for layer in range(1, count) if options.biases else ():
            for j, target in enumerate(self.layers[layer]):
                outputs = ask(genome, self.question([0.0] * len(target), target))
                self.biases[layer][j] = self.read(outputs[len(self.pairs) * (1 + len(self.told)) + layer - 1])

    def question(self, source, target, *now: float) -> list[float]:
        asked = [*source, *target]
        if self.options.delta:
            asked += [a - b for a, b in zip(source, target)]
        return [*asked, *(now or (0.0, 0.0, 0.0))] if self.options.rule == "iterated" else asked

    def read(self, answer: float) -> float:
        threshold, size = self.options.threshold_of_weight, min(abs(answer), 1.0)
        weight = (size - threshold) * self.options.weight_range / (1.0 - threshold) if size > threshold else 0.0
        return single(weight if answer > 0 else -weight)

    def read_rule(self, answers: list[float]) -> dict[str, float]:
        rule = dict.fromkeys("rABCD", 0.0) | {name: single(limited(each, 1.0)) for name, each in zip(self.told, answers)}
        if self.told == "c":
            return {"r": single(self.options.rate_range)}
        rule["r"] = single(limited(answers[0], 1.0) * self.options.rate_range) if self.told else 0.0
        return rule | {"A": 1.0} if self.told == "r" else rule

    def tick(self, inputs: list[float]) -> list[float]:
        now = [list(inputs)]
        for layer in range(1, len(self.layers)):
            feeding = [number for number, (_, after) in enumerate(self.pairs) if after == layer]
            values = []
            for j in range(len(self.layers[layer])):
                total = self.biases[layer][j]
                for number in feeding:
                    for i, source in enumerate(self.source(number, now)):
                        total += source * self.weight.get((number, i, j), 0.0)
                values.append(float(activate(CODES[self.options.substrate_activation], total)))
            for number in feeding:
                for i, source in enumerate(self.source(number, now)):
                    for j, target in enumerate(values):
                        if (number, i, j) in self.weight:
                            self.learn((number, i, j), source, target)
            now.append(values)
        self.values = now
        return now[-1]

    def source(self, number: int, now: list[list[float]]) -> list[float]:
        before, after = self.pairs[number]
        return now[before] if before < after else self.values[before]

    def learn(self, key: tuple[int, int, int], a: float, b: float) -> None:
        (number, i, j), high = key, self.options.weight_range
        rule, weight = self.rule[key], self.weight[key]
        if self.told == "c":
            before, after = self.pairs[number]
            asked = self.question(self.layers[before][i], self.layers[after][j], a, b, weight / high)
            change = limited(ask(self.genome, asked)[len(self.pairs) + number], 1.0)
        else:
            change = rule["A"] * (a * b) + rule["B"] * a + rule["C"] * b + rule["D"]
        self.weight[key] = limited(weight + rule["r"] * change, high)
