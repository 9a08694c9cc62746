"""Cart-pole swing-up: the pole hangs, and must be swung up and balanced with the cart at the centre.

The task of Gaier and Ha: Weight agnostic neural networks. NeurIPS 2019, with the dynamics of Deisenroth and Rasmussen: PILCO.
ICML 2011. Reward per step: (cos(angle) + 1) / 2 * cos(pi x / 4.8).
"""

import math

from evo.rollout.environment import Environment
from evo.rollout.trigonometry import cos, sin
from scenarios.environments.drawing import cart_with_poles

GRAVITY, CART, POLE, LENGTH = 9.82, 0.5, 0.5, 0.6  # m/s^2, kg, kg, m
TOTAL, POLE_LENGTH = CART + POLE, POLE * LENGTH
FORCE, FRICTION, TIME, TRACK = 10.0, 0.1, 0.01, 2.4  # N, N s/m, s, m
SPREAD = 0.2  # standard deviation of each number of a start


def start(draws):
    """Normal around the hanging pole (Box and Muller, 1958)."""
    noise = []
    for u, w in zip(draws[0::2], draws[1::2]):
        radius, angle = SPREAD * math.sqrt(-2.0 * math.log(u)), 2.0 * math.pi * w
        noise += [radius * math.cos(angle), radius * math.sin(angle)]
    return noise[0], noise[1], math.pi + noise[2], noise[3]


def observe(state):
    x, v, angle, turn = state
    return x, v, cos(angle), sin(angle), turn


def step(state, action):
    """state: position, velocity, angle from upright, angular velocity; action: share of the force, -1 .. 1. Euler's method."""
    x, v, angle, turn = state
    s, c, force = sin(angle), cos(angle), FORCE * action
    push = -2.0 * POLE_LENGTH * (turn * turn) * s + 3.0 * POLE * GRAVITY * s * c + 4.0 * force - 4.0 * FRICTION * v
    bend = -3.0 * POLE_LENGTH * (turn * turn) * s * c + 6.0 * TOTAL * GRAVITY * s + 6.0 * (force - FRICTION * v) * c
    faster = push / (4.0 * TOTAL - 3.0 * POLE * (c * c))
    harder = bend / (4.0 * LENGTH * TOTAL - 3.0 * POLE_LENGTH * (c * c))
    x, v, angle, turn = x + TIME * v, v + TIME * faster, angle + TIME * turn, turn + TIME * harder
    return (x, v, angle, turn), 0.5 * (cos(angle) + 1.0) * cos(math.pi * x / 4.8), abs(x) > TRACK


def draw(state):
    """In this task angles increase to the left."""
    return cart_with_poles(state[0], TRACK, [(-state[2], LENGTH)], above=0.75, below=0.75)


environment = Environment(
    "swing_up", start, observe, step, draws=4, actions=((-1.0, 1.0),), max_steps=1000, picture=draw, fps=1 / TIME
)
