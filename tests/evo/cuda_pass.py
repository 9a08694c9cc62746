"""Run as a script under numba's CUDA simulator, with NUMBA_DISABLE_JIT=1: what networks give and do on its card.

cuda_pass.py FILE.npz writes, by the name of a case of `cases`: the outputs of each call, and the bytes that kernels were given;
of `episodes`: what came of them, and the moments of what was observed; of `drawings`: the weights, how many networks have
none, and what networks answer that are drawn when they are asked.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
from random_graphs import alike, random_genome

from evo import cuda
from evo.activations import CODES
from evo.genomes.genome import Genomes
from evo.hyperneat import cppn, model
from evo.hyperneat.hyperneat import HyperNEAT
from evo.hyperneat.substrate import Substrate
from evo.neat.neat import NEAT
from evo.network.population import Networks
from evo.rollout.cuda import memory as memory_of_episodes
from evo.rollout.environment import Environment
from evo.rollout.lanes import Episodes, Policy, policy, rollout
from evo.tasks.normalization import LaneMoments
from evo.vectors import mlp_cuda, rnn_cuda
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP
from evo.vectors.recurrent import RNN
from scenarios.environments import cartpole

RUNS = {
    "feed-forward": {},
    "recurrent": dict(recurrent=True, ticks=2),
    "recurrent, as deep as it is": dict(recurrent=True, ticks="depth", unconnected=True),
    "continuous": dict(recurrent=True, time_step=0.02, ticks=3),
}


class Case(NamedTuple):
    networks: Networks
    calls: list[torch.Tensor]  # x of each


def cases(activations: tuple[int, ...] = tuple(range(len(CODES)))) -> Iterator[tuple[str, Case]]:
    """Random graphs with these activations and every aggregation, on shared rows and their own; state is kept between calls."""
    for run, values in RUNS.items():
        genomes = alike([random_genome(s, bool(values), activations) for s in range(150)])[:9]
        for own in (False, True):
            networks, draw = Networks(Genomes.of(genomes), **values), torch.manual_seed(int(own))
            shape = (len(networks), 5, genomes[0].inputs)
            calls = [torch.randn(shape if own else shape[1:], generator=draw) for _ in range(2)]
            yield f"{run}, {'own' if own else 'shared'} rows", Case(networks, calls)


class Rollout(NamedTuple):
    environment: Environment
    networks: object
    starts: np.ndarray
    normalised: bool

    def policy(self, on_card: bool) -> Policy:
        """The networks, on the card or on cores, and what they standardise by."""
        networks = self.networks
        if on_card and isinstance(networks, Networks):
            chosen = networks.to("cuda").policy()
        elif on_card:
            moved = networks.encoding.template, networks.vectors.to(cuda.device())
            chosen = mlp_cuda.policy(*moved) or rnn_cuda.policy(*moved)
        else:
            chosen = policy(networks)
        if self.normalised:
            numbers = np.arange(1, 1 + self.environment.inputs, dtype=np.float32)
            chosen = dataclasses.replace(chosen, mean=0.01 * numbers, std=1.0 / numbers)
        return chosen

    def run(self, on_card: bool) -> tuple[Episodes, LaneMoments]:
        """The episodes of all networks, and the moments of what they saw."""
        chosen = self.policy(on_card)
        moments = LaneMoments(chosen.size * len(self.starts), self.environment.inputs)
        return rollout(self.environment, chosen, self.starts, moments), moments


def pulled(state, action):
    position, speed = state
    speed = 0.9 * speed + 0.2 * (action[0] - action[1])
    return (position + speed, speed), position, abs(position + speed) > 1.0


ropes = Environment(
    "ropes",
    lambda draws: (draws[0] - 0.5, 0.0),
    lambda state: (*state, 1.0),
    pulled,
    draws=1,
    actions=((-1.0, 2.0), (0.0, 1.0)),
    max_steps=20,
    episode_return=lambda total, recent, steps: 100.0 * total + 10.0 * recent + steps,
    window=7,
)


def episodes() -> Iterator[tuple[str, Rollout]]:
    """Genomes of every kind, MLPs and recurrent networks, in environments with choices and with numbers for actions."""
    for name, shipped in {"cartpole": cartpole.environment, "ropes": ropes}.items():
        environment = dataclasses.replace(shipped, max_steps=20)
        starts, size = environment.starts(range(2)), (environment.inputs, environment.outputs)
        for run, values in RUNS.items():
            preset = "dpnv" if values else "neat2002"
            neat = NEAT(*size, preset=preset, population_size=8, add_node=0.5, add_link=0.5, seed=3)
            for generation in range(6):
                neat.tell(np.random.default_rng(generation).random(len(neat.ask())))
            yield f"{name}, {run}", Rollout(environment, Networks(neat.ask(), **values), starts, run == "recurrent")
        encoding = Parameters(lambda size=size: MLP(*size, hidden=(4, 3), activation="relu"))
        vectors = 3.0 * encoding.initial(1, 0, 4)
        vectors[1] = np.nan if name == "ropes" else vectors[1]
        yield f"{name}, relu", Rollout(environment, encoding.express(vectors), starts, True)
        recurrent = Parameters(lambda size=size: RNN(*size, hidden=(4, 3)))
        networks = recurrent.express(3.0 * recurrent.initial(1, 0, 4))
        yield f"{name}, Elman", Rollout(environment, networks, starts, name == "ropes")


class Drawn(NamedTuple):
    hyper: HyperNEAT
    x: torch.Tensor

    def run(self, device: str) -> dict[str, np.ndarray]:
        """What CPPNs draw at once, and networks of CPPNs that are asked again each time."""
        with mock.patch.object(model, "MOST", 3 * self.hyper._encoding.dimensions):
            late = self.hyper.express(self.hyper.ask()).to(device)
        assert isinstance(late, model.DrawnNetworks)
        self.hyper.runs_on(device)
        networks = self.hyper.express(self.hyper.ask())
        counts = [self.hyper.row()[name] for name in ("empty", "network_connections_mean")]
        return {
            "weights": networks.vectors.cpu().numpy(),
            "answers": late.forward(self.x).cpu().numpy(),
            "counts": np.array(counts),
        }


def drawings(activations: Sequence[str] = ("bipolar_sigmoid", "gaussian", "sin", "identity")) -> Iterator[tuple[str, Drawn]]:
    """CPPNs of some generations, the first of which draws what is not finite, and the second nothing, on three layers."""
    substrate = Substrate.grid(inputs=(3, 4), hidden=[(2, 2)], outputs=(3,))
    every = dict(delta=True, length=True, biases=True, leo=True, threshold_of_weight=0.0, weight_range=5.0)
    for name, values in {"weights alone": {}, "all that is drawn": every}.items():
        growing = dict(population_size=8, add_node=0.5, add_link=0.5, seed=3, node_activations=activations)
        hyper = HyperNEAT(substrate, activation="identity", **growing, **values)
        for _ in range(5):
            hyper.tell(np.diff(hyper.ask().nodes_at).astype(float))
        genes = hyper.ask().genes
        genes.weight[: genes.connections_at[1]] = np.nan
        genes.enabled[genes.connections_at[1] : genes.connections_at[2]] = False
        yield name, Drawn(hyper, torch.randn(4, 12, generator=torch.manual_seed(0)))


def held(given: object) -> int:
    """The bytes of arrays in (nested) tuples."""
    if isinstance(given, tuple):
        return sum(map(held, given))
    return given.nbytes if isinstance(given, np.ndarray) else 0


def main(path: str) -> None:
    from evo.network import cuda as networks_on_card

    networks_on_card.SCRATCH = 1  # so that rows go in tiles of ROW_STEP
    networks_on_card.ROW_STEP = 2
    launch, given = cuda.Kernel.launch, []

    def watched(kernel: cuda.Kernel, lanes: int, *arguments: object) -> None:
        given.append(held(arguments))
        launch(kernel, lanes, *arguments)

    cuda.Kernel.launch = watched
    found = {}
    for name, (networks, calls) in cases():
        given.clear()
        moved = networks.to("cuda")
        for k, x in enumerate(calls):
            found[f"{name}: {k}"] = moved.forward(x).numpy()
        found[f"{name}: bytes"] = [
            given[0],
            sum(networks_on_card.memory(networks.program, calls[0].shape[-2], calls[0].ndim == 3)),
        ]
        moved.reset()
        found[f"{name}: reset"] = moved.forward(calls[0]).numpy()
    for name, each in episodes():
        given.clear()
        done, moments = each.run(on_card=True)
        said = memory_of_episodes(each.environment, each.policy(on_card=True), len(each.starts), observed=True)
        found[f"{name}: bytes"] = [given[0], sum(said)]
        found |= {f"{name}: {what}": value for what, value in (*done._asdict().items(), *vars(moments).items())}
    cppn.BLOCK = 200  # so that questions go in parts
    for name, drawn in drawings():
        found |= {f"{name}: {what}": value for what, value in drawn.run("cuda").items()}
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])
