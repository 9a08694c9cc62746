"""What CPPNs draw on a substrate, as networks: a population as Phenotypes, a champion as a Model."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from evo import cuda, rng
from evo.core import Edges, Phenotypes, Saved, Task, counted
from evo.genomes.genome import Genomes
from evo.hyperneat.cppn import Reading, connections, weights
from evo.hyperneat.objectives import drawn_costs
from evo.hyperneat.saving import load, saved
from evo.hyperneat.substrate import Substrate, layout
from evo.network.model import NetworkModel
from evo.network.population import Networks as Graphs
from evo.rollout.lanes import Policy
from evo.vectors.encoding import Parameters
from evo.vectors.models import TorchModel
from evo.vectors.modules import MLP
from evo.vectors.population import Networks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.plots.substrate import Placed

Result = TypeVar("Result")
MOST = 1 << 26  # weights of networks that exist at once: 256 MB


@dataclass(frozen=True)
class Drawing:
    """How a CPPN becomes a network: where nodes lie, how weights are read, activation of the hidden nodes (a name of
    `evo.activations`), and whether a sigmoid stands behind the outputs, for tasks that want them in 0 .. 1."""

    substrate: Substrate
    reading: Reading
    activation: str = "sigmoid"
    squashed: bool = False

    def module(self) -> nn.Module:
        """A network of the substrate's sizes, whose weights are of no account."""
        first, *hidden, last = self.substrate.sizes
        with rng.torch_seed(0, 0, 0, rng.NETWORK):
            network = MLP(first, last, hidden=tuple(hidden), activation=self.activation)
        return nn.Sequential(network, nn.Sigmoid()) if self.squashed else network

    def weights(self, genomes: Genomes) -> np.ndarray:
        """(P, D) float32, as of `cppn.weights`."""
        return weights(genomes, self.substrate, self.reading)

    def vectors(self, genomes: Genomes, device: str) -> Tensor:
        """The same, drawn where they are: on "cpu" or "cuda"."""
        if device == "cpu":
            return torch.from_numpy(self.weights(genomes))
        from evo.hyperneat.cuda import weights as weights_on_card

        return weights_on_card(genomes, self.substrate, self.reading)

    def compute(self, genomes: Genomes) -> float:
        """What drawing them takes: questions x parameters of the CPPNs."""
        return float(self.reading.questions(self.substrate) * Graphs(genomes).parameters.sum())


