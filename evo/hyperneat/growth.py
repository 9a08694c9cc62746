"""What CPPNs find in space, as networks: a population as Phenotypes, a champion as a Model."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from evo.core import Phenotypes, Saved, Task, counted
from evo.genomes.genome import Genomes
from evo.hyperneat.cppn import Reading, questions
from evo.hyperneat.discovery import CONNECTIONS, Discovered, Found, discover, genomes_of
from evo.hyperneat.quadtree import MOST_CELLS, Rules, cells
from evo.hyperneat.saving import load, saved
from evo.hyperneat.settings import DrawnSettings
from evo.hyperneat.substrate import Substrate, layout, sheet
from evo.network.model import NetworkModel
from evo.network.population import Networks
from evo.rollout.lanes import Policy
from evo.settings import SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.plots.substrate import Bands, Placed

FINE = 64  # questions along a side of a picture
MOST = 1 << 21  # connections of networks that exist at once: some 200 MB


def ends(task: Task) -> Substrate:
    """Inputs and outputs where a task's own geometry has them (`substrate.layout`), at opposite ends of a further dimension, in
    which hidden nodes lie between them."""
    inputs, *_, outputs = layout(task).layers
    return Substrate([np.column_stack([nodes, np.full(len(nodes), end)]) for nodes, end in ((inputs, -1.0), (outputs, 1.0))])


@dataclass(frozen=True)
class Search:
    """How ES-HyperNEAT looks for nodes and connections: its settings of these names."""

    initial_depth: int
    max_depth: int
    division_threshold: float
    variance_threshold: float
    band_threshold: float
    iteration_level: int
    cycles: bool
    max_connections: int

    @classmethod
    def of(cls, settings: object) -> Search:
        """As the settings of these names say."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Growth:
    """How a CPPN becomes a network: where inputs and outputs lie, how its answers are read, how nodes are looked for,
    activations of hidden and output nodes (names of `evo.activations`), and whether networks with cycles begin every call from
    zeros. Raises ValueError for other than two layers or more than 9 dimensions, SettingsError for a max_depth of too many
    cells."""

    substrate: Substrate
    reading: Reading
    search: Search
    activations: tuple[str, str]
    fresh: bool

    def __post_init__(self) -> None:
        if len(self.substrate.layers) != 2:
            sizes = self.substrate.sizes
            raise ValueError(
                f"expected a substrate of inputs and outputs, since hidden nodes are looked for; got layers {sizes}"
            )
        dimensions, depth = self.substrate.dimensions, self.search.max_depth
        if cells(dimensions, depth) > MOST_CELLS:
            most = max((each for each in range(1, depth) if cells(dimensions, each) <= MOST_CELLS), default=0)
            if not most:
                raise ValueError(f"expected a substrate of at most 9 dimensions, since space is divided; got {dimensions}")
            raise SettingsError([f"max_depth: expected at most {most} in {counted(dimensions, 'dimension')}; got {depth}"])

    @property
    def run(self) -> dict:
        """How the networks run, as arguments of `evo.network`. With cycles a call is as many ticks as the longest way on which
        nodes were found, from an input over iteration_level + 1 hidden nodes to an output. An output without a connection
        answers the activation of its bias with cycles and without."""
        if not self.search.cycles:
            return dict(recurrent=False)
        return dict(recurrent=True, ticks=self.search.iteration_level + 2, fresh=self.fresh, unconnected=True)

    @property
    def rules(self) -> Rules:
        search, reading = self.search, self.reading
        return Rules(
            dimensions=self.substrate.dimensions,
            initial=search.initial_depth,
            depth=search.max_depth,
            division=search.division_threshold,
            variance=search.variance_threshold,
            band=search.band_threshold,
            iterations=search.iteration_level,
            cycles=search.cycles,
            delta=reading.delta,
            length=reading.length,
            bias=1 if reading.biases else -1,
            leo=1 + reading.biases if reading.leo else -1,
            weight_range=reading.weight_range,
            most=search.max_connections,
        )

    def networks(self, genomes: Genomes, most: int = 1 << 62) -> tuple[Networks | None, Discovered]:
        """The networks that CPPNs find, ready to run, and as they were found; None: together they have more than `most`
        connections. Raises ValueError for CPPNs of other sizes."""
        self.reading.check(genomes, self.substrate)
        inputs, outputs = self.substrate.layers
        found = discover(genomes, inputs, outputs, self.rules, most)
        if not found.kept:
            return None, found
        return Networks(genomes_of(found, len(inputs), len(outputs), self.activations), **self.run), found

    def express(self, genomes: Genomes) -> tuple[Networks | GrownNetworks, Discovered]:
        """As `networks`; if together they have more than MOST connections they are grown when they are asked."""
        networks, found = self.networks(genomes, MOST)
        grown = networks or GrownNetworks(genomes, self, found.sizes[:, CONNECTIONS])
        grown.construction = float(found.questions @ Networks(genomes).parameters)
        return grown, found

    def each(self, genomes: Genomes, found: Discovered) -> Iterator[Found]:
        """The networks of CPPNs one by one, of what `networks` said of them; looked for again where they were not kept."""
        if found.kept:
            yield from found
        else:
            for index in range(len(genomes)):
                yield from self.networks(genomes[index])[1]


