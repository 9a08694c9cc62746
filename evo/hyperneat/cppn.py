"""CPPNs: genomes as functions of place, from which the weights of a larger network are read.

Stanley: Compositional pattern producing networks. Genetic Programming and Evolvable Machines 8(2), 2007. Stanley, D'Ambrosio
and Gauci: A hypercube-based encoding for evolving large-scale neural networks. Artificial Life 15(2), 2009.

A CPPN is asked once for every pair of nodes: where the source lies, where the target lies, what weight is between them. All
questions of a population to one pair of layers are batched calls on all cores, or on a card (`cuda`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from evo import threads
from evo.genomes.genome import Genomes
from evo.hyperneat.substrate import Substrate
from evo.network import population
from evo.network.program import Program, compile

BLOCK, QUESTIONS = 1 << 21, 1 << 16  # answers at once, of the whole population, and questions: 16 MB, and some MB
GRAIN = 1 << 16  # answers per thread: about 0.1 ms of work


class Reading(NamedTuple):
    """How weights are read from a CPPN's outputs, as settings of `evo.hyperneat.hyperneat` say.

    delta: the differences source - target are inputs too; length: their Euclidean length is; biases: every layer but the first
    has an output for its nodes' biases; leo: every pair of layers has an output that says whether a connection is expressed.
    A weight of magnitude up to `threshold` is none; larger ones grow from 0 to weight_range at magnitude 1.
    """

    threshold: float = 0.2
    weight_range: float = 3.0
    delta: bool = False
    length: bool = False
    biases: bool = False
    leo: bool = False

    def inputs(self, substrate: Substrate) -> int:
        """Of the CPPN: two places, and what is asked besides; its bias node comes on top."""
        return substrate.dimensions * (3 if self.delta else 2) + self.length

    def outputs(self, substrate: Substrate) -> int:
        """Of the CPPN: a weight for each pair of layers, then a bias for each, then whether it is expressed, as asked for."""
        return (len(substrate.layers) - 1) * (1 + self.biases + self.leo)

    def questions(self, substrate: Substrate) -> int:
        """How often a CPPN is asked for a network."""
        return substrate.connections + self.biases * sum(substrate.sizes[1:])

    def asked(self, substrate: Substrate) -> Iterator[tuple[np.ndarray, int, int, int]]:
        """All that a CPPN is asked for a network, a part at a time, so that questions take little memory beside the weights:
        questions (B, I), the place in (D,) of the first answer, and `output` and `expressed` of a Link."""
        at, pairs = 0, len(substrate.layers) - 1
        for k, (source, target) in enumerate(itertools.pairwise(substrate.layers)):
            expressed = pairs * (1 + self.biases) + k if self.leo else -1
            targets = max(1, QUESTIONS // len(source))
            for begin in range(0, len(target), targets):
                asked = questions(source, target[begin : begin + targets], self)
                yield asked, at, k, expressed
                at += len(asked)
            if self.biases:
                yield questions(np.zeros((1, substrate.dimensions)), target, self), at, pairs + k, -1
            at += len(target)

    def check(self, genomes: Genomes, substrate: Substrate) -> None:
        """As of `check_sizes`."""
        check_sizes(genomes, substrate, self.inputs(substrate), self.outputs(substrate))


def check_sizes(genomes: Genomes, substrate: Substrate, inputs: int, outputs: int) -> None:
    """Raises ValueError if they are no CPPNs of so many inputs and outputs."""
    expected, found = (inputs, outputs), (genomes.inputs, genomes.outputs)
    if found != expected:
        sizes = ["{} inputs and {} outputs".format(*each) for each in (expected, found)]
        raise ValueError(f"expected CPPNs of {sizes[0]} for a substrate of {substrate.dimensions} dimensions; got {sizes[1]}")


class Link(NamedTuple):
    """Where answers go and how they are read: into (P, B) float32, from `output`, as of `linked`; expressed: the output that
    must be above 0 where there is a connection (Verbancsics and Stanley, GECCO 2011), -1: none."""

    into: np.ndarray
    output: int
    threshold: float
    weight_range: float
    expressed: int = -1


def questions(source: np.ndarray, target: np.ndarray, reading: Reading) -> np.ndarray:
    """The CPPN's inputs (targets * sources, I) for all pairs of places (n, d), target by target."""
    pairs = (len(target), len(source), source.shape[1])
    there, here = np.broadcast_to(source[None], pairs), np.broadcast_to(target[:, None], pairs)
    columns = [there, here]
    if reading.delta:
        columns.append(there - here)
    if reading.length:
        columns.append(np.sqrt(np.square(there - here).sum(-1, keepdims=True)))
    return np.concatenate(columns, axis=-1).reshape(len(target) * len(source), -1)


