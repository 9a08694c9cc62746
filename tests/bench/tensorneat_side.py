"""TensorNEAT's side of `bench_tensorneat.py`, run by an interpreter that has it: PROBLEM POPULATION NODES CONNECTIONS.

PROBLEM: xor or cartpole, whose pole is put up again when it falls; arrays of at most NODES and CONNECTIONS a genome, all else
as TensorNEAT has it by default. The whole generation is compiled as its own Pipeline does it, ahead of time. Prints the seconds
that took; then, for each line that comes in, runs a generation and prints its seconds and the best fitness.
"""

import sys
from time import perf_counter

import jax
import jax.numpy as jnp
from tensorneat.algorithm.neat import NEAT
from tensorneat.common import ACT
from tensorneat.genome import BiasNode, DefaultGenome
from tensorneat.pipeline import Pipeline
from tensorneat.problem.func_fit import XOR
from tensorneat.problem.rl.rl_jit import RLEnv

STEPS = 500
START = jnp.array([0.0, 0.0, 0.01, 0.0])


class CartPole(RLEnv):
    """The physics of Gymnasium's CartPole-v1, as `scenarios.environments.cartpole` has it."""

    input_shape, output_shape = (4,), ()

    def env_reset(self, key):
        return START, START

    def env_step(self, key, state, action):
        x, v, angle, turn = state
        cosine, sine = jnp.cos(angle), jnp.sin(angle)
        push = (jnp.where(action == 1, 10.0, -10.0) + 0.05 * turn * turn * sine) / 1.1
        bend = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3.0 - 0.1 * cosine * cosine / 1.1))
        pull = push - 0.05 * bend * cosine / 1.1
        state = jnp.stack([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * bend])
        fallen = (jnp.abs(state[0]) > 2.4) | (jnp.abs(state[2]) > 12 * 2 * jnp.pi / 360)
        state = jnp.where(fallen, START, state)
        return state, state, jnp.where(fallen, 0.0, 1.0), jnp.array(False), {}


def main(problem: str, population: int, nodes: int, connections: int) -> None:
    arrays = dict(max_nodes=nodes, max_conns=connections)
    if problem == "xor":
        task, genome = XOR(), DefaultGenome(2, 1, output_transform=ACT.sigmoid, **arrays)
    else:
        task = CartPole(max_step=STEPS)
        genome = DefaultGenome(4, 2, node_gene=BiasNode(activation_options=ACT.tanh), output_transform=jnp.argmax, **arrays)
    pipeline = Pipeline(NEAT(genome, population), task, fitness_target=1e9, seed=0)
    start = perf_counter()
    state = pipeline.setup()
    step = jax.jit(pipeline.step).lower(state).compile()
    print(f"ready {perf_counter() - start}", flush=True)
    for _ in sys.stdin:
        start = perf_counter()
        state, _, fitness = jax.block_until_ready(step(state))
        print(f"took {perf_counter() - start} {fitness.max()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