class GrownNetworks(Phenotypes):
    """The networks of P CPPNs that together have more than MOST connections: grown when they are asked, a few at a time.

    connections (P,): of each.
    """

    device = torch.device("cpu")
    construction: float = 0.0

    def __init__(self, genomes: Genomes, growth: Growth, connections: np.ndarray):
        self.genomes, self.growth = genomes, growth
        self._parameters = np.full(len(genomes), -1)
        self._states: dict[int, np.ndarray | None] = {}  # of each part, by its first network
        bounds, held = [0], 0
        for k, count in enumerate(connections.tolist()):
            if held and held + count > MOST:
                bounds.append(k)
                held = 0
            held += count
        self._parts = [slice(*ends) for ends in itertools.pairwise([*bounds, len(genomes)])]  # that exist at once

    def __len__(self) -> int:
        return len(self.genomes)

    def __repr__(self) -> str:
        return f"GrownNetworks({counted(len(self), 'network')}, {self.growth.substrate})"

    @property
    def passes(self) -> int:
        return self.growth.run.get("ticks", 1)

    @property
    def parameters(self) -> np.ndarray:
        """As of `evo.network.Networks` (P,)."""
        if (self._parameters < 0).any():
            for chosen in self._parts:
                self._grown(chosen)
        return self._parameters

    def to(self, device: str | torch.device) -> GrownNetworks:
        """These networks run on the CPU only: a no-op."""
        return self

    def reset(self) -> None:
        self._states = {}

    def policy(self) -> Policy | None:
        return None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) of every network on x (B, I), the same for all, or (P, B, I)."""

        def answers(chosen: slice) -> Tensor:
            networks = self._grown(chosen)
            networks._state = self._states.get(chosen.start)
            outputs = networks.forward(x[chosen] if x.ndim == 3 else x)
            self._states[chosen.start] = networks._state
            self.construction += networks.construction
            return outputs

        return torch.cat([answers(chosen) for chosen in self._parts])

    def _grown(self, chosen: slice) -> Networks:
        """The networks of some genomes, of known parameters from now on."""
        genomes = self.genomes[chosen]
        networks, found = self.growth.networks(genomes)
        assert networks is not None
        self._parameters[chosen] = networks.parameters
        networks.construction = float(found.questions @ Networks(genomes).parameters)
        return networks


class GrownModel(NetworkModel):
    """The network that one CPPN finds, as a Model: as any network of `evo.network`, with the CPPN that it comes from.

    cppn: a Model of its own. places (H, d): where the hidden nodes lie, in their order.
    """

    def __init__(self, genome: Genomes, growth: Growth):
        networks, found = growth.networks(genome)
        assert networks is not None
        super().__init__(networks.genomes, **growth.run)
        self.cppn, self.growth, self.places = NetworkModel(genome), growth, found.networks.places

    def __repr__(self) -> str:
        sizes = f"{counted(self.hidden, 'hidden node')}, {counted(self.connections, 'connection')}"
        return f"GrownModel({self.growth.substrate}, {sizes}, CPPN {self.cppn!r})"

    def figure(self) -> Figure:
        """Nodes where they lie and their connections; in two dimensions beside them what the CPPN answers of connections from
        one node, the one that has most, over the parts of space where it has them; below its answers as an image each output
        (matplotlib Figure)."""
        from evo.hyperneat.fields import answers
        from evo.plots.substrate import draw

        bands = self._bands() if self.growth.substrate.dimensions == 2 and self.connections else None
        return draw(self.placed(), bands, answers(self.cppn, self.growth.substrate, self.growth.reading))

    def placed(self) -> Placed:
        """Nodes and connections in space: inputs, outputs, then hidden nodes."""
        from evo.plots.substrate import Placed

        genes, (inputs, outputs) = self.genome, self.growth.substrate.layers
        kinds = [("inputs", len(inputs)), ("outputs", len(outputs)), ("hidden nodes", len(self.places))]
        return Placed(np.concatenate([inputs, outputs, self.places]), kinds, genes.source, genes.target, genes.weight)

    def _bands(self) -> Bands:
        from evo.plots.substrate import Bands

        places, genes, search = self.placed().places, self.genome, self.growth.search
        shown = int(np.bincount(genes.source).argmax())
        ends = places[genes.target[genes.source == shown]]
        hidden = ends[np.isin(genes.target[genes.source == shown], np.arange(sum(self.growth.substrate.sizes), len(places)))]
        levels = np.arange(1, search.max_depth + 1)
        odd = (hidden[:, :1] + 1.0) * 2.0**levels % 2 == 1  # the middle of a part is an odd number of half sides away
        halves = 0.5 ** levels[np.argmax(odd, axis=1)] if len(hidden) else np.empty(0)
        grid = sheet((FINE, FINE))[:, ::-1]
        asked = questions(places[shown : shown + 1], grid, self.growth.reading)
        image = np.asarray(self.cppn(asked))[:, 0].reshape(FINE, FINE)
        title = f"CPPN from node {shown} at ({places[shown, 0]:.2g}, {places[shown, 1]:.2g})"
        return Bands(image, np.column_stack([hidden, halves]), title)

    def at(self, task: Task) -> GrownModel:
        """Found anew between a task's inputs and outputs."""
        return GrownModel(self.cppn.genome, replace(self.growth, substrate=ends(task)))

    def save(self) -> Saved:
        """The CPPN, where inputs and outputs lie and how nodes are looked for, for `restore`; no weights."""
        grown = {
            "kind": "evolved substrate",
            "reading": json.dumps(self.growth.reading._asdict()),
            "search": json.dumps(asdict(self.growth.search)),
            "activations": json.dumps(self.growth.activations),
            "fresh": str(self.growth.fresh),
        }
        return saved(self.cppn, self.growth.substrate, grown)


