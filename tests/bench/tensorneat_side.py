"""TensorNEAT's side of `bench_tensorneat.py`, run by an interpreter that has it: PROBLEM POPULATION NODES CONNECTIONS.

PROBLEM: xor or cartpole, whose pole is put up again when it falls; arrays of at most NODES and CONNECTIONS a genome, all else
as TensorNEAT has it by default. The whole generation is compiled as its own Pipeline does it, ahead of time. Prints the seconds
that took; then, for each line that comes in, runs a generation and prints its seconds and the best fitness.
"""

import sys
from time import perf_counter

import jax
import jax.numpy as jnp
from jax_cartpole import START, STEPS, step
from tensorneat.algorithm.neat import NEAT
from tensorneat.common import ACT
from tensorneat.genome import BiasNode, DefaultGenome
from tensorneat.pipeline import Pipeline
from tensorneat.problem.func_fit import XOR
from tensorneat.problem.rl.rl_jit import RLEnv


class CartPole(RLEnv):
    """The environment of `jax_cartpole`."""

    input_shape, output_shape = (4,), ()

    def env_reset(self, key):
        return START, START

    def env_step(self, key, state, action):
        state, reward = step(state, action)
        return state, state, reward, jnp.array(False), {}


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
    generation = jax.jit(pipeline.step).lower(state).compile()
    print(f"ready {perf_counter() - start}", flush=True)
    for _ in sys.stdin:
        start = perf_counter()
        state, _, fitness = jax.block_until_ready(generation(state))
        print(f"took {perf_counter() - start} {fitness.max()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
