"""Genomes: a population of network graphs as flat arrays, without padding and without a largest size.

Stanley and Miikkulainen: Evolving neural networks through augmenting topologies. Evolutionary Computation 10(2), 2002,
section 3.1. A genome is a list of node genes and a list of connection genes. Here the lists of all genomes stand one after
the other: genome g owns nodes nodes_at[g] .. nodes_at[g + 1] and connections connections_at[g] .. connections_at[g + 1], its
nodes ascending by id, its connections ascending by innovation number, so that two genomes are aligned by one merge.

Ids: sensors 0 .. I-1, then a bias node (clamped to 1.0) if there is one, then the outputs, then hidden nodes in the order of
their birth. P genomes, N nodes of all, C connections of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, types
from torch import Tensor

from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.core import State, counted

SENSOR, BIAS, OUTPUT, HIDDEN = 0, 1, 2, 3
KINDS = ("sensor", "bias", "output", "hidden")
GRAIN = 1024  # genomes that are worth a thread: some .1 ms


class Node(NamedTuple):
    """A node gene. activation and aggregation are codes of `evo.activations`; bias and response are used by genomes in
    neat-python's manner: activation(bias + response * aggregation(inputs)). time_constant, in seconds: of a node of a
    continuous-time network."""

    id: int
    kind: int
    bias: float = 0.0
    response: float = 1.0
    activation: int = 0
    aggregation: int = 0
    time_constant: float = 1.0


class Connection(NamedTuple):
    """A connection gene, from node `source` to node `target`, which are ids."""

    innovation: int
    source: int
    target: int
    weight: float
    enabled: bool = True


@dataclass
class Genome:
    """One genome, to read or to write by hand; `Genomes.of` makes a population of such."""

    inputs: int
    outputs: int
    nodes: list[Node] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Genome({_sizes(self.inputs, self.outputs, len(self.nodes), sum(gene.enabled for gene in self.connections))})"


NODE_FIELDS = {
    "node_id": np.int64,
    "node_kind": np.int8,
    "bias": np.float64,
    "response": np.float64,
    "activation": np.int8,
    "aggregation": np.int8,
    "time_constant": np.float64,
}
CONNECTION_FIELDS = {
    "innovation": np.int64,
    "source": np.int64,
    "target": np.int64,
    "weight": np.float64,
    "enabled": np.bool_,
}


@dataclass(frozen=True, eq=False)
class Genomes:
    """A population of P genomes, whose arrays are read-only; len() is P, genomes[3] a population of one.

    inputs I, outputs O: of every genome. nodes_at (P + 1,) int64: where the nodes of each begin and end; node_id (N,) int64,
    node_kind (N,) int8 (SENSOR, BIAS, OUTPUT, HIDDEN), bias, response (N,) float64, activation, aggregation (N,) int8, codes
    of `evo.activations`, time_constant (N,) float64, seconds. connections_at (P + 1,) int64: where its connections do;
    innovation, source, target (C,) int64, the ends being node ids, weight (C,) float64, enabled (C,) bool.

    genes: the arrays as kernels take them. Nothing is checked when one is made: `check` raises ValueError, naming every kind
    of fault.
    """

    inputs: int
    outputs: int
    nodes_at: np.ndarray
    node_id: np.ndarray
    node_kind: np.ndarray
    bias: np.ndarray
    response: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    time_constant: np.ndarray
    connections_at: np.ndarray
    innovation: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    enabled: np.ndarray
    genes: Genes = field(init=False, repr=False)

    def __repr__(self) -> str:
        size, nodes, enabled = len(self), len(self.node_id), int(np.count_nonzero(self.enabled))
        if size == 1:
            return f"Genomes(1 genome, {_sizes(self.inputs, self.outputs, nodes, enabled)})"
        mean = f", {nodes / size:,.1f} nodes and {enabled / size:,.1f} enabled connections on average" if size else ""
        return f"Genomes({counted(size, 'genome')}, {_sizes(self.inputs, self.outputs)}{mean})"

    @staticmethod
    def empty(inputs: int, outputs: int, nodes_at: np.ndarray, connections_at: np.ndarray) -> Genomes:
        """Room for genomes of these sizes; what stands in it is not defined."""
        count, links = int(nodes_at[-1]), int(connections_at[-1])
        nodes = {name: np.empty(count, kind) for name, kind in NODE_FIELDS.items()}
        connections: State = {name: np.empty(links, kind) for name, kind in CONNECTION_FIELDS.items()}
        return Genomes(inputs, outputs, nodes_at=nodes_at, connections_at=connections_at, **nodes, **connections)

    def __post_init__(self) -> None:
        # Kernels take and fill `genes`; whoever else reads the arrays cannot write to them.
        object.__setattr__(self, "genes", Genes(*(getattr(self, name) for name in Genes._fields)))
        for name, array in zip(Genes._fields, self.genes):
            if isinstance(array, np.ndarray):  # else `check` says what is wrong
                view = array.view()
                view.setflags(write=False)
                object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.nodes_at) - 1

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> Genomes:
        """A population of what `index` names: a place, a slice, an array of places or of booleans."""
        if isinstance(index, (int, np.integer)) and not -len(self) <= index < len(self):
            raise IndexError(f"genome {index} of a population of {len(self)}")
        return self.select(np.atleast_1d(np.arange(len(self))[index]))

    def __iter__(self) -> Iterator[Genomes]:
        return (self[index] for index in range(len(self)))

    def select(self, indices: npt.ArrayLike) -> Genomes:
        """A population of the genomes at places `indices` (n,), in that order; a place may come more than once."""
        indices = np.asarray(indices, np.int64)
        nodes_at, nodes = _gathered(self.nodes_at, indices)
        connections_at, connections = _gathered(self.connections_at, indices)
        taken: State = {name: getattr(self, name)[nodes] for name in NODE_FIELDS}
        taken |= {name: getattr(self, name)[connections] for name in CONNECTION_FIELDS}
        return Genomes(self.inputs, self.outputs, nodes_at=nodes_at, connections_at=connections_at, **taken)

    @staticmethod
    def concatenate(parts: Sequence[Genomes]) -> Genomes:
        """One population of all `parts`, in order. Raises ValueError if there is none, or their inputs or outputs differ."""
        sizes = {(part.inputs, part.outputs) for part in parts}
        if len(sizes) != 1:
            raise ValueError(f"expected populations of the same inputs and outputs; got {sorted(sizes) or 'none'}")
        joined: State = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in (*NODE_FIELDS, *CONNECTION_FIELDS)
        }
        for name in ("nodes_at", "connections_at"):
            lengths = [np.diff(getattr(part, name)) for part in parts]
            joined[name] = offsets(np.concatenate(lengths))
        return Genomes(*sizes.pop(), **joined)

    def one(self, index: int) -> Genome:
        """Genome `index` as lists of genes."""
        alone = self[int(index)]
        nodes = zip(*(getattr(alone, name).tolist() for name in NODE_FIELDS))
        connections = zip(*(getattr(alone, name).tolist() for name in CONNECTION_FIELDS))
        return Genome(self.inputs, self.outputs, [Node(*gene) for gene in nodes], [Connection(*gene) for gene in connections])

    @staticmethod
    def of(genomes: Sequence[Genome]) -> Genomes:
        """The population of `genomes`, in order and as they are: `check` tells whether they are sound.

        Raises ValueError if there is none, or their inputs or outputs differ.
        """
        sizes = {(genome.inputs, genome.outputs) for genome in genomes}
        if len(sizes) != 1:
            raise ValueError(f"expected genomes of the same inputs and outputs; got {sorted(sizes) or 'none'}")
        columns = _columns(NODE_FIELDS, [node for genome in genomes for node in genome.nodes])
        columns |= _columns(CONNECTION_FIELDS, [gene for genome in genomes for gene in genome.connections])
        return Genomes(
            *sizes.pop(),
            nodes_at=offsets(np.array([len(genome.nodes) for genome in genomes], np.int64)),
            connections_at=offsets(np.array([len(genome.connections) for genome in genomes], np.int64)),
            **columns,
        )

    def state_dict(self) -> State:
        """The arrays as tensors, inputs and outputs as numbers."""
        return {f.name: _tensor(getattr(self, f.name)) for f in fields(self) if f.init}

    @staticmethod
    def from_state(state: State) -> Genomes:
        """The population whose `state_dict` this was."""
        plain: State = {name: value.numpy().copy() if torch.is_tensor(value) else value for name, value in state.items()}
        return Genomes(**plain)

    def check(self, feedforward: bool = False) -> Genomes:
        """The population itself, if it is sound. feedforward: no cycle either, also not through a disabled connection,
        since it may be enabled again.

        Raises ValueError that names every kind of fault found, each with the first genome that has it.
        """
        problems = self._broken_shapes() or self._faults() + (self._cycles() if feedforward else [])
        if problems:
            raise ValueError("genomes: " + "; ".join(problems))
        return self

    def _broken_shapes(self) -> list[str]:
        """What would keep `_faults` from looking any further."""
        problems = []
        for at, names in (("nodes_at", NODE_FIELDS), ("connections_at", CONNECTION_FIELDS)):
            sizes = {name: np.shape(getattr(self, name)) for name in names}
            if len(set(sizes.values())) != 1 or len(next(iter(sizes.values()))) != 1:
                problems.append(f"expected arrays of one length; got {', '.join(f'{n} {s}' for n, s in sizes.items())}")
                continue
            edges, total = getattr(self, at), len(getattr(self, next(iter(names))))
            if np.ndim(edges) != 1 or len(edges) < 1 or edges[0] != 0 or edges[-1] != total or (np.diff(edges) < 0).any():
                problems.append(f"{at}: expected offsets that ascend from 0 to {total}; got {np.asarray(edges).tolist()[:8]}")
            for name, kind in {at: np.int64, **names}.items():
                each = getattr(self, name)
                if not isinstance(each, np.ndarray) or each.dtype != kind or not each.flags.c_contiguous:
                    got = f"{each.dtype} with gaps" if isinstance(each, np.ndarray) and each.dtype == kind else _kind(each)
                    problems.append(f"{name}: expected {np.dtype(kind)}; got {got}")
        if not problems and len(self.nodes_at) != len(self.connections_at):
            problems.append(f"nodes_at is of {len(self)} genomes, connections_at of {len(self.connections_at) - 1}")
        return problems

    def _faults(self) -> list[str]:
        problems: list[str] = []

        def named(wrong: np.ndarray, owner: np.ndarray, what: str, *of: np.ndarray) -> None:
            if wrong.any():
                first = int(np.argmax(wrong))
                problems.append(f"genome {owner[first]}: {what.format(*(column[first] for column in of))}")

        node_of, gene_of = self.owners()
        again = np.diff(node_of) == 0
        named(again & (np.diff(self.node_id) <= 0), node_of, "node ids do not ascend after {}", self.node_id)
        following = np.diff(gene_of) == 0
        unsorted = following & (np.diff(self.innovation) <= 0)
        named(unsorted, gene_of, "innovation numbers do not ascend after {}", self.innovation)
        named((self.node_kind < 0) | (self.node_kind > HIDDEN), node_of, "node {} is of no known kind", self.node_id)
        for kind, expected in ((SENSOR, self.inputs), (OUTPUT, self.outputs)):
            counted = np.bincount(node_of[self.node_kind == kind], minlength=len(self))
            named(counted != expected, np.arange(len(self)), f"expected {expected} {KINDS[kind]} nodes; got {{}}", counted)
        counted = np.bincount(node_of[self.node_kind == BIAS], minlength=len(self))
        named(counted > 1, np.arange(len(self)), "expected at most one bias node; got {}", counted)
        mixed = again & (np.diff(self.node_kind) < 0)
        named(mixed, node_of, "sensors, bias, outputs, hidden nodes stand in this order, node {} does not", self.node_id[1:])
        for name, table in (("activation", NODE_ACTIVATIONS), ("aggregation", AGGREGATIONS)):
            code = getattr(self, name)
            unknown = (code < 0) | (code >= len(table))
            named(unknown, node_of, f"{name} of node {{}} is {{}}, not 0 to {len(table) - 1}", self.node_id, code)
        for name in ("bias", "response", "time_constant"):
            value = getattr(self, name)
            named(~np.isfinite(value), node_of, f"{name} of node {{}} is {{}}", self.node_id, value)
        slow = np.isfinite(self.time_constant) & (self.time_constant <= 0)
        named(slow, node_of, "time_constant of node {} is {}, not above 0", self.node_id, self.time_constant)
        named(~np.isfinite(self.weight), gene_of, "weight of connection {} is {}", self.innovation, self.weight)
        for name in ("source", "target"):
            ends = getattr(self, name)
            missing = self.slots(name) < 0
            named(missing, gene_of, f"{name} {{1}} of connection {{0}} is no node of it", self.innovation, ends)
        target = self.slots("target")
        clamped = (target >= 0) & (self.node_kind[target] <= BIAS) if len(target) else target > 0
        named(clamped, gene_of, "connection {} ends in a sensor or the bias node, {}", self.innovation, self.target)
        order = np.lexsort((self.target, self.source, gene_of))
        one, two = order[:-1], order[1:]
        twice = (gene_of[one] == gene_of[two]) & (self.source[one] == self.source[two]) & (self.target[one] == self.target[two])
        named(twice, gene_of[one], "two connections from {} to {}", self.source[one], self.target[one])
        order = np.argsort(self.innovation, kind="stable")
        one, two = order[:-1], order[1:]
        differs = (self.source[one] != self.source[two]) | (self.target[one] != self.target[two])
        named(
            (self.innovation[one] == self.innovation[two]) & differs,
            gene_of[two],
            "connection {} goes from {} to {}, elsewhere from {} to {}",
            self.innovation[two],
            self.source[two],
            self.target[two],
            self.source[one],
            self.target[one],
        )
        return problems

    def _cycles(self) -> list[str]:
        """Nodes without a source are taken away until none is left; what remains lies on a cycle, or behind one."""
        source, target = self.slots("source"), self.slots("target")
        known = (source >= 0) & (target >= 0)
        source, target = source[known], target[known]
        left = np.ones(len(self.node_id), bool)
        while True:
            reached = np.zeros(len(left), bool)
            reached[target[left[source]]] = True
            if (reached == left).all():
                break
            left = reached
        if not left.any():
            return []
        return [f"genome {self.owners()[0][int(np.argmax(left))]}: its connections close a cycle"]

    def owners(self) -> tuple[np.ndarray, np.ndarray]:
        """The genome that each node (N,) and each connection (C,) belongs to."""
        every = np.arange(len(self))
        return np.repeat(every, np.diff(self.nodes_at)), np.repeat(every, np.diff(self.connections_at))

    def slots(self, end: str) -> np.ndarray:
        """Where in the node arrays the "source" or "target" of each connection stands, (C,); -1: nowhere in its genome."""
        node_of, gene_of = self.owners()
        ids = np.concatenate([self.node_id, self.source, self.target])
        low, span = ids.min(initial=0), np.ptp(np.append(ids, 0)) + 1
        keys = node_of * span + self.node_id - low
        wanted = gene_of * span + getattr(self, end) - low
        order = np.argsort(keys, kind="stable")
        place = np.minimum(np.searchsorted(keys[order], wanted), max(0, len(keys) - 1))
        found = order[place] if len(keys) else np.zeros(0, np.int64)
        return np.where(keys[found] == wanted, found, -1) if len(keys) else np.full(len(wanted), -1)


def _sizes(inputs: int, outputs: int, nodes: int | None = None, enabled: int = 0) -> str:
    ends = f"{counted(inputs, 'input')}, {counted(outputs, 'output')}"
    return ends if nodes is None else f"{ends}, {counted(nodes, 'node')}, {counted(enabled, 'enabled connection')}"


def offsets(lengths: np.ndarray) -> np.ndarray:
    """Where parts of these `lengths` (n,) begin and end when they stand one after the other: int64 (n + 1,)."""
    edges = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=edges[1:])
    return edges


def _gathered(at: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the chosen parts, and where their items are found."""
    lengths = at[indices + 1] - at[indices]
    edges = offsets(lengths)
    return edges, np.repeat(at[indices] - edges[:-1], lengths) + np.arange(edges[-1])


