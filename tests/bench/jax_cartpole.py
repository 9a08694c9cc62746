"""CartPole whose pole is put up again when it falls, in JAX: for peers, the environment of `endless_cartpole`."""

import jax.numpy as jnp

STEPS = 500
START = jnp.array([0.0, 0.0, 0.01, 0.0])


def step(state, action):
    """The next state (4,) and the reward, by the physics of `scenarios.environments.cartpole`."""
    x, v, angle, turn = state
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    push = (jnp.where(action == 1, 10.0, -10.0) + 0.05 * turn * turn * sine) / 1.1
    bend = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3.0 - 0.1 * cosine * cosine / 1.1))
    pull = push - 0.05 * bend * cosine / 1.1
    state = jnp.stack([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * bend])
    fallen = (jnp.abs(state[0]) > 2.4) | (jnp.abs(state[2]) > 12 * 2 * jnp.pi / 360)
    return jnp.where(fallen, START, state), jnp.where(fallen, 0.0, 1.0)
