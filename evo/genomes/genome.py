"""Genomes: a population of network graphs as flat arrays, without padding and without a maximum size.

Stanley and Miikkulainen: Evolving neural networks through augmenting topologies. Evolutionary Computation 10(2), 2002,
section 3.1. A genome is a list of node genes and a list of connection genes. The lists of all genomes are concatenated:
genome g owns nodes nodes_at[g] .. nodes_at[g + 1] and connections connections_at[g] .. connections_at[g + 1]. Its nodes are
sorted by id and its connections by innovation number, so one linear merge aligns two genomes.

Node ids: inputs 0 .. I-1, then the bias node (clamped to 1.0) if there is one, then outputs, then hidden nodes in order of
creation. P genomes, N nodes in total, C connections in total. The checks stand here, long as it is, so that an array is checked
where it is declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from evo.activations import AGGREGATIONS, NODE_ACTIVATIONS
from evo.core import Edges, State, counted
from evo.genomes.genes import ARRAYS, CONNECTION_FIELDS, NODE_FIELDS, Genes, alone, block_of, empty_block, genes_of

SENSOR, BIAS, OUTPUT, HIDDEN = 0, 1, 2, 3
KINDS = ("sensor", "bias", "output", "hidden")
GRAIN = 1024  # genomes per thread: about 0.1 ms of work


class Node(NamedTuple):
    """A node gene. activation and aggregation are codes of `evo.activations`. A node computes
    activation(bias + response * aggregation(inputs)), as in neat-python. time_constant, in seconds, is used by continuous-time
    networks."""

    id: int
    kind: int
    bias: float = 0.0
    response: float = 1.0
    activation: int = 0
    aggregation: int = 0
    time_constant: float = 1.0


class Connection(NamedTuple):
    """A connection gene from node `source` to node `target` (node ids)."""

    innovation: int
    source: int
    target: int
    weight: float
    enabled: bool = True


@dataclass
class Genome:
    """One genome as lists of genes, to read or to write by hand. `Genomes.of` makes a population of them."""

    inputs: int
    outputs: int
    nodes: list[Node] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Genome({_sizes(self.inputs, self.outputs, len(self.nodes), sum(gene.enabled for gene in self.connections))})"


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
    nodes_at: np.ndarray  # int64 (P + 1,)
    node_id: np.ndarray  # int64 (N,)
    node_kind: np.ndarray  # int8 (N,)
    bias: np.ndarray  # float64 (N,)
    response: np.ndarray  # float64 (N,)
    activation: np.ndarray  # int8 (N,)
    aggregation: np.ndarray  # int8 (N,)
    time_constant: np.ndarray  # float64 (N,)
    connections_at: np.ndarray  # int64 (P + 1,)
    innovation: np.ndarray  # int64 (C,)
    source: np.ndarray  # int64 (C,)
    target: np.ndarray  # int64 (C,)
    weight: np.ndarray  # float64 (C,)
    enabled: np.ndarray  # bool (C,)
    genes: Genes = field(init=False, repr=False)

    def __repr__(self) -> str:
        size, nodes, enabled = len(self), len(self.node_id), int(np.count_nonzero(self.enabled))
        if size == 1:
            return f"Genomes(1 genome, {_sizes(self.inputs, self.outputs, nodes, enabled)})"
        mean = f", {nodes / size:,.1f} nodes and {enabled / size:,.1f} enabled connections on average" if size else ""
        return f"Genomes({counted(size, 'genome')}, {_sizes(self.inputs, self.outputs)}{mean})"

    @staticmethod
    def empty(inputs: int, outputs: int, nodes_at: np.ndarray, connections_at: np.ndarray) -> Genomes:
        """A population with genomes of these sizes; the gene arrays are uninitialised."""
        return Genomes.of_block(inputs, outputs, empty_block(nodes_at, connections_at))

    @staticmethod
    def of_block(inputs: int, outputs: int, block: np.ndarray) -> Genomes:
        """The population whose arrays lie in `block` (`evo.genomes.genes`)."""
        made = object.__new__(Genomes)
        made.__dict__.update(inputs=inputs, outputs=outputs, _block=(block,))  # as in `genes`, not for everyone to write to
        return made

    @property
    def block(self) -> np.ndarray:
        """Its arrays as one, which a compiled function takes sooner than fourteen."""
        own = self.__dict__.get("_block")
        return block_of(self.genes) if own is None else own[0]

    def __post_init__(self) -> None:
        own = self.__dict__
        own["genes"] = Genes(*[_writable(own.pop(name)) for name in Genes._fields])

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> np.ndarray | Genes:
            """`genes`, or one array, made as it is first read: kernels take and fill `genes`; whoever else reads one cannot
            write to it."""
            if name == "genes" and "_block" in self.__dict__:
                genes = self.__dict__["genes"] = genes_of(self._block[0])
                return genes
            if name not in ARRAYS:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            array = getattr(self.genes, name)
            if isinstance(array, np.ndarray):  # else `check` says what is wrong
                array = array.view()
                array.setflags(write=False)
            self.__dict__[name] = array
            return array

    def __getstate__(self) -> State:
        return {"inputs": self.inputs, "outputs": self.outputs, "genes": self.genes}

    def __len__(self) -> int:
        block = self.__dict__.get("_block")
        return len(self.genes.nodes_at) - 1 if block is None else int(block[0][0])

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> Genomes:
        """The subpopulation that `index` selects: an index, a slice, an array of indices or a boolean mask."""
        if not isinstance(index, (int, np.integer)):
            return self.select(np.atleast_1d(np.arange(len(self))[index]))
        if not -len(self) <= index < len(self):
            raise IndexError(f"genome {index} of a population of {len(self)}")
        return Genomes.of_block(self.inputs, self.outputs, alone(self.block, index % len(self)))

    def __iter__(self) -> Iterator[Genomes]:
        return (self[index] for index in range(len(self)))

    def select(self, indices: npt.ArrayLike) -> Genomes:
        """A population of the genomes at `indices` (n,), in that order; an index may repeat."""
        indices = np.asarray(indices, np.int64)
        nodes_at, nodes = _select_segments(self.nodes_at, indices)
        connections_at, connections = _select_segments(self.connections_at, indices)
        taken: State = {name: getattr(self, name)[nodes] for name in NODE_FIELDS}
        taken |= {name: getattr(self, name)[connections] for name in CONNECTION_FIELDS}
        return Genomes(self.inputs, self.outputs, nodes_at=nodes_at, connections_at=connections_at, **taken)

    @staticmethod
    def concatenate(parts: Sequence[Genomes]) -> Genomes:
        """All `parts` as one population, in order. Raises ValueError for no parts, or differing inputs or outputs."""
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
        """The population of `genomes`, in order. The genes are not validated; call `check` for that.

        Raises ValueError for no genomes, or differing inputs or outputs.
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
        return {f.name: _as_tensor(getattr(self, f.name)) for f in fields(self) if f.init}

    @staticmethod
    def from_state(state: State) -> Genomes:
        """The population saved by `state_dict`."""
        plain: State = {name: value.numpy().copy() if torch.is_tensor(value) else value for name, value in state.items()}
        return Genomes(**plain)

    def check(self, feedforward: bool = False) -> Genomes:
        """Validates every genome and returns the population. feedforward: also require that there is no cycle, disabled
        connections included, because they may be re-enabled.

        Raises ValueError that names every kind of fault, each with the first genome that has it.
        """
        problems = self._broken_shapes() or self._invalid_genes() + (self._cyclic_genomes() if feedforward else [])
        if problems:
            raise ValueError("genomes: " + "; ".join(problems))
        return self

    def _broken_shapes(self) -> list[str]:
        """Faults of shapes, offsets and dtypes, without which `_invalid_genes` cannot run."""
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
                    got = (
                        f"{each.dtype}, not contiguous"
                        if isinstance(each, np.ndarray) and each.dtype == kind
                        else _type_name(each)
                    )
                    problems.append(f"{name}: expected {np.dtype(kind)}; got {got}")
        if not problems and len(self.nodes_at) != len(self.connections_at):
            problems.append(f"nodes_at has {len(self)} genomes, connections_at has {len(self.connections_at) - 1}")
        return problems

    def _invalid_genes(self) -> list[str]:
        problems: list[str] = []

        def report(wrong: np.ndarray, owner: np.ndarray, what: str, *of: np.ndarray) -> None:
            if wrong.any():
                first = int(np.argmax(wrong))
                problems.append(f"genome {owner[first]}: {what.format(*(column[first] for column in of))}")

        node_of, gene_of = self.owners()
        again = np.diff(node_of) == 0
        report(again & (np.diff(self.node_id) <= 0), node_of, "node ids do not ascend after {}", self.node_id)
        following = np.diff(gene_of) == 0
        unsorted = following & (np.diff(self.innovation) <= 0)
        report(unsorted, gene_of, "innovation numbers do not ascend after {}", self.innovation)
        report((self.node_kind < 0) | (self.node_kind > HIDDEN), node_of, "node {} has an unknown kind", self.node_id)
        for kind, name, expected in ((SENSOR, "input", self.inputs), (OUTPUT, "output", self.outputs)):
            counted = np.bincount(node_of[self.node_kind == kind], minlength=len(self))
            report(counted != expected, np.arange(len(self)), f"expected {expected} {name} nodes; got {{}}", counted)
        counted = np.bincount(node_of[self.node_kind == BIAS], minlength=len(self))
        report(counted > 1, np.arange(len(self)), "expected at most one bias node; got {}", counted)
        mixed = again & (np.diff(self.node_kind) < 0)
        report(mixed, node_of, "expected node order inputs, bias, outputs, hidden; node {} is out of order", self.node_id[1:])
        for name, table in (("activation", NODE_ACTIVATIONS), ("aggregation", AGGREGATIONS)):
            code = getattr(self, name)
            unknown = (code < 0) | (code >= len(table))
            report(unknown, node_of, f"{name} of node {{}} is {{}}; expected 0 to {len(table) - 1}", self.node_id, code)
        for name in ("bias", "response", "time_constant"):
            value = getattr(self, name)
            report(~np.isfinite(value), node_of, f"{name} of node {{}} is {{}}", self.node_id, value)
        nonpositive = np.isfinite(self.time_constant) & (self.time_constant <= 0)
        report(nonpositive, node_of, "time_constant of node {} is {}; expected above 0", self.node_id, self.time_constant)
        report(~np.isfinite(self.weight), gene_of, "weight of connection {} is {}", self.innovation, self.weight)
        for name in ("source", "target"):
            ends = getattr(self, name)
            missing = self.node_indices(name) < 0
            report(
                missing, gene_of, f"{name} of connection {{}} is {{}}, which is no node of this genome", self.innovation, ends
            )
        target = self.node_indices("target")
        for kind, name in ((SENSOR, "input"), (BIAS, "bias")):
            fixed = (target >= 0) & (self.node_kind[target] == kind) if len(target) else target > 0
            report(fixed, gene_of, f"connection {{}} targets {name} node {{}}", self.innovation, self.target)
        order = np.lexsort((self.target, self.source, gene_of))
        one, two = order[:-1], order[1:]
        duplicated = (
            (gene_of[one] == gene_of[two]) & (self.source[one] == self.source[two]) & (self.target[one] == self.target[two])
        )
        report(duplicated, gene_of[one], "duplicate connections from node {} to node {}", self.source[one], self.target[one])
        order = np.argsort(self.innovation, kind="stable")
        one, two = order[:-1], order[1:]
        differs = (self.source[one] != self.source[two]) | (self.target[one] != self.target[two])
        report(
            (self.innovation[one] == self.innovation[two]) & differs,
            gene_of[two],
            "innovation {} connects {} to {} here, but {} to {} in another genome",
            self.innovation[two],
            self.source[two],
            self.target[two],
            self.source[one],
            self.target[one],
        )
        return problems

    def _cyclic_genomes(self) -> list[str]:
        """Repeatedly removes nodes without an incoming connection; what remains is on a cycle or behind one."""
        source, target = self.node_indices("source"), self.node_indices("target")
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
        return [f"genome {self.owners()[0][int(np.argmax(left))]}: its connections contain a cycle"]

    def owners(self) -> tuple[np.ndarray, np.ndarray]:
        """The index of the genome that owns each node (N,) and each connection (C,)."""
        every = np.arange(len(self))
        return np.repeat(every, np.diff(self.nodes_at)), np.repeat(every, np.diff(self.connections_at))

    def edges(self) -> Edges:
        """The enabled connections between nodes of one genome, by node ids; a bias is no node."""
        used = self.enabled & np.isin(self.source, self.node_id[self.node_kind != BIAS])
        return self.source[used], self.target[used], self.weight[used]

    def node_indices(self, end: str) -> np.ndarray:
        """Index in the node arrays of the "source" or "target" of each connection, (C,); -1 if its genome has no such node."""
        node_of, gene_of = self.owners()
        ids = np.concatenate([self.node_id, self.source, self.target])
        low, span = ids.min(initial=0), np.ptp(np.append(ids, 0)) + 1
        keys = node_of * span + self.node_id - low
        wanted = gene_of * span + getattr(self, end) - low
        order = np.argsort(keys, kind="stable")
        found_at = np.minimum(np.searchsorted(keys[order], wanted), max(0, len(keys) - 1))
        found = order[found_at] if len(keys) else np.zeros(0, np.int64)
        return np.where(keys[found] == wanted, found, -1) if len(keys) else np.full(len(wanted), -1)