def _columns(kinds: Mapping[str, npt.DTypeLike], genes: Sequence[tuple]) -> State:
    columns = zip(*genes) if genes else [()] * len(kinds)
    return {name: np.array(column, kind) for (name, kind), column in zip(kinds.items(), columns)}


def _kind(value: object) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _tensor(value: np.ndarray | int) -> Tensor | int:
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


class Genes(NamedTuple):
    """The arrays of `Genomes`, in its order, as kernels take them."""

    nodes_at: np.ndarray
    node_id: np.ndarray
    node_kind: np.ndarray
    bias: np.ndarray
    response: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    time_constant: np.ndarray
    connections_at: np.ndarray
    innovation: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    enabled: np.ndarray


_INT8, _INT64, _FLOAT = types.int8[::1], types.int64[::1], types.float64[::1]
_NODES = (_INT64, _INT64, _INT8, _FLOAT, _FLOAT, _INT8, _INT8, _FLOAT)
# The type of Genes in a kernel's signature.
GENES = types.NamedTuple((*_NODES, _INT64, _INT64, _INT64, _INT64, _FLOAT, types.boolean[::1]), Genes)


@njit(types.int64(_INT64), cache=True, nogil=True, _nrt=False)
def longest(at):
    """The most items of a part, of parts that begin and end at the offsets `at`."""
    most = 0
    for k in range(at.size - 1):
        most = max(most, at[k + 1] - at[k])
    return most
