"""Rollouts, ours against genoxide's: python tests/bench/bench_genoxide_rollout.py [--toy] [--json FILE].

genoxide has an engine in Rust: pip install genoxide==0.13.1. Without it ours is timed alone.

Its double pole with velocities is written here as an `Environment`, and compared with its simulation step by step. Then both
run the same networks, 6-8-1 perceptrons that balance the poles, for at most 1,000 steps each, on one thread; ours on two as
well. The sides take turns; seconds of a thread, which the load of the machine changes less than those of a wall clock; of two
threads, those of the clock. Exit code 1 below a floor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import thread_time

import numpy as np
import torch
from turns import Results, in_turn, installed, parser, timed

from evo import GA, ControlTask, Environment, Evolve, threads
from evo.machine import cores
from evo.rollout.lanes import rollout
from evo.rollout.trigonometry import cos, sin
from evo.vectors.encoding import Parameters
from evo.vectors.modules import MLP

FLOOR, TWO_THREADS = 2.0, 1.8
NETWORKS, STEPS = 256, 1000

# Florian: Correct equations for the dynamics of the cart-pole system (2007), for any number of poles.
GRAVITY, CART, TRACK_FRICTION, HINGE_FRICTION = 9.8, 1.0, 0.0005, 0.000002
MASSES, HALF_LENGTHS, TIME = (0.1, 0.01), (0.5, 0.05), 0.01
TRACK, FALLEN, START = 2.4, 36 * np.pi / 180, 4 * np.pi / 180
TOTAL = CART + sum(MASSES)


def pole(angle, turn, mass, half, friction):
    """A pole's pull on the cart and share of its mass; its speed changes by the first, less the second times the cart's."""
    s, c = sin(angle), cos(angle)
    free, held = 0.75 / half * (GRAVITY * s - HINGE_FRICTION / (mass * half) * turn), 0.75 / half * c
    pull = mass * half * (turn * turn * s - free * c + friction * (free * s + turn * turn * c))
    return pull, mass * half * held * (c - friction * s), free, held


def slope(state, force):
    _, v, angle1, turn1, angle2, turn2 = state
    friction = TRACK_FRICTION if v > 0.0 else -TRACK_FRICTION if v < 0.0 else 0.0
    pull1, mass1, free1, held1 = pole(angle1, turn1, MASSES[0], HALF_LENGTHS[0], friction)
    pull2, mass2, free2, held2 = pole(angle2, turn2, MASSES[1], HALF_LENGTHS[1], friction)
    cart = (force + pull1 + pull2 - friction * TOTAL * GRAVITY) / (TOTAL - mass1 - mass2)
    return v, cart, turn1, free1 - held1 * cart, turn2, free2 - held2 * cart


def along(s, d, time):
    first = s[0] + time * d[0], s[1] + time * d[1], s[2] + time * d[2]
    return first + (s[3] + time * d[3], s[4] + time * d[4], s[5] + time * d[5])


def runge_kutta(state, force):
    a = slope(state, force)
    b = slope(along(state, a, TIME / 2.0), force)
    c = slope(along(state, b, TIME / 2.0), force)
    d = slope(along(state, c, TIME), force)
    return along(along(along(along(state, a, TIME / 6.0), b, TIME / 3.0), c, TIME / 3.0), d, TIME / 6.0)


def start(draws):
    return 0.0, 0.0, START, 0.0, 0.0, 0.0


def observe(state):
    x, v, angle1, turn1, angle2, turn2 = state
    return x / 2.4, v / 2.0, angle1 / FALLEN, turn1 / 2.0, angle2 / FALLEN, turn2 / 2.0


def step(state, force):
    state = runge_kutta(runge_kutta(state, force), force)
    fallen = not (abs(state[0]) <= TRACK and abs(state[2]) <= FALLEN and abs(state[4]) <= FALLEN)
    return state, 0.0 if fallen else 1.0, fallen


genoxides = Environment("genoxides", start, observe, step, draws=0, actions=((-10.0, 10.0),), max_steps=STEPS)


def compare_physics(steps: int) -> float:
    """The largest difference of a state in an episode of genoxide's, started again from its states."""
    from genoxide.problems.control import DoublePole

    forces = np.random.default_rng(0).uniform(-0.2, 0.2, steps)
    at = iter(forces)

    def choose(observation: np.ndarray, action: np.ndarray) -> None:
        action[0] = next(at)

    theirs = DoublePole().episode(choose, steps)
    before, largest = genoxides.start(()), 0.0
    for state, force in zip(theirs.tolist(), forces.tolist()):
        largest = max(largest, np.abs(np.array(step(before, 10.0 * force)[0]) - state).max())
        before = tuple(state)
    return float(largest)


