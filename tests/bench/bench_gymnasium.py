"""Episodes in Gymnasium environments, ours against a plain loop: python tests/bench/bench_gymnasium.py [--toy].

The plain loop takes one environment, one network of two matrix products in numpy and one episode after another; ours is
`ControlTask.evaluate` of the same networks from the same start seeds, on one core and on all (`evo.tasks.processes`); on all
cores also of networks in torch that no kernel runs (`evo.tasks.ticking`).
LunarLander-v3 needs box2d (pip install "gymnasium[box2d]") and is left out without it. The sides take turns; medians of an
evaluation. Exit code 1 where ours takes more than LIMIT times as long as the plain loop on one core.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from importlib.util import find_spec

import gymnasium
import numpy as np
from torch import nn
from turns import Results, in_turn, parser, timed

from evo import rng, threads
from evo.machine import cores
from evo.tasks import processes
from evo.tasks.control import ControlTask
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP

LIMIT = 1.3  # times the plain loop, a core
HIDDEN, EPISODES = 32, 3
NAMES = ("LunarLander-v3", "CartPole-v1", "Acrobot-v1", "Pendulum-v1")


def module(inputs: int, outputs: int) -> nn.Module:
    """A network that no kernel runs."""
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, outputs))


def plain(environment: gymnasium.Env, vectors: np.ndarray, seeds: list[int]) -> int:
    """Every network from every seed, and how many steps that took."""
    space = environment.action_space
    inputs = environment.observation_space.shape[0]
    choices = isinstance(space, gymnasium.spaces.Discrete)
    outputs = int(space.n) if choices else space.shape[0]
    shapes = [(HIDDEN, inputs), (HIDDEN,), (outputs, HIDDEN), (outputs,)]
    edges = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    steps = 0
    for vector in vectors:
        w, b, v, c = (part.reshape(shape) for part, shape in zip(np.split(vector, edges), shapes))
        for seed in seeds:
            observation, done = environment.reset(seed=seed)[0], False
            while not done:
                y = v @ np.tanh(w @ observation + b) + c
                action = int(y.argmax()) if choices else space.low + (np.tanh(y) + 1) / 2 * (space.high - space.low)
                observation, _, terminated, truncated, _ = environment.step(action)
                done, steps = terminated or truncated, steps + 1
    return steps


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    toy, results, below = options.toy, Results("gymnasium"), False
    size, turns = (2, 1) if toy else (50, 5)
    processes.PATIENCE = 0.0
    for name in NAMES[1:2] if toy else NAMES:
        if name.startswith("LunarLander") and find_spec("Box2D") is None:
            print(f"{name}: left out, box2d is not installed")
            continue
        task = ControlTask(name, network=lambda inputs, outputs: MLP(inputs, outputs, hidden=(HIDDEN,)), episodes=EPISODES)
        encoding = Parameters(task.network)
        vectors = encoding.initial(0, 0, size)
        networks, seeds = encoding.express(vectors), rng.words(0, 0, 0, rng.EPISODES, EPISODES)
        environment, rows = gymnasium.make(name), np.asarray(vectors)

        def ours(count: int, networks: object = networks, task: ControlTask = task, seeds: np.ndarray = seeds) -> int:
            with threads.limited(count):
                return int(task.evaluate(networks, seeds).samples.sum())

        steps = ours(1)
        sides = {
            "ours": (timed(lambda ours=ours: ours(1)), 1),
            "plain loop": (timed(lambda e=environment, v=rows, s=seeds: plain(e, v, s.tolist())), 1),
        }
        title = f"{name}, {size} networks, {EPISODES} episodes, {steps:,} steps, one core"
        ratio = results.show(title, in_turn(sides, turns))
        seconds = results.found[title]["seconds"]
        print(
            f"  {steps / seconds['ours']['median']:,.0f} steps a second, {1 / ratio:.2f} of its time (limit {LIMIT:g})",
            flush=True,
        )
        below |= 1 / ratio > LIMIT
        if cores() > 1:
            torch = Parameters(partial(module, task.inputs, task.outputs))
            kinds = {"": networks, " torch": torch.express(torch.initial(0, 0, size))}
            for kind, each in kinds.items():
                ours(cores(), each)
                while len(task._helpers[0].ready(cores())) < cores() - 1:
                    time.sleep(0.1)
                sides = {f"ours, {n} cores": (timed(lambda n=n, e=each, ours=ours: ours(n, e)), 1) for n in (cores(), 1)}
                ratio = results.show(f"{name}{kind}, all cores", in_turn(sides, turns))
                print(f"  {cores()} cores: {ratio:.2f} x", flush=True)
        task.close()
        environment.close()
    results.write(options.json)
    return int(below and not toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