class DrawnNetworks(Phenotypes):
    """The networks of P genomes that together have more than MOST weights: drawn when they are asked, a few at a time.

    on: "cpu" or "cuda", where they are drawn and run. Raises RuntimeError, saying what is missing, if there is no card.
    """

    device = torch.device("cpu")
    construction: float = 0.0

    def __init__(self, genomes: Genomes, drawing: Drawing, encoding: Parameters, on: str = "cpu"):
        self.genomes, self.drawing, self.encoding, self.on = genomes, drawing, encoding, on
        if on != "cpu":
            self.device = cuda.device()

    def __len__(self) -> int:
        return len(self.genomes)

    def __repr__(self) -> str:
        return f"DrawnNetworks({counted(len(self), 'network')}, {self.drawing.substrate})"

    @property
    def parameters(self) -> int:
        return self.encoding.dimensions

    def to(self, device: str | torch.device) -> DrawnNetworks:
        """These networks drawn on "cpu" or "cuda"."""
        moved = DrawnNetworks(self.genomes, self.drawing, self.encoding, torch.device(device).type)
        moved.construction = self.construction
        return moved

    def policy(self) -> Policy | None:
        return None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) of every network on x (B, I), the same for all, or (P, B, I)."""
        answers = lambda chosen, vectors: self.encoding.express(vectors).forward(x[chosen] if x.ndim == 3 else x)
        return torch.cat(self.each(answers))

    def each(self, use: Callable[[slice, Tensor], Result]) -> list[Result]:
        """What `use` gives for a few networks at a time: which they are, and their weights, gone when the next are drawn."""
        at_once = max(1, MOST // self.encoding.dimensions)
        parts = [slice(begin, begin + at_once) for begin in range(0, len(self), at_once)]
        self.construction += self.drawing.compute(self.genomes)
        return [use(chosen, self.drawing.vectors(self.genomes[chosen], self.on)) for chosen in parts]


def express(
    genomes: Genomes, drawing: Drawing, encoding: Parameters, on: str = "cpu"
) -> tuple[Networks | DrawnNetworks, np.ndarray | None]:
    """The networks that genomes draw, on "cpu" or "cuda", and how many connections each has (P,); if together they have more
    than MOST weights they are drawn later, and none is counted."""
    if len(genomes) * encoding.dimensions > MOST:
        return DrawnNetworks(genomes, drawing, encoding, on), None
    vectors = drawing.vectors(genomes, on)
    networks = encoding.express(vectors)
    networks.construction = drawing.compute(genomes)
    return networks, connections(vectors, drawing.substrate)


def costs(networks: Networks | DrawnNetworks, price: np.ndarray) -> np.ndarray:
    """Of networks drawn (P,), as of `objectives.drawn_costs`; those that are drawn later are drawn for it."""
    if isinstance(networks, Networks):
        return drawn_costs(networks.vectors.numpy(force=True), price)
    return np.concatenate(networks.each(lambda _, vectors: drawn_costs(vectors.numpy(force=True), price)))


class SubstrateModel(TorchModel):
    """The network that one genome draws, as a Model, with the CPPN and the substrate that it comes from.

    genome: a Genomes of length 1. cppn: it, as a Model of its own.
    """

    def __init__(self, genome: Genomes, drawing: Drawing):
        module = drawing.module()
        with torch.no_grad():
            nn.utils.vector_to_parameters(torch.from_numpy(drawing.weights(genome)[0]), module.parameters())
        super().__init__(module)
        self.cppn, self.drawing = NetworkModel(genome), drawing

    def __repr__(self) -> str:
        expressed = counted(self.connections, "connection")
        return f"SubstrateModel({self.drawing.substrate}, {expressed} expressed, CPPN {self.cppn!r})"

    @property
    def genome(self) -> Genomes:
        return self.cppn.genome

    def on(self, substrate: Substrate) -> SubstrateModel:
        """The network that the same CPPN draws on another substrate, as at a higher resolution. Raises ValueError for another
        number of dimensions or of layers."""
        own = self.drawing.substrate
        if (substrate.dimensions, len(substrate.layers)) != (own.dimensions, len(own.layers)):
            raise ValueError(
                f"expected a substrate of {own.dimensions} dimensions and {len(own.layers)} layers, of which its CPPN knows; "
                f"got {substrate.dimensions} and {len(substrate.layers)}"
            )
        return SubstrateModel(self.genome, replace(self.drawing, substrate=substrate))

    def figure(self) -> Figure:
        """The CPPN, its answers as an image each output, what nodes of the network receive (`fields.rows`), and, where layers
        have at most two dimensions, the substrate with its weights."""
        from evo.hyperneat import fields
        from evo.plots.planes import draw
        from evo.plots.substrate import below

        return draw(fields.rows(self), self.cppn.topology, below(self.placed()))

    def edges(self) -> Edges:
        return self.placed().edges

    def placed(self) -> Placed:
        """Nodes and connections in space, as of `placed`."""
        matrices = [p.detach().numpy() for p in self.module.parameters() if p.ndim == 2]
        return placed(self.drawing.substrate, [*itertools.pairwise(range(len(matrices) + 1))], matrices)

    def at(self, task: Task) -> SubstrateModel:
        """Drawn between a task's inputs and outputs; hidden nodes stay where they are."""
        first, *_, last = layout(task).layers
        return self.on(Substrate([first, *self.drawing.substrate.layers[1:-1], last]))

    def save(self) -> Saved:
        """The CPPN, the coordinates of the substrate's layers and how weights are read, for `restore`; no weights."""
        drawn = {
            "kind": "substrate",
            "reading": json.dumps(self.drawing.reading._asdict()),
            "activation_of_hidden": self.drawing.activation,
            "squashed": str(self.drawing.squashed),
        }
        return saved(self.cppn, self.drawing.substrate, drawn)


def placed(substrate: Substrate, pairs: Sequence[tuple[int, int]], matrices: Sequence[np.ndarray]) -> Placed:
    """Nodes and connections in space; layers lie at equal distances from -1 to 1 along a further dimension. pairs: source and
    target layers; matrices: the weights (targets, sources) of each, 0: no connection."""
    from evo.plots.substrate import Placed

    layers, sizes = substrate.layers, substrate.sizes
    heights = np.repeat(np.linspace(-1.0, 1.0, len(layers)), sizes)
    names = ["inputs", *(f"hidden layer {k}" for k in range(1, len(layers) - 1)), "outputs"]
    first, ends, weights = np.cumsum([0, *sizes]), [], []
    for (before, after), matrix in zip(pairs, matrices):
        target, source = np.nonzero(matrix)
        ends.append(np.stack([first[before] + source, first[after] + target]))
        weights.append(matrix[target, source])
    source, target = np.concatenate(ends, axis=1)
    return Placed(
        np.column_stack([np.concatenate(layers), heights]), [*zip(names, sizes)], source, target, np.concatenate(weights)
    )


def restore(task: Task, tensors: dict[str, Tensor], header: dict[str, str]) -> SubstrateModel:
    """The model saved by `SubstrateModel.save`. Raises ValueError for another kind, or other sizes than the task's."""
    if header.get("kind") != "substrate":
        raise ValueError(f"expected a CPPN and its substrate; got {header.get('kind', 'nothing')}")
    try:
        genome, substrate = load(tensors, header)
        drawing = Drawing(
            substrate,
            Reading(**json.loads(header["reading"])),
            header["activation_of_hidden"],
            header["squashed"] == "True",
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"incomplete substrate: {error}") from error
    if (substrate.sizes[0], substrate.sizes[-1]) != (task.inputs, task.outputs):
        raise ValueError(f"this network has sizes {substrate.sizes}, the task {task.inputs} inputs and {task.outputs} outputs")
    return SubstrateModel(genome, drawing)
