"""evosax's side of a bench of a generation, run by an interpreter that has it: POPULATION.

Its SimpleGA on an MLP of 2 x 32 tanh units, each scored by an episode of `jax_cartpole`, scanned and mapped over the
population as its GymnaxProblem does, without noise, normalisation or kept states. Breeding and scoring are one compiled
function. Prints the seconds that compiling took; then, for each line that comes in, runs a generation and prints its seconds
and the best return.
"""

import sys
from time import perf_counter

import jax
import jax.numpy as jnp
from evosax.algorithms import SimpleGA
from flax import linen as nn
from jax_cartpole import START, STEPS, step


class MLP(nn.Module):
    """2 x 32 tanh units, and the larger of two outputs: its own, whose import needs matplotlib, written again."""

    @nn.compact
    def __call__(self, x):
        for units in (32, 32):
            x = nn.tanh(nn.Dense(units)(x))
        return jnp.argmax(nn.Dense(2)(x))


POLICY = MLP()


def episode(weights):
    """The return of the network with these weights."""

    def tick(state, _):
        return step(state, POLICY.apply(weights, state))

    _, rewards = jax.lax.scan(tick, START, length=STEPS)
    return rewards.sum()


def main(population: int) -> None:
    start, draw = perf_counter(), jax.random.key(0)
    strategy = SimpleGA(population_size=population, solution=POLICY.init(draw, START))
    first = jax.vmap(POLICY.init, in_axes=(0, None))(jax.random.split(draw, population), START)
    parameters = strategy.default_params

    @jax.jit
    def generation(draw, state):
        draw, asking, telling = jax.random.split(draw, 3)
        weights, state = strategy.ask(asking, state, parameters)
        returns = jax.vmap(episode)(weights)
        state, _ = strategy.tell(telling, weights, -returns, state, parameters)  # it minimises
        return draw, state, returns

    state = strategy.init(draw, first, jnp.zeros(population), parameters)
    generation = generation.lower(draw, state).compile()
    print(f"ready {perf_counter() - start}", flush=True)
    for _ in sys.stdin:
        start = perf_counter()
        draw, state, returns = jax.block_until_ready(generation(draw, state))
        print(f"took {perf_counter() - start} {returns.max()}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