def _sizes(inputs: int, outputs: int, nodes: int | None = None, enabled: int = 0) -> str:
    ends = f"{counted(inputs, 'input')}, {counted(outputs, 'output')}"
    return ends if nodes is None else f"{ends}, {counted(nodes, 'node')}, {counted(enabled, 'enabled connection')}"


def offsets(lengths: np.ndarray) -> np.ndarray:
    """Start and end of consecutive segments of these `lengths` (n,): int64 (n + 1,)."""
    edges = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=edges[1:])
    return edges


def _select_segments(at: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the selected segments, and the indices of their items."""
    lengths = at[indices + 1] - at[indices]
    edges = offsets(lengths)
    return edges, np.repeat(at[indices] - edges[:-1], lengths) + np.arange(edges[-1])


def _columns(kinds: Mapping[str, npt.DTypeLike], genes: Sequence[tuple]) -> State:
    columns = zip(*genes) if genes else [()] * len(kinds)
    return {name: np.array(column, kind) for (name, kind), column in zip(kinds.items(), columns)}


def _type_name(value: object) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _as_tensor(value: np.ndarray | int) -> Tensor | int:
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _writable(array: np.ndarray) -> np.ndarray:
    """An array that kernels take: of one that is read-only, as another population's are, a copy."""
    return array.copy() if isinstance(array, np.ndarray) and not array.flags.writeable else array