def perceptrons(count: int, generations: int) -> np.ndarray:
    """Parameters (count, 65) float32 of 6-8-1 perceptrons: small mutants of one that a GA found, which balances the poles."""
    task = ControlTask(genoxides, network=lambda inputs, outputs: MLP(inputs, outputs, hidden=(8,)), validation_episodes=1)
    learner = Evolve(task, GA.for_task(task, seed=0, population_size=256), seed=0)
    while learner.algorithm.generation < generations and learner.step()["fitness_best"] < STEPS:
        continue
    best = np.asarray(learner.algorithm.best)
    return (best + 1e-3 * np.random.default_rng(0).standard_normal((count, best.size))).astype(np.float32)


def as_genoxides(vectors: np.ndarray) -> np.ndarray:
    """The same perceptrons as genoxide keeps them: unit by unit, its weights and its bias."""
    hidden = np.concatenate([vectors[:, :48].reshape(-1, 8, 6), vectors[:, 48:56, None]], axis=2)
    return np.concatenate([hidden.reshape(-1, 56), vectors[:, 56:]], axis=1).astype(np.float64)


def on_thread(function: Callable[[], object]) -> Callable[[], float]:
    """A call of `function` on this thread alone as the seconds that the thread took."""

    def run() -> float:
        with threads.limited(1):
            began = thread_time()
            function()
            return thread_time() - began

    return run


def show_rollouts(results: Results, toy: bool, peer: bool) -> bool:
    """Whether a floor is not reached."""
    networks, rounds, generations = (8, 1, 1) if toy else (NETWORKS, 9, 300)
    vectors = perceptrons(networks, generations)
    encoding = Parameters(lambda: MLP(6, 1, hidden=(8,)))
    ours, starts, below = encoding.express(torch.from_numpy(vectors)), genoxides.starts([0]), False
    lengths = rollout(genoxides, ours, starts).steps[:, 0]
    sides = {"ours": (on_thread(lambda: rollout(genoxides, ours, starts)), 3)}
    if peer:
        from genoxide.nn import Mlp
        from genoxide.problems.control import Balance, DoublePole

        rows = as_genoxides(vectors)
        balance = Balance(DoublePole(), Mlp([6, 8, 1], "tanh", output_activation="tanh"), steps=STEPS)
        sides["genoxide"] = (on_thread(lambda: balance.evaluate(rows)), 1)
        print(f"steps of {networks} networks: ours {lengths.sum():,}, genoxide's {balance.evaluate(rows).sum():,.0f}")
    title = f"double pole, {lengths.sum():,} steps"
    with threads.limited(1):
        ratio = results.show(title, in_turn(sides, rounds))
    print(f"  ours: {1e9 * results.found[title]['seconds']['ours']['median'] / lengths.sum():.0f} ns a step", flush=True)
    if ratio is not None:
        print(f"  genoxide takes {ratio:.2f} x as long on one thread (floor {FLOOR:g} x)", flush=True)
        below |= ratio < FLOOR
    if cores() > 1:

        def on_threads(count: int) -> None:
            with threads.limited(count):
                rollout(genoxides, ours, starts)

        two = {f"{count} threads": (timed(lambda n=count: on_threads(n)), 3) for count in (2, 1)}
        ratio = results.show("two threads", in_turn(two, rounds))
        print(f"  a second thread: {ratio:.2f} x as fast (floor {TWO_THREADS:g} x)", flush=True)
        below |= ratio < TWO_THREADS
    return below


def main(arguments: list[str]) -> int:
    options = parser(__doc__).parse_args(arguments)
    results, peer = Results("genoxide_rollout"), installed("genoxide==0.13.1")
    if peer:
        print(f"its physics, {STEPS} steps: the largest difference is {compare_physics(STEPS):.1g}")
    below = show_rollouts(results, options.toy, peer)
    results.write(options.json)
    return int(below and not options.toy)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
