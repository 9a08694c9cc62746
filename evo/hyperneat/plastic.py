"""What CPPNs draw as plastic networks: a population as Phenotypes, a champion as a Model.

Each connection has a first weight and the numbers of a rule by which it changes while the network lives (`RULES`).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evo import threads
from evo.activations import CODES
from evo.core import Edges, Model, Phenotypes, Saved, counted
from evo.genomes.genome import Genomes
from evo.hyperneat import plastic_kernel
from evo.hyperneat.cppn import Link, Reading, ask, check_sizes, questions
from evo.hyperneat.model import MOST, placed
from evo.hyperneat.objectives import drawn_costs, squared_lengths
from evo.hyperneat.plastic_kernel import BOTH, PLANES, RATE, WEIGHT, Plastic
from evo.hyperneat.saving import saved
from evo.hyperneat.substrate import Substrate
from evo.network.model import NetworkModel
from evo.network.policy import RANGES
from evo.network.population import Networks
from evo.network.program import compile
from evo.rollout.lanes import Policy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.plots.substrate import Placed

# What the CPPN says of a connection besides its first weight; what it does not say is 0, but A of plain Hebbian, which is 1.
RULES: dict[str, tuple[str, ...]] = {
    "fixed": (),
    "hebbian": ("rate",),
    "abc": ("rate", "A", "B", "C"),
    "abcd": ("rate", "A", "B", "C", "D"),
    "iterated": ("change",),
}


@dataclass(frozen=True)
class Plasticity:
    """How a CPPN becomes a plastic network: where nodes lie, how first weights are read, a rule of RULES, whether layers are
    also connected to themselves, the rate of an answer of magnitude 1, and the activation of all nodes but inputs (a name of
    `evo.activations`)."""

    substrate: Substrate
    reading: Reading
    rule: str
    cycles: bool
    rate_range: float
    activation: str

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Source and target layer of connections: each layer to the next, then, with cycles, each to itself."""
        last = len(self.substrate.layers)
        return [(k - 1, k) for k in range(1, last)] + [(k, k) for k in range(1, last) if self.cycles]

    @property
    def connections(self) -> int:
        """D, possible connections."""
        sizes = self.substrate.sizes
        return sum(sizes[source] * sizes[target] for source, target in self.pairs)

    @property
    def inputs(self) -> int:
        """Of the CPPN; the last three of the iterated rule are the values of both nodes and the weight."""
        return self.reading.inputs(self.substrate) + 3 * (self.rule == "iterated")

    @property
    def outputs(self) -> int:
        """Of the CPPN: for each pair of layers a weight, then each number of the rule, then a bias for each layer, then for
        each pair whether it is expressed, as asked for."""
        told = 1 + len(RULES[self.rule]) + self.reading.leo
        return len(self.pairs) * told + (len(self.substrate.layers) - 1) * self.reading.biases

    def draw(self, genomes: Genomes) -> Plastic:
        """The plastic networks of P CPPNs. One with a number that is not finite is drawn as zeros. Raises ValueError for CPPNs
        of other sizes, and for more than MOST numbers."""
        check_sizes(genomes, self.substrate, self.inputs, self.outputs)
        if (count := len(genomes) * len(PLANES) * self.connections) > MOST:
            raise ValueError(
                f"expected at most {MOST:,} numbers of plastic connections; {counted(len(genomes), 'network')} of "
                f"{self.connections:,} connections have {count:,}: take fewer nodes or a smaller population"
            )
        layers, reading, rule, count = self.substrate.layers, self.reading, RULES[self.rule], len(self.pairs)
        program, sizes = compile(genomes), self.substrate.sizes
        planes = np.zeros((len(genomes), len(PLANES), self.connections), np.float32)
        biases = np.zeros((len(genomes), sum(sizes[1:])), np.float32)
        first_node = [0, *itertools.accumulate(sizes)]
        rows, pairs, at = [], [], 0
        for k, (source, target) in enumerate(self.pairs):
            asked = self._questions(layers[source], layers[target])
            end, leo = at + len(asked), program.outputs - count + k if reading.leo else -1
            links = [Link(planes[:, WEIGHT, at:end], k, reading.threshold, reading.weight_range, leo)]
            for number, name in enumerate(rule, 1):
                if name != "change":
                    plane = PLANES.index(name)
                    highest = self.rate_range if plane == RATE else 1.0
                    links.append(Link(planes[:, plane, at:end], number * count + k, 0.0, highest))
            ask(program, asked, links)
            rows.append(asked)
            pairs.append((target, first_node[source], sizes[source], at))
            at = end
        if reading.biases:
            at = 0
            for layer, places in enumerate(layers[1:]):
                asked = self._questions(np.zeros((1, self.substrate.dimensions)), places)
                output, end = count * (1 + len(rule)) + layer, at + len(places)
                ask(program, asked, [Link(biases[:, at:end], output, reading.threshold, reading.weight_range)])
                at = end
        if self.rule == "hebbian":
            planes[:, BOTH] = 1.0
        if self.rule == "iterated":
            planes[:, RATE] = self.rate_range
        planes[:, RATE] *= planes[:, WEIGHT] != 0.0  # what is no connection does not become one
        broken = ~(np.isfinite(planes).all((1, 2)) & np.isfinite(biases).all(1))
        planes[broken], biases[broken] = 0.0, 0.0
        again = np.concatenate(rows) if self.rule == "iterated" else np.empty((0, program.inputs))
        return Plastic(
            planes,
            biases,
            np.array(sizes),
            np.array(pairs),
            CODES[self.activation],
            reading.weight_range,
            program,
            again,
            count + np.arange(count),
        )

    def prices(self, objective: str) -> np.ndarray:
        """What each connection (D,) costs, as of `objectives.prices`; within a layer only places lie apart."""
        if objective == "connection_count":
            return np.ones(self.connections)
        return np.concatenate([squared_lengths(self.substrate, *pair).T.ravel() for pair in self.pairs])

    def _questions(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The CPPN's inputs (sources * targets, I), source by source; what a life adds is 0 before it."""
        asked = questions(source, target, self.reading)
        asked = asked.reshape(len(target), len(source), -1).swapaxes(0, 1).reshape(len(asked), -1)
        return np.pad(asked, ((0, 0), (0, self.inputs - asked.shape[1])))


class PlasticNetworks(Phenotypes):
    """The plastic networks that P CPPNs draw. They keep weights and values from call to call, until `reset`: a life.

    genomes: the CPPNs. Raises ValueError as of `Plasticity.draw`.
    """

    device = torch.device("cpu")

    def __init__(self, genomes: Genomes, plasticity: Plasticity):
        self.genomes, self.plasticity, self.drawn = genomes, plasticity, plasticity.draw(genomes)
        self._state: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.genomes)

    def __repr__(self) -> str:
        rule, substrate = self.plasticity.rule, self.plasticity.substrate
        return f"PlasticNetworks({counted(len(self), 'network')}, rule {rule}, {substrate})"

    @property
    def connections(self) -> np.ndarray:
        """How many each has (P,)."""
        return np.count_nonzero(self.drawn.planes[:, WEIGHT], axis=1)

    def costs(self, objective: str) -> np.ndarray:
        """What the connections of each cost (P,), as of `objectives`."""
        return drawn_costs(self.drawn.planes[:, WEIGHT], self.plasticity.prices(objective))

    @property
    def construction(self) -> float:
        """As of `Phenotypes`: one forward of the CPPN for each possible connection and bias."""
        questions = self.plasticity.connections + self.drawn.biases.shape[1] * self.plasticity.reading.biases
        return float(questions * Networks(self.genomes).parameters.sum())

    @property
    def parameters(self) -> np.ndarray:
        """Per network (P,): numbers of possible connections and biases. Of the iterated rule a connection has its weight, and
        those of the CPPN, which it is asked for."""
        rule, possible = self.plasticity.rule, self.plasticity.connections
        further = Networks(self.genomes).parameters if rule == "iterated" else np.full(len(self), len(RULES[rule]))
        return possible * (1 + further) + self.drawn.biases.shape[1] * self.plasticity.reading.biases

    def to(self, device: str | torch.device) -> PlasticNetworks:
        """These networks run on the CPU only: a no-op."""
        return self

    def reset(self) -> None:
        self._state = None

    @property
    def output_range(self) -> np.ndarray:
        """The interval (P, O, 2) of each output."""
        interval = RANGES.get(self.plasticity.activation, (-np.inf, np.inf))
        return np.broadcast_to(interval, (len(self), self.plasticity.substrate.sizes[-1], 2)).copy()

    def policy(self) -> Policy:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        sizes = self.plasticity.substrate.sizes
        return Policy(plastic_kernel, self.drawn, len(self), sizes[0], sizes[-1], self.output_range)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (P, B, O) float32 of a tick on x (B, I), the same for all, or (P, B, I); each row is a life of its own.

        Raises ValueError for a shape that does not fit, or if B changes between two calls.
        """
        sizes, x = self.plasticity.substrate.sizes, torch.as_tensor(x, dtype=torch.float32)
        if x.ndim not in (2, 3) or x.shape[-1] != sizes[0] or (x.ndim == 3 and len(x) != len(self)):
            raise ValueError(f"expected inputs of shape (B, {sizes[0]}) or ({len(self)}, B, {sizes[0]}); got {tuple(x.shape)}")
        rows = x.shape[-2]
        if self._state is None:
            first = np.repeat(self.drawn.planes[:, WEIGHT, None].astype(np.float64), rows, axis=1)
            self._state = first, np.zeros((len(self), rows, sum(sizes)))
        weights, values = self._state
        if weights.shape[1] != rows:
            raise ValueError(f"the networks live on {weights.shape[1]} rows, the inputs have {rows}: reset them first")
        out = np.empty((len(self), sizes[-1], rows), np.float32)
        seen = (x if x.ndim == 3 else x[None]).detach().transpose(1, 2).contiguous().numpy()

        def part(begin: int, end: int) -> None:
            own = seen[begin:end] if x.ndim == 3 else seen
            of_part = own, *(each[begin:end] for each in (out, weights, values))
            plastic_kernel.run(self.drawn, *of_part, plastic_kernel.scratch(self.drawn, 1), begin, end)

        threads.each(part, len(self))
        return torch.from_numpy(out).transpose(1, 2)


class PlasticModel(Model):
    """The plastic network that one genome draws, as a Model, with the CPPN and the substrate that it comes from.

    genome: a Genomes of length 1. cppn: it, as a Model of its own.
    """

    def __init__(self, genome: Genomes, plasticity: Plasticity):
        self.cppn, self.plasticity = NetworkModel(genome), plasticity
        self._networks = PlasticNetworks(genome, plasticity)

    def __repr__(self) -> str:
        expressed, rule = counted(self.connections, "connection"), self.plasticity.rule
        return f"PlasticModel({self.plasticity.substrate}, {expressed} expressed, rule {rule}, CPPN {self.cppn!r})"

    @property
    def genome(self) -> Genomes:
        return self.cppn.genome

    @property
    def parameters(self) -> int:
        return int(self._networks.parameters[0])

    @property
    def connections(self) -> int:
        """The number of expressed connections."""
        return int(self._networks.connections[0])

    @property
    def output_range(self) -> np.ndarray:
        """The interval (1, O, 2) of each output."""
        return self._networks.output_range

    def __call__(self, inputs: npt.ArrayLike) -> Tensor:
        """A tick: rows (B, I) -> (B, O), each row a life of its own; the same number of rows until `reset`."""
        return self._networks.forward(torch.as_tensor(inputs))[0]

    def reset(self) -> None:
        self._networks.reset()

    def policy(self) -> Policy:
        """For kernels that run whole episodes (`evo.rollout.lanes`)."""
        return self._networks.policy()

    def to_module(self) -> nn.Module:
        raise ValueError(f"a {type(self).__name__} changes its weights from call to call, which no torch module does")

    def save(self) -> Saved:
        """The CPPN, the coordinates of the substrate's layers and the settings that say how networks are drawn, for
        `AdaptiveHyperNEAT.restore`; no weights."""
        own = self.plasticity
        said = {"threshold_of_weight" if name == "threshold" else name: value for name, value in own.reading._asdict().items()}
        said |= {"rule": own.rule, "cycles": own.cycles, "rate_range": own.rate_range, "substrate_activation": own.activation}
        return saved(self.cppn, own.substrate, {"kind": "plastic substrate", "drawn": json.dumps(said)})

    def figure(self) -> Figure:
        """The CPPN; first weights, biases and the numbers of the rule, an image each for every pair of layers; where layers
        have at most two dimensions, the substrate too, with its first weights (matplotlib Figure)."""
        from evo.plots.planes import Plane, draw
        from evo.plots.substrate import below

        own, drawn, sizes = self.plasticity, self._networks.drawn, self.plasticity.substrate.sizes

        def plane(name: str) -> tuple[str, list[Plane]]:
            matrices = zip(own.pairs, self._matrices(PLANES.index(name)))
            return name, [Plane(f"{name}, layer {s} to {t}", matrix) for (s, t), matrix in matrices]

        rows = [plane("weight")]
        if own.reading.biases:
            of_layers = np.split(drawn.biases[0], np.cumsum(sizes[1:-1]))
            rows.append(("bias", [Plane(f"bias of layer {layer}", each[None]) for layer, each in enumerate(of_layers, 1)]))
        rows += [plane(name) for name in RULES[own.rule] if name in PLANES]
        return draw(rows, self.cppn.topology, below(self.placed()))

    def edges(self) -> Edges:
        return self.placed().edges

    def placed(self) -> Placed:
        """Nodes and connections in space with their first weights, as of `model.placed`."""
        return placed(self.plasticity.substrate, self.plasticity.pairs, self._matrices(WEIGHT))

    def _matrices(self, plane: int) -> list[np.ndarray]:
        """The numbers of a plane (targets, sources), of each pair of layers."""
        sizes, pairs = self.plasticity.substrate.sizes, self.plasticity.pairs
        ends = np.cumsum([sizes[source] * sizes[target] for source, target in pairs])
        parts = zip(pairs, np.split(self._networks.drawn.planes[0, plane], ends[:-1]))
        return [part.reshape(sizes[source], sizes[target]).T for (source, target), part in parts]