def weights(genomes: Genomes, substrate: Substrate, reading: Reading) -> np.ndarray:
    """The networks (P, D) float32 that P CPPNs draw on a substrate: of each pair of layers the weights (targets, sources), then
    the biases (targets,), zeros unless they are read. That is the order of the parameters of an `evo.MLP`.

    A network with a number that is not finite is drawn as zeros: it answers everything alike.
    """
    reading.check(genomes, substrate)
    program, vectors = compile(genomes), np.zeros((len(genomes), numbers(substrate)), np.float32)
    for asked, at, output, expressed in reading.asked(substrate):
        into = vectors[:, at : at + len(asked)]
        ask(program, asked, [Link(into, output, reading.threshold, reading.weight_range, expressed)])
    for vector in vectors:
        if not np.isfinite(vector).all():
            vector[:] = 0.0
    return vectors


def numbers(substrate: Substrate) -> int:
    """D, weights and biases of a network."""
    return substrate.connections + sum(substrate.sizes[1:])


def connections(vectors: Tensor, substrate: Substrate) -> np.ndarray:
    """How many weights, biases apart, of networks (P, D) in the order of `weights` are not zero: (P,)."""
    counts, at = torch.zeros(len(vectors), dtype=torch.int64, device=vectors.device), 0
    for before, after in itertools.pairwise(substrate.sizes):
        counts += torch.count_nonzero(vectors[:, at : at + before * after], dim=1)
        at += (before + 1) * after
    return counts.numpy(force=True)


def rows_at_once(program: Program) -> int:
    """Questions to a population, so that answers take little memory beside the weights."""
    return max(1, BLOCK // (len(program.steps) * program.outputs))


def ask(program: Program, asked: np.ndarray, links: Sequence[Link]) -> None:
    """Writes what all `asked` (B, I) give, in blocks."""
    rows = rows_at_once(program)
    for begin in range(0, len(asked), rows):
        answers = population.forward(program, asked[begin : begin + rows]).numpy()
        for into, *read in links:
            linked = (answers, into[:, begin : begin + rows], *read)
            threads.each(partial(_link, *linked), len(into), grain=max(1, GRAIN // answers.shape[1]))


@njit(cache=True, nogil=True, _nrt=False)
def linked(answers, output, threshold, weight_range, expressed):
    """Section 3.1: the weight that answers (O,) give. No connection up to the threshold; beyond it weights grow from 0 to
    weight_range, at an answer of 1. Cores and a card run it."""
    answer = answers[output]
    if expressed >= 0 and not answers[expressed] > 0.0:
        return 0.0
    if math.isnan(answer):
        return answer
    size = min(abs(answer), 1.0)
    return math.copysign((size - threshold) * weight_range / (1.0 - threshold), answer) if size > threshold else 0.0


@njit("void(float64[:, :, ::1], float32[:, :], int64, float64, float64, int64, int64, int64)", cache=True, nogil=True)
def _link(answers, into, output, threshold, weight_range, expressed, begin, end):
    for g in range(begin, end):
        for row in range(answers.shape[1]):
            into[g, row] = linked(answers[g, row], output, threshold, weight_range, expressed)