def restore(task: Task, tensors: dict[str, Tensor], header: dict[str, str], settings: type[DrawnSettings]) -> GrownModel:
    """The model saved by `GrownModel.save`. settings: of its method, which say what a search may be: kernels trust it. Raises
    ValueError for another kind, or other sizes than the task's; SettingsError for a search or a reading that cannot be."""
    if header.get("kind") != "evolved substrate":
        raise ValueError(f"expected a CPPN of ES-HyperNEAT; got {header.get('kind', 'nothing')}")
    try:
        hidden, output = json.loads(header["activations"])
        reading, search = Reading(**json.loads(header["reading"])), Search(**json.loads(header["search"]))
        told = {name: value for name, value in reading._asdict().items() if name != "threshold"}  # there is none here
        options = settings(**told, **asdict(search), locality=False)
        genome, substrate = load(tensors, header)
        growth = Growth(substrate, options.reading, Search.of(options), (hidden, output), header["fresh"] == "True")
        model = GrownModel(genome, growth)
    except (KeyError, TypeError) as error:
        raise ValueError(f"incomplete network of ES-HyperNEAT: {error}") from error
    if growth.substrate.sizes != [task.inputs, task.outputs]:
        raise ValueError(f"this network has sizes {growth.substrate.sizes}, the task [{task.inputs}, {task.outputs}]")
    return model
